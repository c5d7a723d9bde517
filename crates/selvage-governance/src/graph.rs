//! Finds things that wait for each other. Takes no stack: a chain may be as long as a fabric is large.

use std::collections::{BTreeMap, BTreeSet};

/// For each ring of names that wait for each other, the names in order, beginning with the first in the alphabet.
/// `waits`: each name and those that it waits for.
pub(crate) fn rings<'a>(waits: &BTreeMap<&'a str, Vec<&'a str>>) -> Vec<Vec<&'a str>> {
    let left = without_free(waits);
    let mut rings: Vec<Vec<&str>> = Vec::new();
    let mut told = BTreeSet::new();
    for name in left.keys() {
        if told.contains(name) {
            continue;
        }
        let ring = ring(name, &left);
        if ring.iter().all(|name| told.insert(*name)) {
            rings.push(ring);
        }
    }
    rings
}

/// Those that wait for each other, and those that wait for these.
fn without_free<'a>(waits: &BTreeMap<&'a str, Vec<&'a str>>) -> BTreeMap<&'a str, Vec<&'a str>> {
    let mut waiting_for: BTreeMap<&str, usize> = BTreeMap::new();
    let mut waiters: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (name, others) in waits {
        let known = others.iter().filter(|other| waits.contains_key(*other));
        waiting_for.insert(name, known.clone().count());
        for other in known {
            waiters.entry(other).or_default().push(name);
        }
    }
    let mut left = waits.clone();
    let mut free: Vec<&str> = waiting_for.iter().filter(|(_, count)| **count == 0).map(|(name, _)| *name).collect();
    while let Some(name) = free.pop() {
        left.remove(name);
        for waiter in waiters.remove(name).unwrap_or_default() {
            let count = waiting_for.entry(waiter).or_default();
            *count = count.saturating_sub(1);
            if *count == 0 {
                free.push(waiter);
            }
        }
    }
    left
}

/// Follows the first of each until a name comes again.
fn ring<'a>(start: &'a str, waits: &BTreeMap<&'a str, Vec<&'a str>>) -> Vec<&'a str> {
    let mut path: Vec<&str> = Vec::new();
    let mut at = start;
    loop {
        if let Some(begin) = path.iter().position(|name| *name == at) {
            let mut ring = path.split_off(begin);
            let first = ring.iter().enumerate().min_by_key(|(_, name)| **name).map_or(0, |(index, _)| index);
            ring.rotate_left(first);
            return ring;
        }
        path.push(at);
        let next = waits.get(at).and_then(|others| others.iter().find(|other| waits.contains_key(*other)));
        let Some(next) = next else { return path };
        at = next;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(edges: &[(&'static str, &[&'static str])], expected: &[&[&str]]) {
        let waits = edges.iter().map(|(name, others)| (*name, others.to_vec())).collect();
        assert_eq!(rings(&waits), expected, "{edges:?}");
    }

    #[test]
    fn rings_are_found_and_chains_are_not() {
        check(&[], &[]);
        check(&[("b", &["a"]), ("a", &[])], &[]);
        check(&[("a", &["a"])], &[&["a"]]);
        check(&[("a", &["b"]), ("b", &["c"]), ("c", &["a"]), ("d", &["a"])], &[&["a", "b", "c"]]);
        check(&[("d", &["e"]), ("e", &["d"]), ("a", &["b"]), ("b", &["a"])], &[&["a", "b"], &["d", "e"]]);
        check(&[("a", &["nobody"])], &[]);
    }
}

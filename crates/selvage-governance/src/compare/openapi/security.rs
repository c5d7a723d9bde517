//! How callers prove who they are.

use std::collections::{BTreeMap, BTreeSet};

use selvage_model::yaml::Node;

use super::path::Operation;
use super::{Spot, Work, classes};
use crate::compare::schema::{both, equal};

/// Schemes that are needed together, each with its scopes; none where nothing is needed.
type Way<'a> = BTreeMap<&'a str, BTreeSet<&'a str>>;

/// What a scheme says of the proof itself.
const PROOF: [&str; 5] = ["type", "in", "name", "scheme", "bearerFormat"];

/// The ways of which one is enough.
fn ways<'a>(operation: &Operation<'a>, root: &'a Node) -> (Vec<Way<'a>>, Option<&'a Node>) {
    let node = operation.node.get("security").or_else(|| root.get("security"));
    let listed = node.map(Node::items).unwrap_or_default();
    if listed.is_empty() {
        return (vec![Way::new()], node);
    }
    let way = |way: &'a Node| {
        let scopes = |node: &'a Node| node.items().iter().filter_map(Node::text).collect();
        way.entries().iter().map(|(name, node)| (name.value.as_ref(), scopes(node))).collect()
    };
    (listed.iter().map(way).collect(), node)
}

/// Whether what proves the one is enough for the other.
fn enough(have: &Way<'_>, need: &Way<'_>) -> bool {
    need.iter().all(|(name, scopes)| have.get(name).is_some_and(|known| scopes.is_subset(known)))
}

fn is_alike(one: &Way<'_>, other: &Way<'_>) -> bool {
    one.keys().eq(other.keys())
}

fn told(way: &Way<'_>) -> String {
    let one = |(name, scopes): (&&str, &BTreeSet<&str>)| {
        if scopes.is_empty() {
            return (*name).to_owned();
        }
        format!("{name} ({})", scopes.iter().copied().collect::<Vec<_>>().join(", "))
    };
    if way.is_empty() { "nothing".to_owned() } else { way.iter().map(one).collect::<Vec<_>>().join(" and ") }
}

impl<'a> Work<'a> {
    pub(super) fn security(&mut self, spot: &Spot, old: &Operation<'a>, new: &Operation<'a>) {
        let (before, was) = ways(old, self.sides.0.root);
        let (after, is) = ways(new, self.sides.1.root);
        let place = is.or(was).map_or(&new.node.place, |node| &node.place);
        let spot = spot.with("security");
        for have in before.iter().filter(|have| !after.iter().any(|need| enough(have, need))) {
            let more = after.iter().find(|need| is_alike(have, need));
            let class = match more {
                _ if have.is_empty() => &classes::SECURITY_REQUIRED,
                Some(_) => &classes::SCOPE_ADDED,
                None => &classes::SECURITY_REMOVED,
            };
            let need = more.or(after.first()).map(told);
            self.note_as(class, &spot, Some(&told(have)), need.as_deref(), place);
        }
        for need in after.iter().filter(|need| !before.contains(need)) {
            let known = before.iter().find(|have| is_alike(have, need));
            let class = match known {
                _ if need.is_empty() => &classes::SECURITY_LIFTED,
                Some(have) if enough(have, need) => &classes::SCOPE_REMOVED,
                Some(_) => continue,
                // Where one had to prove nothing, this is what is told as needed above.
                None if before.iter().all(|have| have.is_empty()) => continue,
                None => &classes::SECURITY_ADDED,
            };
            self.note_as(class, &spot, known.map(told).as_deref(), Some(&told(need)), place);
        }
    }

    /// Compares how the schemes are described.
    pub(super) fn schemes(&mut self) {
        let of = |root: &'a Node| root.get("components")?.get("securitySchemes");
        let (before, after) = (of(self.sides.0.root), of(self.sides.1.root));
        for (name, was) in before.map(Node::entries).unwrap_or_default() {
            let spot = Spot::new(format!("security scheme `{}`", name.value));
            let Some(is) = after.and_then(|after| after.get(&name.value)) else {
                self.note(&classes::SCHEME_REMOVED, &spot, Some(was), None);
                continue;
            };
            let (Some(was), Some(is)) = (self.sides.0.resolve(was), self.sides.1.resolve(is)) else {
                self.note(&classes::REFERENCE_UNRESOLVED, &spot, Some(was), Some(is));
                continue;
            };
            let differs = |word: &&&str| was.get(word).and_then(Node::text) != is.get(word).and_then(Node::text);
            if let Some(word) = PROOF.iter().find(differs) {
                self.note(&classes::SCHEME_CHANGED, &spot, was.get(word), is.get(word));
            }
            let known =
                |word: &str| PROOF.contains(&word) || matches!(word, "flows" | "openIdConnectUrl" | "description");
            self.rest(&spot, known, &[was], &[is]);
            for word in ["flows", "openIdConnectUrl"] {
                let (was, is) = (was.get(word), is.get(word));
                if !both(was, is, equal) {
                    self.note(&classes::SCHEME_MOVED, &spot, was, is);
                }
            }
        }
        for (name, is) in after.map(Node::entries).unwrap_or_default() {
            if before.is_none_or(|before| before.get(&name.value).is_none()) {
                let spot = Spot::new(format!("security scheme `{}`", name.value));
                self.note(&classes::SCHEME_ADDED, &spot, None, Some(is));
            }
        }
    }
}

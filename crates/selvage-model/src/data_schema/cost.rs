//! What holding data to a schema can take, judged before any is: how many schemas one value of it is held to, where it lies as deep as
//! data may. An event's data is bounded in bytes and in depth; with this bound the work is too.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use crate::code;

use super::Found;
use super::part::{Parts, Way};

/// How deep data may be.
const DEEPEST: usize = 128;
/// The most schemas that one value is held to for one place in the schema.
const MOST_TOGETHER: usize = 256;
/// The most that a value is held to with all that it lies in.
const MOST_ON_A_WAY: u64 = 10_000;
/// What of a schema is looked at to tell.
const MOST_LOOKS: usize = 200_000;

/// Judges a schema; says where it is too much.
pub(super) fn judge(parts: &Parts<'_>, found: &mut Found) {
    let place = |part: usize| parts.node(part).map(|node| node.place.clone());
    let places = match places(parts) {
        Ok(places) => places,
        Err((part, trouble)) => {
            let (message, fix) = match trouble {
                Trouble::Circle => (
                    "the schema leads back to itself without going deeper into the data: it would never be done"
                        .to_owned(),
                    "let it refer to itself from a member or an item only",
                ),
                Trouble::Together => (
                    format!("a value would be held to more than {MOST_TOGETHER} schemas at this place"),
                    "make it of fewer `allOf`, `anyOf`, `oneOf` and references",
                ),
                Trouble::Looks => (
                    "the schema is too large to tell what holding data to it takes".to_owned(),
                    "declare an event type for each thing that is meant",
                ),
            };
            if let Some(place) = place(part) {
                found.note(code::SCHEMA_BOUNDS, &place, message, fix);
            }
            return;
        }
    };
    if let Some(part) = growing(&places)
        && let Some(place) = place(part)
    {
        let message = format!(
            "one value, {DEEPEST} levels deep, would be held to more than {MOST_ON_A_WAY} schemas: they grow with each level"
        );
        let fix = "let one member or item lead to one schema: tell alternatives apart by a member that each declares with `const`, \
                   one level above what repeats";
        found.note(code::SCHEMA_BOUNDS, &place, message, fix);
    }
}

/// A place in the schema that values are held to: how many schemas that are, and where one level deeper leads, for each kind of
/// member and item on its own.
struct Spot {
    together: u64,
    deeper: Vec<Vec<usize>>,
}

enum Trouble {
    Circle,
    Together,
    Looks,
}

fn places(parts: &Parts<'_>) -> Result<HashMap<usize, Spot>, (usize, Trouble)> {
    let mut places = HashMap::new();
    let mut due = vec![Parts::ROOT];
    let mut looks = 0;
    while let Some(part) = due.pop() {
        if places.contains_key(&part) {
            continue;
        }
        let mut together = Vec::new();
        gather(parts, part, &mut Vec::new(), &mut together)?;
        let deeper = deeper(parts, &together);
        looks += deeper.iter().map(Vec::len).sum::<usize>() + together.len();
        if looks > MOST_LOOKS {
            return Err((part, Trouble::Looks));
        }
        due.extend(deeper.iter().flatten().copied());
        places.insert(part, Spot { together: together.len() as u64, deeper });
    }
    Ok(places)
}

/// All that a value of this part is held to, each as often as it is.
fn gather(
    parts: &Parts<'_>,
    part: usize,
    above: &mut Vec<usize>,
    together: &mut Vec<usize>,
) -> Result<(), (usize, Trouble)> {
    if above.contains(&part) {
        return Err((part, Trouble::Circle));
    }
    above.push(part);
    let times = if parts.looks_again(part) { 2 } else { 1 };
    together.push(part);
    if together.len() > MOST_TOGETHER {
        return Err((part, Trouble::Together));
    }
    for _ in 0..times {
        for (_, to) in parts.ways(part).filter(|(way, _)| way.stays()) {
            gather(parts, to, above, together)?;
        }
    }
    above.pop();
    Ok(())
}

/// Where one level deeper leads from these parts, which one value is held to: for each kind of member and item what holds for it.
fn deeper(parts: &Parts<'_>, together: &[usize]) -> Vec<Vec<usize>> {
    let all: Vec<BTreeMap<Way<'_>, Vec<usize>>> = together.iter().map(|part| parts.deeper(*part)).collect();
    let mut kinds: BTreeSet<Way<'_>> = all.iter().flat_map(|ways| ways.keys().copied()).collect();
    kinds.extend([Way::OtherMember, Way::OtherItem]);
    let of_kind = |kind: Way<'_>| {
        let mut to = Vec::new();
        for ways in &all {
            let (any, other) = match kind {
                Way::Member(_) | Way::OtherMember => (Way::AnyMember, Way::OtherMember),
                _ => (Way::AnyItem, Way::OtherItem),
            };
            let own = ways.get(&kind).or_else(|| ways.get(&other));
            to.extend(own.into_iter().chain(ways.get(&any)).flatten().copied());
        }
        to
    };
    let kinds = kinds.into_iter().filter(|kind| !matches!(kind, Way::AnyMember | Way::AnyItem));
    kinds.map(of_kind).filter(|to| !to.is_empty()).collect()
}

/// A place where what a value is held to grows beyond all bounds; none where it does not.
fn growing(places: &HashMap<usize, Spot>) -> Option<usize> {
    let mut taken: HashMap<usize, u64> = places.iter().map(|(part, spot)| (*part, spot.together)).collect();
    for _ in 0..DEEPEST {
        let mut next = HashMap::with_capacity(taken.len());
        for (part, spot) in places {
            let sum = |to: &Vec<usize>| to.iter().map(|to| taken.get(to).copied().unwrap_or_default()).sum::<u64>();
            let deepest = spot.deeper.iter().map(sum).max().unwrap_or_default();
            next.insert(*part, (spot.together + deepest).min(MOST_ON_A_WAY + 1));
        }
        if next == taken {
            break;
        }
        taken = next;
    }
    let over = |part: &usize| taken.get(part).is_some_and(|taken| *taken > MOST_ON_A_WAY);
    if !over(&Parts::ROOT) {
        return None;
    }
    // The deepest place that grows by itself says more than the whole.
    let spread = |part: &usize| {
        places.get(part).is_some_and(|spot| spot.deeper.iter().any(|to| to.iter().filter(|to| over(to)).count() > 1))
    };
    places.keys().copied().filter(|part| over(part) && spread(part)).min().or(Some(Parts::ROOT))
}

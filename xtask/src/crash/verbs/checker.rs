//! What has to be true once every client of a seed has its answer: stock, orders, lots and work orders are what was
//! confirmed, nothing twice, and what nobody knows is listed. Pure: planted errors can be shown to it too.

use std::collections::{BTreeMap, BTreeSet};

use super::world::{STOCK, Standing, TAKES};

/// What the answers said of one order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Confirmed {
    /// It was made.
    pub(super) made: bool,
    /// The last total that was confirmed.
    pub(super) total: i64,
    /// The totals of reports that nobody knows the outcome of; any of them may stand.
    pub(super) uncertain: BTreeSet<i64>,
    /// Its work order was confirmed to be finished.
    pub(super) finished: bool,
}

/// What one seed led to.
#[derive(Clone, Debug, Default)]
pub(super) struct Observed {
    /// What was confirmed, by the order's place in the seed.
    pub(super) confirmed: BTreeMap<usize, Confirmed>,
    /// What was confirmed of each lot.
    pub(super) lots: BTreeMap<String, i64>,
    /// What came to the first component beside production, or left it: counted, scrapped, received and shipped.
    pub(super) moved: i64,
    /// What was received in all, and shipped in all.
    pub(super) traded: [i64; 2],
    /// What stands in Odoo.
    pub(super) standing: Standing,
    /// Clients without any answer.
    pub(super) unanswered: Vec<String>,
    /// Clients of one key that were told different things.
    pub(super) differing: Vec<String>,
    /// Operations that ended without an outcome.
    pub(super) stuck: Vec<String>,
    /// Counts without an outcome, which a person ended.
    pub(super) handed_over: usize,
    /// What the command lists as unknown.
    pub(super) listed: String,
    /// A smaller total took effect after a larger one was confirmed.
    pub(super) overtaken: Vec<String>,
}

/// A broken promise.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Broken {
    /// More than was confirmed.
    Doubled(String),
    /// Less than was confirmed, or nobody was told.
    Lost(String),
    /// Effects of one lane in another order.
    Reordered(String),
}

/// Everything that is not as it has to be.
pub(super) fn check(observed: &Observed) -> Vec<Broken> {
    let mut broken = Vec::new();
    broken.extend(observed.unanswered.iter().cloned().map(Broken::Lost));
    broken.extend(observed.differing.iter().cloned().map(Broken::Doubled));
    broken.extend(observed.overtaken.iter().cloned().map(Broken::Reordered));
    for operation in observed.stuck.iter().filter(|operation| !observed.listed.contains(operation.as_str())) {
        broken.push(Broken::Lost(format!("nobody is told of {operation}")));
    }
    let certain = observed.stuck.is_empty();
    orders(observed, &mut broken);
    stock(observed, certain, &mut broken);
    broken
}

fn orders(observed: &Observed, broken: &mut Vec<Broken>) {
    let known: BTreeSet<usize> = observed.confirmed.keys().chain(observed.standing.orders.keys()).copied().collect();
    for number in known {
        let chain = observed.standing.orders.get(&number).cloned().unwrap_or_default();
        let confirmed = observed.confirmed.get(&number).cloned().unwrap_or_default();
        match (chain.roots, confirmed.made) {
            (0, true) => broken.push(Broken::Lost(format!("order {number} is not in Odoo"))),
            (1, true) | (0, false) => {}
            (1, false) if !observed.stuck.is_empty() => {}
            (several, _) => broken.push(Broken::Doubled(format!("order {number} is {several} times in Odoo"))),
        }
        let produced = chain.produced;
        if produced != confirmed.total && !confirmed.uncertain.contains(&produced) {
            let told = format!("of order {number}, {produced} are booked and {} were confirmed", confirmed.total);
            broken.push(if produced > confirmed.total { Broken::Doubled(told) } else { Broken::Lost(told) });
        }
        if chain.moved != produced {
            let told = format!("of order {number}, {produced} are booked and {} came into stock", chain.moved);
            broken.push(if chain.moved > produced { Broken::Doubled(told) } else { Broken::Lost(told) });
        }
        if confirmed.finished && !chain.work.iter().any(|state| state == "done") {
            broken.push(Broken::Lost(format!("the work of order {number} is not finished")));
        }
    }
}

fn stock(observed: &Observed, certain: bool, broken: &mut Vec<Broken>) {
    let standing = &observed.standing;
    let produced: i64 = standing.orders.values().map(|chain| chain.produced).sum();
    let made: i64 = standing.made.values().sum();
    let mut compare = |what: &str, there: i64, meant: i64| {
        let told = format!("{what}: there are {there}, and there should be {meant}");
        match there.cmp(&meant) {
            std::cmp::Ordering::Greater => broken.push(Broken::Doubled(told)),
            std::cmp::Ordering::Less => broken.push(Broken::Lost(told)),
            std::cmp::Ordering::Equal => {}
        }
    };
    compare("the product", made, produced);
    let [takes_first, takes_second] = TAKES;
    let [first, second] = standing.left;
    compare("the second component", second, STOCK - takes_second * produced);
    if certain {
        compare("the first component", first, STOCK - takes_first * produced + observed.moved);
        let lots: BTreeSet<&String> = observed.lots.keys().chain(standing.made.keys()).collect();
        for lot in lots {
            let of = |amounts: &BTreeMap<String, i64>| amounts.get(lot).copied().unwrap_or_default();
            compare(&format!("lot `{lot}`"), of(&standing.made), of(&observed.lots));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::world::Chain;
    use super::*;

    fn sound() -> Observed {
        let chain = Chain { roots: 1, produced: 3, moved: 3, work: vec!["done".to_owned()] };
        Observed {
            confirmed: BTreeMap::from([(
                0,
                Confirmed { made: true, total: 3, finished: true, ..Confirmed::default() },
            )]),
            lots: BTreeMap::from([("L".to_owned(), 3)]),
            standing: Standing {
                orders: BTreeMap::from([(0, chain)]),
                made: BTreeMap::from([("L".to_owned(), 3)]),
                left: [STOCK - 3, STOCK - 6],
            },
            ..Observed::default()
        }
    }

    fn kinds(change: impl FnOnce(&mut Observed)) -> String {
        let mut observed = sound();
        change(&mut observed);
        let kind = |broken: &Broken| match broken {
            Broken::Doubled(_) => "doubled",
            Broken::Lost(_) => "lost",
            Broken::Reordered(_) => "reordered",
        };
        check(&observed).iter().map(kind).collect::<Vec<_>>().join(" ")
    }

    fn confirmed(observed: &mut Observed) -> &mut Confirmed {
        observed.confirmed.get_mut(&0).unwrap()
    }

    fn chain(observed: &mut Observed) -> &mut Chain {
        observed.standing.orders.get_mut(&0).unwrap()
    }

    #[test]
    fn each_broken_promise_is_named() {
        assert_eq!(kinds(|_| {}), "");
        assert_eq!(kinds(|o| chain(o).roots = 2), "doubled");
        assert_eq!(kinds(|o| chain(o).roots = 0), "lost");
        assert_eq!(kinds(|o| confirmed(o).total = 4), "lost");
        assert_eq!(kinds(|o| confirmed(o).total = 2), "doubled");
        assert_eq!(kinds(|o| chain(o).moved = 6), "doubled");
        assert_eq!(kinds(|o| chain(o).work = vec!["ready".to_owned()]), "lost");
        assert_eq!(kinds(|o| o.standing.left = [STOCK - 3, STOCK]), "doubled");
        assert_eq!(kinds(|o| o.standing.left = [STOCK - 4, STOCK - 6]), "lost");
        assert_eq!(kinds(|o| o.moved = -2), "doubled");
        assert_eq!(kinds(|o| o.moved = 5), "lost");
        assert_eq!(kinds(|o| o.lots = BTreeMap::from([("M".to_owned(), 3)])), "doubled lost");
        assert_eq!(kinds(|o| o.unanswered.push("x".to_owned())), "lost");
        assert_eq!(kinds(|o| o.differing.push("x".to_owned())), "doubled");
        assert_eq!(kinds(|o| o.overtaken.push("x".to_owned())), "reordered");
        assert_eq!(kinds(|o| o.stuck.push("op_1".to_owned())), "lost");
    }

    #[test]
    fn what_nobody_knows_may_stand_where_it_is_listed() {
        let uncertain = |o: &mut Observed| {
            o.stuck.push("op_1".to_owned());
            o.listed = "op_1 report".to_owned();
            confirmed(o).total = 1;
            confirmed(o).uncertain = BTreeSet::from([3]);
        };
        assert_eq!(kinds(uncertain), "");
    }
}

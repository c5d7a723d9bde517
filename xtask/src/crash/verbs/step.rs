//! What is done in a seed, and what goes wrong meanwhile: steps drawn from the seed alone. The same seed, the same steps.

use std::time::Duration;

use serde_json::{Value, json};

use crate::crash::random::Random;

/// Most orders of a seed.
const MOST_ORDERS: u64 = 3;

/// One thing that is asked for. Orders are named by their place in the seed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// An order of this quantity is made.
    Create { quantity: i64 },
    /// It is released.
    Release { order: usize },
    /// Its first work order is started, paused or finished.
    Work { order: usize, verb: &'static str },
    /// So much is produced of it by now.
    Report { order: usize, total: i64, lot: u64, remainder: &'static str },
    /// Two totals are reported at the same time, each under its own key.
    Race { order: usize, totals: [i64; 2], lot: u64 },
    /// Something is done to the stock of the first component.
    Stock(Stock),
}

/// What is done to stock.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Stock {
    /// So much is counted.
    Count { there: i64 },
    /// So much of it is thrown away: an increment, so that a repetition would be seen.
    Scrap { quantity: i64 },
    /// So much of what was bought has come by now.
    Receive { total: i64, closes: bool },
    /// So much of what was sold has left by now.
    Ship { total: i64 },
}

/// How much of the first component is bought, and how much of it is sold.
pub(super) const TRADED: i64 = 20;

/// What goes wrong while a step is done.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Trouble {
    /// What the simulated Odoo does, as it takes it.
    pub(super) faults: Vec<Value>,
    /// When the gateway is killed.
    pub(super) killed_after: Option<Duration>,
    /// The same request comes a second time beside the first.
    pub(super) twice: bool,
    /// In a few words.
    pub(super) name: &'static str,
}

/// A seed: what is done with which trouble, in order.
pub(super) struct Script {
    /// Whether what is made comes in lots.
    pub(super) tracked: bool,
    pub(super) steps: Vec<(Step, Trouble)>,
}

impl Script {
    pub(super) fn of(seed: u64) -> Self {
        let mut random = Random::from_seed(seed);
        let tracked = random.once_in(2);
        let mut planned: Vec<(i64, i64)> = Vec::new();
        let mut traded = [0; 2];
        let mut steps = Vec::new();
        for number in 0..random.within(5..11) {
            let wants_order = planned.is_empty() || (number > 2 && random.once_in(4));
            let step = if wants_order && (planned.len() as u64) < MOST_ORDERS {
                let quantity = count(&mut random, 2..9);
                planned.push((quantity, 0));
                steps.push((Step::Create { quantity }, Trouble::draw(&mut random)));
                Step::Release { order: planned.len() - 1 }
            } else if random.once_in(3) {
                Step::Stock(of_stock(&mut random, &mut traded))
            } else {
                verb(&mut random, &mut planned)
            };
            steps.push((step, Trouble::draw(&mut random)));
        }
        Self { tracked, steps }
    }

    /// The same steps without trouble.
    pub(super) fn calm(seed: u64) -> Self {
        let mut script = Self::of(seed);
        for (_, trouble) in &mut script.steps {
            *trouble = Trouble { faults: Vec::new(), killed_after: None, twice: false, name: "none" };
        }
        script
    }
}

fn of_stock(random: &mut Random, [received, shipped]: &mut [i64; 2]) -> Stock {
    // Sometimes what was said before: nothing more may come of it.
    let more = |random: &mut Random, total: &mut i64| {
        if !random.once_in(4) {
            *total = (*total + count(random, 1..6)).min(TRADED);
        }
        (*total).max(1)
    };
    match random.within(0..4) {
        0 => Stock::Count { there: count(random, 500..1500) },
        1 => Stock::Scrap { quantity: count(random, 1..5) },
        2 => Stock::Receive { total: more(random, received), closes: random.once_in(8) },
        _ => Stock::Ship { total: more(random, shipped) },
    }
}

fn verb(random: &mut Random, planned: &mut [(i64, i64)]) -> Step {
    let order = usize::try_from(random.within(0..planned.len() as u64)).unwrap_or_default();
    let Some((quantity, reported)) = planned.get_mut(order) else { return Step::Release { order } };
    match random.within(0..9) {
        0 => Step::Release { order },
        1 => Step::Work { order, verb: "start" },
        2 => Step::Work { order, verb: "finish" },
        8 => Step::Work { order, verb: "pause" },
        kind => {
            let lot = random.within(0..3);
            // Sometimes what was reported before, or less: nothing more may come of it.
            let total = if random.once_in(5) { (*reported).max(1) } else { *reported + count(random, 1..4) };
            *reported = total.max(*reported);
            if kind == 3 {
                *reported += 1;
                return Step::Race { order, totals: [total, total + 1], lot };
            }
            let closes = total < *quantity && random.once_in(6);
            Step::Report { order, total, lot, remainder: if closes { "close" } else { "backorder" } }
        }
    }
}

fn count(random: &mut Random, range: std::ops::Range<u64>) -> i64 {
    i64::try_from(random.within(range)).unwrap_or(1)
}

impl Trouble {
    fn draw(random: &mut Random) -> Self {
        let times = random.within(1..3);
        let seed = random.next() >> 12;
        let strikes = |mut fault: Value| {
            if let Some(fields) = fault.as_object_mut() {
                // Not always the first call: each call of a verb is to be struck in some seed.
                fields.insert("probability".to_owned(), json!(0.3));
                fields.insert("seed".to_owned(), json!(seed));
                fields.insert("times".to_owned(), json!(times));
            }
            fault
        };
        let hangs_for = random.within(300..900);
        let (name, fault) = match random.within(0..10) {
            0 => ("reset after commit", Some(json!({"kind": "reset-after"}))),
            1 => ("reset before commit", Some(json!({"kind": "reset-before"}))),
            2 => ("hang", Some(json!({"kind": "hang", "answer_after_ms": hangs_for, "commit": "after"}))),
            3 => ("late answer", Some(json!({"kind": "hang", "answer_after_ms": hangs_for, "commit": "before"}))),
            4 => ("serialization failure", Some(json!({"kind": "serialization"}))),
            5 => ("bad gateway", Some(json!({"kind": "status", "code": 502}))),
            _ => ("none", None),
        };
        let killed = random.once_in(8);
        let killed_after = random.millis(1..250);
        let mut faults: Vec<Value> = fault.map(strikes).into_iter().collect();
        if killed {
            // So that the kill falls between two calls, and within one.
            faults.push(json!({"kind": "latency", "ms": random.within(5..25)}));
        }
        Self { faults, killed_after: killed.then_some(killed_after), twice: random.once_in(3), name }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_seeds_cover_every_step_and_trouble() {
        let scripts: Vec<Script> = (1..=200).map(Script::of).collect();
        let any =
            |holds: fn(&Step) -> bool| scripts.iter().flat_map(|script| &script.steps).any(|(step, _)| holds(step));
        assert!(any(|step| matches!(step, Step::Work { verb: "start", .. })));
        assert!(any(|step| matches!(step, Step::Work { verb: "finish", .. })));
        assert!(any(|step| matches!(step, Step::Report { remainder: "close", .. })));
        assert!(any(|step| matches!(step, Step::Work { verb: "pause", .. })));
        assert!(any(|step| matches!(step, Step::Race { .. })));
        assert!(any(|step| matches!(step, Step::Stock(Stock::Count { .. }))));
        assert!(any(|step| matches!(step, Step::Stock(Stock::Scrap { .. }))));
        assert!(any(|step| matches!(step, Step::Stock(Stock::Receive { closes: true, .. }))));
        assert!(any(|step| matches!(step, Step::Stock(Stock::Ship { .. }))));
        let troubles: Vec<&Trouble> =
            scripts.iter().flat_map(|script| &script.steps).map(|(_, trouble)| trouble).collect();
        for name in ["reset after commit", "reset before commit", "hang", "late answer", "serialization failure"] {
            assert!(troubles.iter().any(|trouble| trouble.name == name), "{name}");
        }
        assert!(troubles.iter().any(|trouble| trouble.killed_after.is_some()));
        assert!(scripts.iter().any(|script| script.tracked) && !scripts.iter().all(|script| script.tracked));
    }

    #[test]
    fn a_seed_is_a_script() {
        assert_eq!(Script::of(7).steps, Script::of(7).steps);
    }
}

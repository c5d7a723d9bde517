//! The hunt for what is more than a schema: a change is made, the comparison says what it thinks of it, and values are tried on what
//! enforces the two states where Selvage runs. Knows neither how changes are made nor who judges values.

use std::fmt::Debug;

use super::{Random, Seen, TURNS};
use crate::compare::{Difference, Verdict};

/// Two states of something, and what holds values to each.
pub(super) trait Trial: Debug {
    /// How many differences are told, where all are safe.
    fn told(&self) -> Option<usize>;

    /// Tries a value that nearly fits.
    fn tried(&self, random: &mut Random) -> Tried;
}

/// What became of a value.
pub(super) enum Tried {
    /// It did not fit to begin with.
    Unfit,
    /// It fitted, and does still.
    Kept,
    /// It fitted, and does no longer.
    Lost(String),
}

impl Tried {
    /// Of a value that has to fit the one state and then the other.
    pub(super) fn of(value: impl Debug, fits: bool, still: impl FnOnce() -> bool) -> Self {
        match fits {
            false => Self::Unfit,
            true if still() => Self::Kept,
            true => Self::Lost(format!("{value:?}")),
        }
    }
}

/// Changes that are made at most, for each value that is wanted.
const MOST_CHANGES: u64 = 400_000;

/// Tries changes until so many values were compared where the change was called safe and is one; the seed and the change of a value that
/// was lost. `made` makes nothing where nothing came to be different, or where what came of it cannot be read.
pub(super) fn hunt<T: Trial>(
    first: u64,
    wanted: usize,
    made: impl Fn(&mut Random) -> Option<T>,
) -> Result<Seen, String> {
    let (mut seen, mut seed) = (Seen::default(), first);
    while seen.compared < wanted {
        seed += 1;
        assert!(seed - first < MOST_CHANGES, "too few changes are called safe: {seen:?} of {wanted}");
        let mut random = Random(seed);
        let Some(trial) = made(&mut random) else {
            seen.same += 1;
            continue;
        };
        let Some(differences) = trial.told() else {
            seen.grave += 1;
            continue;
        };
        let (changes, values) = match differences {
            0 => (&mut seen.silent, &mut seen.compared_silent),
            _ => (&mut seen.told, &mut seen.compared),
        };
        *changes += 1;
        for _ in 0..TURNS {
            match trial.tried(&mut random) {
                Tried::Unfit => {}
                Tried::Kept => *values += 1,
                Tried::Lost(value) => return Err(format!("seed {seed}: {value} is lost: {trial:#?}")),
            }
        }
    }
    Ok(seen)
}

/// Nothing is lost, and what was tried was worth it.
pub(super) fn nothing_is_lost<T: Trial>(first: u64, wanted: usize, made: impl Fn(&mut Random) -> Option<T>) {
    let seen = hunt(first, wanted, made).unwrap_or_else(|lost| panic!("{lost}"));
    let tried = seen.told + seen.silent + seen.grave + seen.same;
    assert!(seen.told > wanted / 200, "{seen:?}");
    assert!(seen.same * 2 < tried && seen.grave * 20 > tried, "{seen:?}");
}

/// How many differences are told, where all are safe but those that the comparison is made blind for, by their codes.
pub(super) fn safe_but(found: &[Difference], forgotten: &[&str]) -> Option<usize> {
    let mut grave = found.iter().filter(|one| one.verdict != Verdict::Safe);
    grave.all(|one| forgotten.contains(&one.class.code)).then_some(found.len())
}

/// Comparisons that each forget one of these codes are found out: else that nothing is lost would show nothing of it.
pub(super) fn holes_are_found<T: Trial>(
    first: u64,
    codes: &'static [&'static str],
    made: impl Fn(&mut Random, &'static [&'static str]) -> Option<T>,
) {
    for code in codes {
        let seen = hunt(first, 40_000, |random| made(random, std::slice::from_ref(code)));
        assert!(seen.is_err(), "a comparison without {code} is not found out: {seen:?}");
    }
}

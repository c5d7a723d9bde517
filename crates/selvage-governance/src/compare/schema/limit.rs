//! Bounds of numbers and of sizes, and when one of them makes another hold. Numbers are decimal: nothing is rounded.

use rust_decimal::Decimal;
use selvage_model::yaml::Node;
use serde_json::Value;

/// A number as written; nothing where it has more digits than can be told exactly.
pub(super) fn decimal(text: &str) -> Option<Decimal> {
    match text.split_once(['e', 'E']) {
        None => Decimal::from_str_exact(text).ok(),
        Some((digits, _)) => {
            Decimal::from_str_exact(digits).ok()?;
            let found = Decimal::from_scientific(text).ok()?;
            // What underflows is told as nothing.
            (!found.is_zero() || digits.bytes().all(|digit| !matches!(digit, b'1'..=b'9'))).then_some(found)
        }
    }
}

/// Which bound of numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Bound {
    Least,
    Most,
    Multiple,
}

/// A bound of numbers.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limit<'a> {
    pub(super) bound: Bound,
    /// What it is; nothing where it cannot be told exactly.
    pub(super) number: Option<Decimal>,
    /// The bound itself is outside.
    pub(super) exclusive: bool,
    pub(super) node: &'a Node,
}

impl Limit<'_> {
    /// Whether numbers that keep to this one keep to the other as well.
    pub(super) fn implies(&self, other: &Limit<'_>, whole: bool) -> bool {
        let (Some(mine), Some(theirs)) = (self.number, other.number) else {
            let same = self.node.text() == other.node.text() && self.exclusive == other.exclusive;
            return self.bound == other.bound && same;
        };
        match (self.bound, other.bound) {
            (Bound::Least, Bound::Least) => {
                let (mine, open) = self.nearest(mine, whole);
                mine > theirs || (mine == theirs && (open || !other.exclusive))
            }
            (Bound::Most, Bound::Most) => {
                let (mine, open) = self.nearest(mine, whole);
                mine < theirs || (mine == theirs && (open || !other.exclusive))
            }
            (Bound::Multiple, Bound::Multiple) => mine.checked_rem(theirs).is_some_and(|rest| rest.is_zero()),
            _ => false,
        }
    }

    /// The bound, and whether it is outside; for whole numbers the nearest whole one that is inside.
    fn nearest(&self, number: Decimal, whole: bool) -> (Decimal, bool) {
        if !whole {
            return (number, self.exclusive);
        }
        let inside = match self.bound {
            Bound::Most => number.floor(),
            Bound::Least | Bound::Multiple => number.ceil(),
        };
        if inside != number || !self.exclusive {
            return (inside, false);
        }
        let next = match self.bound {
            Bound::Most => number.checked_sub(Decimal::ONE),
            Bound::Least | Bound::Multiple => number.checked_add(Decimal::ONE),
        };
        next.map_or((number, true), |next| (next, false))
    }

    /// Whether every whole number keeps to it.
    pub(super) fn is_for_all_whole(&self) -> bool {
        self.bound == Bound::Multiple
            && self.number.is_some_and(|number| Decimal::ONE.checked_rem(number) == Some(Decimal::ZERO))
    }

    /// Whether a value keeps to it, as far as that can be told.
    pub(super) fn holds(&self, value: &Value) -> bool {
        let Value::Number(number) = value else { return true };
        let (Some(number), Some(limit)) = (decimal(number.as_str()), self.number) else { return false };
        match self.bound {
            Bound::Least => number > limit || (number == limit && !self.exclusive),
            Bound::Most => number < limit || (number == limit && !self.exclusive),
            Bound::Multiple => number.checked_rem(limit).is_some_and(|rest| rest.is_zero()),
        }
    }
}

/// What a size is of, and which end of it is bounded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Measure {
    LeastText,
    MostText,
    LeastItems,
    MostItems,
    LeastMembers,
    MostMembers,
}

impl Measure {
    pub(super) fn is_most(self) -> bool {
        matches!(self, Self::MostText | Self::MostItems | Self::MostMembers)
    }
}

/// A bound of a size.
#[derive(Clone, Copy, Debug)]
pub(super) struct Size<'a> {
    pub(super) measure: Measure,
    pub(super) size: u64,
    pub(super) node: &'a Node,
}

impl Size<'_> {
    /// Whether what keeps to this one keeps to the other as well.
    pub(super) fn implies(&self, other: &Size<'_>) -> bool {
        let enough = if self.measure.is_most() { self.size <= other.size } else { self.size >= other.size };
        self.measure == other.measure && enough
    }

    /// Whether a value keeps to it.
    pub(super) fn holds(&self, value: &Value) -> bool {
        let size = match (self.measure, value) {
            (Measure::LeastText | Measure::MostText, Value::String(text)) => text.chars().count(),
            (Measure::LeastItems | Measure::MostItems, Value::Array(items)) => items.len(),
            (Measure::LeastMembers | Measure::MostMembers, Value::Object(members)) => members.len(),
            _ => return true,
        };
        let size = u64::try_from(size).unwrap_or(u64::MAX);
        if self.measure.is_most() { size <= self.size } else { size >= self.size }
    }
}

/// A size as written: `3`, and also `3.0`.
pub(super) fn size(node: &Node) -> Option<u64> {
    let number = decimal(node.text()?)?;
    (number.fract().is_zero()).then(|| u64::try_from(number).ok())?
}

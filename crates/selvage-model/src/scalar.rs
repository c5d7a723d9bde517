//! Small values that manifests are made of: rates, percentages, dimensions, ranges of versions.

use std::fmt;
use std::time::Duration;

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

/// So many in a span of time: `200/s`, `1000000/day`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rate {
    /// How many.
    pub count: u64,
    /// In what span.
    pub per: Duration,
}

/// A share in hundredths, exact: `99.9%` is 99.9.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Percent(pub Decimal);

/// What a quantity measures. Units of different dimensions never mix.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Dimension {
    /// Pieces: the UCUM unit `1`.
    Count,
    /// Base unit kg.
    Mass,
    /// Base unit m.
    Length,
    /// Base unit m2.
    Area,
    /// Base unit L.
    Volume,
    /// Base unit s.
    Time,
    /// Base unit Cel.
    Temperature,
    /// Base unit J.
    Energy,
}

impl Dimension {
    /// Every dimension with its word in manifests.
    pub const ALL: &'static [(&'static str, Self)] = &[
        ("count", Self::Count),
        ("mass", Self::Mass),
        ("length", Self::Length),
        ("area", Self::Area),
        ("volume", Self::Volume),
        ("time", Self::Time),
        ("temperature", Self::Temperature),
        ("energy", Self::Energy),
    ];
}

impl fmt::Display for Dimension {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = Self::ALL.iter().find(|(_, dimension)| dimension == self).map_or("", |(word, _)| word);
        f.write_str(word)
    }
}

/// A range of a system's major versions, both ends included: `>=16`, `<=18`, `17..19`, or any.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct VersionRange {
    /// The lowest, where there is one.
    pub from: Option<u32>,
    /// The highest, where there is one.
    pub until: Option<u32>,
}

impl VersionRange {
    /// Whether this major version lies in the range.
    pub fn contains(self, major: u32) -> bool {
        self.from.is_none_or(|from| from <= major) && self.until.is_none_or(|until| major <= until)
    }
}

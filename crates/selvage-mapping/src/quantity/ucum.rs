//! The units of UCUM that factories use, in its grammar: prefixes, products, quotients, powers, whole factors, annotations.
//! Factors are those of the UCUM specification (ucum.org, version 2.1), each an exact fraction of the base units.

use std::str::FromStr;

use selvage_model::scalar::Dimension;

use super::UnitError;
use super::ratio::Ratio;

/// Longest code taken, in bytes.
const LONGEST: usize = 64;
/// Deepest brackets taken.
const DEEPEST: usize = 8;
/// Highest power taken.
const HIGHEST_POWER: i32 = 12;

/// Powers of kilogram, metre, second, kelvin and ampere.
type Powers = [i32; 5];

/// A unit: its code, what it measures, and how it becomes base units.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unit {
    code: String,
    powers: Powers,
    factor: Ratio,
    /// Added before the factor applies: degrees have a zero of their own.
    shift: Option<Ratio>,
}

impl Unit {
    /// Its UCUM code, as it was written.
    pub fn code(&self) -> &str {
        &self.code
    }

    /// What it measures, where that has a name in manifests.
    pub fn dimension(&self) -> Option<Dimension> {
        match self.powers {
            [0, 0, 0, 0, 0] => Some(Dimension::Count),
            [1, 0, 0, 0, 0] => Some(Dimension::Mass),
            [0, 1, 0, 0, 0] => Some(Dimension::Length),
            [0, 2, 0, 0, 0] => Some(Dimension::Area),
            [0, 3, 0, 0, 0] => Some(Dimension::Volume),
            [0, 0, 1, 0, 0] => Some(Dimension::Time),
            [0, 0, 0, 1, 0] => Some(Dimension::Temperature),
            [1, 2, -2, 0, 0] => Some(Dimension::Energy),
            _ => None,
        }
    }

    pub(super) fn measures_same(&self, other: &Self) -> bool {
        self.powers == other.powers
    }

    pub(super) fn to_base(&self, value: Ratio) -> Option<Ratio> {
        let shifted = self.shift.map_or(Some(value), |shift| value.add(shift))?;
        shifted.multiply(self.factor)
    }

    pub(super) fn in_unit(&self, base: Ratio) -> Option<Ratio> {
        let value = base.multiply(self.factor.inverse()?)?;
        self.shift.map_or(Some(value), |shift| value.add(shift.negated()))
    }
}

impl FromStr for Unit {
    type Err = UnitError;

    fn from_str(code: &str) -> Result<Self, UnitError> {
        let unknown = || UnitError::Unknown(code.to_owned());
        if code.is_empty() || code.len() > LONGEST {
            return Err(unknown());
        }
        if let Some((factor, shift)) = degrees(code) {
            return Ok(Self { code: code.to_owned(), powers: [0, 0, 0, 1, 0], factor, shift: Some(shift) });
        }
        let mut reader = Reader { rest: code, depth: 0 };
        let (powers, factor) = reader.term().filter(|_| reader.rest.is_empty()).ok_or_else(unknown)?;
        Ok(Self { code: code.to_owned(), powers, factor, shift: None })
    }
}

/// Scales of temperature with a zero of their own: kelvin = (degrees + shift) × factor.
fn degrees(code: &str) -> Option<(Ratio, Ratio)> {
    match code {
        "Cel" => Some((Ratio::ONE, Ratio::new(27_315, 100)?)),
        "[degF]" => Some((Ratio::new(5, 9)?, Ratio::new(45_967, 100)?)),
        _ => None,
    }
}

struct Reader<'a> {
    rest: &'a str,
    depth: usize,
}

impl Reader<'_> {
    /// Components joined by `.` and `/`; `/` divides by the one component behind it.
    fn term(&mut self) -> Option<(Powers, Ratio)> {
        let mut product = ([0; 5], Ratio::ONE);
        let mut divides = self.take('/');
        loop {
            let component = self.component()?;
            product = combine(product, component, if divides { -1 } else { 1 })?;
            divides = match self.rest.chars().next() {
                Some('.') => false,
                Some('/') => true,
                _ => return Some(product),
            };
            self.rest = self.rest.get(1..)?;
        }
    }

    fn component(&mut self) -> Option<(Powers, Ratio)> {
        if self.take('(') {
            self.depth += 1;
            let inner = if self.depth <= DEEPEST { self.term() } else { None }?;
            self.depth -= 1;
            return self.take(')').then_some(inner);
        }
        let end = self.rest.find(['.', '/', '(', ')', '{']).unwrap_or(self.rest.len());
        let (symbol, rest) = self.rest.split_at(end);
        self.rest = rest;
        let annotated = self.annotation()?;
        if symbol.is_empty() { annotated.then_some(([0; 5], Ratio::ONE)) } else { simple(symbol) }
    }

    /// `{box}`: says what is counted, changes nothing.
    fn annotation(&mut self) -> Option<bool> {
        if !self.take('{') {
            return Some(false);
        }
        let (_, rest) = self.rest.split_once('}')?;
        self.rest = rest;
        Some(true)
    }

    fn take(&mut self, wanted: char) -> bool {
        match self.rest.strip_prefix(wanted) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }
}

fn combine(left: (Powers, Ratio), right: (Powers, Ratio), sign: i32) -> Option<(Powers, Ratio)> {
    let mut powers = left.0;
    for (power, more) in powers.iter_mut().zip(right.0) {
        *power += more * sign;
    }
    Some((powers, left.1.multiply(right.1.power(sign)?)?))
}

/// A whole factor, a power of ten, or an atom with prefix and power: `12`, `10*3`, `cm2`.
fn simple(symbol: &str) -> Option<(Powers, Ratio)> {
    if let Some(exponent) = symbol.strip_prefix("10*").or_else(|| symbol.strip_prefix("10^")) {
        let exponent = if exponent.is_empty() { 1 } else { exponent.parse().ok()? };
        return Some(([0; 5], Ratio::new(10, 1)?.power(small(exponent)?)?));
    }
    if symbol.bytes().all(|byte| byte.is_ascii_digit()) {
        let factor: i64 = symbol.parse().ok()?;
        return (factor > 0).then(|| Ratio::new(i128::from(factor), 1)).flatten().map(|factor| ([0; 5], factor));
    }
    let name = symbol.trim_end_matches(|c: char| c.is_ascii_digit());
    let name = name.strip_suffix(['+', '-']).filter(|_| name.len() < symbol.len()).unwrap_or(name);
    let exponent = symbol.get(name.len()..)?;
    let exponent = if exponent.is_empty() { 1 } else { small(exponent.parse().ok()?)? };
    let (powers, factor) = atom(name).or_else(|| prefixed(name))?;
    Some((powers.map(|power| power * exponent), factor.power(exponent)?))
}

fn small(exponent: i32) -> Option<i32> {
    (exponent.abs() <= HIGHEST_POWER).then_some(exponent)
}

fn prefixed(name: &str) -> Option<(Powers, Ratio)> {
    PREFIXES.iter().find_map(|(prefix, exponent)| {
        let metric = name.strip_prefix(prefix).filter(|rest| METRIC.contains(rest))?;
        let (powers, factor) = atom(metric)?;
        Some((powers, factor.multiply(Ratio::new(10, 1)?.power(*exponent)?)?))
    })
}

const PREFIXES: &[(&str, i32)] = &[
    ("E", 18),
    ("P", 15),
    ("T", 12),
    ("G", 9),
    ("M", 6),
    ("k", 3),
    ("h", 2),
    ("da", 1),
    ("d", -1),
    ("c", -2),
    ("m", -3),
    ("u", -6),
    ("n", -9),
    ("p", -12),
    ("f", -15),
];

const METRIC: &[&str] = &["m", "s", "g", "K", "A", "L", "l", "t", "ar", "J", "N", "W", "Pa", "Hz", "V", "bar", "cal"];

fn atom(name: &str) -> Option<(Powers, Ratio)> {
    let (powers, numerator, denominator) = match name {
        "g" => ([1, 0, 0, 0, 0], 1, 1_000),
        "t" => ([1, 0, 0, 0, 0], 1_000, 1),
        "[lb_av]" => ([1, 0, 0, 0, 0], 45_359_237, 100_000_000),
        "[oz_av]" => ([1, 0, 0, 0, 0], 45_359_237, 1_600_000_000),
        "m" => ([0, 1, 0, 0, 0], 1, 1),
        "[in_i]" => ([0, 1, 0, 0, 0], 254, 10_000),
        "[ft_i]" => ([0, 1, 0, 0, 0], 3_048, 10_000),
        "[yd_i]" => ([0, 1, 0, 0, 0], 9_144, 10_000),
        "[mi_i]" => ([0, 1, 0, 0, 0], 1_609_344, 1_000),
        "ar" => ([0, 2, 0, 0, 0], 100, 1),
        "L" | "l" => ([0, 3, 0, 0, 0], 1, 1_000),
        "[gal_us]" => ([0, 3, 0, 0, 0], 3_785_411_784, 1_000_000_000_000),
        "s" => ([0, 0, 1, 0, 0], 1, 1),
        "min" => ([0, 0, 1, 0, 0], 60, 1),
        "h" => ([0, 0, 1, 0, 0], 3_600, 1),
        "d" => ([0, 0, 1, 0, 0], 86_400, 1),
        "wk" => ([0, 0, 1, 0, 0], 604_800, 1),
        "K" => ([0, 0, 0, 1, 0], 1, 1),
        "A" => ([0, 0, 0, 0, 1], 1, 1),
        "V" => ([1, 2, -3, 0, -1], 1, 1),
        "N" => ([1, 1, -2, 0, 0], 1, 1),
        "J" => ([1, 2, -2, 0, 0], 1, 1),
        "cal" => ([1, 2, -2, 0, 0], 4_184, 1_000),
        "W" => ([1, 2, -3, 0, 0], 1, 1),
        "Pa" => ([1, -1, -2, 0, 0], 1, 1),
        "bar" => ([1, -1, -2, 0, 0], 100_000, 1),
        "Hz" => ([0, 0, -1, 0, 0], 1, 1),
        "%" => ([0, 0, 0, 0, 0], 1, 100),
        _ => return None,
    };
    Some((powers, Ratio::new(numerator, denominator)?))
}

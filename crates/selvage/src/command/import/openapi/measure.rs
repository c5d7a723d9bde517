//! Numbers that measure something, told by their names and by what stands beside them: `qty` and `uom`, `weightKg`, `price` and
//! `currency`. What is a guess is one that people make too; they see it in the draft.

use std::collections::{BTreeMap, BTreeSet};

use super::draft::CodeDraft;

/// Words that end the name of a count or a measure in any unit.
const QUANTITIES: &[&str] = &["qty", "quantity"];
/// Words that end the name of an amount of money.
const AMOUNTS: &[&str] =
    &["price", "amount", "total", "subtotal", "cost", "costs", "fee", "net", "gross", "tax", "discount"];
/// How a member is named that tells the unit of another, or of all.
const UNITS: &[&[&str]] = &[
    &["unit", "of", "measure"],
    &["unit", "of", "measurement"],
    &["uom", "code"],
    &["unit", "code"],
    &["measure", "unit"],
    &["uom"],
    &["unit"],
];
/// How a member is named that tells a currency.
const CURRENCIES: &[&[&str]] = &[&["currency", "code"], &["currency", "iso"], &["iso", "currency"], &["currency"]];
/// What words measure.
const DIMENSIONS: &[(&str, &[&str])] = &[
    ("mass", &["weight", "mass"]),
    ("length", &["length", "width", "height", "depth", "thickness", "diameter", "distance"]),
    ("area", &["area", "surface"]),
    ("volume", &["volume"]),
    ("temperature", &["temperature"]),
    ("energy", &["energy"]),
];
/// Ends of names that say a unit: the word, its UCUM code, what it measures.
const SUFFIXES: &[(&str, &str, &str)] = &[
    ("kg", "kg", "mass"),
    ("kilograms", "kg", "mass"),
    ("mg", "mg", "mass"),
    ("g", "g", "mass"),
    ("grams", "g", "mass"),
    ("t", "t", "mass"),
    ("mm", "mm", "length"),
    ("cm", "cm", "length"),
    ("km", "km", "length"),
    ("m", "m", "length"),
    ("metres", "m", "length"),
    ("meters", "m", "length"),
    ("m2", "m2", "area"),
    ("m3", "m3", "volume"),
    ("ml", "mL", "volume"),
    ("l", "L", "volume"),
    ("litres", "L", "volume"),
    ("liters", "L", "volume"),
    ("celsius", "Cel", "temperature"),
    ("kwh", "kW.h", "energy"),
];
/// Ends of names that say how long something lasts.
const TIMES: &[(&str, &str)] = &[
    ("days", "days"),
    ("hours", "hours"),
    ("hrs", "hours"),
    ("minutes", "minutes"),
    ("mins", "minutes"),
    ("seconds", "seconds"),
    ("secs", "seconds"),
];
/// Words of systems for units (UN/ECE recommendation 20 and usual ones): our code, what it measures, its name, theirs.
const WORDS: &[(&str, &str, &str, &[&str])] = &[
    ("1", "count", "each", &["EA", "EACH", "PCE", "PCS", "PC", "PIECE", "PIECES", "H87", "C62", "UNIT", "UNITS"]),
    ("kg", "mass", "kilogram", &["KGM", "KG", "KILOGRAM"]),
    ("g", "mass", "gram", &["GRM", "G", "GRAM"]),
    ("t", "mass", "tonne", &["TNE", "T", "TONNE"]),
    ("L", "volume", "litre", &["LTR", "L", "LITRE", "LITER"]),
    ("mL", "volume", "millilitre", &["MLT", "ML"]),
    ("m3", "volume", "cubic metre", &["MTQ", "M3"]),
    ("m", "length", "metre", &["MTR", "M", "METRE", "METER"]),
    ("cm", "length", "centimetre", &["CMT", "CM"]),
    ("mm", "length", "millimetre", &["MMT", "MM"]),
    ("m2", "area", "square metre", &["MTK", "M2"]),
    ("d", "time", "day", &["DAY", "DAYS"]),
    ("h", "time", "hour", &["HUR", "H", "HOUR", "HOURS"]),
    ("min", "time", "minute", &["MIN", "MINUTE", "MINUTES"]),
    ("s", "time", "second", &["SEC", "S", "SECOND", "SECONDS"]),
    ("Cel", "temperature", "degree Celsius", &["CEL"]),
    ("kW.h", "energy", "kilowatt hour", &["KWH"]),
];

/// A member as it is looked at here.
pub(super) struct Candidate<'d> {
    pub(super) name: &'d str,
    pub(super) words: Vec<String>,
    pub(super) is_number: bool,
    pub(super) is_text: bool,
}

/// Which members tell the unit or the currency of which.
#[derive(Default)]
pub(super) struct Pairs {
    pub(super) units: BTreeMap<String, String>,
    pub(super) currencies: BTreeMap<String, String>,
}

impl Pairs {
    /// Finds them among the members of an object.
    pub(super) fn of(candidates: &[Candidate<'_>]) -> Self {
        let mut pairs = Self::default();
        let texts = || candidates.iter().filter(|it| it.is_text);
        let teller = |ends: &[&[&str]], owner: &[String]| {
            texts()
                .find(|it| owner_of(&it.words, ends).is_some_and(|words| words == owner))
                .map(|it| it.name.to_owned())
        };
        for number in candidates.iter().filter(|it| it.is_number) {
            let ends_in = |words: &[&str]| number.words.last().is_some_and(|last| words.contains(&last.as_str()));
            let general = |ends| teller(ends, &[]);
            let unit = teller(UNITS, &number.words).or_else(|| general(UNITS).filter(|_| ends_in(QUANTITIES)));
            let currency =
                teller(CURRENCIES, &number.words).or_else(|| general(CURRENCIES).filter(|_| ends_in(AMOUNTS)));
            if let Some(unit) = unit {
                pairs.units.insert(number.name.to_owned(), unit);
            } else if let Some(currency) = currency {
                pairs.currencies.insert(number.name.to_owned(), currency);
            }
        }
        pairs
    }

    /// The members that only say something of others.
    pub(super) fn told(&self) -> BTreeSet<&str> {
        self.units.values().chain(self.currencies.values()).map(String::as_str).collect()
    }
}

/// What a name that ends so is the unit or the currency of; nothing stands for all.
fn owner_of<'w>(words: &'w [String], ends: &[&[&str]]) -> Option<&'w [String]> {
    ends.iter().find_map(|end| {
        let at = words.len().checked_sub(end.len())?;
        let (owner, last) = words.split_at_checked(at)?;
        last.iter().map(String::as_str).eq(end.iter().copied()).then_some(owner)
    })
}

/// Whether the name is that of a unit, or of a currency.
pub(super) fn is_unit(words: &[String]) -> bool {
    owner_of(words, UNITS).is_some_and(<[String]>::is_empty)
}

/// The same for currencies.
pub(super) fn is_currency(words: &[String]) -> bool {
    owner_of(words, CURRENCIES).is_some_and(<[String]>::is_empty)
}

/// Whether the name is that of a number inside a quantity or an amount.
pub(super) fn is_value(words: &[String]) -> bool {
    matches!(words, [word] if matches!(word.as_str(), "value" | "amount" | "quantity" | "qty" | "number"))
}

/// Whether the name is that of an amount of money.
pub(super) fn is_amount(words: &[String]) -> bool {
    words.last().is_some_and(|last| AMOUNTS.contains(&last.as_str()))
}

/// Whether the name is that of a quantity.
pub(super) fn is_quantity(words: &[String]) -> bool {
    words.last().is_some_and(|last| QUANTITIES.contains(&last.as_str()))
}

/// What the name measures.
pub(super) fn dimension(words: &[String]) -> Option<&'static str> {
    let last = words.last()?;
    DIMENSIONS.iter().find(|(_, known)| known.contains(&last.as_str())).map(|(dimension, _)| *dimension)
}

/// The unit at the end of a name, what it measures, and the name without it: `weightKg`.
pub(super) fn suffix(words: &[String]) -> Option<(&'static str, &'static str, &[String])> {
    let (last, rest) = words.split_last().filter(|(_, rest)| !rest.is_empty())?;
    let (word, code, dimension) = SUFFIXES.iter().find(|(word, ..)| word == last)?;
    // A single letter is a unit only behind what it measures.
    let is_told = self::dimension(rest) == Some(dimension);
    (word.len() > 1 || is_told).then_some((*code, *dimension, rest))
}

/// The word for a time at the end of a name, as mappings have it, and the name without it: `leadTimeDays`.
pub(super) fn time(words: &[String]) -> Option<(&'static str, &[String])> {
    let (last, rest) = words.split_last().filter(|(_, rest)| !rest.is_empty())?;
    TIMES.iter().find(|(word, _)| word == last).map(|(_, unit)| (*unit, rest))
}

/// Our code for a system's word for a unit.
pub(super) fn unit(word: &str) -> Option<CodeDraft> {
    let capitals = word.to_uppercase();
    let found = WORDS.iter().find(|(code, .., words)| *code == word || words.contains(&capitals.as_str()));
    found.map(|(code, dimension, name, _)| CodeDraft {
        code: (*code).to_owned(),
        name: Some(name),
        dimension: Some(dimension),
    })
}

#[cfg(test)]
mod tests {
    use super::super::naming;
    use super::*;

    fn candidate(name: &'static str, is_number: bool) -> Candidate<'static> {
        Candidate { name, words: naming::words(name), is_number, is_text: !is_number }
    }

    #[test]
    fn what_stands_beside_tells_the_unit() {
        for (numbers, texts, units, currencies) in [
            (vec!["qty"], vec!["uom"], "qty=uom", ""),
            (vec!["weight", "qty"], vec!["weightUnit", "uom"], "qty=uom weight=weightUnit", ""),
            (vec!["price", "count"], vec!["currencyCode"], "", "price=currencyCode"),
            (vec!["shippingCost"], vec!["shipping_cost_currency"], "", "shippingCost=shipping_cost_currency"),
            (vec!["age"], vec!["unit", "currency"], "", ""),
        ] {
            let all = numbers.iter().map(|name| candidate(name, true));
            let all: Vec<_> = all.chain(texts.iter().map(|name| candidate(name, false))).collect();
            let pairs = Pairs::of(&all);
            let shown = |map: &BTreeMap<String, String>| {
                map.iter().map(|(a, b)| format!("{a}={b}")).collect::<Vec<_>>().join(" ")
            };
            assert_eq!((shown(&pairs.units).as_str(), shown(&pairs.currencies).as_str()), (units, currencies));
        }
    }

    #[test]
    fn ends_of_names_are_units_where_they_can_be() {
        for (name, expected) in [
            ("weightKg", Some("kg")),
            ("net_weight_g", Some("g")),
            ("class_t", None),
            ("kg", None),
            ("volumeL", Some("L")),
        ] {
            assert_eq!(suffix(&naming::words(name)).map(|(code, ..)| code), expected, "{name}");
        }
        assert_eq!(time(&naming::words("leadTimeDays")).map(|(unit, _)| unit), Some("days"));
    }
}

//! Records made from a mapping's lenses and a seed, as a system might give them: some fields empty, some links with
//! labels, numbers in every form. Deterministic.

use selvage_model::manifest::mapping::CodeBy;
use selvage_model::manifest::object::Shape;
use serde_json::{Map, Number, Value, json};

use super::world::World;
use crate::code::Codes;
use crate::lens::{CurrencyFrom, Field, Lens, Lines, UnitFrom};
use crate::mapping::CompiledMapping;

/// Numbers from a seed: the generator SplitMix64, by Steele, Lea and Flood (2014).
#[derive(Clone)]
pub(super) struct Random(u64);

impl Random {
    pub(super) fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below this one; 0 where it is 0.
    fn below(&mut self, end: u64) -> u64 {
        self.next().checked_rem(end).unwrap_or_default()
    }

    /// True once in so many times.
    pub(super) fn once_in(&mut self, times: u64) -> bool {
        self.below(times) == 0
    }

    fn pick<'a, T: ?Sized>(&mut self, all: &[&'a T]) -> Option<&'a T> {
        let place = self.below(u64::try_from(all.len()).unwrap_or_default());
        usize::try_from(place).ok().and_then(|place| all.get(place)).copied()
    }
}

/// A record with a value in each field that the mapping looks at, and one that it does not.
pub(super) fn record(mapping: &CompiledMapping, world: &World, random: &mut Random) -> Map<String, Value> {
    let mut record = Map::new();
    record.insert("x_untouched".to_owned(), Value::from(random.below(1_000)));
    fields(mapping.members(), world, random, &mut record);
    record.entry("id").or_insert_with(|| Value::from(1 + random.below(100_000)));
    record
}

fn fields(all: &[Field], world: &World, random: &mut Random, record: &mut Map<String, Value>) {
    for field in all {
        if let Lens::Group(members) = &field.lens {
            fields(members, world, random, record);
        }
        // Of several fields, those before this one have nothing.
        let several = u64::try_from(field.spots().count()).unwrap_or_default();
        let chosen = if several > 1 { random.below(several) } else { 0 };
        for (place, at) in (0..).zip(field.spots().map(|spot| &spot.at)) {
            // Another attribute may look at the same field.
            if !record.contains_key(at) {
                let has = place >= chosen && present(field, random);
                let value = has.then(|| value(field, world, random, record)).flatten();
                record.insert(at.clone(), value.unwrap_or_else(|| nothing(&field.lens)));
            }
        }
    }
}

fn nothing(lens: &Lens) -> Value {
    if matches!(lens, Lens::Many(..) | Lens::Lines(_)) { json!([]) } else { Value::Bool(false) }
}

/// Whether the record has something there: always where it is required.
fn present(field: &Field, random: &mut Random) -> bool {
    let may_be_empty = field.attribute.optional || field.default.is_some();
    !may_be_empty || !random.once_in(4)
}

fn value(field: &Field, world: &World, random: &mut Random, record: &mut Map<String, Value>) -> Option<Value> {
    match &field.lens {
        Lens::Plain => Some(plain(&field.attribute.shape, random)),
        Lens::Code { codes, by } => code(codes, *by, world, random),
        Lens::Ref(_) | Lens::Label => Some(link(random, 40)),
        Lens::Record => Some(Value::from(1 + random.below(100_000))),
        Lens::Site => (world.companies() > 0).then(|| link(random, world.companies())),
        Lens::Enum(words) => {
            let theirs: Vec<&str> = words.iter().map(|(theirs, _)| theirs.as_str()).collect();
            random.pick(&theirs).map(Value::from)
        }
        Lens::Quantity(unit) => {
            if let UnitFrom::Field { at, codes, by } = unit
                && !record.contains_key(&at.at)
            {
                let unit = code(codes, *by, world, random)?;
                record.insert(at.at.clone(), unit);
            }
            Some(number(random, 4))
        }
        Lens::Money(currency) => {
            if let CurrencyFrom::Field { at, .. } = currency {
                let currency = random.pick(&["EUR", "CZK", "USD"])?;
                record.entry(at.at.clone()).or_insert_with(|| json!([1 + random.below(9), currency]));
            }
            Some(number(random, 2))
        }
        Lens::Flag(words) => {
            let place = usize::try_from(random.below(2)).unwrap_or_default();
            words.get(place).or(words.first()).map(|(theirs, _)| Value::Bool(*theirs))
        }
        Lens::Duration(_) => Some(number(random, 4)),
        Lens::Many(element, shape) => {
            let count = random.below(4);
            Some(several(&with_shape(field, shape, element), world, random, record, count))
        }
        Lens::Only(element) | Lens::First(element) => {
            let single = random.once_in(3);
            let count = if field.attribute.optional && random.once_in(3) { 2 } else { 1 };
            let of = with_shape(field, &field.attribute.shape, element);
            if single { value(&of, world, random, record) } else { Some(several(&of, world, random, record, count)) }
        }
        Lens::Lines(lines) => Some(of_lines(lines, world, random)),
        Lens::Absent | Lens::Const(_) | Lens::Group(_) | Lens::Expression(_) => None,
    }
}

/// The same field with the lens and the shape of its elements.
fn with_shape(field: &Field, shape: &Shape, lens: &Lens) -> Field {
    let mut element = field.clone();
    element.attribute.shape = shape.clone();
    element.lens = lens.clone();
    element
}

fn several(element: &Field, world: &World, random: &mut Random, record: &mut Map<String, Value>, count: u64) -> Value {
    (0..count).filter_map(|_| value(element, world, random, record)).collect()
}

fn of_lines(lines: &Lines, world: &World, random: &mut Random) -> Value {
    let first = 1 + random.below(100_000);
    let count = random.below(4);
    let line = |place: u64| {
        let mut record = Map::new();
        fields(&lines.members, world, random, &mut record);
        // Some lines are none of those that are told, as a note between the lines of an order.
        let is_told = !random.once_in(5);
        for (field, allowed) in &lines.only {
            let value = if is_told { allowed.of_new().unwrap_or_default() } else { Value::from("something else") };
            record.insert(field.clone(), value);
        }
        record.insert("id".to_owned(), Value::from(first + place));
        Value::Object(record)
    };
    (0..count).map(line).collect()
}

fn code(codes: &Codes, by: CodeBy, world: &World, random: &mut Random) -> Option<Value> {
    let words: Vec<&str> = codes.all_words().into_iter().collect();
    let word = random.pick(&words)?;
    Some(match by {
        CodeBy::Value => Value::from(word),
        CodeBy::Label => json!([world.external(word), word]),
        CodeBy::ExternalId => json!([world.external(word), text(random, 8)]),
    })
}

fn link(random: &mut Random, most: u64) -> Value {
    json!([1 + random.below(most), text(random, 12)])
}

fn plain(shape: &Shape, random: &mut Random) -> Value {
    match shape {
        Shape::Integer => Value::from(i64::try_from(random.below(2_000_000)).unwrap_or_default() - 1_000_000),
        Shape::Decimal => number(random, 6),
        Shape::Boolean => Value::Bool(random.once_in(2)),
        Shape::Enum { values } => {
            let words: Vec<&str> = values.iter().map(|value| value.value.as_str()).collect();
            random.pick(&words).map_or(Value::Null, Value::from)
        }
        Shape::Timestamp => Value::from(format!("{} {}", date(random), time(random))),
        Shape::Date => Value::from(date(random)),
        Shape::Duration => Value::from(format!("PT{}M", random.below(600))),
        Shape::String { max: Some(max) } => Value::from(text(random, u64::from(*max).min(30))),
        _ => Value::from(text(random, 30)),
    }
}

/// A number as systems write it: `3`, `2.0`, `12.50`, `-0.125`.
fn number(random: &mut Random, most_scale: u64) -> Value {
    let sign = if random.once_in(8) { "-" } else { "" };
    let whole = if random.once_in(3) { random.below(3) } else { random.below(1_000_000) };
    let scale = usize::try_from(random.below(most_scale + 1)).unwrap_or_default();
    let written = match scale {
        0 => format!("{sign}{whole}"),
        _ => {
            let fraction = random.below(10_u64.saturating_pow(u32::try_from(scale).unwrap_or_default()));
            format!("{sign}{whole}.{fraction:0scale$}")
        }
    };
    written.parse::<Number>().map_or(Value::Null, Value::Number)
}

fn date(random: &mut Random) -> String {
    format!("{}-{:02}-{:02}", 1990 + random.below(100), 1 + random.below(12), 1 + random.below(28))
}

fn time(random: &mut Random) -> String {
    format!("{:02}:{:02}:{:02}", random.below(24), random.below(60), random.below(60))
}

/// Text of letters, digits, spaces, signs and letters that are not ASCII; never empty unless nothing is allowed.
fn text(random: &mut Random, longest: u64) -> String {
    const LETTERS: &[char] = &['a', 'B', 'z', '0', '9', ' ', '-', '/', '"', '\'', '~', 'é', 'ß', 'ř', '中', '🚲'];
    let length = 1 + random.below(longest);
    let letters = (0..length.min(longest)).filter_map(|_| {
        let place = usize::try_from(random.below(16)).ok()?;
        LETTERS.get(place).copied()
    });
    letters.collect()
}

//! Records made from a mapping's lenses and a seed, as a system might give them: some fields empty, some links with
//! labels, numbers in every form. Deterministic.

use selvage_model::manifest::mapping::CodeBy;
use selvage_model::manifest::object::Shape;
use serde_json::{Map, Number, Value, json};

use super::world::World;
use crate::code::Codes;
use crate::lens::{CurrencyFrom, Field, Lens, UnitFrom};
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
        match (&field.lens, &field.at) {
            (Lens::Group(members), _) => fields(members, world, random, record),
            (_, Some(at)) if record.contains_key(at) => {}
            (lens, Some(at)) => {
                let value = present(field, random).then(|| value(lens, &field.attribute.shape, world, random, record));
                let nothing = if matches!(lens, Lens::Many(..)) { json!([]) } else { Value::Bool(false) };
                record.insert(at.clone(), value.flatten().unwrap_or(nothing));
            }
            _ => {}
        }
    }
}

/// Whether the record has something there: always where it is required.
fn present(field: &Field, random: &mut Random) -> bool {
    let may_be_empty = field.attribute.optional || field.default.is_some();
    !may_be_empty || !random.once_in(4)
}

fn value(
    lens: &Lens,
    shape: &Shape,
    world: &World,
    random: &mut Random,
    record: &mut Map<String, Value>,
) -> Option<Value> {
    match lens {
        Lens::Plain => Some(plain(shape, random)),
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
                && !record.contains_key(at)
            {
                let unit = code(codes, *by, world, random)?;
                record.insert(at.clone(), unit);
            }
            Some(number(random, 4))
        }
        Lens::Money(currency) => {
            if let CurrencyFrom::Field(at) = currency {
                let currency = random.pick(&["EUR", "CZK", "USD"])?;
                record.entry(at.clone()).or_insert_with(|| json!([1 + random.below(9), currency]));
            }
            Some(number(random, 2))
        }
        Lens::Many(element, shape) => Some(many(element, shape, world, random, record)),
        Lens::Absent | Lens::Const(_) | Lens::Group(_) | Lens::Expression(_) => None,
    }
}

fn many(element: &Lens, shape: &Shape, world: &World, random: &mut Random, record: &mut Map<String, Value>) -> Value {
    let mut list = Vec::new();
    for _ in 0..random.below(4) {
        list.extend(match element {
            Lens::Group(members) => {
                let mut inner = Map::new();
                fields(members, world, random, &mut inner);
                Some(Value::Object(inner))
            }
            _ => value(element, shape, world, random, record),
        });
    }
    Value::Array(list)
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

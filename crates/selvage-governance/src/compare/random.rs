//! Random schemas, small changes of them, and values that nearly fit: where a change is called safe, no value that fitted is refused.
//! The judge is a validator of JSON Schema that nothing here is made of.

mod asyncapi;
mod code_sets;
mod fabrics;
mod files;
mod objects;
mod openapi;
mod parameters;
mod schemas;
mod trial;
mod values;

use std::sync::Arc;

use selvage_model::yaml::{self, Limits, Node};
use serde_json::{Value, json};

use super::{Direction, Verdict, schema};

/// Random numbers of a seed (splitmix64).
pub(super) struct Random(u64);

impl Random {
    pub(super) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// Below this.
    pub(super) fn below(&mut self, most: usize) -> usize {
        (self.next() % most.max(1) as u64) as usize
    }

    /// Once in so many times.
    pub(super) fn once_in(&mut self, times: usize) -> bool {
        self.below(times) == 0
    }

    pub(super) fn pick<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        &from[self.below(from.len())]
    }
}

/// Values that are compared; many more when the whole is to be shown.
#[allow(clippy::disallowed_methods, reason = "how much is tried is said by the environment of the test")]
fn wanted() -> usize {
    std::env::var("SELVAGE_TEST_COMPARED_INSTANCES").ok().and_then(|text| text.parse().ok()).unwrap_or(2_000)
}

fn node(schema: &Value) -> Node {
    let text = schema.to_string();
    let (mut nodes, findings) = yaml::parse(text.as_bytes(), &Arc::from("schema.json"), &Limits::CONTRACT);
    assert_eq!(findings, [], "{text}");
    nodes.swap_remove(0)
}

fn judge(schema: &Value) -> Option<jsonschema::Validator> {
    let options = jsonschema::options().with_draft(jsonschema::Draft::Draft202012).should_validate_formats(true);
    options.build(schema).ok()
}

fn called_safe(old: &Value, new: &Value, way: Direction) -> Option<usize> {
    let found = schema(&node(old), &node(new), way);
    found.iter().all(|difference| difference.verdict == Verdict::Safe).then_some(found.len())
}

/// Values that are tried of each change.
const TURNS: usize = 48;
/// Tests that share the work.
const PARTS: usize = 4;

/// What a hunt has seen.
#[derive(Debug, Default)]
struct Seen {
    /// Values that fitted before, of changes that were called safe and of which something was said.
    compared: usize,
    /// Values of changes of which nothing was said: the same in another order, or said otherwise.
    compared_silent: usize,
    /// Changes that were called safe, and of which something was said.
    told: usize,
    /// Changes of which nothing was said.
    silent: usize,
    /// Changes that were called breaking or unproven.
    grave: usize,
    /// Nothing was changed.
    same: usize,
    /// The judge cannot read one of the two.
    unjudged: usize,
}

/// A value that fitted and fits no longer, though the change was called safe.
#[derive(Debug)]
#[allow(dead_code, reason = "it is shown where a test fails")]
struct Lost {
    seed: u64,
    value: Value,
    old: Value,
    new: Value,
}

/// Tries changes until so many values were compared where the change was called safe and is one.
fn hunt(
    (way, first): (Direction, u64),
    wanted: usize,
    is_safe: impl Fn(&Value, &Value, Direction) -> Option<usize>,
) -> Result<Seen, Box<Lost>> {
    let (mut seen, mut seed) = (Seen::default(), first);
    while seen.compared < wanted {
        seed += 1;
        assert!(seed - first < 1_000_000, "too few changes are called safe: {seen:?} of {wanted}");
        let mut random = Random(seed);
        let old = schemas::whole(&mut random);
        let new = schemas::changed(&old, &mut random);
        if old == new {
            seen.same += 1;
            continue;
        }
        let Some(differences) = is_safe(&old, &new, way) else {
            seen.grave += 1;
            continue;
        };
        let (inner, outer) = if way == Direction::Request { (&old, &new) } else { (&new, &old) };
        let (Some(narrow), Some(wide)) = (judge(inner), judge(outer)) else {
            seen.unjudged += 1;
            continue;
        };
        let (changes, values) = match differences {
            0 => (&mut seen.silent, &mut seen.compared_silent),
            _ => (&mut seen.told, &mut seen.compared),
        };
        *changes += 1;
        for turn in 0..TURNS {
            let from = if turn % 2 == 0 { inner } else { outer };
            let value = values::near(from, (inner, outer), &mut random);
            if !narrow.is_valid(&value) {
                continue;
            }
            *values += 1;
            if !wide.is_valid(&value) {
                return Err(Box::new(Lost { seed, value, old, new }));
            }
        }
    }
    Ok(seen)
}

fn no_value_is_lost(way: Direction, part: u64) {
    let wanted = wanted().div_ceil(PARTS);
    let seen = hunt((way, part << 32), wanted, called_safe).unwrap_or_else(|lost| panic!("{lost:?}"));
    // What was tried was changed, could be judged, and was more than words and order.
    let tried = seen.told + seen.silent + seen.grave + seen.same + seen.unjudged;
    assert!(seen.told > wanted / 200, "{seen:?}");
    assert!(seen.same * 2 < tried && seen.unjudged * 20 < tried, "{seen:?}");
    assert!(seen.grave * 20 > tried, "{seen:?}");
}

/// Words of which the comparison is made blind, each by itself.
const BLIND: [&str; 12] = [
    "type",
    "enum",
    "const",
    "minimum",
    "maximum",
    "minLength",
    "maxLength",
    "pattern",
    "required",
    "properties",
    "additionalProperties",
    "items",
];

/// The schema without a word, wherever it stands.
fn without(schema: &Value, word: &str) -> Value {
    match schema {
        Value::Object(members) => {
            let kept = members.iter().filter(|(name, _)| *name != word);
            Value::Object(kept.map(|(name, inner)| (name.clone(), without(inner, word))).collect())
        }
        Value::Array(items) => Value::Array(items.iter().map(|item| without(item, word)).collect()),
        other => other.clone(),
    }
}

/// A comparison that forgets a word is found out: else the tests above would show nothing of it.
fn a_hole_is_found(way: Direction, words: &[&str]) {
    for word in words {
        let blind = |old: &Value, new: &Value, way| {
            let found = called_safe(&without(old, word), &without(new, word), way)?;
            // Whatever it misses it would say something of.
            Some(found.max(1))
        };
        let seen = hunt((way, 77 << 32), 20_000, blind);
        assert!(seen.is_err(), "a comparison without `{word}` is not found out: {seen:?}");
    }
}

#[test]
fn a_comparison_that_calls_everything_safe_is_found_out() {
    for way in [Direction::Request, Direction::Response] {
        assert!(hunt((way, 78 << 32), 20_000, |_, _, _| Some(1)).is_err());
    }
}

macro_rules! holes {
    ($($name:ident $way:ident $words:expr;)*) => {
        $(#[test]
        fn $name() {
            a_hole_is_found(Direction::$way, $words);
        })*
    };
}

holes! {
    a_comparison_of_requests_that_forgets_a_word_is_found_out_1 Request &BLIND[..4];
    a_comparison_of_requests_that_forgets_a_word_is_found_out_2 Request &BLIND[4..8];
    a_comparison_of_requests_that_forgets_a_word_is_found_out_3 Request &BLIND[8..];
    a_comparison_of_answers_that_forgets_a_word_is_found_out_1 Response &BLIND[..4];
    a_comparison_of_answers_that_forgets_a_word_is_found_out_2 Response &BLIND[4..8];
    a_comparison_of_answers_that_forgets_a_word_is_found_out_3 Response &BLIND[8..];
}

macro_rules! parts {
    ($($name:ident $way:ident $part:literal;)*) => {
        $(#[test]
        fn $name() {
            no_value_is_lost(Direction::$way, $part);
        })*
    };
}

parts! {
    what_is_safe_for_requests_refuses_no_value_that_fitted_1 Request 0;
    what_is_safe_for_requests_refuses_no_value_that_fitted_2 Request 1;
    what_is_safe_for_requests_refuses_no_value_that_fitted_3 Request 2;
    what_is_safe_for_requests_refuses_no_value_that_fitted_4 Request 3;
    what_is_safe_for_answers_gives_no_value_that_did_not_fit_1 Response 4;
    what_is_safe_for_answers_gives_no_value_that_did_not_fit_2 Response 5;
    what_is_safe_for_answers_gives_no_value_that_did_not_fit_3 Response 6;
    what_is_safe_for_answers_gives_no_value_that_did_not_fit_4 Response 7;
}

/// What a schema is compared with itself, or with the same in another order, is nothing.
#[test]
fn a_schema_is_not_different_from_itself() {
    for seed in 0..300 {
        let one = schemas::whole(&mut Random(seed));
        let mut text: serde_json::Map<String, Value> = one.as_object().unwrap().clone();
        text.insert("description".to_owned(), json!("said otherwise"));
        for way in [Direction::Request, Direction::Response] {
            assert_eq!(schema(&node(&one), &node(&Value::Object(text.clone())), way), [], "seed {seed}: {one}");
        }
    }
}

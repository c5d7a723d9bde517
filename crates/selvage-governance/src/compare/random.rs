//! Random schemas, small changes of them, and values that nearly fit: where a change is called safe, no value that fitted is refused.
//! The judge is a validator of JSON Schema that nothing here is made of.

mod schemas;
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

/// Tries changes until so many values were compared where the change was called safe and is one.
fn no_value_is_lost(way: Direction, part: u64) {
    let first = part << 32;
    let (mut compared, mut changed, mut seed) = (0, 0, first);
    let wanted = wanted().div_ceil(PARTS);
    while compared < wanted {
        seed += 1;
        assert!(seed - first < 1_000_000, "too few changes are called safe: {compared} values of {wanted}");
        let mut random = Random(seed);
        let old = schemas::whole(&mut random);
        let new = schemas::changed(&old, &mut random);
        let Some(differences) = called_safe(&old, &new, way) else { continue };
        let (inner, outer) = if way == Direction::Request { (&old, &new) } else { (&new, &old) };
        let (Some(narrow), Some(wide)) = (judge(inner), judge(outer)) else { continue };
        if old == new {
            continue;
        }
        changed += usize::from(differences > 0);
        for turn in 0..TURNS {
            let from = if turn % 2 == 0 { inner } else { outer };
            let value = values::near(from, (inner, outer), &mut random);
            if !narrow.is_valid(&value) {
                continue;
            }
            compared += 1;
            assert!(wide.is_valid(&value), "seed {seed}: {value} is lost\n old {old}\n new {new}");
        }
    }
    assert!(changed > wanted / 200, "{changed} changes of {compared} values were more than words");
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

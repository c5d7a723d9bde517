//! The same hunt through parameters of queries and headers: a request that passed goes on to pass, also one that sends what nobody declared.
//! The judge reads texts as the gateway does, and asks a validator that nothing here is made of.

use serde_json::{Number, Value, json};

use super::trial::{Trial, Tried, holes_are_found, nothing_is_lost, safe_but};
use super::{PARTS, Random, judge, node, wanted};
use crate::compare::openapi;

const NAMES: [&str; 3] = ["a", "b", "page"];
const PLACES: [&str; 2] = ["query", "header"];
const TEXTS: [&str; 9] = ["", "a", "b", "ab", "abc", "1", "12", "1.5", "true"];

fn schema(random: &mut Random) -> Value {
    match random.below(8) {
        0 => json!({"type": "integer"}),
        1 => json!({"type": "integer", "maximum": random.below(15)}),
        2 => json!({"type": "number"}),
        3 => json!({"type": "string"}),
        4 => json!({"type": "string", "maxLength": random.below(4)}),
        5 => {
            let words = &["a", "b", "ab"][..=random.below(3)];
            json!({"type": "string", "enum": words})
        }
        6 => json!({"type": "boolean"}),
        _ => json!({}),
    }
}

/// Parameters with places and names of their own.
fn parameters(random: &mut Random) -> Vec<Value> {
    let mut made = Vec::new();
    for place in PLACES {
        for name in NAMES {
            if random.once_in(3) {
                made.push(parameter(place, name, random));
            }
        }
    }
    made
}

fn parameter(place: &str, name: &str, random: &mut Random) -> Value {
    json!({"name": name, "in": place, "required": random.once_in(3), "schema": schema(random)})
}

fn changed(parameters: &[Value], random: &mut Random) -> Vec<Value> {
    let mut changed = parameters.to_vec();
    let at = random.below(parameters.len());
    match (random.below(5), changed.get_mut(at)) {
        (0, Some(_)) => drop(changed.remove(at)),
        (1, Some(parameter)) => parameter["required"] = json!(random.once_in(2)),
        (2, Some(parameter)) => parameter["schema"] = schema(random),
        (3, Some(parameter)) => parameter["description"] = json!("said otherwise"),
        _ => {
            let (place, name) = (*random.pick(&PLACES), *random.pick(&NAMES));
            if !changed.iter().any(|known| known["in"] == place && known["name"] == name) {
                changed.push(parameter(place, name, random));
            }
        }
    }
    changed
}

/// What a text may stand for.
fn meant(text: &str) -> Vec<Value> {
    let number = serde_json::from_str::<Number>(text).ok().map(Value::Number);
    let flag = text.parse().ok().map(Value::Bool);
    [Some(json!(text)), number, flag].into_iter().flatten().collect()
}

/// What a request says: place, name, text, as often as it says it.
type Said = Vec<(&'static str, &'static str, &'static str)>;

#[derive(Debug)]
struct State(Vec<Value>);

impl State {
    fn contract(&self) -> Value {
        let operation =
            json!({"operationId": "list", "parameters": self.0, "responses": {"200": {"description": "well"}}});
        json!({"openapi": "3.1.0", "info": {"title": "things", "version": "1"}, "paths": {"/things": {"get": operation}}})
    }

    /// Whether a request passes: what is declared is checked, and nothing else.
    fn passes(&self, said: &Said) -> bool {
        self.0.iter().all(|parameter| {
            let texts: Vec<&str> = said
                .iter()
                .filter(|(place, name, _)| parameter["in"] == *place && parameter["name"] == *name)
                .map(|(_, _, text)| *text)
                .collect();
            match texts.as_slice() {
                [] => parameter["required"] != true,
                [text] => {
                    let validator = judge(&parameter["schema"]).unwrap();
                    meant(text).iter().any(|value| validator.is_valid(value))
                }
                _ => false,
            }
        })
    }
}

#[derive(Debug)]
struct Change {
    before: State,
    after: State,
    forgotten: &'static [&'static str],
}

impl Trial for Change {
    fn told(&self) -> Option<usize> {
        safe_but(&openapi(&node(&self.before.contract()), &node(&self.after.contract())), self.forgotten)
    }

    fn tried(&self, random: &mut Random) -> Tried {
        let mut said = Said::new();
        for place in PLACES {
            for name in NAMES {
                let declared = self.before.0.iter().find(|known| known["in"] == place && known["name"] == name);
                let is_needed = declared.is_some_and(|known| known["required"] == true);
                if is_needed || random.once_in(3) {
                    said.push((place, name, *random.pick(&TEXTS)));
                }
            }
        }
        if random.once_in(5) && !said.is_empty() {
            said.push(*random.pick(&said));
        }
        Tried::of(&said, self.before.passes(&said), || self.after.passes(&said))
    }
}

fn change(random: &mut Random, forgotten: &'static [&'static str]) -> Option<Change> {
    let before = parameters(random);
    let after = changed(&before, random);
    (before != after).then_some(Change { before: State(before), after: State(after), forgotten })
}

#[test]
fn what_is_safe_for_parameters_refuses_no_request_that_passed() {
    nothing_is_lost(320 << 32, wanted().div_ceil(PARTS), |random| change(random, &[]));
}

#[test]
fn a_comparison_of_parameters_that_forgets_a_class_is_found_out() {
    let codes = &[
        "openapi.parameter.added",
        "openapi.parameter.added-required",
        "openapi.parameter.required",
        "schema.type.narrowed.request",
    ];
    holes_are_found(321 << 32, codes, change);
}

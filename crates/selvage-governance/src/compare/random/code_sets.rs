//! The same hunt through code sets: what a system's words become and what it is told for a code, by a compiled mapping, and which codes
//! events may hold.

use selvage_mapping::{CompiledMapping, Links, check_event};
use selvage_model::fabric::Fabric;
use selvage_model::read::{self, Sources};
use serde_json::{Value, json};

use super::trial::{Trial, Tried, holes_are_found, nothing_is_lost, safe_but};
use super::{PARTS, Random, wanted};
use crate::compare::fabrics;

/// Words of systems and codes, some of them both.
const WORDS: [&str; 8] = ["kg", "h", "g", "Kilo", "Hours", "Std", "KGM", "lb"];
const SYSTEMS: [&str; 2] = ["erp", "mes"];

/// A set, of which a system may have its own words.
fn set(random: &mut Random) -> Value {
    let systems = match random.below(4) {
        0 => json!({}),
        1 => json!({"erp": {"Kilo": "kg"}}),
        2 => json!({"erp": {"Kilo": "kg", "KGM": "kg", "Hours": "h"}}),
        _ => json!({"erp": {"kg": "kg", "Std": "h"}, "mes": {"KGM": "kg"}}),
    };
    json!({
        "kind": "CodeSet", "name": "uom", "codes": [{"code": "kg", "name": "Kilogram"}, {"code": "h"}],
        "systems": systems, "on_unmatched": random.pick(&["park", "park", "reject", "pass"]),
    })
}

/// The set after a change or two.
fn changed(set: &Value, random: &mut Random) -> Value {
    let mut set = set.clone();
    for _ in 0..=random.below(2) {
        let codes = set["codes"].as_array_mut().unwrap();
        match random.below(8) {
            0 => codes.push(json!({"code": random.pick(&["g", "lb"])})),
            1 if codes.len() > 1 => drop(codes.pop()),
            2 => codes[0]["name"] = json!(random.pick(&["Kilo", "Kilogram"])),
            3 => set["on_unmatched"] = json!(random.pick(&["park", "reject", "pass"])),
            _ => reworded(&mut set, random),
        }
    }
    set
}

/// Changes what a system calls the codes.
fn reworded(set: &mut Value, random: &mut Random) {
    let codes: Vec<Value> = set["codes"].as_array().unwrap().iter().map(|entry| entry["code"].clone()).collect();
    let system = random.pick(&SYSTEMS).to_string();
    let systems = set["systems"].as_object_mut().unwrap();
    if random.once_in(8) {
        systems.shift_remove(&system);
        return;
    }
    let words = systems.entry(system).or_insert_with(|| json!({})).as_object_mut().unwrap();
    let named: Vec<String> = words.keys().cloned().collect();
    match random.below(6) {
        0 if !named.is_empty() => drop(words.shift_remove(random.pick(&named))),
        1 if named.len() > 1 => {
            let (first, code) = words.clone().into_iter().next().unwrap();
            words.shift_remove(&first);
            words.insert(first, code);
        }
        2 => {
            for code in &codes {
                words.insert(code.as_str().unwrap().to_owned(), code.clone());
            }
        }
        _ => drop(words.insert(random.pick(&WORDS).to_string(), random.pick(&codes).clone())),
    }
}

struct State {
    set: Value,
    fabric: Fabric,
    mappings: Vec<CompiledMapping>,
}

impl std::fmt::Debug for State {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.set)
    }
}

impl State {
    fn of(set: Value) -> Option<Self> {
        let mapping = |system: &str| {
            json!({
                "kind": "Mapping", "name": format!("thing-{system}"), "object": "thing@1", "system": system,
                "record": "things", "unverified": true, "fields": {"unit": {"at": "unit", "code": "uom"}},
            })
        };
        let documents = [
            set.clone(),
            json!({
                "kind": "Object", "name": "thing", "version": "1.0", "owner": "it", "identity": ["unit"],
                "attributes": {"unit": {"type": "code", "set": "uom"}},
            }),
            json!({
                "kind": "Interface", "name": "things", "type": "event", "version": "1.0", "lane": "subject",
                "events": {"things.thing.changed": {"object": "thing@1"}},
            }),
            mapping("erp"),
            mapping("mes"),
        ];
        let text = documents.map(|document| document.to_string()).join("\n---\n");
        let reading = read::read(&Sources::of("fabric.yaml", &text));
        // A word may stand for a code that is gone.
        if !reading.findings.is_empty() {
            return None;
        }
        let fabric = reading.fabric;
        let compiled = fabric.mappings.values().map(|mapping| CompiledMapping::compile(mapping, &fabric, 18));
        let mappings = compiled.collect::<Result<Vec<_>, _>>().unwrap_or_else(|found| panic!("{found:?}: {text}"));
        Some(Self { set, mappings, fabric })
    }

    /// What the compiled mapping of a system makes of its word.
    fn read(&self, system: usize, word: &str) -> Option<Value> {
        self.mappings[system].get(&json!({"id": 1, "unit": word}), &Links::new()).ok()
    }

    /// What a system is told for a code.
    fn written(&self, system: usize, code: &str) -> Option<Value> {
        self.mappings[system].put(&json!({"unit": code}), None, &Links::new()).ok().map(Value::Object)
    }

    fn takes(&self, code: &str) -> bool {
        let object = self.fabric.objects.values().next().unwrap();
        check_event(object, &self.fabric, &json!({"unit": code})).is_empty()
    }
}

#[derive(Debug)]
struct Change {
    before: State,
    after: State,
    /// Codes of differences that the comparison is made blind for.
    forgotten: &'static [&'static str],
}

impl Trial for Change {
    fn told(&self) -> Option<usize> {
        safe_but(&fabrics(&self.before.fabric, &self.after.fabric), self.forgotten)
    }

    fn tried(&self, random: &mut Random) -> Tried {
        let (word, system) = (*random.pick(&WORDS), random.below(SYSTEMS.len()));
        let (before, after) = (&self.before, &self.after);
        match random.below(4) {
            0 => {
                let was = before.read(system, word);
                Tried::of(("read", SYSTEMS[system], word), was.is_some(), || after.read(system, word) == was)
            }
            // What the object may not hold comes to no system.
            1 => {
                let was = before.written(system, word).filter(|_| before.takes(word));
                Tried::of(("written", SYSTEMS[system], word), was.is_some(), || after.written(system, word) == was)
            }
            2 => Tried::of(("published", word), before.takes(word), || after.takes(word)),
            _ => Tried::of(("delivered", word), after.takes(word), || before.takes(word)),
        }
    }
}

fn change(random: &mut Random, forgotten: &'static [&'static str]) -> Option<Change> {
    let before = set(random);
    let after = changed(&before, random);
    if format!("{before}") == format!("{after}") {
        return None;
    }
    Some(Change { before: State::of(before)?, after: State::of(after)?, forgotten })
}

#[test]
fn what_is_safe_for_code_sets_means_what_it_meant_1() {
    nothing_is_lost(300 << 32, wanted().div_ceil(PARTS), |random| change(random, &[]));
}

#[test]
fn what_is_safe_for_code_sets_means_what_it_meant_2() {
    nothing_is_lost(301 << 32, wanted().div_ceil(PARTS), |random| change(random, &[]));
}

#[test]
fn a_comparison_of_code_sets_that_forgets_a_class_is_found_out() {
    let codes = &[
        "code-set.code.removed.request",
        "code-set.code.added.response",
        "code-set.unmatched.changed",
        "code-set.word.removed.response",
        "code-set.word.changed",
        "code-set.word.translated.response",
        "code-set.written-word.changed.request",
    ];
    holes_are_found(302 << 32, codes, change);
}

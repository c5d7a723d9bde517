//! The laws of lenses, tried on records made from a seed. A case that the mapping refuses to write shows nothing and is
//! counted apart; a case that comes out different breaks the law and is told with its record.

use selvage_model::fabric::Fabric;
use serde_json::{Map, Value};

use super::apply::applied;
use super::generate::{Random, record};
use super::world::World;
use super::{Law, LawResult};
use crate::error::{MapCause, MapError};
use crate::lens::{Field, Lens};
use crate::link::Links;
use crate::mapping::CompiledMapping;
use crate::shape::same_members;

/// What one case showed.
enum Case {
    Held,
    Refused,
    Broken(String),
}

/// Tries both laws in this version. What an expression needs of a record cannot be told, so expressions, which write
/// nothing, are left to the examples.
pub(super) fn run(mapping: &CompiledMapping, fabric: &Fabric, version: u32, cases: u32, seed: u64) -> Vec<LawResult> {
    let mapping = &mapping.without_expressions();
    let world = World::new(mapping, fabric);
    let laws = [(Law::GetPut, get_put as fn(&Trial<'_>) -> Case), (Law::PutGet, put_get)];
    let try_law = |(law, case): (Law, fn(&Trial<'_>) -> Case)| {
        let mut result = LawResult { law, version, held: 0, refused: 0, broken: None };
        let mut random = Random::new(seed ^ u64::from(version));
        for _ in 0..cases {
            match case(&Trial::new(mapping, &world, &mut random)) {
                Case::Held => result.held += 1,
                Case::Refused => result.refused += 1,
                Case::Broken(how) => {
                    result.broken = Some(how);
                    break;
                }
            }
        }
        result
    };
    laws.into_iter().map(try_law).collect()
}

/// A record as it stands, and what it is to become.
struct Trial<'a> {
    mapping: &'a CompiledMapping,
    world: &'a World,
    before: Value,
    /// The record as it stands with some fields of another.
    wanted: Value,
    /// No record stands yet.
    creates: bool,
}

impl<'a> Trial<'a> {
    fn new(mapping: &'a CompiledMapping, world: &'a World, random: &mut Random) -> Self {
        let before = record(mapping, world, random);
        let other = record(mapping, world, random);
        let mut wanted = before.clone();
        for (field, value) in other {
            if random.once_in(2) {
                wanted.insert(field, value);
            }
        }
        let creates = random.once_in(4);
        Self { mapping, world, before: Value::Object(before), wanted: Value::Object(wanted), creates }
    }

    fn get(&self, record: &Value) -> Result<Value, MapError> {
        let mut links = Links::new();
        self.world.answer(self.mapping.links(record), &mut links);
        self.mapping.get(record, &links)
    }

    fn put(&self, canonical: &Value, before: Option<&Value>) -> Result<Map<String, Value>, MapError> {
        let mut links = Links::new();
        self.world.answer(self.mapping.put_links(canonical)?, &mut links);
        if let Some(before) = before {
            self.world.answer(self.mapping.links(before), &mut links);
        }
        self.mapping.put(canonical, before, &links)
    }
}

/// Put what you got: nothing changes.
fn get_put(trial: &Trial<'_>) -> Case {
    let got = match trial.get(&trial.before) {
        Ok(got) => got,
        Err(error) => return Case::Broken(told(&trial.before, &format!("it cannot be read: {error}"))),
    };
    match trial.put(&got, Some(&trial.before)) {
        Ok(changes) if changes.is_empty() => Case::Held,
        Ok(changes) => {
            Case::Broken(told(&trial.before, &format!("putting what was got changes {}", Value::Object(changes))))
        }
        Err(error) => Case::Broken(told(&trial.before, &format!("putting what was got is refused: {error}"))),
    }
}

/// Get what you put: it is what you put, and what the object does not carry is as it was.
fn put_get(trial: &Trial<'_>) -> Case {
    let given = match trial.get(&trial.wanted) {
        Ok(wanted) => trial.mapping.writable_part(&wanted),
        Err(error) => return Case::Broken(told(&trial.wanted, &format!("it cannot be read: {error}"))),
    };
    let before = (!trial.creates).then_some(&trial.before);
    let changes = match trial.put(&given, before) {
        Ok(changes) => changes,
        Err(error) if matches!(error.cause, MapCause::Shape | MapCause::Unit | MapCause::NotWritable) => {
            return Case::Refused;
        }
        Err(error) => return Case::Broken(told(&trial.wanted, &format!("putting {given} is refused: {error}"))),
    };
    let stands = before.and_then(Value::as_object).cloned().unwrap_or_default();
    let after = Value::Object(applied(trial.mapping.members(), stands, changes, &trial.wanted));
    if before.is_some() && after.get("x_untouched") != trial.before.get("x_untouched") {
        return Case::Broken(told(&trial.before, "a field that the mapping does not carry was changed"));
    }
    let read_back = if before.is_some() { trial.get(&after) } else { read_created(trial, &after) };
    match read_back.map(|got| trial.mapping.writable_part(&got)) {
        Ok(got) if alike(trial, &got, &given) => Case::Held,
        Ok(got) => Case::Broken(told(&trial.before, &format!("put was {given}, got is {got}"))),
        Err(error) => Case::Broken(told(&after, &format!("what was put cannot be read: {error}"))),
    }
}

/// A created record has besides what was put what the system gives it: what the object only reads.
fn read_created(trial: &Trial<'_>, created: &Value) -> Result<Value, MapError> {
    let mut whole = created.clone();
    if let (Some(whole), Some(own)) = (whole.as_object_mut(), trial.wanted.as_object()) {
        for field in trial.mapping.system_fields() {
            if let (false, Some(value)) = (whole.contains_key(&field), own.get(&field)) {
                whole.insert(field, value.clone());
            }
        }
    }
    trial.get(&whole)
}

/// Lines that are known again by a key have no order of their own.
fn alike(trial: &Trial<'_>, left: &Value, right: &Value) -> bool {
    let members = trial.mapping.members();
    match (in_order(members, left), in_order(members, right)) {
        (Value::Object(left), Value::Object(right)) => same_members(trial.mapping.attributes(), &left, &right),
        (left, right) => left == right,
    }
}

/// The object with its keyed lines in the order of their keys.
fn in_order(members: &[Field], canonical: &Value) -> Value {
    let mut ordered = canonical.clone();
    for member in members {
        let Some(value) = ordered.get_mut(member.name()) else { continue };
        match (&member.lens, value) {
            (Lens::Group(inner), value) => *value = in_order(inner, value),
            (Lens::Lines(lines), Value::Array(list)) => {
                list.iter_mut().for_each(|line| *line = in_order(&lines.members, line));
                let of = |line: &Value, key: &Field| line.get(key.name()).map(Value::to_string).unwrap_or_default();
                list.sort_by_cached_key(|line| lines.key_members().map(|key| of(line, key)).collect::<Vec<_>>());
            }
            _ => {}
        }
    }
    ordered
}

fn told(record: &Value, what: &str) -> String {
    let record: String = record.to_string().chars().take(600).collect();
    format!("{what}; the record was {record}")
}

#[cfg(test)]
mod tests;

//! The same hunt through AsyncAPI 3: what is received and what is sent by channels whose messages have random schemas, of 2020-12 or,
//! where it can be said in the words of that, of draft 7. Whoever sends as before is understood, and whoever reads as before
//! understands. The judge of what a message carries is a validator of JSON Schema that nothing here is made of.

use serde_json::{Map, Value, json};

use super::trial::{Trial, Tried, holes_are_found, hunt, safe_but};
use super::{PARTS, Random, node, schemas, values, wanted};
use crate::compare::{Direction, asyncapi};

/// How a schema is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Written {
    /// After draft 7, as AsyncAPI has it.
    Seven,
    /// JSON Schema 2020-12.
    Draft,
}

/// Words that mean the same in both, beside those that hold schemas.
const ALIKE: [&str; 22] = [
    "type",
    "enum",
    "const",
    "minimum",
    "maximum",
    "exclusiveMinimum",
    "exclusiveMaximum",
    "multipleOf",
    "minLength",
    "maxLength",
    "pattern",
    "format",
    "required",
    "minProperties",
    "maxProperties",
    "minItems",
    "maxItems",
    "uniqueItems",
    "title",
    "description",
    "$ref",
    "$comment",
];

/// Whether draft 7 says the same in the same words.
fn is_of_seven(schema: &Value) -> bool {
    let Some(members) = schema.as_object() else { return schema.is_boolean() };
    // What stands beside a reference counts for nothing there.
    if members.contains_key("$ref") && members.len() > 1 {
        return false;
    }
    members.iter().all(|(word, value)| match word.as_str() {
        "properties" | "patternProperties" | "$defs" => {
            value.as_object().is_some_and(|inner| inner.values().all(is_of_seven))
        }
        "items" | "not" | "contains" | "additionalProperties" | "propertyNames" | "if" | "then" | "else" => {
            is_of_seven(value)
        }
        "anyOf" | "oneOf" | "allOf" => value.as_array().is_some_and(|parts| parts.iter().all(is_of_seven)),
        alike => ALIKE.contains(&alike),
    })
}

/// The schema and what it refers to, apart: the one stands in a message, the other is shared.
fn apart(schema: &Value) -> (Value, Value) {
    let text = schema.to_string().replace("#/$defs/", "#/components/schemas/");
    let mut schema: Value = serde_json::from_str(&text).unwrap();
    let shared = schema.as_object_mut().unwrap().shift_remove("$defs").unwrap_or_else(|| json!({}));
    (schema, shared)
}

/// Channels `a` and `b`: each has a message of the random schema and a plain one, and an operation.
fn document(written: Written, schema: &Value, operations: &Value) -> Value {
    let (schema, shared) = apart(schema);
    let carried = match written {
        Written::Seven => schema,
        Written::Draft => json!({"schemaFormat": "application/schema+json;version=draft-2020-12", "schema": schema}),
    };
    let messages = json!({"told": {"payload": carried}, "plain": {"payload": {"type": "string"}}});
    json!({
        "asyncapi": "3.0.0", "info": {"title": "things", "version": "1"},
        "channels": {
            "a": {"address": "things/a", "messages": messages},
            "b": {"address": "things/b", "messages": messages},
        },
        "operations": operations, "components": {"schemas": shared},
    })
}

fn operation(channel: &str, random: &mut Random) -> Value {
    json!({"action": random.pick(&["send", "receive"]), "channel": {"$ref": format!("#/channels/{channel}")}})
}

/// Changes something beside the schemas.
fn change_around(document: &mut Value, random: &mut Random) {
    let plain = json!({"payload": {"type": "string"}});
    match random.below(12) {
        0 => document["channels"]["a"]["address"] = json!("things/c"),
        1 => drop(document["channels"]["a"]["messages"].as_object_mut().unwrap().shift_remove("plain")),
        2 => document["channels"]["a"]["messages"]["more"] = plain,
        3 => document["operations"]["a"] = operation("a", random),
        4 => drop(document["operations"].as_object_mut().unwrap().shift_remove("a")),
        5 => document["operations"]["c"] = operation("a", random),
        6 => drop(document["channels"].as_object_mut().unwrap().shift_remove("b")),
        7 => document["channels"]["c"] = json!({"address": "things/c", "messages": {"plain": plain}}),
        8 => document["channels"]["a"]["messages"]["plain"]["contentType"] = json!("text/plain"),
        9 => document["defaultContentType"] = json!("application/xml"),
        10 => document["operations"]["a"] = operation("b", random),
        _ => document["info"]["title"] = json!("all things"),
    }
}

/// A contract, with the judge of its random messages.
struct State {
    schema: Value,
    document: Value,
    judge: jsonschema::Validator,
}

impl std::fmt::Debug for State {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.document)
    }
}

/// A message as it goes by a channel.
#[derive(Debug)]
struct Message {
    address: &'static str,
    name: &'static str,
    content_type: &'static str,
    payload: Value,
}

impl State {
    fn of(written: Written, schema: Value, document: Value) -> Option<Self> {
        let draft = match written {
            Written::Seven => jsonschema::Draft::Draft7,
            Written::Draft => jsonschema::Draft::Draft202012,
        };
        let (inner, shared) = apart(&schema);
        let whole = json!({"allOf": [inner], "components": {"schemas": shared}});
        let judge = jsonschema::options().with_draft(draft).should_validate_formats(true).build(&whole).ok()?;
        Some(Self { schema, document, judge })
    }

    /// The channel at an address, and its name.
    fn channel(&self, address: &str) -> Option<(&String, &Value)> {
        self.document["channels"].as_object()?.iter().find(|(_, channel)| channel["address"] == address)
    }

    /// Whether the application does this at an address.
    fn does(&self, action: &str, address: &str) -> bool {
        let Some((name, _)) = self.channel(address) else { return false };
        let channel = json!({"$ref": format!("#/channels/{name}")});
        let mut operations = self.document["operations"].as_object().into_iter().flat_map(Map::values);
        operations.any(|operation| operation["action"] == action && operation["channel"] == channel)
    }

    /// Whether a message is one of those of its channel.
    fn fits(&self, message: &Message) -> bool {
        let declared = self.channel(message.address).and_then(|(_, channel)| channel["messages"].get(message.name));
        let Some(declared) = declared else { return false };
        let kind = declared.get("contentType").or(self.document.get("defaultContentType"));
        let is_of_kind = kind.and_then(Value::as_str).unwrap_or("application/json") == message.content_type;
        let fits =
            if message.name == "told" { self.judge.is_valid(&message.payload) } else { message.payload.is_string() };
        is_of_kind && fits
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
        safe_but(&asyncapi(&node(&self.before.document), &node(&self.after.document)), self.forgotten)
    }

    fn tried(&self, random: &mut Random) -> Tried {
        let way = *random.pick(&[Direction::Request, Direction::Response]);
        let address = *random.pick(&["things/a", "things/a", "things/b"]);
        if random.once_in(12) {
            let waits = self.before.does("send", address);
            return Tried::of(("waits for something", address), waits, || self.after.does("send", address));
        }
        let (inner, outer) = match way {
            Direction::Request => (&self.before, &self.after),
            _ => (&self.after, &self.before),
        };
        let made_of = if random.once_in(2) { inner } else { outer };
        let name = *random.pick(&["told", "told", "told", "plain", "more"]);
        let payload = match name {
            "told" => values::near(&made_of.schema, (&inner.schema, &outer.schema), random),
            _ => json!("plainly"),
        };
        let content_type = *random.pick(&["application/json", "application/json", "text/plain", "application/xml"]);
        let message = Message { address, name, content_type, payload };
        let action = if way == Direction::Request { "receive" } else { "send" };
        // Who reads where nothing was sent before reads by the new contract.
        let concerned = self.before.does(action, address) && inner.does(action, address);
        Tried::of((way, &message), concerned && inner.fits(&message), || {
            outer.does(action, address) && outer.fits(&message)
        })
    }
}

fn change(random: &mut Random, written: Written, forgotten: &'static [&'static str]) -> Option<Change> {
    let old = schemas::whole(random);
    let around = random.once_in(3);
    let new = if around && random.once_in(2) { old.clone() } else { schemas::changed(&old, random) };
    if written == Written::Seven && !(is_of_seven(&old) && is_of_seven(&new)) {
        return None;
    }
    let operations = json!({"a": operation("a", random), "b": operation("b", random)});
    let (was, mut is) = (document(written, &old, &operations), document(written, &new, &operations));
    if around {
        change_around(&mut is, random);
    }
    if was == is {
        return None;
    }
    Some(Change { before: State::of(written, old, was)?, after: State::of(written, new, is)?, forgotten })
}

fn no_message_is_lost(written: Written, part: u64) {
    let wanted = wanted().div_ceil(PARTS);
    let seen = hunt(part << 32, wanted, |random| change(random, written, &[])).unwrap_or_else(|lost| panic!("{lost}"));
    assert!(seen.told > wanted / 200 && seen.grave > seen.told, "{seen:?}");
}

#[test]
fn what_is_safe_for_messages_loses_none_1() {
    no_message_is_lost(Written::Draft, 320);
}

#[test]
fn what_is_safe_for_messages_loses_none_2() {
    no_message_is_lost(Written::Draft, 321);
}

#[test]
fn what_is_safe_for_messages_of_draft_7_loses_none_1() {
    no_message_is_lost(Written::Seven, 322);
}

#[test]
fn what_is_safe_for_messages_of_draft_7_loses_none_2() {
    no_message_is_lost(Written::Seven, 323);
}

#[test]
fn a_comparison_of_messages_that_forgets_a_class_is_found_out() {
    let codes = &[
        "asyncapi.channel.removed",
        "asyncapi.address.changed",
        "asyncapi.operation.removed",
        "asyncapi.operation.reversed",
        "asyncapi.operation.moved",
        "asyncapi.message.removed",
        "asyncapi.message.added.response",
        "asyncapi.content-type.changed",
    ];
    holes_are_found(324 << 32, codes, |random, forgotten| change(random, Written::Draft, forgotten));
}

//! Reading an event, strictly, with every mistake at once and where it is. Attributes come from members of a JSON object or, one by one
//! as texts, from headers.

use jiff::Timestamp;
use serde_json::{Map, Value};

use super::{CloudEvent, VERSION};
use crate::problem::FieldError;

/// The longest name of an attribute, as the specification advises.
const MOST_NAME: usize = 20;

/// Reads one event from structured JSON.
///
/// # Errors
/// Everything that is wrong with it, by JSON Pointer.
pub fn structured(value: Value) -> Result<CloudEvent, Vec<FieldError>> {
    let Value::Object(mut members) = value else {
        return Err(vec![error("", "an event is a JSON object")]);
    };
    let mut errors = Vec::new();
    if members.contains_key("data_base64") {
        errors.push(error("/data_base64", "binary data is not taken: send JSON in `data`"));
        members.shift_remove("data_base64");
    }
    let data = members.shift_remove("data").filter(|data| !data.is_null());
    let event = read(members, data, &mut errors);
    match event {
        Some(event) if errors.is_empty() => Ok(event),
        _ => Err(errors),
    }
}

fn read(members: Map<String, Value>, data: Option<Value>, errors: &mut Vec<FieldError>) -> Option<CloudEvent> {
    let mut event = CloudEvent { data, ..CloudEvent::new("", "", "") };
    let mut version = None;
    // An attribute that is null is one that is not there.
    for (name, value) in members.into_iter().filter(|(_, value)| !value.is_null()) {
        let read = match (name.as_str(), &value) {
            ("specversion", Value::String(text)) => {
                version = Some(text.clone());
                Ok(())
            }
            (_, Value::String(text)) => attribute(&mut event, &name, text),
            (name, _) if is_text(name) => Err("is a text".to_owned()),
            (_, Value::Bool(_)) => extension(&mut event, &name, value.clone()),
            (_, Value::Number(number)) if number.as_i64().is_some_and(|number| i32::try_from(number).is_ok()) => {
                extension(&mut event, &name, value.clone())
            }
            _ => Err("an attribute is a text, a boolean or a whole number of 32 bits; what is more goes into `data`"
                .to_owned()),
        };
        errors.extend(read.err().map(|detail| error(&pointer(&name), &detail)));
    }
    for (name, is_there) in
        [("id", !event.id.is_empty()), ("source", !event.source.is_empty()), ("type", !event.kind.is_empty())]
    {
        if !is_there && !errors.iter().any(|error| error.pointer == pointer(name)) {
            errors.push(error(&pointer(name), "is missing"));
        }
    }
    match version.as_deref() {
        Some(VERSION) => {}
        Some(other) => errors.push(error("/specversion", &format!("`{other}` is not spoken here, only `{VERSION}`"))),
        None if errors.iter().any(|error| error.pointer == "/specversion") => {}
        None => errors.push(error("/specversion", "is missing")),
    }
    errors.is_empty().then_some(event)
}

/// Sets one attribute from its text, as it stands in JSON or in a header. `specversion` and the data are none.
///
/// # Errors
/// What is wrong with it, in words.
pub fn attribute(event: &mut CloudEvent, name: &str, text: &str) -> Result<(), String> {
    if text.chars().any(char::is_control) {
        return Err("has a control character".to_owned());
    }
    if text.is_empty() && is_text(name) {
        return Err("is empty".to_owned());
    }
    let owned = || Some(text.to_owned());
    match name {
        "id" => text.clone_into(&mut event.id),
        "source" => {
            uri(text)?;
            text.clone_into(&mut event.source);
        }
        "type" => text.clone_into(&mut event.kind),
        "subject" => event.subject = owned(),
        "time" => event.time = Some(time(text)?),
        "datacontenttype" => event.content_type = owned(),
        "dataschema" => {
            uri(text)?;
            event.schema = owned();
        }
        "partitionkey" => event.lane = owned(),
        "correlationid" => event.correlation = owned(),
        "causationid" => event.causation = owned(),
        "release" => event.release = owned(),
        _ => return extension(event, name, Value::from(text)),
    }
    Ok(())
}

fn extension(event: &mut CloudEvent, name: &str, value: Value) -> Result<(), String> {
    let is_name = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    if name == "sequence" {
        return Err("is given by the log".to_owned());
    }
    if name.is_empty() || name.len() > MOST_NAME || !name.bytes().all(is_name) {
        return Err(format!("is no name of an attribute: up to {MOST_NAME} of `a` to `z` and `0` to `9`"));
    }
    event.extensions.insert(name.to_owned(), value);
    Ok(())
}

/// Whether an attribute that the specification, or Selvage, knows is a text.
fn is_text(name: &str) -> bool {
    const TEXTS: [&str; 12] = [
        "specversion",
        "id",
        "source",
        "type",
        "subject",
        "time",
        "datacontenttype",
        "dataschema",
        "partitionkey",
        "correlationid",
        "causationid",
        "release",
    ];
    TEXTS.contains(&name)
}

/// RFC 3339, and nothing else that the parser knows.
fn time(text: &str) -> Result<Timestamp, String> {
    let wrong = || format!("`{text}` is no time of RFC 3339, as `2026-11-26T06:30:00Z`");
    let plain = text.bytes().all(|byte| byte.is_ascii_digit() || b"-:.TtZz+".contains(&byte));
    let separated = text.as_bytes().get(10).is_some_and(|byte| byte.eq_ignore_ascii_case(&b't'));
    if plain && separated { text.parse().map_err(|_| wrong()) } else { Err(wrong()) }
}

/// A URI reference has no spaces and none of the characters that none may have.
fn uri(text: &str) -> Result<(), String> {
    let unfit = |letter: &char| letter.is_whitespace() || "\"<>\\^`{|}".contains(*letter);
    match text.chars().find(unfit) {
        Some(letter) => Err(format!("is a URI reference, and `{letter}` is in none")),
        None => Ok(()),
    }
}

fn pointer(name: &str) -> String {
    format!("/{}", name.replace('~', "~0").replace('/', "~1"))
}

fn error(pointer: &str, detail: &str) -> FieldError {
    FieldError { pointer: pointer.to_owned(), detail: detail.to_owned() }
}

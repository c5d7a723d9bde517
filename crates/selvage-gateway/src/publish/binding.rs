//! CloudEvents' HTTP binding 1.0.2: structured, batched and binary. Pure but for the scale that weighs what is made of a body.

use http::{HeaderMap, HeaderValue, header};
use selvage_model::cloud_event::{self, BATCH, CloudEvent, STRUCTURED};
use selvage_model::code;
use selvage_model::event::MOST_RECORDS;
use selvage_model::problem::{FieldError, ParameterError, Problem};
use serde_json::Value;

use crate::burden::Scale;
use crate::json;
use crate::mediate::{in_foreign_charset, is_json};
use crate::path;

const PREFIX: &str = "ce-";
const VERSION: &str = "1.0";

/// How a request carries events.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mode {
    /// One, all of it in the body.
    Structured,
    /// A list of such.
    Batch,
    /// One: its attributes in headers, its data as the body.
    Binary,
}

impl Mode {
    /// Below what of an event the body begins.
    pub(super) fn below(self) -> &'static str {
        if self == Self::Binary { "/data" } else { "" }
    }
}

/// The events of a request.
#[derive(Debug)]
pub(super) struct Events {
    pub(super) events: Vec<CloudEvent>,
    pub(super) is_batch: bool,
}

/// Which mode these headers speak of.
pub(super) fn mode(headers: &HeaderMap) -> Result<Mode, Problem> {
    let unknown = |detail: &str| Problem::new(415, code::EVENT_MODE, detail);
    let mut types = headers.get_all(header::CONTENT_TYPE).iter();
    let media_type = types.next().map(|value| value.to_str().unwrap_or_default());
    if types.next().is_some() {
        return Err(unknown("`Content-Type` is sent twice"));
    }
    if headers.contains_key(header::CONTENT_ENCODING) {
        return Err(unknown("events are sent without `Content-Encoding`"));
    }
    if let Some(problem) = media_type.and_then(in_foreign_charset) {
        return Err(problem);
    }
    let essence = media_type.unwrap_or_default().split(';').next().unwrap_or_default().trim();
    if essence.eq_ignore_ascii_case(STRUCTURED) {
        return Ok(Mode::Structured);
    }
    if essence.eq_ignore_ascii_case(BATCH) {
        return Ok(Mode::Batch);
    }
    let is_binary = headers.contains_key("ce-specversion");
    match (is_binary, media_type) {
        (true, Some(media_type)) if !is_json(media_type) => {
            Err(unknown("the data of an event is JSON here: send it as `Content-Type: application/json`"))
        }
        (true, _) => Ok(Mode::Binary),
        (false, _) => Err(unknown(
            "send events as `application/cloudevents+json`, as `application/cloudevents-batch+json`, or as JSON with their \
             attributes in `ce-` headers",
        )),
    }
}

/// Reads the events; everything that is wrong with them otherwise.
pub(super) fn read(mode: Mode, headers: &HeaderMap, bytes: &[u8], scale: &mut Scale<'_>) -> Result<Events, Problem> {
    let body = match (mode, bytes.is_empty()) {
        (Mode::Binary, true) => Value::Null,
        _ => json::read_weighed(bytes, scale).map_err(|error| match scale.is_full() {
            true => scale.no_room(),
            false => Problem::new(400, code::BODY_NOT_JSON, error),
        })?,
    };
    match mode {
        Mode::Structured => {
            let event = cloud_event::structured(body).and_then(json_data);
            Ok(Events { events: vec![event.map_err(unfit)?], is_batch: false })
        }
        Mode::Batch => Ok(Events { events: batch(body)?, is_batch: true }),
        Mode::Binary => Ok(Events { events: vec![binary(headers, body)?], is_batch: false }),
    }
}

fn batch(body: Value) -> Result<Vec<CloudEvent>, Problem> {
    let Value::Array(items) = body else {
        return Err(unfit(vec![FieldError {
            pointer: String::new(),
            detail: "a batch is a list of events".to_owned(),
        }]));
    };
    if items.len() > MOST_RECORDS {
        let detail = format!("a batch has up to {MOST_RECORDS} events, and this one has {}", items.len());
        return Err(Problem::new(413, code::EVENT_BATCH, detail));
    }
    let (mut events, mut errors) = (Vec::with_capacity(items.len()), Vec::new());
    for (index, item) in items.into_iter().enumerate() {
        match cloud_event::structured(item).and_then(json_data) {
            Ok(event) => events.push(event),
            Err(found) => errors.extend(
                found.into_iter().map(|error| FieldError { pointer: format!("/{index}{}", error.pointer), ..error }),
            ),
        }
    }
    if errors.is_empty() { Ok(events) } else { Err(unfit(errors)) }
}

/// Of what is said to be no JSON nothing can be checked.
fn json_data(event: CloudEvent) -> Result<CloudEvent, Vec<FieldError>> {
    match &event.content_type {
        Some(media_type) if !is_json(media_type) => {
            let detail = "the data of an event is JSON here".to_owned();
            Err(vec![FieldError { pointer: "/datacontenttype".to_owned(), detail }])
        }
        _ => Ok(event),
    }
}

fn binary(headers: &HeaderMap, body: Value) -> Result<CloudEvent, Problem> {
    let mut event = CloudEvent { data: Some(body).filter(|data| !data.is_null()), ..CloudEvent::new("", "", "") };
    let mut wrong: Vec<ParameterError> = Vec::new();
    for name in headers.keys() {
        let Some(attribute) = name.as_str().strip_prefix(PREFIX) else { continue };
        let mut values = headers.get_all(name).iter();
        let (first, second) = (values.next(), values.next());
        let read = match (first.and_then(text), second) {
            (_, Some(_)) => Err("is sent twice".to_owned()),
            (None, None) => Err("is not percent-encoded UTF-8".to_owned()),
            (Some(text), None) if attribute == "specversion" => match text == VERSION {
                true => Ok(()),
                false => Err(format!("`{text}` is not spoken here, only `{VERSION}`")),
            },
            (Some(_), None) if matches!(attribute, "datacontenttype" | "data" | "data_base64") => {
                Err("is no header of an event: the data is the body, and `Content-Type` says what it is".to_owned())
            }
            (Some(text), None) => cloud_event::attribute(&mut event, attribute, &text),
        };
        wrong.extend(read.err().map(|detail| in_header(name.as_str(), detail)));
    }
    for (name, value) in [("ce-id", &event.id), ("ce-source", &event.source), ("ce-type", &event.kind)] {
        if value.is_empty() && !wrong.iter().any(|error| error.name == name) {
            wrong.push(in_header(name, "is missing".to_owned()));
        }
    }
    event.content_type = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).map(str::to_owned);
    if wrong.is_empty() {
        return Ok(event);
    }
    Err(Problem { parameters: wrong, ..unfit(Vec::new()) })
}

/// The text of a header: perhaps quoted, and percent-encoded.
fn text(value: &HeaderValue) -> Option<String> {
    let text = value.to_str().ok()?.trim();
    let unquoted = match text.strip_prefix('"').and_then(|text| text.strip_suffix('"')) {
        Some(quoted) => unescaped(quoted),
        None => text.to_owned(),
    };
    String::from_utf8(path::decode(unquoted.as_bytes(), false)?).ok()
}

fn unescaped(quoted: &str) -> String {
    let mut letters = quoted.chars();
    let mut text = String::with_capacity(quoted.len());
    while let Some(letter) = letters.next() {
        text.push(if letter == '\\' { letters.next().unwrap_or(letter) } else { letter });
    }
    text
}

fn in_header(name: &str, detail: String) -> ParameterError {
    ParameterError { place: "header", name: name.to_owned(), detail }
}

fn unfit(errors: Vec<FieldError>) -> Problem {
    Problem::new(400, code::EVENT_FORM, "this is not what CloudEvents 1.0 makes of an event").with_errors(errors)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(all: &[(&'static str, &'static str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in all {
            headers.append(*name, HeaderValue::from_static(value));
        }
        headers
    }

    #[test]
    fn the_content_type_says_how_events_are_carried() {
        let table = [
            (headers(&[("content-type", "application/cloudevents+json; charset=UTF-8")]), Some(Mode::Structured)),
            (headers(&[("content-type", "Application/CloudEvents-Batch+JSON")]), Some(Mode::Batch)),
            (headers(&[("content-type", "application/json"), ("ce-specversion", "1.0")]), Some(Mode::Binary)),
            (headers(&[("ce-specversion", "1.0")]), Some(Mode::Binary)),
            (headers(&[("content-type", "text/xml"), ("ce-specversion", "1.0")]), None),
            (headers(&[("content-type", "application/cloudevents+json; charset=utf-16")]), None),
            (headers(&[("content-type", "application/json; charset=utf-16"), ("ce-specversion", "1.0")]), None),
            (headers(&[("content-type", "application/json")]), None),
            (headers(&[]), None),
            (headers(&[("content-type", STRUCTURED), ("content-type", BATCH)]), None),
            (headers(&[("content-type", STRUCTURED), ("content-encoding", "gzip")]), None),
        ];
        for (headers, expected) in table {
            assert_eq!(mode(&headers).ok(), expected, "{headers:?}");
        }
    }

    #[test]
    fn attributes_in_headers_are_decoded_and_every_mistake_is_told() {
        let right = headers(&[
            ("content-type", "application/json"),
            ("ce-specversion", "1.0"),
            ("ce-id", "\"A \\\"1\\\"\""),
            ("ce-source", "/mes"),
            ("ce-type", "a.b.c"),
            ("ce-subject", "Euro%20%E2%82%AC%20%F0%9F%98%80"),
            ("ce-line", "3"),
            ("other", "x"),
        ]);
        let event = binary(&right, Value::from(1)).unwrap();
        assert_eq!((event.id.as_str(), event.subject.as_deref()), ("A \"1\"", Some("Euro € 😀")));
        assert_eq!((event.data, event.extensions["line"].as_str()), (Some(Value::from(1)), Some("3")));
        let wrong = headers(&[
            ("ce-specversion", "0.3"),
            ("ce-id", "%FF"),
            ("ce-source", "/a"),
            ("ce-source", "/b"),
            ("ce-sequence", "1"),
            ("ce-datacontenttype", "application/json"),
        ]);
        let problem = binary(&wrong, Value::Null).unwrap_err();
        let mut names: Vec<&str> = problem.parameters.iter().map(|error| error.name.as_str()).collect();
        names.sort_unstable();
        let expected = ["ce-datacontenttype", "ce-id", "ce-sequence", "ce-source", "ce-specversion", "ce-type"];
        assert_eq!(names, expected);
    }
}

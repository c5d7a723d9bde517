//! Tables of events that are taken and of events that are not.

use serde_json::{Value, json};

use super::*;

fn with(name: &str, value: Value) -> Value {
    let mut event = json!({"specversion": "1.0", "id": "1", "source": "/mes", "type": "a.b.c"});
    event[name] = value;
    event
}

fn errors(value: Value) -> Vec<(String, String)> {
    structured(value).unwrap_err().into_iter().map(|error| (error.pointer, error.detail)).collect()
}

#[test]
fn what_is_written_is_read_again() {
    let whole = json!({
        "specversion": "1.0",
        "id": "A-1",
        "source": "https://mes.example/line/3",
        "type": "manufacturing.work-order.started",
        "subject": "WO/1",
        "time": "2026-11-26T06:30:00.5Z",
        "datacontenttype": "application/json",
        "dataschema": "https://mes.example/wo.json",
        "partitionkey": "WO/1",
        "correlationid": "c-1",
        "causationid": "e-9",
        "release": "rel_1",
        "line": "3",
        "shift": 2,
        "tested": true,
        "data": {"id": "WO/1", "quantity": {"value": "1.50", "unit": "kg"}},
    });
    let event = structured(whole.clone()).unwrap();
    assert_eq!(serde_json::from_slice::<Value>(&event.record()).unwrap(), whole);
    assert_eq!(CloudEvent::from_record(&event.record()), Ok(event.clone()));
    let told = event.told(Position::new(2, 7).unwrap());
    assert_eq!(told["sequence"], "0002000000000000007");
    assert_eq!(told.as_object().unwrap().keys().next_back().unwrap(), "data");
}

#[test]
fn what_is_null_is_not_there_and_times_are_in_utc() {
    let event = structured(with("subject", Value::Null)).unwrap();
    assert_eq!(event.subject, None);
    let event = structured(with("time", json!("2026-11-26T07:30:00+01:00"))).unwrap();
    assert_eq!(event.attributes()["time"], "2026-11-26T06:30:00Z");
    assert_eq!(structured(with("data", Value::Null)).unwrap().data, None);
    assert_eq!(structured(with("data", json!(0))).unwrap().data, Some(json!(0)));
}

#[test]
fn what_is_wrong_is_told_with_its_place() {
    let table = [
        (json!([]), "", "object"),
        (with("specversion", json!("0.3")), "/specversion", "only `1.0`"),
        (with("specversion", json!(1.0)), "/specversion", "text"),
        (with("specversion", Value::Null), "/specversion", "missing"),
        (with("id", json!("")), "/id", "empty"),
        (with("id", json!(7)), "/id", "text"),
        (with("id", json!("a\nb")), "/id", "control"),
        (with("source", json!("a b")), "/source", "URI"),
        (with("source", Value::Null), "/source", "missing"),
        (with("type", json!(null)), "/type", "missing"),
        (with("subject", json!("")), "/subject", "empty"),
        (with("time", json!("yesterday")), "/time", "RFC 3339"),
        (with("time", json!("2026-11-26 06:30:00Z")), "/time", "RFC 3339"),
        (with("time", json!("2026-11-26T06:30:00")), "/time", "RFC 3339"),
        (with("time", json!("2026-11-26T06:30:00Z[UTC]")), "/time", "RFC 3339"),
        (with("Line", json!("3")), "/Line", "name"),
        (with("line/3", json!("3")), "/line~13", "name"),
        (with("line", json!({"a": 1})), "/line", "`data`"),
        (with("line", json!(1.5)), "/line", "whole number"),
        (with("line", json!(3_000_000_000_u64)), "/line", "32 bits"),
        (with("sequence", json!("1")), "/sequence", "log"),
        (with("data_base64", json!("AA==")), "/data_base64", "JSON"),
        (with("partitionkey", json!("")), "/partitionkey", "empty"),
    ];
    for (value, pointer, words) in table {
        let found = errors(value.clone());
        assert_eq!(found.len(), 1, "{value}: {found:?}");
        assert!(found[0].0 == pointer && found[0].1.contains(words), "{value}: {found:?}");
    }
    assert_eq!(errors(json!({})).len(), 4, "everything at once");
}

#[test]
fn two_events_are_one_only_where_source_and_id_are() {
    let long = "x".repeat(300);
    let names = [
        ("a", "b#c"),
        ("a#b", "c"),
        ("a", "b"),
        ("ab", ""),
        ("a", &long),
        (&long, "a"),
        ("a#", "b"),
        ("", "a#b"),
        (&long[..200], &long[..100]),
        (&long[..100], &long[..200]),
    ];
    let ids: std::collections::BTreeSet<EventId> =
        names.iter().map(|(source, id)| record_id(source, id).unwrap()).collect();
    assert_eq!(ids.len(), names.len());
    assert_eq!(record_id("/mes", "1").unwrap().as_str(), "/mes#1");
    assert_eq!(record_id("/mes", "1").unwrap(), record_id("/mes", "1").unwrap());
    assert!(record_id("a", "b\nc").is_err() && record_id("a#b", "b\nc").is_err());
}

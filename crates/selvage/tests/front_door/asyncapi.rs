//! `selvage asyncapi`: contracts of event interfaces and webhooks, judged by the parser of the AsyncAPI initiative (npm
//! `@asyncapi/parser`). `cargo xtask test` installs it and says where it is.

use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::fixture::{EVENTS, copy, sample, selvage, stdout};

/// What Selvage does in the channels of the test's fabric.
const OPERATIONS: &[&str] = &[
    "receive hashed-calls.v1.receive",
    "receive inspections.v1.publish",
    "send inspections.v1.read",
    "send inspections.v1.stream",
    "send inspections.v1.deliver",
    "receive machine-events.v2.publish",
    "send machine-events.v2.read",
    "send machine-events.v2.stream",
    "send machine-events.v2.deliver",
    "receive machine-states.v1.publish",
    "send machine-states.v1.read",
    "send machine-states.v1.stream",
    "send machine-states.v1.deliver",
    "receive odoo-hints.v1.receive",
    "receive shown-calls.v1.receive",
    "send step-events.v1.read",
    "send step-events.v1.stream",
    "send step-events.v1.deliver",
    "receive stop-calls.v1.receive",
    "receive supplier-changes.v1.publish",
    "send supplier-changes.v1.read",
    "send supplier-changes.v1.stream",
    "send supplier-changes.v1.deliver",
];

/// The sample fabric with events of this test's own in the place of the sample's.
fn fabric() -> TempDir {
    let place = tempfile::tempdir().unwrap();
    copy(&sample(), place.path());
    std::fs::remove_file(place.path().join(EVENTS)).unwrap();
    std::fs::write(place.path().join("asyncapi.yaml"), include_str!("asyncapi/fabric.yaml")).unwrap();
    std::fs::write(place.path().join("contracts/inspection.yaml"), crate::event_schemas::SCHEMA).unwrap();
    place
}

fn contract(fabric: &Path, arguments: &[&str]) -> String {
    let directory = fabric.display().to_string();
    let output = selvage(&[&["asyncapi", "--fabric", &directory], arguments].concat());
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    stdout(&output)
}

fn json_of(fabric: &Path, arguments: &[&str]) -> Value {
    serde_json::from_str(&contract(fabric, &[arguments, &["--format", "json"]].concat())).unwrap()
}

#[test]
fn the_contract_of_captured_events_is_as_it_was() {
    let fabric = fabric();
    let text = contract(fabric.path(), &["step-events@1"]);
    assert_eq!(text, contract(fabric.path(), &["step-events"]), "the same each time, and the only version is meant");
    insta::assert_snapshot!("step_events", text);
}

#[test]
fn asyncapis_own_parser_finds_nothing() {
    let fabric = fabric();
    let place = tempfile::tempdir().unwrap();
    let interfaces = [
        &[][..],
        &["--server", "https://api.example.com/edge"],
        &["step-events@1"],
        &["machine-events"],
        &["inspections"],
        &["supplier-changes"],
        &["stop-calls@1"],
    ];
    let mut files = Vec::new();
    for (number, arguments) in interfaces.into_iter().enumerate() {
        let formats = if number == 0 { &["yaml", "json"][..] } else { &["yaml"] };
        for format in formats {
            let file = place.path().join(format!("{number}.{format}"));
            std::fs::write(&file, contract(fabric.path(), &[arguments, &["--format", *format]].concat())).unwrap();
            files.push(file);
        }
    }
    let whole = place.path().join("sample.yaml");
    std::fs::write(&whole, contract(&sample(), &[])).unwrap();
    files.push(whole);
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/front_door/asyncapi/parse.mjs");
    let output = Command::new("node").arg(script).arg(crate::peers::npm()).args(&files).output();
    let output = output.expect("Node.js is there: sudo apt-get install nodejs npm");
    let said = stdout(&output);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let verdicts: Vec<Value> = said.lines().map(|line| serde_json::from_str(line).expect(line)).collect();
    assert_eq!(verdicts.len(), files.len(), "{said}");
    for verdict in &verdicts {
        // 3.0 is what most tools read; that there is a 3.1 is all that there is to say, as a hint.
        let found = verdict["found"].as_array().unwrap();
        let about: Vec<&Value> = found.iter().filter(|found| found["code"] != "asyncapi-latest-version").collect();
        assert!(about.is_empty(), "{}: {about:#?}", verdict["file"]);
    }
    assert_eq!(verdicts[0]["operations"], json!(OPERATIONS));
}

#[test]
fn it_says_what_governs_each_interface() {
    let fabric = fabric();
    let all = json_of(fabric.path(), &["--server", "https://api.example.com/edge/"]);
    assert_eq!(
        all["servers"]["gateway"],
        json!({"host": "api.example.com", "protocol": "https", "description": "The gateway.", "pathname": "/edge"})
    );
    let steps = &all["channels"]["step-events.v1"];
    assert_eq!(steps["address"], "/step-events/v1/events");
    assert_eq!(
        steps["x-selvage"],
        json!({
            "interface": "step-events@1", "version": "1.2", "owner": "manufacturing-it", "lifecycle": "active",
            "criticality": "tier-2", "data": "internal", "lane": "data.production_order", "produced_by": "odoo",
            "retention": {"for": "30d", "at_least_bytes": 10_000_000_000_u64},
        })
    );
    let leaving = all["channels"]["supplier-changes.v1"]["description"].as_str().unwrap();
    assert!(leaving.contains("it ends on 2027-09-01; use machine-events@2 instead"), "{leaving}");
    let supplier = &all["components"]["schemas"]["SupplierV1"]["properties"]["email"];
    assert_eq!((&supplier["x-selvage-class"], &supplier["type"]), (&json!("personal"), &json!(["string", "null"])));
    let hints = &all["channels"]["odoo-hints.v1"];
    assert_eq!(hints["address"], "/odoo-hints/v1/{secret}");
    assert!(hints["description"].as_str().unwrap().contains("Calls come from 192.0.2.0/24, 2001:db8::/32."), "{hints}");
    let call = &all["channels"]["stop-calls.v1"];
    assert_eq!(
        (&call["address"], &call["x-selvage"]["into"]),
        (&json!("/stop-calls/v1"), &json!("manufacturing.equipment.stopped"))
    );
}

/// What a consumer validates by: the payload of a message, with everything that it refers to.
#[test]
fn its_schemas_say_what_fits() {
    let fabric = fabric();
    let all = json_of(fabric.path(), &[]);
    let payload = |name: &str| {
        let payload = &all["components"]["messages"][name]["payload"];
        assert_eq!(payload["schemaFormat"], "application/schema+json;version=draft-2020-12", "{name}");
        assert!(payload["schema"].is_object(), "{name}");
        let schema = json!({"allOf": [payload["schema"]], "components": all["components"]});
        jsonschema::validator_for(&schema).unwrap()
    };
    let data = json!({
        "id": "odoo-1", "name": "Paint", "production_order": "odoo-1", "work_center": "odoo-1", "status": "progress",
        "quantity": {"value": "3", "unit": "1"}, "produced": {"value": "0", "unit": "1"}, "started_at": null,
        "finished_at": null, "site": "ghent", "updated_at": "2026-11-23T05:31:43Z",
    });
    let told = json!({
        "specversion": "1.0", "id": "a", "source": "/odoo", "type": "manufacturing.work-order.started",
        "time": "2026-11-23T05:31:43Z", "partitionkey": "odoo-1", "correlationid": "c",
        "sequence": "0001000000000000042", "data": data,
    });
    let started = payload("step-events.v1.manufacturing.work-order.started.told");
    let completed = payload("step-events.v1.manufacturing.work-order.completed.delivered");
    assert!(
        started.is_valid(&told),
        "{:?}",
        started.iter_errors(&told).map(|error| error.to_string()).collect::<Vec<_>>()
    );
    assert!(!completed.is_valid(&told), "another type");
    for (pointer, wrong) in [
        ("/specversion", json!("0.3")),
        ("/sequence", json!(42)),
        ("/data/status", json!("gone")),
        ("/data/quantity", json!("3 pieces")),
        ("/data", json!(null)),
    ] {
        let mut event = told.clone();
        *event.pointer_mut(pointer).unwrap() = wrong;
        assert!(!started.is_valid(&event), "{pointer}");
    }
}

/// What pulls get: a page of events, and how to ask for the next; events whose data a schema declares, as they are shown.
#[test]
fn it_says_how_events_are_pulled() {
    let fabric = fabric();
    let all = json_of(fabric.path(), &["inspections"]);
    let read = &all["operations"]["inspections.v1.read"];
    let asks = read["bindings"]["http"]["query"]["properties"].as_object().unwrap();
    assert_eq!(asks.keys().map(String::as_str).collect::<Vec<_>>(), ["after", "limit", "wait", "types"]);
    assert_eq!(read["bindings"]["http"]["method"], "GET");
    assert_eq!(read["messages"], json!([{"$ref": "#/channels/inspections.v1/messages/inspections.v1.page"}]));
    let stream = &all["operations"]["inspections.v1.stream"];
    assert!(stream["description"].as_str().unwrap().contains("`Accept: text/event-stream`"), "{stream}");
    let payload = |name: &str| {
        let payload = &all["components"]["messages"][name]["payload"];
        let schema = json!({"allOf": [payload["schema"]], "components": all["components"]});
        jsonschema::validator_for(&schema).unwrap()
    };
    let event = |data: Value| {
        json!({
            "specversion": "1.0", "id": "a", "source": "/mes", "type": "manufacturing.machine.inspected",
            "time": "2027-03-01T08:00:00Z", "partitionkey": "press-4", "correlationid": "c", "sequence": "0001000000000000042", "data": data,
        })
    };
    let data = |inspector: Value, kind: &str| json!({"machine": "press-4", "site": "ghent", "at": "2027-03-01T08:00:00Z", "inspector": inspector, "marks": [{"kind": kind}]});
    let page = |event: Value| json!({"items": [event], "next": "1-42", "head": "1-42"});
    let pages = payload("inspections.v1.page");
    assert!(pages.is_valid(&page(event(data(json!("ann"), "wear")))));
    assert!(pages.is_valid(&page(event(data(json!(null), "wear")))), "who does not see the class");
    assert!(!pages.is_valid(&page(event(data(json!("ann"), "rust")))));
    let published = payload("inspections.v1.manufacturing.machine.inspected.published");
    assert!(published.is_valid(&event(data(json!("ann"), "leak"))));
    assert!(!published.is_valid(&event(data(json!(null), "leak"))), "who publishes gives it");
}

/// Words beside a reference count, as JSON Schema 2020-12 has it: they count where the contract is compared, too.
#[test]
fn what_stands_beside_a_reference_counts() {
    let fabric = fabric();
    let place = tempfile::tempdir().unwrap();
    let diff = |is: &Value| {
        let files = ["was", "is"].map(|name| place.path().join(format!("{name}.json")));
        std::fs::write(&files[0], contract(fabric.path(), &["step-events", "--format", "json"])).unwrap();
        std::fs::write(&files[1], is.to_string()).unwrap();
        stdout(&selvage(&["diff", &files[0].display().to_string(), &files[1].display().to_string()]))
    };
    let was = json_of(fabric.path(), &["step-events"]);
    assert!(diff(&was).contains("no differences"), "{}", diff(&was));
    let mut is = was;
    let told = "step-events.v1.manufacturing.work-order.started.told";
    let data =
        is["components"]["messages"][told]["payload"]["schema"]["allOf"][1]["properties"]["data"].as_object_mut();
    data.unwrap().insert("required".to_owned(), json!(["note"]));
    assert!(diff(&is).contains("required"), "{}", diff(&is));
}

#[test]
fn what_has_no_contract_is_said_with_its_code() {
    let fabric = fabric();
    let directory = fabric.path().display().to_string();
    for (name, hint) in [("stpe-events", "did you mean"), ("products@1", "`products@1` has no events")] {
        let output = selvage(&["asyncapi", name, "--fabric", &directory]);
        assert_eq!(output.status.code(), Some(2), "{name}");
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(said.contains("FAB6040") && said.contains(hint), "{said}");
    }
    let server = selvage(&["asyncapi", "--fabric", &directory, "--server", "api.example.com"]);
    assert_eq!(server.status.code(), Some(2));
}

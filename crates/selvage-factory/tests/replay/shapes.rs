//! Recorded questions whose answers depend on what a database happens to hold: asked of the simulation, they have the recorded
//! shape, field by field.

use selvage_factory::odoo::OdooVersion;
use serde_json::{Value as Json, json};

use crate::player::Player;
use crate::recording::{raw, read};

/// What kind of value it is. `false` is nothing to Odoo, so it may stand for any.
fn kind(json: &Json) -> &'static str {
    match json {
        Json::Null => "none",
        Json::Bool(_) => "bool",
        Json::Number(number) if number.to_string().contains('.') => "float",
        Json::Number(_) => "int",
        Json::String(_) => "text",
        Json::Array(items) if matches!(items.as_slice(), [Json::Number(_), Json::String(_)]) => "pair",
        Json::Array(_) => "list",
        Json::Object(_) => "record",
    }
}

/// Where the two differ in shape: every key of the simulation must be in the recording, and where it is `whole` the other way
/// round as well.
fn differences(place: &str, recorded: &Json, simulated: &Json, whole: bool, found: &mut Vec<String>) {
    let (left, right) = (kind(recorded), kind(simulated));
    let nothing = |json: &Json| *json == Json::Bool(false);
    if left != right && !nothing(recorded) && !nothing(simulated) {
        found.push(format!("{place}: {recorded}, simulated {simulated}"));
    }
    match (recorded, simulated) {
        (Json::Object(left), Json::Object(right)) => {
            for (name, value) in right {
                match left.get(name) {
                    Some(known) => differences(&format!("{place}.{name}"), known, value, whole, found),
                    None => found.push(format!("{place}.{name}: not in the recording")),
                }
            }
            let missing = left.keys().filter(|name| whole && !right.contains_key(*name));
            found.extend(missing.map(|name| format!("{place}.{name}: missing in the simulation")));
        }
        (Json::Array(left), Json::Array(right)) => {
            if left.is_empty() != right.is_empty() {
                found.push(format!("{place}: {} items, simulated {}", left.len(), right.len()));
            }
            if let (Some(first), Some(other)) = (left.first(), right.first()) {
                differences(&format!("{place}[0]"), first, other, whole, found);
            }
        }
        _ => {}
    }
}

#[tokio::test]
async fn odoo_18_reading() {
    let mut player = Player::start(OdooVersion::V18).await;
    let mut found = Vec::new();
    for step in read("18", "reading") {
        let (status, content_type, answer) = player.send(&step.request, None).await;
        assert_eq!((Some(status), Some(content_type)), (step.status, step.content_type.clone()), "{}", step.name);
        // All fields of the units were asked for; the simulation has those that a client needs.
        let whole = step.name != "all units of measure";
        differences(&step.name, &step.response, &answer, whole, &mut found);
        if step.name == "name_search" || step.name.starts_with("read without fields") {
            let same = answer["result"][0].to_string().replace("admin", "<password>");
            assert_eq!(same, step.response["result"][0].to_string());
        }
    }
    assert!(found.is_empty(), "{}", found.join("\n"));
}

/// Two dozen writes of one record at once are all done, as they were recorded to be.
#[tokio::test]
async fn odoo_18_concurrency() {
    let player = Player::start(OdooVersion::V18).await;
    let recorded = raw("18", "concurrency")[0]["response"].as_array().unwrap().clone();
    let url = format!("{}/jsonrpc", player.factory.odoo_url());
    let mut calls = tokio::task::JoinSet::new();
    for (n, one) in recorded.into_iter().enumerate() {
        let args = json!(["odoo18", 2, "admin", "res.partner", "write", [[1], {"ref": format!("R{n}")}], {}]);
        let params = json!({"service": "object", "method": "execute_kw", "args": args});
        let body = json!({"jsonrpc": "2.0", "method": "call", "id": n, "params": params}).to_string();
        let url = url.clone();
        calls.spawn(async move {
            let answer = reqwest::Client::new().post(url).body(body).send().await.unwrap();
            let status = json!(answer.status().as_u16());
            let answer: Json = serde_json::from_str(&answer.text().await.unwrap()).unwrap();
            assert_eq!((status, &answer["result"]), (one["status"].clone(), &one["response"]["result"]));
        });
    }
    while let Some(call) = calls.join_next().await {
        call.unwrap();
    }
    let committed = player.factory.odoo.journal().len();
    assert_eq!(committed, 24);
}

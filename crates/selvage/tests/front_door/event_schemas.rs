//! Event types whose data a JSON Schema declares: checked with the fabric, held to at the port with every place, counted by producer,
//! pulled as the grant shows it, told in the contract; a release keeps the schema's text.

use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::deliveries::{Receiver, handed_out, run};
use crate::fixture::{Place, eventually, selvage, stdout};
use crate::publishing::{BATCH, Line, STRUCTURED};

const TYPES: &str = "  manufacturing.machine.stopped: {object: machine-state@1}\n";
pub(crate) const SCHEMA: &str = "$schema: https://json-schema.org/draft/2020-12/schema
type: object
required: [machine, site, at]
additionalProperties: false
properties:
  machine: {type: string, maxLength: 40}
  site: {type: string}
  at: {type: string, format: date-time}
  inspector: {type: string, x-selvage-class: personal}
  marks: {type: array, items: {$ref: '#/$defs/mark'}}
$defs:
  mark: {type: object, required: [kind], properties: {kind: {enum: [wear, crack, leak]}, depth_mm: {type: number, minimum: 0}}}
";
const READS: &str = "kind: Grant
consumer: shop-floor-board
interface: machine-states@1
operations: [read]
where: {site: ghent}
purpose: Shows which machines stand still
until: 2028-06-30T18:00+02:00
---
kind: Consumer
name: planning
";

/// The sample, whose machines are inspected too.
async fn place() -> Place {
    inspecting(Place::new().await)
}

fn inspecting(place: Place) -> Place {
    let inspected = format!("{TYPES}  manufacturing.machine.inspected: {{schema: contracts/inspection.yaml}}\n");
    place.edit("interfaces.yaml", TYPES, &inspected);
    let classified = "recovery: {rpo: 0s, rto: 1h}, data: internal}\nevents:";
    place.edit("interfaces.yaml", classified, &classified.replace("internal", "confidential"));
    place.edit("consumers.yaml", "kind: Consumer\nname: planning\n", READS);
    std::fs::write(place.fabric().join("contracts/inspection.yaml"), SCHEMA).unwrap();
    place
}

fn inspected(id: &str, data: &Value) -> Value {
    json!({"specversion": "1.0", "id": id, "source": "/mes-ghent/tablet", "type": "manufacturing.machine.inspected", "data": data})
}

async fn holds_the_contract(request: reqwest::RequestBuilder) {
    let contract = request.send().await.unwrap();
    assert_eq!(
        (contract.status(), &contract.headers()["content-type"]),
        (StatusCode::OK, &"application/yaml".parse().unwrap())
    );
    let contract = contract.text().await.unwrap();
    assert!(contract.contains("asyncapi") && contract.contains("inspector"), "{contract}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_catalogue_shows_what_events_carry() {
    let place = place().await;
    let fabric = place.fabric().display().to_string();
    let well = |arguments: &[&str]| {
        let output = selvage(arguments);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        stdout(&output)
    };
    let shown = well(&["catalogue", "show", "machine-states@1", "--fabric", &fabric]);
    for expected in [
        "event manufacturing.machine.inspected: schema contracts/inspection.yaml",
        "  machine: string\n",
        "  at: string, date-time\n",
        "  inspector: string, where it is known, personal\n",
        "event manufacturing.machine.stopped: object machine-state@1",
    ] {
        assert!(shown.contains(expected), "`{expected}`: {shown}");
    }
    let entry: Value =
        serde_json::from_str(&well(&["catalogue", "show", "machine-states@1", "--fabric", &fabric, "--json"])).unwrap();
    let told = entry["events"].as_array().unwrap();
    let inspected = told.iter().find(|it| it["type"] == "manufacturing.machine.inspected").unwrap();
    assert_eq!(inspected["schema"]["properties"]["machine"]["maxLength"], 40);
    assert_eq!(
        inspected["members"][3],
        json!({"name": "inspector", "is": "string", "required": false, "class": "personal"})
    );
    let out = place.path("backstage").display().to_string();
    well(&["export", "backstage", "--fabric", &fabric, "--out", &out]);
    let entities = std::fs::read_to_string(place.path("backstage").join("catalog-info.yaml")).unwrap();
    assert!(entities.contains("machine-states-v1.manufacturing.machine.inspected"), "{entities}");
    assert!(entities.contains("event-schema") && entities.contains("inspector"), "{entities}");

    // On the console, and as the contract to be saved.
    let store = place.data();
    let output = selvage(&["operator", "add", "ann", &store[0], &store[1]]);
    let key = stdout(&output).trim().to_owned();
    let node = place.serve(&store, &[]);
    let client = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build().unwrap();
    let login = client.post(format!("{}/login", node.console)).body(format!("key={key}"));
    let login = login.header("content-type", "application/x-www-form-urlencoded").send().await.unwrap();
    let cookie = login.headers()["set-cookie"].to_str().unwrap().to_owned();
    let page = client.get(format!("{}/catalogue/machine-states@1", node.console)).header("cookie", &cookie);
    let page = page.send().await.unwrap().text().await.unwrap();
    for expected in [
        "What it tells",
        "manufacturing.machine.inspected",
        "contracts/inspection.yaml",
        ">personal<",
        "save it as AsyncAPI",
    ] {
        assert!(page.contains(expected), "`{expected}`: {page}");
    }
    for request in [
        client.get(format!("{}/catalogue/machine-states@1/contract", node.console)).header("cookie", &cookie),
        client.get(format!("{}/api/catalogue/machine-states@1/contract", node.console)).bearer_auth(&key),
    ] {
        holds_the_contract(request).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn data_is_held_to_its_schema_at_the_port() {
    let line = Line::of(place().await);
    let good = json!({"machine": "press-4", "site": "ghent", "at": "2027-03-01T08:00:00Z", "inspector": "ann", "marks": [{"kind": "wear"}]});
    let (status, told) = line.send(STRUCTURED, &inspected("a", &good)).await;
    assert_eq!(status, StatusCode::ACCEPTED, "{told}");
    let wrong = json!({
        "machine": "press-4", "site": "ghent", "inspector": 7, "colour": "red", "marks": [{"kind": "wear"}, {"kind": "rust", "depth_mm": -1}],
    });
    let (status, problem) = line.send(BATCH, &json!([inspected("b", &good), inspected("c", &wrong)])).await;
    assert_eq!((status.as_u16(), problem["code"].as_str()), (422, Some("FAB5050")), "{problem}");
    let errors = problem["errors"].as_array().unwrap().iter();
    let mut errors: Vec<String> = errors
        .map(|error| format!("{} {}", error["pointer"].as_str().unwrap(), error["detail"].as_str().unwrap()))
        .collect();
    errors.sort_unstable();
    assert_eq!(
        errors,
        [
            "/1/data/at is missing (`required`): give it",
            "/1/data/colour is not known (`additionalProperties`): leave it out",
            "/1/data/inspector has to be of the type string (`type`)",
            "/1/data/marks/1/depth_mm has to be 0 at least (`minimum`)",
            "/1/data/marks/1/kind has to be one of [\"wear\",\"crack\",\"leak\"] (`enum`)",
        ]
    );
    for (data, status, code, pointer) in [
        (json!({"machine": 4, "site": "ghent", "at": "2027-03-01T08:00:00Z"}), 422, "FAB5050", "/data/machine"),
        (json!({"site": "ghent", "at": "2027-03-01T08:00:00Z"}), 422, "FAB5051", "/data/machine"),
        (json!({"machine": "press-4", "site": "brno", "at": "2027-03-01T08:00:00Z"}), 403, "FAB5011", "/data/site"),
        // A class that the grant does not see can be told by who knows it: it is the producer's own.
        (json!("press-4"), 422, "FAB5051", "/data/machine"),
    ] {
        let (answered, problem) = line.send(STRUCTURED, &inspected("d", &data)).await;
        let at = problem["errors"][0]["pointer"].as_str();
        assert_eq!(
            (answered.as_u16(), problem["code"].as_str(), at),
            (status, Some(code), Some(pointer)),
            "{data}: {problem}"
        );
    }
    eventually("what did not fit is counted for its producer", || async {
        let mut arguments = vec!["violations", "machine-states@1"];
        arguments.extend(line.store.iter().map(String::as_str));
        let text = stdout(&selvage(&arguments));
        ["mes-ghent", "/*/data/marks/*/kind", "/*/data/colour"].iter().all(|said| text.contains(said)).then_some(())
    })
    .await;
    let board = line.place.key(&line.store, "shop-floor-board");
    let page: Value = eventually("the key is known", || async {
        let address = format!("{}/machine-states/v1/events", line.served.base);
        let answer = line.client.get(address).bearer_auth(&board).send().await.unwrap();
        if answer.status() == StatusCode::OK { Some(answer.json().await.unwrap()) } else { None }
    })
    .await;
    let data = &page["items"][0]["data"];
    assert_eq!(
        (&data["inspector"], &data["machine"]),
        (&json!(null), &json!("press-4")),
        "a class that it does not see: {page}"
    );
    let held = line.held().await;
    assert_eq!(
        held.iter().map(|(_, lane, event)| (lane.as_str(), event.id.as_str())).collect::<Vec<_>>(),
        [("press-4", "a")]
    );
    assert_eq!(held[0].2.data, Some(good));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_schema_that_is_no_good_is_told_before_anything_runs() {
    let place = place().await;
    let directory = place.fabric().display().to_string();
    let schema = place.fabric().join("contracts/inspection.yaml");
    let check = || stdout(&selvage(&["check", &directory]));
    assert!(check().contains("no findings"), "{}", check());
    for (old, new, said) in [
        ("2020-12", "2019-09", "FAB2771"),
        ("'#/$defs/mark'", "https://example.com/mark", "FAB2772"),
        ("items: {$ref: '#/$defs/mark'}", "items: {$ref: '#'}, contains: {$ref: '#'}", "FAB2773"),
        ("site: {type: string}", "site: {type: [string, text]}", "FAB2770"),
        ("required: [machine, site, at]", "required: [site, at]", "FAB2142"),
        ("items: {$ref", "items: {x-selvage-class: personal, $ref", "FAB2774"),
    ] {
        assert!(SCHEMA.contains(old), "{old}");
        std::fs::write(&schema, SCHEMA.replace(old, new)).unwrap();
        assert!(check().contains(said), "{said}: {}", check());
    }
    std::fs::remove_file(&schema).unwrap();
    assert!(check().contains("FAB1014"), "{}", check());
    std::fs::write(&schema, SCHEMA).unwrap();
    place.edit(
        "interfaces.yaml",
        "{schema: contracts/inspection.yaml}",
        "{schema: contracts/inspection.yaml, object: machine-state@1}",
    );
    assert!(check().contains("`object` and `schema` exclude each other"), "{}", check());
    place.edit("interfaces.yaml", "{schema: contracts/inspection.yaml, object: machine-state@1}", "{}");
    assert!(check().contains("needs one of its fields `object` or `schema`"), "{}", check());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_different_in_a_schema_is_told_for_who_publishes_and_for_who_reads() {
    let place = place().await;
    let before = place.path("before");
    crate::fixture::copy(&place.fabric(), &before);
    let schema = place.fabric().join("contracts/inspection.yaml");
    let (before, after) = (before.display().to_string(), place.fabric().display().to_string());
    let diff = || stdout(&selvage(&["diff", &before, &after]));
    std::fs::write(&schema, SCHEMA.replace("required: [machine, site, at]", "required: [machine, site, at, marks]"))
        .unwrap();
    let said = diff();
    assert!(
        said.contains("machine-states@1")
            && said.contains("manufacturing.machine.inspected")
            && !said.contains("0 breaking"),
        "{said}"
    );
    std::fs::write(&schema, SCHEMA.replace("  site: {type: string}", "  site: {type: string, description: Where}"))
        .unwrap();
    let said = diff();
    assert!(said.contains("0 breaking, 0 unproven") && said.contains("event.schema-words.changed"), "{said}");
    std::fs::write(&schema, SCHEMA).unwrap();
    assert!(!diff().contains("inspected"), "{}", diff());
}

/// INVARIANT: NOTHING-LOST
#[tokio::test(flavor = "multi_thread")]
async fn what_does_not_fit_any_more_is_not_handed_out_and_not_passed_over() {
    let line = Line::of(place().await);
    let data =
        |marks: Value| json!({"machine": "press-4", "site": "ghent", "at": "2027-03-01T08:00:00Z", "marks": marks});
    let marks = |kind: &str| json!([{"kind": kind}]);
    let batch = json!([
        inspected("a", &data(marks("wear"))),
        inspected("b", &data(marks("leak"))),
        inspected("c", &data(marks("wear")))
    ]);
    assert_eq!(line.send(BATCH, &batch).await.0, StatusCode::ACCEPTED);
    let Line { place, store, served, client, .. } = line;
    drop(served);
    std::fs::write(place.fabric().join("contracts/inspection.yaml"), SCHEMA.replace(", leak]", "]")).unwrap();
    place.edit("interfaces.yaml", "lane: data.machine", "lane: data.machine\nvalidation: {response: enforce}");
    let key = place.key(&store, "shop-floor-board");
    let served = place.serve(&store, &[]);
    let address = format!("{}/machine-states/v1/events", served.base);
    let get = |after: &str, accept: &str| {
        client.get(format!("{address}?after={after}")).bearer_auth(&key).header("accept", accept).send()
    };
    let page: Value = eventually("the log is open", || async {
        let answer = get("0-0", "application/json").await.unwrap();
        if answer.status() == StatusCode::OK { Some(answer.json().await.unwrap()) } else { None }
    })
    .await;
    assert_eq!((page["items"].as_array().unwrap().len(), &page["next"]), (1, &json!("1-1")), "{page}");
    let answer = get("1-1", "application/json").await.unwrap();
    assert_eq!(answer.status(), StatusCode::CONFLICT);
    assert_eq!(answer.headers()["link"], "</machine-states/v1/events?after=1-2>; rel=\"next\"");
    let problem: Value = answer.json().await.unwrap();
    assert_eq!(
        (&problem["code"], &problem["errors"][0]["pointer"]),
        (&json!("FAB5170"), &json!("/data/marks/0/kind")),
        "{problem}"
    );
    let stream = get("1-1", "text/event-stream").await.unwrap().text().await.unwrap();
    assert!(stream.starts_with("event: problem\nid: 1-2\ndata: ") && stream.contains("FAB5170"), "{stream}");
    let rest: Value = get("1-2", "application/json").await.unwrap().json().await.unwrap();
    assert_eq!(rest["items"][0]["id"], "c");
    eventually("it is counted for who reads", || async {
        let mut arguments = vec!["violations", "machine-states@1"];
        arguments.extend(store.iter().map(String::as_str));
        let text = stdout(&selvage(&arguments));
        ["shop-floor-board", "response", "/data/marks/*/kind"].iter().all(|said| text.contains(said)).then_some(())
    })
    .await;
}

const SUBSCRIPTION: &str = "kind: Subscription
consumer: shop-floor-board
interface: machine-states@1
events: [manufacturing.machine.inspected]
from: oldest
deliver: {system: board, path: /hooks, signing: standard-webhooks, secret: {secret: board/hooks}, timeout: 2s}
";

/// INVARIANT: PARKED-LANE
#[tokio::test(flavor = "multi_thread")]
async fn what_a_schema_declares_is_delivered_as_the_grant_shows_it_and_only_while_it_fits() {
    let receiver = Receiver::start();
    receiver.answers(|_| 503);
    let place = inspecting(crate::deliveries::place(&receiver).await);
    std::fs::write(place.fabric().join("inspections.yaml"), SUBSCRIPTION).unwrap();
    let reads = "interface: machine-states@1\noperations: [read]";
    place.edit("consumers.yaml", reads, &reads.replace("[read]", "[read, subscribe]"));
    let numbered = SCHEMA.replace("properties:\n  machine", "properties:\n  number: {type: integer}\n  machine");
    std::fs::write(place.fabric().join("contracts/inspection.yaml"), &numbered).unwrap();
    let line = Line::of(place);
    let data = |number: u64, kind: &str| {
        json!({
            "machine": "press-4", "site": "ghent", "at": "2027-03-01T08:00:00Z", "inspector": "ann", "number": number,
            "marks": [{"kind": kind}],
        })
    };
    let batch =
        json!([inspected("a", &data(1, "wear")), inspected("b", &data(2, "leak")), inspected("c", &data(3, "wear"))]);
    let (status, told) = line.send(BATCH, &batch).await;
    assert_eq!(status, StatusCode::ACCEPTED, "{told}");
    let Line { place, store, served, .. } = line;
    drop(served);
    std::fs::write(place.fabric().join("contracts/inspection.yaml"), numbered.replace(", leak]", "]")).unwrap();
    place.edit("interfaces.yaml", "lane: data.machine", "lane: data.machine\nvalidation: {response: enforce}");
    receiver.answers(|_| 200);
    let served = place.serve(&store, &[]);
    let lanes = eventually("the lane is parked at what does not fit any more", || async {
        Some(run(&place, &["lanes", "machine-states@1"])).filter(|lanes| lanes.contains("press-4"))
    })
    .await;
    assert!(lanes.contains("contract"), "{lanes}");
    assert_eq!(receiver.of("press-4"), [1], "what comes before it was sent");
    let letters = run(&place, &["dead-letters", "list"]);
    let id = letters.split_whitespace().find(|word| word.starts_with("dlt_")).unwrap().to_owned();
    let shown = run(&place, &["dead-letters", "show", &id]);
    assert!(shown.contains("FAB5170") && shown.contains("/data/marks/0/kind"), "{shown}");
    run(&place, &["dead-letters", "discard", &id, "--by", "ops.desk", "--because", "a leak is told otherwise now"]);
    eventually("the rest arrives", || async { (receiver.of("press-4") == [1, 3]).then_some(()) }).await;
    let mut first = data(1, "wear");
    // A class that it does not see.
    first["inspector"] = Value::Null;
    let event = receiver.taken.lock().unwrap().events[0].clone();
    assert_eq!((&event["type"], &event["data"]), (&json!("manufacturing.machine.inspected"), &first), "{event}");
    let found = async |found: &str| handed_out(&served.metrics, "machine-states@1", "shop-floor-board", found).await;
    assert!(found("unfit").await >= 1.0 && found("fits").await >= 2.0);
}

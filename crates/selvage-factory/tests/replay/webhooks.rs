//! Webhooks as they were recorded: how often a receiver is told of what, with which headers and payload, how long the caller
//! waits for it; and what a webhook of Odoo answers.

use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Bytes;
use axum::http::{HeaderMap, StatusCode};
use selvage_factory::odoo::{Automation, OdooVersion};
use serde_json::{Map, Value as Json, json};

use crate::player::Player;
use crate::recording::{Login, Request};

/// What a receiver got, and how it behaves.
#[derive(Clone, Default)]
struct Receiver {
    got: Arc<Mutex<Vec<(HeaderMap, String)>>>,
    status: Arc<Mutex<u16>>,
    wait: Arc<Mutex<Duration>>,
}

impl Receiver {
    async fn start() -> (Self, String) {
        let receiver = Self { status: Arc::new(Mutex::new(200)), ..Self::default() };
        let own = receiver.clone();
        let take = async move |headers: HeaderMap, body: Bytes| {
            own.got.lock().unwrap().push((headers, String::from_utf8(body.to_vec()).unwrap()));
            let wait = *own.wait.lock().unwrap();
            tokio::time::sleep(wait).await;
            StatusCode::from_u16(*own.status.lock().unwrap()).unwrap()
        };
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/odoo", listener.local_addr().unwrap());
        let router = Router::new().route("/odoo", axum::routing::post(take));
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        (receiver, url)
    }

    fn take(&self) -> Vec<(HeaderMap, String)> {
        std::mem::take(&mut self.got.lock().unwrap())
    }
}

fn recorded(file: &str) -> Vec<Json> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/recordings/18/{file}.json"));
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

/// A plant whose products and orders are told of, and the calls that were recorded.
struct Story {
    player: Player,
    receiver: Receiver,
}

impl Story {
    async fn call(&mut self, model: &str, method: &str, args: Json) -> (Json, Duration) {
        let login = Login { database: "odoo18".to_owned(), user: json!(2), password: "<password>".to_owned() };
        let request = Request::Object {
            login,
            model: model.to_owned(),
            method: method.to_owned(),
            args: args.as_array().unwrap().clone(),
            kwargs: Map::new(),
        };
        let started = Instant::now();
        let (_, _, answer) = self.player.send(&request, None).await;
        (answer, started.elapsed())
    }

    /// Compares what the receiver got with a recorded step: as often, with the same headers, and the same payloads but for ids,
    /// references and moments.
    fn compare(&self, step: &Json) {
        let place = step["step"].as_str().unwrap();
        let (got, recorded) = (self.receiver.take(), step["deliveries"].as_array().unwrap());
        assert_eq!(got.len(), recorded.len(), "{place}");
        for ((headers, body), delivery) in got.iter().zip(recorded) {
            for (name, value) in delivery["headers"].as_object().unwrap() {
                if name != "Content-Length" {
                    assert_eq!(headers[name.to_lowercase()], value.as_str().unwrap(), "{place}: {name}");
                }
            }
            let (left, right) = (&delivery["body"], serde_json::from_str::<Json>(body).unwrap());
            let keys = |json: &Json| json.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
            assert_eq!(keys(left), keys(&right), "{place}");
            for (name, value) in left.as_object().unwrap() {
                let same = alike(name, value) == alike(name, &right[name]);
                assert!(same, "{place}: {name} is {value}, simulated {}", right[name]);
            }
            assert!(body.starts_with("{\"_action\": \"Send Webhook Notification(#"), "{body}");
        }
    }
}

/// A value without what every run has anew.
fn alike(name: &str, value: &Json) -> Json {
    match (name, value) {
        ("id" | "_id" | "product_id" | "uom_id", Json::Number(_)) => json!("an id"),
        ("_action", Json::String(text)) => text.replace(|letter: char| letter.is_ascii_digit(), "").into(),
        ("name" | "write_date" | "default_code", Json::String(text)) => {
            text.chars().map(|letter| if letter.is_ascii_digit() { '0' } else { letter }).collect::<String>().into()
        }
        _ => value.clone(),
    }
}

#[tokio::test]
async fn odoo_18_tells_webhooks_as_recorded() {
    let steps = recorded("webhooks_out");
    let (receiver, url) = Receiver::start().await;
    let mut story = Story { player: Player::start(OdooVersion::V18).await, receiver: receiver.clone() };
    let product = |name: &str, code: &str| json!([{ "name": name, "default_code": code, "is_storable": true }]);
    let (bicycle, _) = story.call("product.template", "create", product("Bicycle", "BIK-1795411897")).await;
    let (frame, _) = story.call("product.template", "create", product("Frame", "FRM-1795411897")).await;
    let rules = [
        ("product.template", vec!["barcode", "default_code", "name", "uom_id", "weight", "write_date"]),
        (
            "mrp.production",
            vec!["lot_producing_id", "move_raw_ids", "name", "product_id", "product_qty", "state", "write_date"],
        ),
    ];
    for (model, fields) in rules {
        let fields = fields.into_iter().map(str::to_owned).collect();
        let rule = Automation { model: model.to_owned(), url: url.clone(), fields };
        story.player.factory.odoo.automate(&rule).unwrap();
    }
    let (made, _) = story.call("product.template", "create", product("Bracket", "BRK-1795411988")).await;
    story.compare(&steps[0]);
    let id = &made["result"];
    let changed = json!([[id], { "name": "Bracket B", "weight": 1.25 }]);
    story.call("product.template", "write", changed).await;
    story.compare(&steps[1]);
    story.call("product.template", "write", json!([[id], { "weight": 1.25 }])).await;
    story.compare(&steps[2]);
    let three = json!([[id, frame["result"], bicycle["result"]], { "description_sale": "sold" }]);
    story.call("product.template", "write", three).await;
    story.compare(&steps[3]);

    *receiver.status.lock().unwrap() = 503;
    story.call("product.template", "write", json!([[id], { "weight": 2 }])).await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    story.compare(&steps[4]);
    *receiver.status.lock().unwrap() = 200;

    *receiver.wait.lock().unwrap() = Duration::from_secs(3);
    let (_, waited) = story.call("product.template", "write", json!([[id], { "weight": 3 }])).await;
    let seconds = steps[5]["call_seconds"].as_f64().unwrap();
    assert!((1.0..2.0).contains(&seconds) && (1.0..2.0).contains(&waited.as_secs_f64()), "{waited:?}");
    story.compare(&steps[5]);
    *receiver.wait.lock().unwrap() = Duration::ZERO;

    let (failed, _) = story.call("product.template", "write", json!([[id], { "weight": 4, "uom_id": 999_999 }])).await;
    assert!(failed["error"].is_object());
    story.compare(&steps[6]);

    let values = json!([{ "product_id": 1, "product_qty": 2 }]);
    let (order, _) = story.call("mrp.production", "create", values).await;
    story.compare(&steps[7]);
    story.call("mrp.production", "action_confirm", json!([[order["result"]]])).await;
    story.compare(&steps[8]);
    assert_eq!(steps.len(), 9);
}

/// A receiver that nobody listens at is met with the same indifference.
#[tokio::test]
async fn a_receiver_that_is_gone_fails_no_call() {
    let mut story = Story { player: Player::start(OdooVersion::V18).await, receiver: Receiver::default() };
    let url = "http://127.0.0.1:9/odoo".to_owned();
    let rule = Automation { model: "res.partner".to_owned(), url, fields: vec!["name".to_owned()] };
    story.player.factory.odoo.automate(&rule).unwrap();
    let (made, _) = story.call("res.partner", "create", json!([{ "name": "Alone" }])).await;
    assert!(made["result"].is_number(), "{made}");
    let unknown = Automation { fields: vec!["no_such_field".to_owned()], ..rule };
    assert_eq!(
        story.player.factory.odoo.automate(&unknown).unwrap_err(),
        "Invalid field 'no_such_field' on model 'res.partner'"
    );
}

#[tokio::test]
async fn odoo_18_takes_webhooks_as_recorded() {
    let player = Player::start(OdooVersion::V18).await;
    let http = reqwest::Client::new();
    let url = player.factory.odoo_url();
    let post = async |path: &str, body: String| {
        let response = http.post(format!("{url}{path}")).body(body).send().await.unwrap();
        (response.status().as_u16(), response.text().await.unwrap())
    };
    let make = json!([{ "name": "Part" }]);
    let id = player.factory.odoo.call("product.template", "create", make.as_array().unwrap(), &Map::new()).unwrap();
    let rule = json!({ "model": "product.template", "values": { "description": "told" } }).to_string();
    let (status, made) = post("/_factory/hooks", rule).await;
    assert_eq!(status, 201, "{made}");
    let path = serde_json::from_str::<Json>(&made).unwrap()["path"].as_str().unwrap().to_owned();
    let steps = recorded("webhooks_in");
    for step in &steps {
        let known = if step["step"] == "unknown uuid" { "/web/hook/0123" } else { path.as_str() };
        let body = step["body"].as_str().unwrap().replace(": 48}", &format!(": {id}}}"));
        let answer = post(known, body).await;
        let recorded = (u16::try_from(step["status"].as_u64().unwrap()).unwrap(), step["response"].as_str().unwrap());
        assert_eq!((answer.0, answer.1.as_str()), recorded, "{}", step["step"]);
    }
    assert_eq!(steps.len(), 5);
    assert_eq!(player.factory.odoo.records("product.template")[0]["description"], json!("told"));
}

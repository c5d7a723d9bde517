//! A server of either version that answers from a script. Only what the handshake needs is its own: version, user and
//! the user's companies.

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, Uri};
use selvage_connect::odoo::Map;
use serde_json::{Value, json};

use crate::recording::{self, Asked, Exchange};

/// Keys that the connector adds to every context, so that no recording has them.
const ALWAYS: [&str; 3] = ["lang", "active_test", "allowed_company_ids"];

/// What a script answers: status and body.
pub(crate) type Answer = (u16, Value);

/// Answers a call; `None` fails the exchange with a status that no test expects.
pub(crate) type Script = Box<dyn FnMut(&Asked) -> Option<Answer> + Send>;

#[derive(Clone)]
struct Shared {
    version: u32,
    script: Arc<Mutex<Script>>,
}

/// Starts a server of this version; it ends with the test's runtime. Gives its address.
pub(crate) async fn serve(version: u32, script: Script) -> String {
    let shared = Shared { version, script: Arc::new(Mutex::new(script)) };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let router = Router::new().fallback(answer).with_state(shared);
    tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    format!("http://{address}")
}

async fn answer(State(shared): State<Shared>, headers: HeaderMap, uri: Uri, body: Bytes) -> (StatusCode, String) {
    let (status, body) = match shared.version {
        18 => rpc(&shared, uri.path(), &body),
        _ => json2(&shared, uri.path(), &headers, &body),
    };
    let text = body.as_str().map_or_else(|| body.to_string(), str::to_owned);
    (StatusCode::from_u16(status).unwrap(), text)
}

fn rpc(shared: &Shared, path: &str, body: &[u8]) -> Answer {
    if path != "/jsonrpc" {
        return (404, json!("<h1>Not Found</h1>"));
    }
    let envelope: Value = serde_json::from_slice(body).unwrap();
    let params = &envelope["params"];
    let recorded = |step: &str| {
        let session = recording::read(18, "session");
        let exchange = session.into_iter().find(|exchange| exchange.step == step).unwrap();
        (exchange.status, exchange.response)
    };
    match (params["service"].as_str().unwrap(), params["method"].as_str().unwrap()) {
        ("common", "version") => recorded("version"),
        ("common", "authenticate") if params["args"][2] == "<password>" => recorded("authenticate"),
        ("common", "authenticate") => recorded("authenticate with a wrong password"),
        _ => called(shared, recording::execute(params).unwrap()),
    }
}

fn json2(shared: &Shared, path: &str, headers: &HeaderMap, body: &[u8]) -> Answer {
    // The version's address is not in the recordings; this is the form that Odoo documents.
    if path == "/web/version" {
        return (200, json!({"version_info": [19, 0, 0, "final", 0, ""], "version": "19.0"}));
    }
    assert_eq!(headers["authorization"], "bearer <password>");
    let body: Value = serde_json::from_slice(body).unwrap();
    if path == "/json/2/res.users/search_read" && body["domain"] == json!([["login", "=", "<password>"]]) {
        return (200, json!([{"id": 2, "login": "<password>"}]));
    }
    called(shared, recording::json2(path, &body).unwrap())
}

fn called(shared: &Shared, mut asked: Asked) -> Answer {
    if asked.model == "res.users" && asked.args.get("fields") == Some(&json!(["company_id", "company_ids"])) {
        return wrap(shared.version, json!([{"id": 2, "company_id": [1, "YourCompany"], "company_ids": [1]}]));
    }
    for key in ALWAYS {
        asked.context.shift_remove(key);
    }
    // The books are open, in the fields that were recorded; of 19 none were.
    if asked.model == "res.company" && asked.method == "read" {
        let fields = asked.args["fields"].as_array().unwrap().iter().map(|name| (name.as_str().unwrap(), json!(false)));
        let company: Map = fields.chain([("id", json!(1))]).map(|(name, is)| (name.to_owned(), is)).collect();
        return wrap(shared.version, json!([company]));
    }
    if asked.method == "fields_get" {
        let of_model = |exchange: &&Exchange| {
            exchange.asked.as_ref().is_some_and(|known| known.method == "fields_get" && known.model == asked.model)
        };
        let recorded = recording::read(shared.version, if shared.version == 18 { "fields" } else { "json2" });
        return match recorded.iter().find(of_model) {
            Some(known) => (known.status, known.response.clone()),
            None if asked.model == "res.company" => wrap(shared.version, json!({})),
            None => panic!("no fields of {}", asked.model),
        };
    }
    let answer = (shared.script.lock().unwrap())(&asked);
    answer.unwrap_or_else(|| (418, json!(format!("not in the script: {asked:?}"))))
}

/// A bare value in the envelope of its version.
pub(crate) fn wrap(version: u32, value: Value) -> Answer {
    match version {
        18 => (200, json!({"jsonrpc": "2.0", "id": 1, "result": value})),
        _ => (200, value),
    }
}

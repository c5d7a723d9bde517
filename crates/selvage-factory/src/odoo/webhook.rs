//! Webhooks, out and in. Out: posted once each, unsigned, with a second to answer, while the call that caused them waits.
//! In: `/web/hook/<uuid>` runs a rule on the record that the body names. What is sent stands in `automation`.

use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;
use std::time::Duration;

use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::http::header::{ACCEPT, ACCEPT_ENCODING, CONNECTION, CONTENT_TYPE, USER_AGENT};
use axum::response::Response;
use serde_json::{Map, Value as Json, json};

use super::automation::Delivery;
use super::database::Database;
use super::schema::Model;
use super::serve::with_type;
use super::value::Id;

/// How long a receiver may take.
const PATIENCE: Duration = Duration::from_secs(1);

/// Sends what calls have caused.
#[derive(Clone, Debug)]
pub(crate) struct Sender {
    http: reqwest::Client,
}

impl Default for Sender {
    fn default() -> Self {
        Self { http: reqwest::Client::new() }
    }
}

impl Sender {
    /// Posts one after the other. What a receiver answers, and whether it does, changes nothing.
    pub(crate) async fn send(&self, deliveries: Vec<Delivery>) {
        for Delivery { url, payload } in deliveries {
            let post = self
                .http
                .post(&*url)
                .timeout(PATIENCE)
                .header(USER_AGENT, "python-requests/2.34.2")
                .header(ACCEPT_ENCODING, "gzip, deflate")
                .header(ACCEPT, "*/*")
                .header(CONNECTION, "keep-alive")
                .header(CONTENT_TYPE, "application/json")
                .body(as_python(&Json::Object(payload)));
            if let Err(error) = post.send().await {
                tracing::debug!(%url, %error, "a webhook was not taken");
            }
        }
    }
}

/// Which rule a path under `/web/hook` runs.
#[derive(Clone, Debug)]
pub(crate) struct Inbound {
    pub(crate) uuid: String,
    pub(crate) model: Model,
    /// What is written to the record.
    pub(crate) values: Map<String, Json>,
}

impl Inbound {
    /// Reads `{"model": …, "values": {…}}` and gives it a path.
    pub(crate) fn read(json: &Json) -> Result<Self, String> {
        let name = json.get("model").and_then(Json::as_str).unwrap_or_default();
        let model = Model::parse(name).ok_or_else(|| format!("there is no model `{name}`"))?;
        let values = json.get("values").and_then(Json::as_object).cloned().unwrap_or_default();
        Ok(Self { uuid: random_uuid(), model, values })
    }
}

/// Runs the rule of that path on the record that the body names.
pub(crate) async fn receive(State(database): State<Arc<Database>>, Path(uuid): Path<String>, body: Bytes) -> Response {
    let Some(rule) = database.inbound(&uuid) else {
        return told(StatusCode::NOT_FOUND, "error");
    };
    match run(&database, &rule, &body) {
        Some(()) => told(StatusCode::OK, "ok"),
        None => told(StatusCode::INTERNAL_SERVER_ERROR, "error"),
    }
}

fn run(database: &Database, rule: &Inbound, body: &[u8]) -> Option<()> {
    let payload: Json = serde_json::from_slice(body).ok()?;
    let model = payload.get("_model").and_then(Json::as_str).and_then(Model::parse)?;
    let id = payload.get("_id").and_then(Json::as_i64)?;
    if model != rule.model || !database.exists(model, Id(id)) {
        return None;
    }
    if rule.values.is_empty() {
        return Some(());
    }
    let args = [json!([id]), Json::Object(rule.values.clone())];
    database.call_as_admin(model.name(), "write", &args, &Map::new()).ok().map(|_| ())
}

fn told(status: StatusCode, word: &str) -> Response {
    with_type(status, "application/json; charset=utf-8", as_python(&json!({ "status": word })))
}

fn random_uuid() -> String {
    let state = RandomState::new();
    let (high, low) = (state.hash_one(0), state.hash_one(1));
    let digits = format!("{high:016x}{low:016x}");
    let part = |from: usize, to: usize| digits.get(from..to).unwrap_or_default();
    format!("{}-{}-4{}-8{}-{}", part(0, 8), part(8, 12), part(13, 16), part(17, 20), part(20, 32))
}

/// JSON as Python writes it: a space after comma and colon, and nothing but ASCII.
fn as_python(json: &Json) -> String {
    match json {
        Json::Array(items) => format!("[{}]", items.iter().map(as_python).collect::<Vec<_>>().join(", ")),
        Json::Object(map) => {
            let pair = |(name, value): (&String, &Json)| format!("{}: {}", as_python(&json!(name)), as_python(value));
            format!("{{{}}}", map.iter().map(pair).collect::<Vec<_>>().join(", "))
        }
        Json::String(_) => escaped(&json.to_string()),
        other => other.to_string(),
    }
}

/// What is not ASCII as `\u` with its UTF-16 units.
fn escaped(text: &str) -> String {
    let mut ascii = String::with_capacity(text.len());
    for letter in text.chars() {
        if letter.is_ascii() {
            ascii.push(letter);
            continue;
        }
        let mut units = [0; 2];
        ascii.extend(letter.encode_utf16(&mut units).iter().map(|unit| format!("\\u{unit:04x}")));
    }
    ascii
}

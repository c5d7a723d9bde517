//! Recorded exchanges with real servers, one form for the four in which they were written down.
//! Read only: what is done with them stands in the tests.

use std::path::Path;

use serde_json::{Map, Value as Json, json};

/// One exchange: what was asked, and what came back.
#[derive(Clone, Debug)]
pub struct Step {
    pub name: String,
    pub request: Request,
    /// `None` where only the body was written down.
    pub status: Option<u64>,
    pub response: Json,
    pub content_type: Option<String>,
}

/// A request in one of the dialects.
#[derive(Clone, Debug)]
pub enum Request {
    /// `execute_kw`.
    Object { login: Login, model: String, method: String, args: Vec<Json>, kwargs: Map<String, Json> },
    /// Any other JSON-RPC envelope.
    Envelope(Json),
    /// A body that is sent as it is, to the path, with the verb.
    Raw { verb: String, path: String, body: Option<String> },
    /// `POST /json/2/<model>/<method>`.
    Named { model: String, method: String, body: Map<String, Json> },
}

/// Database, user and password of an `execute_kw`.
#[derive(Clone, Debug)]
pub struct Login {
    pub database: String,
    pub user: Json,
    pub password: String,
}

/// The steps of a recording of a version, in order.
pub fn read(version: &str, name: &str) -> Vec<Step> {
    raw(version, name).iter().map(step).collect()
}

/// The same as they were written down.
pub fn raw(version: &str, name: &str) -> Vec<Json> {
    let path =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/recordings").join(version).join(format!("{name}.json"));
    let text = std::fs::read_to_string(&path).unwrap();
    serde_json::from_str(&text).unwrap()
}

fn step(json: &Json) -> Step {
    Step {
        name: json["step"].as_str().unwrap().to_owned(),
        request: request(json),
        status: json["status"].as_u64(),
        response: json["response"].clone(),
        content_type: json["content_type"].as_str().map(str::to_owned),
    }
}

fn request(json: &Json) -> Request {
    let request = &json["request"];
    if let Some(path) = json["path"].as_str() {
        return raw_json2(json, path, request);
    }
    if let (Some(path), Some(body)) = (request["path"].as_str(), request["body"].as_object()) {
        return named(path, body);
    }
    if let (Some(model), Some(method)) = (request["model"].as_str(), request["method"].as_str()) {
        let login = Login { database: "odoo18".to_owned(), user: json!(2), password: "<password>".to_owned() };
        let args = request["args"].as_array().unwrap().clone();
        let kwargs = request["kwargs"].as_object().unwrap().clone();
        return Request::Object { login, model: model.to_owned(), method: method.to_owned(), args, kwargs };
    }
    match request {
        Json::Object(_) if request["params"]["method"] == "execute_kw" => object(request),
        Json::Object(_) => Request::Envelope(request.clone()),
        Json::String(body) => {
            Request::Raw { verb: "POST".to_owned(), path: "/jsonrpc".to_owned(), body: Some(body.clone()) }
        }
        _ => Request::Raw { verb: "GET".to_owned(), path: "/jsonrpc".to_owned(), body: None },
    }
}

fn object(envelope: &Json) -> Request {
    let args = envelope["params"]["args"].as_array().unwrap();
    Request::Object {
        login: Login {
            database: args[0].as_str().unwrap().to_owned(),
            user: args[1].clone(),
            password: args[2].as_str().unwrap().to_owned(),
        },
        model: args[3].as_str().unwrap().to_owned(),
        method: args[4].as_str().unwrap().to_owned(),
        args: args[5].as_array().unwrap().clone(),
        kwargs: args[6].as_object().unwrap().clone(),
    }
}

fn raw_json2(json: &Json, path: &str, body: &Json) -> Request {
    let verb = json["verb"].as_str().unwrap();
    match body {
        Json::Object(body) if verb == "POST" => named(path, body),
        Json::String(text) => Request::Raw { verb: verb.to_owned(), path: path.to_owned(), body: Some(text.clone()) },
        _ => Request::Raw { verb: verb.to_owned(), path: path.to_owned(), body: None },
    }
}

fn named(path: &str, body: &Map<String, Json>) -> Request {
    let mut parts = path.trim_start_matches("/json/2/").split('/');
    let (model, method) = (parts.next().unwrap().to_owned(), parts.next().unwrap().to_owned());
    Request::Named { model, method, body: body.clone() }
}

//! The recordings, read into one form for both versions. They are never changed.

use std::path::PathBuf;

use selvage_connect::odoo::Map;
use serde_json::Value;

/// The positional arguments that recorded methods of the model itself take, and those of records behind their ids.
const OF_MODEL: &[(&str, &[&str])] = &[
    ("create", &["vals_list"]),
    ("search", &["domain"]),
    ("search_read", &["domain"]),
    ("search_count", &["domain"]),
    ("load", &["fields", "data"]),
    ("fields_get", &[]),
    ("name_search", &["name"]),
    ("read_group", &["domain", "fields", "groupby"]),
    ("context_get", &[]),
];
const OF_RECORDS: &[(&str, &[&str])] = &[("write", &["vals"]), ("read", &["fields"])];

/// What was asked of the server, in the terms of JSON-2.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Asked {
    pub(crate) model: String,
    pub(crate) method: String,
    pub(crate) ids: Vec<i64>,
    pub(crate) args: Map,
    pub(crate) context: Map,
}

/// One recorded exchange.
#[derive(Clone, Debug)]
pub(crate) struct Exchange {
    pub(crate) step: String,
    /// `None` for what no call of the connector can ask.
    pub(crate) asked: Option<Asked>,
    pub(crate) status: u16,
    pub(crate) response: Value,
}

impl Exchange {
    /// The value that the method returned; `None` if it failed.
    pub(crate) fn value(&self) -> Option<Value> {
        match &self.response {
            Value::Object(envelope) if envelope.contains_key("jsonrpc") => {
                (!envelope.contains_key("error")).then(|| envelope.get("result").cloned().unwrap_or(Value::Null))
            }
            bare if self.status == 200 => Some(bare.clone()),
            _ => None,
        }
    }
}

/// All exchanges of one file, in order.
pub(crate) fn read(version: u32, file: &str) -> Vec<Exchange> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(format!("tests/recordings/{version}/{file}.json"));
    let list: Vec<Value> = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    list.into_iter().map(|entry| exchange(&entry)).collect()
}

/// The names of all files of a version.
pub(crate) fn files(version: u32) -> Vec<String> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(format!("tests/recordings/{version}"));
    let mut names: Vec<String> = std::fs::read_dir(path)
        .unwrap()
        .map(|entry| entry.unwrap().path().file_stem().unwrap().to_string_lossy().into_owned())
        .collect();
    names.sort();
    names
}

fn exchange(entry: &Value) -> Exchange {
    Exchange {
        step: entry["step"].as_str().unwrap().to_owned(),
        asked: asked(entry),
        status: entry.get("status").and_then(Value::as_u64).unwrap_or(200).try_into().unwrap(),
        response: entry["response"].clone(),
    }
}

fn asked(entry: &Value) -> Option<Asked> {
    let request = &entry["request"];
    if entry.get("verb").and_then(Value::as_str) == Some("GET") {
        return None;
    }
    if let Some(path) = entry.get("path").and_then(Value::as_str) {
        return json2(path, request);
    }
    if let Some(path) = request.get("path").and_then(Value::as_str) {
        return json2(path, &request["body"]);
    }
    if let Some(params) = request.get("params") {
        return execute(params);
    }
    request.get("model")?;
    positional(&request["model"], &request["method"], &request["args"], &request["kwargs"])
}

/// A JSON-2 request.
pub(crate) fn json2(path: &str, body: &Value) -> Option<Asked> {
    let (model, method) = path.strip_prefix("/json/2/")?.split_once('/')?;
    let mut args = body.as_object()?.clone();
    let ids = args.shift_remove("ids").map_or_else(Vec::new, |ids| ids_of(&ids).unwrap());
    let context = args.shift_remove("context").map_or_else(Map::new, |context| context.as_object().unwrap().clone());
    Some(Asked { model: model.to_owned(), method: method.to_owned(), ids, args, context })
}

/// The `params` of a JSON-RPC request for `execute_kw`.
pub(crate) fn execute(params: &Value) -> Option<Asked> {
    if params["service"] != "object" {
        return None;
    }
    let args = params["args"].as_array()?;
    positional(&args[3], &args[4], &args[5], args.get(6).unwrap_or(&Value::Null))
}

fn positional(model: &Value, method: &Value, args: &Value, named: &Value) -> Option<Asked> {
    let method = method.as_str()?;
    let mut given = args.as_array()?.iter();
    let mut args = named.as_object().cloned().unwrap_or_default();
    let context = args.shift_remove("context").map_or_else(Map::new, |context| context.as_object().unwrap().clone());
    let of_model = OF_MODEL.iter().find(|(name, _)| *name == method);
    let ids = if of_model.is_some() { Vec::new() } else { ids_of(given.next()?)? };
    let names = of_model.or(OF_RECORDS.iter().find(|(name, _)| *name == method)).map_or(&[][..], |(_, names)| names);
    let mut names = names.iter();
    for value in given {
        args.insert((*names.next()?).to_owned(), value.clone());
    }
    Some(Asked { model: model.as_str()?.to_owned(), method: method.to_owned(), ids, args, context })
}

fn ids_of(value: &Value) -> Option<Vec<i64>> {
    match value {
        Value::Array(ids) => ids.iter().map(Value::as_i64).collect(),
        one => Some(vec![one.as_i64()?]),
    }
}

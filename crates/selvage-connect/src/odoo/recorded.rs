//! Every answer of the recordings, put through the reader of its dialect: each failure, and each wizard that came back instead
//! of a deed, by the class that the engine decides by. What a call changed is not judged here.

use std::fmt::Write as _;
use std::path::PathBuf;

use serde_json::{Value, json};

use super::button::wizard;
use super::call::CallClass;
use super::dialect::Dialect;
use super::failure::Failure;
use super::wire::Reply;
use super::xml;

/// One answer of a server.
struct Recorded {
    step: String,
    dialect: Dialect,
    reply: Reply,
}

fn of(step: &str, dialect: Dialect, status: u16, body: &Value) -> Recorded {
    let text = body.as_str().map_or_else(|| body.to_string(), str::to_owned);
    Recorded { step: step.to_owned(), dialect, reply: Reply { status, body: text.into_bytes() } }
}

/// The answers of one entry: one, or one for each of several clients, or the fault that a client of XML-RPC wrote down.
fn answers(version: &str, entry: &Value) -> Vec<Recorded> {
    let step = entry["step"].as_str().unwrap();
    let status = |of: &Value| of["status"].as_u64().map_or(200, |status| status.try_into().unwrap());
    let path = entry["path"].as_str().unwrap_or_default();
    let dialect = match version {
        _ if path.starts_with("/xmlrpc/2/") => Dialect::XmlRpc,
        "18" => Dialect::JsonRpc,
        _ => Dialect::Json2,
    };
    if let Some(error) = entry.get("error") {
        return error.as_str().map(|fault| of(step, Dialect::XmlRpc, 200, &as_fault(fault))).into_iter().collect();
    }
    match &entry["response"] {
        Value::Array(many) if many.iter().any(|one| one.get("seconds").is_some()) => {
            many.iter().map(|one| of(step, dialect, status(one), &one["response"])).collect()
        }
        body => vec![of(step, dialect, status(entry), body)],
    }
}

/// `<Fault 2: 'text'>` of a Python client as the server sent it.
fn as_fault(shown: &str) -> Value {
    let (code, text) = shown.strip_prefix("<Fault ").unwrap().split_once(": '").unwrap();
    let text = text.strip_suffix("'>").unwrap().replace("\\n", "\n").replace('&', "&amp;").replace('<', "&lt;");
    json!(format!(
        "<methodResponse><fault><value><struct><member><name>faultCode</name><value><int>{code}</int></value></member><member>\
         <name>faultString</name><value><string>{text}</string></value></member></struct></value></fault></methodResponse>"
    ))
}

/// Every answer of every file, by version and file.
fn recordings() -> Vec<(String, Vec<Recorded>)> {
    let mut all = Vec::new();
    for version in ["18", "19"] {
        let directory = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/recordings").join(version);
        let mut paths: Vec<_> = std::fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path()).collect();
        paths.sort();
        for path in paths {
            let entries: Vec<Value> = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
            let name = format!("{version} {}", path.file_stem().unwrap().to_string_lossy());
            all.push((name, entries.iter().flat_map(|entry| answers(version, entry)).collect()));
        }
    }
    all
}

fn shown(failure: &Failure) -> String {
    let code = failure.code();
    match failure {
        Failure::Refused { kind, message, field } => {
            let first = message.lines().next().unwrap();
            format!("{code} {kind:?}, field {}: {first}", field.as_deref().unwrap_or("-"))
        }
        other => format!("{code} {other}"),
    }
}

#[test]
fn every_recorded_failure_has_its_class_and_keeps_its_traceback_to_itself() {
    let mut table = String::new();
    for (file, recorded) in recordings() {
        let total = recorded.len();
        let mut failed = 0;
        for Recorded { step, dialect, reply } in recorded {
            // As a write: the class in which a wrong guess would do harm.
            let answer = dialect.result(&reply, CallClass::Write);
            let failure = match &answer {
                Ok(value) => wizard(value),
                Err(failure) => Some(failure.clone()),
            };
            let Some(failure) = failure else { continue };
            failed += 1;
            let told = format!("{failure} {failure:?}");
            for secret in ["Traceback", "debug", "File \"", "<password>"] {
                assert!(!told.contains(secret), "{file}: {step}: {told}");
            }
            writeln!(table, "{file}: {step}\n    {}", shown(&failure)).unwrap();
        }
        writeln!(table, "{file}: {} of {total} answers are results\n", total - failed).unwrap();
    }
    insta::assert_snapshot!("recorded", table);
}

/// The older of the two dialects writes what clients were recorded to write, but for the breaks between elements.
#[test]
fn xml_rpc_is_written_as_recorded() {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/recordings/18/xmlrpc.json");
    let entries: Vec<Value> = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    let fields = json!(["name", "default_code", "uom_id", "weight", "barcode", "write_date", "active"]);
    let object = |method: &str, args: Value, named: Option<Value>| {
        let all = [json!("odoo18"), json!(2), json!("<password>"), json!("product.product"), json!(method), args];
        ("execute_kw", all.into_iter().chain(named).collect::<Vec<_>>())
    };
    for (step, (method, params)) in [
        ("version", ("version", vec![])),
        ("authenticate", ("authenticate", vec![json!("odoo18"), json!("<password>"), json!("<password>"), json!({})])),
        ("search_read", object("search_read", json!([[["id", "=", 44]]]), Some(json!({"fields": fields})))),
        ("write", object("write", json!([[44], {"weight": 2.5}]), None)),
    ] {
        let recorded = entries.iter().find(|entry| entry["step"] == step).unwrap()["request"].as_str().unwrap();
        let plain = |text: &str| text.replace('\n', "").replace("<?xml version='1.0'?>", "<?xml version=\"1.0\"?>");
        assert_eq!(plain(&xml::call(method, &params).unwrap()), plain(recorded), "{step}");
    }
}

/// Cut anywhere, an answer is no answer: nothing of it is taken for a result.
#[test]
fn an_answer_that_is_cut_is_none() {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/recordings/18/xmlrpc.json");
    let entries: Vec<Value> = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    for entry in &entries {
        let whole = entry["response"].as_str().unwrap().trim_end();
        for cut in 0..whole.len() {
            let part = whole.as_bytes().get(..cut).unwrap();
            assert!(xml::answer(part).is_err(), "{}: cut at {cut}", entry["step"]);
            let reply = Reply { status: 200, body: part.to_vec() };
            let failure = Dialect::XmlRpc.result(&reply, CallClass::Write).unwrap_err();
            assert!(matches!(failure, Failure::Unknown { .. }), "{failure}");
        }
        assert!(xml::answer(whole.as_bytes()).is_ok());
    }
}

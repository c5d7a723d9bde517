//! What both older dialects send of a call: `execute_kw` with database, user and secret, then the call's arguments, most by
//! name. It puts nothing into a form of its own.

use serde_json::{Value, json};

use super::call::Call;
use super::config::{OdooConfig, Secret};
use super::failure::{Failure, Refusal};

/// Arguments that these methods are recorded to take by position, after the ids. `create` takes nothing else; the others are
/// sent as clients of these protocols always have.
const POSITIONAL: &[(&str, &[&str])] = &[
    ("create", &["vals_list"]),
    ("write", &["vals"]),
    ("read", &["fields"]),
    ("search", &["domain"]),
    ("search_read", &["domain"]),
    ("search_count", &["domain"]),
    ("load", &["fields", "data"]),
    ("has_access", &["ids", "operation"]),
];

/// The arguments of `execute_kw` for a call.
pub(super) fn execute_kw(
    config: &OdooConfig,
    secret: &Secret,
    lang: &str,
    user: i64,
    call: &Call,
) -> Result<Vec<Value>, Failure> {
    let mut named = call.args.clone();
    let mut positional = Vec::new();
    if !call.ids.is_empty() {
        positional.push(json!(call.ids));
    }
    let order = POSITIONAL.iter().find(|(method, _)| *method == call.method).map_or(&[][..], |(_, names)| names);
    for name in order {
        let Some(value) = named.shift_remove(*name) else { break };
        positional.push(value);
    }
    named.insert("context".to_owned(), call.full_context(lang));
    let login = [json!(database(config)?), json!(user), json!(secret.reveal())];
    let rest = [json!(call.model), json!(call.method), Value::Array(positional), Value::Object(named)];
    Ok(login.into_iter().chain(rest).collect())
}

/// The arguments of `authenticate`.
pub(super) fn authenticate(config: &OdooConfig, secret: &Secret) -> Result<Vec<Value>, Failure> {
    Ok(vec![json!(database(config)?), json!(config.login), json!(secret.reveal()), json!({})])
}

fn database(config: &OdooConfig) -> Result<&str, Failure> {
    config.database.as_deref().ok_or_else(|| {
        let message = "this server is spoken to in a dialect that needs the name of its database";
        Failure::field(Refusal::Unsendable, "database", message)
    })
}

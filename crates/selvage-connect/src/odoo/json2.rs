//! The JSON-2 dialect (from 19): `POST /json/2/<model>/<method>`, named arguments, a bearer key, the bare value as answer.
//! Failures come with their own HTTP status and Odoo's error object.

use serde_json::{Value, json};

use super::call::{Call, CallClass};
use super::classify;
use super::dialect::Dialect;
use super::failure::Failure;
use super::keys::Key;
use super::wire::{Reply, Request};

/// The request of a call.
pub(super) fn request(key: Key<'_>, lang: &str, call: &Call) -> Request {
    let mut body = call.args.clone();
    // Methods of the model itself refuse ids, so they are sent only where there are some.
    if !call.ids.is_empty() {
        body.insert("ids".to_owned(), json!(call.ids));
    }
    body.insert("context".to_owned(), call.full_context(lang));
    let path = format!("/json/2/{}/{}", call.model, call.method);
    Request {
        path,
        body: Some(Value::Object(body).to_string()),
        dialect: Dialect::Json2,
        bearer: Some(key.secret.clone()),
        sent_by: Some(key.mark),
    }
}

/// What the reply means.
pub(super) fn result(reply: &Reply, class: CallClass) -> Result<Value, Failure> {
    let parsed: Option<Value> = serde_json::from_slice(&reply.body).ok();
    if reply.status == 200 {
        return parsed.ok_or_else(|| classify::status(reply.status, class));
    }
    let error = parsed.as_ref().and_then(|body| {
        let name = body.get("name")?.as_str()?;
        let message = body.get("message")?.as_str()?;
        Some((name, message))
    });
    match error {
        // Whatever conflicted, a 409 of Odoo's is rolled back.
        Some((_, message)) if reply.status == 409 => Err(Failure::TryAgain { reason: classify::words(message) }),
        Some((name, message)) => Err(classify::raised(name, message, class)),
        None => Err(classify::status(reply.status, class)),
    }
}

//! The parts of a token, read strictly: three parts of base64url, objects without a key that stands twice, times that are
//! numbers.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value};

use crate::json;

/// Longest token, in bytes.
const LONGEST: usize = 16 * 1024;
/// Kinds of tokens that say who an application is. Others are for something else: logouts, proofs of possession.
const KINDS: [&str; 3] = ["jwt", "at+jwt", "application/at+jwt"];

/// A token taken apart; nothing in it is known to be true.
pub(super) struct Parts<'t> {
    /// What is signed.
    pub(super) signed: &'t [u8],
    pub(super) signature: Vec<u8>,
    /// As it is written.
    pub(super) algorithm: String,
    pub(super) key: Option<String>,
    pub(super) claims: Map<String, Value>,
}

impl<'t> Parts<'t> {
    /// Takes it apart; what is wrong with it otherwise.
    pub(super) fn of(token: &'t [u8]) -> Result<Self, &'static str> {
        if token.len() > LONGEST {
            return Err("the token is longer than 16 KiB");
        }
        let mut parts = token.split(|byte| *byte == b'.');
        let (Some(head), Some(claims), Some(signature), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err("a token has three parts");
        };
        let signed = token.get(..head.len() + 1 + claims.len()).unwrap_or_default();
        let head = object(head).ok_or("the head of the token is no JSON object")?;
        if head.contains_key("crit") || head.contains_key("b64") {
            return Err("the token says that it needs what is not understood here");
        }
        let kind = head.get("typ").map(|kind| kind.as_str().unwrap_or_default().to_ascii_lowercase());
        if kind.is_some_and(|kind| !KINDS.contains(&kind.as_str())) {
            return Err("the token is of another kind than JWT or at+jwt");
        }
        let key = match head.get("kid") {
            None => None,
            Some(Value::String(id)) => Some(id.clone()),
            Some(_) => return Err("the token's `kid` is no text"),
        };
        Ok(Self {
            signed,
            signature: URL_SAFE_NO_PAD.decode(signature).map_err(|_| "the signature is not base64url")?,
            algorithm: head.get("alg").and_then(Value::as_str).ok_or("the token does not say its `alg`")?.to_owned(),
            key,
            claims: object(claims).ok_or("the claims of the token are no JSON object")?,
        })
    }

    pub(super) fn text(&self, claim: &str) -> Option<&str> {
        self.claims.get(claim)?.as_str()
    }

    /// A time in whole seconds since 1970; `Err` where the claim is there and none.
    pub(super) fn time(&self, claim: &str) -> Result<Option<i64>, &'static str> {
        let Some(value) = self.claims.get(claim) else { return Ok(None) };
        let Value::Number(number) = value else { return Err("a time in the token is no number") };
        let text = number.to_string();
        let whole = text.split('.').next().unwrap_or_default();
        whole.parse().map(Some).map_err(|_| "a time in the token is out of range")
    }

    /// Whether the token is for one of these.
    pub(super) fn is_for(&self, audiences: &[String]) -> bool {
        let known = |said: &Value| said.as_str().is_some_and(|said| audiences.iter().any(|known| known == said));
        match self.claims.get("aud") {
            Some(Value::Array(all)) => all.iter().any(known),
            Some(one) => known(one),
            None => false,
        }
    }
}

fn object(part: &[u8]) -> Option<Map<String, Value>> {
    match json::read(&URL_SAFE_NO_PAD.decode(part).ok()?) {
        Ok(Value::Object(members)) => Some(members),
        _ => None,
    }
}

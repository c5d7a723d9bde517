//! What a grant leaves out of a direct interface or does not see of it, applied to what is answered. What cannot be looked through is
//! not passed on; where something is masked, neither are tags and an upstream's words about errors.

use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode, header};
use hyper::body::Body;
use selvage_model::code;
use selvage_model::problem::Problem;
use serde_json::Value;

use super::answer::{Gathered, gather};
use super::request::{is_coded, text};
use super::told;
use super::withheld::MOST_NAMED;
use crate::body::Reply;
use crate::burden::Bearer;
use crate::contract::is_json;
use crate::held;
use crate::json;
use crate::mediate::SELVAGE_MASKED;
use crate::snapshot::{DirectScope, Withheld};

/// Headers that speak of the bytes of an answer, which change.
static OF_BYTES: [HeaderName; 4] = [
    header::CONTENT_LENGTH,
    HeaderName::from_static("content-digest"),
    HeaderName::from_static("repr-digest"),
    HeaderName::from_static("digest"),
];

/// Takes out of an answer what is left out; the problem instead, where that cannot be done.
pub(super) async fn strip(
    scope: &DirectScope,
    response: &mut Response<Reply>,
    correlation: &str,
    (is_head, bearer): (bool, Bearer<'_>),
) -> Result<(), Problem> {
    if !scope.withholds() {
        return Ok(());
    }
    if scope.masks() {
        told::mask(scope, response.headers_mut());
    }
    if let Some(tags) = scope.tags() {
        tags.mark(response.headers_mut());
    }
    if is_head {
        forget_bytes(response.headers_mut());
        return Ok(());
    }
    if response.body().is_end_stream() {
        return Ok(());
    }
    if scope.masks() && (response.status().is_client_error() || response.status().is_server_error()) {
        keep_words_back(response, correlation);
        return Ok(());
    }
    let unshown = |why: &str| {
        let detail = format!("the grant does not see all of an answer, and this one {why}");
        Problem::new(502, code::ANSWER_UNSHOWN, detail)
    };
    if response.status() == StatusCode::PARTIAL_CONTENT || response.headers().contains_key(header::CONTENT_RANGE) {
        return Err(unshown("is a part of one"));
    }
    if !text(response.headers(), &header::CONTENT_TYPE).is_some_and(is_json) || is_coded(response.headers()) {
        return Err(unshown("is not plain JSON"));
    }
    let bytes = match gather(response.body_mut(), scope.up_to, bearer).await {
        Gathered::Whole(bytes) => bytes,
        Gathered::TooLarge(_) => return Err(unshown("is larger than what is looked through")),
        Gathered::NoRoom(ahead) => return Err(bearer.no_room(ahead.len())),
        Gathered::Revoked => return Err(held::ended()),
        Gathered::Broken => {
            return Err(Problem::new(502, code::UPSTREAM_BROKE, "the upstream system broke off its answer"));
        }
    };
    let mut value = json::read(&bytes).map_err(|_| unshown("is not JSON"))?;
    drop(bytes);
    let mut found = Found::default();
    remove(scope, &mut value, &mut String::new(), &mut found);
    let (shown, mut load) = (value.to_string(), bearer.begin());
    if !load.more(shown.len()) {
        return Err(bearer.no_room(shown.len()));
    }
    response.body_mut().hold(load.of(shown.into()));
    let headers = response.headers_mut();
    forget_bytes(headers);
    told::forget_repeating(scope, headers, &found.values);
    if let (false, Ok(places)) = (found.places.is_empty(), HeaderValue::try_from(found.places.join(", "))) {
        headers.insert(SELVAGE_MASKED.clone(), places);
    }
    Ok(())
}

/// What was masked in an answer.
#[derive(Default)]
struct Found {
    /// Where it stood, without indexes.
    places: Vec<String>,
    /// What it was, as far as it was text or a number.
    values: Vec<String>,
}

/// Puts a problem of ours in the place of an upstream's words, with its status: words about a record may repeat any part of it.
fn keep_words_back(response: &mut Response<Reply>, correlation: &str) {
    let detail = "the upstream system refused or failed; its words may tell of data that the grant does not see";
    let problem = Problem::new(response.status().as_u16(), code::WORDS_MASKED, detail);
    response.body_mut().hold(problem.body(correlation).to_string().into());
    let headers = response.headers_mut();
    headers.remove(header::CONTENT_ENCODING);
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
    forget_bytes(headers);
}

/// Takes the headers away that speak of bytes which are not sent.
fn forget_bytes(headers: &mut HeaderMap) {
    for name in &OF_BYTES {
        headers.remove(name);
    }
}

/// Takes away what is left out, and the values of what is masked.
fn remove(scope: &DirectScope, value: &mut Value, pointer: &mut String, found: &mut Found) {
    let length = pointer.len();
    match value {
        Value::Object(members) => members.retain(|name, member| {
            pointer.push('/');
            pointer.push_str(&token(name));
            let withheld = scope.withheld(name);
            match withheld {
                Some(Withheld::Out) => {}
                Some(Withheld::Masked(_)) => {
                    told::values(&std::mem::take(member), &mut found.values);
                    if found.places.len() < MOST_NAMED && !found.places.contains(pointer) {
                        found.places.push(pointer.clone());
                    }
                }
                None => remove(scope, member, pointer, found),
            }
            pointer.truncate(length);
            !matches!(withheld, Some(Withheld::Out))
        }),
        Value::Array(items) => {
            pointer.push_str("/*");
            items.iter_mut().for_each(|item| remove(scope, item, pointer, found));
            pointer.truncate(length);
        }
        _ => {}
    }
}

/// A name in a pointer that stands in a header: RFC 6901, section 6, and a comma is encoded too.
fn token(name: &str) -> String {
    let mut token = String::with_capacity(name.len());
    for byte in name.bytes() {
        match byte {
            b'~' => token.push_str("~0"),
            b'/' => token.push_str("~1"),
            b'!'..=b'~' if !matches!(byte, b',' | b'%' | b'"') => token.push(char::from(byte)),
            _ => token.push_str(&format!("%{byte:02X}")),
        }
    }
    token
}

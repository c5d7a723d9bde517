//! `POST /oauth/token`: short-lived tokens for client credentials (RFC 6749, 4.4). A client's secret is a key that Selvage
//! issued to it; the token dies with the key. Pure: the time and the token's id are given.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderMap, StatusCode, header};
use jiff::Timestamp;
use selvage_model::access::KeyHash;
use selvage_model::code::{self, Code};
use selvage_model::name::ConsumerName;
use serde_json::json;
use sha2::{Digest, Sha256};

use crate::path;
use crate::snapshot::{Key, Snapshot};

/// A token, and who got it.
#[derive(Debug)]
pub(crate) struct Issued<'s> {
    pub(crate) token: String,
    /// Seconds.
    pub(crate) lasts: i64,
    pub(crate) consumer: &'s ConsumerName,
}

/// Why none is issued, in the words of RFC 6749, 5.2.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct NotIssued {
    pub(crate) status: StatusCode,
    pub(crate) error: &'static str,
    pub(crate) code: Code,
    pub(crate) detail: &'static str,
}

/// Whose request it was, as far as that is known.
#[derive(Debug, Default)]
pub(crate) struct Whose {
    pub(crate) consumer: Option<ConsumerName>,
    /// The id of the key that was shown for it, where it is that consumer's.
    pub(crate) key: Option<String>,
}

fn no(error: &'static str, detail: &'static str) -> NotIssued {
    NotIssued { status: StatusCode::BAD_REQUEST, error, code: code::TOKEN_REQUEST, detail }
}

fn no_client(detail: &'static str) -> NotIssued {
    let status = StatusCode::UNAUTHORIZED;
    NotIssued { status, error: "invalid_client", code: code::CLIENT_REFUSED, detail }
}

/// What a client asks for.
struct Asked {
    client: String,
    secret: String,
    audience: Option<String>,
}

/// Whose secret it is, and which.
pub(crate) struct Client<'s> {
    pub(crate) consumer: &'s ConsumerName,
    key: &'s Key,
    subject: String,
    audience: String,
}

/// Finds out who asks for a token by this form; `whose` is told as much as is found.
pub(crate) fn client<'s>(
    snapshot: &'s Snapshot,
    headers: &HeaderMap,
    form: &[u8],
    now: Timestamp,
    whose: &mut Whose,
) -> Result<Client<'s>, NotIssued> {
    let asked = read(headers, form)?;
    let issuers = snapshot.issuers();
    let (_, issuer) = issuers.own().ok_or_else(|| no("invalid_request", "no tokens are issued here"))?;
    let wrong = || no_client("the client is not known here, or its secret is wrong");
    let named = issuer.consumer(&asked.client).ok_or_else(wrong)?;
    whose.consumer = snapshot.consumer(named).cloned();
    let key = snapshot.key(&KeyHash(Sha256::digest(asked.secret.as_bytes()).into())).ok_or_else(wrong)?;
    if key.consumer != named {
        return Err(wrong());
    }
    whose.key = Some(key.id.to_string());
    if key.has_ended(now) {
        return Err(no_client("the key that is the client's secret has expired or was revoked"));
    }
    let audience = match asked.audience {
        None => issuer.audiences.first().cloned().unwrap_or_default(),
        Some(audience) if issuer.audiences.contains(&audience) => audience,
        Some(_) => return Err(no("invalid_target", "tokens are not issued for this audience")),
    };
    let consumer = snapshot.consumer(key.consumer).ok_or_else(wrong)?;
    Ok(Client { consumer, key, subject: asked.client, audience })
}

/// Makes a client's token.
pub(crate) fn issue<'s>(
    snapshot: &'s Snapshot,
    client: &Client<'s>,
    id: &str,
    now: Timestamp,
) -> Result<Issued<'s>, NotIssued> {
    let absent = || NotIssued {
        status: StatusCode::SERVICE_UNAVAILABLE,
        error: "temporarily_unavailable",
        code: code::ISSUER_KEYS_ABSENT,
        detail: "the secret that tokens are signed with is not there",
    };
    let (lifetime, issuer) = snapshot.issuers().own().ok_or_else(absent)?;
    let keys = issuer.keys.as_ref().ok_or_else(absent)?;
    let seconds = now.as_second();
    let most = client.key.expires.map_or(i64::MAX, |expires| expires.as_second() - seconds);
    let lasts = i64::try_from(lifetime.as_secs()).unwrap_or(i64::MAX).min(most);
    let mut claims = json!({
        "iss": issuer.url, "sub": client.subject, "client_id": client.subject, "aud": client.audience,
        "iat": seconds, "exp": seconds.saturating_add(lasts), "jti": id, "key": &*client.key.id,
    });
    if issuer.subject != "sub"
        && let Some(claims) = claims.as_object_mut()
    {
        claims.insert(issuer.subject.clone(), json!(client.subject));
    }
    let token = keys.sign(&claims).ok_or_else(absent)?;
    Ok(Issued { token, lasts, consumer: client.consumer })
}

fn read(headers: &HeaderMap, form: &[u8]) -> Result<Asked, NotIssued> {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default().trim();
    if !kind.eq_ignore_ascii_case("application/x-www-form-urlencoded") {
        return Err(no("invalid_request", "send the request as `application/x-www-form-urlencoded`"));
    }
    let text = std::str::from_utf8(form).ok();
    let fields = text.and_then(|text| path::decode_query(Some(text)));
    let fields = fields.ok_or_else(|| no("invalid_request", "the form is not percent-encoded UTF-8"))?;
    let field = |name: &str| {
        let mut all = fields.iter().filter(|(known, _)| known == name).map(|(_, value)| value.clone());
        match (all.next(), all.next()) {
            (_, Some(_)) => Err(no("invalid_request", "a field stands twice in the form")),
            (one, None) => Ok(one),
        }
    };
    match field("grant_type")?.as_deref() {
        Some("client_credentials") => {}
        Some(_) => return Err(no("unsupported_grant_type", "tokens are issued for `client_credentials` only")),
        None => return Err(no("invalid_request", "the form does not say its `grant_type`")),
    }
    let (client, secret) = match (basic(headers)?, field("client_id")?, field("client_secret")?) {
        (Some(_), _, Some(_)) => return Err(no("invalid_request", "the client proves itself in two ways")),
        (Some((client, secret)), said, None) if said.as_ref().is_none_or(|said| *said == client) => (client, secret),
        (None, Some(client), Some(secret)) => (client, secret),
        _ => return Err(no_client("send the client's name and secret, in `Authorization: Basic …` or in the form")),
    };
    let audience = match field("audience")? {
        Some(audience) => Some(audience),
        None => field("resource")?,
    };
    Ok(Asked { client, secret, audience })
}

/// `client_secret_basic`: both are form-encoded before they are put together (RFC 6749, 2.3.1).
fn basic(headers: &HeaderMap) -> Result<Option<(String, String)>, NotIssued> {
    let Some(value) = headers.get(header::AUTHORIZATION) else { return Ok(None) };
    let read = || {
        let (scheme, encoded) = value.as_bytes().split_at_checked(6)?;
        let pair = STANDARD.decode(scheme.eq_ignore_ascii_case(b"basic ").then_some(encoded.trim_ascii())?).ok()?;
        let colon = pair.iter().position(|byte| *byte == b':')?;
        let text = |part: &[u8]| String::from_utf8(path::decode(part, true)?).ok();
        Some((text(pair.get(..colon)?)?, text(pair.get(colon + 1..)?)?))
    };
    read().map(Some).ok_or_else(|| no_client("`Authorization` is not `Basic` with a client's name and secret"))
}

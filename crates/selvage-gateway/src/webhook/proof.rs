//! Whether a call of a webhook is its sender's: pure, by the call, the secrets and the time. What can be judged by the head is judged
//! before the body is read. Why a call is not its sender's is for operators and never for the caller.

use std::net::IpAddr;

use http::{HeaderMap, HeaderName, header};
use jiff::{SignedDuration, Timestamp};
use selvage_model::arrival::CallName;
use selvage_model::manifest::webhook::{CallId, Encoding, Hmac, SignedPart, Signing, WebhookInterface};
use selvage_model::network::Network;
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::encoded::decode;
use super::key::{Kind, WebhookKey};
use crate::certificate::ClientCertificate;
use crate::head::bearer;

static WEBHOOK_ID: HeaderName = HeaderName::from_static("webhook-id");
static WEBHOOK_TIMESTAMP: HeaderName = HeaderName::from_static("webhook-timestamp");
static WEBHOOK_SIGNATURE: HeaderName = HeaderName::from_static("webhook-signature");
/// Signatures of one call that are looked at: a sender in rotation has two.
const MOST_SIGNATURES: usize = 8;
/// Bytes of a call's id.
const LONGEST_ID: usize = 256;

/// What proves the calls of one webhook.
#[derive(Debug)]
pub(crate) struct Demand {
    scheme: Scheme,
    from: Vec<Network>,
    window: SignedDuration,
    id: IdAt,
    /// The id stands in a header that the signature does not cover.
    id_is_unproven: bool,
}

#[derive(Debug)]
enum Scheme {
    Standard,
    Hmac { header: HeaderName, timestamp: Option<HeaderName>, hmac: Hmac },
    Bearer(Option<HeaderName>),
    Path,
    Mtls(String),
}

#[derive(Debug)]
enum IdAt {
    Header(HeaderName),
    Pointer(String),
    Body,
}

/// The head of a call.
#[derive(Clone, Copy)]
pub(crate) struct Call<'c> {
    /// The path below the interface's own.
    pub(crate) rest: &'c str,
    pub(crate) headers: &'c HeaderMap,
    pub(crate) address: IpAddr,
    pub(crate) client: Option<&'c ClientCertificate>,
}

/// Why a call is not taken for its sender's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unproven {
    /// It comes from elsewhere.
    Address,
    /// What proves it is missing, stands there twice, or cannot be read.
    Absent,
    /// Its time is too far from now.
    Time,
    /// No secret of now proves it.
    Wrong,
}

impl Unproven {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Address => "address",
            Self::Absent => "absent",
            Self::Time => "time",
            Self::Wrong => "wrong",
        }
    }
}

/// A call whose head is in order: what has to be proven of its body, where something has.
#[derive(Debug)]
pub(crate) struct Begun<'c> {
    signatures: Vec<(Version, Vec<u8>)>,
    signed: Vec<&'c [u8]>,
    /// After which of `signed` the body stands.
    body_after: Option<usize>,
    time: Option<Timestamp>,
    /// What was signed is to be known again.
    is_noted: bool,
}

/// A call that is its sender's.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Proven {
    /// When it was made, where that is said.
    pub(crate) time: Option<Timestamp>,
    /// The hash of what was signed, where its id was not.
    pub(crate) signed: Option<[u8; 32]>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Version {
    Mac,
    Ed25519,
}

impl Demand {
    /// What an interface asks for; `None` where it says nothing of what proves a call.
    pub(crate) fn new(webhook: &WebhookInterface) -> Option<Self> {
        let name = |text: &str| HeaderName::try_from(text).ok();
        let scheme = match &webhook.signing.as_ref()?.value {
            Signing::StandardWebhooks => Scheme::Standard,
            Signing::Hmac(hmac) => {
                let timestamp = match &hmac.timestamp {
                    Some(timestamp) => Some(name(timestamp)?),
                    None => None,
                };
                Scheme::Hmac { header: name(&hmac.header)?, timestamp, hmac: hmac.clone() }
            }
            Signing::Bearer { header: Some(header) } => Scheme::Bearer(Some(name(header)?)),
            Signing::Bearer { header: None } => Scheme::Bearer(None),
            Signing::SecretPath => Scheme::Path,
            Signing::Mtls { subject } => Scheme::Mtls(subject.clone()),
        };
        let id = match (&webhook.id, &scheme) {
            (Some(CallId::Header(header)), _) => IdAt::Header(name(header)?),
            (Some(CallId::At(pointer)), _) => IdAt::Pointer(pointer.clone()),
            (None, Scheme::Standard) => IdAt::Header(WEBHOOK_ID.clone()),
            (None, _) => IdAt::Body,
        };
        let from = webhook.from.iter().map(|network| network.value).collect();
        let window = SignedDuration::try_from(webhook.window).unwrap_or(SignedDuration::MAX);
        let id_is_unproven = match (&id, &scheme) {
            (IdAt::Header(name), Scheme::Standard) => *name != WEBHOOK_ID,
            (IdAt::Header(_), Scheme::Hmac { .. }) => true,
            // In a body that is signed, or from whoever has the secret itself.
            _ => false,
        };
        Some(Self { scheme, from, window, id, id_is_unproven })
    }

    /// Whether its calls show a secret as the last segment of their path.
    pub(crate) fn is_by_path(&self) -> bool {
        matches!(self.scheme, Scheme::Path)
    }

    /// Judges what the head of a call says.
    pub(crate) fn begin<'c>(
        &'c self,
        call: Call<'c>,
        keys: &[WebhookKey],
        now: Timestamp,
    ) -> Result<Begun<'c>, Unproven> {
        if !self.from.is_empty() && !self.from.iter().any(|network| network.contains(call.address.to_canonical())) {
            return Err(Unproven::Address);
        }
        let shown = |presented: &[u8]| {
            // Each is compared: which one it was is not told by the time that it took.
            let fits = keys.iter().filter(|key| key.is_shown(presented)).count();
            if fits > 0 { Ok(Begun::proven()) } else { Err(Unproven::Wrong) }
        };
        match &self.scheme {
            Scheme::Standard => self.standard(call, now),
            Scheme::Hmac { header, timestamp, hmac } => self.hmac(call, (header, timestamp.as_ref(), hmac), now),
            Scheme::Bearer(None) => {
                let value = once(call.headers, &header::AUTHORIZATION).ok_or(Unproven::Absent)?;
                shown(bearer(value.as_bytes()).ok_or(Unproven::Absent)?)
            }
            Scheme::Bearer(Some(name)) => shown(once(call.headers, name).ok_or(Unproven::Absent)?.as_bytes()),
            // As it was sent: a secret has no character that a sender would encode.
            Scheme::Path => shown(call.rest.strip_prefix('/').ok_or(Unproven::Absent)?.as_bytes()),
            Scheme::Mtls(subject) => {
                let client = call.client.ok_or(Unproven::Absent)?;
                let named = std::iter::once(&client.subject).chain(&client.names).any(|name| name == subject);
                if named && client.ends > now { Ok(Begun::proven()) } else { Err(Unproven::Wrong) }
            }
        }
    }

    fn standard<'c>(&self, call: Call<'c>, now: Timestamp) -> Result<Begun<'c>, Unproven> {
        let text = |name| once(call.headers, name).ok_or(Unproven::Absent);
        let (id, stamp, signatures) = (text(&WEBHOOK_ID)?, text(&WEBHOOK_TIMESTAMP)?, text(&WEBHOOK_SIGNATURE)?);
        let time = seconds(stamp).ok_or(Unproven::Absent)?;
        self.recent(time, now)?;
        let mut read = Vec::new();
        for signature in signatures.split(' ').take(MOST_SIGNATURES) {
            let (version, bytes) = match signature.split_once(',') {
                Some(("v1", bytes)) => (Version::Mac, bytes),
                Some(("v1a", bytes)) => (Version::Ed25519, bytes),
                _ => continue,
            };
            read.extend(decode(Encoding::Base64, bytes).map(|bytes| (version, bytes)));
        }
        if id.is_empty() || read.is_empty() {
            return Err(Unproven::Absent);
        }
        let signed = vec![id.as_bytes(), b".", stamp.as_bytes(), b"."];
        let (body_after, is_noted) = (Some(signed.len()), self.id_is_unproven);
        Ok(Begun { signatures: read, body_after, signed, time: Some(time), is_noted })
    }

    fn hmac<'c>(
        &'c self,
        call: Call<'c>,
        (header, timestamp, hmac): (&HeaderName, Option<&HeaderName>, &'c Hmac),
        now: Timestamp,
    ) -> Result<Begun<'c>, Unproven> {
        let text = |name| once(call.headers, name).ok_or(Unproven::Absent);
        let value = text(header)?.strip_prefix(&*hmac.prefix).ok_or(Unproven::Absent)?;
        let signature = decode(hmac.encoding, value).ok_or(Unproven::Absent)?;
        let stamp = timestamp.map(text).transpose()?;
        let time = stamp.map(|stamp| time(stamp).ok_or(Unproven::Absent)).transpose()?;
        if let Some(time) = time {
            self.recent(time, now)?;
        }
        let (mut signed, mut body_after) = (Vec::new(), None);
        for part in &hmac.signs {
            match part {
                SignedPart::Text(text) => signed.push(text.as_bytes()),
                SignedPart::Timestamp => signed.push(stamp.unwrap_or_default().as_bytes()),
                SignedPart::Body => body_after = Some(signed.len()),
            }
        }
        let signatures = vec![(Version::Mac, signature)];
        Ok(Begun { signatures, signed, body_after, time, is_noted: self.id_is_unproven })
    }

    fn recent(&self, time: Timestamp, now: Timestamp) -> Result<(), Unproven> {
        if time.duration_since(now).abs() <= self.window { Ok(()) } else { Err(Unproven::Time) }
    }

    /// What tells a proven call from others; `None` where its id is none that can be used.
    pub(crate) fn name(
        &self,
        headers: &HeaderMap,
        bytes: &[u8],
        body: &Value,
        signed: Option<[u8; 32]>,
    ) -> Option<CallName> {
        let id = match &self.id {
            IdAt::Header(name) => once(headers, name)?.to_owned(),
            IdAt::Pointer(pointer) => match body.pointer(pointer)? {
                Value::String(text) => text.clone(),
                Value::Number(number) => number.to_string(),
                _ => return None,
            },
            IdAt::Body => return Some(CallName::Content(Sha256::digest(bytes).into())),
        };
        let is_fit = (1..=LONGEST_ID).contains(&id.len()) && !id.chars().any(char::is_control);
        is_fit.then_some(match signed {
            Some(signed) => CallName::Unproven { id, signed },
            None => CallName::Own(id),
        })
    }
}

impl<'c> Begun<'c> {
    /// Its head proves all of it.
    fn proven() -> Self {
        Self { signatures: Vec::new(), signed: Vec::new(), body_after: None, time: None, is_noted: false }
    }

    /// Judges the body.
    pub(crate) fn finish(mut self, keys: &[WebhookKey], body: &'c [u8]) -> Result<Proven, Unproven> {
        let Some(place) = self.body_after else { return Ok(Proven { time: self.time, signed: None }) };
        self.signed.insert(place, body);
        let kind = |key: &WebhookKey| match key.kind {
            Kind::Mac(_) => Some(Version::Mac),
            Kind::Ed25519(_) => Some(Version::Ed25519),
            Kind::Shown(_) => None,
        };
        let fits = |(version, signature): &(Version, Vec<u8>)| {
            keys.iter().any(|key| kind(key) == Some(*version) && key.signed(&self.signed, signature))
        };
        if !self.signatures.iter().any(fits) {
            return Err(Unproven::Wrong);
        }
        Ok(Proven { time: self.time, signed: self.is_noted.then(|| hash(&self.signed)) })
    }
}

/// The hash of parts, each with its length before it.
fn hash(parts: &[&[u8]]) -> [u8; 32] {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update(part.len().to_be_bytes());
        hash.update(part);
    }
    hash.finalize().into()
}

/// The value of a header that stands there once, as visible ASCII without blanks around it.
fn once<'h>(headers: &'h HeaderMap, name: &HeaderName) -> Option<&'h str> {
    let mut values = headers.get_all(name).iter();
    let (first, second) = (values.next()?, values.next());
    if second.is_some() { None } else { first.to_str().ok() }
}

/// Seconds since 1970.
fn seconds(text: &str) -> Option<Timestamp> {
    let plain = (1..=10).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
    if plain { Timestamp::from_second(text.parse().ok()?).ok() } else { None }
}

/// Seconds or milliseconds since 1970, or RFC 3339.
fn time(text: &str) -> Option<Timestamp> {
    if text.len() == 13 && text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Timestamp::from_millisecond(text.parse().ok()?).ok();
    }
    let written = || text.parse().ok().filter(|_| text.contains('T') && text.len() <= 40);
    seconds(text).or_else(written)
}

#[cfg(test)]
mod tests;

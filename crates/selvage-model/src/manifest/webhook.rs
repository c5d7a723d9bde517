//! The `webhook` type of interface, as declared: who calls, what proves a call, and what it becomes.

use std::time::Duration;

use crate::manifest::event::Into;
use crate::manifest::system::SecretName;
use crate::name::SystemName;
use crate::network::Network;
use crate::source::Spanned;

/// Calls in from a system.
#[derive(Clone, Debug, PartialEq)]
pub struct WebhookInterface {
    /// Who calls.
    pub source: Option<Spanned<SystemName>>,
    /// What proves that a call is theirs.
    pub signing: Option<Spanned<Signing>>,
    /// The secrets of which any one proves it: names, never the secrets. INVARIANT: SECRET-FREE
    pub secrets: Vec<Spanned<SecretName>>,
    /// The networks that they call from; from anywhere where there is none.
    pub from: Vec<Spanned<Network>>,
    /// How far the time of a call may be from now.
    pub window: Duration,
    /// What tells a call from another; the hash of its body where nothing is said and the scheme has nothing.
    pub id: Option<CallId>,
    /// What the calls become.
    pub into: Option<Into>,
    /// The system's record that a call is, where a mapping makes the object of it.
    pub record: Option<Spanned<String>>,
    /// The calls become nothing: they say which record changed, and the captures of the system look.
    pub hints: bool,
}

impl WebhookInterface {
    /// How far the time of a call may be from now, where nothing is said.
    pub const WINDOW: Duration = Duration::from_secs(300);
}

/// What proves that a call is its sender's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Signing {
    /// As Standard Webhooks say: id, time and body, by shared secrets or by the sender's own keys.
    StandardWebhooks,
    /// A keyed hash in a header of the sender's own.
    Hmac(Hmac),
    /// A secret in a header: behind `Bearer` in `Authorization`, or all of a header of the sender's own.
    Bearer {
        /// The header of the sender's own.
        header: Option<String>,
    },
    /// A secret as the last segment of the path.
    SecretPath,
    /// A client certificate.
    Mtls {
        /// Its subject: a distinguished name, or one of its alternative names.
        subject: String,
    },
}

/// A keyed hash in a header of the sender's own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hmac {
    /// The header.
    pub header: String,
    /// By which hash.
    pub hash: Hash,
    /// How it is written.
    pub encoding: Encoding,
    /// What stands before it, as `sha256=`.
    pub prefix: String,
    /// What is signed.
    pub signs: Vec<SignedPart>,
    /// The header with the time of the call.
    pub timestamp: Option<String>,
    /// How the secret is written.
    pub key: KeyForm,
}

/// By which hash a call is signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hash {
    /// SHA-256.
    Sha256,
    /// SHA-512.
    Sha512,
    /// SHA-1, for those who know nothing better.
    Sha1,
}

/// How bytes are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    /// Two digits a byte, in upper or lower case.
    Hex,
    /// Base64.
    Base64,
}

/// How a shared secret is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyForm {
    /// As the bytes of its text.
    Text,
    /// In base64.
    Base64,
    /// In hexadecimal digits.
    Hex,
}

/// A part of what is signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SignedPart {
    /// This text.
    Text(String),
    /// The time, as its header has it.
    Timestamp,
    /// The body.
    Body,
}

/// Where the id of a call stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CallId {
    /// In this header.
    Header(String),
    /// In the body, at this JSON Pointer.
    At(String),
}

//! Interfaces of type webhook.

use super::fields::{Fields, spanned};
use crate::code;
use crate::finding::Finding;
use crate::manifest::event::Into;
use crate::manifest::system::SecretName;
use crate::manifest::webhook::{CallId, Encoding, Hash, Hmac, KeyForm, SignedPart, Signing, WebhookInterface};
use crate::scalar;
use crate::schema::tables::system::ONE_SECRET;
use crate::schema::tables::webhook::{
    BEARER, CALL_ID, HMAC, WEBHOOK_CERTIFICATE, WEBHOOK_INTO, WEBHOOK_SIGNING, WEBHOOK_SOURCE,
};
use crate::source::Spanned;

const BODY: &str = "{body}";
const TIMESTAMP: &str = "{timestamp}";

pub(super) fn webhook(fields: Fields<'_>, findings: &mut Vec<Finding>) -> WebhookInterface {
    let source = fields.record("source", &WEBHOOK_SOURCE);
    let secret = |node| {
        let secret = Fields::new(node, &ONE_SECRET).spanned_text("secret")?;
        Some(Spanned::new(SecretName(secret.value), secret.place))
    };
    let into = fields.record("into", &WEBHOOK_INTO);
    WebhookInterface {
        source: source.and_then(|source| source.spanned("system")),
        signing: source.and_then(|source| signing(source, findings)),
        secrets: source.iter().flat_map(|source| source.items("secrets")).filter_map(secret).collect(),
        from: source.iter().flat_map(|source| source.items("from")).filter_map(spanned).collect(),
        window: source.and_then(|source| source.with("window", scalar::duration)).unwrap_or(WebhookInterface::WINDOW),
        id: source.and_then(|source| source.record("id", &CALL_ID)).and_then(id),
        into: into.and_then(|into| {
            let (object, lane) = (into.spanned("object"), into.spanned("lane"));
            Some(Into { event: into.spanned_text("event")?, object, lane })
        }),
        record: into.and_then(|into| into.spanned_text("record")),
        hints: fields.text("into").as_deref() == Some("hints"),
    }
}

fn id(fields: Fields<'_>) -> Option<CallId> {
    fields.text("header").map(CallId::Header).or_else(|| fields.text("at").map(CallId::At))
}

fn signing(source: Fields<'_>, findings: &mut Vec<Finding>) -> Option<Spanned<Signing>> {
    let place = source.node("signing")?.place.clone();
    let word = match source.text("signing").as_deref() {
        Some("standard-webhooks") => Some(Signing::StandardWebhooks),
        Some("bearer") => Some(Signing::Bearer { header: None }),
        Some("secret-path") => Some(Signing::SecretPath),
        _ => None,
    };
    let declared = || {
        let declared = source.record("signing", &WEBHOOK_SIGNING)?;
        let bearer = || Some(Signing::Bearer { header: Some(declared.record("bearer", &BEARER)?.text("header")?) });
        let mtls = || Some(Signing::Mtls { subject: declared.record("mtls", &WEBHOOK_CERTIFICATE)?.text("subject")? });
        match declared.record("hmac", &HMAC) {
            Some(fields) => hmac(fields, findings).map(Signing::Hmac),
            None => bearer().or_else(mtls),
        }
    };
    Some(Spanned::new(word.or_else(declared)?, place))
}

fn hmac(fields: Fields<'_>, findings: &mut Vec<Finding>) -> Option<Hmac> {
    const HASHES: &[(&str, Hash)] = &[("sha256", Hash::Sha256), ("sha512", Hash::Sha512), ("sha1", Hash::Sha1)];
    const ENCODINGS: &[(&str, Encoding)] = &[("hex", Encoding::Hex), ("base64", Encoding::Base64)];
    const FORMS: &[(&str, KeyForm)] = &[("text", KeyForm::Text), ("base64", KeyForm::Base64), ("hex", KeyForm::Hex)];
    let timestamp = fields.text("timestamp");
    let signs = parts(fields.text("signs").as_deref().unwrap_or(BODY));
    let said = fields.node("signs").or_else(|| fields.node("timestamp"));
    if let (Some(node), Some(message)) = (said, unfit(signs.as_deref(), timestamp.is_some())) {
        let finding = Finding::error(code::BAD_VALUE, &node.place, message);
        findings.push(finding.fix("write `{body}`, or `{timestamp}.{body}` and `timestamp: <header>`"));
    }
    Some(Hmac {
        header: fields.text("header")?,
        hash: fields.word("hash", HASHES).unwrap_or(Hash::Sha256),
        encoding: fields.word("encoding", ENCODINGS).unwrap_or(Encoding::Hex),
        prefix: fields.text("prefix").unwrap_or_default(),
        signs: signs?,
        timestamp,
        key: fields.word("key", FORMS).unwrap_or(KeyForm::Text),
    })
}

/// What is signed, in its parts; `None` where a brace is of neither.
fn parts(text: &str) -> Option<Vec<SignedPart>> {
    let mut parts = Vec::new();
    let mut rest = text;
    while let Some(at) = rest.find(['{', '}']) {
        let (before, marked) = rest.split_at(at);
        if !before.is_empty() {
            parts.push(SignedPart::Text(before.to_owned()));
        }
        let (part, after) = match (marked.strip_prefix(BODY), marked.strip_prefix(TIMESTAMP)) {
            (Some(after), _) => (SignedPart::Body, after),
            (_, Some(after)) => (SignedPart::Timestamp, after),
            _ => return None,
        };
        parts.push(part);
        rest = after;
    }
    if !rest.is_empty() {
        parts.push(SignedPart::Text(rest.to_owned()));
    }
    Some(parts)
}

/// What is wrong with what is signed.
fn unfit(parts: Option<&[SignedPart]>, has_time: bool) -> Option<&'static str> {
    let Some(parts) = parts else { return Some("`{body}` and `{timestamp}` are all that can be signed") };
    let count = |wanted: &SignedPart| parts.iter().filter(|part| *part == wanted).count();
    match (count(&SignedPart::Body), count(&SignedPart::Timestamp), has_time) {
        (1, 0, true) => Some("the time of the call is not signed: anybody could write another"),
        (1, 1.., false) => Some("the time is signed, and nothing says in which header it stands"),
        (1, _, _) => None,
        _ => Some("the body is signed, once"),
    }
}

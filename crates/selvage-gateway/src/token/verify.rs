//! Whether a token is good, and whom it names. Pure: the keys and the time are given. What it says is believed only once its
//! signature is found to be its issuer's.

use std::sync::Arc;

use jiff::Timestamp;
use selvage_model::code::{self, Code};
use selvage_model::manifest::issuer::TokenAlgorithm;

use super::claims::Parts;
use super::issuers::{Issuer, Issuers};

/// Most keys that are tried for a token which names none.
const MOST_TRIES: usize = 4;
const NO_ISSUER: &str = "the token does not say its `iss`";

/// What a good token says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Verified {
    /// Its issuer's place.
    pub(crate) issuer: u32,
    /// Whom it names.
    pub(crate) subject: Arc<str>,
    /// The key that it was issued for, where Selvage did.
    pub(crate) key: Option<Arc<str>>,
    /// From when, with what clocks may differ by; seconds since 1970.
    from: i64,
    /// Until when.
    until: i64,
}

impl Verified {
    #[cfg(test)]
    pub(super) fn for_test(issuer: u32, from: i64, until: i64) -> Self {
        Self { issuer, subject: Arc::from("somebody"), key: None, from, until }
    }

    /// Whether it is valid at this time.
    pub(crate) fn is_valid(&self, now: Timestamp) -> bool {
        (self.from..self.until).contains(&now.as_second())
    }
}

/// Why a token is not good.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Fault {
    pub(crate) code: Code,
    pub(crate) detail: &'static str,
    /// The place of its issuer, where that is known.
    pub(crate) issuer: Option<u32>,
}

impl Fault {
    pub(crate) fn time() -> Self {
        fault(code::TOKEN_TIME, "the token has expired, or is not valid yet", None)
    }
}

fn fault(code: Code, detail: &'static str, issuer: Option<u32>) -> Fault {
    Fault { code, detail, issuer }
}

/// Whether a credential is a token at all, and no key that Selvage issued.
pub(crate) fn looks_like_one(credential: &[u8]) -> bool {
    credential.iter().filter(|byte| **byte == b'.').count() == 2
}

/// Whose token it says to be, taken apart as where it is judged; that is believed only once its signature is found to be theirs.
///
/// # Errors
/// What is wrong with it.
pub fn issuer_of(token: &str) -> Result<String, &'static str> {
    Parts::of(token.as_bytes())?.text("iss").map(str::to_owned).ok_or(NO_ISSUER)
}

/// Judges a token.
pub(crate) fn verify(token: &[u8], issuers: &Issuers, now: Timestamp) -> Result<Verified, Fault> {
    let parts = Parts::of(token).map_err(|detail| fault(code::TOKEN_MALFORMED, detail, None))?;
    let url = parts.text("iss").ok_or_else(|| fault(code::TOKEN_MALFORMED, NO_ISSUER, None))?;
    let (place, issuer) = issuers
        .by_url(url)
        .ok_or_else(|| fault(code::TOKEN_ISSUER, "no issuer of this environment has the token's `iss`", None))?;
    let wrong = |code, detail| fault(code, detail, Some(place));
    let algorithm = issuer
        .algorithms
        .iter()
        .copied()
        .find(|algorithm| algorithm.as_str() == parts.algorithm)
        .ok_or_else(|| wrong(code::TOKEN_ALGORITHM, "the token's `alg` is none that its issuer signs with"))?;
    signed(&parts, issuer, algorithm).map_err(|(code, detail)| wrong(code, detail))?;
    if !parts.is_for(&issuer.audiences) {
        return Err(wrong(code::TOKEN_AUDIENCE, "the token's `aud` is none that is taken here"));
    }
    let (from, until) = span(&parts, issuer).map_err(|detail| wrong(code::TOKEN_MALFORMED, detail))?;
    let subject = parts.text(&issuer.subject).filter(|subject| !subject.is_empty());
    let subject = subject.ok_or_else(|| wrong(code::TOKEN_SUBJECT, "the token does not say whom it names"))?;
    let key = parts.text("key").filter(|_| issuers.is_own(place)).map(Arc::from);
    let verified = Verified { issuer: place, subject: Arc::from(subject), key, from, until };
    if verified.is_valid(now) { Ok(verified) } else { Err(Fault { issuer: Some(place), ..Fault::time() }) }
}

fn signed(parts: &Parts<'_>, issuer: &Issuer, algorithm: TokenAlgorithm) -> Result<(), (Code, &'static str)> {
    let Some(keys) = &issuer.keys else {
        return Err((code::ISSUER_KEYS_ABSENT, "the issuer could not be asked for its keys yet; try again soon"));
    };
    let mut candidates = keys.candidates(parts.key.as_deref(), algorithm).take(MOST_TRIES).peekable();
    if candidates.peek().is_none() {
        return Err((code::TOKEN_KEY, "the token's key is none that its issuer showed when it was asked last"));
    }
    if candidates.any(|key| key.verify_sig(parts.signed, &parts.signature).is_ok()) {
        return Ok(());
    }
    Err((code::TOKEN_SIGNATURE, "the token's signature is not its issuer's"))
}

/// From when until when, in seconds since 1970. A token without an end is none.
fn span(parts: &Parts<'_>, issuer: &Issuer) -> Result<(i64, i64), &'static str> {
    let expires = parts.time("exp")?.ok_or("the token does not say its `exp`")?;
    let begins = parts.time("nbf")?.into_iter().chain(parts.time("iat")?).max().unwrap_or(i64::MIN);
    Ok((begins.saturating_sub(issuer.leeway), expires.saturating_add(issuer.leeway)))
}

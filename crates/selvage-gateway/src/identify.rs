//! Who asks: the consumer that a key, a token or a certificate proves. Pure; what was found out about a token is remembered.
//! A caller who proves nothing learns nothing about anybody's grants.

use http::StatusCode;
use selvage_model::access::KeyHash;
use selvage_model::code;
use selvage_model::name::ConsumerName;
use sha2::{Digest, Sha256};

use crate::decide::{Asked, Decided};
use crate::explain::{Stage, Witness};
use crate::refusal::Refusal;
use crate::snapshot::Ends;
use crate::token::{Fault, Verified, looks_like_one, verify};

/// Who asks.
pub(crate) struct Caller<'s> {
    pub(crate) index: u32,
    pub(crate) name: &'s ConsumerName,
    /// The key that proved it, or that the token was issued for.
    pub(crate) key: Option<KeyHash>,
    /// Its index in the snapshot.
    pub(crate) credential: Option<u32>,
    /// When what proved it ends. A token is asked for again and again: its own end is not that of what it began.
    pub(crate) ends: Ends,
}

impl<'s> Caller<'s> {
    /// A consumer, by nothing that is known by itself.
    fn of(index: u32, name: &'s ConsumerName) -> Self {
        Self { index, name, key: None, credential: None, ends: None }
    }
}

/// Finds out who asks. What is presented decides: a wrong key is refused, whatever certificate stands behind it.
pub(crate) fn identify<'s>(asked: Asked<'s, '_, '_>, witness: &mut impl Witness) -> Decided<'s, Caller<'s>> {
    witness.begin(Stage::Identity);
    if let Some(assumed) = witness.assumed() {
        let Some((index, name)) = asked.snapshot.consumer_named(assumed) else {
            let detail = "no consumer of this name has an identity or a grant here";
            return Err(Box::new(Refusal::unauthorized(code::KEY_UNKNOWN, detail)));
        };
        witness.because(|| format!("`{name}`, taken for granted"));
        return Ok(Caller::of(index, name));
    }
    let (caller, by) = proven(asked)?;
    witness.because(|| format!("`{}` by its {by}", caller.name));
    Ok(caller)
}

/// What a key is known by.
pub(crate) fn key_hash(presented: &[u8]) -> KeyHash {
    KeyHash(Sha256::digest(presented).into())
}

/// Who asks, and what proves it.
fn proven<'s>(asked: Asked<'s, '_, '_>) -> Decided<'s, (Caller<'s>, &'static str)> {
    if asked.head.proves_twice() {
        let detail = "a request presents one key or token, once: `Authorization` or `X-Api-Key`";
        return Err(Box::new(Refusal::new(StatusCode::BAD_REQUEST, code::PROOF_DOUBLE, detail)));
    }
    let Some(presented) = asked.head.presented_key() else {
        return Ok((by_certificate(asked)?, "certificate"));
    };
    let hash = key_hash(presented);
    let Some(key) = asked.snapshot.key(&hash) else {
        if looks_like_one(presented) && !asked.snapshot.issuers().is_empty() {
            return Ok((by_token(asked, presented, hash)?, "token"));
        }
        return Err(unknown_key());
    };
    let name = asked.snapshot.consumer(key.consumer).ok_or_else(unknown_key)?;
    if key.has_ended(asked.now) {
        let detail = "the key has expired or was revoked";
        return Err(Box::new(Refusal::unauthorized(code::KEY_ENDED, detail).by(name)));
    }
    if key.for_tokens {
        let detail = "this key gets tokens at `/oauth/token`; show a token here";
        return Err(Box::new(Refusal::unauthorized(code::KEY_FOR_TOKENS, detail).by(name)));
    }
    let (credential, ends) = (Some(key.index), key.expires);
    Ok((Caller { key: Some(hash), credential, ends, ..Caller::of(key.consumer, name) }, "key"))
}

fn unknown_key<'s>() -> Box<Refusal<'s>> {
    Box::new(Refusal::unauthorized(code::KEY_UNKNOWN, "the key is not known here"))
}

fn by_certificate<'s>(asked: Asked<'s, '_, '_>) -> Decided<'s, Caller<'s>> {
    let Some(client) = asked.head.client else {
        let detail = "send a key or a token as `Authorization: Bearer …`, or a key as `X-Api-Key: …`";
        return Err(Box::new(Refusal::unauthorized(code::KEY_MISSING, detail)));
    };
    let index = asked.snapshot.certifies(client);
    let Some((index, name)) = index.and_then(|index| Some((index, asked.snapshot.consumer(index)?))) else {
        let detail = "no consumer is whom the certificate names";
        return Err(Box::new(Refusal::unauthorized(code::CERTIFICATE_UNKNOWN, detail)));
    };
    // The handshake judged it as it was then; a connection may outlive it.
    if client.ends <= asked.now {
        let detail = "the certificate of the connection has ended; connect again with the next one";
        return Err(Box::new(Refusal::unauthorized(code::CERTIFICATE_ENDED, detail).by(name)));
    }
    Ok(Caller { ends: Some(client.ends), ..Caller::of(index, name) })
}

fn by_token<'s>(asked: Asked<'s, '_, '_>, token: &[u8], hash: KeyHash) -> Decided<'s, Caller<'s>> {
    let verified = proved(asked, token, hash).map_err(|fault| refusal(asked, &fault))?;
    let issuer = asked.snapshot.issuers().get(verified.issuer);
    let index = issuer.and_then(|issuer| issuer.consumer(&verified.subject));
    let mut found = index.and_then(|index| Some(Caller::of(index, asked.snapshot.consumer(index)?)));
    if asked.snapshot.issuers().is_own(verified.issuer) {
        // INVARIANT: REVOKED-NOW: a token that Selvage issued ends with the key that it was issued for.
        let key = verified.key.as_deref().and_then(|id| asked.snapshot.key_by_id(id));
        if key.is_none_or(|key| key.has_ended(asked.now) || Some(key.consumer) != index) {
            let detail = "the key that the token was issued for has expired or was revoked";
            return Err(Box::new(Refusal::unauthorized(code::KEY_ENDED, detail)));
        }
        if let Some(caller) = &mut found {
            caller.key = verified.key.as_deref().and_then(|id| asked.snapshot.hash_by_id(id));
            caller.credential = key.map(|key| key.index);
            caller.ends = key.and_then(|key| key.expires);
        }
    }
    found.ok_or_else(|| {
        let detail = "the token is good, but no consumer is whom it names";
        Box::new(Refusal::unauthorized(code::TOKEN_SUBJECT, detail))
    })
}

/// Judges a token, or remembers how it was judged.
fn proved(asked: Asked<'_, '_, '_>, token: &[u8], hash: KeyHash) -> Result<Verified, Fault> {
    let issuers = asked.snapshot.issuers();
    if let Some(known) = asked.memory.recall(&hash, issuers.mark()) {
        if known.is_valid(asked.now) {
            return Ok(known);
        }
        asked.memory.forget(&hash);
        return Err(Fault::time());
    }
    let verified = verify(token, issuers, asked.now)?;
    asked.memory.keep(hash, issuers.mark(), verified.clone());
    Ok(verified)
}

fn refusal<'s>(asked: Asked<'s, '_, '_>, fault: &Fault) -> Box<Refusal<'s>> {
    let mut refusal = Refusal::unauthorized(fault.code, fault.detail);
    if fault.code == code::ISSUER_KEYS_ABSENT {
        // The caller did nothing wrong: whoever asks again soon may pass.
        refusal = Refusal::new(StatusCode::SERVICE_UNAVAILABLE, fault.code, fault.detail);
        refusal.problem.retry_after = Some(1);
    }
    if fault.code == code::TOKEN_KEY {
        refusal.problem.retry_after = Some(1);
        let issuer = fault.issuer.and_then(|place| asked.snapshot.issuers().get(place));
        refusal.missed = issuer.and_then(|issuer| issuer.keys.as_deref());
    }
    Box::new(refusal)
}

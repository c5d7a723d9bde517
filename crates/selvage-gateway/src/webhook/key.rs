//! The secrets that prove calls of webhooks, ready to be used: read once by what their interface's scheme makes of them, and never
//! printed. INVARIANT: SECRET-FREE

use std::collections::BTreeMap;
use std::fmt;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::hmac;
use aws_lc_rs::signature::{ED25519, UnparsedPublicKey};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use selvage_model::manifest::webhook::{Hash, KeyForm, Signing};
use selvage_model::name::InterfaceRef;
use sha2::{Digest, Sha256};

use super::encoded::unhex;

/// The least bytes that a shared secret has.
const LEAST: usize = 16;
/// How the secrets and the public keys of Standard Webhooks begin.
const SHARED: &str = "whsec_";
const PUBLIC: &str = "whpk_";

/// The secrets of each webhook, of which any one proves a call.
pub type WebhookKeys = BTreeMap<InterfaceRef, Vec<WebhookKey>>;

/// One secret of a webhook.
#[derive(Clone)]
pub struct WebhookKey {
    pub(super) kind: Kind,
    /// Of the secret as it was given.
    mark: [u8; 32],
}

#[derive(Clone)]
pub(super) enum Kind {
    /// A shared secret that calls are signed with.
    Mac(Box<hmac::Key>),
    /// The key by which a sender's own signature is verified.
    Ed25519([u8; 32]),
    /// What is compared with what a call shows: its hash, so that nothing is told by its length.
    Shown([u8; 32]),
}

/// Why a secret cannot be used. It does not say what the secret is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WebhookKeyError {
    /// Not base64, or not digits, as its manifest says.
    #[error("it is not written as the interface says")]
    Form,
    /// Too short to keep anybody out.
    #[error("it is shorter than {LEAST} bytes")]
    Short,
    /// A public key of another length.
    #[error("a public key behind `{PUBLIC}` has 32 bytes")]
    PublicKey,
    /// A character that paths or headers hold in two ways.
    #[error("one that is shown in a path has letters, digits, `-`, `.`, `_` and `~` only; one in a header no blanks")]
    Characters,
}

impl WebhookKey {
    /// What a scheme makes of a secret; `None` where it has no secrets.
    ///
    /// # Errors
    /// Where the secret is not one of this scheme.
    pub fn new(signing: &Signing, secret: &str) -> Result<Option<Self>, WebhookKeyError> {
        let kind = match signing {
            Signing::StandardWebhooks => standard(secret)?,
            Signing::Hmac(scheme) => {
                let bytes = match scheme.key {
                    KeyForm::Text => secret.as_bytes().to_vec(),
                    KeyForm::Base64 => STANDARD.decode(secret).map_err(|_| WebhookKeyError::Form)?,
                    KeyForm::Hex => unhex(secret.as_bytes()).ok_or(WebhookKeyError::Form)?,
                };
                mac(algorithm(scheme.hash), &bytes)?
            }
            Signing::Bearer { .. } => shown(secret, |byte| byte.is_ascii_graphic())?,
            // What no sender has a reason to encode, so that a path holds it in one way only.
            Signing::SecretPath => {
                shown(secret, |byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~'))?
            }
            Signing::Mtls { .. } => return Ok(None),
        };
        Ok(Some(Self { kind, mark: Sha256::digest(secret).into() }))
    }

    /// Whether what a call shows is this secret. Takes as long for any.
    pub(super) fn is_shown(&self, presented: &[u8]) -> bool {
        let presented: [u8; 32] = Sha256::digest(presented).into();
        matches!(&self.kind, Kind::Shown(known) if verify_slices_are_equal(known, &presented).is_ok())
    }

    /// Whether the signature is this secret's of these parts.
    pub(super) fn signed(&self, parts: &[&[u8]], signature: &[u8]) -> bool {
        match &self.kind {
            Kind::Mac(key) => {
                let mut context = hmac::Context::with_key(key);
                parts.iter().for_each(|part| context.update(part));
                verify_slices_are_equal(context.sign().as_ref(), signature).is_ok()
            }
            Kind::Ed25519(key) => UnparsedPublicKey::new(&ED25519, key).verify(&parts.concat(), signature).is_ok(),
            Kind::Shown(_) => false,
        }
    }
}

fn standard(secret: &str) -> Result<Kind, WebhookKeyError> {
    let decode = |text: &str| STANDARD.decode(text).map_err(|_| WebhookKeyError::Form);
    match secret.strip_prefix(PUBLIC) {
        Some(key) => {
            let key = decode(key)?;
            Ok(Kind::Ed25519(key.try_into().map_err(|_| WebhookKeyError::PublicKey)?))
        }
        None => mac(hmac::HMAC_SHA256, &decode(secret.strip_prefix(SHARED).unwrap_or(secret))?),
    }
}

fn shown(secret: &str, plain: impl Fn(u8) -> bool) -> Result<Kind, WebhookKeyError> {
    if !secret.bytes().all(plain) {
        return Err(WebhookKeyError::Characters);
    }
    if secret.len() < LEAST { Err(WebhookKeyError::Short) } else { Ok(Kind::Shown(Sha256::digest(secret).into())) }
}

fn mac(algorithm: hmac::Algorithm, bytes: &[u8]) -> Result<Kind, WebhookKeyError> {
    if bytes.len() < LEAST {
        Err(WebhookKeyError::Short)
    } else {
        Ok(Kind::Mac(Box::new(hmac::Key::new(algorithm, bytes))))
    }
}

fn algorithm(hash: Hash) -> hmac::Algorithm {
    match hash {
        Hash::Sha256 => hmac::HMAC_SHA256,
        Hash::Sha512 => hmac::HMAC_SHA512,
        Hash::Sha1 => hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY,
    }
}

impl fmt::Debug for WebhookKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WebhookKey").finish_non_exhaustive()
    }
}

impl PartialEq for WebhookKey {
    fn eq(&self, other: &Self) -> bool {
        self.mark == other.mark
    }
}

#[cfg(test)]
mod tests {
    use selvage_model::manifest::webhook::{Encoding, Hmac};

    use super::*;

    fn hmac(key: KeyForm) -> Signing {
        let (header, prefix) = ("x-signature".to_owned(), String::new());
        Signing::Hmac(Hmac {
            header,
            hash: Hash::Sha256,
            encoding: Encoding::Hex,
            prefix,
            signs: Vec::new(),
            timestamp: None,
            key,
        })
    }

    #[test]
    fn secrets_are_read_as_their_scheme_says() {
        use WebhookKeyError::{Characters, Form, PublicKey, Short};
        let bearer = Signing::Bearer { header: None };
        for (signing, secret, error) in [
            (&Signing::StandardWebhooks, "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", None),
            (&Signing::StandardWebhooks, "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", None),
            (&Signing::StandardWebhooks, "whsec_not base64", Some(Form)),
            (&Signing::StandardWebhooks, "whsec_c2hvcnQ=", Some(Short)),
            (&Signing::StandardWebhooks, "", Some(Short)),
            (&Signing::StandardWebhooks, "whpk_11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=", None),
            (&Signing::StandardWebhooks, "whpk_11qYAYKxCrfVS/7TyWQHOg==", Some(PublicKey)),
            (&hmac(KeyForm::Text), "a secret with blanks", None),
            (&hmac(KeyForm::Text), "short", Some(Short)),
            (&hmac(KeyForm::Hex), "00112233445566778899aabbccddeeff", None),
            (&hmac(KeyForm::Hex), "00112233445566778899aabbccddeefg", Some(Form)),
            (&hmac(KeyForm::Base64), "AAAA AAAA AAAA AAAA AAAA", Some(Form)),
            (&bearer, "abcdefghijklmnop", None),
            (&bearer, "abcdefghijklmno+/=", None),
            (&bearer, "abcdefghijklmno", Some(Short)),
            (&bearer, "abcdefgh ijklmnop", Some(Characters)),
            (&Signing::SecretPath, "abcdefghijklmnop/..", Some(Characters)),
            (&Signing::SecretPath, "abcdefghijklm%6eop", Some(Characters)),
        ] {
            let made = WebhookKey::new(signing, secret);
            assert_eq!(made.as_ref().err(), error.as_ref(), "{signing:?} {secret}");
            assert!(made.is_err() || made.unwrap().is_some());
        }
        assert_eq!(WebhookKey::new(&Signing::Mtls { subject: "CN=a".to_owned() }, "any"), Ok(None));
    }

    #[test]
    fn a_secret_is_never_printed() {
        let key = WebhookKey::new(&Signing::SecretPath, "abcdefghijklmnop").unwrap().unwrap();
        assert_eq!(format!("{key:?}"), "WebhookKey { .. }");
    }
}

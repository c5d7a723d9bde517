//! `kind: Issuer`: who vouches for consumers by signed tokens, in each environment. Selvage is one itself where an
//! environment says with which secret it signs.

use std::time::Duration;

use super::system::SecretName;
use crate::name::{EnvironmentName, IssuerName, TeamName};
use crate::source::{Place, Spanned};

/// Who issues tokens.
#[derive(Clone, Debug, PartialEq)]
pub struct Issuer {
    /// Where it is declared.
    pub place: Place,
    /// Its name in manifests.
    pub name: IssuerName,
    /// The team that runs it.
    pub owner: Spanned<TeamName>,
    /// How it is known in each environment.
    pub environments: Vec<IssuerEnvironment>,
}

impl Issuer {
    /// How it is known in this environment.
    pub fn environment(&self, name: &EnvironmentName) -> Option<&IssuerEnvironment> {
        self.environments.iter().find(|environment| &environment.name.value == name)
    }
}

/// How an issuer is known in one environment.
#[derive(Clone, Debug, PartialEq)]
pub struct IssuerEnvironment {
    /// Which environment.
    pub name: Spanned<EnvironmentName>,
    /// What its tokens say in `iss`, without a trailing slash; its metadata is found below it.
    pub url: Spanned<String>,
    /// Whom its tokens are for: one of these stands in `aud`. Never empty: the issuer's own address where nothing is said
    /// and Selvage signs.
    pub audiences: Vec<String>,
    /// How it signs. Nothing else is taken, whatever a token says of itself.
    pub algorithms: Vec<TokenAlgorithm>,
    /// How far its clock and this one may differ.
    pub leeway: Duration,
    /// The claim that says who the consumer is.
    pub subject: String,
    /// Where its keys are, where its metadata is not to be asked.
    pub keys: Option<Spanned<String>>,
    /// With what Selvage signs, where it is the issuer.
    pub signing: Option<Signing>,
}

/// With what Selvage signs its own tokens.
#[derive(Clone, Debug, PartialEq)]
pub struct Signing {
    /// The secret that the keys are derived from: a name, never the secret. INVARIANT: SECRET-FREE
    pub secret: Spanned<SecretName>,
    /// How long a token lasts.
    pub lifetime: Duration,
    /// How long a signing key is used.
    pub rotate: Duration,
}

/// How tokens are signed: none without a signature, and none with a secret that both sides would know.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TokenAlgorithm {
    /// RSA, PKCS #1 1.5, SHA-256.
    Rs256,
    /// RSA, PKCS #1 1.5, SHA-384.
    Rs384,
    /// RSA, PKCS #1 1.5, SHA-512.
    Rs512,
    /// RSA, PSS, SHA-256.
    Ps256,
    /// RSA, PSS, SHA-384.
    Ps384,
    /// RSA, PSS, SHA-512.
    Ps512,
    /// ECDSA on P-256.
    Es256,
    /// ECDSA on P-384.
    Es384,
    /// Ed25519.
    EdDsa,
}

impl TokenAlgorithm {
    /// Every algorithm with its word in tokens and manifests.
    pub const ALL: &'static [(&'static str, Self)] = &[
        ("RS256", Self::Rs256),
        ("RS384", Self::Rs384),
        ("RS512", Self::Rs512),
        ("PS256", Self::Ps256),
        ("PS384", Self::Ps384),
        ("PS512", Self::Ps512),
        ("ES256", Self::Es256),
        ("ES384", Self::Es384),
        ("EdDSA", Self::EdDsa),
    ];

    /// Its word.
    pub fn as_str(self) -> &'static str {
        Self::ALL.iter().find(|(_, algorithm)| *algorithm == self).map_or("", |(word, _)| word)
    }
}

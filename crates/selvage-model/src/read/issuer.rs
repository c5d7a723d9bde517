//! Issuer.

use std::time::Duration;

use super::fields::{Fields, key};
use crate::manifest::issuer::{Issuer, IssuerEnvironment, Signing, TokenAlgorithm};
use crate::manifest::system::SecretName;
use crate::scalar;
use crate::schema::tables::issuer::{ISSUER_ENVIRONMENT, SIGNING};
use crate::source::Spanned;
use crate::yaml::{Key, Node};

/// What most providers sign with where nothing is said.
const USUAL: &[TokenAlgorithm] = &[TokenAlgorithm::Rs256, TokenAlgorithm::Es256];
const LEEWAY: Duration = Duration::from_secs(30);
const LIFETIME: Duration = Duration::from_secs(5 * 60);
const ROTATE: Duration = Duration::from_secs(30 * 86_400);

pub(super) fn issuer(fields: Fields<'_>) -> Option<Issuer> {
    Some(Issuer {
        place: fields.place().clone(),
        name: fields.parse("name")?,
        owner: fields.spanned("owner")?,
        environments: fields.entries("environments").iter().filter_map(environment).collect(),
    })
}

fn environment((name, node): &(Key, Node)) -> Option<IssuerEnvironment> {
    let fields = Fields::new(node, &ISSUER_ENVIRONMENT);
    let address = |field: &str| {
        let url = fields.spanned_text(field)?;
        Some(Spanned::new(scalar::url(&url.value)?.to_owned(), url.place))
    };
    let url = address("url")?;
    let signing = fields.record("signing", &SIGNING).and_then(signing);
    let audiences: Vec<String> = fields.texts("audiences").into_iter().map(|audience| audience.value).collect();
    let word = |word: Spanned<String>| {
        TokenAlgorithm::ALL.iter().find(|(name, _)| *name == word.value).map(|(_, algorithm)| *algorithm)
    };
    let algorithms: Vec<TokenAlgorithm> = fields.texts("algorithms").into_iter().filter_map(word).collect();
    Some(IssuerEnvironment {
        name: key(name)?,
        audiences: if audiences.is_empty() { vec![url.value.clone()] } else { audiences },
        algorithms: match (&signing, algorithms.is_empty()) {
            (Some(_), _) => vec![TokenAlgorithm::EdDsa],
            (None, true) => USUAL.to_vec(),
            (None, false) => algorithms,
        },
        leeway: fields.with("leeway", scalar::duration).unwrap_or(LEEWAY),
        subject: fields.text("subject").unwrap_or_else(|| "sub".to_owned()),
        keys: address("keys"),
        signing,
        url,
    })
}

fn signing(fields: Fields<'_>) -> Option<Signing> {
    let secret = fields.spanned_text("secret")?;
    Some(Signing {
        secret: Spanned::new(SecretName(secret.value), secret.place),
        lifetime: fields.with("lifetime", scalar::duration).unwrap_or(LIFETIME),
        rotate: fields.with("rotate", scalar::duration).unwrap_or(ROTATE),
    })
}

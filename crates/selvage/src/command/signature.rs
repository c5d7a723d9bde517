//! Who signs. An operator proves it by the key that they log in with; a name alone is entered as unproven, is nobody's who has such a key,
//! and decides nothing where anybody has. The key comes from the environment or a file, and never by the command line, which others see.

use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::Args;
use jiff::Timestamp;
use selvage_model::access::{Credential, Principal};
use selvage_model::code::{self, Code};
use selvage_store::{Store, is_nobody};

use super::words;
use crate::key;
use crate::node::release::Coded;

/// Where the key is, unless a file has it.
const KEY: &str = "SELVAGE_OPERATOR_KEY";
/// How the ledger names a command that nobody signed.
const NOBODY: &str = "cli";

/// Who signs.
#[derive(Args, Clone)]
pub(crate) struct Signature {
    /// Who signs, as boards and teams name people; the operator whose key is in `SELVAGE_OPERATOR_KEY` where not given. Without a key the
    /// name is entered as unproven, and decides nothing once operators have keys.
    #[arg(long, value_name = "NAME", value_parser = words)]
    by: Option<String>,
    /// The file of the operator's key that proves it, instead of `SELVAGE_OPERATOR_KEY`.
    #[arg(long, value_name = "FILE")]
    key_file: Option<PathBuf>,
}

/// Who signed, and the store that enters it so.
pub(crate) struct Signed {
    pub(crate) store: Store,
    pub(crate) by: String,
}

/// What is signed.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Weight {
    /// What whoever runs the node may do: it takes access, or goes on with what stands. Nobody has to be named.
    Act,
    /// Words under a name.
    Word,
    /// What lets somebody in. Nobody has to be named while there is no operator.
    Admission,
    /// What counts because of who says it.
    Decision,
}

/// An operator's key from this file or, where none is named, from the environment; none where it is nowhere.
///
/// # Errors
/// Where the file cannot be read.
pub(crate) fn operators_key(file: Option<&Path>) -> anyhow::Result<Option<String>> {
    let key = match file {
        Some(file) => Some(read(file)?),
        #[expect(clippy::disallowed_methods, reason = "this is the edge at which the binary reads it")]
        None => std::env::var(KEY).ok(),
    };
    Ok(key.map(|key| key.trim().to_owned()).filter(|key| !key.is_empty()))
}

impl Signature {
    /// Signs what takes access away, or goes on with what stands.
    ///
    /// # Errors
    /// Those of the store; a key that does not count, and a name that is another's.
    pub(crate) async fn act(&self, store: Store) -> anyhow::Result<Signed> {
        self.sign(store, Weight::Act).await
    }

    /// Signs words.
    ///
    /// # Errors
    /// The same, and where nobody is named.
    pub(crate) async fn speak(&self, store: Store) -> anyhow::Result<Signed> {
        self.sign(store, Weight::Word).await
    }

    /// Signs what lets somebody in.
    ///
    /// # Errors
    /// Those of [`Self::act`], and without a key where operators have keys.
    pub(crate) async fn admit(&self, store: Store) -> anyhow::Result<Signed> {
        self.sign(store, Weight::Admission).await
    }

    /// Signs a decision.
    ///
    /// # Errors
    /// Those of [`Self::speak`], and without a key where operators have keys.
    pub(crate) async fn decide(&self, store: Store) -> anyhow::Result<Signed> {
        self.sign(store, Weight::Decision).await
    }

    /// Signs the restore of a backup that knows these operators, and says who does and whether that is proven. It is an act: where the keys
    /// were lost with the store, nobody could show one, and a name that has none restores, as unproven.
    ///
    /// # Errors
    /// Those of [`Self::act`].
    pub(crate) fn restores(&self, operators: &[Credential]) -> anyhow::Result<(String, bool)> {
        match self.key()? {
            Some(key) => Ok((self.proven(operators, &key)?, true)),
            None => Ok((self.said(operators, Weight::Act)?, false)),
        }
    }

    /// Whether anybody signs.
    pub(crate) fn is_there(&self) -> anyhow::Result<bool> {
        Ok(self.by.is_some() || self.key()?.is_some())
    }

    async fn sign(&self, store: Store, weight: Weight) -> anyhow::Result<Signed> {
        let operators = store.operator_keys().await?;
        match self.key()? {
            Some(key) => Ok(Signed { by: self.proven(&operators, &key)?, store }),
            None => Ok(Signed { by: self.said(&operators, weight)?, store: store.unproven() }),
        }
    }

    /// The key, where there is one.
    fn key(&self) -> anyhow::Result<Option<String>> {
        operators_key(self.key_file.as_deref())
    }

    /// Whose key it is.
    fn proven(&self, operators: &[Credential], key: &str) -> anyhow::Result<String> {
        let hash = key::hash(key);
        let now = Timestamp::now();
        let is_alive = |it: &Credential| it.revoked.is_none() && it.expires.is_none_or(|expires| expires > now);
        let counts = |it: &&Credential| it.hash == hash && is_alive(it);
        let found = operators.iter().find(counts).and_then(operator);
        let Some(name) = found else {
            let fix = "show the key that `selvage operator add` printed, or unset it";
            return refuse(code::SIGNER_UNKNOWN, "the key is no operator's in this store, or counts no more", fix);
        };
        match &self.by {
            Some(by) if by != name => {
                let fix = format!("leave `--by` out, or show the key of `{by}`");
                refuse(code::SIGNED_BY_ANOTHER, &format!("the key is `{name}`'s, and not `{by}`'s"), &fix)
            }
            _ => Ok(name.to_owned()),
        }
    }

    /// A name that nobody proves to bear. Once an operator had a key it decides nothing, also where every key was taken back since.
    fn said(&self, operators: &[Credential], weight: Weight) -> anyhow::Result<String> {
        let named = matches!(weight, Weight::Word | Weight::Decision);
        let by = match &self.by {
            Some(by) => by.clone(),
            None if named => anyhow::bail!("say who signs: `--by NAME`, or prove it with a key in `{KEY}`"),
            None => NOBODY.to_owned(),
        };
        if by != NOBODY && is_nobody(&by) {
            let message = format!("`{by}` is how the ledger names what no person does");
            return refuse(code::NAME_RESERVED, &message, "sign as boards and teams name you");
        }
        let fix = format!("put the key into `{KEY}`, or into a file for `--key-file`");
        if operators.iter().any(|it| it.revoked.is_none() && operator(it) == Some(by.as_str())) {
            return refuse(code::SIGNATURE_UNPROVEN, &format!("`{by}` has a key, and it was not shown"), &fix);
        }
        if matches!(weight, Weight::Admission | Weight::Decision) && !operators.is_empty() {
            let message = format!("operators have keys here, and `{by}` is a name that anybody can write");
            let fix = format!("{fix}; who has none gets one by `selvage operator add`");
            return refuse(code::DECISION_UNPROVEN, &message, &fix);
        }
        Ok(by)
    }
}

fn read(file: &Path) -> anyhow::Result<String> {
    let unreadable = || format!("{}: cannot read the key in `{}`", code::SECRETS_UNREADABLE, file.display());
    std::fs::read_to_string(file).with_context(unreadable)
}

fn operator(key: &Credential) -> Option<&str> {
    match &key.principal {
        Principal::Operator(name) => Some(name),
        Principal::Consumer(_) => None,
    }
}

fn refuse<T>(code: Code, message: &str, fix: &str) -> anyhow::Result<T> {
    Err(Coded::refused(code, format!("{code}: {message}: {fix}")))
}

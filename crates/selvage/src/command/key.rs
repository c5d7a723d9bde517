//! `selvage key`: the keys of consumers. A key is shown once and can never be shown again.

use std::collections::BTreeMap;
use std::io::IsTerminal;

use clap::{Args, Subcommand};
use comfy_table::Table;
use jiff::{Timestamp, ToSpan};
use selvage_model::access::{Blocked, Credential, Principal};
use selvage_model::code;
use selvage_model::name::ConsumerName;
use selvage_model::usage::Used;
use selvage_store::NewKey;

use super::acknowledged::{self, Said};
use super::active::desk_over;
use super::known::must_be_known;
use super::signature::{Signature, Signed};
use super::{Outcome, StoreChoice, TABLE, say};
use crate::key;
use crate::node::release::{Coded, told};

/// Issues, rotates, lists and revokes the keys of consumers.
#[derive(Subcommand)]
pub(crate) enum Key {
    /// Issues a key for a consumer and prints it, once.
    Issue(Issue),
    /// Issues the key that takes another's place, and lets the other end some days later.
    Rotate(Rotate),
    /// Lists keys: ids, never the keys.
    List(List),
    /// Takes a key back, at once on every node; an operator's with a key: their own, or that of who sits over everybody.
    Revoke(Revoke),
}

/// Issues a key.
#[derive(Args)]
pub(crate) struct Issue {
    /// The consumer, as the fabric names it.
    consumer: ConsumerName,
    /// Ends after so many days.
    #[arg(long, value_name = "DAYS", value_parser = clap::value_parser!(u32).range(1..))]
    days: Option<u32>,
    /// Also where nothing declares the consumer.
    #[arg(long)]
    anyway: bool,
    #[command(flatten)]
    signature: Signature,
    #[command(flatten)]
    store: StoreChoice,
}

/// Replaces a key.
#[derive(Args)]
pub(crate) struct Rotate {
    /// The id of the key whose place is taken, as `selvage key list` shows it.
    id: String,
    /// The new key ends after so many days.
    #[arg(long, value_name = "DAYS", value_parser = clap::value_parser!(u32).range(1..))]
    days: Option<u32>,
    /// Both count for so many days; then the old one ends.
    #[arg(long, value_name = "DAYS", default_value_t = 7, value_parser = clap::value_parser!(u32).range(0..=90))]
    overlap: u32,
    #[command(flatten)]
    signature: Signature,
    #[command(flatten)]
    store: StoreChoice,
}

/// Lists keys.
#[derive(Args)]
pub(crate) struct List {
    #[command(flatten)]
    store: StoreChoice,
}

/// Takes a key back.
#[derive(Args)]
pub(crate) struct Revoke {
    /// The key's id, as `selvage key list` shows it.
    id: String,
    #[command(flatten)]
    said: Said,
}

impl Key {
    /// Runs the subcommand.
    pub(crate) async fn run(self) -> anyhow::Result<Outcome> {
        match self {
            Self::Issue(issue) => issue.run().await,
            Self::Rotate(rotate) => rotate.run().await,
            Self::List(list) => list.run().await,
            Self::Revoke(revoke) => revoke.run().await,
        }
    }
}

impl Issue {
    async fn run(self) -> anyhow::Result<Outcome> {
        // A key lets its holder in.
        let Signed { store, by } = self.signature.admit(self.store.begun().await?).await?;
        if !self.anyway {
            must_be_known(&store, &Blocked::Consumer(self.consumer.clone())).await?;
        }
        let secret = key::generate();
        let expires = self.days.map(after).transpose()?;
        let new = NewKey { principal: Principal::Consumer(self.consumer), hash: key::hash(&secret), expires };
        let credential = store.issue_key(new, &by).await?;
        say(secret)?;
        if std::io::stdout().is_terminal() {
            eprintln!("This is {}. It is shown only now; Selvage keeps its hash.", credential.id);
        }
        if credential.expires.is_none() {
            eprintln!("It has no end of its own: say `--days`, so that a lost key is worth nothing one day.");
        }
        Ok(Outcome::Well)
    }
}

impl Rotate {
    async fn run(self) -> anyhow::Result<Outcome> {
        let store = self.store.existing().await?;
        let state = store.access_state().await?;
        let now = Timestamp::now();
        let counts = |key: &&Credential| key.revoked.is_none() && key.expires.is_none_or(|expires| expires > now);
        let valid: Vec<&Credential> = state.credentials.iter().filter(counts).collect();
        let Some(old) = valid.iter().find(|key| key.id == self.id) else {
            anyhow::bail!("`{}` is no key that counts; `selvage key list` shows them", self.id);
        };
        // Two at a time: who has a third has lost sight of one.
        if let Some(other) = valid.iter().find(|key| key.principal == old.principal && key.id != old.id) {
            anyhow::bail!("{} counts beside it: revoke one of the two, or wait until it ends", other.id);
        }
        // The next key lets its holder in; that of an operator lets them sign, too, and is made by nobody else.
        let Signed { store, by } = self.signature.admit(store).await?;
        if let Principal::Operator(name) = &old.principal {
            own(name, &by)?;
        }
        let secret = key::generate();
        let expires = self.days.map(after).transpose()?;
        let new = NewKey { principal: old.principal.clone(), hash: key::hash(&secret), expires };
        let rotated = store.rotate_key(&self.id, new, after(self.overlap)?, &by).await?;
        say(secret)?;
        for id in &rotated.ended {
            eprintln!("{id} ended: two keys count at a time.");
        }
        if let Some(ends) = rotated.old.expires {
            eprintln!("This is {}. Put it in place before {} ends, at {ends:.0}.", rotated.next.id, rotated.old.id);
        }
        Ok(Outcome::Well)
    }
}

/// Refuses to make a key by which somebody else would sign as this operator.
///
/// # Errors
/// Where somebody else asks for it.
pub(super) fn own(name: &str, by: &str) -> anyhow::Result<()> {
    if name == by {
        return Ok(());
    }
    let code = code::SIGNED_BY_ANOTHER;
    let message = format!(
        "{code}: `{name}` has a key, and `{by}` is not who signs by it: let `{name}` rotate it; where it is lost, revoke it and add `{name}` anew"
    );
    Err(Coded::refused(code, message))
}

/// So many days from now.
pub(super) fn after(days: u32) -> anyhow::Result<Timestamp> {
    Ok(Timestamp::now().checked_add((i64::from(days) * 24).hours())?)
}

impl List {
    async fn run(self) -> anyhow::Result<Outcome> {
        let store = self.store.existing().await?;
        let used = store.last_used().await?.into_iter().collect();
        say(table(&store.access_state().await?.credentials, &used))?;
        Ok(Outcome::Well)
    }
}

impl Revoke {
    async fn run(self) -> anyhow::Result<Outcome> {
        let Said { because, signature, json, store } = self.said;
        let opened = store.existing().await?;
        let keys = opened.access_state().await?.credentials;
        // Taking access takes no key, and an operator's key proves who signs: without it names would decide again.
        let Signed { store: signed, by } = match keys.into_iter().find(|key| key.id == self.id).map(|key| key.principal)
        {
            Some(Principal::Operator(name)) => {
                let signed = signature.admit(opened).await?;
                desk_over(&signed.store).may_revoke_operator(&signed.by, &name).await.map_err(told)?;
                signed
            }
            _ => signature.act(opened).await?,
        };
        let key = signed.revoke_key(&self.id, &by, &because).await?;
        let since = key.revoked.unwrap_or_else(Timestamp::now);
        acknowledged::wait(&signed, since).await?.print(&format!("{} is revoked", self.id), json)?;
        Ok(Outcome::Well)
    }
}

fn table(credentials: &[Credential], used: &BTreeMap<Used, Timestamp>) -> Table {
    let mut table = Table::new();
    table.load_style(TABLE).set_header(["KEY", "OF", "ISSUED", "AGE", "STATE", "LAST USED"]);
    let now = Timestamp::now();
    for credential in credentials {
        let of = match &credential.principal {
            Principal::Consumer(name) => format!("consumer {name}"),
            Principal::Operator(name) => format!("operator {name}"),
        };
        let state = match (credential.revoked, credential.expires) {
            (Some(at), _) => format!("revoked {at:.0}"),
            (None, Some(at)) if at <= now => format!("ended {at:.0}"),
            (None, Some(at)) => format!("ends {at:.0}"),
            (None, None) => "valid, no end".to_owned(),
        };
        let days = now.duration_since(credential.issued).as_hours() / 24;
        let last = used.get(&Used::Key(credential.id.clone())).map_or("-".to_owned(), |at| format!("{at:.0}"));
        let issued = format!("{:.0}", credential.issued);
        table.add_row([credential.id.clone(), of, issued, format!("{days}d"), state, last]);
    }
    table
}

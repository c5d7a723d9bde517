//! `selvage ledger`: what was decided and done, and whether the record of it is whole: by itself, and by checkpoints that were signed
//! with a key that the store does not have.

use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::{Args, Subcommand};
use comfy_table::Table;
use selvage_control::desk::{
    Seal, checkpoint_line, is_signed, kept_checkpoint, key_of, public_key_text, read_checkpoint, read_public_key,
    sign_checkpoint,
};
use selvage_model::code;
use selvage_store::{Checkpoint, LedgerEntry, LedgerHead, Store};

use super::{Outcome, StoreChoice, TABLE, say};

/// How many entries are read at a time.
const MOST_AT_ONCE: u64 = 1_000;
/// Entries without a checkpoint, from which on it is wrong where there is a key: nodes sign as often.
const MOST_BEHIND: u64 = 100;

/// Shows and verifies the ledger.
#[derive(Subcommand)]
pub(crate) enum Ledger {
    /// Lists entries, the oldest first, or the newest with `--newest`.
    List(List),
    /// Recomputes the chain and names what was altered, removed or inserted.
    Verify(Verify),
    /// Signs what the ledger is now, keeps that, and prints it as a line to be kept elsewhere.
    Checkpoint(Sign),
    /// Prints every checkpoint that the store keeps, a line each.
    Checkpoints(Checkpoints),
    /// Prints the public half of the key that signs checkpoints.
    Key(Key),
}

/// Lists entries, the oldest first, or the newest with `--newest`.
#[derive(Args)]
pub(crate) struct List {
    /// The newest first.
    #[arg(long)]
    newest: bool,
    /// Only what comes behind the entry of this number, in the order in which they are listed.
    #[arg(long, value_name = "NO")]
    after: Option<u64>,
    /// The number of the first entry, of the oldest ones.
    #[arg(long, value_name = "NO", conflicts_with_all = ["after", "newest"])]
    from: Option<u64>,
    /// So many at most; where there are more, it is said how to go on.
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..))]
    limit: u32,
    /// Every one of them.
    #[arg(long, conflicts_with = "limit")]
    all: bool,
    #[command(flatten)]
    store: StoreChoice,
}

/// Recomputes the chain.
#[derive(Args)]
pub(crate) struct Verify {
    /// Checkpoints that were kept elsewhere, a line each, besides those of the store and the one beside its marks.
    #[arg(long, value_name = "FILE")]
    checkpoints: Vec<PathBuf>,
    /// The public key that signed them, as `selvage ledger key` printed it; that of the key's own file where not given.
    #[arg(long, value_name = "PUBLIC", value_parser = public)]
    key: Option<[u8; 32]>,
    #[command(flatten)]
    signer: Signer,
    #[command(flatten)]
    store: StoreChoice,
}

/// Signs what the ledger is.
#[derive(Args)]
pub(crate) struct Sign {
    #[command(flatten)]
    signer: Signer,
    #[command(flatten)]
    store: StoreChoice,
}

/// Prints checkpoints.
#[derive(Args)]
pub(crate) struct Checkpoints {
    #[command(flatten)]
    store: StoreChoice,
}

/// Prints the public key.
#[derive(Args)]
pub(crate) struct Key {
    #[command(flatten)]
    signer: Signer,
    #[command(flatten)]
    store: StoreChoice,
}

/// With what checkpoints are signed.
#[derive(Args, Clone)]
pub(crate) struct Signer {
    /// The file of the private key that signs checkpoints of the ledger, in no backup of the store; `ledger.key` beside an embedded
    /// store where not given.
    #[arg(long, value_name = "FILE")]
    ledger_key: Option<PathBuf>,
}

impl Signer {
    /// The key; made where there is none.
    pub(crate) fn seal(&self, store: &StoreChoice) -> anyhow::Result<Option<Seal>> {
        Ok(self.path(store).map(|path| Seal::open(&path)).transpose()?)
    }

    /// The key where there is one, or where somebody says which.
    pub(crate) fn existing(&self, store: &StoreChoice) -> anyhow::Result<Option<Seal>> {
        let path = self.path(store).filter(|path| self.ledger_key.is_some() || path.exists());
        Ok(path.map(|path| Seal::open(&path)).transpose()?)
    }

    /// Whether somebody says which key it is.
    pub(crate) fn is_named(&self) -> bool {
        self.ledger_key.is_some()
    }

    fn path(&self, store: &StoreChoice) -> Option<PathBuf> {
        self.ledger_key.clone().or_else(|| store.beside("ledger.key"))
    }

    fn some(&self, store: &StoreChoice) -> anyhow::Result<Seal> {
        if self.ledger_key.is_none() {
            store.must_be_there()?;
        }
        self.seal(store)?.context("say which key signs: `--ledger-key FILE`; it is made where there is none")
    }

    /// The public half of a key that is there.
    fn public(&self, store: &StoreChoice) -> anyhow::Result<Option<[u8; 32]>> {
        let path = self.path(store).filter(|path| path.exists());
        Ok(path.map(|path| Seal::open(&path)).transpose()?.map(|seal| seal.key().public))
    }
}

impl Ledger {
    /// Runs the subcommand.
    pub(crate) async fn run(self) -> anyhow::Result<Outcome> {
        match self {
            Self::List(list) => list.run().await,
            Self::Verify(verify) => verify.run().await,
            Self::Checkpoint(sign) => sign.run().await,
            Self::Checkpoints(checkpoints) => checkpoints.run().await,
            Self::Key(key) => {
                say(public_key_text(&key.signer.some(&key.store)?.key().public))?;
                Ok(Outcome::Well)
            }
        }
    }
}

fn hex(hash: &[u8]) -> String {
    hash.iter().map(|byte| format!("{byte:02x}")).collect()
}

pub(super) fn public(text: &str) -> Result<[u8; 32], String> {
    read_public_key(text)
        .ok_or_else(|| "a public key is 32 bytes in base64, as `selvage ledger key` prints it".to_owned())
}

impl List {
    async fn run(self) -> anyhow::Result<Outcome> {
        let store = self.store.existing().await?;
        let last = store.ledger_head().await?.entries;
        let mut listed = Span { first: 1, last };
        if self.newest {
            listed.last = self.after.map_or(last, |after| last.min(after.saturating_sub(1)));
        } else {
            listed.first = self.after.map_or(self.from.unwrap_or(1), |after| after.saturating_add(1)).max(1);
        }
        let mut left = if self.all { u64::MAX } else { u64::from(self.limit) };
        let mut is_first = true;
        while is_first || (!listed.is_empty() && left > 0) {
            let page = listed.take(left.min(MOST_AT_ONCE), self.newest);
            let mut entries = store.ledger(page.first, u32::try_from(page.count()).unwrap_or(u32::MAX)).await?;
            if self.newest {
                entries.reverse();
            }
            left -= page.count();
            say(table(&entries, is_first))?;
            is_first = false;
        }
        if !listed.is_empty() {
            let after = if self.newest { listed.last + 1 } else { listed.first - 1 };
            let order = if self.newest { "--newest " } else { "" };
            eprintln!("selvage: there are more, {last} in all: {order}--after {after}, or --all");
        }
        Ok(Outcome::Well)
    }
}

/// Numbers of entries, from one to another.
struct Span {
    first: u64,
    last: u64,
}

impl Span {
    fn count(&self) -> u64 {
        (self.last + 1).saturating_sub(self.first)
    }

    fn is_empty(&self) -> bool {
        self.count() == 0
    }

    /// Takes so many from its beginning, or from its end.
    fn take(&mut self, most: u64, from_end: bool) -> Self {
        let count = most.min(self.count());
        if from_end {
            self.last -= count;
            return Self { first: self.last + 1, last: self.last + count };
        }
        self.first += count;
        Self { first: self.first - count, last: self.first - 1 }
    }
}

fn table(entries: &[LedgerEntry], with_header: bool) -> Table {
    let mut table = Table::new();
    table.load_style(TABLE);
    if with_header {
        table.set_header(["NO", "WHEN", "WHO", "WHAT", "ON", "DETAIL"]);
    }
    for entry in entries {
        let (no, at, detail) = (entry.seq.to_string(), format!("{:.0}", entry.at), entry.detail.to_string());
        table.add_row([no, at, entry.signed_by(), entry.action.clone(), entry.subject.clone(), detail]);
    }
    table
}

impl Sign {
    async fn run(self) -> anyhow::Result<Outcome> {
        let store = self.store.existing().await?;
        let seal = self.signer.some(&self.store)?;
        let checkpoint = sign_checkpoint(&seal, store.ledger_head().await?);
        if let Some(beside) = self.store.beside(kept_checkpoint::NAME) {
            let kept = kept_checkpoint::read(&beside)?.filter(|kept| is_signed(kept, &seal.key().public));
            match kept {
                Some(kept) if !store.has_head(&kept.head).await? => anyhow::bail!(
                    "{}: the ledger does not fit the checkpoint of entry {} in `{}`: look first, and put that file elsewhere",
                    code::LEDGER_BROKEN,
                    kept.head.entries,
                    beside.display()
                ),
                _ => kept_checkpoint::write(&beside, &checkpoint)?,
            }
        }
        store.keep_checkpoint(&checkpoint).await?;
        say(checkpoint_line(&checkpoint))?;
        Ok(Outcome::Well)
    }
}

impl Checkpoints {
    async fn run(self) -> anyhow::Result<Outcome> {
        for checkpoint in self.store.existing().await?.checkpoints().await? {
            say(checkpoint_line(&checkpoint))?;
        }
        Ok(Outcome::Well)
    }
}

impl Verify {
    async fn run(self) -> anyhow::Result<Outcome> {
        let store = self.store.existing().await?;
        let checkpoints = self.known(&store).await?;
        let public = match self.key {
            Some(key) => Some(key),
            None => self.signer.public(&self.store)?,
        };
        let (signed, forged): (Vec<_>, Vec<_>) =
            checkpoints.into_iter().partition(|it| public.is_some_and(|public| is_signed(it, &public)));
        let heads: Vec<LedgerHead> = signed.into_iter().map(|it| it.head).collect();
        let is_unproven = heads.is_empty() && !forged.is_empty();
        let check = store.verify_ledger_by(&heads).await?;
        say(format_args!("{} entries, head {}", check.entries, hex(&check.head)))?;
        for fault in &check.faults {
            say(fault)?;
        }
        // A store that was restored elsewhere has checkpoints of the key of before: only who gives that key can say more of them.
        let own = |it: &Checkpoint| self.key.is_some() || public.is_some_and(|key| key_of(key).id == it.signed_with);
        let (forged, others): (Vec<_>, Vec<_>) = forged.into_iter().partition(own);
        if public.is_some() && !others.is_empty() {
            say(format_args!("{} are signed with another key: give its public half with `--key`", others.len()))?;
        }
        for Checkpoint { head, signed_with, .. } in &forged {
            let (entry, code) = (head.entries, code::CHECKPOINT_FORGED);
            say(format_args!("{code}: the checkpoint of entry {entry} (`{signed_with}`) is not signed with the key"))?;
        }
        if is_unproven && forged.is_empty() {
            // By itself a chain proves nothing to who fears that it was computed anew.
            let code = code::CHECKPOINTS_UNPROVEN;
            say(format_args!(
                "{code}: there are {} checkpoints, and none could be verified: say with `--key PUBLIC` which key signed them, as \
                 `selvage ledger key` printed it",
                others.len()
            ))?;
        }
        let is_lacking = proven(public.is_some(), check.entries, &heads)?;
        let is_well = check.is_whole() && forged.is_empty() && !is_unproven && !is_lacking;
        Ok(if is_well { Outcome::Well } else { Outcome::Wrong })
    }

    /// The checkpoints of the store, the one that is kept beside its marks, and those that were kept elsewhere; each once.
    async fn known(&self, store: &Store) -> anyhow::Result<Vec<Checkpoint>> {
        let mut known = store.checkpoints().await?;
        let beside = self.store.beside(kept_checkpoint::NAME).filter(|path| path.exists());
        for path in beside.iter().chain(&self.checkpoints) {
            for one in kept(path)? {
                if !known.contains(&one) {
                    known.push(one);
                }
            }
        }
        Ok(known)
    }
}

/// Says how much of it is proven by what was signed, and whether checkpoints lack that whoever has the key would have signed.
fn proven(has_key: bool, entries: u64, heads: &[LedgerHead]) -> anyhow::Result<bool> {
    let last = heads.iter().map(|head| head.entries).max().unwrap_or_default();
    let behind = entries.saturating_sub(last);
    match (has_key, last) {
        (false, _) => say(
            "no checkpoint was looked at: the chain alone says nothing of one that was computed anew, or cut off with its head",
        )?,
        (true, 0) => say(
            "no checkpoint is signed with the key: the chain alone says nothing of one that was computed anew, or cut off",
        )?,
        (true, last) => say(format_args!(
            "{} checkpoints are signed with the key, the last of entry {last}; {behind} entries came after it",
            heads.len()
        ))?,
    }
    let is_lacking = has_key && behind >= MOST_BEHIND;
    if is_lacking {
        let code = code::CHECKPOINTS_LACKING;
        say(format_args!(
            "{code}: a node that has the key signs every {MOST_BEHIND} entries, and {behind} have no checkpoint: either none ran, or \
             checkpoints were removed, with entries perhaps"
        ))?;
    }
    Ok(is_lacking)
}

/// Checkpoints of a file.
fn kept(path: &Path) -> anyhow::Result<Vec<Checkpoint>> {
    let text = std::fs::read_to_string(path).with_context(|| format!("cannot read `{}`", path.display()))?;
    let lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
    let read = |(number, line): (usize, &str)| {
        let (line_number, code) = (number + 1, code::CHECKPOINT_UNREADABLE);
        read_checkpoint(line)
            .with_context(|| format!("{code}: line {line_number} of `{}` is no checkpoint", path.display()))
    };
    lines.map(read).collect()
}

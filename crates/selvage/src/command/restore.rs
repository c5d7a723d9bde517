//! `selvage restore`: a backup put into a store that has nothing yet, safe to run: numbers go on above, nobody holds anything, what
//! may have been done since is in doubt. Its access state is an old one: it counts only where somebody says so.

use std::path::{Path, PathBuf};

use clap::Args;
use jiff::Timestamp;
use selvage_control::desk::{DeskError, kept_checkpoint, verify};
use selvage_governance::access::narrows;
use selvage_model::access::Credential;
use selvage_model::change::ChangeState;
use selvage_store::{
    CheckedBackup, LostStore, Restored, Restoring, Store, StoreError, check_backup, releases_of_backup,
};
use serde_json::{Value, json};

use super::backup::{as_json, in_words};
use super::signature::Signature;
use super::{Outcome, StoreChoice, say};

/// Puts a backup into a store that has nothing yet.
#[derive(Args)]
pub(crate) struct Restore {
    /// The backup.
    file: PathBuf,
    /// Only says what the backup holds, whether it is whole, and whether its ledger and its releases are what was entered and signed.
    #[arg(long)]
    check: bool,
    /// Answers for keys, grants and blocks as they were at the time of the backup, which this repeats: what was revoked, ended or
    /// blocked since counts again.
    #[arg(long, value_name = "TIME")]
    accept_access_of: Option<Timestamp>,
    /// Restores it although its ledger or a release is not what was entered and signed; what is wrong is entered in the ledger.
    #[arg(long)]
    accept_faults: bool,
    /// The store that is lost, where it can still be read, as a directory or an address: what had ended there stays so.
    #[arg(long, value_name = "DIR|URL")]
    lost_store: Option<String>,
    #[command(flatten)]
    signature: Signature,
    /// The file of marks that was kept apart from the store; `selvage.marks` beside an embedded store where not given.
    #[arg(long, value_name = "FILE")]
    marks: Option<PathBuf>,
    /// Prints JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    store: StoreChoice,
}

impl Restore {
    /// Restores, and says what is to be known before anything is served.
    pub(crate) async fn run(self) -> anyhow::Result<Outcome> {
        let CheckedBackup { summary, faults, keys, operators } = check_backup(&self.file)?;
        let mut faults: Vec<String> = faults.iter().map(ToString::to_string).collect();
        releases_of_backup(&self.file, &mut |release| match verify(&release, &keys) {
            Err(DeskError::Refused { message, .. }) => faults.push(message),
            Ok(()) | Err(DeskError::Store(_)) => {}
        })?;
        if !faults.is_empty() && (self.check || !self.accept_faults) {
            return Err(StoreError::BackupUntrue { faults }.into());
        }
        if self.check {
            match self.json {
                true => say(as_json(&summary, &self.file))?,
                false => say(format_args!("nothing wrong was found, {}", in_words(&summary)))?,
            }
            return Ok(Outcome::Well);
        }
        let marks = self.marks.clone().or_else(|| self.store.marks()).filter(|marks| marks.exists());
        let lost = self.lost().await?;
        let (by, is_proven) = self.signature.restores(&known(operators, lost.as_ref()))?;
        let how = Restoring {
            by,
            is_proven,
            accepted: self.accept_access_of,
            lost,
            marks: marks.as_deref().map(selvage_log::marks).transpose()?.unwrap_or_default(),
            faults,
        };
        let restored = match Store::restore(&self.store.url()?, &self.file, &how).await {
            Err(StoreError::Unaccepted { taken }) => {
                eprintln!("selvage: say `--accept-access-of {taken:.0}`, or name the lost store with `--lost-store`");
                return Err(StoreError::Unaccepted { taken }.into());
            }
            restored => restored?,
        };
        set_aside(marks.as_deref(), &self.store)?;
        let store = self.store.open().await?;
        let decisions = Decisions::of(&store).await?;
        store.close().await;
        warn(&restored, how.lost.is_some());
        decisions.warn();
        match self.json {
            true => say(told(&restored, &decisions))?,
            false => tell(&restored)?,
        }
        Ok(Outcome::Well)
    }

    /// What can be read of it; nothing of it is changed.
    async fn lost(&self) -> anyhow::Result<Option<LostStore>> {
        let Some(lost) = &self.lost_store else { return Ok(None) };
        let choice = match lost.starts_with("postgres") {
            true => StoreChoice { store: Some(lost.clone()), ..StoreChoice::embedded(PathBuf::new()) },
            false => StoreChoice::embedded(PathBuf::from(lost)),
        };
        anyhow::ensure!(choice.is_there(), "there is no store in `{lost}`");
        Ok(Some(LostStore::read(&choice.url()?, narrows).await?))
    }
}

/// The operators' keys of a backup as far as the lost store, where it can be read, had not taken them back.
fn known(operators: Vec<Credential>, lost: Option<&LostStore>) -> Vec<Credential> {
    let Some(lost) = lost else { return operators };
    let since = |it: Credential| {
        let there = lost.access.credentials.iter().find(|there| there.id == it.id);
        there.cloned().unwrap_or(it)
    };
    operators.into_iter().map(since).collect()
}

/// A checkpoint that was kept apart from the lost store is of entries that the restored one may not have: it is kept under another name,
/// and the node begins anew.
fn set_aside(marks: Option<&Path>, store: &StoreChoice) -> anyhow::Result<()> {
    let beside = marks.map(kept_checkpoint::beside).or_else(|| store.beside(kept_checkpoint::NAME));
    if let Some(aside) = beside.map(|path| kept_checkpoint::set_aside(&path)).transpose()?.flatten() {
        eprintln!("selvage: the last checkpoint of the lost store's ledger is in `{}` now", aside.display());
    }
    Ok(())
}

/// Decisions of then that count again, each in words: what is active, who fills whose seat, which changes wait.
#[derive(Default)]
struct Decisions {
    active: Vec<String>,
    seats: Vec<String>,
    changes: Vec<String>,
}

impl Decisions {
    async fn of(store: &Store) -> Result<Self, StoreError> {
        let mut decisions = Self::default();
        for it in store.active_domains().await? {
            decisions
                .active
                .push(format!("{} of {} in {} since {:.0}", it.release, it.domain, it.environment, it.since));
        }
        for environment in store.active_environments().await? {
            if let Some(it) = store.active(&environment).await? {
                decisions.active.push(format!("{}, a directory, in {environment} since {:.0}", it.release, it.since));
            }
        }
        for it in store.delegations().await?.1 {
            let (seat, domain, from, until) = (it.discipline, it.domain, it.from, it.until);
            decisions.seats.push(format!("{} fills the seat {seat} of {domain} for {from} until {until:.0}", it.to));
        }
        for it in store.changes().await? {
            if it.state == ChangeState::Open || it.ratify_until.is_some() {
                decisions.changes.push(format!("{} of {}: {}", it.id, it.domain, it.title));
            }
        }
        Ok(decisions)
    }

    fn warn(&self) {
        for (what, fix, these) in [
            (
                "active is what was active then",
                "activate again what was since: `selvage release activate`",
                &self.active,
            ),
            ("seats are lent as they were then", "end what ended since: `selvage board end`", &self.seats),
            ("changes are open as they were then", "what was decided since is to be decided again", &self.changes),
        ] {
            if !these.is_empty() {
                eprintln!("selvage: {what}; {fix}");
                these.iter().for_each(|it| eprintln!("selvage:   {it}"));
            }
        }
    }

    fn told(&self) -> Value {
        json!({"active": self.active, "delegations": self.seats, "open_changes": self.changes})
    }
}

/// What nobody must miss.
fn warn(restored: &Restored, lost: bool) {
    let taken = restored.backup.taken;
    match lost {
        true => eprintln!("selvage: keys and grants that were made after {taken:.0} are gone; what had ended stays so"),
        false => eprintln!(
            "selvage: WARNING: keys, grants and blocks are as they were at {taken:.0}. Revoke, end and block again what was \
             since, before anything is served."
        ),
    }
    eprintln!("selvage: no node of the lost store may run any more: it would go on without this one's knowledge");
    if restored.stuck > 0 {
        eprintln!("selvage: {} writes wait for a person: `selvage operations list`", restored.stuck);
    }
}

fn tell(restored: &Restored) -> anyhow::Result<()> {
    say(format_args!("restored {}", in_words(&restored.backup)))?;
    for (stream, first) in &restored.streams {
        say(format_args!("{stream} goes on at {first}; events after the backup may be lost"))?;
    }
    for id in &restored.ended {
        say(format_args!("{id} is as the lost store had it"))?;
    }
    for id in &restored.answered {
        say(format_args!("{id} was answered for in the lost store, and is settled"))?;
    }
    if !restored.postponed.ids.is_empty() {
        let days = restored.postponed.by.as_secs().div_ceil(86_400);
        say(format_args!("{} deadlines are {days} days later:", restored.postponed.ids.len()))?;
        restored.postponed.ids.iter().try_for_each(|id| say(format_args!("  {id}")))?;
    }
    say(format_args!(
        "{} writes are looked for before anything is sent again, {} wait for a person",
        restored.doubtful, restored.stuck
    ))
}

fn told(restored: &Restored, decisions: &Decisions) -> Value {
    let streams =
        restored.streams.iter().map(|(stream, first)| json!({"stream": stream.to_string(), "goes_on_at": first}));
    json!({
        "as_of": format!("{:.0}", restored.backup.taken),
        "rows": restored.backup.rows,
        "sha256": restored.backup.sha256,
        "streams": streams.collect::<Vec<_>>(),
        "ended_by_lost_store": restored.ended,
        "answered_in_lost_store": restored.answered,
        "deadlines_later": {"by_seconds": restored.postponed.by.as_secs(), "of": restored.postponed.ids},
        "decisions_of_then": decisions.told(),
        "operations_in_doubt": restored.doubtful,
        "operations_for_a_person": restored.stuck,
    })
}

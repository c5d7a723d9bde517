//! `selvage dead-letters`: messages that will not be tried again unless a person says so, and records that no event could be made of.
//! Redriving and discarding are in the ledger, with who and why; both go on in the order of the lane.

use clap::{Args, Subcommand};
use comfy_table::Table;
use jiff::Timestamp;
use selvage_model::delivery::Cause;
use selvage_model::event::LaneKey;
use selvage_model::name::InterfaceRef;
use selvage_store::{DeadLetter, LaneChoice, ParkedRecord, Store, Word};
use serde_json::Value;

use super::active::desk_over;
use super::events::sight::{Shown, Sight};
use super::lanes::{MOST_LISTED, shortened};
use super::signature::{Signature, Signed};
use super::subscriptions::{ago, running};
use super::{Outcome, StoreChoice, TABLE, say, words};
use crate::node::release::told;

/// Lists, shows, redrives and discards dead letters.
#[derive(Subcommand)]
pub(crate) enum DeadLetters {
    /// Lists them, oldest first, and the records that captures have parked.
    List(List),
    /// Shows one with its message, its attempts and what was answered.
    Show(Show),
    /// Has them tried again, each at the head of its lane; what is behind follows in order.
    Redrive(Redrive),
    /// Gives them up, for good; what is behind goes on.
    Discard(Discard),
}

/// Lists dead letters.
#[derive(Args)]
pub(crate) struct List {
    /// Those that were decided about too, with who and why.
    #[arg(long)]
    settled: bool,
    #[command(flatten)]
    which: Which,
    #[command(flatten)]
    store: StoreChoice,
}

/// Shows one dead letter.
#[derive(Args)]
pub(crate) struct Show {
    /// Its id, as `selvage dead-letters list` shows it.
    id: String,
    #[command(flatten)]
    sight: Sight,
    #[command(flatten)]
    store: StoreChoice,
}

/// Has dead letters tried again.
#[derive(Args)]
pub(crate) struct Redrive {
    /// Their ids; where none is given, all that the options choose.
    ids: Vec<String>,
    #[command(flatten)]
    which: Which,
    /// Says what would be tried again, and changes nothing.
    #[arg(long)]
    dry_run: bool,
    /// Why, for the ledger.
    #[arg(long, default_value = "what stood in the way is gone", value_parser = words)]
    because: String,
    #[command(flatten)]
    said: Said,
}

/// Gives dead letters up.
#[derive(Args)]
pub(crate) struct Discard {
    /// Their ids.
    #[arg(required = true)]
    ids: Vec<String>,
    /// Why, for the ledger.
    #[arg(long, value_parser = words)]
    because: String,
    #[command(flatten)]
    said: Said,
}

/// Which dead letters.
#[derive(Args)]
struct Which {
    /// Of this interface, as `work-order-events@1`.
    #[arg(long, value_name = "REF")]
    interface: Option<InterfaceRef>,
    /// Of this subscription, as `consumer/name`.
    #[arg(long, value_name = "NAME")]
    subscription: Option<String>,
    /// Of this lane, or the record by this name.
    #[arg(long, value_name = "KEY")]
    lane: Option<LaneKey>,
    /// With this cause: contract, mapping, code, reference, unit, refused, timeout, unknown.
    #[arg(long, value_name = "CAUSE")]
    cause: Option<Cause>,
}

/// By whom, and where that is kept.
#[derive(Args)]
struct Said {
    #[command(flatten)]
    signature: Signature,
    #[command(flatten)]
    store: StoreChoice,
}

impl Said {
    async fn signed(&self) -> anyhow::Result<Signed> {
        self.signature.act(self.store.existing().await?).await
    }

    async fn admitted(&self) -> anyhow::Result<Signed> {
        self.signature.admit(self.store.existing().await?).await
    }
}

/// Refuses who does not answer for the interfaces, as the control API does, once signatures are proven here.
async fn may_give_up(store: &Store, ids: &[String], by: &str) -> anyhow::Result<()> {
    if store.operator_keys().await?.is_empty() {
        return Ok(());
    }
    let (running, desk) = (running(store).await?, desk_over(store));
    for id in ids {
        let interface = store.dead_letter(id).await?.letter.interface;
        desk.may_give_up(&running, by, &interface).await.map_err(told)?;
    }
    Ok(())
}

impl Which {
    fn is_none(&self) -> bool {
        self.interface.is_none() && self.subscription.is_none() && self.lane.is_none() && self.cause.is_none()
    }

    fn choice(&self) -> LaneChoice {
        LaneChoice {
            interface: self.interface.clone(),
            label: self.subscription.clone(),
            lane: self.lane.as_ref().map(ToString::to_string),
            cause: self.cause,
            is_parked: None,
        }
    }
}

impl DeadLetters {
    /// Runs the subcommand.
    pub(crate) async fn run(self) -> anyhow::Result<Outcome> {
        match self {
            Self::List(list) => list.run().await,
            Self::Show(show) => show.run().await,
            Self::Redrive(redrive) => redrive.run().await,
            Self::Discard(discard) => discard.run().await,
        }
    }
}

impl List {
    async fn run(self) -> anyhow::Result<Outcome> {
        let (store, which) = (self.store.existing().await?, self.which.choice());
        let letters = store.chosen_letters(&which, self.settled).await?;
        let records = store.chosen_records(&which).await?;
        if letters.is_empty() && records.is_empty() {
            say(format_args!("none: nothing waits for a person"))?;
        }
        if !letters.is_empty() {
            table(&letters)?;
        }
        if !records.is_empty() {
            say(format_args!("Parked in captures, each tried again by itself:"))?;
            say(parked(&records))?;
        }
        if letters.len().max(records.len()) >= MOST_LISTED {
            say(format_args!("these are the oldest {MOST_LISTED}; choose by the options, or ask for pages over HTTP"))?;
        }
        Ok(Outcome::Well)
    }
}

fn parked(records: &[ParkedRecord]) -> Table {
    let now = Timestamp::now();
    let mut table = Table::new();
    table.load_style(TABLE).set_header(["RECORD", "INTERFACE", "SINCE", "CAUSE", "CODE", "BECAUSE"]);
    for record in records {
        let (label, interface, parked) = (record.label(), record.interface.to_string(), &record.parked);
        let (since, because) = (ago(parked.since, now), shortened(&parked.reason));
        table.add_row([label, interface, since, parked.cause.to_string(), parked.code.clone(), because]);
    }
    table
}

fn table(letters: &[DeadLetter]) -> anyhow::Result<()> {
    let now = Timestamp::now();
    let mut table = Table::new();
    table.load_style(TABLE).set_header([
        "DEAD LETTER",
        "SUBSCRIPTION",
        "INTERFACE",
        "LANE",
        "SINCE",
        "BEHIND",
        "CAUSE",
        "ATTEMPTS",
        "STATE",
        "BECAUSE",
    ]);
    for letter in letters {
        let state =
            letter.settled.as_ref().map_or("open".to_owned(), |it| format!("{} by {}: {}", it.how, it.by, it.because));
        table.add_row([
            letter.id.clone(),
            letter.label.clone(),
            letter.interface.to_string(),
            letter.lane.to_string(),
            ago(letter.died, now),
            letter.behind.to_string(),
            letter.cause.to_string(),
            letter.attempts.to_string(),
            state,
            shortened(&letter.because),
        ]);
    }
    say(table)
}

impl Show {
    async fn run(self) -> anyhow::Result<Outcome> {
        let detail = self.store.existing().await?.dead_letter(&self.id).await?;
        let letter = &detail.letter;
        say(format_args!("{}", letter.id))?;
        say(format_args!("  subscription  {} of {}", letter.label, letter.interface))?;
        say(format_args!("  lane          {}, {} more behind it", letter.lane, letter.behind))?;
        say(format_args!("  event         {} at {}", letter.event, letter.position))?;
        say(format_args!("  cause         {}: {}", letter.cause, letter.because))?;
        match &letter.settled {
            Some(it) => say(format_args!("  settled       {} by {} at {:.0}: {}", it.how, it.by, it.at, it.because))?,
            None => say(format_args!("  since         {:.0}", letter.died))?,
        }
        say(format_args!("  attempts      {}, the last of them:", letter.attempts))?;
        for attempt in &detail.attempts {
            let status = attempt.status.map_or("-".to_owned(), |status| status.to_string());
            say(format_args!("    {:.0} {status} {:?} {}", attempt.at, attempt.took, attempt.because))?;
            if let Some(excerpt) = &attempt.excerpt {
                say(format_args!("      {excerpt}"))?;
            }
        }
        match &detail.body {
            Some(body) => message(&self.sight.of(&letter.interface), body)?,
            None => say(format_args!("  its message is gone: it has arrived, or was given up"))?,
        }
        Ok(Outcome::Well)
    }
}

/// What was to be sent, as `selvage events show` shows it.
fn message(shown: &Shown, body: &[u8]) -> anyhow::Result<()> {
    match (shown.kept(body), shown) {
        (Some((event, hidden)), _) => {
            if let Some((how, what)) = hidden {
                say(format_args!("  {how:<13} {}", said(&what)))?;
            }
            say(format_args!("{event:#}"))
        }
        (None, Shown::Everything) => say(format_args!("{}", String::from_utf8_lossy(body))),
        (None, Shown::Unclassed(_)) => say(format_args!("  its message is no event: `--unmasked` shows it")),
    }
}

fn said(what: &Value) -> String {
    match what {
        Value::Array(places) => places.iter().map(said).collect::<Vec<_>>().join(", "),
        other => other.as_str().unwrap_or_default().to_owned(),
    }
}

impl Redrive {
    async fn run(self) -> anyhow::Result<Outcome> {
        anyhow::ensure!(
            !self.ids.is_empty() || !self.which.is_none(),
            "say which: ids, or `--interface`, `--subscription`, `--lane`, `--cause`"
        );
        let Signed { store, by } = self.said.signed().await?;
        let letters = self.chosen(&store).await?;
        if letters.is_empty() {
            say(format_args!("none: nothing that fits waits for a person"))?;
            return Ok(Outcome::Well);
        }
        if self.dry_run {
            table(&letters)?;
            let behind: u64 = letters.iter().map(|letter| letter.behind).sum();
            say(format_args!("{} would be tried again, and {behind} behind them follow in order", letters.len()))?;
            return Ok(Outcome::Well);
        }
        let ids: Vec<String> = letters.into_iter().map(|letter| letter.id).collect();
        let word = Word { by: &by, because: &self.because };
        for letter in store.redrive_dead_letters(&ids, word).await? {
            say(format_args!("{} is tried again, and {} behind it follow in order", letter.id, letter.behind))?;
        }
        Ok(Outcome::Well)
    }

    async fn chosen(&self, store: &Store) -> anyhow::Result<Vec<DeadLetter>> {
        if self.ids.is_empty() {
            return Ok(store.chosen_letters(&self.which.choice(), false).await?);
        }
        let mut letters = Vec::with_capacity(self.ids.len());
        for id in &self.ids {
            letters.push(store.dead_letter(id).await?.letter);
        }
        let which = self.which.choice();
        letters.retain(|it| which.takes(&it.interface, &it.label, &it.lane, it.cause));
        Ok(letters)
    }
}

impl Discard {
    async fn run(self) -> anyhow::Result<Outcome> {
        let Signed { store, by } = self.said.admitted().await?;
        may_give_up(&store, &self.ids, &by).await?;
        let word = Word { by: &by, because: &self.because };
        for letter in store.discard_dead_letters(&self.ids, word).await? {
            say(format_args!("{} is given up; {} behind it go on in order", letter.id, letter.behind))?;
        }
        Ok(Outcome::Well)
    }
}

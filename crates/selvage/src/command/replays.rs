//! `selvage replays`: events that a subscription had are sent to its endpoint again, by whom the interface lets, as fast as it lets,
//! marked, and beside what is sent now.

use std::time::Duration;

use anyhow::Context as _;
use clap::{Args, Subcommand};
use comfy_table::Table;
use selvage_log::Edge;
use selvage_model::event::LaneKey;
use selvage_model::scalar::Rate;
use selvage_model::subscription::{LiveSubscription, ReplayTerms, SubscriptionState};
use selvage_store::{NewReplay, Store, StoreError, SubscriptionStep, SubscriptionView};
use serde_json::{Value, json};

use super::broker::Broker;
use super::events::Reader;
use super::lanes::shortened;
use super::signature::{Signature, Signed};
use super::subscriptions::{Act, find, to};
use super::{Outcome, StoreChoice, TABLE, say, words};

/// How long it is waited for a node to say whether a replay may be.
const PATIENCE: Duration = Duration::from_secs(5);
const LOOK_EVERY: Duration = Duration::from_millis(200);

/// Sends events again that a subscription had.
#[derive(Subcommand)]
pub(crate) enum Replays {
    /// Asks for one; a node says whether the interface allows it.
    Start(Box<Start>),
    /// Lists replays and how far each is.
    List(List),
    /// Sends nothing until it is resumed.
    Pause(Act),
    /// Goes on where it was.
    Resume(Act),
    /// Ends it; what was sent stays sent.
    Cancel(Act),
}

/// Asks for a replay.
#[derive(Args)]
pub(crate) struct Start {
    /// The subscription: its id, or `consumer/name`.
    subscription: String,
    /// To the endpoint of this subscription of the same consumer to the same interface instead: its id, or `consumer/name`.
    #[arg(long, value_name = "SUBSCRIPTION")]
    target: Option<String>,
    /// The first event: its position as `selvage events tail` shows it, the first that came since a time, or `oldest`.
    #[arg(long, value_name = "POSITION|TIME")]
    from: Edge,
    /// The last event: its position, or the last that came before a time. Default: the newest that there is now.
    #[arg(long, value_name = "POSITION|TIME")]
    to: Option<Edge>,
    /// Only this lane; may be repeated.
    #[arg(long = "lane", value_name = "KEY")]
    lanes: Vec<LaneKey>,
    /// How fast at most, as `50/s`. Default: as the subscription.
    #[arg(long, value_name = "RATE", value_parser = rate)]
    rate: Option<Rate>,
    /// Why, for the ledger.
    #[arg(long, value_parser = words)]
    because: String,
    #[command(flatten)]
    signature: Signature,
    #[command(flatten)]
    store: StoreChoice,
    #[command(flatten)]
    broker: Broker,
}

/// Lists replays.
#[derive(Args)]
pub(crate) struct List {
    /// Those that are over too.
    #[arg(long)]
    ended: bool,
    /// As JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    store: StoreChoice,
}

fn rate(text: &str) -> Result<Rate, String> {
    text.parse().map_err(|_| format!("`{text}` is no rate: write `50/s` or `600/m`"))
}

impl Replays {
    /// Runs the subcommand.
    pub(crate) async fn run(self) -> anyhow::Result<Outcome> {
        match self {
            Self::Start(start) => start.run().await,
            Self::List(list) => list.run().await,
            Self::Pause(act) => step(act, SubscriptionStep::Suspend).await,
            Self::Resume(act) => step(act, SubscriptionStep::Resume).await,
            Self::Cancel(act) => step(act, SubscriptionStep::End).await,
        }
    }
}

impl Start {
    async fn run(self) -> anyhow::Result<Outcome> {
        let Signed { store, by } = self.signature.decide(self.store.existing().await?).await?;
        let of = find(&store, &self.subscription).await?;
        let target = match &self.target {
            Some(target) => Some(find(&store, target).await?.id),
            None => None,
        };
        let reader = Reader::over(of.interface.clone(), store.clone(), self.broker).await?;
        let (after, through) = reader.range(self.from, self.to).await?;
        let new = NewReplay {
            of: of.id.clone(),
            target,
            after,
            through,
            lanes: self.lanes,
            rate: self.rate,
            by,
            because: self.because,
        };
        let absent = reader.without((new.after, new.through), &new.lanes).await?;
        reader.end().await;
        if !absent.is_empty() {
            Err(StoreError::NoReplay { label: of.label(), because: new.without(&absent) })?;
        }
        let asked = store.ask_for_replay(&new).await?;
        if let Some(note) = new.shortened(&asked) {
            say(format_args!("note: {note}"))?;
        }
        let judged = tokio::time::timeout(PATIENCE, judged(&store, &asked.id)).await;
        match judged {
            Ok(Ok(replay)) if replay.state == SubscriptionState::Ended => {
                let because = replay.because.unwrap_or_default();
                say(format_args!("{} is not done: {because}", asked.id))?;
                Ok(Outcome::Wrong)
            }
            Ok(judged) => {
                judged?;
                say(format_args!("{} has begun", asked.id))?;
                Ok(Outcome::Well)
            }
            Err(_) => {
                say(format_args!("{} waits for a node that delivers; see `selvage replays list`", asked.id))?;
                Ok(Outcome::Well)
            }
        }
    }
}

/// Waits until a node has said whether it may be.
async fn judged(store: &Store, id: &str) -> anyhow::Result<LiveSubscription> {
    loop {
        let replay = find(store, id).await?;
        if replay.state != SubscriptionState::Requested {
            return Ok(replay);
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

impl List {
    async fn run(self) -> anyhow::Result<Outcome> {
        let views = self.store.existing().await?.subscription_views().await?;
        let replays = views.iter().filter_map(|view| Some((view, view.subscription.terms.replay.as_ref()?)));
        let replays = replays.filter(|(view, _)| self.ended || view.subscription.state != SubscriptionState::Ended);
        let replays: Vec<(&SubscriptionView, &ReplayTerms)> = replays.collect();
        let of = |replay: &ReplayTerms| {
            let label = |id: &str| {
                let found = views.iter().find(|view| view.subscription.id == id);
                found.map_or_else(|| id.to_owned(), |view| view.subscription.label())
            };
            Of { label: label(&replay.of), target: label(replay.sent_as()) }
        };
        if self.json {
            let rows = replays.iter().map(|(view, replay)| as_json(view, replay, &of(replay), view.shared_by(&views)));
            say(format_args!("{:#}", Value::Array(rows.collect())))?;
            return Ok(Outcome::Well);
        }
        if replays.is_empty() {
            say("none")?;
            return Ok(Outcome::Well);
        }
        let mut table = Table::new();
        table.load_style(TABLE).set_header(COLUMNS);
        for (view, replay) in replays {
            table.add_row(row(view, replay, &of(replay), view.shared_by(&views)));
        }
        say(table)?;
        Ok(Outcome::Well)
    }
}

const COLUMNS: [&str; 13] =
    ["REPLAY", "OF", "INTERFACE", "TARGET", "LANES", "RATE", "STATE", "DONE", "AT", "TO", "BY", "REASON", "BECAUSE"];

/// What is sent again, and as what.
struct Of {
    /// The subscription that had the events.
    label: String,
    /// The one to whose endpoint they go.
    target: String,
}

fn row(view: &SubscriptionView, replay: &ReplayTerms, of: &Of, shared_by: usize) -> [String; 13] {
    let it = &view.subscription;
    let (at, done) = view.progress().unwrap_or((it.begins, 0));
    let done = format!("{done} %");
    let lanes = if replay.lanes.is_empty() { "all".to_owned() } else { replay.lanes.join(", ") };
    [
        it.id.clone(),
        of.label.clone(),
        it.interface.to_string(),
        if of.target == of.label { to(it) } else { format!("{} ({})", to(it), of.target) },
        shortened(&lanes),
        pace(it, replay, shared_by),
        view.stands().to_owned(),
        done,
        at.to_string(),
        replay.through.to_string(),
        replay.by.clone(),
        shortened(replay.reason.as_deref().unwrap_or("-")),
        view.because().unwrap_or_default().to_owned(),
    ]
}

fn as_json(view: &SubscriptionView, replay: &ReplayTerms, of: &Of, shared_by: usize) -> Value {
    let it = &view.subscription;
    let (at, done) = view.progress().unwrap_or((it.begins, 0));
    json!({
        "id": it.id, "of": of.label, "sent_as": of.target, "interface": it.interface.to_string(), "target": to(it), "state": it.state.to_string(),
        "after": it.begins.to_string(), "through": replay.through.to_string(),
        "at": at.to_string(), "done_percent": done, "lanes": replay.lanes,
        "rate": spelt(it.rate()), "asked_rate": spelt(it.terms.deliver.as_ref().and_then(|deliver| deliver.rate)),
        "interface_rate": spelt(replay.most), "shared_by": shared_by,
        "by": replay.by, "reason": replay.reason, "waits_for": view.waits.as_ref().map(|waits| waits.what.as_str()),
        "because": view.because(),
    })
}

/// How fast it goes at most, and what it has that rate with where there are others.
fn pace(it: &LiveSubscription, replay: &ReplayTerms, shared_by: usize) -> String {
    match (it.rate(), replay.most) {
        (Some(rate), Some(most)) if shared_by > 1 => format!("{rate} ({most} shared by {shared_by})"),
        (rate, _) => spelt(rate).unwrap_or_else(|| "-".to_owned()),
    }
}

fn spelt(rate: Option<Rate>) -> Option<String> {
    rate.map(|rate| rate.to_string())
}

async fn step(act: Act, step: SubscriptionStep) -> anyhow::Result<Outcome> {
    let Signed { store, by } = act.signature.act(act.store.existing().await?).await?;
    let replay = find(&store, &act.id).await?;
    replay.terms.replay.as_ref().with_context(|| format!("`{}` is a subscription and no replay", act.id))?;
    let it = store.step_subscription(&replay.id, step, &by, &act.because).await?;
    let what = match it.state {
        SubscriptionState::Suspended => "is paused: nothing is sent, and nothing is skipped",
        SubscriptionState::Ended => "has ended",
        _ => "goes on",
    };
    say(format_args!("{} {what}", it.id))?;
    Ok(Outcome::Well)
}

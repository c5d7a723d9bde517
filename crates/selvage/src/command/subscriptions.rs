//! `selvage subscriptions`: who is sent which events, how far each is, and what a person does to them. What has ended stays so;
//! manifests ask for another with other terms.

use std::collections::HashMap;
use std::sync::Arc;

use clap::{Args, Subcommand};
use comfy_table::Table;
use jiff::Timestamp;
use selvage_control::desk::counting;
use selvage_model::event::Position;
use selvage_model::fabric::Fabric;
use selvage_model::name::ConsumerName;
use selvage_model::subscription::{LiveSubscription, SubscriptionState};
use selvage_store::{Store, SubscriptionStep, SubscriptionView};

use super::active::{desk_over, every};
use super::signature::{Signature, Signed};
use super::{Outcome, StoreChoice, TABLE, say, words};
use crate::node::release::told;

/// Lists subscriptions, and approves, suspends, resumes and ends them.
#[derive(Subcommand)]
pub(crate) enum Subscriptions {
    /// Lists subscriptions and how far each is.
    List(List),
    /// Shows one with its terms.
    Show(Show),
    /// Lets one be that is asked for; its endpoint is probed, then events are delivered. One that is pulled is active at once.
    Approve(Act),
    /// Sends nothing until it is resumed; nothing is skipped.
    Suspend(Act),
    /// Goes on where it was, once its endpoint has taken a probe.
    Resume(Act),
    /// Ends it for good; what waits for it is given up.
    End(Act),
}

/// Lists subscriptions.
#[derive(Args)]
pub(crate) struct List {
    /// Of this consumer alone.
    #[arg(long, value_name = "NAME")]
    consumer: Option<ConsumerName>,
    /// Those that have ended too.
    #[arg(long)]
    ended: bool,
    #[command(flatten)]
    store: StoreChoice,
}

/// Shows one subscription.
#[derive(Args)]
pub(crate) struct Show {
    /// Its id, or `consumer/name`.
    id: String,
    /// How many of the last deliveries are shown; a thousand are kept, for 30 days.
    #[arg(long, value_name = "COUNT", default_value_t = 10)]
    deliveries: u32,
    #[command(flatten)]
    store: StoreChoice,
}

/// Does something to one subscription, or to one replay.
#[derive(Args)]
pub(crate) struct Act {
    /// Its id, or `consumer/name`.
    pub(super) id: String,
    /// Why, for the ledger.
    #[arg(long, value_parser = words)]
    pub(super) because: String,
    #[command(flatten)]
    pub(super) signature: Signature,
    #[command(flatten)]
    pub(super) store: StoreChoice,
}

impl Subscriptions {
    /// Runs the subcommand.
    pub(crate) async fn run(self) -> anyhow::Result<Outcome> {
        match self {
            Self::List(list) => list.run().await,
            Self::Show(show) => show.run().await,
            Self::Approve(act) => act.run(SubscriptionStep::Approve).await,
            Self::Suspend(act) => act.run(SubscriptionStep::Suspend).await,
            Self::Resume(act) => act.run(SubscriptionStep::Resume).await,
            Self::End(act) => act.run(SubscriptionStep::End).await,
        }
    }
}

impl List {
    async fn run(self) -> anyhow::Result<Outcome> {
        let views = self.store.existing().await?.subscription_views().await?;
        let mut table = Table::new();
        table.load_style(TABLE).set_header([
            "SUBSCRIPTION",
            "ID",
            "INTERFACE",
            "TO",
            "STATE",
            "AT",
            "LAST EVENT",
            "BECAUSE",
        ]);
        for view in views {
            let it = &view.subscription;
            let wanted = self.consumer.as_ref().is_none_or(|consumer| consumer == &it.consumer);
            if !wanted || it.terms.replay.is_some() || (it.state == SubscriptionState::Ended && !self.ended) {
                continue;
            }
            table.add_row([
                it.label(),
                it.id.clone(),
                it.interface.to_string(),
                to(it),
                view.stands().to_owned(),
                place(view.position),
                place(view.head),
                view.because().unwrap_or_default().to_owned(),
            ]);
        }
        if table.is_empty() {
            say(format_args!("none: no manifest asks for one"))?;
            return Ok(Outcome::Well);
        }
        say(table)?;
        Ok(Outcome::Well)
    }
}

impl Show {
    async fn run(self) -> anyhow::Result<Outcome> {
        let store = self.store.existing().await?;
        let id = find(&store, &self.id).await?.id;
        let view = store.subscription_views().await?.into_iter().find(|view| view.subscription.id == id);
        let Some(view) = view else {
            anyhow::bail!("`{}` has gone meanwhile", self.id);
        };
        let SubscriptionView { subscription: it, position, head, node, .. } = &view;
        let counts = store.lane_counts().await?;
        let of = |all: &HashMap<String, u64>| all.get(&it.id).copied().unwrap_or_default();
        let (parked, retrying) = (of(&counts.parked), of(&counts.retrying));
        let terms = &it.terms;
        let or_dash = |text: Option<String>| text.unwrap_or_else(|| "-".to_owned());
        say(format_args!("{} ({})", it.label(), it.id))?;
        say(format_args!("  state      {} since {:.0}", it.state, it.changed))?;
        if let Some(waits) = &view.waits {
            say(format_args!("  stands     {}", waits.what.says()))?;
        }
        say(format_args!("  because    {}", view.because().unwrap_or("-")))?;
        say(format_args!("  interface  {}", it.interface))?;
        say(format_args!("  events     {}", terms.events.join(", ")))?;
        say(format_args!("  to         {}", to(it)))?;
        if let Some(deliver) = &terms.deliver {
            let order = if deliver.in_lanes { "in order within each lane" } else { "in any order" };
            say(format_args!("  sent       {order}, up to {} at a time", deliver.max_in_flight))?;
            let secrets: Vec<&str> = deliver.secrets.iter().map(|name| name.0.as_str()).collect();
            say(format_args!(
                "  signed by  {}",
                if secrets.is_empty() { "nothing".to_owned() } else { secrets.join(", ") }
            ))?;
        }
        say(format_args!("  until      {}", or_dash(terms.until.map(|until| format!("{until:.0}")))))?;
        if terms.deliver.is_none() {
            let at =
                position.map_or("its consumer keeps how far it is".to_owned(), |at| format!("{at}, by its groups"));
            say(format_args!("  at         {at}; the stream ends at {}", place(*head)))?;
            return Ok(Outcome::Well);
        }
        say(format_args!("  at         {} of {}, by node {}", place(*position), place(*head), or_dash(node.clone())))?;
        say(format_args!("  lanes      {parked} parked, {retrying} waiting for their next attempt"))?;
        if let Some(last) = store.withheld_messages(&it.id, 1).await?.first() {
            let (days, position, at, because) = (Store::WITHHELD_DAYS, last.position, last.at, &last.because);
            say(format_args!(
                "  withheld   {} in {days} days, not sent and not delivered; the last: {} at {position} of lane {}, {at:.0}: {because}",
                view.withheld, last.event, last.lane
            ))?;
        }
        if let Some(passed) = &view.passed {
            let (places, last) = (passed.places, passed.last.says());
            say(format_args!(
                "  passed     {places} places behind which it went on, and has not had what was there; the last: {last}"
            ))?;
        }
        if let Some(until) = view.held_until.filter(|until| *until > Timestamp::now()) {
            say(format_args!("  waits      until {until:.0}: the receiver asked to be left alone (`Retry-After`)"))?;
        }
        self.say_deliveries(&store, &it.id).await?;
        Ok(Outcome::Well)
    }

    async fn say_deliveries(&self, store: &Store, id: &str) -> anyhow::Result<()> {
        let deliveries = store.last_deliveries(id, self.deliveries).await?;
        if !deliveries.is_empty() {
            say(format_args!("  delivered  the last {}, the newest first:", deliveries.len()))?;
        }
        for one in deliveries {
            let status = one.status.map_or("-".to_owned(), |status| status.to_string());
            let times = if one.attempts == 1 { "at once".to_owned() } else { format!("by {} sends", one.attempts) };
            say(format_args!("    {:.3} {} {status} {:.1?} {times}", one.at, one.position, one.took))?;
        }
        Ok(())
    }
}

impl Act {
    async fn run(self, step: SubscriptionStep) -> anyhow::Result<Outcome> {
        let store = self.store.existing().await?;
        let Signed { store, by } = match step {
            SubscriptionStep::Approve | SubscriptionStep::End => self.signature.admit(store).await?,
            _ => self.signature.act(store).await?,
        };
        let found = find(&store, &self.id).await?;
        may(&store, (&found, step), &by).await?;
        let it = store.step_subscription(&found.id, step, &by, &self.because).await?;
        let what = match it.state {
            SubscriptionState::Active if it.terms.deliver.is_none() => "is active: its consumer may pull",
            SubscriptionState::Approved => "is approved: it goes on once its endpoint has taken a probe",
            SubscriptionState::Suspended => "is suspended: nothing is sent, and nothing is skipped",
            SubscriptionState::Ended => "has ended, and what waited for it is given up",
            SubscriptionState::Requested | SubscriptionState::Probed | SubscriptionState::Active => "stands as it did",
        };
        say(format_args!("{} {what}", it.label()))?;
        Ok(Outcome::Well)
    }
}

/// Refuses who does not answer for it, as the control API does, once signatures are proven here: what lets a consumer in, and what
/// gives its messages up. Nobody without a key comes as far as this where anybody has one.
async fn may(store: &Store, (it, step): (&LiveSubscription, SubscriptionStep), by: &str) -> anyhow::Result<()> {
    let is_judged = !store.operator_keys().await?.is_empty();
    match step {
        SubscriptionStep::Approve if is_judged || it.terms.replay.is_some() => {
            desk_over(store).may_approve(running(store).await?, by, it).await.map_err(told)
        }
        SubscriptionStep::End if is_judged => {
            desk_over(store).may_end(running(store).await?, by, it).await.map_err(told)
        }
        _ => Ok(()),
    }
}

/// What runs where it counts who may.
pub(super) async fn running(store: &Store) -> anyhow::Result<Vec<Fabric>> {
    Ok(counting(every(store).await?).into_iter().map(|judging| Arc::unwrap_or_clone(judging.fabric)).collect())
}

/// By its id or, of those that are alive, by `consumer/name`.
pub(super) async fn find(store: &Store, said: &str) -> anyhow::Result<LiveSubscription> {
    Ok(store.subscription_called(said).await?)
}

/// Where its events go, as lists say it.
pub(super) fn to(it: &LiveSubscription) -> String {
    it.terms.deliver.as_ref().map_or("pulled".to_owned(), |deliver| format!("{} {}", deliver.system, deliver.path))
}

fn place(position: Option<Position>) -> String {
    position.map_or("-".to_owned(), |position| position.to_string())
}

/// How long ago, as `3d`, `2h`, `5m`, `40s`.
pub(super) fn ago(at: Timestamp, now: Timestamp) -> String {
    span(now.duration_since(at).as_secs())
}

/// In how long, in the same words.
pub(super) fn span(seconds: i64) -> String {
    match seconds.max(0) {
        seconds if seconds >= 2 * 86_400 => format!("{}d", seconds / 86_400),
        seconds if seconds >= 2 * 3_600 => format!("{}h", seconds / 3_600),
        seconds if seconds >= 120 => format!("{}m", seconds / 60),
        seconds => format!("{seconds}s"),
    }
}

//! `selvage lanes`: which lanes of deliveries are set aside, why, since when, what waits behind, and when each is tried next.
//! Changes nothing: what may be done is said with it.

use clap::Args;
use comfy_table::Table;
use jiff::Timestamp;
use selvage_model::name::InterfaceRef;
use selvage_model::subscription::SubscriptionState;
use selvage_store::{LaneChoice, LaneView, SubscriptionView};

use super::subscriptions::{ago, span};
use super::{Outcome, StoreChoice, TABLE, say};

/// So many are listed at most.
pub(super) const MOST_LISTED: usize = 10_000;
/// How many characters of a reason a list shows.
const MOST_REASON: usize = 60;

/// Shows lanes that are set aside: parked behind a dead letter, or waiting for their next attempt.
#[derive(Args)]
pub(crate) struct Lanes {
    /// Of this interface alone, as `work-order-events@1`.
    interface: Option<InterfaceRef>,
    #[command(flatten)]
    store: StoreChoice,
}

impl Lanes {
    /// Lists them, the oldest trouble first.
    pub(crate) async fn run(self) -> anyhow::Result<Outcome> {
        let which = LaneChoice { interface: self.interface, ..LaneChoice::default() };
        let store = self.store.existing().await?;
        let lanes = store.chosen_lanes(&which).await?;
        let views = store.subscription_views().await?.into_iter();
        let asked = |view: &SubscriptionView| {
            let it = &view.subscription;
            it.state != SubscriptionState::Ended && which.interface.as_ref().is_none_or(|only| only == &it.interface)
        };
        let views: Vec<SubscriptionView> = views.filter(asked).collect();
        let (table, parked) = listed(&lanes);
        if table.is_empty() {
            say(format_args!("none: every lane goes on"))?;
            say_passed(&views)?;
            return Ok(Outcome::Well);
        }
        say(table)?;
        if lanes.len() >= MOST_LISTED {
            say(format_args!(
                "these are the oldest {MOST_LISTED}; name an interface, or ask for pages over HTTP (`GET /api/lanes`)"
            ))?;
        }
        if parked > 0 {
            say(format_args!(
                "what is parked waits for a person: `selvage dead-letters show ID`, then `redrive` or `discard`"
            ))?;
        }
        say_passed(&views)?;
        Ok(Outcome::Well)
    }
}

/// The lanes as a table, and how many of them are parked.
fn listed(lanes: &[LaneView]) -> (Table, usize) {
    let now = Timestamp::now();
    let (mut table, mut parked) = (Table::new(), 0);
    table.load_style(TABLE).set_header([
        "LANE",
        "SUBSCRIPTION",
        "INTERFACE",
        "STATE",
        "SINCE",
        "WAITING",
        "CAUSE",
        "ATTEMPTS",
        "NEXT",
        "BECAUSE",
    ]);
    for lane in lanes {
        let (state, next) = match lane.due {
            None => ("parked", lane.letter.clone().unwrap_or_else(|| "-".to_owned())),
            Some(due) => ("retrying", format!("in {}", span(due.duration_since(now).as_secs()))),
        };
        parked += usize::from(lane.due.is_none());
        table.add_row([
            lane.lane.to_string(),
            lane.label.clone(),
            lane.interface.to_string(),
            state.to_owned(),
            ago(lane.since, now),
            lane.waiting.to_string(),
            lane.cause.to_string(),
            lane.attempts.to_string(),
            next,
            shortened(&lane.because),
        ]);
    }
    (table, parked)
}

/// Names the subscriptions that went on behind what the log does not have: no lane of theirs waits for it.
fn say_passed(views: &[SubscriptionView]) -> anyhow::Result<()> {
    for view in views {
        if let Some(passed) = &view.passed {
            let (label, places, last) = (view.subscription.label(), passed.places, passed.last.says());
            say(format_args!(
                "`{label}` has not had all: it went on at {places} places behind what the log does not have; the last: {last}"
            ))?;
        }
    }
    Ok(())
}

pub(super) fn shortened(text: &str) -> String {
    match text.char_indices().nth(MOST_REASON) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
    }
}

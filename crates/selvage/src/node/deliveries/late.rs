//! How late subscriptions are, measured for each that is alive: whether it is delivered, set aside, suspended, blocked, or nobody can
//! reach it. Each is measured by the node that it prefers. Groups whose grant ran out end beside it. It delivers nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use selvage_delivery::{Figures, oldest_waiting};
use selvage_log::EventLog;
use selvage_model::code;
use selvage_model::subscription::SubscriptionState;
use selvage_store::{StoreError, SubscriptionView};

use super::share::Share;

/// How often it is measured.
const MEASURE_EVERY: Duration = Duration::from_secs(5);

/// What measures.
pub(super) struct Measure {
    share: Share,
    log: Arc<dyn EventLog>,
    figures: Figures,
    /// Those that are later than agreed: each is said once.
    late: BTreeSet<String>,
}

impl Measure {
    /// For this node.
    pub(super) fn new(share: Share, log: Arc<dyn EventLog>, figures: Figures) -> Self {
        Self { share, log, figures, late: BTreeSet::new() }
    }

    /// For ever.
    pub(super) async fn run(mut self) {
        let mut looks = tokio::time::interval(MEASURE_EVERY);
        looks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            looks.tick().await;
            if let Err(error) = self.end_groups().await {
                tracing::warn!("{}: groups without a grant end later: {error}", error.code());
            }
            if let Err(error) = self.measure().await {
                tracing::warn!("{}: how late subscriptions are is measured later: {error}", error.code());
            }
        }
    }

    /// A grant that somebody takes away ends them with it; one that runs out, here.
    async fn end_groups(&self) -> Result<(), StoreError> {
        for (interface, reader) in self.share.store.end_overdue_groups().await? {
            let code = code::GROUP_ENDED;
            tracing::warn!(code = %code, "`{reader}` of `{interface}` has ended with its grant: retention waits for it no longer");
        }
        Ok(())
    }

    async fn measure(&mut self) -> Result<(), StoreError> {
        let views = self.share.store.subscription_views().await?;
        // Of who pulls without groups nobody knows how far they are, and to a stream that there is not nothing was ever appended.
        let is_due = |view: &SubscriptionView| {
            let it = &view.subscription;
            let is_known = it.terms.deliver.is_some() || view.position.is_some();
            it.state != SubscriptionState::Ended && is_known && view.head.is_some()
        };
        let due: Vec<SubscriptionView> = views.into_iter().filter(is_due).collect();
        let nodes = if due.is_empty() { Vec::new() } else { self.share.nodes().await? };
        let (mut lags, mut late, mut passed) = (BTreeMap::new(), BTreeSet::new(), BTreeMap::new());
        for view in due.iter().filter(|view| self.share.is_mine(&view.subscription.id, &nodes)) {
            let (it, label) = (&view.subscription, view.subscription.label());
            let lag = self.lag(view).await?;
            if it.terms.lag.is_some_and(|agreed| lag > agreed.as_secs_f64()) {
                if !self.late.contains(&label) {
                    let (code, state) = (code::DELIVERY_LATE, it.state);
                    tracing::error!(code = %code, "deliveries of `{label}`, which is {state}, are {lag:.0} s late");
                }
                late.insert(label.clone());
            }
            if it.terms.deliver.is_some() {
                passed.insert(label.clone(), view.passed.as_ref().map_or(0, |passed| passed.places));
            }
            lags.insert(label, lag);
        }
        self.late = late;
        self.figures.measured(&lags);
        self.figures.passed(&passed);
        Ok(())
    }

    /// The age of the oldest event that it has not had, in seconds.
    async fn lag(&self, view: &SubscriptionView) -> Result<f64, StoreError> {
        let at = view.position.unwrap_or(view.subscription.begins);
        let unread = view.head.is_some_and(|head| head > at).then_some(at);
        let oldest = oldest_waiting(&self.share.store, self.log.as_ref(), &view.subscription, unread).await?;
        Ok(oldest.map_or(0.0, |oldest| Timestamp::now().duration_since(oldest).as_secs_f64().max(0.0)))
    }
}

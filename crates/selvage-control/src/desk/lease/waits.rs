//! What of access waits for somebody, and what was settled lately.

use jiff::Timestamp;
use selvage_governance::access::{Deciders, deciders_beside};
use selvage_governance::approval::Sitting;
use selvage_model::fabric::Fabric;
use selvage_store::{AccessRequest, BreakGlass, Recertification, RecertificationItem, RequestState};

use crate::desk::{Desk, DeskError};

/// Settled requests that are given.
const MOST_SETTLED: usize = 50;

/// A grant that a campaign asks about.
#[derive(Clone, Debug)]
pub struct Item {
    /// The item, with its grant.
    pub item: RecertificationItem,
    /// The campaign.
    pub campaign: Recertification,
    /// Who answers.
    pub deciders: Deciders,
}

impl Item {
    /// Whether its time is over.
    pub fn is_breach(&self, now: Timestamp) -> bool {
        self.campaign.until <= now
    }
}

/// What waits, and what does not any more.
#[derive(Clone, Debug, Default)]
pub struct AccessWaits {
    /// Requests that nobody has decided, oldest first, with who may.
    pub open: Vec<(AccessRequest, Deciders)>,
    /// Access that was opened without approval, and that is open still or that nobody has reviewed; with who may.
    pub opened: Vec<(BreakGlass, Deciders)>,
    /// Grants that campaigns ask about and that nobody has answered for, those first that are due first.
    pub items: Vec<Item>,
    /// Requests that were settled, the newest first.
    pub settled: Vec<AccessRequest>,
    /// As of when.
    pub now: Timestamp,
}

impl Desk {
    /// What of access waits for whom, by the fabric that is active.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn access_waits(&self, fabric: &Fabric) -> Result<AccessWaits, DeskError> {
        let (open, mut settled): (Vec<_>, Vec<_>) =
            self.store.access_requests().await?.into_iter().partition(|it| it.state == RequestState::Open);
        let since = |it: &AccessRequest| it.settled.as_ref().map(|(at, ..)| *at);
        settled.sort_by_key(|it| std::cmp::Reverse(since(it)));
        settled.truncate(MOST_SETTLED);
        let sitting = self.sitting().await?;
        let whose = |it: AccessRequest| {
            let deciders = deciders_beside(fabric, (&it.asked.interface, &it.asked.terms), &it.asked.by, &sitting);
            (it, deciders)
        };
        let whose_opened = |it: BreakGlass| {
            let deciders = deciders_beside(fabric, (&it.grant.interface, &it.grant.terms), &it.by, &sitting);
            (it, deciders)
        };
        let opened = self.store.pending_break_glasses().await?;
        Ok(AccessWaits {
            open: open.into_iter().map(whose).collect(),
            opened: opened.into_iter().map(whose_opened).collect(),
            items: self.items(fabric, &sitting).await?,
            settled,
            now: Timestamp::now(),
        })
    }

    async fn items(&self, fabric: &Fabric, sitting: &Sitting) -> Result<Vec<Item>, DeskError> {
        let campaigns = self.store.recertifications().await?;
        let items = self.store.recertification_items().await?;
        let mut open = Vec::new();
        for item in items.into_iter().filter(|item| item.state.is_open()) {
            let Some(campaign) = campaigns.iter().find(|it| it.id == item.campaign) else { continue };
            let deciders = self.who_answers(fabric, &item, sitting).await?;
            open.push(Item { item, campaign: campaign.clone(), deciders });
        }
        open.sort_by(|a, b| (a.campaign.until, &a.item.id).cmp(&(b.campaign.until, &b.item.id)));
        Ok(open)
    }
}

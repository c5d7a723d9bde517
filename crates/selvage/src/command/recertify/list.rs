//! `selvage recertify list` and `show`: campaigns, and what came of each grant.

use clap::Args;
use comfy_table::Table;
use selvage_control::desk::lease::shown;
use selvage_store::{ItemState, RecertificationItem, StoreError};
use serde_json::json;

use crate::command::active::{ActiveChoice, desk_over};
use crate::command::grant::counts_in;
use crate::command::used::or_dash;
use crate::command::{Outcome, StoreChoice, TABLE, say};
use crate::node::release;

/// Lists campaigns.
#[derive(Args)]
pub(crate) struct List {
    /// Prints JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    store: StoreChoice,
}

/// Shows a campaign.
#[derive(Args)]
pub(crate) struct Show {
    /// The campaign's id.
    id: String,
    /// Only what somebody still has to answer for.
    #[arg(long)]
    open: bool,
    /// Prints JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    active: ActiveChoice,
}

impl List {
    /// Lists them with their progress, oldest first.
    pub(super) async fn run(self) -> anyhow::Result<Outcome> {
        let store = self.store.existing().await?;
        let (campaigns, items) = (store.recertifications().await?, store.recertification_items().await?);
        let mut table = Table::new();
        table.load_style(TABLE).set_header(["CAMPAIGN", "ABOUT", "UNTIL", "ANSWERED", "ESCALATED", "BY", "CLOSED"]);
        let mut told = Vec::new();
        for campaign in campaigns {
            let of: Vec<&RecertificationItem> = items.iter().filter(|item| item.campaign == campaign.id).collect();
            let answered = of.iter().filter(|item| !item.state.is_open()).count();
            let escalated = of.iter().filter(|item| item.state == ItemState::Escalated).count();
            told.push(shown::campaign(&campaign, &items));
            table.add_row([
                campaign.id,
                campaign.scope,
                format!("{:.0}", campaign.until),
                format!("{answered} of {}", of.len()),
                escalated.to_string(),
                campaign.by,
                or_dash(campaign.closed),
            ]);
        }
        if self.json {
            say(json!(told))?;
        } else {
            say(table)?;
        }
        Ok(Outcome::Well)
    }
}

impl Show {
    /// Shows its grants, and who answers for each.
    pub(super) async fn run(self) -> anyhow::Result<Outcome> {
        let (store, fabric) = self.active.open().await?;
        let mut items = store.recertification_items().await?;
        items.retain(|item| item.campaign == self.id && (!self.open || item.state.is_open()));
        if !store.recertifications().await?.iter().any(|campaign| campaign.id == self.id) {
            return Err(StoreError::NotFound { what: "recertification", id: self.id }.into());
        }
        let mut table = Table::new();
        table.load_style(TABLE).set_header([
            "ITEM",
            "CONSUMER",
            "INTERFACE",
            "COUNTS IN",
            "TIER",
            "LAST USED",
            "USED",
            "STATE",
            "WHO",
            "BECAUSE",
        ]);
        let desk = desk_over(&store);
        let sitting = desk.sitting().await.map_err(release::told)?;
        let mut told = Vec::new();
        for one in items {
            let who = desk.who_answers(&fabric, &one, &sitting).await.map_err(release::told)?;
            told.push(shown::item(&one, &who));
            let RecertificationItem { id, item, grant, state, settled, .. } = one;
            let (by, because) = match settled {
                Some((_, by, because)) if !state.is_open() => (by, because),
                _ => (who.people.into_iter().collect::<Vec<_>>().join(", "), String::new()),
            };
            let (consumer, interface) = (grant.consumer.to_string(), grant.interface.to_string());
            let (place, last, state) = (counts_in(&grant), or_dash(item.last_used), state.to_string());
            table.add_row([id, consumer, interface, place, item.tier, last, item.breadth, state, by, because]);
        }
        if self.json {
            say(json!(told))?;
        } else {
            say(table)?;
        }
        Ok(Outcome::Well)
    }
}

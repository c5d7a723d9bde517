//! `selvage access break-glass`, `ratify` and `breaches`: access in an emergency, and who answers for it after.

use std::time::Duration;

use clap::Args;
use comfy_table::Table;
use jiff::Timestamp;
use selvage_control::desk::DeskError;
use selvage_control::desk::lease::{Opening, Reviewing, shown};
use selvage_governance::access::deciders_beside;
use selvage_model::access::EndAction;
use selvage_model::code;
use selvage_model::name::{ConsumerName, InterfaceRef};
use selvage_store::BreakGlass;
use serde_json::json;

use super::request::tell;
use crate::command::active::{ActiveChoice, desk_over};
use crate::command::signature::{Signature, Signed};
use crate::command::terms::Scope;
use crate::command::{Outcome, StoreChoice, TABLE, acknowledged, duration, say, words};
use crate::node::release::told;

/// Opens access without approval.
#[derive(Args)]
pub(crate) struct Open {
    /// Who is to have it.
    #[arg(long, value_name = "NAME")]
    consumer: ConsumerName,
    /// On what, as `inventory@2`.
    #[arg(long)]
    interface: InterfaceRef,
    #[command(flatten)]
    scope: Scope,
    /// Why it cannot wait.
    #[arg(long, value_parser = words)]
    because: String,
    /// For how long: `4h` at most.
    #[arg(long = "for", value_name = "DURATION", value_parser = duration)]
    lasts: Duration,
    #[command(flatten)]
    signature: Signature,
    /// Prints JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    active: ActiveChoice,
}

/// Says whether it was right.
#[derive(Args)]
pub(crate) struct Ratify {
    /// The grant's id.
    id: String,
    /// It was not right: the grant ends at once, and it is a breach.
    #[arg(long)]
    disown: bool,
    /// Why.
    #[arg(long, value_parser = words)]
    because: String,
    #[command(flatten)]
    signature: Signature,
    #[command(flatten)]
    active: ActiveChoice,
}

/// Lists what nobody ratified.
#[derive(Args)]
pub(crate) struct Breaches {
    /// Everything that was opened, breach or not.
    #[arg(long)]
    all: bool,
    /// Prints JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    store: StoreChoice,
}

impl Open {
    /// Opens it, and says what stands against it all the same.
    pub(super) async fn run(self) -> anyhow::Result<Outcome> {
        let (store, fabric) = self.active.open().await?;
        let terms = self.scope.terms(None, None, EndAction::Cut);
        let Signed { store, by } = self.signature.decide(store).await?;
        let (consumer, interface) = (self.consumer, self.interface);
        let opening = Opening { consumer, interface, terms, lasts: self.lasts, by, because: self.because };
        let since = Timestamp::now();
        let opened = match desk_over(&store).break_glass(&fabric, opening).await {
            Ok(opened) => opened,
            Err(DeskError::Refused { findings, .. }) if !findings.is_empty() => {
                tell(&findings)?;
                say("nothing was opened: it would open nothing")?;
                return Ok(Outcome::Wrong);
            }
            Err(error) => return Err(told(error)),
        };
        let (id, consumer, interface) = (&opened.grant.id, &opened.grant.consumer, &opened.grant.interface);
        eprintln!(
            "selvage: {}: {} opens {interface} for {consumer} without approval until {:.0}",
            code::BREAK_GLASS_OPENED,
            opened.by,
            opened.ends
        );
        let what = format!("{id} is open until {:.0}: {consumer} on {interface}", opened.ends);
        acknowledged::wait(&store, since).await?.print(&what, self.json)?;
        if !self.json {
            let sitting = desk_over(&store).sitting().await.map_err(told)?;
            let deciders = deciders_beside(&fabric, (interface, &opened.grant.terms), &opened.by, &sitting);
            say(format_args!("until {:.0} somebody has to ratify it: {deciders}", opened.review_by))?;
        }
        Ok(Outcome::Well)
    }
}

impl Ratify {
    /// Says it, for good.
    pub(super) async fn run(self) -> anyhow::Result<Outcome> {
        let (store, fabric) = self.active.open().await?;
        let Signed { store, by: person } = self.signature.decide(store).await?;
        let (grant, because) = (self.id.clone(), self.because);
        let reviewing = Reviewing { grant, ratified: !self.disown, person, because };
        let since = Timestamp::now();
        let reviewed = desk_over(&store).review_break_glass(&fabric, reviewing).await.map_err(told)?;
        let late = if reviewed.is_breach(Timestamp::now()) && !self.disown { ", late: it stays a breach" } else { "" };
        let verdict = if self.disown { "is disowned, and has ended" } else { "is ratified" };
        let what = format!("{} {verdict}{late}", self.id);
        if self.disown {
            acknowledged::wait(&store, since).await?.print(&what, false)?;
        } else {
            say(what)?;
        }
        Ok(Outcome::Well)
    }
}

impl Breaches {
    /// Lists them; wrong where there are any.
    pub(super) async fn run(self) -> anyhow::Result<Outcome> {
        let now = Timestamp::now();
        let mut opened = self.store.existing().await?.break_glasses().await?;
        let any = opened.iter().any(|opened| opened.is_breach(now));
        opened.retain(|opened| self.all || opened.is_breach(now));
        if self.json {
            say(json!(opened.iter().map(|opened| shown::opened(opened, now)).collect::<Vec<_>>()))?;
        } else {
            say(table(&opened, now))?;
        }
        Ok(if any { Outcome::Wrong } else { Outcome::Well })
    }
}

fn table(opened: &[BreakGlass], now: Timestamp) -> Table {
    let mut table = Table::new();
    table.load_style(TABLE).set_header(["GRANT", "CONSUMER", "INTERFACE", "BY", "OPENED", "ENDS", "REVIEW", "BECAUSE"]);
    for it in opened {
        table.add_row([
            it.grant.id.clone(),
            it.grant.consumer.to_string(),
            it.grant.interface.to_string(),
            it.by.clone(),
            format!("{:.0}", it.opened),
            format!("{:.0}", it.grant.ended.unwrap_or(it.ends)),
            shown::review(it, now),
            it.because.clone(),
        ]);
    }
    table
}

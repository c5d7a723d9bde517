//! `selvage access break-glass`, `ratify` and `breaches`: access in an emergency, and who answers for it after.

use std::time::Duration;

use clap::Args;
use comfy_table::Table;
use jiff::{Timestamp, Zoned};
use selvage_governance::access::{deciders, judge};
use selvage_model::access::EndAction;
use selvage_model::code;
use selvage_model::finding::Severity;
use selvage_model::name::{ConsumerName, InterfaceRef};
use selvage_store::BreakGlass;
use serde_json::{Value, json};

use super::must_decide;
use super::request::tell;
use crate::command::active::ActiveChoice;
use crate::command::terms::Scope;
use crate::command::{Outcome, StoreChoice, TABLE, acknowledged, duration, say, words};

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
    /// Who opens it.
    #[arg(long, value_name = "NAME", value_parser = words)]
    by: String,
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
    /// Who says so.
    #[arg(long, value_name = "NAME", value_parser = words)]
    by: String,
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
        let until = Timestamp::now().checked_add(self.lasts)?;
        let terms = self.scope.terms(Some(self.because.clone()), Some(until), EndAction::Cut);
        let subject = (&self.consumer, &self.interface);
        let mut findings = judge(&fabric, subject, &terms, Zoned::now().date());
        // In an emergency what ends may be what is needed.
        findings.retain(|finding| finding.code != code::ACCESS_ENDING);
        if findings.iter().any(|finding| finding.severity == Severity::Error) {
            tell(&findings)?;
            say("nothing was opened: it would open nothing")?;
            return Ok(Outcome::Wrong);
        }
        let since = Timestamp::now();
        let opened = store.break_glass(subject, &terms, self.lasts, (&self.by, &self.because)).await?;
        let (id, consumer, interface) = (&opened.grant.id, &self.consumer, &self.interface);
        eprintln!(
            "selvage: {}: {} opens {interface} for {consumer} without approval until {:.0}",
            code::BREAK_GLASS_OPENED,
            self.by,
            opened.ends
        );
        let what = format!("{id} is open until {:.0}: {consumer} on {interface}", opened.ends);
        acknowledged::wait(&store, since).await?.print(&what, self.json)?;
        if !self.json {
            let deciders = deciders(&fabric, interface, &terms);
            say(format_args!("until {:.0} somebody has to ratify it: {deciders}", opened.review_by))?;
        }
        Ok(Outcome::Well)
    }
}

impl Ratify {
    /// Says it, for good.
    pub(super) async fn run(self) -> anyhow::Result<Outcome> {
        let (store, fabric) = self.active.open().await?;
        let opened = store.break_glasses().await?.into_iter().find(|opened| opened.grant.id == self.id);
        if let Some(opened) = opened {
            let deciders = deciders(&fabric, &opened.grant.interface, &opened.grant.terms);
            must_decide(&deciders, &self.by, &format!("access to {}", opened.grant.interface))?;
        }
        let since = Timestamp::now();
        let reviewed = store.review_break_glass(&self.id, !self.disown, &self.by, &self.because).await?;
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
            say(json!(opened.iter().map(|opened| as_json(opened, now)).collect::<Vec<_>>()))?;
        } else {
            say(table(&opened, now))?;
        }
        Ok(if any { Outcome::Wrong } else { Outcome::Well })
    }
}

/// How a review stands.
fn review(opened: &BreakGlass, now: Timestamp) -> String {
    match &opened.review {
        Some(review) if !review.ratified => format!("disowned by {}", review.by),
        Some(review) if opened.is_breach(now) => format!("ratified late by {}", review.by),
        Some(review) => format!("ratified by {}", review.by),
        None if opened.is_breach(now) => format!("nobody, until {:.0}", opened.review_by),
        None => format!("open until {:.0}", opened.review_by),
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
            review(it, now),
            it.because.clone(),
        ]);
    }
    table
}

fn as_json(it: &BreakGlass, now: Timestamp) -> Value {
    json!({
        "grant": it.grant.id, "consumer": it.grant.consumer.as_str(), "interface": it.grant.interface.to_string(),
        "terms": it.grant.terms, "by": it.by, "because": it.because, "opened": it.opened.to_string(),
        "ends": it.ends.to_string(), "review_by": it.review_by.to_string(), "review": review(it, now),
        "breach": it.is_breach(now),
    })
}

//! `selvage recertify decide` and `settle`: somebody answers for a grant, or the deadline has passed.

use clap::{Args, ValueEnum};
use jiff::Timestamp;
use selvage_governance::access::{board, deciders, tier};
use selvage_model::access::GrantTerms;
use selvage_model::code;
use selvage_model::manifest::interface::Criticality;
use selvage_model::name::InterfaceRef;
use selvage_store::{Answer, ItemState, StoreError};

use crate::command::access::must_decide;
use crate::command::active::ActiveChoice;
use crate::command::terms::Taken;
use crate::command::{Outcome, acknowledged, say, words};

/// Answers for a grant.
#[derive(Args)]
pub(crate) struct Decide {
    /// The item's id, as `selvage recertify show` shows it.
    item: String,
    /// What is to become of the grant.
    #[arg(value_enum)]
    verdict: Verdict,
    #[command(flatten)]
    taken: Taken,
    /// Why.
    #[arg(long, value_parser = words)]
    because: String,
    /// Who answers.
    #[arg(long, value_name = "NAME", value_parser = words)]
    by: String,
    #[command(flatten)]
    active: ActiveChoice,
}

/// What is to become of a grant.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Verdict {
    /// It goes on as it is.
    Keep,
    /// It goes on with less: by the options of `selvage grant narrow`.
    Narrow,
    /// It ends.
    End,
}

/// Acts on deadlines.
#[derive(Args)]
pub(crate) struct Settle {
    #[command(flatten)]
    active: ActiveChoice,
}

impl Decide {
    /// Answers, and returns when every node knows.
    pub(super) async fn run(self) -> anyhow::Result<Outcome> {
        let (store, fabric) = self.active.open().await?;
        let items = store.recertification_items().await?;
        let unknown = || StoreError::NotFound { what: "recertification item", id: self.item.clone() };
        let item = items.into_iter().find(|item| item.id == self.item).ok_or_else(unknown)?;
        let (interface, terms) = (&item.grant.interface, &item.grant.terms);
        let who = if item.state == ItemState::Escalated { board } else { deciders };
        must_decide(&who(&fabric, interface, terms), &self.by, &format!("access to {interface}"))?;
        let narrowing = self.taken.narrowing();
        anyhow::ensure!(
            self.verdict == Verdict::Narrow || narrowing.is_nothing(),
            "what is taken is said only with `narrow`"
        );
        let narrow = |terms: &GrantTerms| narrowing.of(terms);
        let answer = match self.verdict {
            Verdict::Keep => Answer::Keep,
            Verdict::Narrow => Answer::Narrow(narrow),
            Verdict::End => Answer::End,
        };
        let since = Timestamp::now();
        let after = store.recertify(&self.item, answer, &self.by, &self.because).await?;
        let what = format!("{} is {}: {} on {}", self.item, after.state, after.grant.consumer, interface);
        if after.state == ItemState::Kept {
            say(what)?;
        } else {
            acknowledged::wait(&store, since).await?.print(&what, false)?;
        }
        Ok(Outcome::Well)
    }
}

impl Settle {
    /// Ends or escalates what nobody answered for in time; wrong where something is escalated.
    pub(super) async fn run(self) -> anyhow::Result<Outcome> {
        let (store, fabric) = self.active.open().await?;
        let is_tier_1 = |interface: &InterfaceRef| tier(&fabric, interface) == Criticality::Tier1;
        let since = Timestamp::now();
        let settled = store.lapse_recertifications(is_tier_1).await?;
        for item in &settled {
            say(format_args!("{} is {}: {} on {}", item.id, item.state, item.grant.consumer, item.grant.interface))?;
        }
        if settled.iter().any(|item| item.state == ItemState::Lapsed) {
            acknowledged::wait(&store, since).await?.print("what lapsed has ended", false)?;
        }
        let escalated = settled.iter().filter(|item| item.state == ItemState::Escalated).count();
        if escalated > 0 {
            say(format_args!(
                "{}: {escalated} on tier-1 go on, and the board has to answer",
                code::RECERTIFICATION_ESCALATED
            ))?;
            return Ok(Outcome::Wrong);
        }
        Ok(Outcome::Well)
    }
}

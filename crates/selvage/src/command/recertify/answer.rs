//! `selvage recertify decide` and `settle`: somebody answers for a grant, or the deadline has passed.

use clap::{Args, ValueEnum};
use jiff::Timestamp;
use selvage_control::desk::lease::{Answering, Verdict};
use selvage_governance::access::tier;
use selvage_model::code;
use selvage_model::manifest::interface::Criticality;
use selvage_model::name::InterfaceRef;
use selvage_store::ItemState;

use crate::command::active::{ActiveChoice, desk_over};
use crate::command::signature::{Signature, Signed};
use crate::command::terms::Taken;
use crate::command::{Outcome, acknowledged, say, words};
use crate::node::release::told;

/// Answers for a grant.
#[derive(Args)]
pub(crate) struct Decide {
    /// The item's id, as `selvage recertify show` shows it.
    item: String,
    /// What is to become of the grant.
    #[arg(value_enum)]
    verdict: Word,
    #[command(flatten)]
    taken: Taken,
    /// Why.
    #[arg(long, value_parser = words)]
    because: String,
    #[command(flatten)]
    signature: Signature,
    #[command(flatten)]
    active: ActiveChoice,
}

/// What is to become of a grant.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Word {
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
        let Signed { store, by: person } = self.signature.decide(store).await?;
        let narrowing = self.taken.narrowing();
        anyhow::ensure!(
            self.verdict == Word::Narrow || narrowing.is_nothing(),
            "what is taken is said only with `narrow`"
        );
        let verdict = match self.verdict {
            Word::Keep => Verdict::Keep,
            Word::Narrow => Verdict::Narrow(narrowing),
            Word::End => Verdict::End,
        };
        let since = Timestamp::now();
        let answering = Answering { item: self.item.clone(), verdict, person, because: self.because };
        let after = desk_over(&store).answer(&fabric, answering).await.map_err(told)?;
        let what = format!("{} is {}: {} on {}", self.item, after.state, after.grant.consumer, after.grant.interface);
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
        let (store, every) = self.active.every().await?;
        // A grant counts in every environment: what is tier-1 in one of them goes on.
        let is_tier_1 =
            |interface: &InterfaceRef| every.iter().any(|it| tier(&it.fabric, interface) == Criticality::Tier1);
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

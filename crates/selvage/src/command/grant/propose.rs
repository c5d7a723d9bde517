//! `selvage grant propose`: what could be taken from grants without anybody missing it, by what was counted.

use std::time::Duration;

use clap::Args;
use jiff::{Timestamp, tz::TimeZone};
use selvage_control::desk::lease::Counted;
use selvage_governance::access::{Breadth, Narrowing};
use selvage_model::name::{AttributeName, ConsumerName, InterfaceRef};
use selvage_store::{LeaseOrigin, LeaseRecord};
use serde_json::{Value, json};

use crate::command::active::ActiveChoice;
use crate::command::terms::as_options;
use crate::command::used::or_dash;
use crate::command::{Outcome, duration, say};

/// Lists what could be taken.
#[derive(Args)]
pub(crate) struct Propose {
    /// From grants of this consumer alone.
    #[arg(long, value_name = "NAME")]
    consumer: Option<ConsumerName>,
    /// From grants on this interface alone.
    #[arg(long)]
    interface: Option<InterfaceRef>,
    /// What was not used for so long; longer than the rarest use, as a year's end.
    #[arg(long, value_name = "DURATION", default_value = "90d", value_parser = duration)]
    since: Duration,
    /// Grants that are younger than that, too.
    #[arg(long)]
    young: bool,
    /// Prints JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    active: ActiveChoice,
}

/// What is proposed for one grant.
struct Proposal<'a> {
    lease: &'a LeaseRecord,
    breadth: Breadth,
    last: Option<Timestamp>,
    /// None where nothing of it is used: it can end.
    narrowing: Option<Narrowing>,
}

impl Propose {
    /// Lists them, as a difference and as the command.
    pub(super) async fn run(self) -> anyhow::Result<Outcome> {
        let (store, fabric) = self.active.open().await?;
        let counted = Counted::read(&store, self.since).await?;
        let leases = store.leases().await?;
        let proposals = leases.iter().filter(|lease| self.concerns(lease, counted.since)).filter_map(|lease| {
            let breadth = counted.breadth(&fabric, &lease.grant);
            let (last, narrowing) = (counted.last_use(&lease.grant), breadth.proposal());
            let idle = !breadth.is_used() && last.is_none_or(|last| last < counted.since);
            (idle || narrowing.is_some()).then_some(Proposal { lease, breadth, last, narrowing })
        });
        let proposals: Vec<Proposal<'_>> = proposals.collect();
        let day = counted.since.to_zoned(TimeZone::UTC).date().to_string();
        if self.json {
            let gaps: Vec<String> = counted.unknown().collect();
            let told: Vec<Value> = proposals.iter().map(|it| it.as_json(&day)).collect();
            say(json!({"since": counted.since.to_string(), "proposals": told, "unknown": gaps}))?;
            return Ok(Outcome::Well);
        }
        proposals.iter().try_for_each(|proposal| proposal.tell(&day))?;
        if proposals.is_empty() {
            say("nothing: all that is granted is used, or is too young to be judged")?;
        }
        counted.unknown().try_for_each(say)?;
        Ok(Outcome::Well)
    }

    fn concerns(&self, lease: &LeaseRecord, since: Timestamp) -> bool {
        let LeaseRecord { grant, origin, granted } = lease;
        grant.ended.is_none()
            && *origin != LeaseOrigin::BreakGlass
            && (self.young || *granted <= since)
            && self.consumer.as_ref().is_none_or(|consumer| consumer == &grant.consumer)
            && self.interface.as_ref().is_none_or(|interface| interface == &grant.interface)
    }
}

impl Proposal<'_> {
    fn command(&self, since: &str) -> String {
        let id = &self.lease.grant.id;
        match &self.narrowing {
            Some(narrowing) => {
                format!("selvage grant narrow {id}{} --because \"unused since {since}\"", as_options(narrowing))
            }
            None => format!("selvage grant end {id} --because \"unused since {since}\""),
        }
    }

    fn tell(&self, since: &str) -> anyhow::Result<()> {
        let grant = &self.lease.grant;
        let last = or_dash(self.last);
        say(format_args!(
            "{}: {} on {}, last used {last}: {}",
            grant.id, grant.consumer, grant.interface, self.breadth
        ))?;
        match &self.narrowing {
            Some(narrowing) => {
                if let Some(operations) = &narrowing.operations {
                    say(format_args!("  - operations: {}", grant.terms.operations.join(", ")))?;
                    say(format_args!("  + operations: {}", operations.join(", ")))?;
                }
                if !narrowing.except.is_empty() {
                    let shown = |names: &[AttributeName]| {
                        names.iter().map(AttributeName::as_str).collect::<Vec<_>>().join(", ")
                    };
                    say(format_args!("  + except: {}", shown(&narrowing.except)))?;
                }
            }
            None => say("  - all of it")?,
        }
        say(format_args!("  {}", self.command(since)))
    }

    fn as_json(&self, since: &str) -> Value {
        let grant = &self.lease.grant;
        let except = self.narrowing.iter().flat_map(|it| &it.except).map(AttributeName::as_str);
        json!({
            "grant": grant.id, "consumer": grant.consumer.as_str(), "interface": grant.interface.to_string(),
            "last_used": self.last.map(|at| at.to_string()), "end": self.narrowing.is_none(),
            "operations": self.narrowing.as_ref().and_then(|it| it.operations.clone()),
            "except": except.collect::<Vec<_>>(), "command": self.command(since),
        })
    }
}

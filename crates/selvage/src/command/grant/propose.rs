//! `selvage grant propose`: what could be taken from grants without anybody missing it, by what was counted.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use clap::Args;
use jiff::{Timestamp, tz::TimeZone};
use selvage_control::desk::lease::Counted;
use selvage_governance::access::{Breadth, Narrowing};
use selvage_model::fabric::Fabric;
use selvage_model::manifest::interface::Used;
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
    /// What was not used for so long; longer of an interface that says that it is used more rarely.
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
    /// The day since when nothing of what is taken was used.
    since: String,
    breadth: Breadth,
    last: Option<Timestamp>,
    /// None where nothing of it is used: it can end.
    narrowing: Option<Narrowing>,
}

impl Propose {
    /// Lists them, as a difference and as the command.
    pub(super) async fn run(self) -> anyhow::Result<Outcome> {
        let (store, fabric) = self.active.open().await?;
        let leases = store.leases().await?;
        let mut counted = BTreeMap::from([(self.since, Counted::read(&store, self.since).await?)]);
        for span in leases.iter().map(|lease| self.span(&fabric, lease)).collect::<BTreeSet<_>>() {
            if let Entry::Vacant(free) = counted.entry(span) {
                free.insert(Counted::read(&store, span).await?);
            }
        }
        let proposals = leases.iter().filter_map(|lease| {
            let counted = counted.get(&self.span(&fabric, lease))?;
            self.proposal(&fabric, lease, counted)
        });
        let proposals: Vec<Proposal<'_>> = proposals.collect();
        let Some(counted) = counted.get(&self.since) else { return Ok(Outcome::Well) };
        if self.json {
            let gaps: Vec<String> = counted.unknown().collect();
            let told: Vec<Value> = proposals.iter().map(Proposal::as_json).collect();
            say(json!({"since": counted.since.to_string(), "proposals": told, "unknown": gaps}))?;
            return Ok(Outcome::Well);
        }
        proposals.iter().try_for_each(Proposal::tell)?;
        if proposals.is_empty() {
            say("nothing: all that is granted is used, or is too young to be judged")?;
        }
        counted.unknown().try_for_each(say)?;
        Ok(Outcome::Well)
    }

    /// How long a grant has to lie still: as long as is asked, and longer where its interface is used more rarely, as at a year's end.
    fn span(&self, fabric: &Fabric, lease: &LeaseRecord) -> Duration {
        let used = fabric.interfaces.get(&lease.grant.interface).and_then(|interface| interface.used);
        used.unwrap_or(Used::DEFAULT).silence().max(self.since)
    }

    fn proposal<'a>(&self, fabric: &Fabric, lease: &'a LeaseRecord, counted: &Counted) -> Option<Proposal<'a>> {
        if !self.concerns(lease, counted.since) {
            return None;
        }
        let breadth = counted.breadth(fabric, &lease.grant);
        let (last, narrowing) = (counted.last_use(&lease.grant), breadth.proposal());
        let idle = !breadth.is_used() && last.is_none_or(|last| last < counted.since);
        let since = counted.since.to_zoned(TimeZone::UTC).date().to_string();
        (idle || narrowing.is_some()).then_some(Proposal { lease, since, breadth, last, narrowing })
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
    fn command(&self) -> String {
        let (id, since) = (&self.lease.grant.id, &self.since);
        match &self.narrowing {
            Some(narrowing) => {
                format!("selvage grant narrow {id}{} --because \"unused since {since}\"", as_options(narrowing))
            }
            None => format!("selvage grant end {id} --because \"unused since {since}\""),
        }
    }

    fn tell(&self) -> anyhow::Result<()> {
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
        say(format_args!("  {}", self.command()))
    }

    fn as_json(&self) -> Value {
        let grant = &self.lease.grant;
        let except = self.narrowing.iter().flat_map(|it| &it.except).map(AttributeName::as_str);
        json!({
            "grant": grant.id, "consumer": grant.consumer.as_str(), "interface": grant.interface.to_string(),
            "last_used": self.last.map(|at| at.to_string()), "end": self.narrowing.is_none(),
            "operations": self.narrowing.as_ref().and_then(|it| it.operations.clone()),
            "except": except.collect::<Vec<_>>(), "since": self.since, "command": self.command(),
        })
    }
}

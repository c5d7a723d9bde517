//! `selvage recertify start`: a campaign begins, with what is known of the use of each grant.

use std::time::Duration;

use clap::Args;
use jiff::Timestamp;
use selvage_governance::access::tier;
use selvage_model::fabric::Fabric;
use selvage_model::name::{DomainName, InterfaceRef};
use selvage_store::{LeaseOrigin, LeaseRecord, NewRecertificationItem};

use crate::command::active::ActiveChoice;
use crate::command::terms::until;
use crate::command::used::Counted;
use crate::command::{Outcome, duration, say, words};

/// Begins a campaign.
#[derive(Args)]
pub(crate) struct Start {
    /// About the grants on interfaces of this domain.
    #[arg(long, value_name = "NAME", required_unless_present_any = ["interface", "all"], conflicts_with_all = ["interface", "all"])]
    domain: Option<DomainName>,
    /// About the grants on this interface.
    #[arg(long, conflicts_with = "all")]
    interface: Option<InterfaceRef>,
    /// About every grant.
    #[arg(long)]
    all: bool,
    /// Until when each is to be answered for: a day, or a time.
    #[arg(long, value_name = "DATE", value_parser = until)]
    until: Timestamp,
    /// How far back use is counted.
    #[arg(long, value_name = "DURATION", default_value = "90d", value_parser = duration)]
    since: Duration,
    /// Who begins it.
    #[arg(long, value_name = "NAME", value_parser = words)]
    by: String,
    #[command(flatten)]
    active: ActiveChoice,
}

impl Start {
    /// Begins it.
    pub(super) async fn run(self) -> anyhow::Result<Outcome> {
        anyhow::ensure!(self.until > Timestamp::now(), "the campaign would be over before it begins");
        let (store, fabric) = self.active.open().await?;
        let counted = Counted::read(&store, self.since).await?;
        let leases = store.leases().await?;
        let items: Vec<NewRecertificationItem> = leases
            .iter()
            .filter(|lease| self.concerns(&fabric, lease))
            .map(|LeaseRecord { grant, .. }| NewRecertificationItem {
                lease: grant.id.clone(),
                tier: tier(&fabric, &grant.interface).as_str().to_owned(),
                breadth: counted.breadth(&fabric, grant).to_string(),
                last_used: counted.last_use(grant),
            })
            .collect();
        anyhow::ensure!(!items.is_empty(), "there is no grant to answer for: {}", self.scope());
        let campaign = store.start_recertification((&self.scope(), self.until), &items, &self.by).await?;
        say(format_args!(
            "{} asks about {} grants until {:.0}: {}",
            campaign.id,
            items.len(),
            campaign.until,
            campaign.scope
        ))?;
        Ok(Outcome::Well)
    }

    fn concerns(&self, fabric: &Fabric, LeaseRecord { grant, origin, .. }: &LeaseRecord) -> bool {
        let of_domain = |domain: &DomainName| fabric.governing(&grant.interface).as_ref() == Some(domain);
        // What was opened for hours is reviewed by itself.
        grant.ended.is_none()
            && *origin != LeaseOrigin::BreakGlass
            && self.domain.as_ref().is_none_or(of_domain)
            && self.interface.as_ref().is_none_or(|interface| interface == &grant.interface)
    }

    fn scope(&self) -> String {
        match (&self.domain, &self.interface) {
            (Some(domain), _) => format!("domain {domain}"),
            (None, Some(interface)) => format!("interface {interface}"),
            (None, None) => "all".to_owned(),
        }
    }
}

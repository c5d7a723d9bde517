//! `selvage recertify start`: a campaign begins, with what is known of the use of each grant.

use std::time::Duration;

use clap::Args;
use jiff::Timestamp;
use selvage_control::desk::lease::{Begun, LOOKED_BACK, Starting};
use selvage_model::name::{DomainName, InterfaceRef};

use crate::command::active::{ActiveChoice, desk_over};
use crate::command::signature::{Signature, Signed};
use crate::command::terms::until;
use crate::command::{Outcome, duration, say};
use crate::node::release::told;

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
    /// How far back use is counted, and no further than each grant is old; 458 days, as long as it is kept, where not given.
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    since: Option<Duration>,
    #[command(flatten)]
    signature: Signature,
    #[command(flatten)]
    active: ActiveChoice,
}

impl Start {
    /// Begins it.
    pub(super) async fn run(self) -> anyhow::Result<Outcome> {
        let (store, fabric) = self.active.open().await?;
        let Signed { store, by } = self.signature.decide(store).await?;
        let Self { domain, interface, until, since, .. } = self;
        let since = since.unwrap_or(LOOKED_BACK);
        let starting = Starting { domain, interface, until, since, by };
        let Begun { campaign, grants, answer } = desk_over(&store).recertify(&fabric, &starting).await.map_err(told)?;
        let (id, until, scope) = (&campaign.id, campaign.until, &campaign.scope);
        say(format_args!("{id} asks about {grants} grants until {until:.0}: {scope}"))?;
        for (who, grants) in answer {
            say(format_args!("  {grants} by {who}"))?;
        }
        Ok(Outcome::Well)
    }
}

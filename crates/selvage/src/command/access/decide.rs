//! `selvage access decide`: a request is approved or rejected, by who answers for what it asks for. It is judged again under what
//! is active by then.

use clap::Args;
use jiff::{Timestamp, Zoned};
use selvage_governance::access::{deciders, judge};
use selvage_model::code;
use selvage_model::finding::Severity;
use selvage_store::RequestState;

use super::must_decide;
use crate::command::active::ActiveChoice;
use crate::command::{Outcome, acknowledged, say, words};

/// Decides about a request.
#[derive(Args)]
pub(crate) struct Decide {
    /// The request's id.
    id: String,
    /// It becomes a grant.
    #[arg(long, required_unless_present = "reject", conflicts_with = "reject")]
    approve: bool,
    /// It does not.
    #[arg(long)]
    reject: bool,
    /// Why, for the ledger and for who asked.
    #[arg(long, value_parser = words)]
    because: String,
    /// Who decides.
    #[arg(long, value_name = "NAME", value_parser = words)]
    by: String,
    /// Prints JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    active: ActiveChoice,
}

impl Decide {
    /// Decides; wrong where the request can no longer be granted.
    pub(super) async fn run(self) -> anyhow::Result<Outcome> {
        let (store, fabric) = self.active.open().await?;
        let request = store.access_request(&self.id).await?;
        let asked = &request.asked;
        if request.state == RequestState::Open {
            let subject = (&asked.consumer, &asked.interface);
            let findings = judge(&fabric, subject, &asked.terms, Zoned::now().date());
            if let Some(against) = findings.iter().find(|finding| finding.severity == Severity::Error) {
                let because = format!("{}: {}", against.code, against.message);
                store.refuse_request(&self.id, &because).await?;
                say(format_args!("{}: {} is refused, {because}", code::ACCESS_REFUSED, self.id))?;
                return Ok(Outcome::Wrong);
            }
            let deciders = deciders(&fabric, &asked.interface, &asked.terms);
            must_decide(&deciders, &self.by, &format!("access to {}", asked.interface))?;
        }
        if self.reject {
            store.reject_request(&self.id, &self.by, &self.because).await?;
            say(format_args!("{} is rejected", self.id))?;
            return Ok(Outcome::Well);
        }
        let since = Timestamp::now();
        let approved = store.approve_request(&self.id, &self.by, &self.because).await?;
        let lease = approved.lease.unwrap_or_default();
        let what = format!("{lease} is granted: {} on {}", asked.consumer, asked.interface);
        acknowledged::wait(&store, since).await?.print(&what, self.json)?;
        Ok(Outcome::Well)
    }
}

//! `selvage access decide`: a request is approved or rejected, by who answers for what it asks for. It is judged again under what
//! is active by then.

use clap::Args;
use jiff::Timestamp;
use selvage_control::desk::DeskError;
use selvage_control::desk::lease::Settling;
use selvage_model::code;

use crate::command::active::{ActiveChoice, desk_over};
use crate::command::signature::{Signature, Signed};
use crate::command::{Outcome, acknowledged, say, words};
use crate::node::release::told;

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
    #[command(flatten)]
    signature: Signature,
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
        let Signed { store, by: person } = self.signature.decide(store).await?;
        let (request, because) = (self.id.clone(), self.because);
        let settling = Settling { request, approve: !self.reject, person, because };
        let since = Timestamp::now();
        let request = match desk_over(&store).settle(&fabric, settling).await {
            Ok(request) => request,
            Err(DeskError::Refused { code, message, .. }) if code == code::ACCESS_REFUSED => {
                say(format_args!("{code}: {message}"))?;
                return Ok(Outcome::Wrong);
            }
            Err(error) => return Err(told(error)),
        };
        if self.reject {
            say(format_args!("{} is rejected", self.id))?;
            return Ok(Outcome::Well);
        }
        let lease = request.lease.unwrap_or_default();
        let what = format!("{lease} is granted: {} on {}", request.asked.consumer, request.asked.interface);
        acknowledged::wait(&store, since).await?.print(&what, self.json)?;
        Ok(Outcome::Well)
    }
}

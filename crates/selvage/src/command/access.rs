//! `selvage access`: access as leases. Who needs something asks for it with a purpose and an end, and hears at once what stands
//! against it; who answers for what is asked decides; what came of it is alive at once on every node.

mod break_glass;
mod decide;
mod list;
mod notices;
mod request;
mod review;

use clap::Subcommand;

use super::Outcome;

/// Asks for access, decides about it, opens it in an emergency, reviews it.
#[derive(Subcommand)]
pub(crate) enum Access {
    /// Asks for a grant; says at once what stands against it, and who decides.
    Request(request::Request),
    /// Lists requests.
    List(list::List),
    /// Shows a request with its terms, and who decides.
    Show(list::Show),
    /// Approves or rejects a request; approved, the grant is alive at once on every node.
    Decide(decide::Decide),
    /// Opens access at once, without approval, for hours: loud, and reviewed by somebody else within a day.
    BreakGlass(break_glass::Open),
    /// Says whether it was right to open access without approval.
    Ratify(break_glass::Ratify),
    /// Lists access that was opened without approval and that nobody ratified within a day.
    Breaches(break_glass::Breaches),
    /// Lists what consumers' owners were told of interfaces that end.
    Notices(notices::Notices),
    /// Names what is not used, has no owner, is shared, ends soon, or is used though it should not be.
    Review(review::Review),
}

impl Access {
    /// Runs the subcommand.
    pub(crate) async fn run(self) -> anyhow::Result<Outcome> {
        match self {
            Self::Request(request) => request.run().await,
            Self::List(list) => list.run().await,
            Self::Show(show) => show.run().await,
            Self::Decide(decide) => decide.run().await,
            Self::BreakGlass(open) => open.run().await,
            Self::Ratify(ratify) => ratify.run().await,
            Self::Breaches(breaches) => breaches.run().await,
            Self::Notices(notices) => notices.run().await,
            Self::Review(review) => review.run().await,
        }
    }
}

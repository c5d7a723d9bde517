//! `selvage recertify`: campaigns in which somebody answers for each grant, with its use at hand. What nobody answers for by the
//! deadline ends, except on tier-1, where it is escalated.

mod answer;
mod list;
mod start;

use clap::Subcommand;

use super::Outcome;

/// Lets those who own interfaces answer for the grants on them.
#[derive(Subcommand)]
pub(crate) enum Recertify {
    /// Begins a campaign.
    Start(start::Start),
    /// Lists campaigns, and how far each is.
    List(list::List),
    /// Shows the grants of a campaign, with their use and what came of each.
    Show(list::Show),
    /// Answers for a grant: it is kept, narrowed or ended.
    Decide(answer::Decide),
    /// Acts on deadlines that have passed; nodes do so by themselves.
    Settle(answer::Settle),
}

impl Recertify {
    /// Runs the subcommand.
    pub(crate) async fn run(self) -> anyhow::Result<Outcome> {
        match self {
            Self::Start(start) => start.run().await,
            Self::List(list) => list.run().await,
            Self::Show(show) => show.run().await,
            Self::Decide(decide) => decide.run().await,
            Self::Settle(settle) => settle.run().await,
        }
    }
}

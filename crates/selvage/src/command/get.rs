//! `selvage get OBJECT ID`: one record of a system, shown as its object.

use clap::Args;
use selvage_model::exchange::MediatedAnswer;
use selvage_model::manifest::api::Operation;

use super::{Outcome, say};
use crate::by_hand::{ByHand, ObjectChoice, passing_store};
use crate::report::refusal;

/// Shows one record of a system as its object.
#[derive(Args)]
pub(crate) struct Get {
    #[command(flatten)]
    choice: ObjectChoice,
    /// Its business key, or its id as `odoo-20`.
    id: String,
}

impl Get {
    /// Reads it and prints it as JSON.
    pub(crate) async fn run(self) -> anyhow::Result<Outcome> {
        let place = tempfile::tempdir()?;
        let store = passing_store(place.path()).await?;
        let by_hand = ByHand::begin(&self.choice, &[Operation::Get], store).await?;
        let answer = by_hand.get(&self.id).await;
        by_hand.end().await;
        match answer {
            MediatedAnswer::Done { body, .. } => {
                say(format_args!("{body:#}"))?;
                Ok(Outcome::Well)
            }
            MediatedAnswer::Refused { problem, .. } => {
                eprintln!("selvage: {}", refusal::write(&problem));
                Ok(Outcome::Wrong)
            }
            MediatedAnswer::Accepted { operation } => anyhow::bail!("a read became operation `{operation}`"),
        }
    }
}

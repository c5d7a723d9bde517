//! `selvage release plan`: what activating a release would do to access. Changes nothing.

use clap::Args;
use selvage_control::desk::planned;
use selvage_model::name::EnvironmentName;

use crate::command::change::at_desk;
use crate::command::{Outcome, StoreChoice, say};
use crate::node::release::told;

/// Says what activating a release would do to access.
#[derive(Args)]
pub(crate) struct Plan {
    /// The release's id.
    id: String,
    /// The environment.
    #[arg(long, value_name = "NAME")]
    env: EnvironmentName,
    /// As going back to it: it is judged as of when it was released.
    #[arg(long)]
    going_back: bool,
    /// Prints JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    store: StoreChoice,
}

impl Plan {
    /// Tells it; wrong where access would end, or stays ended though it is asked for.
    pub(super) async fn run(self) -> anyhow::Result<Outcome> {
        let desk = at_desk(&self.store).await?;
        let plan = desk.plan(&self.id, &self.env, self.going_back).await.map_err(told)?;
        if self.json {
            say(serde_json::to_string_pretty(&planned(&plan))?)?;
        } else {
            for finding in &plan.findings {
                let fix = finding.fix.as_deref().unwrap_or_default();
                say(format_args!("{} {}: {}\n    {fix}", finding.place, finding.code, finding.message))?;
            }
            let count = match plan.findings.len() {
                0 => "no access ends by it, and all that it asks for is given".to_owned(),
                1 => "1 finding about access".to_owned(),
                many => format!("{many} findings about access"),
            };
            let is = if plan.is_active { " (active there now)" } else { "" };
            say(format_args!("{} of {} in {}{is}: {count}", plan.release, plan.domain, plan.environment))?;
        }
        Ok(if plan.findings.is_empty() { Outcome::Well } else { Outcome::Wrong })
    }
}

//! `selvage access request`: a grant is asked for.

use clap::Args;
use jiff::Timestamp;
use selvage_control::desk::lease::Asking;
use selvage_control::desk::{DeskError, finding};
use selvage_model::access::EndAction;
use selvage_model::finding::Finding;
use selvage_model::name::{ConsumerName, InterfaceRef};
use serde_json::{Value, json};

use crate::command::active::{ActiveChoice, desk_over};
use crate::command::signature::{Signature, Signed};
use crate::command::terms::{Scope, purpose, until};
use crate::command::{Outcome, say};
use crate::node::release::told;

/// Asks for a grant.
#[derive(Args)]
pub(crate) struct Request {
    /// Who is to have it.
    #[arg(long, value_name = "NAME")]
    consumer: ConsumerName,
    /// On what, as `inventory@2`.
    #[arg(long)]
    interface: InterfaceRef,
    #[command(flatten)]
    scope: Scope,
    /// What for, in a sentence that the owner would sign.
    #[arg(long, value_name = "TEXT", value_parser = purpose)]
    purpose: Option<String>,
    /// Until when: a day, or a time. Within two years.
    #[arg(long, value_name = "DATE", value_parser = until)]
    until: Timestamp,
    #[command(flatten)]
    signature: Signature,
    /// Prints JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    active: ActiveChoice,
}

impl Request {
    /// Asks, unless something stands against it; wrong then.
    pub(super) async fn run(self) -> anyhow::Result<Outcome> {
        let (store, fabric) = self.active.open().await?;
        let Signed { store, by } = self.signature.decide(store).await?;
        let terms = self.scope.terms(self.purpose, Some(self.until), EndAction::End);
        let asking = Asking { consumer: self.consumer, interface: self.interface, terms, by };
        let asked = match desk_over(&store).ask(&fabric, asking).await {
            Ok(asked) => asked,
            Err(DeskError::Refused { findings, .. }) if !findings.is_empty() => {
                if self.json {
                    say(json!({"request": null, "findings": findings.iter().map(finding).collect::<Vec<_>>()}))?;
                } else {
                    tell(&findings)?;
                    say("nothing was asked for")?;
                }
                return Ok(Outcome::Wrong);
            }
            Err(error) => return Err(told(error)),
        };
        let (id, findings, deciders) = (&asked.request.id, &asked.findings, &asked.deciders);
        if self.json {
            let findings: Vec<Value> = findings.iter().map(finding).collect();
            say(json!({"request": id, "findings": findings, "deciders": deciders.people}))?;
            return Ok(Outcome::Well);
        }
        let of = &asked.request.asked;
        say(format_args!("{id} is asked for: {} on {}", of.consumer, of.interface))?;
        tell(findings)?;
        say(format_args!("who decides is {deciders}"))?;
        Ok(Outcome::Well)
    }
}

/// What stands against a request, and what to do about it.
pub(super) fn tell(findings: &[Finding]) -> anyhow::Result<()> {
    for finding in findings {
        say(format_args!("{} {}: {}", finding.severity, finding.code, finding.message))?;
        if let Some(fix) = &finding.fix {
            say(format_args!("  {fix}"))?;
        }
    }
    Ok(())
}

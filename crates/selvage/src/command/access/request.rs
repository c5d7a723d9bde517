//! `selvage access request`: a grant is asked for.

use clap::Args;
use jiff::{Timestamp, Zoned};
use selvage_governance::access::{deciders, end_of, judge};
use selvage_model::finding::{Finding, Severity};
use selvage_model::name::{ConsumerName, InterfaceRef};
use selvage_store::NewAccessRequest;
use serde_json::{Value, json};

use crate::command::active::ActiveChoice;
use crate::command::terms::{Scope, purpose, until};
use crate::command::{Outcome, say, words};

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
    /// Who asks.
    #[arg(long, value_name = "NAME", value_parser = words)]
    by: String,
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
        let terms = self.scope.terms(self.purpose, Some(self.until), end_of(&fabric, &self.interface));
        let findings = judge(&fabric, (&self.consumer, &self.interface), &terms, Zoned::now().date());
        let told: Vec<Value> = findings.iter().map(as_json).collect();
        if findings.iter().any(|finding| finding.severity == Severity::Error) {
            if self.json {
                say(json!({"request": null, "findings": told}))?;
            } else {
                tell(&findings)?;
                say("nothing was asked for")?;
            }
            return Ok(Outcome::Wrong);
        }
        let deciders = deciders(&fabric, &self.interface, &terms);
        let (consumer, interface) = (self.consumer, self.interface);
        let new = NewAccessRequest { consumer, interface, terms, findings: json!(told), by: self.by };
        let request = store.request_access(&new).await?;
        if self.json {
            say(json!({"request": request.id, "findings": told, "deciders": deciders.people}))?;
            return Ok(Outcome::Well);
        }
        say(format_args!("{} is asked for: {} on {}", request.id, new.consumer, new.interface))?;
        tell(&findings)?;
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

fn as_json(finding: &Finding) -> Value {
    json!({
        "code": finding.code.as_str(), "severity": finding.severity.to_string(),
        "message": finding.message, "fix": finding.fix,
    })
}

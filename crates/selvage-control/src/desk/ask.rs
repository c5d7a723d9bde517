//! Asking for access from the catalogue: judged at once by what runs, and then one of the requests that wait for who decides.

use jiff::Timestamp;
use selvage_governance::access::{end_of, judge};
use selvage_model::access::GrantTerms;
use selvage_model::fabric::Fabric;
use selvage_model::finding::{Finding, Severity};
use selvage_model::name::{ConsumerName, InterfaceRef};
use selvage_store::NewAccessRequest;
use serde_json::json;

use super::{Desk, DeskError, day, finding};

/// What is asked for.
#[derive(Clone, Debug)]
pub struct Asking {
    /// Who is to have it.
    pub consumer: ConsumerName,
    /// On what.
    pub interface: InterfaceRef,
    /// Which operations.
    pub operations: Vec<String>,
    /// What for.
    pub purpose: String,
    /// Until when.
    pub until: Timestamp,
    /// Who asks.
    pub by: String,
}

impl Desk {
    /// Asks for a grant, by the fabric that runs; the id of the request.
    ///
    /// # Errors
    /// [`DeskError::Refused`] with what stands against it; those of the store.
    pub async fn ask(&self, fabric: &Fabric, asking: Asking) -> Result<String, DeskError> {
        let terms = GrantTerms {
            operations: asking.operations,
            rows: Vec::new(),
            except: Vec::new(),
            classes: Vec::new(),
            purpose: Some(asking.purpose),
            until: Some(asking.until),
            on_end: end_of(fabric, &asking.interface),
            rate: None,
            when: None,
            time_zone: None,
            quota: None,
        };
        let findings = judge(fabric, (&asking.consumer, &asking.interface), &terms, day(Timestamp::now()));
        if let Some(first) = findings.iter().find(|finding| finding.severity == Severity::Error) {
            let (code, message) = (first.code, first.message.clone());
            let fix = first.fix.clone().unwrap_or_else(|| format!("`selvage explain {code}` says more"));
            let errors: Vec<Finding> = findings.into_iter().filter(|it| it.severity == Severity::Error).collect();
            return Err(DeskError::found(code, message, fix, errors));
        }
        let told: Vec<_> = findings.iter().map(finding).collect();
        let (consumer, interface) = (asking.consumer, asking.interface);
        let new = NewAccessRequest { consumer, interface, terms, findings: json!(told), by: asking.by };
        Ok(self.store.request_access(&new).await?.id)
    }
}

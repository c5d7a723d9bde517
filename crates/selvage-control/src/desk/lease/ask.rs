//! Asking for access: judged at once by what runs, and then one of the requests that wait for who decides.

use selvage_governance::access::{Deciders, deciders_beside, end_of};
use selvage_model::access::GrantTerms;
use selvage_model::fabric::Fabric;
use selvage_model::finding::Finding;
use selvage_model::name::{ConsumerName, InterfaceRef};
use selvage_store::{AccessRequest, NewAccessRequest};
use serde_json::json;

use super::against;
use crate::desk::{Desk, DeskError, finding};

/// What is asked for.
#[derive(Clone, Debug)]
pub struct Asking {
    /// Who is to have it.
    pub consumer: ConsumerName,
    /// On what.
    pub interface: InterfaceRef,
    /// On which terms; what its end does is the interface's to say.
    pub terms: GrantTerms,
    /// Who asks.
    pub by: String,
}

/// A request that waits.
#[derive(Clone, Debug)]
pub struct Asked {
    /// The request.
    pub request: AccessRequest,
    /// What whoever decides should know.
    pub findings: Vec<Finding>,
    /// Who decides.
    pub deciders: Deciders,
}

impl Desk {
    /// Asks for a grant, by the fabric that is active. Who asks for the same again, while nobody has decided, has asked once.
    ///
    /// # Errors
    /// [`DeskError::Refused`] with what stands against it; those of the store.
    pub async fn ask(&self, fabric: &Fabric, asking: Asking) -> Result<Asked, DeskError> {
        let Asking { consumer, interface, terms, by } = asking;
        let terms = GrantTerms { on_end: end_of(fabric, &interface), ..terms };
        let findings = self.judged(fabric, (&consumer, &interface), &terms).await;
        if let Some(refused) = against(&findings) {
            return Err(refused);
        }
        let deciders = deciders_beside(fabric, (&interface, &terms), &by, &self.sitting().await?);
        let told: Vec<_> = findings.iter().map(finding).collect();
        let new = NewAccessRequest { consumer, interface, terms, findings: json!(told), by };
        let request = self.store.request_access(&new).await?;
        Ok(Asked { request, findings, deciders })
    }
}

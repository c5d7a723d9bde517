//! Deciding about requests, by who answers for what they ask for. Each is judged again under what is active by then; who asked never
//! decides.

use selvage_governance::access::deciders_beside;
use selvage_model::code;
use selvage_model::fabric::Fabric;
use selvage_model::finding::Severity;
use selvage_store::{AccessRequest, RequestState};

use super::must_decide;
use crate::desk::{Desk, DeskError};

/// What somebody says about a request.
#[derive(Clone, Debug)]
pub struct Settling {
    /// The request.
    pub request: String,
    /// Whether it becomes a grant.
    pub approve: bool,
    /// Who decides.
    pub person: String,
    /// Why.
    pub because: String,
}

impl Desk {
    /// Decides. Approved, the grant is alive in the store when this returns; what waits for nodes is the caller's.
    ///
    /// # Errors
    /// [`DeskError::Refused`] for who does not decide, and where it cannot be granted any more; those of the store, as where it was
    /// decided before or is asked for by the same person.
    pub async fn settle(&self, fabric: &Fabric, settling: Settling) -> Result<AccessRequest, DeskError> {
        let Settling { request: id, approve, person, because } = settling;
        let request = self.store.access_request(&id).await?;
        let asked = &request.asked;
        if request.state == RequestState::Open {
            let deciders = deciders_beside(fabric, (&asked.interface, &asked.terms), &asked.by, &self.sitting().await?);
            // First of all: what is refused is refused for good, which is not anybody's to bring about.
            must_decide(&deciders, &person, &asked.interface)?;
            let findings = self.judged(fabric, (&asked.consumer, &asked.interface), &asked.terms).await;
            if let Some(against) = findings.iter().find(|finding| finding.severity == Severity::Error) {
                let because = format!("{}: {}", against.code, against.message);
                self.store.refuse_request(&id, &because).await?;
                let message = format!("{id} is refused, {because}");
                let fix = "ask again for what can be granted";
                return Err(DeskError::found(code::ACCESS_REFUSED, message, fix, findings));
            }
        }
        Ok(match approve {
            true => self.store.approve_request(&id, &person, &because).await?,
            false => self.store.reject_request(&id, &person, &because).await?,
        })
    }
}

//! Access in an emergency: opened at once and without approval, and somebody else says after whether it was right.

use std::time::Duration;

use jiff::Timestamp;
use selvage_governance::access::deciders_beside;
use selvage_model::access::{EndAction, GrantTerms};
use selvage_model::code;
use selvage_model::fabric::Fabric;
use selvage_model::name::{ConsumerName, InterfaceRef};
use selvage_store::BreakGlass;

use super::{against, must_decide};
use crate::desk::{Desk, DeskError};

/// The least for which anything is opened.
const LEAST: Duration = Duration::from_secs(1);

/// What is to be opened.
#[derive(Clone, Debug)]
pub struct Opening {
    /// Who is to have it.
    pub consumer: ConsumerName,
    /// On what.
    pub interface: InterfaceRef,
    /// On which terms; purpose and end are said here.
    pub terms: GrantTerms,
    /// For how long.
    pub lasts: Duration,
    /// Who opens it.
    pub by: String,
    /// Why it cannot wait.
    pub because: String,
}

/// What somebody says of it after.
#[derive(Clone, Debug)]
pub struct Reviewing {
    /// The grant.
    pub grant: String,
    /// Whether it was right.
    pub ratified: bool,
    /// Who says so.
    pub person: String,
    /// Why.
    pub because: String,
}

impl Desk {
    /// Opens access without approval.
    ///
    /// # Errors
    /// [`DeskError::Refused`] with what is found, where it would open nothing; those of the store, as for too long.
    pub async fn break_glass(&self, fabric: &Fabric, opening: Opening) -> Result<BreakGlass, DeskError> {
        let Opening { consumer, interface, terms, lasts, by, because } = opening;
        if lasts < LEAST {
            let message = "break-glass access for no time opens nothing, and bars what is needed until it is ratified";
            return Err(DeskError::refused(code::BREAK_GLASS_LONG, message, "say for how long it is needed, as `1h`"));
        }
        // So late there is no time: it is longer than the store takes.
        let until = Timestamp::now().checked_add(lasts).unwrap_or(Timestamp::MAX);
        let terms = GrantTerms { purpose: Some(because.clone()), until: Some(until), on_end: EndAction::Cut, ..terms };
        let subject = (&consumer, &interface);
        let mut findings = self.judged(fabric, subject, &terms).await;
        // In an emergency what ends may be what is needed; how long it lasts is the store's to say.
        findings.retain(|finding| ![code::ACCESS_ENDING, code::ACCESS_FAR].contains(&finding.code));
        if let Some(refused) = against(&findings) {
            return Err(refused);
        }
        Ok(self.store.break_glass(subject, &terms, lasts, (&by, &because)).await?)
    }

    /// Says whether it was right, for good.
    ///
    /// # Errors
    /// [`DeskError::Refused`] for who does not decide about such access; those of the store, as for who opened it.
    pub async fn review_break_glass(&self, fabric: &Fabric, reviewing: Reviewing) -> Result<BreakGlass, DeskError> {
        let Reviewing { grant, ratified, person, because } = reviewing;
        let opened = self.store.break_glasses().await?.into_iter().find(|opened| opened.grant.id == grant);
        if let Some(opened) = opened {
            let interface = &opened.grant.interface;
            let about = (interface, &*opened.grant.terms);
            let deciders = deciders_beside(fabric, about, &opened.by, &self.sitting().await?);
            must_decide(&deciders, &person, interface)?;
        }
        Ok(self.store.review_break_glass(&grant, ratified, &person, &because).await?)
    }
}

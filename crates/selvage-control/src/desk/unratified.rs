//! Emergencies that nobody stands behind: rejected, or not ratified in time. What runs goes on, since a rejection stops no plant;
//! nothing of them is activated anew. INVARIANT: APPROVED

use std::collections::BTreeSet;

use selvage_governance::approval::{Sitting, standing};
use selvage_model::change::Change;
use selvage_model::code;
use selvage_model::name::{DomainName, EnvironmentName};
use selvage_store::{DomainActivation, SignedRelease};

use super::{Desk, DeskError};

impl Desk {
    /// Refuses what was released in an emergency and then rejected, or not ratified in time.
    ///
    /// # Errors
    /// [`DeskError::Refused`] for such a release; those of the store.
    pub(super) async fn refuse_unratified(
        &self,
        release: &SignedRelease,
        made: &[Change],
        history: &[DomainActivation],
    ) -> Result<(), DeskError> {
        let sitting = self.sitting().await?;
        let against: Option<Vec<String>> = made.iter().map(|change| against(change, &sitting)).collect();
        // Where one of the changes that made it has its approvals, it is what was approved.
        let Some(last) = against.as_ref().and_then(|against| against.last()) else { return Ok(()) };
        let runs = runs_in(history, &release.domain, &release.id);
        let fix = match runs.first() {
            Some(environment) => going_back(&release.domain, environment),
            None => "propose what is right, and have it approved".to_owned(),
        };
        Err(DeskError::refused(code::EMERGENCY_UNRATIFIED, format!("{} is activated nowhere: {last}", release.id), fix))
    }

    /// Where a change that was released and then rejected still runs, with how to go back from it.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn ways_back(&self, change: &Change) -> Result<Vec<String>, DeskError> {
        let history = self.store.activations().await?;
        let runs = runs_in(&history, &change.domain, &change.release);
        let way = |environment| format!("it is active in {environment}: {}", going_back(&change.domain, environment));
        Ok(runs.into_iter().map(way).collect())
    }
}

/// What stands against a change that was released without its approvals; nothing where it has them, or still has time.
fn against(change: &Change, sitting: &Sitting) -> Option<String> {
    let until = change.ratify_until?;
    match standing(change, sitting).rejected {
        Some(said) => Some(format!("`{}` rejected the emergency {}: {}", said.person, change.id, said.because)),
        None if until <= sitting.now => {
            Some(format!("the emergency {} was to be ratified by {until:.0}, and was not", change.id))
        }
        None => None,
    }
}

/// The environments in which a release is the active one of its domain.
fn runs_in<'a>(history: &'a [DomainActivation], domain: &DomainName, release: &str) -> Vec<&'a EnvironmentName> {
    let mut seen = BTreeSet::new();
    // Newest first: the first of each environment is what is active there.
    let newest = history.iter().filter(|it| &it.domain == domain && seen.insert(&it.environment));
    newest.filter(|it| it.release == release).map(|it| &it.environment).collect()
}

fn going_back(domain: &DomainName, environment: &EnvironmentName) -> String {
    format!("go back with `selvage release rollback --domain {domain} --env {environment}`")
}

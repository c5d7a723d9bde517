//! Whose step it is: who may propose, release, activate and go back, by one rule for the commands and the control API. A name that nobody
//! proves may be anybody's, so it is asked for little where nothing is protected; an emergency and a protected environment take somebody
//! whom the fabric knows in any case. INVARIANT: APPROVED

use std::sync::Arc;

use selvage_governance::seat::{Act, is_peopled, may, operating};
use selvage_model::change::Change;
use selvage_model::code;
use selvage_model::fabric::Fabric;
use selvage_model::name::{DomainName, EnvironmentName};

use super::{Activating, Desk, DeskError, Files, cut, union};

/// How many people a refusal names whom one may ask.
const MOST_NAMED: usize = 5;

/// A step that somebody takes in a domain.
pub(super) struct Step<'a> {
    /// Who takes it.
    pub(super) by: &'a str,
    /// Which.
    pub(super) act: Act,
    /// Where.
    pub(super) domain: &'a DomainName,
    /// The environment that it changes, where it changes one.
    pub(super) environment: Option<&'a EnvironmentName>,
}

/// What it takes to go on with changes: where the last of them is an emergency, who may raise one may.
pub(super) fn act_for(made: &[Change], act: Act) -> Act {
    if made.last().is_some_and(|change| change.emergency) { Act::Raise } else { act }
}

impl Desk {
    /// Refuses a step of somebody whose it is not.
    ///
    /// # Errors
    /// [`DeskError::Refused`] with [`code::EMERGENCY_STRANGER`] for an emergency, [`code::API_FORBIDDEN`] for anything else; those of the
    /// store.
    pub(super) async fn must_be_theirs(&self, step: &Step<'_>) -> Result<(), DeskError> {
        if !self.is_asked(step).await? {
            return Ok(());
        }
        let people = self.people().await?;
        if is_peopled(&people) && may(&people, step.by, step.act, step.domain) {
            return Ok(());
        }
        let released = self.released().await?;
        let fabric = match &self.runs {
            Some(runs) if !is_peopled(&released) => runs,
            _ => &released,
        };
        if may(fabric, step.by, step.act, step.domain) { Ok(()) } else { Err(refusal(fabric, step)) }
    }

    /// Refuses whose step it is not to change what a domain has active there: who raised an emergency carries it on, and takes it back.
    pub(super) async fn must_be_theirs_there(
        &self,
        activating: &Activating,
        (domain, release): (&DomainName, Option<&str>),
        act: Act,
    ) -> Result<(), DeskError> {
        let made = match release {
            Some(release) => self.store.changes_of_release(release).await?,
            None => Vec::new(),
        };
        let (by, environment) = (&activating.by, Some(&activating.environment));
        self.must_be_theirs(&Step { by, act: act_for(&made, act), domain, environment }).await
    }

    /// Whether it is asked whose step it is.
    async fn is_asked(&self, step: &Step<'_>) -> Result<bool, DeskError> {
        if self.store.is_proven() || step.act == Act::Raise {
            return Ok(true);
        }
        match step.environment {
            Some(environment) => self.is_protected(environment).await,
            None => Ok(false),
        }
    }

    /// Whether an environment is protected, as the group released it last.
    async fn is_protected(&self, environment: &EnvironmentName) -> Result<bool, DeskError> {
        let Some(head) = self.store.head(&DomainName::group()).await? else { return Ok(false) };
        let mut files = Files::new();
        union::add(&union::find(&self.store, &head).await?, &mut files)?;
        let fabric = self.telling(files, &["Fabric"]).await;
        let mut environments = fabric.settings.iter().flat_map(|settings| &settings.environments);
        Ok(environments.any(|it| &it.name.value == environment && it.protected))
    }

    /// What the domains released last, as far as it tells who sits where and is in which team. Whom this lets pass, all of it does: what else
    /// is declared takes no part from anybody.
    async fn people(&self) -> Result<Arc<Fabric>, DeskError> {
        if let Some(released) = self.released_before().await? {
            return Ok(released);
        }
        Ok(Arc::new(self.telling(self.heads(None).await?, &["Domain", "Team"]).await))
    }

    /// Files in which one of these words is: a large fabric is not read whole for a few manifests.
    async fn telling(&self, mut files: Files, words: &[&str]) -> Fabric {
        files.retain(|_, text| words.iter().any(|word| text.contains(word)));
        self.ahead().hard(|| self.look.read(&files)).await
    }
}

fn refusal(fabric: &Fabric, step: &Step<'_>) -> DeskError {
    let Step { by, act, domain, .. } = step;
    if *act != Act::Raise {
        return cut::forbidden(by, domain);
    }
    let board = fabric.domains.get(*domain).map(|board| format!(" ({})", board.place)).unwrap_or_default();
    let message = format!(
        "`{by}` has no part in the domain {domain}: no seat on its board{board} or the group's, and no team of it has them as owner or on call"
    );
    let mut known: Vec<String> = operating(fabric)
        .into_iter()
        .filter(|(_, operates)| operates.in_domain(domain))
        .map(|(person, _)| person)
        .collect();
    known.sort_unstable();
    known.truncate(MOST_NAMED);
    let fix = match known.is_empty() {
        true => "have the group declare a board or a team for it".to_owned(),
        false => format!("ask one who has: {}", known.join(", ")),
    };
    DeskError::refused(code::EMERGENCY_STRANGER, message, fix)
}

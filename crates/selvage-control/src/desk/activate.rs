//! Activating: a release of a domain takes effect in an environment, beside what the other domains have active there. In order, through
//! the gates that the environment declares. Going back is activating what was active there before; it revives no access that ended.

use selvage_model::code;
use selvage_model::finding::{Finding, Severity};
use selvage_model::manifest::organisation::Environment;
use selvage_model::name::{DomainName, EnvironmentName};
use selvage_store::{Activated, DomainActivation, NewActivation, SignedRelease};
use serde_json::json;

use super::gate::{Passing, gates};
use super::{Desk, DeskError, Files, Gate, Looked, seal, union};

/// What is to be activated.
#[derive(Clone, Debug)]
pub struct Activating {
    /// Where.
    pub environment: EnvironmentName,
    /// Who says so.
    pub by: String,
    /// Why.
    pub because: String,
}

/// What came of it.
#[derive(Clone, Debug)]
pub struct Went {
    /// Whose release.
    pub domain: DomainName,
    /// Which.
    pub release: String,
    /// Whether it is active since now.
    pub activated: Activated,
    /// What the gates showed.
    pub gates: Vec<Gate>,
    /// Grants that the release asks for and that have ended, in words.
    pub held_back: Vec<String>,
}

impl Desk {
    /// Activates a release.
    ///
    /// # Errors
    /// [`DeskError::Refused`] where a gate is closed or it does not fit what is active beside it; those of the store.
    pub async fn activate(&self, release: &str, activating: &Activating) -> Result<Went, DeskError> {
        let release = union::find(&self.store, release).await?;
        self.carry_out(&release, activating, false).await
    }

    /// Goes back to what a domain had active there before: to this release, or to the one before the one of now. Gates are not
    /// looked at: it has passed them.
    ///
    /// # Errors
    /// [`DeskError::Refused`] where there is none, or it does not fit what is active beside it by now; those of the store.
    pub async fn roll_back(
        &self,
        domain: &DomainName,
        to: Option<&str>,
        activating: &Activating,
    ) -> Result<Went, DeskError> {
        let history = self.store.activations().await?;
        let there = history.iter().filter(|it| it.environment == activating.environment && &it.domain == domain);
        let mut there = there.map(|it| it.release.as_str());
        let now = there.next();
        let found = there.find(|release| Some(*release) != now && to.is_none_or(|to| *release == to));
        let Some(found) = found else {
            let what = to.map_or_else(|| "no other release".to_owned(), |to| format!("`{to}` never"));
            let message = format!("{what} was active before in {} of {domain}", activating.environment);
            let fix = format!("`selvage release list --domain {domain}` shows what was");
            return Err(DeskError::refused(code::ROLLBACK_UNKNOWN, message, fix));
        };
        let release = union::find(&self.store, found).await?;
        self.carry_out(&release, activating, true).await
    }

    async fn carry_out(
        &self,
        release: &SignedRelease,
        activating: &Activating,
        is_rollback: bool,
    ) -> Result<Went, DeskError> {
        seal::verify(release, &self.store.release_keys().await?)?;
        let history = self.store.activations().await?;
        let looked = self.beside(release, &activating.environment, &history).await?;
        let environment = declared(&looked, &activating.environment)?;
        let passing = Passing {
            environment,
            domain: &release.domain,
            release: &release.id,
            looked: &looked,
            history: &history,
            now: self.store.delegations().await?.0,
        };
        let gates = if is_rollback { Vec::new() } else { gates(&passing, self.look.as_ref(), &self.store).await? };
        refuse_closed(&gates, release, &activating.environment)?;
        let activated = self
            .store
            .activate_domain(&NewActivation {
                environment: &activating.environment,
                domain: &release.domain,
                release: &release.id,
                by: &activating.by,
                because: &activating.because,
                gates: &json!(gates),
                is_rollback,
            })
            .await?;
        let held_back = super::access::apply(&self.store, self.look.as_ref(), &activating.by).await?;
        let (domain, release) = (release.domain.clone(), release.id.clone());
        Ok(Went { domain, release, activated, gates, held_back })
    }

    /// What would run: the release beside what the other domains have active there.
    async fn beside(
        &self,
        release: &SignedRelease,
        environment: &EnvironmentName,
        history: &[DomainActivation],
    ) -> Result<Looked, DeskError> {
        let mut files = Files::new();
        let mut seen = vec![&release.domain];
        for it in history.iter().filter(|it| &it.environment == environment) {
            if !seen.contains(&&it.domain) {
                seen.push(&it.domain);
                union::add(&union::find(&self.store, &it.release).await?, &mut files)?;
            }
        }
        union::add(release, &mut files)?;
        let looked = self.look.look(&files);
        let mut errors: Vec<Finding> =
            looked.findings.iter().filter(|finding| finding.severity == Severity::Error).cloned().collect();
        if errors.is_empty() {
            declared(&looked, environment)?;
            errors = self.look.trial(&looked, environment);
        }
        if errors.is_empty() {
            return Ok(looked);
        }
        let message = format!("{} does not fit what is active in {environment}: {} errors", release.id, errors.len());
        let fix = "activate what it needs first, or propose what goes with the others";
        Err(DeskError::found(code::RELEASES_UNFIT, message, fix, errors))
    }
}

fn declared<'a>(looked: &'a Looked, environment: &EnvironmentName) -> Result<&'a Environment, DeskError> {
    let environments = looked.fabric.settings.iter().flat_map(|settings| &settings.environments);
    let names: Vec<&str> = environments.clone().map(|known| known.name.value.as_str()).collect();
    let message = || format!("the fabric has no environment `{environment}`; it has {}", names.join(", "));
    let found = environments.clone().find(|known| &known.name.value == environment);
    found.ok_or_else(|| {
        let fix = "activate the group's release first, which declares the environments";
        DeskError::refused(code::ENVIRONMENT_UNDECLARED, message(), fix)
    })
}

fn refuse_closed(gates: &[Gate], release: &SignedRelease, environment: &EnvironmentName) -> Result<(), DeskError> {
    let closed: Vec<String> =
        gates.iter().filter(|gate| !gate.open).map(|gate| format!("{}: {}", gate.gate, gate.saw)).collect();
    if closed.is_empty() {
        return Ok(());
    }
    let message = format!("{} is not activated in {environment}: {}", release.id, closed.join("; "));
    let fix = "activate it in the environment before, mend what fails, or wait for its time";
    Err(DeskError::refused(code::ACTIVATION_EARLY, message, fix))
}

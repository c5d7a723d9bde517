//! Activating: a release of a domain takes effect in an environment, beside what the other domains have active there. In order, through
//! the gates that the environment declares. Going back is activating what was active there before; it revives no access that ended.

use jiff::Timestamp;
use selvage_governance::brought;
use selvage_governance::seat::Act;
use selvage_model::code;
use selvage_model::domain::domain_of;
use selvage_model::fabric::Fabric;
use selvage_model::finding::Finding;
use selvage_model::manifest::organisation::{Environment, Gates};
use selvage_model::name::{DomainName, EnvironmentName};
use selvage_store::{Activated, DomainActivation, NewActivation, SignedRelease, StoreError};
use serde_json::json;

use super::gate::{Passing, gates};
use super::time::Together;
use super::{Desk, DeskError, Files, Gate, Looked, access, day, plan, seal, union};

/// How often it is judged anew where something else was activated meanwhile.
const MOST_TRIES: usize = 5;

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

/// What is to be gone back from, and to.
#[derive(Clone, Debug)]
pub struct GoingBack {
    /// Whose release.
    pub domain: DomainName,
    /// The release that is active, as whoever says so saw it: refused where it is another by now.
    pub from: Option<String>,
    /// To which; to the one before where not given.
    pub to: Option<String>,
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
        self.must_be_theirs_there(activating, (&release.domain, Some(&release.id)), Act::Activate).await?;
        let mut left = MOST_TRIES;
        loop {
            left -= 1;
            let history = self.store.activations().await?;
            match self.carry_out(&release, activating, &history, false).await {
                Err(error) if left > 0 && is_moved(&error) => {}
                done => return done,
            }
        }
    }

    /// Goes back to what a domain had active there before: to this release, or to the one before the one of now. Gates are not
    /// looked at: it has passed them, and nothing that is proposed or tried is waited for. From one that was gone back to, it says to which: who did not know of that would go further than
    /// they mean.
    ///
    /// # Errors
    /// [`DeskError::Refused`] where there is none, or it does not fit what is active beside it by now; those of the store.
    pub async fn roll_back(&self, back: &GoingBack, activating: &Activating) -> Result<Went, DeskError> {
        let desk = self.ahead();
        let mut left = MOST_TRIES;
        // Tried again, it is the same that is gone back from: whoever activated something meanwhile may have mended it.
        let mut back = back.clone();
        let there = |it: &&DomainActivation| it.environment == activating.environment && it.domain == back.domain;
        let now = self.store.activations().await?.iter().find(there).map(|it| it.release.clone());
        self.must_be_theirs_there(activating, (&back.domain, now.as_deref()), Act::RollBack).await?;
        back.from = back.from.or(now);
        loop {
            left -= 1;
            match desk.go_back(&back, activating).await {
                Err(error) if left > 0 && is_moved(&error) => {}
                done => return done,
            }
        }
    }

    async fn go_back(&self, back: &GoingBack, activating: &Activating) -> Result<Went, DeskError> {
        let GoingBack { domain, from, to } = back;
        let history = self.store.activations().await?;
        let there = history.iter().filter(|it| it.environment == activating.environment && &it.domain == domain);
        let there: Vec<&DomainActivation> = there.collect();
        let now = there.first();
        if let (Some(now), Some(from)) = (now.filter(|now| Some(&now.release) != from.as_ref()), from) {
            let message = format!("{} is active in {} by now, not {from}", now.release, activating.environment);
            return Err(DeskError::refused(code::ROLLBACK_UNKNOWN, message, "look again at what is active"));
        }
        if let (Some(now), None) = (now.filter(|now| now.is_rollback), to) {
            let message = format!("`{}` went back to {} {:.0}: {}", now.by, now.release, now.since, now.because);
            return Err(DeskError::refused(
                code::ROLLBACK_UNKNOWN,
                message,
                "say with `to` which one, to go further back",
            ));
        }
        let now = now.map(|it| it.release.as_str());
        let mut releases = there.iter().map(|it| it.release.as_str());
        let found = releases.find(|release| Some(*release) != now && to.as_deref().is_none_or(|to| *release == to));
        let Some(found) = found else {
            let what = to.as_ref().map_or_else(|| "no other release".to_owned(), |to| format!("`{to}` never"));
            let message = format!("{what} was active before in {} of {domain}", activating.environment);
            let fix = format!("`selvage release list --domain {domain}` shows what was");
            return Err(DeskError::refused(code::ROLLBACK_UNKNOWN, message, fix));
        };
        let release = union::find(&self.store, found).await?;
        self.carry_out(&release, activating, &history, true).await
    }

    /// Judges by what was activated until then, and activates only where nothing has been since.
    async fn carry_out(
        &self,
        release: &SignedRelease,
        activating: &Activating,
        history: &[DomainActivation],
        is_rollback: bool,
    ) -> Result<Went, DeskError> {
        seal::verify(release, &self.store.release_keys().await?)?;
        if !is_rollback {
            // What was active there before is gone back to whatever became of its key: FAIL-SAFE goes first.
            self.refuse_distrusted(&release.key, &release.id).await?;
        }
        let made = self.store.changes_of_release(&release.id).await?;
        self.refuse_unratified(release, &made, history).await?;
        let (looked, mut gates) = match self.seen_there(release, &activating.environment, history, is_rollback).await? {
            Some(looked) => (looked, Vec::new()),
            None => self.looked_through(release, activating, history, is_rollback).await?,
        };
        if made.last().is_some_and(|change| change.emergency) {
            pass_in_emergency(&mut gates, release, activating);
        }
        refuse_closed(&gates, release, &activating.environment)?;
        let asks = self.asked((release, &activating.environment, history), &looked.fabric).await?;
        let mut applied = self
            .store
            .activate_domain(&NewActivation {
                environment: &activating.environment,
                domain: &release.domain,
                release: &release.id,
                by: &activating.by,
                because: &activating.because,
                gates: &json!(gates),
                is_rollback,
                seen: history.first().map_or(0, |newest| newest.ordinal),
                asks: &asks,
            })
            .await?;
        if !applied.grants.held_back.is_empty() {
            // It is active: what cannot be read now changes nothing of that.
            let mut leases = self.store.access_state().await.map(|access| access.grants).unwrap_or_default();
            leases.retain(|lease| lease.counts_in(&activating.environment));
            applied.grants = plan::without_another(applied.grants, &leases);
        }
        let (domain, release, activated) = (release.domain.clone(), release.id.clone(), applied.activated);
        Ok(Went { domain, release, activated, gates, held_back: access::held_back(applied) })
    }

    /// What would run, looked at and tried beside what is active there; and what the gates say, where nobody goes back.
    async fn looked_through(
        &self,
        release: &SignedRelease,
        activating: &Activating,
        history: &[DomainActivation],
        is_rollback: bool,
    ) -> Result<(Looked, Vec<Gate>), DeskError> {
        let (now, _) = self.store.delegations().await?;
        let active = self.active(release, &activating.environment, history).await?;
        let looked = self.beside(release, &active, &activating.environment, (now, is_rollback)).await?;
        let gates = match is_rollback {
            true => Vec::new(),
            false => self.pass(release, activating, &Beside { looked: &looked, active: &active }, history, now).await?,
        };
        Ok((looked, gates))
    }

    /// What the gates say: those that hold there now, and those that the release itself brings.
    async fn pass(
        &self,
        release: &SignedRelease,
        activating: &Activating,
        beside: &Beside<'_>,
        history: &[DomainActivation],
        now: Timestamp,
    ) -> Result<Vec<Gate>, DeskError> {
        // What is written as it was says what it said: only what is not is read.
        let mut own = Files::new();
        union::add(release, &mut own)?;
        let otherwise = beside.active.own.iter().filter(|(path, text)| own.get(*path) != Some(*text));
        let otherwise: Files = otherwise.map(|(path, text)| (path.clone(), text.clone())).collect();
        let was = self.hard(|| self.look.read(&otherwise)).await;
        let becomes = declared(&beside.looked.fabric, &activating.environment)?;
        let environment = match declared(&was, &activating.environment) {
            Ok(stands) => stricter(stands, becomes),
            Err(_) => becomes.clone(),
        };
        // What a waiver was for may be gone with it, as its interface is.
        self.refuse_early_retirement(&was, &beside.looked.fabric, &[&was, &beside.looked.fabric]).await?;
        let passing = Passing {
            environment: &environment,
            domain: &release.domain,
            release: &release.id,
            looked: beside.looked,
            was: &was,
            history,
            now,
        };
        gates(&passing, self).await
    }

    /// What is active in an environment.
    pub(super) async fn active(
        &self,
        release: &SignedRelease,
        environment: &EnvironmentName,
        history: &[DomainActivation],
    ) -> Result<Active, DeskError> {
        let mut active = Active { own: Files::new(), others: Files::new(), since: release.recorded };
        let mut seen = Vec::new();
        for it in history.iter().filter(|it| &it.environment == environment) {
            if seen.contains(&&it.domain) {
                continue;
            }
            seen.push(&it.domain);
            let found = union::find(&self.store, &it.release).await?;
            active.since = active.since.min(found.recorded);
            union::add(&found, if it.domain == release.domain { &mut active.own } else { &mut active.others })?;
        }
        Ok(active)
    }

    /// What would run: the release beside what the other domains have active there.
    pub(super) async fn beside(
        &self,
        release: &SignedRelease,
        active: &Active,
        environment: &EnvironmentName,
        (now, is_rollback): (Timestamp, bool),
    ) -> Result<Looked, DeskError> {
        let mut files = active.others.clone();
        union::add(release, &mut files)?;
        let new = (!is_rollback).then_some(&release.domain);
        let together = Together { files: &files, new, since: Some(active.since) };
        let (looked, mut errors) = self.hard(|| self.look_at(&together, now)).await;
        let stands = active.all();
        if !errors.is_empty() && !stands.is_empty() {
            // What is wrong elsewhere, and was before, is not what this release does.
            let was = self.hard(|| self.look.look(&stands, day(now))).await;
            let is_brought = brought(&was.findings, &errors);
            let found = errors.into_iter().zip(is_brought);
            let stops = |it: &Finding| new.is_some_and(|new| &domain_of(&it.place.file) == new);
            errors = found.filter(|(it, is_brought)| *is_brought || stops(it)).map(|(it, _)| it).collect();
        }
        if is_rollback {
            // It is served as if it did not say so, or as it says, and named. INVARIANT: FAIL-SAFE
            errors.retain(|it| it.code != code::DIRECT_UNCHECKED && !it.is_of_late);
        }
        if errors.is_empty() {
            declared(&looked.fabric, environment)?;
            errors = self.hard(|| self.look.trial(&looked, environment)).await;
        }
        if errors.is_empty() {
            return Ok(looked);
        }
        let message = format!("{} does not fit what is active in {environment}: {} errors", release.id, errors.len());
        let fix = "activate what it needs first, or propose what goes with the others";
        Err(DeskError::found(code::RELEASES_UNFIT, message, fix, errors))
    }
}

/// What is active in an environment: of the domain that is to change, and of the others.
pub(super) struct Active {
    own: Files,
    others: Files,
    /// When the oldest was released, the one that is to be active among them.
    since: Timestamp,
}

impl Active {
    pub(super) fn all(&self) -> Files {
        self.others.iter().chain(&self.own).map(|(path, text)| (path.clone(), text.clone())).collect()
    }
}

/// What would run, and what runs.
struct Beside<'a> {
    looked: &'a Looked,
    active: &'a Active,
}

/// Whether something else was activated while it was judged.
fn is_moved(error: &DeskError) -> bool {
    matches!(error, DeskError::Store(StoreError::ActivationMoved { .. }))
}

/// An environment with the gates of both.
fn stricter(stands: &Environment, becomes: &Environment) -> Environment {
    let age = |of: &Environment| of.gates.receipts.unwrap_or(Gates::RECEIPTS);
    let mut strict = becomes.clone();
    let more = stands.after.iter().filter(|before| !becomes.after.iter().any(|it| it.value == before.value));
    strict.after.extend(more.cloned());
    strict.gates = Gates {
        tests: stands.gates.tests || becomes.gates.tests,
        soak: stands.gates.soak.max(becomes.gates.soak),
        faults: stands.gates.faults || becomes.gates.faults,
        budget: stands.gates.budget || becomes.gates.budget,
        receipts: Some(age(stands).min(age(becomes))),
    };
    strict
}

pub(super) fn declared<'a>(fabric: &'a Fabric, environment: &EnvironmentName) -> Result<&'a Environment, DeskError> {
    let environments = fabric.settings.iter().flat_map(|settings| &settings.environments);
    let names: Vec<&str> = environments.clone().map(|known| known.name.value.as_str()).collect();
    let message = || format!("the fabric has no environment `{environment}`; it has {}", names.join(", "));
    let found = environments.clone().find(|known| &known.name.value == environment);
    found.ok_or_else(|| {
        let fix = "activate the group's release first, which declares the environments";
        DeskError::refused(code::ENVIRONMENT_UNDECLARED, message(), fix)
    })
}

/// An emergency passes gates that only say that it is early, and that is loud.
fn pass_in_emergency(gates: &mut [Gate], release: &SignedRelease, activating: &Activating) {
    for gate in gates.iter_mut().filter(|gate| gate.yields()) {
        gate.passed_in_emergency = true;
        tracing::error!(
            release = release.id,
            environment = %activating.environment,
            by = activating.by,
            gate = gate.gate,
            saw = gate.saw,
            "an emergency passes a closed gate"
        );
    }
}

fn refuse_closed(gates: &[Gate], release: &SignedRelease, environment: &EnvironmentName) -> Result<(), DeskError> {
    let closed: Vec<String> =
        gates.iter().filter(|gate| gate.stops()).map(|gate| format!("{}: {}", gate.gate, gate.saw)).collect();
    if closed.is_empty() {
        return Ok(());
    }
    let message = format!("{} is not activated in {environment}: {}", release.id, closed.join("; "));
    let fix = "activate it in the environment before, mend what fails, or wait for its time";
    Err(DeskError::refused(code::ACTIVATION_EARLY, message, fix))
}

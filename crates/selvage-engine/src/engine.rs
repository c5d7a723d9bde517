//! The engine's handle: made once, told the active fabric, asked to execute. Holds no rules itself.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use arc_swap::ArcSwap;
use selvage_connect::governor::Governors;
use selvage_log::EventLog;
use selvage_mapping::trace::Step;
use selvage_model::arrival::{Arrival, WebhookCall};
use selvage_model::cloud_event::CloudEvent;
use selvage_model::code;
use selvage_model::delivery::Cause;
use selvage_model::exchange::{MediatedAnswer, MediatedRequest, Scope};
use selvage_model::fabric::Fabric;
use selvage_model::finding::Finding;
use selvage_model::manifest::interface::{Check, InterfaceBody};
use selvage_model::manifest::system::SecretName;
use selvage_model::name::{ConsumerName, EnvironmentName, InterfaceRef, SystemName};
use selvage_model::operation::OperationId;
use selvage_model::overview::{CallsRow, Health, OperationRow, ParkedRow};
use selvage_model::problem::{FieldError, Problem};
use selvage_model::publication::{Publication, Published};
use selvage_store::{Store, StoreError};
use serde_json::Value;
use tokio::runtime::Handle;
use tokio::sync::Notify;

use crate::capture::{self, CaptureTask, Captures};
use crate::fabric::{Active, Surroundings};
use crate::heard::{self, Heard};
use crate::lane::Lanes;
use crate::rehearsal::{Rehearsal, Trial};
use crate::resolve::EngineTask;
use crate::shared::Shared;
use crate::{answer, answered, arrival, figures, intake, operation, parking, read, rehearsal, resolve, trace, write};

/// What the engine needs to know.
#[derive(Clone)]
pub struct EngineConfig {
    /// The environment it runs in.
    pub environment: EnvironmentName,
    /// The name of this node, unlike that of any other on the same store.
    pub node: String,
    /// How long a claim holds without being extended: how long a dead node's work lies still.
    pub lease: Duration,
    /// How long a key is remembered after its operation has ended.
    pub key_lifetime: Duration,
    /// Secrets by name.
    pub secrets: BTreeMap<SecretName, String>,
}

/// Why an engine cannot be made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EngineError {
    /// A lease shorter than its own heartbeat needs.
    #[error("a lease of {0:?} is too short: give it at least half a second")]
    Lease(Duration),
    /// A key must outlive the lease of its claim.
    #[error("keys are kept for {0:?}, which is not longer than the lease")]
    KeyLifetime(Duration),
    /// A node without a name.
    #[error("the node has no name")]
    Node,
    /// It was made outside the runtime on which its work is to run.
    #[error("the engine must be made within a tokio runtime")]
    Runtime,
}

impl EngineConfig {
    /// Checks the configuration; connects to nothing.
    ///
    /// # Errors
    /// [`EngineError`].
    pub fn validate(&self) -> Result<(), EngineError> {
        if self.node.trim().is_empty() {
            return Err(EngineError::Node);
        }
        if self.lease < Duration::from_millis(500) {
            return Err(EngineError::Lease(self.lease));
        }
        if self.key_lifetime <= self.lease {
            return Err(EngineError::KeyLifetime(self.key_lifetime));
        }
        Ok(())
    }
}

/// A handle on the engine; clones share it.
#[derive(Clone)]
pub struct Engine {
    shared: Arc<Shared>,
}

impl Engine {
    /// An engine on this store that serves nothing yet, and touches nothing there of other environments. Its work runs on the runtime that this is called in.
    ///
    /// # Errors
    /// [`EngineError`].
    pub fn new(mut config: EngineConfig, store: &Store) -> Result<Self, EngineError> {
        config.validate()?;
        let runtime = Handle::try_current().map_err(|_| EngineError::Runtime)?;
        let secrets = Mutex::new(std::mem::take(&mut config.secrets));
        let store = store.in_environment(&config.environment);
        let shared = Shared {
            config,
            store,
            runtime,
            active: ArcSwap::from_pointee(Active::nothing()),
            lanes: Lanes::default(),
            log: OnceLock::new(),
            governors: Governors::default(),
            secrets,
            captures: Captures::default(),
            heard: Heard::default(),
            due: Notify::new(),
        };
        Ok(Self { shared: Arc::new(shared) })
    }

    /// Serves this fabric from now on. Compiled before it is swapped in whole; requests under way keep the one they
    /// began with, and connections whose settings stay the same are kept.
    ///
    /// # Errors
    /// Everything that is missing to serve it; what was active stays active.
    pub fn activate(&self, fabric: Arc<Fabric>) -> Result<(), Vec<Finding>> {
        let secrets = self.shared.secrets();
        self.swap((fabric, None), &secrets)
    }

    /// The same of a release, which the events name that are made under it.
    ///
    /// # Errors
    /// Those of [`Self::activate`].
    pub fn activate_release(&self, fabric: Arc<Fabric>, release: &str) -> Result<(), Vec<Finding>> {
        let secrets = self.shared.secrets();
        self.swap((fabric, Some(release.into())), &secrets)
    }

    /// Uses these secrets from now on, for the fabric that is active and those that follow. Whether they are others than
    /// before; connections whose own stay the same are kept.
    ///
    /// # Errors
    /// The secrets that are named and not among these; the ones before go on.
    pub fn take_secrets(&self, secrets: BTreeMap<SecretName, String>) -> Result<bool, Vec<Finding>> {
        let mut known = self.shared.secrets();
        if *known == secrets {
            return Ok(false);
        }
        let active = self.shared.active();
        self.swap((Arc::clone(&active.fabric), active.release.clone()), &secrets)?;
        *known = secrets;
        Ok(true)
    }

    fn swap(
        &self,
        (fabric, release): (Arc<Fabric>, Option<Arc<str>>),
        secrets: &BTreeMap<SecretName, String>,
    ) -> Result<(), Vec<Finding>> {
        let before = self.shared.active();
        let surroundings = Surroundings {
            environment: &self.shared.config.environment,
            secrets,
            before: &before,
            release,
            governors: &self.shared.governors,
        };
        let active = Active::compile(fabric, &surroundings)?;
        for connection in active.connections().filter(|connection| connection.health() == Health::Unknown) {
            let connection = Arc::clone(connection);
            self.shared.runtime.spawn(async move { connection.ping().await });
        }
        let active = Arc::new(active);
        self.shared.active.store(Arc::clone(&active));
        // A comparison that began before this was of what was needed then.
        active.connections().for_each(|connection| connection.checking.doubt());
        Ok(())
    }

    /// Starts what runs by itself: finding out unknown outcomes, taking over dead nodes' work, forgetting old keys,
    /// asking systems how they are.
    pub fn run(&self) -> EngineTask {
        resolve::run(&self.shared)
    }

    /// Starts what captures changes of systems: what it tells goes into this log.
    pub fn run_captures(&self, log: Arc<dyn EventLog>) -> CaptureTask {
        capture::run(&self.shared, log)
    }

    /// A hint that a system's record may have changed: where it is captured, it is read now. Whether it is.
    ///
    /// # Errors
    /// Where the hint could not be kept: what changed is found by the next look.
    pub async fn hint(&self, system: &SystemName, record: &str, id: i64) -> Result<bool, StoreError> {
        let captures = self.shared.store.hint_capture(system, record, id).await?;
        self.shared.captures.hinted.notify_waiters();
        Ok(captures > 0)
    }

    /// Does what a request asks for. The caller may stop waiting: a write goes on.
    pub async fn execute(&self, request: MediatedRequest) -> MediatedAnswer {
        let masks = (!request.scope.masked.is_empty()).then(|| request.scope.clone());
        let answer = if request.operation.writes() {
            let (interface, operation, scope) = (request.interface.clone(), request.operation, request.scope.clone());
            let answer = write::execute(&self.shared, request).await;
            answered::compared(&self.shared.active(), (&interface, operation, &scope), answer)
        } else {
            read::execute(&self.shared, request).await
        };
        match masks {
            Some(scope) => answer::veiled(&scope, answer),
            None => answer,
        }
    }

    /// Keeps events in this log from now on. It is told once.
    pub fn keep_events_in(&self, log: Arc<dyn EventLog>) {
        if self.shared.log.set(log).is_err() {
            tracing::warn!("the engine keeps events in the log that it was told first");
        }
    }

    /// The log that events are kept in, once it was told.
    pub fn events(&self) -> Option<Arc<dyn EventLog>> {
        self.shared.log.get().map(Arc::clone)
    }

    /// Keeps events that somebody publishes. The caller may stop waiting: what has begun goes on.
    pub async fn publish(&self, publication: Publication) -> Published {
        let active = self.shared.active();
        intake::publish(&active, self.shared.log.get(), publication).await
    }

    /// What of an event that is handed out does not fit the contract of its interface, and what the interface says about that: nothing is
    /// looked for where it says so. Of a type that the interface does not have, nothing is known. Words hold no value that has a class.
    /// The class is that of what does not fit.
    pub fn off_contract(&self, interface: &InterfaceRef, event: &CloudEvent) -> (Check, Vec<FieldError>, Cause) {
        let (active, unlooked) = (self.shared.active(), (Check::Off, Vec::new(), Cause::Contract));
        let Some(declared) = active.fabric.interfaces.get(interface) else { return unlooked };
        let check = declared.validation.response;
        let InterfaceBody::Event(body) = &declared.body else { return unlooked };
        let kind = body.events.iter().find(|kind| kind.name.value == event.kind);
        let Some(kind) = kind.filter(|_| check != Check::Off) else { return unlooked };
        let (errors, cause) = intake::off_contract(&active, kind, event);
        (check, errors, cause)
    }

    /// Takes a call of a webhook that was proven to be its sender's.
    pub async fn call(&self, call: WebhookCall) -> Arrival {
        let active = self.shared.active();
        let arrival = arrival::take(&active, &self.shared.store, self.shared.log.get(), call).await;
        if let Arrival::Hinted(hint) = &arrival {
            heard::hear(&self.shared, hint.clone());
        }
        arrival
    }

    /// Tries the mapping of what an interface serves on real records: see [`Rehearsal`].
    ///
    /// # Errors
    /// The problem that a list would be answered with.
    pub async fn rehearse(&self, interface: &InterfaceRef, trial: &Trial) -> Result<Rehearsal, Problem> {
        rehearsal::run(&self.shared, interface, trial).await
    }

    /// One record through its mapping, attribute by attribute, as no grant has narrowed it: for operators.
    ///
    /// # Errors
    /// Why there is no such record, or that the system did not answer in time.
    pub async fn trace(&self, interface: &InterfaceRef, key: &str, patience: Duration) -> Result<Vec<Step>, Problem> {
        let late = || Problem::new(504, code::SYSTEM_LATE, "the system did not answer in time");
        tokio::time::timeout(patience, trace::trace(&self.shared, interface, key)).await.unwrap_or_else(|_| Err(late()))
    }

    /// The body of `GET /operations/{id}`; `None` where this consumer has no such operation. Its answer is shown as the grant
    /// covered it when it was given: see [`Self::operation_within`].
    pub async fn operation(&self, consumer: &ConsumerName, id: &OperationId) -> Option<Value> {
        operation::show(&self.shared, consumer, id, |_| Some(Scope::default())).await
    }

    /// The same within what the consumer's grant of the operation's interface covers now. Where it covers nothing any more
    /// (`None`), or not the operation's record, `answer` is `null`.
    pub async fn operation_within(
        &self,
        consumer: &ConsumerName,
        id: &OperationId,
        covered: impl FnOnce(&InterfaceRef) -> Option<Scope> + Send,
    ) -> Option<Value> {
        operation::show(&self.shared, consumer, id, covered).await
    }

    /// How each system is, by what was last heard from it.
    pub fn systems(&self) -> Vec<(SystemName, Health)> {
        let mut systems: BTreeMap<SystemName, Health> = BTreeMap::new();
        for connection in self.shared.active().connections() {
            let health = connection.health();
            let known = systems.entry(connection.system().clone()).or_insert(Health::Unknown);
            // One account that does not get through is worth knowing, even where another does; of those that do, the one
            // with more to tell.
            let more = match (&health, &*known) {
                (Health::Down(_), _) | (_, Health::Unknown) => true,
                (Health::Up(this), Health::Up(other)) => this.len() > other.len(),
                _ => false,
            };
            if more {
                *known = health;
            }
        }
        systems.into_iter().collect()
    }

    /// How much each system is asked now, over its databases.
    pub fn calls(&self) -> BTreeMap<SystemName, CallsRow> {
        let mut systems: BTreeMap<SystemName, CallsRow> = BTreeMap::new();
        for (database, governor) in self.shared.governors.all() {
            let report = governor.report();
            let row = systems.entry(database.system).or_default();
            row.limit += report.limit;
            row.declared += usize::try_from(report.bounds.concurrency).unwrap_or(usize::MAX);
            row.under_way += report.priorities.iter().map(|priority| priority.under_way).sum::<usize>();
            row.waiting += report.priorities.iter().map(|priority| priority.waiting).sum::<usize>();
        }
        systems
    }

    /// What is counted of the calls that are made of systems, and what is parked, in Prometheus' text format.
    pub fn figures(&self) -> String {
        let mut text = figures::of(&self.shared.governors);
        text.push_str(&parking::figures(&self.shared.active()));
        text.push_str(&capture::figures(&self.shared.captures));
        text
    }

    /// Operations that are parked because their system lacks what they need.
    pub fn parked(&self) -> Vec<ParkedRow> {
        parking::rows(&self.shared.active())
    }

    /// Operations without an outcome, oldest first.
    pub async fn unresolved(&self) -> Vec<OperationRow> {
        operation::unresolved(&self.shared).await
    }
}

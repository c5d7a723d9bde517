//! What a trial of deliveries stands on: a store, a log and a receiver of its own, with the grants and subscriptions of the release. All of
//! it ends with the trial.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use selvage_control::desk::Tried;
use selvage_delivery::send::{Sender, SigningKey};
use selvage_delivery::{AddressPolicy, DeliveryConfig, EndpointTls, Figures, Granted, Job, Rations, Signing};
use selvage_engine::{Engine, EngineConfig};
use selvage_factory::receiver::{Got, Receiver};
use selvage_log::{EventLog, ReadLimit, SqlLog};
use selvage_model::access::LiveGrant;
use selvage_model::cloud_event::CloudEvent;
use selvage_model::event::Position;
use selvage_model::exchange::Scope;
use selvage_model::fabric::Fabric;
use selvage_model::manifest::consumer::Subscription;
use selvage_model::manifest::event::EventInterface;
use selvage_model::manifest::system::SecretName;
use selvage_model::name::{ConsumerName, DomainName, EnvironmentName, InterfaceRef};
use selvage_model::publication::{Publication, Published};
use selvage_model::subscription::LiveSubscription;
use selvage_store::{AskedSubscription, Store, SubscriptionStep};
use sha2::{Digest as _, Sha256};
use tempfile::TempDir;

use super::events::{Made, Unmade, made};
use super::judged::{Expected, Logged};
use super::mishaps::{TIMEOUT, conducting};
use crate::looking::answers::Answers;
use crate::node::deliveries::job_of;
use crate::node::handed::HandedOut;

/// So many subscriptions are tried; of more, those that come first.
const MOST_SUBSCRIPTIONS: usize = 200;
/// So many different rows of grants on one interface are tried.
const MOST_ROWS: usize = 8;
/// Who does it.
const NODE: &str = "trial";
const LEASE: Duration = Duration::from_secs(10);
const AT_ONCE: ReadLimit = ReadLimit { records: 500, bytes: 4_000_000 };

pub(super) struct Stage {
    pub(super) store: Store,
    pub(super) receiver: Receiver,
    pub(super) figures: Figures,
    fabric: Arc<Fabric>,
    environment: EnvironmentName,
    /// The domain whose release is on its way.
    domain: DomainName,
    engine: Engine,
    log: Arc<dyn EventLog>,
    /// What is in the log, by its stream.
    logged: BTreeMap<InterfaceRef, Vec<Logged>>,
    _directory: TempDir,
}

/// A subscription on trial.
pub(super) struct Subscribed {
    pub(super) job: Job,
    /// Where the receiver gets it.
    pub(super) path: String,
    keys: Vec<SigningKey>,
}

impl Subscribed {
    fn expected(&self) -> Expected<'_> {
        let terms = &self.job.subscription.terms;
        let in_lanes = terms.deliver.as_ref().is_none_or(|deliver| deliver.in_lanes);
        Expected { kinds: &terms.events, scope: &self.job.scope, in_lanes, keys: &self.keys }
    }

    /// How many events have not been taken yet.
    pub(super) fn missing(&self, stage: &Stage, got: &[Got]) -> usize {
        let got: Vec<&Got> = got.iter().filter(|got| got.path == self.path).collect();
        self.expected().missing(stage.logged(&self.job), &got)
    }

    /// What does not hold of it.
    pub(super) fn complaints(&self, stage: &Stage, got: &[&Got]) -> Vec<String> {
        let interface = &self.job.subscription.interface;
        let misfits = |event: &CloudEvent| stage.engine.off_contract(interface, event).1;
        self.expected().complaints(stage.logged(&self.job), got, &misfits)
    }
}

impl Stage {
    /// Builds it; nothing runs yet.
    pub(super) async fn build(
        fabric: Fabric,
        (environment, domain): (EnvironmentName, DomainName),
    ) -> anyhow::Result<Self> {
        let directory = TempDir::with_prefix("selvage-deliveries-")?;
        let store = Store::open(&format!("sqlite:{}", file(directory.path()))).await?;
        let log: Arc<dyn EventLog> = Arc::new(SqlLog::new(store.clone(), None)?);
        let config = EngineConfig {
            environment: environment.clone(),
            node: NODE.to_owned(),
            lease: LEASE,
            key_lifetime: LEASE * 2,
            secrets: BTreeMap::new(),
        };
        let engine = Engine::new(config, &store)?;
        let fabric = Arc::new(fabric);
        engine.activate(Arc::clone(&fabric)).map_err(|findings| crate::node::release::as_error(&findings))?;
        engine.keep_events_in(Arc::clone(&log));
        Ok(Self {
            store,
            receiver: Receiver::closed(conducting())?,
            figures: Figures::default(),
            fabric,
            environment,
            domain,
            engine,
            log,
            logged: BTreeMap::new(),
            _directory: directory,
        })
    }

    /// What delivers, as in a node.
    pub(super) fn delivery(&self) -> DeliveryConfig {
        DeliveryConfig {
            node: NODE.to_owned(),
            lease: LEASE,
            store: self.store.clone(),
            log: Arc::clone(&self.log),
            sending: Sender::new(Arc::new(|name: &SecretName| Some(secret(name)))).sending(),
            holding: HandedOut::new(self.engine.clone()).holding(),
            rations: Rations::default(),
            figures: self.figures.clone(),
            // What fails comes back as soon as it may.
            chance: || 0.0,
        }
    }

    fn answers(&self) -> Answers<'_> {
        Answers { fabric: &self.fabric, domain: &self.domain }
    }

    /// Whether the release answers for this subscription.
    pub(super) fn answers_for(&self, subscribed: &Subscribed) -> bool {
        self.answers_for_live(&subscribed.job.subscription)
    }

    fn answers_for_live(&self, live: &LiveSubscription) -> bool {
        self.declared(live).is_none_or(|it| self.answers().for_subscription(it))
    }

    fn declared(&self, live: &LiveSubscription) -> Option<&Subscription> {
        let same =
            |it: &&Subscription| it.consumer.value == live.consumer && it.known_as().as_ref() == Some(&live.name);
        self.fabric.subscriptions.iter().find(same)
    }

    /// Asks for what the manifests ask for, and says what can be tried of it.
    pub(super) async fn subscribe(&self, tried: &mut Tried) -> anyhow::Result<Vec<Subscribed>> {
        let grants = &self.fabric.grants;
        let grants = grants.iter().map(|it| (it.consumer.value.clone(), it.interface.value.clone(), it.terms()));
        self.store.apply_manifest_grants(&grants.collect::<Vec<_>>(), NODE).await?;
        let mut delivered: Vec<&Subscription> =
            self.fabric.subscriptions.iter().filter(|it| it.deliver.is_some()).collect();
        // What there is no room for is of others.
        delivered.sort_by_key(|it| !self.answers().for_subscription(it));
        let mut asked: Vec<AskedSubscription> = Vec::new();
        for it in delivered {
            let Some(name) = it.known_as() else { continue };
            let (consumer, interface) = (it.consumer.value.clone(), it.interface.value.clone());
            let mut terms = it.terms(&self.fabric);
            terms.until = None;
            asked.push(AskedSubscription { consumer, name, interface, terms });
        }
        let beyond = asked.len().saturating_sub(MOST_SUBSCRIPTIONS);
        if beyond > 0 {
            tried.skipped.push(format!("{beyond} subscriptions: {MOST_SUBSCRIPTIONS} are tried at a time"));
        }
        asked.truncate(MOST_SUBSCRIPTIONS);
        for label in self.store.apply_manifest_subscriptions(&asked, true, NODE).await?.ungranted {
            tried.skipped.push(format!("{label}: no grant of the release lets it have these events"));
        }
        self.jobs(tried).await
    }

    async fn jobs(&self, tried: &mut Tried) -> anyhow::Result<Vec<Subscribed>> {
        let (access, now) = (self.store.access_state().await?, Timestamp::now());
        let mut subscribed = Vec::new();
        for (number, it) in access.subscriptions.iter().enumerate() {
            let right = |grant: &&LiveGrant| {
                grant.consumer == it.consumer && grant.interface == it.interface && grant.is_subscription_right(now)
            };
            let Some(grant) = access.grants.iter().find(right) else { continue };
            match self.job(number, it, grant) {
                Ok(Some(job)) => {
                    self.store.step_subscription(&it.id, SubscriptionStep::Probed, NODE, "it is a trial").await?;
                    subscribed.push(job);
                }
                Ok(None) => {
                    let environment = &self.environment;
                    tried.skipped.push(format!("{}: its system has no address in `{environment}`", it.label()));
                }
                Err(because) => tried.fail(self.answers_for_live(it), format!("{}: {because}", it.label())),
            }
        }
        Ok(subscribed)
    }

    /// What is delivered, with the simulated receiver in its system's place; none where the system has none here.
    fn job(&self, number: usize, it: &LiveSubscription, grant: &LiveGrant) -> Result<Option<Subscribed>, String> {
        let Some(deliver) = &it.terms.deliver else { return Ok(None) };
        let here = self.fabric.systems.get(&deliver.system).and_then(|system| system.environment(&self.environment));
        if here.is_none_or(|here| here.url.is_none()) {
            return Ok(None);
        }
        let mut job =
            job_of(&self.fabric, &self.environment, (it, grant), deliver, |_| true).map_err(|waits| waits.because)?;
        let path = format!("/{number}");
        job.calendar = selvage_delivery::Calendar::default();
        job.granted = Granted::default();
        job.endpoint.url = format!("{}{path}", self.receiver.url());
        job.endpoint.addresses = AddressPolicy { granted: vec!["127.0.0.0/8".parse().map_err(|_| "no network")?] };
        job.endpoint.tls = EndpointTls::default();
        (job.endpoint.limits.rate, job.endpoint.limits.timeout) = (None, TIMEOUT);
        let keys = match &job.endpoint.signing {
            Signing::None => Ok(Vec::new()),
            Signing::StandardWebhooks(names) => names.iter().map(|name| SigningKey::read(&secret(name))).collect(),
        };
        Ok(Some(Subscribed { job, path, keys: keys.map_err(|error| error.to_string())? }))
    }

    /// Publishes events for every subscription, through the door that producers use.
    pub(super) async fn publish(&mut self, subscribed: &[Subscribed], tried: &mut Tried) -> anyhow::Result<()> {
        let mut interfaces: Vec<&Job> = Vec::new();
        for it in subscribed {
            if !interfaces.iter().any(|job| job.subscription.interface == it.job.subscription.interface) {
                interfaces.push(&it.job);
            }
        }
        for job in interfaces {
            let reference = &job.subscription.interface;
            self.log.open(reference).await?;
            let mut rows = vec![Vec::new()];
            for it in subscribed.iter().filter(|it| &it.job.subscription.interface == reference) {
                if !rows.contains(&it.job.scope.rows) && rows.len() < MOST_ROWS {
                    rows.push(it.job.scope.rows.clone());
                }
            }
            for (mark, rows) in rows.iter().enumerate() {
                let made = self.make(reference, &job.interface, (rows, mark));
                let is_its_own = self.answers().for_reference(reference);
                told(reference, made.not, is_its_own, tried);
                if let Err(because) = self.keep(reference, made.events).await {
                    tried.fail(is_its_own, format!("{reference}: its events are refused: {because}"));
                }
            }
            let logged = self.read(reference).await?;
            self.logged.insert(reference.clone(), logged);
        }
        for it in subscribed.iter().filter(|it| !self.logged(&it.job).iter().any(|logged| it.expected().has(logged))) {
            let says = format!("{}: none of the events that there are is for it", it.job.endpoint.name);
            tried.fail(self.answers_for(it), says);
        }
        Ok(())
    }

    fn make(&self, reference: &InterfaceRef, declared: &EventInterface, rows: (&super::events::Rows, usize)) -> Made {
        let misfits = |event: &CloudEvent| self.engine.off_contract(reference, event).1;
        made(&self.fabric, declared, rows, &misfits)
    }

    async fn keep(&self, interface: &InterfaceRef, events: Vec<CloudEvent>) -> Result<(), String> {
        let publication = Publication {
            interface: interface.clone(),
            consumer: ConsumerName::of_selvage(),
            scope: Scope::default(),
            events,
            is_batch: true,
            release: NODE.to_owned(),
            correlation: NODE.to_owned(),
            patience: LEASE,
        };
        match self.engine.publish(publication).await {
            Published::Kept { .. } => Ok(()),
            Published::Refused(problem) => {
                let first = problem.errors.first();
                let first = first.map(|first| format!(": {} {}", first.pointer, first.detail)).unwrap_or_default();
                Err(format!("{} {}{first}", problem.code, problem.detail))
            }
        }
    }

    async fn read(&self, stream: &InterfaceRef) -> anyhow::Result<Vec<Logged>> {
        let (mut logged, mut after) = (Vec::new(), Position::START);
        loop {
            let batch = self.log.read(stream, after, AT_ONCE).await?;
            let Some(last) = batch.records.last() else { return Ok(logged) };
            after = last.position;
            for record in batch.records {
                let event = CloudEvent::from_record(&record.body);
                let event = event.map_err(|_| anyhow::anyhow!("the log holds what is no event"))?;
                logged.push(Logged { lane: record.lane.as_str().to_owned(), event });
            }
        }
    }

    /// What is in the log of what a job delivers.
    fn logged(&self, job: &Job) -> &[Logged] {
        self.logged.get(&job.subscription.interface).map(Vec::as_slice).unwrap_or_default()
    }

    /// Ends what runs.
    pub(super) async fn end(self) {
        self.log.end().await;
        self.store.close().await;
    }
}

fn file(directory: &Path) -> String {
    directory.join("selvage.db").display().to_string()
}

/// A secret of the trial's own for each that is named. INVARIANT: SECRET-FREE: no real one is asked for.
fn secret(name: &SecretName) -> String {
    format!("whsec_{}", STANDARD.encode(Sha256::digest(name.0.as_bytes())))
}

/// Says of which types there are no events, each once.
fn told(reference: &InterfaceRef, not: BTreeMap<String, Unmade>, is_its_own: bool, tried: &mut Tried) {
    for unmade in not.into_values() {
        let (list, because) = match unmade {
            Unmade::Failed(because) if is_its_own => (&mut tried.failed, because),
            Unmade::Failed(because) => (&mut tried.elsewhere, because),
            Unmade::Skipped(because) => (&mut tried.skipped, because),
        };
        let line = format!("{reference}: {because}");
        if !list.contains(&line) {
            list.push(line);
        }
    }
}

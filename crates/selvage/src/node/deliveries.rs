//! Deliveries of a node: which subscriptions of the access state it delivers, to which endpoints, and on which terms. Subscriptions
//! without a right are ended, approved ones are probed, and every node takes its share. What is sent when, the lanes decide.

mod endpoint;
mod late;
mod rations;
mod replay;
mod share;

pub(super) use endpoint::endpoint as endpoint_of;
pub(crate) use endpoint::of as job_of;

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use selvage_delivery::send::{Sender, probe};
use selvage_delivery::{DeliveryConfig, Figures, Holding, Job, Keeper, Sent};
use selvage_log::EventLog;
use selvage_model::access::{Blocked, LiveGrant};
use selvage_model::announce;
use selvage_model::code;
use selvage_model::manifest::interface::Lifecycle;
use selvage_model::manifest::system::SecretName;
use selvage_model::name::{ConsumerName, EnvironmentName, InterfaceRef};
use selvage_model::subscription::{LiveSubscription, ReplayTerms, SubscriptionState, Waiting, WaitsFor};
use selvage_store::{Store, StoreError, SubscriptionStep};
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;
use tokio::time::Instant;
use uuid::Uuid;

use super::release::{Active, Current};
use super::rotation::Secrets;
use late::Measure;
use rations::Settling;
use replay::Course;
use share::Share;

/// How often it is looked what is to be delivered.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// How long a node holds a subscription without a sign of life.
const LEASE: Duration = Duration::from_secs(10);
/// How often what is old is forgotten.
const FORGET_EVERY: Duration = Duration::from_secs(3_600);
/// What probes met is noted of so many at a time.
const NOTE_AT_ONCE: usize = 4;
/// The longest pause between two probes.
const LONGEST_PAUSE: Duration = Duration::from_secs(300);

/// Where deliveries are done.
pub(crate) struct Here {
    /// The environment.
    pub(crate) environment: EnvironmentName,
    /// This node.
    pub(crate) node: String,
    /// What holds events to their contract.
    pub(crate) holding: Holding,
    /// What is counted.
    pub(crate) figures: Figures,
}

impl Here {
    /// This node in this environment.
    pub(crate) fn of(environment: &EnvironmentName, node: &str, holding: Holding, figures: &Figures) -> Self {
        Self { environment: environment.clone(), node: node.to_owned(), holding, figures: figures.clone() }
    }
}

/// The deliveries of a node.
pub(crate) struct Delivering {
    keeper: Arc<Keeper>,
    following: JoinHandle<()>,
    measuring: JoinHandle<()>,
    settling: Settling,
}

impl Delivering {
    /// Begins to deliver what the access state says.
    pub(crate) fn start(
        store: &Store,
        log: Arc<dyn EventLog>,
        current: &Arc<Current>,
        secrets: &Secrets,
        here: Here,
    ) -> Self {
        let known = secrets.clone();
        let share = Share { store: store.clone(), environment: here.environment, node: here.node.clone() };
        let measuring = tokio::spawn(Measure::new(share.clone(), Arc::clone(&log), here.figures.clone()).run());
        let (rations, settling) = Settling::start(store, &here.node);
        let sender = Sender::new(Arc::new(move |name: &SecretName| known.get(name)));
        let keeper = Arc::new(Keeper::new(DeliveryConfig {
            node: here.node.clone(),
            lease: LEASE,
            store: store.clone(),
            log,
            sending: sender.sending(),
            holding: here.holding,
            rations,
            figures: here.figures.clone(),
            chance,
        }));
        let parts = Parts {
            store: store.clone(),
            current: Arc::clone(current),
            secrets: secrets.clone(),
            node: here.node,
            share,
            figures: here.figures,
        };
        let places = Arc::new(Semaphore::new(NOTE_AT_ONCE));
        let follower = Follower {
            parts,
            keeper: Arc::clone(&keeper),
            sender,
            probes: HashMap::new(),
            places,
            complaints: HashMap::new(),
            unsent: BTreeMap::new(),
            noted: HashMap::new(),
        };
        Self { keeper, following: tokio::spawn(follower.follow()), measuring, settling }
    }

    /// Finishes what is under way and ends.
    pub(crate) async fn end(self) {
        self.measuring.abort();
        self.following.abort();
        let _ = self.following.await;
        self.keeper.end().await;
        self.settling.end().await;
    }
}

/// From 0 to 1.
fn chance() -> f64 {
    let random = Uuid::new_v4().as_u64_pair().0 >> 11;
    random as f64 / (1_u64 << 53) as f64
}

struct Parts {
    store: Store,
    current: Arc<Current>,
    secrets: Secrets,
    node: String,
    share: Share,
    figures: Figures,
}

struct Follower {
    parts: Parts,
    keeper: Arc<Keeper>,
    sender: Sender,
    probes: HashMap<String, Probing>,
    /// Of what is noted of probes: a thousand endpoints at once would keep everybody else from the store.
    places: Arc<Semaphore>,
    /// What was said of those that cannot be sent anything, and when, by their ids.
    complaints: HashMap<String, (Waiting, Instant)>,
    /// Those of this node that cannot be sent anything, and why, by `consumer/name`.
    unsent: BTreeMap<String, Waiting>,
    /// What the store was told last of why those of this node wait, by their ids.
    noted: HashMap<String, Option<Waiting>>,
}

/// When a subscription is probed next, and how often it was in vain.
struct Probing {
    /// Since when it is to be probed: who resumes it begins anew.
    since: Timestamp,
    at: Instant,
    in_vain: u32,
    task: Option<JoinHandle<bool>>,
}

impl Follower {
    async fn follow(mut self) {
        let mut looks = tokio::time::interval(LOOK_EVERY);
        looks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut forgot = Instant::now();
        loop {
            looks.tick().await;
            if let Err(error) = self.look().await {
                tracing::warn!("{}: it is looked again what is to be delivered: {error}", error.code());
            }
            if forgot.elapsed() >= FORGET_EVERY {
                forgot = Instant::now();
                if let Err(error) = self.parts.store.forget_old_attempts().await {
                    tracing::warn!("{}: old attempts are forgotten later: {error}", error.code());
                }
            }
        }
    }

    async fn look(&mut self) -> Result<(), StoreError> {
        let (active, now) = (self.parts.current.active(), Timestamp::now());
        let alive: Vec<&LiveSubscription> =
            active.access.subscriptions.iter().filter(|it| it.state != SubscriptionState::Ended).collect();
        let environment = self.parts.share.environment.clone();
        let rights = if alive.is_empty() { Rights::new() } else { rights(&active, &environment, now) };
        if alive.iter().any(|subscription| is_overdue(&rights, subscription, now)) {
            self.parts.store.end_overdue_subscriptions().await?;
        }
        let (mut jobs, mut mine) = (Vec::new(), Vec::new());
        self.unsent.clear();
        if !alive.is_empty() {
            let nodes = self.parts.share.nodes().await?;
            for subscription in alive {
                let Some(grant) = right(&active, &rights, subscription, now) else { continue };
                if self.parts.share.is_mine(&subscription.id, &nodes) {
                    jobs.extend(self.consider(&active, subscription, grant).await?);
                    mine.push(subscription);
                }
            }
        }
        self.forget_others(&jobs, &mine);
        let some = !jobs.is_empty();
        self.keeper.set(jobs);
        if some {
            self.keeper.acted(&self.parts.store.lane_acts().await?);
        }
        self.parts.figures.unsent(&self.unsent);
        self.note_waiting(&mine).await
    }

    /// Forgets how the endpoints were met that are neither sent to nor probed here now. What a
    /// receiver asked for stays in the store.
    fn forget_others(&self, jobs: &[Job], mine: &[&LiveSubscription]) {
        let probed = mine.iter().filter(|it| it.state == SubscriptionState::Approved).map(|it| it.label());
        let kept: HashSet<String> = jobs.iter().map(|job| job.endpoint.name.clone()).chain(probed).collect();
        self.sender.keep(|name| kept.contains(name));
    }

    /// Tells the store why subscriptions of this node wait, or that they do not, where it was not told so before.
    async fn note_waiting(&mut self, mine: &[&LiveSubscription]) -> Result<(), StoreError> {
        let waiting = self.parts.figures.waiting();
        let stand = mine.iter().map(|it| (it.id.clone(), waiting.get(&it.label()).cloned()));
        let stand: HashMap<String, Option<Waiting>> = stand.collect();
        self.noted.retain(|id, _| stand.contains_key(id));
        let news = stand.into_iter().filter(|(id, waits)| self.noted.get(id) != Some(waits));
        let news: Vec<(String, Option<Waiting>)> = news.collect();
        if !news.is_empty() {
            self.parts.store.note_waiting(&news).await?;
            self.noted.extend(news);
        }
        Ok(())
    }

    /// What is to be done for a subscription: it is delivered, or it is probed, or neither.
    async fn consider(
        &mut self,
        active: &Active,
        subscription: &LiveSubscription,
        grant: &LiveGrant,
    ) -> Result<Option<Job>, StoreError> {
        let repeated = match &subscription.terms.replay {
            None => None,
            Some(terms) => match self.repeated(active, subscription, terms).await? {
                None => return Ok(None),
                on => on,
            },
        };
        let subscription = repeated.as_ref().unwrap_or(subscription);
        let Some(deliver) = &subscription.terms.deliver else {
            // Those of before, which waited for a probe that there is none of.
            if matches!(subscription.state, SubscriptionState::Approved | SubscriptionState::Probed) {
                self.step(subscription, SubscriptionStep::Begun, "it is pulled: there is no endpoint to probe").await?;
            }
            return Ok(None);
        };
        let secret = |name: &SecretName| self.parts.secrets.get(name).is_some();
        let built =
            endpoint::of(&active.release.fabric, &self.parts.share.environment, (subscription, grant), deliver, secret);
        if built.is_ok() {
            self.complaints.remove(&subscription.id);
        }
        match (built, subscription.state) {
            (Err(waits), SubscriptionState::Approved | SubscriptionState::Probed | SubscriptionState::Active) => {
                self.complain(subscription, waits);
                Ok(None)
            }
            (Ok(job), SubscriptionState::Approved) => {
                self.probe(subscription, job.endpoint).await;
                Ok(None)
            }
            (Ok(job), SubscriptionState::Probed | SubscriptionState::Active) => {
                self.probes.remove(&subscription.id);
                Ok(Some(job))
            }
            _ => Ok(None),
        }
    }

    async fn step(&self, it: &LiveSubscription, step: SubscriptionStep, because: &str) -> Result<(), StoreError> {
        self.parts.store.step_subscription(&it.id, step, &self.parts.node, because).await.map(drop)
    }

    /// A replay as it goes on; none where it does not now. One that is asked for is judged first.
    async fn repeated(
        &mut self,
        active: &Active,
        replay: &LiveSubscription,
        terms: &ReplayTerms,
    ) -> Result<Option<LiveSubscription>, StoreError> {
        let most = replay::most(&active.release.fabric, &replay.interface);
        if terms.most != most {
            self.parts.store.note_replay_rate(&replay.id, most).await?;
        }
        if replay.state == SubscriptionState::Requested {
            let (step, because) = match replay::refused(active, replay, terms) {
                Some(because) => (SubscriptionStep::End, because),
                None => (SubscriptionStep::Approve, "the interface lets who asks for it replay its events".to_owned()),
            };
            self.step(replay, step, &because).await?;
            return Ok(None);
        }
        let held = self.parts.store.held_until(terms.sent_as()).await?;
        match replay::course(active, replay, terms, (held, Timestamp::now())) {
            Course::On(replay) => Ok(Some(*replay)),
            Course::Waits(waits) => {
                self.unsent.insert(replay.label(), waits);
                Ok(None)
            }
            Course::Ends(because) => {
                self.step(replay, SubscriptionStep::End, &because).await?;
                Ok(None)
            }
        }
    }

    /// Said once, and again after the longest pause.
    fn complain(&mut self, subscription: &LiveSubscription, waits: Waiting) {
        let (now, label) = (Instant::now(), subscription.label());
        let is_known = |(said, at): &(Waiting, Instant)| *said == waits && now < *at + LONGEST_PAUSE;
        if !self.complaints.get(&subscription.id).is_some_and(is_known) {
            let code = match waits.what {
                WaitsFor::Secret => code::SUBSCRIPTION_SECRET,
                _ => code::SUBSCRIPTION_UNREACHABLE,
            };
            tracing::error!(code = %code, "`{label}` is not delivered: {}", waits.because);
            self.complaints.insert(subscription.id.clone(), (waits.clone(), now));
        }
        self.unsent.insert(label, waits);
    }

    /// Sends a probe where one is due. It waits for no other, and the others not for it.
    async fn probe(&mut self, subscription: &LiveSubscription, endpoint: selvage_delivery::Endpoint) {
        let now = Instant::now();
        let since = subscription.changed;
        if self.probes.get(&subscription.id).is_none_or(|probing| probing.since != since) {
            // What its endpoint asked for before is over: a person lets it go on, or it is another one.
            self.sender.forget(&subscription.label());
            self.probes.insert(subscription.id.clone(), Probing { since, at: now, in_vain: 0, task: None });
        }
        let Some(probing) = self.probes.get_mut(&subscription.id) else { return };
        if let Some(task) = probing.task.take_if(|task| task.is_finished()) {
            if task.await.unwrap_or(false) {
                return;
            }
            let pause = Duration::from_secs(1 << probing.in_vain.min(9)).min(LONGEST_PAUSE);
            (probing.at, probing.in_vain) = (now + pause, probing.in_vain + 1);
        }
        if probing.task.is_some() || now < probing.at {
            return;
        }
        let (sending, store, node) = (self.sender.sending(), self.parts.store.clone(), self.parts.node.clone());
        let (subscription, first) = (subscription.clone(), probing.in_vain == 0);
        let places = Arc::clone(&self.places);
        probing.task = Some(tokio::spawn(async move {
            let label = subscription.label();
            let attempt = sending(Arc::new(endpoint), probe(&label, Timestamp::now())).await;
            let _place = places.acquire().await;
            let met = match attempt.sent {
                Sent::Delivered => {
                    let step = SubscriptionStep::Probed;
                    let because = "its endpoint took a probe";
                    return store.step_subscription(&subscription.id, step, &node, because).await.is_ok();
                }
                Sent::Gone => "the endpoint wants nothing more (410)".to_owned(),
                Sent::NotSent { because, .. }
                | Sent::Again { because, .. }
                | Sent::Refused { because, .. }
                | Sent::Withheld { because } => because,
            };
            if first {
                tracing::error!(code = %code::PROBE_UNTAKEN, "`{label}` waits for its endpoint: {met}");
            }
            let _ = store.note_probe(&subscription.id, &format!("the last probe: {met}")).await;
            false
        }));
    }
}

/// The grants under which events may be sent here, by consumer and interface.
type Rights<'a> = HashMap<(&'a ConsumerName, &'a InterfaceRef), &'a LiveGrant>;

fn rights<'a>(active: &'a Active, environment: &'a EnvironmentName, now: Timestamp) -> Rights<'a> {
    let grants = active.access.grants_in(environment).filter(|grant| grant.is_subscription_right(now));
    grants.map(|grant| ((&grant.consumer, &grant.interface), grant)).collect()
}

/// Whether it should have ended: its time is over, or no grant stands for it.
fn is_overdue(rights: &Rights<'_>, it: &LiveSubscription, now: Timestamp) -> bool {
    !rights.contains_key(&(&it.consumer, &it.interface)) || it.ends_by_time(now)
}

/// Under which grant it is sent now; none where it has ended, its interface is not served or refuses everything for a while, or somebody
/// blocked one of them, so that it waits. INVARIANT: REVOKED-NOW, LIVE-LIFECYCLE
fn right<'a>(active: &Active, rights: &Rights<'a>, it: &LiveSubscription, now: Timestamp) -> Option<&'a LiveGrant> {
    let interface = active.release.fabric.interfaces.get(&it.interface)?;
    let lives = matches!(interface.lifecycle, Lifecycle::Active | Lifecycle::Deprecated(_))
        && announce::brownout(interface, now).is_none();
    let blocked = active.access.blocks.iter().any(|block| match &block.what {
        Blocked::Consumer(consumer) => consumer == &it.consumer,
        Blocked::Interface(interface) => interface == &it.interface,
    });
    let goes = lives && !blocked && !is_overdue(rights, it, now);
    rights.get(&(&it.consumer, &it.interface)).filter(|_| goes).copied()
}

//! The fault tests of deliveries: what a release lets be subscribed to is delivered, by the code that delivers, from a log that is made for
//! it to a simulated receiver that refuses, is late, loses answers, wants nothing more, and does not listen at first. What the receiver got
//! is judged. It speaks to no system of the fabric, and its alarms are nobody's. INVARIANT: NOTHING-LOST, LANE-ORDER

mod events;
mod judged;
mod mishaps;
mod stage;

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use selvage_control::desk::{Tried, Untried};
use selvage_delivery::{Job, Keeper};
use selvage_factory::receiver::Got;
use selvage_model::fabric::Fabric;
use selvage_model::manifest::consumer::Subscription;
use selvage_model::manifest::interface::InterfaceBody;
use selvage_model::name::{DomainName, EnvironmentName};
use selvage_model::subscription::SubscriptionState;
use selvage_store::{StoreError, SubscriptionStep};
use tracing::subscriber::{NoSubscriber, set_default};

use crate::looking::answers::Answers;
use stage::{Stage, Subscribed};

/// How long all of it may take, and how much longer for each subscription.
const PATIENCE: Duration = Duration::from_secs(60);
const PATIENCE_FOR_EACH: Duration = Duration::from_millis(300);
/// How long it is waited for the first to be refused by who does not listen.
const REFUSED_WITHIN: Duration = Duration::from_secs(5);
/// So long nothing comes, and what waits for a person is given up.
const QUIET: Duration = Duration::from_secs(2);
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// Tries every subscription of the fabric that is delivered, those first that the release of this domain answers for.
pub(super) async fn run(fabric: &Fabric, environment: &EnvironmentName, domain: &DomainName) -> Tried {
    if fabric.subscriptions.iter().all(|subscription| subscription.deliver.is_none()) {
        return Tried::default();
    }
    let (fabric, environment, domain) = (events_alone(fabric), environment.clone(), domain.clone());
    let failed = |because: String| Tried { failed: vec![because], ..Tried::default() };
    match tokio::task::spawn_blocking(move || apart(fabric, (environment, domain))).await {
        Ok(Ok(tried)) => tried,
        Ok(Err(error)) => failed(format!("deliveries could not be tried: {error:#}")),
        Err(_) => failed("the trial of deliveries broke off".to_owned()),
    }
}

/// The fabric with nothing that reaches for a system.
fn events_alone(fabric: &Fabric) -> Fabric {
    let mut fabric = fabric.clone();
    fabric.interfaces.retain(|_, interface| matches!(interface.body, InterfaceBody::Event(_)));
    for interface in fabric.interfaces.values_mut() {
        if let InterfaceBody::Event(event) = &mut interface.body {
            (event.capture, event.copy_max_age) = (None, None);
        }
    }
    fabric
}

/// On a thread of its own: what is broken here on purpose is no alarm of this node, and delays nobody.
fn apart(fabric: Fabric, place: (EnvironmentName, DomainName)) -> anyhow::Result<Tried> {
    let _silent = set_default(NoSubscriber::default());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let mut tried = Tried::default();
        let answers = Answers { fabric: &fabric, domain: &place.1 };
        let is_own = |it: &&Subscription| it.deliver.is_some() && answers.subscribes(it);
        let own: Vec<Untried> = fabric.subscriptions.iter().filter(is_own).map(untried).collect();
        (tried.own, tried.untried) = (own.len(), own);
        let mut stage = Stage::build(fabric, place).await?;
        let subscribed = stage.subscribe(&mut tried).await?;
        stage.publish(&subscribed, &mut tried).await?;
        deliver(&mut stage, &subscribed).await?;
        judge(&stage, &subscribed, &mut tried).await?;
        stage.end().await;
        Ok(tried)
    })
}

/// A subscription before it is tried. Whoever may go without waives that on its consumer, or on the interface.
pub(super) fn untried(it: &Subscription) -> Untried {
    let (consumer, interface) = (it.consumer.value.to_string(), it.interface.value.to_string());
    let name = it.known_as().map_or_else(|| interface.clone(), |name| name.to_string());
    let what = format!("{consumer}/{name}");
    Untried { on: vec![what.clone(), consumer, interface], what }
}

/// Delivers until everything has been taken, or what is left will not be.
async fn deliver(stage: &mut Stage, subscribed: &[Subscribed]) -> anyhow::Result<()> {
    let all: Vec<Job> = subscribed.iter().map(|it| it.job.clone()).collect();
    let keeper = Keeper::new(stage.delivery());
    keeper.set(all.clone());
    let begun = Instant::now();
    let refused = |it: &Subscribed| stage.figures.all().get(&it.job.endpoint.name).is_some_and(|it| it.again > 0);
    while begun.elapsed() < REFUSED_WITHIN && !subscribed.iter().all(refused) {
        tokio::time::sleep(LOOK_EVERY).await;
    }
    stage.receiver.open()?;
    let most = PATIENCE + PATIENCE_FOR_EACH * u32::try_from(subscribed.len()).unwrap_or(u32::MAX);
    let (mut seen, mut changed) = (0, Instant::now());
    while begun.elapsed() < most {
        tokio::time::sleep(LOOK_EVERY).await;
        let resumed = resume(stage, subscribed).await?;
        keeper.set(all.iter().filter(|job| !resumed.contains(&job.subscription.id)).cloned().collect());
        let got = stage.receiver.got();
        if got.len() > seen || !resumed.is_empty() {
            (seen, changed) = (got.len(), Instant::now());
        }
        let open = subscribed.iter().filter(|it| it.missing(stage, &got) > 0);
        let open: Vec<&Subscribed> = open.collect();
        if open.is_empty() || (changed.elapsed() >= QUIET && are_given_up(stage, &open).await?) {
            break;
        }
    }
    keeper.end().await;
    Ok(())
}

/// Lets those go on whose receiver said that it wants nothing more, as a person does; which they are.
async fn resume(stage: &Stage, subscribed: &[Subscribed]) -> Result<BTreeSet<String>, StoreError> {
    let mut resumed = BTreeSet::new();
    for it in stage.store.access_state().await?.subscriptions {
        if it.state == SubscriptionState::Suspended && subscribed.iter().any(|known| known.job.subscription.id == it.id)
        {
            for step in [SubscriptionStep::Resume, SubscriptionStep::Probed] {
                stage.store.step_subscription(&it.id, step, "trial", "it is mended").await?;
            }
            resumed.insert(it.id);
        }
    }
    Ok(resumed)
}

/// Whether each of these waits for a person, and for nothing else.
async fn are_given_up(stage: &Stage, open: &[&Subscribed]) -> Result<bool, StoreError> {
    for it in open {
        let lanes = stage.store.parked_lanes(&it.job.subscription.id).await?;
        if lanes.is_empty() || lanes.iter().any(|lane| lane.due.is_some()) {
            return Ok(false);
        }
    }
    Ok(true)
}

async fn judge(stage: &Stage, subscribed: &[Subscribed], tried: &mut Tried) -> anyhow::Result<()> {
    let all = stage.receiver.got();
    for it in subscribed {
        let label = &it.job.endpoint.name;
        let got: Vec<&Got> = all.iter().filter(|got| got.path == it.path).collect();
        let mut complaints = it.complaints(stage, &got);
        let parked = stage.store.parked_lanes(&it.job.subscription.id).await?;
        tried.untried.retain(|untried| &untried.what != label);
        complaints.extend(parked.first().map(|lane| format!("the lane `{}` waits: {}", lane.lane, lane.because)));
        match complaints.is_empty() {
            true => tried.held.push(format!("{label}: deliveries")),
            false => tried.fail(stage.answers_for(it), format!("{label}: {}", complaints.join(", "))),
        }
    }
    Ok(())
}

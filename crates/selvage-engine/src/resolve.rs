//! What runs by itself: writes whose outcome is not known are looked up when their time has come, work of nodes that
//! went silent is taken over, ended keys are forgotten, systems are asked how they are. Never sends what may have been
//! sent before the system's longest transaction has passed.

use std::sync::Arc;
use std::time::{Duration, Instant};

use selvage_model::code;
use selvage_model::operation::OperationState;
use selvage_model::problem::Problem;
use selvage_store::{EffectState, OperationRecord, StoreError};
use tokio::sync::{Semaphore, watch};
use tokio::task::{JoinHandle, JoinSet};

use crate::answer;
use crate::asked::Asked;
use crate::checking;
use crate::deed::Deed;
use crate::drive::{Drive, given_back};
use crate::fabric::Active;
use crate::hold::Hold;
use crate::job::Draft;
use crate::persist::persist;
use crate::reason::{self, Reason};
use crate::shared::Shared;
use crate::state::{Event, Phase, Progress};

const LOOK_EVERY: Duration = Duration::from_millis(500);
const PING_EVERY: Duration = Duration::from_secs(30);
const PURGE_EVERY: Duration = Duration::from_secs(60);
/// Writes that are resolved at a time in one node.
const AT_A_TIME: usize = 16;
/// How long a node that stops waits for what it is resolving.
const LAST_WORK: Duration = Duration::from_secs(5);
/// How long an operation of an interface that the active release does not serve is left alone.
const UNSERVED_FOR: Duration = Duration::from_secs(60);
/// The longest transaction of a system that nobody declares any more.
const LONGEST_UNKNOWN: Duration = Duration::from_secs(900);

/// What an engine runs by itself.
pub struct EngineTask {
    stop: watch::Sender<bool>,
    tasks: Vec<JoinHandle<()>>,
}

impl EngineTask {
    /// Stops taking new work and waits until what is being looked up has been left in a safe place.
    pub async fn shutdown(self) {
        let _ = self.stop.send(true);
        for task in self.tasks {
            let _ = task.await;
        }
    }
}

/// Starts it.
pub(crate) fn run(shared: &Arc<Shared>) -> EngineTask {
    let (stop, stopped) = watch::channel(false);
    let runtime = &shared.runtime;
    let tasks = vec![
        runtime.spawn(resolve(Arc::clone(shared), stopped.clone())),
        runtime.spawn(every(PING_EVERY, stopped.clone(), Arc::clone(shared), ping)),
        runtime.spawn(every(PURGE_EVERY, stopped.clone(), Arc::clone(shared), purge)),
        runtime.spawn(checking::follow(Arc::clone(shared), stopped)),
    ];
    EngineTask { stop, tasks }
}

async fn resolve(shared: Arc<Shared>, mut stopped: watch::Receiver<bool>) {
    let room = Arc::new(Semaphore::new(AT_A_TIME));
    let mut working = JoinSet::new();
    loop {
        let free = u32::try_from(room.available_permits()).unwrap_or_default();
        let since = Instant::now();
        let taken = match free {
            0 => Ok(Vec::new()),
            free => shared.store.take_due(&shared.config.node, shared.config.lease, free).await,
        };
        let taken = taken.unwrap_or_else(|error| {
            tracing::warn!(%error, "due operations not taken");
            Vec::new()
        });
        for record in taken {
            let permit = Arc::clone(&room).acquire_owned().await;
            let shared = Arc::clone(&shared);
            working.spawn(async move {
                let _permit = permit;
                settle(&shared, record, since).await;
            });
        }
        while working.try_join_next().is_some() {}
        tokio::select! {
            _ = stopped.wait_for(|stopped| *stopped) => break,
            () = shared.due.notified() => {}
            () = tokio::time::sleep(LOOK_EVERY) => {}
        }
    }
    // What does not end in time is dropped with its hold: its lease ends, and it is taken over like any other.
    let _ = tokio::time::timeout(LAST_WORK, async { while working.join_next().await.is_some() {} }).await;
}

/// Goes on with one operation that was taken.
async fn settle(shared: &Arc<Shared>, record: OperationRecord, since: Instant) {
    let (operation, epoch) = (record.id.clone(), record.epoch);
    tracing::info!(%operation, state = record.state.as_str(), effects = record.effects.len(), "operation taken");
    let hold = Hold::begin(shared.store.clone(), operation.clone(), epoch, shared.config.lease, since);
    let plan = plan(shared, &record);
    if let Err(error) = admit(shared, &record).await {
        tracing::warn!(%operation, %error, "operation left to its lease");
        return;
    }
    let outcome = match plan {
        Plan::GoOn { draft, deed, progress, event } => {
            let job = draft.job(operation.clone());
            Box::pin(Drive::new(&job, hold, deed, progress).run(event)).await;
            Ok(())
        }
        Plan::Refuse(problem) => {
            let answer = answer::of_problem(&problem, operation.as_str());
            shared.store.refuse(&operation, epoch, &answer).await
        }
        Plan::Later { because, after } => shared.store.unknown(&operation, epoch, after, &because).await,
        Plan::Stop(because) => shared.store.stuck(&operation, epoch, &because).await,
    };
    match outcome {
        Ok(()) | Err(StoreError::Fenced { .. }) => {}
        Err(error) => tracing::warn!(%operation, %error, "operation left to its lease"),
    }
}

/// Whoever recorded an effect may have sent it without coming to say so: from here on it counts as sent.
async fn admit(shared: &Shared, record: &OperationRecord) -> Result<(), StoreError> {
    for effect in record.effects.iter().filter(|effect| effect.state == EffectState::Intended) {
        persist(|| shared.store.sent(&effect.id, record.epoch)).await?;
    }
    Ok(())
}

/// What is to be done about an operation that was taken.
enum Plan {
    GoOn { draft: Box<Draft>, deed: Deed, progress: Progress, event: Event },
    Refuse(Problem),
    Later { because: String, after: Duration },
    Stop(String),
}

fn plan(shared: &Arc<Shared>, record: &OperationRecord) -> Plan {
    let reason = Reason::of(record);
    if let (OperationState::Unknown { .. }, Reason::GivenBack(why)) = (&record.state, &reason) {
        // Nobody asked again for as long as keys are remembered.
        return Plan::Refuse(given_back(&Problem::new(503, code::GIVEN_BACK, why.clone())));
    }
    let Some(asked) = Asked::read(&record.request) else {
        return Plan::Stop(format!("{}: what was asked for cannot be read", code::OUTCOME_UNFOUND));
    };
    let active = shared.active();
    // An operation that a newer release no longer offers is brought to its end all the same.
    let Some(served) = active.served(&record.interface).cloned() else {
        let because = format!("{}: `{}` is not being served", code::NOT_SERVED, record.interface);
        return Plan::Later { because, after: longest(&active, record).max(UNSERVED_FOR) };
    };
    let (event, phase) = standing(record, &reason);
    let deed = match (phase, record.effects.last()) {
        (Phase::Claimed, _) | (_, None) => Some(Deed::new(record.operation, &served)),
        (_, Some(effect)) => Deed::restore(record.operation, &effect.effect),
    };
    let Some(deed) = deed else {
        return Plan::Stop(format!("{}: its effect cannot be read", code::OUTCOME_UNFOUND));
    };
    let probes = match record.state {
        OperationState::Unknown { probes, .. } => probes,
        _ => 0,
    };
    // Each send after the first comes of a look; one that a person wants looked at again begins anew.
    let sends = u32::try_from(record.effects.len()).unwrap_or(u32::MAX).min(probes.saturating_add(1));
    let progress = Progress { phase, proof: deed.proof(), tries: 0, sends, probes };
    let draft = Box::new(Draft { shared: Arc::clone(shared), active, served, kind: record.operation, asked });
    Plan::GoOn { draft, deed, progress, event }
}

/// How long what was sent for an operation may still be running.
fn longest(active: &Active, record: &OperationRecord) -> Duration {
    let systems = record.effects.iter().map(|effect| active.fabric.systems.get(&effect.effect.system));
    let longest = systems.map(|system| system.map_or(LONGEST_UNKNOWN, |system| system.limits.longest_transaction));
    longest.max().unwrap_or_default()
}

/// How far a taken operation is, by what was recorded of it.
fn standing(record: &OperationRecord, reason: &Reason) -> (Event, Phase) {
    // INVARIANT: ONE-EFFECT: whoever held it may have sent it just before it went silent. From now on it is fenced off,
    // so the longest transaction is counted from now.
    if reason::may_be_under_way(record) {
        return (Event::TakenOver, Phase::Doubtful);
    }
    match (&record.state, reason) {
        (OperationState::Unknown { .. }, Reason::AskedAgain) => (Event::Begun, Phase::Claimed),
        (OperationState::Unknown { .. }, _) if !record.effects.is_empty() => (Event::Due, Phase::Doubtful),
        _ => (Event::Begun, Phase::Claimed),
    }
}

async fn every<F>(pause: Duration, mut stopped: watch::Receiver<bool>, shared: Arc<Shared>, work: fn(Arc<Shared>) -> F)
where
    F: Future<Output = ()>,
{
    loop {
        work(Arc::clone(&shared)).await;
        tokio::select! {
            _ = stopped.wait_for(|stopped| *stopped) => break,
            () = tokio::time::sleep(pause) => {}
        }
    }
}

async fn ping(shared: Arc<Shared>) {
    let active = shared.active();
    for connection in active.connections() {
        connection.ping().await;
    }
}

async fn purge(shared: Arc<Shared>) {
    match shared.store.purge_keys(shared.config.key_lifetime).await {
        Ok(0) => {}
        Ok(count) => tracing::info!(count, "ended keys forgotten"),
        Err(error) => tracing::warn!(%error, "ended keys not forgotten"),
    }
}

//! The event log of a node: a stream for each event interface of what runs, opened before anybody uses it, and retention as it is
//! declared. What a stream lost, and who is held back or holds back, is told to operators; it never decides what is done about it.

mod behind;
mod ceiling;
mod pulling;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use selvage_engine::{CaptureTask, Engine};
use selvage_gateway::Gateway;
use selvage_log::{EventLog, JetStreamLog, LogError, SqlLog};
use selvage_model::code;
use selvage_model::fabric::Fabric;
use selvage_model::manifest::event::Retention;
use selvage_model::manifest::interface::InterfaceBody;
use selvage_model::name::{EnvironmentName, InterfaceRef};
use selvage_store::Store;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::Instant;

use super::NodeConfig;
use super::release::Current;
pub(crate) use behind::Behindhand;
use ceiling::Ceiling;
use pulling::Pulling;

/// How often it is looked whether other interfaces run.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// How often what retention does not keep is taken, at the least.
const RETIRE_EVERY: Duration = Duration::from_secs(60);
/// And so often in the time for which events are kept: who is about to lose some is told in the last fifth of it.
const RETIRE_IN_TIME: u32 = 10;

/// How long a node that starts waits until its streams are open, before it says that it is ready without them.
const OPEN_WITHIN: Duration = Duration::from_secs(5);

/// The event log, and who keeps its streams.
pub(crate) struct Events {
    log: Arc<dyn EventLog>,
    /// It was tried to open every stream.
    tried: watch::Receiver<bool>,
    following: JoinHandle<()>,
    captures: Option<CaptureTask>,
}

impl Events {
    /// The log at the broker that was named, or in the store, with its marks in a file apart. A broker that is away is waited for;
    /// until then events are not taken, and everything else is served.
    ///
    /// # Errors
    /// Where the file of marks cannot be used, or a broker that is there.
    pub(crate) async fn start(
        config: &NodeConfig,
        current: &Arc<Current>,
        behind: Arc<Behindhand>,
    ) -> Result<Self, LogError> {
        let store = config.store.clone();
        let log: Arc<dyn EventLog> = match &config.broker {
            Some(broker) => Arc::new(JetStreamLog::start(broker, store).await?),
            None => Arc::new(SqlLog::new(store, config.marks.as_deref())?),
        };
        let (trying, tried) = watch::channel(false);
        let following = Following {
            trying,
            log: Arc::clone(&log),
            store: config.store.clone(),
            environment: config.environment.clone(),
            current: Arc::clone(current),
            behind,
        };
        let following = tokio::spawn(following.run());
        Ok(Self { log, tried, following, captures: None })
    }

    /// The gateway says that it is ready once it was tried to open every stream of what runs: one that is open takes events from the first
    /// request on. One that cannot be opened, as at a broker that is away, holds nothing else up.
    pub(crate) async fn make_ready(&self, gateway: &Gateway) {
        let mut tried = self.tried.clone();
        if tokio::time::timeout(OPEN_WITHIN, tried.wait_for(|tried| *tried)).await.is_err() {
            tracing::warn!("the streams of events are not open yet; everything else is served");
        }
        gateway.ready();
    }

    /// The log.
    pub(crate) fn log(&self) -> Arc<dyn EventLog> {
        Arc::clone(&self.log)
    }

    /// From now on the engine keeps in the log what is published, and what it captures of systems.
    #[must_use]
    pub(crate) fn serving(self, engine: &Engine) -> Self {
        engine.keep_events_in(self.log());
        Self { captures: Some(engine.run_captures(self.log())), ..self }
    }

    /// Finishes what is under way and ends.
    pub(crate) async fn end(self) {
        if let Some(captures) = self.captures {
            captures.shutdown().await;
        }
        self.following.abort();
        self.log.end().await;
    }
}

/// Keeps the streams of whatever release is active.
struct Following {
    trying: watch::Sender<bool>,
    log: Arc<dyn EventLog>,
    store: Store,
    environment: EnvironmentName,
    current: Arc<Current>,
    behind: Arc<Behindhand>,
}

impl Following {
    /// Opens the streams, and keeps their retention, for as long as the node runs.
    async fn run(self) {
        let mut open: BTreeSet<InterfaceRef> = BTreeSet::new();
        let (begun, mut retired): (_, BTreeMap<InterfaceRef, Instant>) = (Instant::now(), BTreeMap::new());
        let (mut streams, mut of) = (Vec::new(), None);
        let mut looks = tokio::time::interval(LOOK_EVERY);
        looks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            looks.tick().await;
            let release = Arc::clone(&self.current.active().release);
            if of.as_ref().is_none_or(|of| !Arc::ptr_eq(of, &release)) {
                streams = streams_of(&release.fabric);
                of = Some(release);
            }
            for (stream, _) in &streams {
                if !open.contains(stream) && open_stream(&*self.log, stream).await {
                    open.insert(stream.clone());
                }
            }
            self.trying.send_replace(true);
            let kept = streams.iter().filter(|(stream, _)| open.contains(stream));
            let mut due: Vec<(&InterfaceRef, Retention)> =
                kept.filter_map(|(stream, retention)| Some((stream, (*retention)?))).collect();
            due.retain(|(stream, retention)| retired.get(*stream).unwrap_or(&begun).elapsed() >= period(*retention));
            if !due.is_empty() {
                retired.extend(due.iter().map(|(stream, _)| ((*stream).clone(), Instant::now())));
                self.retire(due.into_iter()).await;
            }
        }
    }

    /// Takes what retention does not keep, and tells who is behind: those for whom events are kept, and those who lose them.
    async fn retire(&self, streams: impl Iterator<Item = (&InterfaceRef, Retention)>) {
        let active = self.current.active();
        let (log, store, behind) = (&*self.log, &self.store, &*self.behind);
        let pulling = Pulling { log, store, access: &active.access, environment: &self.environment, behind };
        pulling.keep().await;
        for (stream, retention) in streams {
            pulling.judge(stream, retention).await;
            if let Err(error) = retire(&Ceiling { log, store, behind }, stream, retention).await {
                tracing::warn!("{}: retention of `{stream}`: {error}", error.code());
            }
        }
    }
}

/// How often retention of a stream is kept: what is kept for seconds is looked at in time, as often as anything is.
fn period(retention: Retention) -> Duration {
    (retention.time / RETIRE_IN_TIME).clamp(LOOK_EVERY / 2, RETIRE_EVERY)
}

/// The event interfaces of a fabric.
fn streams_of(fabric: &Fabric) -> Vec<(InterfaceRef, Option<Retention>)> {
    let events = fabric.interfaces.iter().filter_map(|(name, interface)| match &interface.body {
        InterfaceBody::Event(event) => Some((name.clone(), event.retention)),
        _ => None,
    });
    events.collect()
}

/// Whether it is open now. INVARIANT: NOTHING-LOST: what it lost is an alarm.
async fn open_stream(log: &dyn EventLog, stream: &InterfaceRef) -> bool {
    match log.open(stream).await {
        Ok(opened) => {
            let Some(gap) = opened.gap else { return true };
            tracing::error!(code = %code::LOG_GAP, "{gap}");
            if let Err(error) = log.told(&gap).await {
                tracing::warn!("{}: the alarm will be raised again: {error}", error.code());
            }
            true
        }
        Err(error) => {
            tracing::error!("{}: the stream `{stream}` cannot be opened: {error}", error.code());
            false
        }
    }
}

/// First what is too old and was read; then what is more than may be kept.
async fn retire(ceiling: &Ceiling<'_>, stream: &InterfaceRef, retention: Retention) -> Result<(), LogError> {
    let by_time = Retention { at_most: None, ..retention };
    let left = loop {
        let retired = ceiling.log.retire(stream, by_time, false).await?;
        if !retired.more {
            ceiling.behind.are(stream, retired.behind);
            break retired.left;
        }
    };
    ceiling.keep(stream, retention, left).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_for_a_short_time_is_looked_at_before_it_is_over() {
        for (kept, expected) in [(0, 500), (3, 500), (20, 2_000), (300, 30_000), (86_400, 60_000)] {
            let retention = Retention { time: Duration::from_secs(kept), at_least: None, at_most: None };
            assert_eq!(period(retention), Duration::from_millis(expected), "{kept}");
        }
    }
}

//! One capture at work in this node: has it by lease, goes through all records once, then follows what changes. Whatever fails is
//! tried again later from what the store has; a system that went back in time stops it until a person says how it goes on.

mod busy;
mod clock;
mod finding;
mod forward;
mod learning;
mod passing;
mod reconcile;
mod retrying;

use std::sync::Arc;
use std::time::{Duration, Instant};

use selvage_log::EventLog;
use selvage_model::code::Code;
use selvage_model::name::InterfaceRef;
use selvage_store::{
    CaptureHold, CapturePause, CaptureStage, CaptureState, HeldCapture, NewCapture, StoreError, TakenCapture,
};
use tokio::sync::{Notify, watch};

use self::clock::not_ahead;
use super::compare::During;
use super::figures;
use super::lookback::{Look, Lookback};
use super::looking::Looking;
use super::watched::Watched;
use super::{Captures, pump};
use crate::shared::Shared;
use crate::trouble::Trouble;

/// Records that are read and compared at once.
const PAGE: usize = 200;
/// How often hints are looked for that other nodes took.
const HINTS_EVERY: Duration = Duration::from_millis(250);
/// How long to wait after something failed.
const AGAIN_AFTER: Duration = Duration::from_secs(1);
/// How often parked records are tried again.
const RETRY_EVERY: Duration = Duration::from_secs(60);

/// Why it stops for now.
enum Halt {
    /// The capture is somebody else's, or was told to begin anew.
    Lost,
    /// The active release captures it otherwise, or not at all.
    Changed,
    /// It stands still until a person speaks.
    Paused(Code, String),
    /// Later, in words.
    Later(String),
}

impl From<StoreError> for Halt {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::CaptureFenced { .. } => Self::Lost,
            error => Self::Later(error.to_string()),
        }
    }
}

/// Works on a capture until it is told to stop.
pub(crate) async fn run(
    shared: Arc<Shared>,
    interface: InterfaceRef,
    log: Arc<dyn EventLog>,
    mut stopped: watch::Receiver<bool>,
) {
    loop {
        let work = async {
            let Some(watched) = shared.active().watched(&interface).cloned() else { return AGAIN_AFTER };
            match take(&shared, &watched).await {
                Ok(TakenCapture::Taken(taken)) => {
                    let worker = Worker::new(&shared, watched, taken);
                    Box::pin(worker.hold(&log)).await;
                    Duration::ZERO
                }
                Ok(TakenCapture::Held { .. }) => shared.config.lease / 4,
                Err(error) => {
                    tracing::warn!(%interface, %error, "capture not taken");
                    AGAIN_AFTER
                }
            }
        };
        let pause = tokio::select! {
            biased;
            () = ended(&mut stopped) => None,
            pause = work => Some(pause),
        };
        let Some(pause) = pause else { return let_go(&shared, &interface).await };
        tokio::select! {
            () = ended(&mut stopped) => return,
            () = tokio::time::sleep(pause) => {}
        }
    }
}

async fn ended(stopped: &mut watch::Receiver<bool>) {
    // A closed channel is an end too.
    let _ = stopped.wait_for(|stopped| *stopped).await;
}

async fn take(shared: &Shared, watched: &Watched) -> Result<TakenCapture, StoreError> {
    let begin = if watched.declared.baseline { CaptureStage::Baseline } else { CaptureStage::Telling };
    let new = NewCapture {
        interface: watched.interface.clone(),
        system: watched.served.connection.system().clone(),
        record: watched.record.clone(),
        begin,
        node: shared.config.node.clone(),
        lease: shared.config.lease,
    };
    shared.store.take_capture(&new).await
}

/// So that another node need not wait for the lease.
async fn let_go(shared: &Shared, interface: &InterfaceRef) {
    let Some(watched) = shared.active().watched(interface).cloned() else { return };
    if let Ok(TakenCapture::Taken(taken)) = take(shared, &watched).await {
        let _ = shared.store.let_capture_go(taken.hold).await;
    }
}

/// A capture that is held.
struct Worker<'a> {
    shared: &'a Arc<Shared>,
    watched: Arc<Watched>,
    hold: CaptureHold,
    state: CaptureState,
    paused: Option<CapturePause>,
    /// What ids of changes are hashed with.
    key: [u8; 32],
    /// By which attributes its copy finds every record, where it does.
    found_by: Option<String>,
    /// Up to which record that is written anew.
    found_to: i64,
    lookback: Lookback,
    looked: Option<Instant>,
    /// When another node, or this one before, had begun the last look that saw everything.
    looked_before: Option<Instant>,
    retried: Instant,
    /// Behind which parked record the next are tried again.
    retried_to: i64,
    parked: u64,
    /// How many seconds the system's clock is behind what was written by it.
    behind: i64,
    events: u64,
    told: Notify,
    said: Option<String>,
}

impl<'a> Worker<'a> {
    fn new(shared: &'a Arc<Shared>, watched: Arc<Watched>, taken: HeldCapture) -> Self {
        let HeldCapture { hold, state, paused, key, found_by, now } = taken;
        let ago = state.looked_at.and_then(|at| Duration::try_from(now.duration_since(at)).ok());
        let lookback = Lookback::new(watched.poll, watched.overlap);
        let events = shared.captures.standing().get(&watched.interface).map_or(0, |before| before.events);
        Self {
            shared,
            watched,
            hold,
            state,
            paused,
            key,
            found_by,
            found_to: 0,
            lookback,
            looked: None,
            looked_before: ago.and_then(|ago| Instant::now().checked_sub(ago)),
            retried: Instant::now(),
            retried_to: 0,
            parked: 0,
            behind: 0,
            events,
            told: Notify::new(),
            said: None,
        }
    }

    /// Works for as long as it is held, and brings what it has to tell to the log meanwhile.
    async fn hold(mut self, log: &Arc<dyn EventLog>) {
        let told = Arc::new(std::mem::take(&mut self.told));
        let (store, hold, lease) = (self.shared.store.clone(), self.hold, self.shared.config.lease);
        let stream = self.watched.interface.clone();
        let beat = async {
            loop {
                tokio::time::sleep(lease / 4).await;
                match store.extend_capture(hold, lease).await {
                    Err(StoreError::CaptureFenced { .. }) => return,
                    Err(error) => tracing::warn!(interface = %stream, %error, "lease of a capture not extended"),
                    Ok(()) => {}
                }
            }
        };
        tokio::select! {
            () = beat => {}
            () = self.work(&told) => {}
            () = pump::run(&store, log, &stream, hold, &told) => {}
        }
    }

    async fn work(&mut self, told: &Notify) {
        loop {
            let events = self.events;
            let pause = match self.round().await {
                Ok(pause) => {
                    self.said = None;
                    pause
                }
                Err(Halt::Lost | Halt::Changed) => return,
                Err(Halt::Paused(code, because)) => match self.pause(code, because).await {
                    Ok(()) => AGAIN_AFTER,
                    Err(_) => return,
                },
                Err(Halt::Later(why)) => {
                    self.say(why);
                    AGAIN_AFTER
                }
            };
            if self.events > events {
                told.notify_one();
            }
            self.show();
            let hints = async {
                match self.said {
                    None => self.shared.captures.hinted.notified().await,
                    Some(_) => std::future::pending().await,
                }
            };
            if !pause.is_zero() {
                tokio::select! {
                    () = hints => {}
                    () = tokio::time::sleep(pause) => {}
                }
            }
        }
    }

    /// One thing of what is to be done now; how long to wait for the next.
    async fn round(&mut self) -> Result<Duration, Halt> {
        let active = self.shared.active();
        if !active.watched(&self.watched.interface).is_some_and(|now| Arc::ptr_eq(now, &self.watched)) {
            return Err(Halt::Changed);
        }
        let is_found = self.find().await?;
        if self.paused.is_some() {
            return Ok(if is_found { AGAIN_AFTER } else { Duration::ZERO });
        }
        let looking = Looking::open(active, &self.watched).await.map_err(|trouble| self.trouble(&trouble))?;
        self.heed(looking.clone()).await?;
        if self.state.stage != CaptureStage::Following {
            self.pass(&looking).await?;
            return Ok(Duration::ZERO);
        }
        if self.looked.is_none_or(|looked| looked.elapsed() >= self.watched.poll) {
            self.look(&looking).await?;
        }
        self.reconcile_if_due(&looking).await?;
        if self.retried.elapsed() >= RETRY_EVERY {
            self.retried = Instant::now();
            self.retry(&looking).await?;
        }
        if !is_found {
            return Ok(Duration::ZERO);
        }
        let next = self.looked.map_or(Duration::ZERO, |looked| self.watched.poll.saturating_sub(looked.elapsed()));
        Ok(next.min(HINTS_EVERY).max(Duration::from_millis(1)))
    }

    /// Reads what hints name, now.
    async fn heed(&mut self, mut looking: Looking) -> Result<(), Halt> {
        let hints = self.shared.store.capture_hints(self.hold.capture, PAGE).await?;
        if hints.is_empty() {
            return Ok(());
        }
        looking.at_once(&self.watched);
        self.ensure_forward(&looking).await?;
        let ids: Vec<i64> = hints.iter().map(|(record, _)| *record).collect();
        let seen = looking.these(&ids).await.map_err(|trouble| self.trouble(&trouble))?;
        let mut step = self.learned(&looking, seen).await?;
        self.missing(&looking, &ids, &mut step).await?;
        step.heeded = hints.into_iter().filter(|(record, _)| !step.again.contains(record)).collect();
        self.write(step).await
    }

    /// Looks at what was written since the look before, as far back as it is time for.
    async fn look(&mut self, looking: &Looking) -> Result<(), Halt> {
        let (began, began_at) = (Instant::now(), self.shared.store.now().await?);
        self.ensure_forward(looking).await?;
        let present = self.present(looking);
        let in_time = |second: i64| not_ahead(second, present);
        let (front, settled) = (in_time(self.state.front), in_time(self.state.settled));
        let look = self.lookback.next();
        let (since, settled) = match look {
            Look::Shallow(back) => (front.saturating_sub(back), settled),
            Look::Deep(back) => {
                let newest = looking.newest().await.map_err(|trouble| self.trouble(&trouble))?;
                (settled.saturating_sub(back), in_time(newest.max(settled)))
            }
        };
        let mut cursor = None;
        loop {
            let page = looking.page(since, cursor, PAGE).await;
            let (seen, next) = page.map_err(|trouble| self.trouble(&trouble))?;
            let newest = seen.iter().map(|seen| seen.written).max().unwrap_or_default();
            let front = in_time(newest.max(self.state.front));
            let mut step = self.learned(looking, seen).await?;
            let mut state = CaptureState { front, ..self.state.clone() };
            if next.is_none() {
                (state.settled, state.looked_at) = (settled, Some(began_at));
            }
            step.progress = Some(state);
            self.write(step).await?;
            cursor = next;
            if cursor.is_none() {
                break;
            }
            // Long looks do not let what has just happened wait.
            self.heed(looking.clone()).await?;
        }
        self.lookback.made(look);
        self.looked = Some(began);
        Ok(())
    }

    fn during<'s>(&'s self, stamps: &'s [String]) -> During<'s> {
        During { stage: self.state.stage, generation: self.state.generation, stamps, key: &self.key }
    }

    async fn pause(&mut self, code: Code, because: String) -> Result<(), StoreError> {
        let interface = &self.watched.interface;
        tracing::error!(%interface, %code, because, "capture stands still: `selvage captures resume {interface}` says how it goes on");
        let why = CapturePause { code: code.to_string(), because };
        self.shared.store.pause_capture(self.hold, &why).await?;
        self.paused = Some(why);
        Ok(())
    }

    fn trouble(&self, trouble: &Trouble) -> Halt {
        let problem = trouble.problem(self.watched.served.connection.system());
        Halt::Later(format!("{}: {}", problem.code, problem.detail))
    }

    /// Says why nothing is captured, once.
    fn say(&mut self, why: String) {
        if self.said.is_none() {
            tracing::warn!(interface = %self.watched.interface, why, "capture waits");
        }
        self.said = Some(why);
    }

    fn show(&self) {
        let standing = figures::Standing {
            system: self.watched.system().to_owned(),
            stage: self.state.stage,
            looked: self.looked.or(self.looked_before),
            paused: self.paused.is_some(),
            parked: self.parked,
            behind: self.behind,
            events: self.events,
        };
        let captures: &Captures = &self.shared.captures;
        captures.standing().insert(self.watched.interface.clone(), standing);
    }
}

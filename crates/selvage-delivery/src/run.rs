//! Delivers one subscription for as long as this node holds its cursor: reads the log into the lanes, sends what they say, and writes
//! what came of it. One task; sends run beside it, and nothing here waits for another subscription.
//!
//! A node that was paused past its lease moves nothing any more (INVARIANT: LANE-ORDER). What it had begun to send may arrive after
//! another node has sent the same: with the same message id.

mod observed;
mod reading;
mod sending;
mod writing;

use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use selvage_log::EventLog;
use selvage_model::event::Position;
use selvage_model::exchange::Scope;
use selvage_model::manifest::event::EventInterface;
use selvage_model::subscription::{LiveSubscription, WaitsFor};
use selvage_store::{CursorMove, Store, StoreError};
use tokio::sync::{Semaphore, mpsc, watch};

use crate::figures::Figures;
use crate::lanes::{Lanes, Next, Parcel, Settings};
use crate::ration::{Granted, Ration, Rations};
use crate::reading::Readings;
use crate::retry::Calendar;
use crate::writing::Writer;
use crate::{Attempt, Endpoint, Holding, Sending};
use reading::Reading;
use writing::Moving;

/// Figures are gathered so often.
const OBSERVE_EVERY: Duration = Duration::from_secs(1);
/// After what is temporary it is tried again so much later.
const AGAIN_AFTER: Duration = Duration::from_millis(500);
/// So many subscriptions are taken up at a time.
const BEGIN_AT_ONCE: usize = 4;

/// A subscription to be delivered.
#[derive(Clone, Debug, PartialEq)]
pub struct Job {
    /// Which.
    pub subscription: LiveSubscription,
    /// Where to.
    pub endpoint: Endpoint,
    /// When the receiving system stands still.
    pub calendar: Calendar,
    /// Whose events they are.
    pub interface: EventInterface,
    /// What the grant covers of them.
    pub scope: Scope,
    /// How much the grant lets through.
    pub granted: Granted,
    /// How fast it goes together with all that is sent again of its interface, where it is a replay that is limited so.
    pub shared: Option<Granted>,
}

/// What deliveries stand on.
#[derive(Clone)]
pub struct DeliveryConfig {
    /// Who delivers.
    pub node: String,
    /// How long a subscription is held without a sign of life.
    pub lease: Duration,
    /// The store.
    pub store: Store,
    /// The event log.
    pub log: Arc<dyn EventLog>,
    /// What sends.
    pub sending: Sending,
    /// What holds events to their contract.
    pub holding: Holding,
    /// What grants let through.
    pub rations: Rations,
    /// What counts.
    pub figures: Figures,
    /// Chance, from 0 to 1: what failed together does not come back together.
    pub chance: fn() -> f64,
}

/// Why a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ended {
    /// It was told to.
    Stopped,
    /// Another node has it, or it has ended.
    Lost,
    /// The endpoint wants nothing more.
    Gone,
    /// Too many lanes are set aside.
    Full,
    /// It was to deliver up to there, and has.
    Done,
}

type Outcome = (Parcel, Attempt);

/// What the subscriptions of a node share.
pub(crate) struct Means {
    pub(crate) config: DeliveryConfig,
    pub(crate) readings: Readings,
    pub(crate) writer: Writer,
    /// A thousand that begin at once would keep everybody else from the store.
    pub(crate) begins: Semaphore,
}

impl Means {
    pub(crate) fn new(config: DeliveryConfig) -> Self {
        let (readings, writer) = (Readings::new(Arc::clone(&config.log)), Writer::start(config.store.clone()));
        Self { config, readings, writer, begins: Semaphore::new(BEGIN_AT_ONCE) }
    }
}

pub(crate) struct Run {
    means: Arc<Means>,
    job: Job,
    endpoint: Arc<Endpoint>,
    lanes: Lanes,
    held: CursorMove,
    /// Until when the lease surely lasts, by this machine's clock.
    until: Instant,
    renew_at: Instant,
    write_at: Instant,
    observe_at: Instant,
    read_at: Instant,
    outcomes: (mpsc::UnboundedSender<Outcome>, mpsc::UnboundedReceiver<Outcome>),
    reading: Option<Reading>,
    moving: Option<Moving>,
    /// Where everything had been read when the log was read last.
    at_head: Option<Position>,
    /// Everything that it is to deliver has been read.
    read_all: bool,
    was_down: bool,
    was_crowded: bool,
    was_spent: bool,
    /// How many arrived since those of long ago were forgotten.
    kept: usize,
    ration: Option<Ration>,
    shared: Option<Ration>,
    /// What of its grant is used up, and until when.
    waits: Option<(WaitsFor, Timestamp)>,
}

impl Run {
    /// Begins with the cursor that was taken.
    pub(crate) async fn begin(
        means: Arc<Means>,
        job: Job,
        held: CursorMove,
        taken: Instant,
    ) -> Result<Self, StoreError> {
        let config = &means.config;
        let aside = config.store.parked_lanes(&job.subscription.id).await?;
        let held_until = config.store.held_until(&job.subscription.id).await?;
        let deliver = job.subscription.terms.deliver.as_ref();
        let settings = Settings {
            in_lanes: deliver.is_none_or(|deliver| deliver.in_lanes),
            max_in_flight: usize::try_from(job.endpoint.limits.concurrency).unwrap_or(1).max(1),
            rate: job.endpoint.limits.rate,
            calendar: job.calendar.clone(),
        };
        let known = config.store.delivered_beyond(&job.subscription.id, held.to).await?;
        let lanes = Lanes::new(settings, held.to, aside, held_until).behind(known);
        let endpoint = Arc::new(job.endpoint.clone());
        let ration = config.rations.of(&job.granted);
        let shared = job.shared.as_ref().and_then(|shared| config.rations.of(shared));
        let (until, renew_at) = (taken + config.lease, taken + config.lease / 3);
        let now = Instant::now();
        Ok(Self {
            means,
            job,
            endpoint,
            lanes,
            held,
            until,
            renew_at,
            write_at: now,
            observe_at: now,
            read_at: now,
            outcomes: mpsc::unbounded_channel(),
            reading: None,
            moving: None,
            at_head: None,
            read_all: false,
            was_down: false,
            was_crowded: false,
            was_spent: false,
            kept: writing::FORGET_AFTER,
            ration,
            shared,
            waits: None,
        })
    }

    /// Delivers until it is told to stop, or may not go on.
    pub(crate) async fn run(&mut self, mut stop: watch::Receiver<bool>, mut acts: watch::Receiver<i64>) -> Ended {
        loop {
            let stopping = *stop.borrow() || self.lanes.is_gone();
            if let Some(ended) = self.step(stopping).await {
                return self.ended(ended);
            }
            let wake = self.wake();
            tokio::select! {
                Some((parcel, attempt)) = self.outcomes.1.recv() => self.sent(&parcel, &attempt),
                batch = reading::read(&mut self.reading) => self.read(batch),
                written = writing::moved(&mut self.moving) => {
                    if self.moved(written) == Err(Ended::Lost) {
                        return self.ended(Ended::Lost);
                    }
                }
                changed = acts.changed(), if !stopping => {
                    if changed.is_err() || self.take_acts().await.is_err() {
                        acts.mark_changed();
                        tokio::time::sleep(AGAIN_AFTER).await;
                    }
                }
                _ = stop.changed(), if !stopping => {}
                () = tokio::time::sleep_until(wake.into()) => {}
            }
        }
    }

    fn ended(&self, ended: Ended) -> Ended {
        self.means.config.figures.of(&self.endpoint.name, |figure| figure.here = false);
        ended
    }

    /// Everything that can be done now; says where the run ends.
    async fn step(&mut self, stopping: bool) -> Option<Ended> {
        while let Ok((parcel, attempt)) = self.outcomes.1.try_recv() {
            self.sent(&parcel, &attempt);
        }
        // INVARIANT: LANE-ORDER: who may have lost its lease begins nothing.
        if Instant::now() >= self.until {
            return Some(Ended::Lost);
        }
        if self.moving.is_none() && Instant::now() >= self.renew_at {
            self.renew();
        }
        if !stopping && self.dispatch().await == Err(Ended::Lost) {
            return Some(Ended::Lost);
        }
        let last = stopping && self.lanes.in_flight() == 0;
        let is_time = self.moving.is_none() && Instant::now() >= self.write_at;
        if (last || self.lanes.is_urgent() || is_time) && self.write().await == Err(Ended::Lost) {
            return Some(Ended::Lost);
        }
        if last {
            if self.settle().await == Err(Ended::Lost) {
                return Some(Ended::Lost);
            }
            let _ = self.means.config.store.extend_cursor(&self.held, Duration::ZERO).await;
            return Some(if self.lanes.is_gone() { Ended::Gone } else { Ended::Stopped });
        }
        if self.lanes.is_full() {
            return Some(Ended::Full);
        }
        if self.is_done() {
            return Some(Ended::Done);
        }
        if !stopping {
            self.begin_reading();
        }
        if Instant::now() >= self.observe_at {
            self.observe_at = Instant::now() + OBSERVE_EVERY;
            self.observe();
        }
        None
    }

    /// Whether all that was to be delivered has arrived, and is noted.
    fn is_done(&self) -> bool {
        let nothing_left = self.lanes.in_flight() == 0 && self.lanes.aside() == (0, 0) && self.lanes.oldest().is_none();
        self.read_all && nothing_left && !self.lanes.has_progress()
    }

    /// The last event that is delivered, where there is a last one.
    fn through(&self) -> Option<Position> {
        self.job.subscription.terms.replay.as_ref().map(|replay| replay.through)
    }

    async fn dispatch(&mut self) -> Result<(), Ended> {
        while let Some(next) = self.lanes.next(Timestamp::now()) {
            match next {
                Next::Send(parcel) => self.send(parcel),
                Next::Load(lane, after, most) => {
                    let id = &self.job.subscription.id;
                    match self.means.config.store.parked_messages(id, &lane, after, most).await {
                        Ok(messages) => self.lanes.loaded(&lane, messages),
                        Err(error) => {
                            tracing::warn!("{}: a lane cannot be read: {error}", error.code());
                            self.lanes.unloaded(&lane, later(AGAIN_AFTER));
                        }
                    }
                }
            }
            if Instant::now() >= self.until {
                return Err(Ended::Lost);
            }
        }
        Ok(())
    }

    /// When something has to be looked at although nothing came in.
    fn wake(&self) -> Instant {
        let in_time = |at: Timestamp| {
            let left = Duration::try_from(at.duration_since(Timestamp::now())).unwrap_or_default();
            Instant::now() + left.max(Duration::from_millis(1))
        };
        let due = self.lanes.due(Timestamp::now()).map(in_time);
        // What is being written wakes by itself.
        let may_write = self.moving.is_none();
        let write = (may_write && self.lanes.has_progress()).then_some(self.write_at);
        let renew = may_write.then_some(self.renew_at);
        let (now, may_read) = (Timestamp::now(), self.reading.is_none() && !self.read_all);
        let read = (may_read && self.lanes.wants(now).is_some()).then_some(self.read_at);
        let step = self.lanes.reads_at(now).filter(|_| may_read).map(in_time);
        let wakes = [due, write, read, step, Some(self.observe_at), renew, Some(self.until)];
        wakes.into_iter().flatten().min().unwrap_or(self.until)
    }
}

fn later(pause: Duration) -> Timestamp {
    Timestamp::now().checked_add(pause).unwrap_or(Timestamp::MAX)
}

//! Delivers one subscription for as long as this node holds its cursor: reads the log into the lanes, sends what they say, and writes
//! what came of it. One task; sends run beside it, and nothing here waits for another subscription.
//!
//! A node that was paused past its lease moves nothing any more (INVARIANT: LANE-ORDER). What it had begun to send may arrive after
//! another node has sent the same: with the same message id.

use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use selvage_log::{Batch, EventLog, LogError, ReadLimit};
use selvage_model::code;
use selvage_model::event::Position;
use selvage_model::exchange::Scope;
use selvage_model::manifest::event::EventInterface;
use selvage_model::subscription::LiveSubscription;
use selvage_store::{CursorMove, Deliveries, Store, StoreError};
use tokio::sync::{mpsc, watch};

use crate::figures::Figures;
use crate::lanes::{Lanes, Next, Parcel, Progress, Settings};
use crate::retry::Calendar;
use crate::{Attempt, Endpoint, Sending, envelope};

/// Moves of the cursor are gathered for so long.
const WRITE_EVERY: Duration = Duration::from_millis(250);
/// Figures are gathered so often.
const OBSERVE_EVERY: Duration = Duration::from_secs(1);
/// After what is temporary it is tried again so much later.
const AGAIN_AFTER: Duration = Duration::from_millis(500);
/// Events are read so many at a time.
const READ: ReadLimit = ReadLimit { records: 256, bytes: 1_000_000 };

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
type Reading = Pin<Box<dyn Future<Output = Result<Batch, LogError>> + Send>>;

pub(crate) struct Run {
    config: DeliveryConfig,
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
    /// When everything in the log had been read.
    caught_up: Timestamp,
    /// Everything that it is to deliver has been read.
    read_all: bool,
    late: bool,
    was_down: bool,
}

impl Run {
    /// Begins with the cursor that was taken.
    pub(crate) async fn begin(
        config: DeliveryConfig,
        job: Job,
        held: CursorMove,
        taken: Instant,
    ) -> Result<Self, StoreError> {
        let aside = config.store.parked_lanes(&job.subscription.id).await?;
        let deliver = job.subscription.terms.deliver.as_ref();
        let settings = Settings {
            in_lanes: deliver.is_none_or(|deliver| deliver.in_lanes),
            max_in_flight: usize::try_from(job.endpoint.limits.concurrency).unwrap_or(1).max(1),
            rate: job.endpoint.limits.rate,
            calendar: job.calendar.clone(),
        };
        let lanes = Lanes::new(settings, held.to, aside);
        let endpoint = Arc::new(job.endpoint.clone());
        let (until, renew_at) = (taken + config.lease, taken + config.lease / 3);
        let now = Instant::now();
        Ok(Self {
            config,
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
            caught_up: Timestamp::now(),
            read_all: false,
            late: false,
            was_down: false,
        })
    }

    /// Delivers until it is told to stop, or may not go on.
    pub(crate) async fn run(mut self, mut stop: watch::Receiver<bool>, mut acts: watch::Receiver<i64>) -> Ended {
        loop {
            let stopping = *stop.borrow() || self.lanes.is_gone();
            if let Some(ended) = self.step(stopping).await {
                self.config.figures.of(&self.endpoint.name, |figure| figure.here = false);
                return ended;
            }
            let wake = self.wake();
            tokio::select! {
                Some((parcel, attempt)) = self.outcomes.1.recv() => self.sent(&parcel, &attempt),
                batch = read(&mut self.reading) => self.read(batch),
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

    /// Everything that can be done now; says where the run ends.
    async fn step(&mut self, stopping: bool) -> Option<Ended> {
        while let Ok((parcel, attempt)) = self.outcomes.1.try_recv() {
            self.sent(&parcel, &attempt);
        }
        // INVARIANT: LANE-ORDER: who may have lost its lease begins nothing.
        if Instant::now() >= self.until {
            return Some(Ended::Lost);
        }
        if Instant::now() >= self.renew_at && self.renew().await == Err(Ended::Lost) {
            return Some(Ended::Lost);
        }
        if !stopping && self.dispatch().await == Err(Ended::Lost) {
            return Some(Ended::Lost);
        }
        let last = stopping && self.lanes.in_flight() == 0;
        if (last || self.lanes.is_urgent() || Instant::now() >= self.write_at) && self.write().await == Err(Ended::Lost)
        {
            return Some(Ended::Lost);
        }
        if last {
            let _ = self.config.store.extend_cursor(&self.held, Duration::ZERO).await;
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
                    match self.config.store.parked_messages(id, &lane, after, most).await {
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

    fn send(&self, parcel: Parcel) {
        let (endpoint, outcomes) = (Arc::clone(&self.endpoint), self.outcomes.0.clone());
        let event = match envelope::covered(&parcel.message.body, &self.job.interface, &self.job.scope) {
            Ok(Some(event)) => event,
            // What is granted is less than when it was set aside.
            Ok(None) => return drop(outcomes.send((parcel, Attempt::uncovered(Timestamp::now())))),
            // It was an event when it was read, so that only a damaged store brings it here.
            Err(_) => return drop(outcomes.send((parcel, Attempt::unreadable(Timestamp::now())))),
        };
        let message = envelope::message(&self.job.subscription.id, &parcel.message, event, parcel.attempts);
        let sending = Arc::clone(&self.config.sending);
        tokio::spawn(async move {
            let attempt = sending(endpoint, message).await;
            let _ = outcomes.send((parcel, attempt));
        });
    }

    fn sent(&mut self, parcel: &Parcel, attempt: &Attempt) {
        self.config.figures.sent(&self.endpoint.name, &attempt.sent);
        self.lanes.sent(parcel, attempt, Timestamp::now(), (self.config.chance)());
    }

    fn begin_reading(&mut self) {
        if self.reading.is_some() || self.read_all || Instant::now() < self.read_at {
            return;
        }
        let Some(after) = self.lanes.wants() else { return };
        let (log, stream) = (Arc::clone(&self.config.log), self.job.subscription.interface.clone());
        self.reading = Some(Box::pin(async move {
            let batch = log.read(&stream, after, READ).await?;
            if batch.records.is_empty() {
                log.wait(&stream, after).await?;
            }
            Ok(batch)
        }));
    }

    fn read(&mut self, batch: Result<Batch, LogError>) {
        self.reading = None;
        let batch = match batch {
            Ok(batch) => batch,
            Err(error) => return self.unread(&error),
        };
        if batch.records.last().is_none_or(|last| last.position >= batch.head) {
            self.caught_up = Timestamp::now();
        }
        let (through, head) = (self.through(), batch.head);
        let last = batch.records.last().map_or(head, |last| last.position);
        self.read_all = through.is_some_and(|through| last >= through);
        for record in batch.records {
            if through.is_some_and(|through| record.position > through) {
                break;
            }
            let kind = envelope::kind(&record.body);
            if kind.is_none() {
                tracing::error!(code = %code::EVENTS_PASSED, "{} at {} is no event", record.id, record.position);
            }
            let terms = &self.job.subscription.terms;
            let of_lane = |lanes: &[String]| lanes.is_empty() || lanes.iter().any(|lane| lane == record.lane.as_str());
            let repeated = terms.replay.as_ref().is_none_or(|replay| of_lane(&replay.lanes));
            let wanted = repeated && kind.is_some_and(|kind| terms.events.contains(&kind));
            let covered = wanted && (self.job.scope.rows.is_empty() || self.covers(&record.body));
            self.lanes.take(record, covered);
        }
    }

    fn covers(&self, body: &[u8]) -> bool {
        // What cannot be read is passed on to where it is told.
        envelope::covered(body, &self.job.interface, &self.job.scope).map_or(true, |event| event.is_some())
    }

    /// INVARIANT: NOTHING-LOST: what the log does not have is named before anything goes on behind it.
    fn unread(&mut self, error: &LogError) {
        let behind = match error {
            LogError::Damaged { position, .. } => Some(*position),
            LogError::Missing { to, .. } | LogError::Retired { to, .. } => {
                Position::new(self.lanes.read_to().epoch().max(1), *to)
            }
            _ => None,
        };
        let label = &self.endpoint.name;
        if let Some(position) = behind {
            tracing::error!(code = %code::EVENTS_PASSED, "`{label}` goes on behind {position}: {error}");
            self.read_all = self.through().is_some_and(|through| position >= through);
            return self.lanes.pass(position);
        }
        tracing::warn!("{}: the log is read again for `{label}`: {error}", error.code());
        self.read_at = Instant::now() + AGAIN_AFTER;
    }

    async fn renew(&mut self) -> Result<(), Ended> {
        let (asked, lease) = (Instant::now(), self.config.lease);
        match self.config.store.extend_cursor(&self.held, lease).await {
            Ok(()) => {
                (self.until, self.renew_at) = (asked + lease, asked + lease / 3);
                Ok(())
            }
            Err(StoreError::CursorFenced { .. } | StoreError::NotFound { .. }) => Err(Ended::Lost),
            Err(error) => {
                tracing::warn!("{}: the lease of `{}` was not renewed: {error}", error.code(), self.endpoint.name);
                self.renew_at = Instant::now() + AGAIN_AFTER;
                Ok(())
            }
        }
    }

    async fn write(&mut self) -> Result<(), Ended> {
        self.write_at = Instant::now() + WRITE_EVERY;
        let Some(progress) = self.lanes.progress() else { return Ok(()) };
        let deliveries = self.deliveries(&progress);
        match self.config.store.record_deliveries(&deliveries).await {
            Ok(unparked) => {
                self.held.to = progress.to;
                self.lanes.written(&progress, &unparked, Timestamp::now());
                for letter in &progress.dead {
                    let (label, lane) = (&self.endpoint.name, &letter.lane);
                    let because = &letter.because;
                    tracing::error!(code = %code::DEAD_LETTER, letter = letter.id, "lane `{lane}` of `{label}` is parked: {because}");
                }
                Ok(())
            }
            Err(StoreError::CursorFenced { .. } | StoreError::NotFound { .. }) => Err(Ended::Lost),
            Err(error) => {
                tracing::warn!("{}: deliveries are noted later: {error}", error.code());
                tokio::time::sleep(AGAIN_AFTER).await;
                Ok(())
            }
        }
    }

    fn deliveries(&self, progress: &Progress) -> Deliveries {
        let progress = progress.clone();
        Deliveries {
            subscription: self.job.subscription.id.clone(),
            moved: CursorMove { to: progress.to, ..self.held.clone() },
            delivered: progress.delivered,
            troubles: progress.troubles,
            aside: progress.aside,
            dead: progress.dead,
            attempts: progress.attempts,
            drained: progress.drained,
        }
    }

    async fn take_acts(&mut self) -> Result<(), StoreError> {
        let lanes = self.config.store.parked_lanes(&self.job.subscription.id).await?;
        self.lanes.acted(lanes);
        Ok(())
    }

    /// When something has to be looked at although nothing came in.
    fn wake(&self) -> Instant {
        let in_time = |at: Timestamp| {
            let left = Duration::try_from(at.duration_since(Timestamp::now())).unwrap_or_default();
            Instant::now() + left.max(Duration::from_millis(1))
        };
        let due = self.lanes.due().map(in_time);
        let write = self.lanes.has_progress().then_some(self.write_at);
        let reads = self.reading.is_none() && !self.read_all && self.lanes.wants().is_some();
        let read = reads.then_some(self.read_at);
        let wakes = [due, write, read, Some(self.observe_at), Some(self.renew_at), Some(self.until)];
        wakes.into_iter().flatten().min().unwrap_or(self.until)
    }

    fn observe(&mut self) {
        let now = Timestamp::now();
        let behind = self.lanes.oldest().or((self.lanes.is_down()).then_some(self.caught_up));
        let lag = behind.map_or(0.0, |oldest| now.duration_since(oldest).as_secs_f64().max(0.0));
        let (retrying, parked) = self.lanes.aside();
        let down = self.lanes.is_down();
        let label = &self.endpoint.name;
        self.config.figures.of(label, |figure| {
            (figure.lag, figure.down, figure.here) = (lag, down, true);
            (figure.retrying, figure.parked) = (retrying as u64, parked as u64);
        });
        let agreed = self.job.subscription.terms.lag.map(|lag| lag.as_secs_f64());
        let late = agreed.is_some_and(|agreed| lag > agreed);
        if late && !self.late {
            tracing::error!(code = %code::DELIVERY_LATE, "deliveries of `{label}` are {lag:.0} s late");
        }
        if down && !self.was_down {
            tracing::error!(code = %code::ENDPOINT_DOWN, "the endpoint of `{label}` takes nothing; it is asked again and again");
        }
        if !down && self.was_down {
            tracing::info!("the endpoint of `{label}` takes messages again");
        }
        (self.late, self.was_down) = (late, down);
    }
}

fn later(pause: Duration) -> Timestamp {
    Timestamp::now().checked_add(pause).unwrap_or(Timestamp::MAX)
}

/// What is being read; for ever where nothing is.
async fn read(reading: &mut Option<Reading>) -> Result<Batch, LogError> {
    match reading {
        Some(reading) => reading.await,
        None => std::future::pending().await,
    }
}

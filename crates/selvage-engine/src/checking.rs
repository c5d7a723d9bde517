//! Comparing systems with what is needed of them: at the start, every few minutes, and soon after an answer that does not fit
//! what was known. Runs beside the requests and never before one; asks and changes nothing.

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use selvage_connect::governor::Priority;
use selvage_connect::odoo::{Failure, Fingerprint, Questions, Scope};
use serde_json::Value;
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::connection::Connection;
use crate::fabric::Active;
use crate::need::{self, Need};
use crate::parking;
use crate::shared::Shared;

const LOOK_EVERY: Duration = Duration::from_millis(500);
/// How often a system is compared that is as it must be.
const EVERY: Duration = Duration::from_secs(300);
/// How often what something is parked for is looked at.
const EVERY_PARKED: Duration = Duration::from_secs(15);
/// How soon a system is asked again that could not be asked.
const EVERY_UNASKED: Duration = Duration::from_secs(30);
/// The least time between two comparisons that doubts asked for; doubled for each that found nothing.
const DOUBT_PAUSE: Duration = Duration::from_secs(5);
const LONGEST_DOUBT_PAUSE: Duration = Duration::from_secs(300);

/// When a connection is compared, and what was found last.
pub(crate) struct Checking {
    inner: Mutex<Inner>,
}

struct Inner {
    due: Instant,
    doubted: bool,
    running: bool,
    /// When the last one ended, and the last one of everything.
    last: Option<Instant>,
    last_whole: Option<Instant>,
    doubt_pause: Duration,
    known: Option<Arc<Known>>,
}

/// What is known of a system.
#[derive(Clone, PartialEq)]
pub(crate) struct Known {
    pub(crate) seen: Fingerprint,
    /// Its companies with their birth, which another database does not have alike.
    companies: Vec<Value>,
}

/// One comparison.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Round {
    /// It answers a doubt.
    doubted: bool,
    /// Everything is asked for, not only what something is parked for.
    whole: bool,
}

/// How a comparison ended.
enum Outcome {
    /// Nothing is otherwise than it was.
    Same,
    /// Something is.
    Changed,
    /// It could not be asked; what was known stays so.
    Unasked,
}

impl Checking {
    /// Due at once.
    pub(crate) fn new() -> Self {
        let inner = Inner {
            due: Instant::now(),
            doubted: false,
            running: false,
            last: None,
            last_whole: None,
            doubt_pause: DOUBT_PAUSE,
            known: None,
        };
        Self { inner: Mutex::new(inner) }
    }

    /// An answer does not fit what was known, or more is needed than before: it is compared soon.
    pub(crate) fn doubt(&self) {
        self.lock().doubted = true;
    }

    /// What was found last.
    pub(crate) fn known(&self) -> Option<Arc<Known>> {
        self.lock().known.clone()
    }

    /// What is to begin now; where it is something, it has begun.
    fn begin(&self, now: Instant) -> Option<Round> {
        let mut inner = self.lock();
        let passed = |since: Option<Instant>, pause| since.is_none_or(|since| now.duration_since(since) >= pause);
        let wanted = now >= inner.due || (inner.doubted && passed(inner.last, inner.doubt_pause));
        if inner.running || !wanted {
            return None;
        }
        inner.running = true;
        let doubted = std::mem::take(&mut inner.doubted);
        Some(Round { doubted, whole: doubted || passed(inner.last_whole, EVERY / 2) })
    }

    fn end(&self, now: Instant, round: Round, outcome: &Outcome, parked: bool) {
        let mut inner = self.lock();
        inner.running = false;
        inner.last = Some(now);
        if round.whole && !matches!(outcome, Outcome::Unasked) {
            inner.last_whole = Some(now);
        }
        inner.doubt_pause = match outcome {
            Outcome::Same if round.doubted => (inner.doubt_pause * 2).min(LONGEST_DOUBT_PAUSE),
            Outcome::Changed => DOUBT_PAUSE,
            Outcome::Same | Outcome::Unasked => inner.doubt_pause,
        };
        let pause = match (outcome, parked) {
            (Outcome::Unasked, _) => EVERY_UNASKED,
            (_, true) => EVERY_PARKED,
            (_, false) => EVERY,
        };
        inner.due = now + jittered(pause);
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Compares whatever is due, for as long as the engine runs.
pub(crate) async fn follow(shared: Arc<Shared>, mut stopped: watch::Receiver<bool>) {
    let mut working = JoinSet::new();
    loop {
        let active = shared.active();
        for connection in active.connections() {
            let Some(round) = connection.checking.begin(Instant::now()) else { continue };
            let (active, connection) = (Arc::clone(&active), Arc::clone(connection));
            working.spawn(async move { run(&active, &connection, round).await });
        }
        while working.try_join_next().is_some() {}
        tokio::select! {
            _ = stopped.wait_for(|stopped| *stopped) => return,
            () = tokio::time::sleep(LOOK_EVERY) => {}
        }
    }
}

async fn run(active: &Active, connection: &Arc<Connection>, round: Round) {
    let outcome = check(active, connection, round.whole).await.unwrap_or_else(|failure| {
        tracing::debug!(system = %connection.system(), %failure, "system not compared");
        Outcome::Unasked
    });
    let parked = active.through(connection).any(|served| !served.parking.is_empty());
    connection.checking.end(Instant::now(), round, &outcome, parked);
}

async fn check(active: &Active, connection: &Arc<Connection>, whole: bool) -> Result<Outcome, Failure> {
    let odoo = connection.odoo().with_priority(Priority::Background);
    let another = connection.ask(odoo.is_another()).await?;
    if another {
        connection.forget();
    }
    let before = connection.checking.known().filter(|_| !another);
    let companies = companies(connection).await?;
    let major = connection.major().await?;
    let needs = needs(active, connection, major);
    let parked: Vec<String> = active.through(connection).flat_map(|served| served.parking.models()).collect();
    let odoo = connection.odoo().with_priority(Priority::Background);
    let seen = match &before {
        // Between two whole comparisons only what something is parked for is looked at.
        Some(before) if !whole && !parked.is_empty() => {
            let mut questions = need::questions(&needs, &before.seen.models);
            questions.retain(|model, _| parked.contains(model));
            let mut seen = before.seen.clone();
            seen.models.extend(connection.ask(odoo.fingerprint(&questions)).await?.models);
            seen
        }
        _ => {
            let needs: Vec<&Need> = needs.iter().collect();
            connection.ask(need::ask(&odoo, &needs, Questions::new(), |_| {})).await?
        }
    };
    let now = Known { seen, companies };
    let changed = before.as_deref() != Some(&now);
    if changed && before.is_some() && !another {
        connection.forget();
    }
    parking::reckon(active, connection, &now.seen);
    connection.checking.lock().known = Some(Arc::new(now));
    Ok(if changed { Outcome::Changed } else { Outcome::Same })
}

/// What is needed for everything that is served through this connection.
fn needs(active: &Active, connection: &Arc<Connection>, major: u32) -> Vec<Need> {
    let mut needs = Vec::new();
    for served in active.through(connection) {
        for operation in &served.operations {
            needs.extend(parking::needs_of(active, served, *operation, major).unwrap_or_default());
        }
    }
    needs
}

async fn companies(connection: &Connection) -> Result<Vec<Value>, Failure> {
    let odoo = connection.odoo().with_priority(Priority::Background);
    let wanted = ["name", "company_registry", "create_date"].map(str::to_owned);
    let scope = Scope::default();
    match odoo.search("res.company", Vec::new(), &wanted, &scope, None).await {
        // An account without the right: that is found as such.
        Err(Failure::Refused { .. }) => Ok(Vec::new()),
        other => other,
    }
}

/// Three quarters to five quarters of it, so that nodes and systems do not ask in step.
fn jittered(pause: Duration) -> Duration {
    let random = RandomState::new().build_hasher().finish();
    pause.mul_f64(0.75 + (random % 1_000) as f64 / 2_000.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn doubts_are_answered_soon_and_ever_less_often_in_vain() {
        let checking = Checking::new();
        let start = Instant::now();
        let round = checking.begin(start);
        assert_eq!(round, Some(Round { doubted: false, whole: true }), "due at once");
        assert_eq!(checking.begin(start), None, "one at a time");
        checking.end(start, round.unwrap(), &Outcome::Changed, false);
        assert_eq!(checking.begin(start + EVERY / 2), None);
        checking.doubt();
        assert_eq!(checking.begin(start + DOUBT_PAUSE / 2), None, "not in a hurry");
        let end = start + DOUBT_PAUSE;
        let round = checking.begin(end);
        assert_eq!(round, Some(Round { doubted: true, whole: true }));
        checking.end(end, round.unwrap(), &Outcome::Same, false);
        checking.doubt();
        assert_eq!(checking.begin(end + DOUBT_PAUSE), None, "it was in vain");
        assert!(checking.begin(end + DOUBT_PAUSE * 2).is_some());
        checking.end(end, Round { doubted: false, whole: true }, &Outcome::Same, true);
        let round = checking.begin(end + EVERY_PARKED * 2);
        assert_eq!(round, Some(Round { doubted: false, whole: false }), "what is parked is looked at sooner");
        checking.end(end, round.unwrap(), &Outcome::Unasked, false);
        assert_eq!(checking.begin(end + EVERY_UNASKED / 2), None);
        assert!(checking.begin(end + EVERY_UNASKED * 2).is_some());
    }

    #[test]
    fn times_are_spread() {
        for _ in 0..100 {
            let pause = jittered(EVERY);
            assert!(pause >= EVERY * 3 / 4 && pause <= EVERY * 5 / 4, "{pause:?}");
        }
    }
}

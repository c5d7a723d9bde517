//! Reads the event log for consumers that pull: the events after a position, waited for where there are none, each as the consumer's
//! grant shows it; and groups, whose members take turns by lease and commit how far they are. It keeps nothing of its own.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use selvage_log::{EventLog, LogError, ReadLimit};
use selvage_model::cloud_event::CloudEvent;
use selvage_model::code;
use selvage_model::event::{Position, ReaderName, Record};
use selvage_model::manifest::event::{EventInterface, READ};
use selvage_model::name::{ConsumerName, InterfaceRef};
use selvage_model::problem::{ParameterError, Problem};
use selvage_model::pull::{Events, LONGEST_LEASE, LONGEST_WAIT, MOST_EVENTS, Page, Pull, PullAsk, Pulled, Start};
use selvage_store::{CursorMove, NewCursor, Store, StoreError, TakenCursor};
use serde_json::Value;
use tokio::time::Instant;

use crate::shown::{covers, shown};
use crate::{Handed, Hands, Heard, Held, Holding};

/// How much of the log is looked at before an answer is given, whatever was found in it.
const MOST_LOOKED_AT: usize = 10_000;
const AT_ONCE: ReadLimit = ReadLimit { records: MOST_EVENTS, bytes: 4_000_000 };
/// The most bytes of the events of one answer.
const MOST_BYTES: usize = 8_000_000;
/// The most groups that a consumer has on an interface.
const MOST_GROUPS: usize = 32;

/// Reads for consumers.
#[derive(Clone)]
pub struct Puller {
    log: Arc<dyn EventLog>,
    store: Store,
    holding: Holding,
    /// At which event each consumer of an interface was stopped last.
    withheld: Arc<Mutex<HashMap<(InterfaceRef, ConsumerName), Position>>>,
    heard: Heard,
}

/// Why there is no page.
enum Stopped {
    /// The log does not go on after this position.
    Log(LogError, Position),
    /// What comes next is not handed out.
    Withheld { problem: Problem, at: Position },
}

fn hands(pull: &Pull) -> Hands<'_> {
    Hands { interface: &pull.interface, consumer: &pull.consumer, operation: READ }
}

/// What becomes of an event of the log.
enum Told {
    /// It is told.
    Event(Value, Held),
    /// It is not asked for, or not this consumer's to see.
    Passed,
    /// It does not fit its contract.
    Withheld(Held),
}

/// Types that the interface does not have: who asks for them by mistake would walk past everything, and never know.
/// INVARIANT: NOTHING-LOST
fn undeclared(asked: &Events, interface: &EventInterface) -> Option<Problem> {
    let declared = || interface.events.iter().map(|event| event.name.value.as_str());
    let unknown: Vec<&str> =
        asked.types.iter().map(String::as_str).filter(|it| declared().all(|name| name != *it)).collect();
    if unknown.is_empty() {
        return None;
    }
    let detail = format!(
        "{} is no event type of this interface; it has {}",
        unknown.join(", "),
        declared().collect::<Vec<_>>().join(", ")
    );
    let problem = Problem::new(400, code::PULL_UNFIT, "what is asked of the events cannot be read");
    Some(Problem { parameters: vec![ParameterError { place: "query", name: "types".to_owned(), detail }], ..problem })
}

impl Puller {
    /// Over this log, with groups in this store; events are held to their contract by this.
    pub fn new(log: Arc<dyn EventLog>, store: Store, holding: Holding) -> Self {
        Self { log, store, holding, withheld: Arc::default(), heard: Heard::default() }
    }

    /// How far consumers are answered is noted here.
    #[must_use]
    pub fn heard_by(self, heard: Heard) -> Self {
        Self { heard, ..self }
    }

    /// Does what is asked of this interface.
    pub async fn pull(&self, pull: Pull, interface: &EventInterface) -> Pulled {
        let done = match &pull.ask {
            PullAsk::Events(events) => match undeclared(events, interface) {
                Some(problem) => Err(Box::new(problem)),
                None => return self.events(&pull, events, interface).await,
            },
            PullAsk::Lease { group, member, lease, start } => self.lease(&pull, group, member, *lease, *start).await,
            PullAsk::Commit { group, fence, position, lease } => {
                self.commit(&pull, group, *fence, *position, *lease).await
            }
            PullAsk::Forget { group } => self.forget(&pull, group).await,
        };
        done.unwrap_or_else(|problem| Pulled::Refused { problem: *problem, next: None })
    }

    async fn events(&self, pull: &Pull, asked: &Events, interface: &EventInterface) -> Pulled {
        let until = Instant::now() + asked.wait.min(LONGEST_WAIT);
        let pulled = match self.page(pull, asked, interface, until).await {
            Ok(page) => Pulled::Page(page),
            Err(Stopped::Log(error, after)) => refused(&error, after),
            Err(Stopped::Withheld { problem, at }) => Pulled::Refused { problem, next: Some(at) },
        };
        let pulled = self.with_lost(pull, asked.after, pulled).await;
        let pulled = pulled.unwrap_or_else(|error| refused(&error, asked.after));
        if let Pulled::Page(page) = &pulled {
            self.heard.note(&pull.interface, &pull.consumer, page.next);
        }
        pulled
    }

    /// Names what the log lost where an answer leads past it: an epoch begins there. INVARIANT: NOTHING-LOST
    async fn with_lost(&self, pull: &Pull, after: Position, pulled: Pulled) -> Result<Pulled, LogError> {
        let (Pulled::Page(Page { next, .. }) | Pulled::Refused { next: Some(next), .. }) = &pulled else {
            return Ok(pulled);
        };
        // Nothing was lost before the first.
        if next.epoch() <= after.epoch().max(1) {
            return Ok(pulled);
        }
        let lost = self.store.event_gaps(&pull.interface, after, *next).await?;
        Ok(match pulled {
            Pulled::Refused { mut problem, next } => {
                for gap in &lost {
                    problem.detail = format!("{}; before that {gap}", problem.detail);
                }
                Pulled::Refused { problem, next }
            }
            Pulled::Page(page) => Pulled::Page(Page { lost, ..page }),
            other => other,
        })
    }

    /// What there is, or what comes until then. An error is told where nothing came before it.
    async fn page(
        &self,
        pull: &Pull,
        asked: &Events,
        interface: &EventInterface,
        until: Instant,
    ) -> Result<Page, Stopped> {
        let limit = asked.limit.clamp(1, MOST_EVENTS);
        let mut page = Page { events: Vec::new(), next: asked.after, head: asked.after, lost: Vec::new() };
        let (mut looked_at, mut bytes) = (0, 0);
        loop {
            let batch = match self.log.read(&pull.interface, page.next, AT_ONCE).await {
                Ok(batch) => batch,
                Err(_) if !page.events.is_empty() => return Ok(page),
                Err(error) => return Err(Stopped::Log(error, page.next)),
            };
            page.head = batch.head;
            let is_all = batch.records.is_empty();
            for record in &batch.records {
                if page.events.len() == limit || bytes >= MOST_BYTES || looked_at == MOST_LOOKED_AT {
                    return Ok(page);
                }
                looked_at += 1;
                match self.told(pull, asked, interface, record) {
                    Told::Event(event, held) => {
                        self.holding.count(hands(pull), &held);
                        bytes += record.body.len();
                        page.events.push((record.position, event));
                    }
                    Told::Passed => {}
                    // INVARIANT: NOTHING-LOST: what comes before it is told first, and then it is named.
                    Told::Withheld(_) if !page.events.is_empty() => return Ok(page),
                    Told::Withheld(held) => {
                        let at = record.position;
                        self.withheld(pull, at, &held);
                        return Err(Stopped::Withheld { problem: held.problem(&pull.interface, at, &pull.scope), at });
                    }
                }
                page.next = record.position;
            }
            if !page.events.is_empty() && (is_all || page.next == page.head) {
                return Ok(page);
            }
            if is_all && !self.comes(pull, page.next, until).await.map_err(|error| Stopped::Log(error, page.next))? {
                return Ok(page);
            }
        }
    }

    /// Whether something comes after a position before then.
    async fn comes(&self, pull: &Pull, after: Position, until: Instant) -> Result<bool, LogError> {
        match tokio::time::timeout_at(until, self.log.wait(&pull.interface, after)).await {
            Ok(waited) => waited.map(|_| true),
            Err(_) => Ok(false),
        }
    }

    /// The event of a record as it is told.
    fn told(&self, pull: &Pull, asked: &Events, interface: &EventInterface, record: &Record) -> Told {
        let Ok(event) = CloudEvent::from_record(&record.body) else { return Told::Passed };
        let is_asked = asked.types.is_empty() || asked.types.contains(&event.kind);
        if !is_asked || !covers(&event, interface, &pull.scope) {
            return Told::Passed;
        }
        let held = self.holding.hold(Handed { hands: hands(pull), event: &event });
        if held.withholds() {
            return Told::Withheld(held);
        }
        let shown = shown(event, interface, &pull.scope);
        shown.map_or(Told::Passed, |event| Told::Event(event.told(record.position), held))
    }

    /// Counts what is kept back; who asks again for the same is told the same, and that is no other event.
    fn withheld(&self, pull: &Pull, at: Position, held: &Held) {
        let whose = (pull.interface.clone(), pull.consumer.clone());
        let mut told = self.withheld.lock().unwrap_or_else(PoisonError::into_inner);
        if told.insert(whose, at) != Some(at) {
            self.holding.count(hands(pull), held);
        }
    }

    async fn head(&self, pull: &Pull) -> Result<Position, Box<Problem>> {
        let one = ReadLimit { records: 1, bytes: 1 };
        match self.log.read(&pull.interface, Position::START, one).await {
            Ok(batch) => Ok(batch.head),
            // Asked beyond every event, the log says where it ends.
            Err(error) if is_lost(&error) => match self.log.read(&pull.interface, beyond(), one).await {
                Err(LogError::Ahead { head, .. }) => Ok(head),
                Ok(batch) => Ok(batch.head),
                Err(error) => Err(Box::new(of_log(&error))),
            },
            Err(error) => Err(Box::new(of_log(&error))),
        }
    }

    async fn lease(
        &self,
        pull: &Pull,
        group: &str,
        member: &str,
        lease: Duration,
        start: Start,
    ) -> Result<Pulled, Box<Problem>> {
        let head = self.head(pull).await?;
        let start = match start {
            Start::Oldest => Position::START,
            Start::Newest => head,
            Start::After(position) => position,
        };
        if start > head {
            return Err(Box::new(ahead(pull, start, head)));
        }
        let lease = lease.min(LONGEST_LEASE);
        let node = format!("member/{member}");
        let reader = reader(pull, group)?;
        self.has_room(pull, &reader).await?;
        let cursor = NewCursor { stream: pull.interface.clone(), reader, start, node, lease };
        let (taken, ended) = self.store.take_group(&cursor).await.map_err(|error| of_store(&error, group))?;
        match taken {
            TakenCursor::Taken { position, fence } => Ok(Pulled::Leased { position, fence, lease, head, ended }),
            TakenCursor::Held { by, until } => {
                let by = by.strip_prefix("member/").unwrap_or(&by);
                let detail =
                    format!("`{by}` has the turn of the group `{group}` until {until}, unless it is given back");
                let left = until.duration_since(jiff::Timestamp::now()).as_secs();
                let problem = Problem::new(409, code::GROUP_HELD, detail);
                Err(Box::new(problem.retry_after(u32::try_from(left.max(1)).unwrap_or(1))))
            }
        }
    }

    /// Each group holds retention back, so that a consumer has a few of them only.
    async fn has_room(&self, pull: &Pull, reader: &ReaderName) -> Result<(), Box<Problem>> {
        let cursors = self.store.cursors(&pull.interface).await.map_err(|error| of_store(&error, reader.as_str()))?;
        let own = format!("group/{}/", pull.consumer);
        let groups = cursors.iter().filter(|cursor| cursor.reader.as_str().starts_with(&own)).count();
        if groups < MOST_GROUPS || cursors.iter().any(|cursor| cursor.reader == *reader) {
            return Ok(());
        }
        let detail =
            format!("`{}` has {groups} groups on this interface already: forget one that nobody uses", pull.consumer);
        Err(Box::new(Problem::new(409, code::GROUPS_MANY, detail)))
    }

    async fn commit(
        &self,
        pull: &Pull,
        group: &str,
        fence: i64,
        position: Position,
        lease: Option<Duration>,
    ) -> Result<Pulled, Box<Problem>> {
        let head = self.head(pull).await?;
        // Beyond the end nothing can have been read, and retention would take it unread.
        if position > head {
            return Err(Box::new(ahead(pull, position, head)));
        }
        let moved = CursorMove { stream: pull.interface.clone(), reader: reader(pull, group)?, fence, to: position };
        self.store.commit_group(&moved).await.map_err(|error| of_store(&error, group))?;
        if let Some(lease) = lease {
            let extended = self.store.extend_cursor(&moved, lease.min(LONGEST_LEASE)).await;
            extended.map_err(|error| of_store(&error, group))?;
        }
        Ok(Pulled::Done)
    }

    async fn forget(&self, pull: &Pull, group: &str) -> Result<Pulled, Box<Problem>> {
        let forgotten = self.store.forget_cursor(&pull.interface, &reader(pull, group)?).await;
        forgotten.map_err(|error| of_store(&error, group))?;
        Ok(Pulled::Done)
    }
}

fn reader(pull: &Pull, group: &str) -> Result<ReaderName, Box<Problem>> {
    let name = format!("group/{}/{group}", pull.consumer);
    name.parse().map_err(|error| Box::new(Problem::new(400, code::PULL_UNFIT, format!("the group's name: {error}"))))
}

/// No event has it.
fn beyond() -> Position {
    Position::new(9_222, 999_999_999_999_999).unwrap_or(Position::START)
}

fn is_lost(error: &LogError) -> bool {
    matches!(error, LogError::Damaged { .. } | LogError::Missing { .. } | LogError::Retired { .. })
}

/// What is not there any more is named, and where to go on behind it; doing so is the consumer's decision.
/// INVARIANT: NOTHING-LOST
fn refused(error: &LogError, after: Position) -> Pulled {
    let next = match error {
        LogError::Damaged { position, .. } => Some(*position),
        LogError::Missing { to, .. } | LogError::Retired { to, .. } => Position::new(after.epoch().max(1), *to),
        _ => None,
    };
    let mut problem = of_log(error);
    if let Some(next) = next {
        problem.detail = format!("{}; what is behind it comes with `after={next}`", problem.detail);
    }
    Pulled::Refused { problem, next }
}

fn of_log(error: &LogError) -> Problem {
    match error {
        LogError::Ahead { .. } => Problem::new(409, error.code(), error.to_string()),
        error if is_lost(error) => Problem::new(410, error.code(), error.to_string()),
        // What it says of itself is for operators.
        error => Problem::new(503, error.code(), "the log cannot be read at the moment").retry_after(1),
    }
}

fn ahead(pull: &Pull, after: Position, head: Position) -> Problem {
    of_log(&LogError::Ahead { stream: pull.interface.clone(), after, head })
}

fn of_store(error: &StoreError, group: &str) -> Box<Problem> {
    let problem = match error {
        StoreError::CursorFenced { .. } => {
            let detail = format!(
                "the turn of the group `{group}` is another's by now, or the position lies before what was committed: take the turn again"
            );
            Problem::new(409, code::GROUP_FENCED, detail)
        }
        StoreError::NotFound { .. } => Problem::new(404, code::GROUP_UNKNOWN, format!("there is no group `{group}`")),
        error => Problem::new(503, error.code(), "the store cannot be reached at the moment").retry_after(1),
    };
    Box::new(problem)
}

//! What the console's first page shows, as plain data that the binary gathers from gateway, engine and store.

use std::time::Duration;

use jiff::Timestamp;

use crate::contract_check::{ContractCheck, Sides};
use crate::delivery::Cause;
use crate::manifest::api::Operation;
use crate::name::{ConsumerName, InterfaceRef, SystemName};
use crate::subscription::{SubscriptionState, Waiting};
use crate::usage::{ShadowGroup, UsageCount, UsageGap, UsageTotal};

/// The state of a node at a glance.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Overview {
    /// The fabric's name.
    pub fabric: String,
    /// The environment.
    pub environment: String,
    /// The active release's id.
    pub release: String,
    /// Active since.
    pub since: Timestamp,
    /// Its systems.
    pub systems: Vec<SystemRow>,
    /// Its interfaces.
    pub interfaces: Vec<InterfaceRow>,
    /// Requests that matched no interface (shadow traffic).
    pub shadow: u64,
    /// Some of them, newest first.
    pub shadow_samples: Vec<ShadowRow>,
    /// Operations without an outcome, oldest first: those in hand, and those whose outcome is not known.
    pub unresolved: Vec<OperationRow>,
    /// Operations that are parked because their system lacks what they need.
    pub parked: Vec<ParkedRow>,
    /// Why what is to run was not taken, where it was not: a changed directory, or what is active.
    pub rejected: Option<String>,
    /// Access that was opened without approval and is open now.
    pub break_glass: Vec<BreakGlassRow>,
}

/// Access that was opened without approval.
#[derive(Clone, Debug, PartialEq)]
pub struct BreakGlassRow {
    /// The grant's id.
    pub grant: String,
    /// Who has it.
    pub consumer: ConsumerName,
    /// On what.
    pub interface: InterfaceRef,
    /// Until when.
    pub until: Timestamp,
    /// Why.
    pub because: String,
}

/// One system.
#[derive(Clone, Debug, PartialEq)]
pub struct SystemRow {
    /// Its name.
    pub name: SystemName,
    /// `odoo`, `http`, …
    pub connector: String,
    /// Its address, without credentials.
    pub address: Option<String>,
    /// How it is.
    pub health: Health,
    /// How much it is asked, where Selvage keeps count.
    pub calls: Option<CallsRow>,
}

/// How much a system is asked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CallsRow {
    /// Calls at a time that it is given now.
    pub limit: usize,
    /// Calls at a time that are declared.
    pub declared: usize,
    /// Calls under way.
    pub under_way: usize,
    /// Calls that wait for their turn.
    pub waiting: usize,
}

/// How a system is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Health {
    /// Answered last time, with this word about itself (a version).
    Up(String),
    /// Did not, and why.
    Down(String),
    /// Not asked yet, or never asked.
    Unknown,
}

/// One interface with its traffic since the node started.
#[derive(Clone, Debug, PartialEq)]
pub struct InterfaceRow {
    /// Which.
    pub interface: InterfaceRef,
    /// `api`, `event`, …
    pub kind: String,
    /// `direct` or `mediated`, for apis.
    pub control: Option<String>,
    /// `active`, `deprecated`, …
    pub lifecycle: String,
    /// Its owner.
    pub owner: String,
    /// The classes of data that it carries.
    pub classes: Vec<String>,
    /// Requests.
    pub requests: u64,
    /// Refused: 4xx by Selvage.
    pub refused: u64,
    /// Failed: 5xx.
    pub failed: u64,
    /// Requests in each of the last minutes, oldest first (up to 60).
    pub minutes: Vec<u32>,
    /// Refusals by code, most first.
    pub refusals: Vec<(String, u64)>,
    /// Requests by consumer, most first.
    pub consumers: Vec<(ConsumerName, u64)>,
    /// What became of its kept answers, where it keeps any.
    pub kept: Option<KeptRow>,
}

/// What an interface made of its kept answers since the node started.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct KeptRow {
    /// Requests that were given one, or told that theirs is still right.
    pub given: u64,
    /// Requests that found none.
    pub asked: u64,
    /// Requests that nothing is kept for.
    pub passed: u64,
    /// Answers that are kept now.
    pub answers: u64,
}

/// One request that nothing declares.
#[derive(Clone, Debug, PartialEq)]
pub struct ShadowRow {
    /// Its method.
    pub method: String,
    /// Its path without the query.
    pub path: String,
    /// When.
    pub at: Timestamp,
}

/// What the page of usage shows, of all nodes.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct UsageView {
    /// The day of now, its beginning.
    pub today: Timestamp,
    /// Counts by everything that is counted by itself.
    pub totals: Vec<UsageTotal>,
    /// Requests of each interface by day.
    pub course: Vec<(Timestamp, InterfaceRef, UsageCount)>,
    /// Requests that nothing declares, most first.
    pub shadows: Vec<ShadowGroup>,
    /// Counts that are missing.
    pub gaps: Vec<UsageGap>,
}

impl UsageView {
    /// How many days it shows.
    pub const DAYS: usize = 30;

    /// Requests of an interface in each of the days, oldest first; the last is the running one.
    pub fn days(&self, interface: &InterfaceRef) -> Vec<u64> {
        let mut days = vec![0; Self::DAYS];
        for (day, _, count) in self.course.iter().filter(|(_, of, _)| of == interface) {
            let age = usize::try_from((self.today.as_second() - day.as_second()) / 86_400).ok();
            let place = age.and_then(|age| Self::DAYS.checked_sub(age + 1));
            if let Some(sum) = place.and_then(|place| days.get_mut(place)) {
                *sum += count.requests;
            }
        }
        days
    }
}

/// What the page of contracts shows, of all nodes.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ContractsView {
    /// Now.
    pub now: Timestamp,
    /// What was counted against the newest text of each contract.
    pub checks: Vec<ContractCheck>,
    /// What that says of each side of each interface, those that nothing was seen of too.
    pub sides: Sides,
    /// Direct interfaces whose messages pass unread.
    pub unread: Vec<InterfaceRef>,
}

/// What the page of lanes shows.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LanesView {
    /// Now.
    pub now: Timestamp,
    /// Lanes that wait for a person, the oldest trouble first.
    pub parked: Paged<LaneRow>,
    /// Lanes that are tried again by themselves, the oldest trouble first.
    pub retrying: Paged<LaneRow>,
    /// How many messages wait in all of them.
    pub waiting: u64,
    /// Records that are parked in captures, the oldest first.
    pub records: Paged<RecordRow>,
    /// Subscriptions that have not ended, by name.
    pub subscriptions: Vec<SubscriptionRow>,
}

impl LanesView {
    /// So many lines of a table are on a page.
    pub const PAGE: u32 = 200;
}

/// Which pages of the lanes: behind which place each of them begins, and at the beginning where nothing is said.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LanesAsked {
    /// Of lanes that wait for a person.
    pub parked: Option<String>,
    /// Of lanes that are tried again.
    pub retrying: Option<String>,
    /// Of parked records.
    pub records: Option<String>,
}

/// A page of a table.
#[derive(Clone, Debug, PartialEq)]
pub struct Paged<T> {
    /// Its lines.
    pub rows: Vec<T>,
    /// How many there are on all pages.
    pub all: u64,
    /// Behind which place the next page begins; none on the last.
    pub next: Option<String>,
}

impl<T> Default for Paged<T> {
    fn default() -> Self {
        Self { rows: Vec::new(), all: 0, next: None }
    }
}

/// One lane that is set aside.
#[derive(Clone, Debug, PartialEq)]
pub struct LaneRow {
    /// Its subscription: `consumer/name`.
    pub subscription: String,
    /// Whose events.
    pub interface: InterfaceRef,
    /// Which lane.
    pub lane: String,
    /// How many messages wait in it.
    pub waiting: u64,
    /// Why its head did not arrive.
    pub cause: Cause,
    /// The same, for a person.
    pub because: String,
    /// How often its head was sent.
    pub attempts: u32,
    /// Since when.
    pub since: Timestamp,
    /// When it is tried next; none where it waits for a person.
    pub due: Option<Timestamp>,
    /// The dead letter that it waits behind.
    pub letter: Option<String>,
}

/// One record that is parked in a capture.
#[derive(Clone, Debug, PartialEq)]
pub struct RecordRow {
    /// Its name: `system-id`.
    pub record: String,
    /// Whose events it would be.
    pub interface: InterfaceRef,
    /// Of which class it is what is in its way.
    pub cause: Cause,
    /// The code of that.
    pub code: String,
    /// The same, for a person.
    pub because: String,
    /// Since when.
    pub since: Timestamp,
}

/// One subscription.
#[derive(Clone, Debug, PartialEq)]
pub struct SubscriptionRow {
    /// Its name: `consumer/name`.
    pub label: String,
    /// Whose events.
    pub interface: InterfaceRef,
    /// Where to; none where it is pulled.
    pub to: Option<String>,
    /// How it stands.
    pub state: SubscriptionState,
    /// Why.
    pub because: Option<String>,
    /// Why nothing is sent although it stands so that it could be.
    pub waits: Option<Waiting>,
    /// How many events of its stream it has not passed.
    pub behind: Option<u64>,
    /// How old the oldest is that has not arrived, in seconds; known where this node delivers.
    pub lag: Option<f64>,
    /// How old it may be.
    pub agreed: Option<Duration>,
    /// Lanes that are tried again.
    pub retrying: u64,
    /// Lanes that wait for a person.
    pub parked: u64,
    /// Whether its endpoint takes nothing.
    pub down: bool,
    /// Until when its receiver asked to be left alone.
    pub held_until: Option<Timestamp>,
    /// Messages that were not sent since its grant does not cover them any more.
    pub withheld: u64,
    /// At how many places of its stream it has not had what was written, and the last of them in words.
    pub passed: Option<(u64, String)>,
}

/// One operation that is parked.
#[derive(Clone, Debug, PartialEq)]
pub struct ParkedRow {
    /// Its interface.
    pub interface: InterfaceRef,
    /// The operation.
    pub operation: Operation,
    /// The system that lacks something.
    pub system: SystemName,
    /// The code of what it lacks first.
    pub code: String,
    /// Of which class that is: who can do something about it.
    pub cause: Cause,
    /// What it lacks.
    pub reason: String,
    /// What to do about it.
    pub fix: String,
    /// Since when.
    pub since: Timestamp,
}

/// One operation without an outcome.
#[derive(Clone, Debug, PartialEq)]
pub struct OperationRow {
    /// Its id.
    pub id: String,
    /// Which interface and operation.
    pub what: String,
    /// Who asked.
    pub consumer: String,
    /// When.
    pub since: Timestamp,
    /// `pending`, `unknown`, `stuck`.
    pub state: String,
    /// What is being done about it.
    pub note: String,
}

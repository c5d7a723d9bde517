//! A grant's condition that looks at the time, judged again while what it opened flows: a window that closes ends what began in it.
//! A condition that looks at nothing but the request is judged once, when that begins.

use std::cell::Cell;
use std::sync::Arc;

use http::{Method, Uri};
use jiff::Timestamp;
use selvage_model::name::ConsumerName;

use crate::condition::{GrantCondition, Told};
use crate::decide::Permit;

/// Seconds in which no condition comes to anything else: the facts of time are whole minutes.
const MINUTE: i64 = 60;

/// A condition, with the request that it was judged for.
#[derive(Debug)]
pub(crate) struct Timed {
    condition: Arc<GrantCondition>,
    method: Method,
    uri: Uri,
    operation: String,
    consumer: ConsumerName,
    interface: String,
    purpose: Option<String>,
    until: Option<Timestamp>,
    /// The minute since 1970 in which it was found to hold last.
    held_in: Cell<i64>,
}

impl Timed {
    /// Of a permitted request; none where its grant opens whatever the time is.
    pub(crate) fn of(permit: &Permit<'_>, method: &Method, uri: &Uri, now: Timestamp) -> Option<Box<Self>> {
        let condition = permit.lease.condition().filter(|condition| condition.reads_time())?;
        Some(Box::new(Self {
            condition: Arc::clone(condition),
            method: method.clone(),
            uri: uri.clone(),
            operation: permit.operation().to_owned(),
            consumer: permit.consumer.clone(),
            interface: permit.interface().to_string(),
            purpose: permit.lease.purpose.clone(),
            until: permit.lease.until,
            held_in: Cell::new(minute(now)),
        }))
    }

    /// Whether it still holds.
    pub(crate) fn holds(&self, now: Timestamp) -> bool {
        let now_in = minute(now);
        if self.held_in.get() == now_in {
            return true;
        }
        let told = Told {
            method: &self.method,
            path: self.uri.path(),
            query: self.uri.query(),
            operation: &self.operation,
            id: None,
            consumer: self.consumer.as_str(),
            interface: &self.interface,
            purpose: self.purpose.as_deref(),
            until: self.until,
        };
        let holds = self.condition.comes_true(&told, now) == Ok(true);
        if holds {
            self.held_in.set(now_in);
        }
        holds
    }

    /// When it has to be judged again.
    pub(crate) fn next(&self) -> Option<Timestamp> {
        Timestamp::from_second((self.held_in.get() + 1) * MINUTE).ok()
    }
}

fn minute(at: Timestamp) -> i64 {
    at.as_second().div_euclid(MINUTE)
}

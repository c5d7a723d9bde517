//! The conditions of grants in a snapshot: compiled once, judged for a request that the grant would pass. What cannot be
//! judged does not pass, and the refusal says which condition it was. A grant without one costs nothing here.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use http::{Method, StatusCode};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use selvage_governance::condition::{Condition, Facts};
use selvage_model::access::GrantTerms;
use selvage_model::code;
use selvage_model::manifest::consumer::Consumer;
use selvage_model::name::ConsumerName;
use selvage_model::scalar;

use crate::head::Head;
use crate::path;
use crate::refusal::Refusal;
use crate::snapshot::{Lease, Served};

/// Under which condition a grant opens anything.
#[derive(Debug)]
pub(crate) struct GrantCondition {
    /// As it was written.
    text: String,
    /// Or why it cannot be judged.
    condition: Result<Condition, String>,
    zone: TimeZone,
    whose: Whose,
    is_of_the_minute: bool,
}

/// What a condition may know of a consumer beside its name, as it is declared.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
struct Whose {
    owner: Option<String>,
    identity: Option<&'static str>,
}

impl Whose {
    fn of(consumer: Option<&Consumer>) -> Self {
        let owner = consumer.map(|consumer| consumer.owner.value.clone());
        Self { owner, identity: consumer.map(|consumer| consumer.identity.as_str()) }
    }
}

/// All that a condition of the minute depends on, under one grant: the minute, the operation and the method. Never zero.
#[derive(Clone, Copy)]
struct Moment(u64);

impl Moment {
    fn of(head: &Head<'_>, about: &About<'_>, now: Timestamp) -> Option<Self> {
        let method = match *head.method {
            Method::GET => 1,
            Method::POST => 2,
            Method::PUT => 3,
            Method::PATCH => 4,
            Method::DELETE => 5,
            Method::HEAD => 6,
            _ => return None,
        };
        let minute = u32::try_from(now.as_second().div_euclid(60)).ok()?;
        let operation = u16::try_from(about.operation).ok()?;
        Some(Self(u64::from(minute) << 32 | u64::from(operation) << 8 | method))
    }
}

/// When a grant's condition was found to hold last, for some operations: to judge it takes longer than all else of a decision.
#[derive(Debug, Default)]
pub(crate) struct HeldLast([AtomicU64; 8]);

impl HeldLast {
    fn slot(&self, moment: Moment) -> Option<&AtomicU64> {
        self.0.get(usize::try_from(moment.0 >> 8 & 7).ok()?)
    }

    fn has(&self, moment: Moment) -> bool {
        self.slot(moment).is_some_and(|slot| slot.load(Ordering::Relaxed) == moment.0)
    }

    fn note(&self, moment: Moment) {
        if let Some(slot) = self.slot(moment) {
            slot.store(moment.0, Ordering::Relaxed);
        }
    }
}

/// What a request is about.
#[derive(Clone, Copy)]
pub(crate) struct About<'a> {
    pub(crate) served: &'a Served,
    pub(crate) operation: u32,
    /// The record, as it was sent.
    pub(crate) id: Option<&'a str>,
    pub(crate) consumer: &'a ConsumerName,
    pub(crate) lease: &'a Lease,
}

/// What a condition is told of a request, beside the time.
pub(crate) struct Told<'a> {
    pub(crate) method: &'a Method,
    /// As it was sent.
    pub(crate) path: &'a str,
    pub(crate) query: Option<&'a str>,
    /// As grants name it.
    pub(crate) operation: &'a str,
    /// As it was sent.
    pub(crate) id: Option<&'a str>,
    pub(crate) consumer: &'a str,
    pub(crate) interface: &'a str,
    pub(crate) purpose: Option<&'a str>,
    pub(crate) until: Option<Timestamp>,
}

/// The conditions of a snapshot: many grants have the same.
#[derive(Default)]
pub(crate) struct Conditions(HashMap<(String, Option<String>, Whose), Arc<GrantCondition>>);

impl Conditions {
    /// The condition of these terms of a consumer, where they have one.
    pub(crate) fn of(&mut self, terms: &GrantTerms, consumer: Option<&Consumer>) -> Option<Arc<GrantCondition>> {
        let key = (terms.when.clone()?, terms.time_zone.clone(), Whose::of(consumer));
        let new = |(text, zone, whose): &(String, Option<String>, Whose)| {
            Arc::new(GrantCondition::new(text, zone.as_deref(), whose.clone()))
        };
        Some(Arc::clone(self.0.entry(key).or_insert_with_key(new)))
    }
}

impl GrantCondition {
    fn new(text: &str, zone: Option<&str>, whose: Whose) -> Self {
        let known = zone.map_or(Some(TimeZone::UTC), scalar::time_zone);
        let condition = match known {
            Some(_) => Condition::parse(text).map_err(|error| error.message),
            None => Err("its time zone is not known here".to_owned()),
        };
        let is_of_the_minute = condition.as_ref().is_ok_and(Condition::is_of_the_minute);
        Self { text: text.to_owned(), condition, zone: known.unwrap_or(TimeZone::UTC), whose, is_of_the_minute }
    }

    /// As it was written.
    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// Whether the other says the same, of the same owner.
    pub(crate) fn is_the_same(&self, other: &Self) -> bool {
        self.text == other.text && self.zone == other.zone && self.whose == other.whose
    }

    /// Whether it holds for a request; why not otherwise.
    pub(crate) fn holds<'s>(&self, head: &Head<'_>, about: &About<'_>, now: Timestamp) -> Result<(), Box<Refusal<'s>>> {
        let moment = self.is_of_the_minute.then(|| Moment::of(head, about, now)).flatten();
        if moment.is_some_and(|moment| about.lease.held.has(moment)) {
            return Ok(());
        }
        match self.judge(head, about, now) {
            Ok(true) => {
                if let Some(moment) = moment {
                    about.lease.held.note(moment);
                }
                Ok(())
            }
            Ok(false) => {
                let detail = format!("the grant for `{}` holds only while `{}`", about.served.reference, self.text);
                Err(Box::new(Refusal::new(StatusCode::FORBIDDEN, code::CONDITION_FALSE, detail)))
            }
            Err(why) => {
                let reference = &about.served.reference;
                let detail =
                    format!("the condition `{}` of the grant for `{reference}` cannot be judged: {why}", self.text);
                Err(Box::new(Refusal::new(StatusCode::FORBIDDEN, code::CONDITION_FAILED, detail)))
            }
        }
    }

    /// Whether it looks at the time.
    pub(crate) fn reads_time(&self) -> bool {
        self.condition.as_ref().is_ok_and(Condition::reads_time)
    }

    fn judge(&self, head: &Head<'_>, about: &About<'_>, now: Timestamp) -> Result<bool, String> {
        let told = Told {
            method: head.method,
            path: head.path,
            query: head.query,
            operation: about.served.operation(about.operation).map_or("", |operation| &operation.name),
            id: about.id,
            consumer: about.consumer.as_str(),
            interface: &about.served.reference.to_string(),
            purpose: about.lease.purpose.as_deref(),
            until: about.lease.until,
        };
        self.comes_true(&told, now)
    }

    /// Whether it is true of a request at this time; why that cannot be judged.
    pub(crate) fn comes_true(&self, told: &Told<'_>, now: Timestamp) -> Result<bool, String> {
        let condition = self.condition.as_ref().map_err(Clone::clone)?;
        let (mut sent, mut query) = (String::new(), Vec::new());
        if !self.is_of_the_minute {
            // Decoded, so that one spelling of a path is as good as another.
            let path = path::decode(told.path.as_bytes(), false).and_then(|path| String::from_utf8(path).ok());
            sent = path.ok_or("the path is not percent-encoded UTF-8")?;
            query = path::decode_query(told.query).ok_or("the query is not percent-encoded UTF-8")?;
        }
        let id = told.id.and_then(path::decode_segment);
        let now = now.to_zoned(self.zone.clone());
        condition.holds(&Facts {
            method: told.method.as_str(),
            path: &sent,
            query,
            operation: told.operation,
            id: id.as_deref(),
            consumer: told.consumer,
            owner: self.whose.owner.as_deref(),
            identity: self.whose.identity,
            interface: told.interface,
            purpose: told.purpose,
            until: told.until,
            now: &now,
        })
    }
}

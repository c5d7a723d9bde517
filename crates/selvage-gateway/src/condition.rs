//! The conditions of grants in a snapshot: compiled once, judged for a request that the grant would pass. What cannot be
//! judged does not pass, and the refusal says which condition it was. A grant without one costs nothing here.

use std::collections::HashMap;
use std::sync::Arc;

use http::StatusCode;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use selvage_governance::condition::{Condition, Facts};
use selvage_model::access::GrantTerms;
use selvage_model::code;
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

/// The conditions of a snapshot: many grants have the same.
#[derive(Default)]
pub(crate) struct Conditions(HashMap<(String, Option<String>), Arc<GrantCondition>>);

impl Conditions {
    /// The condition of these terms, where they have one.
    pub(crate) fn of(&mut self, terms: &GrantTerms) -> Option<Arc<GrantCondition>> {
        let key = (terms.when.clone()?, terms.time_zone.clone());
        let known =
            self.0.entry(key).or_insert_with_key(|(text, zone)| Arc::new(GrantCondition::new(text, zone.as_deref())));
        Some(Arc::clone(known))
    }
}

impl GrantCondition {
    fn new(text: &str, zone: Option<&str>) -> Self {
        let known = zone.map_or(Some(TimeZone::UTC), scalar::time_zone);
        let condition = match known {
            Some(_) => Condition::parse(text).map_err(|error| error.message),
            None => Err("its time zone is not known here".to_owned()),
        };
        Self { text: text.to_owned(), condition, zone: known.unwrap_or(TimeZone::UTC) }
    }

    /// As it was written.
    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// Whether it holds for a request; why not otherwise.
    pub(crate) fn holds<'s>(&self, head: &Head<'_>, about: &About<'_>, now: Timestamp) -> Result<(), Box<Refusal<'s>>> {
        match self.judge(head, about, now) {
            Ok(true) => Ok(()),
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

    fn judge(&self, head: &Head<'_>, about: &About<'_>, now: Timestamp) -> Result<bool, String> {
        let condition = self.condition.as_ref().map_err(Clone::clone)?;
        // Decoded, so that one spelling of a path is as good as another.
        let sent = path::decode(head.path.as_bytes(), false).and_then(|path| String::from_utf8(path).ok());
        let sent = sent.ok_or("the path is not percent-encoded UTF-8")?;
        let query = path::decode_query(head.query).ok_or("the query is not percent-encoded UTF-8")?;
        let interface = about.served.reference.to_string();
        let id = about.id.and_then(path::decode_segment);
        let now = now.to_zoned(self.zone.clone());
        condition.holds(&Facts {
            method: head.method.as_str(),
            path: &sent,
            query,
            operation: about.served.operation(about.operation).map_or("", |operation| &operation.name),
            id: id.as_deref(),
            consumer: about.consumer.as_str(),
            interface: &interface,
            purpose: about.lease.purpose.as_deref(),
            now: &now,
        })
    }
}

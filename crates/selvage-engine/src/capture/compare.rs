//! What a record as it was read teaches, beside what was known of it. Pure: makes the step that is written, never writes.

use jiff::Timestamp;
use selvage_mapping::MapError;
use selvage_model::manifest::object::{Object, Shape};
use selvage_store::{CaptureStage, CaptureStep, Captured, ParkedCapture, Standing, Unmoved};
use serde_json::Value;

use super::fact;
use super::told::{self, Change};
use super::watched::Watched;

/// The longest value that records of a copy are looked for by.
const LONGEST_VALUE: usize = 128;
/// What is said where the words of an error may hold what only some may see.
const CLASSED: &str = "what is wrong is not kept: the object carries a class of data";
/// How a record that is not there is kept.
const NOTHING: &str = "null";

/// A record as it was read.
pub(crate) struct Seen {
    pub(crate) record: i64,
    /// The second in which it says it was written.
    pub(crate) written: i64,
    /// In which it says it was made, where it says so.
    pub(crate) created: Option<i64>,
    pub(crate) standing: Standing,
    pub(crate) object: Result<Value, MapError>,
}

/// What a look is part of.
#[derive(Clone, Copy)]
pub(crate) struct During<'a> {
    pub(crate) stage: CaptureStage,
    pub(crate) generation: i64,
    /// Attributes that only say when a record was written: that they differ is no change.
    pub(crate) stamps: &'a [String],
    /// What ids are hashed with.
    pub(crate) key: &'a [u8; 32],
}

/// Adds to the step what a record teaches. `echo` is the operation by which Selvage wrote exactly this.
///
/// Of a change that cannot be told the object is known all the same, beside how it was when it was last told of: a copy is never
/// behind because an event is.
pub(crate) fn learn(
    watched: &Watched,
    during: During<'_>,
    known: Option<&Captured>,
    seen: &Seen,
    echo: Option<&str>,
    step: &mut CaptureStep,
) {
    let object = match &seen.object {
        Ok(object) => object,
        Err(error) => return unread(watched, known, seen, error, step),
    };
    let before = known.and_then(last_told);
    let changed = fact::changed(before.as_ref(), Some(object));
    let mut next = Captured {
        record: seen.record,
        standing: seen.standing,
        generation: during.generation,
        written: seen.written,
        created: seen.created.or(known.and_then(|known| known.created)),
        change: known.map(|known| known.change.clone()).unwrap_or_default(),
        key: key(watched, seen.record, object),
        content: object.to_string(),
        told: None,
        values: if watched.copy { values(&watched.served.object, object) } else { Vec::new() },
    };
    if before.is_some() && changed.iter().all(|name| during.stamps.contains(name)) {
        return keep(known, next, step);
    }
    let blank = |known: &Captured| before.is_none() && known.standing != Standing::Gone;
    let first = known.is_none_or(|known| known.generation < during.generation || blank(known));
    let is_baseline = during.stage == CaptureStage::Baseline && first;
    if !is_baseline && (echo.is_none() || watched.declared.own_writes) {
        let id = told::change_id(watched, during.key, seen.record, Some(object), &next.change);
        let change = Change {
            record: seen.record,
            id: &id,
            before: before.as_ref(),
            after: Some(object),
            changed: &changed,
            time: Timestamp::from_second(seen.written).unwrap_or(Timestamp::UNIX_EPOCH),
            cause: echo,
        };
        match tell(watched, &change, step) {
            true => next.change = id,
            false => next.told = Some(before.map_or_else(|| NOTHING.to_owned(), |before| before.to_string())),
        }
    }
    keep(known, next, step);
}

/// Adds to the step that a record cannot be read as the object: what was known of it stands, and says so.
fn unread(watched: &Watched, known: Option<&Captured>, seen: &Seen, error: &MapError, step: &mut CaptureStep) {
    let classed = !watched.served.object.classed().is_empty();
    let reason = if classed { CLASSED.to_owned() } else { error.message.clone() };
    let (code, cause) = (error.code.to_string(), error.cause.class());
    step.parked.push(ParkedCapture { record: seen.record, code, cause, reason });
    let standing = if seen.standing == Standing::There { Standing::Unreadable } else { seen.standing };
    let told = match known {
        Some(known) if known.standing != Standing::Gone || known.told.is_some() => known.told.clone(),
        _ => Some(NOTHING.to_owned()),
    };
    let before = known.cloned().unwrap_or_else(|| Captured {
        record: seen.record,
        standing,
        generation: 0,
        written: seen.written,
        created: None,
        change: String::new(),
        key: key(watched, seen.record, &Value::Null),
        content: NOTHING.to_owned(),
        told: None,
        values: Vec::new(),
    });
    let created = seen.created.or(before.created);
    keep(known, Captured { standing, told, written: seen.written, created, ..before }, step);
}

/// Adds to the step that a record is gone.
pub(crate) fn lost(watched: &Watched, during: During<'_>, known: &Captured, now: Timestamp, step: &mut CaptureStep) {
    if known.standing == Standing::Gone && known.told.is_none() {
        return;
    }
    // After a person's word its id may be given again.
    let created = known.created.filter(|_| !during.stage.is_by_word());
    let mut next = Captured { standing: Standing::Gone, told: None, created, ..known.clone() };
    if let Some(before) = last_told(known).filter(|_| during.stage != CaptureStage::Baseline) {
        let id = told::change_id(watched, during.key, known.record, None, &known.change);
        let changed = fact::changed(Some(&before), None);
        let change = Change {
            record: known.record,
            id: &id,
            before: Some(&before),
            after: None,
            changed: &changed,
            time: now,
            cause: None,
        };
        match tell(watched, &change, step) {
            true => next.change = id,
            false => next.told = Some(before.to_string()),
        }
    }
    keep(Some(known), next, step);
}

/// Adds to the step how a record is now, or that it is as it was known.
fn keep(known: Option<&Captured>, next: Captured, step: &mut CaptureStep) {
    let is_same = known.is_some_and(|known| {
        let of = |of: &Captured| (of.standing, of.change.clone(), of.key.clone(), of.told.clone());
        of(known) == of(&next) && known.content == next.content
    });
    let Captured { record, written, created, .. } = next;
    match is_same {
        true => step.seen.push(Unmoved { record, written, created }),
        false => step.known.push(next),
    }
}

/// Adds the events of a change; whether it can be told.
fn tell(watched: &Watched, change: &Change<'_>, step: &mut CaptureStep) -> bool {
    match told::events(watched, change) {
        Ok(events) => {
            step.events.extend(events);
            true
        }
        Err(untold) => {
            let (code, cause, reason) = (untold.code.to_string(), untold.cause, untold.reason);
            step.parked.push(ParkedCapture { record: change.record, code, cause, reason });
            false
        }
    }
}

/// The object as it was when it was last told of; none where it was not there.
pub(crate) fn last_told(known: &Captured) -> Option<Value> {
    let text = match (&known.told, known.standing) {
        (Some(told), _) => told,
        (None, Standing::Gone) => return None,
        (None, _) => &known.content,
    };
    serde_json::from_str(text).ok().filter(|object: &Value| !object.is_null())
}

/// The business key, or what names the record where the object has no key of one attribute.
fn key(watched: &Watched, record: i64, object: &Value) -> String {
    let identity = watched.served.identity().and_then(|identity| object.get(identity.as_str()));
    let text = identity.and_then(Value::as_str).map(str::to_owned);
    text.unwrap_or_else(|| format!("{}-{record}", watched.system()))
}

/// By which attributes a copy finds its records: the names of those that are words, codes and references.
pub(crate) fn found_by(object: &Object) -> String {
    let sought = object.attributes.iter().filter(|attribute| is_sought(&attribute.shape, ""));
    sought.map(|attribute| attribute.name.value.as_str()).collect::<Vec<_>>().join(",")
}

/// What records of a copy are looked for by.
pub(crate) fn values(object: &Object, content: &Value) -> Vec<(String, String)> {
    let values = object.attributes.iter().filter_map(|attribute| {
        let name = attribute.name.value.as_str();
        let text = content.get(name)?.as_str().filter(|text| is_sought(&attribute.shape, text))?;
        Some((name.to_owned(), text.to_owned()))
    });
    values.collect()
}

/// Whether a copy finds records by this value of this shape without going through all of them.
pub(crate) fn is_sought(shape: &Shape, value: &str) -> bool {
    let words = matches!(shape, Shape::String { .. } | Shape::Enum { .. } | Shape::Code { .. } | Shape::Ref { .. });
    words && value.len() <= LONGEST_VALUE
}

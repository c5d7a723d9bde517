//! What a record as it was read teaches, beside what was known of it. Pure: makes the step that is written, never writes.

use jiff::Timestamp;
use selvage_mapping::MapError;
use selvage_model::manifest::object::{Object, Shape};
use selvage_store::{CaptureStage, CaptureStep, Captured, ParkedCapture, Standing};
use serde_json::Value;

use super::fact;
use super::told::{self, Change};
use super::watched::Watched;

/// The longest value that records of a copy are looked for by.
const LONGEST_VALUE: usize = 128;
/// What is said where the words of an error may hold what only some may see.
const CLASSED: &str = "what is wrong is not kept: the object carries a class of data";

/// A record as it was read.
pub(crate) struct Seen {
    pub(crate) record: i64,
    /// The second in which it says it was written.
    pub(crate) written: i64,
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
}

/// Adds to the step what a record teaches. `echo` is the operation by which Selvage wrote exactly this.
pub(crate) fn learn(
    watched: &Watched,
    during: During<'_>,
    known: Option<&Captured>,
    seen: Seen,
    echo: Option<&str>,
    step: &mut CaptureStep,
) {
    let object = match seen.object {
        Ok(object) => object,
        Err(error) => {
            let classed = !watched.served.object.classed().is_empty();
            let reason = if classed { CLASSED.to_owned() } else { error.message };
            step.parked.push(ParkedCapture { record: seen.record, code: error.code.to_string(), reason });
            return;
        }
    };
    let before = known.filter(|known| known.standing != Standing::Gone).and_then(content);
    let changed = fact::changed(before.as_ref(), Some(&object));
    let mut next = Captured {
        record: seen.record,
        standing: seen.standing,
        generation: during.generation,
        written: seen.written,
        change: known.map(|known| known.change.clone()).unwrap_or_default(),
        key: key(watched, seen.record, &object),
        content: object.to_string(),
        values: if watched.copy { values(&watched.served.object, &object) } else { Vec::new() },
    };
    if before.is_some() && changed.iter().all(|name| during.stamps.contains(name)) {
        let unmoved = known.is_some_and(|known| known.standing == seen.standing) && before.as_ref() == Some(&object);
        match unmoved {
            true => step.seen.push((seen.record, seen.written)),
            false => step.known.push(next),
        }
        return;
    }
    let first = known.is_none_or(|known| known.generation < during.generation);
    let is_baseline = during.stage == CaptureStage::Baseline && first;
    if !is_baseline && (echo.is_none() || watched.declared.own_writes) {
        let id = told::change_id(watched, seen.record, Some(&object), &next.change);
        let change = Change {
            record: seen.record,
            id: &id,
            before: before.as_ref(),
            after: Some(&object),
            changed: &changed,
            time: Timestamp::from_second(seen.written).unwrap_or(Timestamp::UNIX_EPOCH),
            cause: echo,
        };
        if !tell(watched, &change, step) {
            return;
        }
        next.change = id;
    }
    step.known.push(next);
}

/// Adds to the step that a record is gone.
pub(crate) fn lost(watched: &Watched, during: During<'_>, known: &Captured, now: Timestamp, step: &mut CaptureStep) {
    if known.standing == Standing::Gone {
        return;
    }
    let mut next = Captured { standing: Standing::Gone, ..known.clone() };
    if during.stage != CaptureStage::Baseline {
        let before = content(known);
        let id = told::change_id(watched, known.record, None, &known.change);
        let changed = fact::changed(before.as_ref(), None);
        let change = Change {
            record: known.record,
            id: &id,
            before: before.as_ref(),
            after: None,
            changed: &changed,
            time: now,
            cause: None,
        };
        if !tell(watched, &change, step) {
            return;
        }
        next.change = id;
    }
    step.known.push(next);
}

/// Adds the events of a change; whether it can be told.
fn tell(watched: &Watched, change: &Change<'_>, step: &mut CaptureStep) -> bool {
    match told::events(watched, change) {
        Ok(events) => {
            step.events.extend(events);
            true
        }
        Err(untold) => {
            let (code, reason) = (untold.code.to_string(), untold.reason);
            step.parked.push(ParkedCapture { record: change.record, code, reason });
            false
        }
    }
}

fn content(known: &Captured) -> Option<Value> {
    serde_json::from_str(&known.content).ok()
}

/// The business key, or what names the record where the object has no key of one attribute.
fn key(watched: &Watched, record: i64, object: &Value) -> String {
    let identity = watched.served.identity().and_then(|identity| object.get(identity.as_str()));
    let text = identity.and_then(Value::as_str).map(str::to_owned);
    text.unwrap_or_else(|| format!("{}-{record}", watched.system()))
}

/// What records of a copy are looked for by: words, codes and references.
fn values(object: &Object, content: &Value) -> Vec<(String, String)> {
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

//! Interfaces of type event and file.

use super::fields::{Fields, key_text};
use crate::manifest::event::{
    Capture, Carried, EventInterface, EventType, FileFormat, FileInterface, FileSource, Into, ReplayPolicy, Retention,
};
use crate::scalar;
use crate::schema::tables::interface::{CAPTURE, COPY, EVENT, FILE_CONTRACT, FILE_SOURCE, INTO, REPLAY, RETENTION};
use crate::yaml::{Key, Node};

pub(super) fn event(fields: Fields<'_>) -> EventInterface {
    EventInterface {
        events: fields.entries("events").iter().filter_map(event_type).collect(),
        produced_by: fields.spanned("produced_by"),
        lane: fields.text("lane"),
        retention: fields.record("retention", &RETENTION).and_then(retention),
        replay: fields.record("replay", &REPLAY).map(replay),
        capture: fields.record("capture", &CAPTURE).and_then(capture),
        copy_max_age: fields.record("copy", &COPY).and_then(|copy| copy.with("max_age", scalar::duration)),
        compatibility: fields.spanned("compatibility"),
    }
}

fn event_type((name, node): &(Key, Node)) -> Option<EventType> {
    let fields = Fields::new(node, &EVENT);
    let carried = match fields.spanned_text("schema") {
        Some(file) => Carried::Schema(file),
        None => Carried::Object(fields.spanned("object")?),
    };
    Some(EventType { name: key_text(name), carried, when: fields.spanned_text("when") })
}

fn retention(fields: Fields<'_>) -> Option<Retention> {
    Some(Retention {
        time: fields.with("for", scalar::duration)?,
        at_least: fields.with("at_least", scalar::size),
        at_most: fields.with("at_most", scalar::size),
    })
}

fn replay(fields: Fields<'_>) -> ReplayPolicy {
    ReplayPolicy { by: fields.texts("by"), max_rate: fields.parse("max_rate") }
}

fn capture(fields: Fields<'_>) -> Option<Capture> {
    Some(Capture {
        record: fields.text("record")?,
        webhook: fields.flag("webhook"),
        poll: fields.with("poll", scalar::duration),
        overlap: fields.with("overlap", scalar::duration),
        reconcile_deletes: fields.with("reconcile_deletes", scalar::duration),
        baseline: fields.word("start", &[("baseline", true), ("events", false)]).unwrap_or(true),
        own_writes: fields.word("own_writes", &[("told", true), ("silent", false)]).unwrap_or(false),
    })
}

pub(super) fn file(fields: Fields<'_>) -> Option<FileInterface> {
    const FORMATS: &[(&str, FileFormat)] = &[
        ("csv", FileFormat::Csv),
        ("xml", FileFormat::Xml),
        ("json", FileFormat::Json),
        ("x12", FileFormat::X12),
        ("edifact", FileFormat::Edifact),
    ];
    let contract = fields.record("contract", &FILE_CONTRACT)?;
    Some(FileInterface {
        format: contract.word("format", FORMATS)?,
        transaction: contract.text("transaction"),
        source: source(fields.record("source", &FILE_SOURCE)?)?,
        into: into(fields.record("into", &INTO)?)?,
    })
}

fn source(fields: Fields<'_>) -> Option<FileSource> {
    Some(FileSource {
        system: fields.spanned("system")?,
        folder: fields.text("folder")?,
        poll: fields.with("poll", scalar::duration),
        archive: fields.text("archive"),
        quarantine: fields.text("quarantine"),
    })
}

pub(super) fn into(fields: Fields<'_>) -> Option<Into> {
    Some(Into { event: fields.spanned_text("event")?, object: fields.spanned("object"), lane: fields.spanned("lane") })
}

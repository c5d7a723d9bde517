//! CloudEvents 1.0: the envelope of every event, read strictly, written compactly, and known again by its source and id. What the
//! data says is a contract's part; whether somebody may send it, the gateway's. Knows no transport but the JSON format.

mod reading;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use crate::event::{EventError, EventId, Position};
use crate::problem::FieldError;

pub use reading::{attribute, structured};

/// The media type of one event in JSON.
pub const STRUCTURED: &str = "application/cloudevents+json";
/// The media type of a batch of events in JSON.
pub const BATCH: &str = "application/cloudevents-batch+json";

/// The version of the specification that is spoken.
const VERSION: &str = "1.0";
const MOST_RECORD_ID: usize = 256;

/// One event. Two are the same where source and id are.
#[derive(Clone, Debug, PartialEq)]
pub struct CloudEvent {
    /// Unique among what the source tells.
    pub id: String,
    /// Who tells it: a URI reference.
    pub source: String,
    /// Its type, `<domain>.<object>.<fact>`.
    pub kind: String,
    /// What of the source it is about.
    pub subject: Option<String>,
    /// When it happened.
    pub time: Option<Timestamp>,
    /// The media type of the data; JSON where not said.
    pub content_type: Option<String>,
    /// The schema that the data follows, as its producer says.
    pub schema: Option<String>,
    /// `partitionkey`: what orders it.
    pub lane: Option<String>,
    /// `correlationid`: the exchange that it belongs to.
    pub correlation: Option<String>,
    /// `causationid`: what caused it.
    pub causation: Option<String>,
    /// The release that it was made under.
    pub release: Option<String>,
    /// Every other attribute, by name: texts, booleans and whole numbers.
    pub extensions: BTreeMap<String, Value>,
    /// What it says.
    pub data: Option<Value>,
}

impl CloudEvent {
    /// An event that says nothing yet.
    pub fn new(id: impl Into<String>, source: impl Into<String>, kind: impl Into<String>) -> Self {
        Self {
            id: id.into(),
            source: source.into(),
            kind: kind.into(),
            subject: None,
            time: None,
            content_type: None,
            schema: None,
            lane: None,
            correlation: None,
            causation: None,
            release: None,
            extensions: BTreeMap::new(),
            data: None,
        }
    }

    /// Reads what the log holds.
    ///
    /// # Errors
    /// Every place that is not as the specification has it: see [`structured`].
    pub fn from_record(body: &[u8]) -> Result<Self, Vec<FieldError>> {
        let value = serde_json::from_slice(body).map_err(|error| {
            vec![FieldError { pointer: String::new(), detail: format!("this is no JSON: {error}") }]
        })?;
        structured(value)
    }

    /// What the log holds: one line of JSON, without the place that the log gives it.
    pub fn record(&self) -> Vec<u8> {
        self.record_of(self.data.as_ref())
    }

    /// The same of this event with other data, which need not be its own for that.
    pub fn record_of(&self, data: Option<&Value>) -> Vec<u8> {
        let mut line = Value::from(self.attributes()).to_string();
        if let Some(data) = data {
            // There is a member before it, always.
            line.pop();
            line.push_str(",\"data\":");
            line.push_str(&data.to_string());
            line.push('}');
        }
        line.into_bytes()
    }

    /// The same event, saying nothing.
    pub fn without_data(&self) -> Self {
        let Self { id, source, kind, subject, time, content_type, schema, lane, correlation, causation, .. } = self;
        Self {
            subject: subject.clone(),
            time: *time,
            content_type: content_type.clone(),
            schema: schema.clone(),
            lane: lane.clone(),
            correlation: correlation.clone(),
            causation: causation.clone(),
            release: self.release.clone(),
            extensions: self.extensions.clone(),
            ..Self::new(id, source, kind)
        }
    }

    /// What is handed out of what the log holds there: the same with its `sequence`, so that a receiver can tell what is stale.
    pub fn told(&self, position: Position) -> Value {
        let mut members = self.attributes();
        members.insert("sequence".to_owned(), Value::from(position.sequence().to_string()));
        members.extend(self.data.clone().map(|data| ("data".to_owned(), data)));
        Value::from(members)
    }

    /// By what the log knows it again.
    ///
    /// # Errors
    /// [`EventError::Text`] where source or id have a control character.
    pub fn record_id(&self) -> Result<EventId, EventError> {
        record_id(&self.source, &self.id)
    }

    fn attributes(&self) -> Map<String, Value> {
        let mut members = Map::new();
        let mut set = |name: &str, value: Option<&str>| {
            if let Some(value) = value {
                members.insert(name.to_owned(), Value::from(value));
            }
        };
        set("specversion", Some(VERSION));
        set("id", Some(&self.id));
        set("source", Some(&self.source));
        set("type", Some(&self.kind));
        set("subject", self.subject.as_deref());
        set("time", self.time.map(|time| time.to_string()).as_deref());
        set("datacontenttype", self.content_type.as_deref());
        set("dataschema", self.schema.as_deref());
        set("partitionkey", self.lane.as_deref());
        set("correlationid", self.correlation.as_deref());
        set("causationid", self.causation.as_deref());
        set("release", self.release.as_deref());
        members.extend(self.extensions.iter().map(|(name, value)| (name.clone(), value.clone())));
        members
    }
}

/// By what the log knows an event again: source and id as they are, where that is short and leaves no doubt which is which, or their
/// hash.
///
/// # Errors
/// [`EventError::Text`] where one of them has a control character.
pub fn record_id(source: &str, id: &str) -> Result<EventId, EventError> {
    let plain = !source.contains('#') && source.len() + id.len() < MOST_RECORD_ID;
    if plain || source.chars().chain(id.chars()).any(char::is_control) {
        return format!("{source}#{id}").parse();
    }
    let mut hash = Sha256::new();
    hash.update(source.len().to_be_bytes());
    hash.update(source);
    hash.update(id);
    let hash: String = hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
    format!("sha256:{hash}").parse()
}

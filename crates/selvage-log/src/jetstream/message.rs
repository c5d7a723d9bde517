//! A record as a message and back. Id and lane travel as base64 in headers, since they may hold what headers may not; a CRC32C
//! over id, lane and body proves them.

use async_nats::Message;
use async_nats::header::HeaderMap;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD as BASE64;
use jiff::Timestamp;
use selvage_model::event::{EventId, LaneKey, NewRecord};
use selvage_store::checksum;

use super::api::{Outgoing, PARTITIONS, header};
use crate::error::LogError;

const ID: &str = "Selvage-Id";
const LANE: &str = "Selvage-Lane";
const CHECKSUM: &str = "Selvage-Checksum";

/// What a message holds.
pub(super) struct Incoming {
    pub(super) sequence: u64,
    pub(super) at: Timestamp,
    pub(super) bytes: u64,
    /// `None` where it is not what was written.
    pub(super) content: Option<(EventId, LaneKey, Vec<u8>)>,
}

pub(super) fn outgoing(record: &NewRecord) -> Outgoing {
    let mut headers = HeaderMap::new();
    headers.insert(ID, BASE64.encode(record.id.as_str()));
    headers.insert(LANE, BASE64.encode(record.lane.as_str()));
    headers.insert(CHECKSUM, of(record.id.as_str(), record.lane.as_str(), &record.body).to_string());
    Outgoing { partition: partition(&record.lane), headers, body: record.body.clone() }
}

pub(super) fn incoming(message: &Message) -> Result<Incoming, LogError> {
    let other = || LogError::unavailable("the broker's answer has no sequence or time");
    let sequence = header(message, "Nats-Sequence")?.parse().map_err(|_| other())?;
    let at = header(message, "Nats-Time-Stamp")?.parse().map_err(|_| other())?;
    Ok(Incoming { sequence, at, bytes: message.payload.len() as u64, content: content(message) })
}

fn content(message: &Message) -> Option<(EventId, LaneKey, Vec<u8>)> {
    let text = |name| String::from_utf8(BASE64.decode(header(message, name).ok()?).ok()?).ok();
    let (id, lane) = (text(ID)?, text(LANE)?);
    let kept: u32 = header(message, CHECKSUM).ok()?.parse().ok()?;
    let whole = of(&id, &lane, &message.payload) == kept;
    whole.then_some((id.parse().ok()?, lane.parse().ok()?, message.payload.to_vec()))
}

/// The subject of a lane: always the same.
fn partition(lane: &LaneKey) -> usize {
    checksum(&[lane.as_str().as_bytes()]) as usize % PARTITIONS
}

fn of(id: &str, lane: &str, body: &[u8]) -> u32 {
    checksum(&[id.as_bytes(), lane.as_bytes(), body])
}

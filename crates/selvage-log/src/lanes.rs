//! Whether lanes have events in a range. Lanes are not indexed: the range is read from its beginning, as far as it is worth it.

use std::collections::BTreeSet;

use selvage_model::event::{LaneKey, Position};
use selvage_model::name::InterfaceRef;

use crate::{EventLog, LogError, ReadLimit};

/// Events are read so many at a time.
const READ: ReadLimit = ReadLimit { records: 1_000, bytes: 4_000_000 };
/// So many events are read at most.
const MOST: usize = 200_000;

/// Those of these lanes that have no event behind one position up to another, or up to the newest. A lane is named only where the whole
/// range was read: none is where the range is longer than 200,000 events and the lane was not met among them.
///
/// # Errors
/// Those of reading.
pub async fn lanes_absent(
    log: &dyn EventLog,
    stream: &InterfaceRef,
    (mut after, through): (Position, Option<Position>),
    lanes: &[LaneKey],
) -> Result<Vec<LaneKey>, LogError> {
    let mut absent: BTreeSet<&str> = lanes.iter().map(LaneKey::as_str).collect();
    let mut read = 0;
    while !absent.is_empty() {
        let batch = log.read(stream, after, READ).await?;
        let last = batch.records.last().map(|record| record.position);
        let within = batch.records.iter().filter(|record| through.is_none_or(|through| record.position <= through));
        for record in within {
            absent.remove(record.lane.as_str());
        }
        read += batch.records.len();
        match last {
            Some(last) if last < batch.head.min(through.unwrap_or(batch.head)) => after = last,
            _ => break,
        }
        if read >= MOST {
            return Ok(Vec::new());
        }
    }
    Ok(lanes.iter().filter(|lane| absent.contains(lane.as_str())).cloned().collect())
}

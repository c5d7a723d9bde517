//! Bodies of requests that are read whole before they go on: bounded by a size, by a time, and by what this node holds.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt;
use hyper::body::{Body, Incoming};
use selvage_model::code;
use selvage_model::problem::Problem;

use crate::burden::Bearer;
use crate::decide::Permit;
use crate::serve::Asked;

/// Bytes that are made room for ahead: what comes is believed, not what is announced.
pub(crate) const AHEAD: u64 = 16 * 1024;

impl<'a> Asked<'a> {
    /// By whom the bodies of a permitted request are borne, where they are held.
    pub(crate) fn bearer(self, permit: &Permit<'_>) -> Bearer<'a> {
        Bearer::new(&self.worker.shared.burden, permit.served.criticality)
    }
}

/// How long a body may take, and by whom it is borne.
#[derive(Clone, Copy)]
pub(crate) struct Terms<'a> {
    pub(crate) limit: Duration,
    pub(crate) bearer: Bearer<'a>,
}

/// What was read of a body.
pub(crate) enum Read {
    Whole(Bytes),
    /// So far, and there is more than was asked for.
    Part(Bytes, Incoming),
    /// So far, and the node has no room for more.
    NoRoom(Bytes, Incoming),
    Failed(Problem),
}

/// Why it is not read on.
enum Stop {
    TooLarge,
    NoRoom,
    Broken,
}

/// Reads a body, up to so many bytes. Trailers are not passed on.
pub(crate) async fn read(mut body: Incoming, most: u64, terms: Terms<'_>) -> Read {
    let ahead = usize::try_from(body.size_hint().lower().min(most).min(AHEAD)).unwrap_or(0);
    let (mut bytes, mut load) = (BytesMut::with_capacity(ahead), terms.bearer.begin());
    let reading = async {
        while let Some(frame) = body.frame().await {
            let Ok(data) = frame.map_err(|_| Stop::Broken)?.into_data() else { break };
            let room = load.more(data.len());
            bytes.extend_from_slice(&data);
            if bytes.len() as u64 > most {
                return Err(Stop::TooLarge);
            }
            if !room {
                return Err(Stop::NoRoom);
            }
        }
        Ok(())
    };
    let read = tokio::time::timeout(terms.limit, reading).await;
    let whole = || load.of(bytes.freeze());
    match read {
        Ok(Ok(())) => Read::Whole(whole()),
        Ok(Err(Stop::TooLarge)) => Read::Part(whole(), body),
        Ok(Err(Stop::NoRoom)) => Read::NoRoom(whole(), body),
        Ok(Err(Stop::Broken)) => Read::Failed(Problem::new(400, code::MALFORMED, "the body ended before its end")),
        Err(_) => Read::Failed(Problem::new(408, code::BODY_TOO_SLOW, "the body did not arrive in time")),
    }
}

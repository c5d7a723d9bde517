//! A request's body while it is looked at: still to come, or read already.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt;
use hyper::body::{Body, Incoming};
use selvage_model::code;
use selvage_model::problem::Problem;

use crate::body::{Progress, Upload};
use crate::connection::Watch;
use crate::forward;

/// A body.
pub(super) enum Coming {
    /// Nobody has read any of it.
    Stream(Incoming),
    /// All of it.
    Whole(Bytes),
}

/// What was read of a body.
pub(super) enum Read {
    Whole(Bytes),
    /// So far, and there is more than was asked for.
    Part(Bytes, Incoming),
    Failed(Problem),
}

impl Coming {
    /// Whether there is none.
    pub(super) fn is_nothing(&self) -> bool {
        match self {
            Self::Stream(body) => body.is_end_stream(),
            Self::Whole(bytes) => bytes.is_empty(),
        }
    }

    /// How large it is at least.
    pub(super) fn least(&self) -> u64 {
        match self {
            Self::Stream(body) => body.size_hint().lower(),
            Self::Whole(bytes) => bytes.len() as u64,
        }
    }

    /// As it is passed on, up to so many bytes.
    pub(super) fn into_upload(self, most: u64, watch: &Rc<Watch>) -> (Upload, Option<Rc<Cell<Progress>>>) {
        match self {
            Self::Stream(body) => forward::streamed(body, most, watch),
            Self::Whole(bytes) if bytes.is_empty() => (Upload::Nothing, None),
            Self::Whole(bytes) => (Upload::whole(bytes), None),
        }
    }

    /// What of it nobody has read.
    pub(super) fn unread(self) -> Option<Incoming> {
        match self {
            Self::Stream(body) => Some(body),
            Self::Whole(_) => None,
        }
    }

    /// Reads it, up to so many bytes, within this time.
    pub(super) async fn read(self, most: u64, limit: Duration) -> Read {
        let mut body = match self {
            Self::Stream(body) => body,
            Self::Whole(bytes) => return Read::Whole(bytes),
        };
        let length = usize::try_from(body.size_hint().lower().min(most)).unwrap_or(0);
        let mut bytes = BytesMut::with_capacity(length);
        let reading = async {
            loop {
                match body.frame().await {
                    None => return Ok(true),
                    Some(Err(_)) => return Err(()),
                    Some(Ok(frame)) => {
                        // Trailers are not passed on.
                        let Ok(data) = frame.into_data() else { return Ok(true) };
                        bytes.extend_from_slice(&data);
                        if bytes.len() as u64 > most {
                            return Ok(false);
                        }
                    }
                }
            }
        };
        match tokio::time::timeout(limit, reading).await {
            Ok(Ok(true)) => Read::Whole(bytes.freeze()),
            Ok(Ok(false)) => Read::Part(bytes.freeze(), body),
            Ok(Err(())) => Read::Failed(Problem::new(400, code::MALFORMED, "the body ended before its end")),
            Err(_) => Read::Failed(Problem::new(408, code::BODY_TOO_SLOW, "the body did not arrive in time")),
        }
    }
}

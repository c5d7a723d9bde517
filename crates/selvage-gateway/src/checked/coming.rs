//! A request's body while it is looked at: still to come, or read already.

use std::cell::Cell;
use std::rc::Rc;

use bytes::Bytes;
use hyper::body::{Body, Incoming};

use crate::body::{Progress, Upload};
use crate::connection::Watch;
use crate::forward;
use crate::whole::{self, Read, Terms};

/// A body.
pub(super) enum Coming {
    /// Nobody has read any of it.
    Stream(Incoming),
    /// All of it.
    Whole(Bytes),
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

    /// Reads it, up to so many bytes.
    pub(super) async fn read(self, most: u64, terms: Terms<'_>) -> Read {
        match self {
            Self::Stream(body) => whole::read(body, most, terms).await,
            Self::Whole(bytes) => Read::Whole(bytes),
        }
    }
}

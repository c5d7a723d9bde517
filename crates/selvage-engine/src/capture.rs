//! Captures of systems' changes: one for each event interface that declares one. Looks at what was written since it looked last,
//! at what hints name, and at which ids are left; compares each record with its last known state, and tells once what changed.
//! It decides nothing about systems' records and writes to none.

mod compare;
mod echo;
mod fact;
mod figures;
mod follow;
mod lookback;
mod looking;
mod pump;
mod told;
mod watched;
mod worker;

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use selvage_model::name::InterfaceRef;
use tokio::sync::Notify;

pub(crate) use self::compare::{found_by, is_sought};
pub(crate) use self::figures::of as figures;
pub use self::follow::CaptureTask;
pub(crate) use self::follow::run;
pub(crate) use self::looking::stamps;
pub(crate) use self::told::{content_hash, hex};
pub(crate) use self::watched::{Watched, compile, draft};

/// How captures of this node stand, for figures, and how they are woken.
#[derive(Default)]
pub(crate) struct Captures {
    standing: Mutex<BTreeMap<InterfaceRef, figures::Standing>>,
    /// A hint came in this node.
    pub(crate) hinted: Notify,
}

impl Captures {
    fn standing(&self) -> MutexGuard<'_, BTreeMap<InterfaceRef, figures::Standing>> {
        self.standing.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

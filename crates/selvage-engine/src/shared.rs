//! What every part of the engine shares: configuration, store, the active fabric, lanes. Holds no rules.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use arc_swap::ArcSwap;
use selvage_connect::governor::Governors;
use selvage_log::EventLog;
use selvage_model::manifest::system::SecretName;
use selvage_store::Store;
use tokio::runtime::Handle;
use tokio::sync::Notify;

use crate::capture::Captures;
use crate::engine::EngineConfig;
use crate::fabric::Active;
use crate::heard::Heard;
use crate::lane::Lanes;

/// Shared by requests and the resolver.
pub(crate) struct Shared {
    pub(crate) config: EngineConfig,
    pub(crate) store: Store,
    /// Where work runs, whoever asks for it: callers may be other threads that end before the work does.
    pub(crate) runtime: Handle,
    pub(crate) active: ArcSwap<Active>,
    pub(crate) lanes: Lanes,
    /// Where events are kept.
    pub(crate) log: OnceLock<Arc<dyn EventLog>>,
    /// One for each database, whatever fabric is active.
    pub(crate) governors: Governors,
    /// The secrets by which connections are made. Whoever changes them or the active fabric holds them until the swap.
    pub(crate) secrets: Mutex<BTreeMap<SecretName, String>>,
    /// Captures of this node.
    pub(crate) captures: Captures,
    /// Hints that are not noted yet.
    pub(crate) heard: Heard,
    /// Something became due in this node just now.
    pub(crate) due: Notify,
}

impl Shared {
    /// The fabric that is active now; a request keeps the one it began with.
    pub(crate) fn active(&self) -> Arc<Active> {
        self.active.load_full()
    }

    /// The secrets, for as long as nothing else may change.
    pub(crate) fn secrets(&self) -> MutexGuard<'_, BTreeMap<SecretName, String>> {
        self.secrets.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

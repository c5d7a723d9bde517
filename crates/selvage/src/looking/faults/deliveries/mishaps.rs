//! What a simulated receiver does to whom it is sent events by: in turn it refuses, says nothing, loses an answer, is slow, and once says
//! that it wants nothing more. What failed is taken when it comes again.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use selvage_factory::receiver::{Conduct, Conducting};

/// How long a send may take in a trial.
pub(super) const TIMEOUT: Duration = Duration::from_millis(600);
const SLOW: Duration = Duration::from_millis(150);

/// By the order in which messages came first: what becomes of each at its first attempt. What is beyond is taken.
const FIRST: [Conduct; 12] = [
    Conduct::Take,
    Conduct::Refuse(503),
    Conduct::Take,
    Conduct::TakeSilently,
    Conduct::Take,
    Conduct::Hang,
    Conduct::TakeLate(SLOW),
    Conduct::Refuse(500),
    Conduct::Take,
    Conduct::Refuse(410),
    Conduct::Take,
    Conduct::TakeSilently,
];

/// A receiver that is so for each path by itself.
pub(super) fn conducting() -> Conducting {
    let known: Mutex<HashMap<String, HashSet<String>>> = Mutex::default();
    Arc::new(move |got| {
        let mut known = known.lock().unwrap_or_else(PoisonError::into_inner);
        let known = known.entry(got.path.clone()).or_default();
        let id = got.header("webhook-id").unwrap_or_default().to_owned();
        let nth = known.len();
        match known.insert(id) {
            false => Conduct::Take,
            true => FIRST.get(nth).copied().unwrap_or(Conduct::Take),
        }
    })
}

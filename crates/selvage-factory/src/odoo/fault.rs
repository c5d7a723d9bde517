//! Faults on request: which calls go wrong, how, how often. Chance is drawn from a seed, so a run can be repeated.
//! A fault is only chosen here; what it does to a call stands where calls are served.

use std::time::Duration;

use serde_json::{Map, Value as Json, json};

/// Names a fault that is in force.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FaultId(pub u64);

/// When a hanging call does its work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CommitAt {
    /// At once; only the answer is late.
    Before,
    /// At the end of the wait, whether the client is still there or not.
    After,
}

/// What happens to a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FaultKind {
    /// The call waits, then goes on as usual, other faults included.
    Latency(Duration),
    /// The call waits as long as chance has it, at most so long; added to other latencies.
    Jitter(Duration),
    /// An HTTP status of a proxy in front of Odoo, 500 to 504; nothing is done.
    Status(u16),
    /// The connection is reset; nothing is done.
    ResetBefore,
    /// The call is committed, then the connection is reset without an answer.
    ResetAfter,
    /// The conflict of two transactions, after Odoo's own retries; nothing is done.
    Serialization,
    /// A wizard comes back instead of the answer; nothing is done.
    Wizard,
    /// A business rule says no; nothing is done.
    Refused,
    /// The answer comes late, and the work is done even if the client has gone away.
    Hang {
        /// How long the answer takes.
        answer_after: Duration,
        /// When the work is done.
        commit: CommitAt,
    },
}

/// A fault and the calls that it strikes.
#[derive(Clone, Debug, PartialEq)]
pub struct Fault {
    /// What happens.
    pub kind: FaultKind,
    /// Only calls of this model.
    pub model: Option<String>,
    /// Only calls of this method.
    pub method: Option<String>,
    /// How likely it strikes a call that fits, 0 to 1.
    pub probability: f64,
    /// Where the chance is drawn from.
    pub seed: u64,
    /// How many calls that fit it lets pass before it strikes any.
    pub skip: u32,
    /// How many calls it strikes before it ends; `None` for all.
    pub times: Option<u32>,
}

impl Fault {
    /// Strikes every call until it is cleared.
    pub fn always(kind: FaultKind) -> Self {
        Self { kind, model: None, method: None, probability: 1.0, seed: 0, skip: 0, times: None }
    }

    /// Strikes the next call of the method of the model, once.
    pub fn once(kind: FaultKind, model: &str, method: &str) -> Self {
        Self { model: Some(model.to_owned()), method: Some(method.to_owned()), times: Some(1), ..Self::always(kind) }
    }

    /// Reads the JSON of the control endpoint.
    ///
    /// # Errors
    /// A sentence that names what is wrong.
    pub fn read(json: &Json) -> Result<Self, String> {
        let map = json.as_object().ok_or("a fault is a JSON object")?;
        let known = [
            "kind",
            "ms",
            "code",
            "answer_after_ms",
            "commit",
            "model",
            "method",
            "probability",
            "seed",
            "skip",
            "times",
        ];
        if let Some(unknown) = map.keys().find(|key| !known.contains(&key.as_str())) {
            return Err(format!("a fault has no `{unknown}`; it has {}", known.join(", ")));
        }
        let text = |key: &str| map.get(key).and_then(Json::as_str).map(str::to_owned);
        let probability =
            map.get("probability").map_or(Some(1.0), Json::as_f64).filter(|chance| (0.0..=1.0).contains(chance));
        Ok(Self {
            kind: FaultKind::read(map)?,
            model: text("model"),
            method: text("method"),
            probability: probability.ok_or("`probability` is a number from 0 to 1")?,
            seed: map.get("seed").and_then(Json::as_u64).unwrap_or(0),
            skip: map.get("skip").and_then(Json::as_u64).and_then(|skip| u32::try_from(skip).ok()).unwrap_or(0),
            times: map.get("times").and_then(Json::as_u64).and_then(|times| u32::try_from(times).ok()),
        })
    }

    /// The JSON that `read` reads.
    pub fn write(&self) -> Json {
        let mut fault = match self.kind {
            FaultKind::Latency(wait) => json!({ "kind": "latency", "ms": millis(wait) }),
            FaultKind::Jitter(most) => json!({ "kind": "jitter", "ms": millis(most) }),
            FaultKind::Status(code) => json!({ "kind": "status", "code": code }),
            FaultKind::ResetBefore => json!({ "kind": "reset-before" }),
            FaultKind::ResetAfter => json!({ "kind": "reset-after" }),
            FaultKind::Serialization => json!({ "kind": "serialization" }),
            FaultKind::Wizard => json!({ "kind": "wizard" }),
            FaultKind::Refused => json!({ "kind": "refused" }),
            FaultKind::Hang { answer_after, commit } => {
                let commit = if commit == CommitAt::Before { "before" } else { "after" };
                json!({ "kind": "hang", "answer_after_ms": millis(answer_after), "commit": commit })
            }
        };
        if let Some(map) = fault.as_object_mut() {
            map.insert("model".to_owned(), json!(self.model));
            map.insert("method".to_owned(), json!(self.method));
            map.insert("probability".to_owned(), json!(self.probability));
            map.insert("seed".to_owned(), json!(self.seed));
            map.insert("skip".to_owned(), json!(self.skip));
            map.insert("times".to_owned(), json!(self.times));
        }
        fault
    }

    fn fits(&self, model: &str, method: &str) -> bool {
        self.model.as_deref().is_none_or(|only| only == model)
            && self.method.as_deref().is_none_or(|only| only == method)
    }
}

impl FaultKind {
    fn read(map: &Map<String, Json>) -> Result<Self, String> {
        let wait = |key: &str| {
            map.get(key)
                .and_then(Json::as_u64)
                .map(Duration::from_millis)
                .ok_or(format!("`{key}` is a number of milliseconds"))
        };
        match map.get("kind").and_then(Json::as_str).unwrap_or_default() {
            "latency" => Ok(Self::Latency(wait("ms")?)),
            "jitter" => Ok(Self::Jitter(wait("ms")?)),
            "status" => {
                let code = map.get("code").and_then(Json::as_u64).and_then(|code| u16::try_from(code).ok());
                code.filter(|code| (500..=504).contains(code))
                    .map(Self::Status)
                    .ok_or_else(|| "`code` is 500 to 504".to_owned())
            }
            "reset-before" => Ok(Self::ResetBefore),
            "reset-after" => Ok(Self::ResetAfter),
            "serialization" => Ok(Self::Serialization),
            "wizard" => Ok(Self::Wizard),
            "refused" => Ok(Self::Refused),
            "hang" => {
                let commit = match map.get("commit").and_then(Json::as_str) {
                    Some("before") => CommitAt::Before,
                    Some("after") => CommitAt::After,
                    _ => return Err("`commit` is `before` or `after`".to_owned()),
                };
                Ok(Self::Hang { answer_after: wait("answer_after_ms")?, commit })
            }
            other => Err(format!(
                "`{other}` is no kind of fault; there are latency, jitter, status, reset-before, reset-after, serialization, wizard, refused and hang"
            )),
        }
    }
}

fn millis(wait: Duration) -> u64 {
    u64::try_from(wait.as_millis()).unwrap_or(u64::MAX)
}

#[derive(Debug)]
struct Active {
    id: FaultId,
    fault: Fault,
    skipped: u32,
    draws: u64,
    strikes: u64,
}

/// The faults in force.
#[derive(Debug, Default)]
pub(crate) struct Faults {
    active: Vec<Active>,
    last_id: u64,
}

/// What was drawn for one call.
#[derive(Debug, Default)]
pub(crate) struct Strike {
    pub(crate) latency: Duration,
    pub(crate) kind: Option<FaultKind>,
}

impl Faults {
    pub(crate) fn inject(&mut self, fault: Fault) -> FaultId {
        self.last_id += 1;
        let id = FaultId(self.last_id);
        self.active.push(Active { id, fault, skipped: 0, draws: 0, strikes: 0 });
        id
    }

    pub(crate) fn clear(&mut self) {
        self.active.clear();
    }

    pub(crate) fn remove(&mut self, id: FaultId) -> bool {
        let before = self.active.len();
        self.active.retain(|active| active.id != id);
        self.active.len() < before
    }

    pub(crate) fn list(&self) -> Vec<(FaultId, Fault, u64)> {
        self.active.iter().map(|active| (active.id, active.fault.clone(), active.strikes)).collect()
    }

    /// Draws for a call: latencies add up, and the first other fault that strikes wins.
    pub(crate) fn draw(&mut self, model: &str, method: &str) -> Strike {
        let mut strike = Strike::default();
        for active in self.active.iter_mut().filter(|active| active.fault.fits(model, method)) {
            let used_up = active.fault.times.is_some_and(|times| active.strikes >= u64::from(times));
            let taken =
                strike.kind.is_some() && !matches!(active.fault.kind, FaultKind::Latency(_) | FaultKind::Jitter(_));
            if used_up || taken {
                continue;
            }
            if active.skipped < active.fault.skip {
                active.skipped += 1;
                continue;
            }
            active.draws += 1;
            if chance(active.fault.seed, active.draws) < active.fault.probability {
                active.strikes += 1;
                match active.fault.kind {
                    FaultKind::Latency(wait) => strike.latency += wait,
                    // Another draw than the one that decided whether it strikes.
                    FaultKind::Jitter(most) => {
                        strike.latency += most.mul_f64(chance(!active.fault.seed, active.draws));
                    }
                    kind => strike.kind = Some(kind),
                }
            }
        }
        strike
    }
}

/// A number in [0, 1) from a seed and a counter: SplitMix64 of Steele, Lea and Flood (2014).
fn chance(seed: u64, draw: u64) -> f64 {
    let mut bits = seed.wrapping_add(draw.wrapping_mul(0x9E37_79B9_7F4A_7C15));
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    bits ^= bits >> 31;
    let high = u32::try_from(bits >> 32).unwrap_or(u32::MAX);
    f64::from(high) / (f64::from(u32::MAX) + 1.0)
}

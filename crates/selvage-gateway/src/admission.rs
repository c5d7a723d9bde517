//! What a request needs besides its rates before it goes anywhere: a place at its interface, a place at its upstream,
//! and an upstream that is not left alone. Whoever has no place waits where that is declared, and is refused otherwise.

use std::sync::Arc;
use std::time::Duration;

use selvage_model::code;
use selvage_model::manifest::interface::Criticality;
use selvage_model::problem::Problem;

use crate::breaker::{Breaker, BreakerRule, Round, Verdict};
use crate::gate::{Gate, Place, Room};

/// What outlives snapshots of one upstream.
#[derive(Debug, Default)]
pub(crate) struct UpstreamState {
    pub(crate) gate: Arc<Gate>,
    pub(crate) breaker: Breaker,
}

/// What a system bears of direct interfaces.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct UpstreamRules {
    pub(crate) room: Option<Room>,
    pub(crate) breaker: Option<BreakerRule>,
    /// How many thousandths of the requests may be sent a second time.
    pub(crate) retries: u32,
}

/// What stands before a request.
#[derive(Clone, Copy)]
pub(crate) struct Doors<'l> {
    pub(crate) criticality: Criticality,
    pub(crate) interface: Option<(&'l Arc<Gate>, Room)>,
    pub(crate) upstream: Option<(&'l Arc<UpstreamState>, UpstreamRules)>,
}

/// What a request has that passed them.
#[derive(Debug, Default)]
pub(crate) struct Entered {
    pub(crate) place: Option<Place>,
    pub(crate) passage: Option<Passage>,
}

/// Which door is shut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shut {
    /// The interface has so many in hand.
    Interface(u32),
    /// The upstream has so many in hand.
    Upstream(u32),
    /// The upstream is left alone for so many nanoseconds.
    Resting(u64),
}

/// A request on its way past a breaker, which learns what came of it.
#[derive(Debug)]
pub(crate) struct Passage {
    upstream: Arc<UpstreamState>,
    rule: BreakerRule,
    tried: Option<Round>,
    told: bool,
}

impl<'l> Doors<'l> {
    /// Enters if nothing is shut; else what is, and how long it may be waited for.
    pub(crate) fn enter(self, now: u64) -> Result<Entered, (Shut, Duration)> {
        let mut place = None;
        for (gate, room, shut) in self.gates() {
            let most = room.most(self.criticality);
            let free = gate.enter(most).ok_or((shut(most), room.wait))?;
            place = Some(free.with(place));
        }
        let passage = self.pass(now).map_err(|shut| (shut, Duration::ZERO))?;
        Ok(Entered { place, passage })
    }

    /// Enters, waiting for places as long as that is declared.
    pub(crate) async fn enter_in_turn(self, now: impl Fn() -> u64) -> Result<Entered, Shut> {
        let mut place = None;
        for (gate, room, shut) in self.gates() {
            let most = room.most(self.criticality);
            let free = match gate.enter(most) {
                Some(free) => Some(free),
                None => gate.enter_within(most, room.wait).await,
            };
            place = Some(free.ok_or_else(|| shut(most))?.with(place));
        }
        let passage = self.pass(now())?;
        Ok(Entered { place, passage })
    }

    fn gates(self) -> impl Iterator<Item = (&'l Arc<Gate>, Room, fn(u32) -> Shut)> {
        let interface = self.interface.map(|(gate, room)| (gate, room, Shut::Interface as fn(u32) -> Shut));
        let upstream = self.upstream.and_then(|(state, rules)| Some((&state.gate, rules.room?)));
        let upstream = upstream.map(|(gate, room)| (gate, room, Shut::Upstream as fn(u32) -> Shut));
        interface.into_iter().chain(upstream)
    }

    fn pass(self, now: u64) -> Result<Option<Passage>, Shut> {
        let Some((upstream, UpstreamRules { breaker: Some(rule), .. })) = self.upstream else { return Ok(None) };
        let tried = upstream.breaker.admit(now, rule).map_err(Shut::Resting)?;
        Ok(Some(Passage { upstream: Arc::clone(upstream), rule, tried, told: false }))
    }
}

impl Shut {
    /// What the caller is told.
    pub(crate) fn problem(self) -> Problem {
        let (code, detail, seconds) = match self {
            Self::Interface(most) => {
                (code::INTERFACE_BUSY, format!("the interface has {most} requests in hand, as many as it bears"), 1)
            }
            Self::Upstream(most) => {
                let detail =
                    format!("the system has {most} requests in hand, as many as it bears for this criticality");
                (code::UPSTREAM_BUSY, detail, 1)
            }
            Self::Resting(nanos) => {
                let seconds = u32::try_from(nanos.div_ceil(1_000_000_000)).unwrap_or(u32::MAX).max(1);
                (code::UPSTREAM_RESTS, "the system failed too often and is left alone for a while".to_owned(), seconds)
            }
        };
        Problem::new(503, code, detail).retry_after(seconds)
    }
}

impl Passage {
    /// Tells what came of it; whether the upstream is left alone from now on.
    pub(crate) fn end(mut self, now: u64, verdict: Verdict) -> bool {
        self.told = true;
        self.upstream.breaker.record(now, self.rule, self.tried, verdict)
    }
}

impl Drop for Passage {
    fn drop(&mut self) {
        if !self.told {
            self.upstream.breaker.record(0, self.rule, self.tried, Verdict::Nothing);
        }
    }
}

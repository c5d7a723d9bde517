//! What grants let through to whom is delivered: their rates and quotas, over all subscriptions under one grant and, by parts that a
//! node takes in hand ahead of need, over all nodes. What is beyond waits; nothing is refused. It asks no store, and the time is given.

mod quota;
mod rate;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use selvage_model::budget::{BudgetAsk, BudgetShare};
use selvage_model::name::InterfaceRef;
use selvage_model::scalar::{Quota, Rate};
use selvage_model::subscription::WaitsFor;

use quota::QuotaPart;
use rate::RatePart;

/// How soon it is tried again where nothing is in hand and more may come.
const SOON: Duration = Duration::from_millis(250);

/// How much a grant lets through, or an interface of what is sent again.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Granted {
    /// The grant, by its id, or whose replays they are.
    pub grant: String,
    /// How fast messages are sent.
    pub rate: Option<Rate>,
    /// How many arrive in each hour, day or month.
    pub quota: Option<Quota>,
}

/// A rate is taken in so many times finer parts where one is to be shared: a node that has no whole message of each second may have
/// one of every second second.
const FINER: u32 = 100;

impl Granted {
    /// How fast all replays of an interface go together.
    pub fn to_replays(interface: &InterfaceRef, rate: Rate) -> Self {
        let finer = Rate { count: rate.count.saturating_mul(u64::from(FINER)), per: rate.per.saturating_mul(FINER) };
        Self { grant: format!("replays of {interface}"), rate: Some(finer), quota: None }
    }
}

/// What the grants of this node's subscriptions let through.
#[derive(Clone, Debug, Default)]
pub struct Rations {
    /// How long what is in hand is this node's own.
    lease: Duration,
    /// Whether rates are shared with other nodes; quotas are always kept in the store.
    shares: bool,
    known: Arc<Mutex<BTreeMap<String, Ration>>>,
}

/// What is to be settled with the store.
pub struct RationRound {
    /// In this order.
    pub asks: Vec<BudgetAsk>,
    of: Vec<Ration>,
}

/// What one grant lets through.
#[derive(Clone, Debug)]
pub(crate) struct Ration(Arc<Mutex<Parts>>);

#[derive(Debug)]
struct Parts {
    rate: Option<RatePart>,
    quota: Option<QuotaPart>,
}

/// One message that was let through.
#[derive(Debug)]
pub(crate) struct Taken {
    ration: Ration,
    /// In which window of the quota.
    begins: i64,
}

/// None is let through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Wait {
    /// What is used up; none where more may be in hand in a moment.
    pub(crate) what: Option<WaitsFor>,
    /// When it may be tried again.
    pub(crate) until: Timestamp,
}

/// When a round is.
#[derive(Clone, Copy)]
struct Moment {
    now: Timestamp,
    lease: Duration,
    /// All that is in hand is given back.
    last: bool,
}

impl Moment {
    /// Whether what was renewed then is not this node's own any more.
    fn is_over(self, renewed: Timestamp) -> bool {
        self.is_past(renewed, self.lease)
    }

    fn is_past(self, renewed: Timestamp, time: Duration) -> bool {
        // A clock that went back knows nothing of the time between.
        Duration::try_from(self.now.duration_since(renewed)).is_ok_and(|since| since >= time) || self.now < renewed
    }
}

impl Rations {
    /// With parts that are a node's own for so long.
    pub fn new(lease: Duration, shares: bool) -> Self {
        Self { lease, shares, known: Arc::default() }
    }

    /// What this grant lets through, for all who ask for it; none where it is not limited.
    pub(crate) fn of(&self, granted: &Granted) -> Option<Ration> {
        let mut known = self.known();
        if granted.rate.is_none() && granted.quota.is_none() {
            return None;
        }
        let ration = known.entry(granted.grant.clone()).or_insert_with(|| {
            let parts = Parts { rate: None, quota: None };
            Ration(Arc::new(Mutex::new(parts)))
        });
        let mut parts = ration.parts();
        parts.rate = granted.rate.map(|rate| RatePart::follow(parts.rate.take(), rate, self.shares));
        parts.quota = granted.quota.map(|quota| QuotaPart::follow(parts.quota.take(), quota, self.lease));
        drop(parts);
        Some(ration.clone())
    }

    /// What is to be settled now; with `last`, everything that is in hand.
    pub fn round(&self, now: Timestamp, last: bool) -> RationRound {
        let moment = Moment { now, lease: self.lease, last };
        let mut round = RationRound { asks: Vec::new(), of: Vec::new() };
        self.known().retain(|grant, ration| {
            let mut parts = ration.parts();
            let rate = parts.rate.as_mut().filter(|_| self.shares).and_then(|rate| rate.ask(grant, moment));
            let quota = parts.quota.as_mut().and_then(|quota| quota.ask(grant, moment));
            let asks = rate.is_some() || quota.is_some();
            for ask in rate.into_iter().chain(quota) {
                round.asks.push(ask);
                round.of.push(ration.clone());
            }
            asks || parts.deals() || Arc::strong_count(&ration.0) > 1
        });
        round
    }

    /// Takes the shares that the store gave, in the order of the asks; how many were lost by nodes that ended.
    pub fn settled(&self, round: &RationRound, shares: &[BudgetShare], now: Timestamp) -> u64 {
        for ((ask, ration), share) in round.asks.iter().zip(&round.of).zip(shares) {
            let mut parts = ration.parts();
            if ask.is_rate() {
                parts.rate.iter_mut().for_each(|rate| rate.settled(ask, share, now));
            } else {
                parts.quota.iter_mut().for_each(|quota| quota.settled(ask, share, now));
            }
        }
        shares.iter().map(|share| share.lost).sum()
    }

    fn known(&self) -> MutexGuard<'_, BTreeMap<String, Ration>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Ration {
    fn parts(&self) -> MutexGuard<'_, Parts> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes one message of what is granted and of what is shared besides, or of neither; what comes of the one that is granted.
    ///
    /// # Errors
    /// Where one of the two lets none through now. What is shared goes round: nobody is told that it is used up.
    pub(crate) fn take_with(
        shared: Option<&Self>,
        granted: Option<&Self>,
        now: Timestamp,
    ) -> Result<Option<Taken>, Wait> {
        let mut parts = shared.map(Self::parts);
        let mut rate = parts.as_mut().and_then(|parts| parts.rate.as_mut());
        if let Some(rate) = &mut rate {
            rate.allows(now).map_err(|wait| Wait { what: None, ..wait })?;
        }
        let taken = granted.map(|granted| granted.take(now)).transpose()?;
        if let Some(rate) = rate {
            rate.spend(now);
        }
        Ok(taken)
    }

    /// Takes one message.
    ///
    /// # Errors
    /// Where none is let through now.
    pub(crate) fn take(&self, now: Timestamp) -> Result<Taken, Wait> {
        let mut parts = self.parts();
        if let Some(rate) = &mut parts.rate {
            rate.allows(now)?;
        }
        let begins = parts.quota.as_mut().map(|quota| quota.take(now)).transpose()?;
        if let Some(rate) = &mut parts.rate {
            rate.spend(now);
        }
        Ok(Taken { ration: self.clone(), begins: begins.unwrap_or_default() })
    }
}

impl Taken {
    /// It did not arrive, so that it counts for no quota. It was sent all the same, which is what a rate is about.
    pub(crate) fn give_back(self) {
        if let Some(quota) = &mut self.ration.parts().quota {
            quota.give_back(self.begins);
        }
    }
}

impl Parts {
    /// Whether the store counts on this node for something.
    fn deals(&self) -> bool {
        self.rate.as_ref().is_some_and(RatePart::deals) || self.quota.as_ref().is_some_and(QuotaPart::deals)
    }
}

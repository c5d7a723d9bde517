//! What a grant opened, for streams that outlive the snapshot it was compiled into: whether another snapshot still opens it, and
//! until when. A grant that was narrowed opens less than it did. INVARIANT: REVOKED-NOW

use std::sync::Arc;

use jiff::Timestamp;
use selvage_model::access::KeyHash;
use selvage_model::exchange::Scope;
use selvage_model::name::{ConsumerName, InterfaceRef};

use super::Snapshot;
use super::access::Lease;
use super::scope::Classed;
use super::served::{Life, Operation, Served};
use crate::condition::GrantCondition;

/// What a grant opens, whichever snapshot it stands in.
#[derive(Debug)]
pub(crate) struct Opened {
    pub(crate) interface: InterfaceRef,
    pub(crate) consumer: ConsumerName,
    /// How the consumer proves itself, as it is declared.
    pub(crate) identity: Arc<str>,
    /// The grant's id, which its limit's state is kept by.
    pub(crate) grant: String,
    pub(crate) scope: Scope,
    /// What of a direct interface's messages it does not see.
    pub(crate) unseen: Box<[Classed]>,
    /// Under which condition it opens anything, where there is one.
    pub(crate) condition: Option<Arc<GrantCondition>>,
    pub(crate) operations: Arc<[Operation]>,
}

impl Opened {
    /// Whether this opens all that the other did, under no other condition.
    fn covers(&self, other: &Self) -> bool {
        let rows = self.scope.rows.iter().all(|(attribute, values)| {
            let mut before = other.scope.rows.iter().filter(|(known, _)| known == attribute);
            before.any(|(_, before)| before.iter().all(|value| values.contains(value)))
        });
        let shown = self.scope.except.iter().all(|attribute| other.scope.except.contains(attribute))
            && self.scope.masked.iter().all(|masked| other.scope.masked.contains(masked))
            && self.unseen.iter().all(|unseen| other.unseen.contains(unseen));
        let condition = self.condition.as_ref().is_none_or(|condition| {
            let before = other.condition.as_ref();
            before.is_some_and(|before| condition.is_the_same(before))
        });
        rows && shown && condition
    }
}

/// What a stream flows by: asked about again when another snapshot comes.
#[derive(Clone, Debug)]
pub(crate) struct HeldBy {
    pub(crate) opened: Arc<Opened>,
    /// The operation, by its place among those of the interface.
    pub(crate) operation: u32,
    /// The key that proved it; without, a certificate or a token did.
    pub(crate) key: Option<KeyHash>,
    /// When that which proved it ends, other than a key.
    pub(crate) proof_ends: Ends,
}

/// When a right ends by itself, where it does.
pub(crate) type Ends = Option<Timestamp>;

/// The earlier of two ends.
pub(crate) fn earlier(one: Ends, other: Ends) -> Ends {
    one.into_iter().chain(other).min()
}

impl Snapshot {
    /// Whether what opened a stream still does, or another grant that opens as much, and when that ends.
    pub(crate) fn still_opens(&self, right: &HeldBy) -> Option<Ends> {
        self.opens_by(right, |_| true)
    }

    /// The window of a brownout that is on, or comes next, of the interface that a stream is of. INVARIANT: LIVE-LIFECYCLE
    pub(crate) fn next_brownout(&self, right: &HeldBy, now: Timestamp) -> Option<(Timestamp, Timestamp)> {
        self.declared.named(&right.opened.interface)?.next_brownout(now)
    }

    /// Whether a grant opens as much as what opened a stream, whatever the time is.
    pub(crate) fn opens_at_any_time(&self, right: &HeldBy) -> bool {
        let timeless = |lease: &Lease| !lease.condition().is_some_and(|condition| condition.reads_time());
        self.opens_by(right, timeless).is_some()
    }

    fn opens_by(&self, right: &HeldBy, by: impl Fn(&Lease) -> bool) -> Option<Ends> {
        let Opened { interface, consumer, operations, .. } = &*right.opened;
        let served = self.served_as(interface)?;
        let (consumer, _) = self.consumer_named(consumer)?;
        let name = &operations.get(right.operation as usize)?.name;
        let operation = served.operations.iter().position(|operation| operation.name == *name)?;
        let operation = super::served::index(operation);
        let opens = |lease: &&Lease| {
            by(lease) && !lease.ended && lease.includes(operation) && lease.opened.covers(&right.opened)
        };
        let ends = self.leases_of(consumer, served.index).filter(opens).filter_map(|lease| {
            let ends = self.still_proves(right, &lease.opened)?;
            Some(earlier(ends, lease.ends()))
        });
        ends.reduce(|one, other| one.zip(other).map(|(one, other)| one.max(other)))
    }

    fn served_as(&self, interface: &InterfaceRef) -> Option<&Served> {
        let served = self.declared.named(interface)?;
        matches!(self.life(served), Life::Served).then_some(served)
    }

    /// Whether the key, or whom a certificate or a token names, is still the consumer's, and when that ends.
    fn still_proves(&self, right: &HeldBy, now: &Opened) -> Option<Ends> {
        match right.key {
            Some(hash) => Some(self.key(&hash).filter(|key| !key.revoked)?.expires),
            None => (now.identity == right.opened.identity).then_some(right.proof_ends),
        }
    }
}

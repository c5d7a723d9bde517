//! What a grant opened, for streams that outlive the snapshot it was compiled into: whether another snapshot still opens it, and
//! until when. A grant that was narrowed opens less than it did. INVARIANT: REVOKED-NOW

use std::rc::Rc;
use std::sync::Arc;

use jiff::Timestamp;
use selvage_model::access::KeyHash;
use selvage_model::exchange::Scope;
use selvage_model::name::{ConsumerName, InterfaceRef};

use super::Snapshot;
use super::access::{Key, Lease};
use super::served::{Life, Operation, Served};
use crate::condition::GrantCondition;
use crate::peer::Peer;

/// What a grant opens, whichever snapshot it stands in.
#[derive(Debug)]
pub(crate) struct Opened {
    pub(crate) interface: InterfaceRef,
    pub(crate) consumer: ConsumerName,
    /// The grant's id, which its limit's state is kept by.
    pub(crate) grant: String,
    pub(crate) scope: Scope,
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
        let shown = self.scope.except.iter().all(|attribute| other.scope.except.contains(attribute));
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
    pub(crate) key: Option<KeyHash>,
    /// Who showed a certificate, where that proved it.
    pub(crate) certified: Option<Rc<Peer>>,
}

/// When a right ends by itself, where it does.
pub(crate) type Ends = Option<Timestamp>;

/// The earlier of two ends.
pub(crate) fn earlier(one: Ends, other: Ends) -> Ends {
    one.into_iter().chain(other).min()
}

impl Snapshot {
    /// Whether what opened a stream still does, and when that ends.
    pub(crate) fn still_opens(&self, right: &HeldBy) -> Option<Ends> {
        let Opened { interface, consumer, grant, operations, .. } = &*right.opened;
        let served = self.served_as(interface)?;
        let (consumer, _) = self.consumer_named(consumer)?;
        let name = &operations.get(right.operation as usize)?.name;
        let operation = served.operations.iter().position(|operation| operation.name == *name)?;
        let operation = super::served::index(operation);
        let ends = self.still_proves(right, consumer)?;
        let same = |lease: &&Lease| lease.opened.grant == *grant && !lease.ended && lease.includes(operation);
        let lease = self.leases_of(consumer, served.index).find(same)?;
        lease.opened.covers(&right.opened).then(|| earlier(ends, lease.ends()))
    }

    fn served_as(&self, interface: &InterfaceRef) -> Option<&Served> {
        let prefix = format!("{}/v{}", interface.name, interface.major);
        let served = self.served.get(*self.prefixes.get(prefix.as_str())? as usize)?;
        matches!(served.life, Life::Served).then_some(served)
    }

    /// Whether the key or the certificate is still this consumer's, and when it ends.
    fn still_proves(&self, right: &HeldBy, consumer: u32) -> Option<Ends> {
        if let Some(hash) = right.key {
            let key: &Key = self.key(&hash).filter(|key| !key.revoked)?;
            return Some(key.expires);
        }
        let Some(peer) = &right.certified else { return Some(None) };
        let certificate = peer.certificate.as_ref()?;
        (self.certifies(certificate) == Some(consumer)).then_some(Some(certificate.ends))
    }
}

//! The right by which a request passes: whose it is, by which grant, and when it ends.

use http::HeaderValue;
use selvage_model::access::KeyHash;
use selvage_model::exchange::Scope;
use selvage_model::manifest::api::Operation;
use selvage_model::name::{ConsumerName, InterfaceRef};

use crate::contract::OperationContract;
use crate::snapshot::{Checks, DirectScope, Ends, Lease, Served};

/// The right by which a request passes.
#[derive(Clone, Copy, Debug)]
pub struct Permit<'s> {
    pub(crate) served: &'s Served,
    pub(crate) operation: u32,
    pub(crate) lease: &'s Lease,
    /// Who asks.
    pub consumer: &'s ConsumerName,
    /// The key that proved it, where one did.
    pub(crate) key: Option<KeyHash>,
    /// Its index in the snapshot.
    pub(crate) credential: Option<u32>,
    /// When what proved it ends, where it does.
    pub(crate) proof_ends: Ends,
    /// When the right ends by itself, where it does.
    pub(crate) ends: Ends,
    /// The grant's time is over, and the request passes because that alone must not stop it.
    pub overdue: bool,
}

impl<'s> Permit<'s> {
    /// On which interface.
    pub fn interface(&self) -> &'s InterfaceRef {
        &self.served.reference
    }

    /// Which operation, as grants name it.
    pub fn operation(&self) -> &'s str {
        self.served.operation(self.operation).map_or("", |operation| &operation.name)
    }

    /// What its messages are checked against, where they are.
    pub(crate) fn checks(&self) -> Option<(&'s Checks, &'s OperationContract)> {
        let checks = self.served.checks.as_deref()?;
        Some((checks, checks.operation(self.operation)?))
    }

    /// What of a direct interface is left out, where something is.
    pub(crate) fn direct_scope(&self) -> Option<&'s DirectScope> {
        self.lease.direct.as_deref()
    }

    /// What answers of a mediated interface say of what is masked in them, where something is.
    pub(crate) fn masks(&self, verb: Operation) -> Option<&'s HeaderValue> {
        let masks = self.lease.masks.as_deref()?;
        Some(masks.of(verb == Operation::List))
    }

    /// What of it they may see and touch.
    pub fn scope(&self) -> &'s Scope {
        self.lease.scope()
    }
}

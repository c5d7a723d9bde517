//! One write under way: what was asked, of which interface, and with what the engine has. Shared by every step.

use std::sync::Arc;

use selvage_connect::odoo::Odoo;
use selvage_model::manifest::api::Operation;
use selvage_model::name::SystemName;
use selvage_model::operation::OperationId;
use selvage_model::problem::Problem;

use crate::asked::Asked;
use crate::fabric::{Active, Served};
use crate::reach::Reach;
use crate::shared::Shared;
use crate::trouble::Trouble;

/// External ids that Selvage makes: a module that no addon has, and the operation's id, so that one key makes one
/// record whoever goes on with it. INVARIANT: ONE-EFFECT
pub(crate) const MODULE: &str = "__selvage__";

/// A write that has no operation yet.
pub(crate) struct Draft {
    pub(crate) shared: Arc<Shared>,
    pub(crate) active: Arc<Active>,
    pub(crate) served: Arc<Served>,
    pub(crate) kind: Operation,
    pub(crate) asked: Asked,
}

impl Draft {
    /// The write as this operation.
    pub(crate) fn job(self, operation: OperationId) -> Job {
        let Self { shared, active, served, kind, asked } = self;
        Job { shared, active, served, operation, kind, asked }
    }
}

/// One write.
pub(crate) struct Job {
    pub(crate) shared: Arc<Shared>,
    pub(crate) active: Arc<Active>,
    pub(crate) served: Arc<Served>,
    pub(crate) operation: OperationId,
    pub(crate) kind: Operation,
    pub(crate) asked: Asked,
}

/// What reading back came to, if not to an answer.
#[derive(Debug)]
pub(crate) enum Unread {
    /// It could not be read; it may be later.
    Trouble(Trouble),
    /// It is not what was meant, or cannot be understood: said for a person.
    Differs(String),
}

impl Job {
    /// The way to the system.
    pub(crate) async fn reach(&self) -> Result<Reach, Trouble> {
        Reach::open(Arc::clone(&self.active), Arc::clone(&self.served)).await
    }

    /// The handle for writes, in the language in which the object is read: that of its mapping.
    pub(crate) fn odoo(&self) -> Odoo {
        self.active.handle(&self.served)
    }

    /// The key that it leaves in the system: the same for whoever goes on with it.
    pub(crate) fn external_id(&self) -> String {
        format!("{MODULE}.{}", self.operation)
    }

    /// The system.
    pub(crate) fn system(&self) -> &SystemName {
        self.served.connection.system()
    }
}

impl From<Trouble> for Unread {
    fn from(trouble: Trouble) -> Self {
        match trouble {
            // What cannot be shown as its object will not be the next time either.
            Trouble::Refusal(Problem { detail, code, .. }) => Self::Differs(format!("{detail} ({code})")),
            other => Self::Trouble(other),
        }
    }
}

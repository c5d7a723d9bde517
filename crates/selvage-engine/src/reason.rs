//! Why an operation has no outcome yet: two reasons say that nothing was done; everything else is words for people. Pure.

use selvage_store::{EffectState, OperationRecord, Waits};

/// Why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Reason {
    /// The system could not take it and nothing was done: it waits for the same request with the same key.
    GivenBack(String),
    /// That request came: it is carried out as if for the first time.
    AskedAgain,
    /// Anything else.
    Other,
}

impl Reason {
    /// From what was kept.
    pub(crate) fn of(record: &OperationRecord) -> Self {
        match record.waits {
            Some(Waits::GivenBack) => Self::GivenBack(record.because.clone().unwrap_or_default()),
            Some(Waits::AskedAgain) => Self::AskedAgain,
            None => Self::Other,
        }
    }
}

/// Whether an effect may be on its way to the system and nobody has said yet that it is in doubt.
pub(crate) fn may_be_under_way(record: &OperationRecord) -> bool {
    let open = |state: &EffectState| matches!(state, EffectState::Intended | EffectState::Sent { .. });
    record.effects.iter().any(|effect| open(&effect.state))
}

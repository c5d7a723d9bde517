//! Why an operation has no outcome yet, in the one text that the store keeps beside it. Two of them say that nothing
//! was done; everything else is words for people. Pure.

use selvage_store::{EffectState, OperationRecord};

const GIVEN_BACK: &str = "given back: ";
const ASKED_AGAIN: &str = "asked again: ";

/// Why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Reason {
    /// The system could not take it and nothing was done: it waits for the same request with the same key.
    GivenBack(String),
    /// That request came: it is carried out as if for the first time.
    AskedAgain,
    /// Anything else.
    Other(String),
}

impl Reason {
    /// As it is kept.
    pub(crate) fn keep(&self) -> String {
        match self {
            Self::GivenBack(why) => format!("{GIVEN_BACK}{why}"),
            Self::AskedAgain => format!("{ASKED_AGAIN}the same request came with the same key"),
            Self::Other(why) => why.clone(),
        }
    }

    /// From what was kept.
    pub(crate) fn of(record: &OperationRecord) -> Option<Self> {
        let kept = record.because.as_deref()?;
        Some(if let Some(why) = kept.strip_prefix(GIVEN_BACK) {
            Self::GivenBack(why.to_owned())
        } else if kept.starts_with(ASKED_AGAIN) {
            Self::AskedAgain
        } else {
            Self::Other(kept.to_owned())
        })
    }
}

/// Whether an effect may be on its way to the system and nobody has said yet that it is in doubt.
pub(crate) fn may_be_under_way(record: &OperationRecord) -> bool {
    let open = |state: &EffectState| matches!(state, EffectState::Intended | EffectState::Sent { .. });
    record.effects.iter().any(|effect| open(&effect.state))
}

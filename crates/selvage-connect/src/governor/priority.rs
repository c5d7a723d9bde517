//! How urgent a call is. It follows the interface that the call is for, and never what the call itself says.

/// The priorities, the most urgent first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Priority {
    /// For what stops a plant.
    First,
    /// For what hurts within a day.
    Second,
    /// For what can wait.
    Third,
    /// For nobody who waits: copies, baselines, look-arounds.
    Background,
}

impl Priority {
    /// All of them, the most urgent first.
    pub const ALL: [Self; 4] = [Self::First, Self::Second, Self::Third, Self::Background];

    /// Its word in metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::First => "tier-1",
            Self::Second => "tier-2",
            Self::Third => "tier-3",
            Self::Background => "background",
        }
    }

    /// How many more urgent calls it lets pass before one of its own begins all the same, so that none waits for ever.
    pub(super) fn bears(self) -> Option<u32> {
        match self {
            Self::First => None,
            Self::Second => Some(4),
            Self::Third => Some(8),
            Self::Background => Some(16),
        }
    }
}

//! The kinds of manifests, by the word behind `kind:`.

use std::fmt;
use std::str::FromStr;

/// What a manifest declares.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// The fabric itself; one in a directory.
    Fabric,
    /// A part that one board governs.
    Domain,
    /// A plant.
    Site,
    /// People.
    Team,
    /// An application.
    System,
    /// A team's own lint.
    Rule,
    /// A canonical business object.
    Object,
    /// Codes and each system's words for them.
    CodeSet,
    /// A translation between a system's records and an object.
    Mapping,
    /// The unit of governance.
    Interface,
    /// Who vouches for consumers by tokens.
    Issuer,
    /// An application identity.
    Consumer,
    /// A lease on an interface.
    Grant,
    /// Who is told of which events.
    Subscription,
    /// A durable orchestration.
    Flow,
    /// Which changes need whose approval.
    ApprovalRule,
    /// A rule set aside for a time.
    Waiver,
}

impl Kind {
    /// Every kind.
    pub const ALL: &'static [Self] = &[
        Self::Fabric,
        Self::Domain,
        Self::Site,
        Self::Team,
        Self::System,
        Self::Rule,
        Self::Object,
        Self::CodeSet,
        Self::Mapping,
        Self::Interface,
        Self::Issuer,
        Self::Consumer,
        Self::Grant,
        Self::Subscription,
        Self::Flow,
        Self::ApprovalRule,
        Self::Waiver,
    ];

    /// Its word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Fabric => "Fabric",
            Self::Domain => "Domain",
            Self::Site => "Site",
            Self::Team => "Team",
            Self::System => "System",
            Self::Rule => "Rule",
            Self::Object => "Object",
            Self::CodeSet => "CodeSet",
            Self::Mapping => "Mapping",
            Self::Interface => "Interface",
            Self::Issuer => "Issuer",
            Self::Consumer => "Consumer",
            Self::Grant => "Grant",
            Self::Subscription => "Subscription",
            Self::Flow => "Flow",
            Self::ApprovalRule => "ApprovalRule",
            Self::Waiver => "Waiver",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Kind {
    type Err = ();
    fn from_str(text: &str) -> Result<Self, ()> {
        Self::ALL.iter().copied().find(|kind| kind.as_str() == text).ok_or(())
    }
}

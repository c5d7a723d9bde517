//! Changes: what is proposed for a domain, what that needs, and who decided what. Plain data between the rules of governance, the
//! store that keeps them and whoever shows them.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::name::{ConsumerName, DomainName, EnvironmentName, InterfaceRef, TeamName};

/// A proposed difference between two releases of a domain.
#[derive(Clone, Debug, PartialEq)]
pub struct Change {
    /// Its id (`chg_…`).
    pub id: String,
    /// Whose release it becomes.
    pub domain: DomainName,
    /// What it is, in a line.
    pub title: String,
    /// Who proposed it: whose own signature never counts.
    pub author: String,
    /// How often its content was altered, from 1. Decisions are about one version.
    pub version: u32,
    /// The domain's release that it starts from; none for the first.
    pub base: Option<String>,
    /// The content address of what is proposed.
    pub release: String,
    /// How it stands.
    pub state: ChangeState,
    /// It may be released by one person, and has to be ratified afterwards.
    pub emergency: bool,
    /// Until when an emergency has to be ratified, once it is released.
    pub ratify_until: Option<Timestamp>,
    /// Until when it had to be ratified, where it was ratified later: a breach, which stays one.
    pub ratified_late: Option<Timestamp>,
    /// What was found when this version was proposed.
    pub report: Report,
    /// Whose approval it takes.
    pub requirements: Vec<Requirement>,
    /// Since when there is this version.
    pub proposed: Timestamp,
    /// Since when it stands as it does.
    pub changed: Timestamp,
    /// What was decided, oldest first; of earlier versions too.
    pub decisions: Vec<Decision>,
}

/// How a change stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ChangeState {
    /// It waits for decisions, or has them and waits to be released.
    Open,
    /// Somebody whose approval it takes rejected this version; another version opens it again.
    Rejected,
    /// Its author took it back.
    Withdrawn,
    /// It is a release.
    Released,
}

impl ChangeState {
    const ALL: [Self; 4] = [Self::Open, Self::Rejected, Self::Withdrawn, Self::Released];

    /// Its word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Rejected => "rejected",
            Self::Withdrawn => "withdrawn",
            Self::Released => "released",
        }
    }
}

impl fmt::Display for ChangeState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for ChangeState {
    type Err = ();
    fn from_str(text: &str) -> Result<Self, ()> {
        Self::ALL.into_iter().find(|state| state.as_str() == text).ok_or(())
    }
}

/// What was found about a version of a change, as it was shown to those who decide.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// How grave its gravest difference is: `safe`, `unproven`, `breaking`; `none` without a difference.
    pub risk: String,
    /// How many differences break somebody.
    pub breaking: u64,
    /// Of how many that cannot be told.
    pub unproven: u64,
    /// How many are safe.
    pub safe: u64,
    /// The differences, the gravest first, as `selvage diff --json` shows them.
    pub differences: Vec<Value>,
    /// Warnings of the check.
    pub findings: Vec<Value>,
    /// Who would be broken.
    pub affected: Vec<Affected>,
    /// What the difference touches.
    pub interfaces: BTreeSet<InterfaceRef>,
}

impl Report {
    /// How many differences are counted and not kept.
    pub fn left_out(&self) -> u64 {
        (self.breaking + self.unproven + self.safe).saturating_sub(self.differences.len() as u64)
    }
}

/// A consumer that a change concerns.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Affected {
    /// Who.
    pub consumer: ConsumerName,
    /// By what.
    pub interface: InterfaceRef,
    /// When it was last seen to use what changes; none where it never was, or that cannot be known.
    pub last_used: Option<Timestamp>,
    /// In which environments it was seen to use an operation that changes, and when last; nothing in changes of before this was kept.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub environments: BTreeMap<EnvironmentName, Timestamp>,
    /// How that is known, in words.
    pub because: String,
    /// What it would lose, operation by operation; nothing in changes of before this was kept.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub losses: Vec<Loss>,
}

impl Affected {
    /// When it was seen last, in words: by environment, where that is known.
    pub fn seen(&self) -> String {
        seen(self.last_used, &self.environments)
    }
}

/// When something was used last, in words: by environment, where that is known. `never seen` where it was not.
pub fn seen(last: Option<Timestamp>, environments: &BTreeMap<EnvironmentName, Timestamp>) -> String {
    let Some(last) = last else { return "never seen".to_owned() };
    let each: Vec<String> = environments.iter().map(|(name, at)| format!("{at:.0} in {name}")).collect();
    if each.is_empty() { format!("last {last:.0}") } else { format!("last {}", each.join(", ")) }
}

/// What a consumer would lose of an operation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Loss {
    /// The operation, as grants name it; none where it is of any.
    pub operation: Option<String>,
    /// How grave the gravest difference is: `unproven`, `breaking`.
    pub verdict: String,
    /// What that one is about.
    pub at: String,
    /// How many requests were counted that used it.
    pub requests: u64,
    /// When it was last seen to use it.
    pub last_used: Option<Timestamp>,
    /// Why its use cannot be known, in words, where it cannot.
    pub unknown: Option<String>,
}

/// Whose approval is needed.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(tag = "of", rename_all = "kebab-case")]
pub enum Need {
    /// An owner in this team.
    Owner {
        /// The team.
        team: TeamName,
    },
    /// Whoever answers for this consumer.
    Consumer {
        /// The consumer.
        consumer: ConsumerName,
    },
    /// So many disciplines of a domain's board.
    Board {
        /// The domain.
        domain: DomainName,
        /// How many disciplines.
        quorum: u32,
    },
    /// One seat of a domain's board.
    Discipline {
        /// The domain.
        domain: DomainName,
        /// The seat.
        discipline: String,
    },
}

impl fmt::Display for Need {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Owner { team } => write!(f, "an owner in {team}"),
            Self::Consumer { consumer } => write!(f, "who answers for {consumer}"),
            Self::Board { domain, quorum: 1 } => write!(f, "the board of {domain}"),
            Self::Board { domain, quorum } => write!(f, "{quorum} disciplines of the board of {domain}"),
            Self::Discipline { domain, discipline } => write!(f, "{discipline} on the board of {domain}"),
        }
    }
}

/// An approval that a change takes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Requirement {
    /// Whose.
    pub need: Need,
    /// Why, each reason once.
    pub because: Vec<String>,
    /// Who can give it: seats with their people. One signature fills one seat.
    pub seats: Vec<Seat>,
}

/// A place that one of these people fills.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Seat {
    /// What it is called: a discipline, or `owner`.
    pub name: String,
    /// Whose board it is on, where it is on one: what can be delegated.
    pub board: Option<DomainName>,
    /// Directory identities.
    pub people: Vec<String>,
}

/// What somebody said about a version of a change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decision {
    /// Who.
    pub person: String,
    /// About which version.
    pub version: u32,
    /// What.
    pub verdict: DecisionVerdict,
    /// Why.
    pub because: String,
    /// When.
    pub at: Timestamp,
    /// The name was said, and nobody proved to be who bears it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub unproven: bool,
}

impl Decision {
    /// Who, and whether that was proven, as it is shown.
    pub fn signed_by(&self) -> String {
        signature(&self.person, self.unproven)
    }
}

/// A signature as it is shown: a name, and whether it was only said.
pub fn signature(person: &str, unproven: bool) -> String {
    if unproven { format!("{person} (unproven)") } else { person.to_owned() }
}

/// What can be said about a change. The last word of a person counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DecisionVerdict {
    /// For it.
    Approve,
    /// Against it.
    Reject,
    /// Neither: somebody else has to.
    Abstain,
    /// Words alone; what was said before stands.
    Comment,
}

impl DecisionVerdict {
    const ALL: [Self; 4] = [Self::Approve, Self::Reject, Self::Abstain, Self::Comment];

    /// Its word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Approve => "approve",
            Self::Reject => "reject",
            Self::Abstain => "abstain",
            Self::Comment => "comment",
        }
    }
}

impl fmt::Display for DecisionVerdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for DecisionVerdict {
    type Err = ();
    fn from_str(text: &str) -> Result<Self, ()> {
        Self::ALL.into_iter().find(|verdict| verdict.as_str() == text).ok_or(())
    }
}

/// A seat of a board that somebody else fills for a time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Delegation {
    /// Its id (`dlg_…`).
    pub id: String,
    /// Whose board.
    pub domain: DomainName,
    /// Which seat.
    pub discipline: String,
    /// Who gave it: somebody of the seat.
    pub from: String,
    /// Who fills it beside them.
    pub to: String,
    /// Until when.
    pub until: Timestamp,
    /// The name of who gave it was said, and nobody proved to be who bears it.
    #[serde(default)]
    pub unproven: bool,
}

impl Delegation {
    /// Who gave it, and whether that was proven.
    pub fn given_by(&self) -> String {
        signature(&self.from, self.unproven)
    }
}

//! Who and where: the fabric itself, its domains, sites and teams.

use std::time::Duration;

use jiff::civil::Date;
use jiff::tz::TimeZone;

use crate::mail::MailAddress;
use crate::manifest::consumer::Deliver;
use crate::manifest::interface::OnPartition;
use crate::name::{
    ClassName, DomainName, EnvironmentName, FabricName, PackName, RuleName, SiteName, SystemName, TeamName,
};
use crate::network::Network;
use crate::source::{Place, Spanned};

/// `kind: Fabric`: one in a directory.
#[derive(Clone, Debug, PartialEq)]
pub struct FabricSettings {
    /// Where it is declared.
    pub place: Place,
    /// Its name.
    pub name: FabricName,
    /// Its environments in the order written.
    pub environments: Vec<Environment>,
    /// The packs of objects and mappings that ship with Selvage and are part of this fabric.
    pub packs: Vec<Spanned<PackName>>,
    /// Classes of data besides those that every fabric has.
    pub classes: Vec<Spanned<ClassName>>,
    /// Rules that no domain may loosen.
    pub guardrails: Vec<Spanned<RuleName>>,
    /// Networks to which deliveries go that are for systems of the zone `cloud`, beside what everybody reaches.
    pub networks: Vec<Spanned<Network>>,
    /// How many years evidence is kept.
    pub evidence_years: EvidenceYears,
}

/// How many years packages of evidence are kept, by the gravest class of what they are about; as Selvage has it where nothing is said.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct EvidenceYears {
    /// About controls.
    pub control: Option<u32>,
    /// About what stops a plant.
    pub tier_1: Option<u32>,
    /// About what hurts within a day.
    pub tier_2: Option<u32>,
    /// About what can wait.
    pub tier_3: Option<u32>,
    /// About what has no class.
    pub unclassified: Option<u32>,
}

/// An environment: where releases are activated.
#[derive(Clone, Debug, PartialEq)]
pub struct Environment {
    /// Its name and place.
    pub name: Spanned<EnvironmentName>,
    /// A protected one takes nothing without approvals.
    pub protected: bool,
    /// The environments that must have run a release before.
    pub after: Vec<Spanned<EnvironmentName>>,
    /// What a node does that cannot hear the access state, where an interface says nothing else.
    pub on_partition: Option<OnPartition>,
    /// How long a consumer's key lasts there at most, whatever it was issued for.
    pub key_age: Option<Duration>,
    /// What has to be before a release of a domain is activated there.
    pub gates: Gates,
}

/// What Selvage looks at itself before a release is activated in an environment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Gates {
    /// The examples of its mappings hold, and their laws.
    pub tests: bool,
    /// It has been active for so long in each environment that comes before.
    pub soak: Option<Duration>,
    /// Its mediated interfaces and its deliveries hold against simulated systems that fail.
    pub faults: bool,
    /// No interface that it holds has spent its error budget.
    pub budget: bool,
    /// How old what another store saw of it may be.
    pub receipts: Option<Duration>,
}

impl Gates {
    /// How old what another store saw may be where nothing is said: what was gone back from there is heard of with the next package alone.
    pub const RECEIPTS: Duration = Duration::from_secs(24 * 3600);
}

/// `kind: Domain`.
#[derive(Clone, Debug, PartialEq)]
pub struct Domain {
    /// Where it is declared.
    pub place: Place,
    /// Its name.
    pub name: DomainName,
    /// Seats by discipline: people's directory identities.
    pub board: Vec<(Spanned<String>, Vec<String>)>,
    /// How many disciplines decide; 0 where there is no board.
    pub quorum: u32,
    /// The webhook by which it is told of what ends that its consumers use.
    pub notices: Option<Deliver>,
    /// The mailbox in which it is told of that.
    pub mail: Option<Spanned<MailAddress>>,
}

/// `kind: Site`: a plant.
#[derive(Clone, Debug, PartialEq)]
pub struct Site {
    /// Where it is declared.
    pub place: Place,
    /// Its name.
    pub name: SiteName,
    /// Its time zone, IANA.
    pub time_zone: TimeZone,
    /// Which system plays which role here.
    pub roles: Vec<(Spanned<String>, Spanned<SystemName>)>,
    /// What each system calls this site's company (`BE01`): a registry number, an external id or an exact name.
    pub companies: Vec<(Spanned<SystemName>, Spanned<String>)>,
    /// Where each system keeps what is in quarantine here: an external id or the full name of a location.
    pub quality_locations: Vec<(Spanned<SystemName>, Spanned<String>)>,
    /// The shifts as written; interpreted with the calendars.
    pub shifts: Option<String>,
    /// When what stands still.
    pub maintenance: Vec<MaintenanceWindow>,
    /// Networks to which deliveries go that are for systems of this site, beside what everybody reaches.
    pub networks: Vec<Spanned<Network>>,
}

/// Days in which some roles of a site stand still, both included.
#[derive(Clone, Debug, PartialEq)]
pub struct MaintenanceWindow {
    /// First day.
    pub from: Date,
    /// Last day.
    pub to: Date,
    /// The roles that stand still.
    pub what: Vec<Spanned<String>>,
}

/// `kind: Team`.
#[derive(Clone, Debug, PartialEq)]
pub struct Team {
    /// Where it is declared.
    pub place: Place,
    /// Its name.
    pub name: TeamName,
    /// People by role: owner, steward, on_call; directory identities.
    pub roles: Vec<(Spanned<String>, Vec<String>)>,
    /// The webhook by which it is told of what ends.
    pub notices: Option<Deliver>,
    /// The mailbox in which it is told of what ends.
    pub mail: Option<Spanned<MailAddress>>,
}

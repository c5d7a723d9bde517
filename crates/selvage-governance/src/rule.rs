//! The rules, each in the file of its topic. The page of each in docs/errors shows what it refuses and what it takes; tests
//! run what the pages show.

pub(crate) mod account;
pub(crate) mod approval;
pub(crate) mod arrival;
pub(crate) mod authority;
pub(crate) mod capture;
pub(crate) mod class;
pub(crate) mod code_set;
pub(crate) mod condition;
pub(crate) mod contract;
pub(crate) mod cycle;
pub(crate) mod direct;
pub(crate) mod domain;
pub(crate) mod event;
pub(crate) mod event_data;
pub(crate) mod event_name;
pub(crate) mod expression;
pub(crate) mod fabric;
pub(crate) mod flow;
pub(crate) mod grant;
pub(crate) mod interface;
pub(crate) mod issuer;
pub(crate) mod kept;
pub(crate) mod key;
pub(crate) mod key_age;
pub(crate) mod latency;
pub(crate) mod lease;
pub(crate) mod lifecycle;
pub(crate) mod load;
pub(crate) mod mapping;
pub(crate) mod mediated;
pub(crate) mod network;
pub(crate) mod orphan;
pub(crate) mod own_rule;
pub(crate) mod pack;
pub(crate) mod paging;
pub(crate) mod personal;
pub(crate) mod recovery;
pub(crate) mod reference;
pub(crate) mod scope;
pub(crate) mod secret;
pub(crate) mod subscription;
pub(crate) mod system;
pub(crate) mod teller;
pub(crate) mod tier;
pub(crate) mod undo;
pub(crate) mod version;
pub(crate) mod waiver;
pub(crate) mod webhook;

use std::fmt;

use selvage_model::code::{self, Code};
use selvage_model::finding::{Finding, Severity};
use selvage_model::source::Place;

use crate::lint::{Context, Report};

/// A built-in rule.
pub struct LintRule {
    /// Its code, the name of its page.
    pub code: Code,
    /// Its name, by which guardrails and waivers may call it.
    pub name: &'static str,
    /// How grave it is where nothing raises it.
    pub severity: Severity,
    /// Whether a waiver may set it aside: not where the fabric could not run.
    pub waivable: bool,
    pub(crate) check: fn(&Context<'_>, &mut Report),
}

/// What a rule is about, in large.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Area {
    /// The fabric as a whole: names, secrets, expressions.
    Fabric,
    /// Interfaces of all types.
    Interfaces,
    /// Consumers, grants, subscriptions.
    Access,
    /// Systems and their accounts.
    Systems,
    /// Objects, mappings, codes, units.
    Objects,
    /// Teams, domains, waivers, rules.
    Governance,
    /// Flows.
    Flows,
}

impl fmt::Display for Area {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Fabric => "fabric",
            Self::Interfaces => "interfaces",
            Self::Access => "access",
            Self::Systems => "systems",
            Self::Objects => "objects",
            Self::Governance => "governance",
            Self::Flows => "flows",
        })
    }
}

impl LintRule {
    /// What it is about, in a sentence.
    pub fn title(&self) -> &'static str {
        code::find(self.code.as_str()).map_or("", |(_, title)| title)
    }

    /// What it is about, in large: the numbers of codes are given by it.
    pub fn area(&self) -> Area {
        match self.code.as_str().get(..5) {
            Some("FAB21" | "FAB27") => Area::Interfaces,
            Some("FAB22") => Area::Access,
            Some("FAB23" | "FAB60") => Area::Systems,
            Some("FAB24") => Area::Objects,
            Some("FAB25" | "FAB29" | "FAB71") => Area::Governance,
            Some("FAB26") => Area::Flows,
            _ => Area::Fabric,
        }
    }

    /// Where its page is, from the root of the repository; a gateway serves it as `/errors/CODE`.
    pub fn page(&self) -> String {
        format!("docs/errors/{}.md", self.code)
    }

    /// A finding of this rule.
    pub(crate) fn finding(&self, place: &Place, message: impl Into<String>) -> Finding {
        Finding { severity: self.severity, ..Finding::error(self.code, place, message) }
    }
}

/// Every built-in rule, by code.
pub const RULES: &[LintRule] = &[
    reference::UNKNOWN,
    cycle::CYCLE,
    secret::INLINE,
    fabric::MISSING,
    expression::BROKEN,
    interface::OWNER,
    interface::CLASS,
    interface::SLO,
    direct::ERP,
    interface::DOMAIN,
    mediated::VERB,
    paging::LIST,
    mediated::UNMAPPED,
    mediated::CONNECTOR,
    lifecycle::NO_END,
    lifecycle::PASSED,
    lifecycle::SUCCESSOR,
    direct::UNCHECKED,
    pack::UNMET,
    pack::UNVERIFIED,
    mediated::AT_RISK,
    recovery::MET,
    recovery::OVERLAP,
    recovery::STATED,
    issuer::OPEN,
    issuer::ENVIRONMENT,
    issuer::TWICE,
    condition::UNFIT,
    key_age::ENDLESS,
    latency::REAL_TIME,
    latency::HASTE,
    latency::PROMISE,
    contract::REPEATED,
    contract::PROBLEMS,
    contract::KEY,
    contract::WHO,
    contract::PARAMETERS,
    direct::SEVERAL,
    arrival::OBJECT,
    version::IN_NAME,
    version::OLDER,
    lifecycle::HURRIED,
    version::LESS,
    event::FACT,
    event::LANE,
    event::RETENTION,
    event::LANE_ATTRIBUTE,
    event::PRODUCER,
    capture::DELETES,
    capture::AGE,
    capture::RECORD,
    arrival::QUARANTINE,
    arrival::ARCHIVE,
    arrival::MESSAGE,
    arrival::SIGNED,
    tier::LOWER,
    personal::CLASSED,
    authority::ELSEWHERE,
    kept::UNREAD,
    class::UNKNOWN,
    class::UNUSED,
    class::NEVER_NULL,
    class::OF_KEY,
    class::UNSAID,
    scope::ALIAS,
    webhook::UNHEARD,
    webhook::UNTOLD,
    load::BOTTLENECK,
    teller::TOLD,
    grant::PURPOSE,
    grant::END,
    scope::OPERATION,
    scope::DIRECT,
    scope::ATTRIBUTE,
    scope::ROWS,
    grant::OUTLIVES,
    grant::OVER,
    scope::CREATE,
    grant::CUT,
    subscription::EVENT,
    lease::LONG,
    lease::NARROW,
    lease::RETIRED,
    lease::MOVE,
    lease::UNUSED,
    lease::UNBOUNDED,
    lease::WEAK,
    subscription::UNSIGNED,
    subscription::SILENT,
    webhook::OPEN,
    webhook::NOWHERE,
    webhook::SECRETS,
    webhook::OBJECT,
    webhook::RECORD,
    webhook::ALIKE,
    subscription::TWICE,
    subscription::KEYLESS,
    subscription::UNGRANTED,
    network::CLOSED,
    network::TOO_WIDE,
    capture::WHEN,
    capture::KEPT,
    system::ENVIRONMENT,
    system::ACCESS,
    load::OVER,
    account::SHARED,
    account::ADMINISTRATOR,
    account::PLAIN,
    account::APART,
    orphan::SYSTEM,
    code_set::DIMENSION,
    authority::CONFLICT,
    orphan::OBJECT,
    waiver::OVER,
    waiver::IDLE,
    waiver::REFUSED,
    domain::QUORUM,
    waiver::SOON,
    tier::EMPTY,
    tier::ON_CALL,
    own_rule::NAMED,
    own_rule::CASES,
    domain::DIRECTORY,
    approval::APPLIES,
    flow::INTERFACE,
    undo::UNDO,
    undo::PIVOT,
    undo::APPROVAL,
    undo::WAIT,
    undo::LANE,
    lifecycle::BROWNOUT,
    webhook::REPLAYED,
    event_data::UNUSABLE,
    event_data::OBJECT,
    event_name::TENSE,
    own_rule::FOUND,
    own_rule::FAILED,
    key::ENDS,
    domain::NARROW,
];

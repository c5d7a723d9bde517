//! The rules, each in the file of its topic, with an example of what it refuses and of what it takes. The examples are
//! tests; docs/errors has a page for each.

pub(crate) mod code_set;
pub(crate) mod condition;
pub(crate) mod cycle;
pub(crate) mod direct;
pub(crate) mod domain;
pub(crate) mod expression;
pub(crate) mod fabric;
pub(crate) mod flow;
pub(crate) mod grant;
pub(crate) mod interface;
pub(crate) mod issuer;
pub(crate) mod key;
pub(crate) mod key_age;
pub(crate) mod lifecycle;
pub(crate) mod load;
pub(crate) mod mapping;
pub(crate) mod mediated;
pub(crate) mod own_rule;
pub(crate) mod pack;
pub(crate) mod paging;
pub(crate) mod reference;
pub(crate) mod scope;
pub(crate) mod secret;
pub(crate) mod subscription;
pub(crate) mod system;
pub(crate) mod waiver;

use selvage_model::code::{self, Code};

use crate::lint::{Context, Report};

/// A built-in rule.
pub struct LintRule {
    /// Its code, the name of its page.
    pub code: Code,
    /// Its name, by which guardrails and waivers may call it.
    pub name: &'static str,
    /// Manifests that it refuses.
    pub bad: &'static str,
    /// The same as it takes them.
    pub good: &'static str,
    /// Whether a waiver may set it aside: not where the fabric could not run.
    pub waivable: bool,
    pub(crate) check: fn(&Context<'_>, &mut Report),
}

impl LintRule {
    /// What it is about, in a sentence.
    pub fn title(&self) -> &'static str {
        code::find(self.code.as_str()).map_or("", |(_, title)| title)
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
    issuer::OPEN,
    issuer::ENVIRONMENT,
    issuer::TWICE,
    condition::UNFIT,
    key_age::ENDLESS,
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
    system::ENVIRONMENT,
    system::ACCESS,
    load::OVER,
    code_set::DIMENSION,
    waiver::OVER,
    waiver::IDLE,
    waiver::REFUSED,
    domain::QUORUM,
    flow::INTERFACE,
    own_rule::FOUND,
    own_rule::FAILED,
    key::ENDS,
];

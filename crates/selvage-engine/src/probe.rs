//! Probing an Odoo before it is served from: what the server is, what each account may, which mappings and verbs will work and
//! why not. It only reads, one call after the other, and shows no secret.

mod asking;
mod works;

use std::collections::BTreeMap;
use std::sync::Arc;

use selvage_model::delivery::Cause;
use selvage_model::fabric::Fabric;
use selvage_model::manifest::system::{Account, SecretName, System, SystemEnvironment};
use selvage_model::name::{InterfaceRef, MappingName, ObjectRef, SiteName};

/// What is probed.
pub struct ProbeTarget<'a> {
    /// The fabric: its mappings, and the interfaces that use them.
    pub fabric: &'a Arc<Fabric>,
    /// The system.
    pub system: &'a System,
    /// How it is reached.
    pub environment: &'a SystemEnvironment,
    /// The account.
    pub account: &'a Account,
    /// Secrets by name.
    pub secrets: &'a BTreeMap<SecretName, String>,
    /// Told what is asked next.
    pub progress: &'a (dyn Fn(&str) + Sync),
}

/// What was found through one account.
#[derive(Clone, Debug, PartialEq)]
pub struct AccountProbe {
    /// The account's name in manifests.
    pub account: String,
    /// Who it is in the system.
    pub login: String,
    /// What was found, or why nothing was.
    pub outcome: Result<Found, Unfound>,
}

/// Why a server could not be probed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unfound {
    /// The code of the page about it.
    pub code: &'static str,
    /// What is wrong.
    pub message: String,
    /// What to do.
    pub fix: Option<String>,
}

/// A server as one account sees it.
#[derive(Clone, Debug, PartialEq)]
pub struct Found {
    /// As `18.0+e-20241005`.
    pub version: String,
    /// The dialect that is spoken with it.
    pub dialect: &'static str,
    /// Modules that matter, and whether they are there; `None` where the server did not say.
    pub modules: Vec<(&'static str, Option<bool>)>,
    /// The companies that the account sees.
    pub companies: Vec<CompanyRow>,
    /// Sites that name a company which the account does not see, with that name.
    pub unbound: Vec<(SiteName, String)>,
    /// What the account may, of the models that are needed.
    pub rights: Vec<RightRow>,
    /// The account's keys with their last day, where the server tells.
    pub keys: Vec<(String, Option<String>)>,
    /// Each mapping, and what works with it.
    pub works: Vec<Works>,
    /// What to ask the administrator for, a sentence each.
    pub requests: Vec<String>,
}

/// A company.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CompanyRow {
    /// Its id.
    pub id: i64,
    /// Its name.
    pub name: String,
    /// Its registry number.
    pub registry: Option<String>,
    /// Its external id.
    pub external_id: Option<String>,
    /// The site that is bound to it.
    pub site: Option<SiteName>,
}

/// What the account may of one model; `None` where it is not needed or the server did not say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RightRow {
    /// The model.
    pub model: String,
    /// See records.
    pub read: Option<bool>,
    /// Change records.
    pub write: Option<bool>,
    /// Make records.
    pub create: Option<bool>,
    /// Take records away.
    pub delete: Option<bool>,
}

/// How a mapping will do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// All that it is for.
    Works,
    /// What is needed of it, and not all that it is for.
    Partly,
    /// Its records can be read, and nothing can be done to them.
    ReadOnly,
    /// Not at all.
    Fails,
    /// It is for other versions.
    OtherVersion,
}

impl Verdict {
    /// In words.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Works => "works",
            Self::Partly => "works in part",
            Self::ReadOnly => "read only",
            Self::Fails => "does not work",
            Self::OtherVersion => "for other versions",
        }
    }
}

/// A mapping and what works with it.
#[derive(Clone, Debug, PartialEq)]
pub struct Works {
    /// The object.
    pub object: ObjectRef,
    /// The mapping.
    pub mapping: MappingName,
    /// The record in Odoo.
    pub record: String,
    /// Not yet tried against a real server.
    pub unverified: bool,
    /// The interfaces that use it through this account.
    pub used_by: Vec<InterfaceRef>,
    /// In one word.
    pub verdict: Verdict,
    /// What can be done with it: reading, creating, verbs.
    pub uses: Vec<UseRow>,
    /// What makes some records fail.
    pub remarks: Vec<Reason>,
}

/// One thing that can be done with a mapping.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UseRow {
    /// `read`, `create`, or a verb.
    pub word: &'static str,
    /// An outcome that is not known goes to a person.
    pub at_risk: bool,
    /// An interface needs it.
    pub needed: bool,
    /// Why it will not work; empty where it will.
    pub reasons: Vec<Reason>,
}

/// Why something will not work.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reason {
    /// The code of the page about it.
    pub code: &'static str,
    /// Of which class it is: who can do something about it.
    pub cause: Cause,
    /// What is wrong.
    pub reason: String,
    /// What to do.
    pub fix: String,
}

impl AccountProbe {
    /// Whether something that is needed will not work.
    pub fn lacks(&self) -> bool {
        match &self.outcome {
            Err(_) => true,
            Ok(found) => !found.unbound.is_empty() || found.works.iter().any(Works::lacks),
        }
    }
}

impl Works {
    /// Whether an interface needs what will not work.
    pub fn lacks(&self) -> bool {
        let idle = self.verdict == Verdict::OtherVersion && !self.used_by.is_empty();
        idle || self.uses.iter().any(|usage| usage.needed && !usage.reasons.is_empty())
    }
}

/// Probes the system through one account. Nothing in it is changed.
pub async fn probe(target: &ProbeTarget<'_>) -> AccountProbe {
    let (account, login) = (target.account.name.value.clone(), target.account.login.clone());
    AccountProbe { account, login, outcome: asking::ask(target).await }
}

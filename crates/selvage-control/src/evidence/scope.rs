//! What evidence is about, in terms of what the ledger names: interfaces, domains, and the ids of whatever belongs to them.

use std::collections::BTreeSet;

use selvage_model::change::Change;
use selvage_model::domain::domain_of;
use selvage_model::fabric::Fabric;
use selvage_model::name::{DomainName, InterfaceRef};
use selvage_store::LedgerEntry;
use serde_json::Value;

use super::About;
use super::seen::is_made;

/// What evidence is about.
pub(super) struct Scope {
    /// Everything.
    whole: bool,
    /// Everything of its domains, and not only what touches its interfaces.
    is_domain: bool,
    /// Interfaces.
    pub(super) interfaces: BTreeSet<InterfaceRef>,
    /// Domains whose releases decide what those are.
    pub(super) domains: BTreeSet<DomainName>,
    /// Ids and names by which the ledger calls what belongs to it.
    pub(super) ids: BTreeSet<String>,
}

impl Scope {
    pub(super) fn new(about: &About, fabric: &Fabric, changes: &[Change]) -> Self {
        let is_domain = matches!(about, About::Domain(_));
        let mut scope = Self {
            whole: false,
            is_domain,
            interfaces: BTreeSet::new(),
            domains: BTreeSet::new(),
            ids: BTreeSet::new(),
        };
        match about {
            About::Control(_) => {
                scope.whole = true;
                scope.interfaces.extend(fabric.interfaces.keys().cloned());
                scope.domains.extend(fabric.domains.keys().cloned());
            }
            About::Domain(domain) => {
                let governed = fabric.interfaces.keys().filter(|it| fabric.governing(it).as_ref() == Some(domain));
                scope.interfaces.extend(governed.cloned());
                scope.domains.insert(domain.clone());
            }
            About::Interface(interface) => {
                let touched = changes.iter().filter(|change| change.report.interfaces.contains(interface));
                scope.domains.extend(touched.map(|change| change.domain.clone()));
                scope.domains.extend(fabric.governing(interface));
                scope.interfaces.insert(interface.clone());
            }
        }
        scope.ids.extend(scope.interfaces.iter().map(ToString::to_string));
        scope
    }

    pub(super) fn has(&self, interface: &InterfaceRef) -> bool {
        self.whole || self.interfaces.contains(interface)
    }

    /// Whether a change is about it: of the domain, or of an interface.
    pub(super) fn has_change(&self, about: &About, change: &Change) -> bool {
        let is_of_domain = matches!(about, About::Domain(domain) if domain == &change.domain);
        is_of_domain || change.report.interfaces.iter().any(|it| self.has(it)) || self.whole
    }

    /// Whether something that goes by these names and is declared in this file belongs to it.
    pub(super) fn names(&self, about: &About, names: &[String], file: &str) -> bool {
        let is_of_domain = matches!(about, About::Domain(domain) if domain == &domain_of(file));
        let is_named = |name: &String| {
            self.interfaces.iter().any(|it| &it.to_string() == name || it.name.as_str() == name.as_str())
        };
        self.whole || is_of_domain || names.iter().any(is_named)
    }

    /// Whether an entry of the ledger belongs to it. Tokens that were asked for are counts of traffic, and none.
    pub(super) fn concerns(&self, entry: &LedgerEntry) -> bool {
        let family = entry.action.split('.').next().unwrap_or_default();
        let detail = |name: &str| entry.detail.get(name).and_then(Value::as_str);
        let is_of_domain = || detail("domain").is_some_and(|name| self.domains.iter().any(|it| it.as_str() == name));
        let is_known = |id: &str| self.ids.contains(id);
        match family {
            "token" => false,
            "store" | "release-key" | "person" | "ledger" | "operator" => true,
            _ if self.whole => true,
            "release" => {
                // What a directory was served from has no domain, and is the whole fabric.
                let is_directory = detail("domain").is_none();
                // Whatever a domain activates decides what its interfaces are.
                let counts = self.is_domain || !(is_made(entry) || entry.action == "release.receipts-imported");
                is_directory || (counts && is_of_domain()) || detail("change").is_some_and(is_known)
            }
            "board" => is_of_domain() || is_known(&entry.subject),
            "consumer" | "interface" | "key" | "change" | "grant" | "access" | "break-glass" | "recertification"
            | "subscription" | "replay" | "dead-letter" | "capture" | "copy" | "operation" => {
                is_known(&entry.subject)
                    || ["interface", "grant", "subscription"].into_iter().filter_map(detail).any(is_known)
            }
            _ => is_known(&entry.subject),
        }
    }
}

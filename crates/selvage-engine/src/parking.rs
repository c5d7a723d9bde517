//! Operations that are parked because the system lacks what they need: the table that requests look at, and how it is reckoned
//! from what the system has. A request never waits for a check; what is not known parks nothing.

use std::collections::BTreeMap;
use std::sync::Arc;

use arc_swap::ArcSwap;
use jiff::Timestamp;
use selvage_connect::odoo::{Fingerprint, of_verb};
use selvage_mapping::CompiledMapping;
use selvage_model::code::{self, Code};
use selvage_model::delivery::Cause;
use selvage_model::manifest::api::Operation;
use selvage_model::name::ObjectName;
use selvage_model::overview::ParkedRow;
use selvage_model::problem::Problem;

use crate::connection::Connection;
use crate::fabric::{Active, Served};
use crate::need::gap::{Gap, gaps};
use crate::need::{self, Need, Use};

/// Seconds after which a parked operation may be tried again: what is parked is looked at about as often.
const RETRY_PARKED: u32 = 15;

/// Why an operation is parked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Parked {
    gaps: Vec<Gap>,
    since: Timestamp,
}

/// The parked operations of one interface.
#[derive(Default)]
pub(crate) struct Parking {
    table: ArcSwap<BTreeMap<Operation, Parked>>,
}

impl Parking {
    /// Whether a request of this operation may go on.
    pub(crate) fn admit(&self, operation: Operation, interface: &impl std::fmt::Display) -> Result<(), Problem> {
        match self.table.load().get(&operation) {
            None => Ok(()),
            Some(parked) => Err(parked.problem(operation, interface)),
        }
    }

    /// Whether anything is parked.
    pub(crate) fn is_empty(&self) -> bool {
        self.table.load().is_empty()
    }

    /// The models that something is parked for.
    pub(crate) fn models(&self) -> Vec<String> {
        let table = self.table.load();
        table.values().flat_map(|parked| parked.gaps.iter().map(|gap| gap.model.clone())).collect()
    }
}

impl Parked {
    fn problem(&self, operation: Operation, interface: &impl std::fmt::Display) -> Problem {
        let detail = format!("`{operation}` of `{interface}` is parked: {}. {}", self.reason(), self.fix());
        Problem::new(503, code::OPERATION_PARKED, detail).retry_after(RETRY_PARKED)
    }

    /// The code of the first gap.
    fn code(&self) -> Code {
        self.gaps.first().map_or(code::OPERATION_PARKED, |gap| gap.code)
    }

    /// The class of the first gap.
    fn cause(&self) -> Cause {
        self.gaps.first().map_or(Cause::Unknown, Gap::cause)
    }

    fn reason(&self) -> String {
        let told: Vec<String> = self.gaps.iter().map(|gap| format!("{} ({})", gap.reason, gap.code)).collect();
        told.join("; ")
    }

    fn fix(&self) -> String {
        let mut fixes: Vec<String> = Vec::new();
        for gap in &self.gaps {
            let mut letters = gap.fix.chars();
            let fix: String =
                letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default();
            if !fixes.contains(&fix) {
                fixes.push(fix);
            }
        }
        fixes.join(". ")
    }
}

/// What an operation needs, or why no mapping serves it.
pub(crate) fn needs_of(active: &Active, served: &Served, operation: Operation, major: u32) -> Result<Vec<Need>, Gap> {
    let (object, system) = (served.object.reference(), served.connection.system());
    let mapping = active.mapping(&object, system, major).map_err(|problem| Gap {
        code: problem.code,
        model: String::new(),
        reason: problem.detail,
        fix: format!("use a version of the pack or a mapping that is for version {major}"),
        right: None,
        mild: false,
    })?;
    let linked = |other: &ObjectName| {
        let newest = active.fabric.newest_object(other)?;
        active.mapping(&newest.reference(), system, major).ok()
    };
    Ok(of_operation(&mapping, operation, linked))
}

/// What an operation needs with this mapping.
pub(crate) fn of_operation(
    mapping: &CompiledMapping,
    operation: Operation,
    linked: impl Fn(&ObjectName) -> Option<Arc<CompiledMapping>>,
) -> Vec<Need> {
    let mut needs = need::always();
    needs.extend(need::of_mapping(mapping, Use::of(operation), linked));
    if let Some(verb) = of_verb(operation.as_str(), mapping.record()) {
        needs.extend(need::of_verb(verb));
    }
    needs
}

/// Parks and lets go, by what the system of this connection has.
pub(crate) fn reckon(active: &Active, connection: &Arc<Connection>, seen: &Fingerprint) {
    for served in active.through(connection) {
        let before = served.parking.table.load_full();
        let mut table = BTreeMap::new();
        for operation in &served.operations {
            let gaps = match needs_of(active, served, *operation, seen.server.version.major) {
                Ok(needs) => gaps(&needs, seen, connection.login()),
                Err(gap) => vec![gap],
            };
            let gaps: Vec<Gap> = gaps.into_iter().filter(|gap| !gap.mild).collect();
            if !gaps.is_empty() {
                let since = before.get(operation).map_or_else(Timestamp::now, |parked| parked.since);
                table.insert(*operation, Parked { gaps, since });
            }
        }
        announce(served, &before, &table);
        served.parking.table.store(Arc::new(table));
    }
}

fn announce(served: &Served, before: &BTreeMap<Operation, Parked>, now: &BTreeMap<Operation, Parked>) {
    let (interface, system) = (&served.interface, served.connection.system());
    for (operation, parked) in now.iter().filter(|(operation, _)| !before.contains_key(*operation)) {
        tracing::warn!(%interface, %operation, %system, reason = parked.reason(), "operation parked");
    }
    for operation in before.keys().filter(|operation| !now.contains_key(*operation)) {
        tracing::info!(%interface, %operation, %system, "operation goes on");
    }
}

/// What is parked, in Prometheus' text format.
pub(crate) fn figures(active: &Active) -> String {
    let mut text =
        "# HELP selvage_engine_parked_operations Operations that wait until their system has what they need.\n\
                    # TYPE selvage_engine_parked_operations gauge\n"
            .to_owned();
    for row in rows(active) {
        let ParkedRow { interface, operation, system, code, cause, .. } = row;
        let what = format!("interface=\"{interface}\",operation=\"{operation}\",system=\"{system}\"");
        let labels = format!("{what},code=\"{code}\",cause=\"{cause}\"");
        text.push_str(&format!("selvage_engine_parked_operations{{{labels}}} 1\n"));
    }
    text
}

/// Everything that is parked.
pub(crate) fn rows(active: &Active) -> Vec<ParkedRow> {
    let mut rows = Vec::new();
    for served in active.all_served() {
        for (operation, parked) in served.parking.table.load().iter() {
            rows.push(ParkedRow {
                interface: served.interface.clone(),
                operation: *operation,
                system: served.connection.system().clone(),
                code: parked.code().to_string(),
                cause: parked.cause(),
                reason: parked.reason(),
                fix: parked.fix(),
                since: parked.since,
            });
        }
    }
    rows
}

#[cfg(test)]
mod tests {
    use selvage_model::verb::Verb;

    use super::*;

    #[test]
    fn every_verb_says_what_it_needs() {
        for operation in Operation::ALL.iter().filter(|operation| operation.is_verb()) {
            for record in Verb::records(*operation) {
                let known = of_verb(operation.as_str(), record);
                assert!(known.is_some(), "`{operation}` of `{record}` has no table in the connector's `needs.rs`");
            }
        }
    }
}

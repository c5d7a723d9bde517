//! What the check finds today in what is active: a waiver that has ended since, or a rule that is newer. It stops no node; somebody is to
//! resolve it.

use std::collections::BTreeSet;

use comfy_table::Table;
use selvage_control::desk;
use selvage_model::finding::{Finding, Severity};
use selvage_store::Store;
use serde_json::{Value, json};

use crate::command::{TABLE, say};
use crate::directory;
use crate::node::release::told;
use crate::report;

/// A finding, and the environments where what it is about is active.
pub(super) struct Ended {
    finding: Finding,
    environments: BTreeSet<String>,
}

/// Looks at what is active, as of today.
///
/// # Errors
/// Those of the store.
pub(super) async fn ended(store: &Store) -> anyhow::Result<Vec<Ended>> {
    let active = store.active_domains().await?;
    let environments: BTreeSet<_> = active.iter().map(|it| &it.environment).collect();
    let mut ended: Vec<Ended> = Vec::new();
    for environment in environments {
        let releases = desk::active_in(store, environment).await.map_err(told)?;
        // What is not as it was signed is told by who was to run it, and by `selvage release verify`.
        let Ok(files) = desk::files_of(store, &releases, None).await else { continue };
        let checked = tokio::task::spawn_blocking(move || directory::check_files(&files)).await?;
        for finding in checked.findings.into_iter().filter(|finding| finding.severity == Severity::Error) {
            match ended.iter_mut().find(|known| known.finding == finding) {
                Some(known) => drop(known.environments.insert(environment.to_string())),
                None => ended.push(Ended { finding, environments: [environment.to_string()].into() }),
            }
        }
    }
    Ok(ended)
}

impl Ended {
    /// For scripts.
    pub(super) fn json(&self) -> Value {
        let Finding { code, place, message, fix, .. } = &self.finding;
        let place = place.to_string();
        json!({"active_in": self.environments, "code": code.as_str(), "place": place, "message": message, "fix": fix})
    }
}

/// Prints them, where there are any.
///
/// # Errors
/// When it cannot be printed.
pub(super) fn print(ended: &[Ended]) -> anyhow::Result<()> {
    if ended.is_empty() {
        return Ok(());
    }
    let mut table = Table::new();
    table.load_style(TABLE).set_header(["FOUND TODAY", "IN WHAT IS ACTIVE", "PLACE", "WHAT"]);
    for Ended { finding, environments } in ended {
        let environments = environments.iter().cloned().collect::<Vec<_>>().join(" ");
        let what = report::visible(&finding.message, false);
        table.add_row([finding.code.to_string(), environments, finding.place.to_string(), what]);
    }
    say(table)
}

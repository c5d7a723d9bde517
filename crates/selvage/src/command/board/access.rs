//! What of access is due from somebody, beside the changes that wait.

use comfy_table::Table;
use selvage_control::desk::lease::Due;
use selvage_control::desk::{Desk, counting};
use selvage_store::Store;
use serde_json::{Value, json};

use crate::command::{TABLE, active, say};
use crate::node::release::told;
use crate::report;

/// What is due, by what access is judged by: what is protected, where anything is.
///
/// # Errors
/// Those of the store.
pub(super) async fn due(desk: &Desk, store: &Store, person: Option<&str>) -> anyhow::Result<Vec<Due>> {
    let mut found: Vec<Due> = Vec::new();
    for judging in counting(active::every(store).await?) {
        for due in desk.access_due(&judging.fabric, person).await.map_err(told)? {
            match found.iter_mut().find(|known| known.id == due.id) {
                Some(known) => known.people.extend(due.people),
                None => found.push(due),
            }
        }
    }
    Ok(found)
}

/// For scripts.
pub(super) fn json(due: &Due) -> Value {
    json!({"access": due.shown()})
}

/// Prints it, where there is any.
///
/// # Errors
/// When it cannot be printed.
pub(super) fn print(due: &[Due]) -> anyhow::Result<()> {
    if due.is_empty() {
        return Ok(());
    }
    let mut table = Table::new();
    table.load_style(TABLE).set_header(["ACCESS", "ID", "SINCE", "UNTIL", "WHAT", "WAITS FOR"]);
    for it in due {
        let people: Vec<&str> = it.people.iter().map(String::as_str).collect();
        let people = if people.is_empty() { "nobody may".to_owned() } else { people.join(", ") };
        let until = it.until.map_or_else(String::new, |until| format!("{until:.0}"));
        let (since, about) = (format!("{:.0}", it.since), report::visible(&it.about, false));
        table.add_row([it.what.to_owned(), it.id.clone(), since, until, about, people]);
    }
    say(table)
}

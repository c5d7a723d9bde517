//! What of access is due from somebody, among the changes that wait.

use selvage_control::desk::lease::Due;
use selvage_control::desk::{Desk, counting};
use selvage_store::Store;

use crate::command::active;
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

/// As a line of the board.
pub(super) fn row(it: &Due) -> [String; 7] {
    let people: Vec<&str> = it.people.iter().map(String::as_str).collect();
    let people = if people.is_empty() { "nobody may".to_owned() } else { people.join(", ") };
    let people = match it.until {
        Some(until) if it.is_breach => format!("BREACH since {until:.0}: {people}"),
        Some(until) => format!("until {until:.0}: {people}"),
        None => people,
    };
    let domain = it.domain.as_ref().map(ToString::to_string).unwrap_or_default();
    let (since, about) = (format!("{:.0}", it.since), report::visible(&it.about, false));
    [it.what.to_owned(), it.id.clone(), domain, it.risk.clone(), since, about, people]
}

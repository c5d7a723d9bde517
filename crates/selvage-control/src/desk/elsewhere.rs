//! What other stores saw of a release, by their receipts: what they come to at the gates of an environment that follows another, which has no
//! nodes in this store. What this store sees itself goes before.

use std::time::Duration;

use selvage_model::name::EnvironmentName;
use selvage_store::{ForeignReceipt, ReleaseImport};
use serde_json::{Value, json};

/// What is known of a release in an environment before.
pub(super) enum Before {
    /// It proved to be fit.
    Proven(String),
    /// Nothing is proven.
    Unproven(String),
    /// Somebody went back from it: it has proven that it is not fit.
    GoneBack(String),
}

impl Before {
    /// What two say together: whatever was gone back from anywhere is not fit, and otherwise one that saw it run is enough.
    pub(super) fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::GoneBack(saw), _) | (_, Self::GoneBack(saw)) => Self::GoneBack(saw),
            (Self::Proven(saw), _) | (_, Self::Proven(saw)) => Self::Proven(saw),
            (Self::Unproven(here), Self::Unproven(there)) => Self::Unproven(format!("{here}; {there}")),
        }
    }
}

/// The receipts of an environment.
pub(super) fn of<'a>(
    receipts: &'a [ForeignReceipt],
    environment: &EnvironmentName,
) -> impl Iterator<Item = &'a ForeignReceipt> {
    let there = move |it: &&ForeignReceipt| &it.receipt.environment == environment && !it.receipt.spells.is_empty();
    receipts.iter().filter(there)
}

/// What a receipt says of the environment: as this store would say it of its own, but that what no node ran proves nothing.
pub(super) fn before(it: &ForeignReceipt) -> Option<Before> {
    let (receipt, by) = (&it.receipt, by(it));
    let (last, environment) = (receipt.spells.last()?, &receipt.environment);
    Some(match (&receipt.ran, last.to.filter(|_| last.gone_back_from)) {
        (_, Some(to)) => Before::GoneBack(format!("gone back from in {environment} {to:.0}, {by}")),
        (Some(_), None) => {
            Before::Proven(format!("active in {environment} since {:.0}, and ran there, {by}", last.from))
        }
        (None, None) => {
            Before::Unproven(format!("active in {environment} since {:.0}, and no node ran it there, {by}", last.from))
        }
    })
}

/// For how long it was active there, and for how long nodes ran it.
pub(super) fn spent(it: &ForeignReceipt) -> (Duration, Duration) {
    let ran = it.receipt.ran.as_ref().map_or(Duration::ZERO, |ran| Duration::from_secs(ran.seconds));
    (it.receipt.active_for(it.seen), ran)
}

/// Whose word it is.
pub(super) fn by(it: &ForeignReceipt) -> String {
    format!("by the store of {} as of {:.0}", it.from, it.seen)
}

/// A receipt in a line.
pub fn receipt_line(it: &ForeignReceipt) -> String {
    let said = before(it).map(|(Before::Proven(saw) | Before::Unproven(saw) | Before::GoneBack(saw))| saw);
    let (active, ran) = spent(it);
    format!(
        "{}; active for {} s in all, and run by its nodes for {} s",
        said.unwrap_or_else(|| format!("never active in {}, {}", it.receipt.environment, by(it))),
        active.as_secs(),
        ran.as_secs()
    )
}

/// A receipt as the control API shows it.
pub fn receipt_shown(it: &ForeignReceipt) -> Value {
    let spells = it.receipt.spells.iter().map(|spell| {
        json!({
            "from": spell.from.to_string(),
            "to": spell.to.map(|to| to.to_string()),
            "gone_back_from": spell.gone_back_from,
            "gone_back_to": spell.gone_back_to,
            "gates": spell.gates,
        })
    });
    json!({
        "from": it.from,
        "seen": it.seen.to_string(),
        "imported": it.imported.to_string(),
        "environment": it.receipt.environment.as_str(),
        "spells": spells.collect::<Vec<_>>(),
        "ran": it.receipt.ran.as_ref().map(|ran| {
            json!({"first": ran.first.to_string(), "last": ran.last.to_string(), "seconds": ran.seconds})
        }),
    })
}

/// From where a release came, as the control API shows it.
pub fn import_shown(it: &ReleaseImport) -> Value {
    json!({"from": it.from, "at": it.at.to_string(), "by": it.by, "unproven": it.unproven})
}

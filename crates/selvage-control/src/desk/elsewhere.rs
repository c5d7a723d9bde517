//! What other stores saw of a release, by their receipts: what they come to at the gates of an environment that follows another, which has no
//! nodes in this store. What this store sees itself goes before.

use std::time::Duration;

use jiff::Timestamp;
use selvage_model::name::EnvironmentName;
use selvage_model::scalar::spell;
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

/// How a receipt counts at a gate.
#[derive(Clone, Copy)]
pub(super) struct Counting {
    /// The time here.
    pub(super) now: Timestamp,
    /// How old it may be.
    pub(super) most: Duration,
}

impl Counting {
    /// Why a receipt proves nothing here, whatever it says; nothing where it may.
    fn against(&self, it: &ForeignReceipt) -> Option<String> {
        let age = Duration::try_from(self.now.duration_since(it.seen)).unwrap_or_default();
        let too_old = || {
            let (age, most) = (spell(rounded(age)), spell(self.most));
            format!("which is {age} old, and may be {most}: export it there again, and import it")
        };
        distrusted(it).or_else(|| (age > self.most).then(too_old))
    }
}

/// In whole hours, where it is one at least.
fn rounded(age: Duration) -> Duration {
    const HOUR: u64 = 3600;
    let seconds = age.as_secs();
    Duration::from_secs(if seconds < HOUR { seconds } else { seconds - seconds % HOUR })
}

/// That the word of its store counts no more, where it does not.
fn distrusted(it: &ForeignReceipt) -> Option<String> {
    it.distrusted.map(|at| format!("whose key is not trusted since {at:.0}"))
}

/// What a receipt comes to at a gate: as this store would say it of its own, but that what no node ran proves nothing, and neither does what
/// is old or signed with a key that is not trusted any more. What speaks against a release counts still: that opens nothing.
pub(super) fn before(it: &ForeignReceipt, counting: Counting) -> Option<Before> {
    let says = says(it)?;
    let saw = format!("{}, {}", says.text, by(it));
    Some(match (says.fits, counting.against(it)) {
        (Fits::Never, _) => Before::GoneBack(saw),
        (_, Some(against)) => Before::Unproven(format!("{saw}, {against}")),
        (Fits::Yes, None) => Before::Proven(saw),
        (Fits::Unsaid, None) => Before::Unproven(saw),
    })
}

/// Whether a release proved to be fit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fits {
    /// It ran.
    Yes,
    /// No node ran it.
    Unsaid,
    /// Somebody went back from it.
    Never,
}

/// What a receipt says of its environment.
pub struct ReceiptSays {
    /// Whether it proved to be fit.
    pub fits: Fits,
    /// Since when it was active there last, or when it was gone back from.
    pub at: Timestamp,
    /// The same in words.
    pub text: String,
}

/// What a receipt says of its environment; nothing where the release was never active there.
pub fn says(it: &ForeignReceipt) -> Option<ReceiptSays> {
    let receipt = &it.receipt;
    let (last, environment) = (receipt.spells.last()?, &receipt.environment);
    let since = format!("active in {environment} since {:.0}", last.from);
    let (fits, at, text) = match (&receipt.ran, last.to.filter(|_| last.gone_back_from)) {
        (_, Some(to)) => (Fits::Never, to, format!("gone back from in {environment} {to:.0}")),
        (Some(_), None) => (Fits::Yes, last.from, format!("{since}, and ran there")),
        (None, None) => (Fits::Unsaid, last.from, format!("{since}, and no node ran it there")),
    };
    Some(ReceiptSays { fits, at, text })
}

/// For how long it was active there, and for how long nodes ran it.
pub fn spent(it: &ForeignReceipt) -> (Duration, Duration) {
    let ran = it.receipt.ran.as_ref().map_or(Duration::ZERO, |ran| Duration::from_secs(ran.seconds));
    (it.receipt.active_for(it.seen), ran)
}

/// The same, where that counts at a gate.
pub(super) fn counts(it: &ForeignReceipt, counting: Counting) -> (Duration, Duration) {
    if counting.against(it).is_some() { (Duration::ZERO, Duration::ZERO) } else { spent(it) }
}

/// Whose word it is.
pub(super) fn by(it: &ForeignReceipt) -> String {
    format!("by the store of {} as of {:.0}", it.from, it.seen)
}

/// A receipt in a line.
pub fn receipt_line(it: &ForeignReceipt) -> String {
    let said = says(it).map_or_else(|| format!("never active in {}", it.receipt.environment), |says| says.text);
    let (active, ran) = spent(it);
    let distrusted = distrusted(it).map_or_else(String::new, |distrusted| format!(", {distrusted}"));
    format!(
        "{said}, {}{distrusted}; active for {} s in all, and run by its nodes for {} s",
        by(it),
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
        "distrusted": it.distrusted.map(|at| at.to_string()),
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

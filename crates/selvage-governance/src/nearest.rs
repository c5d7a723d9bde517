//! The known name that was probably meant.

use selvage_model::finding::show;

/// Less alike than this is another word.
const LIKE: f64 = 0.75;
/// More candidates than this are not compared: the comparison is quadratic over a fabric of thousands.
const MOST_CANDIDATES: usize = 500;

/// What to do about an unknown name: the nearest known one, or what there is, or this.
pub(crate) fn suggest<K: AsRef<str>>(name: &str, known: impl IntoIterator<Item = K>, otherwise: &str) -> String {
    let known: Vec<K> = known.into_iter().take(MOST_CANDIDATES).collect();
    let scored = known.iter().map(|known| (strsim::jaro_winkler(name, known.as_ref()), known.as_ref()));
    let best = scored.max_by(|(a, _), (b, _)| a.total_cmp(b)).filter(|(score, _)| *score >= LIKE);
    match (best, known.len()) {
        (Some((_, like)), _) => format!("did you mean {}?", show(like)),
        (None, 1..=8) => format!("there is {}", listed(&known)),
        _ => otherwise.to_owned(),
    }
}

/// "`a`, `b`".
pub(crate) fn listed<K: AsRef<str>>(names: &[K]) -> String {
    names.iter().map(|name| show(name.as_ref())).collect::<Vec<_>>().join(", ")
}

/// Names that are listed before the rest is counted.
const SHOWN: usize = 4;

/// "`a`, `b` and 7 more".
pub(crate) fn shortened<K: AsRef<str>>(names: &[K]) -> String {
    let more = names.len().saturating_sub(SHOWN);
    let shown = listed(names.get(..SHOWN.min(names.len())).unwrap_or_default());
    if more > 0 { format!("{shown} and {more} more") } else { shown }
}

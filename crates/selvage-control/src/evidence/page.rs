//! The package as a page that prints well: made of the package alone, so that it says what the document says. It needs nothing from
//! outside, runs nothing, and shows whatever is written in it as text.

mod timeline;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use maud::{DOCTYPE, Markup, PreEscaped, html};
use serde_json::Value;

use super::chain::Excerpt;
use super::package::Package;
use super::section::{Row, Section};
use super::{ReleaseProof, Retention, Verdict};

pub(super) const STYLE: &str = include_str!("page/print.css");
/// Files of a release that are listed; all of them stand in the document.
const MOST_FILES: usize = 12;
/// Words that are longer may be broken anywhere.
const LONGEST_WORD: usize = 24;

/// A document that its page holds, so that the two stay together.
pub(super) struct Held<'a> {
    pub(super) document: &'a str,
    /// What a file with it is called.
    pub(super) name: &'a str,
    /// Where whoever reads it came from.
    pub(super) back: Option<&'a str>,
}

/// The page of a document with this digest.
pub fn page(package: &Package, digest: &str, signed_with: Option<&str>) -> String {
    whole(package, digest, signed_with, None)
}

/// The same, with the document in it.
pub(super) fn held(package: &Package, digest: &str, signed_with: Option<&str>, held: &Held<'_>) -> String {
    whole(package, digest, signed_with, Some(held))
}

fn whole(package: &Package, digest: &str, signed_with: Option<&str>, held: Option<&Held<'_>>) -> String {
    let sections = package.sections.iter().filter(|section| !section.rows.is_empty());
    let empty: Vec<&Section> = package.sections.iter().filter(|section| section.rows.is_empty()).collect();
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'";
                title { (package.title) ", " (day(package.from)) " to " (day(package.to)) }
                style { (PreEscaped(STYLE)) }
            }
            body {
                @if let Some(held) = held { (bar(held)) }
                (head(package, digest, signed_with, held.is_some()))
                (verdicts(&package.controls))
                (timeline::timeline(package))
                @for section in sections { (table(section)) }
                @if !empty.is_empty() {
                    section {
                        h2 { "Of which there was nothing" }
                        dl { @for section in empty { dt { (section.title) } dd { (section.says) } } }
                    }
                }
                (proofs(&package.releases))
                (ledger(&package.ledger))
                (kept(&package.retention))
            }
        }
    }
    .into_string()
}

/// The document to be saved, from the page itself: what is made later would be another.
fn bar(held: &Held<'_>) -> Markup {
    let address = format!("data:application/json;base64,{}", STANDARD.encode(held.document));
    html! {
        nav.bar {
            @if let Some(back) = held.back { a href=(back) { "Back to the console" } }
            a href=(address) download=(held.name) { "Save the document" }
        }
    }
}

fn day(at: jiff::Timestamp) -> String {
    at.strftime("%Y-%m-%d").to_string()
}

fn head(package: &Package, digest: &str, signed_with: Option<&str>, is_held: bool) -> Markup {
    let counts = |word: &str| package.controls.iter().filter(|it| it.verdict == word).count();
    html! {
        header {
            p.small { "Selvage · evidence" }
            h1 { (package.title) }
            dl.facts {
                dt { "Period" } dd { (format!("{:.0}", package.from)) " to " (format!("{:.0}", package.to)) }
                dt { "Made" } dd { (format!("{:.0}", package.made)) @if let Some(by) = &package.by { " by " (by) } }
                dt { "Declared by" } dd {
                    @if let Some(environment) = &package.environment { "what was active in " (environment) ": " }
                    @for release in &package.declared_by { code { (release) } " " }
                }
                dt { "Controls" } dd {
                    (counts("met")) " met, " (counts("not met")) " not met, " (counts("not examined")) " not examined"
                }
                dt { "Digest" } dd { code { (digest) } }
                dt { "Signed with" } dd { @match signed_with {
                    Some(key) => { code { (key) } },
                    None => "nothing: no key was there. The digest shows that nothing was altered by mistake, and not by whom it was made.",
                } }
                @for key in &package.keys { dt { "Key " (key.id) } dd { (key.signs) ", " code { (key.fingerprint) } } }
                dt { "Check" } dd { code { "selvage evidence verify FILE --key PUBLIC" } " checks the document " @if is_held { "that this page holds." } @else { "beside this page." } }
            }
        }
    }
}

fn verdicts(controls: &[Verdict]) -> Markup {
    html! {
        section {
            h2 { "Controls" }
            table {
                thead { tr { th { "Control" } th { "Verdict" } th { "What was seen" } th.narrow { "Entries" } } }
                tbody { @for it in controls {
                    tr {
                        td { strong { (it.title) } br; span.small { code { (it.id) } " · " (it.examines) } }
                        td.verdict { span class=(class(&it.verdict)) { (it.verdict) } }
                        td { (it.saw) @if !it.cases.is_empty() { ul { @for case in &it.cases { li { (case) } } } } }
                        td.entries { (numbers(&it.entries)) }
                    }
                } }
            }
        }
    }
}

fn class(verdict: &str) -> &'static str {
    match verdict {
        "met" | "kept" | "holds" | "open" => "good",
        "not met" | "broken" | "closed" => "bad",
        _ => "open",
    }
}

/// Numbers of entries, neighbours as a span.
fn numbers(entries: &[u64]) -> String {
    let mut sorted = entries.to_vec();
    sorted.sort_unstable();
    sorted.dedup();
    let mut spans: Vec<(u64, u64)> = Vec::new();
    for entry in sorted {
        match spans.last_mut() {
            Some((_, last)) if *last + 1 == entry => *last = entry,
            _ => spans.push((entry, entry)),
        }
    }
    let word = |(first, last): &(u64, u64)| if first == last { first.to_string() } else { format!("{first}–{last}") };
    spans.iter().map(word).collect::<Vec<_>>().join(", ")
}

fn table(section: &Section) -> Markup {
    let has_entries = section.rows.iter().any(|row| !row.entries.is_empty());
    html! {
        section id=(section.id) {
            h2 { (section.title) }
            p.small { (section.says) }
            @if section.columns.len() > MOST_COLUMNS { (records(section)) }
            @else {
                table {
                    thead { tr {
                        @for column in &section.columns { th { (column.title) } }
                        @if has_entries { th { "Entries" } }
                    } }
                    tbody { @for row in &section.rows { tr {
                        @for column in &section.columns { td { (cell(row, &column.id)) } }
                        @if has_entries { td.entries { (numbers(&row.entries)) } }
                    } } }
                }
            }
        }
    }
}

/// More columns than fit beside each other are shown below each other.
const MOST_COLUMNS: usize = 7;

fn records(section: &Section) -> Markup {
    html! {
        @for row in &section.rows {
            dl.record {
                @for column in &section.columns { dt { (column.title) } dd { (cell(row, &column.id)) } }
                @if !row.entries.is_empty() { dt { "Entries" } dd.entries { (numbers(&row.entries)) } }
            }
        }
    }
}

fn cell(row: &Row, column: &str) -> Markup {
    html! {
        @match row.cells.get(column) {
            Some(Value::Array(values)) if values.len() > 1 => {
                ul { @for value in values { li { (plain(value)) } } }
            },
            Some(Value::Array(values)) => { @for value in values { (plain(value)) } },
            Some(value) => {
                @let text = plain(value);
                @if matches!(text.as_str(), "kept" | "broken" | "not measured" | "closed") { span class=(class(&text)) { (text) } }
                @else if text.split_whitespace().any(|word| word.len() > LONGEST_WORD) { span.long { (text) } }
                @else { (text) }
            },
            None => "",
        }
    }
}

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn proofs(releases: &[ReleaseProof]) -> Markup {
    html! {
        @if !releases.is_empty() {
            section {
                h2 { "Digests of releases" }
                p.small { "A release's id is the digest of its domain and of its files by path; what is signed is the id, the domain and the change." }
                @for it in releases {
                    dl.record {
                        dt { "Release" } dd { code { (it.id) } " of " (it.domain) ", change " code { (it.change) } }
                        dt { "Signature" } dd { code { (it.signature) } " with " code { (it.key) } }
                        dt { "Files" } dd {
                            @for (path, digest) in it.files.iter().take(MOST_FILES) { div { (path) " " code.small { (digest) } } }
                            @if it.files.len() > MOST_FILES { div { "and " (it.files.len() - MOST_FILES) " more in the document" } }
                        }
                    }
                }
            }
        }
    }
}

fn ledger(ledger: &Excerpt) -> Markup {
    let entries: usize = ledger.spans.iter().map(|span| span.entries.len()).sum();
    let latest = |name: &str| ledger.latest.as_ref().and_then(|line| line.get(name)).map(plain).unwrap_or_default();
    html! {
        section {
            h2 { "The ledger" }
            dl.facts {
                dt { "Head" } dd { "entry " (ledger.entries) ", " code { (ledger.head) } ", at " (format!("{:.0}", ledger.at)) }
                dt { "Whole" } dd {
                    @if ledger.faults.is_empty() { "every entry, the chain, and the head fit each other and the checkpoints that are signed with the key" }
                    @else { ul { @for fault in &ledger.faults { li.bad { (fault) } } } }
                }
                dt { "Newest checkpoint" } dd {
                    @if ledger.latest.is_none() { "none that is signed with a key that is known" }
                    @else { "entry " (latest("entries")) ", " code { (latest("hash")) } ", signed with " code { (latest("signed_with")) } " at " (latest("at")) }
                }
                dt { "Checkpoints" } dd { (ledger.signed_checkpoints) " signed with the key, " (ledger.other_checkpoints) " with others or none that is known" }
                dt { "In the document" } dd { (entries) " entries, in " (ledger.spans.len()) " parts, each up to a checkpoint or the head" }
            }
        }
    }
}

fn kept(retention: &Retention) -> Markup {
    html! {
        section {
            h2 { "How long this is kept" }
            p { "Class " strong { (retention.class) } ", until " strong { (retention.keep_until) } ": " (retention.because) "." }
            table {
                thead { tr { th { "What it is made of" } th { "How long the store keeps that" } } }
                tbody { @for it in &retention.sources { tr { td { (it.what) } td { (it.kept) } } } }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::numbers;

    #[test]
    fn neighbours_are_a_span() {
        for (entries, expected) in
            [(&[][..], ""), (&[3], "3"), (&[5, 3, 4, 9, 9], "3–5, 9"), (&[1, 3, 5, 6], "1, 3, 5–6")]
        {
            assert_eq!(numbers(entries), expected);
        }
    }
}

//! The page of releases: what is active where, going back for who may, what was active, and every release.

use std::collections::BTreeSet;
use std::time::Duration;

use maud::{Markup, html};
use selvage_model::name::{DomainName, EnvironmentName};
use selvage_model::overview::Overview;
use selvage_model::scalar::spell;
use selvage_store::{
    DomainActivation, ForeignReceipt, NodeRecord, ReleaseImport, Runs, SignedRelease, digests_of_active,
};

use super::frame;
use crate::desk::{Fits, Plan, receipt_says, receipt_spent};
use crate::page::overview::{grouped, minute};

/// Lines of a table that are shown.
const MOST_LINES: usize = 100;
/// Characters of a release's id that tell it from others.
const SHORT: usize = 16;

/// What the page shows.
pub(crate) struct ReleasesView {
    /// Every release, oldest first.
    pub(crate) releases: Vec<SignedRelease>,
    /// Which of them were taken over from other stores.
    pub(crate) imports: Vec<ReleaseImport>,
    /// What other stores saw of those, with the domain and the release; the newest word of each store and environment.
    pub(crate) receipts: Vec<(DomainName, String, ForeignReceipt)>,
    /// What is active.
    pub(crate) active: Vec<DomainActivation>,
    /// What was ever activated, newest first.
    pub(crate) history: Vec<DomainActivation>,
    /// The nodes that are heard of.
    pub(crate) nodes: Vec<NodeRecord>,
    /// The domains in which the operator may go back.
    pub(crate) may_go_back: Vec<DomainName>,
}

/// The page; with what was refused, where something was.
pub(crate) fn releases(overview: &Overview, view: &ReleasesView, refused: Option<&str>, operator: &str) -> Markup {
    let content = html! {
        h1 { "Releases" }
        @if let Some(refused) = refused { section.alarm role="alert" { (refused) } }
        (active(view))
        (nodes(view))
        (history(&view.history))
        (made(view))
        (seen_elsewhere(view))
    };
    frame::still("Releases", "Releases", overview, operator, &content)
}

fn short(release: &str) -> Markup {
    html! { code title=(release) { (release.get(..SHORT).unwrap_or(release)) } }
}

fn active(view: &ReleasesView) -> Markup {
    html! {
        section {
            h2 { "Active" }
            @if view.active.is_empty() { p.dim { "No release is active. What is served from a directory is none." } }
            @else {
                div.scroll { table {
                    thead { tr { th { "Environment" } th { "Domain" } th { "Release" } th { "Since" } th { "By" } th { "Why" } th { "Going back" } } }
                    tbody { @for it in &view.active {
                        tr {
                            td.breaks { strong { (it.environment) } }
                            td.breaks {
                                (it.domain) br; a href={ "/evidence/domains/" (it.domain) "?environment=" (it.environment) } { "Evidence" }
                            }
                            td { (short(&it.release)) }
                            td.name { (minute(&it.since)) }
                            td.breaks { (it.by) }
                            td.about { (it.because) }
                            td.breaks { (back(view, it)) }
                        }
                    } }
                } }
            }
        }
    }
}

/// The form that goes back, where there is something to go back to and the operator may.
fn back(view: &ReleasesView, it: &DomainActivation) -> Markup {
    let is_same = |other: &&DomainActivation| other.environment == it.environment && other.domain == it.domain;
    let there: Vec<&DomainActivation> = view.history.iter().filter(is_same).collect();
    // What was gone back from is not gone back to.
    let is_left_so =
        |(older, newer): &(&&DomainActivation, &&DomainActivation)| older.release != it.release && !newer.is_rollback;
    let before = there.iter().skip(1).zip(&there).find(is_left_so).map(|(older, _)| older);
    html! {
        @match before {
            None => { span.dim { "nothing was active before" } },
            Some(_) if !view.may_go_back.contains(&it.domain) => { span.dim { "not yours to do" } },
            Some(before) => {
                details {
                    summary { "Go back to " (short(&before.release)) }
                    p { (would(&it.environment, &before.release, true, "What it would do to access")) }
                    form method="post" action="/releases/rollbacks" {
                        input type="hidden" name="environment" value=(it.environment);
                        input type="hidden" name="domain" value=(it.domain);
                        input type="hidden" name="from" value=(it.release);
                        input type="hidden" name="to" value=(before.release);
                        label { "Why" input name="because" required maxlength="200"; }
                        button.danger type="submit" { "Go back in " (it.environment) }
                    }
                }
            },
        }
    }
}

/// A link to what activating a release would do.
fn would(environment: &EnvironmentName, release: &str, going_back: bool, says: &str) -> Markup {
    let there = format!("/releases/plan?environment={environment}&release={release}&going_back={going_back}");
    html! { a href=(there) { (says) } }
}

/// The page of what activating a release would do to access.
pub(crate) fn plan(overview: &Overview, plan: &Plan, operator: &str) -> Markup {
    let content = html! {
        h1 { "What activating would do" }
        p { (short(&plan.release)) " of " (plan.domain) " in " strong { (plan.environment) } @if plan.is_active { ", where it is active now" } }
        section {
            h2 { "Access" }
            @if plan.findings.is_empty() { p { "No access ends by it, and all that it asks for is given." } }
            @else {
                div.scroll { table {
                    thead { tr { th { "Code" } th { "What" } th { "What to do" } th { "Where" } } }
                    tbody { @for finding in &plan.findings {
                        tr {
                            td.name { (finding.code) }
                            td.about { (finding.message) }
                            td.about { (finding.fix.as_deref().unwrap_or_default()) }
                            td.breaks { (finding.place) }
                        }
                    } }
                } }
            }
            p { a href="/releases" { "All releases" } }
        }
    };
    frame::still("Releases", "Releases", overview, operator, &content)
}

fn history(history: &[DomainActivation]) -> Markup {
    html! {
        @if !history.is_empty() {
            section {
                h2 { "What was activated" }
                div.scroll { table {
                    thead { tr { th { "When" } th { "Environment" } th { "Domain" } th { "Release" } th { "By" } th { "Why" } } }
                    tbody { @for it in history.iter().take(MOST_LINES) {
                        tr {
                            td.name { (minute(&it.since)) }
                            td.breaks { (it.environment) }
                            td.breaks { (it.domain) }
                            td { (short(&it.release)) }
                            td.breaks { (it.by) }
                            td.about { (it.because) }
                        }
                    } }
                } }
                @if history.len() > MOST_LINES { p.dim { (grouped((history.len() - MOST_LINES) as u64)) " earlier ones." } }
            }
        }
    }
}

/// What each node runs of what is active in its environment.
fn nodes(view: &ReleasesView) -> Markup {
    let active = digests_of_active(&view.active);
    let runs = |node: &NodeRecord| {
        let here = active.iter().find(|(environment, _)| environment.as_str() == node.environment);
        match here.map_or(Runs::Unsaid, |(_, digest)| node.runs(digest)) {
            Runs::Active(since) => html! { span.badge.good { "what is active" } " since " (minute(&since)) },
            Runs::Unsaid => html! { "a directory" },
            Runs::Other => html! { span.badge { "what was active before" } " it reads what is active" },
            Runs::Refused(refused) => html! { span.badge.bad { "what was active before" } " " (refused.because) },
        }
    };
    html! {
        @if !view.nodes.is_empty() {
            section {
                h2 { "Nodes" }
                div.scroll { table {
                    thead { tr { th { "Address" } th { "Environment" } th { "Started" } th { "Runs" } } }
                    tbody { @for node in view.nodes.iter().take(MOST_LINES) {
                        tr {
                            td.breaks { strong { (node.address) } }
                            td.breaks { (node.environment) }
                            td.name { (minute(&node.started)) }
                            td.about { (runs(node)) }
                        }
                    } }
                } }
                @if view.nodes.len() > MOST_LINES { p.dim { "The others are told by " code { "selvage nodes" } "." } }
            }
        }
    }
}

fn made(view: &ReleasesView) -> Markup {
    let environments: BTreeSet<&EnvironmentName> = view.history.iter().map(|it| &it.environment).collect();
    let is_there = |it: &SignedRelease, environment: &EnvironmentName| {
        view.active.iter().any(|here| &here.environment == environment && here.release == it.id)
    };
    html! {
        section {
            h2 { "All releases" }
            @if view.releases.is_empty() { p.dim { "No domain has released anything yet." } }
            @else {
                div.scroll { table {
                    thead { tr { th { "Release" } th { "Domain" } th { "Made" } th { "By" } th { "Change" } th { "Active in" } th { "What it would do in" } } }
                    tbody { @for it in view.releases.iter().rev().take(MOST_LINES) {
                        tr {
                            td { (short(&it.id)) }
                            td.breaks { (it.domain) }
                            td.name { (minute(&it.recorded)) }
                            td.breaks {
                                (it.signed_by())
                                @for import in view.imports.iter().filter(|import| import.change == it.change) {
                                    br; span.dim { "taken over from the store of " code { (import.from) } " by " (import.signed_by()) }
                                }
                            }
                            td { a.name href={ "/changes/" (it.change) } { "its change" } }
                            td { @for here in view.active.iter().filter(|here| here.release == it.id && here.domain == it.domain) {
                                span.badge.good { (here.environment) } " "
                            } }
                            td.breaks { @for environment in environments.iter().filter(|environment| !is_there(it, environment)) {
                                (would(environment, &it.id, false, environment.as_str())) " "
                            } }
                        }
                    } }
                } }
                @if view.releases.len() > MOST_LINES { p.dim { (grouped((view.releases.len() - MOST_LINES) as u64)) " older ones are told by " code { "selvage release list" } "." } }
            }
        }
    }
}

/// What other stores saw of releases, each by which key and as of when: it opens gates here where this store sees nothing itself.
fn seen_elsewhere(view: &ReleasesView) -> Markup {
    html! {
        @if !view.receipts.is_empty() {
            section {
                h2 { "What other stores saw" }
                p.dim { "Receipts that came with packages. They count at gates for as long as they are young enough there, and their key is trusted." }
                div.scroll { table {
                    thead { tr { th { "Release" } th { "Domain" } th { "Environment" } th { "What was seen" } th { "Active, and run" } th { "Key of the store" } th { "As of" } } }
                    tbody { @for (domain, release, it) in view.receipts.iter().take(MOST_LINES) {
                        tr {
                            td { (short(release)) }
                            td.breaks { (domain) }
                            td.breaks { strong { (it.receipt.environment) } }
                            td.about { (said(it)) }
                            td.name { (time_spent(it)) }
                            td.breaks {
                                code { (it.from) }
                                @if let Some(at) = it.distrusted { br; span.badge.bad { "not trusted" } " since " (minute(&at)) }
                            }
                            td.name { (minute(&it.seen)) br; span.dim { "imported " (minute(&it.imported)) } }
                        }
                    } }
                } }
                @if view.receipts.len() > MOST_LINES { p.dim { "The others are told by " code { "selvage release show" } "." } }
            }
        }
    }
}

fn said(it: &ForeignReceipt) -> Markup {
    html! {
        @match receipt_says(it) {
            None => { "never active there" },
            Some(says) => {
                @match says.fits {
                    Fits::Yes => { span.badge.good { "ran" } " active since " },
                    Fits::Unsaid => { span.badge { "no node ran it" } " active since " },
                    Fits::Never => { span.badge.bad { "gone back from" } " " },
                }
                (minute(&says.at))
            },
        }
    }
}

fn time_spent(it: &ForeignReceipt) -> String {
    let (active, ran) = receipt_spent(it);
    let whole = |time: Duration| spell(Duration::from_secs(time.as_secs()));
    format!("{}, {}", whole(active), whole(ran))
}

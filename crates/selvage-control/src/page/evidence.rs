//! The page of evidence: of what there is a package for whoever looks, and the period that it is to be about.

use maud::{Markup, html};
use selvage_model::name::{DomainName, InterfaceRef};
use selvage_model::overview::Overview;

use super::frame;
use crate::evidence::Control;

/// Of what there is evidence for an operator.
pub(crate) struct Offered<'a> {
    /// Domains.
    pub(crate) domains: Vec<DomainName>,
    /// Interfaces.
    pub(crate) interfaces: Vec<InterfaceRef>,
    /// Controls.
    pub(crate) controls: Vec<Control>,
    /// The environment by which it is judged, where nothing was released.
    pub(crate) environment: Option<&'a str>,
}

/// The page.
pub(crate) fn evidence(overview: &Overview, offered: &Offered<'_>, operator: &str) -> Markup {
    let is_empty = offered.domains.is_empty() && offered.interfaces.is_empty() && offered.controls.is_empty();
    let content = html! {
        h1 { "Evidence" }
        p { "What the ledger and the store prove: who approved what, what was released and active, what was promised and kept, who had access and who answered for it. A package is a page that prints, and holds the document that " code { "selvage evidence verify" } " checks without this node." }
        @if is_empty { section { p { "There is none that you may read: it is for boards, and for owners in a team of the domain." } } }
        @else { (form(offered)) (listed(offered)) }
    };
    frame::still("Evidence", "Evidence", overview, operator, &content)
}

fn form(offered: &Offered<'_>) -> Markup {
    html! {
        section {
            h2 { "Of which period" }
            form.ask method="get" action="/evidence/packages" {
                label for="about" { "About" }
                select #about name="about" {
                    @if !offered.domains.is_empty() { optgroup label="Domains" {
                        @for domain in &offered.domains { option value={ "domain:" (domain) } { (domain) } }
                    } }
                    @if !offered.interfaces.is_empty() { optgroup label="Interfaces" {
                        @for interface in &offered.interfaces { option value={ "interface:" (interface) } { (interface) } }
                    } }
                    @if !offered.controls.is_empty() { optgroup label="Controls" {
                        option value="control:all" { "all controls" }
                        @for control in &offered.controls { option value={ "control:" (control.id) } { (control.title) } }
                    } }
                }
                div.line {
                    label { "From" input name="from" type="date"; }
                    label { "To" input name="to" type="date"; }
                }
                p.dim { "Days in UTC. The 90 days until now where nothing is said." }
                @if let Some(environment) = offered.environment { input type="hidden" name="environment" value=(environment); }
                button type="submit" { "Make the package" }
            }
        }
    }
}

fn listed(offered: &Offered<'_>) -> Markup {
    let tail = offered.environment.map_or_else(String::new, |environment| format!("?environment={environment}"));
    html! {
        section {
            h2 { "Of the last 90 days" }
            dl {
                @if !offered.domains.is_empty() {
                    dt { "Domains" }
                    dd.breaks { @for domain in &offered.domains { a.pair href={ "/evidence/domains/" (domain) (tail) } { (domain) } " " } }
                }
                @if !offered.interfaces.is_empty() {
                    dt { "Interfaces" }
                    dd.breaks { @for it in &offered.interfaces { a.pair href={ "/evidence/interfaces/" (it) (tail) } { (it) } " " } }
                }
            }
        }
        @if !offered.controls.is_empty() {
            section {
                h2 { "Controls" }
                ul.plain { @for control in &offered.controls { li { strong { (control.title) } div.dim { (control.examines) } } } }
            }
        }
    }
}

//! The page of access: requests that wait and who decides about each, access that was opened in an emergency, and what was settled.

use jiff::Timestamp;
use maud::{Markup, html};
use selvage_governance::access::Deciders;
use selvage_model::access::GrantTerms;
use selvage_model::overview::Overview;
use selvage_store::{AccessRequest, BreakGlass, RequestState};
use serde_json::Value;

use super::frame;
use crate::desk::lease::{AccessWaits, Due, Item, shown};
use crate::page::overview::{grouped, minute};

/// What waits that is shown.
const MOST_LINES: usize = 100;

/// Where a form was filled in, so that it leads back there.
#[derive(Clone, Copy)]
enum Origin {
    Access,
    Changes,
}

/// What of access is due, as it is on its own page, with the form by which whoever reads it decides; for the page of changes.
pub(super) fn decidable(waits: &AccessWaits, due: &Due, operator: &str) -> Option<Markup> {
    let requests = || waits.open.iter().find(|(it, _)| it.id == due.id);
    let opened = || waits.opened.iter().find(|(it, _)| it.grant.id == due.id);
    let items = || waits.items.iter().find(|it| it.item.id == due.id);
    let request = requests().map(|(it, deciders)| request(it, deciders, operator, Origin::Changes));
    let request = request
        .or_else(|| opened().map(|(it, deciders)| emergency(it, deciders, waits.now, operator, Origin::Changes)));
    request.or_else(|| items().map(|it| item(it, waits.now, operator, Origin::Changes)))
}

/// The page; with what was refused, where something was.
pub(crate) fn access(overview: &Overview, waits: &AccessWaits, refused: Option<&str>, operator: &str) -> Markup {
    let content = html! {
        h1 { "Access" }
        @if let Some(refused) = refused { section.alarm role="alert" { (refused) } }
        (emergencies(waits, operator))
        (requests(waits, operator))
        (items(waits, operator))
        (settled(&waits.settled))
    };
    frame::still("Access", "Access", overview, operator, &content)
}

fn emergencies(waits: &AccessWaits, operator: &str) -> Markup {
    html! {
        @if !waits.opened.is_empty() {
            section #emergencies {
                h2 { "Opened without approval" }
                @for (it, deciders) in waits.opened.iter().take(MOST_LINES) { (emergency(it, deciders, waits.now, operator, Origin::Access)) }
                @if waits.opened.len() > MOST_LINES {
                    p.dim { (grouped((waits.opened.len() - MOST_LINES) as u64)) " more are told by " code { "selvage access breaches --all" } "." }
                }
            }
        }
    }
}

fn emergency(it: &BreakGlass, deciders: &Deciders, now: Timestamp, operator: &str, origin: Origin) -> Markup {
    let is_open = it.grant.ended.is_none() && it.ends > now;
    html! {
        div.entry {
            div {
                strong.breaks { (it.grant.consumer) } " on " a.breaks href={ "/catalogue/" (it.grant.interface) } { (it.grant.interface) } " "
                @if is_open { span.badge.bad { "open until " (minute(&it.ends)) } } @else { span.badge { "ended" } }
                @if it.is_breach(now) { " " span.badge.bad { "a breach" } }
            }
            dl {
                dt { "By" } dd.breaks { (it.by) " at " (minute(&it.opened)) }
                dt { "Because" } dd.breaks { (it.because) }
                dt { "Operations" } dd.breaks { (it.grant.terms.operations.join(", ")) }
                dt { "Review" } dd.breaks { (shown::review(it, now)) }
            }
            @if it.review.is_some() {}
            @else if it.by == operator { p.dim { "You opened it: somebody else says whether it was right. " (who(deciders, operator)) } }
            @else if deciders.include(operator) {
                (form(&format!("/access/break-glass/{}/reviews", it.grant.id), (&it.grant.id, origin), [("ratify", "It was right"), ("disown", "It was not: end it")]))
            }
            @else { p.dim { (who(deciders, operator)) } }
        }
    }
}

fn requests(waits: &AccessWaits, operator: &str) -> Markup {
    let is_mine = |(it, deciders): &&(AccessRequest, Deciders)| deciders.include(operator) && it.asked.by != operator;
    let (mine, others): (Vec<_>, Vec<_>) = waits.open.iter().partition(is_mine);
    html! {
        section #requests {
            h2 { "What waits for you" }
            @if mine.is_empty() { p.dim { "Nothing that was asked for waits for you." } }
            @for (it, deciders) in mine.iter().take(MOST_LINES) { (request(it, deciders, operator, Origin::Access)) }
        }
        @if !others.is_empty() {
            section {
                h2 { "What waits for others" }
                @for (it, deciders) in others.iter().take(MOST_LINES) { (request(it, deciders, operator, Origin::Access)) }
            }
        }
        @if mine.len().max(others.len()) > MOST_LINES {
            p.dim { "More is told by " code { "selvage access list" } "." }
        }
    }
}

fn request(it: &AccessRequest, deciders: &Deciders, operator: &str, origin: Origin) -> Markup {
    let asked = &it.asked;
    html! {
        div.entry {
            div { strong.breaks { (asked.consumer) } " asks for " a.breaks href={ "/catalogue/" (asked.interface) } { (asked.interface) } }
            dl {
                dt { "Request" } dd.breaks { code { (it.id) } }
                dt { "Asked" } dd.breaks { (minute(&it.at)) " by " (asked.by) }
                (terms(&asked.terms))
            }
            @for finding in asked.findings.as_array().into_iter().flatten() { p.dim.breaks { (text(finding, "code")) ": " (text(finding, "message")) } }
            @if asked.by == operator { p.dim { "You asked for it: somebody else decides. " (who(deciders, operator)) } }
            @else if deciders.include(operator) {
                (form(&format!("/access/requests/{}/decisions", it.id), (&it.id, origin), [("approve", "Approve"), ("reject", "Reject")]))
            }
            @else { p.dim { (who(deciders, operator)) } }
        }
    }
}

fn terms(terms: &GrantTerms) -> Markup {
    let listed = |names: Vec<String>| names.join(", ");
    let plain = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    html! {
        dt { "Operations" } dd.breaks { (terms.operations.join(", ")) }
        @for (attribute, values) in &terms.rows {
            dt { "Only where" } dd.breaks { (attribute) " is " (values.iter().map(plain).collect::<Vec<_>>().join(" or ")) }
        }
        @if !terms.except.is_empty() { dt { "Without" } dd.breaks { (listed(terms.except.iter().map(ToString::to_string).collect())) } }
        @if !terms.classes.is_empty() { dt { "Shown unmasked" } dd.breaks { (listed(terms.classes.iter().map(ToString::to_string).collect())) } }
        @if let Some(purpose) = &terms.purpose { dt { "What for" } dd.breaks { (purpose) } }
        dt { "Until" } dd { @if let Some(until) = &terms.until { (minute(until)) } @else { "without end" } }
    }
}

fn items(waits: &AccessWaits, operator: &str) -> Markup {
    let (mine, others): (Vec<_>, Vec<_>) = waits.items.iter().partition(|it| it.deciders.include(operator));
    html! {
        @if !waits.items.is_empty() {
            section #recertification {
                h2 { "Grants that campaigns ask you about" }
                @if mine.is_empty() { p.dim { "None that you answer for." } }
                @for it in mine.iter().take(MOST_LINES) { (item(it, waits.now, operator, Origin::Access)) }
                @if !others.is_empty() {
                    details {
                        summary { (grouped(others.len() as u64)) " that others answer for" }
                        @for it in others.iter().take(MOST_LINES) { (item(it, waits.now, operator, Origin::Access)) }
                    }
                }
                @if mine.len().max(others.len()) > MOST_LINES { p.dim { "More is told by " code { "selvage recertify show" } "." } }
            }
        }
    }
}

/// A grant that a campaign asks about: what it opens, what of it was used, and what may become of it.
fn item(it: &Item, now: Timestamp, operator: &str, origin: Origin) -> Markup {
    let grant = &it.item.grant;
    html! {
        div.entry {
            div {
                strong.breaks { (grant.consumer) } " on " a.breaks href={ "/catalogue/" (grant.interface) } { (grant.interface) }
                @if let Some(environment) = &grant.environment { " in " (environment) }
                @if it.is_breach(now) { " " span.badge.bad { "a breach" } }
            }
            dl {
                dt { "Campaign" } dd.breaks { (it.campaign.scope) ", begun by " (it.campaign.by) ", until " (minute(&it.campaign.until)) }
                dt { "Used last" } dd { @if let Some(at) = &it.item.item.last_used { (minute(at)) } @else { "never seen" } }
                dt { "Used of it" } dd.breaks { (it.item.item.breadth) }
                (terms(&grant.terms))
            }
            @if it.deciders.include(operator) { (answer(it, origin)) }
            @else { p.dim { (who(&it.deciders, operator)) } }
        }
    }
}

/// The form by which somebody keeps a grant, narrows it to some of its operations, or ends it.
fn answer(it: &Item, origin: Origin) -> Markup {
    let (id, operations) = (&it.item.id, it.item.grant.terms.operations.join(", "));
    let (because, kept) = (format!("because-{id}"), format!("operations-{id}"));
    html! {
        form.decide method="post" action={ "/access/recertifications/" (id) "/answers" } {
            (led_back(origin))
            label for=(kept) { "Operations, where it is narrowed to these" }
            input id=(kept) name="operations" value=(operations) autocomplete="off";
            label for=(because) { "Why" }
            input id=(because) name="because" required maxlength="200" autocomplete="off";
            div.line {
                button type="submit" name="verdict" value="keep" { "Keep" }
                button type="submit" name="verdict" value="narrow" { "Narrow" }
                button.danger type="submit" name="verdict" value="end" { "End" }
            }
        }
    }
}

fn led_back(origin: Origin) -> Markup {
    html! { @if let Origin::Changes = origin { input type="hidden" name="from" value="changes"; } }
}

/// The form by which somebody says one of two things, and why.
fn form(action: &str, (id, origin): (&str, Origin), [good, bad]: [(&str, &str); 2]) -> Markup {
    let field = format!("because-{id}");
    html! {
        form.decide method="post" action=(action) {
            (led_back(origin))
            label for=(field) { "Why" }
            input id=(field) name="because" required maxlength="200" autocomplete="off";
            div.line {
                button type="submit" name="verdict" value=(good.0) { (good.1) }
                button.danger type="submit" name="verdict" value=(bad.0) { (bad.1) }
            }
        }
    }
}

fn who(deciders: &Deciders, operator: &str) -> Markup {
    let others: Vec<&str> = deciders.people.iter().map(String::as_str).filter(|person| *person != operator).collect();
    html! {
        @if others.is_empty() { "Nobody else is named who could: " (deciders.role) "." }
        @else { "It waits for " (deciders.role) ": " (others.join(", ")) "." }
    }
}

fn settled(settled: &[AccessRequest]) -> Markup {
    html! {
        @if !settled.is_empty() {
            section {
                h2 { "What was decided" }
                div.scroll { table {
                    thead { tr { th { "Consumer" } th { "Interface" } th { "Operations" } th { "Asked by" } th { "Decided" } th { "Why" } } }
                    tbody { @for it in settled {
                        tr {
                            td.breaks { strong { (it.asked.consumer) } }
                            td.breaks { a href={ "/catalogue/" (it.asked.interface) } { (it.asked.interface) } }
                            td.breaks { (it.asked.terms.operations.join(", ")) }
                            td.breaks { (it.asked.by) }
                            td.breaks {
                                (badge(it.state))
                                @if let Some((at, by, _)) = &it.settled { br; span.dim { (minute(at)) " by " (by) } }
                            }
                            td.about { @if let Some((.., because)) = &it.settled { (because) } }
                        }
                    } }
                } }
            }
        }
    }
}

fn badge(state: RequestState) -> Markup {
    let class = match state {
        RequestState::Open => "warn",
        RequestState::Approved => "good",
        RequestState::Rejected | RequestState::Refused => "bad",
    };
    html! { span.badge.(class) { (state.as_str()) } }
}

fn text<'a>(finding: &'a Value, member: &str) -> &'a str {
    finding.get(member).and_then(Value::as_str).unwrap_or_default()
}

//! The page of blocks and keys: what is cut off by whom, since when and why; the keys with their ages, ends and what takes their place;
//! and a form for each step. A key itself is shown nowhere.

use maud::{Markup, html};
use selvage_model::access::{Block, Blocked, Principal};
use selvage_model::overview::Overview;
use selvage_store::{COULD_SIGN, LedgerEntry};
use serde_json::Value;

use super::frame;
use crate::desk::cut::{KeyRow, Standing};
use crate::page::overview::{grouped, minute};

/// Keys that are shown.
const MOST_LINES: usize = 200;

/// The page; with what was refused, where something was.
pub(crate) fn blocks(overview: &Overview, standing: &Standing, refused: Option<&str>, operator: &str) -> Markup {
    let content = html! {
        h1 { "Blocks and keys" }
        p.dim {
            "What is blocked is refused on every node, whatever releases and grants say, until somebody lifts it. A key that is taken back opens "
            "nothing any more, for good. Each page comes back when every node knows."
        }
        @if let Some(refused) = refused { section.alarm role="alert" { (refused) } }
        @for entry in &standing.let_in { (let_in(entry)) }
        (cut_off(standing))
        (cutting(standing))
        (keys(standing))
    };
    frame::still("Blocks", "Blocks", overview, operator, &content)
}

/// Somebody who was let in past all keys, and who could have been asked.
fn let_in(entry: &LedgerEntry) -> Markup {
    let text = |name: &str| entry.detail.get(name).and_then(Value::as_str).unwrap_or_default();
    let could = entry.detail.get(COULD_SIGN).and_then(Value::as_array);
    html! {
        section.alarm {
            strong.breaks { (text("operator")) } " was let in without anybody's key on " (minute(&entry.at)) ", by " span.breaks { (entry.signed_by()) }
            ", because: " span.breaks { (text("because")) } ". "
            @match could.map(|names| names.iter().filter_map(Value::as_str).collect::<Vec<_>>()) {
                None => { "Who could have signed was not kept." }
                Some(names) if names.is_empty() => { "Nobody had a key that counted and could have signed." }
                Some(names) => { (names.len()) " could have signed: " span.breaks { (names.join(", ")) } "." }
            }
        }
    }
}

fn cut_off(standing: &Standing) -> Markup {
    html! {
        section #blocks {
            h2 { "Cut off now" }
            @if standing.blocks.is_empty() { p.dim { "Nothing: no consumer and no interface is blocked." } }
            @for (block, may_lift) in &standing.blocks { (one(block, *may_lift)) }
        }
    }
}

fn one(block: &Block, may_lift: bool) -> Markup {
    let action = format!("/blocks/{}/lift", block.id);
    html! {
        div.entry {
            div {
                span.badge.bad { "blocked" } " "
                @match &block.what {
                    Blocked::Consumer(name) => { "consumer " strong.breaks { (name) } }
                    Blocked::Interface(interface) => { "interface " a.breaks href={ "/catalogue/" (interface) } { (interface) } }
                }
            }
            dl {
                dt { "Since" } dd { (minute(&block.since)) }
                dt { "By" } dd.breaks { (block.by.as_deref().unwrap_or("the ledger knows")) }
                dt { "Because" } dd.breaks { (block.because) }
            }
            @if may_lift {
                details {
                    summary { "Lift it" }
                    (form(&action, &block.id, ("Lift the block", "quiet"), "What it asks for is answered again, as releases and grants let it."))
                }
            } @else { p.dim { "Who sits over its domain lifts it." } }
        }
    }
}

fn cutting(standing: &Standing) -> Markup {
    html! {
        section #block {
            h2 { "Cut off" }
            @if standing.consumers.is_empty() && standing.interfaces.is_empty() {
                p.dim { "Who answers for a consumer, or is on call where an interface is, cuts it off." }
            } @else {
                form.decide method="post" action="/blocks" {
                    label for="what" { "What" }
                    select #what name="what" required {
                        option value="" { "Choose" }
                        optgroup label="Consumers" {
                            @for name in &standing.consumers { option value={ "consumer " (name) } { (name) } }
                        }
                        optgroup label="Interfaces" {
                            @for interface in &standing.interfaces { option value={ "interface " (interface) } { (interface) } }
                        }
                    }
                    (reason("block"))
                    (confirm("block", "Every request of it, or for it, is refused at once, tier 1 or not."))
                    div.line { button.danger type="submit" { "Block at once" } }
                }
            }
        }
    }
}

fn keys(standing: &Standing) -> Markup {
    let (counting, over): (Vec<&KeyRow>, Vec<&KeyRow>) = standing.keys.iter().partition(|row| row.counts);
    html! {
        section #keys {
            h2 { "Keys that count" }
            @if counting.is_empty() { p.dim { "None." } }
            @else { (table(standing, &counting)) }
            p.dim { "The next key is made with " code { "selvage key rotate ID" } ": it is shown once, and nowhere but there." }
        }
        @if !over.is_empty() {
            section {
                h2 { "Keys that are over" }
                (table(standing, &over))
            }
        }
    }
}

fn table(standing: &Standing, rows: &[&KeyRow]) -> Markup {
    html! {
        div.scroll { table {
            thead { tr { th { "Of" } th { "Key" } th.number { "Age" } th { "State" } th { "Last used" } th { "" } } }
            tbody { @for row in rows.iter().take(MOST_LINES) {
                tr {
                    td.breaks { (of(&row.key.principal)) }
                    td.breaks { code { (row.key.id) } }
                    td.number { (grouped(u64::try_from(standing.now.duration_since(row.key.issued).as_hours() / 24).unwrap_or(0))) " d" }
                    td { (state(row)) }
                    td.name { @if let Some(used) = &row.used { (minute(used)) } @else { span.dim { "never seen" } } }
                    td { @if row.counts && row.is_theirs {
                        details {
                            summary { "Revoke" }
                            (form(&format!("/keys/{}/revocation", row.key.id), &row.key.id, ("Revoke for good", "danger"), "Whoever holds it is refused at once, on every node. It never counts again."))
                        }
                    } }
                }
            } }
        } }
        (frame::more(rows.len(), MOST_LINES, "selvage key list"))
    }
}

fn of(principal: &Principal) -> Markup {
    html! {
        @match principal {
            Principal::Consumer(name) => { "consumer " strong { (name) } }
            Principal::Operator(name) => { "operator " strong { (name) } }
        }
    }
}

fn state(row: &KeyRow) -> Markup {
    html! {
        @match (&row.key.revoked, &row.key.expires) {
            (Some(at), _) => { span.badge.bad { "revoked" } " " (minute(at)) }
            (None, Some(at)) if !row.counts => { span.badge { "ended" } " " (minute(at)) }
            (None, Some(at)) => { span.badge.good { "counts" } " until " (minute(at)) }
            (None, None) => { span.badge.warn { "no end" } }
        }
        @if row.is_rotated { " " span.badge { "one of two: rotated" } }
    }
}

/// A form that says why, and that it is meant.
fn form(action: &str, id: &str, (word, class): (&str, &str), what_it_does: &str) -> Markup {
    html! {
        form.decide method="post" action=(action) {
            (reason(id))
            (confirm(id, what_it_does))
            div.line { button.(class) type="submit" { (word) } }
        }
    }
}

fn reason(id: &str) -> Markup {
    let field = format!("because-{id}");
    html! {
        label for=(field) { "Why" }
        input id=(field) name="because" required maxlength="200" autocomplete="off";
    }
}

fn confirm(id: &str, what_it_does: &str) -> Markup {
    let field = format!("confirmed-{id}");
    html! {
        label.confirm for=(field) { input id=(field) type="checkbox" name="confirmed" value="yes" required; span { (what_it_does) } }
    }
}

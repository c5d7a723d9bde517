//! The form that asks for access, with what was typed and what stands against it beside the fields.

use maud::{Markup, html};
use selvage_governance::access::Part;
use selvage_governance::catalogue::Entry;

use super::catalogue::address;
use crate::console::{Objection, Typed};

/// Asking for access.
pub(crate) struct Asks<'a> {
    /// Who there is to ask for.
    pub(crate) consumers: &'a [String],
    /// Whether it can be asked here.
    pub(crate) can: bool,
    /// What came of asking.
    pub(crate) answer: Option<&'a Answer>,
}

/// What came of asking.
pub(crate) enum Answer {
    /// A request with this id.
    Asked(String),
    /// Nothing: what was typed, and why.
    Refused(Typed, Vec<Objection>),
}

/// What came of it, at the top of the page.
pub(super) fn answered(answer: Option<&Answer>) -> Markup {
    html! {
        @match answer {
            Some(Answer::Asked(id)) => {
                section.told role="status" { "It is asked for as " code { (id) } ". " a href="/access" { "Who decides" } ", and what comes of it, is under Access." }
            },
            Some(Answer::Refused(_, objections)) => {
                section.alarm role="alert" {
                    "Nothing was asked for. " a href="#ask" { "What stands against it" } @if objections.iter().any(|it| it.at.is_some()) { " is beside each field." } @else { " is above the form." }
                }
            },
            None => {},
        }
    }
}

/// The form.
pub(super) fn asking(entry: &Entry, asks: &Asks<'_>, operator: &str) -> Markup {
    let names: Vec<&str> = entry.operations.iter().map(|it| it.name.as_str()).collect();
    let takes = matches!(entry.state(), "active" | "draft") && !names.is_empty();
    let command = format!(
        "selvage access request --consumer NAME --interface {} --operations {} --purpose '…' --until 2027-06-30 --by {operator}",
        entry.interface,
        names.first().unwrap_or(&"NAME"),
    );
    html! {
        section #ask {
            h2 { "Ask for access" }
            @if !takes {
                p { "It takes no new grants." @if let Some(next) = entry.successor() { " Ask for " a href={ "/catalogue/" (next) } { (next) } "." } }
            } @else {
                p.dim { "Who answers for it decides; what stands against it is said at once. By command:" }
                pre { (command) }
                @if asks.can { (form(entry, asks, operator)) }
            }
        }
    }
}

fn form(entry: &Entry, asks: &Asks<'_>, operator: &str) -> Markup {
    let names: Vec<&str> = entry.operations.iter().map(|it| it.name.as_str()).collect();
    let fresh = Typed { operations: names.first().copied().unwrap_or_default().to_owned(), ..Typed::default() };
    let (typed, objections) = match asks.answer {
        Some(Answer::Refused(typed, objections)) => (typed, objections.as_slice()),
        _ => (&fresh, [].as_slice()),
    };
    let field = |part: Part, label: &str, input: &dyn Fn(Option<String>, bool) -> Markup, hint: Option<Markup>| {
        let wrong: Vec<&str> = objections.iter().filter(|it| it.at == Some(part)).map(|it| it.says.as_str()).collect();
        let name = name(part);
        let described = (hint.is_some() || !wrong.is_empty()).then(|| format!("{name}-said"));
        html! {
            label for=(name) { (label) }
            (input(described.clone(), !wrong.is_empty()))
            @if let Some(id) = described {
                div.said id=(id) {
                    @for says in &wrong { p.bad { (says) } }
                    @if let Some(hint) = &hint { p.dim { (hint) } }
                }
            }
        }
    };
    let whole: Vec<&Objection> = objections.iter().filter(|it| at_field(it).is_none()).collect();
    let text = |part: Part, value: &str, is_required: bool| {
        let value = value.to_owned();
        move |said: Option<String>, is_wrong: bool| {
            let name = name(part);
            html! {
                input id=(name) name=(name) value=(value) required[is_required] autocomplete="off"
                    aria-describedby=[said] aria-invalid=[is_wrong.then_some("true")];
            }
        }
    };
    html! {
        form.ask method="post" action={ (address(entry)) "/requests#ask" } {
            @for it in whole { p.bad role="alert" { (it.says) } }
            (field(Part::Consumer, "Consumer", &|said: Option<String>, is_wrong: bool| html! {
                input #consumer name="consumer" list="consumers" value=(typed.consumer) required autocomplete="off"
                    aria-describedby=[said] aria-invalid=[is_wrong.then_some("true")];
                datalist #consumers { @for consumer in asks.consumers { option value=(consumer) {} } }
            }, None))
            (field(Part::Operations, "Operations", &text(Part::Operations, &typed.operations, true), Some(html! { "It has " (names.join(", ")) "." })))
            (field(Part::Rows, "Only rows", &|said: Option<String>, is_wrong: bool| html! {
                textarea #where name="where" rows="3" placeholder="site=ghent" spellcheck="false"
                    aria-describedby=[said] aria-invalid=[is_wrong.then_some("true")] { (typed.rows) }
            }, Some(html! { "A line each, as " code { "site=ghent" } "; two lines with one attribute are two values of it. All rows where it is empty." })))
            (field(Part::Except, "Without attributes", &text(Part::Except, &typed.except, false), Some(html! { "Left out of what is shown, as " code { "price, origin" } "." })))
            (field(Part::Classes, "With classes of data", &text(Part::Classes, &typed.classes, false), Some(classes(entry))))
            (field(Part::Purpose, "What for", &|said: Option<String>, is_wrong: bool| html! {
                input #purpose name="purpose" value=(typed.purpose) required maxlength="200" autocomplete="off"
                    aria-describedby=[said] aria-invalid=[is_wrong.then_some("true")];
            }, None))
            (field(Part::Until, "Until", &|said: Option<String>, is_wrong: bool| html! {
                input #until name="until" type="date" value=(typed.until) required
                    aria-describedby=[said] aria-invalid=[is_wrong.then_some("true")];
            }, None))
            button type="submit" { "Ask as " (operator) }
        }
    }
}

fn classes(entry: &Entry) -> Markup {
    html! {
        @if entry.classes.is_empty() { "It carries none." }
        @else { "It carries " (entry.classes.join(", ")) "; what is not named is masked." }
    }
}

/// The field at which it is told; what concerns the interface has none.
fn at_field(objection: &Objection) -> Option<Part> {
    objection.at.filter(|part| *part != Part::Interface)
}

fn name(part: Part) -> &'static str {
    match part {
        Part::Consumer => "consumer",
        Part::Interface => "interface",
        Part::Operations => "operations",
        Part::Rows => "where",
        Part::Except => "except",
        Part::Classes => "classes",
        Part::Purpose => "purpose",
        Part::Until => "until",
    }
}

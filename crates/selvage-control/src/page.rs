//! The pages, as functions from data to HTML. They fetch nothing and decide nothing.

mod access;
mod ask;
mod blocks;
mod boards;
mod catalogue;
mod change;
mod changes;
mod chart;
mod contracts;
mod evidence;
mod frame;
mod gravity;
mod impact;
mod interface;
mod lanes;
mod overview;
mod releases;
mod usage;

use maud::{Markup, html};
use selvage_model::overview::Overview;

pub(crate) use access::access;
pub(crate) use ask::{Answer, Asks};
pub(crate) use blocks::blocks;
pub(crate) use boards::boards;
pub(crate) use catalogue::catalogue;
pub(crate) use change::{Reader, change};
pub(crate) use changes::{Board, changes};
pub(crate) use contracts::contracts;
pub(crate) use evidence::{Offered, evidence};
pub(crate) use interface::interface;
pub(crate) use lanes::lanes;
pub(crate) use overview::overview;
pub(crate) use releases::{ReleasesView, plan, releases};
pub(crate) use usage::usage;

/// The login form, with the reason where one was refused.
pub(crate) fn login(because: Option<&str>) -> Markup {
    frame::bare(
        "Log in",
        &html! {
            section.login {
                h1 { "Selvage" }
                p { "Log in with an operator's key. " code { "selvage operator add NAME" } " makes one and shows it once." }
                @if let Some(because) = because {
                    p.alarm role="alert" { (because) }
                }
                form method="post" action="/login" {
                    label for="key" { "Key" }
                    input #key name="key" type="password" autocomplete="current-password" required autofocus;
                    button type="submit" { "Log in" }
                }
            }
        },
    )
}

/// Nothing is here.
pub(crate) fn missing() -> Markup {
    frame::bare(
        "Not found",
        &html! { section.login { h1 { "Nothing is here" } p { a href="/" { "To the overview" } } } },
    )
}

/// What was sent cannot be read.
pub(crate) fn unread(because: &str) -> Markup {
    let content = html! {
        section.login { h1 { "This cannot be read" } p.breaks { (because) } p { a href="/" { "To the overview" } } }
    };
    frame::bare("Cannot be read", &content)
}

/// Who is logged in cannot be told now.
pub(crate) fn unavailable(because: &str) -> Markup {
    let content = html! {
        section.login { h1 { "Try again soon" } p.breaks { (because) } p { a href="/" { "To the overview" } } }
    };
    frame::bare("Try again", &content)
}

/// A form of another site's page.
pub(crate) fn foreign() -> Markup {
    let content = html! {
        section.login {
            h1 { "Nothing was done" }
            p { "The form was sent by a page that is not this console's. Do it here, where you see what it does." }
            p { a href="/" { "To the overview" } }
        }
    };
    frame::bare("Refused", &content)
}

/// A page that cannot show what it is for.
pub(crate) fn trouble(overview: &Overview, section: &'static str, because: &str, operator: &str) -> Markup {
    let content = html! {
        h1 { (section) }
        section.alarm role="alert" { (because) }
    };
    frame::still(section, section, overview, operator, &content)
}

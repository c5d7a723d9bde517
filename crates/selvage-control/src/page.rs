//! The pages, as functions from data to HTML. They fetch nothing and decide nothing.

mod chart;
mod contracts;
mod frame;
mod lanes;
mod overview;
mod usage;

use maud::{Markup, html};

pub(crate) use contracts::contracts;
pub(crate) use lanes::lanes;
pub(crate) use overview::overview;
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

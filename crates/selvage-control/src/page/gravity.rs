//! How differences look wherever they are shown: the verdict in a badge, what it is about, what was there and what is.

use maud::{Markup, html};
use serde_json::Value;

/// A verdict's or a risk's badge.
pub(super) fn badge(word: &str) -> Markup {
    let class = match word {
        "breaking" => "bad",
        "unproven" => "warn",
        "safe" => "good",
        _ => "",
    };
    html! { span.badge.(class) { (word) } }
}

/// One difference, as a comparison shows it.
pub(super) fn difference(it: &Value) -> Markup {
    let member = |name: &str| it[name].as_str().unwrap_or_default();
    html! {
        (badge(member("verdict"))) " " span.breaks { (member("at")) } " " code.dim.breaks { (member("code")) }
        @if it["before"].is_string() || it["after"].is_string() {
            div.breaks { @if it["before"].is_string() { del { (member("before")) } } " " @if it["after"].is_string() { ins { (member("after")) } } }
        }
        div.dim { (member("because")) }
    }
}

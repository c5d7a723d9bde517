//! What every page has: the head, the bar at the top, the footing.

use maud::{DOCTYPE, Markup, html};
use selvage_model::overview::Overview;

use super::overview::grouped;

/// A page without the bar.
pub(super) fn bare(title: &str, content: &Markup) -> Markup {
    html! {
        (DOCTYPE)
        html lang="en" {
            (head(title))
            body { main { (content) } }
        }
    }
}

/// The pages, as the bar names them.
const PAGES: [(&str, &str); 10] = [
    ("/", "Overview"),
    ("/catalogue", "Catalogue"),
    ("/access", "Access"),
    ("/blocks", "Blocks"),
    ("/changes", "Changes"),
    ("/releases", "Releases"),
    ("/usage", "Usage"),
    ("/contracts", "Contracts"),
    ("/lanes", "Lanes"),
    ("/evidence", "Evidence"),
];

/// A page of somebody who is logged in, kept fresh.
pub(super) fn full(title: &'static str, overview: &Overview, operator: &str, content: &Markup) -> Markup {
    let content = html! {
        main #live { (opened(title, overview)) (content) }
        script src="/assets/console.js" defer {}
    };
    barred(title, title, overview, operator, &content)
}

/// The same, left as it is: something is filled in on it.
pub(super) fn still(section: &str, title: &str, overview: &Overview, operator: &str, content: &Markup) -> Markup {
    barred(section, title, overview, operator, &html! { main { (opened(section, overview)) (content) } })
}

/// Access that is open without approval is told on every page; two of them say more.
fn opened(section: &str, overview: &Overview) -> Markup {
    let open = overview.break_glass.len();
    html! {
        @if open > 0 && !["Overview", "Access"].contains(&section) {
            section.alarm role="alert" {
                @if open == 1 { "One grant is" } @else { (grouped(open as u64)) " grants are" } " open without approval. " a href="/access" { "See which" }
            }
        }
    }
}

fn barred(section: &str, title: &str, overview: &Overview, operator: &str, content: &Markup) -> Markup {
    html! {
        (DOCTYPE)
        html lang="en" {
            (head(title))
            body {
                header.bar {
                    a.brand href="/" { "Selvage" }
                    @for (address, name) in PAGES {
                        a href=(address) aria-current=[(name == section).then_some("page")] { (name) }
                    }
                    span.fabric { (overview.fabric) }
                    span.badge { (overview.environment) }
                    span.grow {}
                    span.dim { (operator) }
                    form method="post" action="/logout" { button.quiet type="submit" { "Log out" } }
                }
                (content)
            }
        }
    }
}

fn head(title: &str) -> Markup {
    html! {
        head {
            meta charset="utf-8";
            meta name="viewport" content="width=device-width, initial-scale=1";
            title { (title) " · Selvage" }
            link rel="stylesheet" href="/assets/console.css";
        }
    }
}

/// How many lines a table does not show, and what does.
pub(super) fn more(all: usize, shown: usize, told_by: &str) -> Markup {
    html! {
        @if let Some(more) = all.checked_sub(shown).filter(|more| *more > 0) {
            p.dim { "and " (grouped(more as u64)) " more, which " code { (told_by) } " tells" }
        }
    }
}

//! Every code has a page, every page has a code, and the two have the same title.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may fail loudly"
)]

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use selvage_model::code::{catalogue, find};

#[test]
fn codes_are_in_order_and_stand_once() {
    let codes: Vec<&str> = catalogue().map(|(code, _)| code.as_str()).collect();
    let mut sorted = codes.clone();
    sorted.sort_unstable();
    sorted.dedup();
    assert_eq!(codes, sorted);
    for (code, title) in catalogue() {
        assert!(code.as_str().len() == 7 && code.as_str().starts_with("FAB"), "{code}");
        assert!(!title.ends_with('.'), "{code}: {title}");
        assert_eq!(find(&code.as_str().to_lowercase()), Some((code, title)));
    }
    assert_eq!(find("FAB0000"), None);
}

#[test]
fn codes_and_pages_belong_together() {
    let pages = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/errors");
    let mut wrong = Vec::new();
    for (code, title) in catalogue() {
        match fs::read_to_string(pages.join(format!("{code}.md"))) {
            Err(_) => wrong.push(format!("{code} has no page")),
            Ok(page) => {
                let heading = page.lines().next().unwrap_or_default().to_owned();
                if heading != format!("# {code}: {title}") {
                    wrong.push(format!("{code}: the page says `{heading}`, the catalogue `{title}`"));
                }
                if !(8..=90).contains(&page.lines().count()) {
                    wrong.push(format!("{code}: the page has {} lines", page.lines().count()));
                }
            }
        }
    }
    let known: BTreeSet<String> = catalogue().map(|(code, _)| format!("{code}.md")).collect();
    for entry in fs::read_dir(&pages).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        if name.starts_with("FAB") && !known.contains(&name) {
            wrong.push(format!("the page {name} has no code"));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

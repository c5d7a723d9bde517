//! `selvage explain CODE`: the page of a code.

use std::fmt::Write as _;

use clap::Args;
use selvage_model::code;

use super::{Outcome, say};
use crate::embedded;

/// Says what a code means and how to get rid of it.
#[derive(Args)]
pub(crate) struct Explain {
    /// The code, as `FAB2107`; all codes where none is given.
    code: Option<String>,
}

impl Explain {
    /// Prints the page, or the list.
    pub(crate) fn run(self) -> anyhow::Result<Outcome> {
        let Some(text) = self.code else {
            say(list())?;
            return Ok(Outcome::Well);
        };
        let Some((code, title)) = code::find(&text) else {
            let nearest = nearest(&text);
            anyhow::bail!("`{text}` is not a code; did you mean `{nearest}`? `selvage explain` lists them all");
        };
        say(embedded::error_page(code.as_str()).unwrap_or(title).trim_end())?;
        Ok(Outcome::Well)
    }
}

fn list() -> String {
    let mut text = String::new();
    for (code, title) in code::catalogue() {
        let _ = writeln!(text, "{code}  {title}");
    }
    text.truncate(text.trim_end().len());
    text
}

fn nearest(text: &str) -> &'static str {
    let upper = text.to_ascii_uppercase();
    let distance = |code: &str| strsim::levenshtein(&upper, code);
    code::catalogue().map(|(code, _)| code.as_str()).min_by_key(|code| distance(code)).unwrap_or("FAB1001")
}

//! `selvage schema`: what editors complete and check manifests with.

use clap::Args;
use selvage_model::manifest::kind::Kind;
use selvage_model::schema;

use super::{Outcome, say};

/// Prints the JSON Schema of the manifests, for editors.
#[derive(Args)]
pub(crate) struct Schema {
    /// One kind, as `Interface`; all kinds where none is given.
    kind: Option<String>,
}

impl Schema {
    /// Prints the schema.
    pub(crate) fn run(self) -> anyhow::Result<Outcome> {
        let kind = self.kind.as_deref().map(kind).transpose()?;
        say(serde_json::to_string_pretty(&schema::schema(kind))?)?;
        Ok(Outcome::Well)
    }
}

fn kind(word: &str) -> anyhow::Result<Kind> {
    let known = Kind::ALL.iter().find(|kind| kind.as_str().eq_ignore_ascii_case(word));
    known.copied().ok_or_else(|| {
        let known: Vec<&str> = Kind::ALL.iter().map(|kind| kind.as_str()).collect();
        anyhow::anyhow!("`{word}` is not a kind of manifest; there are {}", known.join(", "))
    })
}

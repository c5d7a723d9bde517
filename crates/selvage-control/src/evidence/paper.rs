//! Evidence as it is handed out over HTTP: a document, and a page that holds it. One is made at a time, up to a size; what is larger is
//! made by the command, where nothing waits for the node. INVARIANT: SHIELDED-PATH

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use selvage_model::code;
use selvage_model::fabric::Fabric;
use selvage_model::name::DomainName;
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::page::{self, STYLE};
use super::{About, Asked, Package, seal};
use crate::desk::{Desk, DeskError, Seal};

/// Entries of the ledger that a package of the control API or the console cites at most.
pub(crate) const MOST_ENTRIES: usize = 20_000;

/// What is handed out.
pub(crate) struct Paper {
    package: Package,
    digest: String,
    signed_with: Option<String>,
    /// The document as the command writes it.
    pub(crate) document: String,
}

impl Desk {
    /// Makes a package to be handed out.
    pub(crate) async fn paper(&self, asked: &Asked, with: Option<&Seal>) -> Result<Paper, DeskError> {
        // The semaphore is never closed.
        let _one = self.papers.acquire().await.ok();
        let package = self.evidence(asked, with, None).await?;
        self.hard(|| {
            let document = seal(&package, with).unwrap_or(Value::Null);
            let digest = document.get("digest").and_then(Value::as_str).unwrap_or_default().to_owned();
            let signed_with = with.map(|seal| seal.key().id.clone());
            Ok(Paper { document: format!("{document:#}\n"), package, digest, signed_with })
        })
        .await
    }
}

impl Paper {
    /// The page, with the document in it, and a way back to where somebody came from.
    pub(crate) fn page(&self, back: Option<&str>) -> String {
        let name = self.name("json");
        let held = page::Held { document: &self.document, name: &name, back };
        page::held(&self.package, &self.digest, self.signed_with.as_deref(), &held)
    }

    /// What a file with it is called.
    pub(crate) fn name(&self, ending: &str) -> String {
        self.package.file_name(ending)
    }
}

/// A policy under which the page has its own style and nothing else.
pub(crate) fn policy() -> String {
    let style = STANDARD.encode(Sha256::digest(STYLE.as_bytes()));
    format!(
        "default-src 'none'; style-src 'sha256-{style}'; form-action 'none'; frame-ancestors 'none'; base-uri 'none'"
    )
}

/// Refuses what is larger than a node hands out.
pub(super) fn fits(entries: usize, most: Option<usize>) -> Result<(), DeskError> {
    match most {
        Some(most) if entries > most => Err(DeskError::refused(
            code::EVIDENCE_LARGE,
            format!("it would cite {entries} entries of the ledger, and {most} are handed out at most"),
            "ask for a shorter period, or let `selvage evidence` write it beside the store",
        )),
        _ => Ok(()),
    }
}

/// The domain whose people may read it; the group's for what concerns everything.
pub(crate) fn domain_of(fabric: &Fabric, about: &About) -> DomainName {
    match about {
        About::Interface(interface) => fabric.governing(interface).unwrap_or_else(DomainName::group),
        About::Domain(domain) => domain.clone(),
        About::Control(_) => DomainName::group(),
    }
}

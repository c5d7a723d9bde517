//! What releases made of an interface: for each release that changed it, what was different, as it was approved.

use jiff::Timestamp;
use selvage_model::name::{DomainName, EnvironmentName, InterfaceRef};
use serde_json::{Value, json};

use super::{Desk, DeskError};

/// A release that changed an interface.
#[derive(Clone, Debug, PartialEq)]
pub struct Passage {
    /// The release.
    pub release: String,
    /// Whose.
    pub domain: DomainName,
    /// The change that was approved.
    pub change: String,
    /// What it is, in a line.
    pub title: String,
    /// Since when there is the release.
    pub made: Timestamp,
    /// Who made it.
    pub by: String,
    /// What was different of the interface, the gravest first, as a comparison shows it.
    pub differences: Vec<Value>,
    /// How many differences of the whole change were counted and not kept; some of them may be of this interface.
    pub left_out: u64,
    /// Where the release is active.
    pub active: Vec<EnvironmentName>,
}

impl Passage {
    /// As the commands and the control API show it.
    pub fn shown(&self) -> Value {
        json!({
            "release": self.release,
            "domain": self.domain.as_str(),
            "change": self.change,
            "title": self.title,
            "made": self.made.to_string(),
            "by": self.by,
            "differences": self.differences,
            "differences_left_out": self.left_out,
            "active": self.active,
        })
    }
}

impl Desk {
    /// The releases that changed an interface, the newest first. Between a domain's release and the one before it lies one change,
    /// so what was compared for its approval is the difference between the two.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn history(&self, interface: &InterfaceRef) -> Result<Vec<Passage>, DeskError> {
        let name = interface.to_string();
        let (releases, active) = self.releases().await?;
        let changes = self.store.changes().await?;
        let mut passages = Vec::new();
        for release in releases.into_iter().rev() {
            let Some(change) = changes.iter().find(|change| change.id == release.change) else { continue };
            if !change.report.interfaces.contains(interface) {
                continue;
            }
            let here = active.iter().filter(|it| it.release == release.id && it.domain == release.domain);
            let of_it = change.report.differences.iter().filter(|it| it["interface"].as_str() == Some(name.as_str()));
            let by = release.signed_by();
            passages.push(Passage {
                active: here.map(|it| it.environment.clone()).collect(),
                differences: of_it.cloned().collect(),
                left_out: change.report.left_out(),
                release: release.id,
                domain: release.domain,
                change: release.change,
                title: change.title.clone(),
                made: release.recorded,
                by,
            });
        }
        Ok(passages)
    }
}

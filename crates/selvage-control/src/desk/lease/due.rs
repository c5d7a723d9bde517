//! What of access is due from somebody: requests to be decided, emergencies to be reviewed, grants to be answered for. The board lists it
//! beside changes.

use std::collections::BTreeSet;

use jiff::Timestamp;
use selvage_model::fabric::Fabric;
use selvage_model::name::{DomainName, InterfaceRef};
use serde_json::{Value, json};

use crate::desk::{Desk, DeskError, Waits};

const REVIEW: &str = "review";

/// Something that is due.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Due {
    /// What: `request`, `review`, `recertification`.
    pub what: &'static str,
    /// Its id.
    pub id: String,
    /// What it is about, in words.
    pub about: String,
    /// The domain that governs the interface; nothing where none is declared.
    pub domain: Option<DomainName>,
    /// What the interface stands for: its criticality and its data, as `tier-1, restricted`.
    pub risk: String,
    /// Since when.
    pub since: Timestamp,
    /// Until when.
    pub until: Option<Timestamp>,
    /// Its time is over, and nobody has done it.
    pub is_breach: bool,
    /// Who may.
    pub people: BTreeSet<String>,
}

impl Due {
    /// As the commands and the control API show it.
    pub fn shown(&self) -> Value {
        json!({
            "what": self.what, "id": self.id, "about": self.about, "domain": self.domain.as_ref().map(DomainName::as_str),
            "risk": self.risk, "since": self.since.to_string(), "until": self.until.map(|until| until.to_string()),
            "breach": self.is_breach, "people": self.people,
        })
    }

    /// Whether it was done before anybody was asked.
    fn is_emergency(&self) -> bool {
        self.what == REVIEW
    }
}

/// What waits for somebody.
#[derive(Clone, Debug)]
pub enum Pending {
    /// A change.
    Change(Box<Waits>),
    /// Something of access.
    Access(Due),
}

impl Pending {
    /// All of it in one order: what was done in an emergency first, then the oldest.
    pub fn all(changes: Vec<Waits>, due: Vec<Due>) -> Vec<Self> {
        let changes = changes.into_iter().map(|waits| Self::Change(Box::new(waits)));
        let mut all: Vec<Self> = changes.chain(due.into_iter().map(Self::Access)).collect();
        all.sort_by_key(|it| match it {
            Self::Change(waits) => (waits.change.ratify_until.is_none(), waits.change.proposed),
            Self::Access(due) => (!due.is_emergency(), due.since),
        });
        all
    }

    /// Whether its time is over.
    pub fn is_breach(&self) -> bool {
        match self {
            Self::Change(waits) => waits.is_breach,
            Self::Access(due) => due.is_breach,
        }
    }
}

/// What an interface stands for, in words.
fn risk(fabric: &Fabric, interface: &InterfaceRef) -> String {
    let declared = fabric.interfaces.get(interface).and_then(|interface| interface.classification.as_ref());
    let Some(classification) = declared else { return "unknown".to_owned() };
    let data = classification.data.map(|data| data.as_str());
    [Some(classification.criticality.as_str()), data].into_iter().flatten().collect::<Vec<_>>().join(", ")
}

impl Desk {
    /// What is due from anybody, or from this person, oldest first; nobody decides about their own.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn access_due(&self, fabric: &Fabric, person: Option<&str>) -> Result<Vec<Due>, DeskError> {
        let waits = self.access_waits(fabric).await?;
        let mut due = Vec::new();
        for (request, deciders) in waits.open {
            let asked = &request.asked;
            due.push(Due {
                what: "request",
                about: format!("{} asks for {} on {}", asked.by, asked.consumer, asked.interface),
                domain: fabric.governing(&asked.interface),
                risk: risk(fabric, &asked.interface),
                since: request.at,
                until: None,
                is_breach: false,
                people: without(deciders.people, &asked.by),
                id: request.id,
            });
        }
        for (opened, deciders) in waits.opened.into_iter().filter(|(opened, _)| opened.review.is_none()) {
            let grant = &opened.grant;
            due.push(Due {
                what: REVIEW,
                about: format!("{} opened {} for {}", opened.by, grant.interface, grant.consumer),
                domain: fabric.governing(&grant.interface),
                risk: risk(fabric, &grant.interface),
                since: opened.opened,
                until: Some(opened.review_by),
                is_breach: opened.is_breach(waits.now),
                people: without(deciders.people, &opened.by),
                id: opened.grant.id,
            });
        }
        for it in waits.items {
            let grant = &it.item.grant;
            due.push(Due {
                what: "recertification",
                about: format!("{}, of {}", grant.label(), it.campaign.scope),
                domain: fabric.governing(&grant.interface),
                risk: risk(fabric, &grant.interface),
                since: it.campaign.started,
                until: Some(it.campaign.until),
                is_breach: it.is_breach(waits.now),
                people: it.deciders.people,
                id: it.item.id,
            });
        }
        due.retain(|due| person.is_none_or(|person| due.people.contains(person)));
        due.sort_by(|a, b| (a.since, &a.id).cmp(&(b.since, &b.id)));
        Ok(due)
    }
}

fn without(mut people: BTreeSet<String>, by: &str) -> BTreeSet<String> {
    people.remove(by);
    people
}

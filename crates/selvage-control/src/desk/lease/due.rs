//! What of access is due from somebody: requests to be decided, emergencies to be reviewed, grants to be answered for. The board lists it
//! beside changes.

use std::collections::BTreeSet;

use jiff::Timestamp;
use selvage_model::fabric::Fabric;
use serde_json::{Value, json};

use super::who_answers;
use crate::desk::{Desk, DeskError};

/// Something that is due.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Due {
    /// What: `request`, `review`, `recertification`.
    pub what: &'static str,
    /// Its id.
    pub id: String,
    /// What it is about, in words.
    pub about: String,
    /// Since when.
    pub since: Timestamp,
    /// Until when.
    pub until: Option<Timestamp>,
    /// Who may.
    pub people: BTreeSet<String>,
}

impl Due {
    /// As the commands and the control API show it.
    pub fn shown(&self) -> Value {
        json!({
            "what": self.what, "id": self.id, "about": self.about, "since": self.since.to_string(),
            "until": self.until.map(|until| until.to_string()), "people": self.people,
        })
    }
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
            let asked = request.asked;
            let about = format!("{} asks for {} on {}", asked.by, asked.consumer, asked.interface);
            let people = without(deciders.people, &asked.by);
            due.push(Due { what: "request", id: request.id, about, since: request.at, until: None, people });
        }
        for (opened, deciders) in waits.opened.into_iter().filter(|(opened, _)| opened.review.is_none()) {
            let about = format!("{} opened {} for {}", opened.by, opened.grant.interface, opened.grant.consumer);
            let people = without(deciders.people, &opened.by);
            let until = Some(opened.review_by);
            due.push(Due { what: "review", id: opened.grant.id, about, since: opened.opened, until, people });
        }
        due.extend(self.items_due(fabric).await?);
        due.retain(|due| person.is_none_or(|person| due.people.contains(person)));
        due.sort_by(|a, b| (a.since, &a.id).cmp(&(b.since, &b.id)));
        Ok(due)
    }

    async fn items_due(&self, fabric: &Fabric) -> Result<Vec<Due>, DeskError> {
        let campaigns = self.store.recertifications().await?;
        let items = self.store.recertification_items().await?;
        let due = |item: &selvage_store::RecertificationItem| {
            let campaign = campaigns.iter().find(|it| it.id == item.campaign)?;
            Some(Due {
                what: "recertification",
                id: item.id.clone(),
                about: format!("{}, of {}", item.grant.label(), campaign.scope),
                since: campaign.started,
                until: Some(campaign.until),
                people: who_answers(fabric, item).people,
            })
        };
        Ok(items.iter().filter(|item| item.state.is_open()).filter_map(due).collect())
    }
}

fn without(mut people: BTreeSet<String>, by: &str) -> BTreeSet<String> {
    people.remove(by);
    people
}

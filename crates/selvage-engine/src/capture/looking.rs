//! Looks at a system for a capture: pages of what was written, records by their ids, which ids there are. Only reads, in the
//! background of everything that somebody waits for, unless a hint says that something has just happened.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;
use selvage_connect::governor::Priority;
use selvage_connect::odoo::{Cursor, Failure, ListRequest, Page, Scope as CallScope, from_odoo_time};
use selvage_store::{Standing, Unmoved};
use serde_json::{Value, json};

use super::compare::Seen;
use super::watched::Watched;
use crate::fabric::Active;
use crate::reach::Reach;
use crate::selection::Selection;
use crate::trouble::Trouble;

const ACTIVE: &str = "active";
const WRITTEN: &str = "write_date";
const CREATED: &str = "create_date";

/// The way to the records that are captured.
#[derive(Clone)]
pub(crate) struct Looking {
    reach: Reach,
    domain: Vec<Value>,
    scope: CallScope,
    fields: Vec<String>,
    /// The fields that say when a record was written and made.
    times: Vec<String>,
    /// Attributes that only say when the record was written.
    pub(crate) stamps: Vec<String>,
}

impl Looking {
    /// The way, with the mapping that fits the system's version.
    pub(crate) async fn open(active: Arc<Active>, watched: &Watched) -> Result<Self, Trouble> {
        let mut reach = Reach::open(active, Arc::clone(&watched.served)).await?;
        reach.odoo = reach.odoo.with_priority(Priority::Background);
        let Selection::Records { domain, companies } = reach.select(&[]).await? else {
            return Err(Failure::Protocol { reason: "nothing can be captured".to_owned() }.into());
        };
        // What was archived is there all the same.
        let scope = CallScope { active_test: false, ..reach.call_scope(companies).await? };
        let known = reach.served.connection.ask(reach.odoo.fields(reach.mapping.record())).await?;
        let mut fields = reach.mapping.fields().to_vec();
        for own in [ACTIVE, WRITTEN, CREATED] {
            if known.contains_key(own) && !fields.iter().any(|field| field == own) {
                fields.push(own.to_owned());
            }
        }
        let times =
            [WRITTEN, CREATED].into_iter().filter(|field| known.contains_key(*field)).map(str::to_owned).collect();
        let stamps = stamps(&reach);
        Ok(Self { reach, domain, scope, fields, times, stamps })
    }

    /// The same for what has just happened: no longer in the background.
    pub(crate) fn at_once(&mut self, watched: &Watched) {
        self.reach.odoo = self.reach.odoo.with_priority(watched.served.priority);
    }

    /// A page of what was written in this second or later, behind the cursor.
    pub(crate) async fn page(
        &self,
        since: i64,
        cursor: Option<Cursor>,
        limit: usize,
    ) -> Result<(Vec<Seen>, Option<Cursor>), Trouble> {
        let request = ListRequest {
            model: self.model().to_owned(),
            fields: self.fields.clone(),
            domain: self.domain.clone(),
            scope: self.scope.clone(),
            limit,
            cursor,
            updated_since: Timestamp::from_second(since.max(0)).ok(),
        };
        let Page { records, next } = self.reach.served.connection.ask(self.reach.odoo.list(&request)).await?;
        Ok((self.understood(records).await?, next))
    }

    /// Those of these records that there are.
    pub(crate) async fn these(&self, ids: &[i64]) -> Result<Vec<Seen>, Trouble> {
        let records = self.search(json!(["id", "in", ids]), &self.fields, None).await?;
        self.understood(records).await
    }

    /// In which seconds each of these records says it was written and made, of those that there are.
    pub(crate) async fn seconds(&self, ids: &[i64]) -> Result<BTreeMap<i64, Unmoved>, Trouble> {
        let records = self.search(json!(["id", "in", ids]), &self.times, None).await?;
        let seconds = |record: &Value| {
            let unmoved = Unmoved { record: id(record)?, written: written(record)?, created: second(record, CREATED)? };
            Ok((unmoved.record, unmoved))
        };
        records.iter().map(seconds).collect()
    }

    /// The second that it is for the system, as its last answer said.
    pub(crate) fn present(&self) -> Option<i64> {
        self.reach.odoo.present()
    }

    /// The ids of records behind this one, in order, each with the second in which it says that it was written.
    pub(crate) async fn all_after(&self, after: i64, limit: usize) -> Result<Vec<(i64, i64)>, Trouble> {
        let mut fields = vec!["id".to_owned()];
        fields.extend(self.fields.iter().filter(|field| *field == WRITTEN).cloned());
        let records = self.search(json!(["id", ">", after]), &fields, Some(limit)).await?;
        records.iter().map(|record| Ok((id(record)?, written(record)?))).collect()
    }

    /// The external ids of records, of those that have one.
    pub(crate) async fn external_ids(&self, ids: &[i64]) -> Result<BTreeMap<i64, String>, Trouble> {
        let ask = self.reach.odoo.external_ids(self.model(), ids);
        Ok(self.reach.served.connection.ask(ask).await?)
    }

    /// The newest second in which any of the records was written; 0 where there is none.
    pub(crate) async fn newest(&self) -> Result<i64, Trouble> {
        let newest = self.reach.odoo.newest(self.model(), self.domain.clone(), &self.scope);
        Ok(self.reach.served.connection.ask(newest).await?.unwrap_or_default())
    }

    fn model(&self) -> &str {
        self.reach.mapping.record()
    }

    async fn search(&self, more: Value, fields: &[String], limit: Option<usize>) -> Result<Vec<Value>, Trouble> {
        let mut domain = self.domain.clone();
        domain.push(more);
        let search = self.reach.odoo.search(self.model(), domain, fields, &self.scope, limit);
        Ok(self.reach.served.connection.ask(search).await?)
    }

    async fn understood(&self, mut records: Vec<Value>) -> Result<Vec<Seen>, Trouble> {
        self.reach.make_whole(&mut records).await?;
        let shown = self.reach.show(&records).await?;
        let seen = records.iter().zip(shown).map(|(record, object)| {
            let archived = record.get(ACTIVE).and_then(Value::as_bool) == Some(false);
            let standing = if archived { Standing::Archived } else { Standing::There };
            let (written, created) = (written(record)?, second(record, CREATED)?);
            Ok(Seen { record: id(record)?, written, created, standing, object })
        });
        seen.collect()
    }
}

/// Attributes that only say when a record was written.
pub(crate) fn stamps(reach: &Reach) -> Vec<String> {
    let attributes = reach.served.object.attributes.iter().map(|attribute| &attribute.name.value);
    let stamps = attributes.filter(|attribute| reach.mapping.fields_of(attribute).iter().any(|field| field == WRITTEN));
    stamps.map(ToString::to_string).collect()
}

fn id(record: &Value) -> Result<i64, Trouble> {
    let id = record.get("id").and_then(Value::as_i64);
    id.ok_or_else(|| Failure::Protocol { reason: "a record came without its id".to_owned() }.into())
}

/// A record that says nothing of its writing is as old as can be.
fn written(record: &Value) -> Result<i64, Trouble> {
    Ok(second(record, WRITTEN)?.unwrap_or_default())
}

fn second(record: &Value, field: &str) -> Result<Option<i64>, Trouble> {
    match record.get(field) {
        Some(Value::String(text)) => {
            let unread = || Failure::Protocol { reason: format!("`{text}` is not a `{field}`") };
            Ok(Some(from_odoo_time(text).ok_or_else(unread)?.as_second()))
        }
        _ => Ok(None),
    }
}

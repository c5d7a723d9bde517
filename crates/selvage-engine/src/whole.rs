//! Makes records whole for their mapping: lines in the place of their ids, fields of linked records beside their links.
//! What lies behind the records of a page is read with one call for each kind of record. It only reads.

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;

use selvage_connect::odoo::{Failure, Scope as CallScope};
use selvage_mapping::Reading;
use serde_json::Value;

use crate::reach::Reach;
use crate::trouble::Trouble;

/// Deepest nesting of lines and links that is followed.
const DEEPEST: usize = 8;

/// Reads what lies behind these records of this model, as the mapping wants it.
pub(crate) async fn make_whole(
    reach: &Reach,
    model: &str,
    reading: &Reading,
    records: &mut [Value],
) -> Result<(), Trouble> {
    if reading.is_plain() || records.is_empty() {
        return Ok(());
    }
    // Archived or of another site: what a record is made of belongs to it all the same.
    let scope = CallScope { active_test: false, ..reach.call_scope(None).await? };
    behind(reach, &scope, model, reading, records, 0).await
}

type Work<'a> = Pin<Box<dyn Future<Output = Result<(), Trouble>> + Send + 'a>>;

fn behind<'a>(
    reach: &'a Reach,
    scope: &'a CallScope,
    model: &'a str,
    reading: &'a Reading,
    records: &'a mut [Value],
    depth: usize,
) -> Work<'a> {
    Box::pin(async move {
        for (field, inner) in &reading.lines {
            let lines = read(reach, scope, (model, field), inner, records, depth).await?;
            Reading::put_lines(records, field, &lines);
        }
        for (field, inner) in &reading.through {
            let linked = read(reach, scope, (model, field), inner, records, depth).await?;
            Reading::put_linked(records, field, &linked);
        }
        Ok(())
    })
}

/// The records behind one field of all these records, whole themselves, by id.
async fn read(
    reach: &Reach,
    scope: &CallScope,
    (model, field): (&str, &str),
    reading: &Reading,
    records: &[Value],
    depth: usize,
) -> Result<BTreeMap<i64, Value>, Trouble> {
    let ids: Vec<i64> = Reading::ids(records, field).into_iter().collect();
    if ids.is_empty() {
        return Ok(BTreeMap::new());
    }
    let relation = relation(reach, model, field).await?;
    if depth >= DEEPEST {
        let reason = format!("`{model}` has records behind records more than {DEEPEST} deep");
        return Err(Failure::Protocol { reason }.into());
    }
    let read = reach.odoo.read(&relation, &ids, &reading.fields, scope);
    let mut found = reach.served.connection.ask(read).await?;
    behind(reach, scope, &relation, reading, &mut found, depth + 1).await?;
    let with_id = |record: Value| Some((record.get("id").and_then(Value::as_i64)?, record));
    Ok(found.into_iter().filter_map(with_id).collect())
}

/// The model that a field leads to; with dots, the field of a line or of a linked record.
pub(crate) async fn relation(reach: &Reach, model: &str, path: &str) -> Result<String, Trouble> {
    let mut model = model.to_owned();
    for name in path.split('.') {
        let fields = reach.served.connection.ask(reach.odoo.fields(&model)).await?;
        match fields.get(name).and_then(|field| field.relation.clone()) {
            Some(relation) => model = relation,
            None => {
                let reason = format!("`{model}` has no field `{name}` that leads to other records");
                return Err(Failure::Protocol { reason }.into());
            }
        }
    }
    Ok(model)
}

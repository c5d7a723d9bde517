//! Lists: a page of the records within the rows of a grant, as objects. A record that is no object does not break the
//! page: it is left out and named in `problems`, for a steward; nothing outside the rows is ever named.

use selvage_connect::odoo::{ListRequest, Page};
use selvage_mapping::MapError;
use selvage_model::exchange::{MediatedAnswer, MediatedRequest, Scope};
use selvage_model::name::AttributeName;
use serde_json::{Value, json};

use crate::cursor;
use crate::query::{self, Query};
use crate::reach::Reach;
use crate::scope;
use crate::selection::Selection;
use crate::trouble::Trouble;

/// Answers a list.
///
/// The body is `{"items": […], "next": cursor | null, "source": {"kind": "live"}}`, and `"problems": [{"id", "code",
/// "detail"}]` where records were left out.
pub(crate) async fn list(reach: &Reach, request: &MediatedRequest) -> Result<MediatedAnswer, Trouble> {
    let scope = &request.scope;
    let query = query::read(&request.query, &reach.served.object, scope)?;
    let fingerprint = cursor::fingerprint(&request.interface, &query, scope);
    let position = query.cursor.as_deref().map(|text| cursor::read(text, &fingerprint)).transpose()?;
    let Some(filters) = within(scope, &query) else { return Ok(page(Vec::new(), Vec::new(), None, request)) };
    let Selection::Records { domain, companies } = reach.select(&filters).await? else {
        return Ok(page(Vec::new(), Vec::new(), None, request));
    };
    let wanted = ListRequest {
        model: reach.mapping.record().to_owned(),
        fields: reach.mapping.fields().to_vec(),
        domain,
        scope: reach.call_scope(companies).await?,
        limit: query.limit,
        cursor: position,
        updated_since: query.updated_since,
    };
    let Page { mut records, next } = reach.served.connection.ask(reach.odoo.list(&wanted)).await?;
    reach.make_whole(&mut records).await?;
    let shown = reach.show(&records).await?;
    let mut items = Vec::new();
    let mut problems = Vec::new();
    for (record, shown) in records.iter().zip(shown) {
        match shown {
            Ok(mut item) if scope::holds(scope, &item) => {
                scope::strip(scope, &mut item);
                items.push(item);
            }
            // The system gave more than it was asked for; the grant decides.
            Ok(_) => {}
            Err(error) => problems.push(left_out(reach, record, &scope::veiled(scope, error))),
        }
    }
    let next = next.map(|position| cursor::show(position, &fingerprint));
    Ok(page(items, problems, next, request))
}

/// The filters that were asked for within the rows; `None` where they exclude each other.
pub(crate) fn within(scope: &Scope, query: &Query) -> Option<Vec<(AttributeName, Vec<Value>)>> {
    let mut attributes: Vec<&AttributeName> = Vec::new();
    for (attribute, _) in query.filters.iter().chain(&scope.rows) {
        if !attributes.contains(&attribute) {
            attributes.push(attribute);
        }
    }
    let mut filters = Vec::new();
    for attribute in attributes {
        let asked = query.filters.iter().find(|(asked, _)| asked == attribute).map(|(_, values)| values.as_slice());
        let values = scope::intersection(scope, attribute, asked).unwrap_or_default();
        if values.is_empty() {
            return None;
        }
        filters.push((attribute.clone(), values));
    }
    Some(filters)
}

fn left_out(reach: &Reach, record: &Value, error: &MapError) -> Value {
    let id = record.get("id").map_or_else(String::new, Value::to_string);
    json!({"id": format!("{}-{id}", reach.system()), "code": error.code.as_str(), "detail": error.message})
}

fn page(items: Vec<Value>, problems: Vec<Value>, next: Option<String>, request: &MediatedRequest) -> MediatedAnswer {
    let query = next.as_deref().map(|cursor| cursor::next_query(&request.query, cursor));
    let mut body = json!({"items": Value::from(items), "next": Value::from(next), "source": {"kind": "live"}});
    if let (Some(members), false) = (body.as_object_mut(), problems.is_empty()) {
        members.insert("problems".to_owned(), Value::from(problems));
    }
    let (location, etag, age, found) = (None, None, None, None);
    MediatedAnswer::Done { status: 200, body, location, etag, next: query, age, replayed: false, found }
}

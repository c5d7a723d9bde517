//! A write as it was asked for, in the form that the store keeps, so that another node can go on with it.
//! It holds no credentials: the gateway has taken them off before.

use selvage_model::class::Masked;
use selvage_model::exchange::{MediatedRequest, Scope};
use selvage_model::name::AttributeName;
use selvage_store::OperationRecord;
use serde_json::{Value, json};

/// What was asked for.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Asked {
    /// The record, for verbs.
    pub(crate) id: Option<String>,
    /// The body; for a create with what the rows filled in.
    pub(crate) body: Value,
    /// The state of the record that it is only for, as a condition on its tag.
    pub(crate) if_match: Option<String>,
    /// Rows and attributes of the grant at that time.
    pub(crate) scope: Scope,
    /// The exchange.
    pub(crate) correlation: String,
}

impl Asked {
    /// From a request whose body was checked.
    pub(crate) fn of(request: &MediatedRequest, body: Value) -> Self {
        Self {
            id: request.id.clone(),
            body,
            if_match: request.if_match.clone(),
            scope: request.scope.clone(),
            correlation: request.correlation.clone(),
        }
    }

    /// The form that is kept.
    pub(crate) fn keep(&self) -> Value {
        let rows: Vec<Value> = self.scope.rows.iter().map(|(row, values)| json!([row.as_str(), values])).collect();
        let except: Vec<&str> = self.scope.except.iter().map(AttributeName::as_str).collect();
        let masked: Vec<Value> =
            self.scope.masked.iter().map(|part| json!([part.pointer, part.class.as_str()])).collect();
        json!({
            "id": self.id,
            "body": self.body,
            "if_match": self.if_match,
            "rows": rows,
            "except": except,
            "masked": masked,
            "correlation": self.correlation,
        })
    }

    /// From the form that was kept; `None` for anything else.
    pub(crate) fn read(kept: &Value) -> Option<Self> {
        let mut scope = Scope::default();
        for row in kept.get("rows")?.as_array()? {
            let attribute = row.get(0)?.as_str()?.parse().ok()?;
            scope.rows.push((attribute, row.get(1)?.as_array()?.clone()));
        }
        for attribute in kept.get("except")?.as_array()? {
            scope.except.push(attribute.as_str()?.parse().ok()?);
        }
        // What was kept before there were classes masks nothing.
        for part in kept.get("masked").and_then(Value::as_array).into_iter().flatten() {
            let (pointer, class) = (part.get(0)?.as_str()?.to_owned(), part.get(1)?.as_str()?.parse().ok()?);
            scope.masked.push(Masked { pointer, class });
        }
        Some(Self {
            id: kept.get("id")?.as_str().map(str::to_owned),
            body: kept.get("body")?.clone(),
            if_match: kept.get("if_match").and_then(Value::as_str).map(str::to_owned),
            scope,
            correlation: kept.get("correlation")?.as_str()?.to_owned(),
        })
    }
}

/// What the grant covered when an operation was asked for; where that cannot be read, nothing is known of its rows.
pub(crate) fn scope_of(record: &OperationRecord) -> Scope {
    Asked::read(&record.request).map(|asked| asked.scope).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_kept_is_read_back() {
        let asked = Asked {
            id: Some("odoo-20".to_owned()),
            body: json!({"quantity": {"value": "3", "unit": "1"}}),
            if_match: Some("\"0a\"".to_owned()),
            scope: Scope {
                rows: vec![("site".parse().unwrap(), vec![json!("ghent"), json!(1)])],
                except: vec!["price".parse().unwrap()],
                masked: vec![Masked { pointer: "/lines/*/worker".to_owned(), class: "personal".parse().unwrap() }],
            },
            correlation: "c-1".to_owned(),
        };
        assert_eq!(Asked::read(&asked.keep()), Some(asked));
        assert_eq!(Asked::read(&json!({"body": {}})), None);
    }
}

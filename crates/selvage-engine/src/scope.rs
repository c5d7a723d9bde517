//! Rows and attributes of a grant, applied to objects. Pure; what cannot be shown to hold does not hold.

use selvage_mapping::MapError;
use selvage_model::exchange::Scope;
use selvage_model::manifest::object::Object;
use selvage_model::name::AttributeName;
use selvage_model::problem::FieldError;
use serde_json::{Map, Value};

/// Whether an object lies in the rows.
pub(crate) fn holds(scope: &Scope, canonical: &Value) -> bool {
    scope.rows.iter().all(|(attribute, allowed)| {
        canonical.get(attribute.as_str()).is_some_and(|value| !value.is_null() && allowed.contains(value))
    })
}

/// Whether what is left of an object that held in the rows of `then` still holds. Of an attribute that was left out then,
/// only those rows tell.
pub(crate) fn still_holds(scope: &Scope, then: &Scope, canonical: &Value) -> bool {
    let held = |attribute: &AttributeName, allowed: &[Value]| {
        let mut rows = then.rows.iter().filter(|(row, _)| row == attribute);
        rows.any(|(_, values)| values.iter().all(|value| allowed.contains(value)))
    };
    scope.rows.iter().all(|(attribute, allowed)| match canonical.get(attribute.as_str()) {
        Some(value) => allowed.contains(value),
        None => held(attribute, allowed),
    })
}

/// Takes the attributes away that are not shown.
pub(crate) fn strip(scope: &Scope, canonical: &mut Value) {
    if let Some(attributes) = canonical.as_object_mut() {
        for attribute in &scope.except {
            attributes.shift_remove(attribute.as_str());
        }
    }
}

/// Takes the parts of an account away that are called as an attribute that is not shown, however deep they stand.
pub(crate) fn strip_deep(scope: &Scope, account: &mut Value) {
    match account {
        Value::Object(_) => {
            strip(scope, account);
            let parts = account.as_object_mut().into_iter().flat_map(|members| members.values_mut());
            parts.for_each(|part| strip_deep(scope, part));
        }
        Value::Array(parts) => parts.iter_mut().for_each(|part| strip_deep(scope, part)),
        _ => {}
    }
}

/// An error about a record, in words that do not tell of an attribute that is left out.
pub(crate) fn veiled(scope: &Scope, error: MapError) -> MapError {
    let attribute = error.pointer.trim_start_matches('/').split('/').next().unwrap_or_default();
    if scope.except.iter().any(|excepted| excepted.as_str() == attribute) {
        let message = "an attribute that the grant leaves out cannot be shown".to_owned();
        return MapError { message, pointer: String::new(), ..error };
    }
    error
}

/// Whether this attribute is neither shown nor taken.
pub(crate) fn is_excepted(scope: &Scope, attribute: &AttributeName) -> bool {
    scope.except.contains(attribute)
}

/// A create's body with each attribute filled in that the rows leave one value for, so that a consumer of one
/// site need not say which.
pub(crate) fn fill(scope: &Scope, object: &Object, body: &mut Value) {
    let Some(given) = body.as_object_mut() else { return };
    for (attribute, allowed) in &scope.rows {
        let taken = object.attribute(attribute).is_some_and(|attribute| !attribute.read_only);
        let absent = given.get(attribute.as_str()).is_none_or(Value::is_null);
        if let (true, true, [only]) = (taken, absent, allowed.as_slice()) {
            given.insert(attribute.as_str().to_owned(), only.clone());
        }
    }
}

/// What of a body lies outside the rows, attribute by attribute.
pub(crate) fn outside(scope: &Scope, body: &Value) -> Vec<FieldError> {
    let lies_outside = |(attribute, allowed): &&(AttributeName, Vec<Value>)| {
        body.get(attribute.as_str()).is_none_or(|value| !allowed.contains(value))
    };
    let error = |(attribute, allowed): &(AttributeName, Vec<Value>)| FieldError {
        pointer: format!("/{attribute}"),
        detail: format!("the grant covers only {}", listed(allowed)),
    };
    scope.rows.iter().filter(lies_outside).map(error).collect()
}

/// What of a body is not the consumer's to give.
pub(crate) fn excepted(scope: &Scope, body: &Map<String, Value>) -> Vec<FieldError> {
    let given = scope.except.iter().filter(|attribute| body.contains_key(attribute.as_str()));
    let error = |attribute: &AttributeName| FieldError {
        pointer: format!("/{attribute}"),
        detail: "the grant leaves this attribute out".to_owned(),
    };
    given.map(error).collect()
}

/// The values that are both asked for and allowed; `None` where nothing is asked and nothing is limited.
pub(crate) fn intersection(scope: &Scope, attribute: &AttributeName, asked: Option<&[Value]>) -> Option<Vec<Value>> {
    let allowed = scope.rows.iter().filter(|(row, _)| row == attribute).map(|(_, values)| values);
    let mut left: Option<Vec<Value>> = asked.map(<[Value]>::to_vec);
    for values in allowed {
        left = Some(match left {
            Some(asked) => asked.into_iter().filter(|value| values.contains(value)).collect(),
            None => values.clone(),
        });
    }
    left
}

fn listed(values: &[Value]) -> String {
    let words = values.iter().map(|value| match value {
        Value::String(text) => format!("`{text}`"),
        other => format!("`{other}`"),
    });
    words.collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests;

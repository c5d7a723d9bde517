//! Rows and attributes of a grant, applied to objects. Pure; what cannot be shown to hold does not hold.

use selvage_mapping::MapError;
use selvage_model::code;
use selvage_model::exchange::Scope;
use selvage_model::manifest::object::Object;
use selvage_model::name::{AttributeName, ClassName};
use selvage_model::problem::{FieldError, Problem};
use serde_json::{Map, Value};

const CLASSED: &str = "what the system said is not kept: the object carries a class of data";
const KEPT_BACK: &str = "the system's own words are kept back: they may tell of data that the grant does not see";

/// Whether an object lies in the rows.
pub(crate) fn holds(scope: &Scope, canonical: &Value) -> bool {
    scope.rows.iter().all(|(attribute, allowed)| {
        canonical.get(attribute.as_str()).is_some_and(|value| !value.is_null() && allowed.contains(value))
    })
}

/// Whether what is left of an object that held in the rows of `then` still holds. Of an attribute that was left out or
/// masked then, only those rows tell.
pub(crate) fn still_holds(scope: &Scope, then: &Scope, canonical: &Value) -> bool {
    let held = |attribute: &AttributeName, allowed: &[Value]| {
        let mut rows = then.rows.iter().filter(|(row, _)| row == attribute);
        rows.any(|(_, values)| values.iter().all(|value| allowed.contains(value)))
    };
    let masked = |attribute: &AttributeName| then.masked.iter().any(|part| part.attribute() == attribute.as_str());
    scope.rows.iter().all(|(attribute, allowed)| match canonical.get(attribute.as_str()) {
        Some(value) if !masked(attribute) => allowed.contains(value),
        _ => held(attribute, allowed),
    })
}

/// Takes the attributes away that are not shown, and the values of what is masked.
pub(crate) fn strip(scope: &Scope, canonical: &mut Value) {
    if let Some(attributes) = canonical.as_object_mut() {
        for attribute in &scope.except {
            attributes.shift_remove(attribute.as_str());
        }
    }
    scope.masked.iter().for_each(|masked| masked.hide(canonical));
}

/// Takes the parts of an account away that are called as an attribute that is not shown, however deep they stand, and the
/// values of those that are called as what is masked.
pub(crate) fn strip_deep(scope: &Scope, account: &mut Value) {
    match account {
        Value::Object(_) => {
            strip(scope, account);
            let is_masked = |name: &str| scope.masked.iter().any(|masked| masked.name() == name);
            for (name, part) in account.as_object_mut().into_iter().flatten() {
                match is_masked(name) {
                    true => *part = Value::Null,
                    false => strip_deep(scope, part),
                }
            }
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
    if let Some(masked) = scope.masked.iter().find(|masked| masked.concerns(&error.pointer)) {
        let message = format!("what is masked at `{}` cannot be shown to anyone", masked.pointer);
        return MapError { message, pointer: String::new(), ..error };
    }
    error
}

/// A problem without the words of a system, which may tell of what is masked.
pub(crate) fn veiled_words(scope: &Scope, problem: Problem) -> Problem {
    if scope.masked.is_empty() || !is_of_connector(problem.code.as_str()) {
        return problem;
    }
    let errors = problem.errors.into_iter().map(|error| FieldError { detail: KEPT_BACK.to_owned(), ..error }).collect();
    Problem { detail: KEPT_BACK.to_owned(), errors, ..problem }
}

/// The same of the body of a problem that was kept, where something `is_masked`.
pub(crate) fn veil_body(body: &mut Value, is_masked: bool) {
    let told = body.get("code").and_then(Value::as_str).is_some_and(is_of_connector);
    if let (true, Some(members)) = (told && is_masked, body.as_object_mut()) {
        members.insert("detail".to_owned(), KEPT_BACK.into());
        members.shift_remove("errors");
    }
}

/// The words of a problem as they may be kept and logged: those about a record of an object of which something carries a class
/// of data may hold it.
pub(crate) fn kept_words<'p>(object: &Object, problem: &'p Problem) -> &'p str {
    let of_record = matches!(problem.code, code::NOT_AS_MEANT | code::RECORD_UNSHOWABLE);
    let tells = of_record || is_of_connector(problem.code.as_str());
    if tells && !object.classed().is_empty() { CLASSED } else { &problem.detail }
}

/// What a connector says holds words of its system.
fn is_of_connector(code: &str) -> bool {
    code.starts_with("FAB6")
}

/// The class of an attribute that is masked, or a part of it; none where all of it is shown.
pub(crate) fn class_masked<'s>(scope: &'s Scope, attribute: &AttributeName) -> Option<&'s ClassName> {
    scope.masked.iter().find(|masked| masked.attribute() == attribute.as_str()).map(|masked| &masked.class)
}

/// What of a body is masked, so that who gives it would write what they cannot see. A `change` takes the place of the whole
/// attribute: there it is also given by what stands around it.
pub(crate) fn masked(scope: &Scope, body: &Value, change: bool) -> Vec<FieldError> {
    let mut found = Vec::new();
    for masked in &scope.masked {
        let around = (change && body.get(masked.attribute()).is_some()).then(|| format!("/{}", masked.attribute()));
        let places = around.map_or_else(|| masked.given(body), |place| vec![place]);
        let detail = format!("the grant does not see `{}` data", masked.class);
        found.extend(places.into_iter().map(|pointer| FieldError { pointer, detail: detail.clone() }));
    }
    found
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

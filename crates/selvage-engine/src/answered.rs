//! What a mediated interface answers, beside its object: whoever counts and refuses is told what of it does not fit. Changes nothing.

use selvage_model::exchange::{MediatedAnswer, Scope};
use selvage_model::manifest::api::Operation;
use selvage_model::manifest::interface::Check;
use selvage_model::name::InterfaceRef;
use selvage_model::problem::FieldError;
use selvage_model::verb::Verb;
use serde_json::Value;

use crate::fabric::{Active, Served};

/// What is told of one answer at most.
const MOST_ERRORS: usize = 32;

/// The answer with what of it does not fit the object, where the interface wants that to be looked for.
pub(crate) fn compared(
    active: &Active,
    (interface, operation, scope): (&InterfaceRef, Operation, &Scope),
    answer: MediatedAnswer,
) -> MediatedAnswer {
    let MediatedAnswer::Done { status, body, location, etag, next, age, replayed, .. } = answer else { return answer };
    let found = active.served(interface).and_then(|served| errors(active, served, (operation, scope), &body));
    MediatedAnswer::Done { status, body, location, etag, next, age, replayed, found }
}

fn errors(
    active: &Active,
    served: &Served,
    (operation, scope): (Operation, &Scope),
    body: &Value,
) -> Option<Vec<FieldError>> {
    let interface = active.fabric.interfaces.get(&served.interface)?;
    if interface.validation.response == Check::Off {
        return None;
    }
    let verb = served.verb(operation);
    let one = |object: &Value, at: &str| -> Vec<FieldError> {
        if verb.is_some_and(Verb::may_end_its_record) && is_gone(served, verb, object) {
            return Vec::new();
        }
        let about = (&*active.fabric, &served.object);
        let errors = served.answers(&active.fabric).errors(about, |place| is_hidden(scope, place), object);
        let added = verb.and_then(Verb::adds);
        let is_added = |error: &FieldError| added.is_some_and(|added| error.pointer.strip_prefix('/') == Some(added));
        let of_object = errors.into_iter().filter(|error| !is_added(error));
        of_object.map(|error| FieldError { pointer: format!("{at}{}", error.pointer), ..error }).collect()
    };
    let mut found: Vec<FieldError> = match (operation, body.get("items")) {
        (Operation::List, Some(Value::Array(items))) => {
            items.iter().enumerate().flat_map(|(index, item)| one(item, &format!("/items/{index}"))).collect()
        }
        _ => one(body, ""),
    };
    found.truncate(MOST_ERRORS);
    Some(found)
}

/// Whether nothing is left of a record that a verb emptied but which it was.
fn is_gone(served: &Served, verb: Option<Verb>, body: &Value) -> bool {
    let identity = served.identity().map(|identity| identity.as_str());
    let added = verb.and_then(Verb::adds);
    let is_left = |name: &String| Some(name.as_str()) == identity || Some(name.as_str()) == added;
    body.as_object().is_some_and(|members| members.keys().all(is_left))
}

/// Whether a place is not shown to who asks: left out, or masked.
fn is_hidden(scope: &Scope, place: &str) -> bool {
    let attribute = place.split('/').nth(1).unwrap_or_default();
    scope.except.iter().any(|excepted| excepted.as_str() == attribute)
        || scope.masked.iter().any(|masked| masked.concerns(place))
}

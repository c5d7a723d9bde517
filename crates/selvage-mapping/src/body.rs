//! A create's or an update's body against the object: what is required, what shapes values have, what is not theirs to give.
//! Says everything at once, with JSON Pointers; never looks into a system.

use selvage_model::delivery::Cause;
use selvage_model::fabric::Fabric;
use selvage_model::manifest::object::Object;
use selvage_model::problem::FieldError;
use serde_json::Value;

use crate::shape::Checker;

/// Everything that is wrong with this body as a change of an object: attributes that are not given stay as they are, a
/// group's members too.
pub fn check_change(object: &Object, fabric: &Fabric, body: &Value) -> Vec<FieldError> {
    let mut checker = Checker::new(fabric, true);
    checker.changes(&object.attributes, "", body);
    checker.errors
}

/// Everything that is wrong with this body as a new object; empty where it is right.
pub fn check_body(object: &Object, fabric: &Fabric, body: &Value) -> Vec<FieldError> {
    let mut checker = Checker::new(fabric, true);
    checker.members(&object.attributes, "", body);
    checker.errors
}

/// Everything that is wrong with what an event says of an object: it is shown whole, with what only systems set.
pub fn check_event(object: &Object, fabric: &Fabric, data: &Value) -> Vec<FieldError> {
    let mut checker = Checker::new(fabric, false);
    checker.members(&object.attributes, "", data);
    checker.errors
}

/// Of which class it is what [`check_event`] finds wrong: of a code or a unit alone where nothing else is.
pub(crate) fn event_cause(object: &Object, fabric: &Fabric, data: &Value) -> Cause {
    let mut checker = Checker::new(fabric, false);
    checker.members(&object.attributes, "", data);
    let mut causes = checker.causes.into_iter();
    causes.next().filter(|_| causes.next().is_none()).unwrap_or(Cause::Contract)
}

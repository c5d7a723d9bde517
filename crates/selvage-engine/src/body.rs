//! Bodies of writes before their key is claimed: what a create and a verb may carry, and what of it the grant and the
//! systems of record allow. Says everything of one kind at once, with JSON Pointers.

use selvage_mapping::{check_body, check_change};
use selvage_model::code;
use selvage_model::exchange::MediatedRequest;
use selvage_model::manifest::api::Operation;
use selvage_model::problem::{FieldError, Problem};
use serde_json::{Map, Value};

use crate::authority;
use crate::fabric::{Active, Served};
use crate::scope;
use crate::verb::{sets, target};

/// The body as it is carried out: checked, and for a create with what the rows leave one value for.
pub(crate) fn checked(active: &Active, served: &Served, request: &MediatedRequest) -> Result<Value, Problem> {
    match request.operation {
        Operation::Create => create(active, served, request),
        Operation::Update | Operation::Revise => update(active, served, request),
        kind => {
            let Some(verb) = served.verb(kind) else {
                let detail = format!("`{kind}` is no verb of `{}`", served.record);
                return Err(Problem::new(404, code::NOT_SERVED, detail));
            };
            let errors = target::check(verb, request.body.as_ref());
            if !errors.is_empty() {
                return Err(unfit(errors, "the body"));
            }
            match sets::refusal(active, served, verb, request) {
                Some(problem) => Err(problem),
                None => Ok(request.body.clone().unwrap_or(Value::Null)),
            }
        }
    }
}

fn create(active: &Active, served: &Served, request: &MediatedRequest) -> Result<Value, Problem> {
    let object = &served.object;
    let mut body = granted(request)?;
    if request.if_match.is_some() {
        let detail = "there is no record yet whose state `If-Match` could name";
        return Err(Problem::new(412, code::RECORD_CHANGED, detail));
    }
    scope::fill(&request.scope, object, &mut body);
    let errors = check_body(object, &active.fabric, &body);
    if !errors.is_empty() {
        return Err(unfit(errors, "the body"));
    }
    let outside = scope::outside(&request.scope, &body);
    if !outside.is_empty() {
        let detail = format!("the grant does not cover this {}", object.name);
        return Err(Problem::new(403, code::OUTSIDE_ROWS, detail).with_errors(outside));
    }
    // INVARIANT: AUTHORITY
    let elsewhere = authority::elsewhere(object, &active.fabric, served.connection.system(), &body, None);
    if !elsewhere.is_empty() {
        let detail = "another system is the record for attributes that the body gives";
        return Err(Problem::new(403, code::AUTHORITY_ELSEWHERE, detail).with_errors(elsewhere));
    }
    Ok(body)
}

/// What an update gives. What the record and its other attributes have to say to it is seen when it is found.
fn update(active: &Active, served: &Served, request: &MediatedRequest) -> Result<Value, Problem> {
    let body = granted(request)?;
    let mut errors = check_change(&served.object, &active.fabric, &body);
    if body.as_object().is_some_and(Map::is_empty) {
        errors.push(FieldError { pointer: String::new(), detail: "it names nothing that changes".to_owned() });
    }
    if !errors.is_empty() {
        return Err(unfit(errors, "the body"));
    }
    let mut outside = scope::outside(&request.scope, &body);
    outside.retain(|error| body.pointer(&error.pointer).is_some());
    if outside.is_empty() {
        return Ok(body);
    }
    let detail = format!("the grant does not cover what this {} would become", served.object.name);
    Err(Problem::new(403, code::OUTSIDE_ROWS, detail).with_errors(outside))
}

/// The body, which gives nothing that the grant leaves out or does not see.
fn granted(request: &MediatedRequest) -> Result<Value, Problem> {
    let body = request.body.clone().unwrap_or(Value::Null);
    let Some(members) = body.as_object() else {
        let error = FieldError { pointer: String::new(), detail: "a JSON object is needed".to_owned() };
        return Err(unfit(vec![error], "the body"));
    };
    let excepted = scope::excepted(&request.scope, members);
    if !excepted.is_empty() {
        let detail = "the grant leaves out attributes that the body gives";
        return Err(Problem::new(403, code::ATTRIBUTE_EXCEPTED, detail).with_errors(excepted));
    }
    let masked = scope::masked(&request.scope, &body, request.operation != Operation::Create);
    if !masked.is_empty() {
        let detail = "the body gives what is masked for the grant";
        return Err(Problem::new(403, code::ATTRIBUTE_MASKED, detail).with_errors(masked));
    }
    Ok(body)
}

/// Members that are not among the known ones; anything but an object or nothing is wrong too.
pub(crate) fn unknown_members(body: Option<&Value>, known: &[&str]) -> Vec<FieldError> {
    match body {
        None | Some(Value::Null) => Vec::new(),
        Some(Value::Object(members)) => {
            let unknown = members.keys().filter(|name| !known.contains(&name.as_str()));
            let error = |name: &String| FieldError {
                pointer: format!("/{}", name.replace('~', "~0").replace('/', "~1")),
                detail: "this is not known here".to_owned(),
            };
            unknown.map(error).collect()
        }
        Some(_) => vec![FieldError { pointer: String::new(), detail: "a JSON object is needed".to_owned() }],
    }
}

/// What the sender of a body with these errors is told.
pub(crate) fn unfit(errors: Vec<FieldError>, what: &str) -> Problem {
    let count = match errors.len() {
        1 => "one problem".to_owned(),
        many => format!("{many} problems"),
    };
    Problem::new(422, code::BODY_UNFIT, format!("{what} has {count}")).with_errors(errors)
}

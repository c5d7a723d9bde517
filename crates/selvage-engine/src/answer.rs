//! Answers that a key got, kept and given again: problems are read back from their bodies, and what the grant leaves out
//! today is left out of what was answered yesterday.

use selvage_model::code;
use selvage_model::exchange::{MediatedAnswer, Scope};
use selvage_model::operation::{OperationState, StoredAnswer};
use selvage_model::problem::{FieldError, Problem};
use selvage_model::verb::Verb;
use serde_json::Value;

use crate::etag;
use crate::scope;

/// A refusal in the form that is kept.
pub(crate) fn of_problem(problem: &Problem, correlation: &str) -> StoredAnswer {
    StoredAnswer { status: problem.status, body: problem.body(correlation), location: None }
}

/// An answer given for the first time.
pub(crate) fn fresh(answer: StoredAnswer) -> MediatedAnswer {
    MediatedAnswer::Done {
        status: answer.status,
        etag: etag::of(&answer.body),
        body: answer.body,
        location: answer.location,
        next: None,
        age: None,
        replayed: false,
        found: None,
    }
}

/// The answer of an operation that has ended, for its key; `None` where it has not. `then` is what the grant covered when it
/// was asked for.
pub(crate) fn again(state: &OperationState, scope: &Scope, then: &Scope) -> Option<MediatedAnswer> {
    match state {
        OperationState::Done(answer) => Some(done_again(answer, scope, then)),
        OperationState::Refused(answer) => Some(MediatedAnswer::Refused { problem: problem(answer), replayed: true }),
        OperationState::Pending | OperationState::Unknown { .. } | OperationState::Stuck { .. } => None,
    }
}

/// The body of a kept answer as far as today's grant covers it; `None` where its record lies outside.
pub(crate) fn body_within(answer: &StoredAnswer, scope: &Scope, then: &Scope) -> Option<Value> {
    // A grant that was narrowed since covers the answer of yesterday too.
    if !scope::still_holds(scope, then, &answer.body) {
        return None;
    }
    let mut body = answer.body.clone();
    scope::strip(scope, &mut body);
    for added in Verb::all().filter_map(Verb::adds) {
        if let Some(added) = body.get_mut(added) {
            scope::strip_deep(scope, added);
        }
    }
    Some(body)
}

/// The answer without words that may tell of what is masked.
pub(crate) fn veiled(scope: &Scope, answer: MediatedAnswer) -> MediatedAnswer {
    match answer {
        MediatedAnswer::Refused { problem, replayed } => {
            MediatedAnswer::Refused { problem: scope::veiled_words(scope, problem), replayed }
        }
        MediatedAnswer::Done { .. } | MediatedAnswer::Accepted { .. } => answer,
    }
}

fn done_again(answer: &StoredAnswer, scope: &Scope, then: &Scope) -> MediatedAnswer {
    let Some(body) = body_within(answer, scope, then) else {
        let detail = "the record of this key is outside what the grant covers now";
        return MediatedAnswer::Refused { problem: Problem::new(403, code::OUTSIDE_ROWS, detail), replayed: true };
    };
    let (etag, location) = (etag::of(&body), answer.location.clone());
    let status = answer.status;
    MediatedAnswer::Done { status, body, location, etag, next: None, age: None, replayed: true, found: None }
}

/// The problem that was kept.
pub(crate) fn problem(answer: &StoredAnswer) -> Problem {
    let text = |value: &Value, name: &str| value.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    let code = code::find(&text(&answer.body, "code")).map_or(code::GIVEN_BACK, |(code, _)| code);
    let errors = answer.body.get("errors").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    let errors =
        errors.iter().map(|error| FieldError { pointer: text(error, "pointer"), detail: text(error, "detail") });
    Problem::new(answer.status, code, text(&answer.body, "detail")).with_errors(errors.collect())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_problem_is_given_again_as_it_was() {
        let error = FieldError { pointer: "/lot".to_owned(), detail: "unknown".to_owned() };
        let given = Problem::new(422, code::BODY_UNFIT, "the lot is unknown").with_errors(vec![error]);
        assert_eq!(problem(&of_problem(&given, "c-1")), given);
    }

    #[test]
    fn todays_grant_covers_yesterdays_answer() {
        let body = json!({"id": "odoo-1", "site": "ghent", "price": "9"});
        let state = OperationState::Done(StoredAnswer { status: 201, body, location: None });
        let mut scope = Scope { rows: vec![], except: vec!["price".parse().unwrap()], masked: vec![] };
        let then = Scope::default();
        let Some(MediatedAnswer::Done { body, replayed, .. }) = again(&state, &scope, &then) else {
            panic!("not done")
        };
        assert_eq!((body, replayed), (json!({"id": "odoo-1", "site": "ghent"}), true));
        scope.rows.push(("site".parse().unwrap(), vec![json!("brno")]));
        assert!(
            matches!(again(&state, &scope, &then), Some(MediatedAnswer::Refused { problem, .. }) if problem.status == 403)
        );
        assert!(again(&OperationState::Pending, &scope, &then).is_none());
    }

    #[test]
    fn what_was_left_out_then_is_told_by_the_rows_of_then() {
        let body = json!({"id": "odoo-1", "report": {"finished": [{"lot": "L", "quantity": "1"}]}});
        let answer = StoredAnswer { status: 200, body, location: None };
        let rows = |sites: &[&str]| Scope {
            rows: vec![("site".parse().unwrap(), sites.iter().map(|site| json!(site)).collect())],
            except: vec!["site".parse().unwrap(), "lot".parse().unwrap()],
            masked: vec![],
        };
        let now = rows(&["ghent"]);
        assert_eq!(body_within(&answer, &now, &Scope::default()), None);
        assert_eq!(body_within(&answer, &now, &rows(&["ghent", "brno"])), None);
        let told = json!({"id": "odoo-1", "report": {"finished": [{"quantity": "1"}]}});
        assert_eq!(body_within(&answer, &now, &rows(&["ghent"])), Some(told));
    }
}

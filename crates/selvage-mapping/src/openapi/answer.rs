//! Answers: their headers, and every status with which a request is refused, with the codes that it usually has.

use selvage_model::code::{self, Code};
use serde_json::{Map, Value, json};

use super::schema::reference;

/// A status with which requests are refused.
struct Refused {
    status: u16,
    name: &'static str,
    about: &'static str,
    codes: &'static [Code],
}

const REFUSED: &[Refused] = &[
    Refused {
        status: 400,
        name: "BadRequest",
        about: "The request cannot be understood.",
        codes: &[
            code::MALFORMED,
            code::IDEMPOTENCY_KEY_MISSING,
            code::IDEMPOTENCY_KEY_BAD,
            code::BODY_NOT_JSON,
            code::QUERY_UNUSABLE,
            code::CURSOR_FOREIGN,
            code::NOT_FILTERABLE,
        ],
    },
    Refused {
        status: 401,
        name: "Unauthorized",
        about: "Nobody knows who asks.",
        codes: &[code::KEY_MISSING, code::KEY_UNKNOWN, code::KEY_ENDED],
    },
    Refused {
        status: 403,
        name: "Forbidden",
        about: "The grant does not cover it.",
        codes: &[
            code::NO_GRANT,
            code::NOT_GRANTED,
            code::GRANT_ENDED,
            code::BLOCKED,
            code::OUTSIDE_ROWS,
            code::ATTRIBUTE_EXCEPTED,
            code::ATTRIBUTE_MASKED,
            code::AUTHORITY_ELSEWHERE,
        ],
    },
    Refused {
        status: 404,
        name: "NotFound",
        about: "There is nothing of this name for whoever asks.",
        codes: &[code::UNDECLARED, code::RECORD_UNKNOWN, code::OPERATION_UNKNOWN, code::NOT_SERVED],
    },
    Refused { status: 408, name: "TooSlow", about: "The body came too slowly.", codes: &[code::BODY_TOO_SLOW] },
    Refused {
        status: 409,
        name: "Conflict",
        about: "It does not go together with how things stand.",
        codes: &[code::KEY_IN_FLIGHT, code::KEY_AMBIGUOUS, code::ODOO_TARGET, code::ODOO_LOT, code::ODOO_SHORT],
    },
    Refused { status: 410, name: "Gone", about: "The interface is retired.", codes: &[code::RETIRED] },
    Refused {
        status: 412,
        name: "Changed",
        about: "The record is not as `If-Match` says.",
        codes: &[code::RECORD_CHANGED],
    },
    Refused { status: 413, name: "TooLarge", about: "The body is too large.", codes: &[code::BODY_TOO_LARGE] },
    Refused { status: 415, name: "NotJson", about: "The body is no JSON.", codes: &[code::BODY_TYPE] },
    Refused {
        status: 422,
        name: "Unfit",
        about: "What is asked for does not fit.",
        codes: &[
            code::BODY_UNFIT,
            code::KEY_REUSED,
            code::REFERENCE_UNRESOLVED,
            code::UNIT_MISMATCH,
            code::SITE_UNCLEAR,
            code::ODOO_REFUSED,
        ],
    },
    Refused {
        status: 429,
        name: "TooMany",
        about: "The grant or the interface has no more to give for now.",
        codes: &[code::GRANT_RATE, code::INTERFACE_RATE],
    },
    Refused { status: 500, name: "Failed", about: "The outcome could not be found.", codes: &[code::OUTCOME_UNFOUND] },
    Refused {
        status: 502,
        name: "BadGateway",
        about: "The system gave what cannot be used.",
        codes: &[code::RECORD_UNSHOWABLE, code::VERSION_UNMAPPED, code::NOT_AS_MEANT, code::COMPANY_UNBOUND],
    },
    Refused {
        status: 503,
        name: "Unavailable",
        about: "Not now; nothing was done.",
        codes: &[
            code::INTERFACE_BUSY,
            code::CLAIM_LATE,
            code::GIVEN_BACK,
            code::RECORD_UNSETTLED,
            code::OPERATION_PARKED,
            code::SYSTEM_BUSY,
        ],
    },
    Refused {
        status: 504,
        name: "Late",
        about: "The answer was not there in time.",
        codes: &[code::SYSTEM_LATE, code::OUTCOME_LATE],
    },
];

/// Statuses that only what writes can have.
const OF_WRITES: &[u16] = &[408, 412, 413, 415, 500];
/// Those of the resource that shows an operation.
const OF_OPERATIONS: &[u16] = &[400, 401, 404, 429, 503, 504];

/// The refusals of an operation.
pub(super) fn refusals(writes: bool) -> Map<String, Value> {
    chosen(|status| writes || !OF_WRITES.contains(&status))
}

/// The refusals of `/operations/{id}`.
pub(super) fn refusals_of_looking() -> Map<String, Value> {
    chosen(|status| OF_OPERATIONS.contains(&status))
}

fn chosen(is_chosen: impl Fn(u16) -> bool) -> Map<String, Value> {
    let of = REFUSED.iter().filter(|refused| is_chosen(refused.status));
    let named = of.map(|refused| (refused.status, refused.name)).chain([(414, "LongPath"), (431, "LongHead")]);
    let mut named: Vec<(u16, &str)> = named.collect();
    named.sort_unstable();
    let reference =
        |(status, name): (u16, &str)| (status.to_string(), json!({"$ref": format!("#/components/responses/{name}")}));
    named.into_iter().map(reference).collect()
}

/// The refusals, each once.
pub(super) fn responses() -> Value {
    let mut responses: Map<String, Value> = REFUSED.iter().map(response).collect();
    // Refused before anything of them is read: there is no problem to say it with.
    responses.insert("LongPath".to_owned(), json!({"description": "The path with its query is too long."}));
    responses.insert("LongHead".to_owned(), json!({"description": "The head of the request is too large."}));
    Value::Object(responses)
}

fn response(refused: &Refused) -> (String, Value) {
    let mut about = refused.about.to_owned();
    about.push_str(" Usual codes:\n");
    for code in refused.codes {
        let title = code::find(code.as_str()).map_or("", |(_, title)| title);
        about.push_str(&format!("\n- {code}: {title}."));
    }
    let mut headers = json!({"Correlation-Id": header("CorrelationId")});
    if let (Some(headers), true) = (headers.as_object_mut(), matches!(refused.status, 429 | 503 | 504)) {
        headers.insert("Retry-After".to_owned(), header("RetryAfter"));
    }
    let content = json!({"application/problem+json": {"schema": reference("Problem")}});
    (refused.name.to_owned(), json!({"description": about, "headers": headers, "content": content}))
}

/// A reference to a shared header.
pub(super) fn header(name: &str) -> Value {
    json!({"$ref": format!("#/components/headers/{name}")})
}

/// The headers of answers.
pub(super) fn headers() -> Value {
    let of = |schema: Value, about: &str| json!({"schema": schema, "description": about});
    let text = || json!({"type": "string"});
    json!({
        "CorrelationId": of(text(), "The exchange that the request belongs to; the caller's own where one was sent."),
        "ETag": of(text(), "The state of the record, for `If-Match` and `If-None-Match`."),
        "Location": of(text(), "The path of what was made, or of the operation to look at."),
        "Link": of(text(), "`rel=\"next\"`: the next page, where there is one."),
        "Masked": of(
            text(),
            "What is `null` because the grant does not see its class of data: JSON Pointers with `*` for each index.",
        ),
        "Replayed": of(json!({"type": "string", "enum": ["true"]}), "The answer was given before, to the same key."),
        "RetryAfter": of(json!({"type": "integer", "minimum": 0}), "Seconds after which trying again makes sense."),
        "Deprecation": of(text(), "RFC 9745: since when the interface is deprecated."),
        "Sunset": of(text(), "RFC 8594: when the interface ends."),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusals_stand_in_order_and_once() {
        assert!(REFUSED.is_sorted_by(|one, next| one.status < next.status));
        assert!(OF_WRITES.iter().chain(OF_OPERATIONS).all(|status| REFUSED.iter().any(|it| it.status == *status)));
    }
}

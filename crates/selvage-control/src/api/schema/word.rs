//! Words: names, ids, times, and the words that things stand for. What each takes is what the readers of names and scalars take.

use selvage_model::code::Code;
use selvage_model::delivery::Cause;
use serde_json::{Value, json};

use super::{Schemas, answer, flag, maybe_text, reference, text, texts, words};
use crate::api::request::{ID, PAGE_SIZE, SUBSCRIPTION};

const NAME: &str = "^[a-z]([a-z0-9-]{0,62}[a-z0-9])?$";
const ATTRIBUTE: &str = "^[a-z]([a-z0-9_]{0,62}[a-z0-9])?$";
const CONTROL: &str = "^[a-z][a-z0-9:-]{0,79}$";
const MOMENT: &str = "^[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])(T[0-9:.]+(Z|[+-][0-9]{2}:[0-9]{2}))?$";
const EDGE: &str = "^(oldest|[0-9]{1,3}-[1-9][0-9]{0,13}|[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|1[0-9]|2[0-8])T([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](Z|[+-](0[0-9]|1[0-2]):00))$";
const RATE: &str = "^[1-9][0-9]{0,8}/(s|m|h|d)$";
const INTERFACE: &str = "^[a-z]([a-z0-9-]{0,62}[a-z0-9])?@(0|[1-9][0-9]{0,8})$";
/// A few spans beside each other, none of which is years.
const SPAN: &str = "^([0-9]{1,3}(ms|s|m|h|d)|[0-9]{1,2}w){1,3}$";

pub(super) fn schemas() -> Schemas {
    let causes: Vec<&str> = Cause::ALL.into_iter().map(Cause::as_str).collect();
    let mut all = names();
    all.extend(places());
    all.extend([
        ("Time", json!({"type": "string", "format": "date-time"})),
        (
            "Until",
            json!({
                "type": "string", "description": "A day, to its end in UTC, or a time with its zone.",
                "pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}", "examples": ["2027-06-30", "2027-06-30T18:00+02:00"],
            }),
        ),
        (
            "Span",
            json!({
                "type": "string", "description": "A span of time: `90d`, `4h`.", "pattern": SPAN, "examples": ["90d"],
            }),
        ),
        (
            "Line",
            json!({
                "type": "string", "description": "Words for the ledger, on one line.", "minLength": 1, "maxLength": 200,
                "pattern": "^[^\\u0000-\\u001f\\u007f-\\u009f]*[^\\s\\u0000-\\u001f\\u007f-\\u009f][^\\u0000-\\u001f\\u007f-\\u009f]*$",
            }),
        ),
        ("Words", json!({"type": "string", "description": "Words that are looked for."})),
        ("Person", json!({"type": "string", "description": "An operator's name; `me` is whoever asks."})),
        ("Flag", json!({"type": "boolean", "default": false})),
        ("Limit", json!({"type": "integer", "minimum": 1, "maximum": 200, "default": 20})),
        ("PageSize", json!({"type": "integer", "minimum": 1, "maximum": PAGE_SIZE, "default": PAGE_SIZE})),
        ("Cause", words(&causes)),
        ("ChangeState", words(&["open", "rejected", "withdrawn", "released"])),
        ("Verdict", words(&["approve", "reject", "abstain", "comment"])),
        ("Problem", problem()),
        ("Finding", finding()),
    ]);
    all
}

/// Where events, lanes and records are, and what is said with them.
fn places() -> Schemas {
    vec![
        (
            "Position",
            json!({
                "type": "string", "description": "Where an event is in its stream.", "pattern": "^[0-9]{1,3}-[0-9]{1,14}$",
                "examples": ["1-42"],
            }),
        ),
        (
            "EventId",
            json!({
                "type": "string", "description": "An event's id.", "minLength": 1, "maxLength": 256,
                "pattern": "^[^\\u0000-\\u001f\\u007f-\\u009f]+$",
            }),
        ),
        (
            "Edge",
            json!({
                "type": "string", "description": "Where a range of events begins or ends: a position, a time with its zone, or `oldest`.",
                "pattern": EDGE, "examples": ["1-42", "2027-03-26T18:00:00Z", "oldest"],
            }),
        ),
        (
            "Rate",
            json!({"type": "string", "description": "So many in a span of time.", "pattern": RATE, "examples": ["50/s", "600/m"]}),
        ),
        (
            "LanePlace",
            json!({"type": "string", "description": "Where a page of lanes ends.", "pattern": "^[0-9]{1,18}-[A-Za-z0-9_]{1,80}-([0-9a-f]{2}){0,256}$"}),
        ),
        (
            "RecordPlace",
            json!({"type": "string", "description": "Where a page of parked records ends.", "pattern": "^[0-9]{1,18}-[0-9]{1,18}-[0-9]{1,18}$"}),
        ),
    ]
}

/// Names and ids.
fn names() -> Schemas {
    let named = |about: &str| json!({"type": "string", "description": about, "pattern": NAME});
    vec![
        (
            "SubscriptionChoice",
            json!({"type": "string", "description": "A subscription: its id, or `consumer/name`.", "pattern": SUBSCRIPTION}),
        ),
        ("Id", json!({"type": "string", "description": "As Selvage gave it.", "pattern": ID})),
        ("DomainName", named("A domain.")),
        ("ConsumerName", named("A consumer.")),
        ("EnvironmentName", named("An environment of the fabric.")),
        ("ClassName", named("A class of data, as `personal`.")),
        (
            "ControlId",
            json!({
                "type": "string", "description": "A control, as `selvage evidence controls` lists it.",
                "pattern": CONTROL, "examples": ["four-eyes", "rule:names"],
            }),
        ),
        (
            "Moment",
            json!({
                "type": "string", "description": "A time with its zone, or a day in UTC.", "pattern": MOMENT,
                "examples": ["2027-03-31"],
            }),
        ),
        ("AttributeName", json!({"type": "string", "description": "An attribute of an object.", "pattern": ATTRIBUTE})),
        (
            "InterfaceRef",
            json!({
                "type": "string", "description": "An interface with its major version.", "pattern": INTERFACE,
                "examples": ["products@1"],
            }),
        ),
    ]
}

fn problem() -> Value {
    let members = json!({
        "type": text("The page that says more of the code."),
        "title": text("What the code stands for."),
        "status": {"type": "integer", "minimum": 400, "maximum": 599},
        "code": {"type": "string", "pattern": "^FAB[0-9]{4}$"},
        "detail": text("What is wrong, in a sentence."),
        "correlation_id": text("By which the log of the node is searched."),
    });
    let place = json!({
        "pointer": text("Where in the body, as a JSON Pointer."),
        "detail": text("What is wrong there."),
    });
    let more = json!({
        "findings": {"type": "array", "items": reference("Finding")},
        "errors": {"type": "array", "items": answer("A place of the body that cannot be used.", place, json!({}))},
    });
    answer("A refusal (RFC 9457).", members, more)
}

fn finding() -> Value {
    answer("What the check finds.", of_finding(), json!({}))
}

/// A finding of a change: those that it brings come first.
pub(super) fn finding_of_change() -> Value {
    let members = json!({
        "brought": flag("Whether the change brings it, or makes it graver; false where it stood before."),
        "domain": reference("DomainName"),
    });
    // Changes of before this was kept lack them.
    answer("What the check finds of a change, and whether the change brings it.", of_finding(), members)
}

fn of_finding() -> Value {
    json!({
        "code": {"type": "string", "pattern": "^FAB[0-9]{4}$"},
        "severity": words(&["error", "warning", "advice"]),
        "place": text("File, line and column."),
        "message": text("What is wrong."),
        "fix": maybe_text("What would mend it."),
    })
}

/// The schema of a problem with one of these codes, or with one of the check's.
pub(in crate::api) fn problem_of(codes: &[Code], is_checked: bool) -> Value {
    let codes: Vec<&str> = codes.iter().map(|code| code.as_str()).collect();
    let code = match (codes.is_empty(), is_checked) {
        (true, _) => json!({"pattern": "^FAB2[0-9]{3}$"}),
        (false, true) => json!({"anyOf": [{"enum": codes}, {"pattern": "^FAB2[0-9]{3}$"}]}),
        (false, false) => json!({"enum": codes}),
    };
    json!({"allOf": [reference("Problem"), {"type": "object", "properties": {"code": code}}]})
}

/// Attributes with the values that rows may have.
pub(super) fn rows() -> Value {
    let plain = json!({"type": ["string", "boolean", "integer"]});
    json!({
        "type": "object",
        "description": "Only rows whose attributes have one of these values: `{\"site\": [\"ghent\"]}`.",
        "propertyNames": reference("AttributeName"),
        "additionalProperties": {"anyOf": [plain, {"type": "array", "minItems": 1, "items": plain}]},
    })
}

/// The same in an answer: each attribute with its values.
pub(super) fn terms() -> Value {
    let row = json!({
        "type": "array", "prefixItems": [reference("AttributeName"), {"type": "array", "items": {}}],
        "minItems": 2, "maxItems": 2,
    });
    let rate = json!({
        "type": ["object", "null"],
        "properties": {
            "count": {"type": "integer"},
            "per": {"type": "object", "properties": {"secs": {"type": "integer"}, "nanos": {"type": "integer"}}},
        },
    });
    let quota = json!({
        "type": "object",
        "properties": {"count": {"type": "integer"}, "window": words(&["hour", "day", "month"])},
    });
    answer(
        "What a grant opens.",
        json!({
            "operations": texts(),
            "rows": {"type": "array", "items": row},
            "except": {"type": "array", "items": reference("AttributeName")},
            "purpose": maybe_text("What for."),
            "until": super::maybe("Time"),
            "on_end": words(&["end", "alarm", "cut"]),
            "rate": rate,
        }),
        json!({
            "classes": {"type": "array", "items": reference("ClassName")},
            "when": text("Under which condition: CEL."),
            "time_zone": text("In which zone its times are."),
            "quota": quota,
        }),
    )
}

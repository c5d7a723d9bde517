//! Flow and its steps.

use super::{BOOLEAN, DURATION, EVENT_TYPE, Format, INTERFACE_REF, NAME, Record, Shape, TEXT, WORD};
use crate::schema::shape::{optional, record, required};

static ONE_STEP: Shape = Shape::Record(&STEP);
const IDS: Shape = Shape::List(&WORD, false);

pub(crate) static FLOW: Record = record(
    "Flow",
    "A durable, declared orchestration across systems.",
    &[
        required("name", NAME, "Its name."),
        required("interface", INTERFACE_REF, "The interface of type flow that governs it."),
        optional("trigger", Shape::Record(&TRIGGER), "What starts it."),
        optional("lane", TEXT, "What orders its runs, as `event.data.number`."),
        required("steps", Shape::List(&ONE_STEP, true), "Its steps."),
        optional(
            "on_failure",
            Shape::Text(Format::Words(&["undo", "park"])),
            "What becomes of a failed run. Default: park.",
        ),
        optional("scenarios", Shape::Text(Format::File), "Path of its scenario tests."),
    ],
);

pub(crate) static TRIGGER: Record =
    record("Trigger", "What starts a flow.", &[required("event", EVENT_TYPE, "The event type.")]);

pub(crate) static STEP: Record = record(
    "Step",
    "One step of a flow.",
    &[
        required("id", WORD, "Its id in the flow."),
        optional("when", TEXT, "Whether it runs: CEL."),
        optional("after", IDS, "The steps it waits for. Default: the one before it."),
        optional("call", TEXT, "Calls `<system or role>.<object>.<verb>`."),
        optional("with", Shape::Any, "With what, for `call` and `emit`."),
        optional("undo", Shape::Record(&UNDO), "What undoes a `call`."),
        optional("pivot", BOOLEAN, "A `call` that cannot be undone. Default: false."),
        optional("retry", Shape::Record(&RETRY), "How a `call` is tried again."),
        optional("emit", EVENT_TYPE, "Emits an event of this type."),
        optional("wait", Shape::Record(&WAIT), "Waits for a time or an event."),
        optional("approve", Shape::Record(&APPROVE), "Asks people."),
        optional("map", Shape::Any, "Makes a value."),
        optional("choose", Shape::List(&Shape::Record(&CHOICE), true), "Runs the first branch whose condition holds."),
        optional("parallel", Shape::List(&Shape::Record(&BRANCH), true), "Runs branches side by side."),
        optional("for_each", TEXT, "Runs `steps` for each element of this CEL list."),
        optional("steps", Shape::List(&ONE_STEP, true), "The steps of `for_each`."),
    ],
)
.with_one_of(ACTIONS);

/// The fields that choose what a step does.
pub(crate) const ACTIONS: &[&str] = &["call", "emit", "wait", "approve", "map", "choose", "parallel", "for_each"];

pub(crate) static UNDO: Record =
    record("Undo", "What undoes a call.", &[required("call", TEXT, "Calls `<system or role>.<object>.<verb>`.")]);

pub(crate) static RETRY: Record = record(
    "Retry",
    "How a call is tried again.",
    &[
        optional("attempts", Shape::Text(Format::Integer(1, 100)), "How often at most."),
        optional(
            "backoff",
            Shape::Text(Format::Words(&["exponential", "fixed"])),
            "How waits grow. Default: exponential.",
        ),
    ],
);

pub(crate) static WAIT: Record = record(
    "Wait",
    "What is waited for.",
    &[optional("for", DURATION, "So long."), optional("event", EVENT_TYPE, "An event of this type.")],
);

pub(crate) static APPROVE: Record = record(
    "Approve",
    "Who is asked.",
    &[
        required("by", NAME, "The team."),
        optional("within", DURATION, "How long they have."),
        optional("escalate", TEXT, "Who is asked then."),
    ],
);

pub(crate) static CHOICE: Record = record(
    "Choice",
    "A branch with its condition.",
    &[required("when", TEXT, "CEL."), required("steps", Shape::List(&ONE_STEP, true), "Its steps.")],
);

pub(crate) static BRANCH: Record =
    record("Branch", "A branch.", &[required("steps", Shape::List(&ONE_STEP, true), "Its steps.")]);

//! Interface, in its five types.

use super::object::COMPATIBILITY;
use super::webhook::{WEBHOOK_INTO, WEBHOOK_SOURCE};
use super::{
    BOOLEAN, DATE, DURATION, EVENT_TYPE, Format, INTERFACE_REF, NAME, OBJECT_REF, QUOTA, RATE, Record, SOME, Shape,
    TEXT, VERSION, WORD,
};
use crate::schema::shape::{Variants, optional, record, required};

pub(crate) const TYPES: &[&str] = &["api", "webhook", "event", "file", "flow"];
pub(crate) const OPERATIONS: &[&str] = &[
    "list",
    "get",
    "create",
    "update",
    "archive",
    "release",
    "start",
    "pause",
    "finish",
    "report",
    "consume",
    "cancel",
    "revise",
    "close",
    "receive",
    "ship",
    "adjust",
    "scrap",
    "quarantine",
];
const CHECK: Shape = Shape::Text(Format::Words(&["off", "report", "enforce"]));

pub(crate) const PARTITION: Shape = Shape::Either(Format::Words(&["refuse"]), &Shape::Record(&ON_PARTITION));

pub(crate) static INTERFACE: Record = record(
    "Interface",
    "The unit of governance.",
    &[
        required("name", NAME, "Its name."),
        required("type", Shape::Text(Format::Words(TYPES)), "Its type."),
        required("version", VERSION, "Its version, as `1.0`: the major number changes when something breaks."),
        optional("owner", NAME, "The team that owns it."),
        optional("domain", NAME, "The domain that governs it, where there are several."),
        optional("description", TEXT, "What it is, for people."),
        optional(
            "lifecycle",
            Shape::Text(Format::Words(&["draft", "active", "deprecated", "retired", "blocked"])),
            "Where it is in its life; it acts on traffic. Default: active.",
        ),
        optional("deprecation", Shape::Record(&DEPRECATION), "How it ends; where `lifecycle` is deprecated."),
        optional("successor", INTERFACE_REF, "What to use instead; where `lifecycle` is retired."),
        optional("because", TEXT, "Why it is blocked, or direct or mediated where the advice says otherwise."),
        optional("classification", Shape::Record(&CLASSIFICATION), "How much depends on it."),
        optional("validation", Shape::Record(&VALIDATION), "Whether messages are checked against the contract."),
        optional("limits", Shape::Record(&LIMITS), "What it bears, over all consumers."),
        optional(
            "used",
            Shape::Text(Format::Words(&["daily", "weekly", "monthly", "quarterly", "yearly"])),
            "How often whoever uses it does at least: where no use is seen for longer, there is none. Default: monthly.",
        ),
        optional("slo", Shape::List(&Shape::Record(&SLO), false), "What it promises."),
        optional(
            "on_partition",
            PARTITION,
            "What a node does with its requests that cannot hear the access state. Default: as the environment says.",
        ),
    ],
)
.with_variants(&BY_TYPE);

static BY_TYPE: Variants = Variants {
    tag: "type",
    cases: &[
        (
            "api",
            &[
                optional(
                    "control",
                    Shape::Text(Format::Words(&["direct", "mediated"])),
                    "Passed to an upstream, or served through a mapping. Default: as `serves` or `upstream` says.",
                ),
                optional("serves", Shape::Record(&SERVES), "What a mediated api serves."),
                optional("contract", Shape::Record(&API_CONTRACT), "The contract of a direct api."),
                optional("upstream", Shape::Record(&UPSTREAM), "Where a direct api goes."),
                optional("cache", Shape::Record(&CACHE), "How answers of a direct api are kept. Default: not at all."),
            ],
        ),
        (
            "webhook",
            &[
                optional("source", Shape::Record(&WEBHOOK_SOURCE), "Who calls, and what proves it."),
                optional(
                    "into",
                    Shape::Either(Format::Words(&["hints"]), &Shape::Record(&WEBHOOK_INTO)),
                    "What the calls become: an event, or hints for the captures of the system.",
                ),
            ],
        ),
        (
            "event",
            &[
                required("events", Shape::Map(Format::EventType, &Shape::Record(&EVENT)), "The event types."),
                optional("produced_by", NAME, "The system that produces them."),
                optional("lane", TEXT, "What orders them, as `data.id`."),
                optional("retention", Shape::Record(&RETENTION), "How long they are kept."),
                optional("replay", Shape::Record(&REPLAY), "Who may replay, and how fast."),
                optional("capture", Shape::Record(&CAPTURE), "How changes are captured from the system."),
                optional("copy", Shape::Record(&COPY), "A read model that is kept from the capture."),
                optional(
                    "compatibility",
                    COMPATIBILITY,
                    "What is promised of what they carry later, as `backward-transitive`. Default: nothing.",
                ),
            ],
        ),
        (
            "file",
            &[
                required("contract", Shape::Record(&FILE_CONTRACT), "What the files are."),
                required("source", Shape::Record(&FILE_SOURCE), "Where they lie, and where they go."),
                required("into", Shape::Record(&INTO), "What they become."),
            ],
        ),
        ("flow", &[]),
    ],
};

pub(crate) static ON_PARTITION: Record = record(
    "OnPartition",
    "What a node does that cannot hear the access state.",
    &[required("serve_for", DURATION, "It goes on for so long by what it knew last, as `5m`.")],
);

pub(crate) static DEPRECATION: Record = record(
    "Deprecation",
    "How an interface ends.",
    &[
        required("since", DATE, "Deprecated since this day."),
        optional("sunset", DATE, "Gone from this day."),
        optional("successor", INTERFACE_REF, "What to use instead."),
        optional(
            "brownouts",
            Shape::List(&Shape::Record(&BROWNOUT), false),
            "When it refuses everything with 503, so that who still uses it is found before it is gone.",
        ),
    ],
);

pub(crate) static BROWNOUT: Record = record(
    "Brownout",
    "A window in which a deprecated interface refuses everything.",
    &[
        required("from", Shape::Text(Format::Timestamp), "From then on, with its offset."),
        required("to", Shape::Text(Format::Timestamp), "Until then, with its offset."),
    ],
);

pub(crate) static CLASSIFICATION: Record = record(
    "Classification",
    "How much depends on an interface.",
    &[
        required(
            "criticality",
            Shape::Text(Format::Words(&["tier-1", "tier-2", "tier-3"])),
            "tier-1 stops a plant, tier-2 hurts within a day, tier-3 can wait.",
        ),
        optional(
            "latency",
            Shape::Text(Format::Words(&["real-time", "near-real-time", "batch"])),
            "How fast it has to be: somebody waits, minutes, hours.",
        ),
        optional("recovery", Shape::Record(&RECOVERY), "What a disaster may cost."),
        optional(
            "data",
            Shape::Text(Format::Words(&["public", "internal", "confidential", "restricted"])),
            "What data it carries.",
        ),
    ],
);

pub(crate) static RECOVERY: Record = record(
    "Recovery",
    "What a disaster may cost.",
    &[optional("rpo", DURATION, "How much may be lost."), optional("rto", DURATION, "How long it may be gone.")],
);

pub(crate) static VALIDATION: Record = record(
    "Validation",
    "Whether messages are checked against the contract.",
    &[
        optional("request", CHECK, "What comes in. Default: enforce; off where it is direct."),
        optional("response", CHECK, "What goes out. Default: report; off where it is direct."),
        optional(
            "up_to",
            Shape::Text(Format::Size),
            "Bodies of direct interfaces are checked up to this size, as `200KB`. Default: 1MB.",
        ),
    ],
);

pub(crate) static LIMITS: Record = record(
    "Limits",
    "What an interface bears.",
    &[
        optional("rate", RATE, "Requests in a span, as `200/s`."),
        optional("quota", QUOTA, "Requests in each hour, day or month of UTC, as `1000000/day`."),
        optional(
            "cut_off",
            Shape::Text(Format::Words(&["serve", "refuse"])),
            "What a node does that cannot reach the store which quotas and rates are shared out from: goes on and counts \
             alone, or refuses. Default: serve.",
        ),
        optional("timeout", DURATION, "How long until the answer begins."),
        optional("connect", DURATION, "How long connecting to the upstream of a direct one may take. Default: 3s."),
        optional("total", DURATION, "How long until the answer is given with its body. Default: as long as it flows."),
        optional("concurrency", SOME, "How many at a time, on each node."),
        optional("wait", DURATION, "How long one waits for its place. Default: not at all."),
        optional(
            "body",
            Shape::Text(Format::Size),
            "How large a request's body may be. Default: as large as the node lets pass.",
        ),
    ],
);

pub(crate) static SLO: Record = record(
    "Objective",
    "A promise over a window.",
    &[
        optional("availability", Shape::Text(Format::Percent), "This share of requests is answered."),
        optional("latency", Shape::Record(&LATENCY), "Answers come this fast."),
        required("window", DURATION, "Over what window, as `30d`."),
    ],
)
.with_one_of(&["availability", "latency"]);

pub(crate) static LATENCY: Record = record(
    "LatencyObjective",
    "A quantile of answers comes faster than a bound.",
    &[
        required("quantile", Shape::Text(Format::Fraction), "The quantile, as `0.99`."),
        required("under", DURATION, "The bound, as `400ms`."),
    ],
);

pub(crate) static SERVES: Record = record(
    "Serves",
    "What a mediated api serves.",
    &[
        required("object", OBJECT_REF, "The object, as `production-order@1`."),
        required("system", NAME, "The system."),
        required("operations", Shape::List(&Shape::Text(Format::Words(OPERATIONS)), true), "What may be done."),
        optional("account", WORD, "The system's technical account. Default: default."),
        optional(
            "reads",
            Shape::Record(&READS),
            "The copy that lists and gets are answered from. Default: the system.",
        ),
    ],
);

pub(crate) static READS: Record = record(
    "Reads",
    "A copy that lists and gets are answered from, so that they do not touch the system.",
    &[
        required("copy", INTERFACE_REF, "The event interface that keeps it, as `stock-events@1`."),
        optional(
            "older",
            Shape::Text(Format::Words(&["refuse", "live"])),
            "What becomes of a read while the copy is older than it may be: refused, or the system is asked. Default: refuse.",
        ),
    ],
);

pub(crate) static API_CONTRACT: Record = record(
    "ApiContract",
    "The contract of a direct api.",
    &[
        required(
            "openapi",
            Shape::Text(Format::File),
            "Path of an OpenAPI document, relative to the fabric's directory.",
        ),
        optional(
            "classes",
            Shape::Map(Format::Text, &NAME),
            "Classes of data of members by their names, besides those that the document marks with `x-selvage-class`.",
        ),
    ],
);

pub(crate) static UPSTREAM: Record = record(
    "Upstream",
    "Where a direct api goes.",
    &[
        required("system", NAME, "The system."),
        optional("path", Shape::Text(Format::Path), "The path there that the contract's paths hang below. Default: /."),
        optional("websocket", BOOLEAN, "Requests may become WebSockets there. Default: false."),
    ],
);

pub(crate) static CACHE: Record = record(
    "Cache",
    "How a node keeps answers of a direct api, to give them again as long as they say that they are good.",
    &[
        optional(
            "answers",
            Shape::Text(Format::Words(&["of-each-grant", "same-for-all"])),
            "Whether an answer may be given by another grant than the one it came by. Default: of-each-grant.",
        ),
        optional("size", Shape::Text(Format::Size), "How much a node keeps of all of them. Default: 16MB."),
        optional("largest", Shape::Text(Format::Size), "The largest answer that is kept. Default: 1MB."),
        optional("max_age", DURATION, "How old an answer may become, whatever it says itself, as `1h`."),
    ],
);

pub(crate) static INTO: Record = record(
    "Into",
    "What a file becomes.",
    &[
        required("event", EVENT_TYPE, "The event type."),
        optional("object", OBJECT_REF, "The object that it carries."),
        optional("lane", Shape::Text(Format::Attribute), "The attribute that makes the lane. Default: the identity."),
    ],
);

pub(crate) static EVENT: Record = record(
    "EventType",
    "An event type.",
    &[
        optional("object", OBJECT_REF, "The object that it carries."),
        optional(
            "schema",
            Shape::Text(Format::File),
            "A file with the JSON Schema (2020-12) that its data fits, where it is no object.",
        ),
        optional("when", TEXT, "When a change is this fact: CEL over `before` and `after`."),
    ],
)
.with_one_of(&["object", "schema"]);

pub(crate) static RETENTION: Record = record(
    "Retention",
    "How long events are kept.",
    &[
        required("for", DURATION, "At least so long."),
        optional("at_least", Shape::Text(Format::Size), "And at least so much."),
        optional(
            "at_most",
            Shape::Text(Format::Size),
            "But at most so much: beyond it the oldest goes, whoever has not read it.",
        ),
    ],
);

pub(crate) static REPLAY: Record = record(
    "Replay",
    "Who may replay.",
    &[
        required("by", Shape::List(&WORD, true), "Roles of the owning team, as `on_call`."),
        optional("max_rate", RATE, "At most so fast."),
    ],
);

pub(crate) static CAPTURE: Record = record(
    "Capture",
    "How changes are captured from a system.",
    &[
        required("record", TEXT, "The system's record, as `mrp.workorder`."),
        optional("webhook", BOOLEAN, "Its webhooks give hints. Default: false."),
        optional("poll", DURATION, "How often it is asked."),
        optional("overlap", DURATION, "How far back each time."),
        optional("reconcile_deletes", DURATION, "How often deletes are looked for."),
        optional(
            "start",
            Shape::Text(Format::Words(&["baseline", "events"])),
            "Whether the first capture is only a baseline or makes events. Default: baseline.",
        ),
        optional(
            "own_writes",
            Shape::Text(Format::Words(&["silent", "told"])),
            "Whether what Selvage itself wrote makes events too, with its operation as the cause. Default: silent.",
        ),
    ],
);

pub(crate) static COPY: Record = record(
    "Copy",
    "A read model that is kept from the capture.",
    &[required("max_age", DURATION, "The oldest it may be.")],
);

pub(crate) static FILE_CONTRACT: Record = record(
    "FileContract",
    "What files are.",
    &[
        required("format", Shape::Text(Format::Words(&["csv", "xml", "json", "x12", "edifact"])), "Their format."),
        optional("transaction", TEXT, "The transaction or message type, as `\"856\"`."),
    ],
);

pub(crate) static FILE_SOURCE: Record = record(
    "FileSource",
    "Where files lie, and where they go.",
    &[
        required("system", NAME, "The system."),
        required("folder", TEXT, "The folder."),
        optional("poll", DURATION, "How often it is looked at."),
        optional("archive", TEXT, "Where the good ones go."),
        optional("quarantine", TEXT, "Where the bad ones go."),
    ],
);

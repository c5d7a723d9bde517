//! Fabric, Domain, Site, Team.

use super::access::DELIVER;
use super::{BOOLEAN, DATE, DURATION, Format, NAME, NAMES, Record, Shape, TEXT, TEXTS, WORD};
use crate::schema::shape::{optional, record, required};

const NETWORKS: Shape = Shape::List(&Shape::Text(Format::Network), false);

pub(crate) static FABRIC: Record = record(
    "Fabric",
    "The fabric itself; one in a directory.",
    &[
        required("name", NAME, "Its name."),
        required(
            "environments",
            Shape::Map(Format::Name, &Shape::Record(&ENVIRONMENT)),
            "Where releases are activated, by name.",
        ),
        optional("packs", NAMES, "Packs of objects and mappings that ship with Selvage, by name."),
        optional(
            "classes",
            NAMES,
            "Classes of data besides `personal`, `confidential` and `restricted`, as `export-controlled`.",
        ),
        optional("guardrails", NAMES, "Rules that no domain may loosen, by name."),
        optional("evidence", Shape::Record(&EVIDENCE), "What holds of packages of evidence."),
        optional(
            "networks",
            NETWORKS,
            "Networks, as `10.2.0.0/16`, to which deliveries go that are for systems of the zone `cloud`, beside public addresses.",
        ),
    ],
);

pub(crate) static EVIDENCE: Record = record(
    "Evidence",
    "What holds of packages of evidence.",
    &[required("years", Shape::Record(&EVIDENCE_YEARS), "How many years they are kept, by class.")],
);

const YEARS: Shape = Shape::Text(Format::Integer(1, 100));

pub(crate) static EVIDENCE_YEARS: Record = record(
    "EvidenceYears",
    "How many years packages of evidence are kept, by the gravest class of what they are about.",
    &[
        optional("control", YEARS, "About controls. Default: 10."),
        optional("tier-1", YEARS, "About interfaces that stop a plant. Default: 10."),
        optional("tier-2", YEARS, "About interfaces that hurt within a day. Default: 5."),
        optional("tier-3", YEARS, "About interfaces that can wait. Default: 3."),
        optional("unclassified", YEARS, "About what has no class. Default: 3."),
    ],
);

pub(crate) static ENVIRONMENT: Record = record(
    "Environment",
    "An environment of the fabric.",
    &[
        optional("protected", BOOLEAN, "A protected one takes nothing without approvals. Default: false."),
        optional("after", NAMES, "The environments that must have run a release before."),
        optional(
            "on_partition",
            super::interface::PARTITION,
            "What a node does that cannot hear the access state, where an interface says nothing else. Default: serve_for 1h.",
        ),
        optional("keys", Shape::Record(&KEYS), "What holds of the keys of consumers there."),
        optional("gates", Shape::Record(&GATES), "What has to be before a release of a domain is activated there."),
    ],
);

pub(crate) static GATES: Record = record(
    "Gates",
    "What Selvage looks at before a release is activated, and records.",
    &[
        optional("tests", BOOLEAN, "The examples of mappings hold, and their laws. Default: false."),
        optional("soak", DURATION, "How long it was active in each environment that comes before, as `24h`."),
        optional(
            "faults",
            BOOLEAN,
            "Its mediated interfaces hold against a simulated Odoo whose calls fail and whose answers are lost, and its deliveries to \
             receivers that do. Default: false.",
        ),
        optional("budget", BOOLEAN, "No interface that it holds has spent its error budget. Default: false."),
        optional("receipts", DURATION, "How old what another store saw of it may be, as `6h`. Default: 24h."),
    ],
);

pub(crate) static KEYS: Record = record(
    "Keys",
    "What holds of the keys of consumers.",
    &[required("max_age", DURATION, "How long a key lasts at most, whatever it was issued for, as `90d`.")],
);

pub(crate) static DOMAIN: Record = record(
    "Domain",
    "A part of the fabric that one board governs and releases by itself.",
    &[
        required("name", NAME, "Its name."),
        optional("board", Shape::Record(&BOARD), "Who decides, by discipline, and how many disciplines must."),
        optional(
            "notices",
            Shape::Record(&DELIVER),
            "Where it is told by a webhook of what ends that its consumers use.",
        ),
        optional(
            "mail",
            Shape::Text(Format::Mail),
            "Its mailbox, where it is told of what ends that its consumers use.",
        ),
    ],
);

pub(crate) static BOARD: Record = record(
    "Board",
    "The board of a domain: people's directory identities by discipline.",
    &[optional(
        "quorum",
        Shape::Text(Format::Integer(1, 64)),
        "How many disciplines must agree. Default: all of them.",
    )],
)
.with_rest(Format::Word, &TEXTS);

pub(crate) static SITE: Record = record(
    "Site",
    "A plant.",
    &[
        required("name", NAME, "Its name."),
        required("time_zone", Shape::Text(Format::TimeZone), "Its time zone's IANA name, as `Europe/Brussels`."),
        optional(
            "binds",
            Shape::Record(&BINDINGS),
            "Which system plays which role here, and its company in each system.",
        ),
        optional("calendar", Shape::Record(&CALENDAR), "Shifts and maintenance."),
        optional(
            "networks",
            NETWORKS,
            "Networks, as `10.2.0.0/16`, to which deliveries go that are for systems of this site, beside public addresses.",
        ),
    ],
);

pub(crate) static BINDINGS: Record = record(
    "Bindings",
    "Role and system, as `mes: mes-ghent`.",
    &[
        optional(
            "company",
            Shape::Map(Format::Name, &TEXT),
            "What each system calls this site's company, as `odoo: BE01`.",
        ),
        optional(
            "quality_location",
            Shape::Map(Format::Name, &TEXT),
            "Where each system keeps what is in quarantine here: an external id or full name, as `odoo: GHENT/Quality Control`.",
        ),
    ],
)
.with_rest(Format::Word, &NAME);

pub(crate) static CALENDAR: Record = record(
    "Calendar",
    "When a site works.",
    &[
        optional("shifts", TEXT, "The shifts."),
        optional("maintenance", Shape::List(&Shape::Record(&MAINTENANCE), false), "When what stands still."),
    ],
);

pub(crate) static MAINTENANCE: Record = record(
    "Maintenance",
    "Days in which some roles of a site stand still.",
    &[
        required("from", DATE, "The first day."),
        required("to", DATE, "The last day, included."),
        required("what", Shape::List(&WORD, true), "The roles that stand still, as `mes`."),
    ],
);

pub(crate) static TEAM: Record = record(
    "Team",
    "People who own, run and resolve.",
    &[
        required("name", NAME, "Its name."),
        optional(
            "roles",
            Shape::Map(Format::Word, &TEXTS),
            "People's directory identities by role: owner, steward, on_call.",
        ),
        optional("notices", Shape::Record(&DELIVER), "Where it is told of what ends, by a webhook."),
        optional(
            "mail",
            Shape::Text(Format::Mail),
            "Its mailbox, where it is told of what ends, as `plant-it@example.com`.",
        ),
    ],
);

//! System.

use super::{DURATION, Format, NAME, Record, SOME, Shape, TEXT};
use crate::schema::shape::{optional, record, required};

pub(crate) const CONNECTORS: &[&str] = &["odoo", "http", "mqtt", "file"];
pub(crate) const DIALECTS: &[&str] = &["json-rpc", "json-2", "xml-rpc"];

pub(crate) static SYSTEM: Record = record(
    "System",
    "An application that takes part.",
    &[
        required("name", NAME, "Its name."),
        required("connector", Shape::Text(Format::Words(CONNECTORS)), "What it is spoken to with."),
        required("owner", NAME, "The team that runs it."),
        optional("zone", Shape::Text(Format::Zone), "Where it stands: `cloud` or `site:<name>`. Default: cloud."),
        optional(
            "environments",
            Shape::Map(Format::Name, &Shape::Record(&SYSTEM_ENVIRONMENT)),
            "How it is reached in each environment of the fabric.",
        ),
        optional("limits", Shape::Record(&SYSTEM_LIMITS), "What it bears."),
    ],
);

pub(crate) static SYSTEM_ENVIRONMENT: Record = record(
    "SystemEnvironment",
    "How a system is reached in one environment.",
    &[
        optional("url", Shape::Text(Format::Url), "Its base address; none for a system that only calls in."),
        optional("database", TEXT, "Its database, where it has several."),
        optional(
            "dialect",
            Shape::Text(Format::Words(DIALECTS)),
            "How an Odoo is spoken to. Default: JSON-2 from 19 on, JSON-RPC before, XML-RPC where that is closed.",
        ),
        optional(
            "accounts",
            Shape::Map(Format::Word, &Shape::Record(&ACCOUNT)),
            "Technical accounts by name; `default` serves where an interface names none.",
        ),
        optional(
            "tls",
            Shape::Record(&SYSTEM_TLS),
            "How it is known over TLS, and what it is shown. Default: known by the authorities of the node's machine, shown nothing.",
        ),
    ],
);

pub(crate) static SYSTEM_TLS: Record = record(
    "SystemTls",
    "How a system is known over TLS, and what it is shown.",
    &[
        optional(
            "authorities",
            Shape::Text(Format::File),
            "A PEM file of the fabric: what these authorities signed is taken, and nothing else. Default: those of the node's machine.",
        ),
        optional("server_name", TEXT, "The name that its certificate bears. Default: the host of its address."),
        optional("client", Shape::Record(&CLIENT_PROOF), "What a node proves itself by. Default: nothing."),
    ],
);

pub(crate) static CLIENT_PROOF: Record = record(
    "ClientProof",
    "The certificate that a node shows to a system.",
    &[
        required(
            "certificate",
            Shape::Record(&ONE_SECRET),
            "Where the certificate is kept, PEM, with those that lead to an authority behind it.",
        ),
        required("key", Shape::Record(&ONE_SECRET), "Where its key is kept, PEM."),
    ],
);

pub(crate) static ONE_SECRET: Record = record(
    "OneSecret",
    "A secret by its name. The secret itself never stands in a manifest.",
    &[required("secret", Shape::Text(Format::Secret), "Its name in the secret store, as `wms/key`.")],
);

pub(crate) static ACCOUNT: Record = record(
    "Account",
    "A technical account.",
    &[
        required("login", TEXT, "Who it is in the system."),
        required("api_key", Shape::Record(&SECRET), "Where its key is kept, as `{secret: odoo/read}`."),
        optional(
            "expires",
            Shape::Text(Format::Date),
            "The day on which its key ends; `check` tells two weeks before.",
        ),
        optional("limits", Shape::Record(&ACCOUNT_LIMITS), "What it may of what the system bears."),
    ],
);

pub(crate) static ACCOUNT_LIMITS: Record = record(
    "AccountLimits",
    "What one account may, below what its system bears.",
    &[
        optional("concurrency", SOME, "Calls at a time. Default: as many as the system bears."),
        optional("per_second", SOME, "Calls a second. Default: as many as the system bears."),
    ],
);

pub(crate) static SECRET: Record = record(
    "Secret",
    "A secret by its name. The secret itself never stands in a manifest.",
    &[
        required("secret", Shape::Text(Format::Secret), "Its name in the secret store, as `odoo/read`."),
        optional(
            "next",
            Shape::Text(Format::Secret),
            "The name of the one that takes its place: used when the first is not accepted any more.",
        ),
    ],
);

pub(crate) static SYSTEM_LIMITS: Record = record(
    "SystemLimits",
    "What a system bears.",
    &[
        optional("concurrency", SOME, "Calls at a time. Default: 4."),
        optional("per_second", SOME, "Calls a second."),
        optional(
            "longest_transaction",
            DURATION,
            "How long its longest transaction may run: nothing is resent before. Default: 120s.",
        ),
        optional("direct", Shape::Record(&DIRECT_LIMITS), "What passes to it from direct interfaces, by each node."),
    ],
);

pub(crate) static DIRECT_LIMITS: Record = record(
    "DirectLimits",
    "What passes from direct interfaces to a system, by each node.",
    &[
        optional("concurrency", SOME, "Requests at a time. Default: as many as come."),
        optional("wait", DURATION, "How long one waits for its place. Default: not at all."),
        optional(
            "reserved",
            Shape::Text(Format::Percent),
            "The part of the places that only tier-1 gets; tier-3 leaves as much again free. Default: 20%.",
        ),
        optional("breaker", Shape::Record(&BREAKER), "When it is left alone because it fails. Default: never."),
        optional(
            "retries",
            Shape::Text(Format::Percent),
            "The part of the requests that may be sent a second time: reads, and what did not go out. Default: none.",
        ),
    ],
);

pub(crate) static BREAKER: Record = record(
    "Breaker",
    "When a system that fails is left alone, and how it is tried again.",
    &[
        optional("failures", Shape::Text(Format::Percent), "When this part of the requests failed. Default: 50%."),
        optional("of", SOME, "Of at least so many. Default: 20."),
        optional("within", DURATION, "In this time. Default: 10s."),
        optional("open", DURATION, "How long it is left alone then. Default: 5s."),
        optional("probes", SOME, "So many try at a time after that, and so many must succeed. Default: 3."),
    ],
);

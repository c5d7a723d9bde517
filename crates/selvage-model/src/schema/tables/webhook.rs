//! Interfaces of type webhook: who calls, what proves it, and what calls become.

use super::system::ONE_SECRET;
use super::{DURATION, EVENT_TYPE, Format, NAME, OBJECT_REF, Record, Shape, TEXT};
use crate::schema::shape::{optional, record, required};

const HEADER: Shape = Shape::Text(Format::Header);

pub(crate) static WEBHOOK_SOURCE: Record = record(
    "WebhookSource",
    "Who calls, and what proves it.",
    &[
        required("system", NAME, "The system."),
        optional(
            "signing",
            Shape::Either(
                Format::Words(&["standard-webhooks", "bearer", "secret-path"]),
                &Shape::Record(&WEBHOOK_SIGNING),
            ),
            "What proves that a call is the system's: a signature as Standard Webhooks say, a secret behind `Bearer`, a secret at \
             the end of the path, or what is declared.",
        ),
        optional(
            "secrets",
            Shape::List(&Shape::Record(&ONE_SECRET), true),
            "The secrets of which any one proves a call: two while they change.",
        ),
        optional(
            "from",
            Shape::List(&Shape::Text(Format::Network), true),
            "The networks that calls come from, as `192.0.2.0/24`. Default: any.",
        ),
        optional("window", DURATION, "How far the time of a call may be from now. Default: 5m."),
        optional(
            "id",
            Shape::Record(&CALL_ID),
            "What tells a call from another. Default: as Standard Webhooks say, else the hash of the body.",
        ),
    ],
);

pub(crate) static WEBHOOK_SIGNING: Record = record(
    "WebhookSigning",
    "What proves that a call is the system's.",
    &[
        optional("hmac", Shape::Record(&HMAC), "A keyed hash in a header."),
        optional("bearer", Shape::Record(&BEARER), "A secret that is all of a header."),
        optional("mtls", Shape::Record(&WEBHOOK_CERTIFICATE), "A client certificate."),
    ],
)
.with_one_of(&["hmac", "bearer", "mtls"]);

pub(crate) static HMAC: Record = record(
    "Hmac",
    "A keyed hash in a header.",
    &[
        required("header", HEADER, "The header, as `X-Hub-Signature-256`."),
        optional("hash", Shape::Text(Format::Words(&["sha256", "sha512", "sha1"])), "By which hash. Default: sha256."),
        optional("encoding", Shape::Text(Format::Words(&["hex", "base64"])), "How it is written. Default: hex."),
        optional("prefix", TEXT, "What stands before it, as `sha256=`. Default: nothing."),
        optional("signs", TEXT, "What is signed, as `{timestamp}.{body}`. Default: `{body}`."),
        optional(
            "timestamp",
            HEADER,
            "The header with the time of the call: seconds or milliseconds since 1970, or RFC 3339.",
        ),
        optional(
            "key",
            Shape::Text(Format::Words(&["text", "base64", "hex"])),
            "How the secret is written. Default: text, as it stands.",
        ),
    ],
);

pub(crate) static BEARER: Record = record(
    "Bearer",
    "A secret that is all of a header.",
    &[required("header", HEADER, "The header, as `X-Gitlab-Token`.")],
);

pub(crate) static WEBHOOK_CERTIFICATE: Record = record(
    "WebhookCertificate",
    "The client certificate of who calls.",
    &[required("subject", TEXT, "Its subject as RFC 4514 writes it, or an alternative name, as `DNS:mes.example`.")],
);

pub(crate) static CALL_ID: Record = record(
    "CallId",
    "Where the id of a call stands.",
    &[
        optional("header", HEADER, "In this header, as `X-Delivery`."),
        optional("at", Shape::Text(Format::Pointer), "In the body, at this JSON Pointer, as `/event/id`."),
    ],
)
.with_one_of(&["header", "at"]);

pub(crate) static WEBHOOK_INTO: Record = record(
    "WebhookInto",
    "What a call becomes.",
    &[
        required("event", EVENT_TYPE, "The event type."),
        optional("object", OBJECT_REF, "The object that it carries."),
        optional(
            "lane",
            Shape::Text(Format::Attribute),
            "The attribute that makes the lane. Default: as the event's interface says.",
        ),
        optional(
            "record",
            TEXT,
            "The system's record that a call is, of which its mapping makes the object. Default: a call is the object.",
        ),
    ],
);

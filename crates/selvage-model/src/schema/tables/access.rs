//! Consumer, Grant, Subscription.

use super::{
    BOOLEAN, DURATION, EVENT_TYPE, Format, INTERFACE_REF, NAME, NAMES, QUOTA, RATE, Record, SOME, Shape, TEXT,
};
use crate::schema::shape::{optional, record, required};

pub(crate) static CONSUMER: Record = record(
    "Consumer",
    "An application identity that uses interfaces.",
    &[
        required("name", NAME, "Its name."),
        required("owner", NAME, "The team or domain that answers for it."),
        required(
            "identity",
            Shape::Either(Format::Words(&["api_key"]), &Shape::Record(&IDENTITY)),
            "How it proves who it is.",
        ),
    ],
);

pub(crate) static IDENTITY: Record = record(
    "Identity",
    "How a consumer proves who it is.",
    &[
        optional("api_key", Shape::Record(&API_KEY), "By a key that Selvage issues: `{}`."),
        optional("oauth", Shape::Record(&OAUTH), "By tokens for client credentials."),
        optional("mtls", Shape::Record(&MTLS), "By a client certificate."),
        optional("oidc", Shape::Record(&OIDC), "By tokens of an OpenID provider."),
    ],
)
.with_one_of(&["api_key", "oauth", "mtls", "oidc"]);

pub(crate) static API_KEY: Record = record(
    "ApiKey",
    "A key that Selvage issues.",
    &[optional("max_age", DURATION, "How long a key lasts at most, whatever it was issued for, as `90d`.")],
);

pub(crate) static OAUTH: Record = record(
    "OauthIdentity",
    "Tokens for client credentials.",
    &[
        required("issuer", NAME, "Who issues them: an issuer that the fabric declares."),
        optional("client", TEXT, "Whom they name. Default: the consumer's name."),
    ],
);

pub(crate) static MTLS: Record = record(
    "MtlsIdentity",
    "A client certificate.",
    &[required(
        "subject",
        TEXT,
        "Its subject, as `CN=mes-ghent,O=Velo Works`, or an alternative name, as `DNS:mes.ghent.example`.",
    )],
);

pub(crate) static OIDC: Record = record(
    "OidcIdentity",
    "Tokens of an OpenID provider.",
    &[
        required("issuer", NAME, "Who issues them: an issuer that the fabric declares."),
        required("subject", TEXT, "Whom they name."),
    ],
);

pub(crate) static GRANT: Record = record(
    "Grant",
    "A lease: who may use what of an interface, for what, until when.",
    &[
        required("consumer", NAME, "Who."),
        required("interface", INTERFACE_REF, "What, as `production-orders@1`."),
        required(
            "operations",
            Shape::List(&TEXT, true),
            "Words of a mediated api (list, get, …), or operation ids of a direct one.",
        ),
        optional(
            "where",
            Shape::Map(Format::Attribute, &Shape::Any),
            "Which rows: each attribute has this value, or one of these values.",
        ),
        optional("except", Shape::List(&Shape::Text(Format::Attribute), false), "Attributes that are left out."),
        optional(
            "classes",
            NAMES,
            "Classes of data that are shown, as `[personal]`; what is of any other class is masked.",
        ),
        optional("purpose", TEXT, "What for."),
        optional("until", Shape::Text(Format::Timestamp), "Until when, with its offset."),
        optional(
            "on_end",
            Shape::Text(Format::Words(&["end", "alarm"])),
            "What its end does. Default: alarm where the interface is tier-1, otherwise end.",
        ),
        optional("limits", Shape::Record(&GRANT_LIMITS), "How much."),
        optional("when", TEXT, "Under which condition, in CEL: `request.method == 'GET' && time.hour >= 6`."),
        optional(
            "time_zone",
            Shape::Text(Format::TimeZone),
            "In which time zone the condition's times are, as `Europe/Brussels`. Default: UTC.",
        ),
    ],
);

pub(crate) static GRANT_LIMITS: Record = record(
    "GrantLimits",
    "How much a consumer may use.",
    &[
        optional("rate", RATE, "Requests in a span, as `20/s`."),
        optional("quota", QUOTA, "Requests in each hour, day or month of UTC, as `50000/day`."),
    ],
);

pub(crate) static SUBSCRIPTION: Record = record(
    "Subscription",
    "Who is told of which events.",
    &[
        optional("name", NAME, "Its name among those of its consumer. Default: as `work-order-events-v1`."),
        required("consumer", NAME, "Who: with a grant of `subscribe` on the interface."),
        required("interface", INTERFACE_REF, "What, as `work-order-events@1`."),
        required("events", Shape::List(&EVENT_TYPE, true), "Which event types."),
        optional(
            "from",
            Shape::Text(Format::Words(&["newest", "oldest"])),
            "Where it begins: with what comes after it was asked for, or with the oldest event that is kept. Default: newest.",
        ),
        optional(
            "until",
            Shape::Text(Format::Timestamp),
            "Until when, with its offset. Default: as long as the grant.",
        ),
        optional("lag", DURATION, "How old what has not arrived may be before it is an alarm, as `30s`."),
        optional("deliver", Shape::Record(&DELIVER), "Where to; pulled where absent."),
    ],
);

pub(crate) static DELIVER: Record = record(
    "Deliver",
    "Where a subscription's events are sent.",
    &[
        required("system", NAME, "The system."),
        required("path", Shape::Text(Format::Path), "The path there."),
        optional("signing", Shape::Text(Format::Words(&["standard-webhooks"])), "How they are signed."),
        optional("secret", Shape::Record(&SIGNING_SECRET), "By which secret, as `{secret: wms/hooks}`."),
        optional(
            "order",
            Shape::Text(Format::Words(&["lane", "any"])),
            "In order within a lane, or as they come. Default: lane.",
        ),
        optional("max_in_flight", SOME, "How many at a time. Default: 8."),
        optional("rate", RATE, "How fast at most, as `50/s`."),
        optional("timeout", DURATION, "How long one send may take, the answer included. Default: 15s."),
        optional(
            "idempotent",
            BOOLEAN,
            "Whether the same event twice does no harm there: only then it is sent again by a replay. Default: false.",
        ),
    ],
);

pub(crate) static SIGNING_SECRET: Record = record(
    "SigningSecret",
    "A secret by its name that signs messages. The secret itself never stands in a manifest.",
    &[
        required("secret", Shape::Text(Format::Secret), "Its name in the secret store, as `wms/hooks`."),
        optional(
            "next",
            Shape::Text(Format::Secret),
            "The name of the one that takes its place: as long as both are named, both sign.",
        ),
    ],
);

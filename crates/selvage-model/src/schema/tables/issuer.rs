//! Issuer.

use super::{DURATION, Format, NAME, Record, Shape, TEXT, TEXTS};
use crate::schema::shape::{optional, record, required};

const ALGORITHMS: &[&str] = &["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "EdDSA"];
const ALGORITHM: Shape = Shape::Text(Format::Words(ALGORITHMS));

pub(crate) static ISSUER: Record = record(
    "Issuer",
    "Who vouches for consumers by signed tokens.",
    &[
        required("name", NAME, "Its name in manifests."),
        required("owner", NAME, "The team that runs it."),
        required(
            "environments",
            Shape::Map(Format::Name, &Shape::Record(&ISSUER_ENVIRONMENT)),
            "How it is known in each environment of the fabric.",
        ),
    ],
);

pub(crate) static ISSUER_ENVIRONMENT: Record = record(
    "IssuerEnvironment",
    "How an issuer is known in one environment.",
    &[
        required("url", Shape::Text(Format::Url), "What its tokens say in `iss`; its metadata is found below it."),
        optional("audiences", TEXTS, "Whom its tokens must be for: one of these stands in `aud`. Default: the `url`."),
        optional(
            "algorithms",
            Shape::List(&ALGORITHM, false),
            "How it signs; nothing else is taken. Default: RS256 and ES256; EdDSA where Selvage signs.",
        ),
        optional("leeway", DURATION, "How far its clock and this one may differ. Default: 30s."),
        optional("subject", TEXT, "The claim that says who the consumer is. Default: sub."),
        optional("keys", Shape::Text(Format::Url), "Where its keys are. Default: where its metadata says."),
        optional("signing", Shape::Record(&SIGNING), "With what Selvage signs, where it is the issuer itself."),
    ],
);

pub(crate) static SIGNING: Record = record(
    "Signing",
    "With what Selvage signs its own tokens.",
    &[
        required(
            "secret",
            Shape::Text(Format::Secret),
            "The name of the secret that signing keys are derived from, as `selvage/tokens`.",
        ),
        optional("lifetime", DURATION, "How long a token lasts. Default: 5m."),
        optional("rotate", DURATION, "How long a signing key is used. Default: 30d."),
    ],
);

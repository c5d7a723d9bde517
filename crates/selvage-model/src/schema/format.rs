//! The formats of scalars: what each takes, how it is asked for, and how it stands in a JSON Schema.

use serde_json::{Value, json};

use crate::name::{AttributeName, DomainName, InterfaceRef, ObjectRef, Version};
use crate::scalar::{self, Percent, Rate, VersionRange};
use crate::yaml::Scalar;

/// A format of scalars.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Format {
    /// Any text that is not empty.
    Text,
    /// A name: kebab case.
    Name,
    /// The name of an attribute: snake case.
    Attribute,
    /// The name of a role, a seat or an account: letters, digits, `_` and `-`.
    Word,
    /// `product@1`.
    ObjectRef,
    /// `production-orders@1`.
    InterfaceRef,
    /// `1.2`.
    Version,
    /// `>=16`.
    VersionRange,
    /// `true` or `false`.
    Boolean,
    /// A whole number between these, both included.
    Integer(u32, u32),
    /// An exact decimal between 0 and 1, neither included.
    Fraction,
    /// `15m`.
    Duration,
    /// `200/s`.
    Rate,
    /// `99.9%`.
    Percent,
    /// `10GB`.
    Size,
    /// `2027-06-30`.
    Date,
    /// `2027-06-30T18:00:00+02:00`.
    Timestamp,
    /// `Europe/Brussels`.
    TimeZone,
    /// `https://…`, without credentials.
    Url,
    /// A path of a file in the fabric's directory.
    File,
    /// A path at a system: begins with `/`.
    Path,
    /// `<domain>.<object>.<fact>`.
    EventType,
    /// `cloud` or `site:<name>`.
    Zone,
    /// ISO 4217.
    Currency,
    /// One of these words.
    Words(&'static [&'static str]),
    /// A reference to a secret; never the secret.
    Secret,
}

impl Format {
    /// Whether this scalar is of the format.
    pub(crate) fn takes(self, scalar: &Scalar) -> bool {
        let text = scalar.text.as_ref();
        match self {
            Self::Text => !text.trim().is_empty() && (!scalar.plain || !matches!(text, "true" | "false")),
            Self::Boolean => scalar.plain && matches!(text, "true" | "false"),
            Self::Name => text.parse::<DomainName>().is_ok(),
            Self::Attribute => text.parse::<AttributeName>().is_ok(),
            Self::Word => is_word(text),
            Self::ObjectRef => text.parse::<ObjectRef>().is_ok(),
            Self::InterfaceRef => text.parse::<InterfaceRef>().is_ok(),
            Self::Version => text.parse::<Version>().is_ok(),
            Self::VersionRange => text.parse::<VersionRange>().is_ok(),
            Self::Integer(least, most) => scalar::integer(text).is_some_and(|number| (least..=most).contains(&number)),
            Self::Fraction => scalar::fraction(text).is_some(),
            Self::Duration => scalar::duration(text).is_some(),
            Self::Rate => text.parse::<Rate>().is_ok(),
            Self::Percent => text.parse::<Percent>().is_ok(),
            Self::Size => scalar::size(text).is_some(),
            Self::Date => scalar::date(text).is_some(),
            Self::Timestamp => scalar::timestamp(text).is_some(),
            Self::TimeZone => scalar::time_zone(text).is_some(),
            Self::Url => scalar::url(text).is_some(),
            Self::File => is_file(text),
            Self::Path => is_path(text),
            Self::EventType => is_event_type(text),
            Self::Zone => {
                text == "cloud" || text.strip_prefix("site:").is_some_and(|site| site.parse::<DomainName>().is_ok())
            }
            Self::Currency => text.len() == 3 && text.bytes().all(|byte| byte.is_ascii_uppercase()),
            Self::Words(words) => words.contains(&text),
            Self::Secret => is_secret(text),
        }
    }

    /// What is expected, after "expected".
    pub(crate) fn expected(self) -> String {
        match self {
            Self::Text => "a text".into(),
            Self::Name => "a name: 1 to 64 lower-case letters, digits and dashes, beginning with a letter".into(),
            Self::Attribute => {
                "an attribute's name: lower-case letters, digits and underscores, beginning with a letter".into()
            }
            Self::Word => "a word of letters, digits, `_` and `-`, beginning with a letter".into(),
            Self::ObjectRef => "an object with its major version, as `product@1`".into(),
            Self::InterfaceRef => "an interface with its major version, as `production-orders@1`".into(),
            Self::Version => "a version, as `1.0`".into(),
            Self::VersionRange => "a range of major versions, as `>=16`, `<=18` or `17..19`".into(),
            Self::Boolean => "`true` or `false`".into(),
            Self::Integer(least, most) => format!("a whole number from {least} to {most}"),
            Self::Fraction => "a number between 0 and 1, as `0.99`".into(),
            Self::Duration => "a duration, as `400ms`, `30s`, `15m`, `4h` or `30d`".into(),
            Self::Rate => "a rate, as `200/s`, `600/m` or `1000000/day`".into(),
            Self::Percent => "a percentage, as `99.9%`".into(),
            Self::Size => "a size, as `500MB` or `10GB`".into(),
            Self::Date => "a day, as `2027-06-30`".into(),
            Self::Timestamp => "a time with its offset, as `2027-06-30T18:00+02:00`".into(),
            Self::TimeZone => "a time zone's IANA name, as `Europe/Brussels`".into(),
            Self::Url => "an address with `http://` or `https://`, a host, no credentials, no `?` and no `#`".into(),
            Self::File => "a path relative to the fabric's directory, with `/`, without `..`".into(),
            Self::Path => "a path that begins with `/`, without `..`, `?` and `#`".into(),
            Self::EventType => "an event type `<domain>.<object>.<fact>`, as `manufacturing.work-order.started`".into(),
            Self::Zone => "`cloud` or `site:<name of a site>`".into(),
            Self::Currency => "a currency's ISO 4217 code, as `EUR`".into(),
            Self::Words(words) => crate::read::one_of(words),
            Self::Secret => "the name of a secret, as `odoo/read`".into(),
        }
    }

    /// As JSON Schema.
    pub(crate) fn json(self) -> Value {
        const NAME: &str = "[a-z]([a-z0-9-]{0,62}[a-z0-9])?";
        const SEGMENT: &str = "[a-z][a-z0-9-]*";
        let pattern = |pattern: String| json!({"type": "string", "pattern": format!("^{pattern}$")});
        match self {
            Self::Text => json!({"type": ["string", "number"], "minLength": 1}),
            Self::Name => pattern(NAME.into()),
            Self::Attribute => pattern("[a-z]([a-z0-9_]{0,62}[a-z0-9])?".into()),
            Self::Word => pattern("[A-Za-z][A-Za-z0-9_-]*".into()),
            Self::ObjectRef | Self::InterfaceRef => pattern(format!("{NAME}@[0-9]+")),
            // An editor sees `1.0` as a number.
            Self::Version => json!({"type": ["string", "number"], "pattern": "^[0-9]+\\.[0-9]+$"}),
            Self::VersionRange => json!({"type": ["string", "integer"]}),
            Self::Boolean => json!({"type": "boolean"}),
            Self::Integer(least, most) => json!({"type": "integer", "minimum": least, "maximum": most}),
            Self::Fraction => json!({"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 1}),
            Self::Duration => pattern("([0-9]+(ms|s|m|h|d|w))+".into()),
            Self::Rate => pattern("[0-9]+/([0-9]+(ms|s|m|h|d|w)|s|sec|second|m|min|minute|h|hour|d|day)".into()),
            Self::Percent => pattern("[0-9]+(\\.[0-9]+)?%".into()),
            Self::Size => pattern("[0-9]+ ?(B|KB|MB|GB|TB|KiB|MiB|GiB|TiB)".into()),
            Self::Date => pattern("[0-9]{4}-[0-9]{2}-[0-9]{2}".into()),
            Self::Timestamp => pattern(
                "[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}(:[0-9]{2}(\\.[0-9]+)?)?(Z|[+-][0-9]{2}:[0-9]{2})".into(),
            ),
            Self::Url => pattern("https?://[^@?#]+".into()),
            Self::Path => pattern("/[^?#]*".into()),
            Self::EventType => pattern(format!("{SEGMENT}(\\.{SEGMENT}){{1,4}}")),
            Self::Zone => pattern(format!("(cloud|site:{NAME})")),
            Self::Currency => pattern("[A-Z]{3}".into()),
            Self::Words(words) => json!({"enum": words}),
            Self::Secret => pattern("[A-Za-z0-9_.-]+(/[A-Za-z0-9_.-]+)*".into()),
            Self::TimeZone | Self::File => json!({"type": "string", "minLength": 1}),
        }
    }

    /// Whether what was written may be repeated in a message. An address or a secret's place may hold a secret.
    pub(crate) fn may_be_shown(self) -> bool {
        // INVARIANT: SECRET-FREE: what was put in the place of a secret's name is not shown.
        !matches!(self, Self::Secret | Self::Url)
    }
}

fn is_word(text: &str) -> bool {
    text.len() <= 64
        && text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-'))
}

fn is_file(text: &str) -> bool {
    let parts_are_plain = text.split('/').all(|part| !matches!(part, "" | "." | ".."));
    parts_are_plain && !text.contains(['\\', ':']) && text.len() <= 255
}

fn is_path(text: &str) -> bool {
    text.starts_with('/')
        && text.split('/').all(|part| !matches!(part, "." | ".."))
        && text.chars().all(|c| c.is_ascii_graphic() && !matches!(c, '?' | '#' | '\\'))
}

fn is_event_type(text: &str) -> bool {
    let segments = text.split('.').count();
    (2..=5).contains(&segments)
        && text.len() <= 255
        && text.split('.').all(|segment| segment.parse::<DomainName>().is_ok())
}

fn is_secret(text: &str) -> bool {
    let part = |part: &str| {
        !part.is_empty()
            && part != ".."
            && part.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.'))
    };
    text.len() <= 128 && text.split('/').all(part)
}

//! The formats of scalars: what each takes, how it is asked for, and how it stands in a JSON Schema.

use serde_json::{Value, json};

use crate::mail::MailAddress;
use crate::name::{AttributeName, DomainName, InterfaceRef, ObjectRef, Version};
use crate::network::Network;
use crate::scalar::{self, Percent, Quota, Rate, VersionRange};
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
    /// `1000000/day`.
    Quota,
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
    /// `10.2.0.0/16`.
    Network,
    /// `plant-it@example.com`.
    Mail,
    /// ISO 4217.
    Currency,
    /// One of these words.
    Words(&'static [&'static str]),
    /// A reference to a secret; never the secret.
    Secret,
    /// `X-Signature`.
    Header,
    /// `/event/id`.
    Pointer,
}

impl Format {
    /// Whether this scalar is of the format.
    pub(crate) fn takes(self, scalar: &Scalar) -> bool {
        let text = scalar.text.as_ref();
        let is_boolean = scalar.plain && matches!(text, "true" | "false");
        if is_boolean {
            return matches!(self, Self::Boolean);
        }
        match self {
            Self::Text => !text.trim().is_empty(),
            Self::Boolean => false,
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
            Self::Quota => text.parse::<Quota>().is_ok(),
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
            Self::Network => text.parse::<Network>().is_ok(),
            Self::Mail => text.parse::<MailAddress>().is_ok(),
            Self::Currency => text.len() == 3 && text.bytes().all(|byte| byte.is_ascii_uppercase()),
            Self::Words(words) => words.contains(&text),
            Self::Secret => is_secret(text),
            Self::Header => is_header(text),
            Self::Pointer => is_pointer(text),
        }
    }

    /// Whether a scalar that is not of the format was, when less was asked of it.
    pub(crate) fn took(self, scalar: &Scalar) -> bool {
        matches!(self, Self::Path) && was_path(&scalar.text)
    }

    /// What it is, with its article.
    pub(crate) fn noun(self) -> String {
        let noun = match self {
            Self::Text => "a text",
            Self::Name => "a name",
            Self::Attribute => "an attribute's name",
            Self::Word => "a word",
            Self::ObjectRef => "an object with its major version",
            Self::InterfaceRef => "an interface with its major version",
            Self::Version => "a version",
            Self::VersionRange => "a range of major versions",
            Self::Boolean => "`true` or `false`",
            Self::Integer(least, most) => return format!("a whole number from {least} to {most}"),
            Self::Fraction => "a number between 0 and 1",
            Self::Duration => "a duration",
            Self::Rate => "a rate",
            Self::Quota => "a quota",
            Self::Percent => "a percentage",
            Self::Size => "a size",
            Self::Date => "a day",
            Self::Timestamp => "a time with its offset",
            Self::TimeZone => "a time zone's IANA name",
            Self::Url => "an address without credentials",
            Self::File => "a path in the fabric's directory",
            Self::Path => "a path at a system",
            Self::EventType => "an event type",
            Self::Zone => "a zone",
            Self::Network => "a network",
            Self::Mail => "an address of mail",
            Self::Currency => "a currency's ISO 4217 code",
            Self::Words(words) => return crate::read::one_of(words),
            Self::Secret => "the name of a secret",
            Self::Header => "a header's name",
            Self::Pointer => "a JSON Pointer",
        };
        noun.to_owned()
    }

    /// How it is written.
    pub(crate) fn hint(self) -> String {
        let hint = match self {
            Self::Text => "write a text",
            Self::Name => "use 1 to 64 lower-case letters, digits and dashes, beginning with a letter",
            Self::Attribute => "use lower-case letters, digits and underscores, beginning with a letter",
            Self::Word => "use letters, digits, `_` and `-`, beginning with a letter",
            Self::ObjectRef => "write it as `product@1`",
            Self::InterfaceRef => "write it as `production-orders@1`",
            Self::Version => "write it as `1.0`",
            Self::VersionRange => "write it as `>=16`, `<=18`, `17..19` or `18`",
            Self::Boolean => "write `true` or `false` without quotes; `yes`, `no`, `on` and `off` are texts",
            Self::Integer(least, most) => return format!("write digits only, from {least} to {most}"),
            Self::Fraction => "write it as `0.99`",
            Self::Duration => "write it as `400ms`, `30s`, `15m`, `4h`, `30d` or `1h30m`",
            Self::Rate => "write it as `200/s`, `600/m` or `1000000/day`",
            Self::Quota => "write it as `50000/hour`, `1000000/day` or `20000000/month`",
            Self::Percent => "write it as `99.9%`",
            Self::Size => "write it as `500MB` or `10GB`",
            Self::Date => "write it as `2027-06-30`",
            Self::Timestamp => "write it as `2027-06-30T18:00+02:00`",
            Self::TimeZone => "write it as `Europe/Brussels`",
            Self::Url => "write `https://host/path`, without user, password, `?` and `#`",
            Self::File => "write it relative to the fabric's directory, with `/`, without `..`",
            Self::Path => {
                "begin it with one `/`, as `/api/stock`, without `//`, `.`, `..`, `\\`, `?` and `#`, percent-encoded ones too"
            }
            Self::EventType => "write `<domain>.<object>.<fact>`, as `manufacturing.work-order.started`",
            Self::Zone => "write `cloud`, or `site:` and the name of a site",
            Self::Network => {
                "write it as `10.2.0.0/16` or `fd12:3456::/48`: an address whose other bits are zero, and how many count"
            }
            Self::Mail => "write it as `plant-it@example.com`: one address without a name, in ASCII",
            Self::Currency => "write it as `EUR`",
            Self::Words(words) => return format!("use {}", crate::read::one_of(words)),
            Self::Secret => "write it as `odoo/read`; the secret itself never stands in a manifest",
            Self::Header => "write it as `X-Signature`: letters, digits, `-` and `_`",
            Self::Pointer => "write it as `/event/id`, with `~1` for a slash and `~0` for a tilde in a name",
        };
        hint.to_owned()
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
            Self::VersionRange => {
                const PART: &str = "((>=|<=|>|<)? ?[0-9]+|[0-9]+\\.\\.=?[0-9]+)";
                json!({"type": ["string", "integer"], "pattern": format!("^(any|{PART}( ?, ?{PART})*)$")})
            }
            Self::Boolean => json!({"type": "boolean"}),
            Self::Integer(least, most) => json!({"type": "integer", "minimum": least, "maximum": most}),
            Self::Fraction => json!({"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 1}),
            Self::Duration => pattern("([0-9]+(ms|s|m|h|d|w))+".into()),
            Self::Rate => pattern("[0-9]+/([0-9]+(ms|s|m|h|d|w)|s|sec|second|m|min|minute|h|hour|d|day)".into()),
            Self::Quota => pattern("[0-9]+/(h|hour|d|day|mo|month)".into()),
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
            Self::Network => pattern("[0-9a-fA-F.:]+/[0-9]{1,3}".into()),
            Self::Mail => pattern(format!("(?=.{{3,254}}$)(?=[^@]{{1,64}}@){}", MailAddress::PATTERN)),
            Self::Currency => pattern("[A-Z]{3}".into()),
            Self::Words(words) => json!({"enum": words}),
            Self::Secret => pattern("[A-Za-z0-9_.-]+(/[A-Za-z0-9_.-]+)*".into()),
            Self::Header => pattern("[A-Za-z0-9_-]{1,64}".into()),
            Self::Pointer => pattern("(/([^~/]|~0|~1)*)+".into()),
            Self::TimeZone => pattern("[A-Za-z0-9_+-]+(/[A-Za-z0-9_+-]+)*".into()),
            Self::File => pattern("[^/\\\\:]+(/[^/\\\\:]+)*".into()),
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

/// A path that every server reads alike, so that nothing is reached through it but what it says: `//evil` is another host where it is
/// joined to an address, `/a//b` and `/a/%2e%2e/b` are two paths.
fn is_path(text: &str) -> bool {
    let Some(below) = text.strip_prefix('/') else { return false };
    below.is_empty() || below.strip_suffix('/').unwrap_or(below).split('/').all(is_path_segment)
}

/// What was a path before it had to be read in one way.
fn was_path(text: &str) -> bool {
    text.starts_with('/')
        && text.split('/').all(|part| !matches!(part, "." | ".."))
        && text.bytes().all(|byte| byte.is_ascii_graphic() && !matches!(byte, b'?' | b'#' | b'\\'))
}

fn is_path_segment(segment: &str) -> bool {
    let Some(plain) = percent_decoded(segment) else { return false };
    // Some servers cut path parameters off before they resolve dots.
    let name = plain.split(|byte| *byte == b';').next().unwrap_or_default();
    let is_raw_plain = segment.bytes().all(|byte| byte.is_ascii_graphic() && !matches!(byte, b'?' | b'#'));
    is_raw_plain
        && !matches!(name, b"" | b"." | b"..")
        && !plain.iter().any(|byte| byte.is_ascii_control() || matches!(byte, b'/' | b'\\' | b'%'))
}

/// `None` where the encoding is broken.
fn percent_decoded(text: &str) -> Option<Vec<u8>> {
    let mut plain = Vec::with_capacity(text.len());
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        plain.push(match byte {
            b'%' => {
                let digits = [char::from(bytes.next()?), char::from(bytes.next()?)];
                let [high, low] = digits.map(|digit| digit.to_digit(16));
                u8::try_from(high? * 16 + low?).ok()?
            }
            other => other,
        });
    }
    Some(plain)
}

fn is_event_type(text: &str) -> bool {
    let segments = text.split('.').count();
    (2..=5).contains(&segments)
        && text.len() <= 255
        && text.split('.').all(|segment| segment.parse::<DomainName>().is_ok())
}

fn is_header(text: &str) -> bool {
    (1..=64).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'))
}

fn is_pointer(text: &str) -> bool {
    let escapes = |(_, rest): (usize, &str)| rest.starts_with(['0', '1']);
    text.starts_with('/')
        && text.len() <= 256
        && text.match_indices('~').all(|(at, _)| escapes((at, text.get(at + 1..).unwrap_or_default())))
}

fn is_secret(text: &str) -> bool {
    let part = |part: &str| {
        !part.is_empty()
            && part != ".."
            && part.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.'))
    };
    text.len() <= 128 && text.split('/').all(part)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_at_a_system_is_read_in_one_way() {
        for path in ["/", "/api", "/api/stock/", "/api/caf%C3%A9", "/a%20b", "/a;v=1", "/.well-known/x", "/a...b"] {
            assert!(is_path(path), "{path}");
        }
        for path in [
            "",
            "api",
            "//",
            "//evil",
            "//evil/stock",
            "/api//stock",
            "/api//",
            "/\\evil",
            "/api\\stock",
            "/.",
            "/api/../admin",
            "/api/%2e%2e/admin",
            "/api/.%2E/admin",
            "/api/..;a/admin",
            "/api%2fstock",
            "/api%5cstock",
            "/api/%252e%252e/admin",
            "/api/%00",
            "/api/%0d%0aX",
            "/api/%zz",
            "/api/%4",
            "/api?a=1",
            "/api#a",
            "/a b",
            "http://evil/stock",
            "http:/evil",
        ] {
            assert!(!is_path(path), "{path}");
        }
        for (path, was) in [
            ("//evil", true),
            ("/api/%2e%2e/admin", true),
            ("/api/", true),
            ("/a/../b", false),
            ("api", false),
            ("/a?b", false),
        ] {
            assert_eq!(was_path(path), was, "{path}");
        }
    }
}

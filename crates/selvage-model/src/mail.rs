//! Addresses of mail, as they stand in manifests: what every mail server understands, and nothing with which a header or a command could
//! be continued. Sends nothing, and asks nobody whether an address exists.

use std::fmt;
use std::str::FromStr;

/// The longest address that mail servers take, and the longest part before its `@`.
const LONGEST: usize = 254;
const LONGEST_LOCAL: usize = 64;
/// What may stand before the `@`, besides letters, digits and dots between them.
const SIGNS: &str = "!#$%&'*+/=?^_`{|}~-";

/// An address, as `warehouse-it@example.com`: RFC 5321 without quoted parts, addresses of machines and letters beyond ASCII.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MailAddress(String);

impl MailAddress {
    /// The pattern that addresses have.
    pub const PATTERN: &str = "[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(\\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*\
                               @[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?(\\.[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?)*";

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What is behind the `@`.
    pub fn domain(&self) -> &str {
        self.0.rsplit_once('@').map_or("", |(_, domain)| domain)
    }
}

impl fmt::Display for MailAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for MailAddress {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let (local, domain) = text.split_once('@').ok_or(())?;
        let is_atom = |part: &str| {
            !part.is_empty() && part.chars().all(|sign| sign.is_ascii_alphanumeric() || SIGNS.contains(sign))
        };
        let fits = text.len() <= LONGEST && local.len() <= LONGEST_LOCAL;
        if fits && local.split('.').all(is_atom) && domain.split('.').all(is_label) {
            Ok(Self(text.to_owned()))
        } else {
            Err(())
        }
    }
}

/// A part of a host's name.
fn is_label(part: &str) -> bool {
    (1..=63).contains(&part.len())
        && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
        && !part.starts_with('-')
        && !part.ends_with('-')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn how_an_address_is_written() {
        let (local, label) = ("l".repeat(64), "d".repeat(63));
        let longest = format!("{local}@{label}.{label}.{}", "d".repeat(61));
        for text in ["a@b", "plant-it@example.com", "o'hara+gl.1@sub-1.example.com", "#/=?^_`{|}~@x.eu", &longest] {
            assert_eq!(text.parse::<MailAddress>().unwrap().to_string(), text);
        }
        let (longer, local) = (format!("{longest}d"), format!("l{local}@b"));
        for text in [
            "",
            "a",
            "@b",
            "a@",
            "a@@b",
            "a@b@c",
            "a b@c",
            "a.@c",
            ".a@c",
            "a..b@c",
            "a@-c",
            "a@c-",
            "a@c.",
            "a@c..d",
            "a@c\n",
            "a\r\nRCPT TO:<b@c>@d",
            "<a@b>",
            "A <a@b>",
            "\"a b\"@c",
            "a@[127.0.0.1]",
            "a@b,c@d",
            "é@b",
            "a@é",
            &longer,
            &local,
        ] {
            assert_eq!(text.parse::<MailAddress>(), Err(()), "{text}");
        }
    }

    #[test]
    fn what_is_behind_the_sign() {
        assert_eq!("a@b.example.com".parse::<MailAddress>().unwrap().domain(), "b.example.com");
    }
}

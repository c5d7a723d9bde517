//! The names of things, each kind its own type, so that a system is never taken for a consumer.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// Why a text is not a name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// Empty, too long (over 64 characters), or with a character that names don't have.
    #[error("`{0}` is not a name: use 1 to 64 lower-case letters, digits and dashes, beginning with a letter")]
    Name(String),
    /// An attribute is written in snake case.
    #[error(
        "`{0}` is not an attribute's name: use 1 to 64 lower-case letters, digits and underscores, beginning with a letter"
    )]
    Attribute(String),
    /// A reference with a major version is `name@1`.
    #[error("`{0}` is not a versioned name: write `name@1`")]
    Versioned(String),
    /// A version is `major.minor`.
    #[error("`{0}` is not a version: write `1.0`")]
    Version(String),
}

fn is_word(text: &str, joint: char) -> bool {
    let mut characters = text.chars();
    let begins = characters.next().is_some_and(|c| c.is_ascii_lowercase());
    let goes_on = characters.all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == joint);
    begins && goes_on && text.len() <= 64 && !text.ends_with(joint)
}

macro_rules! names {
    ($($(#[$doc:meta])* $name:ident by $joint:literal else $error:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(Arc<str>);

        impl $name {
            /// The name as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = NameError;
            fn from_str(text: &str) -> Result<Self, NameError> {
                if is_word(text, $joint) { Ok(Self(Arc::from(text))) } else { Err(NameError::$error(text.to_owned())) }
            }
        }

        impl TryFrom<String> for $name {
            type Error = NameError;
            fn try_from(text: String) -> Result<Self, NameError> {
                text.parse()
            }
        }

        impl From<$name> for String {
            fn from(name: $name) -> Self {
                name.0.as_ref().to_owned()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    )*};
}

names! {
    /// A fabric.
    FabricName by '-' else Name;
    /// A pack of manifests that ships with Selvage.
    PackName by '-' else Name;
    /// A domain.
    DomainName by '-' else Name;
    /// A site: a plant.
    SiteName by '-' else Name;
    /// A team.
    TeamName by '-' else Name;
    /// A system.
    SystemName by '-' else Name;
    /// An environment of the fabric: `dev`, `prod`, …
    EnvironmentName by '-' else Name;
    /// A rule of lint, or of approvals.
    RuleName by '-' else Name;
    /// An object, without its version.
    ObjectName by '-' else Name;
    /// An attribute of an object.
    AttributeName by '_' else Attribute;
    /// A class of data: `personal`, …
    ClassName by '-' else Name;
    /// A code set.
    CodeSetName by '-' else Name;
    /// A mapping.
    MappingName by '-' else Name;
    /// An interface, without its version.
    InterfaceName by '-' else Name;
    /// An issuer of tokens.
    IssuerName by '-' else Name;
    /// A consumer.
    ConsumerName by '-' else Name;
    /// A subscription, among those of its consumer.
    SubscriptionName by '-' else Name;
    /// A flow.
    FlowName by '-' else Name;
}

impl DomainName {
    /// The domain of every file that is in no other's directory.
    pub fn group() -> Self {
        Self(Arc::from("group"))
    }
}

impl ConsumerName {
    /// Selvage itself, where it tries something out.
    pub fn of_selvage() -> Self {
        Self(Arc::from("selvage"))
    }
}

impl ObjectName {
    /// The plural in paths: `product` is `products`, `inventory` is `inventories`, `batch` is `batches`,
    /// `bill-of-materials` is `bills-of-materials`, and `equipment` has none.
    pub fn plural(&self) -> String {
        match self.as_str().split_once("-of-") {
            Some((head, of)) => format!("{}-of-{of}", Self::plural_of(head)),
            None => Self::plural_of(self.as_str()),
        }
    }

    fn plural_of(name: &str) -> String {
        let vowel = |stem: &str| stem.ends_with(['a', 'e', 'i', 'o', 'u']);
        if name.ends_with("equipment") {
            return name.to_owned();
        }
        match name.strip_suffix('y') {
            Some(stem) if !vowel(stem) => format!("{stem}ies"),
            _ if name.ends_with(['s', 'x']) || name.ends_with("ch") || name.ends_with("sh") => format!("{name}es"),
            _ => format!("{name}s"),
        }
    }
}

/// A declared version: `1.2`. The major number is part of an object's and an interface's identity.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Version {
    /// Changes when something breaks.
    pub major: u32,
    /// Changes when something is added.
    pub minor: u32,
}

impl FromStr for Version {
    type Err = NameError;
    /// `1.2`: text, never a number, so that `1.10` is not `1.1`.
    fn from_str(text: &str) -> Result<Self, NameError> {
        let wrong = || NameError::Version(text.to_owned());
        let (major, minor) = text.split_once('.').ok_or_else(wrong)?;
        let part = |part: &str| crate::scalar::integer(part).ok_or_else(wrong);
        Ok(Self { major: part(major)?, minor: part(minor)? })
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)
    }
}

macro_rules! versioned {
    ($($(#[$doc:meta])* $reference:ident of $name:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $reference {
            /// Its name.
            pub name: $name,
            /// Its major version.
            pub major: u32,
        }

        impl FromStr for $reference {
            type Err = NameError;
            fn from_str(text: &str) -> Result<Self, NameError> {
                let wrong = || NameError::Versioned(text.to_owned());
                let (name, major) = text.split_once('@').ok_or_else(wrong)?;
                Ok(Self { name: name.parse()?, major: crate::scalar::integer(major).ok_or_else(wrong)? })
            }
        }

        impl TryFrom<String> for $reference {
            type Error = NameError;
            fn try_from(text: String) -> Result<Self, NameError> {
                text.parse()
            }
        }

        impl From<$reference> for String {
            fn from(reference: $reference) -> Self {
                reference.to_string()
            }
        }

        impl fmt::Display for $reference {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}@{}", self.name, self.major)
            }
        }

        impl fmt::Debug for $reference {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{self}")
            }
        }
    )*};
}

versioned! {
    /// An object with its major version: `product@1`.
    ObjectRef of ObjectName;
    /// An interface with its major version: `production-orders@1`.
    InterfaceRef of InterfaceName;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plurals() {
        let table = [
            ("product", "products"),
            ("inventory-position", "inventory-positions"),
            ("bill-of-materials", "bills-of-materials"),
            ("equipment", "equipment"),
            ("quality", "qualities"),
            ("day", "days"),
            ("batch", "batches"),
            ("box", "boxes"),
            ("gas", "gases"),
            ("wish", "wishes"),
        ];
        for (one, many) in table {
            assert_eq!(one.parse::<ObjectName>().unwrap().plural(), many);
        }
    }
}

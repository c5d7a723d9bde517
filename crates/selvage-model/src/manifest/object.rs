//! `kind: Object` and `kind: CodeSet`: the canonical business objects and the codes they use.

use crate::manifest::compatibility::CompatibilityPromise;
use crate::name::{AttributeName, ClassName, CodeSetName, ObjectName, ObjectRef, SystemName, TeamName, Version};
use crate::scalar::Dimension;
use crate::source::{Place, Spanned};

/// A canonical business object, versioned.
#[derive(Clone, Debug, PartialEq)]
pub struct Object {
    /// Where it is declared.
    pub place: Place,
    /// Its name.
    pub name: ObjectName,
    /// Its version.
    pub version: Version,
    /// The team that owns it.
    pub owner: Spanned<TeamName>,
    /// What it is, for people.
    pub description: Option<String>,
    /// The attributes that make the business key.
    pub identity: Vec<Spanned<AttributeName>>,
    /// Its attributes in the order written.
    pub attributes: Vec<Attribute>,
    /// Which system may change which attributes.
    pub authority: Vec<Authority>,
    /// The team that resolves data exceptions.
    pub stewards: Option<Spanned<TeamName>>,
    /// What it promises of its later states.
    pub compatibility: Option<Spanned<CompatibilityPromise>>,
}

impl Object {
    /// Name and major version.
    pub fn reference(&self) -> ObjectRef {
        ObjectRef { name: self.name.clone(), major: self.version.major }
    }

    /// The attribute of this name.
    pub fn attribute(&self, name: &AttributeName) -> Option<&Attribute> {
        self.attributes.iter().find(|attribute| &attribute.name.value == name)
    }
}

/// One attribute.
#[derive(Clone, Debug, PartialEq)]
pub struct Attribute {
    /// Its name.
    pub name: Spanned<AttributeName>,
    /// What its values are.
    pub shape: Shape,
    /// May be absent (`null`).
    pub optional: bool,
    /// Set by systems and verbs only: never taken from a create.
    pub read_only: bool,
    /// The class of data of its values and of everything in them: masked for whoever's grant does not see the class.
    pub class: Option<Spanned<ClassName>>,
    /// What it is, for people.
    pub description: Option<String>,
}

/// What the values of an attribute are, in canonical JSON.
#[derive(Clone, Debug, PartialEq)]
pub enum Shape {
    /// Text of one line; a JSON string of at most `max` characters.
    String {
        /// Most characters.
        max: Option<u32>,
    },
    /// Text of many lines.
    Text,
    /// A whole number; a JSON integer.
    Integer,
    /// An exact decimal; a JSON string.
    Decimal,
    /// A JSON boolean.
    Boolean,
    /// One of these words; a JSON string.
    Enum {
        /// The words.
        values: Vec<Spanned<String>>,
    },
    /// A code of a set; a JSON string.
    Code {
        /// The set.
        set: Spanned<CodeSetName>,
    },
    /// Another object, by its business key (one attribute) or id; a JSON string.
    Ref {
        /// Which object, in any version.
        object: Spanned<ObjectName>,
    },
    /// `{"value": "2.5", "unit": "kg"}`, value an exact decimal, unit UCUM.
    Quantity {
        /// What is measured; `None` where each record has its own unit's dimension.
        dimension: Option<Dimension>,
    },
    /// `{"amount": "9.50", "currency": "EUR"}`.
    Money,
    /// RFC 3339 UTC.
    Timestamp,
    /// `2026-11-23`.
    Date,
    /// ISO 8601, as `PT15M`.
    Duration,
    /// A JSON array.
    List(Box<Shape>),
    /// A JSON object.
    Group(Vec<Attribute>),
}

/// Which system may change which attributes: the system of record.
#[derive(Clone, Debug, PartialEq)]
pub struct Authority {
    /// Where it is declared.
    pub place: Place,
    /// The attributes; empty means all.
    pub attributes: Vec<Spanned<AttributeName>>,
    /// The system or the role bound per site.
    pub record: Spanned<String>,
    /// Whether the role is bound per site.
    pub per_site: bool,
    /// A CEL condition on the object's state, as written.
    pub condition: Option<Spanned<String>>,
}

/// `kind: CodeSet`.
#[derive(Clone, Debug, PartialEq)]
pub struct CodeSet {
    /// Where it is declared.
    pub place: Place,
    /// Its name.
    pub name: CodeSetName,
    /// The standard it follows, as `ucum`.
    pub standard: Option<String>,
    /// The codes.
    pub codes: Vec<CodeEntry>,
    /// Each system's own word for the codes: (their word, our code).
    pub systems: Vec<(Spanned<SystemName>, WordPairs)>,
    /// What becomes of a word that none of these is.
    pub on_unmatched: OnUnmatched,
}

/// Pairs of words: (theirs, ours).
pub type WordPairs = Vec<(Spanned<String>, Spanned<String>)>;

/// One code.
#[derive(Clone, Debug, PartialEq)]
pub struct CodeEntry {
    /// The code.
    pub code: Spanned<String>,
    /// Its name for people.
    pub name: Option<String>,
    /// What it measures, for units.
    pub dimension: Option<Dimension>,
}

/// What becomes of an unmatched code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnUnmatched {
    /// The message waits for a steward.
    Park,
    /// The message is refused.
    Reject,
    /// The word passes as it is.
    Pass,
}

//! `kind: Mapping`: the two-way translation between a system's own records and an object, as declared.
//! Compiled and run by selvage-mapping.

use serde_json::Value;

use crate::name::{AttributeName, CodeSetName, MappingName, ObjectName, ObjectRef, SystemName};
use crate::scalar::VersionRange;
use crate::source::{Place, Spanned};

/// One mapping.
#[derive(Clone, Debug, PartialEq)]
pub struct Mapping {
    /// Where it is declared.
    pub place: Place,
    /// Its name.
    pub name: MappingName,
    /// The object.
    pub object: Spanned<ObjectRef>,
    /// The system.
    pub system: Spanned<SystemName>,
    /// What the system calls the record (`product.product`).
    pub record: String,
    /// The system's versions it is for.
    pub versions: VersionRange,
    /// Which of the system's records are objects, by their fields (paths with dots follow links). A new record is given
    /// the one value that a field of its own must have.
    pub only: Vec<(Spanned<String>, Allowed)>,
    /// A field an attribute, in the order written.
    pub fields: Vec<FieldMapping>,
    /// Examples: they are tests.
    pub examples: Vec<Example>,
    /// Not yet tried against a real system.
    pub unverified: bool,
}

/// What a field must have for a record to be an object.
#[derive(Clone, Debug, PartialEq)]
pub enum Allowed {
    /// One of these values; `false` is nothing.
    OneOf(Vec<Value>),
    /// A whole number that is not less than this.
    AtLeast(i64),
}

impl Allowed {
    /// Whether a field with this value makes the record an object.
    pub fn holds(&self, value: Option<&Value>) -> bool {
        let value = value.filter(|value| !value.is_null()).unwrap_or(&Value::Bool(false));
        match self {
            Self::OneOf(values) => values.contains(value),
            Self::AtLeast(least) => value.as_i64().is_some_and(|number| number >= *least),
        }
    }

    /// The value that a new record is given; none where several would do.
    pub fn of_new(&self) -> Option<Value> {
        match self {
            Self::OneOf(values) => match values.as_slice() {
                [one] => Some(one.clone()),
                _ => None,
            },
            Self::AtLeast(least) => Some(Value::from(*least)),
        }
    }
}

/// How one attribute stands in the record.
#[derive(Clone, Debug, PartialEq)]
pub struct FieldMapping {
    /// The attribute.
    pub attribute: Spanned<AttributeName>,
    /// The record's field, by version; empty only for constants and expressions.
    pub at: Vec<(VersionRange, Spanned<String>)>,
    /// Fields that are read in this order where `at` has nothing; with them the attribute is only read.
    pub or: Vec<Spanned<String>>,
    /// How the value is translated.
    pub lens: Lens,
    /// The canonical value where the record has none.
    pub default: Option<Value>,
    /// Which ways it goes.
    pub direction: Direction,
}

impl FieldMapping {
    /// The record's field in this major version.
    pub fn field(&self, major: u32) -> Option<&str> {
        self.at.iter().find(|(range, _)| range.contains(major)).map(|(_, field)| field.value.as_str())
    }
}

/// Which ways a field goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// From the record to the object and back.
    Both,
    /// Only from the record to the object.
    Read,
    /// Only from the object to the record.
    Write,
}

/// How a value is translated, after `at` found it.
#[derive(Clone, Debug, PartialEq)]
pub enum Lens {
    /// As it is, by the attribute's shape (strings, integers, decimals, booleans, timestamps, dates).
    Plain,
    /// Translated text in this language.
    Text {
        /// `en_US`.
        lang: String,
    },
    /// The same canonical value for every record; checked, not written.
    Const(Value),
    /// Through a code set.
    Code {
        /// The set.
        set: Spanned<CodeSetName>,
        /// What of the record is looked up in it.
        by: CodeBy,
    },
    /// A link to another object's record, shown as its business key.
    Ref {
        /// The object.
        object: Spanned<ObjectName>,
        /// The attribute that names the other object here; its business key where not said.
        key: Option<Spanned<AttributeName>>,
    },
    /// The record's own id, shown as `<system>-<id>`; read only.
    Record,
    /// The label beside a link's id, as shown to users; read only, never an identity.
    Label,
    /// The record's company, shown as the site that is bound to it.
    Site,
    /// Word for word: (the record's, ours). Several of theirs may be one of ours; the first is written back.
    Enum(Vec<(Spanned<String>, Spanned<String>)>),
    /// A number with a unit.
    Quantity(UnitSource),
    /// A number with a currency.
    Money {
        /// Where the currency is.
        currency: CurrencySource,
    },
    /// A number of days, hours, minutes or seconds, shown as an ISO 8601 duration.
    Duration(TimeUnit),
    /// Each element of a list of values.
    Many(Box<Lens>),
    /// The one element of a list; nothing where there are none or several.
    Only(Box<Lens>),
    /// The first element of a list; read only.
    First(Box<Lens>),
    /// The records in a list of the record: each is a group of the object's list.
    Lines(Lines),
    /// Several fields as one group.
    Group(Vec<FieldMapping>),
    /// A CEL expression over `record`; read only.
    Expression(Spanned<String>),
}

/// What of a record's field is looked up in a code set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CodeBy {
    /// The value itself.
    Value,
    /// The linked record's external id (`uom.product_uom_unit`), which no user edits.
    ExternalId,
    /// The linked record's label.
    Label,
}

/// How the lines of a record are the groups of a list.
#[derive(Clone, Debug, PartialEq)]
pub struct Lines {
    /// What the system calls the lines, for people; the system itself says it.
    pub record: Option<Spanned<String>>,
    /// The attributes by which a line is known again; by its place in the list where empty.
    pub key: Vec<Spanned<AttributeName>>,
    /// Which of the lines are told, by their fields; others are left as they are.
    pub only: Vec<(Spanned<String>, Allowed)>,
    /// A field an attribute of the group, in the order written.
    pub fields: Vec<FieldMapping>,
}

/// What a number of time counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TimeUnit {
    /// Days of 24 hours.
    Days,
    /// Hours.
    Hours,
    /// Minutes.
    Minutes,
    /// Seconds.
    Seconds,
}

/// Where a quantity's unit comes from.
#[derive(Clone, Debug, PartialEq)]
pub enum UnitSource {
    /// Always this UCUM unit.
    Fixed(Spanned<String>),
    /// From another field of the record, through a code set.
    Field {
        /// The field, by version.
        at: Vec<(VersionRange, Spanned<String>)>,
        /// The code set of units.
        set: Spanned<CodeSetName>,
        /// What of the field is looked up.
        by: CodeBy,
    },
}

/// Where an amount's currency comes from.
#[derive(Clone, Debug, PartialEq)]
pub enum CurrencySource {
    /// Always this ISO 4217 code.
    Fixed(String),
    /// From another field of the record: the label of its link is the code.
    Field {
        /// The field.
        at: Spanned<String>,
        /// The currency that a new record is known to have; without it no amount is given to a new record.
        new: Option<String>,
    },
}

/// An example: both sides of one record.
#[derive(Clone, Debug, PartialEq)]
pub struct Example {
    /// Where it stands.
    pub place: Place,
    /// The system's major version it is of; the newest in the mapping's range where not said.
    pub version: Option<u32>,
    /// The record as the system gives it.
    pub local: Value,
    /// The object.
    pub canonical: Value,
    /// What looking up each link answers.
    pub links: Vec<ExampleLink>,
}

/// What looking up a link of an example answers.
#[derive(Clone, Debug, PartialEq)]
pub struct ExampleLink {
    /// The record's field, with dots where it is a line's: `bom_line_ids.product_id`.
    pub field: String,
    /// The linked record; any that the field links to where not said.
    pub id: Option<i64>,
    /// The external id, the business key or the site.
    pub text: String,
}

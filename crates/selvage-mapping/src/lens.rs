//! Lenses as compiled for one version of a system: every name resolved, every unit parsed, nothing left to be unknown.
//! Which of them can be inverted is decided here, by type.

use std::sync::Arc;

use selvage_model::manifest::mapping::{Allowed, CodeBy, TimeUnit};
use selvage_model::manifest::object::{Attribute, Shape};
use selvage_model::name::{AttributeName, ObjectName};
use selvage_model::source::Spanned;
use serde_json::Value;

use crate::code::Codes;
use crate::expression::Expression;
use crate::quantity::Unit;

/// A field of a record.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Spot {
    /// Its name in the record that has it. With dots it is a field of a linked record, which stands beside the link.
    pub(crate) at: String,
    /// Its path from the record of the mapping: the same but for what lines have.
    pub(crate) path: String,
}

impl Spot {
    /// A field of the records that are reached by this prefix (empty, or `bom_line_ids.`).
    pub(crate) fn new(prefix: &str, at: &str) -> Self {
        Self { at: at.to_owned(), path: format!("{prefix}{at}") }
    }

    /// Whether it is another record's, reached through a link.
    pub(crate) fn is_linked(&self) -> bool {
        self.at.contains('.')
    }
}

/// One attribute and where it stands in the record.
#[derive(Clone, Debug)]
pub(crate) struct Field {
    pub(crate) attribute: Attribute,
    /// The record's field; none for constants, groups, and where this version of the system has none.
    pub(crate) at: Option<Spot>,
    /// Fields that are read where that one has nothing.
    pub(crate) or: Vec<Spot>,
    pub(crate) lens: Lens,
    /// The canonical value where the record has nothing.
    pub(crate) default: Option<Value>,
    pub(crate) readable: bool,
    pub(crate) writable: bool,
}

impl Field {
    pub(crate) fn name(&self) -> &str {
        self.attribute.name.value.as_str()
    }

    /// Every field of the record that it looks at for its value, the first choice first.
    pub(crate) fn spots(&self) -> impl Iterator<Item = &Spot> {
        self.at.iter().chain(&self.or)
    }

    /// Whether `false` is a value there, and not the absence of one.
    pub(crate) fn takes_false(&self) -> bool {
        match &self.lens {
            Lens::Flag(words) => words.iter().any(|(theirs, _)| !theirs),
            _ => self.attribute.shape == Shape::Boolean,
        }
    }
}

/// How a value is translated.
#[derive(Clone, Debug)]
pub(crate) enum Lens {
    /// This version of the system has no field for it: nothing is read, nothing can be written.
    Absent,
    Plain,
    Const(Value),
    Code {
        codes: Codes,
        by: CodeBy,
    },
    Ref(Target),
    /// Read only: a record does not choose its id.
    Record,
    /// Read only: a label is no identity.
    Label,
    Site,
    /// (theirs, ours).
    Enum(Vec<(String, String)>),
    /// A yes or a no, and our words for them.
    Flag(Vec<(bool, String)>),
    Quantity(UnitFrom),
    Money(CurrencyFrom),
    Duration(TimeUnit),
    Many(Box<Lens>, Box<Shape>),
    Only(Box<Lens>),
    /// Read only: nothing says which element of several is the first when one is written.
    First(Box<Lens>),
    Lines(Box<Lines>),
    Group(Vec<Field>),
    /// Read only: an expression has no inverse.
    Expression(Arc<Expression>),
}

/// How another record is named.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Target {
    /// By its id in the same system: no look-up.
    Record,
    /// By its business key.
    Key(ObjectName),
    /// By another attribute of it.
    Attribute(ObjectName, AttributeName),
}

/// The lines of a record as the groups of a list.
#[derive(Clone, Debug)]
pub(crate) struct Lines {
    pub(crate) attributes: Vec<Attribute>,
    pub(crate) members: Vec<Field>,
    /// The attributes by which a line is known again; by its place where empty.
    pub(crate) key: Vec<AttributeName>,
    /// Which lines are told; the others are left as they are.
    pub(crate) only: Vec<(String, Allowed)>,
}

impl Lines {
    /// Whether this line is told.
    pub(crate) fn tell(&self, line: &Value) -> bool {
        self.only.iter().all(|(field, allowed)| allowed.holds(line.get(field)))
    }

    /// The members that make the key.
    pub(crate) fn key_members(&self) -> impl Iterator<Item = &Field> {
        self.members.iter().filter(|member| self.key.contains(&member.attribute.name.value))
    }
}

/// What fields must have, without the places where that is declared.
pub(crate) fn allowed(declared: &[(Spanned<String>, Allowed)]) -> Vec<(String, Allowed)> {
    declared.iter().map(|(field, allowed)| (field.value.clone(), allowed.clone())).collect()
}

/// Where a quantity's unit comes from.
#[derive(Clone, Debug)]
pub(crate) enum UnitFrom {
    Fixed(Unit),
    Field { at: Spot, codes: Codes, by: CodeBy },
}

/// Where an amount's currency comes from.
#[derive(Clone, Debug)]
pub(crate) enum CurrencyFrom {
    Fixed(String),
    /// The label of the link in this field; a new record is known to have the other, where one is said.
    Field {
        at: Spot,
        new: Option<String>,
    },
}

impl Lens {
    /// Whether what it gets can be put back.
    pub(crate) fn inverts(&self) -> bool {
        match self {
            Self::Absent | Self::Const(_) | Self::Record | Self::Label | Self::First(_) | Self::Expression(_) => false,
            // A label is edited and translated by users: nothing is found by it.
            Self::Code { by, .. } => *by != CodeBy::Label,
            Self::Plain
            | Self::Ref(_)
            | Self::Site
            | Self::Enum(_)
            | Self::Flag(_)
            | Self::Quantity(_)
            | Self::Money(_)
            | Self::Duration(_) => true,
            // Elements have no identity, so a unit beside one cannot be put back where it was.
            Self::Many(element, _) | Self::Only(element) => element.inverts() && !element.spans_fields(),
            Self::Lines(lines) => lines.members.iter().any(|member| member.writable),
            Self::Group(members) => members.iter().any(|member| member.writable),
        }
    }

    fn spans_fields(&self) -> bool {
        matches!(self, Self::Quantity(UnitFrom::Field { .. }) | Self::Money(CurrencyFrom::Field { .. }))
    }

    /// Whether an empty field and a written value differ for this shape: numbers and booleans of systems are never empty.
    pub(crate) fn can_be_emptied(&self, shape: &Shape) -> bool {
        match self {
            Self::Plain => !matches!(shape, Shape::Integer | Shape::Decimal | Shape::Boolean),
            Self::Quantity(_)
            | Self::Money(_)
            | Self::Duration(_)
            | Self::Many(..)
            | Self::Lines(_)
            | Self::Flag(_) => false,
            _ => true,
        }
    }
}

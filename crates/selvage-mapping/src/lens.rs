//! Lenses as compiled for one version of a system: every name resolved, every unit parsed, nothing left to be unknown.
//! Which of them can be inverted is decided here, by type.

use std::sync::Arc;

use selvage_model::manifest::mapping::CodeBy;
use selvage_model::manifest::object::{Attribute, Shape};
use selvage_model::name::ObjectName;
use serde_json::Value;

use crate::code::Codes;
use crate::expression::Expression;
use crate::quantity::Unit;

/// One attribute and where it stands in the record.
#[derive(Clone, Debug)]
pub(crate) struct Field {
    pub(crate) attribute: Attribute,
    /// The record's field; none for constants, groups, and where this version of the system has none.
    pub(crate) at: Option<String>,
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
    Quantity(UnitFrom),
    Money(CurrencyFrom),
    Many(Box<Lens>, Box<Shape>),
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
}

/// Where a quantity's unit comes from.
#[derive(Clone, Debug)]
pub(crate) enum UnitFrom {
    Fixed(Unit),
    Field { at: String, codes: Codes, by: CodeBy },
}

/// Where an amount's currency comes from.
#[derive(Clone, Debug)]
pub(crate) enum CurrencyFrom {
    Fixed(String),
    /// The label of the link in this field.
    Field(String),
}

impl Lens {
    /// Whether what it gets can be put back.
    pub(crate) fn inverts(&self) -> bool {
        match self {
            Self::Absent | Self::Const(_) | Self::Record | Self::Label | Self::Expression(_) => false,
            // A label is edited and translated by users: nothing is found by it.
            Self::Code { by, .. } => *by != CodeBy::Label,
            Self::Plain | Self::Ref(_) | Self::Site | Self::Enum(_) | Self::Quantity(_) | Self::Money(_) => true,
            // Elements have no identity, so a group in a list, or a unit beside it, cannot be put back where it was.
            Self::Many(element, _) => element.inverts() && !element.spans_fields(),
            Self::Group(members) => members.iter().any(|member| member.writable),
        }
    }

    fn spans_fields(&self) -> bool {
        matches!(
            self,
            Self::Group(_)
                | Self::Quantity(UnitFrom::Field { .. })
                | Self::Money(CurrencyFrom::Field(_))
                | Self::Many(..)
        )
    }

    /// Whether an empty field and a written value differ for this shape: numbers and booleans of systems are never empty.
    pub(crate) fn can_be_emptied(&self, shape: &Shape) -> bool {
        match self {
            Self::Plain => !matches!(shape, Shape::Integer | Shape::Decimal | Shape::Boolean),
            Self::Quantity(_) | Self::Money(_) | Self::Many(..) => false,
            _ => true,
        }
    }
}

//! What a mapping needs of its system's record, field by field: which form each must have, and whether it is written.
//! Pure; whether a server has it is compared elsewhere.

use selvage_model::manifest::mapping::CodeBy;
use selvage_model::manifest::object::Shape;
use selvage_model::name::ObjectName;

use crate::lens::{CurrencyFrom, Field, Lens, UnitFrom};

/// One field that a mapping needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldNeed {
    /// The attribute that it is for, members of groups with dots; empty where it is for the record itself.
    pub attribute: String,
    /// The links and lists of lines that lead from the record to the one that has the field; empty for the record's own.
    pub path: Vec<String>,
    /// The field.
    pub field: String,
    /// The form that it must have.
    pub form: Form,
    /// Whether it is written too.
    pub written: bool,
    /// Whether an object may leave the attribute out.
    pub optional: bool,
}

/// The form that a field must have for its lens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Form {
    /// The lens takes what comes.
    Any,
    /// A text or a word.
    Text,
    /// A whole number.
    Whole,
    /// A number.
    Number,
    /// Yes or no.
    Flag,
    /// A moment.
    Moment,
    /// A day.
    Day,
    /// One of these words.
    Words(Vec<String>),
    /// A link to one record.
    Link(To),
    /// Links to several.
    Links(To),
}

/// Where a link must lead.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum To {
    /// Anywhere: only its label is read.
    Anywhere,
    /// To a record that is known by its external id.
    ExternalId,
    /// To the record that stands for this object.
    Object(ObjectName),
    /// To a company.
    Company,
}

/// Where attributes stand: before their names, and from the mapping's record to theirs.
#[derive(Clone, Default)]
pub(super) struct Whereabouts {
    of: String,
    path: Vec<String>,
    optional: bool,
}

/// The needs of these attributes.
pub(super) fn needs(fields: &[Field], stand: &Whereabouts, found: &mut Vec<FieldNeed>) {
    for field in fields {
        let attribute = format!("{}{}", stand.of, field.name());
        let optional = stand.optional || field.attribute.optional;
        let mut need = |at: &str, form: Form, written: bool| {
            let mut path = stand.path.clone();
            let mut name = at;
            // What is read through a link needs the link, and the field of the linked record.
            while let Some((link, inner)) = name.split_once('.') {
                let (attribute, field, form) = (attribute.clone(), link.to_owned(), Form::Link(To::Anywhere));
                found.push(FieldNeed { attribute, path: path.clone(), field, form, written: false, optional });
                path.push(link.to_owned());
                name = inner;
            }
            // A record that stands for another object too refers to it by its own id.
            let form = if name == "id" && matches!(form, Form::Link(_)) { Form::Whole } else { form };
            // What stands in another record is not written with this one.
            let written = written && path.is_empty();
            let (attribute, field) = (attribute.clone(), name.to_owned());
            found.push(FieldNeed { attribute, path, field, form, written, optional });
        };
        for at in field.spots() {
            need(&at.at, form(&field.lens, &field.attribute.shape), field.writable);
        }
        match &field.lens {
            Lens::Quantity(UnitFrom::Field { at, by, .. }) => need(&at.at, coded(*by), field.writable),
            // The currency is another field's to say.
            Lens::Money(CurrencyFrom::Field { at, .. }) => need(&at.at, Form::Link(To::Anywhere), false),
            Lens::Group(members) if field.at.is_none() => {
                let path = stand.path.clone();
                needs(members, &Whereabouts { of: format!("{attribute}."), path, optional }, found);
            }
            Lens::Lines(lines) => {
                if let Some(at) = &field.at {
                    let more = at.at.split('.').map(str::to_owned);
                    let path = stand.path.iter().cloned().chain(more).collect();
                    needs(&lines.members, &Whereabouts { of: format!("{attribute}."), path, optional }, found);
                }
            }
            Lens::Expression(expression) => {
                for member in expression.members_of("record") {
                    need(&member, Form::Any, false);
                }
            }
            _ => {}
        }
    }
}

fn form(lens: &Lens, shape: &Shape) -> Form {
    match lens {
        Lens::Plain => plain(shape),
        Lens::Code { by, .. } => coded(*by),
        Lens::Ref(_) => match shape {
            Shape::Ref { object } => Form::Link(To::Object(object.value.clone())),
            _ => Form::Any,
        },
        Lens::Record => Form::Whole,
        Lens::Label => Form::Link(To::Anywhere),
        Lens::Site => Form::Link(To::Company),
        Lens::Enum(words) => Form::Words(words.iter().map(|(theirs, _)| theirs.clone()).collect()),
        Lens::Flag(_) => Form::Flag,
        Lens::Quantity(_) | Lens::Money(_) | Lens::Duration(_) => Form::Number,
        // The records themselves are of another kind.
        Lens::Lines(_) => Form::Links(To::Anywhere),
        Lens::Many(element, shape) => match form(element, shape) {
            Form::Link(to) => Form::Links(to),
            _ => Form::Any,
        },
        _ => Form::Any,
    }
}

fn plain(shape: &Shape) -> Form {
    match shape {
        Shape::String { .. } | Shape::Text => Form::Text,
        Shape::Integer => Form::Whole,
        Shape::Decimal => Form::Number,
        Shape::Boolean => Form::Flag,
        Shape::Timestamp => Form::Moment,
        Shape::Date => Form::Day,
        _ => Form::Any,
    }
}

fn coded(by: CodeBy) -> Form {
    match by {
        CodeBy::Value => Form::Any,
        CodeBy::ExternalId => Form::Link(To::ExternalId),
        CodeBy::Label => Form::Link(To::Anywhere),
    }
}

//! Lenses and shapes in the words of findings. Only words.

use selvage_model::manifest::mapping::Lens as Declared;
use selvage_model::manifest::object::Shape;

pub(super) fn is_scalar(shape: &Shape) -> bool {
    !matches!(
        shape,
        Shape::List(_)
            | Shape::Group(_)
            | Shape::Quantity { .. }
            | Shape::Money
            | Shape::Code { .. }
            | Shape::Ref { .. }
    )
}

pub(super) fn lens_word(lens: &Declared) -> &'static str {
    match lens {
        Declared::Plain => "a plain field",
        Declared::Text { .. } => "a translated text",
        Declared::Const(_) => "a constant",
        Declared::Code { .. } => "this code set",
        Declared::Ref { .. } => "a reference to this object",
        Declared::Record => "the record's id",
        Declared::Label => "a label",
        Declared::Site => "a site",
        Declared::Enum(_) => "an enumeration",
        Declared::Quantity(_) => "a quantity",
        Declared::Money { .. } => "an amount of money",
        Declared::Duration(_) => "a number of time",
        Declared::Many(_) => "a list",
        Declared::Only(_) => "the one element of a list",
        Declared::First(_) => "the first element of a list",
        Declared::Lines(_) => "a list of lines",
        Declared::Group(_) => "a group",
        Declared::Expression(_) => "an expression",
    }
}

pub(super) fn shape_word(shape: &Shape) -> &'static str {
    match shape {
        Shape::String { .. } => "a string",
        Shape::Text => "a text",
        Shape::Integer => "an integer",
        Shape::Decimal => "a decimal",
        Shape::Boolean => "a boolean",
        Shape::Enum { .. } => "an enum",
        Shape::Code { .. } => "a code of the attribute's set",
        Shape::Ref { .. } => "a reference to the attribute's object",
        Shape::Quantity { .. } => "a quantity",
        Shape::Money => "money",
        Shape::Timestamp => "a timestamp",
        Shape::Date => "a date",
        Shape::Duration => "a duration",
        Shape::List(_) => "a list",
        Shape::Group(_) => "a group",
    }
}

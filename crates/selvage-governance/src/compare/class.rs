//! The classes of an area, written as the rows of a table.

/// The code of a class: its area, its element, what happened to it, and which way it travels where it has one.
macro_rules! code {
    ($area:literal $element:literal $action:literal Both) => {
        concat!($area, ".", $element, ".", $action)
    };
    ($area:literal $element:literal $action:literal Request) => {
        concat!($area, ".", $element, ".", $action, ".request")
    };
    ($area:literal $element:literal $action:literal Response) => {
        concat!($area, ".", $element, ".", $action, ".response")
    };
}

/// The rows of an area: name, element, action, direction, verdict, and why.
macro_rules! classes {
    ($area:ident $word:literal: $($name:ident = $element:literal $action:literal $direction:ident $verdict:ident $because:literal;)*) => {
        $(
            pub(super) static $name: $crate::compare::Class = $crate::compare::Class {
                code: $crate::compare::class::code!($word $element $action $direction),
                area: $crate::compare::Area::$area,
                element: $element,
                action: $action,
                direction: $crate::compare::Direction::$direction,
                verdict: $crate::compare::Verdict::$verdict,
                because: $because,
            };
        )*
        /// Every class of the area.
        pub(super) static CLASSES: &[&$crate::compare::Class] = &[$(&$name),*];
    };
}

/// What is different in an area and is of none of its other classes: a field that was given to a manifest and that nobody has
/// thought of yet.
macro_rules! backstop {
    ($area:ident $word:literal) => {
        pub(super) static OTHER: $crate::compare::Class = $crate::compare::Class {
    code: $crate::compare::class::code!($word "other" "changed" Both),
            area: $crate::compare::Area::$area,
            element: "other",
            action: "changed",
            direction: $crate::compare::Direction::Both,
            verdict: $crate::compare::Verdict::Unproven,
            because: "No class says what is different, and so not what it means.",
        };
    };
}

pub(super) use {backstop, classes, code};

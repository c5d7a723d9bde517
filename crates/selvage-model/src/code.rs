//! The catalogue of codes: every error, finding and refusal that a person can meet has one, and a page docs/errors/CODE.md.
//! Grouped: 1 reading manifests, 2 lint, 3 mapping, 4 gateway, 5 engine, 6 connectors, 7 store, 8 command line and console.

use std::fmt;

/// One code, as `FAB2107`. Made only from the catalogue.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Code(&'static str);

impl Code {
    /// The code as text.
    pub fn as_str(self) -> &'static str {
        self.0
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

macro_rules! catalogue {
    ($($name:ident = $code:literal, $title:literal;)*) => {
        $(#[doc = $title] pub const $name: Code = Code($code);)*

        /// Every code with its title, in order.
        pub const CATALOGUE: &[(Code, &str)] = &[$(($name, $title)),*];
    };
}

catalogue! {
    // 1 reading manifests
    NOT_UTF8 = "FAB1001", "The file is not UTF-8 text";
    TOO_LARGE = "FAB1002", "The file, or the fabric, is too large";
    NOT_YAML = "FAB1003", "The file is not valid YAML";
    TOO_DEEP = "FAB1004", "The document is nested too deeply or expands too far";
    UNKNOWN_KIND = "FAB1005", "The document has no kind, or an unknown one";
    UNKNOWN_FIELD = "FAB1006", "A field that this kind does not have";
    MISSING_FIELD = "FAB1007", "A required field is missing";
    WRONG_TYPE = "FAB1008", "The value has the wrong shape";
    BAD_VALUE = "FAB1009", "The value is not one that this field takes";
    DUPLICATE_KEY = "FAB1010", "The same key stands twice in one mapping";
    DUPLICATE_THING = "FAB1011", "Two manifests declare the same thing";
    UNREADABLE = "FAB1012", "The file or directory cannot be read";
    // 3 mapping
    MAPPING_ATTRIBUTE = "FAB3001", "The mapping and its object do not agree on attributes";
    MAPPING_LENS = "FAB3002", "The lens does not fit the attribute";
    MAPPING_REFERENCE = "FAB3003", "A reference that this system cannot show or follow";
    MAPPING_CODES = "FAB3004", "A code set or unit that the mapping cannot use";
    MAPPING_EXPRESSION = "FAB3005", "The expression is not valid, or not allowed to grow so large";
    MAPPING_OVERLAP = "FAB3006", "Two attributes write the same field";
    MAPPING_VERSION = "FAB3007", "The mapping is not for this version of the system";
    CODE_UNMATCHED = "FAB3101", "A word that the code set does not have";
    REFERENCE_UNRESOLVED = "FAB3102", "A reference that leads to nothing";
    UNIT_MISMATCH = "FAB3103", "A unit that is unknown, measures something else or does not convert exactly";
    VALUE_SHAPE = "FAB3104", "The value has not the shape that the attribute needs";
    NOT_WRITABLE = "FAB3105", "The attribute is read only";
    NOT_FILTERABLE = "FAB3106", "The attribute cannot be searched by";
    EXAMPLE_FAILED = "FAB3201", "An example of the mapping does not hold";
    LAW_BROKEN = "FAB3202", "A law of lenses does not hold for the mapping";
}

/// The code of this text, where the catalogue has it.
pub fn find(text: &str) -> Option<(Code, &'static str)> {
    CATALOGUE.iter().find(|(code, _)| code.0.eq_ignore_ascii_case(text)).copied()
}

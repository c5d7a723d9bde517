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
}

/// The code of this text, where the catalogue has it.
pub fn find(text: &str) -> Option<(Code, &'static str)> {
    CATALOGUE.iter().find(|(code, _)| code.0.eq_ignore_ascii_case(text)).copied()
}

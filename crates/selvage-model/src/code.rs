//! The catalogue of codes: every error, finding and refusal that a person can meet has one, and a page docs/errors/CODE.md.
//! Grouped: 1 reading manifests, 2 lint (27 comparison), 3 mapping, 4 gateway, 5 engine, 6 connectors, 7 store and event log, 8 command line and console.

mod command;
mod engine;
mod gateway;
mod manifest;
mod store;

use std::fmt;

pub use command::*;
pub use engine::*;
pub use gateway::*;
pub use manifest::*;
pub use store::*;

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

/// Codes of one file, and the list of them.
macro_rules! codes {
    ($all:ident: $($name:ident = $code:literal, $title:literal;)*) => {
        $(#[doc = $title] pub const $name: Code = Code($code);)*

        pub(super) const $all: &[(Code, &str)] = &[$(($name, $title)),*];
    };
}

use codes;

/// Every code with its title, in order.
pub fn catalogue() -> impl Iterator<Item = (Code, &'static str)> {
    let parts = [OF_MANIFESTS, OF_GATEWAY, OF_ENGINE, OF_STORE, OF_COMMANDS];
    parts.into_iter().flatten().copied()
}

/// The code of this text, where the catalogue has it.
pub fn find(text: &str) -> Option<(Code, &'static str)> {
    catalogue().find(|(code, _)| code.0.eq_ignore_ascii_case(text))
}

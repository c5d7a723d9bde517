//! What objects, and events of an interface, promise of their later states, in the words of schema registries. Judges nothing.

use std::fmt;
use std::str::FromStr;

/// Which way states go together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CompatibilityWay {
    /// What was written before is read now.
    Backward,
    /// What is written now is read as before.
    Forward,
    /// Both.
    Full,
}

/// What is promised, as `full-transitive`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CompatibilityPromise {
    /// Which way.
    pub way: CompatibilityWay,
    /// With every state that there was, and not only with the one before.
    pub transitive: bool,
}

impl CompatibilityPromise {
    /// The words in manifests.
    pub const WORDS: [&str; 6] =
        ["backward", "forward", "full", "backward-transitive", "forward-transitive", "full-transitive"];

    /// What keeps both promises.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        let way = if self.way == other.way { self.way } else { CompatibilityWay::Full };
        Self { way, transitive: self.transitive || other.transitive }
    }
}

impl fmt::Display for CompatibilityPromise {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.way {
            CompatibilityWay::Backward => "backward",
            CompatibilityWay::Forward => "forward",
            CompatibilityWay::Full => "full",
        })?;
        if self.transitive { f.write_str("-transitive") } else { Ok(()) }
    }
}

impl FromStr for CompatibilityPromise {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let (way, transitive) = text.strip_suffix("-transitive").map_or((text, false), |way| (way, true));
        let way = match way {
            "backward" => CompatibilityWay::Backward,
            "forward" => CompatibilityWay::Forward,
            "full" => CompatibilityWay::Full,
            _ => return Err(()),
        };
        Ok(Self { way, transitive })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_and_what_they_say() {
        for word in CompatibilityPromise::WORDS {
            assert_eq!(word.parse::<CompatibilityPromise>().unwrap().to_string(), word);
        }
        for word in ["", "none", "transitive", "-transitive", "full-transitive-transitive", "FULL"] {
            assert_eq!(word.parse::<CompatibilityPromise>(), Err(()), "{word}");
        }
        let of = |text: &str| text.parse::<CompatibilityPromise>().unwrap();
        for (one, other, both) in [
            ("backward", "backward", "backward"),
            ("backward", "forward", "full"),
            ("forward", "full-transitive", "full-transitive"),
            ("backward-transitive", "backward", "backward-transitive"),
        ] {
            assert_eq!(of(one).and(of(other)), of(both), "{one} {other}");
            assert_eq!(of(other).and(of(one)), of(both), "{other} {one}");
        }
    }
}

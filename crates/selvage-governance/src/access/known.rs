//! Whether anything declares what is to be cut off or let in: a name that was mistyped would be blocked, with success, while the one that
//! was meant goes on.

use selvage_model::access::Blocked;
use selvage_model::fabric::Fabric;
use selvage_model::finding::show;

use crate::nearest::suggest;

/// What is unknown, and what was probably meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unknown {
    /// In words: "no consumer is called `mes-gent`".
    pub says: String,
    /// What to do.
    pub fix: String,
}

/// `None` where one of these fabrics declares it, or none of them declares anything of its kind.
pub fn unknown<'a>(fabrics: impl IntoIterator<Item = &'a Fabric>, what: &Blocked) -> Option<Unknown> {
    let mut known: Vec<String> = Vec::new();
    for fabric in fabrics {
        match what {
            Blocked::Consumer(_) => known.extend(fabric.consumers.keys().map(ToString::to_string)),
            Blocked::Interface(_) => known.extend(fabric.interfaces.keys().map(ToString::to_string)),
        }
    }
    known.sort();
    known.dedup();
    let (kind, name) = match what {
        Blocked::Consumer(name) => ("consumer", name.to_string()),
        Blocked::Interface(interface) => ("interface", interface.to_string()),
    };
    if known.is_empty() || known.contains(&name) {
        return None;
    }
    let fix = suggest(&name, &known, "`selvage catalogue list` lists what there is");
    Some(Unknown { says: format!("no {kind} is called {}", show(&name)), fix })
}

#[cfg(test)]
mod tests {
    use super::*;
    use selvage_model::read::{Sources, read};

    #[test]
    fn what_was_probably_meant_is_named() {
        let text = "kind: Consumer\nname: mes-ghent\nowner: it\nidentity: {api_key: {}}\n";
        let mut sources = Sources::new();
        sources.insert("consumers.yaml", text.as_bytes().to_vec());
        let fabric = read(&sources).fabric;
        let consumer = |name: &str| Blocked::Consumer(name.parse().unwrap());
        assert_eq!(unknown([&fabric], &consumer("mes-ghent")), None);
        let meant = unknown([&fabric], &consumer("mes-gent")).unwrap();
        assert_eq!(
            (meant.says.as_str(), meant.fix.as_str()),
            ("no consumer is called `mes-gent`", "did you mean `mes-ghent`?")
        );
        assert!(unknown([&fabric], &consumer("nobody-known")).unwrap().fix.contains("`mes-ghent`"));
        // Where there is nothing of the kind, there is nothing to judge by.
        assert_eq!(unknown([&fabric], &Blocked::Interface("nope@1".parse().unwrap())), None);
        assert_eq!(unknown([], &consumer("mes-gent")), None);
    }
}

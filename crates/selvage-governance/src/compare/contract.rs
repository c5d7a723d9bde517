//! Contracts of direct apis: two files are compared once, and what is different is told for each interface that has them.

use std::collections::BTreeMap;
use std::sync::Arc;

use selvage_model::source::{Place, Spanned};
use selvage_model::yaml::{self, Limits, Node};

use super::class::classes;
use super::two::Spot;
use super::{Difference, Verdict, openapi};

classes! { Interface "interface":
    WORDS_CHANGED = "contract-words" "changed" Both Safe "Only what is for people is different in the contract.";
    CHANGED = "contract" "changed" Both Unproven "What is different in it cannot be told.";
}

/// Texts of the files that manifests name, by path.
pub(super) type FileTexts = BTreeMap<String, Arc<str>>;

/// The contracts of the two states.
pub(super) struct Contracts<'a> {
    before: &'a FileTexts,
    after: &'a FileTexts,
    known: BTreeMap<(String, String), Vec<Difference>>,
}

impl<'a> Contracts<'a> {
    pub(super) fn new(before: &'a FileTexts, after: &'a FileTexts) -> Self {
        Self { before, after, known: BTreeMap::new() }
    }

    /// What is different between the contracts of an interface, by their content: where they lie is no difference.
    pub(super) fn compare(
        &mut self,
        found: &mut Vec<Difference>,
        (was, is): (&Spanned<String>, &Spanned<String>),
        spot: &Spot,
    ) {
        let (before, after) = (self.before, self.after);
        let of_both = || differences((before.get(&was.value), after.get(&is.value)), was, is);
        let differences = self.known.entry((was.value.clone(), is.value.clone())).or_insert_with(of_both);
        for difference in differences.iter() {
            let mut one = difference.clone();
            one.interface.clone_from(&spot.interface);
            if spot.idle {
                one.verdict = Verdict::Safe;
            }
            found.push(one);
        }
    }
}

fn differences(
    texts: (Option<&Arc<str>>, Option<&Arc<str>>),
    was: &Spanned<String>,
    is: &Spanned<String>,
) -> Vec<Difference> {
    let unknown = || vec![Difference::new(&CHANGED, format!("contract {is}"), &Place::start(&is.value))];
    match texts {
        (Some(before), Some(after)) if before == after => Vec::new(),
        (Some(before), Some(after)) => match (read(before, &was.value), read(after, &is.value)) {
            (Some(before), Some(after)) if before.to_value() == after.to_value() => Vec::new(),
            (Some(before), Some(after)) => {
                let found = openapi(&before, &after);
                let words = || Difference::new(&WORDS_CHANGED, format!("contract {is}"), &after.place);
                if found.is_empty() { vec![words()] } else { found }
            }
            _ => unknown(),
        },
        // Neither is there: their manifests say the same, and what they mean is as unknown as it was.
        (None, None) if was == is => Vec::new(),
        _ => unknown(),
    }
}

/// The one document that a contract is.
fn read(text: &str, path: &str) -> Option<Node> {
    let (mut nodes, findings) = yaml::parse(text.as_bytes(), &Arc::from(path), &Limits::CONTRACT);
    (findings.is_empty() && nodes.len() == 1).then(|| nodes.swap_remove(0))
}

//! Which findings a difference brings: those that the state before does not have, or has less gravely. Lines move when a file is edited, so a
//! finding is known again by its code, its file and its words. Pure; it judges nothing itself.

use std::collections::BTreeMap;

use selvage_model::code::Code;
use selvage_model::finding::{Finding, Severity};
use selvage_model::source::Place;

/// What a finding is known again by.
type Same<'a> = (Code, &'a str, &'a str);

/// Of each finding of the state after, whether it is brought. One that stood before accounts for one: of several that say the same, those at the
/// places of before stood.
pub fn brought(before: &[Finding], after: &[Finding]) -> Vec<bool> {
    let mut stood: BTreeMap<Same<'_>, Vec<(&Place, Severity)>> = BTreeMap::new();
    for finding in before {
        stood.entry(same(finding)).or_default().push((&finding.place, finding.severity));
    }
    let mut is_brought = vec![true; after.len()];
    for is_there in [same_place, anywhere] {
        for (finding, is_brought) in after.iter().zip(&mut is_brought).filter(|(_, is_brought)| **is_brought) {
            let Some(known) = stood.get_mut(&same(finding)) else { continue };
            let found = known
                .iter()
                .position(|(place, severity)| is_there(place, &finding.place) && *severity >= finding.severity);
            if let Some(found) = found {
                known.swap_remove(found);
                *is_brought = false;
            }
        }
    }
    is_brought
}

fn same(finding: &Finding) -> Same<'_> {
    (finding.code, &finding.place.file, &finding.message)
}

fn same_place(stood: &Place, stands: &Place) -> bool {
    stood == stands
}

fn anywhere(_: &Place, _: &Place) -> bool {
    true
}

#[cfg(test)]
mod tests {
    use selvage_model::code;

    use super::*;

    fn finding(file: &str, line: u32, severity: Severity, message: &str) -> Finding {
        let place = Place { line, ..Place::start(file) };
        Finding { severity, ..Finding::error(code::WAIVER_OVER, &place, message) }
    }

    #[test]
    fn what_stood_before_is_not_brought() {
        let (advice, warning, error) = (Severity::Advice, Severity::Warning, Severity::Error);
        let before = [
            finding("a.yaml", 3, warning, "no paging"),
            finding("a.yaml", 9, warning, "no owner"),
            finding("b.yaml", 3, error, "no end"),
        ];
        for (after, expected, why) in [
            (finding("a.yaml", 3, warning, "no paging"), false, "it stands where it stood"),
            (finding("a.yaml", 40, warning, "no paging"), false, "its line moved"),
            (finding("a.yaml", 3, error, "no paging"), true, "it is graver"),
            (finding("b.yaml", 3, advice, "no end"), false, "it is less grave"),
            (finding("c.yaml", 3, error, "no end"), true, "it is of another file"),
            (finding("a.yaml", 3, warning, "no end"), true, "it says something else"),
        ] {
            assert_eq!(brought(&before, &[after]), [expected], "{why}");
        }
        // Of two that say the same, one is new: the one at another place.
        let twice = [finding("a.yaml", 1, warning, "no paging"), finding("a.yaml", 3, warning, "no paging")];
        assert_eq!(brought(&before, &twice), [true, false]);
        assert_eq!(brought(&[], &twice), [true, true]);
    }
}

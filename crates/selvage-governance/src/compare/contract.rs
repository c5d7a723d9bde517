//! Contracts of direct apis: two files are compared once, and what is different is told for each interface that has them.

use std::collections::BTreeMap;
use std::sync::Arc;

use selvage_model::source::{Place, Spanned};
use selvage_model::yaml::{self, Limits, Node};

use super::class::classes;
use super::schema::equal;
use super::two::Spot;
use super::{Difference, Verdict, openapi};
use crate::compare::openapi::says_the_same;

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
    let unknown = |place: &Place| vec![Difference::new(&CHANGED, format!("contract {is}"), place)];
    match texts {
        (Some(before), Some(after)) if before == after && !may_lead_out(before) => Vec::new(),
        (Some(before), Some(after)) => match (read(before, &was.value), read(after, &is.value)) {
            (Some(old), Some(new)) => {
                let mut found = openapi(&old, &new);
                // Equal texts may differ in what they refer to, which is told; nothing else is different.
                if found.is_empty() && before != after {
                    found = unexplained(&old, &new, &is.value);
                }
                found
            }
            (None, None) if before == after => Vec::new(),
            _ => unknown(&Place::start(&is.value)),
        },
        // Neither is there: their manifests say the same, and what they mean is as unknown as it was.
        (None, None) if was == is => Vec::new(),
        _ => unknown(&Place::start(&is.value)),
    }
}

/// Whether a text may refer to what lies outside of it: it has a reference that does not plainly stay within.
fn may_lead_out(text: &str) -> bool {
    let stays = |rest: &str| rest.trim_start_matches(['"', '\'', ':', ' ']).starts_with("#/");
    text.split("$ref").skip(1).any(|rest| !stays(rest))
}

/// What is to be said of two contracts of which the comparison has found nothing, though they are not equal.
pub(super) fn unexplained(before: &Node, after: &Node, name: &str) -> Vec<Difference> {
    if equal(before, after) {
        return Vec::new();
    }
    let class = if says_the_same(before, after) { &WORDS_CHANGED } else { &CHANGED };
    vec![Difference::new(class, format!("contract {name}"), &after.place)]
}

/// The one document that a contract is.
fn read(text: &str, path: &str) -> Option<Node> {
    let (mut nodes, findings) = yaml::parse(text.as_bytes(), &Arc::from(path), &Limits::CONTRACT);
    (findings.is_empty() && nodes.len() == 1).then(|| nodes.swap_remove(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ORDERS: &str = "openapi: 3.1.0
info: {title: Orders, version: '1'}
paths:
  /orders:
    get:
      operationId: orders
      parameters: [{name: size, in: query, schema: {type: integer, minimum: 1}}]
      responses: {'200': {description: Orders, content: {application/json: {schema: {$ref: '#/components/schemas/Order'}}}}}
components:
  schemas:
    Order: {type: object, properties: {number: {type: string}}}
";

    fn codes(before: &str, after: &str) -> Vec<(&'static str, Verdict)> {
        let path = Spanned { value: "orders.yaml".to_owned(), place: Place::start("orders.yaml") };
        let (before, after) = (Arc::from(before), Arc::from(after));
        let found = differences((Some(&before), Some(&after)), &path, &path);
        found.iter().map(|one| (one.class.code, one.verdict)).collect()
    }

    /// What the comparison has nothing to say of is safe only where it is seen to be words.
    #[test]
    fn what_nothing_explains_is_unproven() {
        let words = ("interface.contract-words.changed", Verdict::Safe);
        let unknown = ("interface.contract.changed", Verdict::Unproven);
        for (text, other, expected) in [
            ("title: Orders", "title: Sales", words),
            ("description: Orders", "description: All orders", words),
            // The same said otherwise, and a schema that stands where it is used.
            ("minimum: 1}", "exclusiveMinimum: 0}", words),
            ("{$ref: '#/components/schemas/Order'}", "{type: object, properties: {number: {type: string}}}", words),
            // A parameter that stands elsewhere is the same to the comparison; it is not looked at whether it is.
            (
                "    get:\n      operationId: orders\n      parameters: [{name: size, in: query, schema: {type: integer, minimum: 1}}]\n",
                "    parameters: [{name: size, in: query, schema: {type: integer, minimum: 1}}]\n    get:\n      operationId: orders\n",
                unknown,
            ),
        ] {
            let after = ORDERS.replacen(text, other, 1);
            assert_ne!(after, ORDERS);
            assert_eq!(codes(ORDERS, &after), [expected], "{other}");
        }
        assert_eq!(codes(ORDERS, ORDERS), []);
    }

    #[test]
    fn references_that_stay_within_are_told_from_others() {
        for (text, leads) in [
            ("a: {$ref: '#/b'}", false),
            ("{\"$ref\": \"#/b\"}", false),
            ("a: {$ref: b.yaml}", true),
            ("a: {$ref: '#/b'}\nc: {$ref: 'b.yaml#/c'}", true),
            ("$ref: # to\n  b.yaml", true),
            ("a: b", false),
        ] {
            assert_eq!(may_lead_out(text), leads, "{text}");
        }
    }

    /// What lies outside may be another, though the contracts are the same.
    #[test]
    fn what_lies_outside_is_never_proven() {
        let outside = ORDERS.replace("#/components/schemas/Order", "order.yaml");
        let found = codes(&outside, &outside);
        assert_eq!(found, [("schema.reference.widened.response", Verdict::Unproven)]);
    }
}

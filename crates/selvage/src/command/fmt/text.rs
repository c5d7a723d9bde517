//! The form of a text, pure: keys in order, then indentation and quotes by pretty_yaml, which keeps comments. The outcome must say the
//! same as what was given, word for word, or it is none.

use std::collections::BTreeMap;
use std::sync::Arc;

use pretty_yaml::config::{FormatOptions, Quotes};
use selvage_model::manifest::kind::Kind;
use selvage_model::yaml::{self, Limits, Node};
use serde_json::Value;

use super::order;

/// Lines are broken where a list or a map in brackets would be longer.
const WIDTH: usize = 150;

/// Whether every document of the text is a manifest.
pub(super) fn holds_manifests(text: &str) -> bool {
    let (documents, _) = read(text);
    !documents.is_empty() && documents.iter().all(|document| kind(document).is_some())
}

/// The text in its form, or why it has none.
pub(super) fn format(text: &str) -> Result<String, String> {
    let (documents, broken) = read(text);
    if let Some(finding) = broken {
        return Err(finding);
    }
    let ordered = order::keys(text, &documents);
    // Where the order of keys carries meaning (an alias follows its anchor), it stays.
    let ordered = if same(&documents, &read(&ordered).0) { ordered } else { text.to_owned() };
    let mut formatted = pretty(&ordered)?;
    // What was broken into lines may fit, or not, once more.
    for _ in 0..3 {
        let again = pretty(&formatted)?;
        if again == formatted {
            break;
        }
        formatted = again;
    }
    if !same(&documents, &read(&formatted).0) || words(text) != words(&formatted) {
        return Err("it would say something else".to_owned());
    }
    Ok(formatted)
}

fn pretty(text: &str) -> Result<String, String> {
    let mut options = FormatOptions::default();
    options.layout.print_width = WIDTH;
    options.language.quotes = Quotes::PreferDouble;
    options.language.brace_spacing = false;
    options.language.trailing_comma = false;
    options.language.prefer_single_line = true;
    pretty_yaml::format_text(text, &options).map_err(|error| error.to_string())
}

fn read(text: &str) -> (Vec<Node>, Option<String>) {
    let (documents, findings) = yaml::parse(text.as_bytes(), &Arc::from("text"), &Limits::MANIFESTS);
    let first = findings.first().map(|finding| format!("line {}: {}", finding.place.line, finding.message));
    (documents, first)
}

pub(super) fn kind(document: &Node) -> Option<Kind> {
    document.get("kind")?.text()?.parse().ok()
}

/// Whether two readings say the same; keys stand in any order.
fn same(left: &[Node], right: &[Node]) -> bool {
    let values = |documents: &[Node]| documents.iter().map(Node::to_value).collect::<Vec<Value>>();
    values(left) == values(right)
}

/// How often each word stands in a text, comments and all: form is what is between them.
fn words(text: &str) -> BTreeMap<&str, usize> {
    let mut words = BTreeMap::new();
    for word in text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()) {
        *words.entry(word).or_insert(0) += 1;
    }
    words
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check(before: &str, after: &str) {
        let formatted = format(before).unwrap();
        assert_eq!(formatted, after);
        assert_eq!(format(&formatted).unwrap(), after, "twice is once");
    }

    #[test]
    fn keys_quotes_and_indentation_have_one_form() {
        check(
            "# The board.\nowner:   it # answers\nidentity: { api_key: { } }\n# Its name.\nname: 'board'\nkind: Consumer\n# The end.\n",
            "# The board.\nkind: Consumer\n# Its name.\nname: \"board\"\nowner: it # answers\nidentity: {api_key: {}}\n# The end.\n",
        );
        check(
            "kind: Team\nname: a\nroles:\n    owner:\n    - b\n---\n# second\nname: c\n\nroles: {owner: [d]}\nkind: Team\n",
            "kind: Team\nname: a\nroles:\n  owner:\n    - b\n---\n# second\nkind: Team\nname: c\n\nroles: {owner: [d]}\n",
        );
    }

    #[test]
    fn blocks_of_text_and_what_is_unknown_keep_their_place() {
        let text = "kind: Rule\nname: a\nwhen: |\n  a\n\n  b: c\n# why\nsays: >-\n  x\n  y\n";
        let formatted = format(text).unwrap();
        assert!(same(&read(text).0, &read(&formatted).0), "{formatted}");
        check("unknown: 1\nkind: Team\nname: a\n", "kind: Team\nname: a\nunknown: 1\n");
    }

    #[test]
    fn what_is_no_manifest_or_no_yaml_is_left() {
        assert!(!holds_manifests("openapi: 3.1.0\n"));
        assert!(!holds_manifests("# nothing\n"));
        assert!(format("kind: Team\nname: [a\n").is_err());
    }

    #[test]
    fn an_alias_stays_behind_its_anchor() {
        let text = "roles: &r {owner: [a]}\nkind: Team\nother: *r\nname: x\n";
        let formatted = format(text).unwrap();
        assert!(same(&read(text).0, &read(&formatted).0), "{formatted}");
    }

    fn scalar() -> impl Strategy<Value = String> {
        prop_oneof![
            "[a-z]{1,8}",
            "'[a-z :#,]{0,10}'",
            "\"[a-z '#:,]{0,10}\"",
            Just("\"1\"".to_owned()),
            Just("1.0".to_owned()),
            Just("true".to_owned()),
            Just("~".to_owned()),
            "\\[[a-z]{1,4}, *\"[a-z]{1,4}\" *\\]",
            "\\{[a-z]{1,4}: *[a-z]{1,4}, [a-z]{1,3}x: [0-9]{1,3}\\}",
            Just("|\n    a\n     b\n\n    c".to_owned()),
            Just(">-\n    a\n    b".to_owned()),
            Just("\n    - a\n    -   b # c\n    - {d: e}".to_owned()),
            Just("\n     deep: a\n     # in\n     deeper:\n       - b".to_owned()),
        ]
    }

    prop_compose! {
        fn document()(
            entries in prop::collection::btree_map("(name|owner|roles|version|unknown|zone)", (scalar(), "(| # [a-z]{1,6})", "(|# [a-z ]{1,9}\n|\n)"), 0..6),
            at in 0_usize..6,
        ) -> String {
            let mut lines: Vec<String> = entries.iter().map(|(key, (value, behind, above))| {
                let behind = if value.contains('\n') { "" } else { behind.as_str() };
                std::format!("{above}{key}: {value}{behind}\n")
            }).collect();
            lines.insert(at.min(lines.len()), "kind: System\n".to_owned());
            lines.concat()
        }
    }

    proptest! {
        #[test]
        fn nothing_is_lost_and_twice_is_once(documents in prop::collection::vec(document(), 1..4)) {
            let text = documents.join("---\n");
            prop_assume!(read(&text).1.is_none());
            let formatted = format(&text).map_err(|why| TestCaseError::fail(std::format!("{why}:\n{text}")))?;
            prop_assert!(same(&read(&text).0, &read(&formatted).0), "{text}\n---->\n{formatted}");
            prop_assert_eq!(text.matches('#').count(), formatted.matches('#').count(), "{}", formatted);
            prop_assert_eq!(format(&formatted).unwrap(), formatted);
        }
    }
}

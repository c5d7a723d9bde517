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

/// Whether a document of the text is a manifest; an error where the text cannot be read, since then nobody can tell.
pub(super) fn holds_manifests(text: &str) -> Result<bool, String> {
    // A contract may be larger than manifests are.
    let (documents, broken) = read_within(text, &Limits::CONTRACT);
    broken.map_or_else(|| Ok(documents.iter().any(|document| kind(document).is_some())), Err)
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
    read_within(text, &Limits::MANIFESTS)
}

fn read_within(text: &str, limits: &Limits) -> (Vec<Node>, Option<String>) {
    let (documents, findings) = yaml::parse(text.as_bytes(), &Arc::from("text"), limits);
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
    use std::path::{Path, PathBuf};

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
            "# The board.\n\nowner:   it # answers\nidentity: { api_key: { } }\n# Its name.\nname: 'board'\nkind: Consumer\n# The end.\n",
            "# The board.\n\nkind: Consumer\n# Its name.\nname: \"board\"\nowner: it # answers\nidentity: {api_key: {}}\n# The end.\n",
        );
        check(
            "kind: Team\nname: a\nroles:\n    owner:\n    - b\n---\n# second\nname: c\n\nroles: {owner: [d]}\nkind: Team\n",
            "kind: Team\nname: a\nroles:\n  owner:\n    - b\n---\nkind: Team\n# second\nname: c\n\nroles: {owner: [d]}\n",
        );
    }

    #[test]
    fn comments_stay_with_what_they_stand_above() {
        check(
            "# Who answers.\nowner: it\nkind: Consumer\nname: board\n",
            "kind: Consumer\nname: board\n# Who answers.\nowner: it\n",
        );
        check(
            "owner: it\n# owner: nobody\n\n# People\n\n# Its name.\nname: board\nkind: Consumer\n",
            "kind: Consumer\n# People\n\n# Its name.\nname: board\nowner: it\n# owner: nobody\n",
        );
        check(
            "kind: Team\nname: a\n---\n# Its roles.\nroles: {owner: [d]}\nname: c\nkind: Team\n",
            "kind: Team\nname: a\n---\nkind: Team\nname: c\n# Its roles.\nroles: {owner: [d]}\n",
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
        for (text, holds) in [
            ("openapi: 3.1.0\n", Some(false)),
            ("# nothing\n", Some(false)),
            ("kind: Team\nname: a\n---\nkind: Taem\n", Some(true)),
            ("openapi: [3.1.0\n", None),
            ("a: 1\na: 2\n", None),
        ] {
            assert_eq!(holds_manifests(text).ok(), holds, "{text}");
        }
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
            head in "(|# [a-z]{1,5}\n\n)",
            entries in prop::collection::btree_map(
                "(name|owner|roles|version|unknown|zone)",
                (scalar(), "(| # [a-z]{1,6})", "(|# [a-z ]{0,9}\n|\n|# [a-z]{1,3}\n\n|\n# [a-z]{1,3}\n\n# [a-z]{1,3}\n)"),
                0..6,
            ),
            at in 0_usize..6,
            tail in "(|\n|# [a-z]{1,5}\n|\n# [a-z]{1,5}\n)",
        ) -> String {
            let mut lines: Vec<String> = entries.iter().map(|(key, (value, behind, above))| {
                let behind = if value.contains('\n') { "" } else { behind.as_str() };
                std::format!("{above}{key}: {value}{behind}\n")
            }).collect();
            lines.insert(at.min(lines.len()), "kind: System\n".to_owned());
            std::format!("{head}{}{tail}", lines.concat())
        }
    }

    /// Every comment that stands right above a key at the margin, with that key; those inside values with the line below them.
    fn attached(text: &str) -> Vec<(String, String)> {
        let lines: Vec<&str> = text.lines().map(str::trim).collect();
        let is_key = |line: &&str| !line.is_empty() && !line.starts_with('#') && !line.starts_with("---");
        let key = |line: &str| line.split([':', ' ']).next().unwrap_or_default().to_owned();
        let mut attached: Vec<(String, String)> = Vec::new();
        for (index, line) in lines.iter().enumerate().filter(|(_, line)| line.starts_with('#')) {
            let below = lines[index..].iter().find(|line| !line.starts_with('#')).filter(|line| is_key(line));
            attached.extend(below.map(|below| (line.trim_end().to_owned(), key(below))));
        }
        attached.sort();
        attached
    }

    /// What holds of every text that has a form.
    fn holds(text: &str) -> Result<(), String> {
        let formatted = format(text).map_err(|why| std::format!("{why}:\n{text}"))?;
        let shown = std::format!("{text}\n---->\n{formatted}");
        let ((before, _), (after, broken)) = (read(text), read(&formatted));
        let rules: [(&str, bool); 5] = [
            ("it can be read", broken.is_none()),
            ("it says the same", same(&before, &after)),
            ("no comment is lost", text.matches('#').count() == formatted.matches('#').count()),
            ("comments stay with what they stand above", attached(text) == attached(&formatted)),
            ("twice is once", format(&formatted).as_ref() == Ok(&formatted)),
        ];
        rules.iter().find(|(_, holds)| !holds).map_or(Ok(()), |(rule, _)| Err(std::format!("not so: {rule}\n{shown}")))
    }

    /// The manifests of a file, or of the fences of a page.
    fn manifests(path: &Path, found: &mut Vec<(PathBuf, String)>) {
        let extension = path.extension().and_then(|it| it.to_str());
        if path.is_dir() && !path.ends_with("target") {
            std::fs::read_dir(path).unwrap().for_each(|entry| manifests(&entry.unwrap().path(), found));
        } else if matches!(extension, Some("yaml" | "yml")) {
            found.push((path.to_owned(), std::fs::read_to_string(path).unwrap()));
        } else if extension == Some("md") {
            let page = std::fs::read_to_string(path).unwrap();
            let fences = page.split("\n```yaml\n").skip(1).filter_map(|rest| Some(rest.split_once("\n```")?.0));
            found.extend(fences.map(|fence| (path.to_owned(), std::format!("{fence}\n"))));
        }
    }

    #[test]
    fn every_manifest_of_examples_packs_and_pages_keeps_its_meaning() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        let mut found = Vec::new();
        ["examples", "docs", "packs", "crates/selvage/src/command/init", "xtask/fabrics"]
            .iter()
            .for_each(|directory| manifests(&root.join(directory), &mut found));
        let held = found.iter().filter(|(_, text)| holds_manifests(text) == Ok(true) && read(text).1.is_none());
        let held: Vec<_> = held.map(|(path, text)| (path, holds(text))).collect();
        assert!(held.len() > 150, "only {} texts hold manifests", held.len());
        let wrong: Vec<_> = held.iter().filter_map(|(path, held)| Some((path, held.as_ref().err()?))).collect();
        assert!(wrong.is_empty(), "{} of {}: {:?} {}", wrong.len(), held.len(), wrong[0].0, wrong[0].1);
    }

    proptest! {
        #[test]
        fn nothing_is_lost_and_twice_is_once(documents in prop::collection::vec(document(), 1..4), ends in "(\n|\r\n)") {
            let text = documents.join("---\n").replace('\n', &ends);
            prop_assume!(read(&text).1.is_none());
            holds(&text).map_err(TestCaseError::fail)?;
        }
    }
}

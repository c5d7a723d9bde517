//! The form of a text, pure: keys in order, then indentation and quotes by pretty_yaml, which keeps comments. The outcome must say the
//! same as what was given, word for word, or it is none.

use std::collections::BTreeMap;
use std::sync::Arc;

use pretty_yaml::config::{FormatOptions, Quotes};
use selvage_model::manifest::kind::Kind;
use selvage_model::yaml::{self, Limits, Node};
use serde_json::Value;

use super::{blanks, order};

/// Lines are broken where a list or a map in brackets would be longer.
const WIDTH: usize = 150;
/// How often a text is formatted until it stays as it is.
const MOST_ROUNDS: usize = 8;

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
    let mut formatted = text.trim_start_matches('\u{feff}').to_owned();
    // What was broken into lines may fit, or not, once more; what is read as a key's own may have been another's before.
    for _ in 0..MOST_ROUNDS {
        let again = once(&formatted)?;
        if again == formatted {
            let says_the_same = same(&documents, &read(&formatted).0) && words(text) == words(&formatted);
            return if says_the_same { Ok(formatted) } else { Err("it would say something else".to_owned()) };
        }
        formatted = again;
    }
    Err("it has no form that stays as it is".to_owned())
}

fn once(text: &str) -> Result<String, String> {
    let documents = read(text).0;
    let ordered = order::keys(text, &documents);
    // Where the order of keys carries meaning (an alias follows its anchor), it stays.
    let ordered = if same(&documents, &read(&ordered).0) { ordered } else { text.to_owned() };
    Ok(settled(&ordered, &blanks::unmarked(&pretty(&blanks::marked(&ordered))?)))
}

/// The formatted text with each comment where it was: in line with what it stands above, or at the margin at a document's end. Left to
/// itself, the printer takes comments below a list into the list.
fn settled(before: &str, after: &str) -> String {
    let (before, after): (Vec<&str>, Vec<&str>) = (before.lines().collect(), after.lines().collect());
    let comments = |lines: &[&str]| -> Vec<usize> { (0..lines.len()).filter(|at| is_comment(lines, *at)).collect() };
    let (were, are) = (comments(&before), comments(&after));
    let mut text = String::new();
    for (at, line) in after.iter().enumerate() {
        // Where a `#` begins a line of a text, it stands in line with it still.
        let was =
            if were.len() == are.len() { are.binary_search(&at).ok().and_then(|nth| were.get(nth)) } else { None };
        let margin = was.and_then(|was| match below(&before, *was) {
            None => (indent(&before, *was) == 0).then_some(0),
            Some(next) if indent(&before, *was) == indent(&before, next) => Some(indent(&after, below(&after, at)?)),
            Some(_) => None,
        });
        match margin {
            Some(margin) => text.extend([" ".repeat(margin).as_str(), line.trim_start()]),
            None => text.push_str(line),
        }
        text.push('\n');
    }
    text
}

fn is_comment(lines: &[&str], at: usize) -> bool {
    lines.get(at).is_some_and(|line| line.trim_start().starts_with('#'))
}

/// The line that a comment stands above; none at a document's end.
fn below(lines: &[&str], at: usize) -> Option<usize> {
    let is_empty = |at: &usize| lines.get(*at).is_none_or(|line| line.trim().is_empty());
    let next = (at..lines.len()).find(|at| !is_comment(lines, *at) && !is_empty(at))?;
    let ends = lines.get(next).is_some_and(|line| line.starts_with("---") || line.starts_with("..."));
    (!ends).then_some(next)
}

fn indent(lines: &[&str], at: usize) -> usize {
    lines.get(at).map_or(0, |line| line.len() - line.trim_start_matches(' ').len())
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
        check(
            "kind: Team\nname: a\nroles:\n  owner:\n  - b\n  # Who corrects data.\n  steward:\n  - c\n\n# About x.\nx:\n- 1\n# - 2\n\n# The end.\n",
            "kind: Team\nname: a\nroles:\n  owner:\n    - b\n  # Who corrects data.\n  steward:\n    - c\n\n# About x.\nx:\n  - 1\n# - 2\n\n# The end.\n",
        );
    }

    #[test]
    fn blocks_of_text_and_what_is_unknown_keep_their_place() {
        let text = "kind: Rule\nname: a\nwhen: |\n  a\n\n  b: c\n# why\nsays: >-\n  x\n  y\n";
        let formatted = format(text).unwrap();
        assert!(same(&read(text).0, &read(&formatted).0), "{formatted}");
        check(
            "name: a  \nkind: Rule \nsays: |\n  x  \n    y\t\n\n  z\nwhen: >- # why \n   a  \n   b\n",
            "kind: Rule\nname: a\nwhen: >- # why\n  a  \n  b\nsays: |\n  x  \n    y\t\n\n  z\n",
        );
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
            Just("\n- a\n# between\n- b".to_owned()),
            Just("\n  k:\n  - a\n  # of l\n  l:\n  - b".to_owned()),
            Just("\n# margin\n  k: a".to_owned()),
            Just("|+\n    kept\n\n".to_owned()),
            Just("|\n    a  \n      b \t\n    c".to_owned()),
            Just("\n    - >-  # d\n      a \n      b\n    - c".to_owned()),
            Just("|\n    # no comment\n    a".to_owned()),
            Just("&anchor {a: 1}".to_owned()),
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

    /// Every comment that is in line with what it stands right above, with the key there.
    fn attached(text: &str) -> Vec<(String, String)> {
        let lines: Vec<&str> = text.lines().collect();
        let key = |at: usize| lines[at].trim_start().split([':', ' ']).next().unwrap_or_default().to_owned();
        let comments = (0..lines.len()).filter(|at| is_comment(&lines, *at));
        comments
            .filter_map(|at| Some((at, below(&lines, at)?)))
            .filter(|(at, below)| (*at..*below).all(|at| is_comment(&lines, at)))
            .filter(|(at, below)| indent(&lines, *at) == indent(&lines, *below))
            .map(|(at, below)| (lines[at].trim().to_owned(), key(below)))
            .collect()
    }

    /// Whether each of these is among those, as often.
    fn stay(before: &[(String, String)], mut after: Vec<(String, String)>) -> bool {
        before.iter().all(|one| after.iter().position(|it| it == one).map(|at| after.swap_remove(at)).is_some())
    }

    /// What holds of every text that has a form.
    fn holds(text: &str) -> Result<(), String> {
        let formatted = match format(text) {
            // The printer does not keep every empty line that belongs to a text; such a file is left.
            Err(_) if text.contains("|+") => return Ok(()),
            formatted => formatted.map_err(|why| std::format!("{why}:\n{text}"))?,
        };
        let shown = std::format!("{text}\n---->\n{formatted}");
        let ((before, _), (after, broken)) = (read(text), read(&formatted));
        let rules: [(&str, bool); 5] = [
            ("it can be read", broken.is_none()),
            ("it says the same", same(&before, &after)),
            ("no comment is lost", text.matches('#').count() == formatted.matches('#').count()),
            ("comments stay with what they stand above", stay(&attached(text), attached(&formatted))),
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
        fn nothing_is_lost_and_twice_is_once(documents in prop::collection::vec(document(), 1..4), mark in "(|\u{feff})", ends in "(\n|\r\n)") {
            let text = mark + &documents.join("---\n").replace('\n', &ends);
            prop_assume!(read(&text).1.is_none());
            holds(&text).map_err(TestCaseError::fail)?;
        }
    }
}

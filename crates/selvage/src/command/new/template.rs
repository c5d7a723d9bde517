//! Templates: a blank is `<<name|what it is>>` at a line's end. Filled it is a value; left, it is a comment that says what to fill
//! in, so that the check names the line until somebody does.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use jiff::civil::Date;
use selvage_mapping::openapi;
use serde_json::Value;

/// Most names of the fabric that a comment offers.
const MOST_OFFERED: usize = 6;
/// Blanks that are times: manifests write those without quotes.
const TIMES: &[&str] = &["until", "until_day"];

/// Blanks that are lists: a value has commas between its words.
const LISTS: &[&str] = &["operations"];

/// A template with what is known filled in.
pub(super) struct Filled {
    pub(super) text: String,
    pub(super) blanks: Vec<Blank>,
    /// The names of all its blanks.
    pub(super) known: BTreeSet<String>,
}

/// What is left to fill in.
pub(super) struct Blank {
    pub(super) name: String,
    pub(super) about: String,
    pub(super) line: usize,
}

/// Fills in a template.
pub(super) fn fill(
    template: &str,
    values: &BTreeMap<String, String>,
    candidates: &BTreeMap<&'static str, Vec<String>>,
) -> Filled {
    let mut filled = Filled { text: String::new(), blanks: Vec::new(), known: BTreeSet::new() };
    for (number, line) in template.lines().enumerate() {
        let mut rest = line;
        while let Some((before, after)) = rest.split_once("<<") {
            let (inner, behind) = after.split_once(">>").unwrap_or((after, ""));
            let (name, about) = inner.split_once('|').unwrap_or((inner, ""));
            filled.text.push_str(before);
            filled.known.insert(name.to_owned());
            match values.get(name) {
                // In comments a value stands as it is.
                Some(value) if line.trim_start().starts_with('#') => filled.text.push_str(value),
                Some(value) => filled.text.push_str(&scalar(name, value)),
                None => {
                    let about = offered(about, candidates.get(name));
                    filled.text.push_str(&format!("# fill in: {about}"));
                    filled.blanks.push(Blank { name: name.to_owned(), about, line: number + 1 });
                }
            }
            rest = behind;
        }
        filled.text.push_str(rest);
        filled.text.push('\n');
    }
    filled
}

/// The value as YAML that every reader takes for this text: numbers, dates, `true`, `null`, `yes` and the like stand in quotes. Times
/// do where a time is not what the blank asks for.
fn scalar(blank: &str, value: &str) -> String {
    if TIMES.contains(&blank) && is_time(value) {
        return value.to_owned();
    }
    if LISTS.contains(&blank) {
        let words = value.split(',').map(str::trim).filter(|word| !word.is_empty());
        // Within brackets more characters mean something.
        let is_plain = |word: &str| word.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.'));
        let quoted = |word: &str| if is_plain(word) { scalar("", word) } else { Value::from(word).to_string() };
        return format!("[{}]", words.map(quoted).collect::<Vec<_>>().join(", "));
    }
    // References and addresses are words too, since they begin as one and no other word has these characters.
    let simple = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '/' | '@' | '+' | ':');
    let begins = value.starts_with(|c: char| c.is_ascii_alphabetic()) && !value.ends_with(':');
    if begins && value.contains(['@', '+', ':']) && value.chars().all(simple) {
        return value.to_owned();
    }
    openapi::yaml(&Value::from(value)).trim_end().to_owned()
}

fn is_time(value: &str) -> bool {
    let is_date = value.contains('-') && value.parse::<Date>().is_ok();
    is_date || value.parse::<Timestamp>().is_ok()
}

/// What a blank is, with some of the names that the fabric has for it.
pub(in crate::command) fn offered(about: &str, candidates: Option<&Vec<String>>) -> String {
    match candidates {
        Some(known) if !known.is_empty() => {
            let some: Vec<&str> = known.iter().take(MOST_OFFERED).map(String::as_str).collect();
            let more = if known.len() > some.len() { ", …" } else { "" };
            format!("{about} ({}{more})", some.join(", "))
        }
        _ => about.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use proptest::prelude::*;
    use selvage_model::yaml::{Limits, parse};

    use super::*;

    /// The manifest with this name and this end.
    fn filled(blank: &str, value: &str) -> String {
        let template = format!("# It is <<{blank}>>.\nkind: Team\nname: <<{blank}>>\nowner: a\n");
        let values = BTreeMap::from([(blank.to_owned(), value.to_owned())]);
        fill(&template, &values, &BTreeMap::new()).text
    }

    #[test]
    fn a_list_is_written_from_its_words() {
        for (value, written) in [
            ("list, get", "[list, get]"),
            ("list-items", "[list-items]"),
            ("items/list [all],yes", "[\"items/list [all]\", \"yes\"]"),
        ] {
            assert_eq!(scalar("operations", value), written, "{value}");
        }
    }

    fn read(text: &str) -> Value {
        let (nodes, findings) = parse(text.as_bytes(), &Arc::from("x"), &Limits::MANIFESTS);
        assert!(findings.is_empty() && nodes.len() == 1, "{findings:?}\n{text}");
        nodes[0].to_value()
    }

    #[test]
    fn words_stand_plainly_and_what_may_be_taken_for_something_else_in_quotes() {
        for (value, written) in [
            ("erp-team", "erp-team"),
            ("stock@1", "stock@1"),
            ("http://127.0.0.1:8080", "http://127.0.0.1:8080"),
            ("Europe/Brussels", "Europe/Brussels"),
            ("What is kept", "What is kept"),
            ("true", "\"true\""),
            ("Null", "\"Null\""),
            ("yes", "\"yes\""),
            ("123", "\"123\""),
            ("1e3", "\"1e3\""),
            ("12:30:45", "\"12:30:45\""),
            ("2027-01-01", "\"2027-01-01\""),
            ("a:", "\"a:\""),
            ("", "\"\""),
        ] {
            assert!(filled("person", value).contains(&format!("\nname: {written}\n")), "{value}");
        }
        assert!(filled("until", "2027-01-01").contains("\nname: 2027-01-01\n"));
        assert!(filled("until", "2027").contains("\nname: \"2027\"\n"));
    }

    proptest! {
        #[test]
        fn what_is_written_reads_back_as_the_text_that_was_given(
            value in "(\\PC{0,20}|[a-z0-9:@+./ -]{0,12}|(true|no|null|NaN|1e3|0x1f|2027-01-01|12:30|[0-9.]{1,6}))",
            blank in "(person|until)",
        ) {
            prop_assert_eq!(&read(&filled(&blank, &value))["name"], &Value::from(value.as_str()));
        }
    }
}

//! Members that are left out or masked, as the words of a request name them: names of parameters and members, expressions of query
//! languages, lists of names. What asks by a member tells of it, whatever the language.

use std::borrow::Cow;

use crate::snapshot::{DirectScope, Withheld, plain};

/// What of a name is not shown: any word of it, and in any spelling.
pub(super) fn named<'s>(scope: &'s DirectScope, name: &str) -> Option<Withheld<'s>> {
    let name = unescaped(name);
    let whole = std::iter::once(&*name);
    find(scope, &name, whole.chain(words(&name)))
}

/// What of a query's value is not shown. Members that are left out count only where it is one of names, or more than words: what somebody
/// looks for may be called like them.
pub(super) fn named_by_value<'s>(scope: &'s DirectScope, name: &str, value: &str) -> Option<Withheld<'s>> {
    let chosen = chooses(name) || is_expression(value);
    named_in(scope, value).filter(|why| chosen || matches!(why, Withheld::Masked(_)))
}

/// What of an expression is not shown. A `-` may take one from another there.
pub(super) fn named_in<'s>(scope: &'s DirectScope, text: &str) -> Option<Withheld<'s>> {
    let text = unescaped(text);
    let whole = std::iter::once(&*text);
    find(scope, &text, whole.chain(words(&text).flat_map(|word| std::iter::once(word).chain(word.split('-')))))
}

fn find<'s, 't>(scope: &'s DirectScope, text: &str, words: impl Iterator<Item = &'t str>) -> Option<Withheld<'s>> {
    let mut words = words.filter(|word| !word.is_empty());
    words
        .find_map(|word| scope.withheld(word).or_else(|| compound(scope, word)))
        .or_else(|| scope.masked_in(text).map(Withheld::Masked))
}

/// What of a compound is not shown: `hourly_rate_desc` and `maxHourlyRate` hold `hourly_rate`. A name of one word is told by what it is
/// joined with: `phone_like` asks by a phone, and `phone_model` is another thing.
fn compound<'s>(scope: &'s DirectScope, word: &str) -> Option<Withheld<'s>> {
    let parts = parts(word);
    if !(2..=MOST_PARTS).contains(&parts.len()) {
        return None;
    }
    (0..parts.len()).find_map(|start| {
        (start + 1..=parts.len()).find_map(|end| {
            let inner = parts.get(start..end)?;
            let beside = || parts.get(..start).into_iter().chain(parts.get(end..)).flatten();
            let counts = inner.len() > 1 || beside().all(|part| JOINED.contains(&part.as_str()));
            scope.withheld(&inner.concat()).filter(|_| counts)
        })
    })
}

/// Parts of a compound that are looked at; what has more is no name.
const MOST_PARTS: usize = 12;

/// What is joined with a name in order to ask by it.
const JOINED: [&str; 44] = [
    "min",
    "max",
    "from",
    "to",
    "before",
    "after",
    "since",
    "until",
    "between",
    "range",
    "above",
    "below",
    "over",
    "under",
    "gt",
    "gte",
    "ge",
    "lt",
    "lte",
    "le",
    "eq",
    "ne",
    "neq",
    "not",
    "in",
    "nin",
    "is",
    "null",
    "like",
    "ilike",
    "contains",
    "icontains",
    "exact",
    "iexact",
    "startswith",
    "istartswith",
    "endswith",
    "iendswith",
    "regex",
    "asc",
    "desc",
    "sort",
    "order",
    "by",
];

/// A compound's parts in lower case: `max_hourlyRate` is `max`, `hourly`, `rate`.
fn parts(word: &str) -> Vec<String> {
    let mut parts = vec![String::new()];
    let mut was_lower = false;
    for c in word.chars() {
        let ends = matches!(c, '_' | '-');
        if (ends || (was_lower && c.is_uppercase())) && parts.last().is_some_and(|part| !part.is_empty()) {
            parts.push(String::new());
        }
        if let (false, Some(part)) = (ends, parts.last_mut()) {
            part.extend(c.to_lowercase());
        }
        was_lower = c.is_lowercase() || c.is_numeric();
    }
    parts.retain(|part| !part.is_empty());
    parts
}

/// Whether a value is more than words: `unit_price:[100 TO *]`, `unit_price>5`.
fn is_expression(value: &str) -> bool {
    value.contains(['<', '>', '=', ':', '(', '[', '{', '!', '~', '*', '"', '|'])
}

/// `filter[unit_price][gt]`, `unit_price__gt`, `part.unit_price`, `-unit_price,code`, `startswith(unit_price,'1')`.
fn words(text: &str) -> impl Iterator<Item = &str> {
    let parts = text.split(|c: char| !(c.is_alphanumeric() || matches!(c, '_' | '-')));
    parts.flat_map(|part| std::iter::once(part).chain(part.split("__")))
}

/// Whether the value of this parameter names members, by the words that are usual for it.
fn chooses(name: &str) -> bool {
    const WORDS: [&str; 28] = [
        "sort",
        "sortby",
        "sortorder",
        "sorting",
        "order",
        "orderby",
        "ordering",
        "fields",
        "field",
        "select",
        "columns",
        "column",
        "attributes",
        "properties",
        "projection",
        "filter",
        "filters",
        "where",
        "having",
        "q",
        "query",
        "search",
        "groupby",
        "aggregate",
        "facet",
        "expand",
        "include",
        "embed",
    ];
    WORDS.contains(&plain(name.split('[').next().unwrap_or_default().trim_start_matches('$')).as_str())
}

/// JSON in a text may write any of its characters as `\u0061`.
fn unescaped(text: &str) -> Cow<'_, str> {
    if !text.contains("\\u") {
        return Cow::Borrowed(text);
    }
    let mut read = String::with_capacity(text.len());
    let mut parts = text.split("\\u");
    read.extend(parts.next());
    for part in parts {
        let code = part.get(..4).and_then(|digits| u32::from_str_radix(digits, 16).ok()).and_then(char::from_u32);
        match (code, part.get(4..)) {
            (Some(code), Some(rest)) => {
                read.push(code);
                read.push_str(rest);
            }
            _ => {
                read.push_str("\\u");
                read.push_str(part);
            }
        }
    }
    Cow::Owned(read)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn compounds_are_taken_apart() {
        for (word, expected) in [
            ("hourly_rate", "hourly rate"),
            ("maxHourlyRate", "max hourly rate"),
            ("MAX-HOURLY_Rate", "max hourly rate"),
            ("rate2From", "rate2 from"),
            ("__phone_", "phone"),
            ("", ""),
        ] {
            assert_eq!(parts(word).join(" "), expected, "{word}");
        }
    }

    #[test]
    fn escapes_of_json_are_read() {
        for (text, expected) in [
            (r#"{"\u0070hone": 1}"#, r#"{"phone": 1}"#),
            (r"\u0070\u0068one\u00zz\u12", r"phone\u00zz\u12"),
            ("none", "none"),
            (r"\u", r"\u"),
        ] {
            assert_eq!(unescaped(text), expected);
        }
    }
}

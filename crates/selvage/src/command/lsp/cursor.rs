//! What stands at the cursor: the kind of its document, the path of keys that leads there, and whether a key or a value is written.
//! Read from lines and their indentation, since what is being written is seldom valid YAML.

use selvage_model::manifest::kind::Kind;
use selvage_model::schema;
use serde_json::Value;

use super::position::character;

/// The place of a cursor in what a manifest means.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Cursor {
    /// The kind of the document, once it says so.
    pub(super) kind: Option<Kind>,
    /// The keys that lead there, from outside; the last is the one whose value is written, where one is.
    pub(super) path: Vec<String>,
    /// A value is written; otherwise a key.
    pub(super) in_value: bool,
    /// The word under the cursor, whole.
    pub(super) word: String,
    /// The keys that stand at the same place already.
    pub(super) siblings: Vec<String>,
}

/// Reads what stands at this line, from 0, and UTF-16 column; what is behind the end stands at the end.
pub(super) fn read(text: &str, line: usize, utf16: usize) -> Cursor {
    let lines: Vec<&str> = text.lines().collect();
    let line = line.min(lines.len());
    let (begin, end) = document(&lines, line);
    let own = lines.get(line).copied().unwrap_or_default();
    let at = character(own, utf16);
    let before: String = own.chars().take(at).collect();
    let mut cursor =
        Cursor { kind: kind(lines.get(begin..end).unwrap_or_default()), word: word(own, at), ..Cursor::default() };
    let mut indent = indentation(own);
    if own.trim().is_empty() {
        indent = at;
    }
    let own_indent = indent;
    let mut inner = inner(&before);
    for outer in (begin..line).rev() {
        let Some(text) = lines.get(outer).filter(|text| !text.trim().is_empty() && !text.trim_start().starts_with('#'))
        else {
            continue;
        };
        let its = indentation(text);
        if its < indent {
            // A list's element stands in its key, at the key's own indentation or deeper.
            if let Some(key) = key(text) {
                cursor.path.insert(0, key);
            }
            indent = its;
        } else if its == own_indent
            && indent == own_indent
            && let Some(key) = key(text)
            && inner.keys.is_empty()
        {
            cursor.siblings.push(key);
        }
    }
    let below = lines.get(line + 1..end).unwrap_or_default();
    let same = below.iter().take_while(|text| text.trim().is_empty() || indentation(text) >= indentation(own).min(at));
    cursor.siblings.extend(same.filter(|text| indentation(text) == indentation(own)).filter_map(|text| key(text)));
    cursor.in_value = inner.in_value;
    cursor.path.append(&mut inner.keys);
    cursor
}

/// The lines of the document that holds this one.
fn document(lines: &[&str], line: usize) -> (usize, usize) {
    let is_mark = |text: &&str| text.starts_with("---");
    let begin = lines.iter().take(line + 1).rposition(&is_mark).map_or(0, |at| at + 1);
    let end = lines.iter().skip(line + 1).position(is_mark).map_or(lines.len(), |at| line + 1 + at);
    (begin.min(end), end)
}

fn kind(lines: &[&str]) -> Option<Kind> {
    lines.iter().find_map(|line| line.strip_prefix("kind:")?.trim().parse().ok())
}

/// Where the content of a line begins, behind the dashes of lists.
fn indentation(line: &str) -> usize {
    line.len() - line.trim_start_matches([' ', '-']).len()
}

/// The key that a line begins with.
fn key(line: &str) -> Option<String> {
    let (key, _) = line.trim_start_matches([' ', '-']).split_once(':')?;
    let key = key.trim().trim_matches('"');
    (!key.is_empty() && !key.contains([' ', '{', '['])).then(|| key.to_owned())
}

/// What the part of a line before the cursor says.
struct Inner {
    keys: Vec<String>,
    in_value: bool,
}

/// Goes through brackets: each `{` opens the value of the key before it.
fn inner(before: &str) -> Inner {
    let (mut keys, mut last, mut word, mut in_value) = (Vec::new(), None, String::new(), false);
    let mut depths: Vec<bool> = Vec::new();
    for c in before.trim_start_matches([' ', '-']).chars() {
        match c {
            ':' => (last, in_value) = (Some(std::mem::take(&mut word).trim().to_owned()), true),
            '{' | '[' => {
                let opened: Option<String> = last.take();
                depths.push(opened.is_some());
                keys.extend(opened);
                (word, in_value) = (String::new(), c == '[');
            }
            '}' | ']' => {
                if depths.pop() == Some(true) {
                    keys.pop();
                }
                (last, word) = (None, String::new());
            }
            ',' => {
                (last, word) = (None, String::new());
                in_value = in_value && before.rfind('[') > before.rfind('{');
            }
            c => word.push(c),
        }
    }
    keys.extend(last);
    Inner { keys, in_value }
}

fn word(line: &str, at: usize) -> String {
    let is_word = |c: &char| c.is_alphanumeric() || matches!(c, '-' | '_' | '@' | '.');
    let characters: Vec<char> = line.chars().collect();
    let (left, right) = characters.split_at(at.min(characters.len()));
    let begin: Vec<char> = left.iter().rev().copied().take_while(is_word).collect();
    begin.into_iter().rev().chain(right.iter().copied().take_while(is_word)).collect()
}

/// The schema at a path of keys in a manifest of this kind, and the whole it is in.
pub(super) fn schema_at(kind: Kind, path: &[String]) -> Option<(Value, Value)> {
    let whole = schema::schema(Some(kind));
    let mut at = whole.get("else").unwrap_or(&whole).clone();
    for key in path {
        at = step(&whole, &at, key)?;
    }
    let resolved = resolve(&whole, &at);
    Some((resolved, whole))
}

fn resolve(whole: &Value, schema: &Value) -> Value {
    let mut at = schema;
    for _ in 0..8 {
        if let Some(name) = at.get("$ref").and_then(Value::as_str).and_then(|it| it.strip_prefix("#/$defs/")) {
            let Some(found) = whole.get("$defs").and_then(|all| all.get(name)) else { break };
            at = found;
        } else if let Some(items) = at.get("items") {
            at = items;
        } else {
            break;
        }
    }
    at.clone()
}

fn step(whole: &Value, schema: &Value, key: &str) -> Option<Value> {
    let at = resolve(whole, schema);
    if let Some(found) = properties(&at).into_iter().find(|(name, _)| name == key) {
        return Some(found.1);
    }
    // Where it is one of several, the first that knows the key.
    for branch in ["anyOf", "then", "else"] {
        let branches = match at.get(branch) {
            Some(Value::Array(all)) => all.clone(),
            Some(one) => vec![one.clone()],
            None => continue,
        };
        if let Some(found) = branches.iter().find_map(|one| step(whole, one, key)) {
            return Some(found);
        }
    }
    at.get("additionalProperties").filter(|it| it.is_object()).cloned()
}

/// The properties of a record with those of its cases.
pub(super) fn properties(schema: &Value) -> Vec<(String, Value)> {
    let mut all: Vec<(String, Value)> = Vec::new();
    let cases = schema.get("allOf").and_then(Value::as_array).into_iter().flatten();
    let maps = cases.filter_map(|case| case.pointer("/then/properties"));
    for (name, property) in schema.get("properties").into_iter().chain(maps).filter_map(Value::as_object).flatten() {
        if !all.iter().any(|(known, _)| known == name) {
            all.push((name.clone(), property.clone()));
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "kind: Team\nname: a\n---\n# x\nkind: Interface\nname: b\nserves:\n  system: odoo\n  \nlimits: {rate: 1/s, }\nslo:\n  - latency: {quantile: 0.9}\n";

    fn at(line: usize, column: usize) -> (Option<Kind>, String, bool) {
        let cursor = read(TEXT, line, column);
        (cursor.kind, cursor.path.join("."), cursor.in_value)
    }

    #[test]
    fn the_path_to_the_cursor_is_read_from_lines() {
        let interface = Some(Kind::Interface);
        assert_eq!(at(1, 6), (Some(Kind::Team), "name".into(), true));
        assert_eq!(at(7, 12), (interface, "serves.system".into(), true));
        assert_eq!(at(8, 2), (interface, "serves".into(), false));
        assert_eq!(at(9, 20), (interface, "limits".into(), false));
        assert_eq!(at(9, 15), (interface, "limits.rate".into(), true));
        assert_eq!(at(11, 24), (interface, "slo.latency.quantile".into(), true));
        assert_eq!(read(TEXT, 7, 13).word, "odoo");
        assert_eq!(read(TEXT, usize::MAX, usize::MAX), read(TEXT, 12, 0));
        assert_eq!(read(TEXT, 8, 2).siblings, ["system"]);
    }

    #[test]
    fn the_schema_is_found_along_the_path() {
        let path = |text: &str| text.split('.').map(str::to_owned).collect::<Vec<_>>();
        for (kind, way, knows) in [
            (Kind::Interface, "serves", "object"),
            (Kind::Interface, "slo.latency", "quantile"),
            (Kind::Object, "attributes.code", "type"),
            (Kind::System, "environments.dev.accounts.default", "login"),
        ] {
            let (schema, _) = schema_at(kind, &path(way)).unwrap();
            assert!(properties(&schema).iter().any(|(name, _)| name == knows), "{way}: {schema}");
        }
        assert!(schema_at(Kind::Team, &path("nothing.here")).is_none());
    }
}

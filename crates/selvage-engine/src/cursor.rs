//! The cursor of a list: a position, bound to the list that it was made for. It carries no rights: the scope of
//! whoever uses it is applied as for a first page.

use selvage_connect::odoo::Cursor as Position;
use selvage_model::code;
use selvage_model::exchange::Scope;
use selvage_model::name::InterfaceRef;
use selvage_model::problem::Problem;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::payload;
use crate::query::Query;

/// What a list is recognized by: its interface, filters and rows, but not the size of its pages.
pub(crate) fn fingerprint(interface: &InterfaceRef, query: &Query, scope: &Scope) -> String {
    let mut filters: Vec<Value> = Vec::new();
    for (attribute, values) in query.filters.iter().chain(&scope.rows) {
        let mut words: Vec<String> = values.iter().map(payload::canonical).collect();
        words.sort_unstable();
        filters.push(json!([attribute.as_str(), words]));
    }
    let since = query.updated_since.map(|since| since.to_string());
    let list = json!([interface.to_string(), filters, since]);
    let digest = Sha256::digest(payload::canonical(&list).as_bytes());
    digest.iter().take(6).map(|byte| format!("{byte:02x}")).collect()
}

/// The cursor as it is shown.
pub(crate) fn show(position: Position, fingerprint: &str) -> String {
    format!("{fingerprint}.{position}")
}

/// The position of a cursor that was made for this list.
pub(crate) fn read(text: &str, fingerprint: &str) -> Result<Position, Problem> {
    let refuse = |detail: &str| Problem::new(400, code::CURSOR_FOREIGN, detail);
    let unknown = || refuse("`cursor` is none that a list has given");
    let (of, position) = text.split_once('.').ok_or_else(unknown)?;
    let position = position.parse().map_err(|_| unknown())?;
    if of == fingerprint {
        Ok(position)
    } else {
        Err(refuse("`cursor` was given by another list: use it with the same interface, filters and grant"))
    }
}

/// The query of the next page, encoded for a link.
pub(crate) fn next_query(parameters: &[(String, String)], cursor: &str) -> String {
    let kept = parameters.iter().filter(|(name, _)| name != "cursor");
    let pairs = kept.map(|(name, value)| (name.as_str(), value.as_str())).chain([("cursor", cursor)]);
    let encoded = pairs.map(|(name, value)| format!("{}={}", encode(name), encode(value)));
    encoded.collect::<Vec<_>>().join("&")
}

/// RFC 3986: everything but unreserved characters as `%XX`.
pub(crate) fn encode(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
            encoded.push(char::from(byte));
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;

    fn query(filters: &[(&str, &[&str])]) -> Query {
        let filters = filters.iter().map(|(attribute, values)| {
            (attribute.parse().unwrap(), values.iter().map(|value| Value::from(*value)).collect())
        });
        Query { limit: 100, cursor: None, updated_since: None, filters: filters.collect() }
    }

    #[test]
    fn a_cursor_works_only_with_the_list_it_was_made_for() {
        let interface: InterfaceRef = "production-orders@1".parse().unwrap();
        let site =
            Scope { rows: vec![("site".parse().unwrap(), vec![json!("ghent")])], except: vec![], masked: vec![] };
        let here = fingerprint(&interface, &query(&[("status", &["done", "draft"])]), &site);
        let position: Position = "1-2".parse().unwrap();
        let shown = show(position, &here);
        assert_eq!(read(&shown, &here).unwrap(), position);

        let same = fingerprint(&interface, &query(&[("status", &["draft", "done"])]), &site);
        assert_eq!(here, same);
        let others = [
            fingerprint(&interface, &query(&[("status", &["done"])]), &site),
            fingerprint(&interface, &query(&[("status", &["done", "draft"])]), &Scope::default()),
            fingerprint(&"work-orders@1".parse().unwrap(), &query(&[("status", &["done", "draft"])]), &site),
        ];
        for other in others {
            assert_eq!(read(&shown, &other).unwrap_err().status, 400);
        }
        for wrong in ["", ".", "1-2", "abc.1", "abc.1-2.3"] {
            assert_eq!(read(wrong, &here).unwrap_err().code, code::CURSOR_FOREIGN, "{wrong}");
        }
    }

    #[test]
    fn the_next_query_keeps_the_filters() {
        let parameters = [("status", "a b"), ("cursor", "old"), ("limit", "5")];
        let parameters = parameters.map(|(name, value)| (name.to_owned(), value.to_owned()));
        assert_eq!(next_query(&parameters, "x.1-2"), "status=a%20b&limit=5&cursor=x.1-2");
    }
}

//! Contracts and schemas that stand beside manifests: what was copied into their examples, defaults and addresses may be the
//! key that somebody tried them with.

use std::sync::Arc;

use selvage_model::source::Place;
use selvage_model::yaml::{self, Limits, Node};

use super::{begins_as_a_key, has_password, looks_secret, tell};
use crate::lint::Report;

/// Words under which a contract keeps a value of what they stand in.
const CARRIERS: [&str; 9] =
    ["schema", "items", "example", "examples", "default", "const", "enum", "value", "externalValue"];
/// Parts of names that keys and passwords have, in small letters without `-` and `_`.
const NAMES: [&str; 8] =
    ["password", "passwd", "secret", "apikey", "token", "authorization", "credential", "privatekey"];

/// How everything in PEM begins.
const PEM: &str = "-----BEGIN";

/// Looks into a file.
pub(super) fn search(path: &str, text: &str, report: &mut Report) {
    // Most have nothing of the kind: reading them again for that would cost as much as all the other rules.
    if !may_hold(text) {
        return;
    }
    let (documents, _) = yaml::parse(text.as_bytes(), &Arc::from(path), &Limits::CONTRACT);
    let mut found = Vec::new();
    documents.iter().for_each(|root| within(root, Named::default(), &mut found));
    for (place, what) in found {
        tell(&path, place, what, report);
    }
}

/// What a value is said to be by where it stands.
#[derive(Clone, Copy, Default)]
struct Named {
    /// A key, a password, or an example of one.
    secret: bool,
    /// It is one of several examples, each under a name of its own.
    example: bool,
}

type Found<'a> = Vec<(&'a Place, &'static str)>;

fn within<'a>(node: &'a Node, named: Named, found: &mut Found<'a>) {
    if let Some(what) = node.text().and_then(|text| holds(text, named.secret)) {
        found.push((&node.place, what));
    }
    node.items().iter().for_each(|item| within(item, named, found));
    // A parameter says what it is called beside its examples.
    let of_parameter = node.get("name").and_then(Node::text).is_some_and(names_secret);
    for (key, value) in node.entries() {
        let key = key.value.as_ref();
        let carries = named.example || CARRIERS.contains(&key);
        let secret = names_secret(key) || carries && (named.secret || of_parameter);
        within(value, Named { secret, example: key == "examples" }, found);
    }
}

/// What a text holds that it must not. Contracts are full of long words of letters and digits, sums and marks: only where
/// one is said to be a key it is taken for one.
fn holds(text: &str, is_secret: bool) -> Option<&'static str> {
    let is_key = |word: &str| match word.starts_with(PEM) {
        // Certificates and public keys are shown to anybody.
        true => text.contains("PRIVATE KEY"),
        false => begins_as_a_key(word) || is_secret && looks_secret(word),
    };
    if words(text).any(is_key) {
        return Some("this looks like a key itself");
    }
    words(text).any(is_address_with_password).then_some("the address holds a password")
}

fn may_hold(text: &str) -> bool {
    words(text).any(|word| looks_secret(word) || is_address_with_password(word))
}

/// The words of a text between which quotes and brackets may stand.
pub(super) fn words(text: &str) -> impl Iterator<Item = &str> {
    let between = |c: char| c.is_whitespace() || "\"'`,;()[]{}".contains(c);
    text.split(between).map(|word| word.trim_end_matches('.'))
}

/// An address with a password that stands for itself: `https://<user>:<password>@host` says where one would be, and of
/// `https://{user}:{password}@host` no word is an address.
fn is_address_with_password(word: &str) -> bool {
    word.contains("://") && has_password(word) && !word.contains(['<', '*', '$'])
}

fn names_secret(name: &str) -> bool {
    let plain: String = name.chars().filter(char::is_ascii_alphanumeric).collect();
    let plain = plain.to_ascii_lowercase();
    NAMES.iter().any(|part| plain.contains(part))
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "5f0c9a7e1b3d48f2a6c0e4d81b7f3a925f0c9a7e";

    fn lines(text: &str) -> Vec<u32> {
        let mut report = Report::default();
        search("contracts/stock.yaml", text, &mut report);
        report.found.iter().map(|found| found.finding.place.line).collect()
    }

    #[test]
    fn what_stands_in_examples_defaults_and_addresses_is_found() {
        for (text, found) in [
            (format!("paths:\n  /a:\n    parameters:\n      - name: X-Api-Key\n        example: {KEY}"), vec![5]),
            (format!("parameters:\n  - {{name: api_key, schema: {{\n      default: {KEY}}}}}"), vec![3]),
            (format!("parameters:\n  - name: token\n    examples:\n      one:\n        value: {KEY}"), vec![5]),
            (format!("example:\n  stock: 1\n  password: {KEY}"), vec![3]),
            (format!("properties:\n  client_secret:\n    type: string\n    enum:\n      - {KEY}"), vec![5]),
            ("info:\n  description: Ask with `ghp_abcdef`.".to_owned(), vec![2]),
            ("example: |\n  -----BEGIN EC PRIVATE KEY-----\n  AAAA".to_owned(), vec![2]),
            ("{\"servers\": [\n{\"url\": \"https://svc:hunter2@erp.example.com/odoo\"}]}".to_owned(), vec![2]),
            ("info:\n  description: |\n    See https://svc:hunter2@erp.example.com.".to_owned(), vec![3]),
        ] {
            assert_eq!(lines(&text), found, "{text}");
        }
    }

    #[test]
    fn what_only_looks_long_is_left() {
        for text in [
            format!("properties:\n  etag: {{type: string, example: {KEY}}}"),
            format!("example: {{sha: {KEY}, token: abc}}"),
            "servers:\n  - url: https://{user}:{password}@erp.example.com".to_owned(),
            "servers:\n  - url: https://svc@erp.example.com:8069/web?login=a@b:c".to_owned(),
            format!("components:\n  securitySchemes:\n    token: {{type: apiKey, name: X-Token, description: {KEY}}}"),
            "example: |\n  -----BEGIN CERTIFICATE-----\n  AAAA\n  -----END CERTIFICATE-----".to_owned(),
            format!("not: [a contract: {KEY}"),
        ] {
            assert_eq!(lines(&text), Vec::<u32>::new(), "{text}");
        }
    }
}

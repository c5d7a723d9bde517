//! INVARIANT: SECRET-FREE: no secret stands in a manifest, or in a file that one names. What looks like one is not repeated in
//! the finding either.

mod file;

use selvage_model::code;
use selvage_model::finding::{Finding, Severity};
use selvage_model::manifest::interface::{Interface, InterfaceBody};
use selvage_model::manifest::issuer::Issuer;
use selvage_model::manifest::mapping::Mapping;
use selvage_model::manifest::object::{Attribute, Object, Shape};
use selvage_model::manifest::system::System;
use selvage_model::name::{InterfaceRef, ObjectRef};
use selvage_model::source::Place;
use serde_json::Value;

use super::LintRule;
use crate::lint::{Context, Report};

pub(crate) const INLINE: LintRule = LintRule {
    code: code::SECRET_INLINE,
    name: "no-secret-in-manifests",
    severity: Severity::Error,
    waivable: false,
    check: inline,
};

fn inline(context: &Context<'_>, report: &mut Report) {
    let fabric = context.fabric;
    fabric.systems.values().for_each(|system| of_system(system, report));
    fabric.issuers.values().for_each(|issuer| of_issuer(issuer, report));
    fabric.objects.iter().for_each(|(reference, object)| of_object(reference, object, report));
    fabric.mappings.values().for_each(|mapping| of_examples(mapping, report));
    fabric.interfaces.iter().for_each(|(reference, interface)| of_interface(reference, interface, report));
    fabric.files.iter().for_each(|(path, text)| file::search(path, text, report));
    for grant in &fabric.grants {
        if grant.purpose.as_deref().is_some_and(holds_secret) {
            tell(&grant.consumer.value, &grant.place, "the purpose holds what looks like a key", report);
        }
    }
    for waiver in fabric.waivers.iter().filter(|waiver| holds_secret(&waiver.because)) {
        tell(&waiver.on.value, &waiver.place, "the reason of the waiver holds what looks like a key", report);
    }
}

fn of_system(system: &System, report: &mut Report) {
    for environment in &system.environments {
        if let Some(url) = environment.url.as_ref().filter(|url| has_password(&url.value)) {
            tell(&system.name, &url.place, "the address holds a password", report);
        }
        for account in &environment.accounts {
            for key in std::iter::once(&account.api_key).chain(&account.next_key) {
                if looks_secret(&key.value.0) {
                    let what = "this looks like a key itself; `secret` and `next` take the name of one";
                    tell(&system.name, &key.place, what, report);
                }
            }
            if looks_secret(&account.login) {
                tell(&system.name, &account.name.place, "the login looks like a key", report);
            }
        }
    }
}

/// Its addresses hold neither credentials nor a query: none that do are read.
fn of_issuer(issuer: &Issuer, report: &mut Report) {
    for environment in &issuer.environments {
        let signing = environment.signing.as_ref().map(|signing| &signing.secret);
        if let Some(secret) = signing.filter(|secret| looks_secret(&secret.value.0)) {
            let what = "this looks like a secret itself; `secret` takes the name of one";
            tell(&issuer.name, &secret.place, what, report);
        }
        if environment.audiences.iter().any(|audience| looks_secret(audience)) {
            tell(&issuer.name, &environment.name.place, "an audience looks like a key", report);
        }
    }
}

fn of_object(reference: &ObjectRef, object: &Object, report: &mut Report) {
    if object.description.as_deref().is_some_and(holds_secret) {
        tell(reference, &object.place, "the description holds what looks like a key", report);
    }
    of_attributes(reference, &object.attributes, report);
}

fn of_attributes(reference: &ObjectRef, attributes: &[Attribute], report: &mut Report) {
    for attribute in attributes {
        if attribute.description.as_deref().is_some_and(holds_secret) {
            let what = "the description of the attribute holds what looks like a key";
            tell(reference, &attribute.name.place, what, report);
        }
        let inner = match &attribute.shape {
            Shape::List(element) => element,
            shape => shape,
        };
        if let Shape::Group(members) = inner {
            of_attributes(reference, members, report);
        }
    }
}

/// Records that were copied from a system that runs may have more in them than was looked at.
fn of_examples(mapping: &Mapping, report: &mut Report) {
    for example in &mapping.examples {
        let links = example.links.iter().any(|link| holds_secret(&link.text));
        if links || [&example.local, &example.canonical].into_iter().any(value_holds_secret) {
            tell(&mapping.name, &example.place, "the example holds what looks like a key", report);
        }
    }
}

fn of_interface(reference: &InterfaceRef, interface: &Interface, report: &mut Report) {
    if let InterfaceBody::Webhook(webhook) = &interface.body {
        for secret in webhook.secrets.iter().filter(|secret| looks_secret(&secret.value.0)) {
            let what = "this looks like a secret itself; `secret` takes the name of one";
            tell(reference, &secret.place, what, report);
        }
    }
    let texts = [&interface.description, &interface.because];
    if texts.into_iter().flatten().any(|text| holds_secret(text)) {
        tell(reference, &interface.place, "a text of the interface holds what looks like a key", report);
    }
}

fn tell(about: &impl ToString, place: &Place, what: &str, report: &mut Report) {
    let finding = Finding::error(code::SECRET_INLINE, place, what);
    let fix = "put it into the secret store, write `{secret: <its name>}` here, and change it: it has been seen";
    report.add(about, finding.fix(fix));
}

/// `https://user:password@host`.
fn has_password(url: &str) -> bool {
    let authority = url.split_once("://").map_or(url, |(_, rest)| rest);
    let authority = authority.split(['/', '?', '#']).next().unwrap_or_default();
    authority.rsplit_once('@').is_some_and(|(user, _)| user.contains(':'))
}

fn holds_secret(text: &str) -> bool {
    let word = |word: &str| {
        looks_secret(word.trim_matches(|c: char| matches!(c, '`' | '"' | '\'' | ',' | ';' | '(' | ')' | '.')))
    };
    text.split_whitespace().any(word)
}

fn value_holds_secret(value: &Value) -> bool {
    match value {
        Value::String(text) => holds_secret(text),
        Value::Array(items) => items.iter().any(value_holds_secret),
        Value::Object(members) => members.values().any(value_holds_secret),
        _ => false,
    }
}

/// How well-known keys begin.
const PREFIXES: &[&str] = &[
    "-----BEGIN",
    "sk_live_",
    "sk_test_",
    "ghp_",
    "gho_",
    "github_pat_",
    "glpat-",
    "xoxb-",
    "xoxp-",
    "AKIA",
    "eyJhbGciOi",
    "whsec_",
    "whsk_",
];
/// A word of this length with letters and digits mixed is no word.
const LONG: usize = 32;

fn begins_as_a_key(word: &str) -> bool {
    PREFIXES.iter().any(|prefix| word.starts_with(prefix))
}

fn looks_secret(word: &str) -> bool {
    if begins_as_a_key(word) {
        return true;
    }
    let token = |c: char| c.is_ascii_alphanumeric() || matches!(c, '+' | '=' | '_');
    let digits = word.chars().filter(char::is_ascii_digit).count();
    let letters = word.chars().filter(char::is_ascii_alphabetic).count();
    word.len() >= LONG && word.chars().all(token) && digits >= 5 && letters >= 5
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_told_from_words() {
        for secret in [
            "5f0c9a7e1b3d48f2a6c0e4d81b7f3a925f0c9a7e",
            "ghp_abcdef",
            "AKIAIOSFODNN7EXAMPLE",
            "Zm9vYmFyMTIzNDU2Nzg5MGFiY2RlZmdoaWprbG1ub3A=",
        ] {
            assert!(looks_secret(secret), "{secret}");
        }
        for word in ["odoo/read", "svc-mrp", "production-orders@1", "manufacturing-operations-of-both-plants-2026", ""]
        {
            assert!(!looks_secret(word), "{word}");
        }
    }

    #[test]
    fn descriptions_and_examples_are_looked_at() {
        const TEXT: &str = "kind: Object
name: scanner
version: 1.0
owner: people
identity: [serial]
attributes: {serial: {type: string, description: SAYS}}
---
kind: Mapping
name: scanner-odoo
object: scanner@1
system: odoo
record: maintenance.equipment
fields: {serial: {at: serial_no}}
examples: [{version: 18, local: {id: 7, serial_no: S-7, note: HOLDS}, canonical: {serial: S-7}}]
";
        let found = |says: &str, holds: &str| {
            let text = TEXT.replace("SAYS", says).replace("HOLDS", holds);
            let reading = selvage_model::read::read(&selvage_model::read::Sources::of("one.yaml", &text));
            let findings = crate::lint::lint(&reading.fabric, jiff::civil::date(2027, 1, 1));
            findings.iter().filter(|it| it.code == code::SECRET_INLINE).map(|it| it.place.line).collect::<Vec<_>>()
        };
        let key = "5f0c9a7e1b3d48f2a6c0e4d81b7f3a925f0c9a7e";
        assert!(found("The number on its back", "worn").is_empty());
        assert_eq!(found(&format!("Asked for with {key}"), "worn").len(), 1);
        assert_eq!(found("The number on its back", key).len(), 1);
    }

    #[test]
    fn passwords_in_addresses_are_seen() {
        assert!(has_password("https://svc:hunter2@erp.example.com/odoo"));
        assert!(!has_password("https://erp.example.com:8069/web?login=a@b:c"));
        assert!(!has_password("https://svc@erp.example.com"));
    }
}

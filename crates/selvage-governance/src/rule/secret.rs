//! INVARIANT: SECRET-FREE: no secret stands in a manifest, or in a file that one names. What looks like one is not repeated in
//! the finding either.

mod file;

use selvage_model::code;
use selvage_model::finding::{Finding, Severity};
use selvage_model::manifest::consumer::Deliver;
use selvage_model::manifest::flow::{Action, Step};
use selvage_model::manifest::interface::{Interface, InterfaceBody};
use selvage_model::manifest::issuer::Issuer;
use selvage_model::manifest::mapping::Mapping;
use selvage_model::manifest::object::{Attribute, Object, Shape};
use selvage_model::manifest::rule::Rule;
use selvage_model::manifest::system::{SecretName, System};
use selvage_model::name::{FlowName, InterfaceRef, ObjectRef};
use selvage_model::source::{Place, Spanned};
use serde_json::Value;

use super::LintRule;
use super::cycle::inner;
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
    fabric.flows.values().for_each(|flow| of_steps(&flow.name, &flow.steps, report));
    fabric.rules.values().for_each(|rule| of_rule(rule, report));
    for team in fabric.teams.values() {
        team.notices.iter().for_each(|notices| of_deliver(&team.name, notices, report));
    }
    for domain in fabric.domains.values() {
        domain.notices.iter().for_each(|notices| of_deliver(&domain.name, notices, report));
    }
    for subscription in &fabric.subscriptions {
        subscription.deliver.iter().for_each(|deliver| of_deliver(&subscription.consumer.value, deliver, report));
    }
    for grant in &fabric.grants {
        if grant.purpose.as_deref().is_some_and(holds_secret) {
            tell(&grant.consumer.value, &grant.place, "the purpose holds what looks like a key", report);
        }
        of_expression(&grant.consumer.value, grant.when.as_ref(), report);
    }
    fabric.approval_rules.values().for_each(|rule| of_expression(&rule.name, Some(&rule.when), report));
    for waiver in fabric.waivers.iter().filter(|waiver| holds_secret(&waiver.because)) {
        tell(&waiver.on.value, &waiver.place, "the reason of the waiver holds what looks like a key", report);
    }
}

fn of_system(system: &System, report: &mut Report) {
    for environment in &system.environments {
        if let Some(url) = environment.url.as_ref().filter(|url| has_password(&url.value)) {
            tell(&system.name, &url.place, "the address holds a password", report);
        }
        if let Some(url) = environment.url.as_ref().filter(|url| url.value.split('/').any(looks_secret)) {
            tell(&system.name, &url.place, "the address holds what looks like a key", report);
        }
        let client = environment.tls.as_ref().and_then(|tls| tls.client.as_ref());
        for secret in client.into_iter().flat_map(|client| [&client.certificate, &client.key]) {
            of_name(&system.name, secret, report);
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
        environment.signing.iter().for_each(|signing| of_name(&issuer.name, &signing.secret, report));
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
        webhook.secrets.iter().for_each(|secret| of_name(reference, secret, report));
    }
    let texts = [&interface.description, &interface.because];
    if texts.into_iter().flatten().any(|text| holds_secret(text)) {
        tell(reference, &interface.place, "a text of the interface holds what looks like a key", report);
    }
}

/// What signs deliveries, and where they go.
fn of_deliver(about: &impl ToString, deliver: &Deliver, report: &mut Report) {
    deliver.secrets.iter().for_each(|secret| of_name(about, secret, report));
    if deliver.path.split('/').any(looks_secret) {
        tell(about, &deliver.system.place, "the path of the deliveries holds what looks like a key", report);
    }
}

/// Where the name of a secret is expected.
fn of_name(about: &impl ToString, secret: &Spanned<SecretName>, report: &mut Report) {
    if looks_secret(&secret.value.0) {
        let what = "this looks like a secret itself; `secret` takes the name of one";
        tell(about, &secret.place, what, report);
    }
}

fn of_expression(about: &impl ToString, text: Option<&Spanned<String>>, report: &mut Report) {
    if let Some(text) = text.filter(|text| expression_holds_secret(&text.value)) {
        tell(about, &text.place, "the expression holds what looks like a key", report);
    }
}

/// The fabric's own rules, with their tests.
fn of_rule(rule: &Rule, report: &mut Report) {
    of_expression(&rule.name, Some(&rule.when), report);
    if holds_secret(&rule.says) {
        tell(&rule.name, &rule.place, "what the rule says holds what looks like a key", report);
    }
    for case in rule.good.iter().chain(&rule.bad).filter(|case| value_holds_secret(&case.said)) {
        tell(&rule.name, &case.place, "the test holds what looks like a key", report);
    }
}

/// What is written into steps, those inside others too.
fn of_steps(flow: &FlowName, steps: &[Step], report: &mut Report) {
    for step in steps {
        of_expression(flow, step.when.as_ref(), report);
        let given = match &step.action {
            Action::Call { with, .. } | Action::Emit { with, .. } => with.as_ref(),
            Action::Map { with } => Some(with),
            Action::ForEach { each, .. } => {
                of_expression(flow, Some(each), report);
                None
            }
            Action::Choose { branches } => {
                branches.iter().for_each(|(condition, _)| of_expression(flow, Some(condition), report));
                None
            }
            Action::Wait { .. } | Action::Approve { .. } | Action::Parallel { .. } => None,
        };
        if given.is_some_and(value_holds_secret) {
            tell(flow, &step.id.place, "the step holds what looks like a key", report);
        }
        inner(step).into_iter().for_each(|steps| of_steps(flow, steps, report));
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

/// The same of what is written as CEL, where texts stand between other signs.
fn expression_holds_secret(text: &str) -> bool {
    file::words(text).any(looks_secret)
}

fn value_holds_secret(value: &Value) -> bool {
    match value {
        Value::String(text) => holds_secret(text) || expression_holds_secret(text),
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

    /// Where a secret can be written into a manifest, and the line of it: `KEY` is one, and no finding where it is a name.
    const PLACES: &[(&str, &str)] = &[
        (
            "an account",
            "SYSTEM {url: \"https://erp.example\", accounts: {default: {login: svc, api_key: {secret: KEY}}}}",
        ),
        ("the next of an account", "SYSTEM {accounts: {default: {login: svc, api_key: {secret: erp/a, next: KEY}}}}"),
        ("a login", "SYSTEM {accounts: {default: {login: KEY, api_key: {secret: erp/a}}}}"),
        ("an address", "SYSTEM {url: \"https://erp.example/KEY/odoo\"}"),
        (
            "a certificate",
            "SYSTEM {url: \"https://erp.example\", tls: {client: {certificate: {secret: KEY}, key: {secret: erp/key}}}}",
        ),
        (
            "the key of a certificate",
            "SYSTEM {url: \"https://erp.example\", tls: {client: {certificate: {secret: erp/a}, key: {secret: KEY}}}}",
        ),
        ("a delivery", "SUBSCRIPTION {system: mes, path: /in, signing: standard-webhooks, secret: {secret: KEY}}"),
        (
            "the next of a delivery",
            "SUBSCRIPTION {system: mes, path: /in, signing: standard-webhooks, secret: {secret: mes/a, next: KEY}}",
        ),
        ("the path of a delivery", "SUBSCRIPTION {system: mes, path: /in/KEY}"),
        (
            "notices",
            "kind: Team\nname: desk\nroles: {owner: [a]}\nnotices: {system: mes, path: /told, signing: standard-webhooks, secret: {secret: KEY}}",
        ),
        ("what a step calls with", "FLOW {id: ask, call: wms.stock.reserve, with: {token: KEY}}"),
        ("what a step emits", "FLOW {id: tell, emit: stock.item.moved, with: {note: \"'KEY'\"}}"),
        ("what a step makes", "FLOW {id: make, map: {token: KEY}}"),
        ("when a step runs", "FLOW {id: ask, call: wms.stock.reserve, when: \"event.data.token == 'KEY'\"}"),
        (
            "a step inside another",
            "FLOW {id: all, for_each: event.data.lines, steps: [{id: ask, call: wms.stock.reserve, with: {token: KEY}}]}",
        ),
        ("an own rule", "RULE {when: \"interface.name == 'KEY'\", says: No}"),
        ("what an own rule says", "RULE {when: interface.name == 'x', says: Ask with KEY}"),
        ("the test of an own rule", "RULE {when: interface.name == 'x', says: No, bad: [{interface: {name: KEY}}]}"),
        ("the condition of a grant", "GRANT {when: \"request.query.token == 'KEY'\"}"),
        ("the purpose of a grant", "GRANT {purpose: Asks with KEY}"),
        ("a rule of approval", "APPROVAL {when: \"change.name == 'KEY'\"}"),
    ];

    /// The whole manifest of such a place.
    fn whole(place: &str) -> String {
        let (kind, rest) = place.split_once(' ').unwrap();
        let members = || rest.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')).unwrap();
        match kind {
            "SYSTEM" => {
                format!("kind: System\nname: erp\nconnector: odoo\nowner: desk\nenvironments:\n  dev: {rest}\n")
            }
            "SUBSCRIPTION" => format!(
                "kind: Subscription\nconsumer: mes\ninterface: events@1\nevents: [stock.item.moved]\ndeliver: {rest}\n"
            ),
            "FLOW" => format!("kind: Flow\nname: moved\ninterface: moved@1\nsteps:\n  - {rest}\n"),
            "RULE" => format!("{{kind: Rule, name: own, {}}}\n", members()),
            "GRANT" => {
                format!("{{kind: Grant, consumer: mes, interface: stock@1, operations: [list], {}}}\n", members())
            }
            "APPROVAL" => format!("{{kind: ApprovalRule, name: own, require: [owner], {}}}\n", members()),
            _ => place.to_owned(),
        }
    }

    #[test]
    fn every_place_is_looked_at() {
        let key = "5f0c9a7e1b3d48f2a6c0e4d81b7f3a925f0c9a7e";
        let mut wrong = Vec::new();
        for (what, place) in PLACES {
            let told = |written: &str| {
                let text = whole(place).replace("KEY", written);
                let reading = selvage_model::read::read(&selvage_model::read::Sources::of("one.yaml", &text));
                let unread: Vec<String> = reading.findings.iter().map(|it| format!("{what}: {it:?}")).collect();
                let findings = crate::lint::lint(&reading.fabric, jiff::civil::date(2027, 1, 1));
                let found = findings.into_iter().filter(|it| it.code == code::SECRET_INLINE);
                unread.into_iter().chain(found.map(|it| format!("{what}: {}", it.message))).collect::<Vec<_>>()
            };
            wrong.extend(told("a-name"));
            let found = told(key);
            if found.len() != 1 || found.iter().any(|told| told.contains(key)) {
                wrong.push(format!("{what}: {found:?}"));
            }
        }
        assert_eq!(wrong, Vec::<String>::new());
    }

    /// An address with a query is none that is read, so that no key stands in one; what it said is not repeated.
    #[test]
    fn no_address_has_a_query() {
        let text = "kind: System\nname: erp\nconnector: http\nowner: desk\nenvironments:\n  dev: {url: \"https://host/?api_key=5f0c9a7e\"}\n";
        let reading = selvage_model::read::read(&selvage_model::read::Sources::of("one.yaml", text));
        let told: Vec<_> = reading.findings.iter().map(|it| (it.place.line, it.severity)).collect();
        assert_eq!(told, [(6, Severity::Error)]);
        assert!(!format!("{:?}", reading.findings).contains("5f0c9a7e"));
    }

    #[test]
    fn passwords_in_addresses_are_seen() {
        assert!(has_password("https://svc:hunter2@erp.example.com/odoo"));
        assert!(!has_password("https://erp.example.com:8069/web?login=a@b:c"));
        assert!(!has_password("https://svc@erp.example.com"));
    }
}

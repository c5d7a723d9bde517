//! What manifests become, and what is said about those that are wrong.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::json;

use super::fields::asked;
use super::*;
use crate::access::EndAction;
use crate::code;
use crate::manifest::api::{Answers, Api};
use crate::manifest::interface::{InterfaceBody, Lifecycle};
use crate::manifest::kind::Kind;
use crate::manifest::mapping::{Allowed, Direction, Lens};
use crate::manifest::object::Shape;
use crate::schema::tables;

mod bounds;
mod extend;
mod findings;

/// What reading looks for in it; the gateway reads it whole.
const AUTHORITIES: &str = "# of the plant\n-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n";

/// The sample: every kind with every field.
fn sample() -> Sources {
    let mut sources = Sources::new();
    sources.insert("organisation.yaml", include_str!("tests/organisation.yaml"));
    sources.insert("objects.yaml", include_str!("tests/objects.yaml"));
    sources.insert("plants/interfaces.yml", include_str!("tests/interfaces.yaml"));
    sources.insert("contracts/old-stock.yaml", include_str!("tests/old-stock.yaml"));
    sources.insert("scenarios/engineering-change.yaml", "- given: nothing");
    sources.insert("tls/leipzig.pem", AUTHORITIES);
    sources.insert("notes.txt", "not a manifest: [");
    sources
}

fn one(text: &str) -> Reading {
    read(&Sources::of("a.yaml", text))
}

#[test]
fn every_kind_is_read_without_findings() {
    let reading = read(&sample());
    assert_eq!(reading.findings, []);
    assert_eq!(reading.manifests, 32);
    let fabric = &reading.fabric;
    assert_eq!(fabric.settings.as_ref().unwrap().environments.len(), 3);
    assert_eq!(fabric.interfaces.len(), 9);
    assert_eq!(fabric.consumers.len(), 5);
    assert_eq!(
        fabric.files.keys().collect::<Vec<_>>(),
        ["contracts/old-stock.yaml", "scenarios/engineering-change.yaml", "tls/leipzig.pem"]
    );
    assert_eq!(fabric.sites.values().next().unwrap().companies[0].1.value, "DE01");
    assert_eq!(fabric.domains.values().next().unwrap().quorum, 2);
}

#[test]
fn how_a_system_is_known_over_tls_must_fit() {
    let system = |url: &str, connector: &str, tls: &str| {
        format!(
            "kind: System\nname: mes\nconnector: {connector}\nowner: ot\nenvironments: {{prod: {{url: '{url}', tls: {tls}}}}}\n"
        )
    };
    let key = format!("{AUTHORITIES}-----BEGIN EC PRIVATE KEY-----\nMHcC\n-----END EC PRIVATE KEY-----\n");
    let named = "{authorities: tls/a.pem}";
    let secure = "https://mes.example";
    for (url, connector, tls, file, said) in [
        (secure, "http", named, AUTHORITIES, None),
        (secure, "odoo", named, AUTHORITIES, None),
        (secure, "http", "{server_name: other.example}", "", None),
        (secure, "http", named, "none", Some((code::AUTHORITIES_UNFIT, "holds no certificate in PEM"))),
        (secure, "http", named, &key, Some((code::AUTHORITIES_UNFIT, "holds a private key"))),
        ("http://mes.example", "http", named, AUTHORITIES, Some((code::TLS_UNSPOKEN, "is not spoken to over TLS"))),
        (secure, "odoo", "{server_name: x}", "", Some((code::TLS_UNSPOKEN, "known by the host"))),
        (secure, "http", "{authorities: tls/b.pem}", "", Some((code::NAMED_FILE, "there is no file"))),
        (
            secure,
            "http",
            "{client: {key: {secret: a}}}",
            "",
            Some((code::MISSING_FIELD, "needs the field `certificate`")),
        ),
    ] {
        let mut sources = Sources::of("a.yaml", &system(url, connector, tls));
        sources.insert("tls/a.pem", file);
        let reading = read(&sources);
        let found = reading.findings.first().map(|finding| (finding.code, finding.message.clone()));
        match (said, found) {
            (None, None) => {}
            (Some((code, part)), Some((known, message))) => {
                assert_eq!(known, code, "{message}");
                assert!(message.contains(part), "{message}");
            }
            (said, found) => panic!("{url} {tls}: {said:?}, {found:?}"),
        }
    }
}

#[test]
fn what_proves_a_webhook_must_fit() {
    let read = |signing: &str| {
        let head = "kind: Interface\nname: calls\ntype: webhook\nversion: 1.0\nsource: {system: shop, signing: ";
        one(&format!("{head}{signing}, secrets: [{{secret: shop/hook}}]}}\ninto: {{event: sales.order.placed}}\n"))
    };
    for (signing, said) in [
        ("standard-webhooks", None),
        ("bearer", None),
        ("secret-path", None),
        ("{hmac: {header: X-Signature}}", None),
        ("{hmac: {header: X-Signature, signs: 'v0:{timestamp}:{body}', timestamp: X-Time}}", None),
        ("{bearer: {header: X-Token}}", None),
        ("{mtls: {subject: CN=shop}}", None),
        ("hmac-sha256", Some((code::BAD_VALUE, "hmac-sha256"))),
        ("{hmac: {header: 'X Signature'}}", Some((code::BAD_VALUE, "X Signature"))),
        ("{hmac: {header: X-S, signs: '{id}.{body}'}}", Some((code::BAD_VALUE, "all that can be signed"))),
        ("{hmac: {header: X-S, signs: '{body'}}", Some((code::BAD_VALUE, "all that can be signed"))),
        ("{hmac: {header: X-S, signs: '{timestamp}', timestamp: X-T}}", Some((code::BAD_VALUE, "the body is signed"))),
        ("{hmac: {header: X-S, signs: '{body}{body}'}}", Some((code::BAD_VALUE, "once"))),
        ("{hmac: {header: X-S, signs: '{timestamp}.{body}'}}", Some((code::BAD_VALUE, "in which header"))),
        ("{hmac: {header: X-S, timestamp: X-T}}", Some((code::BAD_VALUE, "is not signed"))),
        ("{hmac: {header: X-S}, mtls: {subject: CN=a}}", Some((code::FIELDS_CLASH, "mtls"))),
    ] {
        let reading = read(signing);
        let found = reading.findings.first().map(|finding| (finding.code, finding.message.clone()));
        match (said, found) {
            (None, None) => assert!(matches!(
                &reading.fabric.interfaces.values().next().unwrap().body,
                InterfaceBody::Webhook(webhook) if webhook.signing.is_some() && webhook.secrets.len() == 1
            )),
            (Some((code, part)), Some((known, message))) => {
                assert!(known == code && message.contains(part), "{signing}: {known} {message}");
            }
            (said, found) => panic!("{signing}: {said:?}, {found:?}"),
        }
    }
}

#[test]
fn every_field_of_the_tables_is_read() {
    asked::take();
    assert_eq!(read(&sample()).findings, []);
    let asked = asked::take();
    let mut known = BTreeSet::new();
    let mut seen = BTreeSet::new();
    for kind in Kind::ALL {
        collect(tables::of(*kind), &mut known, &mut seen);
    }
    let never: Vec<_> = known.difference(&asked).collect();
    assert!(never.is_empty(), "in the tables but never read: {never:?}");
    let unknown: Vec<_> = asked.difference(&known).collect();
    assert!(unknown.is_empty(), "read but not in the tables: {unknown:?}");
}

/// Every field of the record and of those below it.
fn collect(
    record: &'static crate::schema::shape::Record,
    known: &mut BTreeSet<(&'static str, String)>,
    seen: &mut BTreeSet<&'static str>,
) {
    if !seen.insert(record.name) {
        return;
    }
    for field in record.all_fields() {
        known.insert((record.name, field.name.to_owned()));
        below(&field.shape, known, seen);
    }
}

fn below(
    shape: &'static crate::schema::shape::Shape,
    known: &mut BTreeSet<(&'static str, String)>,
    seen: &mut BTreeSet<&'static str>,
) {
    use crate::schema::shape::Shape;
    match shape {
        Shape::Record(record) => collect(record, known, seen),
        Shape::List(of, _) | Shape::Map(_, of) | Shape::Either(_, of) => below(of, known, seen),
        Shape::Typed(typed, other) => {
            below(typed, known, seen);
            below(other, known, seen);
        }
        Shape::Text(_) | Shape::Any => {}
    }
}

#[test]
fn issuers_say_what_they_do_not_say() {
    use crate::manifest::issuer::TokenAlgorithm::{EdDsa, Es256, Rs256};
    let fabric = read(&sample()).fabric;
    let (login, internal) = (&fabric.issuers[&"login".parse().unwrap()], &fabric.issuers[&"internal".parse().unwrap()]);
    let [dev, test] = login.environments.as_slice() else { panic!("two environments") };
    assert_eq!((dev.url.value.as_str(), dev.subject.as_str()), ("https://login.example/plant", "client_id"));
    assert_eq!((dev.algorithms.as_slice(), dev.leeway), ([Es256].as_slice(), Duration::from_secs(10)));
    assert_eq!((test.algorithms.as_slice(), test.subject.as_str()), ([Rs256, Es256].as_slice(), "sub"));
    assert_eq!(test.audiences, ["https://login.example"]);
    assert_eq!(internal.environments[0].algorithms, [EdDsa]);
    let subject = |name: &str| fabric.consumers[&name.parse().unwrap()].token_subject().map(|(_, subject)| subject);
    assert_eq!((subject("mes-leipzig"), subject("shop"), subject("carrier")), (Some("pump-desk"), Some("shop"), None));
}

#[test]
fn versions_are_text_and_never_numbers() {
    let fabric = read(&sample()).fabric;
    let orders = &fabric.interfaces[&"pump-orders@1".parse().unwrap()];
    assert_eq!((orders.version.major, orders.version.minor), (1, 2));
    let text = "kind: Object\nname: a\nversion: 1.10\nowner: t\nidentity: [x]\nattributes: {x: {type: string}}\n";
    let reading = one(text);
    assert_eq!(reading.findings, []);
    assert_eq!(reading.fabric.objects.values().next().unwrap().version.minor, 10);
}

#[test]
fn numbers_keep_their_digits_and_words_are_words() {
    let fabric = read(&sample()).fabric;
    let mapping = &fabric.mappings[&"pump-erp".parse().unwrap()];
    assert_eq!(mapping.examples[0].local["weight"].to_string(), "2.50");
    assert_eq!(mapping.examples[0].local["seal"], json!(false));
    assert_eq!(mapping.examples[0].version, Some(18));
    let pump = &fabric.objects[&"pump@1".parse().unwrap()];
    let Shape::Enum { values } = &pump.attribute(&"seal".parse().unwrap()).unwrap().shape else { panic!("seal") };
    assert_eq!(values.iter().map(|value| value.value.as_str()).collect::<Vec<_>>(), ["none", "ring", "no"]);
}

#[test]
fn lenses() {
    let fabric = read(&sample()).fabric;
    let mapping = &fabric.mappings[&"pump-erp".parse().unwrap()];
    let field = |name: &str| mapping.fields.iter().find(|field| field.attribute.value.as_str() == name).unwrap();
    assert_eq!(mapping.only[0].1, Allowed::OneOf(vec![json!(true)]));
    assert_eq!(mapping.only[1].0.value, "categ_id.code");
    assert!(matches!(&mapping.only[1].1, Allowed::OneOf(values) if values.len() == 2));
    assert_eq!(mapping.only[2].1, Allowed::AtLeast(1));
    assert_eq!(field("key").direction, Direction::Read);
    assert_eq!(field("company").direction, Direction::Both);
    assert_eq!(field("stages").field(18), Some("stage"));
    assert_eq!(field("stages").field(19), Some("stages"));
    assert_eq!(field("seal").default, Some(json!("none")));
    assert_eq!(field("kind").lens, Lens::Const(json!("pump")));
    let Lens::Group(inner) = &field("box").lens else { panic!("box") };
    assert_eq!(inner.len(), 2);
    let Lens::Enum(words) = &field("seal").lens else { panic!("seal") };
    assert_eq!(words[0].0.value, "false");
}

#[test]
fn lists_of_types_and_lists_of_groups() {
    let fabric = read(&sample()).fabric;
    let pump = &fabric.objects[&"pump@1".parse().unwrap()];
    let element = |name: &str| match &pump.attribute(&name.parse().unwrap()).unwrap().shape {
        Shape::List(of) => of.as_ref().clone(),
        other => panic!("{other:?}"),
    };
    assert_eq!(element("words"), Shape::String { max: Some(3) });
    assert!(matches!(element("suppliers"), Shape::Group(attributes) if attributes.len() == 2));
    // A group may have an attribute that is called `type`.
    assert!(matches!(element("kinds"), Shape::Group(attributes) if attributes[0].name.value.as_str() == "type"));
}

#[test]
fn lifecycles_and_bodies() {
    let fabric = read(&sample()).fabric;
    let get = |name: &str| &fabric.interfaces[&name.parse().unwrap()];
    assert!(matches!(&get("old-stock@1").lifecycle, Lifecycle::Deprecated(end) if end.sunset.is_some()));
    assert!(matches!(&get("older-stock@1").lifecycle, Lifecycle::Retired { successor: Some(_) }));
    assert!(matches!(&get("change-flow@1").lifecycle, Lifecycle::Blocked { because: Some(_) }));
    let Some(Api::Direct { upstream, cache, .. }) = get("old-stock@1").api() else { panic!("direct") };
    assert_eq!(upstream.path, "/api/stock");
    let cache = cache.unwrap();
    assert_eq!((cache.answers, cache.size, cache.largest), (Answers::SameForAll, 8_000_000, 100_000));
    assert_eq!(cache.max_age, Some(Duration::from_secs(600)));
    let Some(Api::Mediated(serves)) = get("pump-orders@1").api() else { panic!("mediated") };
    assert_eq!(serves.operations.len(), 7);
    let InterfaceBody::Event(events) = &get("operation-events@1").body else { panic!("event") };
    assert_eq!(events.copy_max_age, Some(Duration::from_secs(60)));
    let retention = events.retention.unwrap();
    assert_eq!((retention.at_least, retention.ceiling()), (Some(10_000_000_000), Some(50_000_000_000)));
}

#[test]
fn answers_are_kept_where_that_makes_sense() {
    let direct =
        "kind: Interface\nname: a\ntype: api\nversion: 1.0\ncontract: {openapi: a.yaml}\nupstream: {system: b}\n";
    let mediated =
        "kind: Interface\nname: a\ntype: api\nversion: 1.0\nserves: {object: b@1, system: b, operations: [get]}\n";
    let table = [
        (mediated, "cache: {}", Some((code::FIELDS_CLASH, "a mediated api does not have this"))),
        (direct, "cache: {size: 1MB, largest: 2MB}", Some((code::BAD_VALUE, "the largest answer is larger"))),
        (direct, "cache: {size: 500KB}", None),
        (direct, "cache: {}", None),
    ];
    for (start, cache, expected) in table {
        let reading = one(&format!("{start}{cache}\n"));
        let said =
            reading.findings.iter().find(|finding| [code::FIELDS_CLASH, code::BAD_VALUE].contains(&finding.code));
        let said = said.map(|finding| (finding.code, finding.message.as_str()));
        match (said, expected) {
            (None, None) => {}
            (Some((code, message)), Some((expected, begins))) => {
                assert!(code == expected && message.starts_with(begins), "{cache}: {code} {message}");
            }
            other => panic!("{cache}: {other:?}"),
        }
    }
    let reading = one(&format!("{direct}cache: {{size: 500KB}}\n"));
    let Some(Api::Direct { cache: Some(cache), .. }) = reading.fabric.interfaces.values().next().unwrap().api() else {
        panic!("it is kept")
    };
    assert_eq!((cache.answers, cache.size, cache.largest), (Answers::OfEachGrant, 500_000, 500_000));
}

#[test]
fn a_grant_on_tier_1_alarms_where_it_does_not_say() {
    let fabric = read(&sample()).fabric;
    assert_eq!(fabric.grants[0].on_end, EndAction::Alarm);
    assert_eq!(fabric.grants[0].rows[1].1, [json!("ring"), json!("none")]);
    assert_eq!(fabric.grants[0].until.as_ref().unwrap().value.to_string(), "2027-06-30T16:00:00Z");
    assert_eq!(fabric.grants[1].on_end, EndAction::End);
}

#[test]
fn the_digest_knows_meaning_and_not_layout() {
    let digest_of = |files: &[(&str, &str)]| {
        let mut sources = Sources::new();
        for (path, text) in files {
            sources.insert(*path, *text);
        }
        digest(&sources)
    };
    let team = "kind: Team\nname: a\nroles: {owner: [x, y], steward: [z]}\n";
    let object = "kind: Object\nname: o\nversion: 1.0\nowner: a\nidentity: [x]\nattributes: {x: {type: string, optional: true}}\n";
    let first = digest_of(&[("a.yaml", team), ("b.yaml", object)]);
    assert!(first.starts_with("rel_") && first.len() == 68, "{first}");
    let relaid = "# moved\nversion: \"1.0\"\nkind: 'Object'\nowner: a\nname: o\nidentity:\n- x\nattributes:\n  x:\n    optional: true\n    type: string\n";
    let relaid = format!("{relaid}---\nroles: {{steward: [\"z\"], owner: [x, y]}}\nname: a\nkind: Team\n");
    assert_eq!(digest_of(&[("all/in-one.yml", &relaid)]), first);
    let changed = team.replace("[x, y]", "[y, x]");
    assert_ne!(digest_of(&[("a.yaml", &changed), ("b.yaml", object)]), first);
    assert_ne!(digest_of(&[("a.yaml", team)]), first);
    assert_ne!(digest_of(&[]), first);
}

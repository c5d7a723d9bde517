//! Requests are judged, deciders found, terms compared, and use measured, over one small fabric.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use jiff::civil::date;
use selvage_model::access::{AccessState, Credential, EndAction, GrantTerms, KeyHash, LiveGrant, Principal};
use selvage_model::fabric::Fabric;
use selvage_model::finding::Severity;
use selvage_model::read::{Sources, read};
use selvage_model::usage::{AttributeUse, UsageCount, UsageKey, UsageTotal, Used, Way};
use serde_json::json;

use super::*;

const FABRIC: &str = "
kind: Fabric
name: works
environments: {dev: {}}
---
kind: Domain
name: group
board: {security: [s.okafor], operations: [p.moreau], quorum: 2}
---
kind: Team
name: stock-team
roles: {owner: [w.svoboda], on_call: [ops.desk]}
---
kind: Team
name: empty-team
roles: {on_call: [ops.desk]}
---
kind: Object
name: item
version: 1.0
owner: stock-team
identity: [code]
attributes:
  code: {type: string}
  name: {type: string}
  price: {type: decimal, optional: true}
  email: {type: string, optional: true, class: personal}
---
kind: Interface
name: stock
version: 1.0
owner: stock-team
type: event
description: what is there
lifecycle: active
classification: {criticality: tier-2, data: internal}
events: {group.item.changed: {object: item@1}}
lane: data.code
---
kind: Interface
name: secrets
version: 1.0
owner: stock-team
type: event
description: for those named
lifecycle: active
classification: {criticality: tier-1, data: restricted}
events: {group.item.told: {object: item@1}}
lane: data.code
---
kind: Interface
name: old-stock
version: 1.0
owner: empty-team
type: event
description: until it ends
lifecycle: deprecated
deprecation: {since: 2026-01-01, sunset: 2027-12-31, successor: stock@1}
events: {group.item.aged: {object: item@1}}
lane: data.code
---
kind: Consumer
name: board
owner: stock-team
identity: {mtls: {subject: CN=board}}
---
kind: Consumer
name: twin
owner: empty-team
identity: {mtls: {subject: CN=board}}
---
kind: Consumer
name: stray
owner: nobody
identity: {api_key: {}}
";

fn fabric() -> Fabric {
    let mut sources = Sources::new();
    sources.insert("fabric.yaml", FABRIC);
    let reading = read(&sources);
    assert!(reading.is_clean(), "{:?}", reading.findings);
    reading.fabric
}

fn terms(operations: &[&str]) -> GrantTerms {
    GrantTerms {
        purpose: Some("Shows what is there beside the lines".to_owned()),
        until: Some("2028-01-01T00:00:00Z".parse().unwrap()),
        ..GrantTerms::whole(operations.iter().copied())
    }
}

fn codes(interface: &str, consumer: &str, terms: &GrantTerms) -> Vec<(Severity, &'static str)> {
    let subject = (&consumer.parse().unwrap(), &interface.parse().unwrap());
    let findings = judge(&fabric(), subject, terms, date(2027, 1, 1));
    findings.into_iter().map(|finding| (finding.severity, finding.code.as_str())).collect()
}

#[test]
fn what_stands_against_a_request_is_named() {
    let error = |code| (Severity::Error, code);
    let fine = terms(&["read"]);
    assert_eq!(codes("stock@1", "board", &fine), []);
    let table: [(&str, &str, GrantTerms, (Severity, &str)); 8] = [
        ("stock@1", "board", terms(&["reed"]), error("FAB2203")),
        ("stocks@1", "board", fine.clone(), error("FAB2001")),
        ("stock@1", "bored", fine.clone(), error("FAB2001")),
        ("stock@1", "board", GrantTerms { purpose: None, ..fine.clone() }, error("FAB2201")),
        ("old-stock@1", "board", fine.clone(), error("FAB7143")),
        (
            "stock@1",
            "board",
            GrantTerms { until: Some("2029-01-02T00:00:00Z".parse().unwrap()), ..fine.clone() },
            error("FAB7144"),
        ),
        (
            "stock@1",
            "board",
            GrantTerms { until: Some("2026-12-31T00:00:00Z".parse().unwrap()), ..fine.clone() },
            error("FAB7144"),
        ),
        ("secrets@1", "board", GrantTerms { on_end: EndAction::Alarm, ..fine }, (Severity::Advice, "FAB7145")),
    ];
    for (interface, consumer, terms, expected) in table {
        let found = codes(interface, consumer, &terms);
        assert!(found.contains(&expected), "{interface} for {consumer}: {found:?}");
    }
}

#[test]
fn owners_and_the_security_seat_decide_and_of_what_is_restricted_the_seat_alone() {
    let classed = GrantTerms { classes: vec!["personal".parse().unwrap()], ..terms(&["read"]) };
    let table: [(&str, GrantTerms, &[&str]); 4] = [
        ("stock@1", terms(&["read"]), &["s.okafor", "w.svoboda"]),
        ("stock@1", classed, &["s.okafor"]),
        ("secrets@1", terms(&["read"]), &["s.okafor"]),
        ("old-stock@1", terms(&["read"]), &["s.okafor"]),
    ];
    for (interface, terms, expected) in table {
        let expected: BTreeSet<String> = expected.iter().map(|name| (*name).to_owned()).collect();
        assert_eq!(deciders(&fabric(), &interface.parse().unwrap(), &terms).people, expected, "{interface}");
    }
    let board = board(&fabric(), &"stock@1".parse().unwrap(), &terms(&["read"]));
    assert!(board.include("p.moreau") && board.include("s.okafor") && !board.include("w.svoboda"));
}

/// Nobody decides about their own: where nobody else would, the board does, of the domain or of the group.
#[test]
fn where_nobody_but_who_asked_would_decide_the_board_does() {
    let (fabric, stock) = (fabric(), "stock@1".parse().unwrap());
    let people = |fabric: &Fabric, by: &str| {
        let sitting = Sitting { now: Timestamp::UNIX_EPOCH, delegations: Vec::new(), proven_only: false };
        let found = deciders_beside(fabric, (&stock, &terms(&["read"])), by, &sitting);
        found.people.into_iter().collect::<Vec<_>>()
    };
    assert_eq!(people(&fabric, "w.svoboda"), ["s.okafor", "w.svoboda"], "the seat decides");
    let mut unseated = fabric;
    for domain in unseated.domains.values_mut() {
        domain.board.retain(|(discipline, _)| discipline.value != "security");
    }
    assert_eq!(people(&unseated, "m.dewit"), ["w.svoboda"]);
    assert_eq!(people(&unseated, "w.svoboda"), ["p.moreau"]);
    unseated.domains.values_mut().for_each(|domain| domain.board.clear());
    assert_eq!(people(&unseated, "w.svoboda"), ["w.svoboda"], "there is nobody, and the desk refuses");
}

/// A seat that is lent decides about access as about changes: not for who lent it, not beyond its time, and by a name alone only where
/// nobody has a key.
#[test]
fn to_whom_the_security_seat_is_lent_decides_about_access() {
    let (fabric, secrets) = (fabric(), "secrets@1".parse().unwrap());
    let domain = fabric.governing(&secrets).unwrap();
    let lent = Delegation {
        id: "dlg_1".to_owned(),
        domain,
        discipline: "security".to_owned(),
        from: "s.okafor".to_owned(),
        to: "deputy".to_owned(),
        until: Timestamp::from_second(10).unwrap(),
        unproven: true,
    };
    let decides = |second: i64, proven_only: bool, by: &str| {
        let now = Timestamp::from_second(second).unwrap();
        let sitting = Sitting { now, delegations: vec![lent.clone()], proven_only };
        deciders_beside(&fabric, (&secrets, &terms(&["read"])), by, &sitting).include("deputy")
    };
    assert!(decides(5, false, "m.dewit"));
    assert!(!decides(11, false, "m.dewit") && !decides(5, true, "m.dewit") && !decides(5, false, "s.okafor"));
    let sitting = |second: i64| {
        let now = Timestamp::from_second(second).unwrap();
        Sitting { now, delegations: vec![lent.clone()], proven_only: false }
    };
    for is_overdue in [false, true] {
        let answers = |second, asked: &str| {
            let asked = [asked.to_owned()];
            let who = answering(&fabric, (&secrets, &terms(&["read"])), &asked, is_overdue, &sitting(second));
            who.include("deputy")
        };
        assert!(answers(5, "m.dewit") && !answers(11, "m.dewit"));
        assert!(!answers(5, "s.okafor"), "who asked for it has no deputy keep it");
    }
}

#[test]
fn what_opens_more_is_not_narrower() {
    let wide = GrantTerms {
        rows: vec![("code".parse().unwrap(), vec![json!("a"), json!("b")])],
        except: vec!["price".parse().unwrap()],
        classes: vec!["personal".parse().unwrap()],
        ..terms(&["read", "publish"])
    };
    let mut narrower: Vec<GrantTerms> = vec![wide.clone(); 6];
    narrower[0].operations.pop();
    narrower[1].rows[0].1.pop();
    narrower[2].rows.push(("name".parse().unwrap(), vec![json!("x")]));
    narrower[3].except.push("email".parse().unwrap());
    narrower[4].classes.clear();
    narrower[5].until = Some("2027-06-01T00:00:00Z".parse().unwrap());
    for (number, narrow) in narrower.iter().enumerate() {
        assert_eq!(narrows(&wide, narrow), Ok(()), "{number}");
        assert!(narrows(narrow, &wide).is_err(), "{number}");
    }
    let other = GrantTerms { when: Some("time.hour > 6".to_owned()), ..wide.clone() };
    assert!(narrows(&wide, &other).is_err(), "whether a condition is narrower nobody can tell");
    let alarm = GrantTerms { on_end: EndAction::Alarm, ..wide.clone() };
    assert!(narrows(&wide, &alarm).is_err() && narrows(&alarm, &wide).is_ok());

    let taken = |operations: &[&str]| Narrowing {
        operations: Some(operations.iter().map(|word| (*word).to_owned()).collect()),
        ..Narrowing::default()
    };
    assert_eq!(taken(&["read"]).of(&wide).unwrap().operations, ["read"]);
    assert!(taken(&["delete"]).of(&wide).unwrap_err().contains("does not have `delete`"));
    assert!(taken(&[]).of(&wide).unwrap_err().contains("end the grant"));
    assert!(Narrowing::default().of(&wide).unwrap_err().contains("nothing is taken"));
}

fn total(consumer: &str, interface: &str, operation: &str, attribute: Option<&str>) -> UsageTotal {
    let attribute = attribute.map(|name| AttributeUse { way: Way::Asked, attribute: name.to_owned() });
    let key = UsageKey {
        interface: interface.parse().unwrap(),
        consumer: Some(consumer.parse().unwrap()),
        operation: operation.to_owned(),
        attribute,
    };
    let count = UsageCount { requests: 3, refused: 0, failed: 0, planned: 0 };
    UsageTotal { key, count, last: "2026-12-01T00:00:00Z".parse().unwrap() }
}

fn lease(id: &str, consumer: &str, interface: &str, terms: GrantTerms) -> LiveGrant {
    LiveGrant {
        id: id.to_owned(),
        consumer: consumer.parse().unwrap(),
        interface: interface.parse().unwrap(),
        terms: terms.into(),
        environment: None,
        ended: None,
    }
}

#[test]
fn what_nobody_uses_is_proposed_and_what_is_needed_is_not() {
    let grant = lease("grt_1", "board", "stock@1", terms(&["read", "publish", "subscribe"]));
    let fabric = fabric();
    let of = |totals: &[UsageTotal], subscribed| Breadth::of(&fabric, &grant, Use { totals, subscribed });
    let nothing = of(&[total("twin", "stock@1", "read", None), total("board", "secrets@1", "read", None)], false);
    assert!(!nothing.is_used() && nothing.proposal().is_none(), "another's use is not this one's");
    let some = of(&[total("board", "stock@1", "read", None)], true);
    assert_eq!(some.to_string(), "2 of 3 operations");
    let proposal = some.proposal().unwrap();
    assert_eq!(proposal.operations, Some(vec!["read".to_owned(), "subscribe".to_owned()]));
    assert_eq!(proposal.of(&grant.terms).unwrap().operations, ["read", "subscribe"]);
    // Who is subscribed uses it, and has used it last when something was delivered: never, where nothing was.
    assert!(some.is_subscription("subscribe") && !some.is_subscription("read"));
    assert_eq!(some.operations["subscribe"], None);
    let sent = total("board", "stock@1", "subscribe", None);
    let last = sent.last;
    assert_eq!(of(&[sent], true).operations["subscribe"], Some(last));
    let all = [total("board", "stock@1", "read", None), total("board", "stock@1", "publish", None)];
    assert_eq!(of(&all, true).proposal(), None);
}

#[test]
fn a_review_names_what_is_idle_shared_ownerless_over_soon_and_used_though_it_ends() {
    let (now, since): (Timestamp, Timestamp) =
        ("2027-01-01T00:00:00Z".parse().unwrap(), "2026-10-01T00:00:00Z".parse().unwrap());
    let soon = GrantTerms { until: Some("2027-01-20T00:00:00Z".parse().unwrap()), ..terms(&["read"]) };
    let grants = vec![
        lease("grt_used", "board", "stock@1", terms(&["read"])),
        lease("grt_idle", "twin", "stock@1", terms(&["read"])),
        lease("grt_new", "stray", "stock@1", soon),
        lease("grt_lost", "gone", "stock@1", terms(&["read"])),
        LiveGrant { ended: Some(now), ..lease("grt_ended", "twin", "stock@1", terms(&["read"])) },
    ];
    let key = Credential {
        id: "key_idle".to_owned(),
        principal: Principal::Consumer("stray".parse().unwrap()),
        hash: KeyHash([1; 32]),
        issued: "2026-01-01T00:00:00Z".parse().unwrap(),
        expires: None,
        revoked: None,
    };
    let person = |id: &str, issued: &str, expires: Option<&str>| Credential {
        id: id.to_owned(),
        principal: Principal::Operator("ann".to_owned()),
        issued: issued.parse().unwrap(),
        expires: expires.map(|at| at.parse().unwrap()),
        ..key.clone()
    };
    let people = [
        person("key_endless", "2026-01-01T00:00:00Z", None),
        person("key_young", "2026-12-01T00:00:00Z", None),
        person("key_ending", "2026-01-01T00:00:00Z", Some("2027-01-20T00:00:00Z")),
    ];
    let credentials = [key.clone()].into_iter().chain(people).collect();
    let access = AccessState { grants, credentials, ..AccessState::default() };
    let old: Timestamp = "2026-01-01T00:00:00Z".parse().unwrap();
    let granted: BTreeMap<String, Timestamp> =
        [("grt_used", old), ("grt_idle", old), ("grt_new", now), ("grt_lost", now), ("grt_ended", old)]
            .map(|(id, at)| (id.to_owned(), at))
            .into();
    let used = BTreeMap::from([(Used::Grant("grt_used".to_owned()), now)]);
    let totals = [total("board", "stock@1", "read", None), total("board", "old-stock@1", "read", None)];
    let fabric = fabric();
    let known = Known { fabric: &fabric, access: &access, granted: &granted, used: &used, totals: &totals, since, now };
    let found: Vec<(Concern, String)> = review(known).into_iter().map(|it| (it.concern, it.subject)).collect();
    let expected = [
        (Concern::Zombie, "old-stock@1"),
        (Concern::Shared, "board, twin"),
        (Concern::Ownerless, "gone"),
        (Concern::Ownerless, "stray"),
        (Concern::Ownerless, "twin"),
        (Concern::Idle, "grt_idle"),
        (Concern::Idle, "key_idle"),
        (Concern::Idle, "twin"),
        (Concern::Orphan, "secrets@1"),
        (Concern::Ending, "grt_new"),
        (Concern::Ending, "key_ending"),
        (Concern::Endless, "key_endless"),
    ];
    assert_eq!(found, expected.map(|(concern, subject)| (concern, subject.to_owned())));
}

/// What runs at the end of a year is not idle in autumn, whatever span somebody looks at.
#[test]
fn a_review_waits_as_long_as_an_interface_may_be_silent() {
    let at = |text: &str| -> Timestamp { text.parse().unwrap() };
    let (now, since) = (at("2027-01-01T00:00:00Z"), at("2026-10-01T00:00:00Z"));
    let access =
        AccessState { grants: vec![lease("grt_1", "board", "stock@1", terms(&["read"]))], ..AccessState::default() };
    let granted = BTreeMap::from([("grt_1".to_owned(), at("2024-01-01T00:00:00Z"))]);
    let named = |text: &str, last: &str| -> Vec<String> {
        let fabric = read(&Sources::of("fabric.yaml", text)).fabric;
        let used = BTreeMap::from([(Used::Grant("grt_1".to_owned()), at(last))]);
        let known = Known { fabric: &fabric, access: &access, granted: &granted, used: &used, totals: &[], since, now };
        let concerns = [Concern::Idle, Concern::Orphan];
        let about =
            |it: &Remark| concerns.contains(&it.concern) && ["grt_1", "board", "stock@1"].contains(&&*it.subject);
        review(known).into_iter().filter(about).map(|it| it.subject).collect()
    };
    let yearly = FABRIC.replace("description: what is there\n", "description: what is there\nused: yearly\n");
    assert_eq!(named(FABRIC, "2026-02-01T00:00:00Z"), ["board", "grt_1", "stock@1"]);
    assert_eq!(named(&yearly, "2026-02-01T00:00:00Z"), [""; 0]);
    assert_eq!(named(&yearly, "2025-10-01T00:00:00Z"), ["board", "grt_1", "stock@1"]);
}

/// A webhook is called by its system without any grant: that nobody calls it is told by its calls alone.
#[test]
fn a_webhook_that_nobody_calls_is_named() {
    let at = |text: &str| -> Timestamp { text.parse().unwrap() };
    let (now, since) = (at("2027-01-01T00:00:00Z"), at("2026-10-01T00:00:00Z"));
    let webhook = "---\nkind: Interface\nname: hints\ntype: webhook\nversion: 1.0\nowner: sales\nlifecycle: active\n\
                   source: {system: odoo, signing: secret-path, secrets: [{secret: odoo/hook}]}\n\
                   into: {object: thing@1}\n";
    let named = |more: &str, requests: u64, refused: u64| -> Vec<String> {
        let fabric = read(&Sources::of("fabric.yaml", &format!("{FABRIC}{webhook}{more}"))).fabric;
        assert!(fabric.interfaces.contains_key(&"hints@1".parse().unwrap()));
        let key = UsageKey {
            interface: "hints@1".parse().unwrap(),
            consumer: None,
            operation: "call".to_owned(),
            attribute: None,
        };
        let count = UsageCount { requests, refused, failed: 0, planned: 0 };
        let totals: Vec<UsageTotal> =
            if requests == 0 { Vec::new() } else { vec![UsageTotal { key, count, last: now }] };
        let (access, granted, used) = (AccessState::default(), BTreeMap::new(), BTreeMap::new());
        let known =
            Known { fabric: &fabric, access: &access, granted: &granted, used: &used, totals: &totals, since, now };
        let remarks = review(known).into_iter().filter(|it| it.subject == "hints@1");
        remarks.map(|it| format!("{}: {}", it.concern.as_str(), it.says)).collect()
    };
    assert_eq!(named("", 0, 0), ["orphan: no call since 2026-10-01T00:00:00Z"]);
    assert_eq!(named("", 7, 7), ["orphan: no call since 2026-10-01T00:00:00Z"], "nobody was let in");
    assert_eq!(named("", 7, 6), [""; 0]);
    assert_eq!(named("used: yearly\n", 0, 0), [""; 0], "it may have been called before");
}

//! Who breaks by what: seen use, use that cannot be known, and silence.

use std::time::Duration;

use selvage_model::access::{EndAction, GrantTerms};
use selvage_model::event::Position;
use selvage_model::read::{self, Sources};
use selvage_model::subscription::{Beginning, SubscriptionState, SubscriptionTerms};
use selvage_model::usage::{AttributeUse, UsageCount, UsageKey, UsedIn, Way};

use super::*;
use crate::compare::fabrics;

const FABRIC: &str = include_str!("tests/fabric.yaml");
const NOW: Timestamp = Timestamp::constant(1_800_000_000, 0);

fn days(ago: u64) -> Timestamp {
    NOW.checked_sub(Duration::from_secs(ago * 86_400)).unwrap()
}

fn fabric(text: &str) -> Fabric {
    let reading = read::read(&Sources::of("fabric.yaml", text));
    assert_eq!(reading.findings, []);
    reading.fabric
}

fn used(consumer: &str, interface: &str, operation: &str, attribute: Option<(Way, &str)>, ago: u64) -> UsageTotal {
    let attribute = attribute.map(|(way, name)| AttributeUse { way, attribute: name.to_owned() });
    let (interface, consumer) = (interface.parse().unwrap(), consumer.parse().ok());
    let key = UsageKey { interface, consumer, operation: operation.to_owned(), attribute };
    UsageTotal { key, count: UsageCount { requests: 3, refused: 0, failed: 0, planned: 0 }, last: days(ago) }
}

fn grant(consumer: &str, interface: &str, operations: &[&str]) -> LiveGrant {
    let terms = GrantTerms::whole(operations.iter().copied());
    let (interface, id) = (interface.parse().unwrap(), format!("grt_{consumer}"));
    LiveGrant {
        id,
        consumer: consumer.parse().unwrap(),
        interface,
        terms: terms.into(),
        environment: None,
        ended: None,
    }
}

fn subscription(consumer: &str, interface: &str) -> LiveSubscription {
    let terms = SubscriptionTerms {
        events: vec!["sales.order.placed".to_owned()],
        from: Beginning::Newest,
        until: None,
        on_end: EndAction::End,
        lag: None,
        deliver: None,
        replay: None,
    };
    LiveSubscription {
        id: "sub_1".to_owned(),
        consumer: consumer.parse().unwrap(),
        name: "events".parse().unwrap(),
        interface: interface.parse().unwrap(),
        terms,
        state: SubscriptionState::Active,
        because: None,
        begins: Position::new(1, 0).unwrap(),
        requested: days(400),
        changed: days(400),
    }
}

/// What is known beside the fabric.
#[derive(Default)]
struct Case {
    usage: Vec<UsageTotal>,
    grants: Vec<LiveGrant>,
    subscriptions: Vec<LiveSubscription>,
    gaps: Vec<UsageGap>,
    granted: u64,
    counted: u64,
}

impl Case {
    /// Who breaks, with a word on why, when this line of the fabric becomes that.
    fn told(&self, line: &str, becomes: &str) -> Vec<String> {
        assert!(FABRIC.contains(line), "{line}");
        let (before, after) = (fabric(FABRIC), fabric(&FABRIC.replace(line, becomes)));
        let granted = self.grants.iter().map(|grant| (grant.id.clone(), days(self.granted))).collect();
        let known = Known {
            fabric: &before,
            usage: &self.usage,
            used_in: &[],
            gaps: &self.gaps,
            counted_since: Some(days(self.counted)),
            grants: &self.grants,
            granted: &granted,
            subscriptions: &self.subscriptions,
            delivered: &BTreeMap::new(),
            now: NOW,
        };
        let found = impact(&fabrics(&before, &after), &known);
        let word = |used: &Use| match used {
            Use::Seen { requests, .. } => format!("seen {requests}"),
            Use::Unknown(why) => why.as_str().to_owned(),
        };
        let line = |it: &Affected| {
            let owner = it.owner.clone().unwrap_or_default();
            format!("{} of {owner} at {}: {}", it.consumer, it.interface, word(&it.meets[0].1))
        };
        found.affected.iter().map(line).collect()
    }
}

const PRICE: (&str, &str) = ("  price: {type: money}\n", "");

#[test]
fn who_names_an_attribute_breaks_when_it_goes() {
    let usage = vec![
        used("shop", "orders@1", "list", None, 3),
        used("shop", "orders@1", "list", Some((Way::Asked, "price")), 3),
        used("mes", "orders@1", "list", None, 3),
        used("mes", "orders@1", "list", Some((Way::Asked, "number")), 3),
        used("bi", "orders@1", "list", None, 3),
        used("bi", "orders@1", "list", Some((Way::Asked, "*")), 3),
        used("desk", "orders@1", "create", None, 3),
        used("desk", "orders@1", "create", Some((Way::Sent, "number")), 3),
    ];
    let case = Case { usage, granted: 400, counted: 400, ..Case::default() };
    assert_eq!(
        case.told(PRICE.0, PRICE.1),
        [
            "bi of finance at orders@1: asks for whole objects",
            "desk of sales at orders@1: uses it; attributes are not counted",
            "shop of sales at orders@1: seen 3",
        ]
    );
}

#[test]
fn what_only_senders_meet_breaks_no_reader() {
    let usage = vec![
        used("shop", "orders@1", "list", None, 3),
        used("shop", "orders@1", "list", Some((Way::Asked, "note")), 3),
        used("bi", "orders@1", "list", None, 3),
        used("bi", "orders@1", "list", Some((Way::Asked, "*")), 3),
        used("desk", "orders@1", "create", None, 3),
        used("desk", "orders@1", "create", Some((Way::Sent, "number")), 3),
    ];
    let case = Case { usage, granted: 400, counted: 400, ..Case::default() };
    let lowered = case.told("number: {type: string, max: 16}", "number: {type: string, max: 8}");
    assert_eq!(lowered, ["desk of sales at orders@1: seen 3"]);
    // Who does not send yet what has to be sent is whom it breaks.
    let required = case.told("note: {type: text, optional: true}", "note: {type: text}");
    assert_eq!(required, ["desk of sales at orders@1: seen 3"]);
}

/// Lists refuse a value that is searched by where it cannot be one of the attribute, as bodies do.
#[test]
fn who_searches_by_an_attribute_meets_what_its_values_may_be() {
    let usage = || {
        vec![
            used("shop", "orders@1", "list", None, 3),
            used("shop", "orders@1", "list", Some((Way::Asked, "name")), 3),
            used("mes", "orders@1", "list", None, 3),
            used("mes", "orders@1", "list", Some((Way::Asked, "state")), 3),
            used("bi", "orders@1", "list", None, 3),
            used("bi", "orders@1", "list", Some((Way::Asked, "*")), 3),
        ]
    };
    let case = || Case { usage: usage(), granted: 400, counted: 400, ..Case::default() };
    let lowered = case().told("name: {type: string, max: 64}", "name: {type: string, max: 32}");
    assert_eq!(lowered, ["shop of sales at orders@1: seen 3"]);
    let gone = case().told("values: [open, sent, held]", "values: [open, sent]");
    assert_eq!(gone, ["mes of plant at orders@1: seen 3"]);
    let gone = case().told("  - {code: L, name: Large}\n", "");
    assert_eq!(gone, Vec::<String>::new());
    let sizes = used("mes", "orders@1", "list", Some((Way::Asked, "size")), 3);
    let case =
        Case { usage: usage().into_iter().chain([sizes]).collect(), granted: 400, counted: 400, ..Case::default() };
    let gone = case.told("  - {code: L, name: Large}\n", "");
    assert_eq!(gone, ["mes of plant at orders@1: seen 3"]);
}

#[test]
fn silence_says_nothing_before_its_time() {
    let grants = || vec![grant("bi", "orders@1", &["list"]), grant("bi", "closing@1", &["list"])];
    for (granted, counted, expected) in
        [(400, 400, vec![]), (10, 400, vec!["orders@1"]), (400, 10, vec!["orders@1"]), (440, 440, vec![])]
    {
        let case = Case { grants: grants(), granted, counted, ..Case::default() };
        let told = case.told(PRICE.0, PRICE.1);
        // What is used once a year is not known to be unused after 400 days.
        let yearly = (granted < 430).then_some("closing@1");
        let named = |interface: &str| {
            let why = "has a grant, and is observed for too short a time to say that it does not use it";
            format!("bi of finance at {interface}: {why}")
        };
        let expected: Vec<String> = yearly.into_iter().chain(expected).map(named).collect();
        assert_eq!(told, expected, "{granted} {counted}");
    }
    let gap = UsageGap { node: "node".to_owned(), from: days(5), until: days(5) };
    let case = Case {
        grants: vec![grant("bi", "orders@1", &["list"])],
        gaps: vec![gap],
        granted: 440,
        counted: 440,
        ..Case::default()
    };
    assert_eq!(case.told(PRICE.0, PRICE.1), ["bi of finance at orders@1: has a grant, and some use was not kept"]);
}

#[test]
fn who_is_sent_events_uses_them() {
    let case = Case {
        subscriptions: vec![subscription("wms", "order-events@1")],
        granted: 440,
        counted: 440,
        ..Case::default()
    };
    assert_eq!(case.told(PRICE.0, PRICE.1), ["wms of logistics at order-events@1: is sent the events"]);
    // A lower bound breaks who publishes, not who reads.
    assert_eq!(case.told("max: 16", "max: 8"), Vec::<String>::new());
    let mut over = subscription("wms", "order-events@1");
    over.state = SubscriptionState::Ended;
    let case = Case { subscriptions: vec![over], ..case };
    assert_eq!(case.told(PRICE.0, PRICE.1), Vec::<String>::new());
}

#[test]
fn who_reads_gets_types_that_are_added_and_who_named_its_own_does_not() {
    let case = Case {
        usage: vec![used("bi", "order-events@1", "read", None, 3)],
        subscriptions: vec![subscription("wms", "order-events@1")],
        granted: 440,
        counted: 440,
        ..Case::default()
    };
    let one = "events: {sales.order.placed: {object: order@1}}";
    let two = "events: {sales.order.placed: {object: order@1}, sales.order.paid: {object: order@1}}";
    assert_eq!(case.told(one, two), ["bi of finance at order-events@1: seen 3"]);
}

#[test]
fn what_ends_with_a_consumer_ends_wherever_it_is_used() {
    let usage = vec![used("shop", "orders@1", "list", None, 9), used("mes", "orders@1", "list", None, 1)];
    let case = Case { usage, granted: 440, counted: 440, ..Case::default() };
    let told = case.told(
        "name: shop\nowner: sales\nidentity: api_key",
        "name: shop\nowner: sales\nidentity: {mtls: {subject: CN=shop}}",
    );
    assert_eq!(told, ["shop of sales at orders@1: seen 3"]);
}

#[test]
fn in_which_environment_it_was_used_is_told_and_each_counts() {
    let (before, after) = (fabric(FABRIC), fabric(&FABRIC.replace(PRICE.0, PRICE.1)));
    let usage =
        [used("shop", "orders@1", "list", None, 3), used("shop", "orders@1", "list", Some((Way::Asked, "price")), 3)];
    let used_in = |environment: Option<&str>, consumer: &str, operation: &str, ago| UsedIn {
        environment: environment.map(|name| name.parse().unwrap()),
        key: used(consumer, "orders@1", operation, None, ago).key,
        last: days(ago),
    };
    let used_in = [
        used_in(Some("test"), "shop", "list", 3),
        used_in(Some("prod"), "shop", "list", 40),
        used_in(Some("dev"), "mes", "list", 1),
        used_in(None, "shop", "list", 90),
    ];
    let known = Known {
        fabric: &before,
        usage: &usage,
        used_in: &used_in,
        gaps: &[],
        counted_since: Some(days(440)),
        grants: &[],
        granted: &BTreeMap::new(),
        subscriptions: &[],
        delivered: &BTreeMap::new(),
        now: NOW,
    };
    let found = impact(&fabrics(&before, &after), &known);
    let [affected] = found.affected.as_slice() else { panic!("{found:?}") };
    assert_eq!(affected.last_used, Some(days(3)));
    let expected = BTreeMap::from([("prod".parse().unwrap(), days(40)), ("test".parse().unwrap(), days(3))]);
    assert_eq!(affected.environments, expected);
}

#[test]
fn who_uses_what_stands_on_a_system_or_in_an_environment_is_named() {
    let system = "kind: System\nname: odoo\nconnector: odoo\nowner: sales\nzone: cloud\n\
                  environments: {test: {url: 'http://a'}, prod: {url: 'http://b'}}\n";
    let settings = "kind: Fabric\nname: velo\nenvironments: {test: {}, prod: {protected: true, after: [test]}}\n";
    let text = format!("{FABRIC}---\n{system}---\n{settings}");
    let usage = vec![used("shop", "orders@1", "list", None, 3), used("mes", "closing@1", "list", None, 3)];
    let grants = [grant("wms", "order-events@1", &["read"]), grant("bi", "closing@1", &["list"])];
    let told = |line: &str, becomes: &str| -> Vec<String> {
        assert!(text.contains(line), "{line}");
        let (before, after) = (fabric(&text), fabric(&text.replace(line, becomes)));
        let granted = grants.iter().map(|grant| (grant.id.clone(), days(10))).collect();
        let known = Known {
            fabric: &before,
            usage: &usage,
            used_in: &[],
            gaps: &[],
            counted_since: Some(days(440)),
            grants: &grants,
            granted: &granted,
            subscriptions: &[],
            delivered: &BTreeMap::new(),
            now: NOW,
        };
        let found = impact(&fabrics(&before, &after), &known);
        let mut told: Vec<String> =
            found.affected.iter().map(|it| format!("{} at {}", it.consumer, it.interface)).collect();
        told.sort();
        told
    };
    let of_odoo = ["bi at closing@1", "mes at closing@1", "shop at orders@1"];
    assert_eq!(told("'http://b'", "'http://c'"), of_odoo);
    assert_eq!(told(", prod: {url: 'http://b'}", ""), of_odoo);
    assert_eq!(told("connector: odoo", "connector: http"), of_odoo);
    // Whoever may use anything there.
    let all = ["bi at closing@1", "mes at closing@1", "shop at orders@1", "wms at order-events@1"];
    assert_eq!(told(", prod: {protected: true, after: [test]}", ""), all);
    // What is not protected is promised to nobody, and what releases go through is met by none who uses it.
    assert_eq!(told("'http://a'", "'http://c'"), Vec::<String>::new());
    assert_eq!(told("{protected: true, after: [test]}", "{after: [test]}"), Vec::<String>::new());
}

/// A system that events are sent to, and an issuer that vouches for two consumers.
const VOUCHED: &str = "kind: System\nname: board\nconnector: http\nowner: sales\nzone: cloud\n\
                environments: {test: {url: 'http://a'}, prod: {url: 'http://b'}}\n---\n\
                kind: Fabric\nname: velo\nenvironments: {test: {}, prod: {protected: true, after: [test]}}\n---\n\
                kind: Issuer\nname: login\nowner: sales\nenvironments:\n  \
                test: {url: 'http://c', audiences: [velo]}\n  \
                prod: {url: 'http://d', audiences: [velo, shops], keys: 'http://d/keys'}\n---\n\
                kind: Consumer\nname: kiosk\nowner: finance\nidentity: {oauth: {issuer: login}}\n---\n\
                kind: Consumer\nname: app\nowner: plant\nidentity: {oidc: {issuer: login, subject: app}}\n";

#[test]
fn who_is_sent_events_by_a_system_or_proves_itself_by_an_issuer_is_named() {
    let text = format!("{FABRIC}---\n{VOUCHED}");
    let mut to_board = subscription("wms", "order-events@1");
    to_board.terms.deliver = Some(selvage_model::subscription::DeliveryTerms {
        system: "board".parse().unwrap(),
        path: "/told".to_owned(),
        secrets: Vec::new(),
        in_lanes: true,
        max_in_flight: 1,
        rate: None,
        timeout: Duration::from_secs(5),
        idempotent: false,
    });
    let pulled = LiveSubscription { id: "sub_2".to_owned(), ..subscription("bi", "order-events@1") };
    let subscriptions = [to_board, pulled];
    let delivered = BTreeMap::from([("sub_1".to_owned(), days(2))]);
    let usage = vec![
        used("kiosk", "orders@1", "list", None, 3),
        used("app", "closing@1", "list", None, 1),
        used("shop", "orders@1", "list", None, 3),
    ];
    let told = |line: &str, becomes: &str| -> Vec<String> {
        assert!(text.contains(line), "{line}");
        let (before, after) = (fabric(&text), fabric(&text.replace(line, becomes)));
        let known = Known {
            fabric: &before,
            usage: &usage,
            used_in: &[],
            gaps: &[],
            counted_since: Some(days(440)),
            grants: &[],
            granted: &BTreeMap::new(),
            subscriptions: &subscriptions,
            delivered: &delivered,
            now: NOW,
        };
        let found = impact(&fabrics(&before, &after), &known);
        let who = |it: &Affected| {
            let last = it.last_used.map_or_else(String::new, |last| format!(", {:.0}", last));
            format!("{} of {} at {}{last}", it.consumer, it.owner.clone().unwrap_or_default(), it.interface)
        };
        let mut told: Vec<String> = found.affected.iter().map(who).collect();
        told.sort();
        told
    };
    let sent = [format!("wms of logistics at order-events@1, {:.0}", days(2))];
    assert_eq!(told("'http://b'", "'http://x'"), sent, "what is delivered goes to another place");
    assert_eq!(told(", prod: {url: 'http://b'}", ""), sent, "or nowhere");
    let vouched =
        [format!("app of plant at closing@1, {:.0}", days(1)), format!("kiosk of finance at orders@1, {:.0}", days(3))];
    let prod = "  prod: {url: 'http://d', audiences: [velo, shops], keys: 'http://d/keys'}\n";
    assert_eq!(told(prod, ""), vouched, "its tokens prove nothing");
    for (what, becomes) in
        [("[velo, shops]", "[velo]"), (", keys: 'http://d/keys'", ""), ("'http://d',", "'http://e',")]
    {
        assert_eq!(told(what, becomes), vouched, "{what}");
    }
    // Nothing is promised where nothing is protected, and who is not vouched for has no part in it.
    assert_eq!(told("'http://a'", "'http://x'"), Vec::<String>::new());
    assert_eq!(told("'http://c'", "'http://x'"), Vec::<String>::new());
}

#[test]
fn what_a_rule_is_waived_for_breaks_nobody_who_uses_it() {
    let case = Case { usage: vec![used("shop", "orders@1", "list", None, 3)], ..Case::default() };
    let waiver =
        "kind: Waiver\nrule: FAB2107\non: orders@1\nbecause: x\nuntil: 2027-01-01\napproved_by: [owner]\n---\n";
    assert_eq!(case.told("kind: Object\n", &format!("{waiver}kind: Object\n")), Vec::<String>::new());
}

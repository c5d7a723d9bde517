//! The console through its port: who gets in, what the first page says, and what it never lets out.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test may fail loudly")]

#[path = "stage/operators.rs"]
mod operators;

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use reqwest::header::{CONTENT_SECURITY_POLICY, COOKIE, LOCATION, SET_COOKIE};
use reqwest::{Client, StatusCode, redirect};
use selvage_control::{Admitted, CatalogueView, Console, ConsoleConfig};
use selvage_model::contract_check::{ContractCheck, ContractViolation, Readiness, readiness};
use selvage_model::delivery::Cause;
use selvage_model::manifest::api::Operation;
use selvage_model::overview::{
    BreakGlassRow, CallsRow, ContractsView, Health, InterfaceRow, KeptRow, LaneRow, LanesAsked, LanesView, Overview,
    Paged, ParkedRow, RecordRow, ShadowRow, SubscriptionRow, SystemRow, UsageView,
};
use selvage_model::subscription::{SubscriptionState, Waiting, WaitsFor};
use selvage_model::usage::{AttributeUse, ShadowGroup, ShadowShape, UsageCount, UsageGap, UsageKey, UsageTotal, Way};
use selvage_store::Store;

fn sample() -> Overview {
    Overview {
        fabric: "velo-works".into(),
        environment: "dev".into(),
        release: "rel_0123456789abcdef0123".into(),
        since: "2026-11-23T06:00:00Z".parse().unwrap(),
        systems: vec![SystemRow {
            name: "odoo".parse().unwrap(),
            connector: "odoo".into(),
            address: Some("http://127.0.0.1:8069".into()),
            health: Health::Down("<script>refused</script>".into()),
            calls: Some(CallsRow { limit: 2, declared: 4, under_way: 1, waiting: 9 }),
        }],
        interfaces: vec![InterfaceRow {
            interface: "production-orders@1".parse().unwrap(),
            kind: "api".into(),
            control: Some("mediated".into()),
            lifecycle: "active".into(),
            owner: "manufacturing-it".into(),
            classes: vec!["personal".into()],
            requests: 12_345,
            refused: 3,
            failed: 0,
            minutes: vec![0, 4, 9],
            refusals: (3..=6).map(|last| (format!("FAB400{last}"), 1)).collect(),
            consumers: ["mes-ghent", "shop", "quality", "planning", "scada"]
                .map(|name| (name.parse().unwrap(), 2_469))
                .to_vec(),
            kept: Some(KeptRow { given: 8_765, asked: 3_000, passed: 580, answers: 42 }),
        }],
        shadow: 7,
        shadow_samples: vec![ShadowRow {
            method: "GET".into(),
            path: "/<b>old</b>".into(),
            at: "2026-11-23T06:00:00Z".parse().unwrap(),
        }],
        unresolved: Vec::new(),
        parked: vec![ParkedRow {
            interface: "production-orders@1".parse().unwrap(),
            operation: Operation::Report,
            system: "odoo".parse().unwrap(),
            code: "FAB5112".into(),
            cause: Cause::Mapping,
            reason: "`mrp.production` has no field `<i>lot</i>` (FAB5112)".into(),
            fix: "Map it by version".into(),
            since: "2026-11-23T06:00:00Z".parse().unwrap(),
        }],
        rejected: None,
        break_glass: vec![BreakGlassRow {
            grant: "grt_night".to_owned(),
            consumer: "mes-ghent".parse().unwrap(),
            interface: "production-orders@1".parse().unwrap(),
            until: "2026-11-20T09:00:00Z".parse().unwrap(),
            because: "the line <stands>".to_owned(),
        }],
    }
}

fn sample_usage() -> UsageView {
    let (today, yesterday) = ("2026-11-23T00:00:00Z".parse().unwrap(), "2026-11-22T00:00:00Z".parse().unwrap());
    let key = |attribute: Option<&str>| UsageKey {
        interface: "production-orders@1".parse().unwrap(),
        consumer: Some("mes-ghent".parse().unwrap()),
        operation: "list".into(),
        attribute: attribute.map(|name| AttributeUse { way: Way::Asked, attribute: name.into() }),
    };
    let total = |attribute, requests| UsageTotal {
        key: key(attribute),
        count: UsageCount { requests, refused: 7, failed: 0, planned: 0 },
        last: today,
    };
    let read = |place: usize| UsageTotal {
        key: UsageKey { operation: format!("read-{place}"), ..key(None) },
        count: UsageCount { requests: 1_000 - place as u64, ..UsageCount::default() },
        last: today,
    };
    let many = (0..210).map(read);
    let day =
        |day, requests| (day, "production-orders@1".parse().unwrap(), UsageCount { requests, ..UsageCount::default() });
    UsageView {
        today,
        totals: many.chain([total(None, 54_321), total(Some("status"), 321)]).collect(),
        course: vec![day(yesterday, 50_000), day(today, 4_321)],
        shadows: vec![ShadowGroup {
            shape: ShadowShape { method: "GET".into(), path: "/<i>orders</i>/{number}".into() },
            likely: Some("production-orders@1".parse().unwrap()),
            requests: 12,
            first: yesterday,
            last: today,
        }],
        gaps: vec![UsageGap { node: "node-x".into(), from: yesterday, until: today }],
    }
}

#[tokio::test]
async fn the_page_of_usage_shows_who_uses_what() {
    let Stage { base, client, .. } = &start().await;
    let page = format!("{base}/usage");
    let outside = client.get(&page).send().await.unwrap();
    assert_eq!((outside.status(), outside.headers()[LOCATION].to_str().unwrap()), (StatusCode::SEE_OTHER, "/login"));
    let login = client
        .post(format!("{base}/login"))
        .header("content-type", "application/x-www-form-urlencoded")
        .body("key=slv_right")
        .send()
        .await
        .unwrap();
    let cookie = login.headers()[SET_COOKIE].to_str().unwrap().to_owned();
    let page = client.get(&page).header(COOKIE, &cookie).send().await.unwrap().text().await.unwrap();
    for expected in [
        "54\u{2009}321",
        "production-orders@1",
        "mes-ghent",
        "read-198",
        "and 11 more, which <code>selvage usage --json --since 30d</code> tells",
        "<code>status</code>",
        "at most 50000",
        "/&lt;i&gt;orders",
        "node-x",
        "One grant is open without approval.",
    ] {
        assert!(page.contains(expected), "{expected} is missing");
    }
    assert!(!page.contains("read-199"), "those with the most requests are shown");
    assert_eq!(page.matches("<rect").count(), 2, "a bar for each day with requests");
}

fn sample_contracts() -> ContractsView {
    let at = |text: &str| text.parse().unwrap();
    let (then, now) = (at("2026-11-01T06:00:00Z"), at("2026-11-23T06:00:00Z"));
    let check = |consumer: &str, side: &str, unfit, fields: &[(&str, &str)]| ContractCheck {
        interface: "legacy-stock@1".parse().unwrap(),
        contract: "aa".into(),
        consumer: consumer.into(),
        operation: "listStock".into(),
        side: side.into(),
        mode: "report".into(),
        checked: 54_321,
        unfit,
        unchecked: 0,
        unchecked_last: None,
        first: then,
        last: now,
        violations: fields
            .iter()
            .map(|(field, last)| ContractViolation {
                place: "body".into(),
                field: (*field).into(),
                rule: "type".into(),
                count: 412,
                first: then,
                last: at(last),
                sample: "<b>text</b> of 3 characters".into(),
            })
            .collect(),
    };
    let fields = [("/*/qty", "2026-11-22T23:00:00Z"), ("/*/<i>place</i>", "2026-11-23T05:59:00Z")];
    let checks = vec![check("board", "response", 412, &fields), check("", "request", 0, &[])];
    let mut sides = readiness(&checks);
    let unseen = Readiness { mode: "report".into(), ..Readiness::default() };
    sides.insert(("new-stock@1".parse().unwrap(), "request".into()), unseen);
    ContractsView { now, checks, sides, unread: vec!["old-prices@2".parse().unwrap()] }
}

#[tokio::test]
async fn the_page_of_contracts_says_what_does_not_fit_and_what_may_be_enforced() {
    let Stage { console, base, client, ann, .. } = &start().await;
    let page = format!("{base}/contracts");
    let outside = client.get(&page).send().await.unwrap();
    assert_eq!((outside.status(), outside.headers()[LOCATION].to_str().unwrap()), (StatusCode::SEE_OTHER, "/login"));
    let link = console.one_time_link(ann).await.unwrap().unwrap();
    let entered = client.get(format!("{base}{link}")).send().await.unwrap();
    let cookie = entered.headers()[SET_COOKIE].to_str().unwrap();
    let page = client.get(&page).header(COOKIE, cookie).send().await.unwrap().text().await.unwrap();
    let expected = [
        "108\u{2009}642",
        "violated until <span class=\"name\">2026-11-23 05:59 UTC",
        ">ready<",
        "nothing seen",
        "old-prices@2",
        "body /*/qty",
        "let through",
        "&lt;b&gt;text&lt;/b&gt; of 3 characters",
        "53909 fitted, 412 did not, 0 could not be checked",
    ];
    for expected in expected {
        assert!(page.contains(expected), "{expected} is missing: {page}");
    }
    assert!(!page.contains("<b>text") && !page.contains("<i>place"), "text of others is escaped");
    let (newer, older) = (page.find("/*/&lt;i&gt;place").unwrap(), page.find("/*/qty").unwrap());
    assert!(newer < older, "the newest first");
    assert_eq!(page.matches(">now</span>").count(), 1, "only what is going on");
}

fn sample_lanes(asked: &LanesAsked) -> LanesView {
    if asked.parked.is_some() {
        return LanesView { waiting: 7, ..LanesView::default() };
    }
    let now: Timestamp = "2026-11-23T06:00:00Z".parse().unwrap();
    let lane = |lane: &str, due: Option<&str>| LaneRow {
        subscription: "mes-ghent/finished".into(),
        interface: "work-order-events@1".parse().unwrap(),
        lane: lane.into(),
        waiting: 17,
        cause: if due.is_some() { Cause::Timeout } else { Cause::Refused },
        because: "it answered <b>422</b>".into(),
        attempts: 3,
        since: "2026-11-23T04:00:00Z".parse().unwrap(),
        due: due.map(|due| due.parse().unwrap()),
        letter: due.is_none().then(|| "dlt_1".into()),
    };
    let subscription = SubscriptionRow {
        label: "mes-ghent/finished".into(),
        interface: "work-order-events@1".parse().unwrap(),
        to: Some("mes-ghent /hooks".into()),
        state: SubscriptionState::Active,
        because: None,
        waits: None,
        behind: Some(54_321),
        lag: Some(150.0),
        agreed: Some(Duration::from_secs(30)),
        retrying: 1,
        parked: 1,
        down: true,
        held_until: Some("2026-11-23T06:10:00Z".parse().unwrap()),
        withheld: 12,
        passed: Some((3, "the event at 1-7 of `<i>operation</i>` is damaged (FAB7013)".into())),
    };
    let record = RecordRow {
        record: "odoo-17".into(),
        interface: "work-order-events@1".parse().unwrap(),
        cause: Cause::Code,
        code: "FAB3101".into(),
        because: "`<b>Days` is no word".into(),
        since: "2026-11-23T05:00:00Z".parse().unwrap(),
    };
    let because = "the secret `wms/hooks` is not there".into();
    let waits = Some(Waiting { what: WaitsFor::Secret, because });
    let waiting = SubscriptionRow { label: "wms/finished".into(), waits, down: false, ..subscription.clone() };
    let page = |lane: LaneRow, next: Option<&str>| Paged { rows: vec![lane], all: 12_345, next: next.map(Into::into) };
    LanesView {
        now,
        parked: page(lane("WO/1", None), Some("17-sub_1-61")),
        retrying: page(lane("WO/2", Some("2026-11-23T06:05:00Z")), None),
        waiting: 34,
        records: Paged { rows: vec![record], all: 1, next: None },
        subscriptions: vec![subscription, waiting],
    }
}

#[tokio::test]
async fn the_page_of_lanes_says_what_is_parked_and_what_is_safe_to_do() {
    let Stage { console, base, client, ann, .. } = &start().await;
    let page = format!("{base}/lanes");
    assert_eq!(client.get(&page).send().await.unwrap().status(), StatusCode::SEE_OTHER);
    let link = console.one_time_link(ann).await.unwrap().unwrap();
    let entered = client.get(format!("{base}{link}")).send().await.unwrap();
    let cookie = entered.headers()[SET_COOKIE].to_str().unwrap();
    let page = client.get(&page).header(COOKIE, cookie).send().await.unwrap().text().await.unwrap();
    let expected = [
        "WO/1",
        ">parked<",
        ">retrying<",
        "in 5m",
        "Mend the receiver or the data, then <code>selvage dead-letters redrive dlt_1</code>",
        "Bring the receiver back.",
        ">waiting: secret missing</span><br><span class=\"dim\">the secret `wms/hooks` is not there",
        "it answered &lt;b&gt;422&lt;/b&gt;",
        "54\u{2009}321",
        "takes nothing",
        "asked to be left alone for 10m more",
        "12 withheld: its grant",
        "went on at 3 places behind what the log does not have",
        "damaged (FAB7013)",
        "150 seconds late",
        "odoo-17",
        "code <span class=\"dim\">FAB3101</span>",
        "`&lt;b&gt;Days` is no word",
        "the steward, or whoever keeps the record",
    ];
    for expected in expected {
        assert!(page.contains(expected), "{expected} is missing: {page}");
    }
    // What is beyond a page is one step away, and each table goes on by itself.
    let next = "<a href=\"/lanes?parked=17-sub_1-61#parked\">The next page</a>";
    assert!(page.contains(next) && page.contains("1 of 12\u{2009}345") && !page.contains("/lanes?retrying="), "{page}");
    let second = client.get(format!("{base}/lanes?parked=17-sub_1-61")).header(COOKIE, cookie).send().await.unwrap();
    assert!(second.text().await.unwrap().contains("nothing waits for anybody"));
}

struct Stage {
    console: Console,
    base: String,
    client: Client,
    store: Store,
    ann: Admitted,
    _directory: tempfile::TempDir,
}

async fn start() -> Stage {
    let directory = tempfile::tempdir().unwrap();
    let store = Store::open(&format!("sqlite:{}", directory.path().join("selvage.db").display())).await.unwrap();
    let ann = operators::operator(&store, "ann").await;
    let known = ann.clone();
    let console = Console::start(ConsoleConfig {
        listen: "127.0.0.1:0".parse().unwrap(),
        observe: Arc::new(|| Box::pin(async { sample() })),
        usage: Arc::new(|| Box::pin(async { sample_usage() })),
        contracts: Arc::new(|| Box::pin(async { sample_contracts() })),
        lanes: Arc::new(|asked| Box::pin(async move { sample_lanes(&asked) })),
        catalogue: Arc::new(|| Box::pin(async { CatalogueView::default() })),
        authenticate: Arc::new(move |key| {
            let known = known.clone();
            Box::pin(async move { (key == "slv_right").then_some(known) })
        }),
        store: store.clone(),
        governance: None,
    })
    .await
    .unwrap();
    let base = format!("http://{}", console.address());
    let client = Client::builder().redirect(redirect::Policy::none()).build().unwrap();
    Stage { console, base, client, store, ann, _directory: directory }
}

#[tokio::test]
async fn nobody_sees_anything_without_logging_in() {
    let Stage { base, client, .. } = &start().await;
    for cookie in ["", "selvage_console=", "selvage_console=guess", "other=selvage_console=x"] {
        let answer = client.get(base).header(COOKIE, cookie).send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::SEE_OTHER, "{cookie}");
        assert_eq!(answer.headers()[LOCATION], "/login");
    }
    let wrong = client
        .post(format!("{base}/login"))
        .header("content-type", "application/x-www-form-urlencoded")
        .body("key=slv_wrong")
        .send()
        .await
        .unwrap();
    assert_eq!(wrong.status(), StatusCode::UNAUTHORIZED);
    assert!(!wrong.text().await.unwrap().contains("slv_wrong"));
}

#[tokio::test]
async fn the_first_page_lists_systems_and_interfaces() {
    let Stage { base, client, .. } = &start().await;
    let login = client
        .post(format!("{base}/login"))
        .header("content-type", "application/x-www-form-urlencoded")
        .body("key=slv_right")
        .send()
        .await
        .unwrap();
    assert_eq!(login.status(), StatusCode::SEE_OTHER);
    let cookie = login.headers()[SET_COOKIE].to_str().unwrap().to_owned();
    assert!(cookie.contains("HttpOnly") && cookie.contains("SameSite=Lax"), "{cookie}");

    let answer = client.get(base).header(COOKIE, &cookie).send().await.unwrap();
    assert!(answer.headers()[CONTENT_SECURITY_POLICY].to_str().unwrap().starts_with("default-src 'none'"));
    let page = answer.text().await.unwrap();
    for expected in [
        "velo-works",
        "production-orders@1",
        "opened without approval",
        "the line &lt;stands&gt;",
        "mediated · personal",
        "12\u{2009}345",
        "FAB4003",
        "mes-ghent",
        "odoo",
        "(declared 4)",
        "9 waiting",
        "FAB5112",
        "Map it by version",
    ] {
        assert!(page.contains(expected), "{expected} is missing");
    }
    assert!(
        !page.contains("<script>refused") && !page.contains("<b>old") && !page.contains("<i>lot"),
        "text of others is escaped"
    );

    let out = client.post(format!("{base}/logout")).header(COOKIE, &cookie).send().await.unwrap();
    assert_eq!(out.status(), StatusCode::SEE_OTHER);
    let after = client.get(base).header(COOKIE, &cookie).send().await.unwrap();
    assert_eq!(after.status(), StatusCode::SEE_OTHER);
}

#[tokio::test]
async fn the_first_page_says_how_much_it_leaves_out() {
    let Stage { base, client, .. } = &start().await;
    let login = client
        .post(format!("{base}/login"))
        .header("content-type", "application/x-www-form-urlencoded")
        .body("key=slv_right")
        .send()
        .await
        .unwrap();
    let cookie = login.headers()[SET_COOKIE].to_str().unwrap().to_owned();
    let page = client.get(base).header(COOKIE, &cookie).send().await.unwrap().text().await.unwrap();
    assert!(page.contains("quality") && !page.contains("planning"), "three consumers are named");
    assert!(page.contains(r#"<a href="/usage">and 2 more</a>"#), "and how many are not, and where they are: {page}");
    assert!(page.contains("8\u{2009}765 kept") && page.contains("3\u{2009}000 asked for"), "{page}");
    assert!(page.contains("FAB4005") && !page.contains("FAB4006"), "three reasons are named");
    assert!(page.contains(r#"<span class="dim">and 1 more</span>"#), "and how many are not: {page}");
}

#[tokio::test]
async fn a_one_time_link_logs_in_once() {
    let Stage { console, base, client, ann, .. } = &start().await;
    let link = console.one_time_link(ann).await.unwrap().unwrap();
    let first = client.get(format!("{base}{link}")).send().await.unwrap();
    assert_eq!(first.status(), StatusCode::SEE_OTHER);
    let second = client.get(format!("{base}{link}")).send().await.unwrap();
    assert_eq!(second.status(), StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn a_session_and_a_link_end_with_the_key() {
    let Stage { console, base, client, store, ann, .. } = &start().await;
    let (used, unused) =
        (console.one_time_link(ann).await.unwrap().unwrap(), console.one_time_link(ann).await.unwrap().unwrap());
    let entered = client.get(format!("{base}{used}")).send().await.unwrap();
    let cookie = entered.headers()[SET_COOKIE].to_str().unwrap().to_owned();
    let status = || async { client.get(base).header(COOKIE, &cookie).send().await.unwrap().status() };
    assert_eq!(status().await, StatusCode::OK);
    store.revoke_key(&ann.credential, "bob", "they left").await.unwrap();
    assert_eq!(status().await, StatusCode::SEE_OTHER);
    assert_eq!(client.get(format!("{base}{unused}")).send().await.unwrap().status(), StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn forms_of_other_sites_are_refused() {
    let Stage { base, client, .. } = &start().await;
    let table = [
        (vec![], StatusCode::SEE_OTHER),
        (vec![("sec-fetch-site", "same-origin"), ("origin", "null")], StatusCode::SEE_OTHER),
        (vec![("origin", base.as_str())], StatusCode::SEE_OTHER),
        (vec![("origin", "null")], StatusCode::FORBIDDEN),
        (vec![("sec-fetch-site", "cross-site")], StatusCode::FORBIDDEN),
        (vec![("sec-fetch-site", "same-site"), ("origin", base.as_str())], StatusCode::FORBIDDEN),
        (vec![("origin", "http://elsewhere.example")], StatusCode::FORBIDDEN),
    ];
    for (headers, expected) in table {
        for (path, form) in [("login", "key=slv_right"), ("logout", "")] {
            let request = client.post(format!("{base}/{path}")).body(form);
            let request = request.header("content-type", "application/x-www-form-urlencoded");
            let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
            assert_eq!(request.send().await.unwrap().status(), expected, "{path} {headers:?}");
        }
    }
}

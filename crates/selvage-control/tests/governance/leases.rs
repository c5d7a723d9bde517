//! Access as leases through the control API: its rows of the matrix, and a story of one grant.

use std::fmt::Write as _;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use reqwest::Method;
use selvage_control::CatalogueView;
use selvage_control::desk::lease::whole;
use selvage_control::desk::{Files, Look as _};
use selvage_model::access::GrantTerms;
use selvage_model::name::{ConsumerName, InterfaceRef};
use selvage_store::{NewAccessRequest, NewRecertificationItem};
use serde_json::{Value, json};

use crate::reading::Reading;
use crate::{BRNO, GHENT, GROUP, ROLES, Stage};

const PRODUCTS: &str = "kind: System
name: odoo
connector: odoo
owner: ghent-it
zone: cloud
environments: {test: {url: 'http://127.0.0.1:8069'}}
---
kind: Object
name: product
version: 1.0
owner: ghent-it
identity: [code]
attributes: {code: {type: string}, price: {type: string}}
authority: [{attributes: '*', record: odoo}]
---
kind: Interface
name: products
type: api
version: 1.0
owner: ghent-it
description: What is made in Ghent.
lifecycle: active
classification: {criticality: tier-2, latency: near-real-time, data: internal}
control: mediated
serves: {object: product@1, system: odoo, operations: [list, get, create]}
---
kind: Interface
name: product-facts
type: event
version: 1.0
owner: ghent-it
description: What becomes of what is made in Ghent.
lifecycle: active
classification: {criticality: tier-2, latency: near-real-time, data: internal}
events: {a.b.made: {object: product@1}}
produced_by: odoo
lane: data.code
retention: {for: 30d}
replay: {by: [on_call], max_rate: 500/s}
";
/// What another plant has of its own.
const BRNO_PRODUCTS: &str = "kind: Interface
name: brno-products
type: api
version: 1.0
owner: brno-it
description: What is made in Brno.
lifecycle: active
classification: {criticality: tier-2, latency: near-real-time, data: internal}
control: mediated
serves: {object: product@1, system: odoo, operations: [list, get, create]}
---
kind: Consumer
name: brno-mes
owner: brno-it
identity: {api_key: {}}
";
/// The consumer is another plant's.
const SHOP: &str = "kind: Team
name: shop-it
roles: {owner: [shop.owner], on_call: [shop.desk]}
---
kind: Consumer
name: web-shop
owner: shop-it
identity: {api_key: {}}
";

/// Another team of the plant that owns the interface.
const NEIGHBOUR: &str = "kind: Team
name: ghent-press
roles: {owner: [ghent.neighbour]}
";

/// Who asks beside those of changes: the owner of the consumer, of what the other plant has, and of something else in Ghent.
pub(crate) const MORE: [&str; 3] = ["shop.owner", "brno.owner", "ghent.neighbour"];

/// Whose access a row of the matrix is about.
struct Subject {
    /// The domain that governs the interface.
    domain: &'static str,
    consumer: &'static str,
    interface: &'static str,
    /// Who asked for it, and could decide about it, were it not their own.
    asker: &'static str,
    /// Who decided about it, and opens it in an emergency.
    decider: &'static str,
    /// Who says after whether that was right.
    reviewer: &'static str,
}

/// Ghent's interface for a consumer of Brno.
const GHENTS: Subject = Subject {
    domain: "plant-ghent",
    consumer: "web-shop",
    interface: "products@1",
    asker: "ghent.author",
    decider: "ghent.owner",
    reviewer: "ghent.board",
};

/// Brno's own, of which nobody in Ghent has a say.
const BRNOS: Subject = Subject {
    domain: "plant-brno",
    consumer: "brno-mes",
    interface: "brno-products@1",
    asker: "brno.board",
    decider: "brno.owner",
    reviewer: "group.security",
};

/// What runs.
pub(crate) fn runs() -> CatalogueView {
    let text = |path: &str, text: &str| (path.to_owned(), text.to_owned());
    let files = Files::from([
        text("fabric.yaml", GROUP),
        text("domains/plant-ghent/teams.yaml", GHENT),
        text("domains/plant-ghent/products.yaml", PRODUCTS),
        text("domains/plant-ghent/press.yaml", NEIGHBOUR),
        text("domains/plant-brno/teams.yaml", BRNO),
        text("domains/plant-brno/products.yaml", BRNO_PRODUCTS),
        text("domains/plant-brno/shop.yaml", SHOP),
    ]);
    let fabric = Arc::new(Reading { judges: true }.read(&files));
    CatalogueView { fabric, ..CatalogueView::default() }
}

impl Subject {
    fn names(&self) -> (ConsumerName, InterfaceRef) {
        (self.consumer.parse().unwrap(), self.interface.parse().unwrap())
    }
}

fn terms() -> GrantTerms {
    let purpose = Some(format!("cell {}", uuid::Uuid::new_v4()));
    let until = Some(Timestamp::now() + SignedDuration::from_hours(24 * 90));
    whole(["list", "get"].map(str::to_owned).to_vec(), purpose, until)
}

/// A request of somebody who could decide about it, were it not his own.
async fn request(stage: &Stage, of: &Subject, state: &str) -> String {
    let (consumer, interface) = of.names();
    let new = NewAccessRequest { consumer, interface, terms: terms(), findings: json!([]), by: of.asker.into() };
    let request = stage.store.request_access(&new).await.unwrap();
    match state {
        "approved" => stage.store.approve_request(&request.id, of.decider, "well").await.unwrap(),
        "rejected" => stage.store.reject_request(&request.id, of.decider, "no").await.unwrap(),
        _ => request,
    }
    .id
}

async fn grant(stage: &Stage, of: &Subject, state: &str) -> String {
    let request = stage.store.access_request(&request(stage, of, "approved").await).await.unwrap();
    let lease = request.lease.unwrap();
    if state == "ended" {
        stage.store.end_grant(&lease, of.decider, "over").await.unwrap();
    }
    lease
}

/// A grant in a campaign; escalated, its time is over and it goes on.
async fn item(stage: &Stage, of: &Subject, state: &str) -> String {
    let lease = grant(stage, of, "alive").await;
    let item = NewRecertificationItem {
        lease: lease.clone(),
        tier: "tier-2".to_owned(),
        breadth: "nothing".to_owned(),
        last_used: None,
    };
    let hours = SignedDuration::from_hours(if state == "escalated" { -1 } else { 24 });
    let until = Timestamp::now() + hours;
    stage.store.start_recertification(("all", until), &[item], "group.board").await.unwrap();
    if state == "escalated" {
        stage.store.lapse_recertifications(|_| true).await.unwrap();
    }
    let items = stage.store.recertification_items().await.unwrap();
    items.into_iter().find(|item| item.grant.id == lease).unwrap().id
}

/// What was opened is answered for, so that the next may be.
async fn answered(stage: &Stage) {
    for open in stage.store.pending_break_glasses().await.unwrap() {
        let _ = stage.store.review_break_glass(&open.grant.id, true, "group.security", "well").await;
    }
}

/// One of its own consumer: after one that was disowned, the same is not opened again by the same person.
async fn opened(stage: &Stage, of: &Subject, state: &str) -> String {
    let (_, interface) = of.names();
    let consumer = format!("shop-{}", uuid::Uuid::new_v4().simple()).parse().unwrap();
    let hour = std::time::Duration::from_secs(3600);
    let opened = stage.store.break_glass((&consumer, &interface), &terms(), hour, (of.decider, "fire")).await;
    let id = opened.unwrap().grant.id;
    if state == "ratified" {
        stage.store.review_break_glass(&id, true, of.reviewer, "well").await.unwrap();
    }
    id
}

fn wanted(of: &Subject) -> Value {
    json!({
        "consumer": of.consumer, "interface": of.interface, "operations": ["list"], "purpose": "the matrix",
        "until": (Timestamp::now() + SignedDuration::from_hours(24)).to_string(),
    })
}

fn roles() -> impl Iterator<Item = &'static str> {
    ROLES.into_iter().chain(MORE)
}

type Step = (&'static str, Method, &'static str, Option<Value>);

/// What begins something.
async fn begun(stage: &Stage, of: &Subject, text: &mut String) {
    let why = "the matrix";
    let until = (Timestamp::now() + SignedDuration::from_hours(24 * 14)).to_string();
    let Subject { domain, consumer, interface, .. } = of;
    let open =
        json!({"consumer": consumer, "interface": interface, "operations": ["list"], "for": "1h", "because": why});
    let begun: [(&str, &str, Value); 5] = [
        ("ask for access", "/access/requests", wanted(of)),
        ("begin a campaign of an interface", "/recertifications", json!({"interface": interface, "until": until})),
        ("begin a campaign of a domain", "/recertifications", json!({"domain": domain, "until": until})),
        ("begin a campaign of all", "/recertifications", json!({"all": true, "until": until})),
        ("break glass", "/break-glass", open),
    ];
    grant(stage, of, "alive").await;
    for (step, path, body) in begun {
        for role in roles() {
            answered(stage).await;
            let answer = stage.verdict(role, Method::POST, path, Some(body.clone())).await;
            writeln!(text, "{role} | {domain} | | {step} | {answer}").unwrap();
        }
    }
}

/// The rows of what concerns leases.
pub(crate) async fn rows(stage: &Stage, text: &mut String) {
    for path in [
        "/catalogue",
        "/catalogue/products@1",
        "/access/requests?all=true",
        "/access/review",
        "/access/notices",
        "/grants",
        "/recertifications",
        "/break-glass?all=true",
    ] {
        for role in roles() {
            let answer = stage.verdict(role, Method::GET, path, None).await;
            writeln!(text, "{role} | | | GET {path} | {answer}").unwrap();
        }
    }
    for of in [&GHENTS, &BRNOS] {
        begun(stage, of, text).await;
        cells_of(stage, of, text).await;
    }
    crate::stuck::cut(stage, text).await;
}

/// The rows of what there is of one domain.
async fn cells_of(stage: &Stage, of: &Subject, text: &mut String) {
    let why = "the matrix";
    let said = |verdict: &str| Some(json!({"verdict": verdict, "because": why}));
    let post = Method::POST;
    let of_requests: [Step; 3] = [
        ("show", Method::GET, "", None),
        ("approve", post.clone(), "/decisions", said("approve")),
        ("reject", post.clone(), "/decisions", said("reject")),
    ];
    let narrow = Some(json!({"operations": ["list"], "because": why}));
    let of_grants: [Step; 3] = [
        ("show", Method::GET, "", None),
        ("narrow", post.clone(), "/narrowing", narrow),
        ("end", post.clone(), "/end", Some(json!({"because": why}))),
    ];
    let of_items: [Step; 2] =
        [("keep", post.clone(), "/answers", said("keep")), ("end", post.clone(), "/answers", said("end"))];
    let of_opened: [Step; 2] =
        [("ratify", post.clone(), "/reviews", said("ratify")), ("disown", post, "/reviews", said("disown"))];
    let (asked, opened) = (format!("request of {}", of.asker), format!("opened by {}", of.decider));
    let kinds: [(&str, &[&str], &str, &[Step]); 4] = [
        (&asked, &["open", "approved", "rejected"], "/access/requests", &of_requests),
        ("grant", &["alive", "ended"], "/grants", &of_grants),
        ("recertification", &["open", "escalated"], "/recertification-items", &of_items),
        (&opened, &["open", "ratified"], "/break-glass", &of_opened),
    ];
    for (kind, states, base, steps) in kinds {
        for state in states {
            for step in steps {
                cells(stage, (of, text), (kind, state, base), step).await;
            }
        }
    }
}

/// A step with something that stands as the matrix wants it, by each.
async fn cells(
    stage: &Stage,
    (of, text): (&Subject, &mut String),
    (kind, state, base): (&str, &str, &str),
    step: &Step,
) {
    let (step, method, suffix, body) = step;
    for role in roles() {
        let id = match base {
            "/access/requests" => request(stage, of, state).await,
            "/grants" => grant(stage, of, state).await,
            "/recertification-items" => item(stage, of, state).await,
            _ => opened(stage, of, state).await,
        };
        let answer = stage.verdict(role, method.clone(), &format!("{base}/{id}{suffix}"), body.clone()).await;
        writeln!(text, "{role} | {} | {kind}, {state} | {step} | {answer}", of.domain).unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn access_is_asked_for_decided_and_taken_over_http() {
    let stage = Stage::new().await;
    let with = |more: Value| {
        let mut body = wanted(&GHENTS);
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        Some(body)
    };
    let post = Method::POST;
    for (more, expected) in [
        (json!({"rows": {"site": "ghent"}}), "400 FAB8062"),
        (json!({"where": {"Not a name": "x"}}), "400 FAB8062"),
        (json!({"where": {"code": []}}), "400 FAB8062"),
        (json!({"until": "soon"}), "400 FAB8062"),
        (json!({"purpose": "\n"}), "400 FAB8062"),
        (json!({"operations": ["burn"]}), "422 FAB2203"),
        (json!({"until": "2050-01-01"}), "422 FAB7144"),
    ] {
        let told = more.to_string();
        let answer = stage.verdict("stranger", post.clone(), "/access/requests", with(more)).await;
        assert_eq!(answer, expected, "{told}");
    }
    let body = with(json!({"operations": ["list", "get"], "except": ["price"]}));
    let (status, asked) = stage.ask("stranger", post.clone(), "/access/requests", body.clone()).await;
    assert_eq!((status, &asked["state"]), (201, &json!("open")), "{asked:#}");
    assert_eq!(asked["deciders"], json!(["ghent.author", "ghent.board", "ghent.owner"]), "{asked:#}");
    // The answer was lost, and it is asked for again.
    let (_, again) = stage.ask("stranger", post.clone(), "/access/requests", body).await;
    assert_eq!(again["request"], asked["request"]);
    let path = format!("/access/requests/{}/decisions", asked["request"].as_str().unwrap());
    let approve = Some(json!({"verdict": "approve", "because": "well"}));
    let (status, granted) = stage.ask("ghent.board", post.clone(), &path, approve).await;
    assert_eq!((status, &granted["state"], &granted["nodes"]), (200, &json!("approved"), &json!([])), "{granted:#}");
    let path = format!("/grants/{}", granted["grant"].as_str().unwrap());
    let (_, shown) = stage.ask("stranger", Method::GET, &path, None).await;
    assert_eq!(
        (&shown["terms"]["except"], &shown["operations"]["list"]),
        (&json!(["price"]), &Value::Null),
        "{shown:#}"
    );
    let wider = Some(json!({"operations": ["list", "create"], "because": "x"}));
    let narrowing = format!("{path}/narrowing");
    assert_eq!(stage.verdict("shop.owner", post.clone(), &narrowing, wider).await, "422 FAB7142");
    let less = Some(json!({"operations": ["list"], "because": "x"}));
    let (status, narrowed) = stage.ask("shop.owner", post.clone(), &narrowing, less).await;
    assert_eq!((status, &narrowed["terms"]["operations"]), (200, &json!(["list"])), "{narrowed:#}");
    // What cannot wait may last for hours.
    let long =
        json!({"consumer": "web-shop", "interface": "products@1", "operations": ["list"], "for": "5h", "because": "x"});
    assert_eq!(stage.verdict("shop.owner", post, "/break-glass", Some(long)).await, "422 FAB7147");
    let (_, review) = stage.ask("stranger", Method::GET, "/access/review?unused=1d", None).await;
    assert!(review["remarks"].is_array() && review["unknown"].is_array(), "{review:#}");
    let (_, entry) = stage.ask("stranger", Method::GET, "/catalogue/products@1", None).await;
    assert_eq!((&entry["owner"], entry["changelog"].is_array()), (&json!("ghent-it"), true), "{entry:#}");
    let (_, found) = stage.ask("stranger", Method::GET, "/catalogue?q=nothing+of+this", None).await;
    assert_eq!(found["items"], json!([]));
    assert!(stage.store.verify_ledger().await.unwrap().faults.is_empty());
}

/// Nobody answers within a day, and what nobody answered for ends.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_campaign_leaves_people_a_week_and_says_who_answers() {
    let stage = Stage::new().await;
    grant(&stage, &GHENTS, "alive").await;
    let post = Method::POST;
    let until = (Timestamp::now() - SignedDuration::from_hours(1)).to_string();
    let over = Some(json!({"all": true, "until": until}));
    assert_eq!(stage.verdict("group.board", post.clone(), "/recertifications", over).await, "422 FAB7190");
    let until = |hours: i64| (Timestamp::now() + SignedDuration::from_hours(hours)).to_string();
    for (hours, expected) in [(24, "422 FAB7190"), (24 * 7 - 1, "422 FAB7190")] {
        let soon = Some(json!({"all": true, "until": until(hours)}));
        assert_eq!(stage.verdict("group.board", post.clone(), "/recertifications", soon).await, expected, "{hours}");
    }
    let begun = Some(json!({"interface": "products@1", "until": until(24 * 8)}));
    let (status, begun) = stage.ask("ghent.owner", post, "/recertifications", begun).await;
    assert_eq!(status, 201, "{begun:#}");
    assert_eq!(begun["answer"].as_object().unwrap().values().collect::<Vec<_>>(), [&json!(1)], "{begun:#}");
    assert!(begun["answer"].to_string().contains("the owners of team ghent-it"), "{begun:#}");
    // Use is looked back at for as long as the grant is there.
    let path = format!("/recertifications/{}", begun["campaign"].as_str().unwrap());
    let (_, shown) = stage.ask("ghent.owner", Method::GET, &path, None).await;
    let today = Timestamp::now().to_zoned(jiff::tz::TimeZone::UTC).date();
    assert_eq!(shown["items"][0]["used"], format!("0 of 2 operations, 0 of 2 attributes, since {today}"), "{shown:#}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_asked_for_a_grant_gives_it_back_and_never_keeps_it() {
    let stage = Stage::new().await;
    let post = Method::POST;
    let answer = |verdict: &str| Some(json!({"verdict": verdict, "because": "looked at"}));
    let less = || Some(json!({"verdict": "narrow", "operations": ["list"], "because": "lists only"}));
    let path = |item: &str| format!("/recertification-items/{item}/answers");
    // `ghent.author` is an owner of the interface's team, and asked for each of these.
    let own = item(&stage, &GHENTS, "open").await;
    assert_eq!(stage.verdict("ghent.author", post.clone(), &path(&own), answer("keep")).await, "403 FAB7141");
    assert_eq!(stage.verdict("shop.owner", post.clone(), &path(&own), answer("keep")).await, "403 FAB7141");
    let (status, kept) = stage.ask("ghent.owner", post.clone(), &path(&own), answer("keep")).await;
    assert_eq!((status, &kept["state"], &kept["by"]), (200, &json!("kept"), &json!("ghent.owner")), "{kept:#}");
    let own = item(&stage, &GHENTS, "open").await;
    let (status, narrowed) = stage.ask("ghent.author", post.clone(), &path(&own), less()).await;
    assert_eq!((status, &narrowed["state"]), (200, &json!("narrowed")), "{narrowed:#}");
    // Nobody answered in time, and it is the board's: who asked may still end it.
    let own = item(&stage, &GHENTS, "escalated").await;
    assert_eq!(stage.verdict("ghent.author", post.clone(), &path(&own), answer("keep")).await, "403 FAB7141");
    let (status, ended) = stage.ask("ghent.author", post, &path(&own), answer("end")).await;
    assert_eq!((status, &ended["state"]), (200, &json!("ended")), "{ended:#}");
    assert!(stage.store.verify_ledger().await.unwrap().faults.is_empty());
}

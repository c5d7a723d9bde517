//! The pages of catalogue, changes and releases through the port, and their forms: what they show, what they do in the name of who is
//! logged in, and what they refuse.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may fail loudly"
)]

#[path = "stage/operators.rs"]
mod operators;
#[path = "stage/reading.rs"]
mod reading;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use reading::Reading;
use reqwest::header::{COOKIE, LOCATION, SET_COOKIE};
use reqwest::{Client, Response, StatusCode, redirect};
use selvage_control::desk::{Activating, Desk, Files, Look as _, Seal};
use selvage_control::evidence::verify;
use selvage_control::{CatalogueView, Console, ConsoleConfig, Governance};
use selvage_model::access::{KeyHash, Principal};
use selvage_model::change::{Affected, DecisionVerdict, Loss, Need, Report, Requirement, Seat};
use selvage_model::name::DomainName;
use selvage_model::overview::{ContractsView, LanesView, Overview, UsageView};
use selvage_store::{NewChange, NewKey, NewRecertificationItem, Store, Word};
use serde_json::json;

const FABRIC: &str = "kind: Fabric
name: velo-works
environments: {test: {}}
---
kind: Domain
name: group
board: {drafting: [gil], security: [ann, bob], quorum: 1}
---
kind: Team
name: erp
roles: {owner: [ann], on_call: [erp.desk]}
---
kind: System
name: odoo
connector: odoo
owner: erp
zone: cloud
environments: {test: {url: 'http://127.0.0.1:8069'}}
---
kind: Object
name: product
version: 1.0
owner: erp
identity: [code]
attributes: {code: {type: string}}
authority: [{attributes: '*', record: odoo}]
---
kind: Interface
name: products
type: api
version: 1.0
owner: erp
description: What is <b>bought</b> and sold.
lifecycle: active
classification: {criticality: tier-2, latency: near-real-time, data: internal}
control: mediated
serves: {object: product@1, system: odoo, operations: [list, create]}
---
kind: Interface
name: old-products
type: api
version: 1.0
owner: erp
lifecycle: deprecated
deprecation: {since: 2026-09-01, sunset: 2027-03-01, successor: products@1}
control: mediated
serves: {object: product@1, system: odoo, operations: [list]}
---
kind: Consumer
name: web-shop
owner: erp
identity: {api_key: {}}
";

struct Stage {
    store: Store,
    desk: Desk,
    seal: Arc<Seal>,
    console: Console,
    client: Client,
    _directory: tempfile::TempDir,
}

impl Stage {
    async fn new(is_governed: bool) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let store = Store::open(&format!("sqlite:{}", directory.path().join("selvage.db").display())).await.unwrap();
        let desk = Desk::new(store.clone(), Arc::new(Reading { judges: false }));
        let seal = Arc::new(Seal::open(&directory.path().join("release.key")).unwrap());
        let governance = Governance {
            desk: desk.clone(),
            seal: Some(Arc::clone(&seal)),
            ledger_seal: Some(Arc::clone(&seal)),
            acknowledge: Arc::new(|_, _| Box::pin(async { json!([]) })),
            store: store.clone(),
            log: Arc::new(selvage_log::SqlLog::new(store.clone(), None).unwrap()),
        };
        let fabric = Arc::new(Reading { judges: false }.read(&files(FABRIC)));
        let console = Console::start(ConsoleConfig {
            listen: "127.0.0.1:0".parse().unwrap(),
            observe: Arc::new(|| Box::pin(async { Overview::default() })),
            usage: Arc::new(|| Box::pin(async { UsageView::default() })),
            contracts: Arc::new(|| Box::pin(async { ContractsView::default() })),
            lanes: Arc::new(|_| Box::pin(async { LanesView::default() })),
            catalogue: Arc::new(move || {
                let fabric = Arc::clone(&fabric);
                Box::pin(async move { CatalogueView { fabric, ..CatalogueView::default() } })
            }),
            authenticate: Arc::new(|_| Box::pin(async { None })),
            store: store.clone(),
            governance: is_governed.then_some(governance),
        })
        .await
        .unwrap();
        let client = Client::builder().redirect(redirect::Policy::none()).build().unwrap();
        Self { store, desk, seal, console, client, _directory: directory }
    }

    /// The cookie of somebody who is logged in.
    async fn enter(&self, operator: &str) -> String {
        let admitted = operators::operator(&self.store, operator).await;
        let link = self.console.one_time_link(&admitted).await.unwrap().unwrap();
        let entered = self.client.get(format!("{}{link}", self.base())).send().await.unwrap();
        entered.headers()[SET_COOKIE].to_str().unwrap().to_owned()
    }

    fn base(&self) -> String {
        format!("http://{}", self.console.address())
    }

    async fn page(&self, cookie: &str, path: &str) -> (StatusCode, String) {
        let answer = self.client.get(format!("{}{path}", self.base())).header(COOKIE, cookie).send().await.unwrap();
        (answer.status(), answer.text().await.unwrap())
    }

    async fn form(&self, cookie: &str, path: &str, form: &str) -> Response {
        let request = self.client.post(format!("{}{path}", self.base())).header(COOKIE, cookie);
        let request = request.header("content-type", "application/x-www-form-urlencoded").body(form.to_owned());
        request.send().await.unwrap()
    }

    /// A change of the group that takes a decision of its board, with these files.
    async fn propose(&self, title: &str, text: &str) -> String {
        let difference = |verdict: &str, at: &str| {
            json!({"verdict": verdict, "code": "openapi.property.removed.response", "at": at, "because": "somebody may read it",
                   "interface": "products@1", "before": "<code>", "after": null})
        };
        let release = format!("rel_{}", uuid::Uuid::new_v4().simple());
        let domain = DomainName::group();
        let new = NewChange {
            base: self.store.head(&domain).await.unwrap(),
            title: title.to_owned(),
            author: "eve".to_owned(),
            release,
            content: json!(files(text)),
            emergency: false,
            report: Report {
                risk: "breaking".to_owned(),
                breaking: 1,
                unproven: 0,
                safe: 1,
                differences: vec![difference("breaking", "GET /products, /code"), difference("safe", "POST /products")],
                affected: vec![Affected {
                    consumer: "web-shop".parse().unwrap(),
                    interface: "products@1".parse().unwrap(),
                    last_used: Some("2026-11-20T08:00:00Z".parse().unwrap()),
                    environments: BTreeMap::new(),
                    because: "it asked for code".to_owned(),
                    losses: vec![
                        loss("list", Some("2026-11-20T08:00:00Z"), None),
                        loss("create", None, Some("has a grant, and some use was not kept")),
                    ],
                }],
                findings: vec![
                    finding("it is <new>", "group", true),
                    finding("it was here", "group", false),
                    finding("elsewhere", "plant", false),
                ],
                interfaces: BTreeSet::from(["products@1".parse().unwrap()]),
            },
            requirements: vec![Requirement {
                need: Need::Board { domain: domain.clone(), quorum: 1 },
                because: vec!["it breaks <i>web-shop</i>".to_owned()],
                seats: vec![Seat {
                    name: "security".to_owned(),
                    board: Some(domain.clone()),
                    people: vec!["ann".to_owned(), "bob".to_owned()],
                }],
            }],
            domain,
        };
        self.store.propose(&new).await.unwrap().id
    }
    /// A release with these files, approved by whoever it takes and active.
    async fn released(&self, title: &str, text: &str) -> String {
        let proposal = selvage_control::desk::Proposal {
            domain: Some(DomainName::group()),
            files: files(text),
            title: title.to_owned(),
            author: "gil".to_owned(),
            emergency: false,
            amends: None,
        };
        let change = self.desk.propose(proposal).await.unwrap();
        for person in ["ann", "bob"] {
            let deciding = selvage_control::desk::Deciding {
                change: change.id.clone(),
                version: None,
                person: person.to_owned(),
                verdict: DecisionVerdict::Approve,
                because: "well".to_owned(),
            };
            // Whose word it takes depends on what is different; who is not asked changes nothing.
            let _ = self.desk.decide(deciding).await;
        }
        let release = self.desk.release(&change.id, "ann", &self.seal).await.unwrap();
        let activating =
            Activating { environment: "test".parse().unwrap(), by: "ann".to_owned(), because: title.to_owned() };
        self.desk.activate(&release.id, &activating).await.unwrap();
        release.id
    }
}

fn loss(operation: &str, last: Option<&str>, unknown: Option<&str>) -> Loss {
    Loss {
        operation: Some(operation.to_owned()),
        verdict: "breaking".to_owned(),
        at: "GET /products, /code".to_owned(),
        requests: u64::from(last.is_some()) * 1_204,
        last_used: last.map(|last| last.parse().unwrap()),
        unknown: unknown.map(str::to_owned),
    }
}

fn finding(message: &str, domain: &str, brought: bool) -> serde_json::Value {
    json!({"code": "FAB2107", "severity": "warning", "place": "a.yaml:1:1", "message": message, "fix": null,
           "domain": domain, "brought": brought})
}

fn files(text: &str) -> Files {
    Files::from([("fabric.yaml".to_owned(), text.to_owned())])
}

fn holds(page: &str, expected: &[&str]) {
    for expected in expected {
        assert!(page.contains(expected), "`{expected}` is missing: {page}");
    }
}

#[tokio::test]
async fn nobody_sees_or_does_anything_without_logging_in() {
    let stage = Stage::new(true).await;
    for path in ["/catalogue", "/catalogue/products@1", "/changes", "/changes/chg_1", "/releases", "/access", "/blocks"]
    {
        let (status, text) = stage.page("", path).await;
        assert_eq!((status, text.as_str()), (StatusCode::SEE_OTHER, ""), "{path}");
    }
    let forms = [
        ("/catalogue/products@1/requests", "consumer=web-shop&operations=list&purpose=x&until=2027-06-30"),
        ("/changes/chg_1/decisions", "verdict=approve&because=x&version=1"),
        ("/access/requests/req_1/decisions", "verdict=approve&because=x"),
        ("/access/break-glass/grt_1/reviews", "verdict=ratify&because=x"),
        ("/blocks", "what=consumer+web-shop&because=x&confirmed=yes"),
        ("/blocks/blk_1/lift", "because=x&confirmed=yes"),
        ("/keys/key_1/revocation", "because=x&confirmed=yes"),
        ("/releases/rollbacks", "environment=test&domain=group&from=rel_2&to=rel_1&because=x"),
    ];
    for (path, form) in forms {
        let answer = stage.form("", path, form).await;
        assert_eq!((answer.status(), answer.headers()[LOCATION].to_str().unwrap()), (StatusCode::SEE_OTHER, "/login"));
        let cookie = stage.enter("ann").await;
        let elsewhere = stage.client.post(format!("{}{path}", stage.base())).header(COOKIE, &cookie);
        let elsewhere = elsewhere.header("sec-fetch-site", "cross-site");
        let elsewhere = elsewhere.header("content-type", "application/x-www-form-urlencoded").body(form);
        let elsewhere = elsewhere.send().await.unwrap();
        assert_eq!(elsewhere.status(), StatusCode::FORBIDDEN, "{path}");
        holds(&elsewhere.text().await.unwrap(), &["<h1>Nothing was done</h1>"]);
        if path != "/catalogue/products@1/requests" {
            let unread = stage.form(&cookie, path, "verdict=perhaps").await;
            assert_eq!(unread.status(), StatusCode::UNPROCESSABLE_ENTITY, "{path}");
            holds(&unread.text().await.unwrap(), &["<h1>This cannot be read</h1>", "To the overview"]);
        }
    }
}

#[tokio::test]
async fn what_is_cut_off_is_seen_confirmed_and_lifted() {
    let stage = Stage::new(true).await;
    let key = NewKey {
        principal: Principal::Consumer("web-shop".parse().unwrap()),
        hash: KeyHash([200; 32]),
        expires: Some("2037-01-01T00:00:00Z".parse().unwrap()),
    };
    let key = stage.store.issue_key(key, "ann").await.unwrap().id;
    let ann = stage.enter("ann").await;
    let (status, page) = stage.page(&ann, "/blocks").await;
    assert_eq!(status, StatusCode::OK);
    holds(
        &page,
        &["no consumer and no interface is blocked", "consumer <strong>web-shop</strong>", &key, "never seen"],
    );
    holds(&page, &["until 2037-01-01", r#"value="interface products@1""#, "operator <strong>ann</strong>", "no end"]);

    // Nothing is done that is not meant, and nothing by who may not.
    for (form, says) in [
        ("what=consumer+web-shop&because=it+floods", "confirm what it does"),
        ("what=consumer+web-shop&because=+&confirmed=yes", "Say why"),
        ("what=web-shop&because=it+floods&confirmed=yes", "Say what is cut off"),
        ("what=consumer+no-such&because=it+floods&confirmed=yes", "FAB7193"),
    ] {
        let answer = stage.form(&ann, "/blocks", form).await;
        assert_eq!(answer.status(), StatusCode::UNPROCESSABLE_ENTITY, "{form}");
        holds(&answer.text().await.unwrap(), &[says]);
    }
    let stranger = stage.enter("a.stranger").await;
    let cut = "what=interface+products@1&because=it+leaks&confirmed=yes";
    assert_eq!(stage.form(&stranger, "/blocks", cut).await.status(), StatusCode::FORBIDDEN);
    assert!(stage.store.access_state().await.unwrap().blocks.is_empty());

    let done = stage.form(&ann, "/blocks", cut).await;
    assert_eq!((done.status(), done.headers()[LOCATION].to_str().unwrap()), (StatusCode::SEE_OTHER, "/blocks"));
    let (_, page) = stage.page(&ann, "/blocks").await;
    holds(&page, &[r#"<a class="breaks" href="/catalogue/products@1">"#, "it leaks", "<dd class=\"breaks\">ann</dd>"]);
    let (_, seen) = stage.page(&stranger, "/blocks").await;
    holds(&seen, &["it leaks", "Who sits over its domain lifts it."]);
    assert!(!seen.contains(">Revoke<") || seen.contains("operator <strong>a.stranger</strong>"), "{seen}");
    let block = stage.store.access_state().await.unwrap().blocks[0].id.clone();
    let lift = format!("/blocks/{block}/lift");
    assert_eq!(stage.form(&stranger, &lift, "because=mended&confirmed=yes").await.status(), StatusCode::FORBIDDEN);
    assert_eq!(stage.form(&ann, &lift, "because=mended&confirmed=yes").await.status(), StatusCode::SEE_OTHER);
    assert!(stage.store.access_state().await.unwrap().blocks.is_empty());

    // A key is taken back for good.
    let revoke = format!("/keys/{key}/revocation");
    assert_eq!(stage.form(&stranger, &revoke, "because=lost&confirmed=yes").await.status(), StatusCode::FORBIDDEN);
    assert_eq!(stage.form(&ann, &revoke, "because=lost&confirmed=yes").await.status(), StatusCode::SEE_OTHER);
    let (_, page) = stage.page(&ann, "/blocks").await;
    holds(&page, &["Keys that are over", "revoked"]);
}

#[tokio::test]
async fn a_session_that_began_by_tls_is_sent_by_tls_alone() {
    let stage = Stage::new(false).await;
    for (proto, is_secure) in [(None, false), (Some("http"), false), (Some("https"), true)] {
        let admitted = operators::operator(&stage.store, "ann").await;
        let link = stage.console.one_time_link(&admitted).await.unwrap().unwrap();
        let mut enter = stage.client.get(format!("{}{link}", stage.base()));
        if let Some(proto) = proto {
            enter = enter.header("x-forwarded-proto", proto);
        }
        let cookie = enter.send().await.unwrap().headers()[SET_COOKIE].to_str().unwrap().to_owned();
        assert_eq!(cookie.ends_with("; Secure"), is_secure, "{proto:?}: {cookie}");
    }
}

#[tokio::test]
async fn the_catalogue_is_searched_and_access_asked_for() {
    let stage = Stage::new(true).await;
    let cookie = stage.enter("ann").await;
    let (_, page) = stage.page(&cookie, "/catalogue").await;
    holds(
        &page,
        &["2 interfaces", "products@1", "What is &lt;b&gt;bought&lt;/b&gt; and sold.", "erp.desk", ">deprecated<"],
    );
    let (_, page) = stage.page(&cookie, "/catalogue?q=bought+%22%3E%3Cscript%3E").await;
    holds(&page, &["0 of 2 fit", "value=\"bought &quot;&gt;&lt;script&gt;\""]);
    let (_, page) = stage.page(&cookie, "/catalogue?q=bought").await;
    assert!(!page.contains("/catalogue/old-products@1"), "{page}");
    let (status, page) = stage.page(&cookie, "/catalogue/products@1").await;
    assert_eq!(status, StatusCode::OK);
    holds(&page, &["curl -X POST", "selvage openapi products@1", "odoo", "Nobody has access.", "Ask as ann"]);
    let (_, page) = stage.page(&cookie, "/catalogue/old-products@1").await;
    holds(&page, &["It takes no new grants.", "ends on 2027-03-01; use products@1 instead"]);
    assert!(!page.contains("Ask as"), "{page}");
    for missing in ["/catalogue/nothing@1", "/catalogue/no%20name", "/catalogue/products"] {
        assert_eq!(stage.page(&cookie, missing).await.0, StatusCode::NOT_FOUND, "{missing}");
    }

    let path = "/catalogue/products@1/requests";
    let asked = stage.form(&cookie, path, "consumer=web-shop&operations=list&purpose=Shows+it&until=2027-06-30").await;
    assert_eq!(asked.status(), StatusCode::SEE_OTHER);
    let requests = stage.store.access_requests().await.unwrap();
    assert_eq!(requests.len(), 1);
    assert_eq!((requests[0].asked.by.as_str(), requests[0].asked.consumer.as_str()), ("ann", "web-shop"));
    let place = asked.headers()[LOCATION].to_str().unwrap().to_owned();
    holds(&stage.page(&cookie, &place).await.1, &["It is asked for as", &requests[0].id]);
    let (_, page) = stage.page(&cookie, "/catalogue/products@1?asked=req_anything").await;
    assert!(!page.contains("It is asked for as") && !page.contains("req_anything"), "{page}");
    assert_eq!(stage.page(&cookie, "/catalogue?q=a&q=b").await.0, StatusCode::BAD_REQUEST);
    assert_eq!(stage.page(&cookie, "/catalogue/%FF").await.0, StatusCode::NOT_FOUND);
    assert_eq!(stage.store.access_requests().await.unwrap().len(), 1);
}

#[tokio::test]
async fn what_stands_against_a_form_is_told_at_its_field_and_nothing_typed_is_lost() {
    let stage = Stage::new(true).await;
    let cookie = stage.enter("ann").await;
    let path = "/catalogue/products@1/requests";
    for (form, field, because) in [
        ("consumer=web-shop&operations=&purpose=x&until=2027-06-30", "operations", "Say which operations"),
        ("consumer=Web+Shop&operations=list&purpose=x&until=2027-06-30", "consumer", "is no consumer"),
        ("consumer=web-shop&operations=list&purpose=+&until=2027-06-30", "purpose", "what it is for"),
        ("consumer=web-shop&operations=list&purpose=x&until=soon", "until", "Say until when"),
        ("consumer=web-shop&operations=list&where=code&purpose=x&until=2027-06-30", "where", "write `site=ghent`"),
        ("consumer=web-shop&operations=list&except=Not+a&purpose=x&until=2027-06-30", "except", "is no attribute"),
        ("consumer=web-shop&operations=list&classes=A!&purpose=x&until=2027-06-30", "classes", "is no class of data"),
        // And what the check says.
        ("consumer=web-shop&operations=burn&purpose=x&until=2027-06-30", "operations", "FAB2203"),
        ("consumer=nobody&operations=list&purpose=x&until=2027-06-30", "consumer", "FAB"),
        ("consumer=web-shop&operations=list&where=colour%3Dred&purpose=x&until=2027-06-30", "where", "colour"),
        ("consumer=web-shop&operations=list&except=colour&purpose=x&until=2027-06-30", "except", "colour"),
        ("consumer=web-shop&operations=list&purpose=x&until=2099-06-30", "until", "FAB7144"),
    ] {
        let answer = stage.form(&cookie, path, form).await;
        assert_eq!(answer.status(), StatusCode::UNPROCESSABLE_ENTITY, "{form}");
        let page = answer.text().await.unwrap();
        holds(&page, &["Nothing was asked for.", because]);
        let said = page.split(&format!("id=\"{field}-said\"")).nth(1).unwrap_or_else(|| panic!("{field}: {page}"));
        assert!(said.split("</div>").next().unwrap().contains(because), "{form}: {page}");
        assert_eq!(page.matches("aria-invalid=\"true\"").count(), 1, "{form}: {page}");
    }
    // Everything that is wrong is told at once, beside what was typed.
    let form = "consumer=Web+Shop&operations=list%2C+create&where=code%3D%22%3Cb%3E%0D%0Anothing&except=price+%3Ci%3E\
                &classes=personal&purpose=Shows+%22it%22&until=soon";
    let page = stage.form(&cookie, path, form).await.text().await.unwrap();
    holds(
        &page,
        &[
            "value=\"Web Shop\"",
            "value=\"list, create\"",
            ">code=&quot;&lt;b&gt;\r\nnothing</textarea>",
            "value=\"price &lt;i&gt;\"",
            "value=\"personal\"",
            "value=\"Shows &quot;it&quot;\"",
            "value=\"soon\"",
        ],
    );
    assert_eq!(page.matches("aria-invalid=\"true\"").count(), 4, "{page}");
    assert!(stage.store.access_requests().await.unwrap().is_empty());

    let form =
        "consumer=web-shop&operations=list&where=code%3DA%0D%0Acode%3D7%0D%0A&except=code&purpose=x&until=2027-06-30";
    let asked = stage.form(&cookie, path, form).await;
    assert_eq!(asked.status(), StatusCode::SEE_OTHER, "{}", asked.text().await.unwrap());
    let terms = stage.store.access_requests().await.unwrap().remove(0).asked.terms;
    assert_eq!(terms.rows, [("code".parse().unwrap(), vec![json!("A"), json!(7)])]);
    assert_eq!(terms.except, ["code".parse().unwrap()]);
}

#[tokio::test]
async fn who_answers_for_an_interface_decides_about_access_on_a_page() {
    let stage = Stage::new(true).await;
    let (ann, bob, eve) = (stage.enter("ann").await, stage.enter("bob").await, stage.enter("eve").await);
    let form = "consumer=web-shop&operations=list&purpose=Shows+%3Cb%3Eit&until=2027-06-30";
    stage.form(&ann, "/catalogue/products@1/requests", form).await;
    let id = stage.store.access_requests().await.unwrap().remove(0).id;
    let path = format!("/access/requests/{id}/decisions");
    let (_, page) = stage.page(&ann, "/access").await;
    holds(&page, &["You asked for it: somebody else decides.", "bob", "Shows &lt;b&gt;it"]);
    assert!(!page.contains(&path), "{page}");
    assert!(!stage.page(&eve, "/access").await.1.contains(&path));
    for (who, because) in [(&ann, "FAB7141"), (&eve, "FAB7141")] {
        let refused = stage.form(who, &path, "verdict=approve&because=mine").await;
        assert_eq!(refused.status(), StatusCode::FORBIDDEN);
        holds(&refused.text().await.unwrap(), &[because, "role=\"alert\""]);
    }
    holds(&stage.page(&bob, "/access").await.1, &[&path, "Approve", "Reject"]);
    let silent = stage.form(&bob, &path, "verdict=approve&because=+").await;
    assert_eq!(silent.status(), StatusCode::UNPROCESSABLE_ENTITY);
    let approved = stage.form(&bob, &path, "verdict=approve&because=agreed").await;
    assert_eq!((approved.status(), approved.headers()[LOCATION].to_str().unwrap()), (StatusCode::SEE_OTHER, "/access"));
    assert_eq!(stage.store.access_state().await.unwrap().grants.len(), 1);
    holds(&stage.page(&eve, "/access").await.1, &["Nothing that was asked for waits for you.", ">approved<", "agreed"]);
    assert_eq!(stage.form(&bob, &path, "verdict=reject&because=late").await.status(), StatusCode::CONFLICT);

    // What was opened in an emergency is on the same page, and nobody says of their own that it was right.
    let grant = stage.store.access_state().await.unwrap().grants.remove(0);
    let subject = (&grant.consumer, &grant.interface);
    let hour = std::time::Duration::from_secs(3600);
    let opened = stage.store.break_glass(subject, &grant.terms, hour, ("ann", "the line stands")).await.unwrap();
    let path = format!("/access/break-glass/{}/reviews", opened.grant.id);
    holds(&stage.page(&ann, "/access").await.1, &["the line stands", "You opened it: somebody else says"]);
    assert_eq!(stage.form(&ann, &path, "verdict=ratify&because=mine").await.status(), StatusCode::FORBIDDEN);
    holds(&stage.page(&bob, "/access").await.1, &[&path, "It was right", "open until"]);
    assert_eq!(stage.form(&bob, &path, "verdict=approve&because=x").await.status(), StatusCode::NOT_FOUND);
    assert_eq!(stage.form(&bob, &path, "verdict=ratify&because=it+stood").await.status(), StatusCode::SEE_OTHER);
    holds(&stage.page(&bob, "/access").await.1, &["ratified by bob"]);
}

/// The page of changes is the board: all that waits, with what whoever reads may decide of it.
#[tokio::test]
async fn what_waits_of_access_is_on_the_page_of_changes_and_decided_there() {
    let stage = Stage::new(true).await;
    let (ann, bob) = (stage.enter("ann").await, stage.enter("bob").await);
    let form = "consumer=web-shop&operations=list,create&purpose=Shows+%3Cb%3Eit&until=2027-06-30";
    stage.form(&ann, "/catalogue/products@1/requests", form).await;
    let request = stage.store.access_requests().await.unwrap().remove(0).id;
    stage.propose("Codes are <gone>", FABRIC).await;
    let path = format!("/access/requests/{request}/decisions");
    let (_, page) = stage.page(&bob, "/changes").await;
    let whole = [
        "Codes are &lt;gone&gt;",
        ">request<",
        "ann asks for web-shop on products@1",
        "tier-2, internal",
        "Shows &lt;b&gt;it",
        &path,
    ];
    holds(&page, &whole);
    assert!(page.find("ann asks for").unwrap() < page.find("Codes are").unwrap(), "the oldest first: {page}");
    let (_, page) = stage.page(&ann, "/changes").await;
    holds(&page, &["ann asks for web-shop on products@1", "bob"]);
    assert!(!page.contains(&path), "{page}");
    let approved = stage.form(&bob, &path, "verdict=approve&because=agreed&from=changes").await;
    let led = approved.headers()[LOCATION].to_str().unwrap();
    assert_eq!((approved.status(), led), (StatusCode::SEE_OTHER, "/changes"));

    // A campaign: what of the grant was used, and the three things that may become of it.
    let grant = stage.store.access_state().await.unwrap().grants.remove(0);
    let item = NewRecertificationItem {
        lease: grant.id.clone(),
        tier: "tier-2".to_owned(),
        breadth: "1 of 2 operations, since 2026-11-01".to_owned(),
        last_used: None,
    };
    let until = jiff::Timestamp::now() + jiff::SignedDuration::from_hours(240);
    stage.store.start_recertification(("all", until), &[item], "bob").await.unwrap();
    let id = stage.store.recertification_items().await.unwrap().remove(0).id;
    let path = format!("/access/recertifications/{id}/answers");
    for place in ["/changes", "/access"] {
        let (_, page) = stage.page(&bob, place).await;
        holds(&page, &[&path, "1 of 2 operations, since 2026-11-01", "never seen", "Keep", "Narrow", "End"]);
    }
    let (_, page) = stage.page(&stage.enter("eve").await, "/changes").await;
    assert!(page.contains(">recertification<") && !page.contains(&path), "{page}");
    assert_eq!(stage.form(&bob, &path, "verdict=approve&because=x").await.status(), StatusCode::NOT_FOUND);
    let nothing = stage.form(&bob, &path, "verdict=narrow&because=x&operations=delete").await;
    assert!(nothing.status().is_client_error());
    let narrowed = stage.form(&bob, &path, "verdict=narrow&because=only+lists&operations=list&from=changes").await;
    assert_eq!(narrowed.status(), StatusCode::SEE_OTHER);
    assert_eq!(stage.store.access_state().await.unwrap().grants[0].terms.operations, ["list"]);
    assert!(!stage.page(&bob, "/changes").await.1.contains(">recertification<"));
}

#[tokio::test]
async fn a_change_is_shown_and_decided() {
    let stage = Stage::new(true).await;
    let (ann, eve, dan) = (stage.enter("ann").await, stage.enter("eve").await, stage.enter("dan").await);
    let (_, page) = stage.page(&ann, "/changes").await;
    holds(&page, &["Nothing waits for anybody.", "Nothing was proposed yet"]);
    let id = stage.propose("Codes are <gone>", FABRIC).await;
    let (_, page) = stage.page(&ann, "/changes").await;
    holds(&page, &["Codes are &lt;gone&gt;", ">breaking<", ">you<", "(bob)"]);
    let address = format!("/changes/{id}");
    let (_, page) = stage.page(&ann, &address).await;
    holds(
        &page,
        &[
            "GET /products, /code",
            "&lt;code&gt;",
            "web-shop",
            "2026-11-20",
            "1\u{2009}204 requests",
            "last used 2026-11-20T08:00:00Z",
            "<circle class=\"bad\"",
            "never seen; has a grant, and some use was not kept",
            "<rect class=\"bad\"",
            "it breaks &lt;i&gt;web-shop",
            "Approve version 1",
            "brought</span> <code>FAB2107</code> it is &lt;new&gt;",
            "it was here",
            "1 more that stood before this change in other domains",
        ],
    );
    assert!(!page.contains("elsewhere"), "{page}");
    let (_, page) = stage.page(&eve, &address).await;
    holds(&page, &["your own signature never counts"]);
    assert!(!page.contains("Approve version"), "{page}");
    assert!(!stage.page(&dan, &address).await.1.contains("Approve version"));

    let path = format!("/changes/{id}/decisions");
    for (cookie, form, status, because) in [
        (&eve, "verdict=approve&because=fine&version=1", StatusCode::FORBIDDEN, "FAB7054"),
        (&dan, "verdict=reject&because=no&version=1", StatusCode::FORBIDDEN, "FAB7054"),
        (&ann, "verdict=approve&because=+&version=1", StatusCode::UNPROCESSABLE_ENTITY, "say why"),
        (&ann, "verdict=approve&because=fine&version=2", StatusCode::CONFLICT, "FAB7050"),
    ] {
        let answer = stage.form(cookie, &path, form).await;
        assert_eq!(answer.status(), status, "{form}");
        holds(&answer.text().await.unwrap(), &[because]);
    }
    let said = stage.form(&dan, &path, "verdict=comment&because=look+at+the+%3Cline%3E&version=1").await;
    assert_eq!((said.status(), said.headers()[LOCATION].to_str().unwrap()), (StatusCode::SEE_OTHER, address.as_str()));
    let said = stage.form(&ann, &path, "verdict=approve&because=fine&version=1").await;
    assert_eq!(said.status(), StatusCode::SEE_OTHER);
    let (_, page) = stage.page(&ann, &address).await;
    holds(&page, &[">approved<", ">given<", "look at the &lt;line&gt;", "selvage change release"]);
    let (change, _) = stage.desk.change(&id).await.unwrap();
    let verdicts: Vec<_> = change.decisions.iter().map(|it| (it.person.as_str(), it.verdict)).collect();
    assert_eq!(verdicts, [("dan", DecisionVerdict::Comment), ("ann", DecisionVerdict::Approve)]);
    let unknown = stage.page(&ann, "/changes/chg_nothing").await;
    assert_eq!(unknown.0, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_seat_that_is_lent_decides_on_the_page() {
    let stage = Stage::new(true).await;
    let id = stage.propose("Take the code away", FABRIC).await;
    let address = format!("/changes/{id}");
    let (now, _) = stage.store.delegations().await.unwrap();
    let lent = selvage_model::change::Delegation {
        id: String::new(),
        domain: DomainName::group(),
        discipline: "security".to_owned(),
        from: "bob".to_owned(),
        to: "fay".to_owned(),
        until: now + jiff::SignedDuration::from_hours(1),
        unproven: false,
    };
    stage.store.delegate(&lent).await.unwrap();
    let fay = stage.enter("fay").await;
    holds(&stage.page(&fay, &address).await.1, &["Approve version 1", "Reject", "Abstain"]);
    let said = stage.form(&fay, &format!("{address}/decisions"), "verdict=approve&because=fine&version=1").await;
    assert_eq!(said.status(), StatusCode::SEE_OTHER);
    // It is met, and who has the seat may still take it back.
    holds(&stage.page(&fay, &address).await.1, &[">given<", "Reject"]);
}

#[tokio::test]
async fn who_may_goes_back_from_the_page_of_releases() {
    let stage = Stage::new(true).await;
    let (ann, dan) = (stage.enter("ann").await, stage.enter("dan").await);
    holds(&stage.page(&ann, "/releases").await.1, &["No release is active.", "No domain has released anything yet."]);
    let mut releases = Vec::new();
    for (title, text) in [("One", FABRIC.to_owned()), ("Two", FABRIC.replace("tier-2", "tier-3"))] {
        releases.push(stage.released(title, &text).await);
    }
    let (_, page) = stage.page(&ann, "/releases").await;
    holds(&page, &["Go back to", "Go back in test", &releases[0], &releases[1]]);
    let (_, page) = stage.page(&dan, "/releases").await;
    holds(&page, &["not yours to do"]);
    let form = format!("environment=test&domain=group&from={}&to={}&because=It+fails", releases[1], releases[0]);
    let refused = stage.form(&dan, "/releases/rollbacks", &form).await;
    assert_eq!(refused.status(), StatusCode::FORBIDDEN);
    holds(&refused.text().await.unwrap(), &["FAB8061"]);
    let empty = stage.form(&ann, "/releases/rollbacks", &form.replace("It+fails", "")).await;
    assert_eq!(empty.status(), StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(stage.form(&ann, "/releases/rollbacks", &form).await.status(), StatusCode::SEE_OTHER);
    // A page that is no longer true goes nowhere.
    let stale = stage.form(&ann, "/releases/rollbacks", &form).await;
    assert_eq!(stale.status(), StatusCode::NOT_FOUND);
    let active = stage.store.active_domains().await.unwrap();
    assert_eq!((active.len(), &active[0].release, active[0].by.as_str()), (1, &releases[0], "ann"));
    holds(&stage.page(&ann, "/releases").await.1, &["It fails", "nothing was active before"]);
    let (_, page) = stage.page(&ann, "/catalogue/products@1").await;
    holds(&page, &["What releases made of it", "active in test"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_page_of_releases_tells_what_other_stores_saw() {
    let (there, here) = (Stage::new(true).await, Stage::new(true).await);
    let ann = here.enter("ann").await;
    let release = there.released("The first", FABRIC).await;
    let runs = BTreeMap::from([(DomainName::group(), release.clone())]);
    there.store.note_runs(&"test".parse().unwrap(), &runs).await.unwrap();
    let package = there.desk.export(&release, &there.seal, None).await.unwrap().text;
    let (key, lost) = (there.seal.key(), Word { by: "ann", because: "the other store" });
    here.desk.trust(key, lost).await.unwrap();
    here.desk.import(&package, "ann").await.unwrap();
    let (_, page) = here.page(&ann, "/releases").await;
    holds(&page, &["What other stores saw", &release, &key.id, ">ran<", "active since", "imported"]);
    assert!(page.contains("taken over from the store of") && !page.contains("not trusted"), "{page}");
    here.desk.distrust(&key.id, lost).await.unwrap();
    holds(&here.page(&ann, "/releases").await.1, &["not trusted"]);
    // Where nothing came from elsewhere, nothing is said of it.
    let dan = there.enter("dan").await;
    assert!(!there.page(&dan, "/releases").await.1.contains("What other stores saw"));
}

#[tokio::test]
async fn who_sits_on_a_board_lends_a_seat_from_its_page_and_takes_it_back() {
    let stage = Stage::new(true).await;
    let (ann, dan) = (stage.enter("ann").await, stage.enter("dan").await);
    holds(&stage.page(&ann, "/boards").await.1, &["No domain has released a board yet."]);
    stage.released("One", FABRIC).await;
    let (_, page) = stage.page(&ann, "/boards").await;
    holds(&page, &["one discipline decides", "security", "Lend this seat", "/boards/group/delegations", "nobody"]);
    assert_eq!(page.matches("Lend this seat").count(), 1, "the other seat is not hers");
    holds(&stage.page(&ann, "/changes").await.1, &["Boards and deputies"]);
    let lend = |to: &str, until: &str| format!("discipline=security&to={to}&until={until}");
    let path = "/boards/group/delegations";
    for (cookie, form, status, said) in [
        (&dan, lend("eve", "2099-12-31"), StatusCode::FORBIDDEN, "FAB7061"),
        (&ann, lend("", "2099-12-31"), StatusCode::UNPROCESSABLE_ENTITY, "Say to whom"),
        (&ann, lend("eve", "soon"), StatusCode::UNPROCESSABLE_ENTITY, "Say until when"),
        (&ann, lend("eve", "2001-01-01"), StatusCode::UNPROCESSABLE_ENTITY, "FAB7209"),
    ] {
        let refused = stage.form(cookie, path, &form).await;
        assert_eq!(refused.status(), status, "{form}");
        holds(&refused.text().await.unwrap(), &[said]);
    }
    assert_eq!(stage.form(&ann, path, &lend("dan", "2099-12-31")).await.status(), StatusCode::SEE_OTHER);
    let (_, page) = stage.page(&dan, "/boards").await;
    holds(&page, &["dan", ">you<", "by ann", "Take back"]);
    let end = page.split("action=\"/delegations/").nth(1).unwrap().split('"').next().unwrap().to_owned();
    let eve = stage.enter("eve").await;
    assert!(!stage.page(&eve, "/boards").await.1.contains("Take back"));
    let other = stage.form(&eve, &format!("/delegations/{end}"), "").await;
    assert_eq!(other.status(), StatusCode::FORBIDDEN);
    assert_eq!(stage.form(&dan, &format!("/delegations/{end}"), "").await.status(), StatusCode::SEE_OTHER);
    assert!(!stage.page(&ann, "/boards").await.1.contains("Take back"));
}

#[tokio::test]
async fn evidence_is_a_page_that_holds_its_document_for_who_may_read_it() {
    let stage = Stage::new(true).await;
    let (ann, eve) = (stage.enter("ann").await, stage.enter("eve").await);
    stage.released("The <b>first", FABRIC).await;
    let (_, page) = stage.page(&ann, "/evidence").await;
    holds(&page, &["domain:group", "interface:products@1", "control:four-eyes", "/evidence/interfaces/products@1"]);
    holds(&stage.page(&eve, "/evidence").await.1, &["There is none that you may read"]);
    holds(&stage.page(&ann, "/catalogue/products@1").await.1, &["/evidence/interfaces/products@1"]);
    holds(&stage.page(&ann, "/releases").await.1, &["/evidence/domains/group?environment=test"]);
    for path in [
        "/evidence/interfaces/products@1",
        "/evidence/domains/group?environment=test",
        "/evidence/packages?about=control%3Aall&from=2026-01-01&to=",
        "/evidence/packages?about=control%3Afour-eyes",
    ] {
        let answer = stage.client.get(format!("{}{path}", stage.base())).header(COOKIE, &ann).send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::OK, "{path}");
        let policy = answer.headers()["content-security-policy"].to_str().unwrap().to_owned();
        assert!(policy.starts_with("default-src 'none'; style-src 'sha256-") && !policy.contains("script"), "{policy}");
        let page = answer.text().await.unwrap();
        let held = page.split("data:application/json;base64,").nth(1).unwrap().split('"').next().unwrap();
        let document = String::from_utf8(STANDARD.decode(held).unwrap()).unwrap();
        let checked = verify(&document, Some(stage.seal.key().public)).unwrap();
        assert!(checked.faults.is_empty() && checked.signed_with.is_some(), "{path}: {:?}", checked.faults);
        assert_eq!(checked.package.by.as_deref(), Some("ann"));
        holds(&page, &[&checked.digest, "Back to the console"]);
        assert!(!page.contains("<script") && !page.contains("The <b>first"), "{page}");
        let (status, refused) = stage.page(&eve, path).await;
        assert_eq!(status, StatusCode::FORBIDDEN, "{path}");
        holds(&refused, &["FAB8061"]);
    }
    for (path, status) in [
        ("/evidence/interfaces/nothing@1", StatusCode::NOT_FOUND),
        ("/evidence/interfaces/nothing", StatusCode::NOT_FOUND),
        ("/evidence/packages?about=all", StatusCode::NOT_FOUND),
        ("/evidence/domains/group?from=soon", StatusCode::UNPROCESSABLE_ENTITY),
        ("/evidence/domains/group?from=2027-02-01&to=2027-01-01", StatusCode::UNPROCESSABLE_ENTITY),
        ("/evidence/domains/group?environment=No+such", StatusCode::UNPROCESSABLE_ENTITY),
    ] {
        assert_eq!(stage.page(&ann, path).await.0, status, "{path}");
    }
}

#[tokio::test]
async fn where_nothing_is_governed_there_are_no_changes() {
    let stage = Stage::new(false).await;
    let cookie = stage.enter("ann").await;
    for path in ["/changes", "/changes/chg_1", "/boards", "/releases", "/evidence", "/evidence/domains/group"] {
        assert_eq!(stage.page(&cookie, path).await.0, StatusCode::NOT_FOUND, "{path}");
    }
    let (_, page) = stage.page(&cookie, "/catalogue/products@1").await;
    holds(&page, &["selvage access request --consumer NAME --interface products@1"]);
    assert!(!page.contains("Ask as"), "{page}");
}

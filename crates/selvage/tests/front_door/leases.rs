//! Access as leases, through the commands and the port: asked for, decided, used, narrowed, answered for, opened in an emergency.

use jiff::Timestamp;
use reqwest::{Client, StatusCode};
use selvage_store::{NewRecertificationItem, Store};
use serde_json::Value;
use sqlx::{Connection as _, SqliteConnection};

use crate::fixture::{Place, Served, eventually, selvage, stdout};

const POSITIONS: &str = "/inventory/v2/inventory-positions?limit=1";
const ORDERS: &str = "/production-orders/v1/production-orders?limit=1";
const PRODUCTS: &str = "/products/v1/products?limit=1";

/// What a command prints, and whether it went well.
fn run(arguments: &[&str], store: &[String]) -> (bool, String) {
    let store: Vec<&str> = store.iter().map(String::as_str).collect();
    let output = selvage(&[arguments, &store].concat());
    (output.status.success(), stdout(&output) + &String::from_utf8_lossy(&output.stderr))
}

fn well(arguments: &[&str], store: &[String]) -> String {
    let (well, said) = run(arguments, store);
    assert!(well, "{arguments:?}: {said}");
    said
}

fn wrong(arguments: &[&str], store: &[String], with: &str) {
    let (well, said) = run(arguments, store);
    assert!(!well && said.contains(with), "{arguments:?}: {said}");
}

fn json(arguments: &[&str], store: &[String]) -> Value {
    let store: Vec<&str> = store.iter().map(String::as_str).collect();
    let output = selvage(&[arguments, &["--json"], &store].concat());
    serde_json::from_str(&stdout(&output)).unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&output.stderr)))
}

/// The first word of what a command says: what it made.
fn id(said: &str) -> String {
    said.split_whitespace().next().unwrap().to_owned()
}

async fn status(served: &Served, key: &str, path: &str) -> StatusCode {
    let url = format!("{}{path}", served.base);
    Client::new().get(url).bearer_auth(key).send().await.unwrap().status()
}

fn request<'a>(interface: &'a str, operations: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    let asked = ["access", "request", "--consumer", "mes-ghent", "--interface", interface, "--operations", operations];
    [&asked[..], &["--by", "m.dewit", "--until", "2028-06-30"], more].concat()
}

fn grant_of(consumer: &str, interface: &str, store: &[String]) -> String {
    let listed = well(&["grant", "list", "--consumer", consumer], store);
    let line = listed.lines().find(|line| line.contains(interface) && !line.contains("ended")).unwrap().to_owned();
    id(&line)
}

#[tokio::test(flavor = "multi_thread")]
async fn access_is_asked_for_decided_by_somebody_else_and_alive_at_once() {
    let place = Place::new().await;
    let store = place.data();
    let key = place.key(&store, "mes-ghent");
    wrong(&request("inventory@2", "list", &["--purpose", "Shows stock"]), &store, "FAB7059");
    let served = place.serve(&store, &[]);

    // What stands against it is said at once, and nothing is asked for.
    let purpose = ["--purpose", "Shows the operators what lies beside the line"];
    wrong(&request("inventory@2", "lost", &purpose), &store, "FAB2203");
    wrong(&request("inventory@3", "list", &purpose), &store, "FAB2001");
    wrong(&request("legacy-stock@1", "listStock", &purpose), &store, "FAB7143");
    wrong(&request("inventory@2", "list", &[]), &store, "FAB2201");
    let mut far = request("inventory@2", "list", &purpose);
    far.extend(["--where", "site=ghent"]);
    let position = far.iter().position(|word| *word == "2028-06-30").unwrap();
    far[position] = "2050-01-01";
    wrong(&far, &store, "FAB7144");
    assert_eq!(json(&["access", "list"], &store).as_array().map(Vec::len), Some(0));

    let asked = request("inventory@2", "list", &[&purpose[..], &["--where", "site=ghent"]].concat());
    let said = well(&asked, &store);
    assert!(said.contains("s.okafor, w.svoboda"), "{said}");
    let req = id(&said);
    assert_eq!(status(&served, &key, POSITIONS).await, StatusCode::FORBIDDEN);
    let decide = |verdict: &'static str, by: &'static str| {
        ["access", "decide", &req, verdict, "--because", "agreed", "--by", by].map(str::to_owned)
    };
    for by in ["m.dewit", "e.peeters"] {
        wrong(&decide("--approve", by).each_ref().map(String::as_str), &store, "FAB7141");
    }
    let said = well(&decide("--approve", "w.svoboda").each_ref().map(String::as_str), &store);
    assert!(said.contains("knows, after"), "{said}");
    assert_eq!(status(&served, &key, POSITIONS).await, StatusCode::OK, "when the command returns, the node knows");
    wrong(&decide("--reject", "w.svoboda").each_ref().map(String::as_str), &store, "FAB7140");

    let grant = id(&said);
    let shown = well(&["grant", "show", &grant], &store);
    assert!(shown.contains("request, since") && shown.contains("site is ghent") && shown.contains(&req), "{shown}");
    wrong(&["grant", "narrow", &grant, "--operations", "list,get", "--because", "x"], &store, "FAB7142");

    // A directory that is served again neither ends it nor, once it was ended, revives it.
    drop(served);
    let served = place.serve(&store, &[]);
    assert_eq!(status(&served, &key, POSITIONS).await, StatusCode::OK);
    well(&["grant", "end", &grant, "--because", "the pilot is over"], &store);
    assert_eq!(status(&served, &key, POSITIONS).await, StatusCode::FORBIDDEN);
    drop(served);
    let served = place.serve(&store, &[]);
    assert_eq!(status(&served, &key, POSITIONS).await, StatusCode::FORBIDDEN);
    let ledger = well(&["ledger", "list"], &store);
    for action in ["access.requested", "access.approved", "grant.granted", "grant.ended"] {
        assert!(ledger.contains(action), "{action}: {ledger}");
    }
    well(&["ledger", "verify"], &store);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_for_what_a_release_no_longer_grants_is_refused_with_the_reason() {
    let place = Place::new().await;
    let store = place.data();
    let served = place.serve(&store, &["--watch"]);
    let purpose = ["--purpose", "Knows what can be made"];
    let (open, late) = (request("products@1", "list", &purpose), request("products@1", "get", &purpose));
    let (open, late) = (id(&well(&open, &store)), id(&well(&late, &store)));
    place.edit("interfaces.yaml", "sold.\nlifecycle: active", "sold.\nlifecycle: retired");
    let refused = || async {
        let shown = json(&["access", "show", &open], &store);
        (shown["state"] == "refused").then_some(shown)
    };
    let shown = eventually("the node refuses what nobody can grant any more", refused).await;
    assert!(shown["settled"]["because"].as_str().unwrap().contains("FAB7143"), "{shown}");
    let decide = ["access", "decide", &late, "--approve", "--because", "x", "--by", "d.claes"];
    let (well, said) = run(&decide, &store);
    assert!(!well && (said.contains("FAB7140") || said.contains("FAB7146")), "{said}");
    drop(served);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_nobody_uses_is_proposed_with_the_command_that_takes_it() {
    let place = Place::new().await;
    let store = place.data();
    let planning = place.key(&store, "planning");
    let served = place.serve(&store, &[]);
    for path in [ORDERS, PRODUCTS] {
        assert_eq!(status(&served, &planning, path).await, StatusCode::OK);
    }
    // It writes what it counted when it ends.
    drop(served);
    let grant = grant_of("planning", "production-orders@1", &store);
    let shown = json(&["grant", "show", &grant], &store);
    assert!(shown["operations"]["list"].is_string() && shown["operations"]["cancel"].is_null(), "{shown}");
    assert!(shown["attributes"]["origin"].is_string(), "a whole object was asked for: {shown}");
    assert!(shown["last_used"].is_string(), "{shown}");

    let propose = ["grant", "propose", "--consumer", "planning"];
    assert!(well(&propose, &store).starts_with("nothing"), "they are too young");
    let proposed = json(&[&propose[..], &["--young"]].concat(), &store);
    let of = |interface: &str| {
        let all = proposed["proposals"].as_array().unwrap();
        all.iter().find(|it| it["interface"] == interface).unwrap_or(&Value::Null).clone()
    };
    assert_eq!(of("inventory@2")["end"], true, "nothing of it was used: {proposed}");
    assert_eq!(of("products@1")["operations"], serde_json::json!(["list"]), "{proposed}");
    assert_eq!(of("products@1")["except"], serde_json::json!([]), "whole objects were asked for: {proposed}");
    let orders = of("production-orders@1");
    let text = well(&[&propose[..], &["--young"]].concat(), &store);
    assert!(text.contains("  + operations: list\n") && text.contains(orders["command"].as_str().unwrap()), "{text}");

    // The command is taken as it is written, and what is left is what was used; the manifest does not widen it again.
    let command = orders["command"].as_str().unwrap();
    let (words, because) = command.split_once(" --because ").unwrap();
    let words: Vec<&str> = words.split(' ').skip(1).chain(["--because", because.trim_matches('"')]).collect();
    well(&words, &store);
    let served = place.serve(&store, &[]);
    assert_eq!(status(&served, &planning, ORDERS).await, StatusCode::OK);
    let one = status(&served, &planning, "/production-orders/v1/production-orders/odoo-1").await;
    assert_eq!(one, StatusCode::FORBIDDEN, "`get` was taken");
}

/// The items of a campaign that begins now and lasts until then.
fn campaign(about: &[&str], until: &str, store: &[String]) -> (String, Value) {
    let start = [&["recertify", "start", "--until", until, "--by", "s.okafor"], about].concat();
    let said = well(&start, store);
    assert!(said.contains(" by the owners of team "), "it says who answers: {said}");
    let campaign = id(&said);
    let items = json(&["recertify", "show", &campaign], store);
    (campaign, items)
}

/// One that is over sooner than anybody may begin one: nobody waits for a week here.
async fn short_campaign(place: &Place, (interface, tier): (&str, &str), until: Timestamp) -> (String, Value) {
    let store = Store::open(&format!("sqlite:{}", place.path("data/selvage.db").display())).await.unwrap();
    let leases = store.leases().await.unwrap().into_iter().map(|lease| lease.grant);
    let items: Vec<NewRecertificationItem> = leases
        .filter(|grant| grant.ended.is_none() && grant.interface.to_string() == interface)
        .map(|grant| NewRecertificationItem {
            lease: grant.id,
            tier: tier.to_owned(),
            breadth: "nothing".to_owned(),
            last_used: None,
        })
        .collect();
    let begun = store.start_recertification((interface, until), &items, "s.okafor").await.unwrap();
    store.close().await;
    (begun.id.clone(), json(&["recertify", "show", &begun.id], &place.data()))
}

/// One of them.
fn item(items: &Value, consumer: &str) -> String {
    let all = items.as_array().unwrap();
    let found = all.iter().find(|it| it["consumer"] == consumer).unwrap_or_else(|| panic!("{items}"));
    found["item"].as_str().unwrap().to_owned()
}

fn answer<'a>(item: &'a str, verdict: &'a str, by: &'a str) -> Vec<&'a str> {
    vec!["recertify", "decide", item, verdict, "--because", "looked at", "--by", by]
}

#[tokio::test(flavor = "multi_thread")]
async fn what_nobody_answers_for_ends_and_tier_1_is_escalated() {
    let place = Place::new().await;
    let store = place.data();
    let (board, planning) = (place.key(&store, "shop-floor-board"), place.key(&store, "planning"));
    let served = place.serve(&store, &[]);
    let (_, items) = campaign(&["--interface", "products@1"], "2099-01-01", &store);
    let kept = item(&items, "planning");
    wrong(&answer(&kept, "keep", "w.svoboda"), &store, "FAB7141");
    well(&answer(&kept, "keep", "d.claes"), &store);
    wrong(&answer(&kept, "end", "d.claes"), &store, "FAB7140");
    let listed = json(&["recertify", "list"], &store);
    assert!(listed[0]["answered"] == listed[0]["grants"] && listed[0]["closed"].is_string(), "{listed}");
    wrong(&["recertify", "start", "--all", "--until", "2020-01-01", "--by", "s.okafor"], &store, "over before");
    assert_eq!(status(&served, &board, POSITIONS).await, StatusCode::OK);

    let soon = Timestamp::now().checked_add(std::time::Duration::from_secs(15)).unwrap();
    let about = ["--interface", "production-orders@1"];
    wrong(
        &[&["recertify", "start", "--until", &soon.to_string(), "--by", "s.okafor"], &about[..]].concat(),
        &store,
        "FAB7190",
    );
    wrong(&["recertify", "start", "--all", "--until", "2099-01-01", "--by", "d.claes"], &store, "FAB7191");
    let (vital, items) = short_campaign(&place, ("production-orders@1", "tier-1"), soon).await;
    short_campaign(&place, ("inventory@2", "tier-2"), soon).await;
    let ended = || async { (status(&served, &board, POSITIONS).await == StatusCode::FORBIDDEN).then_some(()) };
    eventually("what nobody answered for ends on the node", ended).await;
    let metric = || async {
        let text = Client::new().get(&served.metrics).send().await.ok()?.text().await.ok()?;
        text.contains("selvage_access_recertification_escalated 3\n").then_some(())
    };
    eventually("it is an alarm", metric).await;
    assert_eq!(status(&served, &planning, ORDERS).await, StatusCode::OK, "time alone never stops tier-1");
    assert_eq!(status(&served, &planning, PRODUCTS).await, StatusCode::OK, "what was answered for goes on");
    let after = json(&["recertify", "show", &vital, "--open"], &store);
    assert!(after.as_array().unwrap().iter().all(|it| it["state"] == "escalated"), "{after}");
    let orders = item(&items, "planning");
    wrong(&answer(&orders, "keep", "m.dewit"), &store, "the board of domain group");
    well(&answer(&orders, "end", "p.moreau"), &store);
    assert_eq!(status(&served, &planning, ORDERS).await, StatusCode::FORBIDDEN, "a person may");
    well(&["recertify", "settle"], &store);
    well(&["ledger", "verify"], &store);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_emergency_opens_at_once_for_a_while_and_somebody_else_answers_for_it() {
    let place = Place::new().await;
    let store = place.data();
    let board = place.key(&store, "shop-floor-board");
    let served = place.serve(&store, &[]);
    assert_eq!(status(&served, &board, ORDERS).await, StatusCode::FORBIDDEN);
    let open = |lasts: &'static str| {
        let who = ["access", "break-glass", "--consumer", "shop-floor-board", "--interface", "production-orders@1"];
        [&who[..], &["--operations", "list", "--because", "the line stands", "--for", lasts, "--by", "o.night"]]
            .concat()
    };
    let opened = |said: &str| said.split_whitespace().find(|word| word.starts_with("grt_")).unwrap().to_owned();
    wrong(&open("5h"), &store, "FAB7147");
    // It would open nothing, and bar the next.
    wrong(&open("0s"), &store, "FAB7147");
    let said = well(&open("1h"), &store);
    assert!(said.contains("FAB7148") && said.contains("s.okafor"), "it is loud: {said}");
    assert_eq!(status(&served, &board, ORDERS).await, StatusCode::OK);
    let metric = || async {
        let text = Client::new().get(&served.metrics).send().await.ok()?.text().await.ok()?;
        text.contains("selvage_access_break_glass_open 1\n").then_some(())
    };
    eventually("it is counted", metric).await;
    let grant = opened(&said);
    wrong(&open("1h"), &store, "FAB7071");
    wrong(&["access", "ratify", &grant, "--because", "it was", "--by", "o.night"], &store, "FAB7141");
    well(&["access", "ratify", &grant, "--because", "the line stood", "--by", "s.okafor"], &store);
    wrong(&["access", "ratify", &grant, "--because", "me too", "--by", "m.dewit"], &store, "FAB7140");
    well(&["access", "breaches"], &store);
    well(&["grant", "end", &grant, "--because", "it runs again"], &store);

    // On tier-1 the end of a grant alarms; this one's is a person's, and refuses.
    let short = opened(&well(&open("3s"), &store));
    let over = || async { (status(&served, &board, ORDERS).await == StatusCode::FORBIDDEN).then_some(()) };
    eventually("it ends by itself", over).await;
    let clock = "the clock of its break-glass ran out";
    let ended = || async { well(&["ledger", "list"], &store).contains(clock).then_some(()) };
    eventually("and is ended for good", ended).await;

    well(&["access", "ratify", &short, "--because", "it stood again", "--by", "s.okafor"], &store);
    let disowned = opened(&well(&open("1h"), &store));
    assert_eq!(status(&served, &board, ORDERS).await, StatusCode::OK);
    well(&["access", "ratify", &disowned, "--disown", "--because", "no emergency", "--by", "s.okafor"], &store);
    assert_eq!(status(&served, &board, ORDERS).await, StatusCode::FORBIDDEN, "it ends at once");
    wrong(&["access", "breaches"], &store, "disowned by s.okafor");
    wrong(&open("1h"), &store, "FAB7071");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_review_names_what_is_used_though_it_ends_and_what_nobody_answers_for() {
    let place = Place::new().await;
    place.edit("consumers.yaml", "name: planning\nowner: manufacturing-it", "name: planning\nowner: master-data");
    place.edit("fabric.yaml", "roles: {owner: [d.claes], steward", "roles: {steward");
    let store = place.data();
    let board = place.key(&store, "shop-floor-board");
    let served = place.serve(&store, &[]);
    assert_eq!(status(&served, &board, "/legacy-stock/v1").await, StatusCode::OK);
    drop(served);
    wrong(&["access", "review"], &store, "ownerless");
    let review = json(&["access", "review"], &store);
    let found = |concern: &str, subject: &str| {
        let all = review["remarks"].as_array().unwrap();
        all.iter().any(|it| it["concern"] == concern && it["subject"] == subject)
    };
    assert!(found("ownerless", "planning"), "{review}");
    assert!(found("orphan", "work-orders@1"), "{review}");
    assert!(found("zombie", "legacy-stock@1"), "{review}");
}

#[tokio::test(flavor = "multi_thread")]
async fn access_is_asked_for_granted_and_taken_over_the_control_api() {
    let place = Place::new().await;
    let store = place.data();
    let key = place.key(&store, "mes-ghent");
    let operator = |name: &str| well(&["operator", "add", name, "--days", "300"], &store).trim().to_owned();
    let (asks, decides, stranger) = (operator("m.dewit"), operator("w.svoboda"), operator("a.stranger"));
    let served = place.serve(&store, &[]);
    let post = async |key: &str, path: &str, body: Value| {
        let request = Client::new().post(format!("{}/api{path}", served.console)).bearer_auth(key).json(&body);
        let answer = request.send().await.unwrap();
        (answer.status(), answer.json::<Value>().await.unwrap())
    };
    let asked = serde_json::json!({
        "consumer": "mes-ghent", "interface": "inventory@2", "operations": ["list"], "where": {"site": "ghent"},
        "purpose": "Shows the operators what lies beside the line", "until": "2028-06-30",
    });
    let (status_of, request) = post(&asks, "/access/requests", asked).await;
    assert_eq!((status_of, &request["deciders"]), (StatusCode::CREATED, &serde_json::json!(["s.okafor", "w.svoboda"])));
    let id = request["request"].as_str().unwrap();
    // It waits on the board of who decides, and not on that of who asked.
    let board = well(&["board", "--person", "w.svoboda"], &store);
    assert!(board.contains(id) && board.contains("m.dewit asks for mes-ghent on inventory@2"), "{board}");
    assert!(!well(&["board", "--person", "m.dewit"], &store).contains(id));
    // The command shows what the API was asked, and in the same words.
    assert_eq!(json(&["access", "show", id], &store), request);
    let path = format!("/access/requests/{id}/decisions");
    let approve = serde_json::json!({"verdict": "approve", "because": "agreed"});
    for who in [&asks, &stranger] {
        let (refused, problem) = post(who, &path, approve.clone()).await;
        assert_eq!((refused, &problem["code"]), (StatusCode::FORBIDDEN, &"FAB7141".into()), "{problem}");
    }
    let (approved, granted) = post(&decides, &path, approve).await;
    assert_eq!(approved, StatusCode::OK, "{granted}");
    assert!(granted["nodes"][0]["acknowledged_ms"].is_u64(), "it returns when every node knows: {granted}");
    assert_eq!(status(&served, &key, POSITIONS).await, StatusCode::OK);
    let path = format!("/grants/{}/end", granted["grant"].as_str().unwrap());
    let over = serde_json::json!({"because": "the pilot is over"});
    let (refused, problem) = post(&stranger, &path, over.clone()).await;
    assert_eq!((refused, &problem["code"]), (StatusCode::FORBIDDEN, &"FAB8061".into()), "{problem}");
    let (ended, said) = post(&decides, &path, over).await;
    assert_eq!(ended, StatusCode::OK, "{said}");
    assert_eq!(status(&served, &key, POSITIONS).await, StatusCode::FORBIDDEN, "when it answers, the node knows");
    let open = serde_json::json!({
        "consumer": "mes-ghent", "interface": "inventory@2", "operations": ["list"], "for": "1h", "because": "the line stands",
    });
    let (opened, grant) = post(&decides, "/break-glass", open).await;
    assert_eq!(opened, StatusCode::CREATED, "{grant}");
    assert_eq!(status(&served, &key, POSITIONS).await, StatusCode::OK);
    drop(served);
    let ledger = well(&["ledger", "list"], &store);
    for action in ["access.requested", "access.approved", "grant.ended", "break-glass.opened"] {
        assert!(ledger.contains(action), "{action}: {ledger}");
    }
    well(&["ledger", "verify"], &store);
}

/// Changes and access wait in one list, with what is at stake; a review that nobody made in time is a breach there.
#[tokio::test(flavor = "multi_thread")]
async fn the_board_is_one_list_with_risks_and_late_reviews_are_breaches() {
    let place = Place::new().await;
    let store = place.data();
    let board = place.key(&store, "shop-floor-board");
    let served = place.serve(&store, &[]);
    assert_eq!(status(&served, &board, ORDERS).await, StatusCode::FORBIDDEN);
    let purpose = ["--purpose", "Shows the operators what lies beside the line", "--where", "site=ghent"];
    let asked = id(&well(&request("inventory@2", "list", &purpose), &store));
    let who = ["access", "break-glass", "--consumer", "shop-floor-board", "--interface", "production-orders@1"];
    let why = ["--operations", "list", "--because", "the line stands", "--for", "1h", "--by", "o.night"];
    well(&[&who[..], &why[..]].concat(), &store);
    let told = || {
        let items = json(&["board"], &store);
        let of = |it: &Value| {
            let (what, risk) = (it["access"]["what"].as_str().unwrap(), it["access"]["risk"].as_str().unwrap());
            assert_eq!(it["breach"], it["access"]["breach"]);
            (what.to_owned(), risk.to_owned(), it["breach"].as_bool().unwrap())
        };
        items.as_array().unwrap().iter().map(of).collect::<Vec<_>>()
    };
    let of = |what: &str, risk: &str, is_breach| (what.to_owned(), risk.to_owned(), is_breach);
    let (review, request) = ("tier-1, confidential", "tier-2, internal");
    // What was opened in an emergency comes first, though it was asked for later.
    assert_eq!(told(), [of("review", review, false), of("request", request, false)]);
    let shown = well(&["board"], &store);
    assert!(shown.contains("RISK") && shown.contains(&asked) && shown.contains(review), "{shown}");

    let file = store.iter().find(|word| !word.starts_with("--")).unwrap();
    let database = format!("sqlite:{}", std::path::Path::new(file).join("selvage.db").display());
    let mut connection = SqliteConnection::connect(&database).await.unwrap();
    sqlx::raw_sql("UPDATE break_glass SET review_by = 1000000").execute(&mut connection).await.unwrap();
    connection.close().await.unwrap();
    assert_eq!(told(), [of("review", review, true), of("request", request, false)]);
    wrong(&["board"], &store, "BREACH since");
    let reviewer = ["board", "--person", "o.night"];
    well(&reviewer, &store);
}

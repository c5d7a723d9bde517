//! How nodes take what is released and activated: whatever day it is, and what they say where they cannot.

use std::path::Path;
use std::process::Output;
use std::sync::Arc;

use reqwest::StatusCode;
use selvage_control::desk::{Activating, Desk, Files, Proposal, Seal, shown};
use selvage_store::Store;
use serde_json::Value;
use sqlx::{AssertSqlSafe, Connection as _, PgConnection};

use crate::changes::{PRODUCTS, Plants, serve, serve_with};
use crate::fixture::{Place, eventually, selvage, stdout};
use crate::reading::Reading;
use crate::two_nodes::database;

/// A desk that finds nothing wrong, as that of an earlier day, and what it signs with.
struct Earlier {
    store: Store,
    desk: Desk,
    seal: Seal,
}

impl Earlier {
    async fn at(plants: &Plants) -> Self {
        let url = match plants.store.as_slice() {
            [option, url] if option == "--store" => url.clone(),
            _ => format!("sqlite:{}", plants.place.path("data/selvage.db").display()),
        };
        std::fs::create_dir_all(plants.place.path("data")).unwrap();
        let store = Store::open(&url).await.unwrap();
        // Names that nobody proves, as on a command line before anybody has a key.
        let desk = Desk::new(store.unproven(), Arc::new(Reading { judges: false }));
        Self { store, desk, seal: Seal::open(&plants.place.path("data/release.key")).unwrap() }
    }

    /// Makes the files of a domain, as they stand, its next release.
    async fn release(&self, plants: &Plants, domain: &str, by: &str) -> String {
        let mut files = Files::new();
        read(&plants.fabric(), &plants.fabric(), &mut files);
        let (domain, title, author) = (Some(domain.parse().unwrap()), "as it was then".to_owned(), by.to_owned());
        let proposal = Proposal { domain, files, title, author, emergency: false, amends: None };
        let change = self.desk.propose(proposal).await.unwrap();
        let (change, standing) = self.desk.change(&change.id).await.unwrap();
        plants.approve(&shown(&change, &standing));
        self.desk.release(&change.id, by, &self.seal).await.unwrap().id
    }

    async fn activate(&self, release: &str, environments: &[&str]) {
        for environment in environments {
            let (by, because) = ("a.lindqvist".to_owned(), "it is time".to_owned());
            let activating = Activating { environment: environment.parse().unwrap(), by, because };
            self.desk.activate(release, &activating).await.unwrap();
        }
    }
}

fn read(root: &Path, directory: &Path, files: &mut Files) {
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            read(root, &path, files);
        } else {
            let name = path.strip_prefix(root).unwrap().display().to_string();
            files.insert(name, std::fs::read_to_string(&path).unwrap());
        }
    }
}

const BOTH: [&str; 2] = ["test", "prod"];

#[tokio::test(flavor = "multi_thread")]
async fn a_waiver_that_has_ended_since_stops_no_node() {
    let plants = Plants::new().await;
    let stock = plants.fabric().join("domains/plant-ghent/stock.yaml");
    let text = std::fs::read_to_string(&stock).unwrap();
    std::fs::write(&stock, text.replace("until: 2030-01-01\n", "until: 2020-01-01\n")).unwrap();
    let earlier = Earlier::at(&plants).await;
    for (domain, by) in [("group", "a.lindqvist"), ("plant-ghent", "m.dewit")] {
        earlier.activate(&earlier.release(&plants, domain, by).await, &BOTH).await;
    }
    let fabric = plants.fabric();
    let checked = selvage(&["check", fabric.to_str().unwrap()]);
    assert_eq!(checked.status.code(), Some(1), "whoever works on it is told");
    assert!(stdout(&checked).contains("FAB2501"), "{}", stdout(&checked));

    let key = plants.place.key(&plants.store, "ghent-mes");
    for start in ["it starts", "and again"] {
        let (node, base, _) = serve(&plants);
        let status = plants.status(&format!("{base}/ghent-stock/v1/FRM-TUBE"), &key).await;
        assert!(status.is_success() || status == StatusCode::NOT_FOUND, "{start}: {status}");
        drop(node);
    }
    // Nor does it stop what another domain does.
    let (_node, base, _) = serve(&plants);
    let url = format!("{base}/brno-stock/v1/FRM-TUBE");
    let first = earlier.release(&plants, "plant-brno", "l.kral").await;
    assert_eq!(plants.status(&url, "no key").await, StatusCode::NOT_FOUND);
    earlier.activate(&first, &BOTH).await;
    let runs = async || (plants.status(&url, "no key").await == StatusCode::UNAUTHORIZED).then_some(());
    eventually("the other domain's release runs", runs).await;
    let board = plants.well(&["board"]);
    assert!(board.contains("FAB2501") && board.contains("prod") && board.contains("stock.yaml"), "{board}");
    assert!(!earlier.store.active_domains().await.unwrap().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn no_directory_is_served_in_a_store_where_releases_are_active() {
    let plants = Plants::new().await;
    let earlier = Earlier::at(&plants).await;
    for (domain, by) in [("group", "a.lindqvist"), ("plant-ghent", "m.dewit"), ("plant-brno", "l.kral")] {
        earlier.activate(&earlier.release(&plants, domain, by).await, &["test"]).await;
    }
    let before = plants.well(&["grant", "list"]);
    assert_eq!(before.lines().filter(|line| line.contains("-stock@1")).count(), 4, "{before}");
    // What the directory says of its environments is its own word: it may say that none is protected, and ask for less.
    let directory = plants.place.fabric();
    let refused = plants.refused(&["serve", "--fabric", directory.to_str().unwrap(), "--env", "dev"], "FAB7063");
    assert!(refused.contains("`test`"), "{refused}");
    assert_eq!(plants.well(&["grant", "list"]), before, "and no grant has ended");
}

/// What a consumer needs to ask for products.
const SHOP: &str = "validation: {request: report}
---
kind: Consumer
name: shop
owner: master-data
identity: {api_key: {}}
---
kind: Grant
consumer: shop
interface: products@1
operations: [list, get, create]
purpose: Shows the products that can be ordered, and adds what customers design
until: 2030-01-01T00:00Z
";

/// INVARIANT: FAIL-SAFE
#[tokio::test(flavor = "multi_thread")]
async fn a_release_of_before_that_says_that_it_checks_less_is_served_checked_and_named() {
    let plants = Plants::new().await;
    std::fs::remove_dir_all(plants.fabric()).unwrap();
    let products =
        PRODUCTS.replace("dev: {gates: {faults: true, tests: true}}", "prod: {}").replace("  dev:\n", "  prod:\n");
    plants.write("fabric.yaml", &format!("{products}{SHOP}"));
    let checked = selvage(&["check", plants.fabric().to_str().unwrap()]);
    assert!(stdout(&checked).contains("FAB2113"), "whoever works on it is told: {}", stdout(&checked));
    let earlier = Earlier::at(&plants).await;
    let of_before = earlier.release(&plants, "group", "a.lindqvist").await;
    earlier.activate(&of_before, &["prod"]).await;
    let key = plants.place.key(&plants.store, "shop");

    let secrets = plants.place.path("secrets");
    let with = ["--secrets", secrets.to_str().unwrap()];
    let (node, base, _) = serve_with(&plants, &with);
    let said = node.said().join("\n");
    let named = said.lines().filter(|line| line.contains("FAB2113") && line.contains("`products@1`"));
    assert_eq!(named.count(), 1, "{said}");
    let refused = async |base: &str| {
        let create = plants.client.post(format!("{base}/products/v1/products")).bearer_auth(&key);
        let create = create.header("idempotency-key", "one").json(&serde_json::json!({"nonsense": 1}));
        let answer = create.send().await.unwrap();
        (answer.status(), answer.json::<Value>().await.unwrap()["code"].clone())
    };
    assert_eq!(refused(&base).await, (StatusCode::UNPROCESSABLE_ENTITY, Value::from("FAB5010")));

    // The next one leaves it out; going back to the one of before is still possible.
    plants.write("fabric.yaml", &format!("{products}{SHOP}").replace("validation: {request: report}\n", ""));
    let proposed = plants.propose("group", "It says what is done", "a.lindqvist", &[]);
    let next = plants.release(&plants.approve(&proposed), "a.lindqvist");
    plants.activate(&next, "prod");
    // Beside something new it is judged anew.
    let domain = "kind: Domain\nname: plant-ghent\nboard: {architecture: [a.lindqvist, s.okafor], quorum: 1}\n";
    plants.write("domains/plant-ghent/domain.yaml", domain);
    earlier.activate(&earlier.release(&plants, "plant-ghent", "a.lindqvist").await, &["prod"]).await;
    let back = ["--domain", "group", "--env", "prod", "--by", "d.claes", "--because", "it was better before"];
    let went = plants.well(&[&["release", "rollback"], &back[..]].concat());
    assert!(went.contains(&of_before), "{went}");
    assert_eq!(refused(&base).await.0, StatusCode::UNPROCESSABLE_ENTITY);
    drop(node);
}

/// INVARIANT: FAIL-SAFE
#[tokio::test(flavor = "multi_thread")]
async fn a_release_of_before_with_a_path_that_is_refused_now_is_served_and_named() {
    let plants = Plants::new().await;
    let file = "domains/plant-ghent/stock.yaml";
    let today = std::fs::read_to_string(plants.fabric().join(file)).unwrap();
    plants.write(file, &today.replace("path: /api/stock}", "path: //api/%2e/stock}"));
    let checked = selvage(&["check", plants.fabric().to_str().unwrap()]);
    assert_eq!(checked.status.code(), Some(1));
    assert!(stdout(&checked).contains("FAB1009"), "whoever works on it is told: {}", stdout(&checked));
    let earlier = Earlier::at(&plants).await;
    earlier.activate(&earlier.release(&plants, "group", "a.lindqvist").await, &BOTH).await;
    let of_before = earlier.release(&plants, "plant-ghent", "m.dewit").await;
    earlier.activate(&of_before, &BOTH).await;
    let key = plants.place.key(&plants.store, "ghent-mes");
    let (node, base, _) = serve(&plants);
    let served = async |what: &str| {
        let status = plants.status(&format!("{base}/ghent-stock/v1/FRM-TUBE"), &key).await;
        assert!(status.is_success() || status == StatusCode::NOT_FOUND, "{what}: {status}");
    };
    served("by a release of before").await;
    let said = node.said().join("\n");
    let named = said.lines().filter(|line| line.contains("FAB1009") && line.contains(file));
    assert_eq!(named.count(), 1, "{said}");

    // It keeps no other domain back, and is left by the next of its own, which can be compared with it.
    let brno = earlier.release(&plants, "plant-brno", "l.kral").await;
    for environment in BOTH {
        plants.activate(&brno, environment);
    }
    plants.write(file, &today);
    let next =
        plants.release(&plants.approve(&plants.propose("plant-ghent", "A plain path", "m.dewit", &[])), "m.dewit");
    for environment in BOTH {
        plants.activate(&next, environment);
    }
    let compared = plants.run(&["diff", &of_before, &next]);
    assert!(!String::from_utf8_lossy(&compared.stderr).contains("cannot be compared"), "{compared:?}");
    served("by the next").await;
    let back = ["--domain", "plant-ghent", "--env", "prod", "--by", "p.moreau", "--because", "it was better before"];
    let went = plants.well(&[&["release", "rollback"], &back[..]].concat());
    assert!(went.contains(&of_before), "{went}");
    served("after going back").await;
    drop(node);
}

/// What the command says of the only node that is heard of.
fn node(plants: &Plants) -> (Option<i32>, Value) {
    let output = plants.run(&["nodes", "--env", "prod", "--json"]);
    let nodes: Value = serde_json::from_str(&stdout(&output)).unwrap();
    let mut heard = nodes.as_array().unwrap().iter().filter(|node| node["heard"] == true);
    (output.status.code(), heard.next_back().cloned().unwrap_or_default())
}

fn activate(plants: &Plants, release: &str, more: &[&str]) -> Output {
    let said = ["--env", "prod", "--by", "d.claes", "--because", "it is time"];
    plants.run(&[&["release", "activate", release], &said[..], more].concat())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_lacks_a_secret_says_so_and_takes_the_release_once_it_is_there() {
    let plants = Plants::new().await;
    std::fs::remove_dir_all(plants.fabric()).unwrap();
    let whole =
        PRODUCTS.replace("dev: {gates: {faults: true, tests: true}}", "prod: {}").replace("  dev:\n", "  prod:\n");
    let make = |text: &str, title: &str| {
        plants.write("fabric.yaml", text);
        plants.release(&plants.approve(&plants.propose("group", title, "a.lindqvist", &[])), "a.lindqvist")
    };
    let first =
        make(&whole.split_once("---\nkind: Site").unwrap().0.replace("packs: [odoo]\n", ""), "The first of all");
    plants.activate(&first, "prod");
    let secrets = plants.place.path("secrets");
    std::fs::write(&secrets, "another=1\n").unwrap();
    let (process, _, _) = serve_with(&plants, &["--secrets", secrets.to_str().unwrap()]);
    let runs = async || (node(&plants).1["runs"] == "active").then_some(());
    eventually("the first runs", runs).await;

    let second = make(&whole, "Products of Odoo");
    for _ in 0..2 {
        let went = activate(&plants, &second, &[]);
        let said = stdout(&went);
        assert_eq!(went.status.code(), Some(1), "{said}");
        assert!(said.contains("did not take it") && said.contains("FAB7064"), "{said}");
        assert!(said.contains("FAB5102") && said.contains("odoo/read"), "{said}");
        let told: Value = serde_json::from_str(&stdout(&activate(&plants, &second, &["--json"]))).unwrap();
        assert_eq!(told["nodes"][0]["refused"]["code"], "FAB5102", "{told:#}");
        let (status, listed) = node(&plants);
        assert_eq!((status, &listed["runs"]), (Some(1), &Value::from("before")), "{listed:#}");
        assert_eq!(listed["refused"]["code"], "FAB5102", "{listed:#}");
        // Going back is what it runs: nothing is refused any more. And it is refused again as often as it is activated.
        let back = ["--domain", "group", "--env", "prod", "--by", "d.claes", "--because", "it lacks a secret"];
        plants.well(&[&["release", "rollback"], &back[..]].concat());
        let (status, listed) = node(&plants);
        assert_eq!((status, &listed["runs"]), (Some(0), &Value::from("active")), "{listed:#}");
    }
    assert_eq!(activate(&plants, &second, &[]).status.code(), Some(1));
    std::fs::write(&secrets, "odoo/read=a-key\n").unwrap();
    process.hang_up();
    eventually("it runs once the secret is there", runs).await;
    let told: Value = serde_json::from_str(&stdout(&activate(&plants, &second, &["--json"]))).unwrap();
    assert!(told["nodes"][0]["acknowledged_ms"].is_u64(), "{told:#}");
}

/// INVARIANT: FAIL-SAFE
#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_starts_where_what_is_active_cannot_be_run_serves_what_ran_before() {
    let plants = Plants::new().await;
    std::fs::remove_dir_all(plants.fabric()).unwrap();
    let (_, here) = PRODUCTS.split_once("  dev:\n").unwrap();
    let here = here.split_once("---").unwrap().0;
    let whole = PRODUCTS
        .replace("dev: {gates: {faults: true, tests: true}}", "test: {}, prod: {}")
        .replace(&format!("  dev:\n{here}"), &format!("  test:\n{here}  prod:\n{here}"));
    let make = |text: &str, title: &str| {
        plants.write("fabric.yaml", text);
        plants.release(&plants.approve(&plants.propose("group", title, "a.lindqvist", &[])), "a.lindqvist")
    };
    let secrets = plants.place.path("secrets");
    std::fs::write(&secrets, "another=1\n").unwrap();
    let with = ["--secrets", secrets.to_str().unwrap()];
    let few = whole.split_once("---\nkind: Site").unwrap().0.replace("packs: [odoo]\n", "");
    plants.activate(&make(&few, "The first of all"), "prod");
    let needs_a_secret = make(&whole, "Products of Odoo");
    // Nothing was active before: nothing is served, and it says so.
    plants.activate(&needs_a_secret, "test");
    let said = plants.refused(&[&["serve", "--env", "test"], &with[..]].concat(), "FAB5102");
    assert!(said.contains("nothing that was active before can"), "{said}");

    plants.activate(&needs_a_secret, "prod");
    let (process, _, _) = serve_with(&plants, &with);
    let refuses = async || {
        let (status, listed) = node(&plants);
        (listed["refused"]["code"] == "FAB5102").then_some((status, listed["runs"].clone()))
    };
    let told = eventually("it says what it does not run", refuses).await;
    assert_eq!(told, (Some(1), Value::from("before")));
    std::fs::write(&secrets, "odoo/read=a-key\n").unwrap();
    process.hang_up();
    let runs = async || (node(&plants).1["runs"] == "active").then_some(());
    eventually("it runs once the secret is there", runs).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_cannot_read_a_release_yet_follows_revocations() {
    let plants = Plants::on(Place::new().await, database().await);
    let earlier = Earlier::at(&plants).await;
    for (domain, by) in [("group", "a.lindqvist"), ("plant-ghent", "m.dewit")] {
        earlier.activate(&earlier.release(&plants, domain, by).await, &BOTH).await;
    }
    let stock = plants.fabric().join("domains/plant-ghent/stock.yaml");
    let text = std::fs::read_to_string(&stock).unwrap();
    std::fs::write(&stock, format!("# What comes next.\n{text}")).unwrap();
    let next = earlier.release(&plants, "plant-ghent", "m.dewit").await;
    let [mut one, mut other] = [connect(&plants).await, connect(&plants).await];
    let run = async |connection: &mut PgConnection, sql: String| {
        sqlx::raw_sql(AssertSqlSafe(sql)).execute(connection).await.unwrap();
    };
    // It cannot be made ready while it is not what was signed.
    let altered = |from: &str, to: &str| {
        format!("UPDATE fabric_release SET content = replace(content, '{from}', '{to}') WHERE id = '{next}'")
    };
    run(&mut one, altered("What comes next", "Who comes next")).await;
    let (_node, _, _) = serve(&plants);
    let runs = async || (node(&plants).1["runs"] == "active").then_some(());
    eventually("the first runs", runs).await;

    // The database lets nobody read what releases are signed with; meanwhile it is active, and somebody is blocked.
    run(&mut one, "BEGIN; LOCK TABLE release_key IN ACCESS EXCLUSIVE MODE".to_owned()).await;
    let active = format!(
        "INSERT INTO activation (ordinal, environment, domain, release_id, activated_at, activated_by, because, gates) \
         SELECT MAX(ordinal) + 1, 'prod', 'plant-ghent', '{next}', MAX(activated_at), 'p.moreau', 'now', '[]' FROM activation; \
         UPDATE access_revision SET revision = revision + 1"
    );
    run(&mut other, active).await;
    let block = ["block", "consumer", "ghent-mes", "--because", "it floods", "--json"];
    let blocked: Value = serde_json::from_str(&plants.well(&block)).unwrap();
    assert!(blocked["nodes"][0]["acknowledged_ms"].is_u64(), "{blocked:#}");
    assert_eq!(node(&plants).1["runs"], "before");
    let trying = async || (node(&plants).1["refused"]["tried_again"] == true).then_some(());
    eventually("the database did not answer in time, and it is tried again", trying).await;
    assert_eq!(node(&plants).0, Some(0), "what passes is no refusal");
    // By now nothing reads it that had the keys before.
    run(&mut other, altered("Who comes next", "What comes next")).await;
    run(&mut one, "ROLLBACK".to_owned()).await;
    eventually("it is read and runs", runs).await;
}

async fn connect(plants: &Plants) -> PgConnection {
    PgConnection::connect(&plants.store[1]).await.unwrap()
}

//! Environments that share a store: what one keeps of events is read and moved by no node of another, and who decides about access is
//! said by what is protected.

use serde_json::{Value, json};

use crate::changes::Plants;
use crate::fixture::{Place, Process, eventually, selvage, stdout};

/// INVARIANT: NOTHING-LOST
#[tokio::test(flavor = "multi_thread")]
async fn a_node_of_another_environment_keeps_no_events_in_a_store_that_has_some() {
    let place = Place::new().await;
    place.edit("fabric.yaml", "  dev: {}", "  dev: {}\n  staging: {}");
    let store = place.data();
    drop(place.serve(&store, &[]));
    let (fabric, secrets) = (place.fabric().display().to_string(), place.path("secrets").display().to_string());
    let addresses = ["--listen", "127.0.0.1:0", "--console", "127.0.0.1:0", "--admin", "127.0.0.1:0"];
    let serve = ["serve", "--env", "staging", "--fabric", &fabric, "--secrets", &secrets];
    let store: Vec<&str> = store.iter().map(String::as_str).collect();
    let output = selvage(&[&serve[..], &addresses, &store].concat());
    let said = stdout(&output) + &String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("FAB7207") && said.contains("those of the environment `dev`"), "{said}");
    assert!(said.contains("give each environment a store of its own"), "{said}");
    // And it is `dev`'s as before.
    drop(place.serve(&place.data(), &[]));
}

/// The console of a node of an environment.
fn node(plants: &Plants, environment: &str) -> (Process, String) {
    let (process, _, console) = node_at(plants, environment);
    (process, console)
}

/// A node of an environment, with where it serves and its console.
fn node_at(plants: &Plants, environment: &str) -> (Process, String, String) {
    let mut arguments: Vec<String> = ["serve", "--env", environment].map(str::to_owned).into();
    arguments
        .extend(["--listen", "127.0.0.1:0", "--console", "127.0.0.1:0", "--admin", "127.0.0.1:0"].map(str::to_owned));
    arguments.extend(plants.store.iter().cloned());
    let (process, said) = Process::start(&arguments, &["selvage: serving on ", "selvage: console on "]);
    (process, said["selvage: serving on "].clone(), said["selvage: console on "].clone())
}

/// INVARIANT: DECLARED: what the test's release asks for is open at its nodes and refused at production's, whatever the store they share.
#[tokio::test(flavor = "multi_thread")]
async fn a_grant_of_the_tests_release_opens_nothing_in_production() {
    let plants = Plants::new().await;
    let released = |domain: &str, by: &str| plants.release(&plants.approve(&plants.propose(domain, "A", by, &[])), by);
    for (domain, by) in [("group", "a.lindqvist"), ("plant-ghent", "m.dewit"), ("plant-brno", "l.kral")] {
        let release = released(domain, by);
        plants.activate(&release, "test");
        plants.activate(&release, "prod");
    }
    let ((_test, test, _), (_prod, prod, _)) = (node_at(&plants, "test"), node_at(&plants, "prod"));
    let file = "domains/plant-ghent/stock.yaml";
    let text = std::fs::read_to_string(plants.fabric().join(file)).unwrap();
    let more = "---\nkind: Consumer\nname: ghent-board\nowner: ghent-it\nidentity: {api_key: {}}\n---\nkind: Grant\nconsumer: ghent-board\n\
                interface: ghent-stock@1\noperations: [listStock]\npurpose: Shows it\nuntil: 2030-01-01T00:00+02:00\non_end: alarm\n";
    plants.write(file, &format!("{text}{more}"));
    let release = released("plant-ghent", "m.dewit");
    plants.activate(&release, "test");
    let key = plants.place.key(&plants.store, "ghent-board");
    let answer = async |base: &str| {
        eventually("the key is known", async || {
            let status = plants.status(&format!("{base}/ghent-stock/v1"), &key).await.as_u16();
            (status != 401).then_some(status)
        })
        .await
    };
    assert_eq!((answer(&test).await, answer(&prod).await), (200, 403));
    let listed = plants.well(&["grant", "list", "--consumer", "ghent-board"]);
    assert!(listed.contains("manifest") && listed.contains("test") && !listed.contains("prod"), "{listed}");
    // With the release it is open in production too, and going back in the test ends it there alone.
    plants.activate(&release, "prod");
    assert_eq!((answer(&test).await, answer(&prod).await), (200, 200));
    let back = ["release", "rollback", "--domain", "plant-ghent", "--env", "test", "--because", "not yet"];
    plants.well(&[&back[..], &["--by", "a.lindqvist"]].concat());
    assert_eq!((answer(&test).await, answer(&prod).await), (403, 200));
}

async fn post(url: String, key: &str, body: &Value) -> (u16, Value) {
    let answer = reqwest::Client::new().post(url).bearer_auth(key).json(body).send().await.unwrap();
    (answer.status().as_u16(), serde_json::from_str(&answer.text().await.unwrap()).unwrap())
}

/// Leases count in every environment, so what is protected says who decides, whichever node is asked.
#[tokio::test(flavor = "multi_thread")]
async fn access_is_judged_by_what_is_protected_also_at_a_node_that_is_not() {
    let plants = Plants::new().await;
    let released = |domain: &str, by: &str| plants.release(&plants.approve(&plants.propose(domain, "A", by, &[])), by);
    for (domain, by) in [("group", "a.lindqvist"), ("plant-ghent", "m.dewit"), ("plant-brno", "l.kral")] {
        let release = released(domain, by);
        plants.activate(&release, "test");
        plants.activate(&release, "prod");
    }
    // An owner whom prod does not know, and an interface that test does not.
    let [ghent, brno] = ["domains/plant-ghent/stock.yaml", "domains/plant-brno/stock.yaml"];
    let text = |path: &str| std::fs::read_to_string(plants.fabric().join(path)).unwrap();
    plants.write(ghent, &text(ghent).replace("owner: [m.dewit]", "owner: [m.dewit, ghent.new]"));
    plants.activate(&released("plant-ghent", "m.dewit"), "test");
    let of_brno = text(brno);
    let begin = of_brno.find("kind: Interface").unwrap();
    let end = begin + of_brno[begin..].find("kind: Consumer").unwrap();
    let extra = of_brno[begin..end].trim_end_matches("---\n").replace("brno-stock", "brno-extra");
    plants.write(brno, &format!("{of_brno}---\n{extra}"));
    let release = released("plant-brno", "l.kral");
    plants.activate(&release, "test");
    plants.activate(&release, "prod");
    let back = ["release", "rollback", "--domain", "plant-brno", "--env", "test", "--because", "not yet"];
    plants.well(&[&back[..], &["--by", "a.lindqvist"]].concat());

    let keys = ["a.lindqvist", "l.kral", "m.dewit", "ghent.new"].map(|name| plants.well(&["operator", "add", name]));
    let [_, kral, dewit, new] = keys.each_ref().map(|key| key.trim());
    let ((_test, test), (_prod, prod)) = (node(&plants, "test"), node(&plants, "prod"));
    let asked = async |key: &str, consumer: &str, interface: &str| {
        let body = json!({
            "consumer": consumer, "interface": interface, "operations": ["listStock"], "purpose": "Looks",
            "until": "2028-01-01",
        });
        let (status, made) = eventually("the node knows the operator", async || {
            let (status, made) = post(format!("{prod}/api/access/requests"), key, &body).await;
            (status != 401).then_some((status, made))
        })
        .await;
        assert_eq!(status, 201, "{made:#}");
        format!("/api/access/requests/{}/decisions", made["request"].as_str().unwrap())
    };
    let yes = json!({"verdict": "approve", "because": "fine"});
    let path = asked(kral, "brno-mes", "ghent-stock@1").await;
    let (status, refused) = post(format!("{test}{path}"), new, &yes).await;
    assert!(status >= 400 && refused["code"] == "FAB7141", "{status} {refused:#}");
    let (status, granted) = post(format!("{test}{path}"), dewit, &yes).await;
    assert_eq!((status, &granted["state"]), (200, &json!("approved")), "{granted:#}");
    let path = asked(dewit, "ghent-mes", "brno-extra@1").await;
    let (status, granted) = post(format!("{test}{path}"), kral, &yes).await;
    assert_eq!((status, &granted["state"]), (200, &json!("approved")), "{granted:#}");
}

/// Where several environments are protected, a node of none of them says so: it chooses no judge by itself, as no command does.
#[tokio::test(flavor = "multi_thread")]
async fn of_several_protected_environments_a_node_of_one_is_asked() {
    let plants = Plants::new().await;
    let group = std::fs::read_to_string(plants.fabric().join("fabric.yaml")).unwrap();
    let wms = format!("\"{}\"", plants.place.factory.wms_url());
    let group = group.replace("  test: {}\n", "  test: {}\n  usa: {protected: true}\n");
    plants.write("fabric.yaml", &group.replace("{test: {url:", &format!("{{usa: {{url: {wms}}}, test: {{url:")));
    for (domain, by) in [("group", "a.lindqvist"), ("plant-ghent", "m.dewit"), ("plant-brno", "l.kral")] {
        let release = plants.release(&plants.approve(&plants.propose(domain, "A", by, &[])), by);
        for environment in ["test", "usa", "prod"] {
            plants.activate(&release, environment);
        }
    }
    let asked = json!({
        "consumer": "brno-mes", "interface": "ghent-stock@1", "operations": ["listStock"], "purpose": "Looks",
        "until": "2028-01-01",
    });
    let said =
        ["access", "request", "--consumer", "brno-mes", "--interface", "ghent-stock@1", "--operations", "listStock"];
    let said = [&said[..], &["--purpose", "Looks", "--until", "2028-01-01", "--by", "l.kral"]].concat();
    let refused = plants.refused(&said, "FAB8071");
    assert!(refused.contains("prod, usa"), "{refused}");
    plants.well(&[&said[..], &["--env", "usa"]].concat());

    let key = plants.well(&["operator", "add", "l.kral"]);
    let ((_test, test), (_usa, usa)) = (node(&plants, "test"), node(&plants, "usa"));
    let answer = async |console: &str| {
        let ask = async || {
            let (status, said) = post(format!("{console}/api/access/requests"), key.trim(), &asked).await;
            (status != 401).then_some((status, said))
        };
        eventually("the node knows the operator", ask).await
    };
    let (status, refused) = answer(&test).await;
    assert_eq!((status, &refused["code"]), (409, &json!("FAB8071")), "{refused:#}");
    assert!(refused["detail"].as_str().unwrap().contains("a node of one of these: prod, usa"), "{refused:#}");
    let (status, made) = answer(&usa).await;
    assert_eq!((status, &made["state"]), (201, &json!("open")), "{made:#}");
}

//! Commands tell of a change what it brings, and count what stood before it in other domains.

use serde_json::Value;

use crate::changes::Plants;

const GROUP: &str = "kind: Fabric
name: velo-works
environments: {test: {}}
---
kind: Domain
name: group
board: {architecture: [a.lindqvist], security: [s.okafor], quorum: 1}
---
kind: Domain
name: plant-ghent
board: {operations: [p.moreau], quorum: 1}
---
kind: Domain
name: plant-brno
board: {operations: [k.dvorak], quorum: 1}
";

/// A plant with consumers that use nothing, of which the check advises.
fn plant(name: &str, consumers: &[&str]) -> String {
    let team = format!("kind: Team\nname: {name}-it\nroles: {{owner: [{name}.owner], on_call: [{name}.desk]}}\n");
    let idle = consumers.iter().map(|consumer| {
        format!("---\nkind: Consumer\nname: {consumer}\nowner: {name}-it\nidentity: {{api_key: {{}}}}\n")
    });
    team + &idle.collect::<String>()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_stood_before_in_other_domains_is_folded() {
    let plants = Plants::new().await;
    std::fs::remove_dir_all(plants.fabric()).unwrap();
    plants.write("fabric.yaml", GROUP);
    plants.write("domains/plant-ghent/plant.yaml", &plant("ghent", &["ghent-board"]));
    plants.write("domains/plant-brno/plant.yaml", &plant("brno", &["brno-board", "brno-scales"]));
    for domain in ["group", "plant-brno", "plant-ghent"] {
        let change = plants.approve(&plants.propose(domain, "The first of all", "m.dewit", &[]));
        plants.release(&change, "m.dewit");
    }
    plants.write("domains/plant-ghent/plant.yaml", &plant("ghent", &["ghent-board", "ghent-press"]));
    let fabric = plants.fabric();
    let propose = ["propose", fabric.to_str().unwrap(), "--domain", "plant-ghent", "--title", "A press", "--by"];
    let said = plants.well(&[&propose[..], &["m.dewit"]].concat());
    let (brings, stood) = said.split_once("stood before\n").unwrap_or_else(|| panic!("{said}"));
    assert!(brings.contains("it brings\n  advice    FAB2217  `ghent-press`"), "{said}");
    assert!(stood.contains("`ghent-board`") && !brings.contains("`ghent-board`"), "{said}");
    assert!(!said.contains("brno-"), "{said}");
    assert!(
        said.contains("… 2 more that stood before this change in other domains: selvage change show chg_"),
        "{said}"
    );

    let id = said.split_whitespace().next().unwrap();
    let shown = plants.well(&["change", "show", id]);
    assert!(shown.contains("… 2 more") && !shown.contains("brno-"), "{shown}");
    let all = plants.well(&["change", "show", id, "--all"]);
    assert!(all.contains("`brno-board`") && all.contains("`brno-scales`") && !all.contains("… 2 more"), "{all}");
    let told: Value = serde_json::from_str(&plants.well(&["change", "show", id, "--json"])).unwrap();
    let findings = told["findings"].as_array().unwrap().iter();
    let brought: Vec<(bool, &str)> =
        findings.map(|it| (it["brought"].as_bool().unwrap(), it["domain"].as_str().unwrap())).collect();
    assert_eq!(
        brought,
        [(true, "plant-ghent"), (false, "plant-ghent"), (false, "plant-brno"), (false, "plant-brno")],
        "{told:#}"
    );
}

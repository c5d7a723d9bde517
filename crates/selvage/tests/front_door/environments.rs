//! Environments that share a store: what one keeps of events is read and moved by no node of another.

use crate::fixture::{Place, selvage, stdout};

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

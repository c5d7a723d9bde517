//! What the sample fabric offers is tried: of each kind of write at least one is seen to come to the same under faults.

use std::path::Path;

use super::*;
use crate::directory;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_changes_a_record_comes_to_the_same_under_faults() {
    let sample = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/factory");
    let mut fabric = directory::check(&sample).unwrap().fabric;
    fabric.subscriptions.clear();
    fabric
        .interfaces
        .retain(|reference, _| ["production-orders@1", "work-orders@1"].contains(&&*reference.to_string()));
    let tried = run(fabric, "dev".parse().unwrap(), DomainName::group()).await;
    assert_eq!(tried.failed, Vec::<String>::new(), "{tried:#?}");
    for held in [
        "production-orders@1: list",
        "production-orders@1: get",
        "production-orders@1: create",
        "production-orders@1: update",
        "production-orders@1: release",
        "production-orders@1: report",
        "production-orders@1: cancel",
        "work-orders@1: start",
        "work-orders@1: finish",
    ] {
        assert!(tried.held.iter().any(|it| it == held), "{held}: {tried:#?}");
    }
}

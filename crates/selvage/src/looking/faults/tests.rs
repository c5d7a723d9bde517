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
    ] {
        assert!(tried.held.iter().any(|it| it == held), "{held}: {tried:#?}");
    }
}

/// What needs more than its record tells, and what is at-risk.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_needs_more_than_its_record_is_tried_too() {
    let sample = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/factory");
    let mut fabric = directory::check(&sample).unwrap().fabric;
    fabric.subscriptions.clear();
    let tried_here = ["production-orders@1", "bills-of-materials@1", "lots@1", "stock-keeping@1"];
    fabric.interfaces.retain(|reference, _| tried_here.contains(&&*reference.to_string()));
    let tried = run(fabric, "dev".parse().unwrap(), DomainName::group()).await;
    assert_eq!(tried.failed, Vec::<String>::new(), "{tried:#?}");
    for held in [
        "production-orders@1: consume",
        "bills-of-materials@1: revise",
        "lots@1: quarantine",
        "lots@1: release",
        "stock-keeping@1: adjust",
        "stock-keeping@1: scrap",
    ] {
        assert!(tried.held.iter().any(|it| it == held), "{held}: {tried:#?}");
    }
}

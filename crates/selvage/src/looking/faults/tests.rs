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

fn sample() -> Fabric {
    let sample = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/factory");
    directory::check(&sample).unwrap().fabric
}

/// What the domain declares and nobody tries is named, whatever it is of.
#[test]
fn what_is_of_a_kind_that_is_not_tried_is_named() {
    let fabric = sample();
    let of = |domain: &str| {
        let domain = domain.parse().unwrap();
        untried::named(&Answers { fabric: &fabric, domain: &domain })
    };
    assert_eq!(
        of("group"),
        [
            "legacy-stock@1: direct interfaces are not tried",
            "machine-states@1: its events are delivered to nobody",
            "odoo-hints@1: webhooks of systems are not tried",
            "production-order-events@1: its capture is not tried",
            "stock-board@1: its copy is not tried, and reads are tried without it",
            "stock-events@1: its capture is not tried",
            "stock-events@1: its events are delivered to nobody",
        ]
    );
    assert_eq!(of("plant-ghent"), Vec::<String>::new(), "what is of others is named to them");
}

/// Nothing fails, and yet it is not answered: that does not hold, unless it is the simulation that lacks something.
#[test]
fn what_is_not_answered_where_all_is_well_does_not_hold() {
    let reference: InterfaceRef = "orders@1".parse().unwrap();
    let refused =
        |code, detail: &str| MediatedAnswer::Refused { problem: Problem::new(502, code, detail), replayed: false };
    for (answer, is_lacking) in [
        (refused(code::ODOO_MISSING, "the model 'x_order' does not exist"), true),
        (refused(code::ODOO_REFUSED, "Object x_order doesn't exist"), true),
        (refused(code::ODOO_REFUSED, "Invalid field 'x_code' on 'sale.order'"), true),
        (refused(code::VERSION_UNMAPPED, "no mapping fits 17.0"), true),
        (refused(code::ODOO_REFUSED, "the values are wrong"), false),
        (refused(code::RECORD_UNSHOWABLE, "`code` is no string"), false),
        (refused(code::OPERATION_UNFIT, "no such operation"), false),
    ] {
        for is_its_own in [true, false] {
            let mut tried = Tried::default();
            unanswered((&reference, Operation::List), is_its_own, &answer, &mut tried);
            let counts = (tried.skipped.len(), tried.failed.len(), tried.elsewhere.len());
            let expected = match (is_lacking, is_its_own) {
                (true, _) => (1, 0, 0),
                (false, true) => (0, 1, 0),
                (false, false) => (0, 0, 1),
            };
            assert_eq!(counts, expected, "{tried:?}");
        }
    }
}

/// A waiver may be of one subscription, by what the gate calls it, or of all of whoever answers.
#[test]
fn what_could_not_be_tried_of_a_subscription_is_named_alone_and_with_others() {
    let fabric = sample();
    let subscription = fabric.subscriptions.first().unwrap();
    let untried = deliveries::untried(subscription);
    assert_eq!(Some(&untried.what), subscription.label().as_ref());
    assert_eq!(untried.on, [untried.what, subscription.consumer.to_string(), subscription.interface.to_string()]);
}

/// A model that the simulation does not have cannot be tried; where there is nothing else, nothing was.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn where_nothing_can_be_tried_that_is_told() {
    let mut fabric = sample();
    fabric.subscriptions.clear();
    fabric.interfaces.retain(|reference, _| *reference.to_string() == *"suppliers@1");
    for mapping in fabric.mappings.values_mut().filter(|it| it.object.value.to_string() == "supplier@1") {
        mapping.record = "x_partner".to_owned();
    }
    let tried = run(fabric, "dev".parse().unwrap(), DomainName::group()).await;
    assert_eq!((tried.own, tried.untried.len(), tried.held.len()), (1, 1, 0), "{tried:#?}");
    assert!(tried.is_idle() && tried.failed.is_empty() && !tried.skipped.is_empty(), "{tried:#?}");
}

//! Answers beside their objects: what does not fit is named, whatever the reason is, and what a grant hides is not missed.

use std::sync::Arc;

use selvage_model::exchange::{MediatedAnswer, Scope};
use selvage_model::fabric::Fabric;
use selvage_model::manifest::interface::Check;
use selvage_model::manifest::object::Shape;
use serde_json::json;

use crate::bench::{Bench, create, fabric, get, list};

/// The fabric after the number of orders was made shorter, with answers checked or not.
fn shorter(url: &str, check: Check) -> Fabric {
    let mut fabric = Arc::into_inner(fabric(url)).unwrap();
    let object = fabric.objects.get_mut(&"production-order@1".parse().unwrap()).unwrap();
    let number = object.attributes.iter_mut().find(|attribute| attribute.name.value.as_str() == "number").unwrap();
    number.shape = Shape::String { max: Some(3) };
    fabric.interfaces.get_mut(&"production-orders@1".parse().unwrap()).unwrap().validation.response = check;
    fabric
}

fn found(answer: &MediatedAnswer) -> Option<Vec<String>> {
    let MediatedAnswer::Done { found, .. } = answer else { panic!("{answer:?}") };
    found.as_ref().map(|found| found.iter().map(|error| error.pointer.clone()).collect())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_answered_before_is_held_to_the_object_as_it_is_now() {
    let bench = Bench::new().await;
    let node = bench.node("a").await;
    assert_eq!(found(&node.ask(create("key-1", "shop-1")).await), Some(vec![]));

    let url = bench.factory.odoo_url();
    node.engine.activate(Arc::new(shorter(&url, Check::Report))).unwrap();
    let again = node.ask(create("key-1", "shop-1")).await;
    assert_eq!(found(&again), Some(vec!["/number".to_owned()]), "{again:?}");
    let mut hidden = create("key-1", "shop-1");
    hidden.scope = Scope { except: vec!["number".parse().unwrap()], ..Scope::default() };
    assert_eq!(found(&node.ask(hidden).await), Some(vec![]), "what is left out is not missed");

    node.engine.activate(Arc::new(shorter(&url, Check::Off))).unwrap();
    assert_eq!(found(&node.ask(create("key-1", "shop-1")).await), None, "nobody looks");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_grant_hides_is_not_missed() {
    let bench = Bench::new().await;
    let node = bench.node("a").await;
    let object = &bench.fabric.objects[&"production-order@1".parse().unwrap()];
    for attribute in object.attributes.iter().map(|attribute| &attribute.name.value) {
        let scope = Scope { except: vec![attribute.clone()], ..Scope::default() };
        for request in [list("production-orders@1", &[]), get("production-orders@1", "odoo-5")] {
            let mut request = request;
            request.scope = scope.clone();
            let answer = node.ask(request).await;
            assert_eq!(found(&answer), Some(vec![]), "without {attribute}");
        }
    }
    let (_, body) = crate::bench::done(node.ask(list("production-orders@1", &[])).await);
    assert_ne!(body["items"], json!([]));
}

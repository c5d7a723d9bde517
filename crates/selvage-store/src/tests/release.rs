//! Releases are kept once and activated in order.

use selvage_model::name::EnvironmentName;
use serde_json::json;

use super::both;
use super::stage::Stage;
use crate::StoreError;

both!(a_release_is_recorded_once, the_last_activation_holds, only_a_recorded_release_is_activated);

async fn a_release_is_recorded_once(stage: &Stage) {
    let store = stage.open().await;
    assert!(store.release("rel_1").await.unwrap().is_none());
    assert!(store.record_release("rel_1", &json!({"documents": [1.50]}), "a.lead").await.unwrap());
    assert!(!store.record_release("rel_1", &json!({"documents": "other"}), "b.lead").await.unwrap());
    let release = store.release("rel_1").await.unwrap().unwrap();
    assert_eq!(release.content.to_string(), r#"{"documents":[1.5]}"#);
    assert_eq!(release.by, "a.lead");
}

async fn the_last_activation_holds(stage: &Stage) {
    let store = stage.open().await;
    let (dev, prod): (EnvironmentName, EnvironmentName) = ("dev".parse().unwrap(), "prod".parse().unwrap());
    for id in ["rel_1", "rel_2"] {
        store.record_release(id, &json!({}), "a.lead").await.unwrap();
    }
    assert_eq!(store.active(&dev).await.unwrap(), None);
    assert!(store.activate(&dev, "rel_1", "a.lead").await.unwrap());
    assert!(store.activate(&prod, "rel_1", "a.lead").await.unwrap());
    assert!(store.activate(&dev, "rel_2", "b.lead").await.unwrap());
    assert!(!store.activate(&dev, "rel_2", "b.lead").await.unwrap());
    let active = store.active(&dev).await.unwrap().unwrap();
    assert_eq!((active.release.as_str(), active.by.as_str()), ("rel_2", "b.lead"));
    assert_eq!(store.active(&prod).await.unwrap().unwrap().release, "rel_1");
    let actions: Vec<_> = store.ledger(2, 10).await.unwrap().into_iter().map(|entry| entry.action).collect();
    let expected =
        ["release.recorded", "release.recorded", "release.activated", "release.activated", "release.activated"];
    assert_eq!(actions, expected);
}

async fn only_a_recorded_release_is_activated(stage: &Stage) {
    let store = stage.open().await;
    let refused = store.activate(&"dev".parse().unwrap(), "rel_9", "a.lead").await.err().unwrap();
    assert!(matches!(refused, StoreError::NotFound { what: "release", .. }), "{refused}");
    assert_eq!(store.verify_ledger().await.unwrap().entries, 1);
}

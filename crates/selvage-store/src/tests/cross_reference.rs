//! A record and its business key belong together, one to one.

use super::both;
use super::stage::Stage;
use crate::{CrossReference, StoreError};

both!(a_link_is_found_both_ways, a_link_is_never_moved_in_silence);

fn reference(record: &str, key: &str) -> CrossReference {
    CrossReference {
        system: "odoo".parse().unwrap(),
        object: "product".parse().unwrap(),
        record: record.to_owned(),
        key: key.to_owned(),
    }
}

async fn a_link_is_found_both_ways(stage: &Stage) {
    let store = stage.open().await;
    let link = reference("7", "FRM-1");
    store.link(&link).await.unwrap();
    store.link(&link).await.unwrap();
    assert_eq!(store.by_key(&link.system, &link.object, "FRM-1").await.unwrap().as_ref(), Some(&link));
    assert_eq!(store.by_record(&link.system, &link.object, "7").await.unwrap().as_ref(), Some(&link));
    assert_eq!(store.by_key(&"wms".parse().unwrap(), &link.object, "FRM-1").await.unwrap(), None);
    let elsewhere = CrossReference { system: "wms".parse().unwrap(), ..reference("A-9", "FRM-1") };
    store.link(&elsewhere).await.unwrap();
}

async fn a_link_is_never_moved_in_silence(stage: &Stage) {
    let store = stage.open().await;
    store.link(&reference("7", "FRM-1")).await.unwrap();
    for other in [reference("7", "FRM-2"), reference("8", "FRM-1")] {
        let refused = store.link(&other).await.err().unwrap();
        assert!(matches!(refused, StoreError::Taken { .. }), "{refused}");
    }
    store.link(&reference("8", "FRM-2")).await.unwrap();
}

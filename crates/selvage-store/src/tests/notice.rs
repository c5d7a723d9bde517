//! Notices of what ends: each is noted once, tried by one at a time, and told once.

use selvage_model::name::EnvironmentName;

use super::both;
use super::stage::{Stage, tamper};
use crate::{NewNotice, Store};

both!(a_notice_is_told_once, what_nobody_takes_is_tried_again_and_given_up, what_is_not_so_any_more_is_not_told);

fn dev() -> EnvironmentName {
    "dev".parse().unwrap()
}

async fn note(store: &Store, environment: &EnvironmentName, stages: &[&str]) -> usize {
    let notice = |stage: &&str| NewNotice {
        interface: "stock@1".parse().unwrap(),
        consumer: "board".parse().unwrap(),
        stage: (*stage).to_owned(),
        says: "stock@1 is deprecated".to_owned(),
    };
    store.note_notices(environment, &stages.iter().map(notice).collect::<Vec<_>>()).await.unwrap();
    store.lifecycle_notices().await.unwrap().len()
}

async fn a_notice_is_told_once(stage: &Stage) {
    let (store, other) = (stage.open().await, stage.open().await);
    assert_eq!(note(&store, &dev(), &["deprecated"]).await, 1);
    assert_eq!(note(&other, &dev(), &["deprecated", "sunset-30"]).await, 2, "the first is noted already");
    let prod = "prod".parse().unwrap();
    assert_eq!(note(&store, &prod, &["deprecated"]).await, 3, "and told in each environment by itself");
    let dev = dev();
    let (mine, yours) = tokio::join!(store.take_due_notices(&dev), other.take_due_notices(&dev));
    let taken: Vec<_> = mine.unwrap().into_iter().chain(yours.unwrap()).collect();
    assert_eq!(taken.len(), 2, "each is one node's: {taken:?}");
    assert_eq!(store.take_due_notices(&dev).await.unwrap(), []);
    for notice in &taken {
        // Whoever was slow says it too.
        store.notice_told(notice, "warehouse-it: desk /told").await.unwrap();
        other.notice_told(notice, "warehouse-it: desk /told").await.unwrap();
        other.notice_untold(notice, "timeout").await.unwrap();
    }
    let all = store.lifecycle_notices().await.unwrap();
    let (here, there): (Vec<_>, Vec<_>) = all.iter().partition(|notice| notice.environment == dev);
    assert!(here.iter().all(|it| it.told.is_some() && it.due.is_none() && it.because.is_none()), "{here:?}");
    assert!(there.iter().all(|it| it.told.is_none() && it.due.is_some()), "{there:?}");
    let entries = store.ledger(1, 100).await.unwrap();
    assert_eq!(entries.iter().filter(|entry| entry.action == "lifecycle.told").count(), 2);
    assert_eq!(note(&store, &dev, &["deprecated", "sunset-30"]).await, 3);
    assert_eq!(store.take_due_notices(&dev).await.unwrap(), [], "nor is it told again");
}

async fn what_nobody_takes_is_tried_again_and_given_up(stage: &Stage) {
    let store = stage.open().await;
    note(&store, &dev(), &["deprecated"]).await;
    let mut tries = 0;
    loop {
        let due = store.take_due_notices(&dev()).await.unwrap();
        let [notice] = due.as_slice() else { panic!("one is due: {due:?}") };
        store.notice_untold(notice, "no answer").await.unwrap();
        tries += 1;
        let after = store.lifecycle_notices().await.unwrap().remove(0);
        assert_eq!((after.attempts, after.because.as_deref()), (tries, Some("no answer")));
        let Some(due) = after.due else { break };
        assert!(due > after.noted, "not at once");
        tamper(&store, "UPDATE lifecycle_notice SET due_at = 0 WHERE due_at IS NOT NULL").await;
    }
    assert_eq!(tries, 30);
    assert_eq!(note(&store, &dev(), &["deprecated"]).await, 1);
    assert_eq!(store.take_due_notices(&dev()).await.unwrap(), [], "given up is given up");
}

async fn what_is_not_so_any_more_is_not_told(stage: &Stage) {
    let store = stage.open().await;
    note(&store, &dev(), &["deprecated", "brownout-1"]).await;
    let due = store.take_due_notices(&dev()).await.unwrap();
    let told = due.iter().find(|it| it.notice.stage == "deprecated").unwrap();
    store.notice_told(told, "warehouse-it: desk /told").await.unwrap();
    let held = due.iter().find(|it| it.notice.stage == "brownout-1").unwrap();
    // The release was rolled back while somebody tried.
    assert_eq!(note(&store, &dev(), &[]).await, 1, "what was told stays on record");
    store.notice_untold(held, "no answer").await.unwrap();
    tamper(&store, "UPDATE lifecycle_notice SET due_at = 0 WHERE due_at IS NOT NULL").await;
    assert_eq!(store.take_due_notices(&dev()).await.unwrap(), []);
    assert_eq!(note(&store, &dev(), &["deprecated", "brownout-1"]).await, 2, "and it may come to be so again");
    assert_eq!(store.take_due_notices(&dev()).await.unwrap().len(), 1);
}

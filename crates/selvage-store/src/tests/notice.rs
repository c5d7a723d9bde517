//! Notices of what ends: each is noted once, tried by one at a time, and told once.

use selvage_model::name::EnvironmentName;
use selvage_model::notice::NoticeWay;

use super::both;
use super::stage::{Stage, tamper};
use crate::{LifecycleNotice, NewNotice, Store};

both!(
    a_notice_is_told_once,
    what_nobody_takes_is_tried_again_and_given_up,
    what_is_not_so_any_more_is_not_told,
    each_way_is_told_by_itself_and_goes_where_the_team_is_now,
    a_recipient_that_is_none_is_soon_given_up,
    where_there_is_no_way_nobody_tries
);

fn dev() -> EnvironmentName {
    "dev".parse().unwrap()
}

fn notice(stage: &str, way: NoticeWay, recipient: &str) -> NewNotice {
    NewNotice {
        interface: "stock@1".parse().unwrap(),
        consumer: "board".parse().unwrap(),
        stage: stage.to_owned(),
        way,
        recipient: recipient.to_owned(),
        says: "stock@1 is deprecated".to_owned(),
    }
}

async fn note(store: &Store, environment: &EnvironmentName, stages: &[&str]) -> usize {
    let notices: Vec<_> = stages.iter().map(|stage| notice(stage, NoticeWay::Webhook, "desk /told")).collect();
    store.note_notices(environment, &notices).await.unwrap();
    store.lifecycle_notices().await.unwrap().len()
}

async fn a_notice_is_told_once(stage: &Stage) {
    let (store, other) = (stage.open().await, stage.open().await);
    assert_eq!(note(&store, &dev(), &["deprecated"]).await, 1);
    assert_eq!(note(&other, &dev(), &["deprecated", "sunset-30"]).await, 2, "the first is noted already");
    let prod = "prod".parse().unwrap();
    assert_eq!(note(&store, &prod, &["deprecated"]).await, 3, "and told in each environment by itself");
    let dev = dev();
    let (mine, yours) = tokio::join!(store.take_due_notices(&dev, true), other.take_due_notices(&dev, true));
    let taken: Vec<_> = mine.unwrap().into_iter().chain(yours.unwrap()).collect();
    assert_eq!(taken.len(), 2, "each is one node's: {taken:?}");
    assert_eq!(store.take_due_notices(&dev, true).await.unwrap(), []);
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
    assert_eq!(store.take_due_notices(&dev, true).await.unwrap(), [], "nor is it told again");
}

async fn what_nobody_takes_is_tried_again_and_given_up(stage: &Stage) {
    let store = stage.open().await;
    note(&store, &dev(), &["deprecated"]).await;
    let mut tries = 0;
    loop {
        let due = store.take_due_notices(&dev(), true).await.unwrap();
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
    assert_eq!(store.take_due_notices(&dev(), true).await.unwrap(), [], "given up is given up");
}

async fn what_is_not_so_any_more_is_not_told(stage: &Stage) {
    let store = stage.open().await;
    note(&store, &dev(), &["deprecated", "brownout-1"]).await;
    let due = store.take_due_notices(&dev(), true).await.unwrap();
    let told = due.iter().find(|it| it.notice.stage == "deprecated").unwrap();
    store.notice_told(told, "warehouse-it: desk /told").await.unwrap();
    let held = due.iter().find(|it| it.notice.stage == "brownout-1").unwrap();
    // The release was rolled back while somebody tried.
    assert_eq!(note(&store, &dev(), &[]).await, 1, "what was told stays on record");
    store.notice_untold(held, "no answer").await.unwrap();
    tamper(&store, "UPDATE lifecycle_notice SET due_at = 0 WHERE due_at IS NOT NULL").await;
    assert_eq!(store.take_due_notices(&dev(), true).await.unwrap(), []);
    assert_eq!(note(&store, &dev(), &["deprecated", "brownout-1"]).await, 2, "and it may come to be so again");
    assert_eq!(store.take_due_notices(&dev(), true).await.unwrap().len(), 1);
}

/// The only one of a way.
async fn of_way(store: &Store, way: NoticeWay) -> LifecycleNotice {
    let mut all = store.lifecycle_notices().await.unwrap();
    all.retain(|it| it.notice.way == way);
    assert_eq!(all.len(), 1, "{all:?}");
    all.remove(0)
}

async fn each_way_is_told_by_itself_and_goes_where_the_team_is_now(stage: &Stage) {
    use NoticeWay::{Mail, Webhook};
    let store = stage.open().await;
    let ways = |address: &str| [notice("deprecated", Webhook, "desk /told"), notice("deprecated", Mail, address)];
    store.note_notices(&dev(), &ways("old@example.com")).await.unwrap();
    let [webhook] = store.take_due_notices(&dev(), false).await.unwrap().try_into().unwrap();
    assert_eq!(webhook.notice.way, Webhook, "who sends no mail is given none");
    assert_eq!(store.take_due_notices(&dev(), false).await.unwrap(), []);
    let [mail] = store.take_due_notices(&dev(), true).await.unwrap().try_into().unwrap();
    assert_eq!((mail.notice.way, mail.notice.recipient.as_str()), (Mail, "old@example.com"));
    store.notice_told(&webhook, "warehouse-it: desk /told").await.unwrap();
    // The manifest names another address while somebody sends to the one before.
    store.note_notices(&dev(), &ways("new@example.com")).await.unwrap();
    store.notice_refused(&mail, "550 no such user").await.unwrap();
    store.notice_told(&mail, "warehouse-it").await.unwrap();
    let now = of_way(&store, Mail).await;
    assert_eq!((now.told, now.because, now.attempts), (None, None, 0), "what came of the other is not its outcome");
    let [mail] = store.take_due_notices(&dev(), true).await.unwrap().try_into().unwrap();
    assert_eq!(mail.notice.recipient, "new@example.com");
    store.notice_told(&mail, "warehouse-it").await.unwrap();
    // What was told stays told, whatever the team is called by from now on.
    store.note_notices(&dev(), &ways("third@example.com")).await.unwrap();
    assert_eq!(store.take_due_notices(&dev(), true).await.unwrap(), []);
    let entries = store.ledger(1, 100).await.unwrap();
    let told: Vec<_> = entries.iter().filter(|entry| entry.action == "lifecycle.told").collect();
    assert_eq!(told.len(), 2);
    assert!(told.iter().all(|entry| !entry.detail.to_string().contains("example.com")), "{told:?}");
}

async fn a_recipient_that_is_none_is_soon_given_up(stage: &Stage) {
    let store = stage.open().await;
    store.note_notices(&dev(), &[notice("deprecated", NoticeWay::Mail, "a@example.com")]).await.unwrap();
    for attempt in 1..=3 {
        let [mail] = store.take_due_notices(&dev(), true).await.unwrap().try_into().unwrap();
        store.notice_refused(&mail, "550 no such user").await.unwrap();
        let it = of_way(&store, NoticeWay::Mail).await;
        assert_eq!((it.attempts, it.because.as_deref()), (attempt, Some("550 no such user")));
        assert_eq!(it.due.is_some(), attempt < 3, "{it:?}");
        tamper(&store, "UPDATE lifecycle_notice SET due_at = 0 WHERE due_at IS NOT NULL").await;
    }
    assert_eq!(store.take_due_notices(&dev(), true).await.unwrap(), []);
    store.note_notices(&dev(), &[notice("deprecated", NoticeWay::Mail, "b@example.com")]).await.unwrap();
    assert_eq!(store.take_due_notices(&dev(), true).await.unwrap().len(), 1, "another address is tried");
}

async fn where_there_is_no_way_nobody_tries(stage: &Stage) {
    let store = stage.open().await;
    store.note_notices(&dev(), &[notice("deprecated", NoticeWay::Nowhere, "`ann` is no team")]).await.unwrap();
    assert_eq!(store.take_due_notices(&dev(), true).await.unwrap(), []);
    let it = of_way(&store, NoticeWay::Nowhere).await;
    assert_eq!((it.due, it.because.as_deref()), (None, Some("`ann` is no team")));
    store.note_notices(&dev(), &[notice("deprecated", NoticeWay::Mail, "a@example.com")]).await.unwrap();
    assert_eq!(of_way(&store, NoticeWay::Mail).await.attempts, 0, "and the row without a way is gone");
    assert_eq!(store.lifecycle_notices().await.unwrap().len(), 1);
}

//! Sessions of the console: for every node, no longer than their key, and in no backup.

use std::time::Duration;

use selvage_model::access::{KeyHash, Principal};

use super::both;
use super::stage::Stage;
use crate::{NewKey, SessionKind, Store};

both!(
    a_session_is_known_to_every_node_until_it_ends,
    a_link_works_once_and_is_no_session,
    a_session_ends_with_its_key,
    no_backup_has_a_session,
    one_key_opens_so_many_and_the_oldest_ends,
);

const HOUR: Duration = Duration::from_secs(3600);

async fn operator(store: &Store, name: &str, hash: u8) -> String {
    let key = NewKey { principal: Principal::Operator(name.to_owned()), hash: KeyHash([hash; 32]), expires: None };
    store.issue_key(key, "cli").await.unwrap().id
}

async fn whose(store: &Store, token: u8) -> Option<String> {
    store.session([token; 32]).await.unwrap().map(|session| session.operator)
}

async fn a_session_is_known_to_every_node_until_it_ends(stage: &Stage) {
    let (here, there) = (stage.open().await, stage.open().await);
    let ann = operator(&here, "ann", 1).await;
    assert!(here.begin_session(SessionKind::Session, [7; 32], &ann, HOUR).await.unwrap());
    assert!(here.begin_session(SessionKind::Session, [8; 32], &ann, Duration::ZERO).await.unwrap());
    assert_eq!((whose(&there, 7).await.as_deref(), whose(&there, 8).await), (Some("ann"), None));
    there.end_session([7; 32]).await.unwrap();
    there.end_session([7; 32]).await.unwrap();
    assert_eq!(whose(&here, 7).await, None);
}

async fn a_link_works_once_and_is_no_session(stage: &Stage) {
    let (here, there) = (stage.open().await, stage.open().await);
    let ann = operator(&here, "ann", 1).await;
    here.begin_session(SessionKind::Link, [7; 32], &ann, HOUR).await.unwrap();
    here.begin_session(SessionKind::Session, [8; 32], &ann, HOUR).await.unwrap();
    assert_eq!(whose(&there, 7).await, None, "a link is no session");
    assert_eq!(there.redeem_link([8; 32]).await.unwrap(), None, "and a session no link");
    let (one, other) = tokio::join!(here.redeem_link([7; 32]), there.redeem_link([7; 32]));
    let used = [one.unwrap(), other.unwrap()].into_iter().flatten().count();
    assert_eq!(used, 1);
    assert_eq!(whose(&here, 8).await.as_deref(), Some("ann"));
}

async fn a_session_ends_with_its_key(stage: &Stage) {
    let (here, there) = (stage.open().await, stage.open().await);
    let (ann, bob) = (operator(&here, "ann", 1).await, operator(&here, "bob", 2).await);
    here.begin_session(SessionKind::Session, [7; 32], &ann, HOUR).await.unwrap();
    here.begin_session(SessionKind::Session, [8; 32], &bob, HOUR).await.unwrap();
    here.begin_session(SessionKind::Link, [9; 32], &ann, HOUR).await.unwrap();
    there.revoke_key(&ann, "bob", "left").await.unwrap();
    assert_eq!((whose(&here, 7).await, whose(&here, 8).await.as_deref()), (None, Some("bob")));
    assert_eq!(here.redeem_link([9; 32]).await.unwrap(), None);
    here.erase_person("bob", "carol", "asked for it").await.unwrap();
    assert_eq!(whose(&there, 8).await, None);
}

async fn no_backup_has_a_session(stage: &Stage) {
    let store = stage.open().await;
    let ann = operator(&store, "ann", 1).await;
    store.begin_session(SessionKind::Session, [7; 32], &ann, HOUR).await.unwrap();
    let mut file = Vec::new();
    store.back_up(&mut file).await.unwrap();
    let text = String::from_utf8(file).unwrap();
    assert!(text.contains("\"credential\"") && !text.contains("console_session"));
}

async fn one_key_opens_so_many_and_the_oldest_ends(stage: &Stage) {
    let store = stage.open().await;
    let (ann, bob) = (operator(&store, "ann", 1).await, operator(&store, "bob", 2).await);
    store.begin_session(SessionKind::Session, [99; 32], &bob, HOUR).await.unwrap();
    for token in 0..52 {
        assert!(store.begin_session(SessionKind::Session, [token; 32], &ann, HOUR).await.unwrap());
    }
    assert_eq!((whose(&store, 1).await, whose(&store, 2).await.as_deref()), (None, Some("ann")));
    assert_eq!((whose(&store, 51).await.as_deref(), whose(&store, 99).await.as_deref()), (Some("ann"), Some("bob")));
}

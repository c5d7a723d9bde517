//! Access leases: renewed by who runs the newest access state, and by nobody else.

use std::time::Duration;

use selvage_model::access::{Block, Blocked, KeyHash, Principal};

use super::both;
use super::stage::Stage;
use crate::{NewKey, NewNode, NodeReleases, NodeWord, RefusedReleases, Runs, SignOfLife, StoreError, releases_digest};

both!(
    a_lease_is_renewed_by_who_runs_the_newest_state,
    nodes_come_and_go,
    blocks_stand_until_they_are_lifted,
    what_a_node_runs_is_known,
);

const LEASE: Duration = Duration::from_secs(5);

fn node(id: &str) -> NewNode {
    NewNode { id: id.to_owned(), environment: "dev".to_owned(), address: "127.0.0.1:7080".to_owned() }
}

fn sign(revision: u64) -> SignOfLife {
    SignOfLife { revision, lease: LEASE, serves_for: Duration::from_secs(60) }
}

async fn a_lease_is_renewed_by_who_runs_the_newest_state(stage: &Stage) {
    let store = stage.open().await;
    store.register_node(&node("node-a"), sign(0)).await.unwrap();
    let (now, nodes) = store.nodes().await.unwrap();
    let first = nodes[0].clone();
    assert_eq!((first.revision, first.serves_for), (0, Duration::from_secs(60)));
    let left = first.lease_until.duration_since(now);
    assert!(left.as_millis() > 3000 && left.as_millis() <= 5000, "{left:?}");
    assert!(store.renew_lease("node-a", sign(0)).await.unwrap());

    let key = NewKey { principal: Principal::Operator("ann".to_owned()), hash: KeyHash([1; 32]), expires: None };
    store.issue_key(key, "ann").await.unwrap();
    let before = store.nodes().await.unwrap().1.remove(0);
    assert!(!store.renew_lease("node-a", sign(0)).await.unwrap(), "it runs an old one");
    assert!(!store.renew_lease("node-a", sign(2)).await.unwrap(), "nor one that there is not");
    assert_eq!(store.nodes().await.unwrap().1[0], before, "and nothing is changed by asking");
    assert!(store.renew_lease("node-a", sign(1)).await.unwrap());
    let after = store.nodes().await.unwrap().1.remove(0);
    assert!(after.revision == 1 && after.acknowledged > before.acknowledged);
    assert!(store.renew_lease("node-a", sign(1)).await.unwrap());
    let later = store.nodes().await.unwrap().1.remove(0);
    assert!(later.acknowledged == after.acknowledged && later.lease_until > after.lease_until);
}

async fn nodes_come_and_go(stage: &Stage) {
    let store = stage.open().await;
    for id in ["node-a", "node-b"] {
        store.register_node(&node(id), sign(0)).await.unwrap();
    }
    store.forget_node("node-a").await.unwrap();
    let ids: Vec<_> = store.nodes().await.unwrap().1.into_iter().map(|node| node.id).collect();
    assert_eq!(ids, ["node-b"]);
    let refused = store.renew_lease("node-a", sign(0)).await.unwrap_err();
    assert!(matches!(refused, StoreError::NotFound { what: "node", .. }), "{refused}");
}

async fn what_a_node_runs_is_known(stage: &Stage) {
    let store = stage.open().await;
    store.register_node(&node("node-a"), sign(0)).await.unwrap();
    let set = |release: &str| releases_digest(&[("group".parse().unwrap(), release.to_owned())].into());
    let (old, new) = (set("rel_1"), set("rel_2"));
    let record = async || store.nodes().await.unwrap().1.remove(0);
    assert_eq!(record().await.runs(&old), Runs::Unsaid);

    let mut says = NodeReleases { runs: Some(old.clone()), refused: None };
    let test = "test".parse().unwrap();
    let parts = [("group".parse().unwrap(), "rel_1".to_owned())].into();
    let word = NodeWord { says: &says, begins: Some((&test, &parts)) };
    assert!(store.renew_lease_saying("node-a", sign(0), Some(word)).await.unwrap());
    assert_eq!(store.runs_in(&test).await.unwrap().len(), 1);
    let first = record().await;
    assert!(matches!(first.runs(&old), Runs::Active(_)) && first.runs(&new) == Runs::Other, "{first:?}");
    let (code, because) = ("FAB5102".to_owned(), format!("it's `odoo/read`: {}", "é".repeat(9_000)));
    says.refused = Some(RefusedReleases { releases: new.clone(), code, because, passes: false });
    // Of an access state that is no longer the newest, it is no acknowledgement, and what it says counts.
    let word = NodeWord { says: &says, begins: None };
    assert!(!store.renew_lease_saying("node-a", sign(7), Some(word)).await.unwrap());
    let refusing = record().await;
    assert_eq!(refusing.runs(&old), first.runs(&old), "since when it runs the old one stays");
    let Runs::Refused(refused) = refusing.runs(&new) else { panic!("{refusing:?}") };
    assert_eq!((refused.code.as_str(), refused.because.chars().count()), ("FAB5102", 4_000));
    // Its lease is another matter, and it is known by its id alone.
    assert!(store.renew_lease("node-a", sign(0)).await.unwrap());
    assert_eq!(record().await.releases, refusing.releases);
    let unknown = store.renew_lease_saying("node-b", sign(0), Some(word)).await.unwrap_err();
    assert!(matches!(unknown, StoreError::NotFound { what: "node", .. }), "{unknown}");

    says = NodeReleases { runs: Some(new.clone()), refused: None };
    let word = NodeWord { says: &says, begins: None };
    assert!(store.renew_lease_saying("node-a", sign(0), Some(word)).await.unwrap());
    assert!(matches!(record().await.runs(&new), Runs::Active(since) if since >= first.runs_since.unwrap()));
}

async fn blocks_stand_until_they_are_lifted(stage: &Stage) {
    let store = stage.open().await;
    let consumer = Blocked::Consumer("mes-ghent".parse().unwrap());
    let interface = Blocked::Interface("inventory@2".parse().unwrap());
    let block = store.block(&consumer, "s.lead", "floods").await.unwrap();
    assert_eq!(store.block(&consumer, "s.lead", "again").await.unwrap(), block, "it stands already");
    store.block(&interface, "s.lead", "wrong stock").await.unwrap();
    let state = store.access_state().await.unwrap();
    assert_eq!((state.revision, state.blocks.len()), (2, 2));
    assert_eq!(store.blocks().await.unwrap()[0], block);
    assert_eq!(state.blocks[0], Block { by: None, ..block.clone() }, "who did it decides nothing");
    store.lift_block(&block.id, "s.lead", "it is mended").await.unwrap();
    store.lift_block(&block.id, "s.lead", "again").await.unwrap();
    let state = store.access_state().await.unwrap();
    assert_eq!((state.revision, state.blocks.len()), (3, 1));
    let refused = store.lift_block("blk_none", "s.lead", "x").await.unwrap_err();
    assert!(matches!(refused, StoreError::NotFound { what: "block", .. }), "{refused}");
    let actions: Vec<_> = store.ledger(2, 10).await.unwrap().into_iter().map(|entry| entry.action).collect();
    assert_eq!(actions, ["consumer.blocked", "interface.blocked", "consumer.unblocked"]);
}

//! The keys that issuers showed: in spells, by environment, found by a time.

use jiff::Timestamp;
use serde_json::json;

use super::both;
use super::stage::{Stage, tamper};

both!(
    keys_are_kept_in_spells_and_found_by_a_time,
    the_same_keys_in_another_order_are_one_spell,
    what_an_issuer_shows_no_more_goes
);

const URL: &str = "https://login.example";

async fn keys_are_kept_in_spells_and_found_by_a_time(stage: &Stage) {
    let store = stage.open().await;
    let (prod, test) = ("prod".parse().unwrap(), "test".parse().unwrap());
    let (old, new) = (json!({"keys": [{"kid": "a"}]}), json!({"keys": [{"kid": "b"}]}));
    let began = store.now().await.unwrap();
    let mut times = Vec::new();
    // A set that comes back is another spell.
    for shown in [&old, &old, &new, &old] {
        store.note_issuer_keys(&prod, URL, shown).await.unwrap();
        times.push(store.now().await.unwrap());
        tokio::time::sleep(std::time::Duration::from_millis(2)).await;
    }
    let at = async |environment, time: Timestamp| {
        let kept = store.issuer_keys_at(environment, time).await.unwrap();
        kept.into_iter().map(|it| (it.issuer, it.document)).collect::<Vec<_>>()
    };
    let of = |document: &serde_json::Value| vec![(URL.to_owned(), document.clone())];
    assert_eq!(at(&prod, began - jiff::SignedDuration::from_secs(1)).await, []);
    for (time, shown) in times.iter().zip([&old, &old, &new, &old]) {
        assert_eq!(at(&prod, *time).await, of(shown), "{time}");
    }
    assert_eq!(at(&test, times[3]).await, [], "another environment's issuers are its own");
    let first = store.issuer_keys_at(&prod, times[1]).await.unwrap().remove(0);
    assert!(first.first < first.last, "it was seen again: {first:?}");
}

/// Replicas of an issuer show the same keys in different orders.
async fn the_same_keys_in_another_order_are_one_spell(stage: &Stage) {
    let store = stage.open().await;
    let prod = "prod".parse().unwrap();
    let spells = async |shown: &[&str]| {
        for text in shown {
            store.note_issuer_keys(&prod, URL, &serde_json::from_str(text).unwrap()).await.unwrap();
            tokio::time::sleep(std::time::Duration::from_millis(2)).await;
        }
        let last = store.issuer_keys_at(&prod, store.now().await.unwrap()).await.unwrap().remove(0);
        (last.first, last.last)
    };
    let one = r#"{"keys": [{"kid": "a", "n": "1"}, {"kid": "b", "n": "2"}]}"#;
    let turned = r#"{"keys": [{"n": "2", "kid": "b"}, {"n": "1", "kid": "a"}]}"#;
    let (first, _) = spells(&[one]).await;
    let (same, last) = spells(&[turned, one, turned]).await;
    assert!(same == first && last > first, "{first} {same} {last}");
    // A key that has the id of another is another.
    let swapped = r#"{"keys": [{"kid": "a", "n": "2"}, {"kid": "b", "n": "1"}]}"#;
    let (other, _) = spells(&[swapped]).await;
    assert!(other > first, "{first} {other}");
}

async fn what_an_issuer_shows_no_more_goes(stage: &Stage) {
    let store = stage.open().await;
    let prod = "prod".parse().unwrap();
    store.note_issuer_keys(&prod, URL, &json!({"keys": [1]})).await.unwrap();
    // 460 days.
    tamper(&store, "UPDATE issuer_keys SET first_at = first_at - 39744000000000, last_at = last_at - 39744000000000")
        .await;
    let then = store.now().await.unwrap() - jiff::SignedDuration::from_hours(24);
    assert_eq!(store.issuer_keys_at(&prod, then).await.unwrap().len(), 1, "its last keys go on while it is away");
    store.note_issuer_keys(&prod, URL, &json!({"keys": [2]})).await.unwrap();
    assert!(store.issuer_keys_at(&prod, then).await.unwrap().is_empty());
    assert_eq!(store.issuer_keys_at(&prod, store.now().await.unwrap()).await.unwrap().len(), 1);
}

//! Calls of webhooks without an id that is proven: the same one is the same event.

use super::both;
use super::stage::Stage;

both!(a_call_is_the_event_that_it_became_first);

async fn a_call_is_the_event_that_it_became_first(stage: &Stage) {
    let store = stage.open().await;
    let of = async |interface: &str, hash: u8, own: Option<&str>| {
        store.event_of_call(&interface.parse().unwrap(), [hash; 32], own).await.unwrap()
    };
    for (interface, hash, own, expected) in [
        ("shop@1", 1, "d-1", "d-1"),
        ("shop@1", 1, "d-1", "d-1"),
        ("shop@1", 1, "d-2", "d-1"),
        ("shop@1", 2, "d-2", "d-2"),
        ("other@1", 1, "d-3", "d-3"),
    ] {
        assert_eq!(of(interface, hash, Some(own)).await, expected, "{interface} {hash} {own}");
    }
    let given = of("shop@1", 3, None).await;
    assert_eq!(of("shop@1", 3, None).await, given);
    assert_ne!(of("shop@1", 4, None).await, given);
}

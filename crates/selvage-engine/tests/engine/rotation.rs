//! Keys of accounts that end, are followed by the next, and are changed while the engine runs; and that each interface uses the
//! key of its own account.

use std::collections::BTreeMap;

use selvage_model::manifest::system::SecretName;
use selvage_model::overview::Health;

use crate::bench::{Bench, Node, done, fabric_with, list, refused};

const READ: &str = "svc-read";
const PRODUCTION: &str = "svc-mrp";

fn secrets(read: &str, next: &str) -> BTreeMap<SecretName, String> {
    [("odoo/read", read), ("odoo/read-2", next), ("odoo/mrp", "demo-mrp-key")]
        .map(|(name, value)| (SecretName(name.to_owned()), value.to_owned()))
        .into()
}

async fn status(node: &Node, interface: &str) -> u16 {
    match node.ask(list(interface, &[("limit", "1")])).await {
        answer @ selvage_model::exchange::MediatedAnswer::Done { .. } => done(answer).0,
        other => refused(other).status,
    }
}

fn health(node: &Node) -> Health {
    node.engine.systems().into_iter().next().unwrap().1
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_that_has_ended_is_followed_by_the_next_and_told_of() {
    let mut bench = Bench::new().await;
    let named = [("api_key: {secret: odoo/read}", "api_key: {secret: odoo/read, next: odoo/read-2}")];
    bench.fabric = fabric_with(&bench.factory.odoo_url(), &named);
    let node = bench.node("a").await;
    // The next key is named before it is there.
    assert_eq!(status(&node, "products@1").await, 200);
    assert_eq!(node.engine.take_secrets(secrets("demo-read-key", "second-key")), Ok(true));
    assert_eq!(node.engine.take_secrets(secrets("demo-read-key", "second-key")), Ok(false));
    assert_eq!(status(&node, "products@1").await, 200);
    bench.factory.odoo.change_key(READ, "second-key");
    assert_eq!(status(&node, "products@1").await, 200, "the call that met the end has its answer");
    assert_eq!(status(&node, "products@1").await, 200);
    let health = health(&node);
    assert!(matches!(&health, Health::Up(what) if what.contains("first key of `svc-read`")), "{health:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_interface_uses_its_accounts_key_and_a_changed_one_is_used_at_once() {
    let bench = Bench::new().await;
    let node = bench.node("a").await;
    let both = async || (status(&node, "products@1").await, status(&node, "production-orders@1").await);
    assert_eq!(both().await, (200, 200));
    bench.factory.odoo.change_key(READ, "another");
    assert_eq!(both().await, (502, 200), "only what uses the account whose key has ended");
    assert!(matches!(health(&node), Health::Down(_)));
    // Without waiting for the rest that refused keys take.
    assert_eq!(node.engine.take_secrets(secrets("another", "")), Ok(true));
    assert_eq!(both().await, (200, 200));
    bench.factory.odoo.change_key(PRODUCTION, "another-too");
    assert_eq!(both().await, (200, 502));
    let mut lacking = secrets("another", "");
    lacking.remove(&SecretName("odoo/mrp".to_owned()));
    let findings = node.engine.take_secrets(lacking).unwrap_err();
    assert!(findings[0].message.contains("odoo/mrp"), "{findings:?}");
    assert_eq!(status(&node, "products@1").await, 200, "the secrets before go on");
}

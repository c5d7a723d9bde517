//! Keys of Odoo accounts through the front door: each interface uses its own account's, and secrets that change are used without a
//! restart.

use reqwest::{Client, StatusCode};
use serde_json::{Value, json};

use crate::fixture::{Place, Served, eventually};

const INVENTORY: &str = "/inventory/v2/inventory-positions?limit=1";
const ORDERS: &str = "/production-orders/v1/production-orders";

/// A consumer of both interfaces at a node.
struct Caller {
    client: Client,
    board: String,
    planning: String,
}

impl Caller {
    fn of(place: &Place) -> Self {
        let store = place.data();
        Self {
            client: Client::new(),
            board: place.key(&store, "shop-floor-board"),
            planning: place.key(&store, "planning"),
        }
    }

    async fn inventory(&self, served: &Served) -> StatusCode {
        let asked = self.client.get(format!("{}{INVENTORY}", served.base)).bearer_auth(&self.board);
        asked.send().await.unwrap().status()
    }

    async fn orders(&self, served: &Served) -> StatusCode {
        let asked = self.client.get(format!("{}{ORDERS}?limit=1", served.base)).bearer_auth(&self.planning);
        asked.send().await.unwrap().status()
    }
}

fn write_secrets(place: &Place, read: &str, production: &str) {
    std::fs::write(place.path("secrets"), format!("odoo/read={read}\nodoo/mrp={production}\n")).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn two_interfaces_use_the_keys_of_two_accounts() {
    let place = Place::new().await;
    let caller = Caller::of(&place);
    let served = place.serve(&place.data(), &["--watch"]);
    let body = json!({"product": "BIK-1", "quantity": {"value": "1", "unit": "1"}, "site": "ghent"});
    let post = caller.client.post(format!("{}{ORDERS}", served.base)).bearer_auth(&caller.planning);
    let made = post.header("idempotency-key", "two-accounts").json(&body).send().await.unwrap();
    assert_eq!(made.status(), StatusCode::CREATED, "{}", made.json::<Value>().await.unwrap());
    let journal = place.factory.odoo.journal();
    let orders = journal.iter().filter(|entry| entry.model == "mrp.production" && entry.method == "load");
    assert_eq!(orders.map(|entry| entry.login.as_str()).collect::<Vec<_>>(), ["svc-mrp"]);

    assert_eq!(caller.inventory(&served).await, StatusCode::OK);
    place.factory.odoo.change_key("svc-read", "read-2");
    assert_eq!(caller.inventory(&served).await, StatusCode::BAD_GATEWAY);
    assert_eq!(caller.orders(&served).await, StatusCode::OK, "the other account's key goes on");

    // A watching node takes changed secrets by itself.
    write_secrets(&place, "read-2", selvage_factory::PRODUCTION_KEY);
    eventually("the changed key is used", || async {
        (caller.inventory(&served).await == StatusCode::OK).then_some(())
    })
    .await;
    assert_eq!(caller.orders(&served).await, StatusCode::OK);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_reads_its_secrets_again_when_it_is_told_to() {
    let place = Place::new().await;
    let caller = Caller::of(&place);
    let served = place.serve(&place.data(), &[]);
    assert_eq!(caller.orders(&served).await, StatusCode::OK);
    place.factory.odoo.change_key("svc-mrp", "mrp-2");
    assert_eq!(caller.orders(&served).await, StatusCode::BAD_GATEWAY);
    // What cannot be read changes nothing.
    std::fs::write(place.path("secrets"), "odoo/read\n").unwrap();
    served.process.hang_up();
    tokio::time::sleep(std::time::Duration::from_millis(300)).await;
    assert_eq!(caller.inventory(&served).await, StatusCode::OK);
    write_secrets(&place, selvage_factory::READ_KEY, "mrp-2");
    served.process.hang_up();
    eventually("the changed key is used", || async { (caller.orders(&served).await == StatusCode::OK).then_some(()) })
        .await;
}

//! A server that lacks something: what needs it is parked with the reason, what does not goes on, and all returns by itself.

use reqwest::{Client, StatusCode};
use selvage_factory::odoo::{Fault, FaultKind, Hidden};
use serde_json::{Value, json};

use crate::fixture::{Place, Served, eventually, selvage, stdout};

const ORDERS: &str = "/production-orders/v1/production-orders";
const PRODUCTS: &str = "/products/v1/products";

struct Plant {
    place: Place,
    served: Served,
    client: Client,
    planning: String,
    ghent: String,
}

impl Plant {
    async fn open() -> Self {
        let place = Place::new().await;
        let store = place.data();
        let (planning, ghent) = (place.key(&store, "planning"), place.key(&store, "mes-ghent"));
        let served = place.serve(&store, &[]);
        Self { place, served, client: Client::new(), planning, ghent }
    }

    fn hide(&self, hidden: Hidden) {
        self.place.factory.odoo.hide(hidden);
    }

    async fn get(&self, key: &str, path: &str) -> (StatusCode, Value) {
        let request = self.client.get(format!("{}{path}", self.served.base)).bearer_auth(key);
        let answer = request.send().await.unwrap();
        (answer.status(), answer.json().await.unwrap_or(Value::Null))
    }

    async fn create(&self, idempotency: &str) -> (StatusCode, Value) {
        self.create_of(idempotency, "1").await
    }

    async fn create_of(&self, idempotency: &str, quantity: &str) -> (StatusCode, Value) {
        let body = json!({"product": "BIK-1", "quantity": {"value": quantity, "unit": "1"}, "site": "ghent"});
        let request = self.client.post(format!("{}{ORDERS}", self.served.base)).bearer_auth(&self.planning);
        let answer = request.header("idempotency-key", idempotency).json(&body).send().await.unwrap();
        (answer.status(), answer.json().await.unwrap())
    }

    async fn metrics(&self) -> String {
        self.client.get(&self.served.metrics).send().await.unwrap().text().await.unwrap()
    }

    /// Asks until the answer is the parked one.
    async fn until_parked(&self, path: &str) -> Value {
        eventually("it is parked", || async {
            let (status, body) = self.get(&self.planning, path).await;
            (status == StatusCode::SERVICE_UNAVAILABLE && body["code"] == "FAB5110").then_some(body)
        })
        .await
    }
}

/// A node tells operators what is parked, and nobody else.
fn told_on_the_command_line(plant: &Plant, operator: &str) {
    let key_file = plant.place.path("operator.key");
    std::fs::write(&key_file, operator).unwrap();
    let listed = |more: &[&str]| {
        let list =
            ["parked-operations", "list", "--node", &plant.served.console, "--key-file", key_file.to_str().unwrap()];
        selvage(&[&list[..], more].concat())
    };
    let table = stdout(&listed(&["--cause", "mapping", "--interface", "production-orders@1"]));
    assert!(table.contains("FAB5112") && table.contains("lot_producing_ids"), "{table}");
    assert!(stdout(&listed(&["--cause", "refused"])).starts_with("none"));
    let shown = |operation: &str| {
        let show = ["parked-operations", "show", "production-orders@1", operation, "--node", &plant.served.console];
        selvage(&[&show[..], &["--key-file", key_file.to_str().unwrap()]].concat())
    };
    let report = stdout(&shown("report"));
    for said in ["cause      mapping", "code       FAB5112", "lot_producing_ids", "fix ", "goes on by itself"] {
        assert!(report.contains(said), "{said}: {report}");
    }
    let whole = shown("explode");
    assert!(!whole.status.success() && stdout(&whole).contains("is not parked"), "{whole:?}");
    assert!(!listed(&["--cause", "nothing"]).status.success());
    std::fs::write(&key_file, "sk_nobody").unwrap();
    let refused = listed(&["--json"]);
    assert!(!refused.status.success() && String::from_utf8_lossy(&refused.stderr).contains("401"), "{refused:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_field_that_goes_parks_what_needs_it_until_it_is_back() {
    let plant = Plant::open().await;
    assert_eq!(plant.get(&plant.planning, ORDERS).await.0, StatusCode::OK);
    assert!(!plant.metrics().await.contains("selvage_engine_parked_operations{"));
    let (status, before) = plant.create("before").await;
    assert_eq!(status, StatusCode::CREATED, "{before}");

    let renamed = Hidden::Field {
        model: "mrp.production".to_owned(),
        field: "lot_producing_id".to_owned(),
        now: Some("lot_producing_ids".to_owned()),
    };
    plant.hide(renamed);
    let problem = plant.until_parked(ORDERS).await;
    let detail = problem["detail"].as_str().unwrap();
    for expected in ["`list` of `production-orders@1` is parked", "FAB5112", "`lot_producing_ids`", "\">=19\""] {
        assert!(detail.contains(expected), "{expected}: {detail}");
    }
    assert_eq!(plant.create("parked").await.0, StatusCode::SERVICE_UNAVAILABLE, "a write is parked before it is begun");
    let again = plant.create("before").await;
    assert_eq!(again, (StatusCode::CREATED, before), "a key that had its answer before has it still");
    let other = plant.create_of("before", "2").await;
    assert_eq!((other.0, other.1["code"].as_str()), (StatusCode::UNPROCESSABLE_ENTITY, Some("FAB5004")), "{}", other.1);
    assert_eq!(plant.get(&plant.planning, PRODUCTS).await.0, StatusCode::OK, "other interfaces go on");
    assert_eq!(plant.get(&plant.ghent, "/work-orders/v1/work-orders").await.0, StatusCode::OK);

    let metrics = plant.metrics().await;
    let line = "selvage_engine_parked_operations{interface=\"production-orders@1\",operation=\"report\",system=\"odoo\",code=\"FAB5112\",cause=\"mapping\"} 1";
    assert!(metrics.contains(line), "{metrics}");
    assert!(!metrics.contains("selvage_engine_parked_operations{interface=\"products@1\""));
    let data = plant.place.path("data").display().to_string();
    let operator = stdout(&selvage(&["operator", "add", "ann", "--data", &data])).trim().to_owned();
    let cookies = Client::builder().redirect(reqwest::redirect::Policy::none()).build().unwrap();
    let page = eventually("the console shows what is parked", || async {
        let login = cookies.post(format!("{}/login", plant.served.console)).body(format!("key={operator}"));
        let login = login.header("content-type", "application/x-www-form-urlencoded").send().await.unwrap();
        let cookie = login.headers().get("set-cookie")?.to_str().unwrap().to_owned();
        let page = cookies.get(&plant.served.console).header("cookie", cookie).send().await.unwrap();
        Some(page.text().await.unwrap())
    })
    .await;
    assert!(page.contains("Parked operations") && page.contains("lot_producing_ids"), "{page}");
    // By the class of what is in the way, as dead letters are found.
    for (query, found) in [("cause=mapping&interface=production-orders@1", true), ("cause=refused", false)] {
        let asked = format!("{}/api/parked-operations?{query}", plant.served.console);
        let body: Value = plant.client.get(asked).bearer_auth(&operator).send().await.unwrap().json().await.unwrap();
        let first = &body["items"][0];
        assert_eq!(first["cause"] == "mapping" && first["code"] == "FAB5112", found, "{query}: {body}");
        assert_eq!(body["items"].as_array().map(Vec::is_empty), Some(!found), "{body}");
    }

    told_on_the_command_line(&plant, &operator);
    plant.place.factory.odoo.show_all();
    eventually("it goes on by itself", || async {
        (plant.get(&plant.planning, ORDERS).await.0 == StatusCode::OK).then_some(())
    })
    .await;
    assert_eq!(plant.create("parked").await.0, StatusCode::CREATED, "the same key is carried out now");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_right_that_goes_parks_the_verbs_that_need_it_and_nothing_else() {
    let plant = Plant::open().await;
    let right = |right: &str| Hidden::Right {
        model: "mrp.production".to_owned(),
        right: right.to_owned(),
        login: Some("svc-mrp".to_owned()),
    };
    plant.hide(right("create"));
    let mut tries = 0;
    let problem = eventually("creating is parked", || {
        tries += 1;
        let key = format!("k1-{tries}");
        let plant = &plant;
        async move {
            let (status, body) = plant.create(&key).await;
            (status == StatusCode::SERVICE_UNAVAILABLE && body["code"] == "FAB5110").then_some(body)
        }
    })
    .await;
    let detail = problem["detail"].as_str().unwrap();
    assert!(detail.contains("FAB5114") && detail.contains("`svc-mrp` may not create `mrp.production`"), "{detail}");
    assert_eq!(plant.get(&plant.planning, ORDERS).await.0, StatusCode::OK, "reading goes on");
    let metrics = plant.metrics().await;
    assert!(metrics.contains("operation=\"create\"") && !metrics.contains("operation=\"release\",system"), "{metrics}");
    plant.place.factory.odoo.show_all();
    eventually("it goes on", || async { (plant.create("k2").await.0 == StatusCode::CREATED).then_some(()) }).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_cannot_be_asked_parks_nothing() {
    let plant = Plant::open().await;
    assert_eq!(plant.get(&plant.planning, ORDERS).await.0, StatusCode::OK);
    plant.place.factory.odoo.inject(Fault::always(FaultKind::Status(502)));
    for _ in 0..5 {
        let (status, body) = plant.get(&plant.planning, ORDERS).await;
        assert!(status.is_server_error() && body["code"] != "FAB5110", "{body}");
        tokio::time::sleep(std::time::Duration::from_millis(300)).await;
    }
    assert!(!plant.metrics().await.contains("selvage_engine_parked_operations{"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_model_that_is_not_there_is_named_with_its_module() {
    let plant = Plant::open().await;
    plant.hide(Hidden::Model("mrp.workorder".to_owned()));
    let path = "/work-orders/v1/work-orders";
    let problem = eventually("work orders are parked", || async {
        let (status, body) = plant.get(&plant.ghent, path).await;
        (status == StatusCode::SERVICE_UNAVAILABLE && body["code"] == "FAB5110").then_some(body)
    })
    .await;
    let detail = problem["detail"].as_str().unwrap();
    assert!(detail.contains("FAB5111") && detail.contains("module `mrp`"), "{detail}");
    assert_eq!(plant.get(&plant.planning, ORDERS).await.0, StatusCode::OK);
}

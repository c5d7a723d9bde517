//! The MES and the warehouse over HTTP. The MES works against a gateway that answers as the API conventions say, troubles included.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::extract::{Path, Request, State};
use axum::http::{Method, StatusCode};
use axum::routing::any;
use axum::{Json, Router};
use selvage_factory::mes::{Counts, ShiftConfig};
use selvage_factory::{Factory, FactoryConfig};
use serde_json::{Value, json};

/// One order with one work order, and every request that came.
#[derive(Default)]
struct Plant {
    work: &'static str,
    reported: bool,
    troubles: Vec<u16>,
    seen: Vec<String>,
}

type Shared = Arc<Mutex<Plant>>;

async fn gateway(State(plant): State<Shared>, Path(path): Path<String>, request: Request) -> (StatusCode, Json<Value>) {
    let post = *request.method() == Method::POST;
    let headers = request.headers().clone();
    assert_eq!(headers["authorization"], "Bearer plant-key");
    assert_eq!(headers.contains_key("idempotency-key"), post, "{path}");
    let query = request.uri().query().unwrap_or_default().to_owned();
    let body = axum::body::to_bytes(request.into_body(), 10_000).await.unwrap();
    let mut plant = plant.lock().unwrap();
    if post {
        plant.seen.push(format!("{path} {}", String::from_utf8_lossy(&body)));
        if let Some(trouble) = plant.troubles.pop() {
            return (StatusCode::from_u16(trouble).unwrap(), Json(json!({})));
        }
    }
    let order = json!({
        "id": "odoo-7", "number": "GHENT/MO/00007", "product": "BIK-1", "site": "ghent", "status": "confirmed",
        "quantity": { "value": "4", "unit": "1" }, "produced": { "value": "0", "unit": "1" },
    });
    let answer = match path.as_str() {
        "production-orders/v1/production-orders" if query.contains("status=confirmed") && !plant.reported => {
            json!([order])
        }
        "production-orders/v1/production-orders/odoo-7/report" => {
            plant.reported = true;
            return (StatusCode::OK, Json(order));
        }
        "work-orders/v1/work-orders" => json!([{ "id": "odoo-9", "status": plant.work }]),
        "work-orders/v1/work-orders/odoo-9/start" => {
            plant.work = "progress";
            json!([])
        }
        "work-orders/v1/work-orders/odoo-9/finish" => {
            plant.work = "done";
            json!([])
        }
        _ => json!([]),
    };
    (StatusCode::OK, Json(json!({ "items": answer, "next": null })))
}

async fn serve(plant: Shared) -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let router = Router::new().route("/{*path}", any(gateway)).with_state(plant);
    tokio::spawn(async move { axum::serve(listener, router).await });
    url
}

#[tokio::test]
async fn a_shift_works_an_order_to_its_report_whatever_is_answered() {
    let plant = Arc::new(Mutex::new(Plant { work: "ready", troubles: vec![202, 503, 409], ..Plant::default() }));
    let factory = Factory::start(FactoryConfig::default()).await.unwrap();
    let config = ShiftConfig {
        base_url: serve(Arc::clone(&plant)).await,
        api_key: "plant-key".to_owned(),
        planning_key: None,
        site: "ghent".to_owned(),
        product: "BIK-1".to_owned(),
        leave_alone: vec!["odoo-8".to_owned()],
        pace: Duration::from_millis(5),
    };
    let shift = factory.mes.start_shift(config).unwrap();
    let finished = async {
        while !plant.lock().unwrap().reported {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), finished).await.unwrap();
    let health: Value = get(&format!("{}/api/health", factory.mes_url())).await;
    assert_eq!(health, json!({ "status": "ok", "shifts": 1 }));
    shift.stop();
    let verbs: Vec<String> =
        plant.lock().unwrap().seen.iter().map(|seen| seen.split(' ').next().unwrap().to_owned()).collect();
    let (start, finish) = ("work-orders/v1/work-orders/odoo-9/start", "work-orders/v1/work-orders/odoo-9/finish");
    let report = "production-orders/v1/production-orders/odoo-7/report";
    // Troubles strike first: the start is asked four times, and takes effect once.
    assert_eq!(verbs, [start, start, start, start, finish, report]);
    let reports: Value = get(&format!("{}/api/reports", factory.mes_url())).await;
    let expected = json!({
        "order": "odoo-7", "site": "ghent", "quantity": "4", "lot": "GHENT-ODOO-7", "remainder": "close", "status": 200,
    });
    assert_eq!(reports["items"], json!([expected]));
    let Counts { accepted, conflicts, failed, refused, .. } = factory.mes.counts();
    assert_eq!((accepted, conflicts, failed, refused), (1, 1, 1, 0));
    let orders: Value = get(&format!("{}/api/orders", factory.mes_url())).await;
    assert_eq!(orders["items"][0]["number"], "GHENT/MO/00007");
}

#[tokio::test]
async fn a_refused_order_is_set_aside_and_counted() {
    let plant = Arc::new(Mutex::new(Plant { work: "ready", troubles: vec![403], ..Plant::default() }));
    let factory = Factory::start(FactoryConfig::default()).await.unwrap();
    let config = ShiftConfig {
        base_url: serve(Arc::clone(&plant)).await,
        api_key: "plant-key".to_owned(),
        planning_key: Some("plant-key".to_owned()),
        site: "ghent".to_owned(),
        product: "BIK-1".to_owned(),
        leave_alone: vec!["odoo-8".to_owned()],
        pace: Duration::from_millis(5),
    };
    let _shift = factory.mes.start_shift(config).unwrap();
    let planned = async {
        while plant.lock().unwrap().seen.len() < 2 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), planned).await.unwrap();
    assert_eq!(factory.mes.counts().refused, 1);
    let second = plant.lock().unwrap().seen[1].clone();
    assert!(second.starts_with("production-orders/v1/production-orders {\"product\":\"BIK-1\""), "{second}");
}

#[tokio::test]
async fn the_old_warehouse_lists_its_bins() {
    let factory = Factory::start(FactoryConfig::default()).await.unwrap();
    let list = get(&format!("{}/api/stock", factory.wms_url())).await;
    assert_eq!(list.as_array().unwrap().len(), 4);
    let one = get(&format!("{}/api/stock/FRM-1", factory.wms_url())).await;
    assert_eq!(one, json!({ "sku": "FRM-1", "bin": "A-01-3", "qty": 40, "uom": "EA" }));
    let missing = reqwest::get(format!("{}/api/stock/NO", factory.wms_url())).await.unwrap();
    assert_eq!(missing.status(), 404);
    factory.shutdown().await;
}

async fn get(url: &str) -> Value {
    let text = reqwest::get(url).await.unwrap().text().await.unwrap();
    serde_json::from_str(&text).unwrap()
}

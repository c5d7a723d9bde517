//! The old warehouse system: a list of stock as plain JSON, the way such systems have it. Read only, without keys of its own.
//! Selvage puts a key, a contract and an end date in front of it.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::routing::get;
use axum::{Json, Router};
use serde_json::{Value, json};

/// How to start the warehouse system.
#[derive(Clone, Debug)]
pub struct WmsConfig {
    /// The port on 127.0.0.1; 0 takes a free one.
    pub port: u16,
    /// What lies in the warehouse.
    pub stock: Vec<Bin>,
}

/// A bin with what is in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bin {
    /// The product's code.
    pub sku: String,
    /// Where it is.
    pub bin: String,
    /// Whole units or kilograms.
    pub quantity: u32,
    /// `EA` or `KGM`.
    pub unit: String,
}

impl Default for WmsConfig {
    fn default() -> Self {
        let bin = |sku: &str, bin: &str, quantity, unit: &str| Bin {
            sku: sku.to_owned(),
            bin: bin.to_owned(),
            quantity,
            unit: unit.to_owned(),
        };
        let stock = vec![
            bin("FRM-1", "A-01-3", 40, "EA"),
            bin("WHL-1", "A-02-1", 96, "EA"),
            bin("PNT-1", "H-07-2", 55, "KGM"),
            bin("BIK-1", "S-11-4", 7, "EA"),
        ];
        Self { port: 0, stock }
    }
}

impl Bin {
    fn write(&self) -> Value {
        json!({ "sku": self.sku, "bin": self.bin, "qty": self.quantity, "uom": self.unit })
    }
}

pub(crate) fn router(config: &WmsConfig) -> Router {
    Router::new()
        .route("/api/stock", get(list))
        .route("/api/stock/", get(list))
        .route("/api/stock/{sku}", get(one))
        .with_state(Arc::new(config.stock.clone()))
}

async fn list(State(stock): State<Arc<Vec<Bin>>>) -> Json<Value> {
    Json(stock.iter().map(Bin::write).collect())
}

async fn one(State(stock): State<Arc<Vec<Bin>>>, Path(sku): Path<String>) -> (StatusCode, Json<Value>) {
    match stock.iter().find(|bin| bin.sku == sku) {
        Some(bin) => (StatusCode::OK, Json(bin.write())),
        None => (StatusCode::NOT_FOUND, Json(json!({ "error": "no such sku" }))),
    }
}

//! A factory, a store and engines on them, and requests in few words.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use selvage_engine::{Engine, EngineConfig, EngineTask};
use selvage_factory::odoo::OdooVersion;
use selvage_factory::{Factory, FactoryConfig, RunningFactory};
use selvage_model::exchange::{MediatedAnswer, MediatedRequest, Scope};
use selvage_model::fabric::Fabric;
use selvage_model::manifest::api::Operation;
use selvage_model::manifest::system::SecretName;
use selvage_model::operation::OperationId;
use selvage_model::problem::Problem;
use selvage_model::read::{self, Sources};
use selvage_store::Store;
use serde_json::{Value, json};
use tempfile::TempDir;

/// How long the simulated Odoo's transactions may run. The connector gives up after a quarter of it.
pub(crate) const LONGEST: Duration = Duration::from_secs(4);
/// How long a dead node's work lies still.
pub(crate) const LEASE: Duration = Duration::from_secs(1);

/// Where a test takes place.
pub(crate) struct Bench {
    pub(crate) factory: RunningFactory,
    pub(crate) store_url: String,
    pub(crate) fabric: Arc<Fabric>,
    _directory: TempDir,
}

/// An engine with what it runs by itself.
pub(crate) struct Node {
    pub(crate) engine: Engine,
    _task: EngineTask,
}

impl Bench {
    pub(crate) async fn new() -> Self {
        Self::of(OdooVersion::V18).await
    }

    pub(crate) async fn of(version: OdooVersion) -> Self {
        let mut config = FactoryConfig::default();
        config.odoo.version = version;
        Self::with(config).await
    }

    pub(crate) async fn with(config: FactoryConfig) -> Self {
        let factory = Factory::start(config).await.unwrap();
        let directory = TempDir::new().unwrap();
        let store_url = format!("sqlite:{}", directory.path().join("store.db").display());
        let fabric = fabric(&factory.odoo_url());
        Self { factory, store_url, fabric, _directory: directory }
    }

    /// The store as a node of this bench sees it.
    pub(crate) async fn store(&self) -> Store {
        self.store_of("dev").await
    }

    pub(crate) async fn store_of(&self, environment: &str) -> Store {
        Store::open(&self.store_url).await.unwrap().in_environment(&environment.parse().unwrap())
    }

    pub(crate) async fn node(&self, name: &str) -> Node {
        node(name, &self.store_url, Arc::clone(&self.fabric)).await
    }

    /// The orders of this origin, straight from the database.
    pub(crate) fn orders(&self, origin: &str) -> Vec<Value> {
        self.factory.odoo.orders_with_origin(origin)
    }

    /// The records of a model for which a condition holds, as an administrator reads them.
    pub(crate) fn read(&self, model: &str, domain: &Value) -> Vec<Value> {
        let options = json!({"domain": domain, "order": "id"});
        let found = self.factory.odoo.call(model, "search_read", &[], options.as_object().unwrap()).unwrap();
        found.as_array().unwrap().clone()
    }

    /// The id of the oldest order of Ghent (company 1) or Brno in this state.
    pub(crate) fn order_in(&self, company: i64, state: &str) -> i64 {
        let orders = self.factory.odoo.records("mrp.production");
        let found = orders.iter().find(|order| order["state"] == state && id_of(&order["company_id"]) == company);
        found.unwrap()["id"].as_i64().unwrap()
    }

    /// How often this method of this model was committed.
    pub(crate) fn committed(&self, model: &str, method: &str) -> usize {
        let journal = self.factory.odoo.journal();
        journal.iter().filter(|entry| entry.model == model && entry.method == method && entry.changed).count()
    }
}

pub(crate) async fn node(name: &str, store_url: &str, fabric: Arc<Fabric>) -> Node {
    node_of("dev", name, store_url, fabric).await
}

pub(crate) async fn node_of(environment: &str, name: &str, store_url: &str, fabric: Arc<Fabric>) -> Node {
    let config = EngineConfig {
        environment: environment.parse().unwrap(),
        node: name.to_owned(),
        lease: LEASE,
        key_lifetime: Duration::from_secs(3600),
        secrets: BTreeMap::from([
            (SecretName("odoo/read".to_owned()), "demo-read-key".to_owned()),
            (SecretName("odoo/mrp".to_owned()), "demo-mrp-key".to_owned()),
        ]),
    };
    let engine = Engine::new(config, &Store::open(store_url).await.unwrap()).unwrap();
    engine.activate(fabric).unwrap();
    let task = engine.run();
    Node { engine, _task: task }
}

/// The fabric of the tests: the shipped objects and mappings, and this Odoo.
pub(crate) fn fabric(url: &str) -> Arc<Fabric> {
    fabric_with(url, &[])
}

/// The same with these words put in the place of others.
pub(crate) fn fabric_with(url: &str, changes: &[(&str, &str)]) -> Arc<Fabric> {
    let mut sources = Sources::new();
    let pack = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../packs/odoo");
    for part in ["objects", "codes", "mappings"] {
        for file in std::fs::read_dir(pack.join(part)).unwrap() {
            let file = file.unwrap().path();
            sources.insert(format!("{part}/{}", file.file_name().unwrap().display()), std::fs::read(&file).unwrap());
        }
    }
    let mut declared = include_str!("fabric.yaml").replace("ODOO_URL", url);
    for (from, to) in changes {
        declared = declared.replace(from, to);
    }
    sources.insert("fabric.yaml", declared);
    let reading = read::read(&sources);
    assert!(reading.is_clean(), "{:#?}", reading.findings);
    Arc::new(reading.fabric)
}

/// A request of the consumer `planning`, who may do everything.
pub(crate) fn request(interface: &str, operation: Operation) -> MediatedRequest {
    MediatedRequest {
        interface: interface.parse().unwrap(),
        operation,
        id: None,
        consumer: "planning".parse().unwrap(),
        scope: Scope::default(),
        query: Vec::new(),
        body: None,
        key: None,
        if_match: None,
        correlation: "test".to_owned(),
        traceparent: None,
        patience: Duration::from_secs(20),
    }
}

pub(crate) fn list(interface: &str, query: &[(&str, &str)]) -> MediatedRequest {
    let query = query.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    MediatedRequest { query, ..request(interface, Operation::List) }
}

pub(crate) fn get(interface: &str, id: &str) -> MediatedRequest {
    MediatedRequest { id: Some(id.to_owned()), ..request(interface, Operation::Get) }
}

/// A new order of bicycles for Ghent; its origin says whose it is.
pub(crate) fn create(key: &str, origin: &str) -> MediatedRequest {
    let body = json!({
        "product": "BIK-1",
        "quantity": {"value": "3", "unit": "1"},
        "site": "ghent",
        "origin": origin,
    });
    MediatedRequest { body: Some(body), key: Some(key.to_owned()), ..request("production-orders@1", Operation::Create) }
}

pub(crate) fn verb(operation: Operation, id: i64, key: &str, body: Value) -> MediatedRequest {
    let interface = match operation {
        Operation::Start | Operation::Pause | Operation::Finish => "work-orders@1",
        _ => "production-orders@1",
    };
    MediatedRequest {
        id: Some(format!("odoo-{id}")),
        key: Some(key.to_owned()),
        body: Some(body),
        ..request(interface, operation)
    }
}

pub(crate) fn rows(attribute: &str, values: &[&str]) -> Scope {
    let values = values.iter().map(|value| json!(value)).collect();
    Scope { rows: vec![(attribute.parse().unwrap(), values)], except: vec![], masked: vec![] }
}

/// Status and body of an answer that is there.
pub(crate) fn done(answer: MediatedAnswer) -> (u16, Value) {
    match answer {
        MediatedAnswer::Done { status, body, found, .. } => {
            // Whatever a test asks for, what is answered fits its object.
            assert!(found.as_ref().is_none_or(Vec::is_empty), "{found:?} in {body:#}");
            (status, body)
        }
        other => panic!("not done: {other:?}"),
    }
}

pub(crate) fn refused(answer: MediatedAnswer) -> Problem {
    match answer {
        MediatedAnswer::Refused { problem, .. } => problem,
        other => panic!("not refused: {other:?}"),
    }
}

pub(crate) fn accepted(answer: MediatedAnswer) -> OperationId {
    match answer {
        MediatedAnswer::Accepted { operation } => operation,
        other => panic!("not accepted: {other:?}"),
    }
}

impl Node {
    pub(crate) async fn ask(&self, request: MediatedRequest) -> MediatedAnswer {
        self.engine.execute(request).await
    }

    pub(crate) async fn operation(&self, id: &OperationId) -> Value {
        self.engine.operation(&"planning".parse().unwrap(), id).await.unwrap()
    }

    /// Waits until an operation is in this state; says its body and how long that took.
    pub(crate) async fn until(&self, id: &OperationId, state: &str) -> (Value, Duration) {
        let begun = Instant::now();
        loop {
            let body = self.operation(id).await;
            if body["state"] == state {
                return (body, begun.elapsed());
            }
            assert!(begun.elapsed() < Duration::from_secs(30), "still {body:#}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// Sends the same request with the same key until it has its answer.
    pub(crate) async fn insist(&self, request: &MediatedRequest) -> MediatedAnswer {
        let begun = Instant::now();
        loop {
            match self.ask(request.clone()).await {
                MediatedAnswer::Accepted { .. } => {}
                MediatedAnswer::Refused { problem, .. } if passes(&problem) => {}
                answer => return answer,
            }
            assert!(begun.elapsed() < Duration::from_secs(60), "no answer to {:?}", request.key);
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }
}

/// The id of a many-to-one as the database stores it or as it is answered.
pub(crate) fn id_of(value: &Value) -> i64 {
    value.as_i64().or_else(|| value[0].as_i64()).unwrap_or_default()
}

/// A quantity as text without trailing zeros.
pub(crate) fn amount(value: &Value) -> String {
    selvage_connect::odoo::decimal(value).map_or_else(|| value.to_string(), |decimal| decimal.to_string())
}

/// Whether the same request may get another answer; a conflict without a time to come back is a refusal.
fn passes(problem: &Problem) -> bool {
    matches!(problem.status, 502..=504) || (problem.status == 409 && problem.retry_after.is_some())
}

//! A gateway that runs before an upstream, with an engine in memory behind it.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use selvage_gateway::{BoxFuture, Gateway, GatewayConfig, Held, Mediation, Snapshot};
use selvage_model::cloud_event::CloudEvent;
use selvage_model::code;
use selvage_model::event::Position;
use selvage_model::exchange::{MediatedAnswer, MediatedRequest};
use selvage_model::manifest::api::Operation;
use selvage_model::name::ConsumerName;
use selvage_model::operation::OperationId;
use selvage_model::problem::{FieldError, Problem};
use selvage_model::publication::{Kept, Publication, Published};
use serde_json::{Value, json};

use super::client::Client;
use super::fabric;
use super::upstream::Upstream;

/// An engine that answers by the record's id and keeps what it was asked.
#[derive(Default)]
pub struct Engine {
    pub asked: Mutex<Vec<MediatedRequest>>,
    /// What requests weigh whose key is `kept`: their work is never done.
    pub kept: Mutex<Vec<Held>>,
    /// How often it was asked what operations have come to.
    pub looked: AtomicUsize,
    /// How many such questions were let go of before their answer.
    pub left: Arc<AtomicUsize>,
}

/// Counts that a question was let go of.
struct Leaving(Arc<AtomicUsize>);

impl Drop for Leaving {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

pub fn operation_id() -> OperationId {
    OperationId::from_random(7)
}

/// One about which nobody ever answers.
pub fn late_operation_id() -> OperationId {
    OperationId::from_random(8)
}

impl Mediation for Engine {
    fn execute(&self, request: MediatedRequest, held: Held) -> BoxFuture<'static, MediatedAnswer> {
        let is_kept = request.key.as_deref() == Some("kept");
        if is_kept {
            self.kept.lock().unwrap().push(held);
        }
        self.asked.lock().unwrap().push(request.clone());
        if is_kept {
            return Box::pin(std::future::pending());
        }
        Box::pin(async move {
            match (request.operation, request.id.as_deref()) {
                (_, Some("late")) => {
                    tokio::time::sleep(Duration::from_secs(30)).await;
                    MediatedAnswer::Accepted { operation: operation_id() }
                }
                (_, Some("unknown")) => MediatedAnswer::Accepted { operation: operation_id() },
                (_, Some("unfit")) => {
                    let field = FieldError { pointer: "/lines/3/quantity".to_owned(), detail: "is missing".to_owned() };
                    let problem = Problem::new(422, code::BODY_UNFIT, "no").with_errors(vec![field]);
                    MediatedAnswer::Refused { problem, replayed: false }
                }
                (_, Some("off")) => off_object(),
                (_, Some("refused")) => {
                    let field = FieldError { pointer: "/quantity".to_owned(), detail: "is missing".to_owned() };
                    let problem = Problem::new(422, code::BAD_VALUE, "no").with_errors(vec![field]);
                    MediatedAnswer::Refused { problem, replayed: true }
                }
                (Operation::List, _) => done(200, json!({"items": [], "next": "c2"}), None, Some("limit=2&cursor=c2")),
                (Operation::Create, _) => {
                    done(201, request.body.unwrap_or_default(), Some("/orders/v1/orders/o-1"), None)
                }
                (_, id) => done(200, json!({"number": id}), None, None),
            }
        })
    }

    /// By the id of the first event: one is of no type, one does not fit, one fits ill and is kept, and all others are kept.
    fn publish(&self, publication: Publication, held: Held) -> BoxFuture<'static, Published> {
        drop(held);
        let at = |below: &str| format!("{}{below}", publication.pointer(0));
        let field = |below: &str| FieldError { pointer: at(below), detail: "does not fit".to_owned() };
        let refused = |status, code, below: &str| {
            Published::Refused(Problem::new(status, code, "no").with_errors(vec![field(below)]))
        };
        let published = match publication.events.first().map(|event| event.id.as_str()) {
            Some("stray") => refused(422, code::EVENT_UNPLACED, "/type"),
            Some("unfit") => refused(422, code::EVENT_OFF_CONTRACT, "/data/number"),
            first => {
                let found = if first == Some("ill") { vec![field("/data/number")] } else { Vec::new() };
                let kept = |event: &CloudEvent| Kept { id: event.id.clone(), position: Position::START, known: false };
                Published::Kept { events: publication.events.iter().map(kept).collect(), found }
            }
        };
        Box::pin(std::future::ready(published))
    }

    fn operation(&self, consumer: ConsumerName, id: OperationId) -> BoxFuture<'static, Option<Value>> {
        self.looked.fetch_add(1, Ordering::SeqCst);
        if id == late_operation_id() {
            let leaving = Leaving(Arc::clone(&self.left));
            return Box::pin(async move {
                let _leaving = leaving;
                std::future::pending().await
            });
        }
        let found = consumer.as_str() == "shop" && id == operation_id();
        Box::pin(async move { found.then(|| json!({"state": "pending"})) })
    }
}

fn done(status: u16, body: Value, location: Option<&str>, next: Option<&str>) -> MediatedAnswer {
    let (location, next) = (location.map(str::to_owned), next.map(str::to_owned));
    let etag = (status == 200 && next.is_none()).then(|| "\"0c\"".to_owned());
    MediatedAnswer::Done { status, body, location, etag, next, age: None, replayed: false, found: None }
}

/// An answer that does not fit its object.
fn off_object() -> MediatedAnswer {
    let body = json!({"number": "o-7", "lines": [{"quantity": 12}]});
    let field = |pointer: &str, detail: &str| FieldError { pointer: pointer.to_owned(), detail: detail.to_owned() };
    let found = vec![field("/lines/0/quantity", "12 is no string"), field("/site", "`site` is required")];
    let (location, etag, next, age) = (None, None, None, None);
    MediatedAnswer::Done { status: 200, body, location, etag, next, age, replayed: false, found: Some(found) }
}

pub struct Running {
    pub gateway: Gateway,
    pub engine: Arc<Engine>,
    pub upstream: Upstream,
}

impl Running {
    pub fn start() -> Self {
        Self::with(|_| {})
    }

    pub fn with(configure: impl FnOnce(&mut GatewayConfig)) -> Self {
        Self::serving(fabric::snapshot, configure)
    }

    /// With the fabric that is about limits.
    pub fn limits(configure: impl FnOnce(&mut GatewayConfig)) -> Self {
        Self::serving(fabric::limits, configure)
    }

    /// The same with another snapshot for an upstream at this address.
    pub fn serving(snapshot: impl FnOnce(&str) -> Snapshot, configure: impl FnOnce(&mut GatewayConfig)) -> Self {
        let upstream = Upstream::start();
        let snapshot = snapshot(&upstream.address.to_string());
        let mut config = GatewayConfig::new(SocketAddr::from(([127, 0, 0, 1], 0)));
        config.threads = 2;
        config.admin = Some(SocketAddr::from(([127, 0, 0, 1], 0)));
        configure(&mut config);
        let engine = Arc::new(Engine::default());
        let mediation: Arc<dyn Mediation> = Arc::<Engine>::clone(&engine);
        let gateway = Gateway::start(config, Arc::new(snapshot), mediation).unwrap();
        Self { gateway, engine, upstream }
    }

    pub fn client(&self) -> Client {
        Client::connect(self.gateway.address())
    }

    pub fn admin(&self) -> Client {
        Client::connect(self.gateway.admin_address().unwrap())
    }
}

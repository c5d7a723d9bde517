//! Pulling over a log in a file: pages, waiting, what is not there any more, groups and their turns.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    unreachable_pub,
    reason = "a test may fail loudly"
)]

mod events;
mod group;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use selvage_delivery::{Contracts, Handed, Hands, Held, Holding, Puller};
use selvage_log::{EventLog, SqlLog};
use selvage_model::cloud_event::CloudEvent;
use selvage_model::delivery::Cause;
use selvage_model::event::{NewRecord, Position};
use selvage_model::exchange::Scope;
use selvage_model::manifest::event::{Carried, EventInterface, EventType};
use selvage_model::name::InterfaceRef;
use selvage_model::problem::FieldError;
use selvage_model::pull::{Events, Page, Pull, PullAsk, Pulled};
use selvage_model::source::{Place, Spanned};
use selvage_store::Store;
use serde_json::json;
use tempfile::TempDir;

pub(crate) struct Stage {
    directory: TempDir,
    pub(crate) log: Arc<dyn EventLog>,
    pub(crate) store: Store,
    pub(crate) puller: Puller,
    pub(crate) contract: Arc<Contract>,
    interface: EventInterface,
}

fn stream() -> InterfaceRef {
    "work-order-events@1".parse().unwrap()
}

fn interface() -> EventInterface {
    let place = || Place::start("events.yaml");
    let declared = |name: &str| EventType {
        name: Spanned::new(name.to_owned(), place()),
        carried: Carried::Object(Spanned::new("work-order@1".parse().unwrap(), place())),
        when: None,
    };
    EventInterface {
        events: vec![declared("manufacturing.work-order.started"), declared("manufacturing.work-order.completed")],
        produced_by: None,
        lane: Some("data.id".to_owned()),
        retention: None,
        replay: None,
        capture: None,
        copy_max_age: None,
        compatibility: None,
    }
}

/// How many that fit, and that do not, are counted.
#[derive(Default)]
pub(crate) struct Contract {
    pub(crate) counted: Mutex<(u32, u32)>,
}

/// Data that says so does not fit; where it says `counted`, that is only counted.
impl Contracts for Contract {
    fn hold(&self, handed: Handed<'_>) -> Held {
        let unfit = handed.event.data.as_ref().and_then(|data| data.get("unfit"));
        let error = |pointer: &str| FieldError { pointer: pointer.to_owned(), detail: "is wrong".to_owned() };
        let errors = if unfit.is_some() { vec![error("/unfit"), error("/id")] } else { Vec::new() };
        let refuses = unfit.is_some_and(|unfit| unfit != "counted");
        Held { errors, cause: Cause::Contract, refuses, checked: true }
    }

    fn count(&self, _hands: Hands<'_>, held: &Held) {
        let mut counted = self.counted.lock().unwrap();
        if held.errors.is_empty() { counted.0 += 1 } else { counted.1 += 1 }
    }
}

impl Stage {
    pub(crate) async fn new() -> Self {
        let directory = TempDir::new().unwrap();
        let url = format!("sqlite:{}", directory.path().join("store.db").display());
        let store = Store::open(&url).await.unwrap();
        let log: Arc<dyn EventLog> = Arc::new(SqlLog::new(store.clone(), None).unwrap());
        log.open(&stream()).await.unwrap();
        Self::over(directory, store, log)
    }

    /// The same after the log was found behind this position.
    pub(crate) async fn put_back(self, acknowledged: &str) -> Self {
        self.log.end().await;
        self.store.open_event_stream(&stream(), Some(position(acknowledged))).await.unwrap();
        let log: Arc<dyn EventLog> = Arc::new(SqlLog::new(self.store.clone(), None).unwrap());
        log.open(&stream()).await.unwrap();
        Self::over(self.directory, self.store, log)
    }

    fn over(directory: TempDir, store: Store, log: Arc<dyn EventLog>) -> Self {
        let contract = Arc::new(Contract::default());
        let holding: Holding = contract.clone();
        let puller = Puller::new(Arc::clone(&log), store.clone(), holding);
        Self { directory, log, store, puller, contract, interface: interface() }
    }

    /// Appends events of this type, one for each number.
    pub(crate) async fn happens(&self, kind: &str, numbers: std::ops::Range<u32>) {
        let records = numbers.map(|number| {
            let data = json!({"id": number.to_string(), "site": if number % 2 == 0 { "ghent" } else { "brno" }});
            let event = CloudEvent {
                data: Some(data),
                lane: Some(number.to_string()),
                ..CloudEvent::new(number.to_string(), "/mes", format!("manufacturing.work-order.{kind}"))
            };
            NewRecord {
                id: event.record_id().unwrap(),
                lane: number.to_string().parse().unwrap(),
                body: event.record(),
            }
        });
        let records: Vec<NewRecord> = records.collect();
        for chunk in records.chunks(400) {
            self.log.append(&stream(), chunk.to_vec()).await.unwrap();
        }
    }

    /// Appends an event whose data does not fit.
    pub(crate) async fn is_unfit(&self, id: &str, unfit: &str) {
        let kind = "manufacturing.work-order.completed";
        let data = json!({"id": id, "site": "ghent", "unfit": unfit});
        let event = CloudEvent { data: Some(data), lane: Some(id.to_owned()), ..CloudEvent::new(id, "/mes", kind) };
        let record = NewRecord { id: event.record_id().unwrap(), lane: id.parse().unwrap(), body: event.record() };
        self.log.append(&stream(), vec![record]).await.unwrap();
    }

    pub(crate) async fn ask(&self, ask: PullAsk) -> Pulled {
        self.ask_as("planning", Scope::default(), ask).await
    }

    pub(crate) async fn ask_as(&self, consumer: &str, scope: Scope, ask: PullAsk) -> Pulled {
        let pull = Pull { interface: stream(), consumer: consumer.parse().unwrap(), scope, ask };
        self.puller.pull(pull, &self.interface).await
    }

    pub(crate) async fn page(&self, events: Events) -> Page {
        match self.ask(PullAsk::Events(events)).await {
            Pulled::Page(page) => page,
            other => panic!("{other:?}"),
        }
    }
}

pub(crate) fn after(position: &str) -> Events {
    Events { after: position.parse().unwrap(), limit: 500, wait: Duration::ZERO, types: Vec::new() }
}

pub(crate) fn position(text: &str) -> Position {
    text.parse().unwrap()
}

pub(crate) fn ids(page: &Page) -> Vec<&str> {
    page.events.iter().map(|(_, event)| event["id"].as_str().unwrap()).collect()
}

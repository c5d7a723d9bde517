//! The bridge from the gateway's threads to the engine's runtime, in one process.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use futures_util::future::BoxFuture;
use jiff::Timestamp;
use selvage_delivery::Puller;
use selvage_engine::Engine;
use selvage_gateway::{Held, Mediation};
use selvage_model::access::{AccessState, Block, Blocked, EndAction};
use selvage_model::arrival::{Arrival, WebhookCall};
use selvage_model::code;
use selvage_model::exchange::{MediatedAnswer, MediatedRequest, Scope};
use selvage_model::fabric::Fabric;
use selvage_model::manifest::interface::InterfaceBody;
use selvage_model::name::{ConsumerName, EnvironmentName, InterfaceRef};
use selvage_model::operation::OperationId;
use selvage_model::problem::Problem;
use selvage_model::publication::{Publication, Published};
use selvage_model::pull::{Pull, Pulled};
use selvage_store::Store;
use serde_json::Value;
use tokio::runtime::Handle;
use tokio::task::JoinHandle;

use super::events::Behindhand;
use super::governed::Governed;
use super::handed::HandedOut;
use super::issuers::IssuerFigures;
use super::leases::LeaseFigures;
use super::release::Current;
use super::usage::Figures;

/// The engine in this process.
pub(crate) struct EngineMediation {
    engine: Engine,
    store: Store,
    environment: EnvironmentName,
    current: Arc<Current>,
    handed_out: HandedOut,
    runtime: Handle,
    told: Told,
}

/// What the tasks beside the gateway say of themselves at `/metrics`.
#[derive(Clone, Default)]
pub(crate) struct Told {
    pub(crate) usage: Arc<Figures>,
    pub(crate) issuers: Arc<IssuerFigures>,
    pub(crate) deliveries: selvage_delivery::Figures,
    pub(crate) behind: Arc<Behindhand>,
    pub(crate) leases: Arc<LeaseFigures>,
    pub(crate) governed: Arc<Governed>,
}

impl EngineMediation {
    /// Work is done on the runtime that this is called in.
    pub(crate) fn new(
        engine: &Engine,
        (store, environment): (Store, EnvironmentName),
        (current, handed_out): (&Arc<Current>, &HandedOut),
        told: Told,
    ) -> Self {
        let (engine, current, handed_out) = (engine.clone(), Arc::clone(current), handed_out.clone());
        Self { engine, store, environment, current, handed_out, runtime: Handle::current(), told }
    }
}

impl Mediation for EngineMediation {
    fn execute(&self, request: MediatedRequest, held: Held) -> BoxFuture<'static, MediatedAnswer> {
        let engine = self.engine.clone();
        let work = self.runtime.spawn(async move {
            let _held = held;
            engine.execute(request).await
        });
        Box::pin(async move {
            work.await.unwrap_or_else(|_| {
                let detail = "the work on this request ended before its answer; ask again with the same key";
                MediatedAnswer::Refused {
                    problem: Problem::new(503, code::WORK_ENDED, detail).retry_after(1),
                    replayed: false,
                }
            })
        })
    }

    fn publish(&self, publication: Publication, held: Held) -> BoxFuture<'static, Published> {
        let engine = self.engine.clone();
        let work = self.runtime.spawn(async move {
            let _held = held;
            engine.publish(publication).await
        });
        Box::pin(async move {
            work.await.unwrap_or_else(|_| {
                let detail = "the work on these events ended before its answer; send them again, with the same ids";
                Published::Refused(Problem::new(503, code::WORK_ENDED, detail).retry_after(1))
            })
        })
    }

    fn pull(&self, pull: Pull) -> BoxFuture<'static, Pulled> {
        let release = Arc::clone(&self.current.active().release);
        let heard = self.told.behind.heard.clone();
        let puller = self
            .engine
            .events()
            .map(|log| Puller::new(log, self.store.clone(), self.handed_out.holding()).heard_by(heard));
        let work = Reading(self.runtime.spawn(async move {
            let interface = release.fabric.interfaces.get(&pull.interface).map(|interface| &interface.body);
            match (puller, interface) {
                (Some(puller), Some(InterfaceBody::Event(interface))) => puller.pull(pull, interface).await,
                _ => unpulled("the log of events is not open yet"),
            }
        }));
        Box::pin(async move { work.await.unwrap_or_else(|| unpulled("reading ended before its answer; ask again")) })
    }

    fn operation(&self, consumer: ConsumerName, id: OperationId) -> BoxFuture<'static, Option<Value>> {
        let (engine, current) = (self.engine.clone(), Arc::clone(&self.current));
        let environment = self.environment.clone();
        let work = Reading(self.runtime.spawn(async move {
            let active = current.active();
            let known = (&active.access, &environment, active.release.fabric.as_ref());
            let covered = |interface: &InterfaceRef| granted(known, &consumer, interface, Timestamp::now());
            engine.operation_within(&consumer, &id, covered).await
        }));
        Box::pin(async move { work.await.flatten() })
    }

    fn call(&self, call: WebhookCall, held: Held) -> BoxFuture<'static, Arrival> {
        let engine = self.engine.clone();
        // It goes on even if the sender is gone: the sender will send it again, and it is the same event then.
        let work = self.runtime.spawn(async move {
            let _held = held;
            engine.call(call).await
        });
        Box::pin(async move {
            work.await.unwrap_or_else(|_| {
                let detail = "the work on this call ended before its answer; send it again with the same id";
                Arrival::Refused(Problem::new(503, code::WORK_ENDED, detail).retry_after(1))
            })
        })
    }

    fn figures(&self) -> String {
        let Told { usage, issuers, deliveries, behind, leases, governed } = &self.told;
        self.engine.figures()
            + &usage.text()
            + &issuers.text()
            + &deliveries.exposition()
            + &behind.text()
            + &leases.text()
            + &governed.text()
            + &self.handed_out.text()
    }
}

fn unpulled(detail: &str) -> Pulled {
    Pulled::Refused { problem: Problem::new(503, code::EVENTS_UNTAKEN, detail).retry_after(1), next: None }
}

/// Reading for somebody who waits: it ends with whoever waits for it. Nothing where it ended before its answer.
struct Reading<T>(JoinHandle<T>);

impl<T> Future for Reading<T> {
    type Output = Option<T>;
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<T>> {
        Pin::new(&mut self.0).poll(cx).map(Result::ok)
    }
}

impl<T> Drop for Reading<T> {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// What a consumer's lease on an interface covers here and now; `None` where it has none. INVARIANT: FAIL-SAFE: time alone ends
/// only what is not tier-1.
fn granted(
    (access, environment, fabric): (&AccessState, &EnvironmentName, &Fabric),
    consumer: &ConsumerName,
    interface: &InterfaceRef,
    now: Timestamp,
) -> Option<Scope> {
    let blocked = |block: &Block| match &block.what {
        Blocked::Consumer(name) => name == consumer,
        Blocked::Interface(blocked) => blocked == interface,
    };
    if access.blocks.iter().any(blocked) {
        return None;
    }
    let lease = access.grants_in(environment).find(|lease| {
        let goes_on = lease.terms.on_end == EndAction::Alarm || lease.terms.until.is_none_or(|until| until > now);
        &lease.consumer == consumer && &lease.interface == interface && lease.ended.is_none() && goes_on
    })?;
    Some(Scope::on(&lease.terms, fabric, interface))
}

#[cfg(test)]
mod tests {
    use selvage_model::access::{GrantTerms, LiveGrant};

    use super::*;

    #[tokio::test]
    async fn reading_ends_with_whoever_waits_for_it() {
        let (holds, held) = tokio::sync::oneshot::channel::<()>();
        let reading = Reading(tokio::spawn(async move {
            let _holds = holds;
            std::future::pending::<()>().await;
        }));
        tokio::task::yield_now().await;
        drop(reading);
        assert!(held.await.is_err(), "the work was dropped");
        assert_eq!(Reading(tokio::spawn(async { 1 })).await, Some(1));
    }

    #[test]
    fn what_a_lease_covers_ends_with_it() {
        let now: Timestamp = "2026-11-23T06:00:00Z".parse().unwrap();
        let before: Timestamp = "2026-11-22T06:00:00Z".parse().unwrap();
        let (consumer, interface): (ConsumerName, InterfaceRef) = ("mes".parse().unwrap(), "orders@1".parse().unwrap());
        let table = [
            (None, EndAction::End, None, None, true),
            (Some(before), EndAction::End, None, None, false),
            (Some(before), EndAction::Alarm, None, None, true),
            (None, EndAction::Alarm, Some(before), None, false),
            (None, EndAction::End, None, Some("prod"), true),
            (None, EndAction::End, None, Some("test"), false),
        ];
        let prod: EnvironmentName = "prod".parse().unwrap();
        for (until, on_end, ended, environment, covers) in table {
            let terms =
                GrantTerms { except: vec!["origin".parse().unwrap()], until, on_end, ..GrantTerms::whole(["get"]) };
            let grant = LiveGrant {
                id: "g".to_owned(),
                consumer: consumer.clone(),
                interface: interface.clone(),
                terms: terms.into(),
                environment: environment.map(|name| name.parse().unwrap()),
                ended,
            };
            let access = AccessState { revision: 1, grants: vec![grant], ..AccessState::default() };
            let scope = granted((&access, &prod, &Fabric::default()), &consumer, &interface, now);
            assert_eq!(scope.is_some(), covers, "{until:?} {on_end:?} {ended:?} {environment:?}");
            assert!(scope.is_none_or(|scope| scope.except.len() == 1));
        }
    }
}

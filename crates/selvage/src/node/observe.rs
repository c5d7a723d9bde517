//! Gathers what the console's pages show, from the release, the gateway's counters, the engine and the store.

mod lanes;

use std::collections::BTreeMap;
use std::sync::{Arc, Weak};
use std::time::Duration;

use jiff::Timestamp;
use selvage_control::desk::uses;
use selvage_control::{CatalogueView, Observe, ViewCatalogue, ViewContracts, ViewUsage};
use selvage_engine::Engine;
use selvage_gateway::{Gateway, ShadowSample, Traffic};
use selvage_model::access::{AccessState, EndAction, LiveGrant};
use selvage_model::contract_check::{newest, readiness};
use selvage_model::fabric::Fabric;
use selvage_model::manifest::api::Api;
use selvage_model::manifest::interface::{Check, Interface, Lifecycle};
use selvage_model::manifest::system::{Connector, System};
use selvage_model::name::EnvironmentName;
use selvage_model::overview::{
    BreakGlassRow, ContractsView, Health, InterfaceRow, Overview, ShadowRow, SystemRow, UsageView,
};
use selvage_store::{Store, StoreError};

use super::reachability::Reachability;
use super::release::Current;
pub(crate) use lanes::lanes;

/// Seconds of a day.
const DAY: i64 = 86_400;

/// The console's view of this node.
pub(crate) fn observer(
    current: Arc<Current>,
    gateway: Weak<Gateway>,
    engine: Engine,
    reachability: Reachability,
    environment: EnvironmentName,
) -> Observe {
    Arc::new(move || {
        let (current, gateway, engine) = (Arc::clone(&current), Weak::clone(&gateway), engine.clone());
        let (environment, reachability) = (environment.clone(), reachability.clone());
        Box::pin(async move { gather(&current, traffic(&gateway), &engine, &reachability, &environment).await })
    })
}

/// The console's view of usage, of all nodes; empty where the store does not answer.
pub(crate) fn usage(store: Store) -> ViewUsage {
    Arc::new(move || {
        let store = store.clone();
        Box::pin(async move {
            view_usage(&store).await.unwrap_or_else(|error| {
                tracing::warn!("usage cannot be shown: {error}");
                UsageView::default()
            })
        })
    })
}

/// The console's view of contracts, of all nodes; only what is declared where the store does not answer.
pub(crate) fn contracts(store: Store, current: Arc<Current>) -> ViewContracts {
    Arc::new(move || {
        let (store, current) = (store.clone(), Arc::clone(&current));
        Box::pin(async move {
            let checks = store.contract_checks().await.unwrap_or_else(|error| {
                tracing::warn!("what was found in messages cannot be shown: {error}");
                Vec::new()
            });
            let fabric = Arc::clone(&current.active().release.fabric);
            let mut view = ContractsView { now: Timestamp::now(), checks: newest(checks), ..ContractsView::default() };
            view.sides = readiness(&view.checks);
            declared(&fabric, &mut view);
            view
        })
    })
}

/// What the console's catalogue is made of: what runs here, and the leases that count here; without last uses where the store does not
/// answer.
pub(crate) fn catalogue(store: Store, current: Arc<Current>, environment: EnvironmentName) -> ViewCatalogue {
    Arc::new(move || {
        let (store, current, environment) = (store.clone(), Arc::clone(&current), environment.clone());
        Box::pin(async move {
            let now = Timestamp::now();
            let last_used = uses(&store, now, now).await.map(|uses| uses.last).unwrap_or_else(|error| {
                tracing::warn!("when grants were used last cannot be shown: {error}");
                BTreeMap::new()
            });
            let active = current.active();
            CatalogueView {
                fabric: Arc::clone(&active.release.fabric),
                grants: active.access.grants_in(&environment).cloned().collect(),
                last_used,
            }
        })
    })
}

/// Adds what the fabric says of APIs: how they are checked now, and which direct ones are not. What a mediated one is sent needs no
/// word: it is always checked.
fn declared(fabric: &Fabric, view: &mut ContractsView) {
    for interface in fabric.interfaces.values() {
        let (reference, validation) = (interface.reference(), interface.validation);
        let is_direct = match interface.api() {
            Some(api) => matches!(api, Api::Direct { .. }),
            None => continue,
        };
        if matches!(interface.lifecycle, Lifecycle::Retired { .. }) {
            continue;
        }
        let request = if is_direct { validation.request } else { Check::Off };
        let sides = [("request", request), ("response", validation.response)];
        if is_direct && sides.iter().all(|(_, check)| *check == Check::Off) {
            view.unread.push(reference);
            continue;
        }
        for (side, check) in sides {
            let mode = match check {
                Check::Off => continue,
                Check::Report => "report",
                Check::Enforce => "enforce",
            };
            view.sides.entry((reference.clone(), side.to_owned())).or_default().mode = mode.to_owned();
        }
    }
}

async fn view_usage(store: &Store) -> Result<UsageView, StoreError> {
    let now = Timestamp::now();
    let day = now.as_second() - now.as_second().rem_euclid(DAY);
    let since = Timestamp::from_second(day - (UsageView::DAYS as i64 - 1) * DAY).unwrap_or(now);
    Ok(UsageView {
        today: Timestamp::from_second(day).unwrap_or(now),
        // Requests, and what was delivered without any.
        totals: uses(store, since, now).await?.totals,
        course: store.usage_course(since, now, Duration::from_secs(DAY.unsigned_abs())).await?,
        shadows: store.shadow_since(since).await?,
        gaps: store.usage_gaps(since).await?,
    })
}

async fn gather(
    current: &Current,
    traffic: Traffic,
    engine: &Engine,
    reachability: &Reachability,
    environment: &EnvironmentName,
) -> Overview {
    let active = current.active();
    let fabric = &active.release.fabric;
    let mut health = engine.systems();
    health.extend(reachability.health());
    let calls = engine.calls();
    let systems = fabric.systems.values().map(|system| {
        let health = health.iter().find(|(name, _)| name == &system.name).map(|(_, health)| health.clone());
        let calls = calls.get(&system.name).copied();
        SystemRow { calls, ..system_row(system, environment, health.unwrap_or(Health::Unknown)) }
    });
    Overview {
        fabric: fabric.settings.as_ref().map(|settings| settings.name.to_string()).unwrap_or_default(),
        environment: environment.to_string(),
        release: active.release.id.clone(),
        since: active.since,
        systems: systems.collect(),
        interfaces: fabric.interfaces.values().map(|interface| interface_row(fabric, interface, &traffic)).collect(),
        shadow: traffic.shadow,
        shadow_samples: traffic.shadow_samples.iter().rev().map(shadow_row).collect(),
        unresolved: engine.unresolved().await,
        parked: engine.parked(),
        rejected: current.rejected(),
        break_glass: opened(&active.access, Timestamp::now()),
    }
}

/// Access that was opened without approval: nothing else is cut off by its clock.
fn opened(access: &AccessState, now: Timestamp) -> Vec<BreakGlassRow> {
    let open = access.grants.iter().filter(|grant| grant.ended.is_none() && grant.terms.on_end == EndAction::Cut);
    let row = |grant: &LiveGrant| {
        let until = grant.terms.until.filter(|until| *until > now)?;
        Some(BreakGlassRow {
            grant: grant.id.clone(),
            consumer: grant.consumer.clone(),
            interface: grant.interface.clone(),
            until,
            because: grant.terms.purpose.clone().unwrap_or_default(),
        })
    };
    open.filter_map(row).collect()
}

fn traffic(gateway: &Weak<Gateway>) -> Traffic {
    gateway.upgrade().map(|gateway| gateway.traffic()).unwrap_or_default()
}

fn system_row(system: &System, environment: &EnvironmentName, health: Health) -> SystemRow {
    let address = system.environment(environment).and_then(|environment| environment.url.as_ref());
    SystemRow {
        name: system.name.clone(),
        connector: connector_word(system.connector).to_owned(),
        address: address.map(|url| url.value.clone()),
        health,
        calls: None,
    }
}

fn shadow_row(sample: &ShadowSample) -> ShadowRow {
    let at = Timestamp::from_second(sample.at).unwrap_or_default();
    ShadowRow { method: sample.method.clone(), path: sample.path.clone(), at }
}

fn connector_word(connector: Connector) -> &'static str {
    match connector {
        Connector::Odoo => "odoo",
        Connector::Http => "http",
        Connector::Mqtt => "mqtt",
        Connector::File => "file",
    }
}

fn interface_row(fabric: &Fabric, interface: &Interface, traffic: &Traffic) -> InterfaceRow {
    let reference = interface.reference();
    let seen = traffic.interfaces.get(&reference);
    let control = interface.api().map(|api| match api {
        Api::Direct { .. } => "direct".to_owned(),
        Api::Mediated(_) => "mediated".to_owned(),
    });
    InterfaceRow {
        interface: reference,
        kind: interface.body.type_word().to_owned(),
        control,
        lifecycle: interface.lifecycle.as_str().to_owned(),
        owner: interface.owner.as_ref().map(|owner| owner.value.to_string()).unwrap_or_default(),
        classes: fabric.classes_of(interface),
        requests: seen.map_or(0, |seen| seen.requests),
        refused: seen.map_or(0, |seen| seen.refused),
        failed: seen.map_or(0, |seen| seen.failed),
        minutes: seen.map(|seen| seen.minutes.clone()).unwrap_or_default(),
        refusals: seen.map(|seen| seen.refusals.clone()).unwrap_or_default(),
        consumers: seen.map(|seen| seen.consumers.clone()).unwrap_or_default(),
        kept: seen.and_then(|seen| seen.kept),
    }
}

//! Carries what the gateway found when it checked messages, and what was found of events that are handed out, into the store, every
//! few seconds and off the data path. What could not be written is written with the next round.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Weak};
use std::time::Duration;

use jiff::Timestamp;
use selvage_gateway::{BrokenField, ContractTraffic, Gateway};
use selvage_model::contract_check::{ContractCheck, ContractViolation};
use selvage_model::fabric::Fabric;
use selvage_model::manifest::api::Api;
use selvage_model::manifest::event::{Carried, EventType};
use selvage_model::manifest::interface::{Check, InterfaceBody};
use selvage_model::name::ObjectRef;
use selvage_store::Store;
use sha2::{Digest, Sha256};

use super::handed::HandedOut;
use super::release::Current;

const EVERY: Duration = Duration::from_secs(3);
/// Letters of a contract's hash that are kept.
const MARK: usize = 16;

/// What was written already.
#[derive(Default)]
struct Written {
    sides: HashMap<Side, ContractTraffic>,
}

type Side = (String, String, String, &'static str);

/// Carries counts for as long as the node runs.
pub(crate) async fn follow(store: Store, gateway: Weak<Gateway>, handed_out: HandedOut, current: Arc<Current>) {
    let mut written = Written::default();
    let mut begun = Timestamp::now();
    let mut ticks = tokio::time::interval(EVERY);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let Some(mut rows) = gateway.upgrade().map(|gateway| gateway.contracts()) else { return };
        rows.extend(handed_out.traffic());
        let now = Timestamp::now();
        let fabric = Arc::clone(&current.active().release.fabric);
        let more: Vec<ContractCheck> =
            rows.iter().filter_map(|row| more(&fabric, row, written.sides.get(&side(row)), (begun, now))).collect();
        if more.is_empty() {
            begun = now;
            continue;
        }
        match store.add_contract_checks(&more).await {
            Ok(()) => {
                written.sides = rows.into_iter().map(|row| (side(&row), row)).collect();
                begun = now;
            }
            Err(error) => tracing::warn!("what was found when messages were checked could not be written yet: {error}"),
        }
    }
}

fn side(row: &ContractTraffic) -> Side {
    let consumer = row.consumer.as_ref().map(ToString::to_string).unwrap_or_default();
    (row.interface.to_string(), consumer, row.operation.clone(), row.side)
}

/// What was found since it was written last.
fn more(
    fabric: &Fabric,
    row: &ContractTraffic,
    before: Option<&ContractTraffic>,
    (since, now): (Timestamp, Timestamp),
) -> Option<ContractCheck> {
    let less = |count: fn(&ContractTraffic) -> u64| count(row) - before.map_or(0, count).min(count(row));
    let (checked, unfit, unchecked) = (less(|row| row.checked), less(|row| row.unfit), less(|row| row.unchecked));
    if checked + unfit + unchecked == 0 {
        return None;
    }
    let interface = fabric.interfaces.get(&row.interface)?;
    let check = if row.side == "request" { interface.validation.request } else { interface.validation.response };
    let violations = row.fields.iter().filter_map(|field| violation(field, before)).collect();
    let (_, consumer, operation, side) = side(row);
    Some(ContractCheck {
        contract: contract(fabric, &interface.body)?,
        interface: row.interface.clone(),
        mode: if check == Check::Enforce { "enforce" } else { "report" }.to_owned(),
        side: side.to_owned(),
        first: since,
        last: now,
        consumer,
        operation,
        checked,
        unfit,
        unchecked,
        unchecked_last: (unchecked > 0).then_some(now),
        violations,
    })
}

fn violation(field: &BrokenField, before: Option<&ContractTraffic>) -> Option<ContractViolation> {
    let same = |known: &&BrokenField| (known.place, &known.name, known.rule) == (field.place, &field.name, field.rule);
    let known = before.and_then(|before| before.fields.iter().find(same)).map_or(0, |known| known.count);
    let count = field.count.checked_sub(known).filter(|count| *count > 0)?;
    Some(ContractViolation {
        place: field.place.to_owned(),
        field: field.name.clone(),
        rule: field.rule.to_owned(),
        first: Timestamp::from_second(field.first).ok()?,
        last: Timestamp::from_second(field.last).ok()?,
        sample: field.sample.clone(),
        count,
    })
}

/// Which text of the contract: what was counted against another one says nothing about this one.
fn contract(fabric: &Fabric, body: &InterfaceBody) -> Option<String> {
    let version = |object: &ObjectRef| {
        let object = fabric.objects.get(object)?;
        Some(format!("{} {}", object.name, object.version))
    };
    let mark = |file: &str| {
        let hash = Sha256::digest(fabric.files.get(file)?.as_bytes());
        let text: String = hash.iter().map(|byte| format!("{byte:02x}")).collect();
        text.get(..MARK).map(str::to_owned)
    };
    let carried = |event: &EventType| match &event.carried {
        Carried::Object(object) => version(&object.value),
        Carried::Schema(file) => mark(&file.value),
    };
    match body {
        InterfaceBody::Api(Api::Direct { openapi, .. }) => mark(&openapi.value),
        InterfaceBody::Api(Api::Mediated(serves)) => version(&serves.object.value),
        InterfaceBody::Event(event) => {
            let texts: BTreeSet<String> = event.events.iter().filter_map(carried).collect();
            Some(texts.into_iter().collect::<Vec<_>>().join(", "))
        }
        InterfaceBody::Webhook(webhook) => {
            let wanted = &webhook.into.as_ref()?.event.value;
            let bodies = fabric.interfaces.values().rev().map(|interface| &interface.body);
            let mut events = bodies.filter_map(|body| match body {
                InterfaceBody::Event(event) => event.events.iter().find(|event| &event.name.value == wanted),
                _ => None,
            });
            events.find_map(carried)
        }
        InterfaceBody::File(_) | InterfaceBody::Flow => None,
    }
}

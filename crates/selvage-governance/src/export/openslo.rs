//! OpenSLO v1: a service for each interface that promises something, and an SLO for each promise, measured by the metrics that nodes
//! serve. A latency is measured by the bounds of the nodes' histograms, by the next lower one where it lies between two.

use std::time::Duration;

use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive as _;
use selvage_model::fabric::Fabric;
use selvage_model::manifest::interface::{Interface, Objective, Slo};
use selvage_model::name::InterfaceRef;
use serde_json::{Value, json};

use super::{fitting, name_of};
use crate::catalogue::promise;

/// Every document, services before their promises. `bounds` are those of the nodes' histograms, in microseconds, ascending.
pub fn documents(fabric: &Fabric, bounds: &[u64]) -> Vec<Value> {
    let promising = fabric.interfaces.iter().filter(|(_, interface)| !interface.slo.is_empty());
    promising.flat_map(|(reference, interface)| of_interface(reference, interface, bounds)).collect()
}

fn of_interface(reference: &InterfaceRef, interface: &Interface, bounds: &[u64]) -> Vec<Value> {
    let name = name_of(reference);
    let about = interface.description.clone().unwrap_or_else(|| format!("The interface {reference}."));
    let mut documents = vec![document(
        "Service",
        &json!({"name": name, "displayName": reference.to_string(), "labels": labels(interface)}),
        &json!({"description": about}),
    )];
    for (number, slo) in interface.slo.iter().enumerate() {
        let word = match slo.objective {
            Objective::Availability(_) => "availability",
            Objective::Latency { .. } => "latency",
        };
        let own = fitting(&format!("{name}-{word}-{}", number + 1));
        documents.push(document(
            "SLO",
            &json!({"name": own, "displayName": format!("{reference} {word}"), "labels": labels(interface)}),
            &spec(reference, slo, &name, &own, bounds),
        ));
    }
    documents
}

fn document(kind: &str, metadata: &Value, spec: &Value) -> Value {
    json!({"apiVersion": "openslo/v1", "kind": kind, "metadata": metadata, "spec": spec})
}

fn labels(interface: &Interface) -> Value {
    let mut labels = json!({"type": interface.body.type_word()});
    if let Some(members) = labels.as_object_mut() {
        let owner = interface.owner.as_ref().map(|owner| fitting(owner.value.as_str()));
        members.extend(owner.map(|owner| ("owner".to_owned(), owner.into())));
        let tier = interface.classification.as_ref().map(|class| class.criticality.as_str());
        members.extend(tier.map(|tier| ("criticality".to_owned(), tier.into())));
    }
    labels
}

fn spec(reference: &InterfaceRef, slo: &Slo, service: &str, own: &str, bounds: &[u64]) -> Value {
    let (good, total, target) = match &slo.objective {
        Objective::Availability(percent) => {
            let metric = "selvage_gateway_requests_total";
            let all = format!("sum(rate({metric}{{interface=\"{reference}\",status!=\"planned\"}}[5m]))");
            let good = format!("sum(rate({metric}{{interface=\"{reference}\",status!~\"5xx|planned\"}}[5m]))");
            (good, all, percent.0 / Decimal::ONE_HUNDRED)
        }
        Objective::Latency { quantile, under } => {
            let metric = "selvage_gateway_request_duration_seconds";
            let le = bound(bounds, *under);
            let good = format!("sum(rate({metric}_bucket{{interface=\"{reference}\",le=\"{le}\"}}[5m]))");
            let all = format!("sum(rate({metric}_count{{interface=\"{reference}\"}}[5m]))");
            (good, all, *quantile)
        }
    };
    let source = |query: String| json!({"metricSource": {"type": "Prometheus", "spec": {"query": query}}});
    json!({
        "description": promise(slo),
        "service": service,
        "indicator": {
            "metadata": {"name": format!("{own}-ratio")},
            "spec": {"ratioMetric": {"counter": false, "good": source(good), "total": source(total)}},
        },
        "timeWindow": [{"duration": window(slo.window), "isRolling": true}],
        "budgetingMethod": "Occurrences",
        "objectives": [{"displayName": promise(slo), "target": target.to_f64()}],
    })
}

/// A span in the letters of OpenSLO, which has no seconds: rounded up to the minute.
fn window(window: Duration) -> String {
    let minutes = window.as_secs().div_ceil(60).max(1);
    let units = [(24 * 60, "d"), (60, "h")];
    let whole = units.into_iter().find(|(unit, _)| minutes.is_multiple_of(*unit));
    whole.map_or_else(|| format!("{minutes}m"), |(unit, letter)| format!("{}{letter}", minutes / unit))
}

/// The bound that is asked for, as the nodes' histograms write it: in seconds. What lies between two counts as slow.
pub(super) fn bound(bounds: &[u64], under: Duration) -> String {
    let micros = u64::try_from(under.as_micros()).unwrap_or(u64::MAX);
    let found = bounds.iter().rev().find(|bound| **bound <= micros).or(bounds.first());
    found.map_or_else(
        || "+Inf".to_owned(),
        |bound| (Decimal::from(*bound) / Decimal::from(1_000_000)).normalize().to_string(),
    )
}

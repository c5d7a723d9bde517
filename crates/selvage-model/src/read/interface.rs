//! Interface: what all five types share, and where each is in its life.

use super::fields::Fields;
use super::{api, event, webhook};
use crate::code;
use crate::finding::Finding;
use crate::manifest::interface::{
    Brownout, Check, Classification, Criticality, CutOff, DataClass, Deprecation, Interface, InterfaceBody, Latency,
    Lifecycle, Limits, Objective, OnPartition, Slo, Used, Validation,
};
use crate::scalar;
use crate::schema::tables::interface::{
    BROWNOUT, CLASSIFICATION, DEPRECATION, LATENCY, LIMITS, ON_PARTITION, RECOVERY, SLO, VALIDATION,
};
use crate::yaml::Node;

pub(super) fn interface(fields: Fields<'_>, findings: &mut Vec<Finding>) -> Option<Interface> {
    let lifecycle = lifecycle(fields, findings);
    let body = body(fields, findings);
    Some(Interface {
        place: fields.place().clone(),
        name: fields.parse("name")?,
        version: fields.parse("version")?,
        owner: fields.spanned("owner"),
        domain: fields.spanned("domain"),
        description: fields.text("description"),
        lifecycle: lifecycle?,
        classification: fields.record("classification", &CLASSIFICATION).and_then(classification),
        limits: fields.record("limits", &LIMITS).map(limits).unwrap_or_default(),
        validation: validation(fields),
        slo: fields.items("slo").iter().filter_map(slo).collect(),
        on_partition: on_partition(fields),
        used: fields.word("used", Used::ALL),
        because: fields.text("because"),
        body: body?,
    })
}

/// What a node does that cannot hear the access state.
pub(super) fn on_partition(fields: Fields<'_>) -> Option<OnPartition> {
    if fields.text("on_partition").as_deref() == Some("refuse") {
        return Some(OnPartition::Refuse);
    }
    let serve_for = fields.record("on_partition", &ON_PARTITION)?.with("serve_for", scalar::duration)?;
    Some(OnPartition::ServeFor(serve_for))
}

fn body(fields: Fields<'_>, findings: &mut Vec<Finding>) -> Option<InterfaceBody> {
    Some(match fields.text("type")?.as_str() {
        "api" => InterfaceBody::Api(api::api(fields, findings)?),
        "webhook" => InterfaceBody::Webhook(webhook::webhook(fields, findings)),
        "event" => InterfaceBody::Event(event::event(fields)),
        "file" => InterfaceBody::File(event::file(fields)?),
        "flow" => InterfaceBody::Flow,
        _ => return None,
    })
}

fn lifecycle(fields: Fields<'_>, findings: &mut Vec<Finding>) -> Option<Lifecycle> {
    let word = fields.text("lifecycle").unwrap_or_else(|| "active".into());
    let ends = matches!(word.as_str(), "deprecated" | "retired" | "blocked");
    if let (false, Some(node)) = (ends, fields.node("deprecation")) {
        let message = format!("the interface is {word}, but says how it ends");
        let finding = Finding::error(code::FIELDS_CLASH, &node.place, message);
        findings.push(finding.fix("write `lifecycle: deprecated`, or remove `deprecation`"));
    }
    if let (false, Some(node)) = (word == "retired", fields.node("successor")) {
        let message = format!("`successor` is for retired interfaces; this one is {word}");
        findings.push(
            Finding::error(code::FIELDS_CLASH, &node.place, message).fix("put it into `deprecation`, or remove it"),
        );
    }
    let deprecation = fields.record("deprecation", &DEPRECATION).and_then(|fields| deprecation(fields, findings));
    Some(match word.as_str() {
        "draft" => Lifecycle::Draft,
        "active" => Lifecycle::Active,
        "deprecated" => {
            if !fields.given("deprecation") {
                let finding =
                    Finding::error(code::MISSING_FIELD, fields.place(), "a deprecated interface needs `deprecation`");
                findings.push(finding.fix("add `deprecation: {since: <day>, sunset: <day>, successor: <name@major>}`"));
            }
            Lifecycle::Deprecated(deprecation?)
        }
        "retired" => Lifecycle::Retired {
            successor: fields.spanned("successor").or_else(|| deprecation.and_then(|end| end.successor)),
        },
        "blocked" => Lifecycle::Blocked { because: fields.text("because") },
        _ => return None,
    })
}

fn deprecation(fields: Fields<'_>, findings: &mut Vec<Finding>) -> Option<Deprecation> {
    let since = fields.with("since", scalar::date)?;
    let sunset = fields.with("sunset", scalar::date);
    if let (Some(node), true) = (fields.node("sunset"), sunset.is_some_and(|sunset| sunset < since)) {
        let finding = Finding::error(code::BAD_VALUE, &node.place, "the sunset is before the deprecation");
        findings.push(finding.fix(format!("name a day after {since}")));
    }
    let brownouts = fields.items("brownouts").iter().filter_map(|node| brownout(node, findings)).collect();
    Some(Deprecation { since, sunset, successor: fields.spanned("successor"), brownouts })
}

fn brownout(node: &Node, findings: &mut Vec<Finding>) -> Option<Brownout> {
    let fields = Fields::new(node, &BROWNOUT);
    let (from, to) = (fields.with("from", scalar::timestamp)?, fields.with("to", scalar::timestamp)?);
    if to <= from {
        let finding = Finding::error(code::BAD_VALUE, fields.place(), "the brownout ends before it begins");
        findings.push(finding.fix("put the earlier time into `from`"));
    }
    Some(Brownout { place: fields.place().clone(), from, to })
}

fn classification(fields: Fields<'_>) -> Option<Classification> {
    const CRITICALITIES: &[(&str, Criticality)] =
        &[("tier-1", Criticality::Tier1), ("tier-2", Criticality::Tier2), ("tier-3", Criticality::Tier3)];
    const LATENCIES: &[(&str, Latency)] =
        &[("real-time", Latency::RealTime), ("near-real-time", Latency::NearRealTime), ("batch", Latency::Batch)];
    const CLASSES: &[(&str, DataClass)] = &[
        ("public", DataClass::Public),
        ("internal", DataClass::Internal),
        ("confidential", DataClass::Confidential),
        ("restricted", DataClass::Restricted),
    ];
    let recovery = fields.record("recovery", &RECOVERY);
    Some(Classification {
        criticality: fields.word("criticality", CRITICALITIES)?,
        latency: fields.word("latency", LATENCIES),
        recovery_point: recovery.and_then(|recovery| recovery.with("rpo", scalar::duration)),
        recovery_time: recovery.and_then(|recovery| recovery.with("rto", scalar::duration)),
        data: fields.word("data", CLASSES),
    })
}

fn limits(fields: Fields<'_>) -> Limits {
    const RULES: &[(&str, CutOff)] = &[("serve", CutOff::Serve), ("refuse", CutOff::Refuse)];
    Limits {
        cut_off: fields.word("cut_off", RULES).unwrap_or_default(),
        rate: fields.parse("rate"),
        quota: fields.parse("quota"),
        timeout: fields.with("timeout", scalar::duration),
        connect: fields.with("connect", scalar::duration),
        total: fields.with("total", scalar::duration),
        concurrency: fields.with("concurrency", scalar::integer),
        body: fields.with("body", scalar::size),
        wait: fields.with("wait", scalar::duration),
    }
}

fn validation(fields: Fields<'_>) -> Validation {
    const CHECKS: &[(&str, Check)] = &[("off", Check::Off), ("report", Check::Report), ("enforce", Check::Enforce)];
    let given = fields.record("validation", &VALIDATION);
    let check = |name: &str| given.and_then(|fields| fields.word(name, CHECKS));
    // Only what Selvage serves itself is checked without being asked for.
    let unsaid = if fields.has("contract") { (Check::Off, Check::Off) } else { (Check::Enforce, Check::Report) };
    Validation {
        request: check("request").unwrap_or(unsaid.0),
        response: check("response").unwrap_or(unsaid.1),
        up_to: given.and_then(|fields| fields.with("up_to", scalar::size)).unwrap_or(Validation::UP_TO),
    }
}

fn slo(node: &Node) -> Option<Slo> {
    let fields = Fields::new(node, &SLO);
    let latency = fields.record("latency", &LATENCY).and_then(|fields| {
        let quantile = fields.with("quantile", scalar::fraction)?;
        Some(Objective::Latency { quantile, under: fields.with("under", scalar::duration)? })
    });
    let objective = fields.parse("availability").map(Objective::Availability).or(latency)?;
    Some(Slo { objective, window: fields.with("window", scalar::duration)? })
}

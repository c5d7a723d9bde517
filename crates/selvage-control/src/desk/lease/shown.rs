//! Leases and what is said about them, as the commands and the control API show them.

use std::collections::BTreeMap;

use jiff::Timestamp;
use selvage_governance::access::{Breadth, Deciders, Remark};
use selvage_model::access::LiveGrant;
use selvage_model::name::EnvironmentName;
use selvage_store::{
    AccessRequest, BreakGlass, LeaseRecord, LifecycleNotice, NewNotice, Recertification, RecertificationItem,
};
use serde_json::{Map, Value, json};

use super::Counted;

/// A request, and what came of it.
pub fn request(request: &AccessRequest) -> Value {
    let AccessRequest { id, asked, at, state, settled, lease } = request;
    let settled = settled.as_ref().map(|(at, by, because)| json!({"at": at.to_string(), "by": by, "because": because}));
    json!({
        "request": id, "consumer": asked.consumer.as_str(), "interface": asked.interface.to_string(),
        "terms": asked.terms, "by": asked.by, "at": at.to_string(), "state": state.as_str(),
        "findings": asked.findings, "settled": settled, "grant": lease,
    })
}

/// The same, with who decides about it.
pub fn decided_by(shown: Value, deciders: &Deciders) -> Value {
    let mut shown = shown;
    if let Some(members) = shown.as_object_mut() {
        members.insert("deciders".to_owned(), json!(deciders.people));
    }
    shown
}

/// A grant, with what of it is used.
pub fn grant(lease: &LeaseRecord, counted: &Counted, breadth: &Breadth) -> Value {
    let LeaseRecord { grant, origin, granted } = lease;
    json!({
        "grant": grant.id, "consumer": grant.consumer.as_str(), "interface": grant.interface.to_string(),
        "from": origin.as_str(), "environment": grant.environment.as_ref().map(|it| it.as_str()), "granted": granted.to_string(), "ended": grant.ended.map(|at| at.to_string()),
        "terms": *grant.terms, "last_used": counted.last_use(grant).map(|at| at.to_string()),
        "counted_since": counted.since.to_string(), "environments": environments(grant, counted),
        "operations": times(breadth.operations.iter().map(|(name, last)| (name.as_str(), *last))),
        "attributes": times(breadth.attributes.iter().map(|(name, last)| (name.as_str(), *last))),
    })
}

/// When each operation was used last in each environment.
fn environments(grant: &LiveGrant, counted: &Counted) -> Map<String, Value> {
    let one = |(environment, used): (&EnvironmentName, BTreeMap<&str, Timestamp>)| {
        (environment.to_string(), times(used.into_iter().map(|(name, last)| (name, Some(last)))).into())
    };
    counted.operations_by_environment(grant).into_iter().map(one).collect()
}

fn times<'a>(used: impl Iterator<Item = (&'a str, Option<Timestamp>)>) -> Map<String, Value> {
    used.map(|(name, last)| (name.to_owned(), json!(last.map(|at| at.to_string())))).collect()
}

/// A campaign with its items, of which some are answered.
pub fn campaign(campaign: &Recertification, items: &[RecertificationItem]) -> Value {
    let of = items.iter().filter(|item| item.campaign == campaign.id);
    let answered = of.clone().filter(|item| !item.state.is_open()).count();
    json!({
        "campaign": campaign.id, "about": campaign.scope, "until": campaign.until.to_string(), "by": campaign.by,
        "answered": answered, "grants": of.count(), "closed": campaign.closed.map(|at| at.to_string()),
    })
}

/// A grant in a campaign, with who answers for it.
pub fn item(item: &RecertificationItem, deciders: &Deciders) -> Value {
    let RecertificationItem { id, item, grant, state, settled, .. } = item;
    json!({
        "item": id, "grant": grant.id, "consumer": grant.consumer.as_str(),
        "environment": grant.environment.as_ref().map(|it| it.as_str()), "interface": grant.interface.to_string(), "tier": item.tier, "used": item.breadth,
        "last_used": item.last_used.map(|at| at.to_string()), "state": state.as_str(), "deciders": deciders.people,
        "by": settled.as_ref().map(|(_, by, _)| by), "because": settled.as_ref().map(|(_, _, because)| because),
    })
}

/// How the review of access in an emergency stands, in words.
pub fn review(opened: &BreakGlass, now: Timestamp) -> String {
    match &opened.review {
        Some(review) if !review.ratified => format!("disowned by {}", review.by),
        Some(review) if opened.is_breach(now) => format!("ratified late by {}", review.by),
        Some(review) => format!("ratified by {}", review.by),
        None if opened.is_breach(now) => format!("nobody, until {:.0}", opened.review_by),
        None => format!("open until {:.0}", opened.review_by),
    }
}

/// Access that was opened without approval.
pub fn opened(it: &BreakGlass, now: Timestamp) -> Value {
    json!({
        "grant": it.grant.id, "consumer": it.grant.consumer.as_str(), "interface": it.grant.interface.to_string(),
        "terms": *it.grant.terms, "by": it.by, "because": it.because, "opened": it.opened.to_string(),
        "ends": it.ends.to_string(), "review_by": it.review_by.to_string(), "review": review(it, now),
        "breach": it.is_breach(now),
    })
}

/// What should not be so.
pub fn remark(Remark { concern, subject, says }: &Remark) -> Value {
    json!({"concern": concern.as_str(), "subject": subject, "says": says})
}

/// What a consumer's owner is told of what ends.
pub fn notice(it: &LifecycleNotice) -> Value {
    let NewNotice { interface, consumer, stage, way, recipient, says } = &it.notice;
    json!({
        "environment": it.environment.as_str(), "interface": interface.to_string(), "consumer": consumer.as_str(),
        "stage": stage, "way": way.as_str(), "recipient": recipient, "says": says, "told": it.told.map(|at| at.to_string()),
        "due": it.due.map(|at| at.to_string()), "because": it.because, "attempts": it.attempts,
    })
}

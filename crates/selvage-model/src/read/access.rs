//! Consumer, Grant, Subscription.

use jiff::Timestamp;
use serde_json::Value;

use super::fields::{Fields, key};
use crate::access::EndAction;
use crate::code;
use crate::finding::{Finding, show};
use crate::manifest::consumer::{Consumer, Deliver, Grant, Identity, Subscription};
use crate::manifest::system::SecretName;
use crate::name::AttributeName;
use crate::scalar;
use crate::schema::tables::access::{API_KEY, DELIVER, GRANT_LIMITS, IDENTITY, MTLS, OAUTH, OIDC, SIGNING_SECRET};
use crate::source::Spanned;
use crate::subscription::Beginning;
use crate::yaml::{Content, Key, Node};

pub(super) fn consumer(fields: Fields<'_>) -> Option<Consumer> {
    Some(Consumer {
        place: fields.place().clone(),
        name: fields.parse("name")?,
        owner: fields.spanned_text("owner")?,
        identity: identity(fields)?,
    })
}

fn identity(fields: Fields<'_>) -> Option<Identity> {
    if let Some(word) = fields.text("identity") {
        return (word == "api_key").then_some(Identity::ApiKey { max_age: None });
    }
    let fields = fields.record("identity", &IDENTITY)?;
    if let Some(key) = fields.record("api_key", &API_KEY) {
        return Some(Identity::ApiKey { max_age: key.with("max_age", scalar::duration) });
    }
    if let Some(oauth) = fields.record("oauth", &OAUTH) {
        return Some(Identity::OAuth { issuer: oauth.spanned("issuer")?, client: oauth.text("client") });
    }
    if let Some(mtls) = fields.record("mtls", &MTLS) {
        return Some(Identity::Mtls { subject: mtls.spanned_text("subject")? });
    }
    let oidc = fields.record("oidc", &OIDC)?;
    Some(Identity::Oidc { issuer: oidc.spanned("issuer")?, subject: oidc.text("subject")? })
}

/// A grant. What its end does depends on its interface where it does not say: then the second is false.
pub(super) fn grant(fields: Fields<'_>, findings: &mut Vec<Finding>) -> Option<(Grant, bool)> {
    let rows = fields.entries("where").iter().filter_map(|(name, node)| row(name, node, findings)).collect();
    let on_end = fields.word("on_end", &[("end", EndAction::End), ("alarm", EndAction::Alarm)]);
    let limits = fields.record("limits", &GRANT_LIMITS);
    let grant = Grant {
        place: fields.place().clone(),
        consumer: fields.spanned("consumer")?,
        interface: fields.spanned("interface")?,
        operations: fields.texts("operations"),
        rows,
        except: fields.list("except"),
        classes: fields.list("classes"),
        purpose: fields.text("purpose"),
        until: until(fields),
        on_end: on_end.unwrap_or(EndAction::End),
        rate: limits.and_then(|limits| limits.parse("rate")),
        quota: limits.and_then(|limits| limits.parse("quota")),
        when: fields.spanned_text("when"),
        time_zone: fields.text("time_zone"),
    };
    Some((grant, on_end.is_some()))
}

fn until(fields: Fields<'_>) -> Option<Spanned<Timestamp>> {
    let node = fields.node("until")?;
    Some(Spanned::new(scalar::timestamp(node.text()?)?, node.place.clone()))
}

fn row(name: &Key, node: &Node, findings: &mut Vec<Finding>) -> Option<(Spanned<AttributeName>, Vec<Value>)> {
    Some((key(name)?, one_or_several(name, node, findings)?))
}

/// One value, or several of which one must be there.
pub(super) fn one_or_several(name: &Key, node: &Node, findings: &mut Vec<Finding>) -> Option<Vec<Value>> {
    let values: Vec<&Node> = match &node.content {
        Content::List(items) => items.iter().collect(),
        _ => vec![node],
    };
    let fits = |node: &&Node| matches!(node.content, Content::Scalar(_)) && !node.is_null();
    if values.is_empty() || !values.iter().all(fits) {
        let message = format!("{} does not say which values it may have", show(&name.value));
        findings
            .push(Finding::error(code::WRONG_TYPE, &node.place, message).fix("write one value, or a list of values"));
        return None;
    }
    Some(values.into_iter().map(Node::to_value).collect())
}

pub(super) fn subscription(fields: Fields<'_>) -> Option<Subscription> {
    Some(Subscription {
        place: fields.place().clone(),
        name: fields.spanned("name"),
        consumer: fields.spanned("consumer")?,
        interface: fields.spanned("interface")?,
        events: fields.texts("events"),
        from: fields.word("from", &[("newest", Beginning::Newest), ("oldest", Beginning::Oldest)]).unwrap_or_default(),
        until: until(fields),
        lag: fields.with("lag", scalar::duration),
        deliver: fields.record("deliver", &DELIVER).and_then(deliver),
    })
}

pub(super) fn deliver(fields: Fields<'_>) -> Option<Deliver> {
    let secret = fields.record("secret", &SIGNING_SECRET);
    let named = |name: &str| {
        let name = secret.as_ref()?.spanned_text(name)?;
        Some(Spanned::new(SecretName(name.value), name.place))
    };
    Some(Deliver {
        system: fields.spanned("system")?,
        path: fields.text("path")?,
        signing: fields.spanned_text("signing"),
        secrets: named("secret").into_iter().chain(named("next")).collect(),
        in_lanes: fields.word("order", &[("lane", true), ("any", false)]).unwrap_or(true),
        max_in_flight: fields.with("max_in_flight", scalar::integer),
        rate: fields.parse("rate"),
        timeout: fields.with("timeout", scalar::duration),
        idempotent: fields.flag("idempotent"),
    })
}

//! From a subscription, its grant and its system to what is delivered: the endpoint that is sent to, what is shown there, and the days
//! on which it stands still.

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};
use selvage_delivery::{AddressPolicy, Calendar, Endpoint, EndpointLimits, EndpointTls, Granted, Job, Signing};
use selvage_model::access::LiveGrant;
use selvage_model::announce;
use selvage_model::exchange::Scope;
use selvage_model::fabric::Fabric;
use selvage_model::manifest::interface::{InterfaceBody, Lifecycle};
use selvage_model::manifest::system::SecretName;
use selvage_model::name::{EnvironmentName, InterfaceRef, SystemName};
use selvage_model::scalar::Rate;
use selvage_model::subscription::{DeliveryTerms, LiveSubscription, REPLAY_HEADER, Waiting, WaitsFor};

use super::replay;

/// What is to be delivered for a subscription, and where.
///
/// # Errors
/// What it waits for, where it cannot be: no address, a secret that is not there, or a grant that deliveries cannot carry out.
pub(crate) fn of(
    fabric: &Fabric,
    environment: &EnvironmentName,
    (subscription, grant): (&LiveSubscription, &LiveGrant),
    deliver: &DeliveryTerms,
    has: impl Fn(&SecretName) -> bool,
) -> Result<Job, Waiting> {
    let (reference, terms) = (&subscription.interface, &grant.terms);
    let unsent = |because: String| Waiting { what: WaitsFor::Endpoint, because };
    let interface = match fabric.interfaces.get(reference).map(|interface| &interface.body) {
        Some(InterfaceBody::Event(event)) => event.clone(),
        _ => return Err(unsent(format!("`{reference}` has no events"))),
    };
    if terms.when.is_some() {
        let because = "its grant has a condition, which is about requests and cannot be judged here";
        return Err(unsent(because.to_owned()));
    }
    if let Some(absent) = deliver.secrets.iter().find(|name| !has(name)) {
        return Err(Waiting { what: WaitsFor::Secret, because: absence(absent) });
    }
    let endpoint = endpoint(fabric, environment, &subscription.label(), deliver, has).map_err(unsent)?;
    let most = match &subscription.terms.replay {
        Some(_) => replay::most(fabric, reference),
        None => None,
    };
    let rate = Rate::slower(deliver.rate, most);
    let limits = EndpointLimits { rate, ..endpoint.limits };
    let marked = subscription.terms.replay.as_ref().map(|_| (REPLAY_HEADER.to_owned(), subscription.id.clone()));
    let headers = marked.into_iter().chain(announced(fabric, reference)).collect();
    Ok(Job {
        subscription: subscription.clone(),
        endpoint: Endpoint { limits, headers, ..endpoint },
        calendar: calendar(fabric, &deliver.system),
        scope: Scope::on(terms, fabric, reference),
        granted: Granted { grant: grant.id.clone(), rate: terms.rate, quota: terms.quota },
        shared: most.map(|most| Granted::to_replays(reference, most)),
        interface,
    })
}

/// What a deprecated interface says of its end with each message, as with each answer; the successor's path is that at the gateway.
/// INVARIANT: LIVE-LIFECYCLE
fn announced(fabric: &Fabric, reference: &InterfaceRef) -> Vec<(String, String)> {
    let Some(Lifecycle::Deprecated(ends)) = fabric.interfaces.get(reference).map(|it| &it.lifecycle) else {
        return Vec::new();
    };
    let successor = ends.successor.as_ref().map(|next| format!("/{}/v{}", next.value.name, next.value.major));
    let headers = announce::headers(ends, successor.as_deref()).into_iter();
    headers.map(|(name, value)| (name.to_owned(), value)).collect()
}

/// Where something is sent.
///
/// # Errors
/// In words, where it cannot be: no address, or a secret that is not there.
pub(in crate::node) fn endpoint(
    fabric: &Fabric,
    environment: &EnvironmentName,
    label: &str,
    deliver: &DeliveryTerms,
    has: impl Fn(&SecretName) -> bool,
) -> Result<Endpoint, String> {
    let system = fabric.systems.get(&deliver.system);
    let system = system.ok_or_else(|| format!("the release has no system `{}`", deliver.system))?;
    let here = system.environment(environment);
    let url = here.and_then(|here| here.url.as_ref());
    let url = url.ok_or_else(|| format!("`{}` has no address in `{environment}`", deliver.system))?;
    if let Some(absent) = deliver.secrets.iter().find(|name| !has(name)) {
        return Err(absence(absent));
    }
    let signing = match deliver.secrets.is_empty() {
        true => Signing::None,
        false => Signing::StandardWebhooks(deliver.secrets.clone()),
    };
    Ok(Endpoint {
        name: label.to_owned(),
        url: format!("{}{}", url.value.trim_end_matches('/'), deliver.path),
        headers: Vec::new(),
        signing,
        addresses: AddressPolicy::of(system, fabric),
        tls: here.and_then(|here| here.tls.as_ref()).map(|tls| EndpointTls::of(tls, fabric)).unwrap_or_default(),
        limits: EndpointLimits {
            rate: deliver.rate,
            concurrency: deliver.max_in_flight.max(1),
            timeout: deliver.timeout,
        },
    })
}

fn absence(secret: &SecretName) -> String {
    format!("the secret `{}` is not there", secret.0)
}

/// When a system stands still: the maintenance of the sites in whose stopped roles it is.
fn calendar(fabric: &Fabric, system: &SystemName) -> Calendar {
    let mut spans = Vec::new();
    for site in fabric.sites.values() {
        let plays = |role: &str| site.roles.iter().any(|(name, bound)| name.value == role && &bound.value == system);
        for window in site.maintenance.iter().filter(|window| window.what.iter().any(|role| plays(&role.value))) {
            let begins = midnight(window.from, &site.time_zone);
            let ends = window.to.checked_add(1.day()).ok().and_then(|day| midnight(day, &site.time_zone));
            spans.extend(begins.zip(ends));
        }
    }
    Calendar::new(spans)
}

fn midnight(day: Date, zone: &TimeZone) -> Option<Timestamp> {
    Some(day.to_zoned(zone.clone()).ok()?.timestamp())
}

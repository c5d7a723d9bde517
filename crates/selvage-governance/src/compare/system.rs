//! Systems: where they are, how they are reached, what they bear.

use selvage_model::fabric::Fabric;
use selvage_model::manifest::system::{
    Account, Breaker, DirectLimits, System, SystemEnvironment, SystemLimits, SystemTls,
};

use super::class::classes;
use super::organisation::{OTHER, listed};
use super::two::{Absent, Spot, Two, pair};
use super::{Class, Difference, Ground};

classes! { Organisation "organisation":
    REMOVED = "system" "removed" Both Breaking "What goes there goes nowhere.";
    ADDED = "system" "added" Both Safe "Nothing goes there yet.";
    CONNECTOR_CHANGED = "connector" "changed" Both Breaking "It is spoken to in another way altogether.";
    OWNER_CHANGED = "system-owner" "changed" Both Safe "Others run it.";
    ZONE_CHANGED = "zone" "changed" Both Unproven "Who reaches it, and over what, is different.";
    ENVIRONMENT_REMOVED = "system-environment" "removed" Both Breaking "What goes there in the environment goes nowhere.";
    ENVIRONMENT_ADDED = "system-environment" "added" Both Safe "Nothing went there in the environment.";
    ADDRESS_CHANGED = "system-address" "changed" Both Unproven "Another place answers, with its own records.";
    DIALECT_CHANGED = "dialect" "changed" Both Unproven "It is spoken to in another way.";
    ACCOUNT_REMOVED = "account" "removed" Both Breaking "What uses it has none.";
    ACCOUNT_ADDED = "account" "added" Both Safe "Nothing uses it yet.";
    LOGIN_CHANGED = "login" "changed" Both Unproven "Another user of the system may see and do other things.";
    SECRET_CHANGED = "account-secret" "changed" Both Unproven "The system has to take the other secret.";
    KEY_END_CHANGED = "account-end" "changed" Both Safe "It is for people and alarms.";
    BEARS_LESS = "load" "lowered" Request Breaking "What is asked of it waits longer, or is refused.";
    BEARS_MORE = "load" "raised" Request Unproven "It is asked more than it was.";
    TRANSACTION_CHANGED = "transaction-time" "changed" Both Unproven "What has no answer is sent again sooner, or later.";
    BREAKER_CHANGED = "breaker" "changed" Request Unproven "It is left alone in other cases.";
    RETRIES_CHANGED = "retries" "changed" Request Unproven "Requests are sent a second time that were not, or are not.";
    TLS_CHANGED = "tls" "changed" Both Unproven "Who it has to be, or what it is shown, is different.";
}

/// Every system of the two.
pub(super) fn compare(before: &Fabric, after: &Fabric, found: &mut Vec<Difference>) {
    let spot = of_system;
    pair(found, (&before.systems, &after.systems), (&REMOVED, &ADDED), spot, |found, was, is, spot| {
        let mut two = Two::new(was, is, spot, |it| &mut it.place);
        two.changed(found, (&CONNECTOR_CHANGED, "connector"), |it| &mut it.connector);
        two.changed(found, (&OWNER_CHANGED, "owner"), |it| &mut it.owner);
        two.changed(found, (&ZONE_CHANGED, "zone"), |it| &mut it.zone);
        let part = two.part(|it| &mut it.environments);
        let classes: (&'static Class, &'static Class) = (&ENVIRONMENT_REMOVED, &ENVIRONMENT_ADDED);
        listed(found, (&part.before, &part.after), classes, &part.spot, |it| it.name.clone(), environment);
        limits(found, two.part(|it| &mut it.limits));
        two.rest(found, &OTHER);
    });
    authorities(before, after, found);
}

/// A system: whatever stands on it is concerned.
fn of_system(system: &System) -> Spot {
    let ground = Some(Ground::System(system.name.clone(), None));
    Spot { ground, ..Spot::new(format!("system {}", system.name), &system.place) }
}

/// Files with authorities whose text is another, while the system that names them is the same.
fn authorities(before: &Fabric, after: &Fabric, found: &mut Vec<Difference>) {
    for is in after.systems.values() {
        let Some(was) = before.systems.get(&is.name) else { continue };
        for path in is.authorities().filter(|path| was.authorities().any(|was| was == *path)) {
            if before.files.get(&path.value) != after.files.get(&path.value) {
                let spot = Spot { place: path.place.clone(), ..of_system(is) };
                found.push(spot.difference(&TLS_CHANGED, &format!("authorities {path}")));
            }
        }
    }
}

fn environment(found: &mut Vec<Difference>, mut two: Two<SystemEnvironment>) {
    two.changed(found, (&ADDRESS_CHANGED, "url"), |it| &mut it.url);
    two.changed(found, (&ADDRESS_CHANGED, "database"), |it| &mut it.database);
    two.changed(found, (&DIALECT_CHANGED, "dialect"), |it| &mut it.dialect);
    let part = two.part(|it| &mut it.accounts);
    let classes: (&'static Class, &'static Class) = (&ACCOUNT_REMOVED, &ACCOUNT_ADDED);
    listed(found, (&part.before, &part.after), classes, &part.spot, |it| it.name.clone(), account);
    tls(found, &mut two);
    two.rest(found, &OTHER);
}

fn account(found: &mut Vec<Difference>, mut two: Two<Account>) {
    two.changed(found, (&LOGIN_CHANGED, "login"), |it| &mut it.login);
    two.changed(found, (&SECRET_CHANGED, "key"), |it| &mut it.api_key);
    two.changed(found, (&SECRET_CHANGED, "next key"), |it| &mut it.next_key);
    two.changed(found, (&KEY_END_CHANGED, "end of the key"), |it| &mut it.expires);
    let load = (&BEARS_LESS, &BEARS_MORE, Absent::Most);
    two.bound(found, load, "calls at a time", |it| &mut it.limits.concurrency);
    two.bound(found, load, "calls a second", |it| &mut it.limits.per_second);
    two.rest(found, &OTHER);
}

/// Names of secrets, never the secrets. INVARIANT: SECRET-FREE
fn tls(found: &mut Vec<Difference>, two: &mut Two<SystemEnvironment>) {
    let part = two.part(|it| &mut it.tls);
    match (part.before, part.after) {
        (Some(before), Some(after)) => {
            let mut inner: Two<SystemTls> = Two::new(&before, &after, part.spot, |it| &mut it.place);
            inner.changed(found, (&TLS_CHANGED, "authorities"), |it| &mut it.authorities);
            inner.changed(found, (&TLS_CHANGED, "name"), |it| &mut it.server_name);
            inner.rest(found, &TLS_CHANGED);
        }
        (None, None) => {}
        _ => found.push(part.spot.difference(&TLS_CHANGED, "TLS")),
    }
}

fn limits(found: &mut Vec<Difference>, mut two: Two<SystemLimits>) {
    let load = (&BEARS_LESS, &BEARS_MORE, Absent::Most);
    two.judged(
        found,
        "calls at a time",
        |it| &mut it.concurrency,
        |was, is| {
            if is < was { &BEARS_LESS } else { &BEARS_MORE }
        },
    );
    two.bound(found, load, "calls a second", |it| &mut it.per_second);
    two.changed(found, (&TRANSACTION_CHANGED, "longest transaction"), |it| &mut it.longest_transaction);
    let mut direct: Two<DirectLimits> = two.part(|it| &mut it.direct);
    direct.bound(found, load, "requests at a time", |it| &mut it.concurrency);
    direct.bound(found, (&BEARS_LESS, &BEARS_MORE, Absent::Least), "wait for a place", |it| &mut it.wait);
    direct.changed(found, (&BEARS_MORE, "reserved places"), |it| &mut it.reserved);
    direct.changed(found, (&RETRIES_CHANGED, "second sends"), |it| &mut it.retries);
    let breaker = direct.part(|it| &mut it.breaker);
    match (breaker.before, breaker.after) {
        (Some(before), Some(after)) => {
            let mut inner: Two<Breaker> = Two { before, after, spot: breaker.spot };
            inner.changed(found, (&BREAKER_CHANGED, "failures"), |it| &mut it.failures);
            inner.changed(found, (&BREAKER_CHANGED, "least requests"), |it| &mut it.of);
            inner.changed(found, (&BREAKER_CHANGED, "time of failures"), |it| &mut it.within);
            inner.changed(found, (&BREAKER_CHANGED, "rest"), |it| &mut it.open);
            inner.changed(found, (&BREAKER_CHANGED, "probes"), |it| &mut it.probes);
            inner.rest(found, &BREAKER_CHANGED);
        }
        (None, None) => {}
        _ => found.push(breaker.spot.difference(&BREAKER_CHANGED, "breaker")),
    }
    direct.rest(found, &OTHER);
    two.rest(found, &OTHER);
}

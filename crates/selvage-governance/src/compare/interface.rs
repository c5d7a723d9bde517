//! Interfaces: what they declare beside their contracts, limits and promises.

use selvage_model::fabric::Fabric;
use selvage_model::manifest::api::Api;
use selvage_model::manifest::interface::{
    Brownout, Check, Deprecation, Interface, InterfaceBody, Lifecycle, OnPartition, Used,
};
use selvage_model::name::InterfaceRef;
use selvage_model::source::{Place, Spanned};

use super::class::{backstop, classes};
use super::contract::Contracts;
use super::told::Told;
use super::two::{Absent, Spot, Two, pair};
use super::{Class, Difference, api, event, file, limit, slo, webhook};

classes! { Interface "interface":
    REMOVED = "declaration" "removed" Both Breaking "Whoever uses it finds nothing there any more.";
    ADDED = "declaration" "added" Both Safe "Nobody uses it yet.";
    TYPE_CHANGED = "type" "changed" Both Breaking "It is used in another way altogether.";
    VERSION_RAISED = "version" "raised" Both Safe "It announces that something was added.";
    VERSION_LOWERED = "version" "lowered" Both Unproven "It says of itself that it has less than before.";
    OWNER_CHANGED = "owner" "changed" Both Safe "Others answer for it; it does the same.";
    DOMAIN_CHANGED = "domain" "changed" Both Unproven "Others govern it, by rules of their own.";
    DESCRIPTION_CHANGED = "description" "changed" Both Safe "It is for people.";
    OPENED = "lifecycle" "opened" Both Safe "It is served from now on.";
    DEPRECATED = "lifecycle" "deprecated" Both Unproven "Its end is announced: whoever uses it has to move, and gets no new grant.";
    WITHDRAWN = "lifecycle" "withdrawn" Both Breaking "It is a draft again, which is not served.";
    RETIRED = "lifecycle" "retired" Both Breaking "Every request is answered 410.";
    BLOCKED = "lifecycle" "blocked" Both Breaking "Everybody is cut off.";
    SUNSET_EARLIER = "sunset" "earlier" Both Breaking "Whoever counted on the day that was announced has less time to move.";
    SUNSET_LATER = "sunset" "later" Both Safe "There is more time to move.";
    SUNSET_PASSED = "sunset" "passed" Both Breaking "The day is over when it is said: nobody is given time to move.";
    END_CHANGED = "end" "changed" Both Safe "Only what is said of its end is different.";
    BROWNOUT_ADDED = "brownout" "added" Both Breaking "Whoever uses it is refused while it lasts.";
    BROWNOUT_REMOVED = "brownout" "removed" Both Safe "What was to be refused is answered.";
    CRITICALITY_LOWERED = "criticality" "lowered" Both Unproven "Grants may end by time alone, and places that were kept for it are not.";
    CRITICALITY_RAISED = "criticality" "raised" Both Safe "It is treated with more care.";
    DATA_CHANGED = "data" "changed" Both Unproven "Its data is for others than before.";
    LATENCY_CHANGED = "latency" "changed" Both Unproven "It has to be as fast as it says; whoever waits may wait longer.";
    RECOVERY_LOOSENED = "recovery" "loosened" Both Breaking "A disaster may cost more than was promised.";
    RECOVERY_TIGHTENED = "recovery" "tightened" Both Safe "A disaster may cost less than was promised.";
    REQUESTS_ENFORCED = "validation" "enforced" Request Unproven "Requests that passed although they do not fit the contract are refused.";
    REQUESTS_RELAXED = "validation" "relaxed" Request Safe "What passed passes.";
    ANSWERS_ENFORCED = "validation" "enforced" Response Unproven "Answers that do not fit the contract do not arrive any more.";
    ANSWERS_RELAXED = "validation" "relaxed" Response Unproven "Answers may arrive that do not fit the contract.";
    REPORTED_CHANGED = "validation" "reported" Both Safe "Only what is counted is different.";
    CHECKED_SIZE_CHANGED = "checked-size" "changed" Both Unproven "Other bodies are checked than before.";
    USED_RARELY = "used" "rarer" Both Safe "It is longer until silence says that nobody uses it.";
    USED_OFTEN = "used" "oftener" Both Unproven "Silence says sooner that nobody uses it.";
    PARTITION_SHORTENED = "on-partition" "shortened" Both Breaking "A node that is cut off stops sooner.";
    PARTITION_LENGTHENED = "on-partition" "lengthened" Both Unproven "A node that is cut off goes on longer, also for whom it was taken back from.";
}

backstop! { Interface "interface" }

/// Every interface of the two.
pub(super) fn compare(before: &Fabric, after: &Fabric, found: &mut Vec<Difference>) {
    let spot = |it: &Interface| {
        let reference = it.reference();
        let spot = Spot::new(format!("interface {reference}"), &it.place).of(&reference);
        Spot { idle: is_idle(&it.lifecycle), ..spot }
    };
    pair(found, (&before.interfaces, &after.interfaces), (&REMOVED, &ADDED), spot, |found, was, is, spot| {
        let spot = Spot { idle: is_idle(&was.lifecycle), ..spot };
        let mut two = Two::new(was, is, spot, |it| &mut it.place);
        two.changed(found, (&OWNER_CHANGED, "owner"), |it| &mut it.owner);
        two.changed(found, (&DOMAIN_CHANGED, "domain"), |it| &mut it.domain);
        two.changed(found, (&DESCRIPTION_CHANGED, "description"), |it| &mut it.description);
        two.changed(found, (&DESCRIPTION_CHANGED, "because"), |it| &mut it.because);
        two.judged(
            found,
            "version",
            |it| &mut it.version,
            |was, is| {
                if was < is { &VERSION_RAISED } else { &VERSION_LOWERED }
            },
        );
        let silence = |used: &Option<Used>| used.unwrap_or(Used::DEFAULT).silence();
        let used = |was: &Option<Used>, is: &Option<Used>| {
            if silence(is) < silence(was) { &USED_OFTEN } else { &USED_RARELY }
        };
        two.judged(found, "used", |it| &mut it.used, used);
        brownouts(found, &two);
        lifecycle(found, &mut two);
        classification(found, &mut two);
        validation(found, &mut two);
        partition(found, &mut two);
        limit::compare(found, two.part(|it| &mut it.limits));
        slo::compare(found, &mut two);
        body(found, &mut two);
        two.rest(found, &OTHER);
    });
    contracts(before, after, found);
    event::schemas(before, after, found);
}

/// The contracts of direct apis, also where the manifests that name them are the same.
fn contracts(before: &Fabric, after: &Fabric, found: &mut Vec<Difference>) {
    let mut contracts = Contracts::new(&before.files, &after.files);
    for (reference, was) in &before.interfaces {
        let apis = (was.api(), after.interfaces.get(reference).and_then(Interface::api));
        if let (Some(Api::Direct { openapi: old, .. }), Some(Api::Direct { openapi: new, .. })) = apis {
            let spot = Spot::new("contract", &new.place).of(reference);
            contracts.compare(found, (old, new), &Spot { idle: is_idle(&was.lifecycle), ..spot });
        }
    }
}

/// Nobody is served by it, and nobody was promised to be.
fn is_idle(lifecycle: &Lifecycle) -> bool {
    matches!(lifecycle, Lifecycle::Draft | Lifecycle::Retired { .. })
}

fn lifecycle(found: &mut Vec<Difference>, two: &mut Two<Interface>) {
    let (was, is) = (two.before.lifecycle.clone(), two.after.lifecycle.clone());
    two.settle(|it| &mut it.lifecycle);
    if was == is {
        return;
    }
    let mut tell = |class: &'static Class, values: (Option<String>, Option<String>), place: Option<&Place>| {
        let mut difference = two.spot.difference(class, "lifecycle").values(values.0, values.1);
        difference.place = place.unwrap_or(&two.spot.place).clone();
        found.push(difference);
    };
    let words = || (Some(was.as_str().to_owned()), Some(is.as_str().to_owned()));
    match (&was, &is) {
        (Lifecycle::Deprecated(was), Lifecycle::Deprecated(is)) => {
            if was.sunset != is.sunset {
                let is_earlier = match (was.sunset, is.sunset) {
                    (Some(was), Some(is)) => is < was,
                    (_, is) => is.is_some(),
                };
                let class = if is_earlier { &SUNSET_EARLIER } else { &SUNSET_LATER };
                tell(class, (was.sunset.told(), is.sunset.told()), None);
            }
            let said = |end: &Deprecation| (end.since, successor(&end.successor));
            if said(was) != said(is) {
                tell(&END_CHANGED, (successor(&was.successor), successor(&is.successor)), is.successor.place());
            }
        }
        (Lifecycle::Retired { successor: was }, Lifecycle::Retired { successor: is }) => {
            tell(&END_CHANGED, (successor(was), successor(is)), is.place());
        }
        (Lifecycle::Blocked { because: was }, Lifecycle::Blocked { because: is }) => {
            tell(&END_CHANGED, (was.clone(), is.clone()), None);
        }
        (_, Lifecycle::Draft) => tell(&WITHDRAWN, words(), None),
        (_, Lifecycle::Active) => tell(&OPENED, words(), None),
        (Lifecycle::Active, Lifecycle::Deprecated(_)) => tell(&DEPRECATED, words(), None),
        (_, Lifecycle::Deprecated(_)) => tell(&OPENED, words(), None),
        (_, Lifecycle::Retired { .. }) => tell(&RETIRED, words(), None),
        (_, Lifecycle::Blocked { .. }) => tell(&BLOCKED, words(), None),
    }
}

/// Windows that no window of before covers, and windows that are no more. INVARIANT: LIVE-LIFECYCLE
fn brownouts(found: &mut Vec<Difference>, two: &Two<Interface>) {
    let (was, is) = (windows(&two.before), windows(&two.after));
    let span = |window: &Brownout| Some(format!("{:.0} to {:.0}", window.from, window.to));
    let same = |one: &Brownout, other: &Brownout| (one.from, one.to) == (other.from, other.to);
    for window in is.iter().filter(|is| !was.iter().any(|was| was.from <= is.from && is.to <= was.to)) {
        let mut difference = two.spot.difference(&BROWNOUT_ADDED, "brownout").values(None::<String>, span(window));
        difference.place = window.place.clone();
        found.push(difference);
    }
    for window in was.iter().filter(|was| !is.iter().any(|is| same(was, is))) {
        let within = is.iter().find(|is| window.from <= is.from && is.to <= window.to);
        let difference = two.spot.difference(&BROWNOUT_REMOVED, "brownout");
        found.push(difference.values(span(window), within.and_then(span)));
    }
}

fn windows(interface: &Interface) -> &[Brownout] {
    match &interface.lifecycle {
        Lifecycle::Deprecated(deprecation) => &deprecation.brownouts,
        _ => &[],
    }
}

fn successor(successor: &Option<Spanned<InterfaceRef>>) -> Option<String> {
    successor.told()
}

fn classification(found: &mut Vec<Difference>, two: &mut Two<Interface>) {
    let (was, is) = (two.before.classification.clone(), two.after.classification.clone());
    let (Some(was), Some(is)) = (was, is) else {
        // What is not classified is what can wait.
        let tier = |it: &Interface| it.classification.as_ref().map(|classification| classification.criticality);
        let (before, after) = (tier(&two.before), tier(&two.after));
        if two.before.classification != two.after.classification {
            let class = if before.is_some() { &CRITICALITY_LOWERED } else { &DATA_CHANGED };
            found.push(two.spot.difference(class, "classification").values(before.told(), after.told()));
        }
        two.settle(|it| &mut it.classification);
        return;
    };
    let mut inner = Two { before: was, after: is, spot: two.spot.clone() };
    inner.judged(
        found,
        "criticality",
        |it| &mut it.criticality,
        |was, is| {
            if was < is { &CRITICALITY_LOWERED } else { &CRITICALITY_RAISED }
        },
    );
    inner.changed(found, (&LATENCY_CHANGED, "latency"), |it| &mut it.latency);
    inner.changed(found, (&DATA_CHANGED, "data"), |it| &mut it.data);
    let recovery = (&RECOVERY_TIGHTENED, &RECOVERY_LOOSENED, Absent::Most);
    inner.bound(found, recovery, "recovery point", |it| &mut it.recovery_point);
    inner.bound(found, recovery, "recovery time", |it| &mut it.recovery_time);
    inner.rest(found, &OTHER);
    two.settle(|it| &mut it.classification);
}

fn validation(found: &mut Vec<Difference>, two: &mut Two<Interface>) {
    let mut inner = two.part(|it| &mut it.validation);
    inner.judged(
        found,
        "validation of requests",
        |it| &mut it.request,
        |was, is| match (was, is) {
            (_, Check::Enforce) => &REQUESTS_ENFORCED,
            (Check::Enforce, _) => &REQUESTS_RELAXED,
            _ => &REPORTED_CHANGED,
        },
    );
    inner.judged(
        found,
        "validation of answers",
        |it| &mut it.response,
        |was, is| match (was, is) {
            (_, Check::Enforce) => &ANSWERS_ENFORCED,
            (Check::Enforce, _) => &ANSWERS_RELAXED,
            _ => &REPORTED_CHANGED,
        },
    );
    inner.changed(found, (&CHECKED_SIZE_CHANGED, "size of checked bodies"), |it| &mut it.up_to);
    inner.rest(found, &OTHER);
}

fn partition(found: &mut Vec<Difference>, two: &mut Two<Interface>) {
    let time = |on: &Option<OnPartition>| on.unwrap_or(OnPartition::DEFAULT).serves_for();
    two.judged(
        found,
        "what a cut-off node does",
        |it| &mut it.on_partition,
        |was, is| {
            if time(is) < time(was) { &PARTITION_SHORTENED } else { &PARTITION_LENGTHENED }
        },
    );
}

fn body(found: &mut Vec<Difference>, two: &mut Two<Interface>) {
    let spot = two.spot.clone();
    match (two.before.body.clone(), two.after.body.clone()) {
        (InterfaceBody::Api(was), InterfaceBody::Api(is)) => api::compare(found, &was, &is, &spot),
        (InterfaceBody::Webhook(before), InterfaceBody::Webhook(after)) => {
            webhook::compare(found, Two { before, after, spot });
        }
        (InterfaceBody::Event(before), InterfaceBody::Event(after)) => {
            event::compare(found, Two { before, after, spot });
        }
        (InterfaceBody::File(before), InterfaceBody::File(after)) => file::compare(found, Two { before, after, spot }),
        (InterfaceBody::Flow, InterfaceBody::Flow) => {}
        (was, is) => {
            let difference = spot.difference(&TYPE_CHANGED, "type");
            found.push(difference.values(Some(was.type_word()), Some(is.type_word())));
        }
    }
    two.settle(|it| &mut it.body);
}

//! The fabric itself, its domains, sites, teams and issuers; systems stand in their own file.

use std::time::Duration;

use selvage_model::fabric::Fabric;
use selvage_model::mail::MailAddress;
use selvage_model::manifest::consumer::Deliver;
use selvage_model::manifest::interface::OnPartition;
use selvage_model::manifest::issuer::{Issuer, IssuerEnvironment, Signing};
use selvage_model::manifest::organisation::{Domain, Environment, FabricSettings, Gates, Site, Team};
use selvage_model::source::Spanned;

use super::class::{backstop, classes};
use super::told::Told;
use super::two::{Absent, Spot, Two, pair};
use super::{Class, Difference, Ground, system};

classes! { Organisation "organisation":
    NAME_CHANGED = "fabric-name" "changed" Both Unproven "What is known by the name may not be known any more.";
    FABRIC_REMOVED = "fabric" "removed" Both Breaking "There are no environments.";
    FABRIC_ADDED = "fabric" "added" Both Safe "Nothing ran in its environments yet.";
    ENVIRONMENT_REMOVED = "environment" "removed" Both Breaking "What runs there is declared nowhere.";
    ENVIRONMENT_ADDED = "environment" "added" Both Safe "Nothing runs there yet.";
    PROTECTION_REMOVED = "protection" "removed" Both Breaking "It takes what nobody approved.";
    PROTECTION_ADDED = "protection" "added" Both Safe "It takes only what was approved.";
    ORDER_LOOSENED = "order" "loosened" Both Unproven "It takes what did not run there before.";
    ORDER_TIGHTENED = "order" "tightened" Both Safe "It takes only what ran there before.";
    GATE_LOOSENED = "gate" "loosened" Both Unproven "It takes what was looked at less.";
    GATE_TIGHTENED = "gate" "tightened" Both Safe "It takes only what was looked at more.";
    PARTITION_SHORTENED = "on-partition" "shortened" Both Breaking "A node that is cut off stops sooner.";
    PARTITION_LENGTHENED = "on-partition" "lengthened" Both Unproven "A node that is cut off goes on longer, also for whom it was taken back from.";
    KEY_AGE_SHORTENED = "key-age" "shortened" Request Breaking "Keys end sooner.";
    KEY_AGE_LENGTHENED = "key-age" "lengthened" Request Safe "Keys that were good are good.";
    PACK_REMOVED = "pack" "removed" Both Unproven "What it brought is gone, or declared in another way.";
    PACK_ADDED = "pack" "added" Both Safe "What it brings is told by itself.";
    CLASS_REMOVED = "class" "removed" Both Unproven "What carries it carries a class that is unknown.";
    CLASS_ADDED = "class" "added" Both Safe "Nothing carries it yet.";
    NETWORK_REMOVED = "network" "removed" Response Breaking "Deliveries there are held back.";
    NETWORK_ADDED = "network" "added" Response Unproven "Deliveries go where they did not.";
    DOMAIN_REMOVED = "domain" "removed" Both Breaking "Nobody governs what it governed.";
    DOMAIN_ADDED = "domain" "added" Both Safe "It governs nothing yet.";
    SEAT_CHANGED = "seat" "changed" Both Unproven "Others decide.";
    SEAT_REMOVED = "seat" "removed" Both Unproven "Fewer decide.";
    SEAT_ADDED = "seat" "added" Both Safe "More decide.";
    QUORUM_LOWERED = "quorum" "lowered" Both Unproven "Fewer are enough.";
    QUORUM_RAISED = "quorum" "raised" Both Safe "More are needed.";
    SITE_REMOVED = "site" "removed" Both Breaking "What is of the site is of none.";
    SITE_ADDED = "site" "added" Both Safe "Nothing is of it yet.";
    TIME_ZONE_CHANGED = "time-zone" "changed" Both Breaking "Its days and shifts begin at another time.";
    BINDING_REMOVED = "binding" "removed" Both Breaking "What asks for it at the site finds nothing.";
    BINDING_ADDED = "binding" "added" Both Safe "What asks for it at the site found nothing.";
    BINDING_CHANGED = "binding" "changed" Both Breaking "What asks for it at the site finds another.";
    CALENDAR_CHANGED = "calendar" "changed" Both Unproven "Clocks stand still at other times.";
    TEAM_REMOVED = "team" "removed" Both Unproven "Nobody answers for what was its.";
    TEAM_ADDED = "team" "added" Both Safe "It answers for nothing yet.";
    PEOPLE_CHANGED = "people" "changed" Both Unproven "Others answer, and may decide.";
    NOTICES_REMOVED = "notices" "removed" Both Unproven "Who answers for consumers is not told of what ends.";
    NOTICES_ADDED = "notices" "added" Both Safe "It is told of what ends, and was not.";
    NOTICES_CHANGED = "notices" "changed" Both Unproven "It is told of what ends in another way, which has to reach it.";
    MAIL_REMOVED = "mail" "removed" Both Unproven "Who answers for consumers gets no mail about what ends.";
    MAIL_ADDED = "mail" "added" Both Safe "It gets mail about what ends, and got none.";
    MAIL_CHANGED = "mail" "changed" Both Unproven "Its mail about what ends goes to another mailbox, which has to be read.";
    EVIDENCE_CHANGED = "evidence" "changed" Both Unproven "Packages of evidence are kept for other years, which may be fewer than somebody has to.";
    ISSUER_REMOVED = "issuer" "removed" Request Breaking "Its tokens prove nothing any more.";
    ISSUER_ADDED = "issuer" "added" Request Safe "It has vouched for nobody yet.";
    ISSUER_OWNER_CHANGED = "issuer-owner" "changed" Both Safe "Others run it.";
    ISSUER_ADDRESS_CHANGED = "issuer-address" "changed" Request Breaking "Its tokens name another, and are refused.";
    TRUST_REMOVED = "trust" "removed" Request Breaking "Tokens that were taken are refused.";
    TRUST_ADDED = "trust" "added" Request Unproven "Tokens are taken that were not.";
    CLAIM_CHANGED = "claim" "changed" Request Breaking "Tokens name another consumer, or none.";
    LEEWAY_SHORTENED = "leeway" "shortened" Request Breaking "Tokens that were in time are refused.";
    LEEWAY_LENGTHENED = "leeway" "lengthened" Request Unproven "Tokens are taken for longer than they last.";
    KEYS_CHANGED = "keys" "changed" Request Unproven "Tokens are verified by other keys.";
    SIGNING_CHANGED = "token-signing" "changed" Request Unproven "Tokens are signed in another way, or last for another time.";
}

backstop! { Organisation "organisation" }

/// Everything of the two that says who and where.
pub(super) fn compare(before: &Fabric, after: &Fabric, found: &mut Vec<Difference>) {
    settings(before, after, found);
    let spot = |it: &Domain| Spot::new(format!("domain {}", it.name), &it.place);
    pair(found, (&before.domains, &after.domains), (&DOMAIN_REMOVED, &DOMAIN_ADDED), spot, |found, was, is, spot| {
        let mut two = Two::new(was, is, spot, |it| &mut it.place);
        two.map(found, (&SEAT_REMOVED, &SEAT_ADDED, &SEAT_CHANGED), "seat", |it| &mut it.board);
        two.judged(
            found,
            "quorum",
            |it| &mut it.quorum,
            |was, is| {
                if is < was { &QUORUM_LOWERED } else { &QUORUM_RAISED }
            },
        );
        notices(found, &mut two, |it| &mut it.notices);
        mail(found, &mut two, |it| &mut it.mail);
        two.rest(found, &OTHER);
    });
    let spot = |it: &Site| Spot::new(format!("site {}", it.name), &it.place);
    pair(found, (&before.sites, &after.sites), (&SITE_REMOVED, &SITE_ADDED), spot, |found, was, is, spot| {
        site(found, Two::new(was, is, spot, |it| &mut it.place));
    });
    let spot = |it: &Team| Spot::new(format!("team {}", it.name), &it.place);
    pair(found, (&before.teams, &after.teams), (&TEAM_REMOVED, &TEAM_ADDED), spot, |found, was, is, spot| {
        let mut two = Two::new(was, is, spot, |it| &mut it.place);
        two.map(found, (&PEOPLE_CHANGED, &PEOPLE_CHANGED, &PEOPLE_CHANGED), "role", |it| &mut it.roles);
        notices(found, &mut two, |it| &mut it.notices);
        mail(found, &mut two, |it| &mut it.mail);
        two.rest(found, &OTHER);
    });
    let spot = |it: &Issuer| {
        let ground = Some(Ground::Issuer(it.name.clone(), None));
        Spot { ground, ..Spot::new(format!("issuer {}", it.name), &it.place) }
    };
    pair(found, (&before.issuers, &after.issuers), (&ISSUER_REMOVED, &ISSUER_ADDED), spot, |found, was, is, spot| {
        issuer(found, Two::new(was, is, spot, |it| &mut it.place));
    });
    system::compare(before, after, found);
}

fn settings(before: &Fabric, after: &Fabric, found: &mut Vec<Difference>) {
    let spot = |it: &FabricSettings| Spot::new("fabric", &it.place);
    let (was, is) = match (&before.settings, &after.settings) {
        (Some(was), Some(is)) if was != is => (was, is),
        (Some(was), None) => {
            let ground = Some(Ground::Environment(None));
            return found.push(Spot { ground, ..spot(was) }.difference(&FABRIC_REMOVED, ""));
        }
        (None, Some(is)) => return found.push(spot(is).difference(&FABRIC_ADDED, "")),
        _ => return,
    };
    let mut two = Two::new(was, is, spot(is), |it| &mut it.place);
    two.changed(found, (&NAME_CHANGED, "name"), |it| &mut it.name);
    two.changed(found, (&EVIDENCE_CHANGED, "evidence"), |it| &mut it.evidence_years);
    two.names(found, (&PACK_REMOVED, &PACK_ADDED), "pack", |it| &mut it.packs);
    two.names(found, (&CLASS_REMOVED, &CLASS_ADDED), "class", |it| &mut it.classes);
    two.names(found, (&NETWORK_REMOVED, &NETWORK_ADDED), "network", |it| &mut it.networks);
    let guardrails = (&super::rule::GUARDRAIL_REMOVED, &super::rule::GUARDRAIL_ADDED);
    two.names(found, guardrails, "guardrail", |it| &mut it.guardrails);
    let mut part = two.part(|it| &mut it.environments);
    part.spot.ground = Some(Ground::Environment(None));
    let classes: (&'static Class, &'static Class) = (&ENVIRONMENT_REMOVED, &ENVIRONMENT_ADDED);
    listed(found, (&part.before, &part.after), classes, &part.spot, |it| it.name.clone(), environment);
    two.rest(found, &OTHER);
}

/// Things of a list that have names. What only their order says is told by the list's owner.
pub(super) fn listed<T: Clone + PartialEq, N: Told>(
    found: &mut Vec<Difference>,
    (before, after): (&[T], &[T]),
    (removed, added): (&'static Class, &'static Class),
    spot: &Spot,
    name: impl Fn(&T) -> N,
    both: impl Fn(&mut Vec<Difference>, Two<T>),
) {
    let place = |it: &T| {
        let name = name(it);
        let word = name.told().unwrap_or_default();
        let (what, ground) = (format!("{}, {word}", spot.what), spot.ground.as_ref());
        let ground = ground.map(|ground| ground.within(word.parse().ok()));
        Spot { what, place: name.place().unwrap_or(&spot.place).clone(), ground, ..spot.clone() }
    };
    for was in before {
        match after.iter().find(|is| name(is) == name(was)) {
            Some(is) if is == was => {}
            Some(is) => both(found, Two { before: was.clone(), after: is.clone(), spot: place(is) }),
            None => found.push(place(was).difference(removed, "")),
        }
    }
    for is in after.iter().filter(|is| !before.iter().any(|was| name(was) == name(is))) {
        found.push(place(is).difference(added, ""));
    }
}

/// The mailbox of who answers for consumers: a team, or a domain.
fn mail<T: Clone + PartialEq>(
    found: &mut Vec<Difference>,
    two: &mut Two<T>,
    of: fn(&mut T) -> &mut Option<Spanned<MailAddress>>,
) {
    two.judged(found, "mail", of, |was, is| match (was, is) {
        (_, None) => &MAIL_REMOVED,
        (None, _) => &MAIL_ADDED,
        _ => &MAIL_CHANGED,
    });
}

/// The webhook of the same.
fn notices<T: Clone + PartialEq>(
    found: &mut Vec<Difference>,
    two: &mut Two<T>,
    of: fn(&mut T) -> &mut Option<Deliver>,
) {
    let part = two.part(of);
    let class = match (&part.before, &part.after) {
        (was, is) if was == is => return,
        (Some(_), None) => &NOTICES_REMOVED,
        (None, _) => &NOTICES_ADDED,
        _ => &NOTICES_CHANGED,
    };
    let told = |deliver: &Option<Deliver>| deliver.as_ref().map(|it| format!("{} {}", it.system, it.path));
    found.push(part.spot.difference(class, "notices").values(told(&part.before), told(&part.after)));
}

fn environment(found: &mut Vec<Difference>, mut two: Two<Environment>) {
    // What is asked of releases there is nothing that who uses what runs there would meet.
    let ground = two.spot.ground.take();
    two.judged(
        found,
        "protected",
        |it| &mut it.protected,
        |_, is| {
            if *is { &PROTECTION_ADDED } else { &PROTECTION_REMOVED }
        },
    );
    two.names(found, (&ORDER_LOOSENED, &ORDER_TIGHTENED), "after", |it| &mut it.after);
    let gate = |is: &bool| if *is { &GATE_TIGHTENED } else { &GATE_LOOSENED };
    two.judged(found, "gate of tests", |it| &mut it.gates.tests, |_, is| gate(is));
    two.judged(found, "gate of faults", |it| &mut it.gates.faults, |_, is| gate(is));
    two.judged(found, "gate of budgets", |it| &mut it.gates.budget, |_, is| gate(is));
    let soak = (&GATE_LOOSENED, &GATE_TIGHTENED, Absent::Least);
    two.bound(found, soak, "soak", |it| &mut it.gates.soak);
    let old = |receipts: &Option<Duration>| receipts.unwrap_or(Gates::RECEIPTS);
    let aged = |was: &Option<Duration>, is: &Option<Duration>| gate(&(old(is) < old(was)));
    two.judged(found, "age of receipts", |it| &mut it.gates.receipts, aged);
    two.spot.ground = ground;
    let time = |on: &Option<OnPartition>| on.unwrap_or(OnPartition::DEFAULT).serves_for();
    two.judged(
        found,
        "what a cut-off node does",
        |it| &mut it.on_partition,
        |was, is| {
            if time(is) < time(was) { &PARTITION_SHORTENED } else { &PARTITION_LENGTHENED }
        },
    );
    let age = (&KEY_AGE_SHORTENED, &KEY_AGE_LENGTHENED, Absent::Most);
    two.bound(found, age, "age of keys", |it| &mut it.key_age);
    two.rest(found, &OTHER);
}

fn site(found: &mut Vec<Difference>, mut two: Two<Site>) {
    let binding = (&BINDING_REMOVED, &BINDING_ADDED, &BINDING_CHANGED);
    two.changed(found, (&TIME_ZONE_CHANGED, "time zone"), |it| &mut it.time_zone);
    two.map(found, binding, "role", |it| &mut it.roles);
    two.map(found, binding, "company in", |it| &mut it.companies);
    two.map(found, binding, "place of quarantine in", |it| &mut it.quality_locations);
    two.changed(found, (&CALENDAR_CHANGED, "shifts"), |it| &mut it.shifts);
    two.names(found, (&NETWORK_REMOVED, &NETWORK_ADDED), "network", |it| &mut it.networks);
    if two.before.maintenance != two.after.maintenance {
        found.push(two.spot.difference(&CALENDAR_CHANGED, "maintenance"));
        two.settle(|it| &mut it.maintenance);
    }
    two.rest(found, &OTHER);
}

fn issuer(found: &mut Vec<Difference>, mut two: Two<Issuer>) {
    two.changed(found, (&ISSUER_OWNER_CHANGED, "owner"), |it| &mut it.owner);
    let part = two.part(|it| &mut it.environments);
    let classes: (&'static Class, &'static Class) = (&ISSUER_REMOVED, &ISSUER_ADDED);
    listed(found, (&part.before, &part.after), classes, &part.spot, |it| it.name.clone(), issuer_environment);
    two.rest(found, &OTHER);
}

fn issuer_environment(found: &mut Vec<Difference>, mut two: Two<IssuerEnvironment>) {
    two.changed(found, (&ISSUER_ADDRESS_CHANGED, "url"), |it| &mut it.url);
    two.names(found, (&TRUST_REMOVED, &TRUST_ADDED), "audience", |it| &mut it.audiences);
    two.names(found, (&TRUST_REMOVED, &TRUST_ADDED), "algorithm", |it| &mut it.algorithms);
    two.changed(found, (&CLAIM_CHANGED, "subject"), |it| &mut it.subject);
    two.judged(
        found,
        "leeway",
        |it| &mut it.leeway,
        |was, is| {
            if is < was { &LEEWAY_SHORTENED } else { &LEEWAY_LENGTHENED }
        },
    );
    two.changed(found, (&KEYS_CHANGED, "keys"), |it| &mut it.keys);
    let part = two.part(|it| &mut it.signing);
    match (part.before, part.after) {
        (Some(before), Some(after)) => {
            let mut inner: Two<Signing> = Two { before, after, spot: part.spot };
            inner.changed(found, (&SIGNING_CHANGED, "secret"), |it| &mut it.secret);
            inner.changed(found, (&SIGNING_CHANGED, "lifetime"), |it| &mut it.lifetime);
            inner.changed(found, (&SIGNING_CHANGED, "rotate"), |it| &mut it.rotate);
            inner.rest(found, &SIGNING_CHANGED);
        }
        (None, None) => {}
        _ => found.push(part.spot.difference(&SIGNING_CHANGED, "signing")),
    }
    two.rest(found, &OTHER);
}

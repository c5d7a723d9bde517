//! Apis: direct to an upstream by a contract, or mediated over an object.

use selvage_model::manifest::api::{Answers, Api, Cache, Older, Operation, Reads, Serves, Upstream};
use selvage_model::name::ClassName;
use selvage_model::source::Spanned;

use super::Difference;
use super::class::classes;
use super::interface::OTHER;
use super::told::Told;
use super::two::{Absent, Spot, Two};

classes! { Interface "interface":
    CONTROL_CHANGED = "control" "changed" Both Breaking "Paths, messages and refusals are others.";
    OBJECT_CHANGED = "object" "changed" Both Breaking "Its messages are another object.";
    OPERATION_REMOVED = "operation" "removed" Request Breaking "Whoever calls it is refused.";
    OPERATION_ADDED = "operation" "added" Request Safe "Nobody calls it yet.";
    SYSTEM_CHANGED = "system" "changed" Both Unproven "What it answers with and what it writes is another system's.";
    ACCOUNT_CHANGED = "account" "changed" Both Unproven "Another account of the system may see and do other things.";
    UPSTREAM_CHANGED = "upstream" "changed" Both Unproven "Requests go to another place, which has to keep the same contract.";
    WEBSOCKET_REMOVED = "websocket" "removed" Request Breaking "A connection cannot become a WebSocket any more.";
    WEBSOCKET_ADDED = "websocket" "added" Request Safe "Nobody opens one yet.";
    MEMBER_CLASS_ADDED = "member-class" "added" Response Breaking "The member is masked for whoever does not see its class.";
    MEMBER_CLASS_CHANGED = "member-class" "changed" Response Breaking "The member is masked for whoever saw the one class and does not see the other.";
    MEMBER_CLASS_REMOVED = "member-class" "removed" Response Unproven "What was masked is shown.";
    COPY_ADDED = "reads" "from-copy" Response Unproven "Answers are as old as the copy, and are refused while it is older than it may be.";
    COPY_CHANGED = "reads" "changed" Response Unproven "Answers come from another copy.";
    COPY_REMOVED = "reads" "live" Response Safe "Answers are as new as the system.";
    OLDER_REFUSED = "reads" "refused" Response Breaking "Reads are refused that the system answered while the copy was too old.";
    OLDER_LIVE = "reads" "asked-live" Response Safe "Reads are answered that were refused.";
    CACHE_ADDED = "cache" "added" Response Unproven "Answers may be older than they were.";
    CACHE_REMOVED = "cache" "removed" Response Safe "Answers are never older than the upstream's.";
    CACHE_SHARED = "cache" "shared" Response Unproven "An answer may be given by another grant than the one it came by.";
    CACHE_OLDER = "cache" "older" Response Unproven "Answers may be older than they were.";
    CACHE_CHANGED = "cache" "changed" Response Safe "Only how much is kept, or for how much shorter, is different.";
}

/// What two apis of an interface do.
pub(super) fn compare(found: &mut Vec<Difference>, before: &Api, after: &Api, spot: &Spot) {
    match (before, after) {
        (Api::Mediated(before), Api::Mediated(after)) => {
            mediated(found, Two { before: before.clone(), after: after.clone(), spot: spot.clone() });
        }
        (Api::Direct { .. }, Api::Direct { .. }) => direct(found, before, after, spot),
        _ => {
            let word = |api: &Api| if matches!(api, Api::Mediated(_)) { "mediated" } else { "direct" };
            let difference = spot.difference(&CONTROL_CHANGED, "control");
            found.push(difference.values(Some(word(before)), Some(word(after))));
        }
    }
}

fn mediated(found: &mut Vec<Difference>, mut two: Two<Serves>) {
    two.changed(found, (&OBJECT_CHANGED, "object"), |it| &mut it.object);
    two.changed(found, (&SYSTEM_CHANGED, "system"), |it| &mut it.system);
    two.changed(found, (&ACCOUNT_CHANGED, "account"), |it| &mut it.account);
    let before = found.len();
    two.names(found, (&OPERATION_REMOVED, &OPERATION_ADDED), "operation", |it| &mut it.operations);
    for difference in found.iter_mut().skip(before) {
        difference.operations = difference.before.iter().chain(&difference.after).cloned().collect();
    }
    reads(found, &mut two);
    two.rest(found, &OTHER);
}

/// Lists and gets are what a copy answers.
fn reads(found: &mut Vec<Difference>, two: &mut Two<Serves>) {
    let part = two.part(|it| &mut it.reads);
    let operations = [Operation::List, Operation::Get].map(|operation| operation.as_str().to_owned()).to_vec();
    let spot = Spot { operations, ..part.spot };
    let copy = |reads: &Option<Reads>| reads.as_ref().map(|reads| reads.copy.clone());
    let (was, is) = (copy(&part.before), copy(&part.after));
    match (part.before, part.after) {
        (Some(before), Some(after)) => {
            let mut inner = Two { before, after, spot };
            inner.changed(found, (&COPY_CHANGED, "copy"), |it| &mut it.copy);
            inner.judged(
                found,
                "while it is too old",
                |it| &mut it.older,
                |_, is| match is {
                    Older::Refuse => &OLDER_REFUSED,
                    Older::Live => &OLDER_LIVE,
                },
            );
            inner.rest(found, &OTHER);
        }
        (None, None) => {}
        (_, after) => {
            let class = if after.is_some() { &COPY_ADDED } else { &COPY_REMOVED };
            found.push(spot.difference(class, "reads").values(was.told(), is.told()));
        }
    }
}

/// What a direct api declares, apart from its contract.
#[derive(Clone, PartialEq)]
struct Direct {
    classes: Vec<(Spanned<String>, Spanned<ClassName>)>,
    upstream: Upstream,
    cache: Option<Cache>,
}

impl Direct {
    fn of(api: &Api) -> Option<Self> {
        match api {
            Api::Direct { classes, upstream, cache, .. } => {
                Some(Self { classes: classes.clone(), upstream: upstream.clone(), cache: *cache })
            }
            Api::Mediated(_) => None,
        }
    }
}

fn direct(found: &mut Vec<Difference>, before: &Api, after: &Api, spot: &Spot) {
    let (Some(before), Some(after)) = (Direct::of(before), Direct::of(after)) else { return };
    let mut two = Two { before, after, spot: spot.clone() };
    two.changed(found, (&UPSTREAM_CHANGED, "upstream's system"), |it| &mut it.upstream.system);
    two.changed(found, (&UPSTREAM_CHANGED, "upstream's path"), |it| &mut it.upstream.path);
    two.judged(
        found,
        "WebSockets",
        |it| &mut it.upstream.websocket,
        |_, is| {
            if *is { &WEBSOCKET_ADDED } else { &WEBSOCKET_REMOVED }
        },
    );
    let member = (&MEMBER_CLASS_REMOVED, &MEMBER_CLASS_ADDED, &MEMBER_CLASS_CHANGED);
    two.map(found, member, "class of member", |it| &mut it.classes);
    cache(found, &mut two);
    two.rest(found, &OTHER);
}

fn cache(found: &mut Vec<Difference>, two: &mut Two<Direct>) {
    let part = two.part(|it| &mut it.cache);
    match (part.before, part.after) {
        (Some(before), Some(after)) => {
            let mut inner = Two { before, after, spot: part.spot };
            inner.judged(
                found,
                "whose a kept answer is",
                |it| &mut it.answers,
                |_, is| match is {
                    Answers::SameForAll => &CACHE_SHARED,
                    Answers::OfEachGrant => &CACHE_CHANGED,
                },
            );
            inner.changed(found, (&CACHE_CHANGED, "size of the cache"), |it| &mut it.size);
            inner.changed(found, (&CACHE_CHANGED, "largest kept answer"), |it| &mut it.largest);
            let age = (&CACHE_CHANGED, &CACHE_OLDER, Absent::Most);
            inner.bound(found, age, "age of kept answers", |it| &mut it.max_age);
            inner.rest(found, &OTHER);
        }
        (None, None) => {}
        (_, after) => {
            let class = if after.is_some() { &CACHE_ADDED } else { &CACHE_REMOVED };
            found.push(part.spot.difference(class, "cache"));
        }
    }
}

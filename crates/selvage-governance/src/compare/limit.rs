//! Limits of interfaces.

use selvage_model::manifest::interface::{CutOff, Limits};
use selvage_model::scalar::{Quota, Rate};

use super::class::{backstop, classes};
use super::two::{Absent, Two};
use super::{Class, Difference};

classes! { Limit "limit":
    RATE_TIGHTENED = "rate" "tightened" Request Breaking "Who sends as much as was let pass is refused.";
    RATE_LOOSENED = "rate" "loosened" Request Safe "What passed passes.";
    QUOTA_TIGHTENED = "quota" "tightened" Request Breaking "Who sends as much as was let pass is refused.";
    QUOTA_LOOSENED = "quota" "loosened" Request Safe "What passed passes.";
    CONCURRENCY_TIGHTENED = "concurrency" "tightened" Request Breaking "Who sends as many at a time as were let pass is refused.";
    CONCURRENCY_LOOSENED = "concurrency" "loosened" Request Safe "What passed passes.";
    BODY_TIGHTENED = "body" "tightened" Request Breaking "Bodies that were taken are refused.";
    BODY_LOOSENED = "body" "loosened" Request Safe "What was taken is taken.";
    TIME_TIGHTENED = "time" "tightened" Response Breaking "Answers that came in time are given up.";
    TIME_LOOSENED = "time" "loosened" Response Safe "What came in time comes in time.";
    LEFT_TO_NODES = "default" "left" Both Unproven "What each node has for it holds from now on, which may be less than was declared.";
    WAIT_TIGHTENED = "wait" "tightened" Request Breaking "Requests that got a place in time are refused.";
    WAIT_LOOSENED = "wait" "loosened" Request Safe "Requests that got a place get one.";
    CUT_OFF_REFUSED = "cut-off" "refused" Request Breaking "A node that cannot reach its store refuses what it let pass.";
    CUT_OFF_SERVED = "cut-off" "served" Request Safe "A node that cannot reach its store lets pass what it refused.";
}

backstop! { Limit "limit" }

/// What two states of an interface bear.
pub(super) fn compare(found: &mut Vec<Difference>, mut two: Two<Limits>) {
    two.judged(found, "rate", |it| &mut it.rate, |was, is| rates(was, is, [&RATE_TIGHTENED, &RATE_LOOSENED]));
    two.judged(found, "quota", |it| &mut it.quota, |was, is| quotas(was, is, [&QUOTA_TIGHTENED, &QUOTA_LOOSENED]));
    let of_nodes = Absent::Elsewhere(&LEFT_TO_NODES);
    let time = (&TIME_TIGHTENED, &TIME_LOOSENED, of_nodes);
    two.bound(found, time, "timeout", |it| &mut it.timeout);
    two.bound(found, time, "time to connect", |it| &mut it.connect);
    two.bound(found, (&TIME_TIGHTENED, &TIME_LOOSENED, Absent::Most), "total time", |it| &mut it.total);
    let concurrency = (&CONCURRENCY_TIGHTENED, &CONCURRENCY_LOOSENED, Absent::Most);
    two.bound(found, concurrency, "concurrency", |it| &mut it.concurrency);
    two.bound(found, (&BODY_TIGHTENED, &BODY_LOOSENED, of_nodes), "body", |it| &mut it.body);
    two.bound(found, (&WAIT_TIGHTENED, &WAIT_LOOSENED, Absent::Least), "wait", |it| &mut it.wait);
    two.judged(
        found,
        "what a cut-off node does",
        |it| &mut it.cut_off,
        |_, is| match is {
            CutOff::Refuse => &CUT_OFF_REFUSED,
            CutOff::Serve => &CUT_OFF_SERVED,
        },
    );
    two.rest(found, &OTHER);
}

/// Whether a rate lets less pass: fewer over time, or fewer at once.
pub(super) fn rates(
    was: &Option<Rate>,
    is: &Option<Rate>,
    [tightened, loosened]: [&'static Class; 2],
) -> &'static Class {
    let is_less = match (was, is) {
        (Some(was), Some(is)) => {
            let over_time = |rate: &Rate, other: &Rate| u128::from(rate.count).saturating_mul(other.per.as_nanos());
            over_time(is, was) < over_time(was, is) || is.count < was.count
        }
        (_, is) => is.is_some(),
    };
    if is_less { tightened } else { loosened }
}

/// Whether a quota lets less pass in any span of time.
pub(super) fn quotas(
    was: &Option<Quota>,
    is: &Option<Quota>,
    [tightened, loosened]: [&'static Class; 2],
) -> &'static Class {
    let is_less = match (was, is) {
        (Some(was), Some(is)) if was.window == is.window => is.count < was.count,
        // In another window no count is surely as much.
        (Some(_), Some(_)) => true,
        (_, is) => is.is_some(),
    };
    if is_less { tightened } else { loosened }
}

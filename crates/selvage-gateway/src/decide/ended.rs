//! Requests on what is over, or refuses for a while, by its life. INVARIANT: LIVE-LIFECYCLE

use http::StatusCode;
use jiff::Timestamp;
use selvage_model::code;
use selvage_model::problem::Problem;

use super::Asked;
use crate::explain::{Stage, Witness};
use crate::identify::identify;
use crate::refusal::Refusal;
use crate::snapshot::{Life, Served};

/// Everything is refused for a while: whoever asks is found out, and counted.
#[cold]
pub(super) fn brownout<'s>(
    asked: Asked<'s, '_, '_>,
    served: &'s Served,
    ends: Timestamp,
    witness: &mut impl Witness,
) -> Box<Refusal<'s>> {
    let mut refusal = Refusal::of(refuses_until(ends, asked.now)).at(served, None);
    // Whoever calls a webhook has no key.
    if served.demand.is_none() {
        match identify(asked, witness) {
            Ok(caller) => refusal = refusal.by(caller.name),
            Err(unknown) => return Box::new(unknown.at(served, None)),
        }
    }
    witness.begin(Stage::Lifecycle);
    Box::new(refusal)
}

/// What is told in a brownout, to who asks and to who was waiting when it began.
pub(crate) fn refuses_until(ends: Timestamp, now: Timestamp) -> Problem {
    let seconds = ends.duration_since(now).as_secs().saturating_add(1);
    let detail =
        format!("the interface is deprecated and refuses everything until {ends:.0}; `Link` names what to use instead");
    let problem = Problem::new(503, code::BROWNOUT, detail);
    Problem { retry_after: u32::try_from(seconds).ok(), ..problem }
}

/// What is not served any more.
pub(super) fn past<'s>(life: &Life) -> Refusal<'s> {
    match life {
        Life::Blocked(because) => {
            let because = because.as_ref().map(|because| format!(": {because}")).unwrap_or_default();
            Refusal::new(StatusCode::FORBIDDEN, code::BLOCKED, format!("the interface is blocked{because}"))
        }
        Life::Served | Life::Retired => {
            Refusal::new(StatusCode::GONE, code::RETIRED, "the interface is retired; `Link` names what to use instead")
        }
    }
}

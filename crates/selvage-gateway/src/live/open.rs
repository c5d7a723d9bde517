//! Limits of interfaces on which nobody has a grant: what calls of webhooks take. Only what is proven takes from them, so that
//! nobody uses up what is the sender's.

use http::StatusCode;
use selvage_model::code;

use super::{Limit, Live, Now, give_back};
use crate::admission::Entered;
use crate::refusal::Refusal;
use crate::snapshot::Served;
use crate::tally::NOWHERE;

impl Live {
    /// The counters of the one operation that an interface has.
    pub(crate) fn first_operation(&self, served: &Served) -> u32 {
        let live = self.served.get(served.index as usize);
        live.and_then(|live| live.operations.first()).copied().unwrap_or(NOWHERE)
    }

    /// Takes from the limits of an interface, or from none; waits for a place as long as that is declared.
    pub(crate) async fn take_open<'s>(
        &'s self,
        served: &'s Served,
        now: impl Fn() -> Now,
    ) -> Result<Entered, Box<Refusal<'s>>> {
        let Some(live) = self.served.get(served.index as usize) else { return Ok(Entered::default()) };
        let limits = [
            served.rate.map(|of| Limit::Rate(&live.limits.rate, of)),
            served.quota.map(|of| Limit::Quota(&live.limits.quota, of)),
        ];
        let mut spent = [None; 2];
        for (place, limit) in limits.into_iter().enumerate() {
            let Some(limit) = limit else { continue };
            if let Err(seconds) = limit.take(now(), self.alone) {
                give_back(&spent);
                let detail = format!("the limit of this interface is used up; the next call passes in {seconds} s");
                let mut refusal = Refusal::new(StatusCode::TOO_MANY_REQUESTS, code::INTERFACE_RATE, detail);
                refusal.problem.retry_after = Some(u32::try_from(seconds).unwrap_or(u32::MAX));
                return Err(Box::new(refusal));
            }
            if let Some(spent) = spent.get_mut(place) {
                *spent = Some(limit);
            }
        }
        let entered = self.doors(served, live).enter_in_turn(|| now().nanos).await;
        entered.map_err(|shut| {
            give_back(&spent);
            Box::new(Refusal::of(shut.problem()))
        })
    }
}

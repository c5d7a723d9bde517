//! What is told of a subscription while it is delivered: what is set aside, and whether its endpoint takes anything. How late it is, is
//! measured whether or not it is delivered.

use jiff::{SignedDuration, Timestamp};
use selvage_model::code;
use selvage_model::subscription::{Waiting, WaitsFor};

use super::Run;

const TOLD_FOR: SignedDuration = SignedDuration::from_secs(3);
/// Of a receiver that asks for a few seconds nothing is told.
const TOLD_FROM: SignedDuration = SignedDuration::from_secs(5);

impl Run {
    pub(super) fn observe(&mut self) {
        let (retrying, parked) = self.lanes.aside();
        let (down, crowded) = (self.lanes.is_down(), self.lanes.is_crowded());
        let (label, waits) = (&self.endpoint.name, self.waiting(Timestamp::now()));
        let spent = waits.as_ref().filter(|it| it.what == WaitsFor::Quota);
        if let (Some(waits), false) = (spent, self.was_spent) {
            tracing::error!(code = %code::GRANT_SPENT, "`{label}` waits: {}", waits.because);
        }
        self.was_spent = spent.is_some();
        self.means.config.figures.of(label, |figure| {
            (figure.down, figure.here, figure.waits) = (down, true, waits);
            (figure.retrying, figure.parked) = (retrying as u64, parked as u64);
        });
        if down && !self.was_down {
            tracing::error!(code = %code::ENDPOINT_DOWN, "the endpoint of `{label}` takes nothing; it is asked again and again");
        }
        if !down && self.was_down {
            tracing::info!("the endpoint of `{label}` takes messages again");
        }
        if crowded && !self.was_crowded {
            let code = code::LANES_RETRYING;
            tracing::error!(code = %code, "{retrying} lanes of `{label}` wait for their next attempt; the others go on behind them");
        }
        (self.was_down, self.was_crowded) = (down, crowded);
    }

    /// What of its grant is used up, or that its receiver asked for it. It is told for a little longer: what is met again and again does not
    /// come and go.
    fn waiting(&self, now: Timestamp) -> Option<Waiting> {
        let Some((what, until)) = self.waits.filter(|(_, until)| now.duration_since(*until) < TOLD_FOR) else {
            let until = self.lanes.held_until().filter(|until| until.duration_since(now) > TOLD_FROM)?;
            let because = format!("the receiver asked to be left alone until {until:.0} (`Retry-After`)");
            return Some(Waiting { what: WaitsFor::Receiver, because });
        };
        let granted = &self.job.granted;
        let because = match (what, granted.rate, granted.quota) {
            (WaitsFor::Quota, _, Some(quota)) => {
                // Not when it is looked again, which is sooner.
                let ends = Timestamp::from_second(quota.window.span(now).1).unwrap_or(until);
                format!("the quota of its grant, {} in each {}, is used up until {ends:.0}", quota.count, quota.window)
            }
            (_, Some(rate), _) => format!("the rate of its grant, {} in {:?}, is met", rate.count, rate.per),
            _ => return None,
        };
        Some(Waiting { what, because })
    }
}

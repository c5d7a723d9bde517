//! What is told of a subscription while it is delivered: how late it is, what is set aside, and whether its endpoint takes anything.

use jiff::Timestamp;
use selvage_model::code;

use super::Run;

impl Run {
    pub(super) fn observe(&mut self) {
        let now = Timestamp::now();
        let behind = self.lanes.oldest().or((self.lanes.is_down()).then_some(self.caught_up));
        let lag = behind.map_or(0.0, |oldest| now.duration_since(oldest).as_secs_f64().max(0.0));
        let (retrying, parked) = self.lanes.aside();
        let down = self.lanes.is_down();
        let label = &self.endpoint.name;
        self.means.config.figures.of(label, |figure| {
            (figure.lag, figure.down, figure.here) = (lag, down, true);
            (figure.retrying, figure.parked) = (retrying as u64, parked as u64);
        });
        let agreed = self.job.subscription.terms.lag.map(|lag| lag.as_secs_f64());
        let late = agreed.is_some_and(|agreed| lag > agreed);
        if late && !self.late {
            tracing::error!(code = %code::DELIVERY_LATE, "deliveries of `{label}` are {lag:.0} s late");
        }
        if down && !self.was_down {
            tracing::error!(code = %code::ENDPOINT_DOWN, "the endpoint of `{label}` takes nothing; it is asked again and again");
        }
        if !down && self.was_down {
            tracing::info!("the endpoint of `{label}` takes messages again");
        }
        (self.late, self.was_down) = (late, down);
    }
}

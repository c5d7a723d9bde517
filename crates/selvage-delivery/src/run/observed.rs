//! What is told of a subscription while it is delivered: what is set aside, and whether its endpoint takes anything. How late it is, is
//! measured whether or not it is delivered.

use selvage_model::code;

use super::Run;

impl Run {
    pub(super) fn observe(&mut self) {
        let (retrying, parked) = self.lanes.aside();
        let (down, crowded) = (self.lanes.is_down(), self.lanes.is_crowded());
        let label = &self.endpoint.name;
        self.means.config.figures.of(label, |figure| {
            (figure.down, figure.here) = (down, true);
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
}

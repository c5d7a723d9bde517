//! The system's clock: what it was seen to have written is not ahead of what it says that it is now. Where its clock was set back, or
//! had been ahead, looks begin at what it says that it is. Looks that go too far back find what is known, and cost no more than time.

use selvage_model::code;

use super::Worker;
use crate::capture::looking::Looking;

/// By how much the clocks that an answer passes may differ, in seconds.
const APART: i64 = 60;

/// This second, or the present one where that is earlier.
pub(super) fn not_ahead(second: i64, present: Option<i64>) -> i64 {
    present.map_or(second, |present| second.min(present))
}

/// How far a clock is behind what was written by it; 0 where that is no more than clocks differ.
fn behind(front: i64, present: Option<i64>) -> i64 {
    let behind = present.map_or(0, |present| front.saturating_sub(present));
    if behind > APART { behind } else { 0 }
}

impl Worker<'_> {
    /// The present second of the system, and that its clock is behind is named, once.
    pub(super) fn present(&mut self, looking: &Looking) -> Option<i64> {
        let present = looking.present();
        let behind = behind(self.state.front, present);
        if behind > 0 && self.behind == 0 {
            let (interface, system) = (&self.watched.interface, self.watched.system());
            let code = code::SYSTEM_CLOCK_BEHIND;
            tracing::warn!(%interface, system, %code, behind, "the system's clock is behind what was written by it");
        }
        self.behind = behind;
        present
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn looks_begin_where_the_systems_clock_is() {
        for (front, present, begins, is_behind) in [
            (1_000, None, 1_000, 0),
            (1_000, Some(1_005), 1_000, 0),
            // Clocks differ a little; a look that begins earlier finds no less.
            (1_000, Some(970), 970, 0),
            (10_000, Some(6_400), 6_400, 3_600),
        ] {
            assert_eq!((not_ahead(front, present), behind(front, present)), (begins, is_behind), "{front} {present:?}");
        }
    }
}

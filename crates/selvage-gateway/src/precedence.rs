//! Which threads of a process the machine runs first: the data path's before all that works beside it, so that a snapshot being
//! compiled, the store or the engine take a core only where no request waits for it; and work beside it that goes on in steps, so that
//! none of them is long. It never asks for more than others have.

use std::cell::Cell;
use std::time::{Duration, Instant};

/// How far threads beside the data path stand back; 0 is how every thread begins, 19 would starve them.
const BEHIND: i32 = 5;

/// Lets the calling thread, and what it starts, stand behind the data path's. To be called once by each thread that works beside it;
/// where the system knows no such order, nothing changes.
pub fn stand_behind_the_data_path() {
    // On Linux this concerns the calling thread alone.
    #[cfg(target_os = "linux")]
    if let Err(error) = rustix::process::nice(BEHIND) {
        tracing::debug!("a thread does not stand behind the data path: {error}");
    }
}

/// How long one step takes of a core: shorter than any request would notice.
const STEP: Duration = Duration::from_micros(100);
/// How long the core is given up after each, at least.
const REST: Duration = Duration::from_micros(50);
/// How many items are done between two looks at the time.
const ITEMS: u32 = 32;

/// Work on many items, in steps with rests between them. A thread that stands behind others still keeps its core for the length of a
/// slice, which is milliseconds, unless it gives it up itself.
#[derive(Debug)]
pub(crate) struct Pace {
    rests: bool,
    done: Cell<u32>,
    began: Cell<Instant>,
}

impl Pace {
    /// Begins a step; without rests where nobody is served yet.
    pub(crate) fn begin(rests: bool) -> Self {
        Self { rests, done: Cell::new(0), began: Cell::new(Instant::now()) }
    }

    /// One more item is done.
    pub(crate) fn step(&self) {
        let done = self.done.get().wrapping_add(1);
        self.done.set(done);
        if self.rests && done.is_multiple_of(ITEMS) && self.began.get().elapsed() >= STEP {
            std::thread::sleep(REST);
            self.began.set(Instant::now());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_work_rests_and_short_work_does_not() {
        let began = Instant::now();
        let pace = Pace::begin(true);
        for _ in 0..10 * ITEMS {
            std::thread::sleep(STEP / ITEMS);
            pace.step();
        }
        assert!(began.elapsed() >= 9 * REST);
        assert_ne!(pace.began.get(), began, "it rested");
        let pace = Pace::begin(false);
        let first = pace.began.get();
        (0..10 * ITEMS).for_each(|_| pace.step());
        assert_eq!(pace.began.get(), first);
    }
}

//! A flood of tier-3 on the system that tier-1 needs too: many clients that ask again at once, whatever they hear; half of them over few
//! connections of HTTP/2.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::task::JoinSet;

use super::client::{Client, Counts, Line, Speech};
use crate::load::Target;

/// More than the system has places.
const CLIENTS: usize = 32;
/// How many connections those have who speak HTTP/2.
const LINES: usize = 2;
/// Between a refusal and the next try: the flood is one of requests, not of this machine's processors.
const PAUSE: Duration = Duration::from_millis(60);
const CALM: Duration = Duration::from_millis(20);

/// The flood, which can be let loose and held.
pub(super) struct Flood(Arc<AtomicBool>);

impl Flood {
    pub(super) fn start(
        target: &Target,
        counts: &Arc<Counts>,
        over: &Arc<AtomicBool>,
        tasks: &mut JoinSet<()>,
    ) -> Self {
        let loose = Arc::new(AtomicBool::new(false));
        let lines = [(); LINES].map(|()| Line::new());
        for (number, line) in (0..CLIENTS).zip(lines.iter().cycle()) {
            let (counts, over, loose) = (Arc::clone(counts), Arc::clone(over), Arc::clone(&loose));
            let http2 = number >= CLIENTS / 2;
            let mut client = Client::new(target.clone()).speaking(Speech { http2, tls: false }, line);
            tasks.spawn(async move {
                while !over.load(Ordering::SeqCst) {
                    if !loose.load(Ordering::SeqCst) {
                        tokio::time::sleep(CALM).await;
                    } else if client.ask(number, &counts).await {
                        counts.flood_refused.fetch_add(1, Ordering::Relaxed);
                        tokio::time::sleep(PAUSE).await;
                    }
                }
            });
        }
        Self(loose)
    }

    /// Lets it loose, or holds it.
    pub(super) fn set(&self, loose: bool) {
        self.0.store(loose, Ordering::SeqCst);
    }
}

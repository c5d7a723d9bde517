//! The server's clock, as its answers say. It decides nothing, and an answer that says nothing of it changes nothing.

use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use jiff::fmt::rfc2822;
use reqwest::header::{DATE, HeaderMap};

/// What a server said last that it was, and when that was heard.
#[derive(Default)]
pub(super) struct Clock {
    heard: Mutex<Option<(i64, Instant)>>,
}

impl Clock {
    /// Hears what an answer says.
    pub(super) fn hear(&self, headers: &HeaderMap) {
        let said = headers.get(DATE).and_then(|value| second(value.to_str().ok()?));
        if let Some(second) = said {
            *self.heard.lock().unwrap_or_else(PoisonError::into_inner) = Some((second, Instant::now()));
        }
    }

    /// The second that it is for the server; `None` where it never said.
    pub(super) fn present(&self) -> Option<i64> {
        let (second, at) = (*self.heard.lock().unwrap_or_else(PoisonError::into_inner))?;
        Some(second.saturating_add(i64::try_from(at.elapsed().as_secs()).ok()?))
    }
}

/// The second that HTTP's date names.
fn second(text: &str) -> Option<i64> {
    rfc2822::parse(text).ok().map(|at| at.timestamp().as_second())
}

#[cfg(test)]
mod tests {
    use reqwest::header::HeaderValue;

    use super::*;

    #[test]
    fn the_last_answer_that_says_it_counts() {
        let clock = Clock::default();
        assert_eq!(clock.present(), None);
        for (said, expected) in [
            (Some("Sun, 06 Nov 1994 08:49:37 GMT"), 784_111_777),
            (None, 784_111_777),
            (Some("yesterday"), 784_111_777),
            // A clock that was set back is believed.
            (Some("Sun, 06 Nov 1994 07:49:37 GMT"), 784_108_177),
        ] {
            let mut headers = HeaderMap::new();
            headers.extend(said.map(|said| (DATE, HeaderValue::from_static(said))));
            clock.hear(&headers);
            let late = clock.present().unwrap() - expected;
            assert!((0..600).contains(&late), "{said:?}: {late}");
        }
    }
}

//! What is told of the systems that direct interfaces go to: what came of requests, and whether they are left alone.

use std::fmt::Write;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use super::head;
use crate::breaker::State;
use crate::live::Books;
use crate::outcome::OUTCOMES;
use crate::tally::Sent;

pub(super) fn write(text: &mut String, books: &Books) -> std::fmt::Result {
    let names = books.names.all_upstreams();
    head(
        text,
        "upstream_requests_total",
        "counter",
        "Requests to systems of direct interfaces, by what came of them.",
    )?;
    for (index, system) in (0..).zip(&names) {
        for (place, outcome) in OUTCOMES.iter().enumerate() {
            let count = sum(books, index, |sent| sent.outcomes.get(place));
            if count > 0 {
                writeln!(
                    text,
                    "selvage_gateway_upstream_requests_total{{system=\"{system}\",outcome=\"{outcome}\"}} {count}"
                )?;
            }
        }
    }
    head(text, "upstream_sent_again_total", "counter", "Requests that were sent a second time.")?;
    for (index, system) in (0..).zip(&names) {
        let count = sum(books, index, |sent| Some(&sent.again));
        writeln!(text, "selvage_gateway_upstream_sent_again_total{{system=\"{system}\"}} {count}")?;
    }
    let (now, upstreams) = (books.nanos(Instant::now()), books.limits.upstreams());
    head(text, "upstream_in_hand", "gauge", "Requests in hand at systems with `limits.direct.concurrency`.")?;
    for (system, state) in &upstreams {
        writeln!(text, "selvage_gateway_upstream_in_hand{{system=\"{system}\"}} {}", state.gate.in_hand())?;
    }
    head(text, "upstream_breaker", "gauge", "Whether a system is left alone: 0 closed, 1 tried, 2 open.")?;
    for (system, state) in &upstreams {
        let value = match state.breaker.state(now) {
            State::Closed => 0,
            State::HalfOpen => 1,
            State::Open => 2,
        };
        writeln!(text, "selvage_gateway_upstream_breaker{{system=\"{system}\"}} {value}")?;
    }
    head(text, "upstream_breaker_opened_total", "counter", "How often a system began to be left alone.")?;
    for (system, state) in &upstreams {
        writeln!(
            text,
            "selvage_gateway_upstream_breaker_opened_total{{system=\"{system}\"}} {}",
            state.breaker.opened()
        )?;
    }
    Ok(())
}

fn sum(books: &Books, upstream: u32, of: impl Fn(&Sent) -> Option<&AtomicU64>) -> u64 {
    let sent = books.shards.iter().filter_map(|shard| shard.upstreams.seen(upstream));
    sent.filter_map(of).map(|counter| counter.load(Ordering::Relaxed)).sum()
}

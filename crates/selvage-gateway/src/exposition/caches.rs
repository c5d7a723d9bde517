//! What is told of answers that are kept: how often they served, and how much there is of them.

use std::fmt::Write;
use std::sync::atomic::{AtomicU64, Ordering};

use selvage_model::overview::KeptRow;

use super::head;
use crate::cache::Cache;
use crate::live::Books;

/// The same of one interface, for the console.
pub(super) fn row(cache: &Cache) -> KeptRow {
    let counts = &cache.counts;
    let count = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
    KeptRow {
        given: count(&counts.hits) + count(&counts.confirmed),
        asked: count(&counts.misses),
        passed: count(&counts.passed),
        answers: cache.kept().0 as u64,
    }
}

pub(super) fn write(text: &mut String, books: &Books) -> std::fmt::Result {
    let caches = books.caches.all();
    head(text, "cache_answers_total", "counter", "Answers of interfaces that keep them, by where they came from.")?;
    for (interface, cache) in &caches {
        let counts = &cache.counts;
        let all = [
            ("kept", &counts.hits),
            ("confirmed", &counts.confirmed),
            ("asked", &counts.misses),
            ("passed", &counts.passed),
        ];
        for (from, count) in all {
            let count = count.load(Ordering::Relaxed);
            writeln!(text, "selvage_gateway_cache_answers_total{{interface=\"{interface}\",from=\"{from}\"}} {count}")?;
        }
    }
    head(text, "cache_evicted_total", "counter", "Kept answers that made room for others.")?;
    for (interface, cache) in &caches {
        let count = cache.counts.evicted.load(Ordering::Relaxed);
        writeln!(text, "selvage_gateway_cache_evicted_total{{interface=\"{interface}\"}} {count}")?;
    }
    head(text, "cache_entries", "gauge", "Answers that are kept.")?;
    for (interface, cache) in &caches {
        writeln!(text, "selvage_gateway_cache_entries{{interface=\"{interface}\"}} {}", cache.kept().0)?;
    }
    head(text, "cache_bytes", "gauge", "Bytes of the answers that are kept, with all that is needed to find them.")?;
    for (interface, cache) in &caches {
        writeln!(text, "selvage_gateway_cache_bytes{{interface=\"{interface}\"}} {}", cache.kept().1)?;
    }
    Ok(())
}

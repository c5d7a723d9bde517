//! What the threads counted, merged when somebody asks: for the console as data, for Prometheus as text
//! (<https://prometheus.io/docs/instrumenting/exposition_formats/>, version 0.0.4).

mod caches;
mod contracts;
mod upstreams;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt::Write;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use selvage_model::code::Code;
use selvage_model::name::{ConsumerName, InterfaceRef};

use crate::live::Books;
use crate::tally::{BOUNDS, CLASSES, Latency, MINUTES, Rare, SeriesName, Shard};
use crate::traffic::Traffic;
use crate::worker::Shared;
pub(crate) use contracts::contracts;

const FAILED: usize = 3;

/// The traffic for the console.
pub(crate) fn traffic(books: &Books) -> Traffic {
    let mut traffic = Traffic::default();
    let mut consumers: HashMap<InterfaceRef, HashMap<ConsumerName, u64>> = HashMap::new();
    for (name, answers) in series(books) {
        let total: u64 = answers.iter().sum();
        let interface = traffic.interfaces.entry(name.interface.clone()).or_default();
        interface.requests += total;
        interface.failed += answers.get(FAILED).copied().unwrap_or(0);
        if let Some(consumer) = name.consumer {
            *consumers.entry(name.interface).or_default().entry(consumer).or_default() += total;
        }
    }
    for (interface, consumers) in consumers {
        if let Some(traffic) = traffic.interfaces.get_mut(&interface) {
            traffic.consumers = most_first(consumers);
        }
    }
    let interfaces = books.names.all_interfaces();
    let mut by_code: HashMap<u32, HashMap<String, u64>> = HashMap::new();
    for ((interface, code), (status, count)) in refusals(books) {
        *by_code.entry(interface).or_default().entry(code.to_string()).or_default() += count;
        let name = interfaces.get(interface as usize);
        if let (Some(traffic), true) = (name.and_then(|name| traffic.interfaces.get_mut(name)), status < 500) {
            traffic.refused += count;
        }
    }
    for (index, interface) in (0..).zip(&interfaces) {
        let Some(traffic) = traffic.interfaces.get_mut(interface) else { continue };
        traffic.minutes = minutes(books, index);
        traffic.refusals = most_first(by_code.remove(&index).unwrap_or_default());
    }
    for (interface, cache) in books.caches.all() {
        if let Some(traffic) = traffic.interfaces.get_mut(&interface) {
            traffic.kept = Some(caches::row(&cache));
        }
    }
    shadow(books, &mut traffic);
    traffic
}

/// All of it for Prometheus.
pub(crate) fn metrics(shared: &Shared) -> String {
    let books = &shared.books;
    let mut text = String::with_capacity(16 * 1024);
    // Writing to a String cannot fail.
    let _ = write_all(&mut text, books, shared.live.load().snapshot.revision());
    let _ = write_held(&mut text, shared);
    text.push_str(&shared.mediation.figures());
    text
}

fn write_held(text: &mut String, shared: &Shared) -> std::fmt::Result {
    head(text, "bodies_held_bytes", "gauge", "Bytes of bodies that are held because messages are read whole.")?;
    writeln!(text, "selvage_gateway_bodies_held_bytes {}", shared.burden.held())?;
    head(
        text,
        "bodies_kept_bytes",
        "gauge",
        "Bytes of the bodies of kept answers, until nobody is given them any more.",
    )?;
    writeln!(text, "selvage_gateway_bodies_kept_bytes {}", shared.books.caches.held())?;
    let ends = "When certificates end that are shown to systems, by the secret that holds them; seconds since 1970.";
    head(text, "shown_certificate_ends_timestamp_seconds", "gauge", ends)?;
    for (secret, ends) in shared.proving.ends() {
        let (secret, ends) = (escaped(&secret), ends.as_second());
        writeln!(text, "selvage_gateway_shown_certificate_ends_timestamp_seconds{{secret=\"{secret}\"}} {ends}")?;
    }
    write_revocation_lists(text, shared)
}

fn write_revocation_lists(text: &mut String, shared: &Shared) -> std::fmt::Result {
    let Some(tls) = &shared.tls else { return Ok(()) };
    let ends = "When the next revocation list of an authority of clients is due; seconds since 1970.";
    head(text, "revocation_list_ends_timestamp_seconds", "gauge", ends)?;
    // Of an authority with several lists, the one that ends first.
    let mut told = BTreeSet::new();
    for list in tls.load().revocation_lists().iter().filter(|list| told.insert(list.authority.clone())) {
        let (authority, ends) = (escaped(&list.authority), list.ends.as_second());
        writeln!(text, "selvage_gateway_revocation_list_ends_timestamp_seconds{{authority=\"{authority}\"}} {ends}")?;
    }
    Ok(())
}

fn write_all(text: &mut String, books: &Books, revision: u64) -> std::fmt::Result {
    head(text, "access_unheard_seconds", "gauge", "For how long changes of the access state may have been missed.")?;
    let deaf = books.deaf(books.nanos(Instant::now())) / 1_000;
    writeln!(text, "selvage_gateway_access_unheard_seconds {}", seconds(deaf))?;
    head(text, "requests_total", "counter", "Answers by interface, consumer, operation and class of status.")?;
    for (name, answers) in series(books) {
        for (class, count) in CLASSES.iter().zip(answers).filter(|(_, count)| *count > 0) {
            let labels = labels(&name);
            writeln!(text, "selvage_gateway_requests_total{{{labels},status=\"{class}\"}} {count}")?;
        }
    }
    write_looks(text, books)?;
    write_latencies(text, books)?;
    write_rare(text, books)?;
    contracts::write(text, books)?;
    head(text, "connections", "gauge", "Client connections.")?;
    let connections: u64 = books.shards.iter().map(|shard| shard.connections.load(Ordering::Relaxed)).sum();
    writeln!(text, "selvage_gateway_connections {connections}")?;
    head(text, "connections_turned_away_total", "counter", "Connections beyond what one peer may have.")?;
    let away: u64 = books.shards.iter().map(|shard| shard.turned_away.load(Ordering::Relaxed)).sum();
    writeln!(text, "selvage_gateway_connections_turned_away_total {away}")?;
    write_limits(text, books)?;
    upstreams::write(text, books)?;
    caches::write(text, books)?;
    head(text, "access_revision", "gauge", "Revision of the access state that is enforced.")?;
    writeln!(text, "selvage_gateway_access_revision {revision}")
}

fn write_looks(text: &mut String, books: &Books) -> std::fmt::Result {
    let mut sums = [0; CLASSES.len()];
    books.shards.iter().for_each(|shard| shard.looks.add_to(&mut sums));
    head(text, "operation_looks_total", "counter", "Answers to `GET /operations/ID` by class of status.")?;
    for (class, count) in CLASSES.iter().zip(sums).filter(|(_, count)| *count > 0) {
        writeln!(text, "selvage_gateway_operation_looks_total{{status=\"{class}\"}} {count}")?;
    }
    Ok(())
}

fn write_limits(text: &mut String, books: &Books) -> std::fmt::Result {
    let limits = &books.limits;
    head(text, "limits_cut_off", "gauge", "Whether the store that limits are shared out from cannot be reached.")?;
    writeln!(text, "selvage_gateway_limits_cut_off {}", u8::from(limits.cut_off.load(Ordering::Relaxed)))?;
    head(text, "limits_lost_total", "counter", "Requests of quotas that nodes held which ended without a word.")?;
    writeln!(text, "selvage_gateway_limits_lost_total {}", limits.lost.load(Ordering::Relaxed))
}

fn write_latencies(text: &mut String, books: &Books) -> std::fmt::Result {
    head(text, "request_duration_seconds", "histogram", "Time from a request's head to its answer's head.")?;
    for (index, (interface, operation)) in (0..).zip(books.names.all_operations()) {
        let (buckets, sum) = latency(&books.shards, index);
        if buckets.iter().all(|count| *count == 0) {
            continue;
        }
        let labels = format!("interface=\"{interface}\",operation=\"{}\"", escaped(&operation));
        let mut total = 0;
        let bounds = BOUNDS.iter().map(|micros| seconds(*micros)).chain(["+Inf".to_owned()]);
        for (bound, count) in bounds.zip(buckets) {
            total += count;
            writeln!(text, "selvage_gateway_request_duration_seconds_bucket{{{labels},le=\"{bound}\"}} {total}")?;
        }
        writeln!(text, "selvage_gateway_request_duration_seconds_sum{{{labels}}} {}", seconds(sum))?;
        writeln!(text, "selvage_gateway_request_duration_seconds_count{{{labels}}} {total}")?;
    }
    Ok(())
}

fn write_rare(text: &mut String, books: &Books) -> std::fmt::Result {
    head(text, "refusals_total", "counter", "Refusals and failures of Selvage by interface and code.")?;
    let interfaces = books.names.all_interfaces();
    for ((interface, code), (_, count)) in refusals(books) {
        let name = interfaces.get(interface as usize).map(ToString::to_string).unwrap_or_default();
        writeln!(text, "selvage_gateway_refusals_total{{interface=\"{name}\",code=\"{code}\"}} {count}")?;
    }
    head(text, "overdue_requests_total", "counter", "Requests that passed on a grant whose time is over.")?;
    let names = books.names.all_series();
    let mut overdue: BTreeMap<u32, u64> = BTreeMap::new();
    for_each_rare(books, |rare| {
        rare.overdue.iter().for_each(|(series, count)| *overdue.entry(*series).or_default() += count);
    });
    for (series, count) in overdue {
        let Some(name) = names.get(series as usize) else { continue };
        writeln!(text, "selvage_gateway_overdue_requests_total{{{}}} {count}", labels(name))?;
    }
    head(text, "shadow_requests_total", "counter", "Requests that nothing declares.")?;
    let mut shadow = 0;
    for_each_rare(books, |rare| shadow += rare.shadow);
    writeln!(text, "selvage_gateway_shadow_requests_total {shadow}")
}

fn head(text: &mut String, name: &str, kind: &str, help: &str) -> std::fmt::Result {
    writeln!(text, "# HELP selvage_gateway_{name} {help}\n# TYPE selvage_gateway_{name} {kind}")
}

fn labels(name: &SeriesName) -> String {
    let SeriesName { interface, consumer, operation } = name;
    let consumer = consumer.as_ref().map(ConsumerName::as_str).unwrap_or_default();
    format!("interface=\"{interface}\",consumer=\"{consumer}\",operation=\"{}\"", escaped(operation))
}

/// Operations of direct interfaces are named by their contract, with any character.
fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

fn seconds(micros: u64) -> String {
    let (whole, part) = (micros / 1_000_000, micros % 1_000_000);
    if part == 0 { whole.to_string() } else { format!("{whole}.{part:06}").trim_end_matches('0').to_owned() }
}

fn series(books: &Books) -> Vec<(SeriesName, [u64; CLASSES.len()])> {
    let names = (0..).zip(books.names.all_series());
    let counted = names.map(|(index, name)| {
        let mut sums = [0; CLASSES.len()];
        for answers in books.shards.iter().filter_map(|shard| shard.answers.seen(index)) {
            for (sum, count) in sums.iter_mut().zip(&answers.0) {
                *sum += count.load(Ordering::Relaxed);
            }
        }
        (name, sums)
    });
    counted.filter(|(_, sums)| sums.iter().any(|sum| *sum > 0)).collect()
}

fn latency(shards: &[Arc<Shard>], operation: u32) -> ([u64; BOUNDS.len() + 1], u64) {
    let mut sums = [0; BOUNDS.len() + 1];
    let mut total = 0_u64;
    for Latency { buckets, sum_micros, .. } in shards.iter().filter_map(|shard| shard.latencies.seen(operation)) {
        for (sum, count) in sums.iter_mut().zip(buckets) {
            *sum += count.load(Ordering::Relaxed);
        }
        total = total.wrapping_add(sum_micros.load(Ordering::Relaxed));
    }
    (sums, total)
}

fn refusals(books: &Books) -> BTreeMap<(u32, Code), (u16, u64)> {
    let mut sums: BTreeMap<(u32, Code), (u16, u64)> = BTreeMap::new();
    for_each_rare(books, |rare| {
        for (key, (status, count)) in &rare.refusals {
            sums.entry(*key).or_insert((*status, 0)).1 += count;
        }
    });
    sums
}

fn minutes(books: &Books, interface: u32) -> Vec<u32> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs() / 60;
    let mut sums = vec![0; MINUTES];
    for minutes in books.shards.iter().filter_map(|shard| shard.minutes.seen(interface)) {
        minutes.add_to(&mut sums, now);
    }
    sums
}

fn shadow(books: &Books, traffic: &mut Traffic) {
    for_each_rare(books, |rare| {
        traffic.shadow += rare.shadow;
        traffic.shadow_samples.extend(rare.samples.iter().cloned());
    });
    traffic.shadow_samples.sort_by_key(|sample| sample.at);
}

fn for_each_rare(books: &Books, mut see: impl FnMut(&Rare)) {
    for shard in &books.shards {
        see(&shard.rare());
    }
}

fn most_first<K: Ord>(counts: HashMap<K, u64>) -> Vec<(K, u64)> {
    let mut counts: Vec<_> = counts.into_iter().collect();
    counts.sort_by(|(first, more), (second, less)| less.cmp(more).then_with(|| first.cmp(second)));
    counts
}

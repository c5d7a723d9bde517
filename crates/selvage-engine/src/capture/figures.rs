//! How captures of this node stand, in Prometheus' text format. It names interfaces and systems, never records.

use std::time::Instant;

use selvage_store::CaptureStage;

use super::Captures;

/// How a capture stands.
#[derive(Clone, Debug)]
pub(crate) struct Standing {
    pub(crate) system: String,
    pub(crate) stage: CaptureStage,
    /// When the last look began that saw everything, by this node's clock.
    pub(crate) looked: Option<Instant>,
    pub(crate) paused: bool,
    pub(crate) parked: u64,
    /// By how many seconds the system's clock is behind what was written by it.
    pub(crate) behind: i64,
    pub(crate) events: u64,
}

/// All of them.
pub(crate) fn of(captures: &Captures) -> String {
    let standing = captures.standing().clone();
    let mut text = String::new();
    let mut each = |name: &str, kind: &str, help: &str, value: &dyn Fn(&Standing) -> Option<String>| {
        text.push_str(&format!("# HELP selvage_capture_{name} {help}\n# TYPE selvage_capture_{name} {kind}\n"));
        for (interface, standing) in &standing {
            if let Some(value) = value(standing) {
                let system = &standing.system;
                text.push_str(&format!(
                    "selvage_capture_{name}{{interface=\"{interface}\",system=\"{system}\"}} {value}\n"
                ));
            }
        }
    };
    each("lag_seconds", "gauge", "Time since the last look at the system began that saw everything.", &|standing| {
        standing.looked.map(|looked| format!("{:.3}", looked.elapsed().as_secs_f64()))
    });
    each("following", "gauge", "1 while changes are followed, 0 while all records are gone through.", &|standing| {
        Some(u8::from(standing.stage == CaptureStage::Following).to_string())
    });
    each("paused", "gauge", "1 while it stands still until a person says how it goes on.", &|standing| {
        Some(u8::from(standing.paused).to_string())
    });
    each("parked_records", "gauge", "Records that cannot be captured as they are.", &|standing| {
        Some(standing.parked.to_string())
    });
    each(
        "clock_behind_seconds",
        "gauge",
        "How far the system's clock is behind what was written by it.",
        &|standing| Some(standing.behind.to_string()),
    );
    each("events_total", "counter", "Events that were told.", &|standing| Some(standing.events.to_string()));
    text
}

//! What is counted of deliveries, for metrics and alarms.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::{Arc, Mutex, PoisonError};

use selvage_model::subscription::Waiting;

use crate::Sent;

/// Figures of every subscription that this node delivers, or did.
#[derive(Clone, Debug, Default)]
pub struct Figures(Arc<Mutex<BTreeMap<String, Figure>>>);

/// Figures of one subscription.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Figure {
    /// Messages that arrived.
    pub delivered: u64,
    /// Sends that are to be repeated.
    pub again: u64,
    /// Sends that were refused for good.
    pub refused: u64,
    /// Messages that were not sent since the grant does not cover them any more.
    pub withheld: u64,
    /// How old the oldest event is that it has not had, in seconds; none where another node measures it.
    pub lag: Option<f64>,
    /// Lanes that wait for their next attempt.
    pub retrying: u64,
    /// Lanes that wait for a person.
    pub parked: u64,
    /// Whether the endpoint takes nothing.
    pub down: bool,
    /// Whether this node delivers it now.
    pub here: bool,
    /// Why nothing is sent although it stands so that it could be.
    pub waits: Option<Waiting>,
    /// At how many places of its stream it has not had what was written; none where another node counts them.
    pub passed: Option<u64>,
}

impl Figures {
    pub(crate) fn sent(&self, label: &str, sent: &Sent) {
        self.of(label, |figure| match sent {
            Sent::Delivered => figure.delivered += 1,
            Sent::Again { .. } => figure.again += 1,
            Sent::NotSent { .. } => {}
            Sent::Withheld { .. } => figure.withheld += 1,
            Sent::Gone | Sent::Refused { .. } => figure.refused += 1,
        });
    }

    pub(crate) fn of(&self, label: &str, change: impl FnOnce(&mut Figure)) {
        let mut figures = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match figures.get_mut(label) {
            Some(figure) => change(figure),
            None => change(figures.entry(label.to_owned()).or_default()),
        }
    }

    /// What this node measured of subscriptions, by `consumer/name`: the others are measured elsewhere, or have ended.
    pub fn measured(&self, lags: &BTreeMap<String, f64>) {
        let mut figures = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        figures.values_mut().for_each(|figure| figure.lag = None);
        for (label, lag) in lags {
            figures.entry(label.clone()).or_default().lag = Some(*lag);
        }
    }

    /// At how many places subscriptions have not had what was written, by `consumer/name`: the others are counted elsewhere, or have ended.
    pub fn passed(&self, places: &BTreeMap<String, u64>) {
        let mut figures = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        figures.values_mut().for_each(|figure| figure.passed = None);
        for (label, places) in places {
            figures.entry(label.clone()).or_default().passed = Some(*places);
        }
    }

    /// Those that cannot be sent anything, and why, by `consumer/name`; the others are delivered here, or are not this node's.
    pub fn unsent(&self, waiting: &BTreeMap<String, Waiting>) {
        let mut figures = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        figures.values_mut().filter(|figure| !figure.here).for_each(|figure| figure.waits = None);
        for (label, waits) in waiting {
            figures.entry(label.clone()).or_default().waits = Some(waits.clone());
        }
    }

    /// Those that wait, and why, by `consumer/name`.
    pub fn waiting(&self) -> BTreeMap<String, Waiting> {
        let figures = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        figures.iter().filter_map(|(label, figure)| Some((label.clone(), figure.waits.clone()?))).collect()
    }

    /// All of them, by `consumer/name`.
    pub fn all(&self) -> BTreeMap<String, Figure> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// All of them for Prometheus.
    pub fn exposition(&self) -> String {
        let all = self.all();
        let mut text = String::new();
        if all.is_empty() {
            return text;
        }
        let mut gauge = |name: &str, kind: &str, about: &str, value: &dyn Fn(&Figure) -> Option<f64>| {
            let _ = writeln!(text, "# HELP selvage_delivery_{name} {about}\n# TYPE selvage_delivery_{name} {kind}");
            for (label, figure) in &all {
                if let Some(value) = value(figure) {
                    let _ = writeln!(text, "selvage_delivery_{name}{{subscription=\"{label}\"}} {value}");
                }
            }
        };
        let here = |value: fn(&Figure) -> f64| move |figure: &Figure| figure.here.then(|| value(figure));
        gauge("messages_total", "counter", "Messages that arrived.", &|figure| Some(figure.delivered as f64));
        gauge("retries_total", "counter", "Sends that are to be repeated.", &|figure| Some(figure.again as f64));
        gauge("refusals_total", "counter", "Sends that were refused for good.", &|figure| Some(figure.refused as f64));
        let about = "Messages that were not sent since the grant does not cover them any more.";
        gauge("withheld_total", "counter", about, &|figure| Some(figure.withheld as f64));
        gauge(
            "lag_seconds",
            "gauge",
            "Age of the oldest event that has not arrived, set aside or not read yet counted.",
            &|figure| figure.lag,
        );
        let about = "Places of its stream that it went on behind, since the log does not have what was written there.";
        gauge("events_passed", "gauge", about, &|figure| figure.passed.map(|places| places as f64));
        gauge("lanes_retrying", "gauge", "Lanes that wait for their next attempt.", &here(|it| it.retrying as f64));
        gauge("lanes_parked", "gauge", "Lanes that wait for a person.", &here(|it| it.parked as f64));
        gauge(
            "endpoint_down",
            "gauge",
            "Whether the endpoint takes nothing.",
            &here(|it| f64::from(u8::from(it.down))),
        );
        let name = "selvage_delivery_waiting";
        let _ = writeln!(text, "# HELP {name} Nothing is sent: what is waited for.\n# TYPE {name} gauge");
        for (label, waits) in all.iter().filter_map(|(label, figure)| Some((label, figure.waits.as_ref()?))) {
            let _ = writeln!(text, "{name}{{subscription=\"{label}\",for=\"{}\"}} 1", waits.what.as_str());
        }
        text
    }
}

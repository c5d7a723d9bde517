//! What is known of the issuers that are asked for their keys, for `/metrics`: how often they answered, how old their keys
//! are, and how many tokens named keys that they did not show.

use std::fmt::Write as _;
use std::sync::{Mutex, PoisonError};

use tokio::time::Instant;

/// One issuer.
#[derive(Clone, Debug, Default)]
pub(super) struct Figure {
    /// Its name in the fabric.
    pub(super) name: String,
    /// Questions that it answered with keys.
    pub(super) answered: u64,
    /// Questions that it did not.
    pub(super) failed: u64,
    /// Tokens that named a key that was not known then.
    pub(super) unknown: u64,
    /// Keys that are in use.
    pub(super) keys: usize,
    /// When it answered last.
    pub(super) last: Option<Instant>,
}

/// All of them, as of the last look.
#[derive(Debug, Default)]
pub(crate) struct IssuerFigures(Mutex<Vec<Figure>>);

/// A value of a figure; none where there is nothing to say.
type Value = fn(&Figure, Instant) -> Option<u64>;

const TABLE: &[(&str, &str, &str, Value)] = &[
    ("issuer_keys", "gauge", "Keys of an issuer that are in use.", |figure, _| u64::try_from(figure.keys).ok()),
    ("issuer_keys_age_seconds", "gauge", "Seconds since an issuer showed its keys last.", |figure, now| {
        figure.last.map(|last| now.duration_since(last).as_secs())
    }),
    (
        "issuer_unknown_keys_total",
        "counter",
        "Tokens that named a key that their issuer had not shown.",
        |figure, _| Some(figure.unknown),
    ),
];

impl IssuerFigures {
    /// Shows these from now on.
    pub(super) fn show(&self, figures: Vec<Figure>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = figures;
    }

    /// In Prometheus' text format; nothing where no issuer is asked.
    pub(crate) fn text(&self) -> String {
        let figures = self.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let mut text = String::new();
        if figures.is_empty() {
            return text;
        }
        let now = Instant::now();
        let head = |text: &mut String, name: &str, kind: &str, help: &str| {
            let _ = writeln!(text, "# HELP selvage_{name} {help}\n# TYPE selvage_{name} {kind}");
        };
        let help = "Questions to an issuer for its keys, by how they ended.";
        head(&mut text, "issuer_fetches_total", "counter", help);
        for Figure { name, answered, failed, .. } in &figures {
            for (outcome, count) in [("answered", answered), ("failed", failed)] {
                let _ =
                    writeln!(text, "selvage_issuer_fetches_total{{issuer=\"{name}\",outcome=\"{outcome}\"}} {count}");
            }
        }
        for (name, kind, help, value) in TABLE {
            head(&mut text, name, kind, help);
            for figure in &figures {
                if let Some(value) = value(figure, now) {
                    let _ = writeln!(text, "selvage_{name}{{issuer=\"{}\"}} {value}", figure.name);
                }
            }
        }
        text
    }
}

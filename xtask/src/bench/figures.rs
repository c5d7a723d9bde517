//! Figures of a benchmark: medians over rounds, promises they are held to, and the JSON that ends the output.

use anyhow::{Result, ensure};
use serde_json::{Map, Value, json};

/// What a figure promises.
#[derive(Clone, Copy)]
pub(crate) enum Promise {
    /// It is no less.
    AtLeast(f64),
    /// It is no more.
    AtMost(f64),
    /// It is shown, and nothing is promised of it.
    Nothing,
}

/// One figure.
pub(crate) struct Figure {
    pub(crate) name: &'static str,
    pub(crate) value: f64,
    pub(crate) promise: Promise,
}

/// Prints the figures as the last line, `{"name": …, "figures": {…}}`; an error when a promise is broken.
pub(crate) fn report(name: &str, figures: &[Figure]) -> Result<()> {
    let mut values = Map::new();
    let mut broken = Vec::new();
    for figure in figures {
        let Figure { name, value, promise } = figure;
        values.insert((*name).to_owned(), json!((value * 1000.0).round() / 1000.0));
        let (kept, promised) = match promise {
            Promise::Nothing => {
                eprintln!("{name}: {value:.3}");
                continue;
            }
            Promise::AtLeast(bound) => (value >= bound, format!("at least {bound}")),
            Promise::AtMost(bound) => (value <= bound, format!("at most {bound}")),
        };
        let verdict = if kept { "kept" } else { "BROKEN" };
        eprintln!("{name}: {value:.3}, promised {promised}: {verdict}");
        if !kept {
            broken.push(format!("{name} is {value:.3}, promised was {promised}"));
        }
    }
    println!("{}", json!({"name": name, "figures": Value::Object(values)}));
    ensure!(broken.is_empty(), "{}", broken.join("; "));
    Ok(())
}

/// The middle of the values, or the mean of the two in the middle; of none no number, which keeps no promise.
pub(crate) fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    let below = values.get(values.len().saturating_sub(1) / 2);
    let above = values.get(values.len() / 2);
    match (below, above) {
        (Some(below), Some(above)) => f64::midpoint(*below, *above),
        _ => f64::NAN,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn medians() {
        assert!(median(vec![]).is_nan());
        for (values, expected) in [(vec![3.0], 3.0), (vec![9.0, 1.0, 2.0], 2.0), (vec![1.0, 2.0], 1.5)] {
            assert!((median(values.clone()) - expected).abs() < 1e-9, "{values:?}");
        }
    }

    #[test]
    fn a_broken_promise_is_an_error() {
        let figure = |value| Figure { name: "ratio", value, promise: Promise::AtLeast(0.9) };
        assert!(report("t", &[figure(0.9)]).is_ok());
        assert!(report("t", &[figure(0.89)]).is_err());
        assert!(report("t", &[figure(f64::NAN)]).is_err());
        assert!(report("t", &[Figure { promise: Promise::Nothing, ..figure(0.0) }]).is_ok());
    }
}

//! What the governors of the databases count, in Prometheus' text format
//! (<https://prometheus.io/docs/instrumenting/exposition_formats/>, version 0.0.4). It names systems, never accounts.

use std::fmt::{Result, Write};

use selvage_connect::governor::{Database, Governors, PriorityReport, Report, RestStanding, WAITS};

/// All of it.
pub(crate) fn of(governors: &Governors) -> String {
    let reports: Vec<(String, Report)> =
        governors.all().into_iter().map(|(database, governor)| (labels(&database), governor.report())).collect();
    let mut text = String::new();
    // Writing to a String cannot fail.
    let _ = write_all(&mut text, &reports);
    text
}

fn write_all(text: &mut String, reports: &[(String, Report)]) -> Result {
    if reports.is_empty() {
        return Ok(());
    }
    head(text, "calls_total", "counter", "Calls that have ended, by outcome.")?;
    for (labels, report) in reports {
        for (outcome, count) in &report.outcomes {
            writeln!(text, "selvage_system_calls_total{{{labels},outcome=\"{}\"}} {count}", outcome.as_str())?;
        }
    }
    head(text, "calls_limit", "gauge", "Calls at a time that the system is given now.")?;
    for (labels, report) in reports {
        writeln!(text, "selvage_system_calls_limit{{{labels}}} {}", report.limit)?;
    }
    head(text, "calls_declared_limit", "gauge", "Calls at a time that are declared.")?;
    for (labels, report) in reports {
        writeln!(text, "selvage_system_calls_declared_limit{{{labels}}} {}", report.bounds.concurrency)?;
    }
    each(text, reports, ("calls_waiting", "gauge", "Calls that wait for their turn."), |report| {
        report.waiting.to_string()
    })?;
    each(text, reports, ("calls_under_way", "gauge", "Calls under way."), |report| report.under_way.to_string())?;
    each(text, reports, ("calls_turned_away_total", "counter", "Calls that could not begin in time."), |report| {
        report.turned_away.to_string()
    })?;
    write_rest(text, reports)?;
    head(text, "call_wait_seconds", "histogram", "Time that calls waited for their turn.")?;
    for (labels, report) in reports {
        for priority in &report.priorities {
            write_waits(text, labels, priority)?;
        }
    }
    Ok(())
}

/// Whether systems are asked at all, and what was asked twice.
fn write_rest(text: &mut String, reports: &[(String, Report)]) -> Result {
    head(
        text,
        "left_alone",
        "gauge",
        "0 while a system is asked, 1 while one call tries it, 2 while it is left alone.",
    )?;
    for (labels, report) in reports {
        let standing = match report.rest {
            RestStanding::Asked => 0,
            RestStanding::Tried => 1,
            RestStanding::LeftAlone => 2,
        };
        writeln!(text, "selvage_system_left_alone{{{labels}}} {standing}")?;
    }
    head(text, "left_alone_total", "counter", "How often a system was left alone since it did not answer.")?;
    for (labels, report) in reports {
        writeln!(text, "selvage_system_left_alone_total{{{labels}}} {}", report.rests)?;
    }
    head(text, "reads_repeated_total", "counter", "Reads that were sent a second time since their connection broke.")?;
    for (labels, report) in reports {
        writeln!(text, "selvage_system_reads_repeated_total{{{labels}}} {}", report.repeated)?;
    }
    Ok(())
}

fn each(
    text: &mut String,
    reports: &[(String, Report)],
    (name, kind, help): (&str, &str, &str),
    value: impl Fn(&PriorityReport) -> String,
) -> Result {
    head(text, name, kind, help)?;
    for (labels, report) in reports {
        for priority in &report.priorities {
            let of = priority.priority.as_str();
            writeln!(text, "selvage_system_{name}{{{labels},priority=\"{of}\"}} {}", value(priority))?;
        }
    }
    Ok(())
}

fn write_waits(text: &mut String, labels: &str, priority: &PriorityReport) -> Result {
    let labels = format!("{labels},priority=\"{}\"", priority.priority.as_str());
    let bounds = WAITS.iter().map(|millis| (*millis as f64 / 1_000.0).to_string()).chain(["+Inf".to_owned()]);
    let mut total = 0;
    for (bound, count) in bounds.zip(priority.waits.buckets) {
        total += count;
        writeln!(text, "selvage_system_call_wait_seconds_bucket{{{labels},le=\"{bound}\"}} {total}")?;
    }
    writeln!(text, "selvage_system_call_wait_seconds_sum{{{labels}}} {}", priority.waits.sum.as_secs_f64())?;
    writeln!(text, "selvage_system_call_wait_seconds_count{{{labels}}} {total}")
}

fn head(text: &mut String, name: &str, kind: &str, help: &str) -> Result {
    writeln!(text, "# HELP selvage_system_{name} {help}\n# TYPE selvage_system_{name} {kind}")
}

fn labels(database: &Database) -> String {
    let name = database.name.as_deref().unwrap_or_default();
    let name = name.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
    format!("system=\"{}\",database=\"{name}\"", database.system)
}

#[cfg(test)]
mod tests {
    use selvage_connect::governor::{Outcome, Priority, Wish};
    use selvage_model::manifest::system::Bounds;

    use super::*;

    #[tokio::test]
    async fn what_is_counted_is_told() {
        let governors = Governors::default();
        assert_eq!(of(&governors), "");
        let database =
            Database { system: "odoo".parse().unwrap(), url: "http://x".to_owned(), name: Some("ve\"lo".to_owned()) };
        let governor = governors.of(&database, Bounds { concurrency: 3, per_second: None });
        let wish = Wish { account: "svc", priority: Priority::First, patience: std::time::Duration::from_secs(1) };
        governor.begin(wish).await.unwrap().end("a.read", Outcome::Answered);
        let _under_way = governor.begin(wish).await.unwrap();
        let text = of(&governors);
        let labels = r#"system="odoo",database="ve\"lo""#;
        for line in [
            format!("selvage_system_calls_total{{{labels},outcome=\"answered\"}} 1"),
            format!("selvage_system_calls_limit{{{labels}}} 3"),
            format!("selvage_system_calls_declared_limit{{{labels}}} 3"),
            format!("selvage_system_calls_waiting{{{labels},priority=\"tier-1\"}} 0"),
            format!("selvage_system_calls_under_way{{{labels},priority=\"tier-1\"}} 1"),
            format!("selvage_system_calls_turned_away_total{{{labels},priority=\"background\"}} 0"),
            format!("selvage_system_call_wait_seconds_bucket{{{labels},priority=\"tier-1\",le=\"+Inf\"}} 2"),
            format!("selvage_system_call_wait_seconds_bucket{{{labels},priority=\"tier-1\",le=\"0.001\"}} 2"),
        ] {
            assert!(text.lines().any(|found| found == line), "{line} is not in\n{text}");
        }
        assert!(!text.contains("svc"));
    }
}

//! When what happened, as a picture: decisions, releases, what was activated where, what went wrong. Made of the package's rows alone.

use jiff::Timestamp;
use maud::{Markup, html};
use serde_json::Value;

use crate::evidence::package::Package;
use crate::evidence::section::Row;

const WIDTH: i64 = 1000;
/// Where the names of the lines end.
const LEFT: i64 = 130;
const STEP: i64 = 26;
/// Marks of a line that are drawn; what comes after stands in the tables.
const MOST: usize = 400;

/// A mark: when, how it looks, what it says.
type Mark = (Timestamp, &'static str, String);

/// The picture; nothing where nothing happened within the period.
pub(super) fn timeline(package: &Package) -> Markup {
    let lines = lines(package);
    if lines.iter().all(|(_, marks)| marks.is_empty()) {
        return html! {};
    }
    let height = STEP * (i64::try_from(lines.len()).unwrap_or_default() + 1);
    html! {
        section {
            h2 { "When what happened" }
            svg viewBox=(format!("0 0 {WIDTH} {height}")) role="img" aria-label="what happened in the period, by kind" {
                @for (number, (name, marks)) in (1_i64..).zip(&lines) {
                    @let y = number * STEP - STEP / 2;
                    text x="0" y=(y + 4) { (name) }
                    line x1=(LEFT) y1=(y) x2=(WIDTH) y2=(y) {}
                    @for (at, class, says) in marks.iter().take(MOST) {
                        circle.(class) cx=(place(*at, package)) cy=(y) r="5" { title { (says) } }
                    }
                }
                text x=(LEFT) y=(height - 6) { (package.from.strftime("%Y-%m-%d %H:%M").to_string()) }
                text x=(WIDTH) y=(height - 6) text-anchor="end" { (package.to.strftime("%Y-%m-%d %H:%M").to_string()) " UTC" }
            }
        }
    }
}

/// Where a moment stands.
fn place(at: Timestamp, package: &Package) -> i64 {
    let (from, to) = (package.from.as_millisecond(), package.to.as_millisecond());
    let whole = i128::from((to - from).max(1));
    let since = i128::from((at.as_millisecond() - from).max(0)).min(whole);
    // Marks at an edge stay whole.
    let room = i128::from(WIDTH - LEFT - 12);
    LEFT + 6 + i64::try_from(since * room / whole).unwrap_or_default()
}

fn lines(package: &Package) -> Vec<(String, Vec<Mark>)> {
    let of = |section: &str, time: &'static str, mark: &dyn Fn(&Row) -> (&'static str, String)| {
        let rows = package.sections.iter().filter(|it| it.id == section).flat_map(|it| &it.rows);
        let marks = rows.filter_map(|row| {
            let at: Timestamp = word(row, time).parse().ok()?;
            let (class, says) = mark(row);
            (at >= package.from && at <= package.to).then(|| (at, class, format!("{at:.0}: {says}")))
        });
        marks.collect::<Vec<Mark>>()
    };
    let words = |row: &Row, names: &[&str]| names.iter().map(|name| word(row, name)).collect::<Vec<_>>().join(" ");
    let mut lines = vec![
        ("decisions".to_owned(), of("decisions", "at", &|row| ("word", words(row, &["who", "verdict", "change"])))),
        ("releases".to_owned(), of("releases", "made", &|row| ("made", words(row, &["domain", "release", "how"])))),
    ];
    let activations = of("activations", "at", &|row| {
        let class = if word(row, "what") == "went back" { "back" } else { "active" };
        (class, words(row, &["environment", "domain", "what", "release"]))
    });
    let mut environments: Vec<&str> = package
        .sections
        .iter()
        .filter(|it| it.id == "activations")
        .flat_map(|it| &it.rows)
        .map(|row| word(row, "environment"))
        .collect();
    environments.sort_unstable();
    environments.dedup();
    for environment in environments {
        let begins = format!(": {environment} ");
        let here = activations.iter().filter(|(_, _, says)| says.contains(&begins)).cloned().collect();
        lines.push((format!("active in {environment}"), here));
    }
    lines.push(("incidents".to_owned(), of("incidents", "at", &|row| ("wrong", words(row, &["what", "on"])))));
    lines
}

fn word<'a>(row: &'a Row, name: &str) -> &'a str {
    row.cells.get(name).and_then(Value::as_str).unwrap_or_default()
}

//! Small charts as SVG, made here so that no page needs a script or anything from outside.

use jiff::Timestamp;
use maud::{Markup, html};

const WIDTH: usize = 180;
const HEIGHT: usize = 28;
const BARS: usize = 60;
/// The height of bars that lie.
const FLAT: usize = 12;
/// The least width of what is there at all.
const LEAST: usize = 3;

/// Requests a minute over the last hour, newest at the right. Heights are shares of the highest bar.
pub(super) fn minutes(values: &[u32]) -> Markup {
    let highest = values.iter().copied().max().unwrap_or(0).max(1);
    let newest = values.get(values.len().saturating_sub(BARS)..).unwrap_or_default();
    let first = BARS.saturating_sub(newest.len());
    let label = format!("requests a minute over the last hour, at most {highest}");
    html! {
        svg.minutes viewBox=(format!("0 0 {WIDTH} {HEIGHT}")) role="img" aria-label=(label) {
            title { (label) }
            line x1="0" y1=(HEIGHT) x2=(WIDTH) y2=(HEIGHT) {}
            @for (index, value) in newest.iter().enumerate() {
                @if *value > 0 {
                    @let height = bar_height(u64::from(*value), u64::from(highest));
                    rect x=((first + index) * WIDTH / BARS) y=(HEIGHT - height) width="2" height=(height) {}
                }
            }
        }
    }
}

/// Requests a day, oldest first. Heights are shares of the highest bar.
pub(super) fn days(values: &[u64]) -> Markup {
    let highest = values.iter().copied().max().unwrap_or(0).max(1);
    let label = format!("requests a day over the last {} days, at most {highest}", values.len());
    let step = WIDTH / values.len().max(1);
    html! {
        svg.minutes viewBox=(format!("0 0 {WIDTH} {HEIGHT}")) role="img" aria-label=(label) {
            title { (label) }
            line x1="0" y1=(HEIGHT) x2=(WIDTH) y2=(HEIGHT) {}
            @for (index, value) in values.iter().enumerate() {
                @if *value > 0 {
                    @let height = bar_height(*value, highest);
                    rect x=(index * step) y=(HEIGHT - height) width=(step.saturating_sub(1).max(1)) height=(height) {}
                }
            }
        }
    }
}

/// How many of all messages fitted, did not, and could not be checked, beside each other.
pub(super) fn shares(fit: u64, unfit: u64, unchecked: u64) -> Markup {
    let label = format!("{fit} fitted, {unfit} did not, {unchecked} could not be checked");
    let parts = [(fit, "good"), (unfit, "bad"), (unchecked, "warn")];
    let mut begin = 0;
    let bars = widths(parts.map(|(count, _)| count)).into_iter().zip(parts).map(|(width, (_, class))| {
        begin += width;
        (begin - width, width, class)
    });
    let bars: Vec<_> = bars.filter(|(_, width, _)| *width > 0).collect();
    html! {
        svg.minutes.flat viewBox=(format!("0 0 {WIDTH} {FLAT}")) role="img" aria-label=(label) {
            title { (label) }
            line x1="0" y1=(FLAT) x2=(WIDTH) y2=(FLAT) {}
            @for (x, width, class) in bars { rect.(class) x=(x) y="0" width=(width) height=(FLAT) {} }
        }
    }
}

/// Widths that are shares of the whole; whatever there is can be seen, however little.
fn widths(counts: [u64; 3]) -> [usize; 3] {
    let all: u128 = counts.iter().map(|count| u128::from(*count)).sum();
    let room = WIDTH - LEAST * counts.iter().filter(|count| **count > 0).count();
    counts.map(|count| match count {
        0 => 0,
        count => {
            let share = u128::from(count) * room as u128 / all.max(1);
            LEAST + usize::try_from(share).unwrap_or(room).min(room)
        }
    })
}

/// From when until when something was, within the span that is looked at.
pub(super) fn span((first, last): (Timestamp, Timestamp), (from, until): (Timestamp, Timestamp)) -> Markup {
    let whole = (until.as_second() - from.as_second()).max(1);
    let place = |at: Timestamp| {
        let share = (at.as_second() - from.as_second()).clamp(0, whole) * (WIDTH - LEAST) as i64 / whole;
        usize::try_from(share).unwrap_or(0)
    };
    let (begin, end) = (place(first), place(last));
    let label = format!("from {first:.0} until {last:.0}");
    html! {
        svg.minutes.flat viewBox=(format!("0 0 {WIDTH} {FLAT}")) role="img" aria-label=(label) {
            title { (label) }
            line x1="0" y1=(FLAT / 2) x2=(WIDTH) y2=(FLAT / 2) {}
            rect.bad x=(begin) y="2" width=(end.saturating_sub(begin) + LEAST) height=(FLAT - 4) rx="2" {}
        }
    }
}

/// How late something is, of what would fill the bar; both in seconds.
pub(super) fn lag(seconds: f64, full: f64, late: bool) -> Markup {
    let share = (seconds / full).clamp(0.0, 1.0);
    let width = ((WIDTH - LEAST) as f64 * share) as usize + LEAST;
    let label = format!("{seconds:.0} seconds late");
    html! {
        svg.minutes.flat viewBox=(format!("0 0 {WIDTH} {FLAT}")) role="img" aria-label=(label) {
            title { (label) }
            line x1="0" y1=(FLAT) x2=(WIDTH) y2=(FLAT) {}
            rect.(if late { "bad" } else { "good" }) x="0" y="2" width=(width) height=(FLAT - 4) rx="2" {}
        }
    }
}

fn bar_height(value: u64, highest: u64) -> usize {
    let share = value.saturating_mul(HEIGHT as u64) / highest.max(1);
    usize::try_from(share).unwrap_or(HEIGHT).clamp(2, HEIGHT)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bars_are_shares_of_the_highest() {
        let table =
            [(100, 100, HEIGHT), (50, 100, HEIGHT / 2), (1, 1_000_000, 2), (u64::MAX / 100, u64::MAX / 100, HEIGHT)];
        for (value, highest, height) in table {
            assert_eq!(bar_height(value, highest), height, "{value} of {highest}");
        }
    }

    #[test]
    fn what_there_is_can_be_seen_and_nothing_reaches_over_the_edge() {
        let table = [
            ([0, 0, 0], [0, 0, 0]),
            ([5, 0, 0], [WIDTH, 0, 0]),
            ([1_000_000, 1, 0], [WIDTH - LEAST - 1, LEAST, 0]),
            ([1, 1, 1], [60, 60, 60]),
        ];
        for (counts, expected) in table {
            assert_eq!(widths(counts), expected, "{counts:?}");
        }
        assert!(widths([u64::MAX, u64::MAX, 1]).iter().sum::<usize>() <= WIDTH);
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        let month = (at("2026-11-01T00:00:00Z"), at("2026-12-01T00:00:00Z"));
        for (span_of, x, width) in [
            ((at("2026-11-01T00:00:00Z"), at("2026-12-01T00:00:00Z")), 0, WIDTH),
            ((at("2026-01-01T00:00:00Z"), at("2026-02-01T00:00:00Z")), 0, LEAST),
            ((at("2026-12-01T00:00:00Z"), at("2026-12-09T00:00:00Z")), WIDTH - LEAST, LEAST),
        ] {
            let svg = span(span_of, month).into_string();
            assert!(svg.contains(&format!("x=\"{x}\" y=\"2\" width=\"{width}\"")), "{svg}");
        }
    }

    #[test]
    fn an_hour_without_traffic_is_an_empty_axis() {
        let svg = minutes(&[0; 60]).into_string();
        assert!(svg.contains("<line") && !svg.contains("<rect"), "{svg}");
    }
}

//! Small charts as SVG, made here so that no page needs a script or anything from outside.

use maud::{Markup, html};

const WIDTH: usize = 180;
const HEIGHT: usize = 28;
const BARS: usize = 60;

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
    fn an_hour_without_traffic_is_an_empty_axis() {
        let svg = minutes(&[0; 60]).into_string();
        assert!(svg.contains("<line") && !svg.contains("<rect"), "{svg}");
    }
}

//! Rules that were set aside for something, why, until when, and who approved.

use selvage_model::manifest::rule::Waiver;

use super::section::{Section, text, texts};
use super::seen::Seen;
use crate::desk::day;

/// Waivers of what it is about.
pub(super) fn of(seen: &Seen) -> impl Iterator<Item = &Waiver> {
    let about = &seen.asked.about;
    let concerns = move |it: &&Waiver| seen.scope.names(about, std::slice::from_ref(&it.on.value), &it.place.file);
    seen.fabric.waivers.iter().filter(concerns)
}

pub(super) fn waivers(seen: &Seen) -> Section {
    let mut section = Section::new(
        "waivers",
        "Waivers",
        "As they were declared at the end of the period; earlier ones stand in the releases of then.",
        [
            ("rule", "Rule"),
            ("on", "On"),
            ("because", "Why"),
            ("until", "Until"),
            ("approved", "Approved by"),
            ("state", "State"),
            ("place", "Place"),
        ],
    );
    for it in of(seen) {
        let has_ended = it.until.value < day(seen.asked.to);
        section.row(
            [
                text(&it.rule),
                text(&it.on),
                text(&it.because),
                text(it.until.value),
                texts(it.approved_by.iter().map(|by| by.value.clone())),
                text(if has_ended { "over" } else { "in force" }),
                text(&it.place),
            ],
            Vec::new(),
        );
    }
    section
}

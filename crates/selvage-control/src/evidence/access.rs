//! Who might do what, for what and until when; who asked, who decided, who answered for it; and what was opened in an emergency.

use selvage_model::access::LiveGrant;
use selvage_model::usage::Used;
use selvage_store::{LeaseOrigin, LeaseRecord, RecertificationItem};

use super::section::{Section, text, texts, time, time_or};
use super::seen::Seen;

pub(super) fn grants(seen: &Seen) -> Section {
    let mut section = Section::new(
        "grants",
        "Grants",
        "Leases that were alive in the period, on the terms that they had last.",
        [
            ("grant", "Grant"),
            ("consumer", "Consumer"),
            ("interface", "Interface"),
            ("operations", "Operations"),
            ("purpose", "Purpose"),
            ("origin", "Came by"),
            ("granted", "Granted"),
            ("until", "Until"),
            ("ended", "Ended"),
            ("used", "Last used"),
        ],
    );
    for LeaseRecord { grant, origin, granted } in &seen.access.leases {
        let used = seen.access.used.get(&Used::Grant(grant.id.clone())).copied();
        section.row(
            [
                text(&grant.id),
                text(&grant.consumer),
                text(&grant.interface),
                texts(grant.terms.operations.iter().cloned()),
                text(grant.terms.purpose.as_deref().unwrap_or("none is said")),
                text(came_by(*origin, grant)),
                time(*granted),
                time_or(grant.terms.until, "no end"),
                time_or(grant.ended, "alive"),
                time_or(used, "never seen"),
            ],
            seen.about(&grant.id),
        );
    }
    section
}

/// Where a grant comes from, and in which environment it counts, where in one alone.
fn came_by(origin: LeaseOrigin, grant: &LiveGrant) -> String {
    match &grant.environment {
        Some(environment) => format!("{origin} in {environment}"),
        None => origin.to_string(),
    }
}

pub(super) fn requests(seen: &Seen) -> Section {
    let mut section = Section::new(
        "requests",
        "Requests for access",
        "What was asked for or decided in the period, with what was known against it.",
        [
            ("request", "Request"),
            ("consumer", "Consumer"),
            ("interface", "Interface"),
            ("purpose", "Purpose"),
            ("asked", "Asked"),
            ("by", "By"),
            ("findings", "Against it"),
            ("state", "What came of it"),
            ("decided", "Decided by"),
            ("because", "Why"),
        ],
    );
    for it in &seen.access.requests {
        let settled_in = it.settled.as_ref().is_some_and(|(at, _, _)| seen.is_in(*at));
        if !seen.is_in(it.at) && !settled_in {
            continue;
        }
        let findings = it.asked.findings.as_array().into_iter().flatten();
        let findings = findings.map(|finding| {
            let word = |name: &str| finding[name].as_str().unwrap_or_default().to_owned();
            format!("{} {}", word("code"), word("message"))
        });
        let (decided, because) = match &it.settled {
            Some((at, by, because)) => (format!("{} at {at:.0}", seen.signed(&it.id, by)), because.clone()),
            None => ("nobody yet".to_owned(), String::new()),
        };
        section.row(
            [
                text(&it.id),
                text(&it.asked.consumer),
                text(&it.asked.interface),
                text(it.asked.terms.purpose.as_deref().unwrap_or("none is said")),
                time(it.at),
                text(seen.signed(&it.id, &it.asked.by)),
                texts(findings),
                text(it.state),
                text(decided),
                text(because),
            ],
            seen.about(&it.id),
        );
    }
    section
}

/// Items of campaigns that ran, or were answered, within the period.
pub(super) fn items(seen: &Seen) -> impl Iterator<Item = (&RecertificationItem, jiff::Timestamp)> {
    seen.access.items.iter().filter_map(|item| {
        let campaign = seen.access.campaigns.iter().find(|it| it.id == item.campaign)?;
        let runs = campaign.started <= seen.asked.to && campaign.closed.is_none_or(|closed| closed >= seen.asked.from);
        runs.then_some((item, campaign.until))
    })
}

pub(super) fn recertifications(seen: &Seen) -> Section {
    let mut section = Section::new(
        "recertification",
        "Access reviews",
        "Campaigns that ran in the period: who answered for which grant, knowing what of its use.",
        [
            ("campaign", "Campaign"),
            ("until", "To be answered by"),
            ("grant", "Grant"),
            ("consumer", "Consumer"),
            ("interface", "Interface"),
            ("used", "Last used when it began"),
            ("breadth", "How much was used"),
            ("answer", "Answer"),
            ("by", "By"),
            ("because", "Why"),
        ],
    );
    for (item, until) in items(seen) {
        let (by, because) = match &item.settled {
            Some((at, by, because)) => (format!("{} at {at:.0}", seen.signed(&item.id, by)), because.clone()),
            None => ("nobody yet".to_owned(), String::new()),
        };
        section.row(
            [
                text(&item.campaign),
                time(until),
                text(&item.grant.id),
                text(&item.grant.consumer),
                text(&item.grant.interface),
                time_or(item.item.last_used, "never seen"),
                text(&item.item.breadth),
                text(item.state),
                text(by),
                text(because),
            ],
            seen.about(&item.id).into_iter().chain(seen.about(&item.campaign)).collect(),
        );
    }
    section
}

pub(super) fn break_glasses(seen: &Seen) -> Section {
    let mut section = Section::new(
        "break-glass",
        "Access in emergencies",
        "Leases that somebody opened without approval, and what somebody else said of it.",
        [
            ("grant", "Grant"),
            ("consumer", "Consumer"),
            ("interface", "Interface"),
            ("opened", "Opened"),
            ("by", "By"),
            ("because", "Why"),
            ("ends", "Its clock"),
            ("review", "Review"),
            ("breach", "Breach"),
        ],
    );
    for it in seen.access.break_glasses.iter().filter(|it| seen.is_in(it.opened)) {
        let review = match &it.review {
            Some(review) => {
                let verdict = if review.ratified { "ratified" } else { "disowned" };
                let by = seen.signed(&it.grant.id, &review.by);
                format!("{verdict} by {by} at {:.0}: {}", review.at, review.because)
            }
            None => format!("nobody yet; due by {:.0}", it.review_by),
        };
        section.row(
            [
                text(&it.grant.id),
                text(&it.grant.consumer),
                text(&it.grant.interface),
                time(it.opened),
                text(seen.signed(&it.grant.id, &it.by)),
                text(&it.because),
                time(it.ends),
                text(review),
                text(if it.is_breach(seen.now) { "yes" } else { "no" }),
            ],
            seen.about(&it.grant.id),
        );
    }
    section
}

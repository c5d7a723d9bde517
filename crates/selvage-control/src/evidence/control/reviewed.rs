//! Controls of access: decided by others, for a purpose, until an end, and answered for.

use selvage_store::{ItemState, RequestState};

use super::Judged;
use crate::evidence::access::items;
use crate::evidence::section::count;
use crate::evidence::seen::Seen;

pub(super) fn break_glass(seen: &Seen) -> Judged {
    let opened: Vec<_> = seen.access.break_glasses.iter().filter(|it| seen.is_in(it.opened)).collect();
    if opened.is_empty() {
        return Judged::seen("nothing was opened without approval", Vec::new(), Vec::new());
    }
    let breaches = opened.iter().filter(|it| it.is_breach(seen.now));
    let cases = breaches.map(|it| {
        let said = match &it.review {
            Some(review) if review.ratified => format!("reviewed late, at {:.0}", review.at),
            Some(_) => "disowned".to_owned(),
            None => "reviewed by nobody".to_owned(),
        };
        format!("{} of {} on {}: {said}", it.grant.id, it.grant.consumer, it.grant.interface)
    });
    let entries = opened.iter().flat_map(|it| seen.about(&it.grant.id)).collect();
    Judged::seen(format!("{} opened", count(opened.len(), "grant")), cases.collect(), entries)
}

pub(super) fn decisions(seen: &Seen) -> Judged {
    let (mut cases, mut entries, mut number) = (Vec::new(), Vec::new(), 0_usize);
    for request in &seen.access.requests {
        let Some((at, by, _)) = &request.settled else { continue };
        if !seen.is_in(*at) {
            continue;
        }
        number += 1;
        entries.extend(seen.about(&request.id));
        if request.state == RequestState::Approved && by == &request.asked.by {
            cases.push(format!("{}: asked for and approved by {by}", request.id));
        }
    }
    match number {
        0 => Judged::not("no request was decided in the period"),
        number => Judged::seen(count(number, "request"), cases, entries),
    }
}

pub(super) fn terms(seen: &Seen) -> Judged {
    let alive = || seen.access.leases.iter().filter(|it| it.grant.ended.is_none_or(|ended| ended > seen.asked.to));
    let mut cases = Vec::new();
    for lease in alive() {
        let (grant, terms) = (&lease.grant, &lease.grant.terms);
        let lacks = match (&terms.purpose, &terms.until) {
            (Some(_), Some(_)) => continue,
            (None, Some(_)) => "no purpose",
            (Some(_), None) => "no end",
            (None, None) => "no purpose and no end",
        };
        cases.push(format!("{} of {} on {} has {lacks}", grant.id, grant.consumer, grant.interface));
    }
    match alive().count() {
        0 => Judged::not("no grant was alive at the end of the period"),
        number => {
            Judged::seen(count(number, "grant"), cases, alive().flat_map(|it| seen.about(&it.grant.id)).collect())
        }
    }
}

pub(super) fn recertification(seen: &Seen) -> Judged {
    let due: Vec<_> = items(seen).filter(|(_, until)| seen.is_in(*until)).collect();
    if due.is_empty() {
        return Judged::not("no campaign had its deadline in the period");
    }
    let mut cases = Vec::new();
    for (item, until) in &due {
        let late = item.settled.as_ref().is_some_and(|(at, _, _)| at > until);
        let said = match item.state {
            ItemState::Kept | ItemState::Narrowed | ItemState::Ended if !late => continue,
            ItemState::Gone => continue,
            ItemState::Kept | ItemState::Narrowed | ItemState::Ended => "answered late",
            ItemState::Lapsed => "nobody answered in time, and it ended",
            ItemState::Escalated => "nobody answered in time, and it goes on",
            ItemState::Open => "nobody has answered",
        };
        cases.push(format!("{} of {} on {}: {said}", item.grant.id, item.grant.consumer, item.grant.interface));
    }
    let entries = due.iter().flat_map(|(item, _)| seen.about(&item.id)).collect();
    Judged::seen(format!("{} to be answered for", count(due.len(), "grant")), cases, entries)
}

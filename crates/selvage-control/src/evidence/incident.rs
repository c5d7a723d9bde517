//! What went otherwise than planned, as far as the ledger knows: emergencies and whether they were ratified, what was blocked and taken
//! back, restores, what people decided about messages and writes that stood; and what stands now.

use std::collections::BTreeMap;

use jiff::Timestamp;
use selvage_store::{LET_IN, LedgerEntry};
use serde_json::json;

use super::section::{Section, text, time};
use super::seen::{Seen, detail};

/// How an emergency stands.
pub(super) struct Emergency<'a> {
    /// The entry of its release.
    pub(super) made: &'a LedgerEntry,
    /// Until when it has to be ratified.
    pub(super) until: Option<Timestamp>,
    /// The entry by which it was.
    pub(super) ratified: Option<&'a LedgerEntry>,
}

impl Emergency<'_> {
    /// Whether nobody ratified it in time.
    pub(super) fn is_breach(&self, now: Timestamp) -> bool {
        let at = self.ratified.map_or(now, |entry| entry.at);
        self.until.is_some_and(|until| at > until)
    }

    fn stands(&self, now: Timestamp) -> String {
        let until = self.until.map_or_else(String::new, |until| format!("{until:.0}"));
        match self.ratified {
            Some(entry) if self.is_breach(now) => format!("breach: ratified at {:.0}, and due by {until}", entry.at),
            Some(entry) => format!("ratified at {:.0}", entry.at),
            None if self.is_breach(now) => format!("breach: nobody ratified it by {until}"),
            None => format!("to be ratified by {until}"),
        }
    }
}

/// Releases that were made before they were approved, within the period.
pub(super) fn emergencies(seen: &Seen) -> impl Iterator<Item = Emergency<'_>> {
    seen.acts(&["release.made-in-emergency"]).map(|made| {
        let change = detail(made, "change");
        let is_it = |entry: &&LedgerEntry| entry.action == "change.ratified" && entry.subject == change;
        let ratified = seen.entries.iter().find(is_it);
        Emergency { made, until: detail(made, "ratify_until").parse().ok(), ratified }
    })
}

pub(super) fn incidents(seen: &Seen) -> Section {
    let mut section = Section::new(
        "incidents",
        "Incidents",
        "What the ledger knows of it: emergencies, blocks, keys and grants that were taken back, writes and captures that a person settled, \
         restores. Outages of systems and nodes are not in it; failed requests are counted under promises.",
        [
            ("at", "When"),
            ("what", "What"),
            ("on", "On"),
            ("by", "By"),
            ("because", "Why"),
            ("outcome", "What came of it"),
        ],
    );
    let mut rows: Vec<(&LedgerEntry, &str, String)> = Vec::new();
    for it in emergencies(seen) {
        rows.push((it.made, "released in an emergency, before it was approved", it.stands(seen.now)));
    }
    for entry in seen.entries.iter().filter(|entry| seen.is_in(entry.at)) {
        if let Some(what) = what(&entry.action) {
            rows.push((entry, what, String::new()));
        }
    }
    rows.sort_by_key(|(entry, _, _)| entry.seq);
    for (entry, what, outcome) in rows {
        let because = text(detail(entry, "because"));
        let cells = [time(entry.at), text(what), text(&entry.subject), text(entry.signed_by()), because, text(outcome)];
        section.row(cells, vec![entry.seq]);
    }
    section
}

fn what(action: &str) -> Option<&'static str> {
    Some(match action {
        "interface.blocked" => "an interface was blocked",
        "interface.unblocked" => "a block of an interface was lifted",
        "consumer.blocked" => "a consumer was blocked",
        "consumer.unblocked" => "a block of a consumer was lifted",
        "key.revoked" => "a key was taken back",
        LET_IN => "an operator was let in without anybody's key",
        "grant.ended" => "a grant ended",
        "break-glass.opened" => "access was opened without approval",
        "break-glass.disowned" => "access without approval was disowned",
        "release.rolled-back" => "a domain went back to an earlier release",
        "dead-letter.discarded" => "a message was given up",
        "dead-letter.redriven" => "a message was sent again",
        "capture.resumed" => "a capture that stood was let go on",
        "copy.rebuilt" => "a copy was built anew",
        "recertification.escalated" => "nobody answered for a tier-1 grant in time",
        "recertification.lapsed" => "nobody answered for a grant in time, and it ended",
        "store.restored" => "the store was restored from a backup",
        other if other.starts_with("operation.") => "a person settled a write that stood",
        _ => return None,
    })
}

/// Messages that are set aside or were, by interface.
#[derive(Default)]
struct Aside {
    died: u64,
    open: u64,
    redriven: u64,
    discarded: u64,
    lanes: u64,
    waiting: u64,
}

pub(super) fn deliveries(seen: &Seen) -> Section {
    let mut section = Section::new(
        "deliveries",
        "Messages set aside",
        "Dead letters that died in the period, and lanes that stand aside now. Of dead letters that were decided about, the last 30 days \
         are kept; decisions of before stand under incidents.",
        [
            ("interface", "Interface"),
            ("died", "Dead letters"),
            ("open", "Undecided"),
            ("redriven", "Sent again"),
            ("discarded", "Given up"),
            ("lanes", "Lanes aside now"),
            ("waiting", "Messages in them"),
        ],
    );
    let mut aside: BTreeMap<String, Aside> = BTreeMap::new();
    for letter in seen.letters.iter().filter(|letter| seen.is_in(letter.died)) {
        let of = aside.entry(letter.interface.to_string()).or_default();
        of.died += 1;
        match letter.settled.as_ref().map(|settled| settled.how.as_str()) {
            None => of.open += 1,
            Some("redriven") => of.redriven += 1,
            Some(_) => of.discarded += 1,
        }
    }
    for lane in &seen.lanes {
        let of = aside.entry(lane.interface.to_string()).or_default();
        (of.lanes, of.waiting) = (of.lanes + 1, of.waiting + lane.waiting);
    }
    for (interface, it) in aside {
        let [died, open, redriven, discarded, lanes, waiting] =
            [it.died, it.open, it.redriven, it.discarded, it.lanes, it.waiting].map(|number| json!(number));
        section.row([text(interface), died, open, redriven, discarded, lanes, waiting], Vec::new());
    }
    section
}

//! How a change stands: which of the approvals that it takes are given, by whom, and who is waited for. One person fills one seat of
//! a requirement, the last word of a person counts, and only words about the version of now.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use selvage_model::change::{Change, ChangeState, Decision, DecisionVerdict, Delegation, Need, Requirement, Seat};

/// What words are weighed by.
#[derive(Clone, Debug, PartialEq)]
pub struct Sitting {
    /// By the store's clock.
    pub now: Timestamp,
    /// Seats that are lent.
    pub delegations: Vec<Delegation>,
    /// Operators have keys: who approves what is not released yet proves who they are.
    pub proven_only: bool,
}

/// How a change stands.
#[derive(Clone, Debug, PartialEq)]
pub struct Standing {
    /// Approvals that are given, with who gave them.
    pub met: Vec<(Requirement, Vec<String>)>,
    /// Approvals that are not.
    pub open: Vec<Waiting>,
    /// A rejection by somebody whose approval it takes.
    pub rejected: Option<Decision>,
}

/// An approval that is waited for.
#[derive(Clone, Debug, PartialEq)]
pub struct Waiting {
    /// Which.
    pub requirement: Requirement,
    /// Seats that are filled, with who approved.
    pub filled: Vec<(String, String)>,
    /// Who could approve and has not.
    pub people: BTreeSet<String>,
}

impl Standing {
    /// Whether everything that it takes is given.
    pub fn is_approved(&self) -> bool {
        self.open.is_empty() && self.rejected.is_none()
    }

    /// Whether this person's word counts for something that is open.
    pub fn waits_for(&self, person: &str) -> bool {
        self.open.iter().any(|waiting| waiting.people.contains(person))
    }
}

/// How a change stands now. INVARIANT: APPROVED: the author's own signature never counts, nor one about another version, nor a name
/// alone where names have keys.
pub fn standing(change: &Change, sitting: &Sitting) -> Standing {
    let words = last_words(change, sitting);
    let approves = |person: &str| {
        person != change.author && words.get(person).is_some_and(|said| said.verdict == DecisionVerdict::Approve)
    };
    let mut standing = Standing { met: Vec::new(), open: Vec::new(), rejected: None };
    for requirement in &change.requirements {
        let lent = |seat: &Seat| with_delegates(seat, change, sitting);
        let seats: Vec<Seat> = requirement.seats.iter().map(lent).collect();
        let people: BTreeSet<&String> = seats.iter().flat_map(|seat| &seat.people).collect();
        let against = people.iter().filter_map(|person| words.get(person.as_str()));
        let mut against = against.filter(|said| said.verdict == DecisionVerdict::Reject);
        if standing.rejected.is_none() {
            standing.rejected = against.next().map(|said| (*said).clone());
        }
        let filled = filled(&seats, approves);
        if filled.len() >= quorum(&requirement.need) {
            standing.met.push((requirement.clone(), filled.into_iter().map(|(_, person)| person).collect()));
        } else {
            let has_said = |person: &&&String| {
                words.get(person.as_str()).is_some_and(|said| said.verdict != DecisionVerdict::Comment)
            };
            let open = people.iter().filter(|person| **person != &change.author && !has_said(person));
            let people = open.map(|person| (*person).clone()).collect();
            standing.open.push(Waiting { requirement: requirement.clone(), filled, people });
        }
    }
    standing
}

/// Whether so many seats as it asks for can be filled by those who approve, each by another person.
pub fn is_met(need: &Need, seats: &[Seat], approves: impl Fn(&str) -> bool) -> bool {
    filled(seats, approves).len() >= quorum(need)
}

/// How many have to sign.
pub(super) fn quorum(need: &Need) -> usize {
    match need {
        Need::Board { quorum, .. } => usize::try_from(*quorum).unwrap_or(usize::MAX),
        Need::Owner { .. } | Need::Consumer { .. } | Need::Discipline { .. } => 1,
    }
}

/// What each person said last about the version of now; comments take nothing back. A name that nobody proved approves nothing where
/// operators have keys, unless the change was released by it before they had; it still speaks against.
fn last_words<'a>(change: &'a Change, sitting: &Sitting) -> BTreeMap<&'a str, &'a Decision> {
    let is_settled = is_settled(change);
    let is_name = |it: &Decision| it.unproven && it.verdict == DecisionVerdict::Approve;
    let is_void = |it: &Decision| sitting.proven_only && !is_settled && is_name(it);
    let of_now = change.decisions.iter().filter(|decision| decision.version == change.version);
    let counts = of_now.filter(|decision| decision.verdict != DecisionVerdict::Comment && !is_void(decision));
    counts.map(|decision| (decision.person.as_str(), decision)).collect()
}

/// Whether a seat is lent, for this change: by who sits on it, and never by the author, who would choose who signs; by a name alone for
/// what is settled, or where names have no keys.
pub fn is_lent(seat: &Seat, delegation: &Delegation, change: &Change, sitting: &Sitting) -> bool {
    let is_void = delegation.unproven && sitting.proven_only && !is_settled(change);
    Some(&delegation.domain) == seat.board.as_ref()
        && delegation.discipline == seat.name
        && delegation.until > sitting.now
        && delegation.from != change.author
        && seat.people.contains(&delegation.from)
        && !is_void
}

/// Whether it was released, and nobody has to ratify that.
fn is_settled(change: &Change) -> bool {
    change.state == ChangeState::Released && change.ratify_until.is_none()
}

fn with_delegates(seat: &Seat, change: &Change, sitting: &Sitting) -> Seat {
    let mut seat = seat.clone();
    let lent = sitting.delegations.iter().filter(|delegation| is_lent(&seat, delegation, change, sitting));
    let delegates: Vec<String> = lent.map(|delegation| delegation.to.clone()).collect();
    seat.people.extend(delegates);
    seat
}

/// As many seats as can be filled by those who approve, each by another person: seats look for a person, who may move to another
/// seat for it (augmenting paths of a bipartite matching).
pub(super) fn filled(seats: &[Seat], approves: impl Fn(&str) -> bool) -> Vec<(String, String)> {
    let mut sits: BTreeMap<&str, usize> = BTreeMap::new();
    for number in 0..seats.len() {
        seat_somebody(number, seats, &approves, &mut sits, &mut BTreeSet::new());
    }
    let mut filled: Vec<(String, String)> = sits
        .into_iter()
        .filter_map(|(person, number)| Some((seats.get(number)?.name.clone(), person.to_owned())))
        .collect();
    filled.sort();
    filled
}

fn seat_somebody<'a>(
    number: usize,
    seats: &'a [Seat],
    approves: &impl Fn(&str) -> bool,
    sits: &mut BTreeMap<&'a str, usize>,
    asked: &mut BTreeSet<&'a str>,
) -> bool {
    let Some(seat) = seats.get(number) else { return false };
    for person in seat.people.iter().map(String::as_str).filter(|person| approves(person)) {
        if !asked.insert(person) {
            continue;
        }
        let free = match sits.get(person).copied() {
            None => true,
            Some(other) => seat_somebody(other, seats, approves, sits, asked),
        };
        if free {
            sits.insert(person, number);
            return true;
        }
    }
    false
}

#[cfg(test)]
#[path = "standing/tests.rs"]
mod tests;

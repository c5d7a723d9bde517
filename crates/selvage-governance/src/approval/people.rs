//! Who can give an approval: the seats of boards and the owners in teams, as they are before the change.

use std::collections::{BTreeMap, BTreeSet};

use selvage_model::change::{Need, Requirement, Seat};
use selvage_model::fabric::Fabric;
use selvage_model::manifest::organisation::Domain;
use selvage_model::name::{DomainName, TeamName};

use super::Proposed;
use super::standing::{filled, quorum as quorum_of};

/// How many disciplines of a domain's board decide together.
pub(super) fn quorum(proposed: &Proposed<'_>, domain: &DomainName) -> u32 {
    board(proposed, domain).map_or(1, |domain| domain.quorum.max(1))
}

/// Needs with who can meet each. Where too few could sign without the author, a board has to in their place: never a board that the
/// author's own domain has for another's.
pub(super) fn fill(proposed: &Proposed<'_>, needs: BTreeMap<Need, BTreeSet<String>>) -> Vec<Requirement> {
    let mut filled: BTreeMap<Need, (BTreeSet<String>, Vec<Seat>)> = BTreeMap::new();
    for (mut need, mut because) in needs {
        let mut seats = of(proposed, &need);
        while let Some(why) = lacks(proposed, &need, &seats) {
            let next = instead(proposed, &need);
            if next == need {
                break;
            }
            because.insert(why);
            seats = of(proposed, &next);
            need = next;
        }
        let (reasons, _) = filled.entry(need).or_insert_with(|| (BTreeSet::new(), seats));
        reasons.append(&mut because);
    }
    let requirement = |(need, (because, seats)): (Need, (BTreeSet<String>, Vec<Seat>))| Requirement {
        need,
        because: because.into_iter().collect(),
        seats,
    };
    filled.into_iter().map(requirement).collect()
}

/// Why a need cannot be met by others than the author; nothing where it can.
fn lacks(proposed: &Proposed<'_>, need: &Need, seats: &[Seat]) -> Option<String> {
    let could = filled(seats, |person| person != proposed.author).len();
    match could {
        0 => Some(format!("nobody but the author could sign as {need}")),
        could if could < quorum_of(need) => Some(format!("without the author, too few could sign as {need}")),
        _ => None,
    }
}

/// How many disciplines of a board could agree if this person did not sit on it.
pub(crate) fn without(board: &Domain, person: &str) -> usize {
    filled(&seats_of(board), |other| other != person).len()
}

/// What stands in the place of a need that nobody else can meet: the domain's own board for its teams and consumers, the group's for a
/// board.
fn instead(proposed: &Proposed<'_>, need: &Need) -> Need {
    let domain = match need {
        Need::Owner { .. } | Need::Consumer { .. } => proposed.domain.clone(),
        Need::Board { .. } | Need::Discipline { .. } => DomainName::group(),
    };
    Need::Board { quorum: quorum(proposed, &domain), domain }
}

/// Who can meet a need.
fn of(proposed: &Proposed<'_>, need: &Need) -> Vec<Seat> {
    match need {
        Need::Owner { team } => owner(proposed, team),
        Need::Consumer { consumer } => {
            let known = proposed.before.consumers.get(consumer).or_else(|| proposed.after.consumers.get(consumer));
            known.map(|consumer| answering(proposed, &consumer.owner.value)).unwrap_or_default()
        }
        Need::Board { domain, .. } => seats(proposed, domain),
        Need::Discipline { domain, discipline } => {
            let mut seats = seats(proposed, domain);
            seats.retain(|seat| &seat.name == discipline);
            seats
        }
    }
}

/// Whoever answers for a consumer: a team's owners or a domain's board.
fn answering(proposed: &Proposed<'_>, owner_name: &str) -> Vec<Seat> {
    let of_team = owner_name.parse().map(|team| owner(proposed, &team)).unwrap_or_default();
    if !of_team.is_empty() {
        return of_team;
    }
    owner_name.parse().map(|domain| seats(proposed, &domain)).unwrap_or_default()
}

fn owner(proposed: &Proposed<'_>, team: &TeamName) -> Vec<Seat> {
    let known = proposed.before.teams.get(team).or_else(|| proposed.after.teams.get(team));
    let roles = known.into_iter().flat_map(|team| &team.roles);
    roles
        .filter(|(role, people)| role.value == "owner" && !people.is_empty())
        .map(|(role, people)| Seat { name: role.value.clone(), board: None, people: people.clone() })
        .collect()
}

/// The seats of a domain's board; of the group's where it has none of its own.
fn seats(proposed: &Proposed<'_>, domain: &DomainName) -> Vec<Seat> {
    board(proposed, domain).map(seats_of).unwrap_or_default()
}

fn seats_of(board: &Domain) -> Vec<Seat> {
    let seat = |(discipline, people): &(selvage_model::source::Spanned<String>, Vec<String>)| Seat {
        name: discipline.value.clone(),
        board: Some(board.name.clone()),
        people: people.clone(),
    };
    board.board.iter().filter(|(_, people)| !people.is_empty()).map(seat).collect()
}

fn board<'a>(proposed: &Proposed<'a>, domain: &DomainName) -> Option<&'a Domain> {
    let group = DomainName::group();
    let seated = |fabric: &'a Fabric, domain: &DomainName| {
        fabric.domains.get(domain).filter(|domain| domain.board.iter().any(|(_, people)| !people.is_empty()))
    };
    [domain, &group].into_iter().find_map(|domain| {
        seated(proposed.before, domain).or_else(|| {
            // A board that the change itself makes decides only where there was none.
            seated(proposed.after, domain)
        })
    })
}

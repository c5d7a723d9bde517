//! Who may take which step in a domain, by the seats and roles that the fabric gives people. Deciding about a change is not among
//! them: whose decision a change takes is computed for each.

use selvage_model::domain::domain_of;
use selvage_model::fabric::Fabric;
use selvage_model::manifest::organisation::Team;
use selvage_model::name::DomainName;

/// A step in a domain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Act {
    /// Proposing a change.
    Propose,
    /// Making an approved change a release.
    Release,
    /// Activating a release in an environment.
    Activate,
    /// Going back to what was active there.
    RollBack,
    /// Reading evidence of it.
    Examine,
    /// Seeing what is stuck, with its data, and deciding what becomes of it.
    Operate,
    /// Deciding over who answers for something: calling on all of them to answer for access, lifting what one of them blocked.
    Oversee,
}

/// Whether a fabric gives anybody a seat or a role.
pub fn is_peopled(fabric: &Fabric) -> bool {
    !fabric.domains.is_empty() || !fabric.teams.is_empty()
}

/// Whether a person may take a step in a domain. Where nothing is declared yet, anybody who may log in begins.
pub fn may(fabric: &Fabric, person: &str, act: Act, domain: &DomainName) -> bool {
    if !is_peopled(fabric) {
        return true;
    }
    let sits = sits(fabric, person, domain) || sits(fabric, person, &DomainName::group());
    match act {
        Act::Activate => sits,
        Act::Propose | Act::Release | Act::Examine => sits || works(fabric, person, "owner", domain),
        Act::RollBack => sits || works(fabric, person, "on_call", domain),
        // Where nobody sits on a board, those who own something there are all that there is.
        Act::Oversee => sits || (!has_board(fabric, domain) && works(fabric, person, "owner", domain)),
        Act::Operate => sits || ["owner", "on_call"].iter().any(|role| works(fabric, person, role, domain)),
    }
}

/// Whether somebody sits for a domain: on its board, or on the group's.
fn has_board(fabric: &Fabric, domain: &DomainName) -> bool {
    let group = DomainName::group();
    let boards = [domain, &group].into_iter().filter_map(|name| fabric.domains.get(name));
    boards.flat_map(|domain| &domain.board).any(|(_, people)| !people.is_empty())
}

fn sits(fabric: &Fabric, person: &str, domain: &DomainName) -> bool {
    let board = fabric.domains.get(domain).into_iter().flat_map(|domain| &domain.board);
    board.into_iter().any(|(_, people)| people.iter().any(|one| one == person))
}

/// Whether somebody has a role in a team of the domain: one that it declares, or that owns an interface of it.
fn works(fabric: &Fabric, person: &str, role: &str, domain: &DomainName) -> bool {
    let owns = |team: &Team| {
        fabric.interfaces.iter().any(|(reference, interface)| {
            interface.owner.as_ref().is_some_and(|owner| owner.value == team.name)
                && fabric.governing(reference).as_ref() == Some(domain)
        })
    };
    let has = |team: &&Team| {
        team.roles.iter().any(|(name, people)| name.value == role && people.iter().any(|one| one == person))
    };
    fabric.teams.values().filter(has).any(|team| &domain_of(&team.place.file) == domain || owns(team))
}

//! Who may take which step in a domain, by the seats and roles that the fabric gives people. Deciding about a change is not among
//! them: whose decision a change takes is computed for each.

use std::collections::{HashMap, HashSet};

use selvage_model::domain::domain_of;
use selvage_model::fabric::Fabric;
use selvage_model::manifest::organisation::Team;
use selvage_model::name::{DomainName, InterfaceRef, TeamName};

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
    /// Raising an emergency: proposing, releasing and activating what cannot wait, and going back from it, by oneself.
    Raise,
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
        // At night it is who is on call, and nobody of the board.
        Act::Operate | Act::Raise => sits || OPERATING.iter().any(|role| works(fabric, person, role, domain)),
    }
}

/// Whether a person answers for one interface: an owner of the team that owns it, or on call there, or on the board of its domain or of
/// the group. Another team of the domain does not: what it takes from a grant would stop what is not its own. For what no team owns,
/// whoever operates its domain does.
pub fn answers_for_interface(fabric: &Fabric, person: &str, interface: &InterfaceRef) -> bool {
    let domain = fabric.governing(interface).unwrap_or_else(DomainName::group);
    let owner = fabric.interfaces.get(interface).and_then(|interface| interface.owner.as_ref());
    match owner.and_then(|owner| fabric.teams.get(&owner.value)) {
        Some(team) => {
            may(fabric, person, Act::Activate, &domain) || OPERATING.iter().any(|role| has(team, role, person))
        }
        None => may(fabric, person, Act::Operate, &domain),
    }
}

/// Where somebody may see what is stuck and decide what becomes of it: what [`may`] says of [`Act::Operate`], of all domains at once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Operates {
    /// In all of them.
    pub everywhere: bool,
    /// In these.
    pub domains: HashSet<DomainName>,
    /// By a role in these teams.
    pub teams: HashSet<TeamName>,
}

impl Operates {
    /// Whether in this domain.
    pub fn in_domain(&self, domain: &DomainName) -> bool {
        self.everywhere || self.domains.contains(domain)
    }
}

/// Where each person may, that a board or a team names. It reads the fabric once, however many people there are.
pub fn operating(fabric: &Fabric) -> HashMap<String, Operates> {
    let mut people: HashMap<String, Operates> = HashMap::new();
    for (name, domain) in &fabric.domains {
        for person in domain.board.iter().flat_map(|(_, people)| people) {
            let operates = people.entry(person.clone()).or_default();
            operates.everywhere |= *name == DomainName::group();
            operates.domains.insert(name.clone());
        }
    }
    let mut owned: HashMap<&TeamName, HashSet<DomainName>> = HashMap::new();
    for (reference, interface) in &fabric.interfaces {
        let (Some(owner), Some(domain)) = (&interface.owner, fabric.governing(reference)) else { continue };
        owned.entry(&owner.value).or_default().insert(domain);
    }
    for team in fabric.teams.values() {
        let operating = team.roles.iter().filter(|(role, _)| OPERATING.contains(&role.value.as_str()));
        for person in operating.flat_map(|(_, people)| people) {
            let operates = people.entry(person.clone()).or_default();
            operates.teams.insert(team.name.clone());
            operates.domains.insert(domain_of(&team.place.file));
            operates.domains.extend(owned.get(&team.name).into_iter().flatten().cloned());
        }
    }
    people
}

/// The roles in a team by which its people operate what is its.
const OPERATING: [&str; 2] = ["owner", "on_call"];

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
    let mut those = fabric.teams.values().filter(|team| has(team, role, person));
    those.any(|team| &domain_of(&team.place.file) == domain || owns(team))
}

fn has(team: &Team, role: &str, person: &str) -> bool {
    team.roles.iter().any(|(name, people)| name.value == role && people.iter().any(|one| one == person))
}

#[cfg(test)]
mod tests {
    use selvage_model::read::{Sources, read};

    use super::*;

    const MANIFESTS: &str = "
kind: Domain
name: north
board: {operations: [n.board]}
---
kind: Domain
name: group
board: {operations: [g.board]}
---
kind: Team
name: stockers
roles: {owner: [s.owner], on_call: [s.call], steward: [s.desk]}
---
kind: Team
name: sellers
roles: {owner: [o.owner]}
";
    const OF_NORTH: &str = "
kind: Team
name: northerners
roles: {on_call: [n.call]}
---
kind: Interface
name: stock
type: api
version: 1.0
owner: stockers
lifecycle: active
control: direct
contract: {openapi: stock.yaml}
upstream: {system: wms, path: /api}
";

    #[test]
    fn an_interface_is_answered_for_by_its_own_team_and_the_boards() {
        let mut sources = Sources::of("fabric.yaml", MANIFESTS);
        sources.insert("domains/north/interfaces.yaml", OF_NORTH.as_bytes());
        let mut fabric = read(&sources).fabric;
        let stock: InterfaceRef = "stock@1".parse().unwrap();
        let people = ["n.board", "g.board", "s.owner", "s.call", "s.desk", "o.owner", "n.call", "nobody"];
        let answering = |fabric: &Fabric| people.map(|person| answers_for_interface(fabric, person, &stock));
        assert_eq!(answering(&fabric), [true, true, true, true, false, false, false, false]);
        let unowned = fabric.interfaces.get_mut(&stock).unwrap();
        unowned.owner = None;
        assert_eq!(answering(&fabric), [true, true, false, false, false, false, true, false]);
    }

    #[test]
    fn where_people_operate_is_the_same_all_at_once() {
        let mut sources = Sources::of("fabric.yaml", MANIFESTS);
        sources.insert("domains/north/interfaces.yaml", OF_NORTH.as_bytes());
        let fabric = read(&sources).fabric;
        assert_eq!(fabric.interfaces.len(), 1);
        let operating = operating(&fabric);
        let domains = ["north", "group", "south"].map(|name| name.parse::<DomainName>().unwrap());
        let mut told = 0;
        for person in ["n.board", "g.board", "s.owner", "s.call", "s.desk", "o.owner", "n.call", "nobody"] {
            for domain in &domains {
                let at_once = operating.get(person).is_some_and(|operates| operates.in_domain(domain));
                assert_eq!(at_once, may(&fabric, person, Act::Operate, domain), "{person} in {domain}");
                told += usize::from(at_once);
            }
        }
        assert_eq!(told, 3 + 1 + 2 + 2 + 1 + 1);
    }
}

//! Who may be told how decisions come about: who operates the interface by the seats and roles of the fabric, and who answers for
//! the consumer. Compiled once for a release.

use std::collections::HashMap;

use selvage_governance::seat::{self, Operates};
use selvage_model::fabric::Fabric;
use selvage_model::name::{ConsumerName, DomainName};

use super::served::Served;

/// Who may know what of a fabric.
#[derive(Debug)]
pub(super) struct Insiders {
    /// The fabric gives somebody a seat or a role; where it gives nobody any, whoever has an operator's key begins.
    is_peopled: bool,
    people: HashMap<String, Operates>,
    /// Which domain governs an interface, by its index.
    domains: Vec<Option<DomainName>>,
    consumers: HashMap<ConsumerName, Home>,
}

/// Whose a consumer is.
#[derive(Debug)]
struct Home {
    domain: DomainName,
    /// A team, or a domain.
    owner: Box<str>,
}

impl Insiders {
    /// Of these interfaces.
    pub(super) fn compile(fabric: &Fabric, served: &[Served]) -> Self {
        let home = |name: &ConsumerName| {
            let owner = fabric.consumers.get(name)?.owner.value.as_str();
            Some((name.clone(), Home { domain: fabric.home(name)?, owner: owner.into() }))
        };
        Self {
            is_peopled: seat::is_peopled(fabric),
            people: seat::operating(fabric),
            domains: served.iter().map(|served| fabric.governing(&served.reference)).collect(),
            consumers: fabric.consumers.keys().filter_map(home).collect(),
        }
    }

    /// Whether this person may know about a request on this interface by this consumer. Of what is nobody's, everybody may.
    pub(super) fn may_know(&self, person: &str, served: Option<&Served>, consumer: Option<&ConsumerName>) -> bool {
        if !self.is_peopled || (served.is_none() && consumer.is_none()) {
            return true;
        }
        let Some(operates) = self.people.get(person) else { return false };
        let domain = served.and_then(|served| self.domains.get(served.index as usize)?.as_ref());
        let home = consumer.and_then(|consumer| self.consumers.get(consumer));
        let answers_for = |home: &Home| {
            operates.in_domain(&home.domain) || operates.teams.iter().any(|team| team.as_str() == &*home.owner)
        };
        operates.everywhere || domain.is_some_and(|domain| operates.in_domain(domain)) || home.is_some_and(answers_for)
    }
}

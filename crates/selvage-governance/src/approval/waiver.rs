//! Whom a waiver names as those who approved it: they do, or it is not released. Nothing here judges whether it is well.

use std::collections::BTreeSet;

use selvage_model::change::Need;
use selvage_model::domain::domain_of;
use selvage_model::manifest::rule::Waiver;
use selvage_model::name::{ConsumerName, DomainName, InterfaceRef, IssuerName, ObjectRef, SystemName, TeamName};

use super::{Needs, Proposed, governing, people};

/// Those whom new waivers name, and those that last longer or say something else. Whoever stood there before and is left out has a
/// say in that as well.
pub(super) fn approvers(proposed: &Proposed<'_>, needs: &mut Needs) {
    for waiver in &proposed.after.waivers {
        let same = |it: &&Waiver| it.rule.value == waiver.rule.value && it.on.value == waiver.on.value;
        let before: Vec<&Waiver> = proposed.before.waivers.iter().filter(same).collect();
        if before.iter().any(|it| covers(it, waiver)) {
            continue;
        }
        let because = format!("the waiver of {} on {} names who approved it", waiver.rule, waiver.on);
        for word in before.into_iter().chain([waiver]).flat_map(|it| &it.approved_by) {
            add(proposed, waiver, &word.value, &because, needs);
        }
    }
}

/// Whether what was approved before says as much.
fn covers(before: &Waiver, waiver: &Waiver) -> bool {
    before.until.value >= waiver.until.value && before.because == waiver.because && named(before) == named(waiver)
}

fn named(waiver: &Waiver) -> BTreeSet<&str> {
    waiver.approved_by.iter().map(|word| word.value.as_str()).collect()
}

fn add(proposed: &Proposed<'_>, waiver: &Waiver, word: &str, because: &str, needs: &mut Needs) {
    let on = On::of(proposed, waiver);
    let board = |domain: DomainName| Need::Board { quorum: people::quorum(proposed, &domain), domain };
    match (word, &on) {
        ("owner", On::Interface { owner: Some(team), .. } | On::Owned(team)) => {
            needs.add(Need::Owner { team: team.clone() }, because.to_owned());
        }
        ("owner", On::Consumer { consumer, .. }) => {
            needs.add(Need::Consumer { consumer: consumer.clone() }, because.to_owned());
        }
        ("affected-consumers", On::Interface { interface, .. }) => {
            for affected in proposed.affected.iter().filter(|it| &it.interface == interface) {
                needs.add(Need::Consumer { consumer: affected.consumer.clone() }, because.to_owned());
            }
        }
        // Of what nobody owns, or nobody uses, the board answers.
        ("owner" | "affected-consumers" | "board", _) => {
            for domain in on.domains(proposed, waiver) {
                needs.add(board(domain), because.to_owned());
            }
        }
        (discipline, _) => {
            for domain in on.domains(proposed, waiver) {
                needs.add(Need::Discipline { domain, discipline: discipline.to_owned() }, because.to_owned());
            }
        }
    }
}

/// What a waiver is about.
enum On {
    Interface {
        interface: InterfaceRef,
        owner: Option<TeamName>,
    },
    Consumer {
        consumer: ConsumerName,
    },
    /// A system, an object or an issuer.
    Owned(TeamName),
    Other,
}

impl On {
    fn of(proposed: &Proposed<'_>, waiver: &Waiver) -> Self {
        let on = waiver.on.value.as_str();
        for fabric in [proposed.before, proposed.after] {
            if let Some((interface, declared)) =
                on.parse::<InterfaceRef>().ok().and_then(|it| fabric.interfaces.get_key_value(&it))
            {
                let owner = declared.owner.as_ref().map(|team| team.value.clone());
                return Self::Interface { interface: interface.clone(), owner };
            }
            if let Some(consumer) = waiver.consumer().filter(|it| fabric.consumers.contains_key(it)) {
                return Self::Consumer { consumer };
            }
            let system = on.parse::<SystemName>().ok().and_then(|it| fabric.systems.get(&it)).map(|it| &it.owner);
            let object = || on.parse::<ObjectRef>().ok().and_then(|it| fabric.objects.get(&it)).map(|it| &it.owner);
            let issuer = || on.parse::<IssuerName>().ok().and_then(|it| fabric.issuers.get(&it)).map(|it| &it.owner);
            if let Some(owner) = system.or_else(object).or_else(issuer) {
                return Self::Owned(owner.value.clone());
            }
        }
        Self::Other
    }

    /// Whose board answers: that of whoever governs it, or in whose file it stands.
    fn domains(&self, proposed: &Proposed<'_>, waiver: &Waiver) -> Vec<DomainName> {
        let found: Vec<DomainName> = match self {
            Self::Interface { interface, .. } => governing(proposed, interface).into_iter().collect(),
            Self::Consumer { consumer } => proposed.before.home(consumer).into_iter().collect(),
            Self::Owned(_) | Self::Other => Vec::new(),
        };
        if found.is_empty() { vec![domain_of(&waiver.place.file)] } else { found }
    }
}

//! What stands on a system, on an issuer or in an environment: moved, another place answers whoever uses that, or nothing proves who asks.

use std::collections::BTreeSet;

use selvage_model::fabric::Fabric;
use selvage_model::manifest::api::Api;
use selvage_model::manifest::consumer::Consumer;
use selvage_model::manifest::interface::{Interface, InterfaceBody};
use selvage_model::name::{ConsumerName, EnvironmentName, InterfaceRef, IssuerName, SystemName};

use crate::compare::{Difference, Ground, Verdict};

/// What stands on what a difference is of.
pub(super) enum Standing<'f> {
    /// These interfaces; and what is delivered to this system.
    Interfaces(Vec<&'f InterfaceRef>, Option<&'f SystemName>),
    /// These consumers, wherever they use something.
    Consumers(Vec<ConsumerName>),
}

/// What stands on what a difference is of; nothing where it is of nothing that anything stands on. In an environment that is not
/// protected nobody is promised anything.
pub(super) fn standing_on<'f>(fabric: &'f Fabric, difference: &'f Difference) -> Option<Standing<'f>> {
    match difference.ground.as_ref()? {
        Ground::System(_, Some(environment))
        | Ground::Issuer(_, Some(environment))
        | Ground::Environment(Some(environment))
            if !is_promised(fabric, environment) =>
        {
            None
        }
        Ground::System(system, _) => Some(Standing::Interfaces(of_system(fabric, system), Some(system))),
        Ground::Issuer(issuer, _) => Some(Standing::Consumers(vouched_for(fabric, issuer))),
        Ground::Environment(_) if difference.verdict != Verdict::Breaking => None,
        Ground::Environment(_) => Some(Standing::Interfaces(fabric.interfaces.keys().collect(), None)),
    }
}

/// Who proves itself by tokens of an issuer.
fn vouched_for(fabric: &Fabric, issuer: &IssuerName) -> Vec<ConsumerName> {
    let by = |consumer: &&Consumer| consumer.token_subject().is_some_and(|(by, _)| by.value == *issuer);
    fabric.consumers.values().filter(by).map(|consumer| consumer.name.clone()).collect()
}

fn is_promised(fabric: &Fabric, environment: &EnvironmentName) -> bool {
    let environments = fabric.settings.iter().flat_map(|settings| &settings.environments);
    let mut known = environments.filter(|known| &known.name.value == environment);
    known.next().is_none_or(|known| known.protected)
}

/// Those that have it from the system, or give it to it, and those that read their copies. What a flow calls may be any.
fn of_system<'f>(fabric: &'f Fabric, system: &SystemName) -> Vec<&'f InterfaceRef> {
    let is_of =
        |interface: &Interface| interface.system() == Some(system) || matches!(interface.body, InterfaceBody::Flow);
    let mut found: BTreeSet<&InterfaceRef> =
        fabric.interfaces.iter().filter(|(_, interface)| is_of(interface)).map(|(reference, _)| reference).collect();
    let reads = |interface: &Interface, found: &BTreeSet<&InterfaceRef>| match interface.api() {
        Some(Api::Mediated(serves)) => serves.reads.as_ref().is_some_and(|reads| found.contains(&reads.copy.value)),
        _ => false,
    };
    let readers: Vec<&InterfaceRef> =
        fabric.interfaces.iter().filter(|(_, it)| reads(it, &found)).map(|(reference, _)| reference).collect();
    found.extend(readers);
    found.into_iter().collect()
}

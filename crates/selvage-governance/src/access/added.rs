//! Access that files add, where a request would be refused: who begins to use what ends has to move soon after. What was there before
//! keeps what it has. Pure. INVARIANT: LIVE-LIFECYCLE

use std::collections::BTreeSet;

use jiff::civil::Date;
use selvage_model::code;
use selvage_model::fabric::Fabric;
use selvage_model::finding::Finding;
use selvage_model::name::{ConsumerName, InterfaceRef};
use selvage_model::source::Place;

use super::ending;

/// What stands against the grants and subscriptions that only the second of two states has, where their interface is on its way out.
/// An interface that comes with them brings those who use it already. Waivers of these states count.
pub fn added(before: &Fabric, after: &Fabric, waivers: &[&Fabric], today: Date) -> Vec<Finding> {
    let is_waived = |interface: &InterfaceRef| {
        waivers.iter().flat_map(|fabric| &fabric.waivers).any(|waiver| {
            waiver.rule.value == code::ACCESS_ENDING.as_str()
                && waiver.on.value == interface.to_string()
                && waiver.until.value >= today
        })
    };
    let judged = |interface: &InterfaceRef, place: &Place| {
        let declared = after.interfaces.get(interface).filter(|_| before.interfaces.contains_key(interface))?;
        ending(interface, declared, place).filter(|_| !is_waived(interface))
    };
    let grants = new_grants(before, after).into_iter();
    let subscriptions = new_subscriptions(before, after).into_iter();
    grants.chain(subscriptions).filter_map(|(interface, place)| judged(interface, place)).collect()
}

/// Grants of operations that their consumer did not have.
fn new_grants<'a>(before: &Fabric, after: &'a Fabric) -> Vec<(&'a InterfaceRef, &'a Place)> {
    let had: BTreeSet<(&ConsumerName, &InterfaceRef, &str)> = before
        .grants
        .iter()
        .flat_map(|grant| {
            let of = |operation| (&grant.consumer.value, &grant.interface.value, operation);
            grant.operations.iter().map(move |operation| of(operation.value.as_str()))
        })
        .collect();
    let is_new = |grant: &&selvage_model::manifest::consumer::Grant| {
        let mut operations = grant.operations.iter().map(|operation| operation.value.as_str());
        operations.any(|operation| !had.contains(&(&grant.consumer.value, &grant.interface.value, operation)))
    };
    after.grants.iter().filter(is_new).map(|grant| (&grant.interface.value, &grant.interface.place)).collect()
}

fn new_subscriptions<'a>(before: &Fabric, after: &'a Fabric) -> Vec<(&'a InterfaceRef, &'a Place)> {
    let had: BTreeSet<(&ConsumerName, &InterfaceRef)> =
        before.subscriptions.iter().map(|it| (&it.consumer.value, &it.interface.value)).collect();
    let new = after.subscriptions.iter().filter(|it| !had.contains(&(&it.consumer.value, &it.interface.value)));
    new.map(|it| (&it.interface.value, &it.interface.place)).collect()
}

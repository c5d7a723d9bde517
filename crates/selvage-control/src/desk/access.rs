//! The access that active releases ask for. It is of all environments together, as the access state is: what any of them still asks
//! for stays, and what ended is not revived by going back. INVARIANT: REVOKED-NOW

use std::collections::BTreeSet;

use selvage_model::name::EnvironmentName;
use selvage_store::{AskedSubscription, Store};

use super::{DeskError, Files, Look, union};

/// Makes the grants and subscriptions those that the active releases ask for; gives, in words, what was asked for and is not given.
///
/// # Errors
/// Those of the store.
pub(super) async fn apply(store: &Store, look: &dyn Look, by: &str) -> Result<Vec<String>, DeskError> {
    let active = store.active_domains().await?;
    let environments: BTreeSet<&EnvironmentName> = active.iter().map(|it| &it.environment).collect();
    let (mut grants, mut subscriptions): (Vec<_>, Vec<AskedSubscription>) = (Vec::new(), Vec::new());
    for environment in environments {
        let mut files = Files::new();
        for it in active.iter().filter(|it| &it.environment == environment) {
            union::add(&union::find(store, &it.release).await?, &mut files)?;
        }
        let fabric = look.read(&files);
        for grant in &fabric.grants {
            let asked = (grant.consumer.value.clone(), grant.interface.value.clone(), grant.terms());
            if !grants.contains(&asked) {
                grants.push(asked);
            }
        }
        for subscription in &fabric.subscriptions {
            let Some(name) = subscription.known_as() else { continue };
            let asked = AskedSubscription {
                consumer: subscription.consumer.value.clone(),
                name,
                interface: subscription.interface.value.clone(),
                terms: subscription.terms(),
            };
            // Of one name there is one: the environment that is looked at last is the one that comes last.
            subscriptions.retain(|known| (&known.consumer, &known.name) != (&asked.consumer, &asked.name));
            subscriptions.push(asked);
        }
    }
    let mut held_back = Vec::new();
    for held in store.apply_manifest_grants(&grants, by).await?.held_back {
        let (consumer, interface, ended) = (held.consumer, held.interface, held.ended);
        held_back.push(format!(
            "the grant of {interface} to {consumer} ended at {ended:.0} and stays so: give it new terms"
        ));
    }
    let applied = store.apply_manifest_subscriptions(&subscriptions, true, by).await?;
    for (label, ended) in applied.held_back {
        held_back.push(format!("the subscription {label} ended at {ended:.0} and stays so: give it new terms"));
    }
    for label in applied.ungranted {
        held_back.push(format!("the subscription {label} has no grant that is alive: nothing is delivered"));
    }
    Ok(held_back)
}

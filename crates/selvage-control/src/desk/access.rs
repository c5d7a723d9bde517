//! The access that an active release asks for. Grants are of its environment: they open nothing in another, whatever else is active there.
//! The events of a store are one environment's, and so are subscriptions: what is active there asks for them. What ended is not revived by
//! going back. What is computed here is applied with the activation, or not at all. INVARIANT: REVOKED-NOW

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, HashMap};

use selvage_model::code;
use selvage_model::fabric::Fabric;
use selvage_model::name::{ConsumerName, EnvironmentName, SubscriptionName};
use selvage_store::{AppliedActivation, AskedAccess, AskedSubscription, DomainActivation, SignedRelease};

use super::{Desk, DeskError, Files, Releases, plan, union};

/// Which release of each domain is active, by environment.
type Active = BTreeMap<EnvironmentName, Releases>;

impl Desk {
    /// What is asked for once this release is active in that environment.
    ///
    /// # Errors
    /// Those of the store.
    pub(super) async fn asked(
        &self,
        becoming: (&SignedRelease, &EnvironmentName, &[DomainActivation]),
        declared: &Fabric,
    ) -> Result<AskedAccess, DeskError> {
        let grants = declared.grants.iter();
        let grants = grants.map(|it| (it.consumer.value.clone(), it.interface.value.clone(), it.terms())).collect();
        let subscriptions = match self.store.event_home().await? {
            Some(home) if &home != becoming.1 => None,
            Some(_) => {
                let mut subscribed = Subscribed::default();
                subscribed.add(declared);
                Some(subscribed.asked)
            }
            None => Some(self.subscribed_anywhere(becoming, declared).await?),
        };
        Ok(AskedAccess { grants, subscriptions })
    }

    /// The subscriptions of every environment, for as long as nobody keeps events here: of one that several have, that of the last stage
    /// counts.
    async fn subscribed_anywhere(
        &self,
        (release, environment, history): (&SignedRelease, &EnvironmentName, &[DomainActivation]),
        declared: &Fabric,
    ) -> Result<Vec<AskedSubscription>, DeskError> {
        let mut active = active(history);
        active.entry(environment.clone()).or_default().insert(release.domain.clone(), release.id.clone());
        let stages = stages(declared);
        let here = active.get(environment).cloned().unwrap_or_default();
        let mut active: Vec<_> = active.into_iter().collect();
        // What is declared no more comes first. The sort is stable: what has no order goes by name.
        active.sort_by_key(|(environment, _)| stages.get(environment).copied());
        let mut subscribed = Subscribed::default();
        let mut read: BTreeMap<Releases, Fabric> = BTreeMap::new();
        for (_, releases) in active {
            // What runs in several environments is read once, and what was looked at just now not again.
            if releases == here {
                subscribed.add(declared);
                continue;
            }
            match read.entry(releases.clone()) {
                Entry::Occupied(read) => subscribed.add(read.get()),
                Entry::Vacant(unread) => subscribed.add(unread.insert(self.read_together(&releases).await?)),
            }
        }
        Ok(subscribed.asked)
    }

    /// What releases say together.
    async fn read_together(&self, releases: &Releases) -> Result<Fabric, DeskError> {
        let mut files = Files::new();
        for id in releases.values() {
            union::add(&union::find(&self.store, id).await?, &mut files)?;
        }
        Ok(self.hard(|| self.look.read(&files)).await)
    }
}

/// The newest activation of each domain in each environment.
fn active(history: &[DomainActivation]) -> Active {
    let mut active = Active::new();
    for it in history {
        active.entry(it.environment.clone()).or_default().entry(it.domain.clone()).or_insert(it.release.clone());
    }
    active
}

/// How late each environment comes: behind those that it is after, and as they are written.
fn stages(declared: &Fabric) -> BTreeMap<EnvironmentName, (usize, usize)> {
    let environments: Vec<_> = declared.settings.iter().flat_map(|settings| &settings.environments).collect();
    let mut stages = BTreeMap::new();
    // Each round settles what is one further; who is after each other stays where the last round left them.
    for _ in 0..environments.len() {
        for (place, it) in environments.iter().enumerate() {
            let before = it.after.iter().filter_map(|before| stages.get(&before.value));
            let depth = before.map(|(depth, _): &(usize, usize)| depth + 1).max().unwrap_or(0);
            stages.insert(it.name.value.clone(), (depth, place));
        }
    }
    stages
}

/// The subscriptions that are asked for, gathered fabric after fabric.
#[derive(Default)]
struct Subscribed {
    asked: Vec<AskedSubscription>,
    /// Where each of them stands.
    places: HashMap<(ConsumerName, SubscriptionName), usize>,
}

impl Subscribed {
    fn add(&mut self, fabric: &Fabric) {
        let Self { asked, places } = self;
        for subscription in &fabric.subscriptions {
            let Some(name) = subscription.known_as() else { continue };
            let one = AskedSubscription {
                consumer: subscription.consumer.value.clone(),
                name,
                interface: subscription.interface.value.clone(),
                terms: subscription.terms(fabric),
            };
            let place = *places.entry((one.consumer.clone(), one.name.clone())).or_insert_with(|| asked.len());
            match asked.get_mut(place) {
                Some(known) => *known = one,
                None => asked.push(one),
            }
        }
    }
}

/// What was asked for and is not given, in words, each with how it comes back.
pub(super) fn held_back(applied: AppliedActivation) -> Vec<String> {
    let code = code::ACCESS_STAYS_ENDED;
    let grants = applied.grants.held_back.into_iter().map(|held| {
        let told = plan::grant_ended(&held.consumer, &held.interface, held.ended);
        format!("{code}: {told}; {}", plan::anew(&held.consumer, &held.interface))
    });
    let subscriptions = applied.subscriptions;
    let over = subscriptions.held_back.into_iter();
    let over =
        over.map(|(label, ended)| format!("{code}: {}; {}", plan::subscription_ended(&label, ended), plan::NEW_TERMS));
    let ungranted = subscriptions.ungranted.into_iter();
    let ungranted = ungranted.map(|label| format!("{code}: {}", plan::subscription_ungranted(&label)));
    grants.chain(over).chain(ungranted).collect()
}

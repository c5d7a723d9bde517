//! What activating a release would do to access, told before anybody does it: what it names that has ended and stays so, and what ends by
//! it, for good. Changes nothing, and looks at no gate. INVARIANT: REVOKED-NOW: no activation revives what ended.

use std::collections::BTreeSet;

use jiff::Timestamp;
use selvage_model::access::LiveGrant;
use selvage_model::code;
use selvage_model::fabric::Fabric;
use selvage_model::finding::Finding;
use selvage_model::name::{ConsumerName, DomainName, EnvironmentName, InterfaceRef};
use selvage_model::source::Place;
use selvage_store::{AppliedGrants, AppliedSubscriptions};
use serde_json::{Value, json};

use super::{Desk, DeskError, finding, union};

/// What would come of an activation.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Where.
    pub environment: EnvironmentName,
    /// Whose release.
    pub domain: DomainName,
    /// Which.
    pub release: String,
    /// Whether it is active there already.
    pub is_active: bool,
    /// What would stay ended, and what would end.
    pub findings: Vec<Finding>,
}

impl Desk {
    /// Says what activating this release, or going back to it, would do to access.
    ///
    /// # Errors
    /// [`DeskError::Refused`] where it does not fit what is active beside it; those of the store.
    pub async fn plan(
        &self,
        release: &str,
        environment: &EnvironmentName,
        is_rollback: bool,
    ) -> Result<Plan, DeskError> {
        match is_rollback {
            true => self.ahead().planned(release, environment, is_rollback).await,
            false => self.planned(release, environment, is_rollback).await,
        }
    }

    async fn planned(
        &self,
        release: &str,
        environment: &EnvironmentName,
        is_rollback: bool,
    ) -> Result<Plan, DeskError> {
        let release = union::find(&self.store, release).await?;
        let history = self.store.activations().await?;
        let (now, _) = self.store.delegations().await?;
        let active = self.active(&release, environment, &history).await?;
        let looked = self.beside(&release, &active, environment, (now, is_rollback)).await?;
        let was = self.hard(|| self.look.read(&active.all())).await;
        let asks = self.asked((&release, environment, &history), &looked.fabric).await?;
        let (grants, subscriptions) = self.store.preview_access(environment, &asks).await?;
        let mut leases = self.store.access_state().await?.grants;
        leases.retain(|lease| lease.counts_in(environment));
        let without = without_another(grants, &leases);
        let mut findings = stays_ended(&looked.fabric, &without, &subscriptions);
        findings.extend(ends(&was, (&without, &leases), &subscriptions));
        findings.sort_by(|left, right| (&left.place.file, left.place.line).cmp(&(&right.place.file, right.place.line)));
        let is_active = history.iter().find(|it| &it.environment == environment && it.domain == release.domain);
        let is_active = is_active.is_some_and(|it| it.release == release.id);
        Ok(Plan { environment: environment.clone(), domain: release.domain, release: release.id, is_active, findings })
    }
}

/// The same without those held back whose consumer has another grant there, as one that was asked for; by the leases of that environment.
pub(super) fn without_another(mut grants: AppliedGrants, leases: &[LiveGrant]) -> AppliedGrants {
    let stays = |lease: &LiveGrant| lease.ended.is_none() && !grants.ended.contains(&lease.id);
    let alive: BTreeSet<_> = leases.iter().filter(|it| stays(it)).map(|it| (&it.consumer, &it.interface)).collect();
    grants.held_back.retain(|held| !alive.contains(&(&held.consumer, &held.interface)));
    grants
}

/// What is alive and ends by it.
fn ends(
    was: &Fabric,
    (grants, leases): (&AppliedGrants, &[LiveGrant]),
    subscriptions: &AppliedSubscriptions,
) -> Vec<Finding> {
    let alive = leases.iter().filter(|lease| lease.ended.is_none());
    let (ending, staying): (Vec<_>, Vec<_>) = alive.partition(|lease| grants.ended.contains(&lease.id));
    let staying: BTreeSet<_> = staying.into_iter().map(|it| (&it.consumer, &it.interface)).collect();
    let ending: BTreeSet<_> = ending.into_iter().map(|it| (&it.consumer, &it.interface)).collect();
    let of_grants = ending.difference(&staying).map(|(consumer, interface)| {
        let message = format!("the grant of `{interface}` to `{consumer}` ends, for good, with its subscriptions: nothing asks for it any more");
        Finding::warning(code::ACCESS_ENDS, &granted_at(was, consumer, interface), message)
            .fix("activating it again later does not bring it back: that takes a request, or new terms")
    });
    let of_subscriptions = subscriptions.ended.iter().map(|label| {
        let message = format!("the subscription `{label}` ends, for good: nothing asks for it any more");
        Finding::warning(code::ACCESS_ENDS, &subscribed_at(was, label), message)
            .fix("activating it again later does not bring it back: that takes new terms")
    });
    of_grants.chain(of_subscriptions).collect()
}

/// A plan, as commands and the control API show it.
pub fn planned(plan: &Plan) -> Value {
    json!({
        "environment": plan.environment.as_str(),
        "domain": plan.domain.as_str(),
        "release": plan.release,
        "active": plan.is_active,
        "findings": plan.findings.iter().map(finding).collect::<Vec<_>>(),
    })
}

/// What the release names, and has ended.
fn stays_ended(fabric: &Fabric, grants: &AppliedGrants, subscriptions: &AppliedSubscriptions) -> Vec<Finding> {
    let of_grants = grants.held_back.iter().map(|held| {
        let (consumer, interface) = (&held.consumer, &held.interface);
        Finding::warning(
            code::ACCESS_STAYS_ENDED,
            &granted_at(fabric, consumer, interface),
            grant_ended(consumer, interface, held.ended),
        )
        .fix(anew(consumer, interface))
    });
    let of_subscriptions = subscriptions.held_back.iter().map(|(label, ended)| {
        let message = subscription_ended(label, *ended);
        Finding::warning(code::ACCESS_STAYS_ENDED, &subscribed_at(fabric, label), message).fix(NEW_TERMS)
    });
    let ungranted = subscriptions.ungranted.iter().map(|label| {
        Finding::warning(code::ACCESS_STAYS_ENDED, &subscribed_at(fabric, label), subscription_ungranted(label))
            .fix("ask for its grant anew with `selvage access request`, and activate again")
    });
    of_grants.chain(of_subscriptions).chain(ungranted).collect()
}

/// What brings a subscription back.
pub(super) const NEW_TERMS: &str = "give it new terms, as another `until`, and release that";

pub(super) fn grant_ended(consumer: &ConsumerName, interface: &InterfaceRef, ended: Timestamp) -> String {
    format!("the grant of `{interface}` to `{consumer}` ended at {ended:.0} and stays so: the consumer is refused")
}

/// What brings a grant back.
pub(super) fn anew(consumer: &ConsumerName, interface: &InterfaceRef) -> String {
    format!(
        "ask for it anew with `selvage access request --consumer {consumer} --interface {interface} …`, or give it new \
         terms and release that"
    )
}

pub(super) fn subscription_ended(label: &str, ended: Timestamp) -> String {
    format!("the subscription `{label}` ended at {ended:.0} and stays so: nothing is delivered")
}

pub(super) fn subscription_ungranted(label: &str) -> String {
    format!("the subscription `{label}` has no grant that is alive: nothing is delivered")
}

/// Where a grant is asked for; the consumer's own place where it is not.
fn granted_at(fabric: &Fabric, consumer: &ConsumerName, interface: &InterfaceRef) -> Place {
    let is_it = |grant: &&selvage_model::manifest::consumer::Grant| {
        &grant.consumer.value == consumer && &grant.interface.value == interface
    };
    let grant = fabric.grants.iter().find(is_it).map(|grant| grant.place.clone());
    let consumer = || fabric.consumers.get(consumer).map(|it| it.place.clone());
    grant.or_else(consumer).unwrap_or_else(|| Place::start("fabric.yaml"))
}

fn subscribed_at(fabric: &Fabric, label: &str) -> Place {
    let is_it = |it: &&selvage_model::manifest::consumer::Subscription| {
        it.known_as().is_some_and(|name| format!("{}/{name}", it.consumer.value) == label)
    };
    let found = fabric.subscriptions.iter().find(is_it);
    found.map_or_else(|| Place::start("fabric.yaml"), |it| it.place.clone())
}

//! Access as leases: asked for, decided, narrowed, answered for, opened in an emergency. The commands, the control API and the console
//! all act here, by the fabric that is active; what is alive is the store's. INVARIANT: REVOKED-NOW

mod ask;
mod due;
mod emergency;
mod recertify;
mod row;
mod settle;
pub mod shown;
mod used;
mod waits;

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use selvage_governance::access::{Deciders, judge};
use selvage_governance::seat::{Act, answers_for_interface, is_peopled, may};
use selvage_model::access::GrantTerms;
use selvage_model::code;
use selvage_model::fabric::Fabric;
use selvage_model::finding::{Finding, Severity};
use selvage_model::name::{ConsumerName, DomainName, InterfaceRef};
use selvage_model::scalar;
use selvage_model::subscription::LiveSubscription;
use selvage_store::{StoreError, SubscriptionStep};

use super::cut::forbidden;
use super::{Desk, DeskError, day};

pub use ask::{Asked, Asking};
pub use due::{Due, Pending};
pub use emergency::{Opening, Reviewing};
pub use recertify::{Answering, Begun, LOOKED_BACK, Starting, Verdict};
pub use row::{gathered, row};
pub use settle::Settling;
pub use used::Counted;
pub use waits::{AccessWaits, Item};

/// A day, to its end in UTC, or a time with its zone.
///
/// # Errors
/// In words, for what is neither.
pub fn until(text: &str) -> Result<Timestamp, String> {
    let end_of = |day: Date| Some(day.tomorrow().ok()?.to_zoned(TimeZone::UTC).ok()?.timestamp());
    let parsed = scalar::timestamp(text).or_else(|| end_of(scalar::date(text)?));
    parsed.ok_or_else(|| format!("`{text}` is no day and no time: write `2027-06-30` or `2027-06-30T18:00+02:00`"))
}

/// Terms that open these operations, with every row and attribute.
pub fn whole(operations: Vec<String>, purpose: Option<String>, until: Option<Timestamp>) -> GrantTerms {
    GrantTerms { purpose, until, ..GrantTerms::whole(operations) }
}

/// The domain that answers for an interface; the group's where none does.
pub fn domain_of(fabric: &Fabric, interface: &InterfaceRef) -> DomainName {
    fabric.governing(interface).unwrap_or_else(DomainName::group)
}

/// Whether a person answers for an interface, or for a consumer of it: who may take what is not needed, and open what cannot wait.
pub fn answers(fabric: &Fabric, person: &str, consumer: &ConsumerName, interface: &InterfaceRef) -> bool {
    answers_for(fabric, person, consumer) || answers_for_interface(fabric, person, interface)
}

/// Whether a person answers for a consumer: in the team that owns it, or on the board of the domain that does.
pub fn answers_for(fabric: &Fabric, person: &str, consumer: &ConsumerName) -> bool {
    const ROLES: [&str; 2] = ["owner", "on_call"];
    let owner = fabric.consumers.get(consumer).map(|consumer| consumer.owner.value.as_str());
    let team = fabric.teams.iter().find(|(name, _)| Some(name.as_str()) == owner).map(|(_, team)| team);
    let roles = team.into_iter().flat_map(|team| &team.roles);
    let mut people = roles.filter(|(role, _)| ROLES.contains(&role.value.as_str())).flat_map(|(_, people)| people);
    people.any(|one| one == person)
        || owner.and_then(|owner| owner.parse().ok()).is_some_and(|domain| sits(fabric, person, &domain))
}

/// Consumers may belong to a domain instead of a team.
fn sits(fabric: &Fabric, person: &str, domain: &DomainName) -> bool {
    fabric.domains.contains_key(domain) && may(fabric, person, Act::Activate, domain)
}

impl Desk {
    /// Refuses to let somebody approve what lets a consumer in who answers neither for it nor for the interface: by what the domains
    /// released last or, where that names nobody, by what runs in any environment. Where nobody is named at all, whoever proves who they
    /// are begins.
    ///
    /// # Errors
    /// [`DeskError::Refused`] where it is not theirs to say; those of the store.
    async fn may_let_in(
        &self,
        running: Vec<Fabric>,
        person: &str,
        (consumer, interface): (&ConsumerName, &InterfaceRef),
    ) -> Result<(), DeskError> {
        let released = self.released().await?;
        let judging = judging(&released, &running);
        if judging.is_empty() || judging.iter().any(|fabric| answers(fabric, person, consumer, interface)) {
            return Ok(());
        }
        let message = format!("`{person}` answers neither for {consumer} nor for {interface}");
        Err(DeskError::refused(code::API_FORBIDDEN, message, "ask who owns one of them, or is on call there"))
    }

    /// Refuses to let somebody end a subscription who answers for neither side: what waits for it is given up.
    ///
    /// # Errors
    /// [`DeskError::Refused`] where it is not theirs to say; those of the store.
    pub async fn may_end(&self, running: Vec<Fabric>, person: &str, it: &LiveSubscription) -> Result<(), DeskError> {
        self.may_let_in(running, person, (&it.consumer, &it.interface)).await
    }

    /// Refuses to let somebody forget a consumer's group who answers for neither side: what it has not read is given up.
    ///
    /// # Errors
    /// The same.
    pub async fn may_forget(
        &self,
        running: Vec<Fabric>,
        person: &str,
        group: (&ConsumerName, &InterfaceRef),
    ) -> Result<(), DeskError> {
        self.may_let_in(running, person, group).await
    }

    /// Refuses to let somebody give up messages of an interface who does not answer for it at night.
    ///
    /// # Errors
    /// The same.
    pub async fn may_give_up(
        &self,
        running: &[Fabric],
        person: &str,
        interface: &InterfaceRef,
    ) -> Result<(), DeskError> {
        let released = self.released().await?;
        let judging = judging(&released, running);
        let domain = |fabric: &Fabric| fabric.governing(interface).unwrap_or_else(DomainName::group);
        let Some(first) = judging.first() else { return Ok(()) };
        if judging.iter().any(|fabric| may(fabric, person, Act::Operate, &domain(fabric))) {
            return Ok(());
        }
        Err(forbidden(person, &domain(first)))
    }

    /// Refuses to let somebody approve a subscription who answers for neither side. Whether a replay may be is for what runs to say, and
    /// for nobody who does not look.
    ///
    /// # Errors
    /// The same, and [`StoreError::SubscriptionStands`] for a replay.
    pub async fn may_approve(
        &self,
        running: Vec<Fabric>,
        person: &str,
        it: &LiveSubscription,
    ) -> Result<(), DeskError> {
        if it.terms.replay.is_some() {
            let (id, state, step) = (it.id.clone(), it.state, SubscriptionStep::Approve);
            return Err(StoreError::SubscriptionStands { id, state, step }.into());
        }
        self.may_let_in(running, person, (&it.consumer, &it.interface)).await
    }

    /// Everything that stands for or against terms.
    async fn judged(
        &self,
        fabric: &Fabric,
        (consumer, interface): (&ConsumerName, &InterfaceRef),
        terms: &GrantTerms,
    ) -> Vec<Finding> {
        let today = day(Timestamp::now());
        self.hard(|| judge(fabric, (consumer, interface), terms, today)).await
    }
}

/// By what somebody is judged who is at no node: what was released or, where that names nobody, what runs and names people.
fn judging<'f>(released: &'f Fabric, running: &'f [Fabric]) -> Vec<&'f Fabric> {
    match is_peopled(released) {
        true => vec![released],
        false => running.iter().filter(|fabric| is_peopled(fabric)).collect(),
    }
}

/// The first of what stops it, with all that was found.
fn against(findings: &[Finding]) -> Option<DeskError> {
    let first = findings.iter().find(|finding| finding.severity == Severity::Error)?;
    let fix = first.fix.clone().unwrap_or_else(|| format!("`selvage explain {}` says more", first.code));
    Some(DeskError::found(first.code, first.message.clone(), fix, findings.to_vec()))
}

/// Refuses whoever does not decide.
fn must_decide(deciders: &Deciders, by: &str, interface: &InterfaceRef) -> Result<(), DeskError> {
    if deciders.include(by) {
        return Ok(());
    }
    let message = format!("`{by}` does not decide about access to {interface}");
    Err(DeskError::refused(code::ACCESS_DECIDER, message, format!("who does is {deciders}")))
}

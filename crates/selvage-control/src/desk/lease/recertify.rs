//! Campaigns: each grant is answered for by who decides about it, or by the board where nobody did in time. Who asked for it may give it
//! back, and never keeps it.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use selvage_governance::access::{Breadth, Deciders, Narrowing, answering, deciders, tier};
use selvage_governance::approval::Sitting;
use selvage_governance::seat::{Act, may};
use selvage_model::access::GrantTerms;
use selvage_model::code;
use selvage_model::fabric::Fabric;
use selvage_model::name::{DomainName, InterfaceRef};
use selvage_store::{
    Answer, ItemState, LeaseOrigin, LeaseRecord, NewRecertificationItem, Recertification, RecertificationItem,
    StoreError,
};

use super::{Counted, domain_of, must_decide};
use crate::desk::{Desk, DeskError};

/// The least time in which people answer: what nobody answered for ends, and a weekend or an illness is no answer.
const LEAST: SignedDuration = SignedDuration::from_hours(7 * 24);
/// How far back a campaign looks where nobody says: as long as use is kept. What runs at the end of a year is used, whoever asks in summer.
pub const LOOKED_BACK: Duration = Duration::from_secs(458 * 86_400);

/// What a campaign is about.
#[derive(Clone, Debug)]
pub struct Starting {
    /// The grants on interfaces of this domain.
    pub domain: Option<DomainName>,
    /// The grants on this interface; every grant, where neither is said.
    pub interface: Option<InterfaceRef>,
    /// Until when each is to be answered for.
    pub until: Timestamp,
    /// How far back use is counted: no further than each grant is old.
    pub since: Duration,
    /// Who begins it.
    pub by: String,
}

/// A campaign that has begun.
#[derive(Clone, Debug)]
pub struct Begun {
    /// The campaign.
    pub campaign: Recertification,
    /// About how many grants.
    pub grants: usize,
    /// Who answers for how many of them, in words; where nobody is named, that says so.
    pub answer: BTreeMap<String, usize>,
}

/// What is to become of a grant.
#[derive(Clone, Debug, PartialEq)]
pub enum Verdict {
    /// It goes on as it is.
    Keep,
    /// It goes on with less.
    Narrow(Narrowing),
    /// It ends.
    End,
}

/// What somebody says about a grant in a campaign.
#[derive(Clone, Debug)]
pub struct Answering {
    /// The item.
    pub item: String,
    /// What is to become of its grant.
    pub verdict: Verdict,
    /// Who answers.
    pub person: String,
    /// Why.
    pub because: String,
}

/// How much of a grant was used since then, in words: the span that it is judged by is told with it, as each grant has its own.
fn looked_back(breadth: &Breadth, since: Timestamp) -> String {
    format!("{breadth}, since {}", since.to_zoned(TimeZone::UTC).date())
}

impl Desk {
    /// Who answers for a grant: the board, once the time is over; and no deputy of who asked for it.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn who_answers(
        &self,
        fabric: &Fabric,
        item: &RecertificationItem,
        sitting: &Sitting,
    ) -> Result<Deciders, DeskError> {
        let asked = self.store.asked_for(&item.grant.id).await?;
        let about = (&item.grant.interface, &*item.grant.terms);
        Ok(answering(fabric, about, &asked, item.state == ItemState::Escalated, sitting))
    }

    /// Begins a campaign, with what is known of the use of each grant.
    ///
    /// # Errors
    /// [`DeskError::Refused`] for who may not begin one, and for one that leaves people no time, or is about nothing; those of the store.
    pub async fn recertify(&self, fabric: &Fabric, starting: &Starting) -> Result<Begun, DeskError> {
        let refuse = |message: String, fix: &str| Err(DeskError::refused(code::RECERTIFICATION_VAIN, message, fix));
        starting.must_be_theirs(fabric)?;
        if starting.until <= Timestamp::now() {
            return refuse("the campaign would be over before it begins".to_owned(), "name a later `until`");
        }
        if starting.until.duration_since(Timestamp::now()) < LEAST {
            let message =
                "the campaign leaves people less than a week, and what nobody answered for ends then".to_owned();
            return refuse(
                message,
                "name a later `until`; `selvage grant end` and `selvage block` end at once what has to",
            );
        }
        let counted = Counted::read(&self.store, starting.since).await?;
        let leases = self.store.leases().await?;
        let concerned: Vec<&LeaseRecord> = leases.iter().filter(|lease| starting.concerns(fabric, lease)).collect();
        let mut answer: BTreeMap<String, usize> = BTreeMap::new();
        for LeaseRecord { grant, .. } in &concerned {
            *answer.entry(deciders(fabric, &grant.interface, &grant.terms).to_string()).or_default() += 1;
        }
        let items: Vec<NewRecertificationItem> = concerned
            .iter()
            .map(|LeaseRecord { grant, granted, .. }| NewRecertificationItem {
                lease: grant.id.clone(),
                tier: tier(fabric, &grant.interface).as_str().to_owned(),
                breadth: looked_back(&counted.breadth(fabric, grant), counted.since.max(*granted)),
                last_used: counted.last_use(grant),
            })
            .collect();
        let scope = starting.scope();
        if items.is_empty() {
            return refuse(
                format!("there is no grant to answer for: {scope}"),
                "`selvage grant list` lists those that are alive",
            );
        }
        let campaign = self.store.start_recertification((&scope, starting.until), &items, &starting.by).await?;
        Ok(Begun { campaign, grants: items.len(), answer })
    }

    /// Answers for a grant: who decides about it, or who asked for it and takes less.
    ///
    /// # Errors
    /// [`DeskError::Refused`] for who does not; those of the store, as where who asked would keep it.
    pub async fn answer(&self, fabric: &Fabric, answering: Answering) -> Result<RecertificationItem, DeskError> {
        let Answering { item: id, verdict, person, because } = answering;
        let items = self.store.recertification_items().await?;
        let unknown = || StoreError::NotFound { what: "recertification item", id: id.clone() };
        let item = items.into_iter().find(|item| item.id == id).ok_or_else(unknown)?;
        let gives_back = verdict != Verdict::Keep && self.store.asked_for(&item.grant.id).await?.contains(&person);
        if !gives_back {
            let deciders = self.who_answers(fabric, &item, &self.sitting().await?).await?;
            must_decide(&deciders, &person, &item.grant.interface)?;
        }
        let narrowing = match &verdict {
            Verdict::Narrow(narrowing) => narrowing.clone(),
            _ => Narrowing::default(),
        };
        let narrow = |terms: &GrantTerms| narrowing.of(terms);
        let answer = match verdict {
            Verdict::Keep => Answer::Keep,
            Verdict::Narrow(_) => Answer::Narrow(narrow),
            Verdict::End => Answer::End,
        };
        Ok(self.store.recertify(&id, answer, &person, &because).await?)
    }
}

impl Starting {
    /// Refuses who would call on others without answering for them: about an interface that is who owns it or sits on its domain's board,
    /// about a domain its board, about everything the group's.
    fn must_be_theirs(&self, fabric: &Fabric) -> Result<(), DeskError> {
        let group = DomainName::group();
        let domain = match (&self.domain, &self.interface) {
            (Some(domain), _) => domain.clone(),
            (None, Some(interface)) => domain_of(fabric, interface),
            (None, None) => group,
        };
        let owns = |interface: &InterfaceRef| owners(fabric, interface).any(|owner| *owner == self.by);
        if may(fabric, &self.by, Act::Oversee, &domain) || self.interface.as_ref().is_some_and(owns) {
            return Ok(());
        }
        let message = format!("`{}` does not begin campaigns: {}", self.by, self.scope());
        let fix = format!("let the board of domain {domain} do that; who owns an interface begins one about it");
        Err(DeskError::refused(code::RECERTIFICATION_OTHERS, message, fix))
    }

    fn concerns(&self, fabric: &Fabric, LeaseRecord { grant, origin, .. }: &LeaseRecord) -> bool {
        let of_domain = |domain: &DomainName| fabric.governing(&grant.interface).as_ref() == Some(domain);
        // What was opened for hours is reviewed by itself.
        grant.ended.is_none()
            && *origin != LeaseOrigin::BreakGlass
            && self.domain.as_ref().is_none_or(of_domain)
            && self.interface.as_ref().is_none_or(|interface| interface == &grant.interface)
    }

    fn scope(&self) -> String {
        match (&self.domain, &self.interface) {
            (Some(domain), _) => format!("domain {domain}"),
            (None, Some(interface)) => format!("interface {interface}"),
            (None, None) => "all".to_owned(),
        }
    }
}

/// The people who own an interface.
fn owners<'a>(fabric: &'a Fabric, interface: &InterfaceRef) -> impl Iterator<Item = &'a String> {
    let owner = fabric.interfaces.get(interface).and_then(|interface| interface.owner.as_ref());
    let roles = owner.and_then(|owner| fabric.teams.get(&owner.value)).into_iter().flat_map(|team| &team.roles);
    roles.filter(|(role, _)| role.value == "owner").flat_map(|(_, people)| people)
}

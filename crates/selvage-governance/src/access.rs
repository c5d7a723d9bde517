//! Access as leases, judged: what stands against a request, who may decide about it, which terms are narrower than others, and how
//! much of a grant is used. Pure: fabric, time and use are given. It never decides.

mod added;
mod breadth;
mod known;
mod narrow;
mod part;
mod review;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::fmt;

use jiff::ToSpan as _;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use selvage_model::access::{EndAction, GrantTerms};
use selvage_model::change::Delegation;
use selvage_model::code;
use selvage_model::fabric::Fabric;
use selvage_model::finding::{Finding, Severity};
use selvage_model::manifest::consumer::Grant;
use selvage_model::manifest::interface::{Criticality, DataClass, Interface, Lifecycle};
use selvage_model::manifest::organisation::Domain;
use selvage_model::name::{ConsumerName, DomainName, InterfaceRef, TeamName};
use selvage_model::source::{Place, Spanned};

pub use added::added;
pub use breadth::{Breadth, Use};
pub use known::{Unknown, unknown};
pub use narrow::{Narrowing, narrows};
pub use part::Part;
pub use review::{Concern, Known, Remark, review};

use crate::approval::Sitting;
use crate::lint;
use crate::rule::lifecycle::successor;
use part::REQUEST;

/// Nobody signs for longer.
const MOST_YEARS: i32 = 2;
/// The seat of a board that decides about access.
const SECURITY: &str = "security";
/// The role in a team that decides about what the team owns.
const OWNER: &str = "owner";

/// Everything that stands for or against a lease that is asked for, the gravest first. Errors stop it.
pub fn judge(
    fabric: &Fabric,
    (consumer, interface): (&ConsumerName, &InterfaceRef),
    terms: &GrantTerms,
    today: Date,
) -> Vec<Finding> {
    let place = Place::start(REQUEST);
    let mut with = fabric.clone();
    with.grants.push(as_declared(consumer, interface, terms, &place));
    // How long it may be is said below, and more strictly.
    let said_below = [code::GRANT_LONG, code::GRANT_OVER];
    let about = |finding: &Finding| finding.place.file == place.file && !said_below.contains(&finding.code);
    let mut findings: Vec<Finding> = lint(&with, today).into_iter().filter(about).collect();
    if let Some(declared) = fabric.interfaces.get(interface) {
        findings.extend(ending(interface, declared, &Part::Interface.place()));
        findings.extend(classed(interface, declared, terms, &Part::Classes.place()));
    }
    findings.extend(far(terms, today, &Part::Until.place()));
    findings.sort_by(|a, b| b.severity.cmp(&a.severity).then_with(|| a.code.cmp(&b.code)));
    findings
}

/// What its end does where nobody says: time alone never stops tier-1. INVARIANT: FAIL-SAFE
pub fn end_of(fabric: &Fabric, interface: &InterfaceRef) -> EndAction {
    if tier(fabric, interface) == Criticality::Tier1 { EndAction::Alarm } else { EndAction::End }
}

/// How critical an interface is; what nobody calls critical is not.
pub fn tier(fabric: &Fabric, interface: &InterfaceRef) -> Criticality {
    let declared = fabric.interfaces.get(interface).and_then(|interface| interface.classification.as_ref());
    declared.map_or(Criticality::Tier3, |classification| classification.criticality)
}

/// The grant as a manifest would ask for it.
fn as_declared(consumer: &ConsumerName, interface: &InterfaceRef, terms: &GrantTerms, place: &Place) -> Grant {
    fn at<T>(part: Part) -> impl Fn(T) -> Spanned<T> {
        move |value| Spanned::new(value, part.place())
    }
    Grant {
        place: place.clone(),
        consumer: at(Part::Consumer)(consumer.clone()),
        interface: at(Part::Interface)(interface.clone()),
        operations: terms.operations.iter().cloned().map(at(Part::Operations)).collect(),
        rows: terms.rows.iter().map(|(name, values)| (at(Part::Rows)(name.clone()), values.clone())).collect(),
        except: terms.except.iter().cloned().map(at(Part::Except)).collect(),
        classes: terms.classes.iter().cloned().map(at(Part::Classes)).collect(),
        purpose: terms.purpose.clone(),
        until: terms.until.map(at(Part::Until)),
        on_end: terms.on_end,
        rate: terms.rate,
        when: terms.when.clone().map(|when| Spanned::new(when, place.clone())),
        time_zone: terms.time_zone.clone(),
        quota: terms.quota,
    }
}

/// INVARIANT: LIVE-LIFECYCLE: what ends takes no new grants.
fn ending(interface: &InterfaceRef, declared: &Interface, place: &Place) -> Option<Finding> {
    let state = match &declared.lifecycle {
        Lifecycle::Active | Lifecycle::Draft => return None,
        ending => ending.as_str(),
    };
    let message = format!("`{interface}` is {state} and takes no new grants");
    let finding = Finding::error(code::ACCESS_ENDING, place, message);
    Some(match successor(&declared.lifecycle) {
        Some(next) => finding.fix(format!("ask for `{next}`")),
        None => finding.fix("ask its owner what takes its place"),
    })
}

/// What of it is not for everybody: whoever decides has to know.
fn classed(interface: &InterfaceRef, declared: &Interface, terms: &GrantTerms, place: &Place) -> Option<Finding> {
    let data = declared.classification.as_ref().and_then(|classification| classification.data);
    let data = data.filter(|data| *data >= DataClass::Confidential);
    let mut opened: Vec<String> = data.into_iter().map(|data| format!("{} data", data.as_str())).collect();
    opened.extend(terms.classes.iter().map(|class| format!("what is `{class}`")));
    let message = format!("`{interface}` shows {}", opened.join(" and "));
    let finding = Finding { severity: Severity::Advice, ..Finding::error(code::ACCESS_CLASSED, place, message) };
    (!opened.is_empty()).then(|| finding.fix("leave out what the purpose does not need, by `--except` and `--where`"))
}

fn far(terms: &GrantTerms, today: Date, place: &Place) -> Option<Finding> {
    let last = terms.until?.to_zoned(TimeZone::UTC).date();
    let most = today.checked_add(MOST_YEARS.years()).unwrap_or(Date::MAX);
    let message = match last {
        last if last < today => format!("it would have ended on {last}"),
        last if last > most => format!("it would last until {last}, and nobody signs for more than {MOST_YEARS} years"),
        _ => return None,
    };
    let finding = Finding::error(code::ACCESS_FAR, place, message);
    Some(finding.fix(format!("let it end by {most}, and ask again then")))
}

/// Who may decide about access to an interface.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deciders {
    /// Their names.
    pub people: BTreeSet<String>,
    /// As what they may: `the owners of team warehouse-it or the security seat of domain group`.
    pub role: String,
}

impl Deciders {
    /// Whether this person is one of them.
    pub fn include(&self, person: &str) -> bool {
        self.people.contains(person)
    }
}

impl fmt::Display for Deciders {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let people: Vec<&str> = self.people.iter().map(String::as_str).collect();
        match people.as_slice() {
            [] => write!(f, "{}: nobody is named", self.role),
            people => write!(f, "{}: {}", self.role, people.join(", ")),
        }
    }
}

/// Whether access to this on these terms is the security seat's to decide: to restricted data, or to classes of data that are masked
/// otherwise.
pub(crate) fn needs_seat(fabric: &Fabric, interface: &InterfaceRef, terms: &GrantTerms) -> bool {
    let declared = fabric.interfaces.get(interface);
    let data = declared.and_then(|interface| interface.classification.as_ref()).and_then(|class| class.data);
    data == Some(DataClass::Restricted) || !terms.classes.is_empty()
}

/// The domain whose board has a security seat that decides about access to an interface, and the seat's word; none where nobody sits there.
pub(crate) fn security_seat(fabric: &Fabric, interface: &InterfaceRef) -> Option<(DomainName, &'static str)> {
    let domain = domain_of(fabric, interface).filter(|domain| !seat(domain, SECURITY).is_empty())?;
    Some((domain.name.clone(), SECURITY))
}

/// Who decides about access: the interface's owners or its domain's security seat. About restricted data, or classes of data that are
/// masked otherwise, the seat alone, where there is one.
pub fn deciders(fabric: &Fabric, interface: &InterfaceRef, terms: &GrantTerms) -> Deciders {
    let declared = fabric.interfaces.get(interface);
    let owner = declared.and_then(|interface| interface.owner.as_ref()).map(|owner| &owner.value);
    let domain = domain_of(fabric, interface);
    let seats = domain.map(|domain| seat(domain, SECURITY)).unwrap_or_default();
    let mut people = seats.clone();
    let mut roles: Vec<String> = Vec::new();
    if !needs_seat(fabric, interface, terms) || seats.is_empty() {
        people.extend(owners(fabric, owner));
        roles.extend(owner.map(|team| format!("the owners of team {team}")));
    }
    roles.extend(
        domain.filter(|_| !seats.is_empty()).map(|domain| format!("the security seat of domain {}", domain.name)),
    );
    let role = if roles.is_empty() { "the owner of the interface".to_owned() } else { roles.join(" or ") };
    Deciders { people, role }
}

/// Who decides about what somebody asked for or opened: whoever usually does, or the board where that is nobody but them, of the domain
/// or of the group. INVARIANT: APPROVED: nobody decides about their own.
pub fn deciders_beside(
    fabric: &Fabric,
    (interface, terms): (&InterfaceRef, &GrantTerms),
    by: &str,
    sitting: &Sitting,
) -> Deciders {
    let asked = [by.to_owned()];
    let usual = with_deputies(fabric, (interface, terms), &asked, sitting);
    if usual.people.iter().any(|person| person != by) {
        return usual;
    }
    let boards = [domain_of(fabric, interface), fabric.domains.get(&DomainName::group())];
    let of_board = |domain: &Domain| {
        let sit = domain.board.iter().flat_map(|(_, people)| people.iter().cloned());
        let people = sit.chain(deputies(domain, None, &asked, sitting));
        let people: BTreeSet<String> = people.filter(|person| person != by).collect();
        let role = format!("the board of domain {}, in place of {}", domain.name, usual.role);
        (!people.is_empty()).then_some(Deciders { people, role })
    };
    boards.into_iter().flatten().find_map(of_board).unwrap_or(usual)
}

/// Who answers for a grant: whoever decides about such access or, where nobody did in time, anybody of the domain's board; and to whom
/// their seats are lent by others than who `asked` for it. INVARIANT: APPROVED: nobody has a deputy keep their own.
pub fn answering(
    fabric: &Fabric,
    (interface, terms): (&InterfaceRef, &GrantTerms),
    asked: &[String],
    is_overdue: bool,
    sitting: &Sitting,
) -> Deciders {
    if !is_overdue {
        return with_deputies(fabric, (interface, terms), asked, sitting);
    }
    let mut board = board(fabric, interface, terms);
    let lent = domain_of(fabric, interface).into_iter().flat_map(|domain| deputies(domain, None, asked, sitting));
    board.people.extend(lent);
    board
}

/// Whoever usually decides, and to whom the security seat is lent where it does.
fn with_deputies(
    fabric: &Fabric,
    (interface, terms): (&InterfaceRef, &GrantTerms),
    asked: &[String],
    sitting: &Sitting,
) -> Deciders {
    let mut usual = deciders(fabric, interface, terms);
    let domain = domain_of(fabric, interface).into_iter();
    usual.people.extend(domain.flat_map(|domain| deputies(domain, Some(SECURITY), asked, sitting)));
    usual
}

/// Who fills a seat of a board, or any, for who sits there: lent by somebody whose own it is not that is decided about, and proven where
/// operators have keys.
fn deputies<'a>(
    domain: &'a Domain,
    discipline: Option<&'a str>,
    asked: &'a [String],
    sitting: &'a Sitting,
) -> impl Iterator<Item = String> + 'a {
    let seats = domain.board.iter().filter(move |(name, _)| discipline.is_none_or(|it| name.value == it));
    seats.flat_map(move |(name, people)| {
        let is_lent = move |it: &&Delegation| {
            (&it.domain, &it.discipline) == (&domain.name, &name.value)
                && people.contains(&it.from)
                && !asked.contains(&it.from)
                && it.until > sitting.now
                && !(it.unproven && sitting.proven_only)
        };
        sitting.delegations.iter().filter(is_lent).map(|it| it.to.clone())
    })
}

/// Who decides what was left undecided: anybody of the domain's board, where there is one.
pub fn board(fabric: &Fabric, interface: &InterfaceRef, terms: &GrantTerms) -> Deciders {
    let Some(domain) = domain_of(fabric, interface).filter(|domain| !domain.board.is_empty()) else {
        return deciders(fabric, interface, terms);
    };
    let people = domain.board.iter().flat_map(|(_, people)| people.iter().cloned()).collect();
    Deciders { people, role: format!("the board of domain {}", domain.name) }
}

/// The domain whose board answers for an interface: that which governs it, the group where it has no board of its own, or the only
/// one that there is.
fn domain_of<'a>(fabric: &'a Fabric, interface: &InterfaceRef) -> Option<&'a Domain> {
    let seated = |name: &DomainName| {
        fabric.domains.get(name).filter(|domain| domain.board.iter().any(|(_, people)| !people.is_empty()))
    };
    let governing = fabric.governing(interface).and_then(|name| seated(&name));
    let only = || fabric.domains.values().next().filter(|_| fabric.domains.len() == 1);
    governing.or_else(|| seated(&DomainName::group())).or_else(only)
}

fn seat(domain: &Domain, discipline: &str) -> BTreeSet<String> {
    let seats = domain.board.iter().filter(|(name, _)| name.value == discipline);
    seats.flat_map(|(_, people)| people.iter().cloned()).collect()
}

/// The people who answer for what a team owns.
fn owners(fabric: &Fabric, team: Option<&TeamName>) -> BTreeSet<String> {
    let roles = team.and_then(|team| fabric.teams.get(team)).into_iter().flat_map(|team| &team.roles);
    roles.filter(|(role, _)| role.value == OWNER).flat_map(|(_, people)| people.iter().cloned()).collect()
}

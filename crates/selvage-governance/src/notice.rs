//! Whom the end of an interface concerns, and what they are to be told when and by which way. Pure: use, grants and the day are given. It
//! tells nobody.

use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan as _};
use selvage_model::access::{Block, Blocked, LiveGrant};
use selvage_model::fabric::Fabric;
use selvage_model::mail::MailAddress;
use selvage_model::manifest::consumer::Deliver;
use selvage_model::manifest::interface::{Deprecation, Lifecycle};
use selvage_model::name::{ConsumerName, InterfaceRef};
use selvage_model::notice::NoticeWay;

/// So many days before a sunset, consumers are told again.
const BEFORE_SUNSET: [i32; 3] = [90, 30, 7];
/// So many days before a brownout.
const BEFORE_BROWNOUT: i32 = 7;

/// What somebody is to be told once.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Notice {
    /// What ends.
    pub interface: InterfaceRef,
    /// Whom it concerns.
    pub consumer: ConsumerName,
    /// Which of the things that there are to tell: `deprecated`, `sunset-2027-07-01-30`, `brownout-2027-01-10T09:00:00Z`. Each is told
    /// once, so a day that is moved is told anew.
    pub stage: String,
    /// By which way. Each is told by itself.
    pub way: NoticeWay,
    /// Where to: an address of mail, or the system and path of a webhook; why there is no way, where there is none.
    pub recipient: String,
    /// What is told, in words.
    pub says: String,
}

/// What is known of an interface's users.
#[derive(Clone, Copy, Debug)]
pub struct Users<'a> {
    /// When each consumer used each interface last, of late.
    pub used: &'a BTreeMap<(InterfaceRef, ConsumerName), Timestamp>,
    /// Grants that are alive.
    pub grants: &'a [LiveGrant],
    /// What is cut off by hand.
    pub blocks: &'a [Block],
}

/// What is to be told by now, whether it was told or not. It concerns whoever used the interface of late, or may use it. Of the days
/// before a sunset only the nearest that has come is told: who hears late does not hear thrice.
pub fn notices(fabric: &Fabric, users: Users<'_>, now: Timestamp) -> Vec<Notice> {
    let mut notices = Vec::new();
    for (interface, declared) in &fabric.interfaces {
        let told = match &declared.lifecycle {
            Lifecycle::Deprecated(deprecation) => told(interface, deprecation, now),
            ended => past(interface, ended).into_iter().collect(),
        };
        let told: Vec<_> = told.into_iter().chain(cut_off(interface, users.blocks)).collect();
        if told.is_empty() {
            continue;
        }
        for consumer in concerned(interface, users) {
            let last = users.used.get(&(interface.clone(), consumer.clone()));
            let used = last.map(|at| format!("; {consumer} used it last at {at:.0}")).unwrap_or_default();
            for (way, recipient) in ways(fabric, consumer) {
                notices.extend(told.iter().map(|(stage, says)| Notice {
                    interface: interface.clone(),
                    consumer: consumer.clone(),
                    stage: stage.clone(),
                    way,
                    recipient: recipient.clone(),
                    says: format!("{says}{used}"),
                }));
            }
        }
    }
    notices
}

/// Who answers for a consumer, and where they are told.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Owner<'a> {
    /// `team` or `domain`.
    pub what: &'static str,
    /// Its name.
    pub name: &'a str,
    /// Its webhook.
    pub notices: Option<&'a Deliver>,
    /// Its mailbox.
    pub mail: Option<&'a MailAddress>,
}

/// The team or the domain that answers for a consumer; the team, where both are called so.
///
/// # Errors
/// In words, where there is none.
pub fn owner_of<'a>(fabric: &'a Fabric, consumer: &ConsumerName) -> Result<Owner<'a>, String> {
    let declared = fabric.consumers.get(consumer).ok_or_else(|| format!("no manifest declares `{consumer}`"))?;
    let owner = &declared.owner.value;
    if let Some((name, it)) = fabric.teams.iter().find(|(name, _)| name.as_str() == owner) {
        let mail = it.mail.as_ref().map(|address| &address.value);
        return Ok(Owner { what: "team", name: name.as_str(), notices: it.notices.as_ref(), mail });
    }
    if let Some((name, it)) = fabric.domains.iter().find(|(name, _)| name.as_str() == owner) {
        let mail = it.mail.as_ref().map(|address| &address.value);
        return Ok(Owner { what: "domain", name: name.as_str(), notices: it.notices.as_ref(), mail });
    }
    Err(format!("`{owner}`, which owns `{consumer}`, is no team and no domain"))
}

/// By which ways whoever answers for a consumer is told, and where.
fn ways(fabric: &Fabric, consumer: &ConsumerName) -> Vec<(NoticeWay, String)> {
    let owner = match owner_of(fabric, consumer) {
        Ok(found) => found,
        Err(because) => return vec![(NoticeWay::Nowhere, because)],
    };
    let webhook = owner.notices.map(|it| (NoticeWay::Webhook, format!("{} {}", it.system, it.path)));
    let mail = owner.mail.map(|address| (NoticeWay::Mail, address.as_str().to_owned()));
    let ways: Vec<_> = webhook.into_iter().chain(mail).collect();
    if ways.is_empty() {
        let because = format!("{} `{}` does not say where it is told: `notices` or `mail`", owner.what, owner.name);
        return vec![(NoticeWay::Nowhere, because)];
    }
    ways
}

fn concerned<'a>(interface: &InterfaceRef, users: Users<'a>) -> BTreeSet<&'a ConsumerName> {
    let used = users.used.keys().filter(|(used, _)| used == interface).map(|(_, consumer)| consumer);
    let granted = users.grants.iter().filter(|grant| grant.ended.is_none() && &grant.interface == interface);
    used.chain(granted.map(|grant| &grant.consumer)).collect()
}

/// Stages that have come, with what is told at each.
fn told(interface: &InterfaceRef, deprecation: &Deprecation, now: Timestamp) -> Vec<(String, String)> {
    let today = now.to_zoned(TimeZone::UTC).date();
    if today < deprecation.since {
        return Vec::new();
    }
    let next = deprecation.successor.as_ref().map(|next| format!("; use {next}")).unwrap_or_default();
    let gone = deprecation.sunset.map(|sunset| format!(" and gone from {sunset} on")).unwrap_or_default();
    let mut told = vec![("deprecated".to_owned(), format!("{interface} is deprecated{gone}{next}"))];
    if let Some(sunset) = deprecation.sunset {
        let come =
            BEFORE_SUNSET.into_iter().filter(|days| sunset.checked_sub(days.days()).is_ok_and(|day| day <= today));
        // What was deprecated within the span has just been told.
        let nearest = come.min().filter(|days| apart(deprecation.since, sunset) > *days);
        told.extend(nearest.map(|days| {
            (
                format!("sunset-{sunset}-{days}"),
                format!("{interface} is gone from {sunset} on, in less than {days} days{next}"),
            )
        }));
    }
    for window in &deprecation.brownouts {
        let day = window.from.to_zoned(TimeZone::UTC).date();
        let comes = day.checked_sub(BEFORE_BROWNOUT.days()).is_ok_and(|first| first <= today);
        if comes && now < window.to {
            let says = format!(
                "{interface} refuses everything from {:.0} to {:.0}, to find who still uses it{next}",
                window.from, window.to
            );
            told.push((format!("brownout-{:.0}", window.from), says));
        }
    }
    told
}

/// What is over, or cut off, by its manifest. Who was told of its deprecation hears it as well: now it is so.
fn past(interface: &InterfaceRef, lifecycle: &Lifecycle) -> Option<(String, String)> {
    let says = match lifecycle {
        Lifecycle::Retired { successor } => {
            let next = successor.as_ref().map(|next| format!("; use {next}")).unwrap_or_default();
            format!("{interface} is retired: it answers nothing any more{next}")
        }
        Lifecycle::Blocked { because } => {
            let because = because.as_ref().map(|because| format!("; {because}")).unwrap_or_default();
            format!("{interface} is blocked: it refuses everything{because}")
        }
        Lifecycle::Draft | Lifecycle::Active | Lifecycle::Deprecated(_) => return None,
    };
    Some((lifecycle.as_str().to_owned(), says))
}

/// What somebody cut off by hand, since when.
fn cut_off<'a>(interface: &'a InterfaceRef, blocks: &'a [Block]) -> impl Iterator<Item = (String, String)> + 'a {
    let of_it =
        blocks.iter().filter(move |block| matches!(&block.what, Blocked::Interface(blocked) if blocked == interface));
    of_it.map(move |Block { because, since, .. }| {
        (format!("blocked-{since:.0}"), format!("{interface} is blocked: it refuses everything; {because}"))
    })
}

/// Whether anything of an interface is to be told, now or once its day comes.
pub fn ends(lifecycle: &Lifecycle) -> bool {
    matches!(lifecycle, Lifecycle::Deprecated(_) | Lifecycle::Retired { .. } | Lifecycle::Blocked { .. })
}

fn apart(from: Date, to: Date) -> i32 {
    from.until(to).map_or(0, |span| span.get_days())
}

#[cfg(test)]
mod tests {
    use selvage_model::read::{Sources, read};

    use super::*;

    const STOCK: &str = "kind: Interface
name: stock
version: 1.0
type: event
description: what was there
lifecycle: deprecated
deprecation:
  since: 2027-01-01
  sunset: 2027-07-01
  successor: stock@2
  brownouts: [{from: 2027-05-10T09:00Z, to: 2027-05-10T11:00Z}]
events: {a.b.c: {object: item@1}}
";

    #[test]
    fn each_stage_is_told_once_to_who_uses_it_or_may() {
        let mut sources = Sources::new();
        sources.insert("stock.yaml", STOCK);
        let fabric = read(&sources).fabric;
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        let interface: InterfaceRef = "stock@1".parse().unwrap();
        let used = BTreeMap::from([((interface, "board".parse().unwrap()), at("2026-12-31T00:00:00Z"))]);
        let users = Users { used: &used, grants: &[], blocks: &[] };
        for (now, expected) in [
            ("2026-12-31T23:00:00Z", vec![]),
            ("2027-01-01T00:00:00Z", vec!["deprecated"]),
            ("2027-04-03T00:00:00Z", vec!["deprecated", "sunset-2027-07-01-90"]),
            ("2027-05-03T00:00:00Z", vec!["deprecated", "sunset-2027-07-01-90", "brownout-2027-05-10T09:00:00Z"]),
            ("2027-05-10T11:00:00Z", vec!["deprecated", "sunset-2027-07-01-90"]),
            ("2027-06-25T00:00:00Z", vec!["deprecated", "sunset-2027-07-01-7"]),
        ] {
            let told = notices(&fabric, users, at(now));
            let stages: Vec<&str> = told.iter().map(|notice| notice.stage.as_str()).collect();
            assert_eq!(stages, expected, "{now}");
        }
        assert_eq!(
            notices(&fabric, Users { used: &BTreeMap::new(), grants: &[], blocks: &[] }, at("2027-02-01T00:00:00Z")),
            []
        );
    }

    #[test]
    fn what_ends_without_a_warning_is_told_as_well() {
        let deprecated = STOCK.get(STOCK.find("lifecycle").unwrap()..STOCK.find("events:").unwrap()).unwrap();
        let cut = Block {
            id: "blk_1".to_owned(),
            what: Blocked::Interface("stock@1".parse().unwrap()),
            by: None,
            because: "it leaks".to_owned(),
            since: "2026-12-31T08:00:00Z".parse().unwrap(),
        };
        for (lifecycle, blocks, expected) in [
            ("lifecycle: active", vec![], vec![]),
            ("lifecycle: retired", vec![], vec![("retired", "stock@1 is retired: it answers nothing any more")]),
            (
                "lifecycle: blocked\nbecause: it leaks",
                vec![],
                vec![("blocked", "stock@1 is blocked: it refuses everything; it leaks")],
            ),
            (
                "lifecycle: active",
                vec![cut],
                vec![("blocked-2026-12-31T08:00:00Z", "stock@1 is blocked: it refuses everything; it leaks")],
            ),
        ] {
            let text = STOCK.replace(deprecated, &format!("{lifecycle}\n"));
            let fabric = read(&Sources::of("stock.yaml", &text)).fabric;
            let used =
                BTreeMap::from([(("stock@1".parse().unwrap(), "board".parse().unwrap()), Timestamp::UNIX_EPOCH)]);
            let users = Users { used: &used, grants: &[], blocks: &blocks };
            let told = notices(&fabric, users, "2027-01-01T00:00:00Z".parse().unwrap());
            let told: Vec<(&str, &str)> = told
                .iter()
                .map(|it| {
                    (it.stage.as_str(), it.says.strip_suffix("; board used it last at 1970-01-01T00:00:00Z").unwrap())
                })
                .collect();
            assert_eq!(told, expected, "{lifecycle}");
        }
    }

    #[test]
    fn a_team_is_told_by_each_way_that_it_names() {
        const BOARD: &str = "kind: Consumer\nname: board\nowner: plant-it\nidentity: api_key\n";
        const WEBHOOK: &str = "notices: {system: desk, path: /told}\n";
        const MAIL: &str = "mail: plant-it@example.com\n";
        let team = |more: &str| format!("{BOARD}---\nkind: Team\nname: plant-it\n{more}");
        let domain = |more: &str| format!("{BOARD}---\nkind: Domain\nname: plant-it\n{more}");
        let (webhook, mail) = ("webhook: desk /told", "mail: plant-it@example.com");
        let silent = "nowhere: team `plant-it` does not say where it is told: `notices` or `mail`";
        for (declared, expected) in [
            (String::new(), vec!["nowhere: no manifest declares `board`"]),
            (BOARD.to_owned(), vec!["nowhere: `plant-it`, which owns `board`, is no team and no domain"]),
            (team(""), vec![silent]),
            (team(MAIL), vec![mail]),
            (team(WEBHOOK), vec![webhook]),
            (team(&format!("{MAIL}{WEBHOOK}")), vec![webhook, mail]),
            (domain(""), vec!["nowhere: domain `plant-it` does not say where it is told: `notices` or `mail`"]),
            (domain(&format!("{MAIL}{WEBHOOK}")), vec![webhook, mail]),
        ] {
            let mut sources = Sources::new();
            sources.insert("stock.yaml", STOCK);
            sources.insert("board.yaml", declared.as_str());
            let fabric = read(&sources).fabric;
            let used =
                BTreeMap::from([(("stock@1".parse().unwrap(), "board".parse().unwrap()), Timestamp::UNIX_EPOCH)]);
            let now = "2027-01-01T00:00:00Z".parse().unwrap();
            let told = notices(&fabric, Users { used: &used, grants: &[], blocks: &[] }, now);
            let ways: Vec<String> = told.iter().map(|it| format!("{}: {}", it.way, it.recipient)).collect();
            assert_eq!(ways, expected, "{declared}");
        }
    }
}

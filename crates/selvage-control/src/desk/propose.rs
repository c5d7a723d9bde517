//! Proposing: files of one domain are looked at as they would run, with what the other domains released last, compared with the
//! domain's last release, and given the approvals that they take. What has errors is not proposed.

use std::collections::BTreeSet;

use jiff::civil::Date;
use selvage_governance::approval::{Proposed, requirements};
use selvage_governance::brought;
use selvage_governance::compare::{Difference, Verdict, fabrics, judge_by_day};
use selvage_governance::seat::Act;
use selvage_model::change::{Affected, Change, Report, Requirement};
use selvage_model::code;
use selvage_model::domain::domain_of;
use selvage_model::fabric::Fabric;
use selvage_model::finding::{Finding, Severity, show};
use selvage_model::name::DomainName;
use selvage_store::NewChange;
use serde_json::{Value, json};

use super::ending::refuse_new_access;
use super::order::refuse_new_order;
use super::theirs::Step;
use super::{Desk, DeskError, Files, Looked, day, seal, union};

/// The most differences that are kept with a change; all are counted.
const MOST_SHOWN: usize = 500;

/// What somebody proposes.
#[derive(Clone, Debug)]
pub struct Proposal {
    /// The domain; the only one that the files are of, where it is not said.
    pub domain: Option<DomainName>,
    /// The files. Those of other domains are not proposed, nor looked at.
    pub files: Files,
    /// What it is, in a line.
    pub title: String,
    /// Who proposes it.
    pub author: String,
    /// Whether one person may release it.
    pub emergency: bool,
    /// The change that it is another version of.
    pub amends: Option<String>,
}

/// Files of a domain, looked at beside what the others released.
pub(super) struct Weighed {
    /// Everything as it is.
    pub(super) was: Fabric,
    /// Everything as it would be.
    pub(super) after: Looked,
    /// Of each finding of that, whether it is brought.
    brought: Vec<bool>,
    /// The domain's own files that declare something.
    own: Files,
    /// Their content address.
    release: String,
}

impl Desk {
    /// Proposes a change, or another version of one.
    ///
    /// # Errors
    /// [`DeskError::Refused`] where the files do not pass the check or change nothing; those of the store.
    pub async fn propose(&self, proposal: Proposal) -> Result<Change, DeskError> {
        let before = match &proposal.amends {
            Some(id) => Some(self.store.change(id).await?),
            None => None,
        };
        if let Some(before) = before.as_ref().filter(|before| before.author != proposal.author) {
            // Otherwise who wrote one version could approve the next.
            let message = format!("`{}` proposed {}, and alters it or nobody", before.author, before.id);
            let fix = "propose a change of your own, or ask its author";
            return Err(DeskError::refused(code::NOT_YOURS_TO_DECIDE, message, fix));
        }
        let domain = domain(&proposal, before.as_ref())?;
        let act = if proposal.emergency { Act::Raise } else { Act::Propose };
        self.must_be_theirs(&Step { by: &proposal.author, act, domain: &domain, environment: None }).await?;
        refuse_strange_paths(&proposal.files)?;
        let base = self.store.head(&domain).await?;
        let weighed = self.weigh(&domain, base.as_deref(), proposal.files).await?;
        if base.as_ref() == Some(&weighed.release) {
            let message = format!("the files are those of {}, which {domain} released last", weighed.release);
            return Err(DeskError::refused(code::CHANGE_EMPTY, message, "propose files that differ from it"));
        }
        self.refuse_what_ends(&domain, proposal.emergency, &weighed).await?;
        let (report, requirements) = self.judge(&domain, &proposal.author, proposal.emergency, &weighed).await?;
        let (title, author, emergency) = (proposal.title, proposal.author, proposal.emergency);
        let Weighed { own, release, .. } = weighed;
        let content = json!(own);
        let new = NewChange { domain, title, author, base, release, content, emergency, report, requirements };
        Ok(match before {
            Some(before) => self.store.amend(&before.id, before.version, &new).await?,
            None => self.store.propose(&new).await?,
        })
    }

    /// Looks at files of a domain as they would run now, beside what the other domains released last. They are compared with what was
    /// approved last: what an emergency did without that is part of what is approved next. INVARIANT: APPROVED. What is wrong with the
    /// files is theirs to mend, also where it stood before; what is wrong elsewhere, where they bring it.
    pub(super) async fn weigh(
        &self,
        domain: &DomainName,
        base: Option<&str>,
        files: Files,
    ) -> Result<Weighed, DeskError> {
        let mut was = self.heads(Some(domain)).await?;
        let mut becomes = was.clone();
        let is_head = self.store.head(domain).await?.as_deref() == base;
        let stands = if is_head { self.store.approved_head(domain).await? } else { base.map(str::to_owned) };
        if let Some(stands) = stands {
            union::add(&union::find(&self.store, &stands).await?, &mut was)?;
        }
        let own: Files = files.into_iter().filter(|(path, _)| &domain_of(path) == domain).collect();
        if own.is_empty() {
            let message = format!("no file is of the domain {domain}");
            return Err(DeskError::refused(code::FILES_ASTRAY, message, "name the domain whose files these are"));
        }
        becomes.extend(own);
        let (now, _) = self.store.delegations().await?;
        let look = |files: &Files| self.look.look(files, day(now));
        // Where nothing was released there is nothing that stood before.
        let is_first = was.is_empty();
        let (was, after) = self.hard(|| (look(&was), look(&becomes))).await;
        let brought = brought(if is_first { &[] } else { &was.findings }, &after.findings);
        refuse_errors(domain, &after.findings, &brought)?;
        let own: Files = after.files.iter().filter(|(path, _)| &domain_of(path) == domain).map(clone).collect();
        Ok(Weighed { was: was.fabric, release: seal::address(domain, &own), after, brought, own })
    }

    /// Refuses what ends too early, what begins too late, and what breaks a promise. A waiver that comes with what it waives counts, since
    /// it is approved with it; in an emergency, which is released before, only one that was there before. INVARIANT: APPROVED
    pub(super) async fn refuse_what_ends(
        &self,
        domain: &DomainName,
        emergency: bool,
        weighed: &Weighed,
    ) -> Result<(), DeskError> {
        let (was, after) = (&weighed.was, &weighed.after.fabric);
        let waivers: &[&Fabric] = if emergency { &[was] } else { &[was, after] };
        self.refuse_early_retirement(was, after, waivers).await?;
        refuse_new_access(was, after, waivers, self.today().await?)?;
        self.refuse_broken_promises(domain, was, after).await
    }

    /// What is different, whom that concerns, and whose approval it takes.
    pub(super) async fn judge(
        &self,
        domain: &DomainName,
        author: &str,
        emergency: bool,
        weighed: &Weighed,
    ) -> Result<(Report, Vec<Requirement>), DeskError> {
        let Weighed { was: before, after, brought, .. } = weighed;
        let (now, _) = self.store.delegations().await?;
        let differences = self.hard(|| differences(before, &after.fabric, day(now))).await;
        if emergency {
            refuse_new_order(&differences, before, &after.fabric)?;
        }
        let affected = self.affected(before, &differences).await?;
        let proposed = Proposed {
            domain,
            author,
            before,
            after: &after.fabric,
            differences: &differences,
            affected: &affected,
            emergency,
            today: day(now),
        };
        let requirements = self.hard(|| requirements(&proposed)).await;
        let findings = shown_first(domain, &after.findings, brought);
        Ok((report(&differences, findings, affected), requirements))
    }
}

fn clone((path, text): (&String, &String)) -> (String, String) {
    (path.clone(), text.clone())
}

/// The domain that is meant.
fn domain(proposal: &Proposal, before: Option<&Change>) -> Result<DomainName, DeskError> {
    if let Some(before) = before {
        if proposal.domain.as_ref().is_some_and(|domain| domain != &before.domain) {
            let message = format!("{} is a change of {}", before.id, before.domain);
            return Err(DeskError::refused(
                code::FILES_ASTRAY,
                message,
                "propose another domain's files by themselves",
            ));
        }
        return Ok(before.domain.clone());
    }
    if let Some(domain) = &proposal.domain {
        return Ok(domain.clone());
    }
    let domains: BTreeSet<DomainName> = proposal.files.keys().map(|path| domain_of(path)).collect();
    let mut names = domains.iter();
    match (names.next(), names.next()) {
        (Some(only), None) => Ok(only.clone()),
        _ => {
            let names: Vec<&str> = domains.iter().map(DomainName::as_str).collect();
            let message = format!("the files are of {} domains: {}", names.len(), names.join(", "));
            Err(DeskError::refused(code::FILES_ASTRAY, message, "say which is proposed: `--domain NAME`"))
        }
    }
}

/// A path leads to a file of the fabric's directory, and to nothing that ships with the binary.
fn refuse_strange_paths(files: &Files) -> Result<(), DeskError> {
    const LONGEST: usize = 512;
    let is_strange = |path: &&String| {
        path.len() > LONGEST
            || path.starts_with("pack:")
            || path.contains('\\')
            || path.chars().any(char::is_control)
            || path.split('/').any(|part| part.is_empty() || part == "." || part == "..")
    };
    match files.keys().find(is_strange) {
        None => Ok(()),
        Some(path) => {
            let message = format!("{} is no path in a fabric's directory", show(path));
            Err(DeskError::refused(code::FILES_ASTRAY, message, "name files as `domains/plant-ghent/stock.yaml`"))
        }
    }
}

/// Errors stop what is proposed: all that are of its files, and those of other domains that it brings. What it brings is told first.
fn refuse_errors(domain: &DomainName, findings: &[Finding], brought: &[bool]) -> Result<(), DeskError> {
    let errors = findings.iter().zip(brought).filter(|(finding, is_brought)| {
        finding.severity == Severity::Error && (**is_brought || &domain_of(&finding.place.file) == domain)
    });
    let mut errors: Vec<(&Finding, bool)> = errors.map(|(finding, is_brought)| (finding, *is_brought)).collect();
    errors.sort_by_key(|(_, is_brought)| !is_brought);
    let errors: Vec<Finding> = errors.into_iter().map(|(finding, _)| finding.clone()).collect();
    if errors.is_empty() {
        return Ok(());
    }
    let message = format!("{} errors stand in the way", errors.len());
    Err(DeskError::found(code::CHANGE_UNFIT, message, "mend what the findings name", errors))
}

/// Findings as a change keeps them: what it brings first, then what stood before in its domain, then what stood before elsewhere.
fn shown_first(domain: &DomainName, findings: &[Finding], brought: &[bool]) -> Vec<Value> {
    let told = |(it, is_brought): (&Finding, &bool)| {
        let of = domain_of(&it.place.file);
        let rank = (!is_brought, &of != domain);
        let mut shown = finding(it);
        if let Some(members) = shown.as_object_mut() {
            members.insert("domain".to_owned(), json!(of.as_str()));
            members.insert("brought".to_owned(), json!(is_brought));
        }
        (rank, shown)
    };
    let mut told: Vec<((bool, bool), Value)> = findings.iter().zip(brought).map(told).collect();
    told.sort_by_key(|(rank, _)| *rank);
    told.into_iter().map(|(_, shown)| shown).collect()
}

fn report(differences: &[Difference], findings: Vec<Value>, affected: Vec<Affected>) -> Report {
    let count = |verdict| differences.iter().filter(|difference| difference.verdict == verdict).count() as u64;
    let gravest = differences.iter().map(|difference| difference.verdict).max();
    let mut sorted: Vec<&Difference> = differences.iter().collect();
    sorted.sort_by(|a, b| (b.verdict, &a.interface, &a.at).cmp(&(a.verdict, &b.interface, &b.at)));
    Report {
        risk: gravest.map_or("none", Verdict::as_str).to_owned(),
        breaking: count(Verdict::Breaking),
        unproven: count(Verdict::Unproven),
        safe: count(Verdict::Safe),
        differences: sorted.into_iter().take(MOST_SHOWN).map(difference).collect(),
        findings,
        affected,
        interfaces: differences.iter().filter_map(|difference| difference.interface.clone()).collect(),
    }
}

/// What is different, as judged on this day.
fn differences(before: &Fabric, after: &Fabric, today: Date) -> Vec<Difference> {
    let mut found = fabrics(before, after);
    judge_by_day(&mut found, after, today);
    found
}

fn difference(it: &Difference) -> Value {
    json!({
        "code": it.class.code,
        "verdict": it.verdict.as_str(),
        "interface": it.interface.as_ref().map(ToString::to_string),
        "at": it.at,
        "place": it.place.to_string(),
        "because": it.class.because,
        "before": it.before,
        "after": it.after,
        "operations": it.operations,
        "attributes": it.attributes,
    })
}

/// A finding as the commands and the control API show it.
pub fn finding(it: &Finding) -> Value {
    json!({
        "code": it.code.as_str(),
        "severity": it.severity.to_string(),
        "place": it.place.to_string(),
        "message": it.message,
        "fix": it.fix,
    })
}

#[cfg(test)]
mod tests {
    use selvage_governance::compare::TABLES;
    use selvage_model::source::Place;

    use super::*;

    /// Whoever decides sees what breaks somebody, however much else is different.
    #[test]
    fn the_gravest_are_kept_and_all_are_counted() {
        let classes = || TABLES.iter().copied().flatten().copied();
        let class = |verdict| classes().find(|class| class.verdict == verdict).unwrap();
        let several = |verdict, count: usize| {
            (0..count).map(move |number| Difference::new(class(verdict), format!("{number:04}"), &Place::start("a")))
        };
        let safe = several(Verdict::Safe, MOST_SHOWN + 40);
        let all: Vec<Difference> =
            safe.chain(several(Verdict::Breaking, 3)).chain(several(Verdict::Unproven, 2)).collect();
        let report = report(&all, Vec::new(), Vec::new());
        assert_eq!((report.breaking, report.unproven, report.safe), (3, 2, MOST_SHOWN as u64 + 40));
        assert_eq!((report.differences.len(), report.left_out()), (MOST_SHOWN, 45));
        let verdicts: Vec<&str> = report.differences.iter().filter_map(|it| it["verdict"].as_str()).collect();
        assert_eq!(verdicts[..6], ["breaking", "breaking", "breaking", "unproven", "unproven", "safe"]);
    }
}

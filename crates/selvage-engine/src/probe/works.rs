//! Which mappings and verbs will work with what a server has, and what to ask its administrator for. Pure.

use std::collections::BTreeMap;
use std::sync::Arc;

use selvage_connect::odoo::{Fingerprint, Right, VERBS};
use selvage_mapping::CompiledMapping;
use selvage_model::code;
use selvage_model::delivery::Cause;
use selvage_model::manifest::api::{Api, Operation};
use selvage_model::manifest::interface::Lifecycle;
use selvage_model::manifest::mapping::Mapping;
use selvage_model::name::{InterfaceRef, ObjectName, SiteName};
use selvage_model::verb::{Proof, Verb};

use super::{ProbeTarget, Reason, UseRow, Verdict, Works};
use crate::need::Need;
use crate::need::gap::{self, Gap, gaps};
use crate::parking::of_operation;

/// The account that serves where an interface names none.
const DEFAULT_ACCOUNT: &str = "default";

/// A mapping with what each of its uses needs.
pub(super) struct Plan<'a> {
    mapping: &'a Mapping,
    /// Interfaces that use it through the account, with their operations.
    used: Vec<(InterfaceRef, Vec<Operation>)>,
    fits: Fit,
}

enum Fit {
    /// It compiles for the version; by use.
    Uses(Vec<(&'static str, Operation, Vec<Need>)>),
    /// It is not for the version.
    OtherVersion,
    /// It is, and does not compile.
    Broken(String),
}

impl Plan<'_> {
    /// Everything that it needs.
    pub(super) fn needs(&self) -> impl Iterator<Item = &Need> {
        let uses = match &self.fits {
            Fit::Uses(uses) => uses.as_slice(),
            Fit::OtherVersion | Fit::Broken(_) => &[],
        };
        uses.iter().flat_map(|(_, _, needs)| needs)
    }

    /// What interfaces need of it; all of it where none uses it.
    pub(super) fn needed(&self) -> impl Iterator<Item = &Need> {
        let uses = match &self.fits {
            Fit::Uses(uses) => uses.as_slice(),
            Fit::OtherVersion | Fit::Broken(_) => &[],
        };
        let wanted = |operation: Operation| self.used.is_empty() || self.needs_use(operation);
        uses.iter().filter(move |(_, operation, _)| wanted(*operation)).flat_map(|(_, _, needs)| needs)
    }

    fn needs_use(&self, operation: Operation) -> bool {
        let same = |used: &Operation| match operation {
            Operation::List => matches!(used, Operation::List | Operation::Get),
            _ => *used == operation,
        };
        self.used.iter().any(|(_, operations)| operations.iter().any(same))
    }
}

/// The mappings that this account is to be probed for: those that interfaces use through it; and with the default account,
/// or the only one, those that nothing uses.
pub(super) fn plans<'a>(target: &ProbeTarget<'a>, major: u32) -> Vec<Plan<'a>> {
    let fabric: &'a selvage_model::fabric::Fabric = target.fabric;
    let account = target.account.name.value.as_str();
    let takes_rest = account == DEFAULT_ACCOUNT || target.environment.accounts.len() == 1;
    let mut plans = Vec::new();
    for mapping in fabric.mappings.values().filter(|mapping| mapping.system.value == target.system.name) {
        let all = users(target, mapping);
        let idle = all.is_empty();
        let used: Vec<_> =
            all.into_iter().filter(|(of, _, _)| of == account).map(|(_, who, what)| (who, what)).collect();
        if used.is_empty() && !(idle && takes_rest) {
            continue;
        }
        let archives = used.iter().any(|(_, operations)| operations.contains(&Operation::Archive));
        plans.push(Plan { mapping, used, fits: fit(target, mapping, major, archives) });
    }
    plans
}

/// Who uses this mapping's object through which account.
fn users(target: &ProbeTarget<'_>, mapping: &Mapping) -> Vec<(String, InterfaceRef, Vec<Operation>)> {
    let mut users = Vec::new();
    for interface in target.fabric.interfaces.values() {
        let served =
            matches!(interface.lifecycle, Lifecycle::Active | Lifecycle::Deprecated(_) | Lifecycle::Blocked { .. });
        let Some(Api::Mediated(serves)) = interface.api().filter(|_| served) else { continue };
        if serves.object.value == mapping.object.value && serves.system.value == target.system.name {
            let account = serves.account.as_ref().map_or(DEFAULT_ACCOUNT, |account| account.value.as_str());
            let operations = serves.operations.iter().map(|operation| operation.value).collect();
            users.push((account.to_owned(), interface.reference(), operations));
        }
    }
    users
}

fn fit(target: &ProbeTarget<'_>, mapping: &Mapping, major: u32, archives: bool) -> Fit {
    if !mapping.versions.contains(major) {
        return Fit::OtherVersion;
    }
    let compiled = match CompiledMapping::compile(mapping, target.fabric, major) {
        Ok(compiled) => compiled,
        Err(findings) => {
            return Fit::Broken(findings.first().map_or_else(String::new, |finding| finding.message.clone()));
        }
    };
    let linked = |other: &ObjectName| {
        let newest = target.fabric.newest_object(other)?.reference();
        let mapping = target.fabric.mapping(&newest, &target.system.name, Some(major))?;
        CompiledMapping::compile(mapping, target.fabric, major).ok().map(Arc::new)
    };
    let mut words = vec![("read", Operation::List)];
    if compiled.needs().iter().any(|need| need.written) {
        words.extend([("create", Operation::Create), ("update", Operation::Update)]);
    }
    words.extend(archives.then_some(("archive", Operation::Archive)));
    for verb in VERBS.iter().filter(|verb| verb.record == compiled.record()) {
        let operation = verb.verb.parse().ok().filter(|operation| !words.iter().any(|(_, known)| known == operation));
        words.extend(operation.map(|operation| (verb.verb, operation)));
    }
    let uses = words.into_iter().map(|(word, operation)| (word, operation, of_operation(&compiled, operation, linked)));
    Fit::Uses(uses.collect())
}

/// Every mapping with how it will do, and the gaps of what is needed.
pub(super) struct AllWorks {
    pub(super) rows: Vec<Works>,
    pub(super) lacking: Vec<Gap>,
}

/// Compares.
pub(super) fn works(plans: Vec<Plan<'_>>, target: &ProbeTarget<'_>, seen: &Fingerprint) -> AllWorks {
    let login = target.account.login.as_str();
    let nothing_used = plans.iter().all(|plan| plan.used.is_empty());
    let mut all = AllWorks { rows: Vec::new(), lacking: Vec::new() };
    for plan in plans {
        let mut uses = Vec::new();
        let mut remarks: Vec<Reason> = Vec::new();
        match &plan.fits {
            Fit::OtherVersion => {}
            Fit::Broken(why) => {
                let reason = format!("the mapping does not compile for this version: {why}");
                let fix = "correct it; `selvage check` shows where".to_owned();
                let reasons =
                    vec![Reason { code: code::VERSION_UNMAPPED.as_str(), cause: Cause::Mapping, reason, fix }];
                uses.push(UseRow { word: "read", at_risk: false, needed: !plan.used.is_empty(), reasons });
            }
            Fit::Uses(of) => {
                for (word, operation, needs) in of {
                    let needed = plan.needs_use(*operation);
                    let (mild, grave): (Vec<Gap>, Vec<Gap>) =
                        gaps(needs, seen, login).into_iter().partition(|gap| gap.mild);
                    let new =
                        mild.into_iter().map(reason).filter(|reason| !remarks.contains(reason)).collect::<Vec<_>>();
                    remarks.extend(new);
                    let reasons = grave.iter().cloned().map(reason).collect();
                    let verb = Verb::of(*operation, &plan.mapping.record);
                    let at_risk = verb.is_some_and(|verb| verb.proof() == Proof::AtRisk);
                    uses.push(UseRow { word, at_risk, needed, reasons });
                    if needed || nothing_used {
                        all.lacking.extend(grave);
                    }
                }
            }
        }
        all.rows.push(Works {
            object: plan.mapping.object.value.clone(),
            mapping: plan.mapping.name.clone(),
            record: plan.mapping.record.clone(),
            unverified: plan.mapping.unverified,
            used_by: plan.used.into_iter().map(|(interface, _)| interface).collect(),
            verdict: verdict(&plan.fits, &uses),
            uses,
            remarks,
        });
    }
    all
}

fn reason(gap: Gap) -> Reason {
    Reason { code: gap.code.as_str(), cause: gap.cause(), reason: gap.reason, fix: gap.fix }
}

fn verdict(fits: &Fit, uses: &[UseRow]) -> Verdict {
    if matches!(fits, Fit::OtherVersion) {
        return Verdict::OtherVersion;
    }
    let well = |usage: &&UseRow| usage.reasons.is_empty();
    let reads = uses.first().is_some_and(|first| well(&first));
    let writes = uses.iter().skip(1);
    match (reads, writes.clone().filter(well).count(), writes.count()) {
        (false, _, _) => Verdict::Fails,
        (true, working, all) if working == all => Verdict::Works,
        (true, 0, _) => Verdict::ReadOnly,
        (true, _, _) => Verdict::Partly,
    }
}

/// What to ask the administrator for.
pub(super) fn requests(lacking: &[Gap], unbound: &[(SiteName, String)], login: &str) -> Vec<String> {
    let mut requests = Vec::new();
    let mut rights: BTreeMap<&str, Vec<Right>> = BTreeMap::new();
    for gap in lacking {
        match gap.right {
            Some(right) => {
                let of_model = rights.entry(&gap.model).or_default();
                if !of_model.contains(&right) {
                    of_model.push(right);
                }
            }
            None if gap.code == code::NEED_MODEL => {
                let module =
                    gap::module(&gap.model).map_or_else(|| format!("that has `{}`", gap.model), |it| format!("`{it}`"));
                push(&mut requests, format!("Install the module {module}."));
            }
            None => {}
        }
    }
    for (model, mut rights) in rights {
        rights.sort_unstable();
        let words: Vec<&str> = rights.iter().map(|right| right.as_str()).collect();
        let hint =
            gap::group(model, &rights).map_or_else(String::new, |group| format!(" (the group {group} has that)"));
        push(&mut requests, format!("Let `{login}` {} `{model}`{hint}.", words.join(" and ")));
    }
    for (site, company) in unbound {
        push(
            &mut requests,
            format!("Let `{login}` into the company `{company}` of site `{site}`, or tell its registry number."),
        );
    }
    requests
}

fn push(requests: &mut Vec<String>, request: String) {
    if !requests.contains(&request) {
        requests.push(request);
    }
}

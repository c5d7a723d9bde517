//! Packs: what their manifests name of the fabric that takes them, and mappings of any origin that were never tried.
//! What a pack names is told once for each name, where the fabric takes the pack; nobody can change the pack's own files.

use std::collections::{BTreeMap, BTreeSet};

use selvage_model::code;
use selvage_model::fabric::Fabric;
use selvage_model::finding::{Finding, Severity, show};
use selvage_model::source::{Place, Spanned};

use super::LintRule;
use super::mediated::mediated;
use crate::lint::{Context, Report};

/// How the paths of a pack's files begin, before its name.
const PREFIX: &str = "pack:";
/// More names than these are not listed.
const SHOWN: usize = 4;

pub(crate) const UNMET: LintRule = LintRule {
    code: code::PACK_UNMET,
    name: "pack-fits-the-fabric",
    severity: Severity::Error,
    waivable: true,
    check: unmet,
};

/// Whether this stands in a pack.
pub(crate) fn is_of_pack(place: &Place) -> bool {
    place.file.starts_with(PREFIX)
}

/// What packs name and the fabric does not declare: by pack, kind and name, who names it.
type Unmet<'a> = BTreeMap<(&'a str, &'static str, &'a str), BTreeSet<&'a str>>;

fn unmet(context: &Context<'_>, report: &mut Report) {
    let fabric = context.fabric;
    let packs = fabric.settings.iter().flat_map(|settings| &settings.packs);
    let taken: BTreeMap<&str, &Spanned<_>> = packs.map(|pack| (pack.value.as_str(), pack)).collect();
    for ((pack, kind, name), by) in names(fabric) {
        let Some(taken) = taken.get(pack) else { continue };
        let (by, name) = (listed(&by), show(name));
        let (severity, what, fix) = if kind == TEAM {
            let what = format!("the pack `{pack}` leaves {by} to the team {name}, which is not declared");
            (Severity::Warning, what, format!("declare a `kind: Team` called {name}, with its roles"))
        } else {
            let what = format!("the pack `{pack}` maps {by} to the system {name}, which is not declared");
            (Severity::Error, what, format!("give your system the name {name}, or take the pack out of `packs`"))
        };
        let finding = Finding { severity, ..Finding::error(code::PACK_UNMET, &taken.place, what) };
        report.add(pack, finding.fix(fix));
    }
}

const TEAM: &str = "team";
const SYSTEM: &str = "system";

fn listed(names: &BTreeSet<&str>) -> String {
    let shown: Vec<String> = names.iter().take(SHOWN).map(|name| show(name)).collect();
    let more = names.len().saturating_sub(SHOWN);
    if more > 0 { format!("{} and {more} more", shown.join(", ")) } else { shown.join(", ") }
}

fn names(fabric: &Fabric) -> Unmet<'_> {
    let mut unmet = Unmet::new();
    for object in fabric.objects.values() {
        let Some(pack) = pack_of(&object.place) else { continue };
        for team in [Some(&object.owner), object.stewards.as_ref()].into_iter().flatten() {
            if !fabric.teams.contains_key(&team.value) {
                unmet.entry((pack, TEAM, team.value.as_str())).or_default().insert(object.name.as_str());
            }
        }
    }
    for mapping in fabric.mappings.values() {
        let Some(pack) = pack_of(&mapping.place) else { continue };
        if !fabric.systems.contains_key(&mapping.system.value) {
            let name = mapping.system.value.as_str();
            unmet.entry((pack, SYSTEM, name)).or_default().insert(mapping.object.value.name.as_str());
        }
    }
    unmet
}

fn pack_of(place: &Place) -> Option<&str> {
    place.file.strip_prefix(PREFIX)?.split('/').next()
}

pub(crate) const UNVERIFIED: LintRule = LintRule {
    code: code::MAPPING_UNVERIFIED,
    name: "served-mappings-are-tried",
    severity: Severity::Warning,
    waivable: true,
    check: unverified,
};

fn unverified(context: &Context<'_>, report: &mut Report) {
    for (reference, serves) in mediated(context) {
        let (object, system) = (&serves.object.value, &serves.system.value);
        let leads = context.mappings_of(object, system).iter();
        for mapping in leads.filter(|mapping| mapping.unverified) {
            let message = format!(
                "`{reference}` serves `{object}` by the mapping `{}`, which was never tried against a real system",
                mapping.name
            );
            let finding = Finding::warning(code::MAPPING_UNVERIFIED, &serves.object.place, message);
            let fix = "try it against yours, add what you read there as `examples`, and take `unverified` out";
            report.add(reference, finding.fix(fix));
        }
    }
}

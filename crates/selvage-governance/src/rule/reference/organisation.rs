//! Names in the fabric itself, in sites and in systems.

use std::collections::BTreeSet;

use selvage_model::manifest::system::Zone;

use super::Search;
use crate::rule::RULES;

pub(super) fn search(search: &mut Search<'_, '_>) {
    settings(search);
    sites(search);
    systems(search);
    issuers(search);
}

/// The environments of the fabric; none where it is not declared.
fn environments<'a>(search: &Search<'a, '_>) -> BTreeSet<&'a str> {
    let environments = search.fabric.settings.iter().flat_map(|settings| &settings.environments);
    environments.map(|environment| environment.name.value.as_str()).collect()
}

fn settings(search: &mut Search<'_, '_>) {
    let Some(settings) = &search.fabric.settings else { return };
    let known = environments(search);
    for after in settings.environments.iter().flat_map(|environment| &environment.after) {
        search.word(&settings.name, "environment", after, &known);
    }
    let mut rules: BTreeSet<&str> = RULES.iter().map(|rule| rule.name).collect();
    rules.extend(search.fabric.rules.keys().map(|name| name.as_str()));
    for guardrail in &settings.guardrails {
        search.word(&settings.name, "rule", guardrail, &rules);
    }
}

fn sites(search: &mut Search<'_, '_>) {
    let fabric = search.fabric;
    for site in fabric.sites.values() {
        for (_, system) in &site.roles {
            search.key(&site.name, "system", system, &fabric.systems);
        }
        for (system, _) in site.companies.iter().chain(&site.quality_locations) {
            search.key(&site.name, "system", system, &fabric.systems);
        }
        let roles: BTreeSet<&str> = site.roles.iter().map(|(role, _)| role.value.as_str()).collect();
        for what in site.maintenance.iter().flat_map(|window| &window.what) {
            search.word(&site.name, "role at this site", what, &roles);
        }
    }
}

fn issuers(search: &mut Search<'_, '_>) {
    let fabric = search.fabric;
    let known = environments(search);
    for issuer in fabric.issuers.values() {
        search.key(&issuer.name, "team", &issuer.owner, &fabric.teams);
        if fabric.settings.is_none() {
            continue;
        }
        for environment in &issuer.environments {
            search.word(&issuer.name, "environment", &environment.name, &known);
        }
    }
}

fn systems(search: &mut Search<'_, '_>) {
    let fabric = search.fabric;
    let known = environments(search);
    for system in fabric.systems.values() {
        search.key(&system.name, "team", &system.owner, &fabric.teams);
        if let Zone::Site(site) = &system.zone {
            search.key(&system.name, "site", site, &fabric.sites);
        }
        if fabric.settings.is_none() {
            continue;
        }
        for environment in &system.environments {
            search.word(&system.name, "environment", &environment.name, &known);
        }
    }
}

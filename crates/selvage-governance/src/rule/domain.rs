//! Domains: a board can decide, and a domain's directory holds what is the domain's.

use std::collections::BTreeSet;

use selvage_model::code;
use selvage_model::domain::{domain_of, named};
use selvage_model::finding::{Finding, Severity, show};
use selvage_model::name::DomainName;
use selvage_model::source::Place;

use super::LintRule;
use crate::approval::without;
use crate::lint::{Context, Report};
use crate::nearest::listed;

pub(crate) const QUORUM: LintRule = LintRule {
    code: code::QUORUM,
    name: "board-can-decide",
    severity: Severity::Error,
    waivable: false,
    check: quorum,
};

fn quorum(context: &Context<'_>, report: &mut Report) {
    for domain in context.fabric.domains.values() {
        let filled = domain.board.iter().filter(|(_, people)| !people.is_empty()).count();
        if domain.quorum as usize > filled {
            let message = format!("{} disciplines have to agree, and {filled} have somebody", domain.quorum);
            let finding = Finding::error(code::QUORUM, &domain.place, message);
            report.add(&domain.name, finding.fix("lower the quorum, or fill the seats"));
        }
    }
}

pub(crate) const NARROW: LintRule = LintRule {
    code: code::BOARD_NARROW,
    name: "board-can-do-without-one",
    severity: Severity::Warning,
    waivable: true,
    check: narrow,
};

/// In the place of another board stands the group's, and in the place of the group's none. One that a single person makes has no other.
fn narrow(context: &Context<'_>, report: &mut Report) {
    let Some(board) = context.fabric.domains.get(&DomainName::group()) else { return };
    let quorum = board.quorum as usize;
    let filled = board.board.iter().filter(|(_, people)| !people.is_empty()).count();
    if quorum < 2 || quorum > filled {
        return;
    }
    let people: BTreeSet<&String> = board.board.iter().flat_map(|(_, people)| people).collect();
    let needed: Vec<&String> = people.into_iter().filter(|person| without(board, person) < quorum).collect();
    if !needed.is_empty() {
        let message = format!("{quorum} disciplines have to agree, and cannot without {}", listed(&needed));
        let finding = NARROW.finding(&board.place, message);
        let fix = "fill another seat or lower the quorum: what they propose themselves nobody could approve";
        report.add(&board.name, finding.fix(fix));
    }
}

pub(crate) const DIRECTORY: LintRule = LintRule {
    code: code::DOMAIN_DIRECTORY,
    name: "domains-hold-their-own",
    severity: Severity::Error,
    waivable: false,
    check: directory,
};

/// Where a domain is released by itself, its directory is the domain's and nobody else's.
fn directory(context: &Context<'_>, report: &mut Report) {
    let fabric = context.fabric;
    for interface in fabric.interfaces.values() {
        let (Some(said), Some(of_file)) = (&interface.domain, named(&interface.place.file)) else { continue };
        if said.value.as_str() != of_file {
            let message = format!("`{}` says `{said}`, and lies in the directory of {}", interface.name, show(of_file));
            let finding = DIRECTORY.finding(&said.place, message);
            report.add(&interface.name, finding.fix("move it to the domain's own directory, or leave `domain` out"));
        }
    }
    let of_group = fabric.settings.iter().map(|it| ("the fabric", &it.place));
    let of_group = of_group.chain(fabric.domains.values().map(|it| ("a domain", &it.place)));
    for (what, place) in of_group.filter(|(_, place)| named(&place.file).is_some()) {
        let finding = DIRECTORY.finding(place, format!("{what} is declared by the group, not in a domain's directory"));
        report.add(&"fabric", finding.fix("move it out of `domains/`"));
    }
    let mut told = Vec::new();
    for place in places(context) {
        let Some(name) = named(&place.file) else { continue };
        let is_known = fabric.domains.contains_key(&domain_of(&place.file)) && domain_of(&place.file).as_str() == name;
        if !is_known && !told.contains(&name) {
            told.push(name);
            let message = format!("nothing declares the domain {}, in whose directory this is", show(name));
            let finding = DIRECTORY.finding(place, message);
            report.add(&name, finding.fix("declare `kind: Domain` with that name, or move the file"));
        }
    }
}

/// Where each thing stands that a domain may declare.
fn places<'a>(context: &Context<'a>) -> Vec<&'a Place> {
    let fabric = context.fabric;
    let mut places: Vec<&Place> = fabric.interfaces.values().map(|it| &it.place).collect();
    places.extend(fabric.sites.values().map(|it| &it.place));
    places.extend(fabric.teams.values().map(|it| &it.place));
    places.extend(fabric.systems.values().map(|it| &it.place));
    places.extend(fabric.objects.values().map(|it| &it.place));
    places.extend(fabric.mappings.values().map(|it| &it.place));
    places.extend(fabric.consumers.values().map(|it| &it.place));
    places.extend(fabric.grants.iter().map(|it| &it.place));
    places.extend(fabric.flows.values().map(|it| &it.place));
    places.extend(fabric.rules.values().map(|it| &it.place));
    places.extend(fabric.approval_rules.values().map(|it| &it.place));
    places
}

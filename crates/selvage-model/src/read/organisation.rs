//! Fabric, Domain, Site, Team.

use super::access::deliver;
use super::fields::{Fields, key, key_text, plain_texts, spanned, spanned_text};
use super::interface::on_partition;
use crate::code;
use crate::finding::Finding;
use crate::manifest::organisation::{
    Domain, Environment, EvidenceYears, FabricSettings, Gates, MaintenanceWindow, Site, Team,
};
use crate::scalar;
use crate::schema::tables::access::DELIVER;
use crate::schema::tables::organisation::{
    BINDINGS, BOARD, CALENDAR, ENVIRONMENT, EVIDENCE, EVIDENCE_YEARS, GATES, KEYS, MAINTENANCE,
};
use crate::yaml::{Key, Node};

pub(super) fn fabric(fields: Fields<'_>) -> Option<FabricSettings> {
    let environment = |(name, node): &(Key, Node)| {
        let fields = Fields::new(node, &ENVIRONMENT);
        let keys = fields.record("keys", &KEYS);
        Some(Environment {
            name: key(name)?,
            protected: fields.flag("protected"),
            after: fields.list("after"),
            on_partition: on_partition(fields),
            key_age: keys.and_then(|keys| keys.with("max_age", scalar::duration)),
            gates: gates(fields),
        })
    };
    Some(FabricSettings {
        place: fields.place().clone(),
        name: fields.parse("name")?,
        environments: fields.entries("environments").iter().filter_map(environment).collect(),
        packs: fields.list("packs"),
        classes: fields.list("classes"),
        guardrails: fields.list("guardrails"),
        networks: fields.list("networks"),
        evidence_years: evidence_years(fields),
    })
}

fn evidence_years(fields: Fields<'_>) -> EvidenceYears {
    let years = fields.record("evidence", &EVIDENCE).and_then(|it| it.record("years", &EVIDENCE_YEARS));
    years.map_or_else(EvidenceYears::default, |years| EvidenceYears {
        control: years.with("control", scalar::integer),
        tier_1: years.with("tier-1", scalar::integer),
        tier_2: years.with("tier-2", scalar::integer),
        tier_3: years.with("tier-3", scalar::integer),
        unclassified: years.with("unclassified", scalar::integer),
    })
}

fn gates(fields: Fields<'_>) -> Gates {
    fields.record("gates", &GATES).map_or_else(Gates::default, |gates| Gates {
        tests: gates.flag("tests"),
        soak: gates.with("soak", scalar::duration),
        faults: gates.flag("faults"),
        budget: gates.flag("budget"),
        receipts: gates.with("receipts", scalar::duration),
    })
}

pub(super) fn domain(fields: Fields<'_>) -> Option<Domain> {
    let board = fields.record("board", &BOARD);
    let seats: Vec<_> =
        board.iter().flat_map(Fields::rest).map(|(name, node)| (key_text(name), plain_texts(node))).collect();
    let all = u32::try_from(seats.len()).unwrap_or(u32::MAX);
    let quorum = board.and_then(|board| board.with("quorum", scalar::integer)).unwrap_or(all);
    Some(Domain {
        place: fields.place().clone(),
        name: fields.parse("name")?,
        board: seats,
        quorum,
        notices: fields.record("notices", &DELIVER).and_then(deliver),
        mail: fields.spanned("mail"),
    })
}

pub(super) fn site(fields: Fields<'_>, findings: &mut Vec<Finding>) -> Option<Site> {
    let binds = fields.record("binds", &BINDINGS);
    let calendar = fields.record("calendar", &CALENDAR);
    let by_system = |field: &str| {
        let entries = binds.map_or(&[][..], |binds| binds.entries(field)).iter();
        entries.filter_map(|(system, node)| Some((key(system)?, spanned_text(node)?))).collect()
    };
    let maintenance = calendar.map_or(&[][..], |calendar| calendar.items("maintenance"));
    let maintenance = maintenance.iter().filter_map(|node| window(node, findings)).collect();
    Some(Site {
        place: fields.place().clone(),
        name: fields.parse("name")?,
        time_zone: fields.with("time_zone", scalar::time_zone)?,
        roles: binds
            .iter()
            .flat_map(Fields::rest)
            .filter_map(|(role, node)| Some((key_text(role), spanned(node)?)))
            .collect(),
        companies: by_system("company"),
        quality_locations: by_system("quality_location"),
        shifts: calendar.and_then(|calendar| calendar.text("shifts")),
        maintenance,
        networks: fields.list("networks"),
    })
}

fn window(node: &Node, findings: &mut Vec<Finding>) -> Option<MaintenanceWindow> {
    let fields = Fields::new(node, &MAINTENANCE);
    let (from, to) = (fields.with("from", scalar::date)?, fields.with("to", scalar::date)?);
    if to < from {
        let finding = Finding::error(code::BAD_VALUE, fields.place(), "the maintenance ends before it begins");
        findings.push(finding.fix("put the earlier day into `from`"));
    }
    Some(MaintenanceWindow { from, to, what: fields.texts("what") })
}

pub(super) fn team(fields: Fields<'_>) -> Option<Team> {
    let roles = fields.entries("roles").iter().map(|(role, node)| (key_text(role), plain_texts(node)));
    Some(Team {
        place: fields.place().clone(),
        name: fields.parse("name")?,
        roles: roles.collect(),
        notices: fields.record("notices", &DELIVER).and_then(deliver),
        mail: fields.spanned("mail"),
    })
}

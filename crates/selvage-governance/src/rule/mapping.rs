//! Mappings compile for every version of their system that makes a difference. What is wrong with one is said by
//! selvage-mapping, in codes of its own.

use std::collections::BTreeSet;

use selvage_mapping::CompiledMapping;
use selvage_model::manifest::mapping::{FieldMapping, Lens, Mapping, UnitSource};
use selvage_model::scalar::VersionRange;

use super::reference::{self, Names};
use crate::lint::{Context, Report};

/// A version for mappings that are for any.
const ANY: u32 = 19;

/// Compiles every mapping whose names are known, and reports what cannot work, each problem once.
pub(crate) fn compile(context: &Context<'_>, report: &mut Report) {
    let names = Names::of(context.fabric);
    for mapping in context.fabric.mappings.values() {
        if reference::has_unknown(context.fabric, &names, mapping) {
            continue;
        }
        let mut told = BTreeSet::new();
        for major in versions(mapping) {
            let findings = CompiledMapping::compile(mapping, context.fabric, major).err().unwrap_or_default();
            for finding in findings {
                if told.insert((finding.code, finding.place.clone())) {
                    report.add(&mapping.name, finding);
                }
            }
        }
    }
}

/// The versions at which something about the mapping changes, within its range, rising.
pub(crate) fn versions(mapping: &Mapping) -> Vec<u32> {
    let mut ranges = vec![mapping.versions];
    of_fields(&mapping.fields, &mut ranges);
    let edges = ranges.iter().flat_map(|range| {
        let before = range.from.and_then(|from| from.checked_sub(1));
        let after = range.until.and_then(|until| until.checked_add(1));
        [before, range.from, range.until, after]
    });
    let mut versions: BTreeSet<u32> = edges.flatten().filter(|major| mapping.versions.contains(*major)).collect();
    if versions.is_empty() {
        versions.insert(ANY);
    }
    versions.into_iter().collect()
}

fn of_fields(fields: &[FieldMapping], ranges: &mut Vec<VersionRange>) {
    for field in fields {
        ranges.extend(field.at.iter().map(|(range, _)| *range));
        of_lens(&field.lens, ranges);
    }
}

fn of_lens(lens: &Lens, ranges: &mut Vec<VersionRange>) {
    match lens {
        Lens::Group(members) => of_fields(members, ranges),
        Lens::Many(element) | Lens::Only(element) | Lens::First(element) => of_lens(element, ranges),
        Lens::Lines(lines) => of_fields(&lines.fields, ranges),
        Lens::Quantity(UnitSource::Field { at, .. }) => ranges.extend(at.iter().map(|(range, _)| *range)),
        _ => {}
    }
}

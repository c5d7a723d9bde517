//! The trial of a mapping: its examples as tests, and the laws of its lenses on records made from a seed.
//! Deterministic: the same mapping, fabric, number of cases and seed give the same trial.

use std::collections::{BTreeMap, BTreeSet};

use selvage_model::fabric::Fabric;
use selvage_model::finding::Finding;
use selvage_model::manifest::mapping::{FieldMapping, Lens, Mapping, UnitSource};
use selvage_model::scalar::VersionRange;
use selvage_model::source::Place;

use crate::mapping::CompiledMapping;

mod apply;
pub(crate) mod example;
mod generate;
mod law;
mod world;

/// What a trial showed.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Trial {
    /// Why the mapping does not compile for some version; nothing else was tried there.
    pub findings: Vec<Finding>,
    /// Each example, in the order written.
    pub examples: Vec<ExampleResult>,
    /// Each law, by the system's version.
    pub laws: Vec<LawResult>,
}

impl Trial {
    /// Whether everything held.
    pub fn passed(&self) -> bool {
        self.findings.is_empty()
            && self.examples.iter().all(|example| example.failures.is_empty())
            && self.laws.iter().all(|law| law.broken.is_none())
    }
}

/// One example.
#[derive(Clone, Debug, PartialEq)]
pub struct ExampleResult {
    /// Where it stands.
    pub place: Place,
    /// The system's major version it was tried in.
    pub version: u32,
    /// What is not as it says; empty where it holds.
    pub failures: Vec<String>,
}

/// One law in one version of the system.
#[derive(Clone, Debug, PartialEq)]
pub struct LawResult {
    /// Which law.
    pub law: Law,
    /// The system's major version.
    pub version: u32,
    /// In how many cases it was tried and held.
    pub held: u32,
    /// In how many cases the mapping refused to write (a unit that does not convert, say), so that nothing was to show.
    pub refused: u32,
    /// The first case that breaks it, as a sentence with the record.
    pub broken: Option<String>,
}

/// The laws of a lens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Law {
    /// Put what you got: nothing changes.
    GetPut,
    /// Get what you put: it is what you put, and what the object does not carry is as it was.
    PutGet,
}

impl Law {
    /// Its name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::GetPut => "get-put",
            Self::PutGet => "put-get",
        }
    }
}

/// Tries the mapping: its examples, and each law on so many records in each version that it tells apart.
pub fn run(mapping: &Mapping, fabric: &Fabric, cases: u32, seed: u64) -> Trial {
    let versions = versions(mapping);
    let newest = versions.last().copied().unwrap_or_default();
    let mut trial = Trial::default();
    let mut compiled = BTreeMap::new();
    for version in versions {
        match CompiledMapping::compile(mapping, fabric, version) {
            Ok(mapping) => {
                trial.laws.extend(law::run(&mapping, fabric, version, cases, seed));
                compiled.insert(version, mapping);
            }
            Err(findings) => {
                let unknown = findings.into_iter().filter(|finding| !trial.findings.contains(finding));
                trial.findings.extend(unknown.collect::<Vec<_>>());
            }
        }
    }
    for example in &mapping.examples {
        let version = example.version.unwrap_or(newest);
        let failures = match compiled.get(&version) {
            Some(mapping) => example::run(mapping, example),
            None if mapping.versions.contains(version) => {
                vec!["the mapping does not compile for its version".to_owned()]
            }
            None => vec![format!("the mapping is not for version {version}")],
        };
        trial.examples.push(ExampleResult { place: example.place.clone(), version, failures });
    }
    trial
}

/// The versions that the mapping tells apart: the ends of its ranges, those of its fields, and those of its examples.
pub(crate) fn versions(mapping: &Mapping) -> BTreeSet<u32> {
    let mut ends = Vec::new();
    let mut push = |range: VersionRange| ends.extend([range.from, range.until].into_iter().flatten());
    push(mapping.versions);
    mapping.fields.iter().for_each(|field| ranges(field, &mut push));
    ends.extend(mapping.examples.iter().filter_map(|example| example.version));
    let mut versions: BTreeSet<u32> = ends.into_iter().filter(|end| mapping.versions.contains(*end)).collect();
    if versions.is_empty() {
        versions.insert(1);
    }
    versions
}

fn ranges(field: &FieldMapping, push: &mut impl FnMut(VersionRange)) {
    field.at.iter().for_each(|(range, _)| push(*range));
    match &field.lens {
        Lens::Quantity(UnitSource::Field { at, .. }) => at.iter().for_each(|(range, _)| push(*range)),
        Lens::Group(members) => members.iter().for_each(|member| ranges(member, push)),
        Lens::Lines(lines) => lines.fields.iter().for_each(|member| ranges(member, push)),
        _ => {}
    }
}

//! What look-ups answer during a trial: every question has an answer, and backward answers undo forward ones.
//! Made of the fabric's sites and the mapping's code sets; it asks nobody.

use selvage_model::fabric::Fabric;
use selvage_model::name::SiteName;

use crate::lens::{Field, Lens, UnitFrom};
use crate::link::{LinkAnswer, LinkQuery, Links};
use crate::mapping::CompiledMapping;
use crate::mapping::look::of_elements;

/// The records that links of a trial lead to.
pub(super) struct World {
    /// External ids; the record's id is the place, from 1.
    external_ids: Vec<String>,
    /// Sites; the company's id is the place, from 1.
    sites: Vec<SiteName>,
}

impl World {
    pub(super) fn new(mapping: &CompiledMapping, fabric: &Fabric) -> Self {
        let mut external_ids = Vec::new();
        words(mapping.members(), &mut external_ids);
        external_ids.sort();
        external_ids.dedup();
        let system = mapping.system();
        let bound = |site: &&_| {
            let site: &selvage_model::manifest::organisation::Site = site;
            site.companies.iter().any(|(name, _)| &name.value == system)
        };
        let mut sites: Vec<SiteName> = fabric.sites.values().filter(bound).map(|site| site.name.clone()).collect();
        if sites.is_empty() {
            // The laws of a mapping do not wait for the sites that will use it.
            sites.extend(["somewhere", "elsewhere"].iter().filter_map(|name| name.parse().ok()));
        }
        Self { external_ids, sites }
    }

    /// The record of this external id.
    pub(super) fn external(&self, word: &str) -> i64 {
        position(self.external_ids.iter().map(String::as_str), word)
    }

    /// How many companies there are: their ids are 1 to this.
    pub(super) fn companies(&self) -> u64 {
        u64::try_from(self.sites.len()).unwrap_or_default()
    }

    /// Answers all of these questions.
    pub(super) fn answer(&self, queries: Vec<LinkQuery>, links: &mut Links) {
        for query in queries {
            let answer = match &query {
                LinkQuery::ExternalId { id, .. } => {
                    at(&self.external_ids, *id).map(|word| LinkAnswer::Text(word.clone()))
                }
                LinkQuery::Key { id, .. } | LinkQuery::Attribute { id, .. } => Some(LinkAnswer::Text(format!("K{id}"))),
                LinkQuery::Site { company } => at(&self.sites, *company).map(|site| LinkAnswer::Text(site.to_string())),
                LinkQuery::ByExternalId { external_id } => Some(LinkAnswer::Id(self.external(external_id))),
                LinkQuery::ByKey { key, .. } | LinkQuery::ByAttribute { value: key, .. } => {
                    key.strip_prefix('K').and_then(|id| id.parse().ok()).map(LinkAnswer::Id)
                }
                LinkQuery::Company { site } => {
                    Some(LinkAnswer::Id(position(self.sites.iter().map(SiteName::as_str), site.as_str())))
                }
            };
            links.insert(query, answer.unwrap_or(LinkAnswer::Missing));
        }
    }
}

fn position<'a>(mut all: impl Iterator<Item = &'a str>, one: &str) -> i64 {
    all.position(|other| other == one).and_then(|place| i64::try_from(place + 1).ok()).unwrap_or_default()
}

fn at<T>(all: &[T], id: i64) -> Option<&T> {
    all.get(usize::try_from(id).ok()?.checked_sub(1)?)
}

fn words(fields: &[Field], found: &mut Vec<String>) {
    for field in fields {
        match of_elements(&field.lens) {
            Lens::Code { codes, .. } | Lens::Quantity(UnitFrom::Field { codes, .. }) => {
                found.extend(codes.all_words().into_iter().map(str::to_owned));
            }
            Lens::Group(members) => words(members, found),
            Lens::Lines(lines) => words(&lines.members, found),
            _ => {}
        }
    }
}

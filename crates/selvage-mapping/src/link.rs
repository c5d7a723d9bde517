//! What a translation must know of other records: the questions, and the answers that the caller looked up.
//! Asking is the caller's: nothing here talks to a system.

use std::collections::{BTreeMap, HashMap};

use foldhash::fast::RandomState;
use selvage_model::name::{AttributeName, ObjectName, SiteName};

/// One thing to be looked up: from a record to a text, or (`By…` and `Company`) from a text to a record's id.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum LinkQuery {
    /// The external id (`uom.product_uom_unit`) of the record that this field of ours links to.
    ExternalId {
        /// Our record's field; it says which kind of record is linked. With dots it is a field of a line or of a linked
        /// record.
        field: String,
        /// The linked record.
        id: i64,
    },
    /// The business key of the record that stands for this object.
    Key {
        /// The object.
        object: ObjectName,
        /// The record.
        id: i64,
    },
    /// Another attribute of the record that stands for this object.
    Attribute {
        /// The object.
        object: ObjectName,
        /// Its attribute.
        attribute: AttributeName,
        /// The record.
        id: i64,
    },
    /// The site that this company is bound to.
    Site {
        /// The company.
        company: i64,
    },
    /// The record of this external id.
    ByExternalId {
        /// As `uom.product_uom_unit`.
        external_id: String,
    },
    /// The record that stands for the object of this business key.
    ByKey {
        /// The object.
        object: ObjectName,
        /// Its business key.
        key: String,
    },
    /// The record that stands for the object whose attribute has this value.
    ByAttribute {
        /// The object.
        object: ObjectName,
        /// Its attribute.
        attribute: AttributeName,
        /// The value.
        value: String,
    },
    /// The company that is bound to this site.
    Company {
        /// The site.
        site: SiteName,
    },
}

/// What a look-up found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LinkAnswer {
    /// An external id, a business key, a value of an attribute or a site's name.
    Text(String),
    /// A record's id.
    Id(i64),
    /// There is none.
    Missing,
}

/// Answers by what was asked. Many are looked up for each record; the hasher is quick, and seeded by chance.
type Answers<K> = HashMap<K, LinkAnswer, RandomState>;

/// The answers that a translation may use.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Links {
    external: BTreeMap<String, Answers<i64>>,
    keys: BTreeMap<ObjectName, Answers<i64>>,
    attributes: BTreeMap<(ObjectName, AttributeName), Answers<i64>>,
    sites: Answers<i64>,
    by_external: Answers<String>,
    by_key: BTreeMap<ObjectName, Answers<String>>,
    by_attribute: BTreeMap<(ObjectName, AttributeName), Answers<String>>,
    companies: BTreeMap<SiteName, LinkAnswer>,
}

impl Links {
    /// No answers yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Keeps an answer; a later one to the same question replaces it.
    pub fn insert(&mut self, query: LinkQuery, answer: LinkAnswer) {
        match query {
            LinkQuery::ExternalId { field, id } => self.external.entry(field).or_default().insert(id, answer),
            LinkQuery::Key { object, id } => self.keys.entry(object).or_default().insert(id, answer),
            LinkQuery::Attribute { object, attribute, id } => {
                self.attributes.entry((object, attribute)).or_default().insert(id, answer)
            }
            LinkQuery::Site { company } => self.sites.insert(company, answer),
            LinkQuery::ByExternalId { external_id } => self.by_external.insert(external_id, answer),
            LinkQuery::ByKey { object, key } => self.by_key.entry(object).or_default().insert(key, answer),
            LinkQuery::ByAttribute { object, attribute, value } => {
                self.by_attribute.entry((object, attribute)).or_default().insert(value, answer)
            }
            LinkQuery::Company { site } => self.companies.insert(site, answer),
        };
    }

    /// The answer, where the question was looked up.
    pub fn get(&self, query: &LinkQuery) -> Option<&LinkAnswer> {
        match query {
            LinkQuery::ExternalId { field, id } => self.external_id(field, *id),
            LinkQuery::Key { object, id } => self.key(object, *id),
            LinkQuery::Attribute { object, attribute, id } => {
                self.attributes.get(&(object.clone(), attribute.clone()))?.get(id)
            }
            LinkQuery::Site { company } => self.site(*company),
            LinkQuery::ByExternalId { external_id } => self.by_external_id(external_id),
            LinkQuery::ByKey { object, key } => self.by_key(object, key),
            LinkQuery::ByAttribute { object, attribute, value } => {
                self.by_attribute.get(&(object.clone(), attribute.clone()))?.get(value)
            }
            LinkQuery::Company { site } => self.companies.get(site),
        }
    }

    /// Whether this question was looked up.
    pub fn contains(&self, query: &LinkQuery) -> bool {
        self.get(query).is_some()
    }

    pub(crate) fn external_id(&self, field: &str, id: i64) -> Option<&LinkAnswer> {
        self.external.get(field)?.get(&id)
    }

    pub(crate) fn key(&self, object: &ObjectName, id: i64) -> Option<&LinkAnswer> {
        self.keys.get(object)?.get(&id)
    }

    pub(crate) fn site(&self, company: i64) -> Option<&LinkAnswer> {
        self.sites.get(&company)
    }

    pub(crate) fn by_external_id(&self, external_id: &str) -> Option<&LinkAnswer> {
        self.by_external.get(external_id)
    }

    pub(crate) fn by_key(&self, object: &ObjectName, key: &str) -> Option<&LinkAnswer> {
        self.by_key.get(object)?.get(key)
    }
}

impl FromIterator<(LinkQuery, LinkAnswer)> for Links {
    fn from_iter<I: IntoIterator<Item = (LinkQuery, LinkAnswer)>>(answers: I) -> Self {
        let mut links = Self::new();
        links.extend(answers);
        links
    }
}

impl Extend<(LinkQuery, LinkAnswer)> for Links {
    fn extend<I: IntoIterator<Item = (LinkQuery, LinkAnswer)>>(&mut self, answers: I) {
        answers.into_iter().for_each(|(query, answer)| self.insert(query, answer));
    }
}

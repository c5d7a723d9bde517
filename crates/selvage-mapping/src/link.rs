//! What a translation must know of other records: the questions, and the answers that the caller looked up.
//! Asking is the caller's: nothing here talks to a system.

use std::collections::BTreeMap;

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

/// The answers that a translation may use.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Links {
    answers: BTreeMap<LinkQuery, LinkAnswer>,
}

impl Links {
    /// No answers yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Keeps an answer; a later one to the same question replaces it.
    pub fn insert(&mut self, query: LinkQuery, answer: LinkAnswer) {
        self.answers.insert(query, answer);
    }

    /// The answer, where the question was looked up.
    pub fn get(&self, query: &LinkQuery) -> Option<&LinkAnswer> {
        self.answers.get(query)
    }

    /// Whether this question was looked up.
    pub fn contains(&self, query: &LinkQuery) -> bool {
        self.answers.contains_key(query)
    }
}

impl FromIterator<(LinkQuery, LinkAnswer)> for Links {
    fn from_iter<I: IntoIterator<Item = (LinkQuery, LinkAnswer)>>(answers: I) -> Self {
        Self { answers: answers.into_iter().collect() }
    }
}

impl Extend<(LinkQuery, LinkAnswer)> for Links {
    fn extend<I: IntoIterator<Item = (LinkQuery, LinkAnswer)>>(&mut self, answers: I) {
        self.answers.extend(answers);
    }
}

//! The fields of a node that was checked, by name and type. What is wrong was noted by the check; here it is only left out.

use std::str::FromStr;

use serde_json::Value;

use crate::schema::shape::Record;
use crate::source::{Place, Spanned};
use crate::yaml::{Content, Key, Node};

/// A map with named fields, being read.
#[derive(Clone, Copy)]
pub(super) struct Fields<'a> {
    node: &'a Node,
    record: &'static Record,
}

impl<'a> Fields<'a> {
    pub(super) fn new(node: &'a Node, record: &'static Record) -> Self {
        Self { node, record }
    }

    pub(super) fn place(&self) -> &'a Place {
        &self.node.place
    }

    pub(super) fn node(&self, name: &str) -> Option<&'a Node> {
        #[cfg(test)]
        asked::note(self.record, name);
        debug_assert!(
            self.record.all_fields().any(|field| field.name == name),
            "`{}` has no `{name}`",
            self.record.name
        );
        self.node.get(name).filter(|node| !node.is_null())
    }

    /// The node of a field of any value, `null` included.
    pub(super) fn value(&self, name: &str) -> Option<Value> {
        #[cfg(test)]
        asked::note(self.record, name);
        self.node.get(name).map(Node::to_value)
    }

    /// Whether the field stands there, even if without a value.
    pub(super) fn given(&self, name: &str) -> bool {
        #[cfg(test)]
        asked::note(self.record, name);
        self.node.get(name).is_some()
    }

    /// Whether the field has a value.
    pub(super) fn has(&self, name: &str) -> bool {
        self.node(name).is_some()
    }

    pub(super) fn text(&self, name: &str) -> Option<String> {
        self.node(name)?.text().map(str::to_owned)
    }

    pub(super) fn spanned_text(&self, name: &str) -> Option<Spanned<String>> {
        spanned_text(self.node(name)?)
    }

    pub(super) fn parse<T: FromStr>(&self, name: &str) -> Option<T> {
        self.node(name)?.text()?.parse().ok()
    }

    pub(super) fn spanned<T: FromStr>(&self, name: &str) -> Option<Spanned<T>> {
        spanned(self.node(name)?)
    }

    /// By a function that reads the text.
    pub(super) fn with<T>(&self, name: &str, parse: impl Fn(&str) -> Option<T>) -> Option<T> {
        parse(self.node(name)?.text()?)
    }

    /// By a list of words.
    pub(super) fn word<T: Copy>(&self, name: &str, words: &[(&str, T)]) -> Option<T> {
        let text = self.node(name)?.text()?;
        words.iter().find(|(word, _)| *word == text).map(|(_, value)| *value)
    }

    pub(super) fn flag(&self, name: &str) -> bool {
        self.node(name).and_then(Node::text) == Some("true")
    }

    pub(super) fn list<T: FromStr>(&self, name: &str) -> Vec<Spanned<T>> {
        self.node(name).map_or_else(Vec::new, |node| node.items().iter().filter_map(spanned).collect())
    }

    pub(super) fn texts(&self, name: &str) -> Vec<Spanned<String>> {
        self.node(name).map_or_else(Vec::new, |node| node.items().iter().filter_map(spanned_text).collect())
    }

    pub(super) fn items(&self, name: &str) -> &'a [Node] {
        self.node(name).map_or(&[], Node::items)
    }

    pub(super) fn entries(&self, name: &str) -> &'a [(Key, Node)] {
        self.node(name).map_or(&[], Node::entries)
    }

    /// The fields of a field that is a record.
    pub(super) fn record(&self, name: &str, record: &'static Record) -> Option<Fields<'a>> {
        let node = self.node(name)?;
        matches!(node.content, Content::Map(_)).then(|| Fields::new(node, record))
    }

    /// The entries that are no named fields.
    pub(super) fn rest(&self) -> impl Iterator<Item = &'a (Key, Node)> {
        let record = self.record;
        self.node
            .entries()
            .iter()
            .filter(move |(key, _)| record.fields.iter().all(|field| field.name != key.value.as_ref()))
    }
}

pub(super) fn spanned<T: FromStr>(node: &Node) -> Option<Spanned<T>> {
    Some(Spanned::new(node.text()?.parse().ok()?, node.place.clone()))
}

pub(super) fn spanned_text(node: &Node) -> Option<Spanned<String>> {
    Some(Spanned::new(node.text()?.to_owned(), node.place.clone()))
}

/// The texts of a list.
pub(super) fn plain_texts(node: &Node) -> Vec<String> {
    node.items().iter().filter_map(Node::text).map(str::to_owned).collect()
}

pub(super) fn key_text(key: &Key) -> Spanned<String> {
    Spanned::new(key.value.as_ref().to_owned(), key.place.clone())
}

pub(super) fn key<T: FromStr>(key: &Key) -> Option<Spanned<T>> {
    Some(Spanned::new(key.value.parse().ok()?, key.place.clone()))
}

/// Which fields reading asks for, so that a test can tell whether any field of the tables is never read.
#[cfg(test)]
pub(super) mod asked {
    use std::cell::RefCell;
    use std::collections::BTreeSet;

    use crate::schema::shape::Record;

    thread_local!(static ASKED: RefCell<BTreeSet<(&'static str, String)>> = const { RefCell::new(BTreeSet::new()) });

    pub(super) fn note(record: &'static Record, name: &str) {
        ASKED.with_borrow_mut(|asked| asked.insert((record.name, name.to_owned())));
    }

    pub(in crate::read) fn take() -> BTreeSet<(&'static str, String)> {
        ASKED.take()
    }
}

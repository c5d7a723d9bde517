//! At which addresses callers call: those of the operation, or of its path, or of the whole.

use selvage_model::yaml::Node;

use super::path::Operation;
use super::{Spot, Work, classes};
use crate::compare::schema::{both, equal};

/// Where nothing is said: where the contract itself lies.
const HERE: [&str; 2] = ["/", ""];

fn servers(node: Option<&Node>) -> &[Node] {
    node.map(Node::items).unwrap_or_default()
}

fn url(server: &Node) -> &str {
    server.get("url").and_then(Node::text).unwrap_or_default()
}

fn find<'a>(all: &'a [Node], wanted: &Node) -> Option<&'a Node> {
    all.iter().find(|server| url(server) == url(wanted))
}

impl<'a> Work<'a> {
    /// Compares the addresses of an operation, where it or its path has some of its own; those of the whole are told once.
    pub(super) fn addresses(&mut self, spot: &Spot, old: &Operation<'a>, new: &Operation<'a>) {
        let own = |operation: &Operation<'a>| {
            let of = |node: Option<&'a Node>| node.filter(|servers| !servers.items().is_empty());
            of(operation.node.get("servers")).or_else(|| of(operation.path.get("servers")))
        };
        let (before, after) = (own(old), own(new));
        if before.is_some() || after.is_some() {
            let whole = (self.sides.0.root.get("servers"), self.sides.1.root.get("servers"));
            self.servers(spot, before.or(whole.0), after.or(whole.1));
        }
    }

    /// Compares two lists of addresses.
    pub(super) fn servers(&mut self, spot: &Spot, old: Option<&'a Node>, new: Option<&'a Node>) {
        let (before, after) = (servers(old), servers(new));
        let spot = spot.with("servers");
        for was in before {
            match find(after, was) {
                Some(is) => self.server(&spot, was, is),
                None if after.is_empty() && HERE.contains(&url(was)) => {}
                None => self.note(&classes::SERVER_REMOVED, &spot, was.get("url"), None),
            }
        }
        if before.is_empty() && !after.is_empty() && !after.iter().any(|server| HERE.contains(&url(server))) {
            self.note(&classes::SERVER_STATED, &spot, None, new);
            return;
        }
        for is in after.iter().filter(|is| !before.is_empty() && find(before, is).is_none()) {
            self.note(&classes::SERVER_ADDED, &spot, None, is.get("url"));
        }
    }

    /// The same address with what it is made of.
    fn server(&mut self, spot: &Spot, old: &'a Node, new: &'a Node) {
        let known = |word: &str| matches!(word, "url" | "variables" | "description" | "name");
        self.rest(spot, known, &[old], &[new]);
        let variables = |server: &'a Node| server.get("variables").map(Node::entries).unwrap_or_default();
        for (name, was) in variables(old) {
            let spot = spot.with(&format!("variable `{}`", name.value));
            match new.get("variables").and_then(|variables| variables.get(&name.value)) {
                Some(is) => self.variable(&spot, was, is),
                None => self.note(&classes::SERVER_VARIABLE, &spot, Some(was), None),
            }
        }
        let is_new = |name: &str| old.get("variables").is_none_or(|variables| variables.get(name).is_none());
        for (name, is) in variables(new).iter().filter(|(name, _)| is_new(&name.value)) {
            self.note(&classes::SERVER_VARIABLE, &spot.with(&format!("variable `{}`", name.value)), None, Some(is));
        }
    }

    fn variable(&mut self, spot: &Spot, old: &'a Node, new: &'a Node) {
        let known = |word: &str| matches!(word, "enum" | "default" | "description");
        self.rest(spot, known, &[old], &[new]);
        if !both(old.get("default"), new.get("default"), equal) {
            self.note(&classes::SERVER_VARIABLE, spot, old.get("default"), new.get("default"));
        }
        let lacks = |list: &Node, value: &Node| !list.items().iter().any(|known| known.text() == value.text());
        match (old.get("enum"), new.get("enum")) {
            (Some(was), Some(is)) => {
                for value in was.items().iter().filter(|value| lacks(is, value)) {
                    self.note(&classes::SERVER_VALUE_REMOVED, spot, Some(value), None);
                }
                for value in is.items().iter().filter(|value| lacks(was, value)) {
                    self.note(&classes::SERVER_VALUE_ADDED, spot, None, Some(value));
                }
            }
            (Some(was), None) => self.note(&classes::SERVER_VALUE_ADDED, spot, Some(was), None),
            (None, Some(is)) => self.note(&classes::SERVER_VALUE_REMOVED, spot, None, Some(is)),
            (None, None) => {}
        }
    }
}

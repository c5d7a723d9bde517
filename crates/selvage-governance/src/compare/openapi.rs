//! Two OpenAPI contracts compared, 3.0 or 3.1: what becomes of whoever calls by the old one. Schemas are left to the comparison of
//! schemas. Operations are named as grants name them. Never reads anything but the two documents.

mod answer;
mod body;
pub(in crate::compare) mod classes;
mod lifecycle;
mod parameter;
mod path;
mod security;
mod server;
mod words;

use std::collections::HashMap;

use selvage_model::source::Place;
use selvage_model::yaml::Node;

use super::schema::{Dialect, Run, Side, alike, both, is_one, is_true, rest, shown};
use super::{Class, Difference, Direction, merged};
use lifecycle::OPERATION;
use path::{Operation, operations};
pub(in crate::compare) use words::says_the_same;

const METHODS: [&str; 8] = ["get", "put", "post", "delete", "options", "head", "patch", "trace"];

/// What is compared of an operation, and what is for people.
const OPERATION_WORDS: [&str; 14] = [
    "operationId",
    "deprecated",
    "x-sunset",
    "x-stability-level",
    "security",
    "servers",
    "parameters",
    "requestBody",
    "responses",
    "callbacks",
    "tags",
    "summary",
    "description",
    "externalDocs",
];

/// Compares two OpenAPI documents.
pub fn openapi(before: &Node, after: &Node) -> Vec<Difference> {
    if is_one(before, after) {
        return Vec::new();
    }
    let (old, new) = (side(before), side(after));
    let mut work = Work { sides: (old, new), run: Run::new(old, new), found: Vec::new() };
    let whole = Spot::new("the contract".to_owned());
    let dialect = |root: &Node| root.get("jsonSchemaDialect").and_then(Node::text).map(str::to_owned);
    if dialect(before) != dialect(after) {
        let (was, is) = (before.get("jsonSchemaDialect"), after.get("jsonSchemaDialect"));
        work.note(&classes::DIALECT_CHANGED, &whole, was, is);
    }
    work.root(&whole, before, after);
    work.servers(&whole, before.get("servers"), after.get("servers"));
    work.schemes();
    work.operations();
    work.webhooks(&whole);
    merged(work.found)
}

/// Versions whose words are known: what is said in the one is read as what the other says.
const KNOWN_VERSIONS: [&str; 2] = ["3.0", "3.1"];

/// The version of a document, as far as it says what words mean.
fn version(root: &Node) -> &str {
    let text = root.get("openapi").and_then(Node::text).unwrap_or_default();
    match text.match_indices('.').nth(1) {
        Some((end, _)) => text.get(..end).unwrap_or(text),
        None => text,
    }
}

fn side(root: &Node) -> Side<'_> {
    Side::new(root, if version(root) == "3.0" { Dialect::Old } else { Dialect::Draft })
}

/// What a difference is about.
#[derive(Clone)]
struct Spot {
    at: String,
    operations: Vec<String>,
    attributes: Vec<String>,
}

impl Spot {
    fn new(at: String) -> Self {
        Self { at, operations: Vec::new(), attributes: Vec::new() }
    }

    fn with(&self, more: &str) -> Self {
        Self { at: format!("{}, {more}", self.at), ..self.clone() }
    }

    /// It concerns those who use this attribute.
    fn of(&self, attribute: &str) -> Self {
        Self { attributes: vec![attribute.to_owned()], ..self.clone() }
    }

    /// It concerns everybody, whatever they use.
    fn of_all(&self) -> Self {
        Self { attributes: Vec::new(), ..self.clone() }
    }
}

/// A comparison of two documents.
struct Work<'a> {
    sides: (Side<'a>, Side<'a>),
    run: Run<'a>,
    found: Vec<Difference>,
}

impl<'a> Work<'a> {
    /// What stands at the top of the two, but for what is compared by itself.
    fn root(&mut self, spot: &Spot, old: &'a Node, new: &'a Node) {
        let known = |word: &str| {
            let compared = ["openapi", "jsonSchemaDialect", "servers", "paths", "webhooks", "components", "security"];
            compared.contains(&word) || matches!(word, "info" | "tags" | "externalDocs")
        };
        self.rest(spot, known, &[old], &[new]);
        if version(old) != version(new) && [old, new].iter().any(|root| !KNOWN_VERSIONS.contains(&version(root))) {
            self.note(&classes::OTHER, spot, old.get("openapi"), new.get("openapi"));
        }
        let words = ["title", "summary", "description", "termsOfService", "contact", "license", "version"];
        let of = |root: &'a Node, word: &str| root.get(word).map_or_else(Vec::new, |node| vec![node]);
        self.rest(&spot.with("info"), |word| words.contains(&word), &of(old, "info"), &of(new, "info"));
        let is_path = |word: &str| word.starts_with('/');
        self.rest(&spot.with("paths"), is_path, &of(old, "paths"), &of(new, "paths"));
    }

    fn operations(&mut self) {
        let (old_paths, new_paths) = (self.paths(false), self.paths(true));
        self.compare_paths(&old_paths, &new_paths);
        let (before, after): (Vec<Operation<'a>>, Vec<Operation<'a>>) =
            (old_paths.iter().flat_map(operations).collect(), new_paths.iter().flat_map(operations).collect());
        let known = |all: &[Operation<'a>]| -> HashMap<(String, &'a str), usize> {
            all.iter().enumerate().map(|(index, one)| ((one.path.shape.clone(), one.method), index)).collect()
        };
        let (was, is) = (known(&before), known(&after));
        let mut gone = Vec::new();
        for old in &before {
            match is.get(&(old.path.shape.clone(), old.method)).and_then(|index| after.get(*index)) {
                Some(new) => self.operation(old, new),
                None => gone.push(old),
            }
        }
        let mut added: Vec<&Operation<'a>> =
            after.iter().filter(|new| !was.contains_key(&(new.path.shape.clone(), new.method))).collect();
        gone.retain(|old| {
            let moved = added.iter().position(|new| old.id().is_some() && new.id() == old.id());
            let Some(new) = moved.map(|index| added.remove(index)) else { return true };
            self.note_as(&classes::OPERATION_MOVED, &old.spot(), Some(&old.title()), Some(&new.title()), new.place);
            false
        });
        self.removed(&gone, &before);
        for new in added {
            self.note_as(&classes::OPERATION_ADDED, &new.spot(), None, Some(&new.name()), new.place);
        }
    }

    /// Operations that are gone, and paths of which none is left.
    fn removed(&mut self, gone: &[&Operation<'a>], before: &[Operation<'a>]) {
        let mut told: Vec<&str> = Vec::new();
        for old in gone {
            if told.contains(&old.path.path) {
                continue;
            }
            let together: Vec<&&Operation<'a>> = gone.iter().filter(|other| other.path.path == old.path.path).collect();
            let ended = together.iter().any(|other| is_true(other.node.get("deprecated")));
            let count = before.iter().filter(|other| other.path.path == old.path.path).count();
            if count > 1 && together.len() == count && !ended {
                told.push(old.path.path);
                let operations = together.iter().map(|other| other.name()).collect();
                let spot = Spot { operations, ..Spot::new(old.path.path.to_owned()) };
                self.note_as(&classes::PATH_REMOVED, &spot, Some(old.path.path), None, old.place);
                continue;
            }
            let deprecated = is_true(old.node.get("deprecated"));
            let class = if deprecated { &classes::OPERATION_ENDED } else { &classes::OPERATION_REMOVED };
            self.note_as(class, &old.spot(), Some(&old.name()), None, old.place);
        }
    }

    fn operation(&mut self, old: &Operation<'a>, new: &Operation<'a>) {
        let spot = Spot { at: new.title(), ..old.spot() };
        if old.id() != new.id() {
            let (was, is) = (old.node.get("operationId"), new.node.get("operationId"));
            self.note_at(&classes::OPERATION_ID_CHANGED, &spot, (was, is), new.place);
        }
        self.lifecycle(&spot, &OPERATION, old.node, new.node);
        self.security(&spot, old, new);
        self.addresses(&spot, old, new);
        self.parameters(&spot, old, new);
        self.body(&spot, old, new);
        self.answers(&spot, old, new);
        let calls = [&classes::CALLBACK_REMOVED, &classes::CALLBACK_ADDED, &classes::CALLBACK_CHANGED];
        self.calls(&spot, calls, old.node.get("callbacks"), new.node.get("callbacks"));
        self.rest(&spot, |word| OPERATION_WORDS.contains(&word), &[old.node], &[new.node]);
    }

    fn webhooks(&mut self, spot: &Spot) {
        let calls = [&classes::WEBHOOK_REMOVED, &classes::WEBHOOK_ADDED, &classes::WEBHOOK_CHANGED];
        let (old, new) = (self.sides.0.root, self.sides.1.root);
        self.calls(spot, calls, old.get("webhooks"), new.get("webhooks"));
    }

    /// Calls that go the other way: they are the same, or not.
    fn calls(&mut self, spot: &Spot, classes: [&'static Class; 3], old: Option<&'a Node>, new: Option<&'a Node>) {
        let [removed, added, changed] = classes;
        for (name, was) in old.map(Node::entries).unwrap_or_default() {
            let spot = spot.with(&format!("call `{}`", name.value));
            match new.and_then(|new| new.get(&name.value)) {
                None => self.note(removed, &spot, Some(was), None),
                Some(is) if !self.alike(Some(was), Some(is)) => self.note(changed, &spot, Some(was), Some(is)),
                Some(_) => {}
            }
        }
        for (name, is) in new.map(Node::entries).unwrap_or_default() {
            if old.is_none_or(|old| old.get(&name.value).is_none()) {
                self.note(added, &spot.with(&format!("call `{}`", name.value)), None, Some(is));
            }
        }
    }

    /// Compares two schemas that messages of this way are held to.
    fn schemas(&mut self, spot: &Spot, way: Direction, old: Option<&'a Node>, new: Option<&'a Node>) {
        for mut difference in self.run.compare(way, old, new) {
            let within = std::mem::take(&mut difference.at);
            difference.at = if within == "/" { spot.at.clone() } else { format!("{}, {within}", spot.at) };
            difference.operations.clone_from(&spot.operations);
            if !spot.attributes.is_empty() {
                difference.attributes.clone_from(&spot.attributes);
            }
            self.found.push(difference);
        }
    }

    /// Whether two things are the same with all that they refer to.
    fn alike(&self, old: Option<&'a Node>, new: Option<&'a Node>) -> bool {
        both(old, new, |old, new| alike(&self.sides, old, new))
    }

    /// What is different and is known by no class.
    fn rest(&mut self, spot: &Spot, known: impl Fn(&str) -> bool, old: &[&'a Node], new: &[&'a Node]) {
        for (was, is) in rest(&self.sides, known, old, new) {
            self.note(&classes::OTHER, spot, was, is);
        }
    }

    fn note(&mut self, class: &'static Class, spot: &Spot, old: Option<&Node>, new: Option<&Node>) {
        let root = &self.sides.1.root.place;
        let place = new.or(old).map_or(root, |node| &node.place).clone();
        self.note_at(class, spot, (old, new), &place);
    }

    fn note_at(
        &mut self,
        class: &'static Class,
        spot: &Spot,
        (old, new): (Option<&Node>, Option<&Node>),
        place: &Place,
    ) {
        let place = new.map_or(place, |node| &node.place);
        self.note_as(class, spot, old.map(shown).as_deref(), new.map(shown).as_deref(), place);
    }

    fn note_as(&mut self, class: &'static Class, spot: &Spot, old: Option<&str>, new: Option<&str>, place: &Place) {
        let mut difference = Difference::new(class, spot.at.clone(), place).values(old, new);
        difference.operations.clone_from(&spot.operations);
        difference.attributes.clone_from(&spot.attributes);
        self.found.push(difference);
    }
}

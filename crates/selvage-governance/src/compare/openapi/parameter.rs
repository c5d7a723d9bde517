//! Parameters: where they stand, whether they are needed, how they are written, and which values they take.

use selvage_model::yaml::Node;

use super::body::plain;
use super::lifecycle::PARAMETER;
use super::path::Operation;
use super::{Spot, Work, classes};
use crate::compare::schema::is_true;
use crate::compare::{Class, Direction};

/// What is compared of a parameter, and what is for people.
const WORDS: [&str; 16] = [
    "name",
    "in",
    "required",
    "deprecated",
    "x-sunset",
    "x-stability-level",
    "x-selvage-row",
    "allowEmptyValue",
    "style",
    "explode",
    "allowReserved",
    "schema",
    "content",
    "description",
    "example",
    "examples",
];

/// A parameter behind its reference.
struct Parameter<'a> {
    place: &'a str,
    name: &'a str,
    node: &'a Node,
}

impl<'a> Parameter<'a> {
    /// Its name where names are compared: headers in small letters, path parameters by where they stand.
    fn key(&self, path: &[&str]) -> (&'a str, String) {
        let name = match self.place {
            "header" => self.name.to_ascii_lowercase(),
            "path" => {
                path.iter().position(|known| *known == self.name).map_or(self.name.to_owned(), |at| at.to_string())
            }
            _ => self.name.to_owned(),
        };
        (self.place, name)
    }

    fn is_required(&self) -> bool {
        self.place == "path" || is_true(self.node.get("required"))
    }

    fn style(&self) -> (&'a str, bool, bool) {
        let usual = if matches!(self.place, "query" | "cookie") { "form" } else { "simple" };
        let style = self.node.get("style").and_then(Node::text).unwrap_or(usual);
        let exploded = self.node.get("explode").map_or(style == "form", |node| is_true(Some(node)));
        (style, exploded, is_true(self.node.get("allowReserved")))
    }
}

impl<'a> Work<'a> {
    pub(super) fn parameters(&mut self, spot: &Spot, old: &Operation<'a>, new: &Operation<'a>) {
        let (before, after) = (self.declared(spot, old, false), self.declared(spot, new, true));
        let (was, is) = (old.path.names(), new.path.names());
        for parameter in &before {
            let key = parameter.key(&was);
            let at = spot.with(&format!("{} `{}`", parameter.place, parameter.name)).of(parameter.name);
            match after.iter().find(|other| other.key(&is) == key) {
                Some(other) => self.parameter(&at, parameter, other),
                None => self.note(&classes::PARAMETER_REMOVED, &at, Some(parameter.node), None),
            }
        }
        for parameter in &after {
            let key = parameter.key(&is);
            if before.iter().any(|other| other.key(&was) == key) {
                continue;
            }
            let at = spot.with(&format!("{} `{}`", parameter.place, parameter.name));
            if parameter.is_required() {
                self.note(&classes::PARAMETER_NEEDED, &at, None, Some(parameter.node));
            } else {
                self.note(&classes::PARAMETER_ADDED, &at.of(parameter.name), None, Some(parameter.node));
            }
        }
    }

    /// Those of the operation, and those of its path that it does not replace.
    fn declared(&mut self, spot: &Spot, operation: &Operation<'a>, new: bool) -> Vec<Parameter<'a>> {
        let side = if new { self.sides.1 } else { self.sides.0 };
        let mut all: Vec<Parameter<'a>> = Vec::new();
        for list in std::iter::once(&operation.node).chain(&operation.path.levels) {
            for written in list.get("parameters").map(Node::items).unwrap_or_default() {
                let Some(node) = side.resolve(written) else {
                    self.note(&classes::REFERENCE_UNRESOLVED, spot, None, Some(written));
                    continue;
                };
                let text = |word: &str| node.get(word).and_then(Node::text);
                let (Some(place), Some(name)) = (text("in"), text("name")) else { continue };
                let known = |known: &Parameter<'a>| {
                    known.place == place
                        && (known.name == name || (place == "header" && known.name.eq_ignore_ascii_case(name)))
                };
                if !all.iter().any(known) {
                    all.push(Parameter { place, name, node });
                }
            }
        }
        all
    }

    fn parameter(&mut self, spot: &Spot, old: &Parameter<'a>, new: &Parameter<'a>) {
        let (before, after) = (old.node, new.node);
        match (old.is_required(), new.is_required()) {
            (false, true) => {
                self.note(&classes::PARAMETER_REQUIRED, &spot.of_all(), before.get("required"), after.get("required"));
            }
            (true, false) => {
                self.note(&classes::PARAMETER_OPTIONAL, spot, before.get("required"), after.get("required"));
            }
            _ => {}
        }
        if old.style() != new.style() {
            let word = ["style", "explode", "allowReserved"]
                .into_iter()
                .find(|word| before.get(word).and_then(Node::text) != after.get(word).and_then(Node::text));
            let of = |node: &'a Node| word.and_then(|word| node.get(word));
            self.note_at(&classes::PARAMETER_STYLE, spot, (of(before), of(after)), &after.place);
        }
        let empty = |node: &'a Node| node.get("allowEmptyValue").filter(|node| is_true(Some(node)));
        match (empty(before), empty(after)) {
            (Some(was), None) => self.note(&classes::EMPTY_REFUSED, spot, Some(was), after.get("allowEmptyValue")),
            (None, Some(is)) => self.note(&classes::EMPTY_ACCEPTED, spot, before.get("allowEmptyValue"), Some(is)),
            _ => {}
        }
        let row = |node: &'a Node| node.get("x-selvage-row");
        if row(before).and_then(Node::text) != row(after).and_then(Node::text) {
            self.note(&classes::ROW_CHANGED, &spot.of_all(), row(before), row(after));
        }
        self.lifecycle(spot, &PARAMETER, before, after);
        self.carried(spot, (Direction::Request, &classes::PARAMETER_CONTENT), before, after);
        self.rest(spot, |word| WORDS.contains(&word), &[before], &[after]);
    }

    /// What a parameter or a header carries: a schema, or content of a media type.
    pub(super) fn carried(
        &mut self,
        spot: &Spot,
        (way, otherwise): (Direction, &'static Class),
        old: &'a Node,
        new: &'a Node,
    ) {
        let content = |node: &'a Node| node.get("content").map(Node::entries).unwrap_or_default();
        match (content(old), content(new)) {
            ([], []) => self.schemas(spot, way, old.get("schema"), new.get("schema")),
            ([(was, before)], [(is, after)]) if plain(&was.value) == plain(&is.value) => {
                self.one_media(spot, way, before, after);
            }
            _ if self.alike(old.get("content"), new.get("content")) => {}
            _ => self.note_at(otherwise, spot, (old.get("content"), new.get("content")), &new.place),
        }
    }
}

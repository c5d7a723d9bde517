//! Paths and their operations: which path of the one document is which of the other, and which new path takes requests that went
//! to another before.

use std::collections::{HashMap, HashSet};

use selvage_model::source::Place;
use selvage_model::yaml::Node;

use super::{METHODS, Spot, Work, classes};

/// A path of a document.
#[derive(Clone)]
pub(super) struct Path<'a> {
    pub(super) path: &'a str,
    /// The path without the names of its parameters.
    pub(super) shape: String,
    /// What it says itself, and then what it refers to.
    pub(super) levels: Vec<&'a Node>,
}

impl<'a> Path<'a> {
    /// What it says of something for all its operations.
    pub(super) fn get(&self, word: &str) -> Option<&'a Node> {
        self.levels.iter().find_map(|level| level.get(word))
    }

    /// The names of the parameters in it, in their order.
    pub(super) fn names(&self) -> Vec<&'a str> {
        self.path.split('{').skip(1).filter_map(|rest| Some(rest.split_once('}')?.0)).collect()
    }
}

/// An operation of a document.
pub(super) struct Operation<'a> {
    pub(super) method: &'a str,
    pub(super) path: Path<'a>,
    pub(super) node: &'a Node,
    pub(super) place: &'a Place,
}

impl<'a> Operation<'a> {
    pub(super) fn id(&self) -> Option<&'a str> {
        self.node.get("operationId").and_then(Node::text)
    }

    /// Its name in grants, or what it is called where it has none.
    pub(super) fn name(&self) -> String {
        self.id().map_or_else(|| self.title(), str::to_owned)
    }

    pub(super) fn title(&self) -> String {
        format!("{} {}", self.method.to_ascii_uppercase(), self.path.path)
    }

    pub(super) fn spot(&self) -> Spot {
        Spot { at: self.title(), operations: vec![self.name()], attributes: Vec::new() }
    }
}

/// The path with `{}` for every parameter.
fn shape(path: &str) -> String {
    let mut parts = path.split('{');
    let mut shape = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        shape.push_str("{}");
        shape.push_str(part.split_once('}').map_or("", |(_, rest)| rest));
    }
    shape
}

/// Whether an address may be of both, and not surely goes to the old one: a part as it is goes before a parameter.
fn takes(new: &str, old: &str) -> bool {
    let (new, old): (Vec<&str>, Vec<&str>) = (new.split('/').collect(), old.split('/').collect());
    let pairs = || new.iter().zip(&old);
    let is_open = |part: &str| part.contains("{}");
    new.len() == old.len()
        && pairs().all(|(new, old)| new == old || is_open(new) || is_open(old))
        && pairs().any(|(new, old)| new != old && is_open(old))
}

impl<'a> Work<'a> {
    /// The paths of a document, and those of its operations.
    pub(super) fn paths(&mut self, new: bool) -> Vec<Path<'a>> {
        let side = if new { self.sides.1 } else { self.sides.0 };
        let mut all = Vec::new();
        for (path, written) in side.root.get("paths").map(Node::entries).unwrap_or_default() {
            if path.value.starts_with("x-") {
                continue;
            }
            let path = path.value.as_ref();
            let Some(target) = side.resolve(written) else {
                self.note(&classes::REFERENCE_UNRESOLVED, &Spot::new(path.to_owned()), None, Some(written));
                continue;
            };
            // What stands beside a reference counts as well; where both say something, nothing says which of them does.
            let levels = if std::ptr::eq(target, written) { vec![written] } else { vec![written, target] };
            all.push(Path { path, shape: shape(path), levels });
        }
        all
    }

    /// Compares the paths, whatever their operations are.
    pub(super) fn compare_paths(&mut self, before: &[Path<'a>], after: &[Path<'a>]) {
        let known = |word: &str| {
            METHODS.contains(&word) || matches!(word, "$ref" | "parameters" | "servers" | "summary" | "description")
        };
        let by_shape: HashMap<&str, &Path<'a>> = before.iter().map(|path| (path.shape.as_str(), path)).collect();
        for path in after {
            let Some(old) = by_shape.get(path.shape.as_str()) else {
                self.taken(path, before);
                continue;
            };
            let spot = Spot::new(path.path.to_owned());
            self.rest(&spot, known, &old.levels, &path.levels);
            if old.path != path.path {
                let place = path.levels.first().map_or(&self.sides.1.root.place, |node| &node.place).clone();
                self.note_as(&classes::PARAMETER_RENAMED, &spot, Some(old.path), Some(path.path), &place);
            }
        }
    }

    /// A new path that takes requests which went to another.
    fn taken(&mut self, new: &Path<'a>, before: &[Path<'a>]) {
        for old in before.iter().filter(|old| takes(&new.shape, &old.shape)) {
            let operations: Vec<String> = operations(old).iter().map(Operation::name).collect();
            if operations.is_empty() {
                continue;
            }
            let place = new.levels.first().map_or(&self.sides.1.root.place, |node| &node.place).clone();
            let spot = Spot { operations, ..Spot::new(old.path.to_owned()) };
            self.note_as(&classes::PATH_TAKEN, &spot, Some(old.path), Some(new.path), &place);
        }
    }
}

/// The operations of a path; what it says itself goes before what it refers to.
pub(super) fn operations<'a>(path: &Path<'a>) -> Vec<Operation<'a>> {
    let mut seen = HashSet::new();
    let entries = path.levels.iter().flat_map(|level| level.entries());
    entries
        .filter(|(method, _)| METHODS.contains(&method.value.as_ref()) && seen.insert(method.value.as_ref()))
        .map(|(method, node)| Operation { method: &method.value, path: path.clone(), node, place: &method.place })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_as_it_is_goes_before_a_parameter() {
        for (new, old, is) in [
            ("/a/new", "/a/{id}", true),
            ("/a/{id}", "/a/new", false),
            ("/a/b/new", "/a/{id}", false),
            ("/{kind}/new", "/a/{id}", true),
            ("/a/{id}/x", "/{kind}/{id}/x", true),
            ("/{kind}/{id}/x", "/a/{id}/x", false),
            ("/a/x", "/b/{id}", false),
            ("/a/x", "/a/x{id}", true),
        ] {
            assert_eq!(takes(&shape(new), &shape(old)), is, "{new} | {old}");
        }
    }
}

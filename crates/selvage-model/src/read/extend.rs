//! Manifests that extend one of a pack: what they say takes the place of what the pack says, the rest of it stays. Works on
//! the documents before they are read, so that each value keeps the place where somebody wrote it.

use std::collections::BTreeMap;

use super::{nearest, one_of};
use crate::code;
use crate::finding::{Finding, show};
use crate::manifest::kind::Kind;
use crate::name::Version;
use crate::schema::tables;
use crate::source::Spanned;
use crate::yaml::{Content, Key, Node};

/// How the files of packs are named: `pack:odoo/objects/product.yaml`.
const PACK: &str = "pack:";

/// Whether this file came with a pack.
pub(super) fn is_shipped(path: &str) -> bool {
    path.starts_with(PACK)
}

/// A document that extends another.
pub(super) struct Extension {
    kind: Kind,
    target: Spanned<String>,
    node: Node,
}

impl Extension {
    /// Of this document; `None` where it does not say what it extends.
    pub(super) fn of(kind: Kind, node: Node) -> Option<Self> {
        let target = node.get("extends")?;
        let target = Spanned::new(target.text()?.to_owned(), target.place.clone());
        Some(Self { kind, target, node })
    }
}

/// All extensions, by what they extend.
pub(super) struct Extensions {
    extensions: BTreeMap<(Kind, String), Extension>,
    /// What there was to extend.
    shipped: Vec<(Kind, String)>,
}

impl Extensions {
    /// Of two that extend one thing, the first counts and the second is a finding.
    pub(super) fn new(all: Vec<Extension>, findings: &mut Vec<Finding>) -> Self {
        let mut extensions: BTreeMap<(Kind, String), Extension> = BTreeMap::new();
        for extension in all {
            let key = (extension.kind, extension.target.value.clone());
            if let Some(first) = extensions.get(&key) {
                let message =
                    format!("{} is extended twice; first at {}", show(&extension.target.value), first.target.place);
                let finding = Finding::error(code::EXTENDED_TWICE, &extension.target.place, message);
                findings.push(finding.fix("put both into one document"));
            } else {
                extensions.insert(key, extension);
            }
        }
        Self { extensions, shipped: Vec::new() }
    }

    /// The document of a pack as it is extended; itself where nothing extends it.
    pub(super) fn apply(&mut self, kind: Kind, shipped: Node, findings: &mut Vec<Finding>) -> Node {
        let Some(name) = name(kind, &shipped) else { return shipped };
        self.shipped.push((kind, name.clone()));
        match self.extensions.remove(&(kind, name)) {
            Some(extension) => Merge { kind, findings }.documents(shipped, extension.node),
            None => shipped,
        }
    }

    /// Those that extend nothing.
    pub(super) fn finish(self, findings: &mut Vec<Finding>) {
        for extension in self.extensions.values() {
            let of_kind = self.shipped.iter().filter(|(kind, _)| *kind == extension.kind);
            let names: Vec<&str> = of_kind.map(|(_, name)| name.as_str()).collect();
            let target = &extension.target;
            let message = format!("no pack that the fabric takes has the {} {}", extension.kind, show(&target.value));
            let finding = Finding::error(code::EXTENDS_UNKNOWN, &target.place, message);
            findings.push(match nearest(&target.value, names.iter().copied()) {
                Some(like) => finding.fix(format!("did you mean {}?", show(like))),
                None if names.is_empty() => finding.fix("take its pack with `packs:` in the `kind: Fabric` manifest"),
                None => finding.fix(format!("it has {}", one_of(&names))),
            });
        }
    }
}

/// By what a document of a pack is extended: its name, of an object with its major version.
fn name(kind: Kind, node: &Node) -> Option<String> {
    let name = node.get("name")?.text()?;
    match kind {
        Kind::Object => {
            let version: Version = node.get("version")?.text()?.parse().ok()?;
            Some(format!("{name}@{}", version.major))
        }
        _ => Some(name.to_owned()),
    }
}

/// Puts one document over another.
struct Merge<'a> {
    kind: Kind,
    findings: &'a mut Vec<Finding>,
}

impl Merge<'_> {
    fn documents(&mut self, shipped: Node, extension: Node) -> Node {
        let place = extension.place.clone();
        let mut merged = entries(shipped);
        let fields = tables::extension::of(self.kind).map_or(&[][..], |record| record.fields);
        // A field that extensions do not have is told already.
        let known = |(key, _): &(Key, Node)| fields.iter().any(|field| field.name == key.value.as_ref());
        for (key, value) in entries(extension).into_iter().filter(known) {
            let word = key.value.as_ref();
            let at = merged.iter().position(|(known, _)| known.value.as_ref() == word);
            let below = at.and_then(|at| merged.get_mut(at)).map(|(_, node)| node);
            match (self.kind, word, below) {
                (_, "extends", _) => {}
                (Kind::Mapping, "fields", Some(below)) | (Kind::Object, "attributes", Some(below)) => {
                    self.members(below, value, "");
                }
                (Kind::CodeSet, "systems", Some(below)) => self.systems(below, value),
                (Kind::CodeSet, "codes", Some(below)) => self.codes(below, value),
                (_, _, Some(below)) => self.replace(below, &key, value),
                (_, _, None) => merged.push((key, value)),
            }
        }
        Node { place, content: Content::Map(merged) }
    }

    /// Members by name: `null` removes one, a new one is added. An attribute without a type changes a part of the shipped one.
    fn members(&mut self, below: &mut Node, over: Node, of: &str) {
        let (Content::Map(known), Content::Map(given)) = (&mut below.content, over.content) else { return };
        for (key, value) in given {
            let at = known.iter().position(|(name, _)| name.value == key.value);
            let is_part = self.kind == Kind::Object
                && matches!(value.content, Content::Map(_))
                && (!of.is_empty() || value.get("type").is_none());
            match at {
                Some(at) if value.is_null() => drop(known.remove(at)),
                None if value.is_null() => {
                    let message = format!("{} is not there to be removed", show(&key.value));
                    self.nothing(&key, message, known);
                }
                Some(at) => {
                    if let Some((name, node)) = known.get_mut(at) {
                        if is_part && of.is_empty() {
                            self.members(node, value, &key.value);
                        } else {
                            self.replace(node, &key, value);
                        }
                        *name = key;
                    }
                }
                None if is_part && of.is_empty() => {
                    let message = format!("there is no attribute {} of which a part could change", show(&key.value));
                    let finding = Finding::error(code::EXTENDS_UNKNOWN, &key.place, message);
                    self.findings.push(match nearest(&key.value, names(known)) {
                        Some(like) => finding.fix(format!("did you mean {}?", show(like))),
                        None => finding.fix("give it a `type`, so that it is a new one"),
                    });
                }
                None => known.push((key, value)),
            }
        }
    }

    fn systems(&mut self, below: &mut Node, over: Node) {
        let (Content::Map(known), Content::Map(given)) = (&mut below.content, over.content) else { return };
        for (system, words) in given {
            match known.iter_mut().find(|(name, _)| name.value == system.value) {
                Some((_, below)) => self.members(below, words, ""),
                None => known.push((system, words)),
            }
        }
    }

    /// Codes by their code: one that is known is replaced, others are added.
    fn codes(&mut self, below: &mut Node, over: Node) {
        let (Content::List(known), Content::List(given)) = (&mut below.content, over.content) else { return };
        for code in given {
            let word = |node: &Node| node.get("code").and_then(Node::text).map(str::to_owned);
            match known.iter_mut().find(|node| word(node).is_some() && word(node) == word(&code)) {
                Some(node) => {
                    let key = Spanned::new(word(&code).unwrap_or_default().into(), code.place.clone());
                    self.replace(node, &key, code);
                }
                None => known.push(code),
            }
        }
    }

    fn replace(&mut self, below: &mut Node, key: &Key, over: Node) {
        if below.to_value() == over.to_value() {
            self.nothing(key, format!("{} is the same in the pack", show(&key.value)), &[]);
        }
        *below = over;
    }

    fn nothing(&mut self, key: &Key, message: String, known: &[(Key, Node)]) {
        let finding = Finding::warning(code::EXTENDS_NOTHING, &key.place, message);
        self.findings.push(match nearest(&key.value, names(known)) {
            Some(like) => finding.fix(format!("did you mean {}?", show(like))),
            None => finding.fix("remove the line: it overrides nothing"),
        });
    }
}

fn entries(node: Node) -> Vec<(Key, Node)> {
    match node.content {
        Content::Map(entries) => entries,
        _ => Vec::new(),
    }
}

fn names(known: &[(Key, Node)]) -> impl Iterator<Item = &str> {
    known.iter().map(|(name, _)| name.value.as_ref())
}

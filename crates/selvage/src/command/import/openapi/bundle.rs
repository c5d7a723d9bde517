//! One document of a contract that is made of several files: what is referred to beside it is taken into `components`, path items
//! are put where they are referred to. A reference that leads nowhere, or away, is refused; all such are told at once.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use selvage_model::code;
use selvage_model::finding::show;
use selvage_model::yaml::Limits;
use serde_json::{Map, Value, json};

use super::Refusal;
use super::file::{self, Files};
use super::grammar::{Part, Spot};
use super::pointer;

/// Most refusals that are told at once.
const MOST_REFUSALS: usize = 20;
/// Path items that refer to each other.
const MOST_HOPS: usize = 16;

/// The whole contract in one document.
pub(super) struct Bundle {
    pub(super) document: Value,
    /// The references that were taken in, as they stood.
    pub(super) taken_in: Vec<String>,
}

/// Where a reference leads.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Target {
    file: String,
    pointer: String,
    part: Part,
}

struct Bundler<'f> {
    files: &'f mut Files,
    refusals: Vec<Refusal>,
    /// The names under which targets are in `components`.
    names: BTreeMap<Target, String>,
    waiting: VecDeque<(Target, String)>,
    /// The names that are taken, by section.
    taken: BTreeSet<(&'static str, String)>,
    /// How often a name was wanted.
    numbers: BTreeMap<(&'static str, String), u32>,
    taken_in: Vec<String>,
    nodes_left: usize,
}

/// Makes one document.
pub(super) fn bundle(files: &mut Files) -> Result<Bundle, Vec<Refusal>> {
    let first = files.first.clone();
    let mut document = files.get(&first).map_err(|refusal| vec![refusal])?.as_ref().clone();
    let mut bundler = Bundler {
        files,
        refusals: Vec::new(),
        names: BTreeMap::new(),
        waiting: VecDeque::new(),
        taken: BTreeSet::new(),
        numbers: BTreeMap::new(),
        taken_in: Vec::new(),
        nodes_left: Limits::CONTRACT.nodes,
    };
    bundler.walk(&mut document, Spot::Document, &first, 0);
    bundler.take_in(&mut document);
    let Bundler { refusals, taken_in, .. } = bundler;
    if refusals.is_empty() { Ok(Bundle { document, taken_in }) } else { Err(refusals) }
}

impl Bundler<'_> {
    fn refuse(&mut self, refusal: Refusal) {
        if self.refusals.len() < MOST_REFUSALS && !self.refusals.contains(&refusal) {
            self.refusals.push(refusal);
        }
    }

    /// Follows every reference below; `file` is the one that the value stands in.
    fn walk(&mut self, value: &mut Value, spot: Spot, file: &str, hops: usize) {
        if spot == Spot::Data || self.refusals.len() >= MOST_REFUSALS {
            return;
        }
        match value {
            Value::Array(items) => items.iter_mut().for_each(|item| self.walk(item, spot.member(""), file, hops)),
            Value::Object(members) => {
                if let Spot::One(part) = spot
                    && let Some(Value::String(reference)) = members.get("$ref")
                {
                    let reference = reference.clone();
                    if part == Part::PathItem {
                        self.put_in_place(value, &reference, file, hops);
                        return;
                    }
                    if let Some(local) = self.local(&reference, part, file) {
                        members.insert("$ref".to_owned(), Value::String(local));
                    }
                }
                if spot == Spot::One(Part::Schema) {
                    self.discriminator(members, file);
                }
                for (name, member) in members.iter_mut() {
                    self.walk(member, spot.member(name), file, hops);
                }
            }
            _ => {}
        }
    }

    /// The words of a discriminator refer to schemas too.
    fn discriminator(&mut self, members: &mut Map<String, Value>, file: &str) {
        let mapping = members.get_mut("discriminator").and_then(|it| it.get_mut("mapping"));
        for (_, target) in mapping.and_then(Value::as_object_mut).into_iter().flatten() {
            let Value::String(text) = target else { continue };
            if text.contains(['#', '/'])
                && let Some(local) = self.local(&text.clone(), Part::Schema, file)
            {
                *target = Value::String(local);
            }
        }
    }

    /// Where the reference leads, as a file and a pointer.
    fn target(&mut self, reference: &str, part: Part, file: &str) -> Option<Target> {
        let (path, pointer) = reference.split_once('#').unwrap_or((reference, ""));
        let file = if path.is_empty() { Ok(file.to_owned()) } else { file::beside(file, &pointer::decoded(path)) };
        match file {
            Ok(file) => Some(Target { file, pointer: pointer::decoded(pointer), part }),
            Err(refusal) => {
                self.refuse(refusal);
                None
            }
        }
    }

    fn find(&mut self, target: &Target, reference: &str) -> Option<Value> {
        let content = match self.files.get(&target.file) {
            Ok(content) => content,
            Err(refusal) => {
                self.refuse(refusal);
                return None;
            }
        };
        let found = content.pointer(&target.pointer);
        let Some(found) = found else {
            let message = format!("the reference {} leads to nothing", show(reference));
            self.refuse(Refusal::new(code::IMPORT_REFERENCE, message, "correct it, or add what it names"));
            return None;
        };
        match self.nodes_left.checked_sub(size(found)) {
            Some(left) => self.nodes_left = left,
            None => {
                let message = "what the references of the contract lead to repeats without end".to_owned();
                self.refuse(Refusal::new(code::IMPORT_UNREADABLE, message, "keep only the operations that are needed"));
                return None;
            }
        }
        Some(found.clone())
    }

    /// The reference as it has to stand in the one document.
    fn local(&mut self, reference: &str, part: Part, file: &str) -> Option<String> {
        let target = self.target(reference, part, file)?;
        if target.file == self.files.first {
            let root = self.files.get(&target.file).ok()?;
            if root.pointer(&target.pointer).is_none() {
                let message = format!("the reference {} leads to nothing", show(reference));
                self.refuse(Refusal::new(code::IMPORT_REFERENCE, message, "correct it, or add what it names"));
                return None;
            }
            // As it was written, where it stands in the first file already.
            let stays = reference.starts_with('#') && file == target.file;
            return Some(if stays { reference.to_owned() } else { format!("#{}", target.pointer) });
        }
        let section = part.section()?;
        if let Some(name) = self.names.get(&target) {
            return Some(format!("#/components/{section}/{name}"));
        }
        let name = self.name(&target, section);
        self.taken_in.push(format!("{}#{}", target.file, target.pointer));
        self.names.insert(target.clone(), name.clone());
        let local = format!("#/components/{section}/{name}");
        self.waiting.push_back((target, name));
        Some(local)
    }

    /// A name that is free in the section: the target's own, or its file's.
    fn name(&mut self, target: &Target, section: &'static str) -> String {
        let stem = target.file.rsplit('/').next().unwrap_or_default().split('.').next().unwrap_or_default();
        let last = target.pointer.rsplit('/').next().filter(|last| !last.is_empty()).unwrap_or(stem);
        let plain = |c: char| if c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.') { c } else { '_' };
        let wanted: String = last.chars().map(plain).collect();
        let root = self.files.get(&self.files.first.clone()).ok();
        let there = root.as_ref().and_then(|root| root.pointer(&format!("/components/{section}"))?.as_object());
        let last = self.numbers.entry((section, wanted.clone())).or_insert(0);
        loop {
            *last += 1;
            let name = if *last == 1 { wanted.clone() } else { format!("{wanted}_{last}") };
            let is_there = there.is_some_and(|there| there.contains_key(&name));
            if !is_there && self.taken.insert((section, name.clone())) {
                return name;
            }
        }
    }

    /// Puts a path item where it is referred to.
    fn put_in_place(&mut self, item: &mut Value, reference: &str, file: &str, hops: usize) {
        let Some(target) = self.target(reference, Part::PathItem, file) else { return };
        if hops >= MOST_HOPS {
            let message = format!("the reference {} leads back to itself", show(reference));
            self.refuse(Refusal::new(code::IMPORT_REFERENCE, message, "point it at a path item"));
            return;
        }
        let Some(mut found) = self.find(&target, reference) else { return };
        self.taken_in.push(format!("{}#{}", target.file, target.pointer));
        self.walk(&mut found, Spot::One(Part::PathItem), &target.file, hops + 1);
        *item = found;
    }

    /// Puts what lies in other files into `components`, and what that refers to.
    fn take_in(&mut self, document: &mut Value) {
        while let Some((target, name)) = self.waiting.pop_front() {
            let Some(section) = target.part.section() else { continue };
            let Some(mut found) = self.find(&target, &target.pointer) else { continue };
            self.walk(&mut found, Spot::One(target.part), &target.file, 0);
            let Some(root) = document.as_object_mut() else { return };
            let components = root.entry("components").or_insert_with(|| json!({}));
            let Some(components) = components.as_object_mut() else { return };
            if let Some(things) = components.entry(section).or_insert_with(|| json!({})).as_object_mut() {
                things.insert(name, found);
            }
        }
    }
}

/// How many values this is.
fn size(value: &Value) -> usize {
    match value {
        Value::Array(items) => 1 + items.iter().map(size).sum::<usize>(),
        Value::Object(members) => 1 + members.values().map(size).sum::<usize>(),
        _ => 1,
    }
}

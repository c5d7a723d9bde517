//! What the members of a contract's schemas are called, which of them carry a class of data, and which are never `null`.
//! By name alone: a name that carries a class in one place of a contract carries it in all. A mark that gives no name a class is told.

use std::collections::HashSet;

use super::{Contract, follow, within};
use crate::finding::show;
use crate::source::{Place, Spanned};
use crate::yaml::{Content, Key, Node};

const CLASS: &str = "x-selvage-class";
/// Schemas that are looked at for whether one member takes `null`, where schemas refer to schemas.
const MOST_SCHEMAS: u32 = 64;

/// What cannot be used of a contract: where, why, and what to do.
pub(super) type Unusable<'a> = (&'a Place, String, &'static str);

/// Gathers what stands under `properties`, `parameters` and `headers`, however deep; the marks that say nothing.
pub(super) fn gather<'a>(root: &'a Node, contract: &mut Contract) -> Vec<Unusable<'a>> {
    let mut gathering = Gathering {
        root,
        contract,
        marks: Vec::new(),
        naming: HashSet::new(),
        whole: Vec::new(),
        of_parameters: HashSet::new(),
        unusable: Vec::new(),
    };
    gathering.walk(root, false);
    gathering.judge();
    gathering.unusable
}

struct Gathering<'a, 'c> {
    root: &'a Node,
    contract: &'c mut Contract,
    /// Every mark.
    marks: Vec<&'a Node>,
    /// Those that give a name a class.
    naming: HashSet<*const Node>,
    /// Those of what has no name, with the `content` that it is: whole bodies and answers, and what lists and maps of them are made of.
    whole: Vec<(*const Node, &'a Node)>,
    /// The `content` of parameters and headers, which have names.
    of_parameters: HashSet<*const Node>,
    unusable: Vec<Unusable<'a>>,
}

impl<'a> Gathering<'a, '_> {
    /// Everything in a document; `by_name` where its keys are names, and no words of OpenAPI.
    fn walk(&mut self, node: &'a Node, by_name: bool) {
        match &node.content {
            Content::Map(entries) if by_name => entries.iter().for_each(|(_, node)| self.walk(node, false)),
            Content::Map(entries) => {
                for (key, node) in entries {
                    let key = key.value.as_ref();
                    match key {
                        "properties" => node.entries().iter().for_each(|entry| self.member(entry)),
                        "headers" => node.entries().iter().for_each(|entry| self.header(entry)),
                        "parameters" => self.parameters(node),
                        "content" => self.bodies(node),
                        CLASS => self.marks.push(node),
                        _ => {}
                    }
                    self.walk(node, matches!(key, "properties" | "patternProperties" | "headers" | "content"));
                }
            }
            Content::List(items) => items.iter().for_each(|item| self.walk(item, false)),
            Content::Scalar(_) => {}
        }
    }

    fn member(&mut self, (name, schema): &'a (Key, Node)) {
        let member = name.value.as_ref().to_owned();
        let mut left = MOST_SCHEMAS;
        if !takes_null(schema, self.root, &mut left) {
            self.contract.never_null.insert(member.clone());
        }
        let names = within::names(schema, self.root).0;
        if !names.is_empty() {
            self.contract.within.entry(member.clone()).or_default().extend(names);
        }
        self.contract.members.insert(member);
        self.classed(&Spanned::new(name.value.as_ref().to_owned(), name.place.clone()), schema, &name.place);
    }

    fn header(&mut self, (name, header): &'a (Key, Node)) {
        self.of_parameters.extend(header.get("content").map(std::ptr::from_ref));
        let spanned = Spanned::new(name.value.as_ref().to_owned(), name.place.clone());
        self.contract.headers.insert(spanned.value.clone());
        if self.classed(&spanned, header, &name.place) {
            self.contract.classed_headers.insert(spanned.value);
        }
    }

    /// Parameters of a path or an operation, or those among the components by their own names there.
    fn parameters(&mut self, node: &'a Node) {
        let listed = items(node).iter().chain(node.entries().iter().map(|(_, parameter)| parameter));
        for parameter in listed {
            self.of_parameters.extend(parameter.get("content").map(std::ptr::from_ref));
            let Some((name, place)) = parameter.get("name").and_then(|name| Some((name.text()?, &name.place))) else {
                continue;
            };
            let is_classed = self.classed(&Spanned::new(name.to_owned(), place.clone()), parameter, place);
            if is_classed && parameter.get("in").and_then(Node::text) == Some("header") {
                self.contract.classed_headers.insert(name.to_owned());
            }
        }
    }

    fn bodies(&mut self, content: &'a Node) {
        let mut found = Vec::new();
        for schema in content.entries().iter().filter_map(|(_, media)| media.get("schema")) {
            within::each(schema, self.root, &mut |schema| found.extend(schema.get(CLASS)));
        }
        self.whole.extend(found.into_iter().map(|mark| (std::ptr::from_ref(content), mark)));
    }

    /// Notes the classes of this name: by marks of a schema, parameter or header, and of all that it is made of. Whether there are any.
    fn classed(&mut self, name: &Spanned<String>, node: &'a Node, place: &'a Place) -> bool {
        let mut found = Vec::new();
        if !within::each(node, self.root, &mut |schema| found.extend(schema.get(CLASS))) {
            let message = format!("the schema of {} is made of too many others", show(&name.value));
            self.unusable.push((place, message, "make it of fewer: what stands in it cannot be told"));
        }
        let mut is_classed = false;
        for mark in found {
            self.naming.insert(std::ptr::from_ref(mark));
            for (class, place) in classes(mark) {
                is_classed = true;
                self.contract.classes.push((name.clone(), Spanned::new(class.to_owned(), place.clone())));
            }
        }
        is_classed
    }

    /// Notes the marks that mask nothing, or not all of what they say.
    fn judge(&mut self) {
        let mut told: HashSet<*const Node> = HashSet::new();
        let whole =
            self.whole.iter().filter(|(content, _)| !self.of_parameters.contains(content)).map(|(_, mark)| *mark);
        for mark in whole {
            if told.insert(std::ptr::from_ref(mark)) {
                let message = "a whole message, or what its list or map is made of, carries a class of data".to_owned();
                self.unusable.push((&mark.place, message, "mark members: only what has a name can be masked"));
            }
        }
        for mark in &self.marks {
            let pointer = std::ptr::from_ref(*mark);
            if classes(mark).is_empty() || items(mark).iter().any(|item| item.text().is_none()) {
                let message = format!("`{CLASS}` names no class of data");
                self.unusable.push((&mark.place, message, "write one word, or a list of words"));
            } else if !self.naming.contains(&pointer) && told.insert(pointer) {
                let message = "no member, parameter or header carries this class of data".to_owned();
                self.unusable.push((&mark.place, message, "mark a member, or what one refers to; or remove it"));
            }
        }
    }
}

/// The classes that a mark names: one or a list of them.
fn classes(mark: &Node) -> Vec<(&str, &Place)> {
    let listed = std::iter::once(mark).chain(items(mark));
    listed.filter_map(|node| Some((node.text()?, &node.place))).collect()
}

/// Whether a schema takes `null`; one that is not told to be anything takes all.
fn takes_null(schema: &Node, root: &Node, left: &mut u32) -> bool {
    let Some(rest) = left.checked_sub(1) else { return false };
    *left = rest;
    let mut takes = |schema: &Node| takes_null(schema, root, left);
    if let Some(target) = schema.get("$ref").and_then(Node::text) {
        return target.strip_prefix('#').and_then(|pointer| follow(pointer, root)).is_some_and(&mut takes);
    }
    let is_null = |node: &Node| node.is_null() || node.text() == Some("null");
    let said = schema.get("nullable").and_then(Node::text) == Some("true");
    let of_type = schema.get("type").is_none_or(|node| is_null(node) || items(node).iter().any(is_null));
    let listed = schema.get("enum").is_none_or(|node| items(node).iter().any(Node::is_null));
    let constant = schema.get("const").is_none_or(Node::is_null);
    let all = schema.get("allOf").is_none_or(|node| items(node).iter().all(&mut takes));
    let mut any = |name: &str| schema.get(name).is_none_or(|node| items(node).iter().any(&mut takes));
    (said || of_type) && listed && constant && all && any("anyOf") && any("oneOf")
}

fn items(node: &Node) -> &[Node] {
    match &node.content {
        Content::List(items) => items,
        _ => &[],
    }
}

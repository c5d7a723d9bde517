//! A schema in its normal form: what it and everything that it must also be (`$ref`, `allOf`) says, each keyword in a list of its
//! own. A value fits when it keeps to all of it. Never decides anything.

use std::collections::HashSet;

use selvage_model::yaml::{Content, Node};
use serde_json::Value;

use super::kinds::{Kinds, equal};
use super::limit::{Bound, Limit, Measure, Size, decimal, size};
use super::side::{Dialect, Side, is_true, truth};
use super::spared::spares;
use crate::compare::Direction;

/// Schemas that all apply to the same value; none for anything at all.
pub(super) type All<'a> = Vec<&'a Node>;

/// What one schema says of an object's members together.
#[derive(Clone, Copy)]
pub(super) struct Members<'a> {
    pub(super) properties: Option<&'a Node>,
    pub(super) patterns: Option<&'a Node>,
    /// Of every other member.
    pub(super) others: Option<&'a Node>,
}

/// What one schema says of a list's items together.
#[derive(Clone, Copy)]
pub(super) struct Items<'a> {
    pub(super) first: &'a [Node],
    /// Of every item after those.
    pub(super) rest: Option<&'a Node>,
}

/// `contains`, and how often.
#[derive(Clone, Copy)]
pub(super) struct Contains<'a> {
    pub(super) schema: &'a Node,
    pub(super) least: u64,
    pub(super) most: Option<u64>,
}

/// Several schemas of which a value fits one, or just one.
#[derive(Clone, Copy)]
pub(super) struct Choice<'a> {
    pub(super) node: &'a Node,
    /// Of exactly one.
    pub(super) one: bool,
}

/// What is not taken apart: it holds where the other side says the same.
#[derive(Clone, Copy)]
pub(super) struct Opaque<'a> {
    pub(super) keyword: &'static str,
    /// The schema that says it.
    pub(super) schema: &'a Node,
    pub(super) node: &'a Node,
}

/// The values that are allowed, and where that stands.
pub(super) struct Values<'a> {
    pub(super) values: Vec<Value>,
    pub(super) node: &'a Node,
    /// It was one value: `const`.
    pub(super) constant: bool,
}

/// A schema in its normal form.
pub(super) struct Form<'a> {
    /// What it is made of; the first is the schema itself.
    pub(super) parts: Vec<&'a Node>,
    pub(super) kinds: Kinds,
    pub(super) kinds_at: Option<&'a Node>,
    pub(super) values: Option<Values<'a>>,
    pub(super) limits: Vec<Limit<'a>>,
    pub(super) sizes: Vec<Size<'a>>,
    pub(super) patterns: Vec<&'a Node>,
    pub(super) formats: Vec<&'a Node>,
    pub(super) unique: Option<&'a Node>,
    pub(super) items: Vec<Items<'a>>,
    pub(super) contains: Vec<Contains<'a>>,
    pub(super) members: Vec<Members<'a>>,
    pub(super) required: Vec<(&'a str, &'a Node)>,
    pub(super) names: Vec<&'a Node>,
    /// A member, and another that has to be there with it.
    pub(super) dependent: Vec<(&'a str, &'a str, &'a Node)>,
    pub(super) dependent_schemas: Vec<(&'a str, &'a Node)>,
    pub(super) choices: Vec<Choice<'a>>,
    pub(super) opaque: Vec<Opaque<'a>>,
    seen: HashSet<*const Node>,
}

impl<'a> Form<'a> {
    /// The form of what all these schemas say, where messages travel this way.
    pub(super) fn of(all: &[&'a Node], side: &Side<'a>, way: Direction) -> Self {
        let mut form = Self {
            parts: Vec::new(),
            kinds: Kinds::ALL,
            kinds_at: None,
            values: None,
            limits: Vec::new(),
            sizes: Vec::new(),
            patterns: Vec::new(),
            formats: Vec::new(),
            unique: None,
            items: Vec::new(),
            contains: Vec::new(),
            members: Vec::new(),
            required: Vec::new(),
            names: Vec::new(),
            dependent: Vec::new(),
            dependent_schemas: Vec::new(),
            choices: Vec::new(),
            opaque: Vec::new(),
            seen: HashSet::new(),
        };
        let mut next: Vec<&'a Node> = all.iter().rev().copied().collect();
        while let Some(schema) = next.pop() {
            if form.seen.insert(std::ptr::from_ref(schema)) {
                form.part(schema, side, way, &mut next);
            }
        }
        form.choose(side);
        if let Some(values) = &mut form.values {
            let kinds = form.kinds;
            values.values.retain(|value| Kinds::of_value(value).meets(kinds));
            let found = values.values.iter().fold(Kinds::NONE, |all, value| all.or(Kinds::of_value(value)));
            form.kinds = form.kinds.and(found);
        }
        form
    }

    /// Whether this schema is one of those that all apply.
    pub(super) fn has(&self, schema: &Node) -> bool {
        self.seen.contains(&std::ptr::from_ref(schema))
    }

    /// Whether numbers that fit are whole.
    pub(super) fn is_whole(&self) -> bool {
        !self.kinds.meets(Kinds::FRACTION)
    }

    /// A value is of a kind that one of the alternatives has.
    fn choose(&mut self, side: &Side<'a>) {
        for choice in &self.choices {
            let mut left = MOST_KINDS;
            let of = |part: &'a Node| kinds_of(part, side, &mut left);
            let any = choice.node.items().iter().map(of).fold(Kinds::NONE, Kinds::or);
            self.kinds = self.kinds.and(any);
            self.kinds_at.get_or_insert(choice.node);
        }
    }

    fn part(&mut self, schema: &'a Node, side: &Side<'a>, way: Direction, next: &mut Vec<&'a Node>) {
        match truth(schema) {
            Some(true) => return,
            Some(false) => {
                self.kinds = Kinds::NONE;
                self.kinds_at = Some(schema);
                return;
            }
            None => {}
        }
        if !matches!(schema.content, Content::Map(_)) {
            return self.unread("schema", schema, schema);
        }
        if let Some(reference) = schema.get("$ref") {
            match reference.text().and_then(|text| side.follow(text)) {
                Some(target) => next.push(target),
                None => self.unread("$ref", schema, reference),
            }
            if side.dialect.has_bare_references() {
                return;
            }
        }
        self.parts.push(schema);
        for (key, node) in schema.entries() {
            let key = key.value.as_ref();
            if key == "allOf" {
                match &node.content {
                    Content::List(parts) => next.extend(parts.iter().rev()),
                    _ => self.unread("schema", schema, node),
                }
                continue;
            }
            if side.dialect.is_foreign(key) {
                // Some read it nevertheless: it holds as it is meant, and only where all of the schema is the same.
                self.unread("schema", schema, node);
            }
            let known = self.value(key, node, schema, side)
                || self.number(key, node, schema)
                || self.list(key, node, schema)
                || self.object(key, node, schema)
                || self.choice(key, node, schema);
            if !known && key == "$id" && !std::ptr::eq(schema, side.root) {
                // References within it would begin there.
                self.unread("$ref", schema, node);
            }
        }
        self.together(schema, side, way);
    }

    fn unread(&mut self, keyword: &'static str, schema: &'a Node, node: &'a Node) {
        self.opaque.push(Opaque { keyword, schema, node });
    }

    fn value(&mut self, key: &str, node: &'a Node, schema: &'a Node, side: &Side<'a>) -> bool {
        match key {
            "type" => match Kinds::of(node) {
                Some(kinds) => {
                    let null = side.dialect == Dialect::Old && node.text().is_some() && is_true(schema.get("nullable"));
                    let kinds = if null { kinds.or(Kinds::NULL) } else { kinds };
                    self.kinds = self.kinds.and(kinds);
                    self.kinds_at.get_or_insert(node);
                }
                None => self.unread("schema", schema, node),
            },
            "enum" => match &node.content {
                Content::List(items) => self.among(items.iter().map(Node::to_value).collect(), node, false),
                _ => self.unread("schema", schema, node),
            },
            "const" => self.among(vec![node.to_value()], node, true),
            "format" => self.formats.push(node),
            "pattern" => {
                if !matches!(node.text(), Some("" | ".*")) {
                    self.patterns.push(node);
                }
            }
            "minLength" => self.size(Measure::LeastText, node, schema),
            "maxLength" => self.size(Measure::MostText, node, schema),
            _ => return false,
        }
        true
    }

    /// The value is among these.
    fn among(&mut self, mut values: Vec<Value>, node: &'a Node, constant: bool) {
        if let Some(known) = &mut self.values {
            known.values.retain(|value| values.iter().any(|other| equal(value, other)));
            known.constant |= constant;
        } else {
            values.dedup_by(|one, other| equal(one, other));
            self.values = Some(Values { values, node, constant });
        }
    }

    fn number(&mut self, key: &str, node: &'a Node, schema: &'a Node) -> bool {
        // In OpenAPI 3.0 a boolean says how its neighbour is meant; elsewhere it says nothing that can be read.
        let old = |word: &str| is_true(schema.get(word));
        let (bound, exclusive) = match key {
            "minimum" => (Bound::Least, old("exclusiveMinimum")),
            "maximum" => (Bound::Most, old("exclusiveMaximum")),
            "exclusiveMinimum" => (Bound::Least, true),
            "exclusiveMaximum" => (Bound::Most, true),
            "multipleOf" => (Bound::Multiple, false),
            _ => return false,
        };
        if truth(node).is_none() {
            let number = node.text().and_then(decimal);
            self.limits.push(Limit { bound, number, exclusive, node });
        }
        true
    }

    fn size(&mut self, measure: Measure, node: &'a Node, schema: &'a Node) {
        match size(node) {
            Some(0) if !measure.is_most() => {}
            Some(size) => self.sizes.push(Size { measure, size, node }),
            None => self.unread("schema", schema, node),
        }
    }

    fn list(&mut self, key: &str, node: &'a Node, schema: &'a Node) -> bool {
        match key {
            "minItems" => self.size(Measure::LeastItems, node, schema),
            "maxItems" => self.size(Measure::MostItems, node, schema),
            "uniqueItems" => {
                if is_true(Some(node)) {
                    self.unique.get_or_insert(node);
                }
            }
            "items" if matches!(node.content, Content::List(_)) => self.unread("schema", schema, node),
            "unevaluatedItems" if truth(node) != Some(true) => self.unread("unevaluatedItems", schema, node),
            _ => return false,
        }
        true
    }

    fn object(&mut self, key: &str, node: &'a Node, schema: &'a Node) -> bool {
        match key {
            "minProperties" => self.size(Measure::LeastMembers, node, schema),
            "maxProperties" => self.size(Measure::MostMembers, node, schema),
            "propertyNames" => self.names.push(node),
            // Of draft 7: `dependentRequired` and `dependentSchemas` in one.
            "dependencies" => self.unread("schema", schema, node),
            "dependentRequired" => {
                for (name, needs) in node.entries() {
                    let needs = needs.items().iter().filter_map(|need| Some((need.text()?, need)));
                    self.dependent.extend(needs.map(|(need, at)| (name.value.as_ref(), need, at)));
                }
            }
            "dependentSchemas" => {
                self.dependent_schemas
                    .extend(node.entries().iter().map(|(name, schema)| (name.value.as_ref(), schema)));
            }
            "unevaluatedProperties" if truth(node) != Some(true) => self.unread("unevaluatedProperties", schema, node),
            _ => return false,
        }
        true
    }

    fn choice(&mut self, key: &str, node: &'a Node, schema: &'a Node) -> bool {
        match key {
            "anyOf" | "oneOf" if node.items().is_empty() => self.unread("schema", schema, node),
            "anyOf" => self.choices.push(Choice { node, one: false }),
            "oneOf" => self.choices.push(Choice { node, one: node.items().len() > 1 }),
            "not" => self.unread("not", schema, node),
            "if" => self.unread("if", schema, node),
            "$dynamicRef" | "$recursiveRef" => self.unread("$ref", schema, node),
            _ => return false,
        }
        true
    }

    /// What several keywords of one schema say together.
    fn together(&mut self, schema: &'a Node, side: &Side<'a>, way: Direction) {
        let (properties, patterns) = (schema.get("properties"), schema.get("patternProperties"));
        let others = schema.get("additionalProperties");
        if properties.is_some() || patterns.is_some() || others.is_some() {
            self.members.push(Members { properties, patterns, others });
        }
        let first = schema.get("prefixItems").map(Node::items).unwrap_or_default();
        let rest = schema.get("items").filter(|items| !matches!(items.content, Content::List(_)));
        if !first.is_empty() || rest.is_some() {
            self.items.push(Items { first, rest });
        }
        if let Some(contains) = schema.get("contains") {
            let count = |word: &str| schema.get(word).and_then(size);
            let (least, most) = (count("minContains").unwrap_or(1), count("maxContains"));
            self.contains.push(Contains { schema: contains, least, most });
        }
        let Some(required) = schema.get("required") else { return };
        if !matches!(required.content, Content::List(_)) {
            return self.unread("schema", schema, required);
        }
        for node in required.items() {
            let Some(name) = node.text() else { continue };
            let property = properties.and_then(|properties| properties.get(name));
            if !property.is_some_and(|property| spares(property, side, way)) {
                self.required.push((name, node));
            }
        }
    }
}

/// Schemas in which the kinds of alternatives are looked for.
const MOST_KINDS: usize = 256;

/// The kinds of what fits a schema, or more.
fn kinds_of<'a>(schema: &'a Node, side: &Side<'a>, left: &mut usize) -> Kinds {
    if truth(schema) == Some(false) {
        return Kinds::NONE;
    }
    let Some(less) = left.checked_sub(1) else { return Kinds::ALL };
    *left = less;
    let target = schema.get("$ref").and_then(Node::text).and_then(|reference| side.follow(reference));
    let mut kinds = target.map_or(Kinds::ALL, |target| kinds_of(target, side, left));
    if side.dialect.has_bare_references() && schema.get("$ref").is_some() {
        return kinds;
    }
    if let Some(own) = schema.get("type").and_then(Kinds::of) {
        let null = side.dialect == Dialect::Old && is_true(schema.get("nullable"));
        kinds = kinds.and(if null { own.or(Kinds::NULL) } else { own });
    }
    let listed = schema.get("enum").map(Node::items).unwrap_or_default().iter().chain(schema.get("const"));
    let listed = listed.fold(Kinds::NONE, |all, value| all.or(Kinds::of_value(&value.to_value())));
    if listed != Kinds::NONE {
        kinds = kinds.and(listed);
    }
    for part in schema.get("allOf").map(Node::items).unwrap_or_default() {
        kinds = kinds.and(kinds_of(part, side, left));
    }
    for word in ["anyOf", "oneOf"] {
        let parts = schema.get(word).map(Node::items).unwrap_or_default();
        if !parts.is_empty() {
            kinds = kinds.and(parts.iter().map(|part| kinds_of(part, side, left)).fold(Kinds::NONE, Kinds::or));
        }
    }
    kinds
}

//! Schemas become attributes: types of ours, by form and by name. What has no form here is noted with its place. Bounded, so that
//! schemas which name themselves end.

use std::collections::{BTreeMap, BTreeSet};

use selvage_model::finding::show;
use serde_json::Value;

use super::draft::{AttributeDraft, CodeSetDraft, Currency, ObjectDraft, ShapeDraft, Unit};
use super::measure::{self, Candidate, Pairs};
use super::naming;
use super::note::Notes;
use super::pointer;
use super::resource::{self, Resource};
use super::schema::{self, Form, Member, Members, View};

/// Attributes of one import.
const MOST_ATTRIBUTES: usize = 20_000;
/// Longest `max` of a string.
const LONGEST: u64 = 1_000_000;
/// What a schema may say that is carried, or only wraps.
const CARRIED: &[&str] = &[
    "type",
    "properties",
    "required",
    "items",
    "enum",
    "const",
    "allOf",
    "oneOf",
    "anyOf",
    "nullable",
    "readOnly",
    "writeOnly",
    "description",
    "maxLength",
    "format",
    "additionalProperties",
    "unevaluatedProperties",
    "$defs",
    "definitions",
];
/// What says nothing about values.
const TOLD: &[&str] = &["title", "example", "examples", "default", "externalDocs", "xml", "$comment", "$schema"];
/// Formats whose texts are texts of ours.
const TEXTS: &[&str] =
    &["description", "notes", "note", "comment", "comments", "remark", "remarks", "text", "body", "memo"];
/// Formats of numbers that say no more than how machines keep them.
const NUMBERS: &[&str] = &["int32", "int64", "float", "double", "decimal", "number", "money"];
/// Ends of names that refer to another thing.
const KEYS: &[&str] = &["id", "ids", "code", "codes", "key", "number", "numbers", "no", "ref", "refs", "uuid"];

/// Reads objects out of a contract.
pub(super) struct Reader<'d> {
    pub(super) document: &'d Value,
    /// The objects of resources by the place of their schema, and the attribute by which they are known.
    pub(super) by_pointer: BTreeMap<&'d str, (&'d str, bool)>,
    /// Objects that a name can refer to.
    names: BTreeSet<String>,
    /// Code sets that the fabric has.
    pub(super) known_sets: BTreeSet<String>,
    pub(super) code_sets: BTreeMap<String, CodeSetDraft>,
    pub(super) notes: &'d mut Notes,
    /// The schemas that objects carry.
    pub(super) carried: BTreeSet<String>,
    left: usize,
}

impl<'d> Reader<'d> {
    /// Reads for these resources; `others` are objects that the fabric has and that names may refer to.
    pub(super) fn new(
        document: &'d Value,
        resources: &'d [Resource],
        others: BTreeSet<String>,
        known_sets: BTreeSet<String>,
        notes: &'d mut Notes,
    ) -> Self {
        let mut by_pointer = BTreeMap::new();
        let mut names = others;
        for resource in resources {
            let is_known = view_at(document, &resource.pointer)
                .is_some_and(|view| resource::identity(resource, &schema::members(document, &view).list).is_some());
            by_pointer.insert(resource.pointer.as_str(), (resource.name.as_str(), is_known));
            if is_known {
                names.insert(resource.name.clone());
            }
        }
        Self {
            document,
            by_pointer,
            names,
            known_sets,
            code_sets: BTreeMap::new(),
            notes,
            carried: BTreeSet::new(),
            left: MOST_ATTRIBUTES,
        }
    }

    /// The object of a resource.
    pub(super) fn object(&mut self, resource: &Resource) -> Option<ObjectDraft> {
        let view = view_at(self.document, &resource.pointer)?;
        let members = schema::members(self.document, &view).list;
        let key = resource::identity(resource, &members).map(|member| member.to_owned());
        let mut passed = vec![view.place.clone()];
        let mut attributes = self.attributes(&view, &mut passed, Some(resource));
        let mut written = self.written(resource);
        let answers = |name: &String| members.iter().any(|member| member.name == name);
        if written.as_ref().is_some_and(|written| !written.iter().any(answers)) {
            let text = "nothing of what is written is answered: what is `read_only` is not told";
            self.notes.hint(text, resource.pointer.clone());
            written = None;
        }
        for attribute in &mut attributes {
            let is_key = key.as_deref() == Some(attribute.at.as_str());
            attribute.optional &= !is_key;
            attribute.read_only |= written.as_ref().is_some_and(|written| !written.contains(&attribute.at));
        }
        for lost in written.into_iter().flatten().filter(|name| !members.iter().any(|member| member.name == name)) {
            let text = "a member that is written and never answered";
            self.notes.left_out(text, resource.bodies.first().map_or_else(String::new, |at| pointer::join(at, &lost)));
        }
        let identity = key.and_then(|key| attributes.iter().find(|it| it.at == key)).map(|it| it.name.clone());
        let description = view.description.and_then(schema::sentence);
        let (name, pointer) = (resource.name.clone(), resource.pointer.clone());
        (!attributes.is_empty()).then_some(ObjectDraft { name, description, pointer, identity, attributes })
    }

    /// The members that creates and updates take; `None` where nothing is written.
    fn written(&mut self, resource: &Resource) -> Option<BTreeSet<String>> {
        let mut written = BTreeSet::new();
        for at in &resource.bodies {
            let Some(view) = view_at(self.document, at) else { continue };
            let members = schema::members(self.document, &view);
            self.carried.extend(members.parts);
            written
                .extend(members.list.iter().filter(|it| !is_read_only(self.document, it)).map(|it| it.name.to_owned()));
        }
        (!written.is_empty()).then_some(written)
    }

    pub(super) fn attributes(
        &mut self,
        of: &View<'d>,
        passed: &mut Vec<String>,
        own: Option<&Resource>,
    ) -> Vec<AttributeDraft> {
        let Members { list: members, unfit, parts } = schema::members(self.document, of);
        self.carried.extend(parts);
        for unfit in unfit {
            self.notes.left_out(unfit.why, unfit.pointer);
        }
        self.keywords(of);
        let mut views = Vec::new();
        for member in &members {
            match schema::view(self.document, member.schema, &member.pointer) {
                Ok(view) => views.push((member, view)),
                Err(unfit) => self.notes.left_out(unfit.why, unfit.pointer),
            }
        }
        let candidates: Vec<Candidate<'_>> = views.iter().map(|(member, view)| candidate(member, view)).collect();
        let pairs = Pairs::of(&candidates);
        let told = pairs.told();
        let mut attributes: Vec<AttributeDraft> = Vec::new();
        for (member, view) in &views {
            if told.contains(member.name) {
                self.notes.changed("a unit or a currency stands in the value that it is of", member.pointer.clone());
                continue;
            }
            let Some(attribute) = self.attribute(member, view, &views, &pairs, passed, own) else { continue };
            if attributes.iter().any(|other| other.name == attribute.name) {
                let text = format!("a second member that would be called {}", show(&attribute.name));
                self.notes.left_out(text, member.pointer.clone());
                continue;
            }
            attributes.push(attribute);
        }
        attributes
    }

    fn attribute(
        &mut self,
        member: &Member<'d>,
        view: &View<'d>,
        all: &[(&Member<'d>, View<'d>)],
        pairs: &Pairs,
        passed: &mut Vec<String>,
        own: Option<&Resource>,
    ) -> Option<AttributeDraft> {
        if view.write_only || view.text("format") == Some("password") {
            self.notes.left_out("what is only written, or a secret", member.pointer.clone());
            return None;
        }
        if self.left == 0 {
            self.notes.left_out(format!("more than {MOST_ATTRIBUTES} attributes"), member.pointer.clone());
            return None;
        }
        self.left -= 1;
        let mut words = naming::words(member.name);
        let shape = match self.beside(member, view, all, pairs, &words) {
            Some(shape) => shape,
            None => self.shape(&mut words, view, &member.pointer, passed, own)?,
        };
        let Some(name) = naming::attribute(&words) else {
            self.notes.left_out("a member of whose name no attribute's can be made", member.pointer.clone());
            return None;
        };
        let optional = !member.required || view.nullable;
        let description = view.description.and_then(schema::sentence);
        Some(AttributeDraft {
            name,
            at: member.name.to_owned(),
            shape,
            optional,
            read_only: view.read_only,
            description,
        })
    }

    /// A number whose unit or currency stands in a member beside it.
    fn beside(
        &mut self,
        member: &Member<'d>,
        view: &View<'d>,
        all: &[(&Member<'d>, View<'d>)],
        pairs: &Pairs,
        words: &[String],
    ) -> Option<ShapeDraft> {
        if let Some(unit) = pairs.units.get(member.name) {
            let (_, unit_view) = all.iter().find(|(other, _)| other.name == unit)?;
            let set = self.unit_set(unit_view);
            self.keywords(view);
            return Some(ShapeDraft::Quantity {
                dimension: measure::dimension(words),
                unit: Unit::Beside { member: unit.clone(), set },
            });
        }
        let currency = pairs.currencies.get(member.name)?;
        self.keywords(view);
        if view.form() == Form::Integer {
            self.notes.hint("a whole number of money: see that it is not in cents", member.pointer.clone());
        }
        Some(ShapeDraft::Money(Currency::Beside(currency.clone())))
    }

    /// What the values are. `words` are the name's, and lose what the type says.
    pub(super) fn shape(
        &mut self,
        words: &mut Vec<String>,
        view: &View<'d>,
        at: &str,
        passed: &mut Vec<String>,
        own: Option<&Resource>,
    ) -> Option<ShapeDraft> {
        let form = view.form();
        if form != Form::Object {
            self.keywords(view);
        }
        match form {
            Form::Boolean => Some(ShapeDraft::Boolean),
            Form::Integer | Form::Number => Some(self.number(words, view, form, own)),
            Form::String => self.string(words, view, at, own),
            Form::Array => self.array(words, view, passed, own),
            Form::Object => self.group(words, view, passed),
            Form::Unsaid => {
                self.notes.left_out("is of no form, or of several", at);
                None
            }
        }
    }

    fn number(&mut self, words: &mut Vec<String>, view: &View<'d>, form: Form, own: Option<&Resource>) -> ShapeDraft {
        let given = words.clone();
        if let Some((unit, rest)) = measure::time(&given) {
            *words = rest.to_vec();
            return ShapeDraft::Duration(Some(unit));
        }
        if let Some((code, dimension, rest)) = measure::suffix(&given) {
            *words = rest.to_vec();
            return ShapeDraft::Quantity { dimension: Some(dimension), unit: Unit::Fixed(code) };
        }
        if form == Form::Integer
            && let Some(object) = self.referred(words, own)
        {
            return ShapeDraft::Ref(object);
        }
        if let Some(format) = view.text("format").filter(|format| !NUMBERS.contains(format)) {
            self.notes.left_out(format!("the format {}", show(format)), pointer::join(&view.pointer, "format"));
        }
        if view.words().is_some() {
            self.notes.left_out("which numbers are allowed", pointer::join(&view.pointer, "enum"));
        }
        if measure::is_amount(words) {
            self.notes.hint("an amount whose currency nothing tells: `money` has one", view.pointer.clone());
        } else if measure::is_quantity(words) || measure::dimension(words).is_some() {
            self.notes.hint("a quantity whose unit nothing tells: `quantity` has one", view.pointer.clone());
        }
        if form == Form::Integer { ShapeDraft::Integer } else { ShapeDraft::Decimal }
    }

    fn string(
        &mut self,
        words: &mut Vec<String>,
        view: &View<'d>,
        at: &str,
        own: Option<&Resource>,
    ) -> Option<ShapeDraft> {
        if let Some(listed) = view.words() {
            return self.listed(listed, view, at);
        }
        match view.text("format").unwrap_or_default() {
            "date" => return Some(ShapeDraft::Date),
            "date-time" => return Some(ShapeDraft::Timestamp),
            "duration" => return Some(ShapeDraft::Duration(None)),
            "decimal" | "number" | "money" => return Some(self.number(words, view, Form::Number, own)),
            "binary" | "byte" | "base64" => {
                self.notes.left_out("what is binary", at);
                return None;
            }
            "" => {}
            other => self.notes.left_out(format!("the format {}", show(other)), pointer::join(&view.pointer, "format")),
        }
        if let Some(object) = self.referred(words, own) {
            return Some(ShapeDraft::Ref(object));
        }
        let max = view.get("maxLength").and_then(Value::as_u64).filter(|max| (1..=LONGEST).contains(max));
        let is_text = words.last().is_some_and(|last| TEXTS.contains(&last.as_str()));
        if is_text && max.is_none_or(|max| max > 255) {
            if max.is_some() {
                self.notes.left_out("the bound of a text", pointer::join(&view.pointer, "maxLength"));
            }
            return Some(ShapeDraft::Text);
        }
        Some(ShapeDraft::String { max })
    }

    /// The object that a name refers to: `productId` and `parent_product_code` are of `product`. The name loses its end.
    fn referred(&self, words: &mut Vec<String>, own: Option<&Resource>) -> Option<String> {
        let (last, stem) =
            words.split_last().filter(|(last, stem)| KEYS.contains(&last.as_str()) && !stem.is_empty())?;
        let many = last.ends_with('s');
        let name = stem.join("-");
        let is_of = |object: &&String| name == **object || name.ends_with(&format!("-{object}"));
        let object = self.names.iter().filter(is_of).max_by_key(|object| object.len())?.clone();
        if own.is_some_and(|own| own.name == name) {
            return None;
        }
        let mut stem = stem.to_vec();
        if let Some(last) = stem.last_mut().filter(|_| many) {
            last.push('s');
        }
        *words = stem;
        Some(object)
    }

    /// What the schema says and no attribute carries.
    pub(super) fn keywords(&mut self, view: &View<'_>) {
        for wrapper in &view.wrappers {
            for (name, value) in wrapper.schema.iter().filter(|(name, _)| *name != wrapper.by) {
                // What wraps a schema holds beside it, as far as it can be told apart.
                let is_lost = matches!(name.as_str(), "$ref" | "allOf" | "oneOf" | "anyOf" | "items");
                self.keyword(name, value, &wrapper.pointer, is_lost);
            }
        }
        for (name, value) in view.schema {
            self.keyword(name, value, &view.pointer, false);
        }
    }

    fn keyword(&mut self, name: &str, value: &Value, of: &str, is_lost: bool) {
        let at = || pointer::join(of, name);
        match name {
            "additionalProperties" | "unevaluatedProperties" if value != &Value::Bool(false) => {
                self.notes.left_out("members of any name", at());
            }
            "description" if value.as_str().is_some_and(|text| !schema::is_whole(text)) => {
                self.notes.left_out("descriptions behind their first sentence", at());
            }
            carried if CARRIED.contains(&carried) && !is_lost => {}
            told if TOLD.contains(&told) => self.notes.left_out("titles, examples and defaults", at()),
            own if own.starts_with("x-") => self.notes.left_out("extensions of the contract's own", at()),
            other => self.notes.left_out(format!("what {} says", show(other)), at()),
        }
    }
}

fn view_at<'d>(document: &'d Value, at: &str) -> Option<View<'d>> {
    schema::view(document, document.pointer(at)?, at).ok()
}

fn is_read_only(document: &Value, member: &Member<'_>) -> bool {
    schema::view(document, member.schema, &member.pointer).is_ok_and(|view| view.read_only)
}

fn candidate<'d>(member: &Member<'d>, view: &View<'d>) -> Candidate<'d> {
    let form = view.form();
    let is_decimal = form == Form::String && matches!(view.text("format"), Some("decimal" | "number" | "money"));
    Candidate {
        name: member.name,
        words: naming::words(member.name),
        is_number: matches!(form, Form::Integer | Form::Number) || is_decimal,
        is_text: form == Form::String && !is_decimal,
    }
}

//! A mapping compiled for one major version of its system: what to read, what to look up, and both directions.
//! Never looks anything up itself and never sees a float.

use selvage_model::fabric::Fabric;
use selvage_model::finding::Finding;
use selvage_model::manifest::mapping::{Allowed, Mapping};
use selvage_model::manifest::object::{Attribute, Shape};
use selvage_model::name::{AttributeName, ObjectRef, SystemName};
use serde_json::{Map, Value};

use crate::error::{MapCause, MapError};
use crate::filter::Filter;
use crate::lens::{self, Field, Lens};
use crate::link::{LinkQuery, Links};
use crate::pointer::Pointer;
use crate::reading::Reading;
use crate::shape::{below, shown};

mod compile;
mod filter;
mod get;
pub(crate) mod look;
mod need;
mod overlap;
mod put;

use compile::Compiler;
use get::Reader;
use need::Whereabouts;
pub use need::{FieldNeed, Form, To};
use put::Writer;

/// A mapping, ready to run.
#[derive(Clone, Debug)]
pub struct CompiledMapping {
    object: ObjectRef,
    system: SystemName,
    record: String,
    only: Vec<(String, Allowed)>,
    attributes: Vec<Attribute>,
    members: Vec<Field>,
    /// The one attribute of the business key, where it is one.
    identity: Option<AttributeName>,
    reading: Reading,
    language: Option<String>,
}

impl CompiledMapping {
    /// Compiles the mapping for this major version of its system, or says everything that is wrong with it.
    pub fn compile(mapping: &Mapping, fabric: &Fabric, major: u32) -> Result<Self, Vec<Finding>> {
        let mut compiler = Compiler::new(mapping, fabric, major);
        let Some((object, members)) = compiler.object().filter(|_| compiler.findings.is_empty()) else {
            return Err(compiler.findings);
        };
        let mut reading = Reading { fields: vec!["id".to_owned(), "write_date".to_owned()], ..Reading::default() };
        look::read(&members, &mut reading);
        let identity = match object.identity.as_slice() {
            [one] => Some(one.value.clone()),
            _ => None,
        };
        Ok(Self {
            object: mapping.object.value.clone(),
            system: mapping.system.value.clone(),
            record: mapping.record.clone(),
            only: lens::allowed(&mapping.only),
            attributes: object.attributes.clone(),
            members,
            identity,
            reading,
            language: compiler.languages.into_iter().next().map(|language| language.value),
        })
    }

    /// The object.
    pub fn object(&self) -> &ObjectRef {
        &self.object
    }

    /// The system.
    pub fn system(&self) -> &SystemName {
        &self.system
    }

    /// What the system calls the record.
    pub fn record(&self) -> &str {
        &self.record
    }

    /// Which of the records are objects: each field, a path with dots where it follows links, has what is allowed.
    pub fn only(&self) -> &[(String, Allowed)] {
        &self.only
    }

    /// The language to read and write in, where a `text` lens names one.
    pub fn language(&self) -> Option<&str> {
        self.language.as_deref()
    }

    /// The record's fields to read: `id`, `write_date`, and each that a lens looks at; none twice.
    pub fn fields(&self) -> &[String] {
        &self.reading.fields
    }

    /// What is read of the record, and of its lines and linked records: a record is whole for [`Self::get`] and
    /// [`Self::put`] when those are in it (see [`Reading`]).
    pub fn reading(&self) -> &Reading {
        &self.reading
    }

    /// The few fields to read for the business key alone (see [`Self::key`]).
    pub fn key_fields(&self) -> Vec<String> {
        self.identity.as_ref().map_or_else(|| vec!["id".to_owned()], |identity| self.fields_of(identity))
    }

    /// The few fields to read for one attribute alone (see [`Self::text`]).
    pub fn fields_of(&self, attribute: &AttributeName) -> Vec<String> {
        let mut reading = Reading { fields: vec!["id".to_owned()], ..Reading::default() };
        if let Some(field) = self.member(attribute) {
            look::read(std::slice::from_ref(field), &mut reading);
        }
        reading.fields
    }

    /// The record's business key: the value of the one identity attribute, as text. `None` where the record has none,
    /// or the key has several attributes or is not a text.
    pub fn key(&self, record: &Value) -> Result<Option<String>, MapError> {
        self.identity.as_ref().map_or(Ok(None), |identity| self.text(identity, record))
    }

    /// The value of one attribute, where it is a text and the record has it.
    pub fn text(&self, attribute: &AttributeName, record: &Value) -> Result<Option<String>, MapError> {
        let Some(field) = self.member(attribute) else { return Ok(None) };
        if field.at.is_some() && look::found(field, record).is_none() {
            return Ok(None);
        }
        let links = Links::new();
        let value = self.reader(record, &links).field(field, &Pointer::ROOT.name(field.name()))?;
        Ok(value.as_str().map(str::to_owned))
    }

    /// The value of one attribute.
    pub(crate) fn one(&self, field: &Field, record: &Value, links: &Links) -> Result<Value, MapError> {
        self.reader(record, links).field(field, &Pointer::ROOT.name(field.name()))
    }

    fn member(&self, attribute: &AttributeName) -> Option<&Field> {
        self.members.iter().find(|field| &field.attribute.name.value == attribute)
    }

    /// What this mapping needs of the record, field by field.
    pub fn needs(&self) -> Vec<FieldNeed> {
        let mut found = Vec::new();
        need::needs(&self.members, &Whereabouts::default(), &mut found);
        let of_record = |field: &str, form| FieldNeed {
            attribute: String::new(),
            path: Vec::new(),
            field: field.to_owned(),
            form,
            written: false,
            optional: true,
        };
        found.push(of_record("write_date", Form::Moment));
        let first = |path: &str| path.split('.').next().unwrap_or_default().to_owned();
        found.extend(self.only.iter().map(|(path, _)| of_record(&first(path), Form::Any)));
        found
    }

    /// What it needs for the business key alone.
    pub fn key_needs(&self) -> Vec<FieldNeed> {
        let mut found = Vec::new();
        if let Some(field) = self.identity.as_ref().and_then(|identity| self.member(identity)) {
            need::needs(std::slice::from_ref(field), &Whereabouts::default(), &mut found);
        }
        found.into_iter().map(|need| FieldNeed { written: false, ..need }).collect()
    }

    /// What must be looked up before [`Self::get`]; no question twice.
    pub fn links(&self, record: &Value) -> Vec<LinkQuery> {
        self.links_by_field(record).into_iter().map(|(_, query)| query).collect()
    }

    /// The same, with the field of the record that each question comes from.
    pub(crate) fn links_by_field(&self, record: &Value) -> Vec<(String, LinkQuery)> {
        let mut found = Vec::new();
        look::queries(&self.members, record, &mut found);
        found
    }

    /// The object that this record is.
    pub fn get(&self, record: &Value, links: &Links) -> Result<Value, MapError> {
        if !record.is_object() {
            return Err(MapError::new(MapCause::Shape, "", format!("{} is no record", shown(record))));
        }
        self.reader(record, links).members(&self.attributes, &self.members, &Pointer::ROOT).map(Value::Object)
    }

    fn reader<'a>(&'a self, record: &'a Value, links: &'a Links) -> Reader<'a> {
        Reader { system: &self.system, record, links }
    }

    /// What must be looked up before [`Self::put`]; no question twice.
    pub fn put_links(&self, canonical: &Value) -> Result<Vec<LinkQuery>, MapError> {
        let mut found = Vec::new();
        if let Value::Object(given) = canonical {
            put::queries(&self.members, given, &Pointer::ROOT, &mut found)?;
        }
        Ok(distinct(found))
    }

    /// The record's values for this object: all that are given, or with `before` only those that change. An attribute
    /// that is not given stays as it is. Links are plain ids (lists of links plain lists of ids), datetimes
    /// `YYYY-MM-DD HH:MM:SS`, absent is `false`; without `before`, `null` leaves the system's own default.
    ///
    /// Where `links` also answers [`Self::links`] of `before`, a link whose text is unchanged stays, even where another
    /// record has the same key; and a quantity is converted into the unit that the record has.
    pub fn put(
        &self,
        canonical: &Value,
        before: Option<&Value>,
        links: &Links,
    ) -> Result<Map<String, Value>, MapError> {
        let mut writer = Writer::new(&self.system, before, links);
        writer.members(&self.attributes, &self.members, canonical, &Pointer::ROOT)?;
        let mut values = writer.values();
        // A new record that is not among those of the mapping would not be found again.
        for (field, allowed) in self.only.iter().filter(|(field, _)| before.is_none() && !field.contains('.')) {
            if let (false, Some(value)) = (values.contains_key(field), allowed.of_new()) {
                values.insert(field.clone(), value);
            }
        }
        Ok(values)
    }

    /// The records whose attribute has this value. Texts from a query stand for booleans and integers where the
    /// attribute is one; `null` is for records that have none.
    pub fn filter(&self, attribute: &AttributeName, value: &Value) -> Result<Filter, MapError> {
        let pointer = below("", attribute.as_str());
        match self.member(attribute) {
            Some(field) => filter::filter(&self.system, field, value, &pointer),
            None if self.attributes.iter().any(|known| &known.name.value == attribute) => {
                Ok(if value.is_null() { Filter::Everything } else { Filter::Nothing })
            }
            None => {
                let message = format!("`{}` has no attribute `{attribute}`", self.object);
                Err(MapError::new(MapCause::NotFilterable, pointer, message))
            }
        }
    }

    /// The object's attributes.
    pub(crate) fn attributes(&self) -> &[Attribute] {
        &self.attributes
    }

    /// The compiled attributes, to be broken by tests.
    #[cfg(test)]
    pub(crate) fn members_mut(&mut self) -> &mut Vec<Field> {
        &mut self.members
    }

    /// The compiled attributes.
    pub(crate) fn members(&self) -> &[Field] {
        &self.members
    }

    /// What stands in a record that this mapping only reads: its fields, and those of linked records beside them.
    pub(crate) fn system_fields(&self) -> Vec<String> {
        let (mut all, mut written) = (Vec::new(), Vec::new());
        look::looked_at(&self.members, &mut all);
        look::written_fields(&self.members, &mut written);
        all.retain(|field| !written.contains(field));
        all
    }

    /// The same without its expressions: the attributes are as if nothing carried them.
    pub(crate) fn without_expressions(&self) -> Self {
        let mut mapping = self.clone();
        remove_expressions(&mut mapping.members);
        mapping
    }

    /// Of an object, what this mapping writes: groups with those of their members.
    pub(crate) fn writable_part(&self, canonical: &Value) -> Value {
        writable(&self.members, canonical)
    }
}

fn writable(fields: &[Field], canonical: &Value) -> Value {
    let mut part = Map::new();
    for field in fields.iter().filter(|field| field.writable) {
        let Some(value) = canonical.get(field.name()) else { continue };
        let value = match (&field.lens, &field.attribute.shape) {
            (Lens::Group(members), Shape::Group(_)) if value.is_object() => writable(members, value),
            (Lens::Lines(lines), Shape::List(_)) => {
                value.as_array().into_iter().flatten().map(|line| writable(&lines.members, line)).collect()
            }
            _ => value.clone(),
        };
        part.insert(field.name().to_owned(), value);
    }
    Value::Object(part)
}

fn remove_expressions(fields: &mut Vec<Field>) {
    fields.retain(|field| !matches!(field.lens, Lens::Expression(_)));
    for field in fields {
        match &mut field.lens {
            Lens::Group(members) => remove_expressions(members),
            Lens::Lines(lines) => remove_expressions(&mut lines.members),
            _ => {}
        }
    }
}

fn distinct<T: PartialEq>(all: Vec<T>) -> Vec<T> {
    let mut kept: Vec<T> = Vec::with_capacity(all.len());
    for one in all {
        if !kept.contains(&one) {
            kept.push(one);
        }
    }
    kept
}

//! From the object back to the record: only what changes, in the system's own terms. Never an empty number, never
//! another unit than the record has, so what the object does not carry keeps its meaning.

use selvage_model::manifest::mapping::CodeBy;
use selvage_model::manifest::object::{Attribute, Shape};
use selvage_model::name::SystemName;
use serde_json::{Map, Value};

use super::get::Reader;
use crate::decimal;
use crate::duration;
use crate::error::{MapCause, MapError};
use crate::lens::{CurrencyFrom, Field, Lens, Spot, Target, UnitFrom};
use crate::link::{LinkQuery, Links};
use crate::pointer::Pointer;
use crate::record;
use crate::shape::{same, shown};

mod lines;
mod questions;
mod value;

use questions::backward;
pub(super) use questions::queries;
use value::{amount_in, converted, fixed_quantity, given_quantity, id, not_writable, string, wrong};
pub(super) use value::{record_id, write_plain};

/// Writes one object, and collects what must be looked up where nothing was yet.
pub(super) struct Writer<'a> {
    system: &'a SystemName,
    before: Option<&'a Value>,
    links: &'a Links,
    values: Map<String, Value>,
}

impl<'a> Writer<'a> {
    pub(super) fn new(system: &'a SystemName, before: Option<&'a Value>, links: &'a Links) -> Self {
        Self { system, before, links, values: Map::new() }
    }

    /// The record's values that change.
    pub(super) fn values(self) -> Map<String, Value> {
        self.values
    }

    /// All attributes that are given; an attribute that is not stays as it is.
    pub(super) fn members(
        &mut self,
        attributes: &[Attribute],
        fields: &[Field],
        given: &Value,
        pointer: &Pointer<'_>,
    ) -> Result<(), MapError> {
        let Value::Object(given) = given else {
            return Err(wrong(pointer, format!("{} is no object", shown(given))));
        };
        if self.values.is_empty() {
            // Each attribute writes a field, and perhaps its unit's.
            self.values = Map::with_capacity(given.len() + 1);
        }
        for (index, (name, value)) in given.iter().enumerate() {
            let pointer = pointer.name(name);
            // What was read comes back in the order of the attributes, so the first guess is mostly right.
            let guess = fields.get(index).filter(|field| field.name() == name);
            let field = guess.or_else(|| fields.iter().find(|field| field.name() == name));
            let is_known = || attributes.iter().any(|attribute| attribute.name.value.as_str() == name);
            match (field.is_some() || is_known(), field) {
                (false, _) => return Err(wrong(&pointer, format!("there is no attribute `{name}`"))),
                (_, Some(field)) => self.field(field, value, &pointer)?,
                (_, None) if value.is_null() => {}
                (_, None) => return Err(not_writable(&pointer, name)),
            }
        }
        Ok(())
    }

    fn field(&mut self, field: &Field, given: &Value, pointer: &Pointer<'_>) -> Result<(), MapError> {
        if self.is_as_before(field, given, pointer) || (self.before.is_none() && given.is_null()) {
            return Ok(());
        }
        match (&field.lens, &field.attribute.shape) {
            (Lens::Const(value), shape) if same(shape, value, given) => return Ok(()),
            (Lens::Group(members), Shape::Group(attributes)) if given.is_object() => {
                return self.members(attributes, members, given, pointer);
            }
            _ => {}
        }
        if !field.writable {
            return Err(not_writable(pointer, field.name()));
        }
        if given.is_null() {
            return self.empty(field, pointer);
        }
        match (&field.lens, &field.at) {
            (Lens::Quantity(unit), Some(at)) => self.quantity(at, unit, &field.attribute.shape, given, pointer),
            (Lens::Money(currency), Some(at)) => self.money(at, currency, given, pointer),
            (Lens::Only(element), Some(at)) => self.only(at, element, &field.attribute.shape, given, pointer),
            (Lens::Lines(lines), Some(at)) => self.lines(at, lines, given, pointer),
            (lens, Some(at)) => {
                let value = self.value(lens, &field.attribute.shape, given, pointer)?;
                self.set(at, value, pointer)
            }
            (_, None) => Err(wrong(pointer, format!("{} is no group", shown(given)))),
        }
    }

    /// Whether the record as it stood already says what is given. Where its links were not looked up this cannot be
    /// told, and the value is compared as the system has it.
    fn is_as_before(&self, field: &Field, given: &Value, pointer: &Pointer<'_>) -> bool {
        let Some(record) = self.before else { return false };
        self.reader(record).field(field, pointer).is_ok_and(|before| same(&field.attribute.shape, &before, given))
    }

    fn reader<'r>(&'r self, record: &'r Value) -> Reader<'r> {
        Reader { system: self.system, record, links: self.links }
    }

    fn empty(&mut self, field: &Field, pointer: &Pointer<'_>) -> Result<(), MapError> {
        let name = field.name();
        if !field.attribute.optional {
            return Err(wrong(pointer, format!("`{name}` is required")));
        }
        if field.default.is_some() {
            return Err(wrong(pointer, format!("`{name}` has a default, so that it cannot be emptied")));
        }
        match (&field.lens, &field.at) {
            (lens, Some(at)) if lens.can_be_emptied(&field.attribute.shape) => {
                self.set(at, Value::Bool(false), pointer)
            }
            (Lens::Group(members), _) => {
                members.iter().try_for_each(|member| self.field(member, &Value::Null, &pointer.name(member.name())))
            }
            _ => Err(wrong(pointer, format!("`{name}` cannot be emptied: the system always has a value there"))),
        }
    }

    /// Keeps a value that the record does not have yet.
    fn set(&mut self, at: &Spot, value: Value, pointer: &Pointer<'_>) -> Result<(), MapError> {
        let at = at.at.as_str();
        let unchanged =
            self.before.and_then(|before| before.get(at)).is_some_and(|before| record::same(before, &value));
        if unchanged {
            return Ok(());
        }
        match self.values.get(at) {
            Some(written) if *written != value => {
                Err(MapError::new(MapCause::Unit, pointer, format!("two attributes give `{at}` different values")))
            }
            _ => {
                self.values.insert(at.to_owned(), value);
                Ok(())
            }
        }
    }

    /// A given value as the record has it.
    fn value(&self, lens: &Lens, shape: &Shape, given: &Value, pointer: &Pointer<'_>) -> Result<Value, MapError> {
        match lens {
            Lens::Plain => write_plain(shape, given).map_err(|error| wrong(pointer, error)),
            Lens::Enum(words) => {
                let theirs = words.iter().find(|(_, ours)| given.as_str() == Some(ours));
                let message = || format!("{} is none of the words that are mapped", shown(given));
                let (theirs, _) = theirs.ok_or_else(|| MapError::new(MapCause::Code, pointer, message()))?;
                Ok(Value::String(theirs.clone()))
            }
            Lens::Code { codes, by } => {
                let code = string(given, pointer)?;
                let word = codes.word(code).map_err(|error| MapError::new(MapCause::Code, pointer, error))?;
                match by {
                    CodeBy::ExternalId => self.external(word, pointer),
                    CodeBy::Value | CodeBy::Label => Ok(Value::String(word.to_owned())),
                }
            }
            Lens::Ref(Target::Record) => {
                let key = string(given, pointer)?;
                let message = || format!("{} is no `{}-…` id", shown(given), self.system);
                let id = record_id(self.system, key);
                id.map(Value::from).ok_or_else(|| MapError::new(MapCause::Reference, pointer, message()))
            }
            Lens::Flag(words) => {
                let theirs = words.iter().find(|(_, ours)| given.as_str() == Some(ours));
                let message = || format!("{} is none of the words that are mapped", shown(given));
                let (theirs, _) = theirs.ok_or_else(|| MapError::new(MapCause::Code, pointer, message()))?;
                Ok(Value::Bool(*theirs))
            }
            Lens::Duration(unit) => {
                let amount = duration::amount(string(given, pointer)?, *unit).map_err(|error| wrong(pointer, error))?;
                Ok(decimal::to_json(amount))
            }
            Lens::Ref(Target::Key(object)) => {
                let key = string(given, pointer)?;
                let nowhere = || format!("{} has no {object} `{key}`", self.system);
                id(self.links.by_key(object, key), pointer, nowhere)
            }
            Lens::Ref(Target::Attribute(..)) | Lens::Site => match backward(lens, given, pointer)? {
                Some(query) => id(self.links.get(&query), pointer, || self.nowhere(&query)),
                None => Ok(Value::Bool(false)),
            },
            Lens::Many(element, shape) => self.many(element, shape, given, pointer),
            Lens::Quantity(UnitFrom::Fixed(unit)) => fixed_quantity(unit, shape, given, pointer),
            Lens::Money(CurrencyFrom::Fixed(currency)) => amount_in(currency, given, pointer),
            _ => Err(not_writable(pointer, "")),
        }
    }

    fn many(&self, lens: &Lens, shape: &Shape, given: &Value, pointer: &Pointer<'_>) -> Result<Value, MapError> {
        let Value::Array(elements) = given else {
            return Err(wrong(pointer, format!("{} is no list", shown(given))));
        };
        let elements = elements.iter().enumerate();
        elements.map(|(index, given)| self.value(lens, shape, given, &pointer.place(index))).collect()
    }

    /// With a record as it stood, the value is converted into the unit that the record has: its other quantities of the
    /// same unit field keep their meaning. Without, the unit is written beside it.
    fn quantity(
        &mut self,
        at: &Spot,
        from: &UnitFrom,
        shape: &Shape,
        given: &Value,
        pointer: &Pointer<'_>,
    ) -> Result<(), MapError> {
        let (unit_at, codes, by) = match from {
            UnitFrom::Fixed(unit) => {
                let value = fixed_quantity(unit, shape, given, pointer)?;
                return self.set(at, value, pointer);
            }
            UnitFrom::Field { at, codes, by } => (at, codes, *by),
        };
        let (amount, unit) = given_quantity(Some(codes), shape, given, pointer)?;
        let has_unit = self.before.and_then(|before| record::present(before, &unit_at.at, false));
        if let (Some(record), Some(_)) = (self.before, has_unit) {
            let known = self.reader(record).unit(from, pointer);
            if let Ok(Some(known)) = known {
                let value = converted(amount, &unit, &known, pointer)?;
                return self.set(at, value, pointer);
            }
        }
        let unit_pointer = pointer.name("unit");
        if by == CodeBy::Label {
            return Err(MapError::new(MapCause::NotWritable, &unit_pointer, "a unit cannot be written by its label"));
        }
        let word = codes.word(unit.code()).map_err(|error| MapError::new(MapCause::Code, &unit_pointer, error))?;
        let written = match by {
            CodeBy::ExternalId => self.external(word, &unit_pointer)?,
            CodeBy::Value | CodeBy::Label => Value::String(word.to_owned()),
        };
        if has_unit.is_some_and(|before| !record::same(before, &written)) {
            let message =
                format!("the unit in `{}` of the record was not looked up, so that nothing converts", unit_at.path);
            return Err(MapError::new(MapCause::Reference, &unit_pointer, message));
        }
        self.set(unit_at, written, &unit_pointer)?;
        self.set(at, decimal::number(amount), pointer)
    }

    fn money(&mut self, at: &Spot, from: &CurrencyFrom, given: &Value, pointer: &Pointer<'_>) -> Result<(), MapError> {
        let currency = match (from, self.before) {
            (CurrencyFrom::Fixed(currency), _) => currency.clone(),
            (CurrencyFrom::Field { .. }, Some(record)) => self.reader(record).currency(from, pointer)?,
            (CurrencyFrom::Field { new: Some(currency), .. }, None) => currency.clone(),
            (CurrencyFrom::Field { at, new: None }, None) => {
                let message = format!("the currency in `{}` is the system's own to choose", at.path);
                return Err(MapError::new(MapCause::NotWritable, pointer, message));
            }
        };
        let value = amount_in(&currency, given, pointer)?;
        self.set(at, value, pointer)
    }

    /// The record of this external id.
    fn external(&self, external_id: &str, pointer: &Pointer<'_>) -> Result<Value, MapError> {
        let nowhere = || format!("{} has no record `{external_id}`", self.system);
        id(self.links.by_external_id(external_id), pointer, nowhere)
    }

    fn nowhere(&self, query: &LinkQuery) -> String {
        match query {
            LinkQuery::ByAttribute { object, attribute, value } => {
                format!("{} has no {object} whose `{attribute}` is `{value}`", self.system)
            }
            LinkQuery::Company { site } => format!("{} has no company that is bound to the site `{site}`", self.system),
            _ => String::new(),
        }
    }
}

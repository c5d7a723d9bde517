//! From the object back to the record: only what changes, in the system's own terms. Never an empty number, never
//! another unit than the record has, so what the object does not carry keeps its meaning.

use selvage_model::manifest::mapping::CodeBy;
use selvage_model::manifest::object::{Attribute, Shape};
use selvage_model::name::{SiteName, SystemName};
use serde_json::{Map, Value};

use super::get::{Reader, check_dimension};
use crate::decimal;
use crate::error::{MapCause, MapError};
use crate::lens::{CurrencyFrom, Field, Lens, Target, UnitFrom};
use crate::link::{LinkAnswer, LinkQuery, Links};
use crate::quantity::{self, Unit};
use crate::record;
use crate::shape::{below, check_scalar, same, shown, two_strings};

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
        pointer: &str,
    ) -> Result<(), MapError> {
        let Value::Object(given) = given else {
            return Err(wrong(pointer, format!("{} is no object", shown(given))));
        };
        for (name, value) in given {
            let pointer = below(pointer, name);
            let attribute = attributes.iter().find(|attribute| attribute.name.value.as_str() == name);
            match (attribute, fields.iter().find(|field| field.name() == name)) {
                (None, _) => return Err(wrong(&pointer, format!("there is no attribute `{name}`"))),
                (_, Some(field)) => self.field(field, value, &pointer)?,
                (_, None) if value.is_null() => {}
                (_, None) => return Err(not_writable(&pointer, name)),
            }
        }
        Ok(())
    }

    fn field(&mut self, field: &Field, given: &Value, pointer: &str) -> Result<(), MapError> {
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
            (lens, Some(at)) => {
                let value = self.value(lens, &field.attribute.shape, given, pointer)?;
                self.set(at, value, pointer)
            }
            (_, None) => Err(wrong(pointer, format!("{} is no group", shown(given)))),
        }
    }

    /// Whether the record as it stood already says what is given. Where its links were not looked up this cannot be
    /// told, and the value is compared as the system has it.
    fn is_as_before(&self, field: &Field, given: &Value, pointer: &str) -> bool {
        let Some(record) = self.before else { return false };
        let reader = Reader { system: self.system, record, links: self.links };
        reader.field(field, pointer).is_ok_and(|before| same(&field.attribute.shape, &before, given))
    }

    fn empty(&mut self, field: &Field, pointer: &str) -> Result<(), MapError> {
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
                members.iter().try_for_each(|member| self.field(member, &Value::Null, &below(pointer, member.name())))
            }
            _ => Err(wrong(pointer, format!("`{name}` cannot be emptied: the system always has a value there"))),
        }
    }

    /// Keeps a value that the record does not have yet.
    fn set(&mut self, at: &str, value: Value, pointer: &str) -> Result<(), MapError> {
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
    fn value(&self, lens: &Lens, shape: &Shape, given: &Value, pointer: &str) -> Result<Value, MapError> {
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
                    CodeBy::ExternalId => self.id(&LinkQuery::ByExternalId { external_id: word.to_owned() }, pointer),
                    CodeBy::Value | CodeBy::Label => Ok(Value::String(word.to_owned())),
                }
            }
            Lens::Ref(Target::Record) => {
                let key = string(given, pointer)?;
                let message = || format!("{} is no `{}-…` id", shown(given), self.system);
                let id = record_id(self.system, key);
                id.map(Value::from).ok_or_else(|| MapError::new(MapCause::Reference, pointer, message()))
            }
            Lens::Ref(Target::Key(_)) | Lens::Site => match backward(lens, given, pointer)? {
                Some(query) => self.id(&query, pointer),
                None => Ok(Value::Bool(false)),
            },
            Lens::Many(element, shape) => self.many(element, shape, given, pointer),
            Lens::Quantity(UnitFrom::Fixed(unit)) => fixed_quantity(unit, shape, given, pointer),
            Lens::Money(CurrencyFrom::Fixed(currency)) => amount_in(currency, given, pointer),
            _ => Err(not_writable(pointer, "")),
        }
    }

    fn many(&self, lens: &Lens, shape: &Shape, given: &Value, pointer: &str) -> Result<Value, MapError> {
        let Value::Array(elements) = given else {
            return Err(wrong(pointer, format!("{} is no list", shown(given))));
        };
        let elements = elements.iter().enumerate();
        elements.map(|(index, given)| self.value(lens, shape, given, &below(pointer, &index.to_string()))).collect()
    }

    /// With a record as it stood, the value is converted into the unit that the record has: its other quantities of the
    /// same unit field keep their meaning. Without, the unit is written beside it.
    fn quantity(
        &mut self,
        at: &str,
        from: &UnitFrom,
        shape: &Shape,
        given: &Value,
        pointer: &str,
    ) -> Result<(), MapError> {
        let (unit_at, codes, by) = match from {
            UnitFrom::Fixed(unit) => {
                let value = fixed_quantity(unit, shape, given, pointer)?;
                return self.set(at, value, pointer);
            }
            UnitFrom::Field { at, codes, by } => (at, codes, *by),
        };
        let unit = given_unit(shape, given, pointer)?;
        let has_unit = self.before.and_then(|before| record::present(before, unit_at, false));
        if let (Some(record), Some(_)) = (self.before, has_unit) {
            let known = Reader { system: self.system, record, links: self.links }.unit(from, pointer);
            if let Ok(Some(known)) = known {
                let value = fixed_quantity(&known, shape, given, pointer)?;
                return self.set(at, value, pointer);
            }
        }
        let unit_pointer = below(pointer, "unit");
        if by == CodeBy::Label {
            return Err(MapError::new(MapCause::NotWritable, unit_pointer, "a unit cannot be written by its label"));
        }
        let word = codes.word(unit.code()).map_err(|error| MapError::new(MapCause::Code, &*unit_pointer, error))?;
        let written = match by {
            CodeBy::ExternalId => self.id(&LinkQuery::ByExternalId { external_id: word.to_owned() }, &unit_pointer)?,
            CodeBy::Value | CodeBy::Label => Value::String(word.to_owned()),
        };
        if has_unit.is_some_and(|before| !record::same(before, &written)) {
            let message = format!("the unit in `{unit_at}` of the record was not looked up, so that nothing converts");
            return Err(MapError::new(MapCause::Reference, unit_pointer, message));
        }
        self.set(unit_at, written, &unit_pointer)?;
        let value = fixed_quantity(&unit, shape, given, pointer)?;
        self.set(at, value, pointer)
    }

    fn money(&mut self, at: &str, from: &CurrencyFrom, given: &Value, pointer: &str) -> Result<(), MapError> {
        let currency = match (from, self.before) {
            (CurrencyFrom::Fixed(currency), _) => currency.clone(),
            (CurrencyFrom::Field(_), Some(record)) => {
                Reader { system: self.system, record, links: self.links }.currency(from, pointer)?
            }
            (CurrencyFrom::Field(field), None) => {
                let message = format!("the currency in `{field}` is the system's own to choose");
                return Err(MapError::new(MapCause::NotWritable, pointer, message));
            }
        };
        let value = amount_in(&currency, given, pointer)?;
        self.set(at, value, pointer)
    }

    /// The record that looking up this link answered.
    fn id(&self, query: &LinkQuery, pointer: &str) -> Result<Value, MapError> {
        let nowhere = match query {
            LinkQuery::ByExternalId { external_id } => format!("{} has no record `{external_id}`", self.system),
            LinkQuery::ByKey { object, key } => format!("{} has no {object} `{key}`", self.system),
            LinkQuery::Company { site } => format!("{} has no company that is bound to the site `{site}`", self.system),
            _ => String::new(),
        };
        match self.links.get(query) {
            Some(LinkAnswer::Id(id)) => Ok(Value::from(*id)),
            Some(_) => Err(MapError::new(MapCause::Reference, pointer, nowhere)),
            None => Err(MapError::new(MapCause::Reference, pointer, "the link was not looked up")),
        }
    }
}

/// What must be looked up before these members can be written.
pub(super) fn queries(
    fields: &[Field],
    given: &Map<String, Value>,
    pointer: &str,
    found: &mut Vec<LinkQuery>,
) -> Result<(), MapError> {
    for field in fields.iter().filter(|field| field.writable) {
        let Some(value) = given.get(field.name()).filter(|value| !value.is_null()) else { continue };
        let pointer = below(pointer, field.name());
        match (&field.lens, value) {
            (Lens::Group(members), Value::Object(given)) => queries(members, given, &pointer, found)?,
            (Lens::Many(element, _), Value::Array(elements)) => {
                for (index, value) in elements.iter().enumerate() {
                    found.extend(backward(element, value, &below(&pointer, &index.to_string()))?);
                }
            }
            (lens, value) => found.extend(backward(lens, value, &pointer)?),
        }
    }
    Ok(())
}

/// What must be looked up to write this value.
fn backward(lens: &Lens, given: &Value, pointer: &str) -> Result<Option<LinkQuery>, MapError> {
    match lens {
        Lens::Code { codes, by: CodeBy::ExternalId } => {
            let code = string(given, pointer)?;
            let word = codes.word(code).map_err(|error| MapError::new(MapCause::Code, pointer, error))?;
            Ok(Some(LinkQuery::ByExternalId { external_id: word.to_owned() }))
        }
        Lens::Quantity(UnitFrom::Field { codes, by: CodeBy::ExternalId, .. }) => {
            // A unit without a word may still convert into the one that the record has.
            let unit = two_strings(given, "value", "unit").and_then(|(_, unit)| codes.word(unit).ok());
            Ok(unit.map(|word| LinkQuery::ByExternalId { external_id: word.to_owned() }))
        }
        Lens::Ref(Target::Key(object)) => {
            let key = string(given, pointer)?.to_owned();
            Ok(Some(LinkQuery::ByKey { object: object.clone(), key }))
        }
        Lens::Site => {
            let site: SiteName = string(given, pointer)?
                .parse()
                .map_err(|_| MapError::new(MapCause::Reference, pointer, format!("{} is no site", shown(given))))?;
            Ok(Some(LinkQuery::Company { site }))
        }
        _ => Ok(None),
    }
}

/// The record's id in `<system>-<id>`.
pub(super) fn record_id(system: &SystemName, key: &str) -> Option<i64> {
    let digits = key.strip_prefix(system.as_str())?.strip_prefix('-')?;
    let wellformed = digits.bytes().all(|byte| byte.is_ascii_digit()) && !digits.starts_with('0');
    if wellformed { digits.parse().ok() } else { None }
}

/// A canonical scalar as the record has it.
pub(super) fn write_plain(shape: &Shape, given: &Value) -> Result<Value, String> {
    check_scalar(shape, given)?;
    match (shape, given.as_str()) {
        (Shape::Decimal, Some(text)) => {
            let value = decimal::parse_text(text).ok_or_else(|| format!("{} is no exact decimal", shown(given)))?;
            Ok(decimal::to_json(value))
        }
        (Shape::Timestamp, Some(text)) => record::write_datetime(text).map(Value::String),
        _ => Ok(given.clone()),
    }
}

fn given_unit(shape: &Shape, given: &Value, pointer: &str) -> Result<Unit, MapError> {
    let (_, unit) = two_strings(given, "value", "unit")
        .ok_or_else(|| wrong(pointer, format!("{} is no quantity", shown(given))))?;
    let unit: Unit = unit.parse().map_err(|error: quantity::UnitError| {
        MapError::new(MapCause::Unit, below(pointer, "unit"), error.to_string())
    })?;
    check_dimension(shape, &unit, pointer)?;
    Ok(unit)
}

/// The number of a quantity in this unit.
fn fixed_quantity(into: &Unit, shape: &Shape, given: &Value, pointer: &str) -> Result<Value, MapError> {
    let unit = given_unit(shape, given, pointer)?;
    let amount = two_strings(given, "value", "unit").and_then(|(value, _)| decimal::parse_text(value));
    let amount = amount.ok_or_else(|| {
        wrong(&below(pointer, "value"), format!("{} has no exact decimal of at most 28 digits", shown(given)))
    })?;
    let converted = quantity::convert(amount, &unit, into);
    let value = converted.map_err(|error| MapError::new(MapCause::Unit, pointer, error.to_string()))?;
    Ok(decimal::to_json(value))
}

/// The number of an amount, which must be in this currency.
fn amount_in(currency: &str, given: &Value, pointer: &str) -> Result<Value, MapError> {
    let (amount, given_currency) = two_strings(given, "amount", "currency")
        .ok_or_else(|| wrong(pointer, format!("{} is no amount of money", shown(given))))?;
    if given_currency != currency {
        let message = format!("the record is kept in {currency}, not in `{given_currency}`");
        return Err(MapError::new(MapCause::Unit, below(pointer, "currency"), message));
    }
    let value = decimal::parse_text(amount).ok_or_else(|| {
        wrong(&below(pointer, "amount"), format!("`{amount}` is no exact decimal of at most 28 digits"))
    })?;
    Ok(decimal::to_json(value))
}

fn string<'v>(given: &'v Value, pointer: &str) -> Result<&'v str, MapError> {
    given.as_str().ok_or_else(|| wrong(pointer, format!("{} is no string", shown(given))))
}

fn wrong(pointer: &str, message: String) -> MapError {
    MapError::new(MapCause::Shape, pointer, message)
}

fn not_writable(pointer: &str, name: &str) -> MapError {
    MapError::new(MapCause::NotWritable, pointer, format!("`{name}` is read only in this mapping"))
}

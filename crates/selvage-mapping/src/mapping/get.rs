//! From a record to the object. Nothing is guessed: what a lens cannot read is an error that says where.

use std::borrow::Cow;

use selvage_model::manifest::mapping::CodeBy;
use selvage_model::manifest::object::{Attribute, Shape};
use selvage_model::name::SystemName;
use serde_json::{Map, Value};

use super::look;
use crate::decimal;
use crate::duration;
use crate::error::{MapCause, MapError};
use crate::lens::{CurrencyFrom, Field, Lens, Lines, Spot, Target, UnitFrom};
use crate::link::{LinkAnswer, LinkQuery, Links};
use crate::pointer::Pointer;
use crate::quantity::{self, Unit};
use crate::record;
use crate::shape::{check_scalar, is_currency, shown};

/// Reads one record.
#[derive(Clone, Copy)]
pub(super) struct Reader<'a> {
    pub(super) system: &'a SystemName,
    pub(super) record: &'a Value,
    pub(super) links: &'a Links,
}

impl<'a> Reader<'a> {
    /// All attributes in the object's order; those that the mapping does not carry are `null`.
    pub(super) fn members(
        self,
        attributes: &[Attribute],
        fields: &[Field],
        pointer: &Pointer<'_>,
    ) -> Result<Map<String, Value>, MapError> {
        let mut members = Map::with_capacity(attributes.len());
        // Fields stand in the order of their attributes.
        let mut fields = fields.iter().peekable();
        for attribute in attributes {
            let name = attribute.name.value.as_str();
            match fields.next_if(|field| field.name() == name) {
                Some(field) if !field.readable => {}
                Some(field) => {
                    members.insert(name.to_owned(), self.field(field, &pointer.name(name))?);
                }
                None => {
                    members.insert(name.to_owned(), Value::Null);
                }
            }
        }
        Ok(members)
    }

    /// One attribute; `null` where the record has nothing and that is allowed.
    pub(super) fn field(self, field: &Field, pointer: &Pointer<'_>) -> Result<Value, MapError> {
        let found = match &field.lens {
            Lens::Const(value) => Some(value.clone()),
            Lens::Group(members) => self.group(field, members, pointer)?,
            Lens::Expression(expression) => {
                let variables = [("record".to_owned(), self.record.clone())].into();
                let value = expression.evaluate(&variables).map_err(|error| self.wrong(pointer, error))?;
                self.as_it_is(&field.attribute.shape, value, pointer)?
            }
            lens => match look::found(field, self.record) {
                Some((spot, value)) => Some(self.value(lens, &field.attribute.shape, spot, value, pointer)?),
                None => empty(lens),
            },
        };
        match found.filter(|found| !found.is_null()).or_else(|| field.default.clone()) {
            Some(value) => Ok(value),
            None if field.attribute.optional => Ok(Value::Null),
            None => {
                let at = field.at.as_ref().map(|spot| spot.path.as_str()).unwrap_or_default();
                Err(self.wrong(pointer, format!("the record has nothing in `{at}`, and the attribute is required")))
            }
        }
    }

    /// An expression may make what the shape does not allow.
    fn as_it_is(self, shape: &Shape, value: Value, pointer: &Pointer<'_>) -> Result<Option<Value>, MapError> {
        if value.is_null() {
            return Ok(None);
        }
        check_scalar(shape, &value).map(|()| Some(value)).map_err(|error| self.wrong(pointer, error))
    }

    fn group(self, field: &Field, members: &[Field], pointer: &Pointer<'_>) -> Result<Option<Value>, MapError> {
        let Shape::Group(attributes) = &field.attribute.shape else { return Ok(None) };
        // An optional group of which the record has nothing is nothing, even where members are required.
        let nothing = || members.iter().all(|member| look::found(member, self.record).is_none());
        if field.attribute.optional && nothing() {
            return Ok(None);
        }
        self.members(attributes, members, pointer).map(|members| Some(Value::Object(members)))
    }

    /// A value that the record has, through its lens.
    fn value(
        self,
        lens: &Lens,
        shape: &Shape,
        at: &Spot,
        value: &'a Value,
        pointer: &Pointer<'_>,
    ) -> Result<Value, MapError> {
        let wrong = |message| self.wrong(pointer, message);
        match lens {
            Lens::Plain => read_plain(shape, value).map_err(wrong),
            Lens::Code { codes, by } => {
                let word = self.word(at, value, *by, pointer)?;
                let code = codes.code(&word).map_err(|error| MapError::new(MapCause::Code, pointer, error))?;
                Ok(Value::String(code.to_owned()))
            }
            Lens::Ref(Target::Record) => Ok(Value::String(self.record_key(record::link(value).map_err(wrong)?.0))),
            Lens::Ref(Target::Key(object)) => {
                let id = record::link(value).map_err(wrong)?.0;
                self.text(self.links.key(object, id), at, pointer, || {
                    format!("the record {id} in `{}` has no business key of a {object}", at.path)
                })
            }
            Lens::Ref(Target::Attribute(object, attribute)) => {
                let id = record::link(value).map_err(wrong)?.0;
                let query = LinkQuery::Attribute { object: object.clone(), attribute: attribute.clone(), id };
                self.text(self.links.get(&query), at, pointer, || {
                    format!("the record {id} in `{}` has no `{attribute}` of a {object}", at.path)
                })
            }
            Lens::Record => {
                let id = value.as_i64().ok_or_else(|| wrong(format!("{} is no id", shown(value))))?;
                Ok(Value::String(self.record_key(id)))
            }
            Lens::Label => {
                let label = Value::String(label(value).map_err(wrong)?.to_owned());
                check_scalar(shape, &label).map(|()| label).map_err(wrong)
            }
            Lens::Site => {
                let company = record::link(value).map_err(wrong)?.0;
                self.text(self.links.site(company), at, pointer, || {
                    format!("no site is bound to the company {company} in `{}`", at.path)
                })
            }
            Lens::Enum(words) => read_enum(words, value).map_err(|error| MapError::new(MapCause::Code, pointer, error)),
            Lens::Flag(words) => read_flag(words, value).map_err(|error| MapError::new(MapCause::Code, pointer, error)),
            Lens::Quantity(unit) => self.quantity(unit, shape, value, pointer),
            Lens::Money(currency) => self.money(currency, value, pointer),
            Lens::Duration(unit) => {
                let amount = decimal::of_json(value).and_then(|amount| duration::text(amount, *unit));
                amount.map(Value::String).ok_or_else(|| wrong(format!("{} is no number of time", shown(value))))
            }
            Lens::Many(element, shape) => self.many(element, shape, at, value, pointer),
            Lens::Only(element) => self.element(element, shape, at, record::only(value), pointer),
            Lens::First(element) => self.element(element, shape, at, record::first(value), pointer),
            Lens::Lines(lines) => self.lines(lines, at, value, pointer),
            Lens::Absent | Lens::Const(_) | Lens::Group(_) | Lens::Expression(_) => Ok(Value::Null),
        }
    }

    fn many(
        self,
        lens: &Lens,
        shape: &Shape,
        at: &Spot,
        value: &'a Value,
        pointer: &Pointer<'_>,
    ) -> Result<Value, MapError> {
        let Value::Array(elements) = value else {
            return Err(self.wrong(pointer, format!("{} is no list", shown(value))));
        };
        let mut list = Vec::with_capacity(elements.len());
        for (index, element) in elements.iter().enumerate() {
            list.push(self.value(lens, shape, at, element, &pointer.place(index))?);
        }
        Ok(Value::Array(list))
    }

    fn element(
        self,
        lens: &Lens,
        shape: &Shape,
        at: &Spot,
        value: Option<&'a Value>,
        pointer: &Pointer<'_>,
    ) -> Result<Value, MapError> {
        value.map_or(Ok(Value::Null), |value| self.value(lens, shape, at, value, pointer))
    }

    fn lines(self, lines: &Lines, at: &Spot, value: &'a Value, pointer: &Pointer<'_>) -> Result<Value, MapError> {
        let records = line_records(value, at).map_err(|error| self.wrong(pointer, error))?;
        let mut list = Vec::with_capacity(records.len());
        for (index, record) in records.iter().filter(|record| lines.tell(record)).enumerate() {
            let reader = Reader { record, ..self };
            let members = reader.members(&lines.attributes, &lines.members, &pointer.place(index))?;
            list.push(Value::Object(members));
        }
        Ok(Value::Array(list))
    }

    fn quantity(self, from: &UnitFrom, shape: &Shape, value: &Value, pointer: &Pointer<'_>) -> Result<Value, MapError> {
        let amount = decimal::text_of_json(value)
            .ok_or_else(|| self.wrong(pointer, format!("{} is no exact decimal of at most 28 digits", shown(value))))?;
        let unit = self.unit(from, pointer)?;
        let Some(unit) = unit else {
            return Err(MapError::new(MapCause::Unit, pointer, "the record has a number without a unit"));
        };
        check_dimension(shape, &unit, pointer)?;
        Ok(pair(("value", amount.into_owned()), ("unit", unit.code().to_owned())))
    }

    /// The unit that the record's quantity has; `None` where its field is empty.
    pub(super) fn unit<'f>(self, from: &'f UnitFrom, pointer: &Pointer<'_>) -> Result<Option<Cow<'f, Unit>>, MapError> {
        let (at, codes, by) = match from {
            UnitFrom::Fixed(unit) => return Ok(Some(Cow::Borrowed(unit))),
            UnitFrom::Field { at, codes, by } => (at, codes, *by),
        };
        let Some(value) = record::present(self.record, &at.at, false) else { return Ok(None) };
        let pointer = pointer.name("unit");
        let word = self.word(at, value, by, &pointer)?;
        let code = codes.code(&word).map_err(|error| MapError::new(MapCause::Code, &pointer, error))?;
        if let Some(unit) = codes.unit(code) {
            return Ok(Some(Cow::Borrowed(unit)));
        }
        code.parse()
            .map(|unit| Some(Cow::Owned(unit)))
            .map_err(|error: quantity::UnitError| MapError::new(MapCause::Unit, &pointer, error.to_string()))
    }

    fn money(self, from: &CurrencyFrom, value: &Value, pointer: &Pointer<'_>) -> Result<Value, MapError> {
        let amount = decimal::text_of_json(value)
            .ok_or_else(|| self.wrong(pointer, format!("{} is no exact decimal of at most 28 digits", shown(value))))?;
        let currency = self.currency(from, pointer)?;
        Ok(pair(("amount", amount.into_owned()), ("currency", currency)))
    }

    pub(super) fn currency(self, from: &CurrencyFrom, pointer: &Pointer<'_>) -> Result<String, MapError> {
        let at = match from {
            CurrencyFrom::Fixed(currency) => return Ok(currency.clone()),
            CurrencyFrom::Field { at, .. } => at,
        };
        let pointer = pointer.name("currency");
        let value = record::present(self.record, &at.at, false)
            .ok_or_else(|| self.wrong(&pointer, format!("the record has no currency in `{}`", at.path)))?;
        let currency = label(value).map_err(|error| self.wrong(&pointer, error))?;
        if is_currency(currency) {
            Ok(currency.to_owned())
        } else {
            Err(self.wrong(&pointer, format!("`{currency}` is no ISO 4217 code")))
        }
    }

    /// What of a field is looked up in a code set.
    fn word(self, at: &Spot, value: &'a Value, by: CodeBy, pointer: &Pointer<'_>) -> Result<Cow<'a, str>, MapError> {
        match by {
            CodeBy::Value => match value {
                Value::String(word) => Ok(Cow::Borrowed(word)),
                Value::Number(number) => Ok(Cow::Owned(number.to_string())),
                other => Err(self.wrong(pointer, format!("{} is no word of a code set", shown(other)))),
            },
            CodeBy::Label => label(value).map(Cow::Borrowed).map_err(|error| self.wrong(pointer, error)),
            CodeBy::ExternalId => {
                let id = record::link(value).map_err(|error| self.wrong(pointer, error))?.0;
                let nowhere = || format!("the record {id} in `{}` has no external id", at.path);
                self.answered(self.links.external_id(&at.path, id), at, pointer, nowhere).map(Cow::Borrowed)
            }
        }
    }

    /// The text that looking up a link answered.
    fn text(
        self,
        answer: Option<&'a LinkAnswer>,
        at: &Spot,
        pointer: &Pointer<'_>,
        nowhere: impl FnOnce() -> String,
    ) -> Result<Value, MapError> {
        self.answered(answer, at, pointer, nowhere).map(|text| Value::String(text.to_owned()))
    }

    fn answered(
        self,
        answer: Option<&'a LinkAnswer>,
        at: &Spot,
        pointer: &Pointer<'_>,
        nowhere: impl FnOnce() -> String,
    ) -> Result<&'a str, MapError> {
        let message = match answer {
            Some(LinkAnswer::Text(text)) => return Ok(text),
            Some(_) => nowhere(),
            None => format!("the link in `{}` was not looked up", at.path),
        };
        Err(MapError::new(MapCause::Reference, pointer, message))
    }

    fn record_key(self, id: i64) -> String {
        format!("{}-{id}", self.system)
    }

    fn wrong(self, pointer: &Pointer<'_>, message: String) -> MapError {
        MapError::new(MapCause::Shape, pointer, message)
    }
}

/// A group of two texts.
fn pair(one: (&str, String), other: (&str, String)) -> Value {
    let mut members = Map::with_capacity(2);
    for (name, text) in [one, other] {
        members.insert(name.to_owned(), Value::String(text));
    }
    Value::Object(members)
}

/// The lines of a list, each a record with its id.
pub(super) fn line_records<'r>(value: &'r Value, at: &Spot) -> Result<&'r [Value], String> {
    match value {
        Value::Array(records) if records.iter().all(Value::is_object) => Ok(records),
        Value::Array(_) => Err(format!("the lines in `{}` were not read", at.path)),
        other => Err(format!("{} is no list of lines", shown(other))),
    }
}

/// A list that the record does not have is empty, not absent.
fn empty(lens: &Lens) -> Option<Value> {
    matches!(lens, Lens::Many(..) | Lens::Lines(_)).then(|| Value::Array(Vec::new()))
}

/// A unit of another dimension than the attribute's is refused.
pub(super) fn check_dimension(shape: &Shape, unit: &Unit, pointer: &Pointer<'_>) -> Result<(), MapError> {
    match shape {
        Shape::Quantity { dimension: Some(dimension) } if !quantity::measures(unit, *dimension) => {
            let message = format!("`{}` is no unit of {dimension}", unit.code());
            Err(MapError::new(MapCause::Unit, &pointer.name("unit"), message))
        }
        _ => Ok(()),
    }
}

fn label(value: &Value) -> Result<&str, String> {
    if let Value::String(label) = value {
        return Ok(label);
    }
    record::link(value)?.1.ok_or_else(|| format!("{} is a link without its label", shown(value)))
}

fn read_enum(words: &[(String, String)], value: &Value) -> Result<Value, String> {
    let word = value.as_str().ok_or_else(|| format!("{} is no word", shown(value)))?;
    let found = words.iter().find(|(theirs, _)| theirs == word);
    found
        .map(|(_, ours)| Value::String(ours.clone()))
        .ok_or_else(|| format!("{} is none of the words that are mapped", shown(value)))
}

fn read_flag(words: &[(bool, String)], value: &Value) -> Result<Value, String> {
    let flag = value.as_bool().ok_or_else(|| format!("{} is no yes or no", shown(value)))?;
    let found = words.iter().find(|(theirs, _)| *theirs == flag);
    found
        .map(|(_, ours)| Value::String(ours.clone()))
        .ok_or_else(|| format!("`{flag}` is none of the words that are mapped"))
}

fn read_plain(shape: &Shape, value: &Value) -> Result<Value, String> {
    let read = canonical_scalar(shape, value)?;
    // What was made from a number or a moment has its shape.
    match shape {
        Shape::Decimal | Shape::Integer | Shape::Timestamp => Ok(read),
        _ => check_scalar(shape, &read).map(|()| read),
    }
}

fn canonical_scalar(shape: &Shape, value: &Value) -> Result<Value, String> {
    let wrong = |what: &str| format!("{} is no {what}", shown(value));
    match shape {
        Shape::Decimal => {
            let value = decimal::text_of_json(value).ok_or_else(|| wrong("exact decimal of at most 28 digits"))?;
            Ok(Value::String(value.into_owned()))
        }
        Shape::Integer => {
            let whole =
                decimal::of_json(value).filter(|value| value.is_integer()).ok_or_else(|| wrong("whole number"))?;
            Ok(decimal::to_json(whole))
        }
        Shape::Timestamp => {
            let text = value.as_str().and_then(record::read_datetime).ok_or_else(|| wrong("datetime"))?;
            Ok(Value::String(text))
        }
        _ => Ok(value.clone()),
    }
}

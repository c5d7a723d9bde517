//! The same translation as a program would write it by hand for this one object: structs for both sides, exact decimals,
//! maps for what is looked up. Nothing is left out that the mapping does to the values.

use std::collections::HashMap;
use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use rust_decimal::Decimal;
use serde::de::{self, Deserializer, Visitor};
use serde::{Deserialize, Serialize};
use serde_json::Number;

/// What was looked up.
#[derive(Default)]
pub(crate) struct Known {
    pub(crate) products: HashMap<i64, String>,
    pub(crate) products_by_code: HashMap<String, i64>,
    pub(crate) units: HashMap<i64, String>,
    pub(crate) units_by_word: HashMap<String, i64>,
    pub(crate) codes: HashMap<String, String>,
    pub(crate) words: HashMap<String, String>,
    pub(crate) sites: HashMap<i64, String>,
    pub(crate) companies: HashMap<String, i64>,
}

/// A text, or `false` for none.
struct Maybe(Option<String>);

impl<'de> Deserialize<'de> for Maybe {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;
        impl Visitor<'_> for Text {
            type Value = Maybe;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a text or false")
            }
            fn visit_str<E: de::Error>(self, text: &str) -> Result<Maybe, E> {
                Ok(Maybe(Some(text.to_owned())))
            }
            fn visit_bool<E: de::Error>(self, flag: bool) -> Result<Maybe, E> {
                if flag { Err(E::custom("true is no text")) } else { Ok(Maybe(None)) }
            }
        }
        deserializer.deserialize_any(Text)
    }
}

#[derive(Deserialize)]
struct OdooOrder {
    name: String,
    product_id: (i64, String),
    product_qty: Number,
    qty_produced: Number,
    product_uom_id: (i64, String),
    state: String,
    date_start: Maybe,
    origin: Maybe,
    company_id: (i64, String),
    write_date: String,
    move_raw_ids: Vec<OdooMove>,
}

#[derive(Deserialize)]
struct OdooMove {
    product_id: (i64, String),
    product_uom_qty: Number,
    quantity: Number,
    product_uom: (i64, String),
    picked: bool,
}

#[derive(Serialize)]
struct Quantity {
    value: String,
    unit: String,
}

#[derive(Serialize)]
pub(crate) struct Order {
    number: String,
    product: String,
    quantity: Quantity,
    produced: Quantity,
    status: &'static str,
    planned_start: Option<String>,
    origin: Option<String>,
    site: String,
    updated_at: String,
    components: Vec<Component>,
}

#[derive(Serialize)]
struct Component {
    product: String,
    quantity: Quantity,
    consumed: Quantity,
    picked: bool,
}

#[derive(Serialize)]
pub(crate) struct NewOrder {
    name: String,
    product_id: i64,
    product_uom_id: i64,
    product_qty: Number,
    qty_produced: Number,
    state: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    date_start: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    origin: Option<String>,
    company_id: i64,
    write_date: String,
    move_raw_ids: Vec<(i32, i32, NewMove)>,
}

#[derive(Serialize)]
struct NewMove {
    product_id: i64,
    product_uom: i64,
    product_uom_qty: Number,
    quantity: Number,
    picked: bool,
}

fn text(number: &Number) -> Option<String> {
    let text = number.as_str();
    let value = if text.contains(['e', 'E']) {
        Decimal::from_scientific(text).ok()?
    } else {
        Decimal::from_str_exact(text).ok()?
    };
    Some(value.normalize().to_string())
}

fn number(text: &str) -> Option<Number> {
    Number::from_str(&Decimal::from_str_exact(text).ok()?.normalize().to_string()).ok()
}

fn moment(text: &str) -> Option<String> {
    let naive: DateTime = text.parse().ok()?;
    Some(TimeZone::UTC.to_timestamp(naive).ok()?.to_string())
}

fn naive(text: &str) -> Option<String> {
    let instant: Timestamp = text.parse().ok()?;
    (instant.subsec_nanosecond() == 0)
        .then(|| TimeZone::UTC.to_datetime(instant).strftime("%Y-%m-%d %H:%M:%S").to_string())
}

fn one_line(text: String, most: usize) -> Option<String> {
    (text.chars().count() <= most && !text.contains(['\n', '\r', '\0'])).then_some(text)
}

const STATES: [(&str, &str); 6] = [
    ("draft", "draft"),
    ("confirmed", "confirmed"),
    ("progress", "progress"),
    ("to_close", "to_close"),
    ("done", "done"),
    ("cancel", "cancelled"),
];

fn quantity(amount: &Number, unit: i64, known: &Known) -> Option<Quantity> {
    let unit = known.codes.get(known.units.get(&unit)?)?.clone();
    Some(Quantity { value: text(amount)?, unit })
}

/// The object of this record.
pub(crate) fn read(bytes: &[u8], known: &Known) -> Option<Order> {
    let order: OdooOrder = serde_json::from_slice(bytes).ok()?;
    let component = |line: &OdooMove| {
        Some(Component {
            product: known.products.get(&line.product_id.0)?.clone(),
            quantity: quantity(&line.product_uom_qty, line.product_uom.0, known)?,
            consumed: quantity(&line.quantity, line.product_uom.0, known)?,
            picked: line.picked,
        })
    };
    let components = order.move_raw_ids.iter().map(component).collect::<Option<_>>()?;
    let origin = match order.origin.0 {
        Some(origin) => Some(one_line(origin, 256)?),
        None => None,
    };
    let planned_start = match &order.date_start.0 {
        Some(start) => Some(moment(start)?),
        None => None,
    };
    Some(Order {
        number: one_line(order.name, 64)?,
        product: known.products.get(&order.product_id.0)?.clone(),
        quantity: quantity(&order.product_qty, order.product_uom_id.0, known)?,
        produced: quantity(&order.qty_produced, order.product_uom_id.0, known)?,
        status: STATES.iter().find(|(theirs, _)| *theirs == order.state)?.1,
        planned_start,
        origin,
        site: known.sites.get(&order.company_id.0)?.clone(),
        updated_at: moment(&order.write_date)?,
        components,
    })
}

fn unit(quantity: &Quantity, known: &Known) -> Option<i64> {
    known.units_by_word.get(known.words.get(&quantity.unit)?).copied()
}

/// The values of a new record of this object.
pub(crate) fn write(order: &Order, known: &Known) -> Option<NewOrder> {
    let line = |component: &Component| {
        let values = NewMove {
            product_id: *known.products_by_code.get(&component.product)?,
            product_uom: unit(&component.quantity, known)?,
            product_uom_qty: number(&component.quantity.value)?,
            quantity: number(&component.consumed.value)?,
            picked: component.picked,
        };
        (component.quantity.unit == component.consumed.unit).then_some((0, 0, values))
    };
    Some(NewOrder {
        name: one_line(order.number.clone(), 64)?,
        product_id: *known.products_by_code.get(&order.product)?,
        product_uom_id: unit(&order.quantity, known)?,
        product_qty: number(&order.quantity.value)?,
        qty_produced: number(&order.produced.value)?,
        state: STATES.iter().find(|(_, ours)| *ours == order.status)?.0,
        date_start: match &order.planned_start {
            Some(start) => Some(naive(start)?),
            None => None,
        },
        origin: match &order.origin {
            Some(origin) => Some(one_line(origin.clone(), 256)?),
            None => None,
        },
        company_id: *known.companies.get(&order.site)?,
        write_date: naive(&order.updated_at)?,
        move_raw_ids: order.components.iter().map(line).collect::<Option<_>>()?,
    })
}

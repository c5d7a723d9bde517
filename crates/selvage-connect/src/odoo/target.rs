//! What a production report is to reach, what it found, and which step leads from one to the other. Pure.
//! A target is a total, so that the same report repeated leads nowhere else.

use rust_decimal::Decimal;

use super::consume::ConsumptionTarget;
use super::failure::{Failure, Refusal};
use super::number::survives;
use super::order::OrderState;

/// Produced of this order, in total.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProductionTarget {
    /// The total over the order and its backorders, in the order's unit of measure.
    pub total: Decimal,
    /// The lot of what this report adds; needed exactly where the product is tracked.
    pub lot: Option<String>,
    /// What becomes of the rest of the order, when the total is below its quantity.
    pub remainder: Remainder,
    /// What was used of components, in total over the order and its backorders. Of those that are not named, what the plan
    /// needs.
    pub components: Vec<ConsumptionTarget>,
    /// What was scrapped of the product, in total.
    pub scrapped: Option<ScrapTarget>,
}

/// Scrapped of what an order made, in total.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScrapTarget {
    /// The total over the order and its backorders, in the order's unit of measure.
    pub total: Decimal,
    /// The external id of what is scrapped for it.
    pub key: String,
}

/// What becomes of the rest of an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Remainder {
    /// It stays to be made, as a backorder.
    Backorder,
    /// It is given up.
    Close,
    /// Nothing is booked yet: progress is noted on the order, which stays open.
    KeepOpen,
}

/// A component that left stock.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Consumed {
    /// Its product.
    pub product_id: i64,
    /// The product as Odoo shows it.
    pub product_label: String,
    /// How much, in the component move's unit.
    pub quantity: Decimal,
    /// That unit.
    pub unit: Option<i64>,
    /// The lot it was taken from.
    pub lot: Option<String>,
}

/// A product that came into stock, or is noted as made on an order that stays open.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Made {
    /// Its product.
    pub product_id: i64,
    /// The product as Odoo shows it.
    pub product_label: String,
    /// How much, in the order's unit.
    pub quantity: Decimal,
    /// That unit.
    pub unit: Option<i64>,
    /// The lot it was made into.
    pub lot: Option<String>,
}

/// A production order as a report needs it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Order {
    pub(super) id: i64,
    pub(super) name: String,
    pub(super) state: OrderState,
    pub(super) product: (i64, String),
    pub(super) quantity: Decimal,
    pub(super) unit: Option<i64>,
    pub(super) producing: Decimal,
    pub(super) produced: Decimal,
    pub(super) lots: Vec<i64>,
    pub(super) company: i64,
    /// What ties an order to its backorders.
    pub(super) group: Option<i64>,
    /// It is a part of what was one order, so its name ends in the number of the part.
    pub(super) split: bool,
}

impl Order {
    /// The number that an order shares with its backorders: of `WH/MO/00018-001`, `WH/MO/00018`.
    pub(super) fn number(&self) -> &str {
        match self.name.rsplit_once('-') {
            Some((number, part)) if self.split && part.bytes().all(|digit| digit.is_ascii_digit()) => number,
            _ => &self.name,
        }
    }
}

/// What a report has to do next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// The total stands in Odoo.
    Reached,
    /// Produce this much on this order.
    Work { order: i64, quantity: Decimal },
}

impl ProductionTarget {
    /// Refuses what no order can reach.
    pub(super) fn check(&self) -> Result<(), Failure> {
        if self.total <= Decimal::ZERO {
            let message = format!("a total of {} cannot be produced; it must be above zero", self.total);
            return Err(Failure::field(Refusal::Target, "total", message));
        }
        if self.lot.as_deref().is_some_and(|lot| lot.trim().is_empty()) {
            return Err(Failure::field(Refusal::Lot, "lot", "the lot has an empty name"));
        }
        Ok(())
    }
}

/// Refuses a quantity that would not come back from Odoo as it was written: finer than the step of its unit, or longer than
/// a double holds.
pub(super) fn check_held(quantity: Decimal, step: Option<Decimal>) -> Result<(), Failure> {
    let refused =
        |why: &str| Err(Failure::field(Refusal::Target, "total", format!("{quantity} cannot be produced: {why}")));
    if !survives(quantity) {
        return refused("it has more digits than the system keeps");
    }
    let fits = |step: Decimal| quantity.checked_rem(step).is_some_and(|rest| rest.is_zero());
    match step.filter(|step| *step > Decimal::ZERO) {
        Some(step) if !fits(step) => {
            refused(&format!("the unit of the order is counted in steps of {}", step.normalize()))
        }
        _ => Ok(()),
    }
}

/// Booked over a chain of orders. Only done ones count: an open order's own figure already counts what is merely noted.
pub(super) fn booked(chain: &[Order]) -> Decimal {
    chain.iter().filter(|order| order.state == OrderState::Done).map(|order| order.produced).sum()
}

/// The next step towards the total, for an order and its backorders in the order of their ids.
pub(super) fn next_step(chain: &[Order], total: Decimal) -> Result<Step, Failure> {
    let booked = booked(chain);
    if booked == total {
        return Ok(Step::Reached);
    }
    if booked > total {
        let message = format!("{booked} are already produced and booked, which cannot be undone to {total}");
        return Err(Failure::field(Refusal::Target, "total", message));
    }
    let rest = total - booked;
    let mut open = chain.iter().filter(|order| order.state.is_open());
    let Some(order) = open.next() else {
        let message = format!("{booked} are produced and no part of the order is open to produce {rest} more");
        return Err(Failure::field(Refusal::Target, "total", message));
    };
    // An order that was split is filled part by part; only the last part takes what is more than planned.
    let fills = open.next().is_some() && rest > order.quantity;
    let quantity = if fills { order.quantity } else { rest };
    Ok(Step::Work { order: order.id, quantity })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn order(id: i64, state: OrderState, quantity: i64, produced: i64) -> Order {
        Order {
            id,
            name: format!("WH/MO/{id}"),
            state,
            product: (63, "Bicycle".to_owned()),
            quantity: quantity.into(),
            unit: Some(1),
            producing: Decimal::ZERO,
            produced: produced.into(),
            lots: vec![],
            company: 1,
            group: Some(1),
            split: false,
        }
    }

    #[test]
    fn numbers() {
        for (name, split, expected) in [
            ("WH/MO/00018", false, "WH/MO/00018"),
            ("WH/MO/00018-001", true, "WH/MO/00018"),
            ("RUSH-001", false, "RUSH-001"),
            ("RUSH-001-002", true, "RUSH-001"),
        ] {
            let order = Order { name: name.to_owned(), split, ..order(1, OrderState::Done, 1, 1) };
            assert_eq!(order.number(), expected, "{name}");
        }
    }

    #[test]
    fn quantities_that_odoo_can_hold() {
        for (quantity, step, held) in [
            ("3", Some("0.01"), true),
            ("0.10", Some("0.01"), true),
            ("0.001", Some("0.01"), false),
            ("2.5", Some("1.0"), false),
            ("2.000001", None, true),
            ("999999999999999", Some("0.01"), true),
            ("1000000000000001", Some("0.01"), false),
            ("100000000000000000000", None, false),
            ("3", Some("0"), true),
        ] {
            let step = step.map(|step| step.parse().unwrap());
            assert_eq!(check_held(quantity.parse().unwrap(), step).is_ok(), held, "{quantity}");
        }
    }

    #[test]
    fn steps() {
        use OrderState::{Confirmed, Done, Progress};
        let work = |order, quantity: i64| Some(Step::Work { order, quantity: quantity.into() });
        let short = [order(21, Done, 3, 3), order(22, Confirmed, 1, 0)];
        let split = [order(31, Confirmed, 3, 0), order(32, Confirmed, 2, 0)];
        for (name, chain, total, expected) in [
            ("whole", &[order(20, Confirmed, 4, 0)][..], 4, work(20, 4)),
            ("short", &[order(20, Confirmed, 4, 0)][..], 3, work(20, 3)),
            ("more than planned", &[order(20, Confirmed, 4, 0)][..], 5, work(20, 5)),
            ("noted, not booked", &[order(20, Progress, 4, 2)][..], 3, work(20, 3)),
            ("reached before", &short[..], 3, Some(Step::Reached)),
            ("the backorder", &short[..], 4, work(22, 1)),
            ("less than booked", &short[..], 2, None),
            ("closed short", &[order(23, Done, 2, 1)][..], 2, None),
            ("split: the first part", &split[..], 5, work(31, 3)),
            ("split: less than a part", &split[..], 2, work(31, 2)),
        ] {
            assert_eq!(next_step(chain, total.into()).ok(), expected, "{name}");
        }
    }
}

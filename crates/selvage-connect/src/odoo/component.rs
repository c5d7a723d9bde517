//! What a production order must consume: component moves and their lines, the quantity meant for each, and whether what
//! stands in Odoo is that. Pure; it never lets a component pass that is not picked or whose lot is not known.

use std::collections::BTreeMap;

use rust_decimal::{Decimal, RoundingStrategy};
use serde_json::Value;

use super::answer;
use super::failure::{Failure, Refusal};

/// What a version calls the quantities of moves and of their lines. Up to 16 what is done stands beside what is reserved; from
/// 17 there is one quantity, and whether it was picked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Quantities {
    pub(super) of_move: &'static str,
    pub(super) of_line: &'static str,
    pub(super) reserved: &'static str,
    /// Whether a move says that its quantity was picked.
    pub(super) picked: bool,
}

impl Quantities {
    pub(super) const ONE: Self = Self { of_move: "quantity", of_line: "quantity", reserved: "quantity", picked: true };
    pub(super) const DONE_AND_RESERVED: Self =
        Self { of_move: "quantity_done", of_line: "qty_done", reserved: "reserved_uom_qty", picked: false };
}

/// A stock move of a component.
#[derive(Clone, Debug)]
pub(super) struct Move {
    pub(super) id: i64,
    pub(super) product: (i64, String),
    /// Planned for the whole order.
    pub(super) demand: Decimal,
    /// Reserved, or consumed; up to 16 only what is consumed.
    pub(super) quantity: Decimal,
    pub(super) picked: bool,
    pub(super) state: String,
    pub(super) unit: i64,
    /// What Odoo reckons for the quantity being produced, where it says.
    pub(super) should: Option<Decimal>,
}

/// A line of a move: a quantity from one lot.
#[derive(Clone, Debug)]
pub(super) struct Line {
    pub(super) id: i64,
    pub(super) of: i64,
    pub(super) product: (i64, String),
    pub(super) lot: Option<String>,
    pub(super) quantity: Decimal,
    /// What may be taken by it: at least what is.
    pub(super) reserved: Decimal,
    pub(super) picked: bool,
}

/// What somebody noted as used of a component, before its order is booked.
#[derive(Clone, Debug, Default)]
pub(super) struct Noted {
    /// In total, over all lots.
    pub(super) total: Decimal,
    /// The other lines of its move, which were merely reserved.
    pub(super) rest: Vec<i64>,
}

/// What was noted, by move.
pub(super) fn noted_by_move(lines: &[Line], noted: &[i64]) -> BTreeMap<i64, Noted> {
    let is_noted = |line: &&Line| line.picked && noted.contains(&line.id);
    let mut all: BTreeMap<i64, Noted> = BTreeMap::new();
    for line in lines.iter().filter(is_noted) {
        all.entry(line.of).or_default().total += line.quantity;
    }
    for line in lines.iter().filter(|line| !is_noted(line)) {
        if let Some(noted) = all.get_mut(&line.of) {
            noted.rest.push(line.id);
        }
    }
    all
}

/// How a product is tracked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tracking {
    None,
    Lot,
    Serial,
}

/// Tracking by product.
pub(super) type Trackings = BTreeMap<i64, Tracking>;

impl Move {
    pub(super) fn of(record: &Value, names: Quantities) -> Result<Self, Failure> {
        let quantity = answer::quantity(record, names.of_move)?;
        Ok(Self {
            id: answer::id(record, "id")?,
            product: answer::product(record)?,
            demand: answer::quantity(record, "product_uom_qty")?,
            quantity,
            picked: if names.picked { answer::flag(record, "picked")? } else { !quantity.is_zero() },
            state: answer::text(record, "state")?.to_owned(),
            unit: answer::id(record, "product_uom")?,
            should: record.get("should_consume_qty").and_then(super::number::decimal),
        })
    }

    /// Neither booked nor given up.
    pub(super) fn is_open(&self) -> bool {
        !matches!(self.state.as_str(), "done" | "cancel")
    }

    /// What must be consumed when `producing` of `planned` is made: Odoo's own figure where it says one. A component that was
    /// added without a plan keeps the quantity that somebody gave it.
    pub(super) fn meant(&self, producing: Decimal, planned: Decimal, step: Option<Decimal>) -> Option<Decimal> {
        if self.demand.is_zero() {
            return Some(self.quantity);
        }
        // Zero is not believed: a component of an order under way is not consumed at nothing.
        match self.should.filter(|should| !should.is_zero()) {
            Some(should) => Some(should),
            None => self.share(producing, planned, step),
        }
    }

    /// The part of the demand that `producing` of `planned` needs, to the step of the unit.
    pub(super) fn share(&self, producing: Decimal, planned: Decimal, step: Option<Decimal>) -> Option<Decimal> {
        let share = self.demand.checked_mul(producing)?.checked_div(planned)?;
        let Some(step) = step.filter(|step| *step > Decimal::ZERO) else { return Some(share) };
        let steps = share.checked_div(step)?.round_dp_with_strategy(0, RoundingStrategy::MidpointAwayFromZero);
        Some(steps.checked_mul(step)?.normalize())
    }
}

impl Line {
    pub(super) fn of(record: &Value, names: Quantities) -> Result<Self, Failure> {
        let lot = record.get("lot_id");
        let quantity = answer::quantity(record, names.of_line)?;
        Ok(Self {
            id: answer::id(record, "id")?,
            of: answer::id(record, "move_id")?,
            product: answer::product(record)?,
            lot: lot.and_then(answer::label_of).map(str::to_owned),
            quantity,
            reserved: answer::quantity(record, names.reserved)?.max(quantity),
            picked: if names.picked { answer::flag(record, "picked")? } else { !quantity.is_zero() },
        })
    }
}

impl Tracking {
    pub(super) fn of(record: &Value) -> Result<Self, Failure> {
        match answer::text(record, "tracking")? {
            "none" => Ok(Self::None),
            "lot" => Ok(Self::Lot),
            "serial" => Ok(Self::Serial),
            other => Err(Failure::protocol(format!("`{other}` is not a way of tracking a product"))),
        }
    }
}

/// Refuses while nothing is finished if a tracked component has not the lots reserved from which to take what it `needs`.
pub(super) fn lots_known(
    moves: &[Move],
    lines: &[Line],
    tracking: &Trackings,
    needs: impl Fn(&Move) -> Option<Decimal>,
) -> Result<(), Failure> {
    for one in moves.iter().filter(|one| one.is_open() && !one.demand.is_zero()) {
        if matches!(tracking.get(&one.product.0), None | Some(Tracking::None)) {
            continue;
        }
        let of_move = || lines.iter().filter(|line| line.of == one.id && !line.reserved.is_zero());
        let reserved: Decimal = of_move().filter(|line| line.lot.is_some()).map(|line| line.reserved).sum();
        let needed = needs(one).unwrap_or(one.demand);
        if of_move().any(|line| line.lot.is_none()) || reserved < needed {
            let message = format!(
                "component {} is tracked: {needed} are needed and {reserved} are reserved from known lots",
                one.product.1
            );
            return Err(Failure::field(Refusal::Lot, "move_raw_ids", message));
        }
    }
    Ok(())
}

/// Compares the component moves with what was meant, before the order is finished or after.
pub(super) fn agree(
    moves: &[Move],
    lines: &[Line],
    meant: &BTreeMap<i64, Decimal>,
    tracking: &Trackings,
    finished: bool,
) -> Result<(), Failure> {
    for (id, quantity) in meant {
        let Some(one) = moves.iter().find(|one| one.id == *id) else {
            return Err(Failure::mismatch(format!("component move {id}"), quantity, &"nothing"));
        };
        let what = |of: &str| format!("{of} of component {}", one.product.1);
        if one.quantity != *quantity {
            return Err(Failure::mismatch(what("quantity"), quantity, &one.quantity));
        }
        if quantity.is_zero() {
            continue;
        }
        if !one.picked {
            return Err(Failure::mismatch(what("picked"), &true, &false));
        }
        if finished && one.state != "done" {
            return Err(Failure::mismatch(what("state"), &"done", &one.state));
        }
        let of_move = || lines.iter().filter(|line| line.of == *id);
        let booked: Decimal = of_move().map(|line| line.quantity).sum();
        if booked != *quantity {
            return Err(Failure::mismatch(what("move lines"), quantity, &booked));
        }
        let tracked = !matches!(tracking.get(&one.product.0), None | Some(Tracking::None));
        if tracked && of_move().any(|line| line.lot.is_none() && !line.quantity.is_zero()) {
            let message =
                format!("component {} would be taken without a lot: more is needed than is reserved", one.product.1);
            return Err(Failure::field(Refusal::Lot, "move_raw_ids", message));
        }
    }
    Ok(())
}

/// On a done order, the component that was planned and never left stock, if nothing unplanned was taken in its place.
pub(super) fn never_consumed(moves: &[Move]) -> Option<&Move> {
    let replaced = moves.iter().any(|one| one.demand.is_zero() && !one.quantity.is_zero());
    moves.iter().find(|one| !replaced && !one.demand.is_zero() && one.quantity.is_zero())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn component(should: Option<&str>, demand: &str) -> Move {
        Move {
            id: 1,
            product: (62, "Paint".to_owned()),
            demand: demand.parse().unwrap(),
            quantity: demand.parse().unwrap(),
            picked: false,
            state: "assigned".to_owned(),
            unit: 1,
            should: should.map(|text| text.parse().unwrap()),
        }
    }

    #[test]
    fn what_is_meant() {
        for (name, should, demand, producing, planned, expected) in [
            ("odoo says", Some("0.75"), "1", "3", "4", "0.75"),
            ("odoo does not say", None, "1", "3", "4", "0.75"),
            ("zero is not believed", Some("0"), "1", "3", "4", "0.75"),
            ("rounded to the unit's step", None, "1", "1", "3", "0.33"),
            ("half a step is rounded up", None, "0.01", "1", "2", "0.01"),
            ("not planned: as given", Some("0"), "0", "3", "4", "0"),
            ("more than planned", None, "8", "5", "4", "10"),
        ] {
            let step = "0.01".parse().unwrap();
            let meant =
                component(should, demand).meant(producing.parse().unwrap(), planned.parse().unwrap(), Some(step));
            assert_eq!(meant, Some(expected.parse().unwrap()), "{name}");
        }
        assert_eq!(component(None, "1").meant(Decimal::ONE, Decimal::ZERO, None), None);
    }

    #[test]
    fn a_tracked_component_needs_its_lot() {
        let moves = [component(None, "1")];
        let line = |lot: Option<&str>| Line {
            id: 1,
            picked: true,
            of: 1,
            product: (62, "Paint".to_owned()),
            lot: lot.map(str::to_owned),
            quantity: Decimal::ONE,
            reserved: Decimal::ONE,
        };
        let tracked = Trackings::from([(62, Tracking::Lot)]);
        let check = |lines: &[Line], tracking: &Trackings| lots_known(&moves, lines, tracking, |one| Some(one.demand));
        assert!(check(&[line(Some("PL"))], &tracked).is_ok());
        assert!(check(&[line(None)], &tracked).is_err());
        assert!(check(&[], &tracked).is_err());
        assert!(check(&[], &Trackings::from([(62, Tracking::None)])).is_ok());
        let more = |one: &Move| Some(one.demand + Decimal::ONE);
        assert!(lots_known(&moves, &[line(Some("PL"))], &tracked, more).is_err());
    }

    #[test]
    fn nothing_passes_unpicked() {
        let meant = BTreeMap::from([(1, Decimal::ONE)]);
        let (one, lot) = (Decimal::ONE, Some("PL".to_owned()));
        let product = (62, "Paint".to_owned());
        let line = Line { id: 1, of: 1, product, lot, quantity: one, reserved: one, picked: true };
        let tracking = Trackings::from([(62, Tracking::Lot)]);
        let unpicked = component(None, "1");
        assert!(agree(std::slice::from_ref(&unpicked), std::slice::from_ref(&line), &meant, &tracking, false).is_err());
        let picked = Move { picked: true, ..unpicked };
        assert!(agree(std::slice::from_ref(&picked), std::slice::from_ref(&line), &meant, &tracking, false).is_ok());
        assert!(agree(&[picked], &[line], &meant, &tracking, true).is_err());
    }

    #[test]
    fn what_was_noted_stands_beside_what_was_reserved() {
        let line = |id: i64, of: i64, picked: bool| Line {
            id,
            of,
            product: (62, "Paint".to_owned()),
            lot: None,
            quantity: Decimal::ONE,
            reserved: Decimal::ONE,
            picked,
        };
        let lines = [line(1, 7, true), line(2, 7, true), line(3, 7, false), line(4, 7, true), line(5, 8, true)];
        let noted = noted_by_move(&lines, &[1, 2, 3]);
        assert_eq!(noted.keys().collect::<Vec<_>>(), [&7]);
        assert_eq!((noted[&7].total, &noted[&7].rest), (Decimal::TWO, &vec![3, 4]));
    }

    #[test]
    fn what_16_says_of_a_move_and_its_lines() {
        let names = Quantities::DONE_AND_RESERVED;
        for (done, reserved, expected) in
            [("0.0", "0.5", ("0", "0.5")), ("0.25", "0.5", ("0.25", "0.5")), ("0.5", "0.0", ("0.5", "0.5"))]
        {
            let told = format!(
                r#"{{"id": 1, "move_id": [1, "m"], "product_id": [62, "Paint"], "lot_id": [3, "PL"], "qty_done": {done}, "reserved_uom_qty": {reserved},
                "product_uom_qty": 1.0, "quantity_done": {done}, "state": "assigned", "product_uom": [1, "kg"]}}"#
            );
            let record = serde_json::from_str(&told).unwrap();
            let (line, one) = (Line::of(&record, names).unwrap(), Move::of(&record, names).unwrap());
            assert_eq!((line.quantity.to_string().as_str(), line.reserved.to_string().as_str()), expected);
            assert_eq!((one.quantity, one.picked), (line.quantity, !line.quantity.is_zero()));
        }
    }
}

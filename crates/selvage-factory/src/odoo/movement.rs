//! Stock moves and their lines: reserving, setting quantities, picking, doing and cancelling.
//! What a line that is not done holds is reserved on the quant it takes from, always exactly.

use rust_decimal::Decimal;

use super::OdooVersion;
use super::quant::Spot;
use super::record::Values;
use super::refusal::Refusal;
use super::schema::Model;
use super::transaction::Transaction;
use super::value::{Id, Value, cents, decimal, truthy};

impl Transaction<'_> {
    /// The lines of a move, in order.
    pub(crate) fn lines(&self, id: Id) -> Vec<Id> {
        self.store.referring(Model::MoveLine, "move_id", id)
    }

    /// The quantity on the lines of a move, in the move's unit.
    pub(crate) fn move_quantity(&self, id: Id) -> Decimal {
        self.lines(id).into_iter().map(|line| self.number(Model::MoveLine, line, "quantity")).sum()
    }

    pub(crate) fn move_value(&self, id: Id, name: &str) -> Value {
        let row = self.row(Model::Move, id);
        if let Some(value) = Self::done_or_reserved(name, self.move_quantity(id), row.flag("picked")) {
            return value;
        }
        match name {
            "quantity" => self.move_quantity(id).into(),
            "product_qty" => {
                let quantity = row.number("product_uom_qty");
                let product = row.reference("product_id");
                product
                    .map_or(quantity, |product| self.in_product_unit(product, row.reference("product_uom"), quantity))
                    .into()
            }
            "unit_factor" => self.unit_factor(id).into(),
            "should_consume_qty" => self.should_consume(id).into(),
            "has_tracking" => row
                .reference("product_id")
                .map(|product| self.text(Model::Product, product, "tracking"))
                .unwrap_or_default()
                .into(),
            _ => {
                let mut lots: Vec<Id> = self
                    .lines(id)
                    .into_iter()
                    .filter_map(|line| self.reference(Model::MoveLine, line, "lot_id"))
                    .collect();
                lots.sort_unstable();
                lots.dedup();
                Value::Refs(lots)
            }
        }
    }

    /// How much of the component one unit of what its order still has to produce needs.
    pub(crate) fn unit_factor(&self, id: Id) -> Decimal {
        let demand = self.number(Model::Move, id, "product_uom_qty");
        let order = self
            .reference(Model::Move, id, "raw_material_production_id")
            .or_else(|| self.reference(Model::Move, id, "production_id"));
        let Some(order) = order else {
            return Decimal::ONE;
        };
        let open = self.number(Model::Production, order, "product_qty") - self.produced(order);
        demand.checked_div(if open.is_zero() { Decimal::ONE } else { open }).unwrap_or(demand)
    }

    /// What should be consumed for the quantity that the order is producing now.
    fn should_consume(&self, id: Id) -> Decimal {
        let Some(order) = self.reference(Model::Move, id, "raw_material_production_id") else {
            return Decimal::ZERO;
        };
        let now = self.number(Model::Production, order, "qty_producing") - self.produced(order);
        cents(now * self.unit_factor(id))
    }

    /// Whether stock has to be there before it can be taken: not from virtual locations, not of products without stock.
    fn reservable(&self, id: Id) -> bool {
        let row = self.row(Model::Move, id);
        let storable =
            row.reference("product_id").is_some_and(|product| self.flag(Model::Product, product, "is_storable"));
        storable && row.reference("location_id").is_some_and(|place| self.is_internal(place))
    }

    /// Reserves what the move still lacks, as far as there is any.
    pub(crate) fn reserve(&mut self, id: Id) {
        let missing = self.number(Model::Move, id, "product_uom_qty") - self.move_quantity(id);
        if missing > Decimal::ZERO {
            if self.reservable(id) {
                self.take_from_stock(id, missing, true);
            } else {
                self.enlarge(id, missing);
            }
        }
        self.settle_move_state(id);
    }

    /// Adds lines for what is free, first in first out; returns what could not be found.
    fn take_from_stock(&mut self, id: Id, mut wanted: Decimal, extend: bool) -> Decimal {
        let row = self.row(Model::Move, id);
        let (Some(product), Some(location)) = (row.reference("product_id"), row.reference("location_id")) else {
            return wanted;
        };
        for (spot, free) in self.free_quants(product, location) {
            if wanted <= Decimal::ZERO {
                break;
            }
            let taken = free.min(self.in_product_unit(product, row.reference("product_uom"), wanted));
            let taken = self.in_move_unit(id, taken).min(wanted);
            let line = self.lines(id).into_iter().find(|line| extend && self.line_spot(*line) == Some(spot));
            match line {
                Some(line) => {
                    let quantity = self.number(Model::MoveLine, line, "quantity") + taken;
                    self.set_line_quantity(line, quantity);
                }
                None => {
                    let line = self.add_line(id, Decimal::ZERO, Some(spot.location), spot.lot);
                    let whose = [("package_id", spot.package.into()), ("owner_id", spot.owner.into())];
                    self.update(Model::MoveLine, line, whose);
                    self.set_line_quantity(line, taken);
                }
            }
            wanted -= taken;
        }
        wanted
    }

    fn in_move_unit(&self, id: Id, quantity: Decimal) -> Decimal {
        let row = self.row(Model::Move, id);
        let Some(product) = row.reference("product_id") else {
            return quantity;
        };
        let one = self.in_product_unit(product, row.reference("product_uom"), Decimal::ONE);
        quantity.checked_div(one).map_or(quantity, cents)
    }

    /// Adds a line and reserves it.
    pub(crate) fn add_line(&mut self, id: Id, quantity: Decimal, location: Option<Id>, lot: Option<Id>) -> Id {
        let row = self.row(Model::Move, id);
        let now = self.env.now;
        let line = self.insert(
            Model::MoveLine,
            [
                ("move_id", id.into()),
                ("picking_id", row.get("picking_id").clone()),
                ("company_id", row.get("company_id").clone()),
                ("product_id", row.get("product_id").clone()),
                ("product_uom_id", row.get("product_uom").clone()),
                ("location_id", location.into()),
                ("location_dest_id", row.get("location_dest_id").clone()),
                ("lot_id", lot.into()),
                ("picked", Value::Bool(row.flag("picked"))),
                ("quantity", Decimal::ZERO.into()),
                ("date", now.into()),
            ],
        );
        self.set_line_quantity(line, quantity);
        line
    }

    /// From where a line takes, of which lot, out of which package, and whose.
    pub(crate) fn line_spot(&self, line: Id) -> Option<Spot> {
        Spot::of(&*self.store.row(Model::MoveLine, line)?)
    }

    /// What a line holds, in the product's unit.
    pub(crate) fn line_stock(&self, line: Id) -> Decimal {
        let row = self.row(Model::MoveLine, line);
        let Some(product) = row.reference("product_id") else {
            return Decimal::ZERO;
        };
        self.in_product_unit(product, row.reference("product_uom_id"), row.number("quantity"))
    }

    pub(crate) fn line_is_done(&self, line: Id) -> bool {
        self.reference(Model::MoveLine, line, "move_id")
            .is_some_and(|parent| self.is(Model::Move, parent, "state", &["done"]))
    }

    /// Takes a line's weight off the quants, by `sign` -1, or puts it on, by 1: the reservation, or the stock once it is done.
    fn weigh_line(&mut self, line: Id, sign: Decimal) {
        let Some(spot) = self.line_spot(line) else {
            return;
        };
        let weight = self.line_stock(line) * sign;
        if self.line_is_done(line) {
            self.change_quant(spot, -weight, Decimal::ZERO);
            if let Some(location) = self.reference(Model::MoveLine, line, "location_dest_id") {
                // What leaves a package and is put into none lies loose.
                self.change_quant(Spot { location, package: None, ..spot }, weight, Decimal::ZERO);
            }
        } else if self.is_internal(spot.location) {
            self.change_quant(spot, Decimal::ZERO, weight);
        }
    }

    /// Sets the quantity of a line with what it reserves, or moved.
    pub(crate) fn set_line_quantity(&mut self, line: Id, quantity: Decimal) {
        self.weigh_line(line, Decimal::NEGATIVE_ONE);
        self.update(Model::MoveLine, line, [("quantity", quantity.into())]);
        self.weigh_line(line, Decimal::ONE);
    }

    /// Gives back what a line that will be deleted holds.
    pub(crate) fn unreserve_line(&mut self, line: Id) {
        self.set_line_quantity(line, Decimal::ZERO);
    }

    /// Sets the quantity of a move by changing its lines: what is too much leaves the last line first.
    pub(crate) fn set_move_quantity(&mut self, id: Id, quantity: Decimal) {
        let now = self.move_quantity(id);
        if quantity > now {
            self.enlarge(id, quantity - now);
        } else {
            let mut excess = now - quantity;
            for line in self.lines(id).into_iter().rev() {
                let held = self.number(Model::MoveLine, line, "quantity");
                if excess > Decimal::ZERO && held <= excess {
                    self.unreserve_line(line);
                    self.store.remove(Model::MoveLine, line);
                } else if excess > Decimal::ZERO {
                    self.set_line_quantity(line, held - excess);
                }
                excess -= held.min(excess);
            }
        }
        self.settle_move_state(id);
    }

    /// More than the lines hold: Odoo 18 adds lines, 19 lets the lines it has grow. What is not in stock is taken all the same.
    fn enlarge(&mut self, id: Id, extra: Decimal) {
        let grow = self.env.version >= OdooVersion::V19;
        let missing = if self.reservable(id) { self.take_from_stock(id, extra, grow) } else { extra };
        if missing <= Decimal::ZERO {
            return;
        }
        let last = self.lines(id).pop().filter(|line| {
            grow || (!self.reservable(id) && self.reference(Model::MoveLine, *line, "lot_id").is_none())
        });
        match last {
            Some(line) => {
                let quantity = self.number(Model::MoveLine, line, "quantity") + missing;
                self.set_line_quantity(line, quantity);
            }
            None => {
                let location = self.reference(Model::Move, id, "location_id");
                self.add_line(id, missing, location, None);
            }
        }
    }

    /// Marks the move and its lines as picked, or not.
    pub(crate) fn pick(&mut self, id: Id, picked: bool) {
        self.settle(Model::Move, id, "picked", picked.into());
        for line in self.lines(id) {
            self.settle(Model::MoveLine, line, "picked", picked.into());
        }
    }

    /// The state of an open move follows from how much of its demand it has.
    pub(crate) fn settle_move_state(&mut self, id: Id) {
        if self.is(Model::Move, id, "state", &["draft", "done", "cancel"]) {
            return;
        }
        let quantity = self.move_quantity(id);
        let state = if quantity >= self.number(Model::Move, id, "product_uom_qty") {
            "assigned"
        } else if quantity.is_zero() {
            "confirmed"
        } else {
            "partially_available"
        };
        self.settle(Model::Move, id, "state", state.into());
    }

    /// Carries a move out: reservations become movements. Lines that were not picked are dropped.
    pub(crate) fn finish_move(&mut self, id: Id) -> Result<(), Refusal> {
        for line in self.lines(id) {
            if !self.flag(Model::MoveLine, line, "picked") || self.number(Model::MoveLine, line, "quantity").is_zero() {
                self.unreserve_line(line);
                self.store.remove(Model::MoveLine, line);
            }
        }
        let lines = self.lines(id);
        let unlotted = |line: &&Id| {
            let row = self.row(Model::MoveLine, **line);
            let tracked = row
                .reference("product_id")
                .is_some_and(|product| !self.is(Model::Product, product, "tracking", &["none"]));
            tracked && row.reference("lot_id").is_none()
        };
        if let Some(product) =
            lines.iter().find(unlotted).and_then(|line| self.reference(Model::MoveLine, *line, "product_id"))
        {
            let label = self.label(Model::Product, product);
            return Err(Refusal::user(format!("You need to supply a Lot/Serial Number for product:\n- {label}")));
        }
        for line in &lines {
            self.weigh_line(*line, Decimal::NEGATIVE_ONE);
        }
        let now = self.env.now;
        self.update(Model::Move, id, [("state", "done".into()), ("picked", true.into()), ("date", now.into())]);
        for line in lines {
            self.weigh_line(line, Decimal::ONE);
            self.update(Model::MoveLine, line, [("date", now.into())]);
            if let Some(spot) = self.line_spot(line) {
                self.free_reservations(spot);
            }
        }
        Ok(())
    }

    /// Cancels an open move and gives back what it reserved.
    pub(crate) fn cancel_move(&mut self, id: Id) {
        if self.is(Model::Move, id, "state", &["done", "cancel"]) {
            return;
        }
        for line in self.lines(id) {
            self.unreserve_line(line);
            self.store.remove(Model::MoveLine, line);
        }
        self.update(Model::Move, id, [("state", "cancel".into()), ("picked", false.into())]);
    }

    /// A write to a move: `quantity` goes to its lines, and so does `picked`; `state` is computed and ignored.
    pub(crate) fn write_move(&mut self, id: Id, values: &Values) -> Result<(), Refusal> {
        let mut plain = self.modern(values);
        plain.remove("state");
        let quantity = plain.remove("quantity");
        let picked = plain.remove("picked");
        self.write_plain(Model::Move, id, &plain)?;
        if let Some(json) = quantity {
            let wrong = || Refusal::value(format!("could not convert string to float: {}", super::value::repr(&json)));
            let quantity = if truthy(&json) { decimal(&json).ok_or_else(wrong)? } else { Decimal::ZERO };
            self.set_move_quantity(id, cents(quantity));
        }
        if let Some(picked) = picked {
            self.pick(id, truthy(&picked));
        }
        self.settle_move_state(id);
        self.settle_owner(id);
        Ok(())
    }

    /// A new line takes what it does not name from its move.
    pub(crate) fn create_line(&mut self, values: &Values) -> Result<Id, Refusal> {
        let Some(parent) = self.parent_of_line(values) else {
            let id = self.create_plain(Model::MoveLine, values)?;
            self.write_kept(Model::MoveLine, id, &self.modern(values))?;
            self.weigh_line(id, Decimal::ONE);
            return Ok(id);
        };
        self.check(Model::Move, &[parent], "write")?;
        let location = self.reference(Model::Move, parent, "location_id");
        let line = self.add_line(parent, Decimal::ZERO, location, None);
        let mut rest = values.clone();
        rest.remove("move_id");
        self.write_line(line, &rest)?;
        Ok(line)
    }

    /// A write to a line moves its reservation, or its stock where it is done already.
    pub(crate) fn write_line(&mut self, line: Id, values: &Values) -> Result<(), Refusal> {
        let values = self.modern(values);
        self.weigh_line(line, Decimal::NEGATIVE_ONE);
        self.write_kept(Model::MoveLine, line, &values)?;
        self.weigh_line(line, Decimal::ONE);
        let Some(parent) = self.reference(Model::MoveLine, line, "move_id") else {
            return Ok(());
        };
        let picked = self.lines(parent).into_iter().any(|line| self.flag(Model::MoveLine, line, "picked"));
        self.settle(Model::Move, parent, "picked", picked.into());
        self.settle_move_state(parent);
        self.settle_owner(parent);
        Ok(())
    }

    /// The states of an order with its work orders, or of a transfer, follow from its moves.
    pub(crate) fn settle_owner(&mut self, id: Id) {
        if let Some(picking) = self.reference(Model::Move, id, "picking_id") {
            self.settle_picking(picking);
        }
        for field in ["raw_material_production_id", "production_id"] {
            if let Some(order) = self.reference(Model::Move, id, field) {
                self.settle_order(order);
            }
        }
    }
}

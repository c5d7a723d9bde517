//! Quants: what lies where, of which lot, and how much of it is reserved. Every change is double entry: what leaves one
//! location arrives in another, virtual ones included. Counting makes an inventory move; quantities are never just set.

use rust_decimal::Decimal;
use serde_json::json;

use super::record::Values;
use super::refusal::Refusal;
use super::schema::Model;
use super::store::Row;
use super::transaction::Transaction;
use super::value::{Id, Value, truthy};

/// Where a quant is, of which lot, in which package, and whose.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Spot {
    pub(crate) product: Id,
    pub(crate) location: Id,
    pub(crate) lot: Option<Id>,
    pub(crate) package: Option<Id>,
    /// Another's stock that lies here; ours where it is nobody's.
    pub(crate) owner: Option<Id>,
}

impl Spot {
    /// In no package, and ours.
    pub(crate) fn loose(product: Id, location: Id, lot: Option<Id>) -> Self {
        Self { product, location, lot, package: None, owner: None }
    }

    /// What a quant or a line says of its spot.
    pub(crate) fn of(row: &Row) -> Option<Self> {
        Some(Self {
            product: row.reference("product_id")?,
            location: row.reference("location_id")?,
            lot: row.reference("lot_id"),
            package: row.reference("package_id"),
            owner: row.reference("owner_id"),
        })
    }
}

impl Transaction<'_> {
    /// The quant at the spot.
    pub(crate) fn quant_at(&self, spot: Spot) -> Option<Id> {
        self.store
            .referring(Model::Quant, "product_id", spot.product)
            .into_iter()
            .find(|quant| self.spot(*quant) == Some(spot))
    }

    fn spot(&self, quant: Id) -> Option<Spot> {
        Spot::of(&*self.store.row(Model::Quant, quant)?)
    }

    /// Adds to what lies at the spot and to what of it is reserved, in the product's unit. An empty quant disappears.
    pub(crate) fn change_quant(&mut self, spot: Spot, quantity: Decimal, reserved: Decimal) {
        if !self.flag(Model::Product, spot.product, "is_storable") {
            return;
        }
        let quant = self.quant_at(spot).unwrap_or_else(|| self.new_quant(spot));
        let quantity = self.number(Model::Quant, quant, "quantity") + quantity;
        let reserved = self.number(Model::Quant, quant, "reserved_quantity") + reserved;
        if quantity.is_zero() && reserved.is_zero() && !self.flag(Model::Quant, quant, "inventory_quantity_set") {
            self.store.remove(Model::Quant, quant);
            return;
        }
        self.update(Model::Quant, quant, [("quantity", quantity.into()), ("reserved_quantity", reserved.into())]);
    }

    fn new_quant(&mut self, spot: Spot) -> Id {
        let company = self.reference(Model::Location, spot.location, "company_id");
        let now = self.env.now;
        self.insert(
            Model::Quant,
            [
                ("product_id", spot.product.into()),
                ("location_id", spot.location.into()),
                ("lot_id", spot.lot.into()),
                ("package_id", spot.package.into()),
                ("owner_id", spot.owner.into()),
                ("company_id", company.into()),
                ("quantity", Decimal::ZERO.into()),
                ("reserved_quantity", Decimal::ZERO.into()),
                ("in_date", now.into()),
            ],
        )
    }

    /// The quants of the product in the location and below it that are not wholly reserved, first in first out.
    pub(crate) fn free_quants(&self, product: Id, location: Id) -> Vec<(Spot, Decimal)> {
        let mut found = Vec::new();
        for quant in self.store.referring(Model::Quant, "product_id", product) {
            let row = self.row(Model::Quant, quant);
            let free = row.number("quantity") - row.number("reserved_quantity");
            let spot = self.spot(quant).filter(|spot| free > Decimal::ZERO && self.within(spot.location, location));
            found.extend(spot.map(|spot| (row.stamp("in_date"), quant, spot, free)));
        }
        found.sort_by_key(|(in_date, quant, ..)| (*in_date, *quant));
        found.into_iter().map(|(.., spot, free)| (spot, free)).collect()
    }

    fn within(&self, location: Id, ancestor: Id) -> bool {
        let mut current = Some(location);
        while let Some(place) = current {
            if place == ancestor {
                return true;
            }
            current = self.reference(Model::Location, place, "location_id");
        }
        false
    }

    /// In inventory mode a count is set on the quant at the spot, which may exist; otherwise a row is made as given.
    pub(crate) fn create_quant(&mut self, values: &Values) -> Result<Id, Refusal> {
        let made = self.create_plain(Model::Quant, values)?;
        let place = self.reference(Model::Quant, made, "location_id");
        let company = place.and_then(|place| self.reference(Model::Location, place, "company_id"));
        let now = self.env.now;
        self.update(Model::Quant, made, [("company_id", company.into()), ("in_date", now.into())]);
        if !self.env.context.get("inventory_mode").is_some_and(truthy) {
            return Ok(made);
        }
        let counted = self.number(Model::Quant, made, "inventory_quantity");
        let quant = self.twin(made).unwrap_or(made);
        if quant != made {
            self.store.remove(Model::Quant, made);
        }
        let count = [("inventory_quantity", counted.into()), ("inventory_quantity_set", true.into())];
        self.update(Model::Quant, quant, count);
        Ok(quant)
    }

    /// The other quant at the same spot.
    fn twin(&self, quant: Id) -> Option<Id> {
        let spot = self.spot(quant)?;
        let others = self.store.referring(Model::Quant, "product_id", spot.product).into_iter();
        others.filter(|other| *other != quant).find(|other| self.spot(*other) == Some(spot))
    }

    /// Moves the difference between what was counted and what was known from or to the inventory location.
    pub(crate) fn apply_inventory(&mut self, quants: &[Id]) -> Result<(), Refusal> {
        self.check(Model::Quant, quants, "write")?;
        for quant in quants {
            let Some(spot) = self.spot(*quant) else {
                continue;
            };
            let row = self.row(Model::Quant, *quant);
            let difference = row.number("inventory_quantity") - row.number("quantity");
            let company = row.reference("company_id");
            self.forget_count(*quant);
            let Some(elsewhere) = self.virtual_location(company, "Inventory adjustment") else {
                continue;
            };
            self.change_quant(spot, difference, Decimal::ZERO);
            self.change_quant(Spot { location: elsewhere, ..spot }, -difference, Decimal::ZERO);
            let (from, to) =
                if difference < Decimal::ZERO { (spot.location, elsewhere) } else { (elsewhere, spot.location) };
            self.record_inventory(spot, (from, to), difference.abs(), company)?;
        }
        Ok(())
    }

    /// What was counted and not applied is forgotten.
    pub(crate) fn clear_inventory(&mut self, quants: &[Id]) -> Result<(), Refusal> {
        self.check(Model::Quant, quants, "write")?;
        quants.iter().for_each(|quant| self.forget_count(*quant));
        Ok(())
    }

    fn forget_count(&mut self, quant: Id) {
        let nothing = [("inventory_quantity", Value::Null), ("inventory_quantity_set", Value::Null)];
        self.update(Model::Quant, quant, nothing);
    }

    fn record_inventory(
        &mut self,
        spot: Spot,
        (from, to): (Id, Id),
        quantity: Decimal,
        company: Option<Id>,
    ) -> Result<(), Refusal> {
        let unit = self.reference(Model::Product, spot.product, "uom_id");
        let now = self.env.now;
        let both = |tx: &mut Self, model, extra: Vec<(&'static str, Value)>| {
            let mut values: Vec<(&'static str, Value)> = vec![
                ("product_id", spot.product.into()),
                ("company_id", company.into()),
                ("location_id", from.into()),
                ("location_dest_id", to.into()),
                ("picked", true.into()),
                ("date", now.into()),
            ];
            values.extend(extra);
            tx.insert(model, values)
        };
        let name = Value::from("Product Quantity Updated");
        let extra = vec![
            ("name", name.clone()),
            ("reference", name),
            ("product_uom_qty", quantity.into()),
            ("product_uom", unit.into()),
            ("state", "done".into()),
            ("is_inventory", true.into()),
            ("sequence", Value::Int(10)),
        ];
        let parent = both(self, Model::Move, extra);
        let extra = vec![
            ("move_id", parent.into()),
            ("product_uom_id", unit.into()),
            ("quantity", quantity.into()),
            ("lot_id", spot.lot.into()),
            ("package_id", spot.package.into()),
            ("owner_id", spot.owner.into()),
        ];
        both(self, Model::MoveLine, extra);
        Ok(())
    }

    /// Stock that was there before anything else: counted and applied at once. For the seed.
    pub(crate) fn stock_up(&mut self, spot: Spot, quantity: Decimal) -> Result<(), Refusal> {
        let mut values = Values::new();
        values.insert("product_id".to_owned(), spot.product.into());
        values.insert("location_id".to_owned(), spot.location.into());
        values.insert("lot_id".to_owned(), spot.lot.map_or(json!(false), serde_json::Value::from));
        values.insert("inventory_quantity".to_owned(), super::value::float(quantity));
        self.env.context.insert("inventory_mode".to_owned(), json!(true));
        let quant = self.create_quant(&values)?;
        self.env.context.remove("inventory_mode");
        self.apply_inventory(&[quant])
    }
}

//! Moving the whole of a lot's stock from some locations to another: into quarantine, and out of it. The target is where the
//! lot lies; the transfer is made under the key of the write, looked for before another is made, and read back.

use rust_decimal::Decimal;
use serde_json::{Value, json};

use super::answer;
use super::button::wizard;
use super::call::{Call, Scope};
use super::failure::{Failure, Refusal};
use super::inventory::{is_in, is_set_apart};
use super::needs::ModelNeeds;
use super::number::number;
use super::record::named;
use super::transfer::{Position, position_of};
use super::{Map, Odoo};

/// What moving a lot needs.
pub(super) const RELOCATE: &[ModelNeeds] = &[
    ModelNeeds::of("stock.lot").reads(&["name", "product_id", "company_id"]),
    ModelNeeds::of("stock.quant").reads(&[
        "product_id",
        "lot_id",
        "location_id",
        "company_id",
        "quantity",
        "product_uom_id",
    ]),
    ModelNeeds::of("stock.location").reads(&["usage", "complete_name", "company_id"]),
    ModelNeeds::of("product.product").reads(&["uom_id"]),
    ModelNeeds::of("stock.picking.type").reads(&["code", "company_id"]),
    ModelNeeds::of("stock.picking")
        .reads(&["name", "state"])
        .writes(&["picking_type_id", "location_id", "location_dest_id", "origin"])
        .calls(&["action_confirm", "button_validate", "action_cancel"])
        .creates(),
    ModelNeeds::of("stock.move")
        .reads(&["state", "quantity", "location_id"])
        .writes(&["product_id", "product_uom_qty", "location_id", "location_dest_id", "picking_id", "move_line_ids"])
        .creates()
        .changes(),
    ModelNeeds::of("stock.move.line").reads(&["move_id", "lot_id", "quantity", "picked"]).creates().deletes(),
    ModelNeeds::of("ir.model.data").reads(&["module", "name", "model", "res_id"]),
    ModelNeeds::of("res.company").reads(&["name"]),
];

/// Which of a lot's stock is meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum From {
    /// All that lies in the company's own locations, wherever that is.
    Anywhere,
    /// All that lies at this location and below it: an external id or a full name.
    Location(String),
}

/// A lot's stock on its way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Relocation {
    /// The company whose stock it is.
    pub company: i64,
    /// What is moved.
    pub from: From,
    /// Where it is to lie: an external id or a full name.
    pub to: String,
    /// What the transfer is for, as people read it.
    pub origin: String,
    /// The key of the write.
    pub external_id: String,
}

/// Where a lot lies after it was moved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Relocated {
    /// The transfer, as Odoo names it; none where all lay there before.
    pub transfer: Option<String>,
    /// How much of the lot was moved, in its product's own unit.
    pub moved: Decimal,
    /// That unit.
    pub unit: i64,
    /// Where the lot lies now in the company's own locations.
    pub positions: Vec<Position>,
    /// It lay there before, so nothing was sent.
    pub already: bool,
}

/// A lot as it is moved.
struct Lot {
    id: i64,
    name: String,
    product: (i64, String),
    unit: i64,
}

/// A part of a lot at one location.
struct Part {
    location: i64,
    quantity: Decimal,
}

impl Odoo {
    /// Target: nothing of the lot lies where it is not to lie any more; all of that lies at the stated location.
    ///
    /// # Errors
    /// [`Failure`]; a location that is not there or not the company's own is `Refused` before anything is sent.
    pub async fn relocate_lot(&self, lot: i64, order: &Relocation, scope: &Scope) -> Result<Relocated, Failure> {
        let lot = self.lot_to_move(lot, scope).await.map_err(Failure::before_sending)?;
        let to = self.own_location(&order.to, "/to", order, scope).await.map_err(Failure::before_sending)?;
        let parts = self.parts(&lot, order, to, scope).await.map_err(Failure::before_sending)?;
        let known = self.by_external_id(&order.external_id).await.map_err(Failure::before_sending)?;
        if parts.is_empty() {
            return self
                .relocated(&lot, order, known.map(|(_, id)| id), scope, true)
                .await
                .map_err(Failure::before_sending);
        }
        if known.is_none() {
            self.books_are_open(order.company, scope).await.map_err(Failure::before_sending)?;
        }
        let picking = self.transfer_of(order, &parts, to, scope).await?;
        let record =
            self.one("stock.picking", picking, &["name", "state"], scope).await.map_err(Failure::after_sending)?;
        if is_in(&record, "cancel") {
            let message = format!("transfer {} was cancelled in odoo", answer::text(&record, "name")?);
            return Err(Failure::refused(Refusal::Target, message));
        }
        // Done under this key before: what lies elsewhere since is another write's.
        if is_in(&record, "done") {
            return self.relocated(&lot, order, Some(picking), scope, true).await.map_err(Failure::after_sending);
        }
        if let Err(failure) = self.move_parts(&lot, order, (picking, to), &parts, scope).await {
            return Err(self.withdraw_transfer(picking, failure, scope).await);
        }
        let what = format!("the move of lot {}", lot.name);
        let left = self.parts(&lot, order, to, scope).await.map_err(|failure| failure.after_booking(&what))?;
        let left: Decimal = left.iter().map(|part| part.quantity).sum();
        if !left.is_zero() {
            return Err(Failure::mismatch(format!("what of lot {} lies elsewhere", lot.name), &"0", &left));
        }
        self.relocated(&lot, order, Some(picking), scope, false).await.map_err(|failure| failure.after_booking(&what))
    }

    /// Cancels a transfer that was refused: a person who validated it later would move the lot for a write that did nothing.
    /// Gives the failure; where the transfer stays, a refusal is none.
    async fn withdraw_transfer(&self, picking: i64, failure: Failure, scope: &Scope) -> Failure {
        if !matches!(failure, Failure::Refused { .. }) {
            return failure;
        }
        match self.act("stock.picking", "action_cancel", picking, scope).await {
            Ok(()) => failure,
            Err(second) => {
                let what = format!("transfer {picking}, which was refused,");
                Failure::mismatch(what, &"cancelled", &format!("{failure}; {second}"))
            }
        }
    }

    async fn lot_to_move(&self, id: i64, scope: &Scope) -> Result<Lot, Failure> {
        let record = self.one("stock.lot", id, &["name", "product_id"], scope).await?;
        let product = answer::product(&record)?;
        let unit = self.one("product.product", product.0, &["uom_id"], scope).await?;
        Ok(Lot { id, name: answer::text(&record, "name")?.to_owned(), product, unit: answer::id(&unit, "uom_id")? })
    }

    /// The location of this external id or full name, in the company or in none.
    async fn own_location(
        &self,
        named_as: &str,
        field: &str,
        order: &Relocation,
        scope: &Scope,
    ) -> Result<i64, Failure> {
        let refused = |message: String| Err(Failure::field(Refusal::Target, field, message));
        let external = match super::load::parts(named_as) {
            Ok(_) => self.by_external_id(named_as).await?.filter(|(model, _)| model == "stock.location"),
            Err(_) => None,
        };
        let condition = match external {
            Some((_, id)) => json!(["id", "=", id]),
            None => json!(["complete_name", "=", named_as]),
        };
        let records =
            self.search("stock.location", vec![condition], &named(&["usage", "company_id"]), scope, None).await?;
        let own = records.iter().find(|record| {
            let company = record.get("company_id").and_then(answer::id_of);
            company.is_none_or(|company| company == order.company)
        });
        let Some(record) = own else { return refused(format!("there is no location `{named_as}` in this company")) };
        if answer::text(record, "usage")? != "internal" {
            return refused(format!("`{named_as}` is no location where stock lies"));
        }
        answer::id(record, "id")
    }

    /// Where the lot lies and is not to lie.
    async fn parts(&self, lot: &Lot, order: &Relocation, to: i64, scope: &Scope) -> Result<Vec<Part>, Failure> {
        let mut domain = own_stock(lot, order);
        domain.extend([json!("!"), json!(["location_id", "child_of", to])]);
        if let From::Location(from) = &order.from {
            let from = self.own_location(from, "/from", order, scope).await?;
            domain.push(json!(["location_id", "child_of", from]));
        }
        let set_apart = self.set_apart("stock.quant").await?;
        let fields = [&["location_id", "quantity"][..], &set_apart].concat();
        let records = self.search("stock.quant", domain, &named(&fields), scope, None).await?;
        let mut parts: Vec<Part> = Vec::new();
        for record in &records {
            if is_set_apart(record, &set_apart) {
                let message = format!("lot {} lies in a package or is another's; move that in odoo", lot.name);
                return Err(Failure::refused(Refusal::Target, message));
            }
            let part =
                Part { location: answer::id(record, "location_id")?, quantity: answer::quantity(record, "quantity")? };
            match parts.iter_mut().find(|known| known.location == part.location) {
                // Odoo puts quants together late: one location is one move, and one of its quants may be below nothing until then.
                Some(known) => known.quantity += part.quantity,
                None => parts.push(part),
            }
        }
        if parts.iter().any(|part| part.quantity < Decimal::ZERO) {
            let message = format!("lot {} is below nothing at one of its locations; count it first", lot.name);
            return Err(Failure::refused(Refusal::Short, message));
        }
        parts.retain(|part| !part.quantity.is_zero());
        Ok(parts)
    }

    /// The transfer of this key, made if there is none.
    async fn transfer_of(&self, order: &Relocation, parts: &[Part], to: i64, scope: &Scope) -> Result<i64, Failure> {
        let domain = vec![json!(["code", "=", "internal"]), json!(["company_id", "=", order.company])];
        let kinds = self.search("stock.picking.type", domain, &named(&["code"]), scope, Some(1)).await;
        let kinds = kinds.map_err(Failure::before_sending)?;
        let Some(kind) = kinds.first() else {
            let message =
                "the company has no operation type for internal transfers; switch on storage locations in odoo";
            return Err(Failure::refused(Refusal::Target, message));
        };
        let mut values = Map::new();
        values.insert("picking_type_id".to_owned(), json!(answer::id(kind, "id")?));
        values.insert("location_id".to_owned(), json!(parts.first().map(|part| part.location)));
        values.insert("location_dest_id".to_owned(), json!(to));
        values.insert("origin".to_owned(), json!(order.origin));
        self.create("stock.picking", &order.external_id, &values, scope).await
    }

    /// One move a location, with one line of the lot, picked; then validated.
    async fn move_parts(
        &self,
        lot: &Lot,
        order: &Relocation,
        (picking, to): (i64, i64),
        parts: &[Part],
        scope: &Scope,
    ) -> Result<(), Failure> {
        let mut moves = Vec::new();
        for part in parts {
            moves.push(self.move_of_part(lot, order, (picking, to), part, scope).await?);
        }
        self.call(Call::write("stock.picking", "action_confirm", scope).on(&[picking])).await?;
        for (id, part) in moves.iter().zip(parts) {
            self.fill_part(lot, *id, (picking, to), part, scope).await?;
        }
        let answer = self.call(Call::write("stock.picking", "button_validate", scope).on(&[picking])).await?;
        if let Some(refusal) = wizard(&answer) {
            return Err(refusal);
        }
        let record =
            self.one("stock.picking", picking, &["name", "state"], scope).await.map_err(Failure::after_sending)?;
        let (name, state) = (answer::text(&record, "name")?, answer::text(&record, "state")?);
        if state == "done" {
            Ok(())
        } else {
            Err(Failure::mismatch(format!("state of transfer {name}"), &"done", &state))
        }
    }

    async fn move_of_part(
        &self,
        lot: &Lot,
        order: &Relocation,
        (picking, to): (i64, i64),
        part: &Part,
        scope: &Scope,
    ) -> Result<i64, Failure> {
        let fields = self.fields("stock.move").await.map_err(Failure::after_sending)?;
        let mut values = Map::new();
        let mut set = |name: &str, value: Value| {
            values.insert(name.to_owned(), value);
        };
        set("picking_id", json!(picking));
        set("product_id", json!(lot.product.0));
        set("product_uom", json!(lot.unit));
        set("product_uom_qty", number(part.quantity));
        set("location_id", json!(part.location));
        set("location_dest_id", json!(to));
        set("company_id", json!(order.company));
        // Until 18 a move has a description of its own, and needs it.
        if fields.contains_key("name") {
            set("name", json!(format!("{} {}", lot.product.1, lot.name)));
        }
        let external_id = format!("{}_{}", order.external_id, part.location);
        self.create("stock.move", &external_id, &values, scope).await
    }

    /// Exactly one line of the lot on the move: what Odoo reserved may be of another lot.
    async fn fill_part(
        &self,
        lot: &Lot,
        id: i64,
        (picking, to): (i64, i64),
        part: &Part,
        scope: &Scope,
    ) -> Result<(), Failure> {
        let fields = named(&["lot_id", "quantity", "picked"]);
        let lines = self.search("stock.move.line", vec![json!(["move_id", "=", id])], &fields, scope, None).await;
        let lines = lines.map_err(Failure::after_sending)?;
        let gone = lines.iter().filter_map(|line| answer::id(line, "id").ok()).map(|line| json!([2, line, 0]));
        let line = json!({
            "product_id": lot.product.0, "product_uom_id": lot.unit, "lot_id": lot.id, "quantity": number(part.quantity),
            "picked": true, "picking_id": picking, "location_id": part.location, "location_dest_id": to,
        });
        let demand = number(part.quantity);
        let values =
            json!({"product_uom_qty": demand, "move_line_ids": gone.chain([json!([0, 0, line])]).collect::<Vec<_>>()});
        self.call(Call::write("stock.move", "write", scope).on(&[id]).arg("vals", values)).await?;
        let lines = self.search("stock.move.line", vec![json!(["move_id", "=", id])], &fields, scope, None).await;
        let lines = lines.map_err(Failure::after_sending)?;
        let right = |line: &Value| {
            line.get("lot_id").and_then(answer::id_of) == Some(lot.id)
                && answer::quantity(line, "quantity").is_ok_and(|quantity| quantity == part.quantity)
                && answer::flag(line, "picked").is_ok_and(|picked| picked)
        };
        match lines.as_slice() {
            [only] if right(only) => Ok(()),
            _ => Err(Failure::mismatch(format!("what is picked of lot {}", lot.name), &part.quantity, &json!(lines))),
        }
    }

    /// Reads back where the lot lies.
    async fn relocated(
        &self,
        lot: &Lot,
        order: &Relocation,
        picking: Option<i64>,
        scope: &Scope,
        already: bool,
    ) -> Result<Relocated, Failure> {
        let fields = named(&["product_id", "lot_id", "location_id", "quantity", "product_uom_id"]);
        let records = self.search("stock.quant", own_stock(lot, order), &fields, scope, None).await?;
        let positions = records.iter().map(position_of).collect::<Result<Vec<_>, _>>()?;
        let Some(picking) = picking else {
            return Ok(Relocated { transfer: None, moved: Decimal::ZERO, unit: lot.unit, positions, already });
        };
        let record = self.one("stock.picking", picking, &["name"], scope).await?;
        let domain = vec![json!(["picking_id", "=", picking]), json!(["state", "=", "done"])];
        let moves = self.search("stock.move", domain, &named(&["quantity"]), scope, None).await?;
        let moved = moves.iter().map(|one| answer::quantity(one, "quantity")).sum::<Result<Decimal, _>>()?;
        let transfer = Some(answer::text(&record, "name")?.to_owned());
        Ok(Relocated { transfer, moved, unit: lot.unit, positions, already })
    }
}

/// What of the lot lies in the company's own locations.
fn own_stock(lot: &Lot, order: &Relocation) -> Vec<Value> {
    vec![
        json!(["lot_id", "=", lot.id]),
        json!(["company_id", "=", order.company]),
        json!(["location_id.usage", "=", "internal"]),
        json!(["quantity", "!=", 0]),
    ]
}

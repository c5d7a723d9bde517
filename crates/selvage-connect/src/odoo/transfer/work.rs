//! Bringing one transfer to what is to be moved with it: lots and quantities on its moves, nothing else picked, validated,
//! and read back. What is not in stock is not shipped: Odoo would let it go below nothing.

use std::collections::BTreeMap;

use rust_decimal::Decimal;
use serde_json::{Value, json};

use super::free::{Placed, Taken};
use super::plan::{Fill, Work};
use super::reading::{Line, Move};
use super::{Bench, Rest, Transferring, pointer};
use crate::odoo::answer;
use crate::odoo::button::wizard;
use crate::odoo::call::Call;
use crate::odoo::component::Tracking;
use crate::odoo::failure::{Failure, Refusal};
use crate::odoo::number::number;

/// A transfer.
struct Picking {
    id: i64,
    name: String,
    kind: i64,
    moves: Vec<i64>,
}

impl Transferring<'_> {
    /// Moves what is to be moved with one transfer.
    pub(super) async fn work(&mut self, bench: &Bench, work: &Work, moves: &[Move]) -> Result<(), Failure> {
        let picking = self.picking(work.picking, moves).await?;
        let open: Vec<&Move> = moves.iter().filter(|one| one.is_open() && one.picking == Some(work.picking)).collect();
        let filled = |id: i64| work.fills.iter().find(|fill| fill.of == id).map_or(Decimal::ZERO, |fill| fill.quantity);
        let short = open.iter().any(|one| filled(one.id) < one.demand);
        if short {
            self.policy_allows(&picking).await?;
        }
        let lines = self.lines(moves).await?;
        let (mut placed, mut taken) = (Vec::new(), Taken::new());
        for fill in &work.fills {
            placed.push(self.place(bench, fill, (moves, &lines), &mut taken).await?);
        }
        for (fill, placed) in work.fills.iter().zip(placed) {
            self.fill(bench, fill, placed, (moves, &lines)).await?;
        }
        for other in open.iter().filter(|one| one.picked && !work.fills.iter().any(|fill| fill.of == one.id)) {
            let values = json!({"picked": false});
            self.send(Call::write("stock.move", "write", self.scope).on(&[other.id]).arg("vals", values)).await?;
        }
        // INVARIANT: ONE-EFFECT — nothing is validated before exactly what is meant is seen picked.
        self.agree(bench, work, false).await?;
        let mut validate = Call::write("stock.picking", "button_validate", self.scope).on(&[work.picking]);
        if short {
            validate = validate.context("skip_backorder", true);
        }
        if short && self.target.rest == Rest::Close {
            // Alone, `skip_backorder` makes the backorder.
            validate = validate.context("picking_ids_not_to_backorder", json!([work.picking]));
        }
        let answer = self.send(validate).await?;
        if let Some(refusal) = wizard(&answer) {
            return Err(refusal);
        }
        self.changed = true;
        self.agree(bench, work, true).await?;
        self.verify_rest(&picking, short).await
    }

    async fn picking(&self, id: i64, moves: &[Move]) -> Result<Picking, Failure> {
        let fields = ["name", "state", "picking_type_id", "move_ids"];
        let record = self.odoo.one("stock.picking", id, &fields, self.scope).await;
        let record = record.map_err(|failure| self.seen(failure))?;
        let listed = record.get("move_ids").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
        let picking = Picking {
            id,
            name: answer::text(&record, "name")?.to_owned(),
            kind: answer::id(&record, "picking_type_id")?,
            moves: listed.iter().filter_map(Value::as_i64).collect(),
        };
        if picking.moves.iter().any(|id| !moves.iter().any(|one| one.id == *id)) {
            let message = format!("transfer {} also moves goods of others", picking.name);
            return Err(self.seen(Failure::refused(Refusal::Target, message)));
        }
        Ok(picking)
    }

    /// A type of transfer may decide about backorders by itself; against that, nothing is sent.
    async fn policy_allows(&self, picking: &Picking) -> Result<(), Failure> {
        let fields = self.odoo.fields("stock.picking.type").await.map_err(|failure| self.seen(failure))?;
        if !fields.contains_key("create_backorder") {
            return Ok(());
        }
        let record = self.odoo.one("stock.picking.type", picking.kind, &["create_backorder"], self.scope).await;
        let record = record.map_err(|failure| self.seen(failure))?;
        match (answer::text(&record, "create_backorder")?, self.target.rest) {
            ("never", Rest::Backorder) | ("always", Rest::Close) => {
                let message =
                    format!("the operation type of transfer {} decides otherwise about the rest", picking.name);
                Err(self.seen(Failure::field(Refusal::Target, "/remainder", message)))
            }
            _ => Ok(()),
        }
    }

    /// Writes what of one move is to be moved, unless it stands there.
    async fn fill(
        &mut self,
        bench: &Bench,
        fill: &Fill,
        placed: Vec<Placed>,
        (moves, lines): (&[Move], &[Line]),
    ) -> Result<(), Failure> {
        let one = found(moves, fill.of)?;
        let held: Vec<&Line> = lines.iter().filter(|line| line.of == one.id).collect();
        let values = if fill.lots.is_empty() {
            if one.quantity == fill.quantity && one.picked {
                return Ok(());
            }
            json!({"quantity": number(fill.quantity), "picked": true})
        } else {
            if held.iter().all(|line| line.picked) && same_lots(&held, &fill.lots) {
                return Ok(());
            }
            let unit = bench.goods.iter().find(|goods| goods.product_id == one.product.0).map(|goods| goods.unit);
            let to = held.first().map_or(one.to, |line| line.to);
            let gone = held.iter().map(|line| json!([2, line.id, 0]));
            let made = placed.iter().map(|placed| {
                let mut line = json!({
                    "product_id": one.product.0, "product_uom_id": unit, "quantity": number(placed.quantity), "picked": true,
                    "location_id": placed.from, "location_dest_id": to, "picking_id": one.picking,
                });
                if let Some(members) = line.as_object_mut() {
                    match placed.lot {
                        Some(lot) => members.insert("lot_id".to_owned(), json!(lot)),
                        None => members.insert("lot_name".to_owned(), json!(placed.name)),
                    };
                }
                json!([0, 0, line])
            });
            json!({"move_line_ids": gone.chain(made).collect::<Vec<_>>()})
        };
        self.send(Call::write("stock.move", "write", self.scope).on(&[one.id]).arg("vals", values)).await.map(drop)
    }

    /// Compares the moves of the transfer with what is meant, before it is validated or after.
    async fn agree(&self, bench: &Bench, work: &Work, finished: bool) -> Result<(), Failure> {
        let moves = self.moves(bench).await?;
        let lines = self.lines(&moves).await?;
        for fill in &work.fills {
            let Ok(one) = found(&moves, fill.of) else {
                return Err(Failure::mismatch(format!("stock move {}", fill.of), &fill.quantity, &"nothing"));
            };
            let what = |of: &str| format!("{of} of {}", one.product.1);
            if one.quantity != fill.quantity {
                return Err(Failure::mismatch(what("quantity"), &fill.quantity, &one.quantity));
            }
            if !one.picked {
                return Err(Failure::mismatch(what("picked"), &true, &false));
            }
            if finished && one.state != "done" {
                return Err(Failure::mismatch(what("state"), &"done", &one.state));
            }
            let held: Vec<&Line> = lines.iter().filter(|line| line.of == one.id && !line.quantity.is_zero()).collect();
            if !fill.lots.is_empty() && !same_lots(&held, &fill.lots) {
                return Err(Failure::mismatch(what("lots"), &shown(&fill.lots), &shown(&by_lot(&held))));
            }
            let tracked = !matches!(bench.tracking.get(&one.product.0), None | Some(Tracking::None));
            if tracked && held.iter().any(|line| line.lot.is_none()) {
                let message = format!("no lots of {} are reserved, so they must be named", one.product.1);
                return Err(Failure::field(Refusal::LotUnfit, &pointer(fill.at, "/lots"), message));
            }
        }
        let stray = |one: &&Move| {
            one.is_open()
                && one.picking == Some(work.picking)
                && one.picked
                && !work.fills.iter().any(|fill| fill.of == one.id)
        };
        match moves.iter().find(stray) {
            Some(stray) => Err(Failure::mismatch(format!("picked of {}", stray.product.1), &false, &true)),
            None => Ok(()),
        }
    }

    /// What was not moved must be where it was meant to be: on a backorder, or given up.
    async fn verify_rest(&self, picking: &Picking, short: bool) -> Result<(), Failure> {
        let domain = vec![json!(["backorder_id", "=", picking.id])];
        let made = self.read("stock.picking", domain, &["name", "state"]).await?;
        let open = |record: &&Value| !matches!(record.get("state").and_then(Value::as_str), Some("done" | "cancel"));
        let what = || format!("backorder of transfer {}", picking.name);
        match made.iter().find(open) {
            None if short && self.target.rest == Rest::Backorder => Err(Failure::mismatch(what(), &"one", &"none")),
            Some(made) if !short || self.target.rest == Rest::Close => {
                Err(Failure::mismatch(what(), &"none", &answer::text(made, "name")?))
            }
            _ => Ok(()),
        }
    }

    /// Cancels what is still open of the order; whether anything was.
    pub(super) async fn give_up(&mut self, moves: &[Move]) -> Result<bool, Failure> {
        let mut pickings: Vec<i64> = moves.iter().filter(|one| one.is_open()).filter_map(|one| one.picking).collect();
        pickings.sort_unstable();
        pickings.dedup();
        for id in &pickings {
            self.picking(*id, moves).await?;
        }
        for id in &pickings {
            let answer = self.send(Call::write("stock.picking", "action_cancel", self.scope).on(&[*id])).await?;
            if let Some(refusal) = wizard(&answer) {
                return Err(refusal);
            }
            let record = self.odoo.one("stock.picking", *id, &["state"], self.scope).await;
            let record = record.map_err(Failure::after_sending)?;
            let state = answer::text(&record, "state")?;
            if state != "cancel" {
                return Err(Failure::mismatch(format!("state of transfer {id}"), &"cancel", &state));
            }
            self.changed = true;
        }
        Ok(!pickings.is_empty())
    }
}

pub(super) fn found(moves: &[Move], id: i64) -> Result<&Move, Failure> {
    moves.iter().find(|one| one.id == id).ok_or_else(|| Failure::protocol("a move to work on is not among its order's"))
}

fn by_lot(lines: &[&Line]) -> Vec<(String, Decimal)> {
    let mut sums: BTreeMap<String, Decimal> = BTreeMap::new();
    for line in lines {
        *sums.entry(line.lot.clone().unwrap_or_default()).or_default() += line.quantity;
    }
    sums.into_iter().collect()
}

fn same_lots(lines: &[&Line], lots: &[(String, Decimal)]) -> bool {
    let mut meant = lots.to_vec();
    meant.sort();
    by_lot(lines) == meant
}

fn shown(lots: &[(String, Decimal)]) -> String {
    lots.iter().map(|(lot, quantity)| format!("{lot}: {quantity}")).collect::<Vec<_>>().join(", ")
}

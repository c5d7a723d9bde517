//! The account that a receipt or shipment gives of what stands in Odoo at its end. It sends nothing, and calls nothing done
//! that is not as it was meant.

use serde_json::{Value, json};

use super::reading::{Line, Move, booked, booked_lots};
use super::{Bench, Moved, TransferReport, Transferring};
use crate::odoo::answer;
use crate::odoo::failure::{Failure, Refusal};

impl Transferring<'_> {
    /// What stands in Odoo now, as a report.
    pub(super) async fn account(
        &self,
        bench: &Bench,
        moves: &[Move],
        lines: &[Line],
    ) -> Result<TransferReport, Failure> {
        let mut told = Vec::new();
        for (at, meant) in self.target.lines.iter().enumerate() {
            let Some(goods) = bench.goods.iter().find(|goods| goods.line == meant.line) else { continue };
            let (total, lots) = (booked(moves, meant.line), booked_lots(moves, lines, meant.line));
            let mut named = meant.lots.clone();
            named.sort();
            let agrees = total == meant.total && (named.is_empty() || lots == named);
            if !agrees && self.sent {
                let what = format!("what is booked of {}", goods.product_label);
                return Err(Failure::mismatch(what, &meant.total, &total));
            }
            if !agrees {
                let message =
                    format!("{total} of {} are booked already, in other lots than these", goods.product_label);
                return Err(Failure::field(Refusal::LotUnfit, &super::pointer(at, "/lots"), message));
            }
            let (product_id, product_label) = (goods.product_id, goods.product_label.clone());
            told.push(Moved { line: meant.line, product_id, product_label, total, unit: goods.unit, lots });
        }
        let mut pickings: Vec<i64> = moves.iter().filter_map(|one| one.picking).collect();
        pickings.sort_unstable();
        pickings.dedup();
        let records = self.read("stock.picking", vec![json!(["id", "in", pickings])], &["name", "state"]).await?;
        let in_state = |record: &&Value, states: &[&str]| {
            record.get("state").and_then(Value::as_str).is_some_and(|state| states.contains(&state))
        };
        let done = records.iter().filter(|record| in_state(record, &["done"]));
        let transfers = done.map(|record| answer::text(record, "name").map(str::to_owned)).collect::<Result<_, _>>()?;
        let open = records.iter().find(|record| !in_state(record, &["done", "cancel"]));
        let backorder = open.map(|record| answer::text(record, "name").map(str::to_owned)).transpose()?;
        let products: Vec<i64> = told.iter().map(|line| line.product_id).collect();
        let here = |one: &Move| if (self.trade == super::Trade::Purchase) == one.back { one.from } else { one.to };
        let mut places: Vec<i64> = moves.iter().filter(|one| one.state == "done").map(here).collect();
        places.sort_unstable();
        places.dedup();
        let positions = if places.is_empty() { Vec::new() } else { self.positions(&products, &places).await? };
        Ok(TransferReport { lines: told, transfers, backorder, positions, already: !self.sent })
    }
}

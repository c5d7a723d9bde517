//! What happens to reservations when the stock they count on is taken by another: lines that were not carried out give way,
//! the last ones first, and their moves look for other stock.

use rust_decimal::Decimal;

use super::quant::Spot;
use super::schema::Model;
use super::transaction::Transaction;
use super::value::{Id, cents};

impl Transaction<'_> {
    /// Frees what is reserved at the spot beyond what lies there.
    pub(crate) fn free_reservations(&mut self, spot: Spot) {
        let Some(quant) = self.quant_at(spot).filter(|_| self.is_internal(spot.location)) else { return };
        let row = self.row(Model::Quant, quant);
        let mut excess = row.number("reserved_quantity") - row.number("quantity").max(Decimal::ZERO);
        if excess <= Decimal::ZERO {
            return;
        }
        let mut robbed: Vec<Id> = Vec::new();
        let lines = self.store.referring(Model::MoveLine, "product_id", spot.product);
        for line in lines.into_iter().rev() {
            if excess <= Decimal::ZERO {
                break;
            }
            let open = !self.line_is_done(line) && !self.flag(Model::MoveLine, line, "picked");
            if !open || self.line_spot(line) != Some(spot) {
                continue;
            }
            let held = self.line_stock(line);
            let freed = held.min(excess);
            excess -= freed;
            robbed.extend(self.reference(Model::MoveLine, line, "move_id"));
            if freed == held {
                self.unreserve_line(line);
                self.store.remove(Model::MoveLine, line);
            } else {
                let quantity = self.number(Model::MoveLine, line, "quantity");
                self.set_line_quantity(line, cents(quantity * (held - freed) / held));
            }
        }
        robbed.dedup();
        for id in robbed {
            self.reserve(id);
            self.settle_owner(id);
        }
    }
}

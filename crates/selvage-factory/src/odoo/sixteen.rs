//! What version 16 calls otherwise: there a move has a reserved quantity and a done quantity, where 17 has one quantity and
//! whether it was picked. Kept as 17 keeps it; nothing else of 16 is imitated.

use rust_decimal::Decimal;
use serde_json::json;

use super::OdooVersion;
use super::record::Values;
use super::transaction::Transaction;
use super::value::{Value, truthy};

impl Transaction<'_> {
    /// The values of a write, in the names of 17.
    pub(crate) fn modern(&self, values: &Values) -> Values {
        let mut modern = values.clone();
        if self.env.version > OdooVersion::V16 {
            return modern;
        }
        for name in ["reserved_uom_qty", "quantity_done", "qty_done"] {
            if let Some(quantity) = modern.shift_remove(name) {
                if name != "reserved_uom_qty" {
                    modern.insert("picked".to_owned(), json!(truthy(&quantity)));
                }
                modern.insert("quantity".to_owned(), quantity);
            }
        }
        modern
    }

    /// What the planned start of an order is called.
    pub(crate) fn start_field(&self) -> &'static str {
        if self.env.version == OdooVersion::V16 { "date_planned_start" } else { "date_start" }
    }

    /// What is done and what is reserved, of a quantity that was picked or was not.
    pub(crate) fn done_or_reserved(name: &str, quantity: Decimal, picked: bool) -> Option<Value> {
        let shown = |shown: bool| Some(Value::Number(if shown { quantity } else { Decimal::ZERO }));
        match name {
            "quantity_done" | "qty_done" => shown(picked),
            "reserved_availability" | "reserved_uom_qty" => shown(!picked),
            _ => None,
        }
    }
}

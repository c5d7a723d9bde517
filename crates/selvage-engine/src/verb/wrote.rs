//! Which attributes of its own record a verb writes, for captures of it: what else changed meanwhile is somebody else's. A field that
//! is missing here costs an event too many, and never one too few.

use selvage_model::name::AttributeName;
use selvage_model::verb::Verb;
use serde_json::Value;

use super::target::Target;
use crate::reach::Reach;

const STATE: &str = "state";

/// The attributes that this verb wrote, of the record as it was read back.
pub(super) fn attributes(verb: Verb, target: &Target, reach: &Reach, record: &Value) -> Vec<String> {
    let fields = written(verb, target, record);
    let names = reach.served.object.attributes.iter().map(|attribute| &attribute.name.value);
    // An amount is read with its unit, which stays as it is: one of the fields is enough.
    let of_fields =
        |name: &&AttributeName| reach.mapping.fields_of(name).iter().any(|field| fields.contains(&field.as_str()));
    names.filter(of_fields).map(ToString::to_string).collect()
}

/// The fields. A state that is not the verb's is somebody's who went on from there.
fn written<'a>(verb: Verb, target: &'a Target, record: &Value) -> Vec<&'a str> {
    if let Target::Fields(target) = target {
        return target.values.keys().map(String::as_str).collect();
    }
    let (states, fields) = table(verb);
    let state = record.get(STATE).and_then(Value::as_str).unwrap_or_default();
    let own = states.contains(&state).then_some(STATE);
    own.into_iter().chain(fields.iter().copied()).collect()
}

/// What a report of production writes.
const REPORTED: &[&str] = &[
    "name",
    "product_qty",
    "qty_producing",
    "qty_produced",
    "lot_producing_id",
    "lot_producing_ids",
    "date_start",
    "date_finished",
    "move_raw_ids",
    "move_finished_ids",
    "workorder_ids",
];
/// What finishing work writes.
const FINISHED: &[&str] = &[
    "date_start",
    "date_finished",
    "duration",
    "is_user_working",
    "working_state",
    "time_ids",
    "qty_produced",
    "qty_producing",
    "qty_remaining",
];
/// What counting and scrapping write.
const COUNTED: &[&str] = &[
    "quantity",
    "available_quantity",
    "reserved_quantity",
    "inventory_quantity",
    "inventory_diff_quantity",
    "inventory_date",
    "inventory_quantity_set",
    "inventory_quantity_auto_apply",
    "value",
];

/// The states that a verb leaves, and the fields that it writes beside.
fn table(verb: Verb) -> (&'static [&'static str], &'static [&'static str]) {
    match verb {
        // A bill that is revised is another record.
        Verb::Update | Verb::ReviseBill => (&[], &[]),
        Verb::Archive => (&[], &["active"]),
        Verb::ReleaseProduction => (&["confirmed"], &["reservation_state", "move_raw_ids", "workorder_ids"]),
        Verb::CancelProduction => (&["cancel"], &["reservation_state", "move_raw_ids", "workorder_ids"]),
        Verb::ReportProduction => (&["confirmed", "progress", "to_close", "done"], REPORTED),
        Verb::ConsumeComponent => (&["confirmed", "progress", "to_close"], &["move_raw_ids", "reservation_state"]),
        Verb::CloseMaintenance => (&[], &["stage_id", "close_date", "kanban_state", "done"]),
        Verb::StartWork | Verb::PauseWork => (
            &["progress"],
            &["date_start", "date_finished", "duration", "is_user_working", "working_state", "time_ids"],
        ),
        Verb::FinishWork => (&["done"], FINISHED),
        Verb::ReleasePurchase => {
            (&["purchase", "to approve"], &["date_approve", "receipt_status", "invoice_status", "picking_ids"])
        }
        Verb::ReceivePurchase => {
            (&["purchase"], &["order_line", "receipt_status", "invoice_status", "effective_date", "picking_ids"])
        }
        Verb::ReleaseSale => (&["sale"], &["date_order", "delivery_status", "invoice_status", "picking_ids", "locked"]),
        Verb::ShipSale => {
            (&["sale"], &["order_line", "delivery_status", "invoice_status", "effective_date", "picking_ids"])
        }
        Verb::ShipShipment => (
            &["assigned", "confirmed", "done"],
            &["date_done", "move_ids", "move_line_ids", "move_ids_without_package"],
        ),
        Verb::AdjustPosition | Verb::ScrapPosition => (&[], COUNTED),
        Verb::QuarantineLot | Verb::ReleaseLot => (&[], &["product_qty", "location_id", "quant_ids"]),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_state_that_is_not_the_verbs_was_written_by_somebody() {
        let of = |verb, state: &str| written(verb, &Target::State, &json!({"state": state})).contains(&STATE);
        assert!(of(Verb::ReleaseProduction, "confirmed"));
        assert!(!of(Verb::ReleaseProduction, "progress"));
        assert!(of(Verb::FinishWork, "done"));
        assert!(!of(Verb::StartWork, "done"));
        assert!(!of(Verb::Archive, "draft"));
    }
}

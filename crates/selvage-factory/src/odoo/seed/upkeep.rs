//! The machines of Velo Works and the work on them: a repair that waits and an inspection that is planned, in each plant.
//! Nothing is repaired yet.

use serde_json::json;

use super::velo::dictionary;
use crate::odoo::refusal::Refusal;
use crate::odoo::schema::Model;
use crate::odoo::transaction::Transaction;
use crate::odoo::value::Id;

/// The machines of the plant that is first in the environment.
pub(super) fn add_machines(tx: &mut Transaction<'_>, plant: &str) -> Result<(), Refusal> {
    let mut machine = |name: &str, serial: &str, model: &str| {
        let serial = format!("{plant}-{serial}");
        tx.create(Model::Equipment, &dictionary(json!({ "name": name, "serial_no": serial, "model": model })))
    };
    let booth = machine("Paint booth", "PB-01", "SprayLine 4")?;
    let robot = machine("Welding robot", "WR-01", "ArcMate 120")?;
    let mut ask = |title: &str, machine: Id, kind: &str, priority: &str| {
        let values =
            json!({ "name": title, "equipment_id": machine.0, "maintenance_type": kind, "priority": priority });
        tx.create(Model::MaintenanceRequest, &dictionary(values))
    };
    ask("Nozzle drips", booth, "corrective", "2")?;
    ask("Yearly inspection", robot, "preventive", "1")?;
    Ok(())
}

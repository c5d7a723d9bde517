//! Fields that Odoo renamed between versions: so that a field which is not there can be named as it is called now.
//! A table of what is known; nothing is decided by it, since what a server has is asked.

/// A field under two names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Renamed {
    /// The model.
    pub model: &'static str,
    /// Its name before.
    pub before: &'static str,
    /// Its name since.
    pub since: &'static str,
    /// The first major version with the new name.
    pub version: u32,
}

const fn renamed(version: u32, model: &'static str, before: &'static str, since: &'static str) -> Renamed {
    Renamed { model, before, since, version }
}

const RENAMED: &[Renamed] = &[
    renamed(17, "stock.move", "quantity_done", "quantity"),
    renamed(17, "stock.move.line", "qty_done", "quantity"),
    renamed(17, "mrp.production", "date_planned_start", "date_start"),
    renamed(17, "mrp.production", "date_planned_finished", "date_finished"),
    renamed(17, "mrp.workorder", "date_planned_start", "date_start"),
    renamed(17, "mrp.workorder", "date_planned_finished", "date_finished"),
    renamed(19, "mrp.production", "lot_producing_id", "lot_producing_ids"),
    renamed(19, "mrp.production", "procurement_group_id", "production_group_id"),
    renamed(19, "purchase.order.line", "product_uom", "product_uom_id"),
    renamed(19, "sale.order.line", "product_uom", "product_uom_id"),
    renamed(19, "uom.uom", "category_id", "relative_uom_id"),
];

/// The other name of this field, where it has one in other versions.
pub fn other_name(model: &str, field: &str) -> Option<(&'static str, &'static Renamed)> {
    let known = RENAMED.iter().filter(|known| known.model == model);
    known.into_iter().find_map(|known| match field {
        field if field == known.before => Some((known.since, known)),
        field if field == known.since => Some((known.before, known)),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_names_lead_to_each_other() {
        for (model, field, expected) in [
            ("mrp.production", "lot_producing_id", Some("lot_producing_ids")),
            ("mrp.production", "lot_producing_ids", Some("lot_producing_id")),
            ("stock.move", "quantity", Some("quantity_done")),
            ("sale.order", "quantity", None),
        ] {
            assert_eq!(other_name(model, field).map(|(name, _)| name), expected, "{model} {field}");
        }
    }
}

//! What a report of production needs of a server: a table. It asks nothing.

use crate::odoo::needs::ModelNeeds;

/// What a report of production needs.
pub(in crate::odoo) const REPORT: &[ModelNeeds] = &[
    ModelNeeds::of("mrp.production")
        .reads(&[
            "name",
            "state",
            "product_id",
            "product_qty",
            "qty_producing",
            "qty_produced",
            "company_id",
            "backorder_sequence",
            "product_uom_id",
            "lot_producing_ids|lot_producing_id",
        ])
        .writes(&["qty_producing", "lot_producing_ids|lot_producing_id"])
        .calls(&["action_assign", "button_mark_done"]),
    ModelNeeds::of("stock.move")
        .reads(&[
            "product_id",
            "product_uom_qty",
            "quantity|quantity_done",
            "picked|quantity_done",
            "state",
            "product_uom",
            "raw_material_production_id",
            "production_id",
        ])
        .writes(&["quantity|quantity_done", "picked|quantity_done"]),
    ModelNeeds::of("stock.move.line")
        .reads(&["product_id", "lot_id", "quantity|qty_done", "move_id", "picked|qty_done"])
        .deletes(),
    ModelNeeds::of("stock.lot")
        .reads(&["name", "product_id", "company_id"])
        .writes(&["name", "product_id", "company_id"])
        .creates(),
    ModelNeeds::of("product.product").reads(&["tracking"]),
    ModelNeeds::of("uom.uom").reads(&["rounding"]),
    ModelNeeds::of("res.company").reads(&["name"]),
];

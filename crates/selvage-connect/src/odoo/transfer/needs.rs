//! What receiving and shipping need of a server: tables. It asks nothing.

use crate::odoo::needs::ModelNeeds;

const MOVES: ModelNeeds = ModelNeeds::of("stock.move")
    .reads(&[
        "product_id",
        "product_uom_qty",
        "quantity",
        "picked",
        "state",
        "product_uom",
        "picking_id",
        "location_id",
        "location_dest_id",
    ])
    .writes(&["quantity", "picked", "move_line_ids"]);
const LINES: ModelNeeds = ModelNeeds::of("stock.move.line")
    .reads(&["move_id", "product_id", "lot_id", "lot_name", "quantity", "picked", "location_id", "location_dest_id"])
    .writes(&[
        "product_id",
        "product_uom_id",
        "quantity",
        "picked",
        "lot_id",
        "lot_name",
        "location_id",
        "location_dest_id",
    ])
    .creates()
    .deletes();
const PICKINGS: ModelNeeds = ModelNeeds::of("stock.picking")
    .reads(&["name", "state", "picking_type_id", "backorder_id", "move_ids"])
    .calls(&["button_validate", "action_cancel"]);
const PRODUCTS: ModelNeeds = ModelNeeds::of("product.product").reads(&["uom_id", "type", "tracking"]);
const UNITS: ModelNeeds = ModelNeeds::of("uom.uom").reads(&["rounding"]);
const LOTS: ModelNeeds = ModelNeeds::of("stock.lot").reads(&["name", "product_id", "company_id"]);
const QUANTS: ModelNeeds = ModelNeeds::of("stock.quant").reads(&[
    "product_id",
    "lot_id",
    "location_id",
    "quantity",
    "reserved_quantity",
    "product_uom_id",
]);
const PLACES: ModelNeeds = ModelNeeds::of("stock.location").reads(&["usage"]);
const COMPANIES: ModelNeeds = ModelNeeds::of("res.company").reads(&["name"]);
const PURCHASES: ModelNeeds = ModelNeeds::of("purchase.order").reads(&["name", "state", "company_id", "order_line"]);
const SALES: ModelNeeds = ModelNeeds::of("sale.order").reads(&["name", "state", "company_id", "order_line"]);

/// What receiving needs.
pub(in crate::odoo) const RECEIVE: &[ModelNeeds] = &[
    PURCHASES,
    ModelNeeds::of("purchase.order.line").reads(&["order_id", "product_id", "display_type"]),
    MOVES,
    LINES,
    PICKINGS,
    PRODUCTS,
    UNITS,
    LOTS,
    QUANTS,
    PLACES,
    COMPANIES,
];
/// What shipping needs.
pub(in crate::odoo) const SHIP: &[ModelNeeds] = &[
    SALES,
    ModelNeeds::of("sale.order.line").reads(&["order_id", "product_id", "display_type"]),
    MOVES,
    LINES,
    PICKINGS,
    PRODUCTS,
    UNITS,
    LOTS,
    QUANTS,
    PLACES,
    COMPANIES,
];

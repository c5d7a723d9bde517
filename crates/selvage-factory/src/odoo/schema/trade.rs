//! The models of purchasing and sales: orders, and their lines. Taxes are one flat rate.
//! Tables only.

use super::Kind::{Bool, Char, Children, Datetime, Float, Int, Many, One, Selection, Text};
use super::{Field, Model, ModelInfo, field};
use crate::odoo::OdooVersion::{V18, V19};

const PURCHASE_STATES_18: &[(&str, &str)] = &[
    ("draft", "RFQ"),
    ("sent", "RFQ Sent"),
    ("to approve", "To Approve"),
    ("purchase", "Purchase Order"),
    ("done", "Locked"),
    ("cancel", "Cancelled"),
];
const PURCHASE_STATES_19: &[(&str, &str)] = &[
    ("draft", "RFQ"),
    ("sent", "RFQ Sent"),
    ("to approve", "To Approve"),
    ("purchase", "Purchase Order"),
    ("cancel", "Cancelled"),
];
const SALE_STATES: &[(&str, &str)] =
    &[("draft", "Quotation"), ("sent", "Quotation Sent"), ("sale", "Sales Order"), ("cancel", "Cancelled")];
const RECEIPT: &[(&str, &str)] =
    &[("pending", "Not Received"), ("partial", "Partially Received"), ("full", "Fully Received")];
const DELIVERY: &[(&str, &str)] = &[
    ("pending", "Not Delivered"),
    ("started", "Started"),
    ("partial", "Partially Delivered"),
    ("full", "Fully Delivered"),
];
const BILLING: &[(&str, &str)] =
    &[("no", "Nothing to Bill"), ("to invoice", "Waiting Bills"), ("invoiced", "Fully Billed")];
const INVOICING: &[(&str, &str)] = &[
    ("upselling", "Upselling Opportunity"),
    ("invoiced", "Fully Invoiced"),
    ("to invoice", "To Invoice"),
    ("no", "Nothing to Invoice"),
];
const POLICIES: &[(&str, &str)] = &[("direct", "As soon as possible"), ("one", "When all products are ready")];
const PRIORITY: &[(&str, &str)] = &[("0", "Normal"), ("1", "Urgent")];
const DISPLAY: &[(&str, &str)] = &[("line_section", "Section"), ("line_note", "Note")];

const NAME: Field = field("name", "Order Reference", Char).required();
const ORIGIN: Field = field("origin", "Source Document", Char);
const COMPANY: Field = field("company_id", "Company", One(Model::Company)).required();
const USER: Field = field("user_id", "Responsible", One(Model::User));
const CURRENCY_FIELD: Field = field("currency_id", "Currency", One(Model::Currency));
const PRODUCT: Field = field("product_id", "Product", One(Model::Product));
const SEQUENCE: Field = field("sequence", "Sequence", Int);
const DESCRIPTION: Field = field("name", "Description", Text).required();
const PRICE: Field = field("price_unit", "Unit Price", Float(true)).required();
const DISCOUNT: Field = field("discount", "Discount (%)", Float(true));
const UNIT_18: Field = field("product_uom", "Unit of Measure", One(Model::Uom)).until(V18);
const UNIT_19: Field = field("product_uom_id", "Unit", One(Model::Uom)).since(V19);
const SECTION: Field = field("display_type", "Display Type", Selection(DISPLAY));
const OWN_COMPANY: Field = field("company_id", "Company", One(Model::Company)).readonly();
const OWN_CURRENCY: Field = field("currency_id", "Currency", One(Model::Currency)).computed();
const UNTAXED: Field = field("amount_untaxed", "Untaxed Amount", Float(true)).computed();
const TAX: Field = field("amount_tax", "Taxes", Float(true)).computed();
const TOTAL: Field = field("amount_total", "Total", Float(true)).computed();
const SUBTOTAL: Field = field("price_subtotal", "Subtotal", Float(true)).computed();
const LINE_TOTAL: Field = field("price_total", "Total", Float(true)).computed();

pub(super) static PURCHASE: ModelInfo = ModelInfo {
    name: "purchase.order",
    label: "Purchase Order",
    order: "priority desc, id desc",
    fields: &[
        NAME,
        field("priority", "Priority", Selection(PRIORITY)),
        ORIGIN,
        field("partner_ref", "Vendor Reference", Char),
        field("partner_id", "Vendor", One(Model::Partner)).required(),
        field("date_order", "Order Deadline", Datetime).required(),
        field("date_approve", "Confirmation Date", Datetime).readonly(),
        field("date_planned", "Expected Arrival", Datetime).computed(),
        CURRENCY_FIELD.required(),
        field("state", "Status", Selection(PURCHASE_STATES_18)).readonly().until(V18),
        field("state", "Status", Selection(PURCHASE_STATES_19)).readonly().since(V19),
        field("order_line", "Order Lines", Children(Model::PurchaseLine, "order_id")),
        UNTAXED,
        TAX,
        TOTAL,
        field("invoice_status", "Billing Status", Selection(BILLING)).computed(),
        field("receipt_status", "Receipt Status", Selection(RECEIPT)).computed(),
        field("picking_ids", "Receptions", Many(Model::Picking)).computed(),
        field("picking_type_id", "Deliver To", One(Model::PickingType)).required(),
        USER,
        COMPANY,
    ],
};

pub(super) static PURCHASE_LINE: ModelInfo = ModelInfo {
    name: "purchase.order.line",
    label: "Purchase Order Line",
    order: "order_id, sequence, id",
    fields: &[
        DESCRIPTION,
        SEQUENCE,
        field("order_id", "Order Reference", One(Model::Purchase)).required(),
        PRODUCT,
        field("product_qty", "Quantity", Float(true)).required(),
        field("product_uom_qty", "Total Quantity", Float(false)).computed(),
        UNIT_18,
        UNIT_19,
        PRICE,
        DISCOUNT,
        SUBTOTAL,
        LINE_TOTAL,
        field("date_planned", "Expected Arrival", Datetime),
        field("qty_received", "Received Qty", Float(true)).computed(),
        field("qty_invoiced", "Billed Qty", Float(true)),
        field("move_ids", "Reservation", Children(Model::Move, "purchase_line_id")),
        field("partner_id", "Partner", One(Model::Partner)).computed(),
        field("state", "Status", Selection(PURCHASE_STATES_18)).computed(),
        SECTION,
        OWN_CURRENCY,
        OWN_COMPANY,
    ],
};

pub(super) static SALE: ModelInfo = ModelInfo {
    name: "sale.order",
    label: "Sales Order",
    order: "date_order desc, id desc",
    fields: &[
        NAME,
        ORIGIN,
        field("client_order_ref", "Customer Reference", Char),
        field("reference", "Payment Ref.", Char),
        field("partner_id", "Customer", One(Model::Partner)).required(),
        field("partner_invoice_id", "Invoice Address", One(Model::Partner)).required(),
        field("partner_shipping_id", "Delivery Address", One(Model::Partner)).required(),
        field("date_order", "Order Date", Datetime).required(),
        field("commitment_date", "Delivery Date", Datetime),
        CURRENCY_FIELD.readonly(),
        field("state", "Status", Selection(SALE_STATES)).readonly(),
        field("locked", "Locked", Bool),
        field("order_line", "Order Lines", Children(Model::SaleLine, "order_id")),
        UNTAXED,
        TAX,
        TOTAL,
        field("invoice_status", "Invoice Status", Selection(INVOICING)).computed(),
        field("delivery_status", "Delivery Status", Selection(DELIVERY)).computed(),
        field("picking_policy", "Shipping Policy", Selection(POLICIES)).required(),
        field("picking_ids", "Transfers", Children(Model::Picking, "sale_id")),
        field("warehouse_id", "Warehouse", One(Model::Warehouse)),
        USER,
        COMPANY,
    ],
};

pub(super) static SALE_LINE: ModelInfo = ModelInfo {
    name: "sale.order.line",
    label: "Sales Order Line",
    order: "order_id, sequence, id",
    fields: &[
        DESCRIPTION,
        SEQUENCE,
        field("order_id", "Order Reference", One(Model::Sale)).required(),
        PRODUCT,
        field("product_uom_qty", "Quantity", Float(true)).required(),
        UNIT_18,
        UNIT_19,
        PRICE,
        DISCOUNT,
        SUBTOTAL,
        LINE_TOTAL,
        field("customer_lead", "Lead Time", Float(false)).required(),
        field("qty_delivered", "Delivery Quantity", Float(true)).computed(),
        field("qty_invoiced", "Invoiced Quantity", Float(true)).readonly(),
        field("move_ids", "Stock Moves", Children(Model::Move, "sale_line_id")),
        field("order_partner_id", "Customer", One(Model::Partner)).computed(),
        field("state", "Order Status", Selection(SALE_STATES)).computed(),
        SECTION,
        OWN_CURRENCY,
        OWN_COMPANY,
    ],
};

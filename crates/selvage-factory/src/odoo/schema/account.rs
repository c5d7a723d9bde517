//! Invoices and bills, as far as a fabric reads them. No recording has them: types and states are Odoo's, amounts are sums
//! without taxes, and no journal is kept. Tables only.

use super::Kind::{Char, Children, Date, Float, Int, One, Selection, Text};
use super::{Field, Model, ModelInfo, field};

const TYPES: &[(&str, &str)] = &[
    ("entry", "Journal Entry"),
    ("out_invoice", "Customer Invoice"),
    ("out_refund", "Customer Credit Note"),
    ("in_invoice", "Vendor Bill"),
    ("in_refund", "Vendor Credit Note"),
    ("out_receipt", "Sales Receipt"),
    ("in_receipt", "Purchase Receipt"),
];
const STATES: &[(&str, &str)] = &[("draft", "Draft"), ("posted", "Posted"), ("cancel", "Cancelled")];
const PAYMENT: &[(&str, &str)] = &[
    ("not_paid", "Not Paid"),
    ("in_payment", "In Payment"),
    ("paid", "Paid"),
    ("partial", "Partially Paid"),
    ("reversed", "Reversed"),
];
const DISPLAY: &[(&str, &str)] = &[
    ("product", "Product"),
    ("line_section", "Section"),
    ("line_note", "Note"),
    ("tax", "Tax"),
    ("payment_term", "Payment Term"),
];

const COMPANY: Field = field("company_id", "Company", One(Model::Company));
const CURRENCY: Field = field("currency_id", "Currency", One(Model::Currency));
const PARTNER: Field = field("partner_id", "Partner", One(Model::Partner));
const SUM: super::Kind = Float(false);

pub(super) static MOVE: ModelInfo = ModelInfo {
    name: "account.move",
    label: "Journal Entry",
    order: "id desc",
    fields: &[
        field("name", "Number", Char),
        field("ref", "Reference", Char),
        field("move_type", "Type", Selection(TYPES)).required(),
        field("state", "Status", Selection(STATES)).readonly(),
        field("payment_state", "Payment Status", Selection(PAYMENT)).readonly(),
        PARTNER,
        field("date", "Date", Date).required(),
        field("invoice_date", "Invoice/Bill Date", Date),
        field("invoice_date_due", "Due Date", Date),
        field("invoice_origin", "Origin", Char),
        field("payment_reference", "Payment Reference", Char),
        field("narration", "Terms and Conditions", Text),
        CURRENCY.required(),
        COMPANY,
        field("invoice_line_ids", "Invoice lines", Children(Model::InvoiceLine, "move_id")),
        field("line_ids", "Journal Items", Children(Model::InvoiceLine, "move_id")),
        field("amount_untaxed", "Untaxed Amount", SUM).computed(),
        field("amount_tax", "Tax", SUM).computed(),
        field("amount_total", "Total", SUM).computed(),
        field("amount_residual", "Amount Due", SUM).computed(),
    ],
};

pub(super) static LINE: ModelInfo = ModelInfo {
    name: "account.move.line",
    label: "Journal Item",
    order: "sequence, id",
    fields: &[
        field("move_id", "Journal Entry", One(Model::Invoice)).required(),
        field("sequence", "Sequence", Int),
        field("display_type", "Display Type", Selection(DISPLAY)),
        field("name", "Label", Char),
        field("product_id", "Product", One(Model::Product)),
        field("product_uom_id", "Unit of Measure", One(Model::Uom)),
        field("quantity", "Quantity", SUM),
        field("price_unit", "Unit Price", SUM),
        field("discount", "Discount (%)", SUM),
        field("price_subtotal", "Subtotal", SUM).computed(),
        field("price_total", "Total", SUM).computed(),
        field("parent_state", "Status", Selection(STATES)).computed(),
        PARTNER,
        CURRENCY,
        COMPANY,
    ],
};

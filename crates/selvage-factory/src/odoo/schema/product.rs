//! The models of products and units of measure. A template has exactly one variant here and mirrors its values.
//! Tables only.

use super::Kind::{Bool, Char, Children, Float, Int, One, Selection};
use super::{Field, Model, ModelInfo, field};
use crate::odoo::OdooVersion::{V18, V19};

const TYPES: &[(&str, &str)] = &[("consu", "Goods"), ("service", "Service"), ("combo", "Combo")];
pub(super) const TRACKING: &[(&str, &str)] =
    &[("serial", "By Unique Serial Number"), ("lot", "By Lots"), ("none", "By Quantity")];
const UOM_TYPES: &[(&str, &str)] = &[
    ("bigger", "Bigger than the reference Unit of Measure"),
    ("reference", "Reference Unit of Measure for this category"),
    ("smaller", "Smaller than the reference Unit of Measure"),
];

const NAME: Field = field("name", "Name", Char).required();
const CODE: Field = field("default_code", "Internal Reference", Char);
const BARCODE: Field = field("barcode", "Barcode", Char);
const ACTIVE: Field = field("active", "Active", Bool);
const COMPANY: Field = field("company_id", "Company", One(Model::Company));
const TYPE: Field = field("type", "Product Type", Selection(TYPES)).required();
const STORABLE: Field = field("is_storable", "Track Inventory", Bool);
const TRACKED: Field = field("tracking", "Tracking", Selection(TRACKING)).required();
const UNIT_18: Field = field("uom_id", "Unit of Measure", One(Model::Uom)).required().only(V18);
const UNIT_19: Field = field("uom_id", "Unit", One(Model::Uom)).required().only(V19);
const PURCHASE_UNIT: Field = field("uom_po_id", "Purchase Unit", One(Model::Uom)).required().only(V18);
const CATEGORY_FIELD: Field = field("categ_id", "Product Category", One(Model::Category)).required();
const WEIGHT: Field = field("weight", "Weight", Float(true));
const VOLUME: Field = field("volume", "Volume", Float(true));
const PRICE: Field = field("list_price", "Sales Price", Float(true));
const COST: Field = field("standard_price", "Cost", Float(true)).per_company();
const SALE: Field = field("sale_ok", "Sales", Bool);
const PURCHASE: Field = field("purchase_ok", "Purchase", Bool);

pub(super) static PRODUCT: ModelInfo = ModelInfo {
    name: "product.product",
    label: "Product Variant",
    order: "default_code, name, id",
    fields: &[
        NAME,
        CODE,
        field("code", "Reference", Char).computed(),
        BARCODE,
        ACTIVE,
        COMPANY,
        field("product_tmpl_id", "Product Template", One(Model::Template)).readonly(),
        field("product_template_attribute_value_ids", "Attribute Values", super::Kind::Many(Model::AttributeValue))
            .readonly(),
        TYPE,
        STORABLE,
        TRACKED,
        UNIT_18,
        UNIT_19,
        PURCHASE_UNIT,
        CATEGORY_FIELD,
        WEIGHT,
        VOLUME,
        PRICE,
        COST,
        SALE,
        PURCHASE,
        field("qty_available", "Quantity On Hand", Float(true)).computed(),
        field("virtual_available", "Forecasted Quantity", Float(true)).computed(),
        field("free_qty", "Free To Use Quantity", Float(true)).computed(),
        field("incoming_qty", "Incoming", Float(true)).computed(),
        field("outgoing_qty", "Outgoing", Float(true)).computed(),
    ],
};

pub(super) static TEMPLATE: ModelInfo = ModelInfo {
    name: "product.template",
    label: "Product",
    order: "name",
    fields: &[
        NAME,
        CODE,
        BARCODE,
        ACTIVE,
        COMPANY,
        field("product_variant_ids", "Products", Children(Model::Product, "product_tmpl_id")),
        field("product_variant_id", "Product", One(Model::Product)).computed(),
        TYPE,
        STORABLE,
        TRACKED,
        UNIT_18,
        UNIT_19,
        PURCHASE_UNIT,
        CATEGORY_FIELD,
        WEIGHT,
        VOLUME,
        PRICE,
        SALE,
        PURCHASE,
        field("bom_ids", "Bill of Materials", Children(Model::Bom, "product_tmpl_id")),
    ],
};

pub(super) static CATEGORY: ModelInfo = ModelInfo {
    name: "product.category",
    label: "Product Category",
    order: "name, id",
    fields: &[NAME, field("parent_id", "Parent Category", One(Model::Category))],
};

pub(super) static ATTRIBUTE_VALUE: ModelInfo = ModelInfo {
    name: "product.template.attribute.value",
    label: "Product Template Attribute Value",
    order: "id",
    fields: &[NAME],
};

pub(super) static UOM_CATEGORY: ModelInfo =
    ModelInfo { name: "uom.category", label: "Product UoM Categories", order: "id", fields: &[NAME] };

pub(super) static UOM: ModelInfo = ModelInfo {
    name: "uom.uom",
    label: "Product Unit of Measure",
    order: "id",
    fields: &[
        field("name", "Unit", Char).required(),
        ACTIVE,
        field("rounding", "Rounding Precision", Float(false)),
        field("category_id", "Category", One(Model::UomCategory)).required().only(V18),
        field("uom_type", "Type", Selection(UOM_TYPES)).required().only(V18),
        field("ratio", "Combined Ratio", Float(false)).computed().only(V18),
        field("factor", "Ratio", Float(false)).computed(),
        field("factor_inv", "Bigger Ratio", Float(false)).computed().only(V18),
        field("sequence", "Sequence", Int).only(V19),
        field("relative_factor", "Contains", Float(false)).only(V19),
        field("relative_uom_id", "Reference Unit", One(Model::Uom)).only(V19),
        field("related_uom_ids", "Related UoMs", Children(Model::Uom, "relative_uom_id")).only(V19),
        field("parent_path", "Parent Path", Char).readonly().only(V19),
    ],
};

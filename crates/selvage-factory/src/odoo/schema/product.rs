//! The models of products and units of measure. A template has exactly one variant here and mirrors its values.
//! Tables only.

use super::Kind::{Bool, Char, Children, Date, Float, Int, One, Selection, Text};
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

const VARIANTS: &[(&str, &str)] = &[("always", "Instantly"), ("dynamic", "Dynamically"), ("no_variant", "Never")];
const DISPLAYS: &[(&str, &str)] =
    &[("radio", "Radio"), ("pills", "Pills"), ("select", "Select"), ("color", "Color"), ("multi", "Multi-checkbox")];

const NAME: Field = field("name", "Name", Char).required();
const CODE: Field = field("default_code", "Internal Reference", Char);
const BARCODE: Field = field("barcode", "Barcode", Char);
const ACTIVE: Field = field("active", "Active", Bool);
const COMPANY: Field = field("company_id", "Company", One(Model::Company));
const TYPE: Field = field("type", "Product Type", Selection(TYPES)).required();
const STORABLE: Field = field("is_storable", "Track Inventory", Bool);
const TRACKED: Field = field("tracking", "Tracking", Selection(TRACKING)).required();
const UNIT_18: Field = field("uom_id", "Unit of Measure", One(Model::Uom)).required().until(V18);
const UNIT_19: Field = field("uom_id", "Unit", One(Model::Uom)).required().since(V19);
const PURCHASE_UNIT: Field = field("uom_po_id", "Purchase Unit", One(Model::Uom)).required().until(V18);
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
        field("seller_ids", "Vendors", super::Kind::Many(Model::SupplierInfo)).computed(),
        field("lst_price", "Sales Price", Float(true)).kept_as("list_price"),
        field("description", "Description", Text),
        field("responsible_id", "Responsible", One(Model::User)),
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
        field("product_variant_count", "# Product Variants", Int).computed(),
        field("attribute_line_ids", "Product Attributes", Children(Model::AttributeLine, "product_tmpl_id")),
        field("seller_ids", "Vendors", Children(Model::SupplierInfo, "product_tmpl_id")),
        field("description", "Description", Text),
        field("responsible_id", "Responsible", One(Model::User)),
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
        field("incoming_qty", "Incoming", Float(true)).computed(),
        field("outgoing_qty", "Outgoing", Float(true)).computed(),
        field("bom_ids", "Bill of Materials", Children(Model::Bom, "product_tmpl_id")),
    ],
};

pub(super) static CATEGORY: ModelInfo = ModelInfo {
    name: "product.category",
    label: "Product Category",
    order: "name, id",
    fields: &[
        NAME,
        field("complete_name", "Complete Name", Char).computed(),
        field("parent_id", "Parent Category", One(Model::Category)),
        field("child_id", "Child Categories", Children(Model::Category, "parent_id")),
        field("product_count", "# Products", Int).computed(),
    ],
};

pub(super) static ATTRIBUTE_VALUE: ModelInfo = ModelInfo {
    name: "product.template.attribute.value",
    label: "Product Template Attribute Value",
    order: "id",
    fields: &[
        field("name", "Value", Char),
        field("attribute_line_id", "Attribute Line", One(Model::AttributeLine)),
        field("product_attribute_value_id", "Attribute Value", One(Model::AttributeChoice)),
        field("attribute_id", "Attribute", One(Model::Attribute)),
        field("product_tmpl_id", "Product Template", One(Model::Template)),
        field("price_extra", "Extra Price", Float(true)),
    ],
};

pub(super) static ATTRIBUTE: ModelInfo = ModelInfo {
    name: "product.attribute",
    label: "Product Attribute",
    order: "sequence, id",
    fields: &[
        NAME,
        field("sequence", "Sequence", Int),
        field("create_variant", "Variant Creation", Selection(VARIANTS)).required(),
        field("display_type", "Display Type", Selection(DISPLAYS)).required(),
        field("value_ids", "Values", Children(Model::AttributeChoice, "attribute_id")),
    ],
};

pub(super) static VALUE: ModelInfo = ModelInfo {
    name: "product.attribute.value",
    label: "Attribute Value",
    order: "attribute_id, sequence, id",
    fields: &[
        NAME,
        field("sequence", "Sequence", Int),
        field("attribute_id", "Attribute", One(Model::Attribute)).required(),
    ],
};

pub(super) static ATTRIBUTE_LINE: ModelInfo = ModelInfo {
    name: "product.template.attribute.line",
    label: "Product Template Attribute Line",
    order: "id",
    fields: &[
        field("product_tmpl_id", "Product Template", One(Model::Template)).required(),
        field("attribute_id", "Attribute", One(Model::Attribute)).required(),
        field("value_ids", "Values", super::Kind::Many(Model::AttributeChoice)),
    ],
};

pub(super) static SUPPLIER_INFO: ModelInfo = ModelInfo {
    name: "product.supplierinfo",
    label: "Supplier Pricelist",
    order: "sequence, min_qty desc, price, id",
    fields: &[
        field("partner_id", "Vendor", One(Model::Partner)).required(),
        field("product_name", "Vendor Product Name", Char),
        field("product_code", "Vendor Product Code", Char),
        field("sequence", "Sequence", Int),
        field("product_tmpl_id", "Product Template", One(Model::Template)),
        field("product_id", "Product Variant", One(Model::Product)),
        field("product_uom", "Unit of Measure", One(Model::Uom)).computed().until(V18),
        field("product_uom_id", "Unit", One(Model::Uom)).since(V19),
        field("min_qty", "Quantity", Float(true)),
        field("price", "Price", Float(true)),
        field("discount", "Discount (%)", Float(false)),
        field("price_discounted", "Discounted Price", Float(true)).computed(),
        field("currency_id", "Currency", One(Model::Currency)).required(),
        field("date_start", "Start Date", Date),
        field("date_end", "End Date", Date),
        field("delay", "Lead Time", Int),
        COMPANY,
    ],
};

pub(super) static UOM_CATEGORY: ModelInfo =
    ModelInfo { name: "uom.category", label: "Product UoM Categories", order: "id", fields: &[NAME] };

pub(super) static UOM: ModelInfo = ModelInfo {
    name: "uom.uom",
    label: "Product Unit of Measure",
    order: "sequence, id",
    fields: &[
        field("name", "Unit", Char).required(),
        ACTIVE,
        field("rounding", "Rounding Precision", Float(false)),
        field("category_id", "Category", One(Model::UomCategory)).required().until(V18),
        field("uom_type", "Type", Selection(UOM_TYPES)).required().until(V18),
        field("ratio", "Combined Ratio", Float(false)).computed().until(V18),
        field("factor", "Ratio", Float(false)).computed(),
        field("factor_inv", "Bigger Ratio", Float(false)).computed().until(V18),
        field("sequence", "Sequence", Int).since(V19),
        field("relative_factor", "Contains", Float(false)).since(V19),
        field("relative_uom_id", "Reference Unit", One(Model::Uom)).since(V19),
        field("related_uom_ids", "Related UoMs", Children(Model::Uom, "relative_uom_id")).since(V19),
        field("parent_path", "Parent Path", Char).readonly().since(V19),
    ],
};

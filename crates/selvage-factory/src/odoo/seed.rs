//! What a new database holds: a company with its warehouse, units of measure, users and their external ids.
//! The ids of locations and units are those of a fresh Odoo.

mod base;
mod parts;
mod trade;
mod upkeep;
mod velo;

pub(super) use self::base::rights_of;

use rust_decimal::Decimal;
use serde_json::Map;

use super::database::Login;
use super::refusal::Refusal;
use super::schema::Model;
use super::store::Store;
use super::transaction::{Environment, Rights, Transaction};
use super::value::{Id, Stamp, Value};
use super::{OdooConfig, OdooVersion, Seed};

/// A unit: external name, label, category, size in the category's reference unit.
type Unit = (&'static str, &'static str, usize, Decimal);

/// Fills an empty store and returns who may log in.
pub(super) fn fill(store: &mut Store, config: &OdooConfig) -> Result<Vec<Login>, Refusal> {
    let env = Environment {
        version: config.version,
        user: Id(1),
        user_name: "OdooBot".to_owned(),
        rights: Rights::Admin,
        companies: vec![Id(1)],
        context: Map::new(),
        now: Stamp::now().plus_micros(config.clock.as_micros().try_into().unwrap_or_default()),
    };
    let mut tx = Transaction { store, env };
    base::before_companies(&mut tx);
    let (name, registry, code) = match (&config.seed, config.version) {
        (Seed::VeloWorks { .. }, _) => ("Velo Works Ghent", "BE01", "GHENT"),
        (Seed::Empty, OdooVersion::V16 | OdooVersion::V17 | OdooVersion::V18) => ("YourCompany", "", "WH"),
        (Seed::Empty, OdooVersion::V19) => ("My Company", "", "WH"),
    };
    let country = match config.seed {
        Seed::VeloWorks { .. } => ("be", "EUR"),
        Seed::Empty => ("us", "USD"),
    };
    let company = add_company(&mut tx, name, registry, country);
    tx.name_externally("base", "main_company", Model::Company, company);
    base::fill(&mut tx);
    let category = tx.insert(Model::Category, [("name", "All".into())]);
    tx.name_externally("product", "product_category_all", Model::Category, category);
    add_units(&mut tx);
    add_locations(&mut tx, company, name, code);
    let mut companies = vec![company];
    if matches!(config.seed, Seed::VeloWorks { .. }) {
        companies.extend(velo::other_plants(&mut tx, config.plants));
    }
    let logins = add_users(&mut tx, config, &companies);
    base::add_keys(&mut tx, &logins);
    if let Seed::VeloWorks { extra_products } = config.seed {
        tx.env.companies = companies;
        velo::fill(&mut tx, extra_products)?;
    }
    Ok(logins)
}

/// A company with its partner and country; its locations are not here.
fn add_company(tx: &mut Transaction<'_>, name: &str, registry: &str, (country, currency): (&str, &str)) -> Id {
    let country = tx.by_external_id("base", country).map(|(_, id)| id);
    let currency = tx.by_external_id("base", currency).map(|(_, id)| id);
    let partner = tx.insert(
        Model::Partner,
        [
            ("name", name.into()),
            ("is_company", true.into()),
            ("active", true.into()),
            ("type", "contact".into()),
            ("country_id", country.into()),
        ],
    );
    let registry = if registry.is_empty() { Value::Null } else { registry.into() };
    tx.insert(
        Model::Company,
        [
            ("name", name.into()),
            ("company_registry", registry),
            ("sequence", Value::Int(10)),
            ("active", true.into()),
            ("partner_id", partner.into()),
            ("currency_id", currency.into()),
        ],
    )
}

fn add_units(tx: &mut Transaction<'_>) {
    for name in ["Unit", "Weight", "Working Time", "Length / Distance", "Surface", "Volume"] {
        tx.insert(Model::UomCategory, [("name", name.into())]);
    }
    let version = tx.env.version;
    let units = if version <= OdooVersion::V18 { units_18() } else { units_19() };
    let mut references: Vec<(usize, Id)> = Vec::new();
    for (external, label, category, size) in units {
        let reference = references.iter().find(|(of, _)| *of == category).map(|(_, id)| *id);
        let kind = match size.cmp(&Decimal::ONE) {
            std::cmp::Ordering::Less => "smaller",
            std::cmp::Ordering::Equal => "reference",
            std::cmp::Ordering::Greater => "bigger",
        };
        let category_id = tx.store.ids(Model::UomCategory).get(category - 1).copied();
        let values = [
            ("name", label.into()),
            ("category_id", category_id.into()),
            ("uom_type", kind.into()),
            ("size", size.into()),
            ("rounding", Decimal::new(1, 2).into()),
            ("active", (version <= OdooVersion::V18 || external != "product_uom_dozen").into()),
            ("sequence", Value::Int(i64::try_from((size * Decimal::ONE_HUNDRED).trunc()).unwrap_or(1000).min(1000))),
            ("relative_factor", size.into()),
            ("relative_uom_id", reference.into()),
        ];
        let id = tx.insert(Model::Uom, values);
        let path = reference.map_or_else(|| format!("{id}/"), |reference| format!("{reference}/{id}/"));
        tx.update(Model::Uom, id, [("parent_path", path.into())]);
        tx.name_externally("uom", external, Model::Uom, id);
        if reference.is_none() {
            references.push((category, id));
        }
    }
}

/// The units of version 18, references before what is measured in them.
fn units_18() -> [Unit; 14] {
    [
        ("product_uom_unit", "Units", 1, Decimal::ONE),
        ("product_uom_dozen", "Dozens", 1, Decimal::from(12)),
        ("product_uom_day", "Days", 3, Decimal::ONE),
        ("product_uom_hour", "Hours", 3, Decimal::new(125, 3)),
        ("product_uom_meter", "m", 4, Decimal::ONE),
        ("product_uom_millimeter", "mm", 4, Decimal::new(1, 3)),
        ("product_uom_km", "km", 4, Decimal::from(1000)),
        ("product_uom_cm", "cm", 4, Decimal::new(1, 2)),
        ("uom_square_meter", "m²", 5, Decimal::ONE),
        ("product_uom_litre", "L", 6, Decimal::ONE),
        ("product_uom_cubic_meter", "m³", 6, Decimal::from(1000)),
        ("product_uom_kgm", "kg", 2, Decimal::ONE),
        ("product_uom_gram", "g", 2, Decimal::new(1, 3)),
        ("product_uom_ton", "t", 2, Decimal::from(1000)),
    ]
}

/// The units of version 19, references before what is measured in them.
fn units_19() -> [Unit; 14] {
    [
        ("product_uom_unit", "Units", 1, Decimal::ONE),
        ("product_uom_pack_6", "Pack of 6", 1, Decimal::from(6)),
        ("product_uom_dozen", "Dozens", 1, Decimal::from(12)),
        ("product_uom_hour", "Hours", 3, Decimal::ONE),
        ("product_uom_day", "Days", 3, Decimal::from(8)),
        ("product_uom_minute", "Minutes", 3, Decimal::new(166_667, 7)),
        ("product_uom_millimeter", "mm", 4, Decimal::ONE),
        ("product_uom_cm", "cm", 4, Decimal::from(10)),
        ("product_uom_meter", "m", 4, Decimal::from(1000)),
        ("uom_square_meter", "m²", 5, Decimal::ONE),
        ("product_uom_litre", "L", 6, Decimal::ONE),
        ("product_uom_gram", "g", 2, Decimal::ONE),
        ("product_uom_kgm", "kg", 2, Decimal::from(1000)),
        ("product_uom_ton", "t", 2, Decimal::from(1_000_000)),
    ]
}

/// The locations of a fresh database: name, usage, parent's id, whether it is in use.
const LOCATIONS: [(i64, &str, &str, i64, bool); 16] = [
    (1, "Physical Locations", "view", 0, true),
    (2, "Partners", "view", 0, true),
    (3, "Virtual Locations", "view", 0, true),
    (4, "Vendors", "supplier", 2, true),
    (5, "Customers", "customer", 2, true),
    (7, "", "view", 1, true),
    (8, "Stock", "internal", 7, true),
    (9, "Input", "internal", 7, false),
    (10, "Quality Control", "internal", 7, false),
    (11, "Output", "internal", 7, false),
    (14, "Inventory adjustment", "inventory", 3, true),
    (15, "Production", "production", 3, true),
    (16, "Scrap", "inventory", 3, true),
    (23, "Pre-Production", "internal", 7, false),
    (24, "Post-Production", "internal", 7, false),
    (25, "Subcontracting Location", "internal", 1, true),
];

fn add_locations(tx: &mut Transaction<'_>, company: Id, name: &str, code: &str) {
    for (id, own, usage, parent, active) in LOCATIONS {
        let own = if own.is_empty() { code } else { own };
        let prefix = match usage {
            "view" => String::new(),
            _ => format!("{}/", tx.text(Model::Location, Id(parent), "complete_name")),
        };
        tx.store.skip_to(Model::Location, id - 1);
        let shared = usage == "supplier" || usage == "customer" || parent == 0;
        tx.insert(
            Model::Location,
            [
                ("name", own.into()),
                ("complete_name", format!("{prefix}{own}").into()),
                ("usage", usage.into()),
                ("location_id", if parent == 0 { Value::Null } else { Value::Ref(Id(parent)) }),
                ("barcode", if own == "Stock" { format!("{code}STOCK").into() } else { Value::Null }),
                ("active", active.into()),
                ("company_id", if shared { Value::Null } else { company.into() }),
            ],
        );
    }
    for (external, id) in [
        ("stock_location_locations", 1),
        ("stock_location_locations_partner", 2),
        ("stock_location_locations_virtual", 3),
        ("stock_location_suppliers", 4),
        ("stock_location_customers", 5),
        ("stock_location_stock", 8),
    ] {
        tx.name_externally("stock", external, Model::Location, Id(id));
    }
    let warehouse = add_warehouse(tx, company, (name, code), (Id(7), Id(8)));
    let quality = ("wh_qc_stock_loc_id", Id(10).into());
    tx.update(Model::Warehouse, warehouse, [("pbm_loc_id", Id(23).into()), ("sam_loc_id", Id(24).into()), quality]);
    tx.name_externally("stock", "warehouse0", Model::Warehouse, warehouse);
}

/// A warehouse over its view and stock locations.
fn add_warehouse(tx: &mut Transaction<'_>, company: Id, (name, code): (&str, &str), (view, stock): (Id, Id)) -> Id {
    let warehouse = tx.insert(
        Model::Warehouse,
        [
            ("name", name.into()),
            ("code", code.into()),
            ("active", true.into()),
            ("sequence", Value::Int(10)),
            ("company_id", company.into()),
            ("view_location_id", view.into()),
            ("lot_stock_id", stock.into()),
            ("manufacture_steps", "mrp_one_step".into()),
            ("reception_steps", "one_step".into()),
        ],
    );
    for location in [view, stock] {
        tx.update(Model::Location, location, [("warehouse_id", warehouse.into())]);
    }
    add_picking_types(tx, company, warehouse, stock);
    warehouse
}

/// Receipts, deliveries and internal transfers of a warehouse.
fn add_picking_types(tx: &mut Transaction<'_>, company: Id, warehouse: Id, stock: Id) {
    let place = |tx: &Transaction<'_>, name: &str| tx.by_external_id("stock", name).map(|(_, id)| id);
    let (vendors, customers) = (place(tx, "stock_location_suppliers"), place(tx, "stock_location_customers"));
    for (field, name, code, letters, from, to) in [
        ("in_type_id", "Receipts", "incoming", "IN", vendors, Some(stock)),
        ("out_type_id", "Delivery Orders", "outgoing", "OUT", Some(stock), customers),
        ("int_type_id", "Internal Transfers", "internal", "INT", Some(stock), Some(stock)),
    ] {
        let kind = tx.insert(
            Model::PickingType,
            [
                ("name", name.into()),
                ("code", code.into()),
                ("sequence_code", letters.into()),
                ("sequence", Value::Int(10)),
                ("active", true.into()),
                ("warehouse_id", warehouse.into()),
                ("company_id", company.into()),
                ("default_location_src_id", from.into()),
                ("default_location_dest_id", to.into()),
                ("use_create_lots", (code == "incoming").into()),
                ("use_existing_lots", (code != "incoming").into()),
                ("create_backorder", "ask".into()),
            ],
        );
        tx.update(Model::Warehouse, warehouse, [(field, kind.into())]);
    }
}

fn add_users(tx: &mut Transaction<'_>, config: &OdooConfig, companies: &[Id]) -> Vec<Login> {
    let user = |tx: &mut Transaction<'_>, login: &str, name: &str, rights: Rights, active: bool| {
        let groups = base::groups_of(tx, rights);
        let partner = tx.insert(
            Model::Partner,
            [("name", name.into()), ("active", active.into()), ("type", "contact".into()), ("lang", "en_US".into())],
        );
        tx.insert(
            Model::User,
            [
                ("login", login.into()),
                ("name", name.into()),
                ("active", active.into()),
                ("lang", "en_US".into()),
                ("tz", "Europe/Brussels".into()),
                ("partner_id", partner.into()),
                ("company_id", companies.first().copied().into()),
                ("company_ids", Value::Refs(companies.to_vec())),
                ("groups_id", Value::Refs(groups)),
            ],
        )
    };
    user(tx, "__system__", "OdooBot", Rights::Admin, false);
    let mut logins = Vec::new();
    for account in &config.accounts {
        let name = match (account.rights, config.version) {
            (Rights::Admin, OdooVersion::V16 | OdooVersion::V17 | OdooVersion::V18) => "Mitchell Admin",
            (Rights::Admin, OdooVersion::V19) => "Administrator",
            _ => account.login.as_str(),
        };
        let id = user(tx, &account.login, name, account.rights, true);
        logins.push(Login { user: id, name: name.to_owned(), account: account.clone() });
    }
    logins
}

//! What every database has besides companies and stock: currencies, countries, groups, models, modules, maintenance stages.
//! A selection of what Odoo ships, under its own external ids.

use rust_decimal::Decimal;

use crate::odoo::database::Login;
use crate::odoo::schema::Model;
use crate::odoo::transaction::{Rights, Transaction};
use crate::odoo::value::{Id, Value};

/// Currencies: code, name, symbol; the first is a new company's.
const CURRENCIES: [(&str, &str, &str); 8] = [
    ("USD", "United States dollar", "$"),
    ("EUR", "Euro", "€"),
    ("GBP", "Pound sterling", "£"),
    ("CZK", "Czech koruna", "Kč"),
    ("CHF", "Swiss franc", "CHF"),
    ("PLN", "Polish złoty", "zł"),
    ("CNY", "Chinese yuan", "¥"),
    ("JPY", "Japanese yen", "¥"),
];

/// Countries: code, name, calling code.
const COUNTRIES: [(&str, &str, i64); 44] = [
    ("AT", "Austria", 43),
    ("AU", "Australia", 61),
    ("BE", "Belgium", 32),
    ("BG", "Bulgaria", 359),
    ("BR", "Brazil", 55),
    ("CA", "Canada", 1),
    ("CH", "Switzerland", 41),
    ("CN", "China", 86),
    ("CZ", "Czech Republic", 420),
    ("DE", "Germany", 49),
    ("DK", "Denmark", 45),
    ("EE", "Estonia", 372),
    ("ES", "Spain", 34),
    ("FI", "Finland", 358),
    ("FR", "France", 33),
    ("GB", "United Kingdom", 44),
    ("GR", "Greece", 30),
    ("HR", "Croatia", 385),
    ("HU", "Hungary", 36),
    ("IE", "Ireland", 353),
    ("IN", "India", 91),
    ("IT", "Italy", 39),
    ("JP", "Japan", 81),
    ("KR", "South Korea", 82),
    ("LT", "Lithuania", 370),
    ("LU", "Luxembourg", 352),
    ("LV", "Latvia", 371),
    ("MX", "Mexico", 52),
    ("NL", "Netherlands", 31),
    ("NO", "Norway", 47),
    ("PL", "Poland", 48),
    ("PT", "Portugal", 351),
    ("RO", "Romania", 40),
    ("RS", "Serbia", 381),
    ("SE", "Sweden", 46),
    ("SI", "Slovenia", 386),
    ("SK", "Slovakia", 421),
    ("TH", "Thailand", 66),
    ("TR", "Türkiye", 90),
    ("TW", "Taiwan", 886),
    ("UA", "Ukraine", 380),
    ("US", "United States", 1),
    ("VN", "Vietnam", 84),
    ("ZA", "South Africa", 27),
];

/// Groups: module, external name, label, whether an account that may write is in it, whether every account is.
const GROUPS: [(&str, &str, &str, bool, bool); 15] = [
    ("base", "group_user", "Internal User", true, true),
    ("base", "group_portal", "Portal", false, false),
    ("base", "group_system", "Settings", false, false),
    ("base", "group_multi_company", "Multi Companies", true, true),
    ("uom", "group_uom", "Manage Multiple Units of Measure", true, true),
    ("stock", "group_stock_user", "Inventory / User", true, false),
    ("stock", "group_stock_manager", "Inventory / Administrator", true, false),
    ("stock", "group_production_lot", "Manage Lots / Serial Numbers", true, true),
    ("stock", "group_stock_multi_locations", "Manage Multiple Stock Locations", true, true),
    ("mrp", "group_mrp_user", "Manufacturing / User", true, false),
    ("mrp", "group_mrp_manager", "Manufacturing / Administrator", true, false),
    ("mrp", "group_mrp_routings", "Manage Work Order Operations", true, true),
    ("purchase", "group_purchase_user", "Purchase / User", true, false),
    ("sales_team", "group_sale_salesman", "Sales / User: Own Documents Only", true, false),
    ("maintenance", "group_equipment_manager", "Maintenance / Equipment Manager", true, false),
];

/// Modules: technical name, label, whether it is an application, whether it is installed.
const MODULES: [(&str, &str, bool, bool); 20] = [
    ("base", "Base", false, true),
    ("web", "Web", false, true),
    ("mail", "Discuss", true, true),
    ("uom", "Units of measure", false, true),
    ("product", "Products & Pricelists", false, true),
    ("account", "Invoicing", true, true),
    ("stock", "Inventory", true, true),
    ("mrp", "Manufacturing", true, true),
    ("mrp_subcontracting", "MRP Subcontracting", false, true),
    ("product_expiry", "Products Expiration Date", false, true),
    ("purchase", "Purchase", true, true),
    ("purchase_stock", "Purchase Stock", false, true),
    ("sale_management", "Sales", true, true),
    ("sale_stock", "Sales and Warehouse Management", false, true),
    ("maintenance", "Maintenance", true, true),
    ("repair", "Repairs", true, true),
    ("base_automation", "Automation Rules", false, true),
    ("quality_control", "Quality", true, false),
    ("mrp_plm", "Product Lifecycle Management (PLM)", true, false),
    ("mrp_workorder", "MRP II", true, false),
];

/// Stages of maintenance: external name, label, whether a request in it is done.
const STAGES: [(&str, &str, bool); 4] = [
    ("stage_0", "New Request", false),
    ("stage_1", "In Progress", false),
    ("stage_3", "Repaired", true),
    ("stage_4", "Scrap", true),
];

/// What a company needs to be made.
pub(super) fn before_companies(tx: &mut Transaction<'_>) {
    for (code, name, symbol) in CURRENCIES {
        let values = [
            ("name", code.into()),
            ("full_name", name.into()),
            ("symbol", symbol.into()),
            ("rounding", Decimal::new(1, 2).into()),
            ("decimal_places", Value::Int(2)),
            ("active", matches!(code, "USD" | "EUR").into()),
        ];
        let id = tx.insert(Model::Currency, values);
        tx.name_externally("base", code, Model::Currency, id);
    }
    for (code, name, phone) in COUNTRIES {
        let values = [("name", name.into()), ("code", code.into()), ("phone_code", Value::Int(phone))];
        let id = tx.insert(Model::Country, values);
        tx.name_externally("base", &code.to_lowercase(), Model::Country, id);
    }
}

/// Models, modules, groups and maintenance.
pub(super) fn fill(tx: &mut Transaction<'_>) {
    for model in Model::ALL {
        let values = [("name", model.info().label.into()), ("model", model.name().into()), ("state", "base".into())];
        let id = tx.insert(Model::Registered, values);
        tx.name_externally("base", &format!("model_{}", model.name().replace('.', "_")), Model::Registered, id);
    }
    let series = tx.env.version.series();
    for (name, label, application, installed) in MODULES {
        let version = if installed { format!("{series}.1.0").into() } else { Value::Null };
        let values = [
            ("name", name.into()),
            ("shortdesc", label.into()),
            ("application", application.into()),
            ("state", if installed { "installed" } else { "uninstalled" }.into()),
            ("installed_version", format!("{series}.1.0").into()),
            ("latest_version", version),
            ("sequence", Value::Int(100)),
            ("author", "Odoo S.A.".into()),
        ];
        let id = tx.insert(Model::Module, values);
        tx.name_externally("base", &format!("module_{name}"), Model::Module, id);
    }
    for (module, name, label, ..) in GROUPS {
        let id = tx.insert(Model::UserGroup, [("name", label.into())]);
        tx.name_externally(module, name, Model::UserGroup, id);
    }
    for (sequence, (name, label, done)) in (1i64..).zip(STAGES) {
        let values =
            [("name", label.into()), ("sequence", Value::Int(sequence)), ("done", done.into()), ("fold", done.into())];
        let id = tx.insert(Model::MaintenanceStage, values);
        tx.name_externally("maintenance", name, Model::MaintenanceStage, id);
    }
    let team = tx.insert(Model::MaintenanceTeam, [("name", "Internal Maintenance".into()), ("active", true.into())]);
    tx.name_externally("maintenance", "equipment_team_maintenance", Model::MaintenanceTeam, team);
}

/// The groups that an account's user is in.
pub(super) fn groups_of(tx: &Transaction<'_>, rights: Rights) -> Vec<Id> {
    let member = |(_, name, _, writes, all): &(&str, &str, &str, bool, bool)| match rights {
        Rights::Admin => *name != "group_portal",
        Rights::Write => *writes,
        Rights::Read => *all,
        Rights::Internal => *name == "group_user",
    };
    let found = GROUPS.iter().filter(|group| member(group));
    found.filter_map(|(module, name, ..)| tx.by_external_id(module, name)).map(|(_, id)| id).collect()
}

/// The rights of a user in these groups: an application's group writes, and a user of none is internal only.
pub(crate) fn rights_of(tx: &Transaction<'_>, groups: &[Id]) -> Rights {
    let of_application = GROUPS.iter().filter(|(.., writes, all)| *writes && !*all);
    let mut of_application = of_application.filter_map(|(module, name, ..)| tx.by_external_id(module, name));
    if of_application.any(|(_, group)| groups.contains(&group)) { Rights::Write } else { Rights::Internal }
}

/// The keys of the accounts: three months from now they end, as Odoo has it.
pub(super) fn add_keys(tx: &mut Transaction<'_>, logins: &[Login]) {
    let end = tx.env.now.plus_minutes(Decimal::from(90 * 24 * 60));
    for login in logins {
        tx.insert(
            Model::ApiKey,
            [
                ("name", login.account.login.as_str().into()),
                ("user_id", login.user.into()),
                ("scope", "rpc".into()),
                ("expiration_date", end.into()),
            ],
        );
    }
}

//! The sample data of Velo Works: two plants that make the same bicycle, with stock, lots and orders in every state.
//! Made through the same rules as any call, so the quantities add up.

use rust_decimal::Decimal;
use serde_json::{Value as Json, json};

use super::{add_company, add_warehouse, trade, upkeep};
use crate::odoo::quant::Spot;
use crate::odoo::record::Values;
use crate::odoo::refusal::Refusal;
use crate::odoo::schema::Model;
use crate::odoo::transaction::Transaction;
use crate::odoo::value::Id;

/// How far a sample order has come.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    Draft,
    Confirmed,
    Started,
    Done,
    Cancelled,
}

/// The sample orders of each plant: quantity and stage, oldest first.
const ORDERS: [(i64, Stage); 12] = [
    (4, Stage::Done),
    (6, Stage::Done),
    (2, Stage::Done),
    (3, Stage::Cancelled),
    (5, Stage::Started),
    (4, Stage::Started),
    (8, Stage::Confirmed),
    (4, Stage::Confirmed),
    (3, Stage::Confirmed),
    (6, Stage::Confirmed),
    (2, Stage::Draft),
    (10, Stage::Draft),
];

/// The products that both plants use.
pub(super) struct Products {
    pub(super) frame: Id,
    pub(super) wheel: Id,
    pub(super) paint: Id,
    pub(super) bicycle: Id,
}

/// A plant beside the one in Ghent, which is the first company of the database.
struct Site {
    company: String,
    registry: String,
    /// The warehouse's short name.
    code: String,
    country: (&'static str, &'static str),
}

/// The other plants: the second is in Brno, what comes after is numbered.
pub(super) fn other_plants(tx: &mut Transaction<'_>, plants: u32) -> Vec<Id> {
    let site = |number: u32| match number {
        2 => Site {
            company: "Velo Works Brno".to_owned(),
            registry: "CZ01".to_owned(),
            code: "BRNO".to_owned(),
            country: ("cz", "CZK"),
        },
        _ => Site {
            company: format!("Velo Works {number}"),
            registry: format!("VW{number:02}"),
            code: format!("VW{number:02}"),
            country: ("be", "EUR"),
        },
    };
    // Ghent's is among the locations of every database, archived.
    tx.update(Model::Location, Id(10), [("active", true.into())]);
    tx.name_externally("velo", "quality_ghent", Model::Location, Id(10));
    (2..=plants).map(|number| add_plant(tx, &site(number))).collect()
}

/// A company with its warehouse.
fn add_plant(tx: &mut Transaction<'_>, site: &Site) -> Id {
    let (code, slug) = (site.code.as_str(), site.code.to_lowercase());
    let company = add_company(tx, &site.company, &site.registry, site.country);
    tx.name_externally("velo", &format!("company_{slug}"), Model::Company, company);
    tx.env.companies.push(company);
    tx.furnish_company(company);
    let physical = tx.by_external_id("stock", "stock_location_locations").map(|(_, id)| id);
    let place = |tx: &mut Transaction<'_>, name: &str, full: &str, usage: &str, parent: Option<Id>| {
        tx.insert(
            Model::Location,
            [
                ("name", name.into()),
                ("complete_name", full.into()),
                ("usage", usage.into()),
                ("location_id", parent.into()),
                ("active", true.into()),
                ("company_id", company.into()),
            ],
        )
    };
    let view = place(tx, code, code, "view", physical);
    let stock = place(tx, "Stock", &format!("{code}/Stock"), "internal", Some(view));
    let warehouse = add_warehouse(tx, company, (&site.company, code), (view, stock));
    tx.name_externally("velo", &format!("warehouse_{slug}"), Model::Warehouse, warehouse);
    let quality = place(tx, "Quality Control", &format!("{code}/Quality Control"), "internal", Some(view));
    tx.update(Model::Warehouse, warehouse, [("wh_qc_stock_loc_id", quality.into())]);
    tx.name_externally("velo", &format!("quality_{slug}"), Model::Location, quality);
    company
}

/// Products, bill of materials, stock and orders.
pub(super) fn fill(tx: &mut Transaction<'_>, extra_products: u32) -> Result<(), Refusal> {
    let end = tx.env.now;
    tx.env.now = end.plus_minutes(Decimal::from(-24 * 60));
    let products = add_products(tx)?;
    let partners = trade::add_partners(tx)?;
    let plants = tx.env.companies.clone();
    for (plant, number) in plants.iter().zip(1u32..) {
        let code = match number {
            1 => "GHE".to_owned(),
            2 => "BRN".to_owned(),
            other => format!("VW{other:02}"),
        };
        tx.env.companies =
            std::iter::once(*plant).chain(plants.iter().copied().filter(|other| other != plant)).collect();
        let bom = add_bill(tx, &products)?;
        add_stock(tx, *plant, &products)?;
        for (at, (quantity, stage)) in (0i64..).zip(ORDERS) {
            tx.env.now = end.plus_minutes(Decimal::from((at - 12) * 60));
            add_order(tx, &products, bom, quantity, stage, at)?;
        }
        trade::add_orders(tx, &products, &partners)?;
        upkeep::add_machines(tx, &code)?;
        tx.env.now = end.plus_minutes(Decimal::from(-23 * 60));
    }
    tx.env.now = end.plus_minutes(Decimal::from(-24 * 60));
    super::parts::add(tx, extra_products)?;
    tx.env.now = end;
    Ok(())
}

pub(super) fn dictionary(json: Json) -> Values {
    match json {
        Json::Object(values) => values,
        _ => Values::new(),
    }
}

fn add_products(tx: &mut Transaction<'_>) -> Result<Products, Refusal> {
    let kilogram = tx.by_external_id("uom", "product_uom_kgm").map_or(Json::Bool(false), |(_, id)| id.into());
    let mut add = |code: &str, name: &str, weight: &str, extra: Json| {
        let mut values =
            dictionary(json!({ "name": name, "default_code": code, "is_storable": true, "weight": weight }));
        values.extend(dictionary(extra));
        tx.create(Model::Product, &values)
    };
    Ok(Products {
        frame: add("FRM-1", "Frame", "2.5", json!({ "barcode": "5400000000017" }))?,
        wheel: add("WHL-1", "Wheel", "1.1", json!({ "barcode": "5400000000024" }))?,
        paint: add("PNT-1", "Paint", "1", json!({ "tracking": "lot", "uom_id": kilogram }))?,
        bicycle: add("BIK-1", "Bicycle", "12.4", json!({ "tracking": "lot", "barcode": "5400000000048" }))?,
    })
}

fn add_bill(tx: &mut Transaction<'_>, products: &Products) -> Result<Id, Refusal> {
    let center = tx.create(Model::WorkCenter, &dictionary(json!({ "name": "Assembly", "code": "ASM" })))?;
    let company = tx.company().map_or(Json::Bool(false), Json::from);
    let line = |product: Id, quantity: &str| json!([0, 0, { "product_id": product.0, "product_qty": quantity }]);
    let operation = |name: &str, minutes: i64| json!([0, 0, { "name": name, "workcenter_id": center.0, "time_cycle_manual": minutes }]);
    let values = json!({
        "product_id": products.bicycle.0, "code": "REV-A", "company_id": company, "consumption": "warning",
        "bom_line_ids": [line(products.frame, "1"), line(products.wheel, "2"), line(products.paint, "0.25")],
        "operation_ids": [operation("Paint", 10), operation("Assemble", 20)],
    });
    tx.create(Model::Bom, &dictionary(values))
}

fn add_stock(tx: &mut Transaction<'_>, plant: Id, products: &Products) -> Result<(), Refusal> {
    let warehouse = tx.store.referring(Model::Warehouse, "company_id", plant).first().copied();
    let Some(location) = warehouse.and_then(|warehouse| tx.reference(Model::Warehouse, warehouse, "lot_stock_id"))
    else {
        return Ok(());
    };
    let code = warehouse.map(|warehouse| tx.text(Model::Warehouse, warehouse, "code")).unwrap_or_default();
    for (product, quantity) in [(products.frame, 4800), (products.wheel, 10_400)] {
        tx.stock_up(Spot::loose(product, location, None), Decimal::from(quantity))?;
    }
    for (number, quantity) in [(1, Decimal::from(20)), (2, Decimal::new(12_355, 1))] {
        let lot = add_lot(tx, &format!("P-{code}-{number}"), products.paint)?;
        tx.stock_up(Spot::loose(products.paint, location, Some(lot)), quantity)?;
    }
    Ok(())
}

fn add_lot(tx: &mut Transaction<'_>, name: &str, product: Id) -> Result<Id, Refusal> {
    tx.create(Model::Lot, &dictionary(json!({ "name": name, "product_id": product.0 })))
}

fn add_order(
    tx: &mut Transaction<'_>,
    products: &Products,
    bom: Id,
    quantity: i64,
    stage: Stage,
    at: i64,
) -> Result<(), Refusal> {
    let values = json!({
        "product_id": products.bicycle.0, "product_qty": quantity, "bom_id": bom.0, "origin": format!("SO-{:04}", 1200 + at),
    });
    let order = tx.create(Model::Production, &dictionary(values))?;
    if stage == Stage::Draft {
        return Ok(());
    }
    tx.confirm_orders(&[order])?;
    let work = tx.work_orders(order);
    match stage {
        Stage::Cancelled => {
            tx.cancel_orders(&[order])?;
        }
        Stage::Started => tx.start_work(work.get(..1).unwrap_or_default())?,
        Stage::Done => {
            let name = tx.text(Model::Production, order, "name").replace("/MO/", "-");
            let lot = add_lot(tx, &name, products.bicycle)?;
            tx.update(Model::Production, order, [("qty_producing", Decimal::from(quantity).into())]);
            tx.set_finished_lot(order, lot);
            tx.finish_work(&work)?;
            tx.mark_done(&[order])?;
        }
        Stage::Confirmed | Stage::Draft => {}
    }
    Ok(())
}

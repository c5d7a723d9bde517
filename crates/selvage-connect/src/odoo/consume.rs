//! Consumption noted on an order that is not booked yet: how much of a component, from which lot, in total. Each such total is
//! one line of its move, under a key of ours, so that stating it again overwrites it, and the report of production knows it
//! from what Odoo merely reserved. It never takes more of a lot than there is.

use rust_decimal::Decimal;
use serde_json::{Value, json};

use super::answer::{self, id_of};
use super::call::{Call, Scope};
use super::component::Tracking;
use super::failure::{Failure, Refusal};
use super::needs::ModelNeeds;
use super::number::{number, survives};
use super::order::OrderState;
use super::record::named;
use super::{Map, Odoo};

const LINE: &str = "stock.move.line";
/// What the keys of noted lines begin with.
const NOTED: &str = "__selvage__.used-";

/// What noting consumption needs.
pub(super) const CONSUME: &[ModelNeeds] = &[
    ModelNeeds::of("mrp.production").reads(&["state", "company_id"]),
    ModelNeeds::of("stock.move").reads(&[
        "product_id",
        "product_uom",
        "state",
        "location_id",
        "location_dest_id",
        "raw_material_production_id",
    ]),
    ModelNeeds::of(LINE)
        .reads(&["move_id", "lot_id", "quantity", "picked"])
        .writes(&[
            "move_id",
            "product_id",
            "product_uom_id",
            "location_id",
            "location_dest_id",
            "lot_id",
            "quantity",
            "picked",
        ])
        .creates()
        .changes()
        .deletes(),
    ModelNeeds::of("stock.lot").reads(&["name", "product_id", "company_id"]),
    ModelNeeds::of("stock.quant").reads(&["product_id", "lot_id", "location_id", "quantity", "reserved_quantity"]),
    ModelNeeds::of("product.product").reads(&["tracking", "uom_id"]),
];

/// Consumed of a component of this order, in total.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConsumptionTarget {
    /// The component.
    pub product: i64,
    /// The lot it was taken from; needed exactly where the component is tracked.
    pub lot: Option<String>,
    /// How much, in the unit in which the order counts the component.
    pub total: Decimal,
}

/// What is noted after that, as it was read back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Consumption {
    /// The component.
    pub product_id: i64,
    /// The component as Odoo shows it.
    pub product_label: String,
    /// The unit in which the order counts it.
    pub unit: i64,
    /// The lot.
    pub lot: Option<String>,
    /// Noted from this lot.
    pub total: Decimal,
    /// Noted of the component over all lots.
    pub component_total: Decimal,
}

/// The move of a component.
#[derive(Clone, Debug, PartialEq, Eq)]
struct ComponentMove {
    id: i64,
    product: (i64, String),
    unit: i64,
    from: i64,
    to: i64,
}

/// One line of the move.
#[derive(Debug)]
struct Taken {
    id: i64,
    lot: Option<i64>,
    quantity: Decimal,
    picked: bool,
    noted: bool,
}

impl Odoo {
    /// The open move of this component on an order, where there is exactly one.
    async fn component_of(&self, order: i64, product: i64, scope: &Scope) -> Result<ComponentMove, Failure> {
        let fields = ["product_id", "product_uom", "state", "location_id", "location_dest_id"];
        let domain = vec![json!(["raw_material_production_id", "=", order]), json!(["product_id", "=", product])];
        let moves = self.search("stock.move", domain, &named(&fields), scope, None).await?;
        let ended = |one: &&Value| matches!(one.get("state").and_then(Value::as_str), Some("done" | "cancel"));
        let open: Vec<&Value> = moves.iter().filter(|one| !ended(one)).collect();
        let refused = |why: &str| {
            let message = format!("the product {why} of production order {order}");
            Err(Failure::field(Refusal::Target, "component", message))
        };
        match open.as_slice() {
            [] => refused("is no component that is still open"),
            [one] => Ok(ComponentMove {
                id: answer::id(one, "id")?,
                product: answer::product(one)?,
                unit: answer::id(one, "product_uom")?,
                from: answer::id(one, "location_id")?,
                to: answer::id(one, "location_dest_id")?,
            }),
            _ => refused("stands on several lines, of which none can be told from the others,"),
        }
    }

    /// The unit in which an order counts this component, whether it is booked or not.
    ///
    /// # Errors
    /// [`Failure`]; a product that is no component of it is `Refused`.
    pub async fn component_unit(&self, order: i64, product: i64, scope: &Scope) -> Result<i64, Failure> {
        let domain = vec![json!(["raw_material_production_id", "=", order]), json!(["product_id", "=", product])];
        let moves = self.search("stock.move", domain, &named(&["product_uom"]), scope, Some(1)).await?;
        let Some(one) = moves.first() else {
            let message = format!("the product is no component of production order {order}");
            return Err(Failure::field(Refusal::Target, "component", message));
        };
        answer::id(one, "product_uom")
    }

    /// Target: consumed of this component, from this lot, in total, noted on an order that is released and not booked.
    ///
    /// # Errors
    /// [`Failure`]; what the order or the stock cannot give is `Refused` before anything is sent.
    pub async fn note_consumption(
        &self,
        id: i64,
        target: &ConsumptionTarget,
        scope: &Scope,
    ) -> Result<Consumption, Failure> {
        let (component, lot) = self.to_note(id, target, scope).await.map_err(Failure::before_sending)?;
        let lines = self.taken(&component, scope).await.map_err(Failure::before_sending)?;
        let noted = lines.iter().find(|line| line.noted && line.lot == lot);
        let stands = noted.filter(|line| line.picked).map_or(Decimal::ZERO, |line| line.quantity);
        if stands != target.total {
            self.available(&component, lot, target, &lines, scope).await.map_err(Failure::before_sending)?;
            self.make_room(lot, target.total - stands, &lines, scope).await?;
            match noted {
                Some(line) if target.total.is_zero() => self.drop_lines(&[line.id], scope).await?,
                _ => self.write_noted(&component, lot, target.total, scope).await?,
            }
        }
        let lines = self.taken(&component, scope).await.map_err(Failure::after_sending)?;
        let picked = |line: &&Taken| line.noted && line.picked;
        let of_lot: Decimal =
            lines.iter().filter(picked).filter(|line| line.lot == lot).map(|line| line.quantity).sum();
        if of_lot != target.total {
            let what = format!("consumption of {} noted on production order {id}", component.product.1);
            return Err(Failure::mismatch(what, &target.total, &of_lot));
        }
        Ok(Consumption {
            product_id: component.product.0,
            product_label: component.product.1.clone(),
            unit: component.unit,
            lot: target.lot.clone(),
            total: of_lot,
            component_total: lines.iter().filter(picked).map(|line| line.quantity).sum(),
        })
    }

    /// Refuses what could not be noted as things stand. Nothing is sent.
    pub(super) async fn can_be_noted(&self, id: i64, target: &ConsumptionTarget, scope: &Scope) -> Result<(), Failure> {
        let (component, lot) = self.to_note(id, target, scope).await?;
        let lines = self.taken(&component, scope).await?;
        self.available(&component, lot, target, &lines, scope).await
    }

    /// The component and its lot, where consumption can be noted at all.
    async fn to_note(
        &self,
        id: i64,
        target: &ConsumptionTarget,
        scope: &Scope,
    ) -> Result<(ComponentMove, Option<i64>), Failure> {
        let order = self.one("mrp.production", id, &["state", "company_id"], scope).await?;
        let state = OrderState::of(&order)?;
        if !state.is_open() {
            let message = format!(
                "production order {id} is {}; consumption is noted on one that is released and not booked",
                state.as_str()
            );
            return Err(Failure::refused(Refusal::Target, message));
        }
        if target.total < Decimal::ZERO || !survives(target.total) {
            let message = format!("{} cannot be consumed", target.total);
            return Err(Failure::field(Refusal::Target, "total", message));
        }
        let component = self.component_of(id, target.product, scope).await?;
        let product = self.one("product.product", target.product, &["tracking", "uom_id"], scope).await?;
        if answer::id(&product, "uom_id")? != component.unit {
            let message = format!("the order counts {} in another unit than its stock", component.product.1);
            return Err(Failure::field(Refusal::Target, "total", message));
        }
        let company = answer::id(&order, "company_id")?;
        let lot = self.lot_to_take(&component, Tracking::of(&product)?, (target, company), scope).await?;
        Ok((component, lot))
    }

    async fn lot_to_take(
        &self,
        component: &ComponentMove,
        tracking: Tracking,
        (target, company): (&ConsumptionTarget, i64),
        scope: &Scope,
    ) -> Result<Option<i64>, Failure> {
        let label = &component.product.1;
        let refused = |message: String| Err(Failure::field(Refusal::Lot, "lot", message));
        let name = match (tracking, &target.lot) {
            (Tracking::None, None) => return Ok(None),
            (Tracking::None, Some(_)) => return refused(format!("{label} is not tracked, so it takes no lot")),
            (_, None) => return refused(format!("{label} is tracked, so its lot or serial number must be named")),
            (_, Some(name)) => name,
        };
        if tracking == Tracking::Serial && target.total > Decimal::ONE {
            return refused(format!("{label} has serial numbers, and there is one of each"));
        }
        let domain = vec![json!(["name", "=", name]), json!(["product_id", "=", component.product.0])];
        let found = self.search("stock.lot", domain, &named(&["company_id"]), scope, None).await?;
        let usable = |lot: &&Value| lot.get("company_id").and_then(id_of).is_none_or(|of| of == company);
        match found.iter().find(usable) {
            Some(lot) => answer::id(lot, "id").map(Some),
            None => refused(format!("there is no lot `{name}` of {label}")),
        }
    }

    /// Refuses more than there is: what is free of the lot where the order takes it from, and what the order holds of it.
    async fn available(
        &self,
        component: &ComponentMove,
        lot: Option<i64>,
        target: &ConsumptionTarget,
        lines: &[Taken],
        scope: &Scope,
    ) -> Result<(), Failure> {
        let domain = vec![
            json!(["product_id", "=", component.product.0]),
            json!(["location_id", "child_of", component.from]),
            json!(["lot_id", "=", lot.map_or(json!(false), |lot| json!(lot))]),
        ];
        let fields = named(&["quantity", "reserved_quantity"]);
        let quants = self.search("stock.quant", domain, &fields, scope, None).await?;
        let mut there: Decimal = lines.iter().filter(|line| line.lot == lot).map(|line| line.quantity).sum();
        for quant in &quants {
            there += answer::quantity(quant, "quantity")? - answer::quantity(quant, "reserved_quantity")?;
        }
        if target.total <= there {
            return Ok(());
        }
        let of_lot = target.lot.as_ref().map_or_else(String::new, |lot| format!(" of lot `{lot}`"));
        let label = &component.product.1;
        let message = format!("{} of {label}{of_lot} cannot be consumed: {there} are available", target.total);
        Err(Failure::field(Refusal::Target, "total", message))
    }

    /// Gives up as much of the order's own reservation of the lot as is taken now.
    async fn make_room(&self, lot: Option<i64>, more: Decimal, lines: &[Taken], scope: &Scope) -> Result<(), Failure> {
        let mut more = more;
        for line in lines.iter().filter(|line| !line.noted && line.lot == lot) {
            if more <= Decimal::ZERO {
                break;
            }
            let given = line.quantity.min(more);
            more -= given;
            if given == line.quantity {
                self.drop_lines(&[line.id], scope).await?;
            } else {
                let values = Map::from_iter([("quantity".to_owned(), number(line.quantity - given))]);
                self.write(LINE, line.id, &values, scope).await?;
            }
        }
        Ok(())
    }

    async fn write_noted(
        &self,
        component: &ComponentMove,
        lot: Option<i64>,
        total: Decimal,
        scope: &Scope,
    ) -> Result<(), Failure> {
        let mut values = Map::from_iter([
            ("move_id".to_owned(), json!(component.id)),
            ("product_id".to_owned(), json!(component.product.0)),
            ("product_uom_id".to_owned(), json!(component.unit)),
            ("location_id".to_owned(), json!(component.from)),
            ("location_dest_id".to_owned(), json!(component.to)),
            ("quantity".to_owned(), number(total)),
            ("picked".to_owned(), json!(true)),
        ]);
        if let Some(lot) = lot {
            values.insert("lot_id".to_owned(), json!(lot));
        }
        self.upsert(LINE, &key(component.id, lot), &values, scope).await.map(drop)
    }

    pub(super) async fn drop_lines(&self, ids: &[i64], scope: &Scope) -> Result<(), Failure> {
        self.call(Call::write(LINE, "unlink", scope).on(ids)).await.map(drop)
    }

    async fn taken(&self, component: &ComponentMove, scope: &Scope) -> Result<Vec<Taken>, Failure> {
        let domain = vec![json!(["move_id", "=", component.id])];
        let lines = self.search(LINE, domain, &named(&["lot_id", "quantity", "picked"]), scope, None).await?;
        let ids: Vec<i64> = lines.iter().filter_map(|line| line.get("id").and_then(id_of)).collect();
        let noted = self.noted_lines(&ids).await?;
        let taken = |line: &Value| {
            let id = answer::id(line, "id")?;
            Ok(Taken {
                id,
                lot: line.get("lot_id").and_then(id_of),
                quantity: answer::quantity(line, "quantity")?,
                picked: answer::flag(line, "picked")?,
                noted: noted.contains(&id),
            })
        };
        lines.iter().map(taken).collect()
    }

    /// Those of these lines on which consumption was noted.
    pub(super) async fn noted_lines(&self, ids: &[i64]) -> Result<Vec<i64>, Failure> {
        let keys = self.external_ids(LINE, ids).await?;
        Ok(keys.into_iter().filter(|(_, key)| key.starts_with(NOTED)).map(|(id, _)| id).collect())
    }
}

/// The key of a total: of one move, from one lot.
fn key(component: i64, lot: Option<i64>) -> String {
    let lot = lot.map_or_else(|| "none".to_owned(), |lot| lot.to_string());
    format!("{NOTED}{component}-{lot}")
}

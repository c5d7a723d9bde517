//! Scrapping from one position. Odoo offers only an increment, and validating a scrap order twice scraps twice: so the order is
//! made under the key of the write, looked for before anything is done, and validated only while it is a draft.

use rust_decimal::Decimal;
use serde_json::{Value, json};

use super::answer;
use super::button::wizard;
use super::call::{Call, Scope};
use super::failure::{Failure, Refusal};
use super::inventory::{Quant, is_in};
use super::needs::ModelNeeds;
use super::number::number;
use super::record::named;
use super::transfer::held;
use super::{Map, Odoo};

/// What scrapping needs.
pub(super) const SCRAP: &[ModelNeeds] = &[
    ModelNeeds::of("stock.scrap")
        .reads(&["name", "state", "scrap_qty", "product_uom_id", "product_id", "location_id", "lot_id"])
        .writes(&["product_id", "product_uom_id", "scrap_qty", "location_id", "lot_id", "company_id", "origin"])
        .calls(&["action_validate"])
        .creates(),
    ModelNeeds::of("stock.move").reads(&["scrap_id", "state", "quantity"]),
    ModelNeeds::of("stock.quant").reads(&[
        "product_id",
        "location_id",
        "lot_id",
        "company_id",
        "quantity",
        "product_uom_id",
    ]),
    ModelNeeds::of("stock.location").reads(&["usage"]),
    ModelNeeds::of("uom.uom").reads(&["rounding"]),
    ModelNeeds::of("ir.model.data").reads(&["module", "name", "model", "res_id"]),
    ModelNeeds::of("res.company").reads(&["name"]),
];

/// What is to be scrapped, once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScrapOrder {
    /// How much, in the product's own unit.
    pub quantity: Decimal,
    /// Why, as people read it.
    pub reason: Option<String>,
    /// The key of the write: one key scraps once.
    pub external_id: String,
}

/// What stands in Odoo after scrapping.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scrapped {
    /// The scrap order, as Odoo names it.
    pub name: String,
    /// How much was scrapped.
    pub quantity: Decimal,
    /// Its unit.
    pub unit: i64,
    /// It was scrapped under this key before, so nothing was sent.
    pub already: bool,
}

impl Odoo {
    /// Scraps once under the key; a repeated call finds what the first one made.
    ///
    /// # Errors
    /// [`Failure`]; more than lies there is `Refused` and nothing is scrapped.
    pub async fn scrap(&self, position: i64, order: &ScrapOrder, scope: &Scope) -> Result<Scrapped, Failure> {
        held(order.quantity, None, "/quantity/value")?;
        if order.quantity.is_zero() {
            return Err(Failure::field(Refusal::Quantity, "/quantity/value", "nothing is not scrapped"));
        }
        // INVARIANT: ONE-EFFECT — the key is looked for before anything is done: a scrap order is no target.
        let known = self.by_external_id(&order.external_id).await.map_err(Failure::before_sending)?;
        let id = match known {
            Some((model, id)) if model == "stock.scrap" => {
                let record = self.scrap_order(id, scope).await.map_err(Failure::before_sending)?;
                if is_in(&record, "done") {
                    return self.scrapped(id, order, scope, true).await.map_err(Failure::before_sending);
                }
                id
            }
            Some((model, id)) => {
                let message = format!("the external id `{}` already names `{model}` {id}", order.external_id);
                return Err(Failure::refused(Refusal::Unsendable, message));
            }
            None => self.make_scrap_order(position, order, scope).await?,
        };
        let refusal = match self.call(Call::write("stock.scrap", "action_validate", scope).on(&[id])).await {
            // Never answered: it would scrap what is not there.
            Ok(answer) => wizard(&answer).map(|asked| short(order, &asked.to_string())),
            Err(refusal @ Failure::Refused { .. }) => Some(refusal),
            Err(failure) => return Err(failure),
        };
        if let Some(refusal) = refusal {
            return Err(self.withdraw_scrap(id, refusal, scope).await);
        }
        self.scrapped(id, order, scope, false).await.map_err(Failure::after_sending)
    }

    /// Takes the draft of a scrap order away that was refused, so that nothing is left of its write: a person who validated it
    /// later would scrap for it. Gives the refusal; where the draft stays, that is none.
    pub(super) async fn withdraw_scrap(&self, id: i64, refusal: Failure, scope: &Scope) -> Failure {
        match self.call(Call::write("stock.scrap", "unlink", scope).on(&[id])).await {
            Ok(_) => refusal,
            Err(failure) => Failure::mismatch(
                format!("scrap order {id}, which was refused,"),
                &"gone",
                &format!("{refusal}; {failure}"),
            ),
        }
    }

    async fn make_scrap_order(&self, position: i64, order: &ScrapOrder, scope: &Scope) -> Result<i64, Failure> {
        let quant = self.quant(position, scope).await.map_err(Failure::before_sending)?;
        let Some(quant) = quant else {
            let message = format!("position {position} does not exist or is not in this company");
            return Err(Failure::refused(Refusal::Missing, message));
        };
        held(order.quantity, quant.step, "/quantity/value")?;
        if quant.quantity < order.quantity {
            return Err(short(order, &format!("{} lie there", quant.quantity)));
        }
        let known = self.set_apart("stock.scrap").await.map_err(Failure::before_sending)?;
        if quant.apart.iter().any(|(field, _)| !known.contains(field)) {
            let message = "what lies in a package or is another's cannot be scrapped here".to_owned();
            return Err(Failure::refused(Refusal::Target, message));
        }
        self.books_are_open(quant.company, scope).await.map_err(Failure::before_sending)?;
        self.create("stock.scrap", &order.external_id, &values(&quant, order), scope).await
    }

    async fn scrap_order(&self, id: i64, scope: &Scope) -> Result<Value, Failure> {
        self.one("stock.scrap", id, &["name", "state", "scrap_qty", "product_uom_id"], scope).await
    }

    /// Reads back that the scrap order is done, and that it moved its quantity once.
    async fn scrapped(&self, id: i64, order: &ScrapOrder, scope: &Scope, already: bool) -> Result<Scrapped, Failure> {
        let record = self.scrap_order(id, scope).await?;
        let (name, state) = (answer::text(&record, "name")?.to_owned(), answer::text(&record, "state")?);
        if state != "done" {
            return Err(Failure::mismatch(format!("state of scrap order {name}"), &"done", &state));
        }
        let domain = vec![json!(["scrap_id", "=", id]), json!(["state", "=", "done"])];
        let moves = self.search("stock.move", domain, &named(&["quantity"]), scope, None).await?;
        let moved = moves.iter().map(|one| answer::quantity(one, "quantity")).sum::<Result<Decimal, _>>()?;
        if moved != order.quantity {
            return Err(Failure::mismatch(format!("quantity of scrap order {name}"), &order.quantity, &moved));
        }
        Ok(Scrapped { name, quantity: moved, unit: answer::id(&record, "product_uom_id")?, already })
    }
}

fn values(quant: &Quant, order: &ScrapOrder) -> Map {
    let mut values = Map::new();
    let mut set = |name: &str, value: Value| {
        values.insert(name.to_owned(), value);
    };
    set("product_id", json!(quant.product.0));
    set("product_uom_id", json!(quant.unit));
    set("scrap_qty", number(order.quantity));
    set("location_id", json!(quant.location.0));
    set("lot_id", quant.lot.as_ref().map_or(Value::Null, |(lot, _)| json!(lot)));
    for (field, id) in &quant.apart {
        set(field, json!(id));
    }
    set("company_id", json!(quant.company));
    set("origin", json!(order.reason.clone().unwrap_or_else(|| order.external_id.clone())));
    values
}

fn short(order: &ScrapOrder, why: &str) -> Failure {
    let message = format!("{} are to be scrapped: {why}", order.quantity);
    Failure::field(Refusal::Short, "/quantity/value", message)
}

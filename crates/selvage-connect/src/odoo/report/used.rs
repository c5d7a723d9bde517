//! What a report states of its components, and of what was scrapped of the product: each a total, brought about before the
//! order is booked or after, once. More than was made is never scrapped.

use rust_decimal::Decimal;
use serde_json::{Value, json};

use super::Reporting;
use crate::odoo::Map;
use crate::odoo::answer;
use crate::odoo::component::Move;
use crate::odoo::consume::ConsumptionTarget;
use crate::odoo::failure::{Failure, Refusal};
use crate::odoo::number::number;
use crate::odoo::order::OrderState;
use crate::odoo::target::{Order, ScrapTarget, booked};

const SCRAP: &str = "stock.scrap";

impl Reporting<'_> {
    /// Notes on the order what the report says of its components: the totals, without what earlier parts used.
    pub(super) async fn note_components(
        &mut self,
        order: &Order,
        quantity: Decimal,
        chain: &[Order],
    ) -> Result<(), Failure> {
        if self.target.components.is_empty() {
            return Ok(());
        }
        if booked(chain) + quantity != self.target.total {
            let message = format!("{} is made in parts: state its components part by part", order.name);
            return Err(Failure::field(Refusal::Target, "components", message));
        }
        let done: Vec<i64> = chain.iter().filter(|one| one.state == OrderState::Done).map(|one| one.id).collect();
        let before = self.lines(&done).await?;
        let mut rests = Vec::new();
        for stated in &self.target.components {
            let same = before.iter().filter(|line| line.product.0 == stated.product && line.lot == stated.lot);
            let used: Decimal = same.map(|line| line.quantity).sum();
            if used > stated.total {
                let message = format!("{used} are booked as used already, which cannot be undone to {}", stated.total);
                return Err(Failure::field(Refusal::Target, "components", message));
            }
            rests.push(ConsumptionTarget { total: stated.total - used, ..stated.clone() });
        }
        let moves = self.moves(order.id).await?;
        let steps = self.steps(&moves, order).await?;
        let stated = |one: &Move| -> Decimal {
            rests.iter().filter(|rest| rest.product == one.product.0).map(|rest| rest.total).sum()
        };
        let planned = |one: &Move| one.share(quantity, order.quantity, steps.get(&one.unit).copied());
        let is_stated = |one: &&Move| one.is_open() && rests.iter().any(|rest| rest.product == one.product.0);
        self.takes_other(order, moves.iter().filter(is_stated).find(|one| planned(one) != Some(stated(one)))).await?;
        // Of several, none is noted where one cannot be: what is refused is not half noted.
        for rest in rests.iter().filter(|_| rests.len() > 1) {
            self.odoo.can_be_noted(order.id, rest, self.scope).await.map_err(|failure| self.seen(failure))?;
        }
        for rest in &rests {
            let noted = self.odoo.note_consumption(order.id, rest, self.scope).await;
            noted.map_err(|failure| self.seen(failure))?;
            self.sent = true;
        }
        Ok(())
    }

    /// Refuses what was noted otherwise than planned, where Odoo would ask a person about it.
    pub(super) async fn takes_other(&self, order: &Order, other: Option<&Move>) -> Result<(), Failure> {
        let Some(other) = other else { return Ok(()) };
        let read = self.odoo.one("mrp.production", order.id, &["consumption"], self.scope).await;
        let policy = read.map_err(|failure| self.seen(failure))?;
        match answer::text(&policy, "consumption")? {
            "flexible" => Ok(()),
            policy => {
                let (name, component) = (&order.name, &other.product.1);
                let message = format!(
                    "another use of {component} is noted than {name} plans, and its bill of materials asks a person then (`{policy}`)"
                );
                Err(Failure::field(Refusal::Target, "components", message))
            }
        }
    }

    /// Refuses in a closed period, before the first write. What stands already was booked before it was closed.
    pub(super) async fn may_be_booked(&self, asked: &Order) -> Result<(), Failure> {
        if self.sent {
            return Ok(());
        }
        self.odoo.books_are_open(asked.company, self.scope).await.map_err(Failure::before_sending)
    }

    /// Refuses, before anything is sent, a total of scrap that cannot be reached.
    pub(super) async fn scrap_can_be(&self, asked: &Order, chain: &[Order]) -> Result<(), Failure> {
        let Some(target) = &self.target.scrapped else { return Ok(()) };
        let refused = |message: String| Err(Failure::field(Refusal::Target, "scrapped", message));
        if target.total > self.target.total {
            return refused(format!("{} are made, so {} cannot be scrapped", self.target.total, target.total));
        }
        if self.target.remainder == super::Remainder::KeepOpen {
            return refused("what is only noted is not in stock, so none of it can be scrapped".to_owned());
        }
        let scrapped = self.scrapped(asked, chain).await?;
        if scrapped > target.total {
            return refused(format!("{scrapped} are scrapped already, which cannot be undone to {}", target.total));
        }
        Ok(())
    }

    /// Scraps what the total still lacks; the total as it was read back.
    pub(super) async fn scrap(&mut self, asked: &Order, chain: &[Order]) -> Result<Option<Decimal>, Failure> {
        let Some(target) = self.target.scrapped.clone() else { return Ok(None) };
        let scrapped = self.scrapped(asked, chain).await?;
        if scrapped < target.total {
            self.may_be_booked(asked).await?;
            self.scrap_more(asked, chain, &target, target.total - scrapped).await?;
        }
        let scrapped = self.scrapped(asked, chain).await?;
        if scrapped == target.total {
            return Ok(Some(scrapped));
        }
        Err(Failure::mismatch(format!("scrapped of production order {}", asked.id), &target.total, &scrapped))
    }

    async fn scrapped(&self, asked: &Order, chain: &[Order]) -> Result<Decimal, Failure> {
        let orders: Vec<i64> = chain.iter().map(|one| one.id).chain([asked.id]).collect();
        let domain = vec![
            json!(["production_id", "in", orders]),
            json!(["product_id", "=", asked.product.0]),
            json!(["state", "=", "done"]),
        ];
        let done = self.read(SCRAP, domain, &["scrap_qty"]).await?;
        done.iter().map(|scrap| answer::quantity(scrap, "scrap_qty")).sum()
    }

    /// INVARIANT: ONE-EFFECT — a scrap order has no target of its own: it is made under a key, and carried out while it is a
    /// draft only.
    async fn scrap_more(
        &mut self,
        asked: &Order,
        chain: &[Order],
        target: &ScrapTarget,
        more: Decimal,
    ) -> Result<(), Failure> {
        let last = chain.iter().rfind(|one| one.state == OrderState::Done).unwrap_or(asked);
        let place = self.odoo.one("mrp.production", last.id, &["location_dest_id"], self.scope).await;
        let place = answer::id(&place.map_err(|failure| self.seen(failure))?, "location_dest_id")?;
        let mut values = Map::from_iter([
            ("product_id".to_owned(), json!(asked.product.0)),
            ("scrap_qty".to_owned(), number(more)),
            ("production_id".to_owned(), json!(last.id)),
            ("location_id".to_owned(), json!(place)),
            ("company_id".to_owned(), json!(asked.company)),
        ]);
        if let Some(unit) = asked.unit {
            values.insert("product_uom_id".to_owned(), json!(unit));
        }
        if let Some(lot) = &self.target.lot
            && let Some(lot) = self.find_lot(asked, lot).await?
        {
            values.insert("lot_id".to_owned(), json!(lot));
        }
        self.sent = true;
        let made = self.odoo.create(SCRAP, &target.key, &values, self.scope).await.map_err(Failure::after_sending)?;
        let draft = self.odoo.one(SCRAP, made, &["state", "scrap_qty"], self.scope).await;
        let draft = draft.map_err(Failure::after_sending)?;
        if draft.get("state").and_then(Value::as_str) == Some("draft") {
            if answer::quantity(&draft, "scrap_qty")? != more {
                let values = Map::from_iter([("scrap_qty".to_owned(), number(more))]);
                self.odoo.write(SCRAP, made, &values, self.scope).await?;
            }
            match self.odoo.act(SCRAP, "action_validate", made, self.scope).await {
                // A wizard is never answered: it would scrap what is not there.
                Err(refusal @ Failure::Refused { .. }) => {
                    return Err(self.odoo.withdraw_scrap(made, refusal, self.scope).await);
                }
                done => done?,
            }
        }
        Ok(())
    }
}

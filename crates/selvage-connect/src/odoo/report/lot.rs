//! The lot that a report produces into: named where the product is tracked, found by its name, and made if it is not there.
//! It never takes a lot of another product or company, and never lets Odoo make one up.

use rust_decimal::Decimal;
use serde_json::{Value, json};

use super::{Bench, Reporting};
use crate::odoo::Map;
use crate::odoo::answer;
use crate::odoo::call::Call;
use crate::odoo::component::{Tracking, Trackings};
use crate::odoo::failure::{Failure, Refusal};
use crate::odoo::target::Order;

impl Reporting<'_> {
    /// The lot to produce into, if it exists; refuses a lot that is missing, not wanted, or another than the order carries.
    pub(super) async fn lot_of(
        &self,
        order: &Order,
        quantity: Decimal,
        tracking: &Trackings,
    ) -> Result<Option<i64>, Failure> {
        let tracked = tracking.get(&order.product.0).copied().unwrap_or(Tracking::None);
        let product = &order.product.1;
        let refused = |message: String| Err(Failure::field(Refusal::Lot, "lot", message));
        let lot = match (tracked, &self.target.lot) {
            (Tracking::None, None) => None,
            (Tracking::None, Some(_)) => return refused(format!("{product} is not tracked, so it takes no lot")),
            (_, None) => return refused(format!("{product} is tracked, so its lot or serial number must be named")),
            (_, Some(name)) => self.find_lot(order, name).await?,
        };
        if tracked == Tracking::Serial && quantity != Decimal::ONE {
            return refused(format!("{product} has serial numbers, so it is reported one by one"));
        }
        let other = !order.lots.is_empty() && lot.is_none_or(|lot| order.lots != [lot]);
        if self.target.lot.is_some() && other && !order.producing.is_zero() {
            let noted = order.producing;
            return refused(format!("order {} already carries another lot for {noted}; book that first", order.name));
        }
        Ok(lot)
    }

    /// The id of the lot to produce into, made if it is not there yet.
    pub(super) async fn lot(&mut self, bench: &Bench) -> Result<Option<i64>, Failure> {
        let (Some(name), None) = (&self.target.lot, bench.lot) else { return Ok(bench.lot) };
        let company = self.odoo.fields("stock.lot").await.map_err(|failure| self.seen(failure))?;
        let mut values = Map::new();
        values.insert("name".to_owned(), json!(name));
        values.insert("product_id".to_owned(), json!(bench.order.product.0));
        if company.get("company_id").is_some_and(|field| field.required) {
            values.insert("company_id".to_owned(), json!(bench.order.company));
        }
        let made = self
            .send(Call::write("stock.lot", "create", self.scope).arg("vals_list", vec![Value::Object(values)]))
            .await;
        match made {
            Ok(ids) => answer::id_of(&ids)
                .map(Some)
                .ok_or_else(|| Failure::Unknown { reason: "no id of the new lot".to_owned() }),
            // The name is unique in Odoo, so somebody may have made it since it was looked for.
            Err(refusal @ Failure::Refused { kind: Refusal::Validation, .. }) => {
                self.find_lot(&bench.order, name).await?.map(Some).ok_or(refusal)
            }
            Err(failure) => Err(failure),
        }
    }

    pub(super) async fn find_lot(&self, order: &Order, name: &str) -> Result<Option<i64>, Failure> {
        let domain = vec![json!(["name", "=", name]), json!(["product_id", "=", order.product.0])];
        let found = self.read("stock.lot", domain, &["company_id"]).await?;
        let usable = |lot: &&Value| match lot.get("company_id").and_then(answer::id_of) {
            Some(company) => company == order.company,
            None => true,
        };
        found.iter().find(usable).map(|lot| answer::id(lot, "id")).transpose()
    }
}

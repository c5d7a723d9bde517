//! The account that a report gives of what stands in Odoo at its end. It sends nothing, and calls nothing done that is not
//! as it was meant.

use std::collections::BTreeMap;
use std::fmt;

use rust_decimal::Decimal;

use super::{ProductionReport, Reporting};
use crate::odoo::component::{Line, never_consumed};
use crate::odoo::failure::{Failure, Refusal};
use crate::odoo::order::OrderState;
use crate::odoo::target::{Consumed, Made, Order, booked};

impl Reporting<'_> {
    /// What stands in Odoo now, as a report. `noted` is the order that was left open on purpose.
    pub(super) async fn account(
        &mut self,
        asked: &Order,
        chain: &[Order],
        noted: Option<i64>,
    ) -> Result<ProductionReport, Failure> {
        let counted: Vec<&Order> =
            chain.iter().filter(|one| one.state == OrderState::Done || noted == Some(one.id)).collect();
        let booked_ids: Vec<i64> = chain.iter().filter(|one| one.state == OrderState::Done).map(|one| one.id).collect();
        let mut units = BTreeMap::new();
        for order in counted.iter().filter(|one| one.state == OrderState::Done) {
            let moves = self.moves(order.id).await?;
            units.extend(moves.iter().map(|one| (one.id, one.unit)));
            if let Some(missing) = never_consumed(&moves) {
                let what = format!("quantity of component {} of done order {}", missing.product.1, order.name);
                return Err(self.stands_otherwise(Refusal::Target, what, (&missing.demand, &missing.quantity)));
            }
        }
        let lots = self.lot_names(&counted).await?;
        if let Some(meant) = self.target.lot.as_ref().filter(|meant| !lots.values().any(|lot| lot == *meant)) {
            let found = lots.into_values().collect::<Vec<_>>().join(", ");
            return Err(self.stands_otherwise(
                Refusal::Lot,
                format!("lot of production order {}", asked.id),
                (meant, &found),
            ));
        }
        let quantity = |one: &Order| if one.state == OrderState::Done { one.produced } else { one.producing };
        let made = |one: &&Order| Made {
            product_id: one.product.0,
            product_label: one.product.1.clone(),
            quantity: quantity(one),
            unit: one.unit,
            lot: one.lots.first().and_then(|lot| lots.get(lot)).cloned(),
        };
        let lines = self.lines(&booked_ids).await?.into_iter().filter(|line| !line.quantity.is_zero());
        let consumed = |line: Line| Consumed {
            product_id: line.product.0,
            product_label: line.product.1,
            quantity: line.quantity,
            unit: units.get(&line.of).copied(),
            lot: line.lot,
        };
        let progress: Decimal = chain.iter().filter(|one| noted == Some(one.id)).map(|one| one.producing).sum();
        Ok(ProductionReport {
            order_id: asked.id,
            order_state: chain.iter().find(|one| one.id == asked.id).map_or(asked.state, |one| one.state),
            produced_total: booked(chain) + progress,
            unit: asked.unit,
            components: lines.map(consumed).collect(),
            finished: counted.iter().map(made).collect(),
            lot: self.target.lot.clone(),
            scrapped_total: None,
            backorder: chain.iter().find(|one| one.state.is_open() && one.id != asked.id).map(|one| one.id),
            already: !self.sent,
        })
    }

    /// What stands is not what was meant: a mismatch after something was sent; otherwise others did it before, and this report
    /// is refused.
    fn stands_otherwise(
        &self,
        kind: Refusal,
        what: String,
        (meant, found): (&dyn fmt::Display, &dyn fmt::Display),
    ) -> Failure {
        if self.sent {
            return Failure::mismatch(what, meant, found);
        }
        Failure::refused(kind, format!("the total is booked already, and the {what} is `{found}`, not `{meant}`"))
    }
}

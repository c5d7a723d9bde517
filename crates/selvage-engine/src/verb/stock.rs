//! What the verbs of purchasing, sales and stock bring their records to: goods moved in total, what was counted, what is thrown
//! away once, and where a lot lies. Each has its module; here they are told apart.

use selvage_connect::odoo::{Failure, Scope as CallScope, ScrapOrder, Trade, TransferTarget};
use selvage_model::Decimal;
use selvage_model::problem::FieldError;
use selvage_model::verb::Verb;
use serde_json::Value;

use super::position::{self, Waste};
use super::target::{Sent, Way};
use super::{quarantine, transfer};
use crate::body::unfit;
use crate::job::Job;
use crate::reach::{Found, Reach};
use crate::trouble::Trouble;

/// What goods, positions and lots come to.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Stock {
    /// Received or shipped, in total.
    Transfer(TransferTarget),
    /// Counted at a position.
    Count(Decimal),
    /// Thrown away, once.
    Waste(Waste),
    /// Where a lot lies.
    Lot(quarantine::Way),
}

/// Everything that is wrong with the body of such a verb, as far as it can be said without its record.
pub(crate) fn check(verb: Verb, body: &Value) -> Vec<FieldError> {
    let errors = match verb {
        Verb::AdjustPosition => position::read(body, false).err(),
        Verb::ScrapPosition => position::read(body, true).err(),
        Verb::QuarantineLot => quarantine::read(body, false).err(),
        Verb::ReleaseLot => quarantine::read(body, true).err(),
        _ => transfer::read(body).err(),
    };
    errors.unwrap_or_default()
}

impl Stock {
    /// The target that a body states for the record that was found.
    pub(crate) async fn aim(
        verb: Verb,
        job: &Job,
        reach: &Reach,
        (found, companies): (&Found, &[i64]),
    ) -> Result<Self, Trouble> {
        let (body, wrong) = (&job.asked.body, |errors| unfit(errors, "the body"));
        let scope = CallScope { companies: companies.to_vec(), active_test: true };
        let (trade, order) = match verb {
            Verb::AdjustPosition => {
                return Ok(Self::Count(position::read(body, false).map_err(wrong)?.quantity(reach, found)?));
            }
            Verb::ScrapPosition => {
                return Ok(Self::Waste(position::read(body, true).map_err(wrong)?.waste(reach, found)?));
            }
            Verb::QuarantineLot | Verb::ReleaseLot => {
                let errand = quarantine::read(body, verb == Verb::ReleaseLot).map_err(wrong)?;
                return Ok(Self::Lot(errand.way(job, reach, companies).await?));
            }
            Verb::ShipShipment => {
                let order = reach.odoo.order_of_shipment(found.id, &scope);
                (Trade::Sale, reach.served.connection.ask(order).await?)
            }
            Verb::ShipSale => (Trade::Sale, found.id),
            _ => (Trade::Purchase, found.id),
        };
        let totals = transfer::read(body).map_err(wrong)?;
        Ok(Self::Transfer(totals.target(trade, order, reach, &scope).await?))
    }

    /// In the form that its effect keeps.
    pub(crate) fn keep(&self) -> Value {
        match self {
            Self::Transfer(target) => transfer::keep(target),
            Self::Count(quantity) => position::keep(*quantity, None),
            Self::Waste(waste) => position::keep(waste.quantity, waste.reason.as_deref()),
            Self::Lot(way) => way.keep(),
        }
    }

    /// The target that an effect of this verb kept.
    pub(crate) fn kept(verb: Verb, kept: &Value) -> Option<Self> {
        match verb {
            Verb::AdjustPosition => position::kept(kept).map(|(quantity, _)| Self::Count(quantity)),
            Verb::ScrapPosition => {
                position::kept(kept).map(|(quantity, reason)| Self::Waste(Waste { quantity, reason }))
            }
            Verb::QuarantineLot | Verb::ReleaseLot => quarantine::Way::kept(kept).map(Self::Lot),
            _ => transfer::kept(kept).map(Self::Transfer),
        }
    }

    /// Brings the record to it.
    pub(crate) async fn send(&self, verb: Verb, way: &Way<'_>) -> Result<Sent, Failure> {
        let Way { odoo, id, scope, job, .. } = way;
        let id = *id;
        let added = match self {
            Self::Transfer(target) => {
                let report = match verb {
                    Verb::ShipSale => odoo.ship(id, target, scope).await?,
                    Verb::ShipShipment => odoo.ship_shipment(id, target, scope).await?,
                    _ => odoo.receive(id, target, scope).await?,
                };
                transfer::show(&report)
            }
            Self::Count(quantity) => position::show_count(&odoo.adjust(id, *quantity, scope).await?),
            Self::Waste(waste) => {
                let (quantity, reason) = (waste.quantity, waste.reason.clone());
                let order = ScrapOrder { quantity, reason, external_id: job.external_id() };
                position::show_scrap(&odoo.scrap(id, &order, scope).await?)
            }
            Self::Lot(errand) => {
                let relocation = errand.relocation(job.external_id());
                let scope = CallScope { companies: vec![relocation.company], active_test: true };
                quarantine::show(&odoo.relocate_lot(id, &relocation, &scope).await?)
            }
        };
        Ok(Sent::adding(added))
    }

    /// What was read back where that is there already.
    pub(crate) async fn stands(&self, way: &Way<'_>) -> Result<Option<Sent>, Failure> {
        let Self::Count(quantity) = self else { return Ok(None) };
        let (lies, unit) = way.odoo.lies_at(way.id, &way.scope).await?;
        Ok((lies == *quantity).then(|| Sent::adding(position::show_found(lies, unit))))
    }
}

//! What a verb is to bring its record to: read from the body, kept with the effect, sent, and told as it was read back.
//! The one place that knows every verb; each has its module. It states targets, never increments.

use selvage_connect::odoo::{ConsumptionTarget, Failure, FieldTarget, Odoo, ProductionTarget, Scope as CallScope};
use selvage_model::problem::FieldError;
use selvage_model::verb::Verb;
use serde_json::{Value, json};

use super::revise::{self, Revision};
use super::stock::{self, Stock};
use super::{consume, report, update};
use crate::body::unknown_members;
use crate::job::Job;
use crate::reach::{Found, Reach};
use crate::trouble::Trouble;

/// What a record is to come to.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Target {
    /// The state that the verb is the name of.
    State,
    /// Fields with their values.
    Fields(FieldTarget),
    /// Produced, in total.
    Production(ProductionTarget),
    /// Consumed of a component, in total.
    Consumption(ConsumptionTarget),
    /// Another record in the place of this one.
    Revision(Revision),
    /// Goods, positions and lots.
    Stock(Stock),
}

/// What came of sending.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Sent {
    /// What was read back beside the record, where the verb adds that to its answer.
    pub(crate) added: Option<Value>,
    /// The record that was made, where that is the one to be shown.
    pub(crate) made: Option<i64>,
}

/// What a target is brought about with.
pub(crate) struct Way<'a> {
    /// The handle, for as long as the write is surely held.
    pub(crate) odoo: Odoo,
    /// What the system calls the record.
    pub(crate) record: &'a str,
    /// Its id.
    pub(crate) id: i64,
    /// In which companies.
    pub(crate) scope: CallScope,
    /// The write that it is for: its system, and the key that it leaves there.
    pub(crate) job: &'a Job,
}

/// Everything that is wrong with the body of a verb, as far as it can be said without its record.
pub(crate) fn check(verb: Verb, body: Option<&Value>) -> Vec<FieldError> {
    match verb {
        // These are checked with their object.
        Verb::Update | Verb::ReviseBill => Vec::new(),
        Verb::Archive
        | Verb::ReleaseProduction
        | Verb::CancelProduction
        | Verb::CloseMaintenance
        | Verb::StartWork
        | Verb::PauseWork
        | Verb::FinishWork
        | Verb::ReleasePurchase
        | Verb::ReleaseSale => unknown_members(body, &[]),
        Verb::ReportProduction => report::read(body.unwrap_or(&Value::Null)).err().unwrap_or_default(),
        Verb::ConsumeComponent => consume::read(body.unwrap_or(&Value::Null)).err().unwrap_or_default(),
        Verb::ReceivePurchase
        | Verb::ShipSale
        | Verb::ShipShipment
        | Verb::AdjustPosition
        | Verb::ScrapPosition
        | Verb::QuarantineLot
        | Verb::ReleaseLot => stock::check(verb, body.unwrap_or(&Value::Null)),
    }
}

impl Target {
    /// The target that a body states for the record that was found.
    pub(crate) async fn aim(
        verb: Verb,
        job: &Job,
        reach: &Reach,
        (found, companies): (&Found, &[i64]),
    ) -> Result<Self, Trouble> {
        match verb {
            Verb::Update => update::aim(job, reach, found, companies).await.map(Self::Fields),
            Verb::ReviseBill => revise::aim(job, reach, found, companies).await.map(Self::Revision),
            Verb::Archive => {
                update::may_archive(reach, found)?;
                Ok(Self::State)
            }
            Verb::ReleaseProduction
            | Verb::CancelProduction
            | Verb::CloseMaintenance
            | Verb::StartWork
            | Verb::PauseWork
            | Verb::FinishWork
            | Verb::ReleasePurchase
            | Verb::ReleaseSale => Ok(Self::State),
            Verb::ReportProduction => {
                let report =
                    report::read(&job.asked.body).map_err(|errors| crate::body::unfit(errors, "the report"))?;
                let mut target = report.target(&reach.served.object, &found.canonical, job.external_id())?;
                for (index, stated) in report.components.iter().enumerate() {
                    let aimed = consume::aim(stated, reach, (found, companies)).await;
                    target.components.push(aimed.map_err(|trouble| consume::among(index, trouble))?);
                }
                Ok(Self::Production(target))
            }
            Verb::ConsumeComponent => {
                let stated = consume::read(&job.asked.body);
                let stated = stated.map_err(|errors| crate::body::unfit(errors, "the consumption"))?;
                consume::aim(&stated, reach, (found, companies)).await.map(Self::Consumption)
            }
            Verb::ReceivePurchase
            | Verb::ShipSale
            | Verb::ShipShipment
            | Verb::AdjustPosition
            | Verb::ScrapPosition
            | Verb::QuarantineLot
            | Verb::ReleaseLot => Stock::aim(verb, job, reach, (found, companies)).await.map(Self::Stock),
        }
    }

    /// In the form that its effect keeps.
    pub(crate) fn keep(&self) -> Value {
        match self {
            Self::State => json!({}),
            Self::Fields(target) => update::keep(target),
            Self::Production(target) => report::keep(target),
            Self::Consumption(target) => consume::keep(target),
            Self::Revision(revision) => revise::keep(revision),
            Self::Stock(stock) => stock.keep(),
        }
    }

    /// The target that an effect of this verb kept.
    pub(crate) fn kept(verb: Verb, kept: &Value) -> Option<Self> {
        match verb {
            Verb::Update => update::kept(kept).map(Self::Fields),
            Verb::Archive
            | Verb::ReleaseProduction
            | Verb::CancelProduction
            | Verb::CloseMaintenance
            | Verb::StartWork
            | Verb::PauseWork
            | Verb::FinishWork
            | Verb::ReleasePurchase
            | Verb::ReleaseSale => Some(Self::State),
            Verb::ReportProduction => report::kept(kept).map(Self::Production),
            Verb::ConsumeComponent => consume::kept(kept).map(Self::Consumption),
            Verb::ReviseBill => revise::kept(kept).map(Self::Revision),
            Verb::ReceivePurchase
            | Verb::ShipSale
            | Verb::ShipShipment
            | Verb::AdjustPosition
            | Verb::ScrapPosition
            | Verb::QuarantineLot
            | Verb::ReleaseLot => Stock::kept(verb, kept).map(Self::Stock),
        }
    }

    /// Brings the record to it.
    pub(crate) async fn send(&self, verb: Verb, way: &Way<'_>) -> Result<Sent, Failure> {
        let Way { odoo, record, id, scope, .. } = way;
        let id = *id;
        match (verb, self) {
            (Verb::Update, Self::Fields(target)) => odoo.update(record, id, target, scope).await?,
            (Verb::Archive, _) => odoo.archive(record, id, scope).await?,
            (Verb::ReleaseProduction, _) => odoo.release_production_order(id, scope).await.map(drop)?,
            (Verb::CancelProduction, _) => odoo.cancel_production_order(id, scope).await.map(drop)?,
            (Verb::CloseMaintenance, _) => odoo.close_maintenance_request(id, scope).await?,
            (Verb::StartWork, _) => odoo.start_work_order(id, scope).await.map(drop)?,
            (Verb::PauseWork, _) => odoo.pause_work_order(id, scope).await.map(drop)?,
            (Verb::FinishWork, _) => odoo.finish_work_order(id, scope).await.map(drop)?,
            (Verb::ReleasePurchase, _) => odoo.release_purchase_order(id, scope).await?,
            (Verb::ReleaseSale, _) => odoo.release_sales_order(id, scope).await?,
            (verb, Self::Stock(stock)) => return stock.send(verb, way).await,
            (Verb::ReportProduction, Self::Production(target)) => {
                let reported = odoo.report_production(id, target, scope).await?;
                return Ok(Sent::adding(report::show(&reported, way.job.system().as_str())));
            }
            (Verb::ConsumeComponent, Self::Consumption(target)) => {
                return odoo.note_consumption(id, target, scope).await.map(|noted| Sent::adding(consume::show(&noted)));
            }
            (Verb::ReviseBill, Self::Revision(revision)) => {
                let made = odoo.revise_bill(id, &revision.values, &way.job.external_id(), scope).await?;
                let replaces = json!(format!("{}-{id}", way.job.system()));
                return Ok(Sent { added: Some(replaces), made: Some(made) });
            }
            _ => return Err(unstated()),
        }
        Ok(Sent::default())
    }
}

impl Target {
    /// What was read back where the record is at it already, without sending anything; for verbs that are not sent again.
    pub(crate) async fn stands(&self, way: &Way<'_>) -> Result<Option<Sent>, Failure> {
        match self {
            Self::Stock(stock) => stock.stands(way).await,
            _ => Ok(None),
        }
    }
}

impl Sent {
    /// Done, and this was read back beside the record.
    pub(crate) fn adding(added: Value) -> Self {
        Self { added: Some(added), made: None }
    }
}

fn unstated() -> Failure {
    Failure::Protocol { reason: "the verb has another target".to_owned() }
}

#[cfg(test)]
mod tests {
    use selvage_connect::odoo::of_verb;

    use super::*;

    #[test]
    fn the_connector_says_of_each_verb_what_it_needs() {
        for verb in Verb::all() {
            // A verb of any record needs what its mapping needs.
            let (operation, Some(record)) = (verb.operation().unwrap(), verb.record()) else { continue };
            assert!(of_verb(operation.as_str(), record).is_some(), "{verb:?}");
        }
    }

    #[test]
    fn a_verb_of_state_takes_no_body() {
        assert_eq!(check(Verb::PauseWork, None), []);
        assert_eq!(check(Verb::PauseWork, Some(&json!({}))), []);
        assert_eq!(check(Verb::PauseWork, Some(&json!({"why": 1}))).len(), 1);
        assert_eq!(Target::kept(Verb::PauseWork, &Target::State.keep()), Some(Target::State));
    }
}

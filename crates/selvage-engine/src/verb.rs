//! Verbs on one record: release, start, finish, report. Each states a target, so that doing it again changes only what
//! is missing; writes on one record take effect one after the other.

pub(crate) mod report;

use std::time::{Duration, Instant};

use selvage_connect::odoo::{Failure, ProductionTarget, Scope as CallScope, Sure};
use selvage_mapping::LinkQuery;
use selvage_model::code;
use selvage_model::manifest::api::Operation;
use selvage_model::operation::{OperationId, StoredAnswer};
use selvage_model::problem::Problem;
use selvage_store::{Lane, NewEffect, StoreError};
use serde_json::{Value, json};
use tokio::sync::OwnedMutexGuard;

use crate::deed::Shown;
use crate::job::{Job, Unread};
use crate::persist::persist;
use crate::reach::Reach;
use crate::scope;
use crate::trouble::Trouble;

/// How long another write on the record, which is being worked on, is waited for. It may be a dead node's, and whoever
/// takes that over needs room.
const LANE_PATIENCE: Duration = Duration::from_secs(10);
const LANE_PAUSE: Duration = Duration::from_millis(50);

/// A verb under way.
pub(crate) struct Verb {
    plan: Option<Plan>,
    lane: Option<OwnedMutexGuard<()>>,
    report: Option<Value>,
}

struct Plan {
    record: String,
    id: i64,
    companies: Vec<i64>,
    target: Option<ProductionTarget>,
}

impl Verb {
    /// Not yet prepared.
    pub(crate) fn new() -> Self {
        Self { plan: None, lane: None, report: None }
    }

    /// From the effect that was recorded before.
    pub(crate) fn restore(effect: &NewEffect) -> Option<Self> {
        let companies = effect.target.get("companies")?.as_array()?.iter().filter_map(Value::as_i64).collect();
        let plan = Plan {
            record: effect.target.get("record")?.as_str()?.to_owned(),
            id: effect.target.get("id")?.as_i64()?,
            companies,
            target: effect.target.get("report").and_then(report::kept),
        };
        Some(Self { plan: Some(plan), lane: None, report: None })
    }

    /// Finds the record within the rows, and brings a report into its unit.
    pub(crate) async fn prepare(&mut self, job: &Job) -> Result<(), Trouble> {
        let reach = job.reach().await?;
        let found = reach.find(job.asked.id.as_deref().unwrap_or_default(), &job.asked.scope).await?;
        let target = match job.kind {
            Operation::Report => {
                let report = report::read(&job.asked.body).map_err(|errors| {
                    let detail = "the report cannot be read";
                    Problem::new(422, code::BODY_UNFIT, detail).with_errors(errors)
                })?;
                Some(report.target(&reach.served.object, &found.canonical)?)
            }
            _ => None,
        };
        let companies = companies(&reach, &found.record).await?;
        self.plan = Some(Plan { record: reach.mapping.record().to_owned(), id: found.id, companies, target });
        Ok(())
    }

    /// Waits until no other write on the record is under way, in this node and then in any, and refuses to overtake one
    /// whose outcome is not known: done late, it would undo this one.
    pub(crate) async fn enter_lane(&mut self, job: &Job, epoch: i64) -> Result<Result<(), Problem>, StoreError> {
        let (Some(plan), None) = (&self.plan, &self.lane) else { return Ok(Ok(())) };
        let key = (job.system().clone(), plan.record.clone(), plan.id);
        let lane = format!("{}/{}/{}", key.0, key.1, key.2);
        let local = job.shared.lanes.enter(key).await;
        let since = Instant::now();
        loop {
            let enter = || job.shared.store.enter_lane(&job.operation, epoch, &lane);
            match persist(enter).await? {
                Lane::Entered => {
                    self.lane = Some(local);
                    return Ok(Ok(()));
                }
                Lane::Occupied { under_way: true, .. } if since.elapsed() < LANE_PATIENCE => {
                    tokio::time::sleep(LANE_PAUSE).await;
                }
                Lane::Occupied { by, .. } => return Ok(Err(occupied(&by))),
            }
        }
    }

    /// The effect as it is recorded before anything is sent.
    pub(crate) fn effect(&self, job: &Job) -> Option<NewEffect> {
        let plan = self.plan.as_ref()?;
        let report = plan.target.as_ref().map(report::keep);
        Some(NewEffect {
            system: job.system().clone(),
            verb: job.kind.as_str().to_owned(),
            target: json!({"record": plan.record, "id": plan.id, "companies": plan.companies, "report": report}),
            external_id: None,
        })
    }

    /// Whether the system answers for the record.
    pub(crate) async fn reachable(&self, job: &Job) -> Result<(), Failure> {
        let Some(plan) = &self.plan else { return Err(unplanned()) };
        let odoo = job.odoo();
        let scope = CallScope { companies: plan.companies.clone(), active_test: false };
        let fields = ["write_date".to_owned()];
        match job.served.connection.ask(odoo.read(&plan.record, &[plan.id], &fields, &scope)).await {
            // What is refused here, the verb will be told too.
            Ok(_) | Err(Failure::Refused { .. }) => Ok(()),
            Err(failure) => Err(failure),
        }
    }

    /// Brings the record to the target; what is there already is left as it is.
    pub(crate) async fn send(&mut self, job: &Job, sure: Sure) -> Result<(), Failure> {
        let Some(plan) = &self.plan else { return Err(unplanned()) };
        let connection = &job.served.connection;
        let odoo = job.odoo().while_sure(sure);
        let scope = CallScope { companies: plan.companies.clone(), active_test: true };
        match (job.kind, &plan.target) {
            (Operation::Release, _) => connection.ask(odoo.release_production_order(plan.id, &scope)).await.map(drop),
            (Operation::Start, _) => connection.ask(odoo.start_work_order(plan.id, &scope)).await.map(drop),
            (Operation::Finish, _) => connection.ask(odoo.finish_work_order(plan.id, &scope)).await.map(drop),
            (Operation::Report, Some(target)) => {
                let reported = Box::pin(odoo.report_production(plan.id, target, &scope));
                let reported = connection.ask(reported).await?;
                self.report = Some(report::show(&reported, job.system().as_str()));
                Ok(())
            }
            (Operation::Report | Operation::Create | Operation::List | Operation::Get, _) => Err(unplanned()),
        }
    }

    /// Reads the record back. The connector has compared it with the target.
    pub(crate) async fn read_back(&self, job: &Job) -> Result<Shown, Unread> {
        let Some(plan) = &self.plan else { return Err(Unread::Trouble(unplanned().into())) };
        let reach = job.reach().await?;
        let scope = CallScope { companies: plan.companies.clone(), active_test: false };
        let Some(found) = reach.by_id(plan.id, &scope, &job.asked.scope).await? else {
            return Err(Unread::Differs(format!("`{}` {} is no longer there", plan.record, plan.id)));
        };
        let mut body = found.canonical;
        scope::strip(&job.asked.scope, &mut body);
        if let (Some(report), Some(members)) = (&self.report, body.as_object_mut()) {
            let mut report = report.clone();
            scope::strip_deep(&job.asked.scope, &mut report);
            members.insert("report".to_owned(), report);
        }
        let evidence = json!({"record": plan.record, "id": plan.id, "report": self.report});
        Ok(Shown { answer: StoredAnswer { status: 200, body, location: None }, reference: None, evidence })
    }

    /// Where a person finds what may have been done.
    pub(crate) fn whereabouts(&self) -> Option<String> {
        self.plan.as_ref().map(|plan| format!("look at `{}` {}", plan.record, plan.id))
    }
}

fn occupied(by: &OperationId) -> Problem {
    let detail = format!("an earlier write on this record has no known outcome yet: see operation `{by}`");
    Problem::new(503, code::RECORD_UNSETTLED, detail).retry_after(5)
}

fn unplanned() -> Failure {
    Failure::Protocol { reason: "the verb was not prepared".to_owned() }
}

/// The record's own company, where its object says its site; otherwise those of every site.
async fn companies(reach: &Reach, record: &Value) -> Result<Vec<i64>, Trouble> {
    let own = reach.mapping.links(record).into_iter().find_map(|question| match question {
        LinkQuery::Site { company } => Some(company),
        _ => None,
    });
    match own {
        Some(company) => Ok(vec![company]),
        None => Ok(reach.call_scope(None).await?.companies),
    }
}

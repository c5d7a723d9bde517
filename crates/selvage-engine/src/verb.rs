//! Verbs on one record, under way. Each brings its record to a target, so that doing it again changes only what is
//! missing; writes on one record take effect one after the other. What a verb's target is stands in `target`.

mod amount;
mod consume;
mod position;
mod quarantine;
pub(crate) mod report;
mod revise;
pub(crate) mod sets;
mod stock;
pub(crate) mod target;
mod told;
mod transfer;
mod update;
mod wrote;

use std::time::{Duration, Instant};

use selvage_connect::odoo::{Failure, Scope as CallScope, Sure};
use selvage_mapping::LinkQuery;
use selvage_model::code;
use selvage_model::operation::{OperationId, StoredAnswer};
use selvage_model::problem::Problem;
use selvage_model::verb::{self, Verb};
use selvage_store::{Lane, NewEffect, StoreError};
use serde_json::{Value, json};
use tokio::sync::OwnedMutexGuard;

use crate::create;
use crate::deed::{Left, Shown, Stood};
use crate::etag;
use crate::job::{Job, Unread};
use crate::persist::persist;
use crate::reach::{Found, Reach};
use crate::scope;
use crate::state::Proof;
use crate::trouble::Trouble;
use target::{Target, Way};

/// How long another write on the record, which is being worked on, is waited for. It may be a dead node's, and whoever
/// takes that over needs room.
const LANE_PATIENCE: Duration = Duration::from_secs(10);
const LANE_PAUSE: Duration = Duration::from_millis(50);

/// A verb under way.
pub(crate) struct Act {
    /// None where the record that is served has no such verb: then it is refused.
    verb: Option<Verb>,
    plan: Option<Plan>,
    /// The record as it was found, until its target is known.
    found: Option<Found>,
    target: Option<Target>,
    lane: Option<OwnedMutexGuard<()>>,
    /// What was read back beside the record.
    added: Option<Value>,
    /// The record that was made, where that is the one to be shown.
    made: Option<i64>,
    /// How the record stood before anything was sent, for captures of it.
    stood: Stood,
    /// The effect was recorded by another drive, which may have sent it.
    restored: bool,
}

struct Plan {
    record: String,
    id: i64,
    companies: Vec<i64>,
}

impl Act {
    /// Not yet prepared.
    pub(crate) fn new(verb: Option<Verb>) -> Self {
        let stood = Stood::default();
        Self {
            verb,
            plan: None,
            found: None,
            target: None,
            lane: None,
            added: None,
            made: None,
            stood,
            restored: false,
        }
    }

    /// From the effect that was recorded before.
    pub(crate) fn restore(verb: Verb, effect: &NewEffect) -> Option<Self> {
        let companies = effect.target.get("companies")?.as_array()?.iter().filter_map(Value::as_i64).collect();
        let plan = Plan {
            record: effect.target.get("record")?.as_str()?.to_owned(),
            id: effect.target.get("id")?.as_i64()?,
            companies,
        };
        let target = Target::kept(verb, effect.target.get("target")?)?;
        let stood = effect.target.get("stood").and_then(Value::as_str);
        let stood = stood.map_or(Stood::Unknown, |stood| Stood::So(stood.to_owned()));
        Some(Self { plan: Some(plan), target: Some(target), stood, restored: true, ..Self::new(Some(verb)) })
    }

    /// How it is told from its repetition. A verb that leaves a key looks for it in every call, so it is repeated like one
    /// that states a target.
    pub(crate) fn proof(&self) -> Proof {
        match self.verb.map(Verb::proof) {
            Some(verb::Proof::Target | verb::Proof::Key) => Proof::Target,
            Some(verb::Proof::AtRisk) | None => Proof::AtRisk,
        }
    }

    /// Finds the record within the rows.
    pub(crate) async fn prepare(&mut self, job: &Job) -> Result<(), Trouble> {
        let reach = job.reach().await?;
        let (key, within) = (job.asked.id.as_deref().unwrap_or_default(), &job.asked.scope);
        let found = match self.verb {
            // So that what is archived can be archived again, and taken out again.
            Some(Verb::Archive | Verb::Update) => reach.find_archived_too(key, within).await?,
            _ => reach.find(key, within).await?,
        };
        let companies = companies(&reach, &found.record).await?;
        self.plan = Some(Plan { record: reach.mapping.record().to_owned(), id: found.id, companies });
        self.found = Some(found);
        Ok(())
    }

    /// Waits until no other write on the record is under way, in this node and then in any, and refuses to overtake one
    /// whose outcome is not known: done late, it would undo this one. Only then is it known what is to be reached.
    pub(crate) async fn enter_lane(&mut self, job: &Job, epoch: i64) -> Result<Result<(), Trouble>, StoreError> {
        let Some(plan) = &self.plan else { return Ok(Ok(())) };
        if self.lane.is_none() {
            let key = (job.system().clone(), plan.record.clone(), plan.id);
            let lane = format!("{}/{}/{}", key.0, key.1, key.2);
            let local = job.shared.lanes.enter(key).await;
            if let Some(by) = occupied(job, epoch, &lane).await? {
                return Ok(Err(Trouble::Later(unsettled(&by))));
            }
            self.lane = Some(local);
        }
        Ok(match Box::pin(self.aim(job)).await {
            Ok(()) => Box::pin(self.look(job)).await,
            Err(trouble) => Err(trouble),
        })
    }

    /// Sees how the record stands, where captures tell of it. INVARIANT: NOTHING-LOST: what is other than they told last, somebody else
    /// has changed. Whoever goes on for another goes by what that one saw.
    async fn look(&mut self, job: &Job) -> Result<(), Trouble> {
        let Some(plan) = &self.plan else { return Ok(()) };
        if self.restored || !job.active.is_captured(job.system(), &plan.record) {
            return Ok(());
        }
        let reach = job.reach().await?;
        let scope = CallScope { companies: plan.companies.clone(), active_test: false };
        self.stood = match reach.by_id(plan.id, &scope, &job.asked.scope).await {
            Ok(found) => found.map_or(Stood::Unknown, |found| Stood::of(&reach, &found)),
            // It cannot be read as the object: then it is not known by it either.
            Err(Trouble::Refusal(_)) => Stood::Unknown,
            Err(trouble) => return Err(trouble),
        };
        Ok(())
    }

    /// What the record is to come to, where that is not known yet.
    async fn aim(&mut self, job: &Job) -> Result<(), Trouble> {
        let (Some(verb), Some(plan), Some(found)) = (self.verb, &self.plan, &self.found) else { return Ok(()) };
        if self.target.is_some() {
            return Ok(());
        }
        let reach = job.reach().await?;
        let stands = match verb == Verb::Update || job.asked.if_match.is_some() {
            true => Some(now(&reach, job, plan).await?),
            false => None,
        };
        let found = stands.as_ref().unwrap_or(found);
        let mut shown = found.canonical.clone();
        scope::strip(&job.asked.scope, &mut shown);
        etag::check(job.asked.if_match.as_deref(), &shown)?;
        self.target = Some(Target::aim(verb, job, &reach, (found, &plan.companies)).await?);
        Ok(())
    }

    /// The effect as it is recorded before anything is sent.
    pub(crate) fn effect(&self, job: &Job) -> Option<NewEffect> {
        let (plan, target, verb) = (self.plan.as_ref()?, self.target.as_ref()?, self.verb?);
        let mut kept =
            json!({"record": plan.record, "id": plan.id, "companies": plan.companies, "target": target.keep()});
        if let (Stood::So(stood), Some(members)) = (&self.stood, kept.as_object_mut()) {
            members.insert("stood".to_owned(), Value::from(stood.as_str()));
        }
        Some(NewEffect {
            system: job.system().clone(),
            verb: job.kind.as_str().to_owned(),
            target: kept,
            external_id: (verb.proof() == verb::Proof::Key).then(|| job.external_id()),
        })
    }

    /// Whether what was meant is there by now. Of a verb that may be sent again that is never said: doing it again looks
    /// first. It is only seen whether the system answers for the record, so that a system that is down costs no send.
    pub(crate) async fn probe(&mut self, job: &Job) -> Result<bool, Failure> {
        self.reachable(job).await?;
        let (Some(plan), Some(target), Proof::AtRisk) = (&self.plan, &self.target, self.proof()) else {
            return Ok(false);
        };
        let scope = CallScope { companies: plan.companies.clone(), active_test: true };
        let way = Way { odoo: job.odoo(), record: &plan.record, id: plan.id, scope, job };
        let stands = job.served.connection.ask(Box::pin(target.stands(&way))).await?;
        let found = stands.is_some();
        self.added = stands.and_then(|sent| sent.added);
        Ok(found)
    }

    async fn reachable(&self, job: &Job) -> Result<(), Failure> {
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
        let (Some(plan), Some(target), Some(verb)) = (&self.plan, &self.target, self.verb) else {
            return Err(unplanned());
        };
        let way = Way {
            odoo: job.odoo().while_sure(sure),
            record: &plan.record,
            id: plan.id,
            scope: CallScope { companies: plan.companies.clone(), active_test: true },
            job,
        };
        let sent = job.served.connection.ask(Box::pin(target.send(verb, &way))).await?;
        (self.added, self.made) = (sent.added, sent.made);
        Ok(())
    }

    /// Reads the record back. The connector has compared it with the target.
    pub(crate) async fn read_back(&self, job: &Job) -> Result<Shown, Unread> {
        let Some(plan) = &self.plan else { return Err(Unread::Trouble(unplanned().into())) };
        let reach = job.reach().await?;
        let scope = CallScope { companies: plan.companies.clone(), active_test: false };
        let id = self.made.unwrap_or(plan.id);
        let added = match &self.added {
            Some(added) => Some(told::named(&reach, added.clone()).await?),
            None => None,
        };
        let Some(found) = reach.by_id(id, &scope, &job.asked.scope).await? else {
            if self.verb.is_some_and(Verb::may_end_its_record) {
                return Ok(self.shown(job, plan, (gone(&reach, job), added), None, None));
            }
            return Err(Unread::Differs(format!("`{}` {id} is no longer there", plan.record)));
        };
        if let Some(Target::Revision(revision)) = &self.target
            && let Some(difference) = create::differs(&reach, &revision.body, &plan.companies, &found).await?
        {
            return Err(Unread::Differs(difference));
        }
        let location = self.made.and_then(|_| create::location(&reach, &found.canonical));
        let left = match (self.made, self.verb, &self.target) {
            (Some(_), ..) => Left::of(&reach, &found, Stood::Nothing, None),
            (None, Some(verb), Some(target)) => {
                let wrote = wrote::attributes(verb, target, &reach, &found.record);
                Left::of(&reach, &found, self.stood.clone(), Some(wrote))
            }
            _ => Left::of(&reach, &found, Stood::Unknown, None),
        };
        Ok(self.shown(job, plan, (found.canonical, added), location, Some(left)))
    }

    /// The answer: the record, and what was read back beside it.
    fn shown(
        &self,
        job: &Job,
        plan: &Plan,
        (mut body, added): (Value, Option<Value>),
        location: Option<String>,
        left: Option<Left>,
    ) -> Shown {
        let id = self.made.unwrap_or(plan.id);
        scope::strip(&job.asked.scope, &mut body);
        let adds = self.verb.and_then(Verb::adds);
        if let (Some(member), Some(added), Some(members)) = (adds, &added, body.as_object_mut()) {
            let mut added = added.clone();
            scope::strip_deep(&job.asked.scope, &mut added);
            members.insert(member.to_owned(), added);
        }
        let evidence = json!({"record": plan.record, "id": id, "added": added});
        let status = if self.made.is_some() { 201 } else { 200 };
        Shown { answer: StoredAnswer { status, body, location }, reference: None, evidence, left }
    }

    /// Where a person finds what may have been done.
    pub(crate) fn whereabouts(&self) -> Option<String> {
        let plan = self.plan.as_ref()?;
        let look = format!("look at `{}` {}", plan.record, plan.id);
        match (self.proof(), &self.target) {
            (Proof::AtRisk, Some(target)) => {
                let meant = target.keep();
                Some(format!("it is at-risk, so it is not sent again: {look}, which was to come to {meant}"))
            }
            _ => Some(look),
        }
    }
}

/// Enters the record's lane, or says who is in it for too long.
async fn occupied(job: &Job, epoch: i64, lane: &str) -> Result<Option<OperationId>, StoreError> {
    let since = Instant::now();
    loop {
        let enter = || job.shared.store.enter_lane(&job.operation, epoch, lane);
        match persist(enter).await? {
            Lane::Entered => return Ok(None),
            Lane::Occupied { under_way: true, .. } if since.elapsed() < LANE_PATIENCE => {
                tokio::time::sleep(LANE_PAUSE).await;
            }
            Lane::Occupied { by, .. } => return Ok(Some(by)),
        }
    }
}

/// The record as it stands while nobody else writes it; it is looked at again whether it is in the rows.
async fn now(reach: &Reach, job: &Job, plan: &Plan) -> Result<Found, Trouble> {
    let scope = CallScope { companies: plan.companies.clone(), active_test: false };
    let found = reach.by_id(plan.id, &scope, &job.asked.scope).await?;
    found.filter(|found| scope::holds(&job.asked.scope, &found.canonical)).ok_or_else(|| {
        let detail = format!("`{}` {} is no longer there, or no longer yours to see", plan.record, plan.id);
        Problem::new(404, code::RECORD_UNKNOWN, detail).into()
    })
}

fn unsettled(by: &OperationId) -> Problem {
    let detail = format!("an earlier write on this record has no known outcome yet: see operation `{by}`");
    Problem::new(503, code::RECORD_UNSETTLED, detail).retry_after(5)
}

/// What is left to say of a record that a verb emptied: which it was.
fn gone(reach: &Reach, job: &Job) -> Value {
    let identity = reach.served.identity().map(|identity| (identity.to_string(), Value::from(job.asked.id.clone())));
    Value::Object(identity.into_iter().collect())
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

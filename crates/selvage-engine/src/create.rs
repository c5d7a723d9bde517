//! A create: the object put into the system's terms, made under an external id of its own, found again by it, and read
//! back to see that it is what was meant.

use selvage_connect::odoo::{Failure, Map, Scope as CallScope, Sure};
use selvage_mapping::LinkQuery;
use selvage_model::operation::StoredAnswer;
use selvage_store::{CrossReference, NewEffect};
use serde_json::{Value, json};

use crate::deed::{Left, Shown, Stood};
use crate::job::{Job, Unread};
use crate::links;
use crate::path;
use crate::reach::{Found, Reach};
use crate::refusal;
use crate::scope;
use crate::trouble::Trouble;

/// A create under way.
pub(crate) struct Create {
    plan: Option<Plan>,
    made: Option<i64>,
    /// It was found by looking, some time after it was made.
    found: bool,
}

struct Plan {
    record: String,
    external_id: String,
    values: Map,
    companies: Vec<i64>,
}

impl Create {
    /// Not yet prepared.
    pub(crate) fn new() -> Self {
        Self { plan: None, made: None, found: false }
    }

    /// From the effect that was recorded before.
    pub(crate) fn restore(effect: &NewEffect) -> Option<Self> {
        let companies = effect.target.get("companies")?.as_array()?.iter().filter_map(Value::as_i64).collect();
        let plan = Plan {
            record: effect.target.get("record")?.as_str()?.to_owned(),
            external_id: effect.external_id.clone()?,
            values: effect.target.get("values")?.as_object()?.clone(),
            companies,
        };
        Some(Self { plan: Some(plan), made: None, found: false })
    }

    /// Looks up what the values link to and puts the object into the system's terms.
    pub(crate) async fn prepare(&mut self, job: &Job) -> Result<(), Trouble> {
        let reach = job.reach().await?;
        let (questions, companies) = questions(&reach, job).await?;
        let links = links::look_up(&reach, questions, &companies).await?;
        let values = reach.mapping.put(&job.asked.body, None, &links).map_err(|error| refusal::of_put(&error))?;
        self.plan =
            Some(Plan { record: reach.mapping.record().to_owned(), external_id: job.external_id(), values, companies });
        Ok(())
    }

    /// The effect as it is recorded before anything is sent.
    pub(crate) fn effect(&self, job: &Job) -> Option<NewEffect> {
        let plan = self.plan.as_ref()?;
        Some(NewEffect {
            system: job.system().clone(),
            verb: job.kind.as_str().to_owned(),
            target: json!({"record": plan.record, "values": plan.values, "companies": plan.companies}),
            external_id: Some(plan.external_id.clone()),
        })
    }

    /// Makes the record.
    pub(crate) async fn send(&mut self, job: &Job, sure: Sure) -> Result<(), Failure> {
        let Some(plan) = &self.plan else { return Err(unplanned()) };
        let odoo = job.odoo().while_sure(sure);
        let scope = CallScope { companies: plan.companies.clone(), active_test: true };
        let create = odoo.create(&plan.record, &plan.external_id, &plan.values, &scope);
        self.made = Some(job.served.connection.ask(create).await?);
        Ok(())
    }

    /// Looks whether the record was made.
    pub(crate) async fn probe(&mut self, job: &Job) -> Result<bool, Failure> {
        let Some(plan) = &self.plan else { return Err(unplanned()) };
        let odoo = job.served.odoo();
        let found = job.served.connection.ask(odoo.by_external_id(&plan.external_id)).await?;
        self.made = found.filter(|(record, _)| record == &plan.record).map(|(_, id)| id);
        self.found = true;
        Ok(self.made.is_some())
    }

    /// Reads the record back and compares it with what was meant. One that was found later is shown as it is: it was
    /// made in one transaction with its external id, and people may have worked on it since.
    pub(crate) async fn read_back(&self, job: &Job) -> Result<Shown, Unread> {
        let (Some(plan), Some(id)) = (&self.plan, self.made) else {
            return Err(Unread::Trouble(unplanned().into()));
        };
        let reach = job.reach().await?;
        let scope = CallScope { companies: plan.companies.clone(), active_test: false };
        let Some(found) = reach.by_id(id, &scope, &job.asked.scope).await? else {
            return Err(Unread::Differs(format!("`{}` {id} was made and is no longer there", plan.record)));
        };
        if !self.found
            && let Some(difference) = differs(&reach, &job.asked.body, &plan.companies, &found).await?
        {
            return Err(Unread::Differs(difference));
        }
        let stood = untouched(&reach, job, id, &scope).await;
        Ok(shown(&reach, job, found, (&plan.external_id, stood)))
    }

    /// Where a person finds what may have been made.
    pub(crate) fn whereabouts(&self) -> Option<String> {
        self.plan.as_ref().map(|plan| format!("look for the external id `{}` of `{}`", plan.external_id, plan.record))
    }
}

fn unplanned() -> Failure {
    Failure::Protocol { reason: "the create was not prepared".to_owned() }
}

/// What the body links to, and the companies that it is made in.
async fn questions(reach: &Reach, job: &Job) -> Result<(Vec<LinkQuery>, Vec<i64>), Trouble> {
    let questions = reach.mapping.put_links(&job.asked.body).map_err(|error| refusal::of_put(&error))?;
    let of_company = questions.iter().filter(|question| matches!(question, LinkQuery::Company { .. }));
    let answers = links::look_up(reach, of_company.clone().cloned().collect(), &[]).await?;
    let companies: Vec<i64> = of_company
        .filter_map(|question| match answers.get(question) {
            Some(selvage_mapping::LinkAnswer::Id(id)) => Some(*id),
            _ => None,
        })
        .collect();
    let companies = if companies.is_empty() { reach.call_scope(None).await?.companies } else { companies };
    Ok((questions, companies))
}

/// What would still have to change for the record to be what was meant.
pub(crate) async fn differs(
    reach: &Reach,
    meant: &Value,
    companies: &[i64],
    found: &Found,
) -> Result<Option<String>, Trouble> {
    let mut questions = reach.mapping.put_links(meant).map_err(|error| refusal::of_put(&error))?;
    questions.extend(reach.mapping.links(&found.record));
    let links = links::look_up(reach, questions, companies).await?;
    let changes = reach.mapping.put(meant, Some(&found.record), &links);
    let changes = changes.map_err(|error| refusal::of_put(&error))?;
    // A field that is only written cannot be compared.
    let seen = changes.iter().filter_map(|(field, meant)| Some((field, meant, found.record.get(field)?)));
    let words: Vec<String> =
        seen.map(|(field, meant, there)| format!("`{field}` should be `{meant}` and is `{there}`")).collect();
    let differs = format!("`{}` {} was made, but {}", reach.mapping.record(), found.id, words.join("; "));
    Ok((!words.is_empty()).then_some(differs))
}

/// Where an object that was made is read.
pub(crate) fn location(reach: &Reach, canonical: &Value) -> Option<String> {
    let key = reach.served.identity().and_then(|identity| canonical.get(identity.as_str()))?;
    Some(path::of(&reach.served.interface, &reach.served.object.name, key.as_str()?))
}

/// How it stood before, for captures: nothing was there, unless somebody wrote it since it was made. Read behind the record.
async fn untouched(reach: &Reach, job: &Job, id: i64, scope: &CallScope) -> Stood {
    let record = reach.mapping.record();
    if !job.active.is_captured(job.system(), record) {
        return Stood::Unknown;
    }
    let times = ["create_date".to_owned(), "write_date".to_owned()];
    let read = job.served.connection.ask(reach.odoo.read(record, &[id], &times, scope)).await;
    let read = read.ok().and_then(|records| records.into_iter().next());
    match read.map(|record| times.map(|time| record.get(&time).cloned())) {
        Some([Some(made), Some(written)]) if made == written => Stood::Nothing,
        _ => Stood::Unknown,
    }
}

fn shown(reach: &Reach, job: &Job, found: Found, (external_id, stood): (&str, Stood)) -> Shown {
    let object = &reach.served.object.name;
    let key = reach.served.identity().and_then(|identity| found.canonical.get(identity.as_str()));
    let key = key.and_then(Value::as_str).map(str::to_owned);
    let location = location(reach, &found.canonical);
    let left = Some(Left::of(reach, &found, stood, None));
    let mut body = found.canonical;
    scope::strip(&job.asked.scope, &mut body);
    let reference = key.map(|key| CrossReference {
        system: reach.system().clone(),
        object: object.clone(),
        record: found.id.to_string(),
        key,
    });
    Shown {
        answer: StoredAnswer { status: 201, body, location },
        reference,
        evidence: json!({"record": reach.mapping.record(), "id": found.id, "external_id": external_id}),
        left,
    }
}

//! One request's way to a system: the interface, the mapping of the system's version, the handle. Reads records within
//! the rows of a grant and shows them as objects; it never writes.

use std::sync::Arc;

use selvage_connect::odoo::{Failure, Odoo, Scope as CallScope};
use selvage_mapping::{CompiledMapping, MapError};
use selvage_model::code;
use selvage_model::exchange::Scope;
use selvage_model::manifest::api::Operation;
use selvage_model::name::{AttributeName, InterfaceRef, SystemName};
use selvage_model::problem::Problem;
use serde_json::Value;

use crate::company;
use crate::fabric::{Active, Served};
use crate::links;
use crate::refusal;
use crate::scope;
use crate::selection::{self, Selection};
use crate::trouble::Trouble;
use crate::whole;

/// The way to the system of one interface.
#[derive(Clone)]
pub(crate) struct Reach {
    pub(crate) active: Arc<Active>,
    pub(crate) served: Arc<Served>,
    pub(crate) odoo: Odoo,
    pub(crate) major: u32,
    pub(crate) mapping: Arc<CompiledMapping>,
}

/// A record and the object that it is.
#[derive(Clone, Debug)]
pub(crate) struct Found {
    pub(crate) id: i64,
    pub(crate) record: Value,
    pub(crate) canonical: Value,
}

/// What an interface of the active fabric serves, where that includes this operation and it is not parked.
pub(crate) fn served(active: &Active, interface: &InterfaceRef, operation: Operation) -> Result<Arc<Served>, Problem> {
    let served = declared(active, interface, operation)?;
    served.parking.admit(operation, interface)?;
    Ok(served)
}

/// The same, parked or not.
pub(crate) fn declared(
    active: &Active,
    interface: &InterfaceRef,
    operation: Operation,
) -> Result<Arc<Served>, Problem> {
    let served = active.served(interface).filter(|served| served.operations.contains(&operation));
    served.cloned().ok_or_else(|| {
        let detail = format!("the active release does not serve `{operation}` of `{interface}`");
        Problem::new(404, code::NOT_SERVED, detail)
    })
}

impl Reach {
    /// The way, with the mapping that fits the system's version.
    pub(crate) async fn open(active: Arc<Active>, served: Arc<Served>) -> Result<Self, Trouble> {
        let major = served.connection.major().await?;
        let mapping = active.mapping(&served.object.reference(), served.connection.system(), major)?;
        let odoo = served.odoo();
        let odoo = mapping.language().map_or_else(|| odoo.clone(), |language| odoo.in_language(language));
        Ok(Self { active, served, odoo, major, mapping })
    }

    /// The system.
    pub(crate) fn system(&self) -> &SystemName {
        self.served.connection.system()
    }

    /// What is selected by these values of attributes, in the system's own terms.
    pub(crate) async fn select(&self, filters: &[(AttributeName, Vec<Value>)]) -> Result<Selection, Trouble> {
        selection::select(self, filters).await
    }

    /// Calls in these companies; where none are named, in those of every site, so that nothing is seen or made in a
    /// company that no site stands for.
    pub(crate) async fn call_scope(&self, companies: Option<Vec<i64>>) -> Result<CallScope, Trouble> {
        let companies = match companies {
            Some(companies) => companies,
            None => {
                let known = self.served.connection.companies().await?;
                company::of_every_site(&self.active.fabric, self.system(), &known)?
            }
        };
        Ok(CallScope { companies, active_test: true })
    }

    /// The records of a selection; two are enough to see that one is not alone.
    pub(crate) async fn few(&self, selection: Selection, active_test: bool) -> Result<Vec<Value>, Trouble> {
        let Selection::Records { domain, companies } = selection else { return Ok(Vec::new()) };
        let scope = CallScope { active_test, ..self.call_scope(companies).await? };
        let (record, fields) = (self.mapping.record(), self.mapping.fields());
        let search = self.odoo.search(record, domain, fields, &scope, Some(2));
        let mut records = self.served.connection.ask(search).await?;
        self.make_whole(&mut records).await?;
        Ok(records)
    }

    /// Reads what lies behind these records: their lines, and what the mapping reads through their links.
    pub(crate) async fn make_whole(&self, records: &mut [Value]) -> Result<(), Trouble> {
        whole::make_whole(self, self.mapping.record(), self.mapping.reading(), records).await
    }

    /// These records as objects, with what they link to looked up for all of them together.
    pub(crate) async fn show(&self, records: &[Value]) -> Result<Vec<Result<Value, MapError>>, Trouble> {
        let questions = records.iter().flat_map(|record| self.mapping.links(record)).collect();
        let links = links::look_up(self, questions, &[]).await?;
        Ok(records.iter().map(|record| self.mapping.get(record, &links)).collect())
    }

    /// The one record of this business key, within the rows; an archived one where no other has it.
    pub(crate) async fn find_archived_too(&self, key: &str, within: &Scope) -> Result<Found, Trouble> {
        match self.look_for(key, within, true).await {
            Err(Trouble::Refusal(problem)) if problem.code == code::RECORD_UNKNOWN => {
                self.look_for(key, within, false).await
            }
            other => other,
        }
    }

    /// The one record of this business key, within the rows.
    pub(crate) async fn find(&self, key: &str, within: &Scope) -> Result<Found, Trouble> {
        self.look_for(key, within, true).await
    }

    async fn look_for(&self, key: &str, within: &Scope, active_test: bool) -> Result<Found, Trouble> {
        let unknown = || {
            let detail = format!("there is no {} `{key}`, or it is not yours to see", self.served.object.name);
            Trouble::from(Problem::new(404, code::RECORD_UNKNOWN, detail))
        };
        let identity = self.served.identity().ok_or_else(unknown)?;
        let mut filters = vec![(identity.clone(), vec![Value::from(key)])];
        filters.extend(within.rows.iter().cloned());
        // A key that this system cannot have is the key of no record.
        let selection = match self.select(&filters).await {
            Err(Trouble::Refusal(problem)) if problem.status == 400 => return Err(unknown()),
            other => other?,
        };
        let records = self.few(selection, active_test).await?;
        let record = match records.as_slice() {
            [] => return Err(unknown()),
            [only] => only.clone(),
            _ => {
                let detail = format!("several records of `{}` have the key `{key}`", self.system());
                return Err(Problem::new(422, code::KEY_AMBIGUOUS, detail).into());
            }
        };
        let found = self.understood(record, within).await?;
        // The system was asked for these rows only. What it gave is looked at again, because it decides what is seen.
        if scope::holds(within, &found.canonical) { Ok(found) } else { Err(unknown()) }
    }

    /// The record of this id, whatever its rows: for reading back what Selvage itself wrote. What the grant leaves out is
    /// in no words about it.
    pub(crate) async fn by_id(&self, id: i64, scope: &CallScope, within: &Scope) -> Result<Option<Found>, Trouble> {
        let ids = [id];
        let read = self.odoo.read(self.mapping.record(), &ids, self.mapping.fields(), scope);
        let mut records = self.served.connection.ask(read).await?;
        self.make_whole(&mut records).await?;
        match records.into_iter().next() {
            Some(record) => Ok(Some(self.understood(record, within).await?)),
            None => Ok(None),
        }
    }

    async fn understood(&self, record: Value, within: &Scope) -> Result<Found, Trouble> {
        let id = record.get("id").and_then(Value::as_i64);
        let id = id.ok_or_else(|| Failure::Protocol { reason: "a record came without its id".to_owned() })?;
        let shown = self.show(std::slice::from_ref(&record)).await?;
        match shown.into_iter().next() {
            Some(Ok(canonical)) => Ok(Found { id, record, canonical }),
            Some(Err(error)) => Err(refusal::of_get(&scope::veiled(within, error)).into()),
            None => Err(Failure::Protocol { reason: "a record could not be read".to_owned() }.into()),
        }
    }
}

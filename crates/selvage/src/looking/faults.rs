//! The fault tests: of deliveries in a room of its own, and of mediated interfaces here. What a release maps is asked of a simulated Odoo
//! whose calls fail, and whose answers are lost. Reads have to come to the same as without faults, a new record has to be there once, and
//! what changes one has to change it as it does without faults; what is at-risk is not sent again, whatever became of it. What the simulation does not have cannot be tried, and is said. It touches
//! no real system. INVARIANT: ONE-EFFECT

mod asked;
mod deliveries;
mod room;
#[cfg(test)]
mod tests;
mod untried;
mod verbs;

use std::time::Duration;

use selvage_control::desk::{Tried, Untried};
use selvage_model::code;
use selvage_model::exchange::{MediatedAnswer, MediatedRequest, Scope};
use selvage_model::fabric::Fabric;
use selvage_model::manifest::api::{Api, Operation, Serves};
use selvage_model::manifest::interface::{Interface, InterfaceBody};
use selvage_model::manifest::system::Connector;
use selvage_model::name::{DomainName, EnvironmentName, InterfaceRef, SystemName};
use selvage_model::problem::Problem;
use serde_json::{Value, json};

use super::answers::Answers;
use room::Room;

/// How many records are made of each object while calls fail.
const RECORDS: u64 = 4;

/// Tries every mediated interface of an Odoo, and every subscription that is delivered, for the release of a domain.
pub(super) async fn run(fabric: Fabric, environment: EnvironmentName, domain: DomainName) -> Tried {
    let mut tried = deliveries::run(&fabric, &environment, &domain).await;
    tried.skipped.extend(untried::named(&Answers { fabric: &fabric, domain: &domain }));
    mediated(fabric, environment, &domain, &mut tried).await;
    tried
}

async fn mediated(mut fabric: Fabric, environment: EnvironmentName, domain: &DomainName, tried: &mut Tried) {
    // No capture runs here that would keep a copy: the system is asked.
    for interface in fabric.interfaces.values_mut() {
        if let InterfaceBody::Api(Api::Mediated(serves)) = &mut interface.body {
            serves.reads = None;
        }
    }
    let (calm, broken) = match (Room::open(&fabric, &environment).await, Room::open(&fabric, &environment).await) {
        (Ok(calm), Ok(broken)) => (calm, broken),
        (Err(error), _) | (_, Err(error)) => {
            return tried.failed.push(format!("nothing could be tried: {error:#}"));
        }
    };
    let answers = Answers { fabric: &fabric, domain };
    for interface in fabric.interfaces.values() {
        if let Some(Api::Mediated(serves)) = interface.api()
            && is_odoo(&fabric, &serves.system.value)
            && untried::is_served(interface)
        {
            let is_its_own = answers.for_interface(interface);
            let rooms = (&calm, &broken);
            let trial = Trial { rooms, fabric: &fabric, environment: &environment, interface, serves, is_its_own };
            let before = told_of(tried);
            trial.change(tried).await;
            trial.run(tried).await;
            if answers.declares(interface) {
                tried.own += 1;
                if told_of(tried) == before {
                    let what = interface.reference().to_string();
                    tried.untried.push(Untried { on: vec![what.clone()], what });
                }
            }
        }
    }
    calm.end().await;
    broken.end().await;
}

/// Of how much something came.
fn told_of(tried: &Tried) -> usize {
    tried.held.len() + tried.failed.len() + tried.elsewhere.len()
}

fn is_odoo(fabric: &Fabric, system: &SystemName) -> bool {
    fabric.systems.get(system).is_some_and(|system| system.connector == Connector::Odoo)
}

/// One interface on trial.
#[derive(Clone, Copy)]
struct Trial<'a> {
    /// One in which all is well, and one to be broken, which began alike.
    rooms: (&'a Room, &'a Room),
    fabric: &'a Fabric,
    environment: &'a EnvironmentName,
    interface: &'a Interface,
    serves: &'a Serves,
    /// Whether the release answers for it.
    is_its_own: bool,
}

impl Trial<'_> {
    async fn run(&self, tried: &mut Tried) {
        let reference = self.interface.reference();
        let offers = |operation| self.serves.operations.iter().any(|offered| offered.value == operation);
        let list = request(&reference, Operation::List, None, None);
        if !offers(Operation::List) {
            tried.skipped.push(format!("{reference}: it offers no list"));
            for operation in [Operation::Get, Operation::Create].into_iter().filter(|operation| offers(*operation)) {
                tried.skipped.push(format!("{reference}: {operation} is not tried without one"));
            }
            return;
        }
        let broken = self.rooms.1;
        let expected = match broken.calmly(&list).await {
            MediatedAnswer::Done { body, .. } => body,
            other => return unanswered((&reference, Operation::List), self.is_its_own, &other, tried),
        };
        self.read(&list, &expected, tried).await;
        if offers(Operation::Get) {
            self.get(&expected, tried).await;
        }
        if offers(Operation::Create) {
            self.create(&expected, tried).await;
        }
    }

    /// By what a record is asked for.
    fn id_of(&self, item: &Value) -> Option<String> {
        let object = self.fabric.objects.get(&self.serves.object.value)?;
        let [key] = object.identity.as_slice() else { return None };
        item.get(key.value.as_str()).and_then(Value::as_str).map(str::to_owned)
    }

    /// Asks for the first of what was listed.
    async fn get(&self, listed: &Value, tried: &mut Tried) {
        let reference = self.interface.reference();
        let Some(id) = listed.pointer("/items/0").and_then(|item| self.id_of(item)) else {
            return tried.skipped.push(format!("{reference}: there is no record that could be asked for"));
        };
        let get = MediatedRequest { id: Some(id), ..request(&reference, Operation::Get, None, None) };
        match self.rooms.1.calmly(&get).await {
            MediatedAnswer::Done { body, .. } => self.read(&get, &body, tried).await,
            other => unanswered((&reference, Operation::Get), self.is_its_own, &other, tried),
        }
    }

    /// Reads while calls fail: what comes has to be what comes without.
    async fn read(&self, asked: &MediatedRequest, expected: &Value, tried: &mut Tried) {
        let (reference, operation, broken) = (self.interface.reference(), asked.operation, self.rooms.1);
        broken.break_calls();
        let read = broken.until_done(asked).await;
        broken.mend();
        match read {
            Some(read) if &read == expected => tried.held.push(format!("{reference}: {operation}")),
            Some(_) => {
                tried.fail(self.is_its_own, format!("{reference}: a {operation} under faults is another than without"));
            }
            None => tried.fail(self.is_its_own, format!("{reference}: no {operation} came through the faults")),
        }
    }

    /// Makes records like one that is there while calls fail and answers are lost: each is there once.
    async fn create(&self, listed: &Value, tried: &mut Tried) {
        let reference = self.interface.reference();
        let Some(body) = listed.pointer("/items/0").and_then(|item| self.like(item, 0)) else {
            tried.skipped.push(format!("{reference}: there is no record that one could be made like"));
            return;
        };
        if let MediatedAnswer::Refused { problem, .. } = self.ask_new(&body, "first").await {
            tried.skipped.push(format!("{reference}: none could be made: {}", words(&problem)));
            return;
        }
        let (before, broken) = (self.records(), self.rooms.1);
        broken.break_calls();
        let mut done = 0;
        for number in 1..=RECORDS {
            let item = listed.pointer("/items/0").and_then(|item| self.like(item, number));
            let new = request(&reference, Operation::Create, item, Some(format!("faults-{number}")));
            done += u64::from(broken.until_done(&new).await.is_some());
        }
        broken.mend();
        let made = self.records().saturating_sub(before);
        if done == RECORDS && made == RECORDS {
            tried.held.push(format!("{reference}: create"));
        } else {
            let says = format!("{reference}: {RECORDS} records were asked for, {done} confirmed, {made} are there");
            tried.fail(self.is_its_own, says);
        }
    }

    async fn ask_new(&self, body: &Value, key: &str) -> MediatedAnswer {
        let reference = self.interface.reference();
        self.rooms
            .1
            .engine
            .execute(request(&reference, Operation::Create, Some(body.clone()), Some(key.to_owned())))
            .await
    }

    /// How many records there are of what the object is mapped to.
    fn records(&self) -> u64 {
        let mapping = self.fabric.mapping(&self.serves.object.value, &self.serves.system.value, None);
        mapping.map_or(0, |mapping| self.rooms.1.odoo().records(&mapping.record).len() as u64)
    }

    /// An object like this one in what every object has, with a business key of its own.
    fn like(&self, item: &Value, number: u64) -> Option<Value> {
        let object = self.fabric.objects.get(&self.serves.object.value)?;
        let mut body = serde_json::Map::new();
        for attribute in object.attributes.iter().filter(|attribute| !attribute.read_only && !attribute.optional) {
            let name = attribute.name.value.as_str();
            let value = item.get(name).filter(|value| !value.is_null());
            let is_key = object.identity.iter().any(|key| key.value.as_str() == name);
            match value {
                Some(Value::String(text)) if is_key => {
                    body.insert(name.to_owned(), json!(format!("{text}-F{number}")));
                }
                Some(value) if name != "id" => {
                    body.insert(name.to_owned(), value.clone());
                }
                _ => {}
            }
        }
        Some(Value::Object(body))
    }
}

fn request(
    interface: &InterfaceRef,
    operation: Operation,
    body: Option<Value>,
    key: Option<String>,
) -> MediatedRequest {
    MediatedRequest {
        interface: interface.clone(),
        operation,
        id: None,
        consumer: selvage_model::name::ConsumerName::of_selvage(),
        scope: Scope::default(),
        query: if operation == Operation::List { vec![("limit".to_owned(), "5".to_owned())] } else { Vec::new() },
        body,
        key,
        if_match: None,
        correlation: "faults".to_owned(),
        traceparent: None,
        patience: Duration::from_secs(10),
    }
}

/// What cannot be read where all is well does not hold, unless it is the simulation that lacks something.
fn unanswered(
    (reference, operation): (&InterfaceRef, Operation),
    is_its_own: bool,
    answer: &MediatedAnswer,
    tried: &mut Tried,
) {
    let says = told(answer);
    if lacks(answer) {
        tried.skipped.push(format!("{reference}: the simulation lacks what a {operation} needs: {says}"));
    } else {
        tried.fail(is_its_own, format!("{reference}: a {operation} is not answered though nothing fails: {says}"));
    }
}

/// Whether a request was refused because the simulation has no such model, field or method, is of another version, or has no such company.
fn lacks(answer: &MediatedAnswer) -> bool {
    let MediatedAnswer::Refused { problem, .. } = answer else { return false };
    let of_a_server = [
        code::ODOO_MISSING,
        code::OPERATION_PARKED,
        code::NEED_MODEL,
        code::NEED_FIELD,
        code::VERSION_UNMAPPED,
        code::COMPANY_UNBOUND,
    ];
    let says = ["Invalid field", "doesn't exist", "does not exist"].iter().any(|sign| problem.detail.contains(sign));
    of_a_server.contains(&problem.code) || (problem.code == code::ODOO_REFUSED && says)
}

fn told(answer: &MediatedAnswer) -> String {
    match answer {
        MediatedAnswer::Refused { problem, .. } => words(problem),
        MediatedAnswer::Done { .. } | MediatedAnswer::Accepted { .. } => "it is not known".to_owned(),
    }
}

fn words(problem: &Problem) -> String {
    format!("{} {}", problem.code, problem.detail)
}

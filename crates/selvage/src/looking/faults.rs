//! The fault tests: of deliveries in a room of its own, and of mediated interfaces here. What a release maps is asked of a simulated Odoo
//! whose calls fail, and whose answers are lost. Reads have to come to the same as without faults, and a new record has to be there once.
//! What the simulation does not have cannot be tried, and is said. It touches no real system. INVARIANT: ONE-EFFECT

mod deliveries;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use selvage_control::desk::Tried;
use selvage_engine::{Engine, EngineConfig};
use selvage_factory::odoo::{Account as Login, Fault, FaultKind, OdooHandle, Rights};
use selvage_factory::{Factory, FactoryConfig};
use selvage_model::exchange::{MediatedAnswer, MediatedRequest, Scope};
use selvage_model::fabric::Fabric;
use selvage_model::manifest::api::{Api, Operation, Serves};
use selvage_model::manifest::interface::Interface;
use selvage_model::manifest::system::Connector;
use selvage_model::name::{DomainName, EnvironmentName, InterfaceRef, SystemName};
use selvage_model::problem::Problem;
use selvage_model::source::Spanned;
use selvage_store::Store;
use serde_json::{Value, json};

use super::answers::Answers;

/// What opens the simulated Odoo: it is made for this and ends with it.
const KEY: &str = "a-key-of-the-simulation";
/// How long one interface may take.
const PATIENCE: Duration = Duration::from_secs(60);
/// How many records are made of each object while calls fail.
const RECORDS: u64 = 4;
/// What is tried of an interface; the others are said.
const TRIED: [Operation; 2] = [Operation::List, Operation::Create];
const LONGEST_TRANSACTION: Duration = Duration::from_secs(1);

/// Tries every mediated interface of an Odoo, and every subscription that is delivered, for the release of a domain.
pub(super) async fn run(fabric: Fabric, environment: EnvironmentName, domain: DomainName) -> Tried {
    let mut tried = deliveries::run(&fabric, &environment, &domain).await;
    mediated(fabric, environment, &domain, &mut tried).await;
    tried
}

async fn mediated(mut fabric: Fabric, environment: EnvironmentName, domain: &DomainName, tried: &mut Tried) {
    let odoos: Vec<SystemName> = fabric
        .systems
        .values()
        .filter(|system| system.connector == Connector::Odoo)
        .map(|system| system.name.clone())
        .collect();
    let mut config = FactoryConfig::default();
    // A login of the fabric counts instead of the simulation's own of that name.
    let logins = logins(&fabric);
    config.odoo.accounts.retain(|known| logins.iter().all(|login| login.login != known.login));
    config.odoo.accounts.extend(logins);
    let database = config.odoo.database.clone();
    let factory = match Factory::start(config).await {
        Ok(factory) => factory,
        Err(error) => {
            return tried.failed.push(format!("the simulation did not start: {error}"));
        }
    };
    let secrets = point_at(&mut fabric, &odoos, &environment, (&factory.odoo_url(), &database));
    let fabric = Arc::new(fabric);
    match engine(&fabric, environment, secrets).await {
        Ok((engine, _directory)) => {
            let task = engine.run();
            for interface in fabric.interfaces.values() {
                if let Some(Api::Mediated(serves)) = interface.api()
                    && odoos.contains(&serves.system.value)
                {
                    let is_its_own = Answers { fabric: &fabric, domain }.for_interface(interface);
                    let odoo = &factory.odoo;
                    let trial = Trial { engine: &engine, odoo, fabric: &fabric, interface, serves, is_its_own };
                    trial.run(tried).await;
                }
            }
            task.shutdown().await;
        }
        Err(error) => tried.failed.push(format!("nothing could be tried: {error:#}")),
    }
    factory.shutdown().await;
}

/// Everybody whom the fabric's accounts log in as.
fn logins(fabric: &Fabric) -> Vec<Login> {
    let accounts = fabric.systems.values().flat_map(|system| &system.environments).flat_map(|it| &it.accounts);
    let login = |login: &String| Login { login: login.clone(), key: KEY.to_owned(), rights: Rights::Write };
    let mut names: Vec<&String> = accounts.map(|account| &account.login).collect();
    names.sort();
    names.dedup();
    names.into_iter().map(login).collect()
}

/// Lets every Odoo be the simulated one; the secrets that its accounts name.
fn point_at(
    fabric: &mut Fabric,
    odoos: &[SystemName],
    environment: &EnvironmentName,
    (url, database): (&str, &str),
) -> BTreeMap<selvage_model::manifest::system::SecretName, String> {
    let mut secrets = BTreeMap::new();
    for system in fabric.systems.values_mut().filter(|system| odoos.contains(&system.name)) {
        system.limits.longest_transaction = LONGEST_TRANSACTION;
        system.limits.per_second = None;
        for here in system.environments.iter_mut().filter(|here| &here.name.value == environment) {
            here.url = Some(Spanned::new(url.to_owned(), here.name.place.clone()));
            (here.database, here.dialect, here.tls) = (Some(database.to_owned()), None, None);
            for account in &mut here.accounts {
                account.next_key = None;
                secrets.insert(account.api_key.value.clone(), KEY.to_owned());
            }
        }
    }
    secrets
}

async fn engine(
    fabric: &Arc<Fabric>,
    environment: EnvironmentName,
    secrets: BTreeMap<selvage_model::manifest::system::SecretName, String>,
) -> anyhow::Result<(Engine, tempfile::TempDir)> {
    let directory = tempfile::TempDir::with_prefix("selvage-faults-")?;
    let store = Store::open(&format!("sqlite:{}", directory.path().join("selvage.db").display())).await?;
    let node = "faults".to_owned();
    let (lease, key_lifetime) = (Duration::from_secs(10), Duration::from_secs(3600));
    let engine = Engine::new(EngineConfig { environment, node, lease, key_lifetime, secrets }, &store)?;
    engine.activate(Arc::clone(fabric)).map_err(|findings| crate::node::release::as_error(&findings))?;
    Ok((engine, directory))
}

/// One interface on trial.
struct Trial<'a> {
    engine: &'a Engine,
    odoo: &'a OdooHandle,
    fabric: &'a Fabric,
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
        for left in self.serves.operations.iter().map(|offered| offered.value).filter(|it| !TRIED.contains(it)) {
            tried.skipped.push(format!("{reference}: {left} is not tried"));
        }
        if !offers(Operation::List) {
            tried.skipped.push(format!("{reference}: it offers no list"));
            if offers(Operation::Create) {
                tried.skipped.push(format!("{reference}: create is not tried without one"));
            }
            return;
        }
        let expected = match self.engine.execute(list.clone()).await {
            MediatedAnswer::Done { body, .. } => body,
            other => {
                tried.skipped.push(format!("{reference}: the simulation cannot answer: {}", told(&other)));
                return;
            }
        };
        self.break_calls();
        let read = self.until_done(&list).await;
        self.odoo.clear_faults();
        match read {
            Some(read) if read == expected => tried.held.push(format!("{reference}: list")),
            Some(_) => {
                tried.fail(self.is_its_own, format!("{reference}: a list under faults is another than without"));
            }
            None => tried.fail(self.is_its_own, format!("{reference}: no list came through the faults")),
        }
        if offers(Operation::Create) {
            self.create(&expected, tried).await;
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
        let before = self.records();
        self.break_calls();
        let mut done = 0;
        for number in 1..=RECORDS {
            let item = listed.pointer("/items/0").and_then(|item| self.like(item, number));
            let new = request(&reference, Operation::Create, item, Some(format!("faults-{number}")));
            done += u64::from(self.until_done(&new).await.is_some());
        }
        self.odoo.clear_faults();
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
        self.engine.execute(request(&reference, Operation::Create, Some(body.clone()), Some(key.to_owned()))).await
    }

    /// How many records there are of what the object is mapped to.
    fn records(&self) -> u64 {
        let mapping = self.fabric.mapping(&self.serves.object.value, &self.serves.system.value, None);
        mapping.map_or(0, |mapping| self.odoo.records(&mapping.record).len() as u64)
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

    /// Calls fail and answers are lost from now on.
    fn break_calls(&self) {
        let faults = [
            (FaultKind::ResetAfter, 1),
            (FaultKind::Serialization, 2),
            (FaultKind::Status(502), 3),
            (FaultKind::ResetBefore, 4),
        ];
        for (kind, seed) in faults {
            self.odoo.inject(Fault { probability: 0.1, seed, ..Fault::always(kind) });
        }
    }

    /// Asks again, as a caller would, until there is an answer.
    async fn until_done(&self, request: &MediatedRequest) -> Option<Value> {
        let begun = Instant::now();
        while begun.elapsed() < PATIENCE {
            match self.engine.execute(request.clone()).await {
                MediatedAnswer::Done { body, .. } => return Some(body),
                MediatedAnswer::Refused { problem, .. } if problem.status < 500 && problem.status != 409 => {
                    return None;
                }
                MediatedAnswer::Refused { .. } | MediatedAnswer::Accepted { .. } => {
                    tokio::time::sleep(Duration::from_millis(200)).await;
                }
            }
        }
        None
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

fn told(answer: &MediatedAnswer) -> String {
    match answer {
        MediatedAnswer::Refused { problem, .. } => words(problem),
        MediatedAnswer::Done { .. } | MediatedAnswer::Accepted { .. } => "it is not known".to_owned(),
    }
}

fn words(problem: &Problem) -> String {
    format!("{} {}", problem.code, problem.detail)
}

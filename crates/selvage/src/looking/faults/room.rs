//! A simulated Odoo with an engine before it, made for a trial: every Odoo of a fabric is this one, and it ends with the trial.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use selvage_engine::{Engine, EngineConfig, EngineTask};
use selvage_factory::odoo::{Account as Login, Fault, FaultKind, OdooHandle, Rights};
use selvage_factory::{Factory, FactoryConfig, RunningFactory};
use selvage_model::code::{self, Code};
use selvage_model::exchange::{MediatedAnswer, MediatedRequest};
use selvage_model::fabric::Fabric;
use selvage_model::manifest::system::SecretName;
use selvage_model::name::{EnvironmentName, SystemName};
use selvage_model::source::Spanned;
use selvage_store::Store;
use serde_json::Value;

use super::is_odoo;

/// What opens the simulated Odoo: it is made for this and ends with it.
const KEY: &str = "a-key-of-the-simulation";
/// How long one operation may take.
const PATIENCE: Duration = Duration::from_secs(60);
const LONGEST_TRANSACTION: Duration = Duration::from_secs(1);

/// What a simulation says that has no time, and nothing against the request.
const LATE: [Code; 5] =
    [code::ODOO_TRY_AGAIN, code::ODOO_UNREACHABLE, code::ODOO_UNAVAILABLE, code::SYSTEM_BUSY, code::SYSTEM_LATE];

/// A call, by its model and its method.
pub(super) type Call = (String, String);

/// What becomes of a write in the end.
pub(super) enum Outcome {
    /// It is confirmed.
    Done,
    /// A person is to decide: why.
    Stuck(String),
    /// Neither, within the time that it may take: the state that it is in.
    Open(String),
}

/// The simulation and what asks it.
pub(super) struct Room {
    pub(super) engine: Engine,
    factory: RunningFactory,
    task: EngineTask,
    _directory: tempfile::TempDir,
}

impl Room {
    /// Begins with what every simulation begins with.
    ///
    /// # Errors
    /// When it does not start, or the fabric cannot be run before it.
    pub(super) async fn open(fabric: &Fabric, environment: &EnvironmentName) -> anyhow::Result<Self> {
        let mut config = FactoryConfig::default();
        // A login of the fabric counts instead of the simulation's own of that name.
        let logins = logins(fabric);
        config.odoo.accounts.retain(|known| logins.iter().all(|login| login.login != known.login));
        config.odoo.accounts.extend(logins);
        let database = config.odoo.database.clone();
        let factory = Factory::start(config).await?;
        let mut fabric = fabric.clone();
        let secrets = point_at(&mut fabric, environment, (&factory.odoo_url(), &database));
        let (engine, directory) = engine(&Arc::new(fabric), environment.clone(), secrets).await?;
        let task = engine.run();
        Ok(Self { engine, factory, task, _directory: directory })
    }

    /// Ends it, and all that was in it.
    pub(super) async fn end(self) {
        self.task.shutdown().await;
        self.factory.shutdown().await;
    }

    pub(super) fn odoo(&self) -> &OdooHandle {
        &self.factory.odoo
    }

    /// How many records of each model there are.
    pub(super) fn counts(&self) -> BTreeMap<String, i64> {
        let state = self.odoo().state();
        let records = state.get("records").and_then(Value::as_object).into_iter().flatten();
        records.filter_map(|(model, count)| Some((model.clone(), count.as_i64()?))).collect()
    }

    /// The number of the last call that changed something or was asked to.
    pub(super) fn last_call(&self) -> u64 {
        self.odoo().journal().last().map_or(0, |entry| entry.sequence)
    }

    /// The calls that changed something since then, in the order in which each did first, and how often.
    pub(super) fn changes_since(&self, before: u64) -> Vec<(Call, usize)> {
        let mut calls: Vec<(Call, usize)> = Vec::new();
        for entry in self.odoo().journal().into_iter().filter(|entry| entry.changed && entry.sequence > before) {
            let call = (entry.model, entry.method);
            match calls.iter_mut().find(|(known, _)| *known == call) {
                Some((_, times)) => *times += 1,
                None => calls.push((call, 1)),
            }
        }
        calls
    }

    /// The next call is not taken, and the answer to each of these is lost once.
    pub(super) fn lose_answers<'a>(&self, calls: impl IntoIterator<Item = &'a Call>) {
        self.odoo().inject(Fault { times: Some(1), ..Fault::always(FaultKind::Status(502)) });
        for (model, method) in calls {
            self.odoo().inject(Fault::once(FaultKind::ResetAfter, model, method));
        }
    }

    /// Nothing fails any more.
    pub(super) fn mend(&self) {
        self.odoo().clear_faults();
    }

    /// Calls fail and answers are lost from now on.
    pub(super) fn break_calls(&self) {
        let faults = [
            (FaultKind::ResetAfter, 1),
            (FaultKind::Serialization, 2),
            (FaultKind::Status(502), 3),
            (FaultKind::ResetBefore, 4),
        ];
        for (kind, seed) in faults {
            self.odoo().inject(Fault { probability: 0.1, seed, ..Fault::always(kind) });
        }
    }

    /// Asks where nothing is broken. A simulation that is late or busy, as on a machine that has much to do, is asked again.
    pub(super) async fn calmly(&self, request: &MediatedRequest) -> MediatedAnswer {
        let begun = Instant::now();
        loop {
            let answer = self.engine.execute(request.clone()).await;
            let is_late = matches!(&answer, MediatedAnswer::Refused { problem, .. } if LATE.contains(&problem.code));
            if !is_late || begun.elapsed() > PATIENCE {
                return answer;
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }

    /// Asks again, as a caller would, until there is an answer.
    pub(super) async fn until_done(&self, request: &MediatedRequest) -> Option<Value> {
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

impl Room {
    /// Asks, and looks for what becomes of it. What was surely not done is asked again, as a caller would.
    pub(super) async fn outcome(&self, request: &MediatedRequest) -> Outcome {
        let begun = Instant::now();
        let mut open = "not taken".to_owned();
        while begun.elapsed() < PATIENCE {
            open = match self.engine.execute(request.clone()).await {
                MediatedAnswer::Done { .. } => return Outcome::Done,
                MediatedAnswer::Accepted { operation } => {
                    let shown = self.engine.operation(&request.consumer, &operation).await.unwrap_or_default();
                    match shown.get("state").and_then(Value::as_str) {
                        Some("stuck") => return Outcome::Stuck(note(&shown)),
                        state => state.unwrap_or("not known").to_owned(),
                    }
                }
                MediatedAnswer::Refused { problem, .. } if problem.status < 500 && problem.status != 409 => {
                    return Outcome::Open(format!("refused: {}", problem.detail));
                }
                MediatedAnswer::Refused { problem, .. } => problem.detail,
            };
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
        Outcome::Open(open)
    }
}

/// What is known of an operation.
fn note(shown: &Value) -> String {
    shown.get("note").and_then(Value::as_str).unwrap_or_default().to_owned()
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
    environment: &EnvironmentName,
    (url, database): (&str, &str),
) -> BTreeMap<SecretName, String> {
    let mut secrets = BTreeMap::new();
    let odoos: Vec<SystemName> = fabric.systems.keys().filter(|name| is_odoo(fabric, name)).cloned().collect();
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
    secrets: BTreeMap<SecretName, String>,
) -> anyhow::Result<(Engine, tempfile::TempDir)> {
    let directory = tempfile::TempDir::with_prefix("selvage-faults-")?;
    let store = Store::open(&format!("sqlite:{}", directory.path().join("selvage.db").display())).await?;
    let node = "faults".to_owned();
    let (lease, key_lifetime) = (Duration::from_secs(10), Duration::from_secs(3600));
    let engine = Engine::new(EngineConfig { environment, node, lease, key_lifetime, secrets }, &store)?;
    engine.activate(Arc::clone(fabric)).map_err(|findings| crate::node::release::as_error(&findings))?;
    Ok((engine, directory))
}

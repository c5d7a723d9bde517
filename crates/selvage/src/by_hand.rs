//! An engine for one command: a fabric directory, one object of one system, and an interface of its own that nobody else
//! can call. It goes the way of every request (mapping, claim, effect, read-back), and only where a directory may be served.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use clap::Args;
use selvage_engine::{Engine, EngineConfig, EngineTask, Rehearsal, Trial};
use selvage_mapping::trace::Step;
use selvage_model::exchange::{MediatedAnswer, MediatedRequest, Scope};
use selvage_model::fabric::Fabric;
use selvage_model::finding::Finding;
use selvage_model::manifest::api::Operation;
use selvage_model::manifest::object::Object;
use selvage_model::name::{AttributeName, ConsumerName, EnvironmentName, InterfaceRef, ObjectName, SystemName};
use selvage_model::problem::Problem;
use selvage_model::read::{self, Sources};
use selvage_store::Store;
use serde_json::Value;

use crate::key;
use crate::node::release;
use crate::secrets;

/// Who does it, in the store and the ledger.
const CONSUMER: &str = "by-hand";
const LEASE: Duration = Duration::from_secs(10);
const KEEP_KEYS: Duration = Duration::from_secs(7 * 86_400);

/// Which object of which system, and how it is reached.
#[derive(Args)]
pub(crate) struct ObjectChoice {
    /// The object, as `production-order` or `production-order@1`.
    pub(crate) object: String,
    /// The system; where not said, the only one that the object is mapped to.
    #[arg(long, value_name = "NAME")]
    pub(crate) system: Option<SystemName>,
    #[command(flatten)]
    pub(crate) place: Place,
}

/// Where the fabric is, and how its systems are reached.
#[derive(Args)]
pub(crate) struct Place {
    /// The fabric's directory.
    #[arg(long, value_name = "DIR", default_value = ".")]
    pub(crate) fabric: PathBuf,
    /// The environment whose addresses and accounts are used; it must not be a protected one.
    #[arg(long, value_name = "NAME", default_value = "dev")]
    pub(crate) env: EnvironmentName,
    /// The technical account to use there.
    #[arg(long, value_name = "NAME", default_value = "default")]
    pub(crate) account: String,
    /// The secrets that systems' accounts name: a file of `name=value` lines, or a directory with a file for each.
    #[arg(long, value_name = "PATH")]
    pub(crate) secrets: Option<PathBuf>,
    /// How long to wait for the system.
    #[arg(long, value_name = "DURATION", default_value = "60s", value_parser = crate::command::duration)]
    pub(crate) wait: Duration,
}

impl ObjectChoice {
    /// The fabric, the object and the system that are meant.
    ///
    /// # Errors
    /// When the fabric has errors, the environment is protected, or object or system are not there.
    pub(crate) fn resolve(&self) -> anyhow::Result<(Arc<Fabric>, Object, SystemName)> {
        let fabric = release::read(&self.place.fabric, &self.place.env)?.fabric;
        let object = find_object(&fabric, &self.object)?.clone();
        let system = match &self.system {
            Some(system) => system.clone(),
            None => only_system(&fabric, &object)?,
        };
        Ok((fabric, object, system))
    }
}

/// An engine that serves one object.
pub(crate) struct ByHand {
    engine: Engine,
    task: EngineTask,
    interface: InterfaceRef,
    consumer: ConsumerName,
    object: Object,
    wait: Duration,
}

impl ByHand {
    /// Reads the fabric, connects nothing yet, and serves the object with these operations.
    ///
    /// # Errors
    /// When the fabric has errors, the environment is protected, or object, system, account or secret are not there.
    pub(crate) async fn begin(choice: &ObjectChoice, operations: &[Operation], store: Store) -> anyhow::Result<Self> {
        let place = &choice.place;
        let (fabric, object, system) = choice.resolve()?;
        let fabric = with_interface(&fabric, &object, &system, &place.account, operations)?;
        let interface = fabric.interfaces.keys().next().context("the interface was not made")?.clone();
        let secrets = place.secrets.as_deref().map(secrets::load).transpose()?.unwrap_or_default();
        let config = EngineConfig {
            environment: place.env.clone(),
            node: format!("{CONSUMER}-{}-{}", std::process::id(), key::node_mark()),
            lease: LEASE,
            key_lifetime: KEEP_KEYS,
            secrets,
        };
        let engine = Engine::new(config, &store)?;
        engine.activate(Arc::new(fabric)).map_err(|findings| release::as_error(&findings))?;
        let task = engine.run();
        Ok(Self { engine, task, interface, consumer: CONSUMER.parse()?, object, wait: place.wait })
    }

    /// The object that is served.
    pub(crate) fn object(&self) -> &Object {
        &self.object
    }

    /// The attribute by which one record is named, where it is one.
    pub(crate) fn identity(&self) -> Option<&AttributeName> {
        match self.object.identity.as_slice() {
            [only] => Some(&only.value),
            _ => None,
        }
    }

    /// Every record that fits, a page of them.
    pub(crate) async fn list(&self, query: Vec<(String, String)>) -> MediatedAnswer {
        self.engine.execute(MediatedRequest { query, ..self.request(Operation::List) }).await
    }

    /// One record.
    pub(crate) async fn get(&self, id: &str) -> MediatedAnswer {
        self.engine.execute(MediatedRequest { id: Some(id.to_owned()), ..self.request(Operation::Get) }).await
    }

    /// A write under this key. Where its outcome is not known in time, what is known of it is the answer.
    pub(crate) async fn write(&self, operation: Operation, id: Option<&str>, body: Value, key: &str) -> MediatedAnswer {
        let request = MediatedRequest {
            id: id.map(str::to_owned),
            body: Some(body),
            key: Some(key.to_owned()),
            ..self.request(operation)
        };
        self.engine.execute(request).await
    }

    /// Tries the mapping on records of the live system.
    ///
    /// # Errors
    /// The problem that a list would be answered with.
    pub(crate) async fn rehearse(&self, trial: &Trial) -> Result<Rehearsal, Problem> {
        self.engine.rehearse(&self.interface, trial).await
    }

    /// Each attribute of one record, with where it comes from and goes to.
    pub(crate) async fn trace(&self, id: &str) -> Result<Vec<Step>, Problem> {
        self.engine.trace(&self.interface, id, self.wait).await
    }

    /// Leaves what is under way in a safe place and ends.
    pub(crate) async fn end(self) {
        self.task.shutdown().await;
    }

    fn request(&self, operation: Operation) -> MediatedRequest {
        MediatedRequest {
            interface: self.interface.clone(),
            operation,
            id: None,
            consumer: self.consumer.clone(),
            scope: Scope::default(),
            query: Vec::new(),
            body: None,
            key: None,
            if_match: None,
            correlation: uuid::Uuid::now_v7().to_string(),
            traceparent: None,
            patience: self.wait,
        }
    }
}

fn find_object<'a>(fabric: &'a Fabric, text: &str) -> anyhow::Result<&'a Object> {
    let found = match text.split_once('@') {
        Some(_) => text.parse().ok().and_then(|reference| fabric.objects.get(&reference)),
        None => text.parse::<ObjectName>().ok().and_then(|name| fabric.newest_object(&name)),
    };
    found.ok_or_else(|| {
        let known: Vec<String> = fabric.objects.keys().map(ToString::to_string).collect();
        anyhow::anyhow!("the fabric has no object `{text}`; it has {}", known.join(", "))
    })
}

/// The only system that the object is mapped to.
fn only_system(fabric: &Fabric, object: &Object) -> anyhow::Result<SystemName> {
    let reference = object.reference();
    let mapped = fabric.mappings.values().filter(|mapping| mapping.object.value == reference);
    let mut systems: Vec<&SystemName> = mapped.map(|mapping| &mapping.system.value).collect();
    systems.sort();
    systems.dedup();
    match systems.as_slice() {
        [] => anyhow::bail!("no mapping leads from `{reference}` to a system"),
        [only] => Ok((*only).clone()),
        several => {
            let names: Vec<&str> = several.iter().map(|name| name.as_str()).collect();
            anyhow::bail!("`{reference}` is mapped to {}: say which with `--system`", names.join(", "))
        }
    }
}

/// The fabric with this one interface and no other, so that no other's account or address is needed.
fn with_interface(
    fabric: &Fabric,
    object: &Object,
    system: &SystemName,
    account: &str,
    operations: &[Operation],
) -> anyhow::Result<Fabric> {
    let operations: Vec<&str> = operations.iter().map(|operation| operation.as_str()).collect();
    let manifest = serde_json::json!({
        "kind": "Interface",
        "name": CONSUMER,
        "type": "api",
        "version": "1.0",
        "owner": object.owner.value.as_str(),
        "lifecycle": "active",
        "classification": {"criticality": "tier-3", "latency": "near-real-time", "data": "internal"},
        "control": "mediated",
        "serves": {
            "object": object.reference().to_string(),
            "system": system.as_str(),
            "account": account,
            "operations": operations,
        },
    });
    let mut sources = Sources::default();
    sources.insert("command-line.yaml", manifest.to_string());
    let mut reading = read::read(&sources);
    anyhow::ensure!(reading.is_clean(), "{}", first(&reading.findings));
    Ok(Fabric { interfaces: std::mem::take(&mut reading.fabric.interfaces), ..fabric.clone() })
}

fn first(findings: &[Finding]) -> String {
    findings.first().map_or_else(String::new, |finding| format!("{}: {}", finding.code, finding.message))
}

/// A store for a command that only reads: it ends with the directory.
///
/// # Errors
/// When the directory cannot be written.
pub(crate) async fn passing_store(directory: &Path) -> anyhow::Result<Store> {
    Ok(Store::open(&format!("sqlite:{}", directory.join("passing.db").display())).await?)
}

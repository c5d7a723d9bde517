//! The active fabric as the engine needs it: what each mediated interface serves, through which connection, by which
//! mapping. Compiled off the path and swapped whole; connections whose settings stay the same are kept.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use selvage_connect::governor::{Governors, Priority};
use selvage_connect::odoo::Odoo;
use selvage_mapping::{AnswerCheck, CompiledMapping, EventData};
use selvage_model::code;
use selvage_model::fabric::Fabric;
use selvage_model::finding::Finding;
use selvage_model::manifest::api::{Api, Operation, Serves};
use selvage_model::manifest::interface::{Criticality, Interface, InterfaceBody, Lifecycle};
use selvage_model::manifest::mapping::Mapping;
use selvage_model::manifest::object::Object;
use selvage_model::manifest::system::{Connector, SecretName, System};
use selvage_model::name::{AttributeName, EnvironmentName, InterfaceRef, ObjectRef, SystemName};
use selvage_model::problem::Problem;
use selvage_model::verb::Verb;

use crate::arrival::Target;
use crate::capture::{self as watched, Watched};
use crate::connection::{Connection, Settings};
use crate::copy::Copied;
use crate::parking::{self, Parking};

const DEFAULT_ACCOUNT: &str = "default";

/// A system's account.
type AccountKey = (SystemName, String);
/// A mapping in one version of its system.
type MappingKey = (ObjectRef, SystemName, u32);

/// What one mediated interface serves.
pub(crate) struct Served {
    pub(crate) interface: InterfaceRef,
    pub(crate) object: Object,
    /// What the system calls its record; where that differs between versions, no verb is served.
    pub(crate) record: String,
    pub(crate) operations: Vec<Operation>,
    pub(crate) connection: Arc<Connection>,
    pub(crate) priority: Priority,
    /// The copy that lists and gets are answered from, where they are.
    pub(crate) copied: Option<Copied>,
    /// What of it is parked.
    pub(crate) parking: Parking,
    /// What its answers are held to, made when the first one is.
    answers: OnceLock<AnswerCheck>,
}

impl Served {
    /// The verb that an operation is of its record.
    pub(crate) fn verb(&self, operation: Operation) -> Option<Verb> {
        Verb::of(operation, &self.record)
    }

    /// What its answers are held to.
    pub(crate) fn answers(&self, fabric: &Fabric) -> &AnswerCheck {
        self.answers.get_or_init(|| AnswerCheck::compile(fabric, &self.object, self.connection.system()))
    }

    /// A handle on the system for calls of this interface.
    pub(crate) fn odoo(&self) -> Odoo {
        self.connection.odoo().with_priority(self.priority)
    }

    /// The attribute by which one record is addressed.
    pub(crate) fn identity(&self) -> Option<&AttributeName> {
        match self.object.identity.as_slice() {
            [only] => Some(&only.value),
            _ => None,
        }
    }
}

/// The fabric that is active.
pub(crate) struct Active {
    pub(crate) fabric: Arc<Fabric>,
    /// The release that it is, where it is one.
    pub(crate) release: Option<Arc<str>>,
    /// What the data of events is held to.
    pub(crate) event_data: EventData,
    served: BTreeMap<InterfaceRef, Arc<Served>>,
    watched: BTreeMap<InterfaceRef, Arc<Watched>>,
    /// What becomes of the calls of each webhook.
    targets: BTreeMap<InterfaceRef, Target>,
    connections: BTreeMap<AccountKey, Arc<Connection>>,
    mappings: Mutex<BTreeMap<MappingKey, Arc<CompiledMapping>>>,
}

/// What a fabric is compiled with.
pub(crate) struct Surroundings<'a> {
    pub(crate) environment: &'a EnvironmentName,
    pub(crate) secrets: &'a BTreeMap<SecretName, String>,
    pub(crate) before: &'a Active,
    pub(crate) release: Option<Arc<str>>,
    pub(crate) governors: &'a Governors,
}

impl Active {
    /// Nothing is declared.
    pub(crate) fn nothing() -> Self {
        Self {
            fabric: Arc::new(Fabric::default()),
            release: None,
            event_data: EventData::default(),
            served: BTreeMap::new(),
            watched: BTreeMap::new(),
            targets: BTreeMap::new(),
            connections: BTreeMap::new(),
            mappings: Mutex::default(),
        }
    }

    /// Compiles what the engine needs of a fabric, or says everything that is missing for it. Nothing is sent.
    pub(crate) fn compile(fabric: Arc<Fabric>, surroundings: &Surroundings<'_>) -> Result<Self, Vec<Finding>> {
        let mut compiled = Self { fabric, release: surroundings.release.clone(), ..Self::nothing() };
        let fabric = Arc::clone(&compiled.fabric);
        let mut findings = Vec::new();
        match EventData::compile(&fabric) {
            Ok(event_data) => compiled.event_data = event_data,
            Err(more) => findings.extend(more),
        }
        for interface in fabric.interfaces.values().filter(|interface| is_served(interface)) {
            let Some(Api::Mediated(serves)) = interface.api() else { continue };
            match compiled.serve(interface, serves, surroundings) {
                Ok(served) => {
                    compiled.served.insert(served.interface.clone(), Arc::new(served));
                }
                Err(more) => findings.extend(more),
            }
        }
        for interface in fabric.interfaces.values().filter(|interface| is_served(interface)) {
            if let Some(target) = Target::compile(&fabric, interface) {
                compiled.targets.insert(interface.reference(), target);
            }
            match compiled.watch(interface, surroundings) {
                Ok(None) => {}
                Ok(Some(watched)) => {
                    compiled.watched.insert(watched.interface.clone(), Arc::new(watched));
                }
                Err(more) => findings.extend(more),
            }
        }
        if !findings.is_empty() {
            return Err(findings);
        }
        compiled.park_as_known();
        Ok(compiled)
    }

    /// What was known of a system before another fabric became active holds for this one too, until it is compared again.
    fn park_as_known(&self) {
        for connection in self.connections() {
            if let Some(known) = connection.checking.known() {
                parking::reckon(self, connection, &known.seen);
            }
            connection.checking.doubt();
        }
    }

    /// What this interface serves.
    pub(crate) fn served(&self, interface: &InterfaceRef) -> Option<&Arc<Served>> {
        self.served.get(interface)
    }

    /// Everything that is served.
    pub(crate) fn all_served(&self) -> impl Iterator<Item = &Arc<Served>> {
        self.served.values()
    }

    /// What is served through this connection.
    pub(crate) fn through<'a>(&'a self, connection: &'a Arc<Connection>) -> impl Iterator<Item = &'a Arc<Served>> {
        self.served.values().filter(move |served| Arc::ptr_eq(&served.connection, connection))
    }

    /// What becomes of the calls of this webhook.
    pub(crate) fn target(&self, interface: &InterfaceRef) -> Option<&Target> {
        self.targets.get(interface)
    }

    /// What is captured for this interface.
    pub(crate) fn watched(&self, interface: &InterfaceRef) -> Option<&Arc<Watched>> {
        self.watched.get(interface)
    }

    /// Whether changes of these records are captured.
    pub(crate) fn is_captured(&self, system: &SystemName, record: &str) -> bool {
        let mut watched = self.watched.values();
        watched.any(|watched| watched.served.connection.system() == system && watched.record == record)
    }

    /// Whether Selvage makes such records.
    pub(crate) fn makes(&self, system: &SystemName, record: &str) -> bool {
        let of_record = |served: &&Arc<Served>| served.connection.system() == system && served.record == record;
        self.served.values().filter(of_record).any(|served| served.operations.contains(&Operation::Create))
    }

    /// Every interface that something is captured for.
    pub(crate) fn all_watched(&self) -> impl Iterator<Item = &InterfaceRef> {
        self.watched.keys()
    }

    /// Every connection.
    pub(crate) fn connections(&self) -> impl Iterator<Item = &Arc<Connection>> {
        self.connections.values()
    }

    /// The handle of what is served, in the language of its mapping where that names one.
    pub(crate) fn handle(&self, served: &Served) -> Odoo {
        let odoo = served.odoo();
        let (object, system) = (served.object.reference(), served.connection.system());
        let mappings = self.mappings.lock().unwrap_or_else(PoisonError::into_inner);
        let mut known = mappings.iter().filter(|((of, at, _), _)| of == &object && at == system);
        match known.find_map(|(_, mapping)| mapping.language()) {
            Some(language) => odoo.in_language(language),
            None => odoo,
        }
    }

    /// The mapping of this object in this version of the system, compiled at its first use.
    pub(crate) fn mapping(
        &self,
        object: &ObjectRef,
        system: &SystemName,
        major: u32,
    ) -> Result<Arc<CompiledMapping>, Problem> {
        let key = (object.clone(), system.clone(), major);
        let known = self.mappings.lock().unwrap_or_else(PoisonError::into_inner).get(&key).cloned();
        if let Some(mapping) = known {
            return Ok(mapping);
        }
        let unfit = |detail: String| Problem::new(502, code::VERSION_UNMAPPED, detail);
        let Some(mapping) = self.fabric.mapping(object, system, Some(major)) else {
            return Err(unfit(format!("no mapping of {object} fits version {major} of `{system}`")));
        };
        let compiled = CompiledMapping::compile(mapping, &self.fabric, major).map_err(|findings| {
            let first = findings.first().map_or_else(String::new, |finding| finding.message.clone());
            unfit(format!("mapping `{}` does not fit version {major} of `{system}`: {first}", mapping.name))
        })?;
        let compiled = Arc::new(compiled);
        let mut mappings = self.mappings.lock().unwrap_or_else(PoisonError::into_inner);
        mappings.insert(key, Arc::clone(&compiled));
        Ok(compiled)
    }

    fn serve(
        &mut self,
        interface: &Interface,
        serves: &Serves,
        surroundings: &Surroundings<'_>,
    ) -> Result<Served, Vec<Finding>> {
        let fabric = Arc::clone(&self.fabric);
        let object = fabric.objects.get(&serves.object.value).ok_or_else(|| {
            let message = format!("object `{}` is not declared", serves.object);
            vec![Finding::error(code::MAPPING_ABSENT, &serves.object.place, message)]
        })?;
        let mappings: Vec<&Mapping> = fabric
            .mappings
            .values()
            .filter(|mapping| {
                mapping.object.value == serves.object.value && mapping.system.value == serves.system.value
            })
            .collect();
        let mut findings = unfit_operations(&mappings, object, serves);
        let connection = self.connect(&fabric, serves, surroundings).map_err(|finding| findings.push(finding));
        match connection {
            Ok(connection) if findings.is_empty() => Ok(Served {
                interface: interface.reference(),
                object: object.clone(),
                record: mappings.first().map(|mapping| mapping.record.clone()).unwrap_or_default(),
                operations: serves.operations.iter().map(|operation| operation.value).collect(),
                connection,
                priority: priority(interface),
                copied: copied(&fabric, serves),
                parking: Parking::default(),
                answers: OnceLock::new(),
            }),
            _ => Err(findings),
        }
    }

    fn watch(
        &mut self,
        interface: &Interface,
        surroundings: &Surroundings<'_>,
    ) -> Result<Option<Watched>, Vec<Finding>> {
        let InterfaceBody::Event(event) = &interface.body else { return Ok(None) };
        let fabric = Arc::clone(&self.fabric);
        let Some(draft) = watched::draft(&fabric, event).map_err(|finding| vec![finding])? else { return Ok(None) };
        let served = Arc::new(self.serve(interface, &draft.serves, surroundings)?);
        let release = self.release.clone();
        watched::compile(interface, &draft, (served, release)).map(Some).map_err(|finding| vec![finding])
    }

    fn connect(
        &mut self,
        fabric: &Fabric,
        serves: &Serves,
        surroundings: &Surroundings<'_>,
    ) -> Result<Arc<Connection>, Finding> {
        let system = fabric.systems.get(&serves.system.value).ok_or_else(|| {
            let message = format!("system `{}` is not declared", serves.system);
            Finding::error(code::SYSTEM_ABSENT, &serves.system.place, message)
        })?;
        if system.connector != Connector::Odoo {
            let message =
                format!("system `{}` is not spoken to as Odoo, the one that objects are served from", system.name);
            let fix = "serve it directly by its OpenAPI contract";
            return Err(Finding::error(code::CONNECTOR_UNFIT, &serves.system.place, message).fix(fix));
        }
        let account = serves.account.as_ref().map_or(DEFAULT_ACCOUNT, |account| account.value.as_str());
        let key = (system.name.clone(), account.to_owned());
        if let Some(connection) = self.connections.get(&key) {
            return Ok(Arc::clone(connection));
        }
        let settings = settings(fabric, system, serves, account, surroundings)?;
        let before = surroundings.before.connections.get(&key).filter(|before| before.settings == settings);
        let connection = match before {
            Some(connection) => {
                // A new site may be a company that was not there when the companies were asked for.
                connection.renew();
                Arc::clone(connection)
            }
            None => Arc::new(
                Connection::build(settings, surroundings.governors)
                    .map_err(|message| Finding::error(code::ODOO_CONFIG, &system.place, message))?,
            ),
        };
        self.connections.insert(key, Arc::clone(&connection));
        Ok(connection)
    }
}

/// The copy that reads are answered from. One that nobody keeps is found when the fabric is checked.
fn copied(fabric: &Fabric, serves: &Serves) -> Option<Copied> {
    let reads = serves.reads.as_ref()?;
    let InterfaceBody::Event(event) = &fabric.interfaces.get(&reads.copy.value)?.body else { return None };
    Some(Copied { interface: reads.copy.value.clone(), max_age: event.copy_max_age?, older: reads.older })
}

fn settings(
    fabric: &Fabric,
    system: &System,
    serves: &Serves,
    account: &str,
    surroundings: &Surroundings<'_>,
) -> Result<Settings, Finding> {
    let name = surroundings.environment;
    let environment = system.environment(name).ok_or_else(|| {
        let message = format!("system `{}` is not declared for environment `{name}`", system.name);
        Finding::error(code::SYSTEM_ABSENT, &system.place, message).fix(format!("add `{name}` to its `environments`"))
    })?;
    let found = environment.accounts.iter().find(|known| known.name.value == account).ok_or_else(|| {
        let place = serves.account.as_ref().map_or(&environment.name.place, |account| &account.place);
        let message = format!("system `{}` has no account `{account}` in environment `{name}`", system.name);
        Finding::error(code::SYSTEM_ABSENT, place, message)
    })?;
    Settings::of(fabric, system, environment, found, surroundings.secrets)
}

/// How urgent calls for this interface are. What nobody classified can wait.
fn priority(interface: &Interface) -> Priority {
    match interface.classification.as_ref().map(|classification| classification.criticality) {
        Some(Criticality::Tier1) => Priority::First,
        Some(Criticality::Tier2) => Priority::Second,
        Some(Criticality::Tier3) | None => Priority::Third,
    }
}

/// Whether requests of this interface can reach the engine.
fn is_served(interface: &Interface) -> bool {
    matches!(interface.lifecycle, Lifecycle::Active | Lifecycle::Deprecated(_) | Lifecycle::Blocked { .. })
}

/// Operations that the object or the record it is mapped to does not have.
fn unfit_operations(mappings: &[&Mapping], object: &Object, serves: &Serves) -> Vec<Finding> {
    if mappings.is_empty() {
        let message = format!("no mapping leads from `{}` to system `{}`", serves.object, serves.system);
        return vec![Finding::error(code::MAPPING_ABSENT, &serves.object.place, message)];
    }
    let mut findings = Vec::new();
    for operation in &serves.operations {
        if operation.value != Operation::List && operation.value != Operation::Create && object.identity.len() != 1 {
            let message = format!(
                "`{}` addresses one record, and `{}` has an identity of {} attributes",
                operation.value,
                object.name,
                object.identity.len()
            );
            findings.push(Finding::error(code::OPERATION_UNFIT, &operation.place, message));
        }
        if !operation.value.is_verb() {
            continue;
        }
        let verb = |mapping: &Mapping| Verb::of(operation.value, &mapping.record);
        let first = mappings.first().and_then(|mapping| verb(mapping));
        for mapping in mappings.iter().filter(|mapping| first.is_none() || verb(mapping) != first) {
            let records = Verb::records(operation.value).collect::<Vec<_>>().join("`, `");
            let message = format!(
                "`{}` is a verb of `{records}`, and mapping `{}` leads to `{}`",
                operation.value, mapping.name, mapping.record
            );
            findings.push(Finding::error(code::OPERATION_UNFIT, &operation.place, message));
        }
    }
    findings
}

//! An interface as the gateway serves it: its life, its operations, its routes and its limits.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use http::{HeaderName, HeaderValue, Method};
use jiff::Timestamp;
use selvage_model::fabric::Fabric;
use selvage_model::finding::Finding;
use selvage_model::manifest::api::{Answers, Api, Cache, Operation as Verb};
use selvage_model::manifest::event::{EventInterface, EventType, PUBLISH, READ};
use selvage_model::manifest::interface::{Criticality, CutOff, Interface, InterfaceBody, Lifecycle, OnPartition};
use selvage_model::manifest::object::Object;
use selvage_model::manifest::webhook::WebhookInterface;
use selvage_model::name::{EnvironmentName, InterfaceRef, SystemName};
use selvage_model::scalar::Quota;

use super::checks::{self, Checks};
use super::declared::Declaring;
use super::scope::{self, Classed};
use super::{announce, direct, mediated};
use crate::admission::UpstreamRules;
use crate::cache::CacheRules;
use crate::gate::Room;
use crate::limit::Allowance;
use crate::pool::Address;
use crate::webhook::Demand;

/// An interface that the gateway answers for.
#[derive(Debug)]
pub(crate) struct Served {
    /// Its index in the snapshot.
    pub(crate) index: u32,
    pub(crate) reference: InterfaceRef,
    pub(crate) life: Life,
    /// The word of its lifecycle.
    pub(crate) state: &'static str,
    pub(crate) kind: Kind,
    pub(crate) operations: Arc<[Operation]>,
    /// Interfaces of one contract have the same.
    pub(crate) routes: Arc<matchit::Router<Methods>>,
    /// What counts as an attribute: those of the object that it serves, or those that its contract names where requests are looked into.
    pub(crate) attributes: Vec<Box<str>>,
    /// The types of an event interface, each with what its object has of the attributes, by their places.
    pub(crate) types: BTreeMap<Box<str>, Vec<usize>>,
    /// Whether everyone may see the values that a mediated or an event interface carries.
    pub(crate) shows_values: bool,
    /// What of the messages of a direct interface carries a class of data.
    pub(crate) classes: Vec<Classed>,
    pub(crate) criticality: Criticality,
    /// How long it is served while the access state is not heard, in nanoseconds.
    pub(crate) serves_for: u64,
    /// Until the answer begins.
    pub(crate) timeout: Option<Duration>,
    /// Whether requests may become WebSockets at its upstream.
    pub(crate) websocket: bool,
    /// Bytes a request's body may have, where not what the node lets pass.
    pub(crate) most_body: Option<u64>,
    /// Until the upstream takes the connection.
    pub(crate) connect: Option<Duration>,
    /// Until the answer is given.
    pub(crate) total: Option<Duration>,
    /// How many requests it bears.
    pub(crate) room: Option<Room>,
    pub(crate) rate: Option<Allowance>,
    pub(crate) quota: Option<Quota>,
    /// Whether its limits refuse while the store that they are shared out from cannot be reached.
    pub(crate) refuses_cut_off: bool,
    /// Headers of every answer that announce its life.
    pub(crate) announces: Vec<(HeaderName, HeaderValue)>,
    /// When it refuses everything, where it does at times.
    pub(crate) brownouts: Option<Box<[(Timestamp, Timestamp)]>>,
    /// What its messages are checked against; on a mediated interface its answers, by who gives them.
    pub(crate) checks: Option<Box<Checks>>,
    /// How the answers of a direct interface are kept.
    pub(crate) cache: Option<Box<CacheRules>>,
    /// What proves a call, where it is a webhook.
    pub(crate) demand: Option<Box<Demand>>,
    prefix: String,
}

/// How it lives. INVARIANT: LIVE-LIFECYCLE
#[derive(Debug)]
pub(crate) enum Life {
    /// Active or deprecated.
    Served,
    Retired,
    Blocked(Option<String>),
}

/// Where its requests go.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Kind {
    /// To this upstream.
    Direct(u32),
    /// To the engine; calls of webhooks too.
    Mediated,
    /// Through the engine to the event log.
    Events,
}

/// One declared operation.
#[derive(Debug)]
pub(crate) struct Operation {
    /// As grants name it.
    pub(crate) name: Box<str>,
    /// What it is on a mediated interface.
    pub(crate) verb: Option<Verb>,
    /// Whether its contract has a parameter of queries that names another method.
    pub(crate) names_method: bool,
}

/// A system's address, and the path there that an interface hangs below.
#[derive(Debug)]
pub(crate) struct Upstream {
    /// Whose address it is.
    pub(crate) system: SystemName,
    /// What it bears.
    pub(crate) rules: UpstreamRules,
    /// Where it is; the same for all interfaces of the system.
    pub(crate) address: Arc<Address>,
    /// Its place among the addresses of the snapshot.
    pub(crate) at: u32,
    /// The `Host` header.
    pub(crate) authority: HeaderValue,
    /// Before the contract's paths; no slash at the end.
    pub(crate) base: String,
}

/// The methods of one path.
#[derive(Clone, Debug, Default)]
pub(crate) struct Methods {
    list: Vec<(Method, u32)>,
    /// The `Allow` header.
    pub(crate) allow: Option<HeaderValue>,
}

impl Methods {
    /// The operation that a method stands for; HEAD is a GET whose body is not sent.
    pub(crate) fn operation(&self, method: &Method) -> Option<u32> {
        let of = |wanted: &Method| self.list.iter().find(|(method, _)| method == wanted).map(|(_, index)| *index);
        of(method).or_else(|| if method == Method::HEAD { of(&Method::GET) } else { None })
    }

    fn allow_text(&self) -> String {
        let mut words: Vec<&str> = self.list.iter().map(|(method, _)| method.as_str()).collect();
        if words.contains(&"GET") && !words.contains(&"HEAD") {
            words.push("HEAD");
        }
        if !words.contains(&"OPTIONS") {
            words.push("OPTIONS");
        }
        words.join(", ")
    }
}

/// Paths with their methods, on the way to a router.
#[derive(Debug, Default)]
pub(crate) struct Paths(BTreeMap<String, Methods>);

impl Paths {
    /// Adds an operation at a path template.
    pub(crate) fn add(&mut self, path: String, method: Method, operation: u32) {
        self.0.entry(path).or_default().list.push((method, operation));
    }

    /// The router; the paths that it cannot hold are given back with the reason.
    pub(crate) fn router(self) -> (matchit::Router<Methods>, Vec<(String, String)>) {
        let mut router = matchit::Router::new();
        let mut rejected = Vec::new();
        for (path, mut methods) in self.0 {
            methods.allow = HeaderValue::try_from(methods.allow_text()).ok();
            if let Err(error) = router.insert(path.as_str(), methods) {
                rejected.push((path, error.to_string()));
            }
        }
        (router, rejected)
    }
}

impl Served {
    /// `{name}/v{major}`.
    pub(super) fn prefix(&self) -> &str {
        &self.prefix
    }

    pub(crate) fn operation(&self, index: u32) -> Option<&Operation> {
        self.operations.get(index as usize)
    }

    /// Until when it refuses everything, where it does now. INVARIANT: LIVE-LIFECYCLE
    #[inline]
    pub(crate) fn brownout(&self, now: Timestamp) -> Option<Timestamp> {
        let windows = self.brownouts.as_deref()?;
        windows.iter().filter(|(from, to)| *from <= now && now < *to).map(|(_, to)| *to).max()
    }

    /// The window of a brownout that is on, or comes next.
    pub(crate) fn next_brownout(&self, now: Timestamp) -> Option<(Timestamp, Timestamp)> {
        let windows = self.brownouts.as_deref()?;
        windows.iter().filter(|(from, to)| now < *to && from < to).min().copied()
    }

    fn new(interface: &Interface, fabric: &Fabric, index: u32) -> Self {
        let limits = interface.limits;
        let classification = interface.classification.as_ref();
        let rate = limits.rate.map(Allowance::of);
        let life = match &interface.lifecycle {
            Lifecycle::Retired { .. } => Life::Retired,
            Lifecycle::Blocked { because } => Life::Blocked(because.clone()),
            Lifecycle::Draft | Lifecycle::Active | Lifecycle::Deprecated(_) => Life::Served,
        };
        let announces = match &interface.lifecycle {
            Lifecycle::Deprecated(deprecation) => {
                let successor = deprecation.successor.as_ref().map(|to| path_of(fabric, &to.value));
                announce::deprecation(deprecation, successor.as_deref())
            }
            Lifecycle::Retired { successor } => {
                let successor = successor.as_ref().map(|to| path_of(fabric, &to.value));
                announce::retirement(successor.as_deref())
            }
            _ => Vec::new(),
        };
        Self {
            index,
            prefix: format!("{}/v{}", interface.name, interface.version.major),
            reference: interface.reference(),
            life,
            state: interface.lifecycle.as_str(),
            kind: Kind::Mediated,
            operations: Arc::default(),
            routes: Arc::default(),
            attributes: Vec::new(),
            types: BTreeMap::new(),
            shows_values: false,
            classes: Vec::new(),
            // What nobody calls critical is the first to be refused.
            criticality: classification.map_or(Criticality::Tier3, |it| it.criticality),
            serves_for: 0,
            timeout: limits.timeout,
            websocket: false,
            most_body: limits.body,
            connect: limits.connect,
            total: limits.total,
            room: limits.concurrency.map(|most| Room::even(most, limits.wait.unwrap_or_default())),
            rate,
            quota: limits.quota,
            refuses_cut_off: limits.cut_off == CutOff::Refuse,
            announces,
            brownouts: brownouts(interface),
            checks: None,
            cache: None,
            demand: None,
        }
    }

    /// A webhook, where its calls can be proven: one that anybody could call takes none.
    fn webhook(&mut self, webhook: &WebhookInterface) -> bool {
        self.demand = Demand::new(webhook).map(Box::new);
        self.operations = Arc::new([Operation { name: "receive".into(), verb: None, names_method: false }]);
        self.demand.is_some()
    }
}

impl Served {
    /// The routes of an event interface.
    fn events(&mut self) {
        self.kind = Kind::Events;
        self.operations =
            [PUBLISH, READ].map(|name| Operation { name: name.into(), verb: None, names_method: false }).into();
        let mut paths = Paths::default();
        paths.add("/events".to_owned(), Method::POST, 0);
        paths.add("/events".to_owned(), Method::GET, 1);
        paths.add("/groups/{id}/lease".to_owned(), Method::POST, 1);
        paths.add("/groups/{id}/commit".to_owned(), Method::POST, 1);
        paths.add("/groups/{id}".to_owned(), Method::DELETE, 1);
        self.routes = Arc::new(paths.router().0);
    }
}

impl Served {
    /// The types of an event interface, and what counts as an attribute of their events.
    fn typed(&mut self, fabric: &Fabric, declared: &EventInterface) {
        for kind in &declared.events {
            let attributes = carried(fabric, kind).into_iter().flat_map(|object| &object.attributes);
            let names: Vec<&str> = attributes.map(|attribute| attribute.name.value.as_str()).collect();
            let places = names.into_iter().map(|name| self.place(name)).collect();
            self.types.insert(kind.name.value.as_str().into(), places);
        }
    }

    /// The place of an attribute that several types may have.
    fn place(&mut self, name: &str) -> usize {
        let known = self.attributes.iter().position(|known| **known == *name);
        known.unwrap_or_else(|| {
            self.attributes.push(name.into());
            self.attributes.len() - 1
        })
    }
}

/// The object that events of a type carry.
fn carried<'f>(fabric: &'f Fabric, kind: &EventType) -> Option<&'f Object> {
    fabric.objects.get(&kind.object()?.value)
}

/// What a node does that cannot hear the access state, where an interface says nothing.
pub(super) fn unsaid_on_partition(fabric: &Fabric, environment: &EnvironmentName) -> OnPartition {
    let environments = fabric.settings.iter().flat_map(|settings| &settings.environments);
    let here = environments.filter(|here| here.name.value == *environment);
    here.filter_map(|here| here.on_partition).next().unwrap_or(OnPartition::DEFAULT)
}

/// For how many nanoseconds it serves.
pub(super) fn nanos(on_partition: OnPartition) -> u64 {
    u64::try_from(on_partition.serves_for().as_nanos()).unwrap_or(u64::MAX)
}

/// The windows in which a deprecated interface refuses everything. INVARIANT: FAIL-SAFE: never one on which a plant depends.
fn brownouts(interface: &Interface) -> Option<Box<[(Timestamp, Timestamp)]>> {
    let windows = selvage_model::announce::brownouts(interface).iter().map(|window| (window.from, window.to));
    let windows: Box<[(Timestamp, Timestamp)]> = windows.collect();
    (!windows.is_empty()).then_some(windows)
}

/// An index that a snapshot can hold; more than four thousand million things are not in one fabric.
pub(crate) fn index(place: usize) -> u32 {
    u32::try_from(place).unwrap_or(u32::MAX)
}

/// Where an interface is asked: its collection, where it is mediated.
fn path_of(fabric: &Fabric, interface: &InterfaceRef) -> String {
    let base = format!("/{}/v{}", interface.name, interface.major);
    match fabric.interfaces.get(interface).and_then(Interface::api) {
        Some(Api::Mediated(serves)) => format!("{base}/{}", serves.object.value.name.plural()),
        _ => base,
    }
}

/// How its answers are kept, with all that they come from and were checked against.
fn rules(cache: Cache, interface: &Interface, contract: Option<&Arc<str>>, upstream: &Upstream) -> CacheRules {
    CacheRules {
        same_for_all: cache.answers == Answers::SameForAll,
        size: cache.size,
        largest: cache.largest,
        most: cache.max_age.map(|age| age.as_secs()),
        address: Arc::clone(&upstream.address),
        origin: format!("{} {} {:?}", interface.version, upstream.base, interface.validation),
        contract: contract.map_or_else(|| Arc::from(""), Arc::clone),
    }
}

/// Every api and event interface and every webhook that traffic can meet. A draft is not served, as if nobody had declared it.
pub(super) fn compile(declaring: &mut Declaring<'_>, findings: &mut Vec<Finding>) -> (Vec<Served>, Vec<Upstream>) {
    let mut all: Vec<Served> = Vec::new();
    let mut upstreams = Vec::new();
    let fabric = declaring.fabric;
    let unsaid = unsaid_on_partition(fabric, declaring.environment);
    for interface in fabric.interfaces.values() {
        let mut served = Served::new(interface, fabric, index(all.len()));
        served.serves_for = nanos(interface.on_partition.unwrap_or(unsaid));
        let is_past = matches!(interface.lifecycle, Lifecycle::Retired { .. } | Lifecycle::Blocked { .. });
        match &interface.body {
            _ if interface.lifecycle == Lifecycle::Draft => continue,
            InterfaceBody::File(_) | InterfaceBody::Flow => continue,
            InterfaceBody::Webhook(webhook) if !served.webhook(webhook) => continue,
            InterfaceBody::Api(_) | InterfaceBody::Event(_) | InterfaceBody::Webhook(_) if is_past => {}
            InterfaceBody::Event(event) => {
                served.events();
                served.typed(fabric, event);
                served.shows_values =
                    checks::shows_objects(interface, event.events.iter().filter_map(|kind| carried(fabric, kind)));
            }
            InterfaceBody::Webhook(_) => {}
            InterfaceBody::Api(Api::Mediated(serves)) => {
                let (operations, paths) = mediated::compile(serves);
                served.operations = operations.into();
                served.routes = Arc::new(paths.router().0);
                let object = fabric.objects.get(&serves.object.value);
                served.checks = checks::of_object(interface, object);
                served.shows_values = checks::shows_objects(interface, object);
                let attributes = object.into_iter().flat_map(|object| &object.attributes);
                served.attributes = attributes.map(|attribute| attribute.name.value.as_str().into()).collect();
            }
            InterfaceBody::Api(Api::Direct { openapi, classes, upstream, cache }) => {
                let Some(direct) = direct::compile(declaring, openapi, upstream, findings) else { continue };
                served.kind = Kind::Direct(index(upstreams.len()));
                served.classes = scope::classes(&direct.contract, classes);
                let shows_values = checks::shows_values(interface, &served);
                let operations = &direct.operations;
                served.checks = checks::compile(fabric, interface, &openapi.value, (operations, shows_values));
                served.attributes = checks::attributes(fabric, interface, &openapi.value);
                served.operations = direct.operations;
                served.routes = direct.routes;
                served.websocket = upstream.websocket;
                let contract = fabric.files.get(&openapi.value);
                served.cache = cache.map(|cache| Box::new(rules(cache, interface, contract, &direct.upstream)));
                upstreams.push(direct.upstream);
            }
        }
        all.push(served);
    }
    (all, upstreams)
}

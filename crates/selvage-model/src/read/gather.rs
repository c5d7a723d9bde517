//! Goes through the files: which hold manifests, which are named by them, and what all of them together declare.
//! Keeps the bounds of the fabric as a whole.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::check::{article, check_record};
use super::digest::{self, DocumentHash};
use super::extend::{Extension, Extensions, is_shipped};
use super::fan::fan_out;
use super::fields::{Fields, spanned_text};
use super::follow::follow;
use super::{
    FABRIC_BYTES, Reading, Source, Sources, access, flow, governance, interface, issuer, mapping, nearest, object,
    organisation, system,
};
use crate::access::EndAction;
use crate::code;
use crate::fabric::Fabric;
use crate::finding::{Finding, show};
use crate::manifest::api::Api;
use crate::manifest::consumer::{Consumer, Grant, Subscription};
use crate::manifest::event::EventType;
use crate::manifest::flow::Flow;
use crate::manifest::interface::{Criticality, Interface, InterfaceBody};
use crate::manifest::issuer::Issuer;
use crate::manifest::kind::Kind;
use crate::manifest::mapping::Mapping;
use crate::manifest::object::{CodeSet, Object};
use crate::manifest::organisation::{Domain, FabricSettings, Site, Team};
use crate::manifest::rule::{ApprovalRule, Rule, Waiver};
use crate::manifest::system::System;
use crate::schema::tables;
use crate::source::{Place, Spanned};
use crate::yaml::{self, Limits, Node};

/// Most findings that are shown of one file.
const MOST_FINDINGS: usize = 200;
/// Most values in all manifests together.
const MOST_NODES: usize = 8_000_000;

/// One manifest.
#[expect(clippy::large_enum_variant, reason = "made and taken apart at once")]
enum Thing {
    Fabric(FabricSettings),
    Domain(Domain),
    Site(Site),
    Team(Team),
    System(System),
    Rule(Rule),
    Object(Object),
    CodeSet(CodeSet),
    Mapping(Mapping),
    Interface(Interface),
    Issuer(Issuer),
    Consumer(Consumer),
    /// With whether it says what its end does.
    Grant(Grant, bool),
    Subscription(Subscription),
    Flow(Flow),
    ApprovalRule(ApprovalRule),
    Waiver(Waiver),
}

/// What a file held.
#[derive(Default)]
struct FileReading {
    things: Vec<Thing>,
    hashes: Vec<DocumentHash>,
    documents: usize,
    findings: Vec<Finding>,
    unread: Vec<(Kind, String)>,
    /// Contracts and schemas of interfaces that cannot be taken yet: they are no manifests all the same.
    named_by_unread: Vec<Named>,
    extensions: Vec<Extension>,
    /// Documents of a pack that may be extended: they are read when all extensions are known.
    shipped: Vec<(Kind, Node)>,
    /// How many values it has.
    nodes: usize,
}

impl FileReading {
    fn is_unreadable(&self) -> bool {
        self.findings.iter().any(|finding| finding.code == code::UNREADABLE)
    }
}

/// A file that a manifest names.
#[derive(Clone, Debug)]
pub(super) struct Named {
    pub(super) path: Spanned<String>,
    pub(super) holds: Holds,
}

/// What a file that a manifest names is said to hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Holds {
    /// An OpenAPI contract.
    Contract,
    /// The schema of an event's data.
    Schema,
    /// Any text.
    Text,
}

pub(super) fn gather(sources: &Sources) -> Reading {
    let mut budget = Budget { bytes: FABRIC_BYTES, nodes: MOST_NODES };
    let mut files = read_files(sources, &mut budget);
    let mut reading = Reading::default();
    extend(&mut files, &mut reading.findings);
    let named: Vec<Named> = files.values().flat_map(all_named).collect();
    set_aside(&named, &mut files, &mut reading.findings);
    let mut hashes = Vec::new();
    let mut quiet_grants = Vec::new();
    for (path, mut file) in files {
        reading.manifests += file.documents;
        hashes.append(&mut file.hashes);
        bound(path, &mut file.findings);
        reading.findings.append(&mut file.findings);
        reading.fabric.unread.extend(file.unread);
        for thing in file.things {
            declare(thing, &mut reading, &mut quiet_grants);
        }
    }
    follow(&named, sources, &mut budget, &mut reading, &mut hashes);
    system::judge_tls(&reading.fabric, &mut reading.findings);
    fail_safe(&mut reading.fabric, &quiet_grants);
    reading.digest = digest::of(hashes);
    reading.findings.sort_by(|a, b| a.place.cmp(&b.place));
    reading
}

/// Reads what packs ship, with what the fabric says instead of some of it.
fn extend(files: &mut BTreeMap<&str, FileReading>, findings: &mut Vec<Finding>) {
    let all = files.values_mut().flat_map(|file| std::mem::take(&mut file.extensions)).collect();
    let mut extensions = Extensions::new(all, findings);
    for file in files.values_mut() {
        for (kind, node) in std::mem::take(&mut file.shipped) {
            let node = extensions.apply(kind, node, findings);
            take(kind, &node, file);
        }
    }
    extensions.finish(findings);
}

/// A contract may be YAML as well: what a manifest names is no manifest. But no manifest is lost by being named.
fn set_aside(named: &[Named], files: &mut BTreeMap<&str, FileReading>, findings: &mut Vec<Finding>) {
    for Named { path, .. } in named {
        let holds = files.get(path.value.as_str()).map(|file| (file.documents > 0, file.is_unreadable()));
        match holds {
            Some((true, _)) => {
                let message = format!(
                    "{} is named as a contract, a schema, scenarios or authorities, but holds manifests",
                    show(&path.value)
                );
                let finding = Finding::error(code::NAMED_FILE, &path.place, message);
                findings.push(finding.fix("put the two into different files"));
            }
            Some((false, false)) => drop(files.remove(path.value.as_str())),
            Some((false, true)) | None => {}
        }
    }
}

/// What may still be read.
pub(super) struct Budget {
    bytes: u64,
    nodes: usize,
}

impl Budget {
    pub(super) fn take_bytes(&mut self, path: &str, bytes: &[u8]) -> Result<(), Finding> {
        if let Some(left) = self.bytes.checked_sub(bytes.len() as u64) {
            self.bytes = left;
            return Ok(());
        }
        let message = format!("with this file the fabric has more than {FABRIC_BYTES} bytes; it was not read");
        let finding = Finding::error(code::TOO_LARGE, &Place::start(path), message);
        Err(finding.fix("keep only manifests and contracts in the fabric's directory"))
    }
}

/// Reads all files that may hold manifests, side by side.
fn read_files<'a>(sources: &'a Sources, budget: &mut Budget) -> BTreeMap<&'a str, FileReading> {
    let mut files = BTreeMap::new();
    let mut admitted = Vec::new();
    for (path, source) in sources.iter() {
        match admit(path, source, budget) {
            Admission::Passed => {}
            Admission::Refused(finding) => {
                files.insert(path, FileReading { findings: vec![finding], ..FileReading::default() });
            }
            Admission::Admitted(bytes) => admitted.push((path, bytes)),
        }
    }
    let readings = fan_out(&admitted, |(path, bytes)| read_file(path, bytes, MOST_NODES));
    for ((path, bytes), mut reading) in admitted.into_iter().zip(readings) {
        if reading.nodes > budget.nodes {
            // The fabric has too many values: this file is read again, as far as there is room.
            reading = read_file(path, bytes, budget.nodes);
        }
        budget.nodes = budget.nodes.saturating_sub(reading.nodes);
        files.insert(path, reading);
    }
    files
}

/// What becomes of a file.
enum Admission<'a> {
    /// It holds no manifests.
    Passed,
    /// It is not read.
    Refused(Finding),
    /// It is read.
    Admitted(&'a [u8]),
}

fn admit<'a>(path: &str, source: &'a Source, budget: &mut Budget) -> Admission<'a> {
    match source {
        Source::Unreadable(because) => {
            let message = format!("this cannot be read: {because}");
            let finding = Finding::error(code::UNREADABLE, &Place::start(path), message);
            Admission::Refused(finding.fix("give the user that runs selvage the right to read it"))
        }
        _ if !Sources::is_manifest(path) => Admission::Passed,
        Source::Oversized(bytes) => Admission::Refused(yaml::too_large(path, *bytes, Limits::MANIFESTS.bytes as u64)),
        Source::Bytes(bytes) => match budget.take_bytes(path, bytes) {
            Ok(()) => Admission::Admitted(bytes),
            Err(finding) => Admission::Refused(finding),
        },
    }
}

fn read_file(path: &str, bytes: &[u8], most_nodes: usize) -> FileReading {
    let mut file = FileReading::default();
    let (nodes, mut findings) = yaml::parse(bytes, &Arc::from(path), &Limits::MANIFESTS);
    file.findings.append(&mut findings);
    for node in nodes {
        let size = node.size();
        if file.nodes + size > most_nodes {
            let message = format!("with this document the fabric has more than {MOST_NODES} values; it was not read");
            file.findings.push(Finding::error(code::TOO_LARGE, &node.place, message).fix("split the fabric"));
            break;
        }
        file.nodes += size;
        read_document(path, node, &mut file);
    }
    file
}

fn read_document(path: &str, node: Node, file: &mut FileReading) {
    let Some(kind) = kind(&node, &mut file.findings) else { return };
    file.documents += 1;
    let extension = tables::extension::of(kind);
    if let Some(record) = extension.filter(|_| node.get("extends").is_some()) {
        check_record(&node, record, &["kind"], &mut file.findings);
        file.hashes.push(digest::document(kind, &node, record));
        file.extensions.extend(Extension::of(kind, node));
        return;
    }
    file.hashes.push(digest::document(kind, &node, tables::of(kind)));
    if extension.is_some() && is_shipped(path) {
        file.shipped.push((kind, node));
    } else {
        take(kind, &node, file);
    }
}

/// Checks a document and makes its thing.
fn take(kind: Kind, node: &Node, file: &mut FileReading) {
    let record = tables::of(kind);
    let errors_before = file.findings.len();
    check_record(node, record, &["kind"], &mut file.findings);
    let thing = build(kind, Fields::new(node, record), &mut file.findings);
    if thing.is_none() {
        let name = node.get("name").and_then(Node::text);
        file.unread.extend(name.map(|name| (kind, name.to_owned())));
        let contract = node.get("contract").and_then(|contract| contract.get("openapi")).and_then(spanned_text);
        let events = node.get("events").map(Node::entries).unwrap_or_default();
        let schemas = events.iter().filter_map(|(_, event)| event.get("schema").and_then(spanned_text));
        file.named_by_unread.extend(contract.map(|path| Named { path, holds: Holds::Contract }));
        file.named_by_unread.extend(schemas.map(|path| Named { path, holds: Holds::Schema }));
    }
    match thing {
        Some(thing) => file.things.push(thing),
        None if file.findings.len() == errors_before => {
            let message = format!("{} cannot be read", article(kind.as_str()));
            file.findings.push(Finding::error(code::BAD_VALUE, &node.place, message));
        }
        None => {}
    }
}

fn kind(node: &Node, findings: &mut Vec<Finding>) -> Option<Kind> {
    let words = || Kind::ALL.iter().map(|kind| kind.as_str());
    let Some(field) = node.get("kind") else {
        let finding =
            Finding::error(code::UNKNOWN_KIND, &node.place, "the document does not say what `kind` of manifest it is");
        let kinds = words().collect::<Vec<_>>().join(", ");
        findings.push(
            finding.fix(format!("begin it with `kind:` and one of {kinds}; a contract is named by its interface")),
        );
        return None;
    };
    let Some(word) = field.text() else {
        let finding = Finding::error(code::UNKNOWN_KIND, &field.place, "`kind` is not a word");
        findings.push(finding.fix(format!("use one of {}", words().collect::<Vec<_>>().join(", "))));
        return None;
    };
    let kind = word.parse().ok();
    if kind.is_none() {
        let finding = Finding::error(code::UNKNOWN_KIND, &field.place, format!("there is no kind {}", show(word)));
        findings.push(match nearest(word, words()) {
            Some(like) => finding.fix(format!("did you mean `{like}`?")),
            None => finding.fix(format!("use one of {}", words().collect::<Vec<_>>().join(", "))),
        });
    }
    kind
}

fn build(kind: Kind, fields: Fields<'_>, findings: &mut Vec<Finding>) -> Option<Thing> {
    Some(match kind {
        Kind::Fabric => Thing::Fabric(organisation::fabric(fields)?),
        Kind::Domain => Thing::Domain(organisation::domain(fields)?),
        Kind::Site => Thing::Site(organisation::site(fields, findings)?),
        Kind::Team => Thing::Team(organisation::team(fields)?),
        Kind::System => Thing::System(system::system(fields)?),
        Kind::Rule => Thing::Rule(governance::rule(fields)?),
        Kind::Object => Thing::Object(object::object(fields, findings)?),
        Kind::CodeSet => Thing::CodeSet(object::code_set(fields, findings)?),
        Kind::Mapping => Thing::Mapping(mapping::mapping(fields, findings)?),
        Kind::Interface => Thing::Interface(interface::interface(fields, findings)?),
        Kind::Issuer => Thing::Issuer(issuer::issuer(fields)?),
        Kind::Consumer => Thing::Consumer(access::consumer(fields)?),
        Kind::Grant => {
            let (grant, says_end) = access::grant(fields, findings)?;
            Thing::Grant(grant, says_end)
        }
        Kind::Subscription => Thing::Subscription(access::subscription(fields)?),
        Kind::Flow => Thing::Flow(flow::flow(fields, findings)?),
        Kind::ApprovalRule => Thing::ApprovalRule(governance::approval_rule(fields)?),
        Kind::Waiver => Thing::Waiver(governance::waiver(fields)?),
    })
}

fn all_named(file: &FileReading) -> Vec<Named> {
    file.things.iter().flat_map(named).chain(file.named_by_unread.iter().cloned()).collect()
}

fn named(thing: &Thing) -> Vec<Named> {
    let plain = |path: &Spanned<String>| Named { path: path.clone(), holds: Holds::Text };
    match thing {
        Thing::Interface(interface) => match &interface.body {
            InterfaceBody::Api(Api::Direct { openapi, .. }) => {
                vec![Named { path: openapi.clone(), holds: Holds::Contract }]
            }
            InterfaceBody::Event(event) => {
                let schemas = event.events.iter().filter_map(EventType::schema);
                schemas.map(|path| Named { path: path.clone(), holds: Holds::Schema }).collect()
            }
            _ => Vec::new(),
        },
        Thing::Flow(flow) => flow.scenarios.iter().map(plain).collect(),
        Thing::System(system) => system.authorities().map(plain).collect(),
        _ => Vec::new(),
    }
}

/// Puts a thing under its name; where the name is taken, the first stays and both places are told.
fn declare(thing: Thing, reading: &mut Reading, quiet_grants: &mut Vec<usize>) {
    let Reading { fabric, findings, .. } = reading;
    match thing {
        Thing::Fabric(it) => match &fabric.settings {
            Some(first) => findings.push(twice("the fabric", &it.place, &first.place)),
            None => fabric.settings = Some(it),
        },
        Thing::Domain(it) => put(&mut fabric.domains, it.name.clone(), it, "domain", |it| &it.place, findings),
        Thing::Site(it) => put(&mut fabric.sites, it.name.clone(), it, "site", |it| &it.place, findings),
        Thing::Team(it) => put(&mut fabric.teams, it.name.clone(), it, "team", |it| &it.place, findings),
        Thing::System(it) => put(&mut fabric.systems, it.name.clone(), it, "system", |it| &it.place, findings),
        Thing::Rule(it) => put(&mut fabric.rules, it.name.clone(), it, "rule", |it| &it.place, findings),
        Thing::Object(it) => put(&mut fabric.objects, it.reference(), it, "object", |it| &it.place, findings),
        Thing::CodeSet(it) => put(&mut fabric.code_sets, it.name.clone(), it, "code set", |it| &it.place, findings),
        Thing::Mapping(it) => put(&mut fabric.mappings, it.name.clone(), it, "mapping", |it| &it.place, findings),
        Thing::Interface(it) => put(&mut fabric.interfaces, it.reference(), it, "interface", |it| &it.place, findings),
        Thing::Issuer(it) => put(&mut fabric.issuers, it.name.clone(), it, "issuer", |it| &it.place, findings),
        Thing::Consumer(it) => put(&mut fabric.consumers, it.name.clone(), it, "consumer", |it| &it.place, findings),
        Thing::Flow(it) => put(&mut fabric.flows, it.name.clone(), it, "flow", |it| &it.place, findings),
        Thing::ApprovalRule(it) => {
            put(&mut fabric.approval_rules, it.name.clone(), it, "approval rule", |it| &it.place, findings);
        }
        Thing::Grant(it, says_end) => {
            if !says_end {
                quiet_grants.push(fabric.grants.len());
            }
            fabric.grants.push(it);
        }
        Thing::Subscription(it) => fabric.subscriptions.push(it),
        Thing::Waiver(it) => fabric.waivers.push(it),
    }
}

fn put<K: Ord + std::fmt::Display, T>(
    map: &mut BTreeMap<K, T>,
    name: K,
    thing: T,
    word: &str,
    place: impl Fn(&T) -> &Place,
    findings: &mut Vec<Finding>,
) {
    if let Some(first) = map.get(&name) {
        findings.push(twice(&format!("the {word} `{name}`"), place(&thing), place(first)));
    } else {
        map.insert(name, thing);
    }
}

fn twice(what: &str, place: &Place, first: &Place) -> Finding {
    let finding = Finding::error(code::DUPLICATE_THING, place, format!("{what} is declared twice; first at {first}"));
    finding.fix("keep one of the two, or rename one")
}

/// INVARIANT: FAIL-SAFE: where a grant does not say what its end does, tier-1 goes on and alarms.
fn fail_safe(fabric: &mut Fabric, quiet_grants: &[usize]) {
    for index in quiet_grants {
        let Some(grant) = fabric.grants.get_mut(*index) else { continue };
        let interface = fabric.interfaces.get(&grant.interface.value);
        let classification = interface.and_then(|interface| interface.classification.as_ref());
        if classification.is_some_and(|classification| classification.criticality == Criticality::Tier1) {
            grant.on_end = EndAction::Alarm;
        }
    }
}

/// No more findings of one file than a person reads.
pub(super) fn bound(path: &str, findings: &mut Vec<Finding>) {
    if findings.len() > MOST_FINDINGS {
        findings.sort_by(|a, b| a.place.cmp(&b.place));
        let more = findings.len() - MOST_FINDINGS;
        findings.truncate(MOST_FINDINGS);
        let place = findings.last().map_or_else(|| Place::start(path), |last| last.place.clone());
        let finding =
            Finding::error(code::MORE_FINDINGS, &place, format!("{more} more findings of this file are not shown"));
        findings.push(finding.fix("resolve those that are shown, and check again"));
    }
}

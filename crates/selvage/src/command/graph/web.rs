//! The nodes and edges of a fabric: consumers use interfaces, interfaces carry objects, objects and interfaces stand on systems.

use std::collections::{BTreeMap, BTreeSet};

use selvage_model::fabric::Fabric;
use selvage_model::manifest::api::Api;
use selvage_model::manifest::flow::{Action, Flow, Step};
use selvage_model::manifest::interface::{Criticality, Interface, InterfaceBody};
use selvage_model::manifest::system::Connector;
use serde_json::{Value, json};

/// What a node is; the layers from left to right.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Layer {
    Consumer,
    Interface,
    Object,
    System,
}

impl Layer {
    pub(super) const ALL: [Self; 4] = [Self::Consumer, Self::Interface, Self::Object, Self::System];

    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Consumer => "consumer",
            Self::Interface => "interface",
            Self::Object => "object",
            Self::System => "system",
        }
    }
}

/// A node: its layer, and its name there.
pub(super) type Id = (Layer, String);

/// What is shown of a node beside its name.
#[derive(Clone, Debug, Default)]
pub(super) struct Node {
    /// A few words under the name.
    pub(super) about: String,
    /// `tier-1`, `deprecated` and the like: how it is drawn.
    pub(super) marks: Vec<&'static str>,
}

/// The whole.
#[derive(Debug, Default)]
pub(super) struct Web {
    /// What the fabric is called.
    pub(super) name: Option<String>,
    pub(super) nodes: BTreeMap<Id, Node>,
    /// From, to, and what is done.
    pub(super) edges: BTreeMap<(Id, Id), BTreeSet<String>>,
}

impl Web {
    /// What a fabric declares.
    pub(super) fn of(fabric: &Fabric) -> Self {
        let name = fabric.settings.as_ref().map(|settings| settings.name.to_string());
        let mut web = Self { name, ..Self::default() };
        for (name, system) in &fabric.systems {
            web.add(Layer::System, name, connector(system.connector).to_owned(), Vec::new());
        }
        for (name, consumer) in &fabric.consumers {
            web.add(Layer::Consumer, name, consumer.owner.value.clone(), Vec::new());
        }
        for (reference, interface) in &fabric.interfaces {
            let (about, marks) = described(interface);
            web.add(Layer::Interface, reference, about, marks);
            web.carry(fabric, interface);
        }
        for grant in &fabric.grants {
            let ends = ((Layer::Consumer, grant.consumer.to_string()), (Layer::Interface, grant.interface.to_string()));
            for operation in &grant.operations {
                web.connect(ends.clone(), operation.value.clone());
            }
        }
        for subscription in &fabric.subscriptions {
            let consumer = (Layer::Consumer, subscription.consumer.to_string());
            for event in &subscription.events {
                web.connect(
                    (consumer.clone(), (Layer::Interface, subscription.interface.to_string())),
                    event.value.clone(),
                );
            }
        }
        for flow in fabric.flows.values() {
            web.flow(flow);
        }
        let known: BTreeSet<Id> = web.nodes.keys().cloned().collect();
        web.edges.retain(|(from, to), _| known.contains(from) && known.contains(to));
        web
    }

    fn add(&mut self, layer: Layer, name: &impl ToString, about: String, marks: Vec<&'static str>) {
        self.nodes.insert((layer, name.to_string()), Node { about, marks });
    }

    fn connect(&mut self, ends: (Id, Id), what: String) {
        self.edges.entry(ends).or_default().insert(what);
    }

    /// What an interface stands on.
    fn carry(&mut self, fabric: &Fabric, interface: &Interface) {
        let own = (Layer::Interface, interface.reference().to_string());
        match &interface.body {
            InterfaceBody::Api(Api::Mediated(serves)) => {
                let object = (Layer::Object, serves.object.to_string());
                let version = fabric.objects.get(&serves.object.value).map(|object| object.version.to_string());
                self.nodes
                    .entry(object.clone())
                    .or_insert_with(|| Node { about: version.unwrap_or_default(), marks: Vec::new() });
                self.connect((own, object.clone()), "serves".to_owned());
                self.connect((object, (Layer::System, serves.system.to_string())), "kept in".to_owned());
            }
            InterfaceBody::Api(Api::Direct { upstream, .. }) => {
                self.connect((own, (Layer::System, upstream.system.to_string())), "passes to".to_owned());
            }
            InterfaceBody::Event(events) => {
                if let Some(system) = &events.produced_by {
                    self.connect((own, (Layer::System, system.to_string())), "captured from".to_owned());
                }
            }
            InterfaceBody::File(file) => {
                self.connect((own, (Layer::System, file.source.system.to_string())), "files of".to_owned());
            }
            InterfaceBody::Webhook(webhook) => {
                if let Some(system) = &webhook.source {
                    self.connect((own, (Layer::System, system.to_string())), "called by".to_owned());
                }
            }
            InterfaceBody::Flow => {}
        }
    }

    /// A flow is shown by the interface that governs it.
    fn flow(&mut self, flow: &Flow) {
        let own = (Layer::Interface, flow.interface.to_string());
        let mut calls = Vec::new();
        called(&flow.steps, &mut calls);
        for call in calls {
            let system = call.split('.').next().unwrap_or_default();
            self.connect((own.clone(), (Layer::System, system.to_owned())), "calls".to_owned());
        }
    }

    /// Keeps what leads to a node of this name and what it leads to; nothing where there is none.
    pub(super) fn keep_around(&mut self, name: &str) -> bool {
        let is_meant = |id: &&Id| id.1 == name || id.1.split('@').next() == Some(name);
        let centre: BTreeSet<Id> = self.nodes.keys().filter(is_meant).cloned().collect();
        let mut kept = centre.clone();
        for forward in [true, false] {
            let mut reached = centre.clone();
            loop {
                let next: Vec<Id> = self
                    .edges
                    .keys()
                    .map(|(from, to)| if forward { (from, to) } else { (to, from) })
                    .filter(|(from, to)| reached.contains(*from) && !reached.contains(*to))
                    .map(|(_, to)| to.clone())
                    .collect();
                if next.is_empty() {
                    break;
                }
                reached.extend(next);
            }
            kept.extend(reached);
        }
        self.nodes.retain(|id, _| kept.contains(id));
        self.edges.retain(|(from, to), _| kept.contains(from) && kept.contains(to));
        !centre.is_empty()
    }

    /// As data.
    pub(super) fn to_value(&self) -> Value {
        let name = |id: &Id| format!("{}:{}", id.0.as_str(), id.1);
        let node = |(id, node): (&Id, &Node)| json!({"id": name(id), "kind": id.0.as_str(), "name": id.1, "about": node.about, "marks": node.marks});
        let edge = |((from, to), what): (&(Id, Id), &BTreeSet<String>)| json!({"from": name(from), "to": name(to), "what": what});
        json!({
            "nodes": self.nodes.iter().map(node).collect::<Vec<_>>(),
            "edges": self.edges.iter().map(edge).collect::<Vec<_>>(),
        })
    }
}

/// What steps call, those within steps too.
fn called<'f>(steps: &'f [Step], calls: &mut Vec<&'f str>) {
    for step in steps {
        match &step.action {
            Action::Call { target, .. } => calls.push(&target.value),
            Action::Choose { branches } => branches.iter().for_each(|(_, steps)| called(steps, calls)),
            Action::Parallel { branches } => branches.iter().for_each(|steps| called(steps, calls)),
            Action::ForEach { steps, .. } => called(steps, calls),
            Action::Emit { .. } | Action::Wait { .. } | Action::Approve { .. } | Action::Map { .. } => {}
        }
    }
}

fn connector(connector: Connector) -> &'static str {
    match connector {
        Connector::Odoo => "odoo",
        Connector::Http => "http",
        Connector::Mqtt => "mqtt",
        Connector::File => "file",
    }
}

fn described(interface: &Interface) -> (String, Vec<&'static str>) {
    let mut marks = Vec::new();
    let mut about = interface.body.type_word().to_owned();
    match interface.api() {
        Some(Api::Direct { .. }) => {
            about.push_str(", direct");
            marks.push("direct");
        }
        Some(Api::Mediated(_)) => about.push_str(", mediated"),
        None => {}
    }
    match interface.lifecycle.as_str() {
        "active" => {}
        other => {
            about.push_str(&format!(", {other}"));
            marks.push(other);
        }
    }
    if interface.classification.as_ref().is_some_and(|class| class.criticality == Criticality::Tier1) {
        about.push_str(", tier-1");
        marks.push("tier-1");
    }
    (about, marks)
}

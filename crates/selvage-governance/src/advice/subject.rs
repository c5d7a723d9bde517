//! An interface as the facts look at it: what it declares, what is behind it, who uses it, and what was seen.

use std::collections::BTreeSet;
use std::time::Duration;

use selvage_model::fabric::Fabric;
use selvage_model::manifest::api::{Api, Operation, Serves};
use selvage_model::manifest::event::{Capture, EventInterface};
use selvage_model::manifest::interface::{Classification, Criticality, Interface, InterfaceBody, Latency, Lifecycle};
use selvage_model::manifest::system::{Connector, System};
use selvage_model::name::{ConsumerName, InterfaceRef, ObjectRef, SystemName};

use super::traffic::{Traffic, Use};
use super::{Answer, Question};
use crate::rule::load::calls_a_minute;

/// What the manifest answers to a question.
pub(super) enum Stands {
    /// The question makes no sense for this interface.
    NoQuestion,
    /// Nothing.
    Open,
    /// This.
    Declared(Answer),
}

/// What facts look at.
pub(super) struct Subject<'a> {
    pub(super) fabric: &'a Fabric,
    pub(super) reference: &'a InterfaceRef,
    pub(super) interface: &'a Interface,
    /// What was seen of it; nothing where nobody looked.
    pub(super) seen: Option<Use>,
    /// Over how many hours.
    pub(super) hours: u64,
}

impl<'a> Subject<'a> {
    pub(super) fn new(
        fabric: &'a Fabric,
        reference: &'a InterfaceRef,
        interface: &'a Interface,
        traffic: Option<&Traffic>,
    ) -> Self {
        let seen = traffic.map(|traffic| traffic.uses.get(reference).cloned().unwrap_or_default());
        Self { fabric, reference, interface, seen, hours: traffic.map_or(0, |traffic| traffic.hours) }
    }

    pub(super) fn stands(&self, question: Question) -> Stands {
        let declared = |is_first: bool| {
            let [first, second] = question.answers();
            Stands::Declared(if is_first { first } else { second })
        };
        match (question, &self.interface.body) {
            (_, InterfaceBody::Flow) => Stands::NoQuestion,
            (Question::Path, InterfaceBody::Api(api)) => declared(matches!(api, Api::Direct { .. })),
            (Question::Pace, InterfaceBody::File(_)) => declared(true),
            (Question::Pace, _) => match self.latency() {
                Some(latency) => declared(latency == Latency::Batch),
                None => Stands::Open,
            },
            (Question::Reads, InterfaceBody::Api(Api::Mediated(serves))) if self.reads() => {
                declared(serves.reads.is_some())
            }
            (Question::Arrival, InterfaceBody::Event(event)) => match &event.capture {
                // Hints and a poll beside them: both are there.
                Some(capture) if capture.webhook && capture.poll.is_some() => Stands::Open,
                Some(capture) => declared(capture.webhook),
                None => Stands::NoQuestion,
            },
            (Question::Arrival, InterfaceBody::Api(Api::Mediated(_))) if self.has(Operation::List) => Stands::Open,
            _ => Stands::NoQuestion,
        }
    }

    pub(super) fn class(&self) -> Option<&'a Classification> {
        self.interface.classification.as_ref()
    }

    pub(super) fn latency(&self) -> Option<Latency> {
        self.class()?.latency
    }

    pub(super) fn is_tier(&self, tier: Criticality) -> bool {
        self.class().is_some_and(|class| class.criticality == tier)
    }

    pub(super) fn serves(&self) -> Option<&'a Serves> {
        match self.interface.api()? {
            Api::Mediated(serves) => Some(serves),
            Api::Direct { .. } => None,
        }
    }

    pub(super) fn event(&self) -> Option<&'a EventInterface> {
        match &self.interface.body {
            InterfaceBody::Event(event) => Some(event),
            _ => None,
        }
    }

    pub(super) fn capture(&self) -> Option<&'a Capture> {
        self.event()?.capture.as_ref()
    }

    /// The system behind it, where it has one.
    pub(super) fn system(&self) -> Option<&'a System> {
        self.fabric.systems.get(self.interface.system()?)
    }

    /// The Odoo behind it.
    pub(super) fn odoo(&self) -> Option<&'a System> {
        self.system().filter(|system| system.connector == Connector::Odoo)
    }

    /// The Odoo behind it, and how many calls a minute it bears where it bears least.
    pub(super) fn budget(&self) -> Option<(&'a SystemName, u64)> {
        let system = self.odoo()?;
        let borne = system.environments.iter().map(|environment| calls_a_minute(system.bounds(environment)));
        borne.min_by(f64::total_cmp).map(|least| (&system.name, least as u64))
    }

    /// Whether it has this operation.
    pub(super) fn has(&self, operation: Operation) -> bool {
        self.serves().is_some_and(|serves| serves.operations.iter().any(|one| one.value == operation))
    }

    /// Whether it reads by an object.
    pub(super) fn reads(&self) -> bool {
        self.has(Operation::List) || self.has(Operation::Get)
    }

    /// The operations that change something, as they are called.
    pub(super) fn writing(&self) -> Vec<String> {
        match self.interface.api() {
            Some(Api::Mediated(serves)) => {
                let writes = serves.operations.iter().filter(|operation| operation.value.writes());
                writes.map(|operation| operation.value.to_string()).collect()
            }
            Some(Api::Direct { openapi, .. }) => {
                let contract = self.fabric.contracts.get(&openapi.value);
                let operations = contract.into_iter().flat_map(|contract| &contract.operations);
                let writes = operations.filter(|one| !matches!(one.method.as_str(), "GET" | "HEAD" | "OPTIONS"));
                writes.map(|operation| operation.id.clone()).collect()
            }
            None => Vec::new(),
        }
    }

    /// Who has a grant on it.
    pub(super) fn consumers(&self) -> BTreeSet<&'a ConsumerName> {
        let grants = self.fabric.grants.iter().filter(|grant| &grant.interface.value == self.reference);
        grants.map(|grant| &grant.consumer.value).collect()
    }

    /// The day on which it ends, where it does.
    pub(super) fn end(&self) -> Option<jiff::civil::Date> {
        match &self.interface.lifecycle {
            Lifecycle::Deprecated(end) => end.sunset,
            _ => None,
        }
    }

    /// The event interfaces that carry the object it serves, and are not at their end.
    pub(super) fn events_of_object(&self) -> impl Iterator<Item = (&'a InterfaceRef, &'a EventInterface)> {
        let object: Option<&ObjectRef> = self.serves().map(|serves| &serves.object.value);
        self.fabric.interfaces.iter().filter_map(move |(reference, interface)| match &interface.body {
            InterfaceBody::Event(event)
                if matches!(interface.lifecycle, Lifecycle::Active | Lifecycle::Draft)
                    && object.is_some()
                    && event.events.iter().any(|one| one.object().map(|it| &it.value) == object) =>
            {
                Some((reference, event))
            }
            _ => None,
        })
    }

    /// The copy of its object that is kept, how old it may be, and how often its system is looked at.
    pub(super) fn copy(&self) -> Option<(&'a InterfaceRef, Duration, Option<&'a Capture>)> {
        let mut kept = self
            .events_of_object()
            .filter_map(|(reference, event)| Some((reference, event.copy_max_age?, event.capture.as_ref())));
        kept.next()
    }
}

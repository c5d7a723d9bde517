//! What the release of a domain answers for when a gate is looked at: what the domain declares, and what stands on its objects and systems.
//! What is of others alone was theirs to try, and keeps nobody else out. Pure.

use selvage_model::domain::domain_of;
use selvage_model::fabric::Fabric;
use selvage_model::manifest::api::Api;
use selvage_model::manifest::consumer::Subscription;
use selvage_model::manifest::interface::{Interface, InterfaceBody};
use selvage_model::manifest::mapping::Mapping;
use selvage_model::name::{DomainName, InterfaceRef, ObjectRef, SystemName};
use selvage_model::source::Place;

/// A domain whose release is on its way, among all that is to run together.
pub(super) struct Answers<'a> {
    pub(super) fabric: &'a Fabric,
    pub(super) domain: &'a DomainName,
}

impl Answers<'_> {
    /// For a mapping: of the domain, or of an object or a system of it.
    pub(super) fn for_mapping(&self, mapping: &Mapping) -> bool {
        self.has(&mapping.place) || self.for_object(&mapping.object.value) || self.for_system(&mapping.system.value)
    }

    /// For an interface: of the domain, governed by it, or standing on something of it.
    pub(super) fn for_interface(&self, interface: &Interface) -> bool {
        let is_own =
            self.has(&interface.place) || self.fabric.governing(&interface.reference()).as_ref() == Some(self.domain);
        is_own || self.stands_on_it(interface)
    }

    /// Whether the domain declares an interface, or governs it.
    pub(super) fn declares(&self, interface: &Interface) -> bool {
        let governs = self.fabric.governing(&interface.reference()).as_ref() == Some(self.domain);
        governs || &domain_of(&interface.place.file) == self.domain
    }

    /// Whether the domain declares a subscription.
    pub(super) fn subscribes(&self, subscription: &Subscription) -> bool {
        &domain_of(&subscription.place.file) == self.domain
    }

    /// For a subscription: of the domain, or to an interface that it answers for.
    pub(super) fn for_subscription(&self, subscription: &Subscription) -> bool {
        let to = subscription.deliver.as_ref().is_some_and(|deliver| self.for_system(&deliver.system.value));
        self.has(&subscription.place) || to || self.for_reference(&subscription.interface.value)
    }

    /// For the interface of this name.
    pub(super) fn for_reference(&self, interface: &InterfaceRef) -> bool {
        self.fabric.interfaces.get(interface).is_some_and(|interface| self.for_interface(interface))
    }

    fn stands_on_it(&self, interface: &Interface) -> bool {
        if let Some(Api::Mediated(serves)) = interface.api() {
            let (object, system) = (&serves.object.value, &serves.system.value);
            let mapping = self.fabric.mapping(object, system, None);
            return self.for_object(object)
                || self.for_system(system)
                || mapping.is_some_and(|mapping| self.has(&mapping.place));
        }
        let InterfaceBody::Event(event) = &interface.body else { return false };
        event.events.iter().filter_map(|kind| kind.object()).any(|object| self.for_object(&object.value))
    }

    fn for_object(&self, object: &ObjectRef) -> bool {
        self.fabric.objects.get(object).is_some_and(|object| self.has(&object.place))
    }

    fn for_system(&self, system: &SystemName) -> bool {
        self.fabric.systems.get(system).is_some_and(|system| self.has(&system.place))
    }

    /// What the group declares everything stands on: codes, units, policies.
    fn has(&self, place: &Place) -> bool {
        self.domain == &DomainName::group() || &domain_of(&place.file) == self.domain
    }
}

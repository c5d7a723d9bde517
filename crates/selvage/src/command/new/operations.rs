//! What of an interface a grant that is drafted names: its reads, and all that there is to choose from.

use selvage_model::fabric::Fabric;
use selvage_model::manifest::api::Api;
use selvage_model::manifest::event::{EVENT_OPERATIONS, READ};
use selvage_model::manifest::interface::{Interface, InterfaceBody};

/// The operations of an interface, and those of them that change nothing.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Operations {
    pub(super) all: Vec<String>,
    pub(super) reads: Vec<String>,
}

impl Operations {
    /// Of the interface of this reference; none where it is not declared, or nobody is granted it.
    pub(super) fn of(fabric: &Fabric, interface: &str) -> Self {
        let found = fabric.interfaces.iter().find(|(reference, _)| reference.to_string() == interface);
        found.map(|(_, interface)| Self::of_interface(fabric, interface)).unwrap_or_default()
    }

    fn of_interface(fabric: &Fabric, interface: &Interface) -> Self {
        let named = |all: Vec<(String, bool)>| Self {
            reads: all.iter().filter(|(_, reads)| *reads).map(|(name, _)| name.clone()).collect(),
            all: all.into_iter().map(|(name, _)| name).collect(),
        };
        match (&interface.body, interface.api()) {
            (_, Some(Api::Mediated(serves))) => {
                let operations = serves.operations.iter().map(|operation| operation.value.as_str());
                named(operations.map(|name| (name.to_owned(), matches!(name, "list" | "get"))).collect())
            }
            (_, Some(Api::Direct { openapi, .. })) => {
                let contract = fabric.contracts.get(&openapi.value);
                let operations = contract.into_iter().flat_map(|contract| &contract.operations);
                named(operations.map(|operation| (operation.id.clone(), operation.method == "GET")).collect())
            }
            (InterfaceBody::Event(_), None) => {
                named(EVENT_OPERATIONS.iter().map(|name| ((*name).to_owned(), *name == READ)).collect())
            }
            _ => Self::default(),
        }
    }
}

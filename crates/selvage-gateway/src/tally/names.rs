//! Which index belongs to which name. Grows with what was ever declared, never shrinks while the node runs.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Mutex, PoisonError};

use selvage_model::name::{ConsumerName, InterfaceRef, SystemName};

/// A series of answers.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct SeriesName {
    pub(crate) interface: InterfaceRef,
    /// Empty where the caller is not known.
    pub(crate) consumer: Option<ConsumerName>,
    /// Empty where nothing declared was asked for.
    pub(crate) operation: Box<str>,
}

/// All indices.
#[derive(Debug, Default)]
pub(crate) struct Names {
    series: Mutex<Interned<SeriesName>>,
    operations: Mutex<Interned<(InterfaceRef, Box<str>)>>,
    interfaces: Mutex<Interned<InterfaceRef>>,
    upstreams: Mutex<Interned<SystemName>>,
    attributes: Mutex<Interned<Box<str>>>,
    grants: Mutex<Interned<String>>,
    keys: Mutex<Interned<String>>,
}

#[derive(Debug)]
struct Interned<K> {
    indices: HashMap<K, u32>,
    names: Vec<K>,
}

impl<K> Default for Interned<K> {
    fn default() -> Self {
        Self { indices: HashMap::new(), names: Vec::new() }
    }
}

impl<K: Clone + Eq + Hash> Interned<K> {
    fn index(&mut self, name: K) -> u32 {
        if let Some(index) = self.indices.get(&name) {
            return *index;
        }
        let index = u32::try_from(self.names.len()).unwrap_or(u32::MAX);
        self.names.push(name.clone());
        self.indices.insert(name, index);
        index
    }
}

impl Names {
    /// The index of a series.
    pub(crate) fn series(&self, name: SeriesName) -> u32 {
        self.series.lock().unwrap_or_else(PoisonError::into_inner).index(name)
    }

    /// The index of an operation of an interface.
    pub(crate) fn operation(&self, interface: &InterfaceRef, operation: &str) -> u32 {
        let name = (interface.clone(), Box::from(operation));
        self.operations.lock().unwrap_or_else(PoisonError::into_inner).index(name)
    }

    /// The index of an interface.
    pub(crate) fn interface(&self, interface: &InterfaceRef) -> u32 {
        self.interfaces.lock().unwrap_or_else(PoisonError::into_inner).index(interface.clone())
    }

    /// The index of a system that direct interfaces go to.
    pub(crate) fn upstream(&self, system: &SystemName) -> u32 {
        self.upstreams.lock().unwrap_or_else(PoisonError::into_inner).index(system.clone())
    }

    /// Every such system by its index.
    pub(crate) fn all_upstreams(&self) -> Vec<SystemName> {
        self.upstreams.lock().unwrap_or_else(PoisonError::into_inner).names.clone()
    }

    /// The index of an attribute's name.
    pub(crate) fn attribute(&self, name: &str) -> u32 {
        self.attributes.lock().unwrap_or_else(PoisonError::into_inner).index(Box::from(name))
    }

    /// The index of a grant.
    pub(crate) fn grant(&self, id: &str) -> u32 {
        self.grants.lock().unwrap_or_else(PoisonError::into_inner).index(id.to_owned())
    }

    /// The index of a key.
    pub(crate) fn key(&self, id: &str) -> u32 {
        self.keys.lock().unwrap_or_else(PoisonError::into_inner).index(id.to_owned())
    }

    /// Every attribute's name by its index.
    pub(crate) fn all_attributes(&self) -> Vec<Box<str>> {
        self.attributes.lock().unwrap_or_else(PoisonError::into_inner).names.clone()
    }

    /// Every grant by its index.
    pub(crate) fn all_grants(&self) -> Vec<String> {
        self.grants.lock().unwrap_or_else(PoisonError::into_inner).names.clone()
    }

    /// Every key by its index.
    pub(crate) fn all_keys(&self) -> Vec<String> {
        self.keys.lock().unwrap_or_else(PoisonError::into_inner).names.clone()
    }

    /// Every series by its index.
    pub(crate) fn all_series(&self) -> Vec<SeriesName> {
        self.series.lock().unwrap_or_else(PoisonError::into_inner).names.clone()
    }

    /// Every operation by its index.
    pub(crate) fn all_operations(&self) -> Vec<(InterfaceRef, Box<str>)> {
        self.operations.lock().unwrap_or_else(PoisonError::into_inner).names.clone()
    }

    /// Every interface by its index.
    pub(crate) fn all_interfaces(&self) -> Vec<InterfaceRef> {
        self.interfaces.lock().unwrap_or_else(PoisonError::into_inner).names.clone()
    }
}

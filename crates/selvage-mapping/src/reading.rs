//! What is read of a record and of the records behind it, and how those are put into it: lines in the place of their ids,
//! fields of linked records beside their links. The caller reads; nothing here talks to a system.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use crate::record;

/// What is read of one kind of record.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reading {
    /// Its fields; none twice.
    pub fields: Vec<String>,
    /// Fields that are lists of lines: their ids are replaced by the lines, of which this is read.
    pub lines: BTreeMap<String, Reading>,
    /// Fields that are links: of the linked records this is read, and stands as `field.inner` beside the link.
    pub through: BTreeMap<String, Reading>,
}

impl Reading {
    /// Whether nothing but the record itself is read.
    pub fn is_plain(&self) -> bool {
        self.lines.is_empty() && self.through.is_empty()
    }

    /// The ids of the lines in this field, or of what this field links to, of all these records.
    pub fn ids(records: &[Value], field: &str) -> BTreeSet<i64> {
        let values = records.iter().filter_map(|record| record.get(field));
        values.flat_map(|value| ids_of(value).unwrap_or_default()).collect()
    }

    /// Puts lines in the place of their ids. A line that was not found is gone, and left out.
    pub fn put_lines(records: &mut [Value], field: &str, lines: &BTreeMap<i64, Value>) {
        for value in records.iter_mut().filter_map(|record| record.get_mut(field)) {
            if let Some(ids) = ids_of(value).filter(|_| value.is_array()) {
                *value = ids.iter().filter_map(|id| lines.get(id)).cloned().collect();
            }
        }
    }

    /// Puts what was read of linked records beside their links.
    pub fn put_linked(records: &mut [Value], field: &str, linked: &BTreeMap<i64, Value>) {
        for record in records.iter_mut().filter_map(Value::as_object_mut) {
            let id = record.get(field).and_then(ids_of).and_then(|ids| ids.first().copied());
            let Some(members) = id.and_then(|id| linked.get(&id)).and_then(Value::as_object) else { continue };
            let beside: Map<String, Value> =
                members.iter().map(|(name, value)| (format!("{field}.{name}"), value.clone())).collect();
            record.extend(beside);
        }
    }

    /// Adds a field; one with dots is a linked record's.
    pub(crate) fn add(&mut self, at: &str) {
        let (reading, name) = self.holder(at);
        if !reading.fields.iter().any(|field| field == name) {
            reading.fields.push(name.to_owned());
        }
    }

    /// Adds a list of lines, and gives what is read of them.
    pub(crate) fn add_lines(&mut self, at: &str) -> &mut Self {
        self.add(at);
        let (reading, name) = self.holder(at);
        let lines = reading.lines.entry(name.to_owned()).or_default();
        lines.add("id");
        lines
    }

    /// The reading of the record that has this field, and the field's name there.
    fn holder<'a, 'f>(&'a mut self, at: &'f str) -> (&'a mut Self, &'f str) {
        match at.split_once('.') {
            Some((link, inner)) => {
                if !self.fields.iter().any(|field| field == link) {
                    self.fields.push(link.to_owned());
                }
                self.through.entry(link.to_owned()).or_default().holder(inner)
            }
            None => (self, at),
        }
    }
}

/// The ids of a link or a list of ids; `None` where it is something else.
fn ids_of(value: &Value) -> Option<Vec<i64>> {
    match (record::link(value), value) {
        (Ok((id, _)), _) => Some(vec![id]),
        (Err(_), Value::Array(ids)) => ids.iter().map(Value::as_i64).collect(),
        (Err(_), _) => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn lines_stand_in_the_place_of_their_ids_and_linked_fields_beside_their_links() {
        let mut reading = Reading::default();
        for at in ["id", "name", "product_tmpl_id.categ_id", "product_tmpl_id.categ_id.name", "name"] {
            reading.add(at);
        }
        reading.add_lines("line_ids").add("product_id");
        assert_eq!(reading.fields, ["id", "name", "product_tmpl_id", "line_ids"]);
        assert_eq!(reading.lines["line_ids"].fields, ["id", "product_id"]);
        let template = &reading.through["product_tmpl_id"];
        assert_eq!((template.fields.as_slice(), template.through.len()), (&["categ_id".to_owned()][..], 1));

        let mut records = [
            json!({"id": 1, "product_tmpl_id": [7, "Frame"], "line_ids": [5, 4, 9]}),
            json!({"id": 2, "product_tmpl_id": false, "line_ids": []}),
        ];
        assert_eq!(Reading::ids(&records, "line_ids").into_iter().collect::<Vec<_>>(), [4, 5, 9]);
        assert_eq!(Reading::ids(&records, "product_tmpl_id").into_iter().collect::<Vec<_>>(), [7]);
        let lines = BTreeMap::from([(4, json!({"id": 4})), (5, json!({"id": 5}))]);
        Reading::put_lines(&mut records, "line_ids", &lines);
        let linked = BTreeMap::from([(7, json!({"categ_id": [3, "All"], "categ_id.name": "All"}))]);
        Reading::put_linked(&mut records, "product_tmpl_id", &linked);
        assert_eq!(records[0]["line_ids"], json!([{"id": 5}, {"id": 4}]));
        assert_eq!(records[0]["product_tmpl_id.categ_id.name"], "All");
        assert_eq!(records[1], json!({"id": 2, "product_tmpl_id": false, "line_ids": []}));
    }
}

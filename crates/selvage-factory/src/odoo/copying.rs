//! `copy`: another record with the values of the first, but for those that are its own, and with `(copy)` behind the name.
//! What belongs to a record, its lines and variants, is not copied here.

use serde_json::{Value as Json, json};

use super::record::Values;
use super::refusal::Refusal;
use super::schema::{Field, Kind, Model};
use super::transaction::Transaction;
use super::value::{Id, Value};

/// Values that no two records have.
const OWN: [&str; 3] = ["barcode", "product_tmpl_id", "product_template_attribute_value_ids"];

impl Transaction<'_> {
    /// Copies records, each with the values that are to be different; the ids of the copies.
    pub(crate) fn copy_all(&mut self, model: Model, ids: &[Id], different: Option<&Json>) -> Result<Json, Refusal> {
        self.check(model, ids, "read")?;
        let mut copies = Vec::new();
        for id in ids {
            let mut values = self.copied(model, *id);
            values.extend(different.and_then(Json::as_object).cloned().unwrap_or_default());
            copies.push(self.create(model, &values)?);
        }
        Ok(copies.into_iter().map(Json::from).collect())
    }

    fn copied(&self, model: Model, id: Id) -> Values {
        let row = self.row(model, id);
        let log = |name: &str| name.starts_with("create_") || name.starts_with("write_");
        let taken = |field: &&'static Field| {
            let plain = field.stored && field.name == field.column && !matches!(field.kind, Kind::Children(..));
            plain && field.name != "id" && !log(field.name) && !OWN.contains(&field.name)
        };
        let mut values = Values::new();
        for field in model.fields(self.env.version).filter(taken) {
            let value = match self.value_of(model, (id, &row), field) {
                Value::Null => continue,
                Value::Refs(ids) => json!([[6, 0, ids.into_iter().map(Json::from).collect::<Vec<_>>()]]),
                value => self.answer(field, value, false),
            };
            values.insert(field.name.to_owned(), value);
        }
        values.insert("name".to_owned(), json!(format!("{} (copy)", row.text("name"))));
        values
    }
}

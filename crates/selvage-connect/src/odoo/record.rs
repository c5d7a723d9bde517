//! Records of any model: read, search, external ids, create and write. It creates only under an external id, because nothing
//! else in Odoo makes a repeated create the same record.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::answer;
use super::call::{Call, Scope};
use super::failure::{Failure, Refusal};
use super::gather::Form;
use super::load::LineFields;
use super::server::Fields;
use super::{Map, Odoo, load};

impl Odoo {
    /// These records, in any order; ids that do not exist are left out.
    ///
    /// # Errors
    /// [`Failure`]; nothing was changed.
    pub async fn read(
        &self,
        model: &str,
        ids: &[i64],
        fields: &[String],
        scope: &Scope,
    ) -> Result<Vec<Value>, Failure> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        self.gathered(Form::Read, model, ids, fields, scope).await
    }

    /// Those of these records that the account sees in these companies, by id.
    ///
    /// # Errors
    /// [`Failure`]; nothing was changed.
    pub async fn find(
        &self,
        model: &str,
        ids: &[i64],
        fields: &[String],
        scope: &Scope,
    ) -> Result<Vec<Value>, Failure> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        self.gathered(Form::Find, model, ids, fields, scope).await
    }

    /// The records for which all conditions hold, by id; all of them without a limit.
    ///
    /// # Errors
    /// [`Failure`]; nothing was changed.
    pub async fn search(
        &self,
        model: &str,
        domain: Vec<Value>,
        fields: &[String],
        scope: &Scope,
        limit: Option<usize>,
    ) -> Result<Vec<Value>, Failure> {
        let mut call =
            Call::read(model, "search_read", scope).arg("domain", domain).arg("fields", fields).arg("order", "id");
        if let Some(limit) = limit {
            call = call.arg("limit", limit);
        }
        answer::records(self.call(call).await?)
    }

    /// The external ids of records, as `module.name`. Of several, the first one made that is not left over from an export or
    /// import by hand; records without one are left out.
    ///
    /// # Errors
    /// [`Failure`]; nothing was changed.
    pub async fn external_ids(&self, model: &str, ids: &[i64]) -> Result<BTreeMap<i64, String>, Failure> {
        if ids.is_empty() {
            return Ok(BTreeMap::new());
        }
        let domain = vec![json!(["model", "=", model]), json!(["res_id", "in", ids])];
        let records = self
            .search("ir.model.data", domain, &named(&["module", "name", "res_id"]), &Scope::default(), None)
            .await?;
        let mut found: BTreeMap<i64, (bool, i64, String)> = BTreeMap::new();
        for record in &records {
            let module = answer::text(record, "module")?;
            let by_hand = matches!(module, "__export__" | "__import__");
            let external = format!("{module}.{}", answer::text(record, "name")?);
            let candidate = (by_hand, answer::id(record, "id")?, external);
            let of = answer::id(record, "res_id")?;
            if found.get(&of).is_none_or(|chosen| candidate < *chosen) {
                found.insert(of, candidate);
            }
        }
        Ok(found.into_iter().map(|(id, (_, _, external))| (id, external)).collect())
    }

    /// The model and id that an external id names.
    ///
    /// # Errors
    /// [`Failure`]; nothing was changed.
    pub async fn by_external_id(&self, external_id: &str) -> Result<Option<(String, i64)>, Failure> {
        let (module, name) = load::parts(external_id)?;
        let domain = vec![json!(["module", "=", module]), json!(["name", "=", name])];
        let records =
            self.search("ir.model.data", domain, &named(&["model", "res_id"]), &Scope::default(), Some(1)).await?;
        let Some(record) = records.first() else { return Ok(None) };
        Ok(Some((answer::text(record, "model")?.to_owned(), answer::id(record, "res_id")?)))
    }

    /// The record of this external id, made with these values if there is none yet. An existing one is left as it is, so a
    /// repeated create never undoes what happened to the record since.
    ///
    /// # Errors
    /// [`Failure`]; a value that Odoo does not take is `Refused` with its field.
    pub async fn create(&self, model: &str, external_id: &str, values: &Map, scope: &Scope) -> Result<i64, Failure> {
        // INVARIANT: ONE-EFFECT — the external id is the key: looked for first, and an upsert should two ask at once.
        match self.by_external_id(external_id).await.map_err(Failure::before_sending)? {
            Some((found, id)) if found == model => Ok(id),
            Some((found, id)) => {
                let message = format!("the external id `{external_id}` already names `{found}` {id}");
                Err(Failure::refused(Refusal::Unsendable, message))
            }
            None => {
                let fields = self.fields(model).await.map_err(Failure::before_sending)?;
                let lines = self.line_fields(&fields, values).await.map_err(Failure::before_sending)?;
                self.load_record(model, external_id, values, (&fields, &lines), scope).await
            }
        }
    }

    /// The record of this external id with these values, made or overwritten. Lines (`[0, 0, values]`) are made with a new
    /// record, all or nothing.
    ///
    /// # Errors
    /// [`Failure`]; a value that Odoo does not take is `Refused` with its field, and so are lines of a record that is already
    /// there: it would get them besides those that it has.
    pub async fn upsert(&self, model: &str, external_id: &str, values: &Map, scope: &Scope) -> Result<i64, Failure> {
        let fields = self.fields(model).await.map_err(Failure::before_sending)?;
        let lines = self.line_fields(&fields, values).await.map_err(Failure::before_sending)?;
        if let Some(name) = lines.keys().next()
            && self.by_external_id(external_id).await.map_err(Failure::before_sending)?.is_some()
        {
            let message =
                format!("`{external_id}` is there already, and `{name}` would be added to the lines that it has");
            return Err(Failure::field(Refusal::Unsendable, name, message));
        }
        self.load_record(model, external_id, values, (&fields, &lines), scope).await
    }

    async fn load_record(
        &self,
        model: &str,
        external_id: &str,
        values: &Map,
        (fields, lines): (&Fields, &LineFields),
        scope: &Scope,
    ) -> Result<i64, Failure> {
        let load::Table { columns, rows } = load::table(fields, lines, external_id, values)?;
        let call = Call::write(model, "load", scope)
            .arg("fields", columns)
            .arg("data", rows)
            // load() reads datetimes in the zone of the user; ours are UTC.
            .context("tz", "UTC");
        load::loaded(&self.call(call).await?).map_err(|failure| self.clean(failure))
    }

    /// The fields of the lines among these values.
    pub(super) async fn line_fields(&self, fields: &Fields, values: &Map) -> Result<LineFields, Failure> {
        let mut lines = LineFields::new();
        for name in values.iter().filter(|(_, value)| value.is_array()).map(|(name, _)| name) {
            let relation = fields.get(name).filter(|field| field.kind == "one2many");
            if let Some(relation) = relation.and_then(|field| field.relation.as_deref()) {
                lines.insert(name.clone(), self.fields(relation).await?);
            }
        }
        Ok(lines)
    }

    /// Overwrites fields of one record. Datetimes may be RFC 3339.
    ///
    /// # Errors
    /// [`Failure`]; a record that does not exist is `Refused` as missing.
    pub async fn write(&self, model: &str, id: i64, values: &Map, scope: &Scope) -> Result<(), Failure> {
        let fields = self.fields(model).await.map_err(Failure::before_sending)?;
        let values = load::values(&fields, values)?;
        self.call(Call::write(model, "write", scope).on(&[id]).arg("vals", values)).await.map(drop)
    }
}

/// Field names as the calls take them.
pub(super) fn named(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

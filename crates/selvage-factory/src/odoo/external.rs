//! External ids (`ir.model.data`) and `load`, the upsert by external id. Errors of rows come back as messages, with HTTP 200.
//! A load that has one message changes nothing.

use serde_json::{Map, Value as Json, json};

use super::record::Values;
use super::refusal::Refusal;
use super::schema::{Kind, Model};
use super::transaction::Transaction;
use super::value::{Id, Value};

/// What is wrong with one cell of a load.
struct Complaint {
    field: String,
    message: String,
    relation: Option<Model>,
}

impl Transaction<'_> {
    /// The record behind `module.name`, with its entry.
    pub(crate) fn by_external_id(&self, module: &str, name: &str) -> Option<(Id, Id)> {
        let named = self.store.with_text(Model::ExternalId, "name", name)?;
        let entry = named.into_iter().find(|entry| self.is(Model::ExternalId, *entry, "module", &[module]))?;
        let row = self.store.row(Model::ExternalId, entry)?;
        Some((entry, Id(row.int("res_id"))))
    }

    /// The external ids of a record.
    pub(crate) fn external_ids(&self, model: Model, id: Id) -> Vec<Id> {
        self.store.referring(Model::ExternalId, model.name(), id)
    }

    /// Indexes an entry that was made by hand, and refuses a name that is taken.
    pub(crate) fn external_id_is_unique(&mut self, entry: Id) -> Result<(), Refusal> {
        let row = self.row(Model::ExternalId, entry);
        if self.by_external_id(row.text("module"), row.text("name")).is_some_and(|(first, _)| first != entry) {
            return Err(Refusal::validation(
                "The operation cannot be completed: You cannot have multiple records with the same external ID in the same module!",
            ));
        }
        if let Some(model) = Model::parse(row.text("model")) {
            self.update(Model::ExternalId, entry, [(model.name(), Value::Ref(Id(row.int("res_id"))))]);
        }
        Ok(())
    }

    /// Names a record.
    pub(crate) fn name_externally(&mut self, module: &str, name: &str, model: Model, id: Id) {
        self.insert(
            Model::ExternalId,
            [
                ("module", module.into()),
                ("name", name.into()),
                ("model", model.name().into()),
                ("res_id", Value::Int(id.0)),
                ("noupdate", false.into()),
                (model.name(), Value::Ref(id)),
            ],
        );
    }

    /// `load(fields, data)`: every row is made or changed, or none is.
    pub(crate) fn load(&mut self, model: Model, columns: &[String], data: &[Vec<Json>]) -> Result<Json, Refusal> {
        let mut messages = Vec::new();
        let mut rows = Vec::new();
        for (at, span) in self.spans(model, columns, data) {
            match self.load_record(model, columns, span) {
                Ok(row) => rows.push((at, row)),
                Err(complaint) => messages.push(message(at, model, &complaint, self)),
            }
        }
        let mut ids = Vec::new();
        for (at, (external, values)) in rows {
            if messages.is_empty() {
                match self.upsert(model, external.as_deref(), &values) {
                    Ok(id) => ids.push(id),
                    Err(refusal) => {
                        let complaint = Complaint { field: String::new(), message: refusal.message, relation: None };
                        messages.push(message(at, model, &complaint, self));
                    }
                }
            }
        }
        if messages.is_empty() {
            return Ok(
                json!({ "ids": ids.into_iter().map(Json::from).collect::<Vec<_>>(), "messages": [], "nextrow": 0 }),
            );
        }
        self.store.rollback();
        Ok(json!({ "ids": false, "messages": messages, "nextrow": 0 }))
    }

    /// Records with the rows that belong to them: a row whose own columns are all empty goes on with the record above.
    fn spans<'d>(&self, model: Model, columns: &[String], data: &'d [Vec<Json>]) -> Vec<(usize, &'d [Vec<Json>])> {
        let is_line = |column: &str| self.children(model, column).is_some();
        let is_filled = |cell: &Json| !matches!(cell, Json::Null | Json::Bool(false)) && cell.as_str() != Some("");
        let has = |row: &[Json], of_lines: bool| {
            columns.iter().zip(row).any(|(column, cell)| is_line(column) == of_lines && is_filled(cell))
        };
        let goes_on = |row: &[Json]| has(row, true) && !has(row, false);
        let mut starts: Vec<usize> =
            (0..data.len()).filter(|at| data.get(*at).is_some_and(|row| !goes_on(row))).collect();
        if starts.first() != Some(&0) && !data.is_empty() {
            starts.insert(0, 0);
        }
        let ends = starts.iter().skip(1).copied().chain([data.len()]).collect::<Vec<_>>();
        starts.into_iter().zip(ends).filter_map(|(from, to)| Some((from, data.get(from..to)?))).collect()
    }

    /// The model of the lines that a column of a load is of.
    fn children(&self, model: Model, column: &str) -> Option<Model> {
        let (name, _) = column.split_once('/')?;
        match model.field(name, self.env.version)?.kind {
            Kind::Children(target, _) => Some(target),
            _ => None,
        }
    }

    /// One record of a load: its own values of the first row, and each row's lines as commands that make them.
    fn load_record(
        &self,
        model: Model,
        columns: &[String],
        span: &[Vec<Json>],
    ) -> Result<(Option<String>, Values), Complaint> {
        let own: Vec<usize> = (0..columns.len())
            .filter(|at| columns.get(*at).is_some_and(|it| self.children(model, it).is_none()))
            .collect();
        let pick = |row: &[Json], places: &[usize]| -> Vec<Json> {
            places.iter().filter_map(|place| row.get(*place)).cloned().collect()
        };
        let names: Vec<String> = own.iter().filter_map(|place| columns.get(*place)).cloned().collect();
        let first = span.first().map(Vec::as_slice).unwrap_or_default();
        let (external, mut values) = self.load_row(model, &names, &pick(first, &own))?;
        let mut lists: Vec<&str> =
            columns.iter().filter_map(|column| column.split_once('/')).map(|(name, _)| name).collect();
        lists.dedup();
        for list in lists {
            let Some(target) = self.children(model, &format!("{list}/")) else { continue };
            let prefix = format!("{list}/");
            let places: Vec<usize> =
                (0..columns.len()).filter(|at| columns.get(*at).is_some_and(|it| it.starts_with(&prefix))).collect();
            let inner: Vec<String> = places
                .iter()
                .filter_map(|place| columns.get(*place)?.strip_prefix(&prefix).map(str::to_owned))
                .collect();
            let mut commands = Vec::new();
            for row in span {
                let cells = pick(row, &places);
                if cells.iter().all(|cell| cell.as_str() == Some("")) {
                    continue;
                }
                let (_, line) = self.load_row(target, &inner, &cells)?;
                commands.push(json!([0, 0, line]));
            }
            values.insert(list.to_owned(), Json::Array(commands));
        }
        Ok((external, values))
    }

    fn upsert(&mut self, model: Model, external: Option<&str>, values: &Values) -> Result<Id, Refusal> {
        let Some(external) = external else {
            return self.create(model, values);
        };
        let (module, name) = external.split_once('.').unwrap_or(("__import__", external));
        if let Some((entry, id)) = self.by_external_id(module, name) {
            if self.store.row(model, id).is_some() {
                self.write(model, &[id], values)?;
                return Ok(id);
            }
            self.store.remove(Model::ExternalId, entry);
        }
        let id = self.create(model, values)?;
        if let (Model::Product, Some(template)) = (model, self.reference(model, id, "product_tmpl_id")) {
            self.name_externally(module, &format!("{name}_product_template"), Model::Template, template);
        }
        self.name_externally(module, name, model, id);
        Ok(id)
    }

    fn load_row(
        &self,
        model: Model,
        columns: &[String],
        cells: &[Json],
    ) -> Result<(Option<String>, Values), Complaint> {
        let mut external = None;
        let mut values = Map::new();
        for (column, cell) in columns.iter().zip(cells) {
            if column == "id" {
                external = cell.as_str().filter(|text| !text.is_empty()).map(str::to_owned);
                continue;
            }
            let (name, by) = column.split_once('/').unwrap_or((column, ""));
            let unknown = || Complaint {
                field: name.to_owned(),
                message: format!("Invalid field '{name}' on model '{}'", model.name()),
                relation: None,
            };
            let field = model.field(name, self.env.version).ok_or_else(unknown)?;
            let value = match field.kind {
                Kind::One(target) => self.load_reference(target, by, cell).map_err(|message| Complaint {
                    field: name.to_owned(),
                    message: format!("{message} in field '{}'", field.label),
                    relation: Some(target),
                })?,
                Kind::Bool => json!(!matches!(cell.as_str(), Some("" | "0" | "false" | "False" | "no"))),
                Kind::Selection(pairs) => {
                    let text = cell.as_str().unwrap_or_default();
                    json!(pairs.iter().find(|(_, label)| *label == text).map_or(text, |(key, _)| *key))
                }
                _ if cell.as_str() == Some("") => Json::Bool(false),
                _ => cell.clone(),
            };
            values.insert(name.to_owned(), value);
        }
        Ok((external, values))
    }

    /// A many2one of a load: by database id, by external id, or by its label.
    fn load_reference(&self, target: Model, by: &str, cell: &Json) -> Result<Json, String> {
        let text = match cell {
            Json::String(text) => text.clone(),
            Json::Number(number) => number.to_string(),
            _ => String::new(),
        };
        if text.is_empty() {
            return Ok(Json::Bool(false));
        }
        let found = match by {
            ".id" => text.parse().ok().map(Id).filter(|id| self.store.row(target, *id).is_some()),
            "id" => text.split_once('.').and_then(|(module, name)| self.by_external_id(module, name)).map(|(_, id)| id),
            _ => self
                .store
                .ids(target)
                .into_iter()
                .find(|id| self.label(target, *id) == text || self.is(target, *id, "name", &[&text])),
        };
        let kind = match by {
            ".id" => "database id",
            "id" => "external id",
            _ => "name",
        };
        found.map(Json::from).ok_or_else(|| format!("No matching record found for {kind} '{text}'"))
    }
}

fn message(at: usize, model: Model, complaint: &Complaint, tx: &Transaction<'_>) -> Json {
    let mut message = json!({ "rows": { "from": at, "to": at }, "type": "error", "record": at });
    let Some(map) = message.as_object_mut() else {
        return message;
    };
    if complaint.field.is_empty() {
        map.insert("message".to_owned(), json!(complaint.message));
        return message;
    }
    map.insert("field".to_owned(), json!(complaint.field));
    map.insert("message".to_owned(), json!(complaint.message));
    if let Some(relation) = complaint.relation {
        let more = json!({
            "name": "Possible Values", "type": "ir.actions.act_window", "target": "new", "view_mode": "list,form",
            "views": [[false, "list"], [false, "form"]], "context": { "create": false }, "help": "See all possible values",
            "res_model": "ir.model.data", "domain": [["model", "=", relation.name()]],
        });
        map.insert("moreinfo".to_owned(), more);
    }
    let label = model.field(&complaint.field, tx.env.version).map_or(complaint.field.as_str(), |field| field.label);
    map.insert("field_name".to_owned(), json!(label));
    message
}

//! Maintenance: requests that pass through stages, and the equipment that they are about.
//! A request is closed by its stage; nothing is planned or repeated here.

use serde_json::Value as Json;

use super::record::Values;
use super::schema::Model;
use super::transaction::Transaction;
use super::value::{Id, Value};

impl Transaction<'_> {
    /// What a new request has before its values are read.
    pub(crate) fn request_defaults(&self) -> Vec<(&'static str, Value)> {
        vec![
            ("request_date", self.env.now.day().into()),
            ("kanban_state", "normal".into()),
            ("maintenance_type", "corrective".into()),
            ("stage_id", self.first_by_sequence(Model::MaintenanceStage).into()),
            ("maintenance_team_id", self.store.ids(Model::MaintenanceTeam).first().copied().into()),
            ("owner_user_id", self.env.user.into()),
            ("company_id", self.company().into()),
        ]
    }

    /// What new equipment has before its values are read.
    pub(crate) fn equipment_defaults(&self) -> Vec<(&'static str, Value)> {
        vec![
            ("effective_date", self.env.now.day().into()),
            ("maintenance_team_id", self.store.ids(Model::MaintenanceTeam).first().copied().into()),
            ("company_id", self.company().into()),
        ]
    }

    fn first_by_sequence(&self, model: Model) -> Option<Id> {
        self.store.ids(model).into_iter().min_by_key(|id| (self.row(model, *id).int("sequence"), *id))
    }

    /// A stage that ends a request dates its end; another one opens it again.
    pub(crate) fn request_written(&mut self, id: Id, values: &Values) {
        if !values.contains_key("stage_id") || values.get("close_date").is_some_and(Json::is_string) {
            return;
        }
        let closed = if self.request_is_done(id) { self.env.now.day().into() } else { Value::Null };
        self.settle(Model::MaintenanceRequest, id, "close_date", closed);
    }

    fn request_is_done(&self, id: Id) -> bool {
        let stage = self.reference(Model::MaintenanceRequest, id, "stage_id");
        stage.is_some_and(|stage| self.flag(Model::MaintenanceStage, stage, "done"))
    }

    pub(crate) fn maintenance_value(&self, model: Model, id: Id, name: &str) -> Value {
        let requests = || self.store.referring(Model::MaintenanceRequest, "equipment_id", id);
        let count = |number: usize| Value::Int(i64::try_from(number).unwrap_or(i64::MAX));
        match (model, name) {
            (Model::MaintenanceRequest, "done") => self.request_is_done(id).into(),
            (Model::MaintenanceRequest, _) => {
                let equipment = self.reference(model, id, "equipment_id");
                equipment.and_then(|equipment| self.reference(Model::Equipment, equipment, "category_id")).into()
            }
            (_, "maintenance_open_count") => {
                let open = |request: &Id| {
                    !self.request_is_done(*request) && !self.flag(Model::MaintenanceRequest, *request, "archive")
                };
                count(requests().into_iter().filter(open).count())
            }
            _ => count(requests().len()),
        }
    }

    /// `Press 4/PR4`: the name with the serial number.
    pub(crate) fn equipment_label(&self, id: Id) -> String {
        let (name, serial) = (self.text(Model::Equipment, id, "name"), self.text(Model::Equipment, id, "serial_no"));
        if serial.is_empty() { name } else { format!("{name}/{serial}") }
    }
}

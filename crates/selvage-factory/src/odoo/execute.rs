//! Runs a call on the transaction: from its method and arguments to its answer.
//! It decides nothing of its own: rights and rules stand with the models.

use serde_json::{Map, Value as Json, json};

use super::call::{Call, Method};
use super::record::Values;
use super::refusal::{Exception, Refusal};
use super::schema::Model;
use super::search::Page;
use super::transaction::Transaction;
use super::value::{Id, repr};

/// What a method returns. Odoo's `None` is not the same as `False`: JSON-RPC leaves the result out.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Answer {
    Value(Json),
    Nothing,
}

impl Transaction<'_> {
    /// Runs the call. The caller commits or rolls back.
    pub(crate) fn execute(&mut self, call: &Call) -> Result<Answer, Refusal> {
        if !call.method.is_in(self.env.version) {
            let (method, model) = (call.method.name(), call.model.name());
            let message = format!("The method '{method}' does not exist on the model '{model}'");
            return Err(Refusal::new(Exception::Attribute, message));
        }
        self.rights(call)?;
        let (model, ids, named) = (call.model, call.ids.as_slice(), &call.named);
        let all = json!([]);
        let domain = named.get("domain").filter(|domain| !domain.is_null()).unwrap_or(&all);
        let value = match call.method {
            Method::Search => self.search(model, domain, &Page::read(named))?.into_iter().map(Json::from).collect(),
            Method::SearchCount => json!(self.count(model, domain, &Page::read(named))?),
            Method::SearchRead => {
                let found = self.search(model, domain, &Page::read(named))?;
                Json::Array(self.read(model, &found, &names(named.get("fields")), labels(named))?)
            }
            Method::NameSearch => self.name_search(model, named)?,
            Method::ReadGroup => self.read_group(model, domain, named)?,
            Method::FieldsGet => self.fields_get(model, named),
            Method::Read => Json::Array(self.read(model, ids, &names(named.get("fields")), labels(named))?),
            Method::Create => self.create_all(call)?,
            Method::Write => {
                self.write(model, ids, dictionary(named.get("vals"))?)?;
                json!(true)
            }
            Method::Unlink => {
                self.unlink(model, ids)?;
                json!(true)
            }
            Method::Load => self.load(model, &names(named.get("fields")), &table(named.get("data")))?,
            Method::HasGroup => json!(self.has_group(ids, named)),
            Method::HasAccess | Method::CheckAccessRights => {
                json!(self.has_access(model, named.get("operation").and_then(Json::as_str)))
            }
            Method::Copy => self.copy_all(model, ids, named.get("default"))?,
            Method::Archive | Method::Unarchive => {
                let archives = call.method == Method::Archive;
                self.set_active(model, ids, !archives)?;
                let warning = if archives && model == Model::Product { self.archive_warning(ids) } else { None };
                return Ok(warning.map_or(Answer::Nothing, Answer::Value));
            }
            Method::Start => {
                self.start_work(ids)?;
                return Ok(Answer::Nothing);
            }
            Method::ApplyInventory => {
                self.apply_inventory(ids)?;
                return Ok(Answer::Nothing);
            }
            Method::ClearInventory | Method::ZeroInventory => {
                self.clear_inventory(ids)?;
                return Ok(Answer::Nothing);
            }
            button => self.press(model, button, ids)?,
        };
        Ok(Answer::Value(value))
    }

    /// The buttons of a record's form, each of which answers something.
    fn press(&mut self, model: Model, button: Method, ids: &[Id]) -> Result<Json, Refusal> {
        match button {
            Method::Confirm => match model {
                Model::Picking => self.confirm_pickings(ids),
                Model::Sale => self.confirm_sales(ids),
                _ => self.confirm_orders(ids),
            },
            Method::Assign if model == Model::Picking => self.assign_pickings(ids),
            Method::Assign => self.assign_orders(ids),
            Method::Plan => self.plan_orders(ids),
            Method::MarkDone => self.mark_done(ids),
            Method::Cancel => match model {
                Model::Picking => self.cancel_pickings(ids),
                Model::Sale => self.cancel_sales(ids),
                _ => self.cancel_orders(ids),
            },
            Method::ConfirmPurchase => self.confirm_purchases(ids),
            Method::CancelPurchase => self.cancel_purchases(ids),
            Method::ValidatePicking => self.validate_pickings(ids),
            Method::ValidateScrap => self.validate_scraps(ids),
            Method::Process | Method::ProcessWithout => self.answer_backorder(ids, button == Method::ProcessWithout),
            Method::PostInvoice => self.post_invoices(ids),
            Method::ScrapAnyway => self.scrap_anyway(ids),
            Method::Pending => self.pause_work(ids),
            Method::Finish => self.finish_work(ids),
            Method::ChangeQuantity => self.change_quantity(ids),
            other => Err(Refusal::new(Exception::Attribute, format!("'{}' is no button", other.name()))),
        }
    }

    fn rights(&self, call: &Call) -> Result<(), Refusal> {
        let verb = match call.method {
            Method::FieldsGet | Method::HasGroup | Method::HasAccess | Method::CheckAccessRights => return Ok(()),
            method if method.reads() => return self.may_read(call.model),
            Method::Create | Method::Load | Method::Copy => "create",
            Method::Unlink => "delete",
            _ => "modify",
        };
        self.may_change(call.model, verb)
    }

    fn create_all(&mut self, call: &Call) -> Result<Json, Refusal> {
        let values = call.named.get("vals_list").unwrap_or(&Json::Null);
        if let Json::Object(values) = values {
            let id = self.create(call.model, values)?;
            return Ok(if call.single { id.into() } else { json!([id.0]) });
        }
        let mut ids: Vec<Id> = Vec::new();
        for values in values.as_array().map(Vec::as_slice).unwrap_or_default() {
            ids.push(self.create(call.model, dictionary(Some(values))?)?);
        }
        Ok(ids.into_iter().map(Json::from).collect())
    }

    fn fields_get(&self, model: Model, named: &Map<String, Json>) -> Json {
        let (wanted, attributes) = (names(named.get("allfields")), names(named.get("attributes")));
        let mut all = Map::new();
        for field in model
            .fields(self.env.version)
            .filter(|field| wanted.is_empty() || wanted.iter().any(|name| name == field.name))
        {
            let mut description = model.describe(field, self.env.version);
            description.retain(|attribute, _| attributes.is_empty() || attributes.contains(attribute));
            all.insert(field.name.to_owned(), Json::Object(description));
        }
        Json::Object(all)
    }
}

fn names(json: Option<&Json>) -> Vec<String> {
    let items = json.and_then(Json::as_array).map(Vec::as_slice).unwrap_or_default();
    items.iter().filter_map(Json::as_str).map(str::to_owned).collect()
}

/// `load=None` asks for bare ids; the argument left out asks for labels.
fn labels(named: &Map<String, Json>) -> bool {
    named.get("load").is_none_or(|load| load.as_str() == Some("_classic_read"))
}

fn dictionary(json: Option<&Json>) -> Result<&Values, Refusal> {
    let wrong = || {
        Refusal::new(Exception::Type, format!("{} is not a dictionary of values", json.map(repr).unwrap_or_default()))
    };
    json.and_then(Json::as_object).ok_or_else(wrong)
}

fn table(json: Option<&Json>) -> Vec<Vec<Json>> {
    let rows = json.and_then(Json::as_array).map(Vec::as_slice).unwrap_or_default();
    rows.iter().filter_map(Json::as_array).cloned().collect()
}

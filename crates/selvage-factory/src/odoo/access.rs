//! Who may do what with a model, and which groups would do, in Odoo's words. Accounts of the configuration have their rights from
//! there; a user made over the API has those of the groups that it was given.

use super::Account;
use super::call::{Call, Method};
use super::database::Login;
use super::execute::Answer;
use super::refusal::Refusal;
use super::schema::Model;
use super::seed;
use super::transaction::{Rights, Transaction};
use super::value::{Id, Value};

impl Transaction<'_> {
    /// Refuses a user who may not see the model at all.
    pub(crate) fn may_read(&self, model: Model) -> Result<(), Refusal> {
        match readers(model) {
            Some(groups) if self.env.rights == Rights::Internal => Err(refused(model, "access", groups)),
            _ => Ok(()),
        }
    }

    /// Whether the user may do that with records of the model.
    pub(crate) fn has_access(&self, model: Model, operation: Option<&str>) -> bool {
        match operation {
            Some("read") => self.may_read(model).is_ok(),
            Some("write" | "create" | "unlink") => self.may_change(model, "modify").is_ok(),
            _ => false,
        }
    }

    /// Refuses a user without the right to change anything.
    pub(crate) fn may_change(&self, model: Model, verb: &str) -> Result<(), Refusal> {
        match self.env.rights {
            Rights::Admin | Rights::Write => Ok(()),
            Rights::Read | Rights::Internal => Err(refused(model, verb, writers(model))),
        }
    }

    /// The values of a new user that names none.
    pub(crate) fn user_defaults(&self) -> Vec<(&'static str, Value)> {
        let own = Value::Refs(self.company().into_iter().collect());
        vec![("company_id", self.company().into()), ("company_ids", own), ("lang", "en_US".into())]
    }

    /// The logins of the users that a call has made, where they were given a password.
    pub(crate) fn new_logins(&self, call: &Call, answer: &Answer) -> Vec<Login> {
        let (Model::User, Method::Create, Answer::Value(made)) = (call.model, call.method, answer) else {
            return Vec::new();
        };
        let ids = made.as_array().map_or(std::slice::from_ref(made), Vec::as_slice);
        let values = call.named.get("vals_list");
        let values = values.map_or(&[][..], |all| all.as_array().map_or(std::slice::from_ref(all), Vec::as_slice));
        let login = |(id, values): (&serde_json::Value, &serde_json::Value)| {
            let user = Id(id.as_i64()?);
            let key = values.get("password")?.as_str()?.to_owned();
            let rights = seed::rights_of(self, self.row(Model::User, user).references("groups_id"));
            let account = Account { login: self.text(Model::User, user, "login"), key, rights };
            Some(Login { user, name: self.text(Model::User, user, "name"), account })
        };
        ids.iter().zip(values).filter_map(login).collect()
    }
}

/// The groups whose users read a model, where not every internal user does.
fn readers(model: Model) -> Option<&'static [&'static str]> {
    Some(match model {
        Model::Purchase | Model::PurchaseLine => &[
            "Inventory/User",
            "Invoicing/Invoicing",
            "Purchase/Administrator",
            "Purchase/User",
            "Technical/Show Accounting Features - Readonly",
            "User types/Portal",
        ],
        Model::Sale | Model::SaleLine => &["Inventory/User", "Invoicing/Invoicing", "Sales/User: Own Documents Only"],
        Model::Production | Model::WorkOrder | Model::Bom | Model::BomLine | Model::Operation | Model::WorkCenter => {
            &["Inventory/User", "Manufacturing/User"]
        }
        Model::Picking | Model::PickingType | Model::Move | Model::MoveLine | Model::Scrap | Model::Lot => {
            &["Inventory/User", "Manufacturing/User"]
        }
        Model::Invoice | Model::InvoiceLine => &["Invoicing/Invoicing"],
        _ => return None,
    })
}

/// The groups whose users change a model.
fn writers(model: Model) -> &'static [&'static str] {
    match model {
        Model::Product | Model::Template => &[
            "Extra Rights/Product Creation",
            "Inventory/Administrator",
            "Invoicing/Administrator",
            "Manufacturing/Administrator",
            "Purchase/Administrator",
            "Sales/Administrator",
        ],
        _ => &["Inventory/Administrator", "Manufacturing/Administrator"],
    }
}

fn refused(model: Model, verb: &str, groups: &[&str]) -> Refusal {
    let groups: String = groups.iter().map(|group| format!("\t- {group}\n")).collect();
    Refusal::access(format!(
        "You are not allowed to {verb} '{}' ({}) records.\n\nThis operation is allowed for the following groups:\n{groups}\nContact \
         your administrator to request access if necessary.",
        model.info().label,
        model.name(),
    ))
}

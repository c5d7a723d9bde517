//! What a grant on a direct interface leaves out: members of answers and bodies by their names, and rows by the parameter
//! that the contract says carries them. What cannot be told is refused.

use selvage_model::access::GrantTerms;
use selvage_model::exchange::Scope;
use selvage_model::fabric::Fabric;
use selvage_model::manifest::api::Api;
use selvage_model::manifest::interface::Interface;
use serde_json::Value;

use super::served::{Kind, Served};
use crate::contract::{self, RowParameter};

/// The scope of a grant on a direct interface.
#[derive(Debug)]
pub(crate) struct DirectScope {
    /// Names of members that are left out, as [`plain`] writes them.
    except: Box<[String]>,
    /// By operation of the interface.
    rows: Box<[Rows]>,
    /// How large a body may be that is looked through.
    pub(crate) up_to: u64,
}

/// The rows of one operation.
#[derive(Debug)]
pub(crate) enum Rows {
    /// Whatever these parameters allow; all where there are none.
    Told(Vec<Row>),
    /// A row that no parameter of the operation carries.
    Untold(String),
}

/// A parameter that carries a row, and what it may say.
#[derive(Debug)]
pub(crate) struct Row {
    pub(crate) parameter: RowParameter,
    pub(crate) allowed: Vec<String>,
}

impl DirectScope {
    /// Whether members are left out.
    pub(crate) fn withholds(&self) -> bool {
        !self.except.is_empty()
    }

    /// Whether a member of this name is left out.
    pub(crate) fn leaves_out(&self, name: &str) -> bool {
        self.except.contains(&plain(name))
    }

    /// The rows of an operation.
    pub(crate) fn rows(&self, operation: u32) -> Option<&Rows> {
        self.rows.get(operation as usize)
    }
}

/// The scope of a grant, where its interface is direct and it leaves something out.
pub(super) fn compile(fabric: &Fabric, served: &Served, terms: &GrantTerms) -> Option<Box<DirectScope>> {
    if !matches!(served.kind, Kind::Direct(_)) || (terms.rows.is_empty() && terms.except.is_empty()) {
        return None;
    }
    let scope = Scope { rows: terms.rows.clone(), except: terms.except.clone() };
    let interface = fabric.interfaces.get(&served.reference);
    let rows = served.operations.iter().map(|operation| rows(fabric, interface, &operation.name, &scope)).collect();
    Some(Box::new(DirectScope {
        except: scope.except.iter().map(|attribute| plain(attribute.as_str())).collect(),
        rows,
        up_to: interface.map_or(0, |interface| interface.validation.up_to),
    }))
}

fn rows(fabric: &Fabric, interface: Option<&Interface>, operation: &str, scope: &Scope) -> Rows {
    if scope.rows.is_empty() {
        return Rows::Told(Vec::new());
    }
    let file = interface.and_then(Interface::api).and_then(|api| match api {
        Api::Direct { openapi, .. } => Some(openapi.value.as_str()),
        Api::Mediated(_) => None,
    });
    let compiled = file.and_then(|file| Some(contract::compiled(file, fabric.files.get(file)?)));
    let declared = compiled.as_ref().and_then(|contract| contract.operation(operation));
    let mut told = Vec::new();
    for (attribute, values) in &scope.rows {
        let parameters = declared.into_iter().flat_map(|declared| declared.rows());
        let carrying = parameters.filter(|parameter| *parameter.attribute == *attribute.as_str());
        let before = told.len();
        // Where several carry it, as from one plant to another, each has to stay within the rows.
        told.extend(carrying.map(|parameter| {
            let allowed = values.iter().map(text).collect();
            Row { parameter: parameter.clone(), allowed }
        }));
        if told.len() == before {
            return Rows::Untold(attribute.to_string());
        }
    }
    Rows::Told(told)
}

fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// A name without what writers of names differ in: `unit_price`, `unitPrice` and `Unit-Price` are one.
pub(crate) fn plain(name: &str) -> String {
    name.chars().filter(|c| !matches!(c, '_' | '-' | ' ' | '.')).flat_map(char::to_lowercase).collect()
}

#[cfg(test)]
mod tests {
    use super::plain;

    #[test]
    fn spellings_of_a_name_are_one() {
        for name in ["unit_price", "unitPrice", "UnitPrice", "unit-price", "UNIT_PRICE"] {
            assert_eq!(plain(name), "unitprice");
        }
        assert_ne!(plain("unit_prices"), plain("unit_price"));
    }
}

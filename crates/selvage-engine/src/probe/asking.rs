//! The questions of a probe, one after the other, and what their failures mean. It decides nothing about what works.

use selvage_connect::governor::Governors;
use selvage_connect::odoo::{
    Company, Dialect, Failure, Fingerprint, ModelSeen, NO_DATABASE, Question, Questions, Right, Scope,
};
use selvage_model::code;
use serde_json::{Value, json};

use super::works::{Plan, works};
use super::{CompanyRow, Found, ProbeTarget, RightRow, Unfound};
use crate::company;
use crate::connection::{Connection, Settings};
use crate::need::{self, Need};

/// Modules that matter, each told by a model of it.
const MODULES: &[(&str, &str)] = &[
    ("stock", "stock.picking"),
    ("mrp", "mrp.production"),
    ("purchase", "purchase.order"),
    ("sale", "sale.order"),
    ("account", "account.move"),
    ("maintenance", "maintenance.request"),
    ("quality", "quality.check"),
    ("plm", "mrp.eco"),
];
const KEYS: &str = "res.users.apikeys";
const KEY_ENDS: &str = "expiration_date";

/// Asks everything.
pub(super) async fn ask(target: &ProbeTarget<'_>) -> Result<Found, Unfound> {
    let settings = Settings::of(target.fabric, target.system, target.environment, target.account, target.secrets);
    let settings =
        settings.map_err(|found| Unfound { code: found.code.as_str(), message: found.message, fix: found.fix })?;
    let unset = |message| Unfound { code: code::ODOO_CONFIG.as_str(), message, fix: None };
    let connection = Connection::build(settings, &Governors::default()).map_err(unset)?;
    let odoo = connection.odoo();
    (target.progress)("the server and its version");
    let server = odoo.server().await.map_err(|failure| unfound(&failure))?;
    (target.progress)("companies");
    let companies = match odoo.companies().await {
        // An account without the right: the rights will say so.
        Err(Failure::Refused { .. }) => Vec::new(),
        other => other.map_err(|failure| unfound(&failure))?,
    };
    let plans = super::works::plans(target, server.version.major);
    let always = need::always();
    let needs: Vec<&Need> = plans.iter().flat_map(Plan::needs).chain(&always).collect();
    let mut more: Questions = MODULES.iter().map(|(_, model)| ((*model).to_owned(), Question::default())).collect();
    more.entry(KEYS.to_owned()).or_default().fields.insert(KEY_ENDS.to_owned());
    let progress = |model: &str| (target.progress)(&format!("model {model}"));
    let seen = need::ask(&odoo, &needs, more, progress).await.map_err(|failure| unfound(&failure))?;
    let questions = need::questions(plans.iter().flat_map(Plan::needed).chain(&always), &seen.models);
    (target.progress)("keys");
    let keys = match &seen.models.get(KEYS) {
        Some(ModelSeen::There { fields: Some(fields), .. }) if fields.contains_key(KEY_ENDS) => {
            keys_of(&connection, server.user).await
        }
        _ => Vec::new(),
    };
    let works = works(plans, target, &seen);
    let (rows, unbound) = companies_of(target, &companies);
    let requests = super::works::requests(&works.lacking, &unbound, &target.account.login);
    Ok(Found {
        version: server.version.text.clone(),
        dialect: dialect_word(server.dialect),
        modules: MODULES.iter().map(|(module, model)| (*module, is_there(&seen, model))).collect(),
        companies: rows,
        unbound,
        rights: rights(&questions, &seen),
        keys,
        works: works.rows,
        requests,
    })
}

fn unfound(failure: &Failure) -> Unfound {
    let fix = match failure {
        Failure::Unreachable { reason } if reason == NO_DATABASE => {
            let fix = Some("correct `database` of the system".to_owned());
            return Unfound { code: code::ODOO_DATABASE.as_str(), message: failure.to_string(), fix };
        }
        Failure::Unauthenticated => Some("make a key for this login in Odoo, and put it into the secret"),
        Failure::Unreachable { .. } => Some("correct `url`, or start the server; then look at what stands between"),
        Failure::Protocol { .. } => Some("correct `url`: it must lead to Odoo itself"),
        _ => None,
    };
    Unfound { code: failure.code(), message: failure.to_string(), fix: fix.map(str::to_owned) }
}

/// The account's own keys with the day on which each ends; nothing where they are not told.
async fn keys_of(connection: &Connection, user: i64) -> Vec<(String, Option<String>)> {
    let own = vec![json!(["user_id", "=", user])];
    let wanted = ["name".to_owned(), KEY_ENDS.to_owned()];
    let found = connection.odoo().search(KEYS, own, &wanted, &Scope::default(), Some(20)).await;
    let text = |record: &Value, field: &str| record.get(field).and_then(Value::as_str).map(str::to_owned);
    let key = |record: &Value| (text(record, "name").unwrap_or_default(), text(record, KEY_ENDS));
    found.unwrap_or_default().iter().map(key).collect()
}

fn companies_of(
    target: &ProbeTarget<'_>,
    companies: &[Company],
) -> (Vec<CompanyRow>, Vec<(selvage_model::name::SiteName, String)>) {
    let (fabric, system) = (target.fabric, &target.system.name);
    let row = |company: &Company| CompanyRow {
        id: company.id,
        name: company.name.clone(),
        registry: company.registry.clone(),
        external_id: company.external_id.clone(),
        site: company::site_of(fabric, system, companies, company.id),
    };
    let bound = company::bound(fabric, system, companies);
    let mut unbound = Vec::new();
    for site in fabric.sites.values() {
        let called = site.companies.iter().find(|(of, _)| &of.value == system);
        if let (Some((_, called)), false) = (called, bound.iter().any(|(name, _)| name == &site.name)) {
            unbound.push((site.name.clone(), called.value.clone()));
        }
    }
    (companies.iter().map(row).collect(), unbound)
}

fn is_there(seen: &Fingerprint, model: &str) -> Option<bool> {
    seen.models.get(model).map(|model| *model != ModelSeen::Absent)
}

/// Rights that are needed, of the models that are there.
fn rights(questions: &Questions, seen: &Fingerprint) -> Vec<RightRow> {
    let mut rows = Vec::new();
    for (model, question) in questions {
        let Some(ModelSeen::There { rights, .. }) = seen.models.get(model) else { continue };
        if question.rights.is_empty() {
            continue;
        }
        let may = |right| rights.get(&right).copied();
        let model = model.clone();
        let (read, write) = (may(Right::Read), may(Right::Write));
        rows.push(RightRow { model, read, write, create: may(Right::Create), delete: may(Right::Delete) });
    }
    rows
}

fn dialect_word(dialect: Dialect) -> &'static str {
    match dialect {
        Dialect::JsonRpc => "JSON-RPC",
        Dialect::Json2 => "JSON-2",
        Dialect::XmlRpc => "XML-RPC",
    }
}

//! Plays recorded steps against a simulated Odoo, over HTTP: recorded ids are exchanged for the simulated ones as they appear,
//! and every answer is compared. Everything has to be equal but moments, numbers of sequences and ids.

use std::collections::HashMap;

use selvage_factory::{Factory, FactoryConfig, RunningFactory, odoo};
use serde_json::{Map, Value as Json, json};

use crate::recording::{Request, Step};
use crate::xml;

/// In which of the two older dialects `execute_kw` is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    Json,
    Xml,
}

/// A running simulation with what was learned of its ids.
pub struct Player {
    pub factory: RunningFactory,
    pub dialect: Dialect,
    http: reqwest::Client,
    ids: HashMap<(String, i64), i64>,
    relations: HashMap<(String, String), Option<String>>,
    pub differences: Vec<String>,
}

impl Player {
    /// A simulation with an empty database, named as the recorded one.
    pub async fn start(version: odoo::OdooVersion) -> Self {
        Self::speaking(Dialect::Json, version).await
    }

    /// The same, in a dialect.
    pub async fn speaking(dialect: Dialect, version: odoo::OdooVersion) -> Self {
        let odoo = odoo::OdooConfig {
            version,
            database: "odoo18".to_owned(),
            seed: odoo::Seed::Empty,
            ..odoo::OdooConfig::default()
        };
        let factory = Factory::start(FactoryConfig { odoo, ..FactoryConfig::default() }).await.unwrap();
        let http = reqwest::Client::new();
        Self { factory, dialect, http, ids: HashMap::new(), relations: HashMap::new(), differences: Vec::new() }
    }

    /// Plays the steps and notes what differs. What is no call of a service is only of JSON-RPC.
    pub async fn play(&mut self, steps: &[Step]) {
        let dialect = self.dialect;
        let fits = |step: &&Step| dialect == Dialect::Json || !matches!(step.request, Request::Raw { .. });
        for step in steps.iter().filter(fits) {
            let key = match step.name.as_str() {
                "no key" => None,
                "wrong key" => Some("wrong"),
                _ => Some("admin"),
            };
            let (status, content_type, answer) = self.send(&step.request, key).await;
            if step.status.is_some_and(|recorded| recorded != status) {
                self.differences.push(format!("{}: status {:?}, simulated {status}", step.name, step.status));
            }
            let expected = match self.dialect {
                Dialect::Json => step.content_type.clone(),
                Dialect::Xml => Some("text/xml; charset=utf-8".to_owned()),
            };
            if expected.as_ref().is_some_and(|expected| *expected != content_type) {
                self.differences.push(format!("{}: {expected:?}, simulated {content_type}", step.name));
            }
            match self.dialect {
                Dialect::Json => self.compare(step, &answer),
                Dialect::Xml => self.compare_xml(step, answer.as_str().unwrap()),
            }
        }
    }

    /// Sends one request as it is, ids exchanged; status, content type and body.
    pub async fn send(&mut self, request: &Request, key: Option<&str>) -> (u64, String, Json) {
        let url = self.factory.odoo_url();
        let call = match request {
            Request::Raw { verb, path, body } => {
                let url = format!("{url}{path}");
                let call = if verb == "GET" { self.http.get(url) } else { self.http.post(url) };
                call.body(body.clone().unwrap_or_default())
            }
            Request::Envelope(envelope) => {
                let text = envelope.to_string().replacen("<password>", "admin", 2);
                self.enveloped(&serde_json::from_str(&text).unwrap())
            }
            Request::Object { login, model, method, args, kwargs } => {
                let (args, kwargs) = (self.arguments(model, method, args), self.keywords(model, kwargs));
                let password = login.password.replace("<password>", "admin");
                let user = self.exchange("res.users", &login.user);
                let all = json!([login.database, user, password, model, method, args, kwargs]);
                let envelope = json!({
                    "jsonrpc": "2.0", "method": "call", "id": 1,
                    "params": { "service": "object", "method": "execute_kw", "args": all },
                });
                self.enveloped(&envelope)
            }
            Request::Named { model, method, body } => {
                let body = Json::Object(self.keywords(model, body));
                self.http.post(format!("{url}/json/2/{model}/{method}")).body(body.to_string())
            }
        };
        let call = if let Some(key) = key { call.bearer_auth(key) } else { call };
        let response = call.send().await.unwrap();
        let status = u64::from(response.status().as_u16());
        let content_type = response.headers()["content-type"].to_str().unwrap().to_owned();
        let text = response.text().await.unwrap();
        (status, content_type, serde_json::from_str(&text).unwrap_or(Json::String(text)))
    }

    /// A call of a service, in the player's dialect.
    fn enveloped(&self, envelope: &Json) -> reqwest::RequestBuilder {
        let url = self.factory.odoo_url();
        let params = &envelope["params"];
        match self.dialect {
            Dialect::Json => self.http.post(format!("{url}/jsonrpc")).body(envelope.to_string()),
            Dialect::Xml => {
                let (service, method) = (params["service"].as_str().unwrap(), params["method"].as_str().unwrap());
                let body = xml::call(method, params["args"].as_array().unwrap());
                self.http.post(format!("{url}/xmlrpc/2/{service}")).body(body)
            }
        }
    }

    fn arguments(&mut self, model: &str, method: &str, args: &[Json]) -> Vec<Json> {
        let Some((first, rest)) = args.split_first() else {
            return Vec::new();
        };
        let first = match method {
            "search" | "search_read" | "search_count" => self.domain(model, first),
            "create" => self.values_list(model, first),
            "load" | "fields_get" | "name_search" => first.clone(),
            _ => self.exchange(model, first),
        };
        let rest = rest.iter().map(|arg| if method == "write" { self.values(model, arg) } else { arg.clone() });
        std::iter::once(first).chain(rest).collect()
    }

    fn keywords(&mut self, model: &str, kwargs: &Map<String, Json>) -> Map<String, Json> {
        let mut out = Map::new();
        for (name, value) in kwargs {
            let value = match name.as_str() {
                "ids" => self.exchange(model, value),
                "domain" => self.domain(model, value),
                "vals" => self.values(model, value),
                "vals_list" => self.values_list(model, value),
                "context" => self.context(value),
                _ => value.clone(),
            };
            out.insert(name.clone(), value);
        }
        out
    }

    fn context(&mut self, context: &Json) -> Json {
        let mut out = context.clone();
        for (key, model) in [("allowed_company_ids", "res.company"), ("mo_ids_to_backorder", "mrp.production")] {
            if let Some(ids) = context.get(key) {
                out[key] = self.exchange(model, ids);
            }
        }
        out
    }

    fn values_list(&mut self, model: &str, list: &Json) -> Json {
        match list {
            Json::Array(items) => items.iter().map(|item| self.values(model, item)).collect(),
            single => self.values(model, single),
        }
    }

    fn values(&mut self, model: &str, values: &Json) -> Json {
        let Some(values) = values.as_object() else {
            return values.clone();
        };
        let mut out = Map::new();
        for (name, value) in values {
            let value = match (self.relation(model, name), value) {
                (Some(target), Json::Array(commands)) => {
                    commands.iter().map(|command| self.command(&target, command)).collect()
                }
                (Some(target), value) => self.exchange(&target, value),
                (None, value) => value.clone(),
            };
            out.insert(name.clone(), value);
        }
        Json::Object(out)
    }

    fn command(&mut self, target: &str, command: &Json) -> Json {
        let Some(parts) = command.as_array() else {
            return self.exchange(target, command);
        };
        match parts.as_slice() {
            [kind, id, values @ Json::Object(_)] => {
                json!([kind, self.exchange(target, id), self.values(target, values)])
            }
            [kind, zero, ids @ Json::Array(_)] => json!([kind, zero, self.exchange(target, ids)]),
            [kind, id] => json!([kind, self.exchange(target, id)]),
            _ => command.clone(),
        }
    }

    fn domain(&mut self, model: &str, domain: &Json) -> Json {
        let Some(terms) = domain.as_array() else {
            return domain.clone();
        };
        let mut out = Vec::new();
        for term in terms {
            let [path, operator, value] = term.as_array().map(Vec::as_slice).unwrap_or_default() else {
                out.push(term.clone());
                continue;
            };
            let mut owner = Some(model.to_owned());
            for name in path.as_str().unwrap().split('.') {
                owner = owner.and_then(|owner| if name == "id" { Some(owner) } else { self.relation(&owner, name) });
            }
            let value = owner.map_or(value.clone(), |owner| self.exchange(&owner, value));
            out.push(json!([path, operator, value]));
        }
        Json::Array(out)
    }

    /// The simulated ids for recorded ones; what was never seen stays as it is.
    fn exchange(&mut self, model: &str, recorded: &Json) -> Json {
        match recorded {
            Json::Array(ids) => ids.iter().map(|id| self.exchange(model, id)).collect(),
            Json::Number(id) => {
                let id = id.as_i64().unwrap();
                json!(self.ids.get(&(model.to_owned(), id)).copied().unwrap_or(id))
            }
            other => other.clone(),
        }
    }

    /// The model that a field leads to.
    pub fn relation(&mut self, model: &str, field: &str) -> Option<String> {
        let key = (model.to_owned(), field.to_owned());
        if let Some(known) = self.relations.get(&key) {
            return known.clone();
        }
        let fields = self.factory.odoo.call(model, "fields_get", &[], &Map::new()).unwrap_or(Json::Null);
        let relation = fields[field]["relation"].as_str().map(str::to_owned);
        self.relations.insert(key, relation.clone());
        relation
    }

    /// Notes that a recorded record is a simulated one; they have to stay the same pair.
    pub fn learn(&mut self, place: &str, model: &str, recorded: i64, simulated: i64) {
        let known = *self.ids.entry((model.to_owned(), recorded)).or_insert(simulated);
        if known != simulated {
            self.differences.push(format!("{place}: {model} {recorded} was {known}, now {simulated}"));
        }
    }
}

//! A client of the simulated Odoo that sends one call and says how it ended. It never retries.

use std::time::Duration;

use selvage_factory::{Factory, FactoryConfig, PRODUCTION_KEY, RunningFactory, odoo};
use serde_json::{Value as Json, json};

/// How a call ended.
#[derive(Clone, Debug, PartialEq)]
pub enum Ending {
    Result(Json),
    /// The name of the exception.
    Error(String),
    Status(u16),
    Reset,
    TimedOut,
}

/// A running factory and a way to call its Odoo as `svc-mrp`.
pub struct Client {
    pub factory: RunningFactory,
    http: reqwest::Client,
    user: i64,
    key: String,
}

impl Client {
    pub async fn start(version: odoo::OdooVersion, seed: odoo::Seed) -> Self {
        let odoo = odoo::OdooConfig { version, seed, ..odoo::OdooConfig::default() };
        let factory = Factory::start(FactoryConfig { odoo, ..FactoryConfig::default() }).await.unwrap();
        Self { factory, http: reqwest::Client::new(), user: 4, key: PRODUCTION_KEY.to_owned() }
    }

    /// The same factory as another user.
    pub fn login(&mut self, user: i64, key: &str) {
        (self.user, self.key) = (user, key.to_owned());
    }

    pub async fn call(&self, model: &str, method: &str, args: Json, kwargs: Json) -> Ending {
        self.call_within(Duration::from_secs(10), model, method, args, kwargs).await
    }

    pub async fn call_within(&self, patience: Duration, model: &str, method: &str, args: Json, kwargs: Json) -> Ending {
        let all = json!(["velo", self.user, self.key, model, method, args, kwargs]);
        let body = json!({
            "jsonrpc": "2.0", "method": "call", "id": 1,
            "params": { "service": "object", "method": "execute_kw", "args": all },
        });
        let url = format!("{}/jsonrpc", self.factory.odoo_url());
        let sent = self.http.post(url).timeout(patience).body(body.to_string()).send().await;
        let response = match sent {
            Ok(response) => response,
            Err(error) if error.is_timeout() => return Ending::TimedOut,
            Err(_) => return Ending::Reset,
        };
        if response.status() != 200 {
            return Ending::Status(response.status().as_u16());
        }
        let answer: Json = serde_json::from_str(&response.text().await.unwrap()).unwrap();
        match answer.pointer("/error/data/name") {
            Some(name) => Ending::Error(name.as_str().unwrap().to_owned()),
            None => Ending::Result(answer["result"].clone()),
        }
    }

    /// The result of a call that has to succeed.
    pub async fn ok(&self, model: &str, method: &str, args: Json, kwargs: Json) -> Json {
        match self.call(model, method, args, kwargs).await {
            Ending::Result(result) => result,
            other => panic!("{model}.{method}: {other:?}"),
        }
    }

    /// Creates a product of that code.
    pub async fn create(&self, code: &str) -> Ending {
        let patience = Duration::from_millis(150);
        let values = json!([{ "name": "Part", "default_code": code }]);
        self.call_within(patience, "product.product", "create", values, json!({})).await
    }

    /// How many products of that code are committed.
    pub fn made(&self, code: &str) -> usize {
        let products = self.factory.odoo.records("product.product");
        products.iter().filter(|product| product["default_code"] == code).count()
    }

    /// A control endpoint.
    pub async fn control(&self, verb: reqwest::Method, path: &str, body: Json) -> (u16, Json) {
        let url = format!("{}/_factory/{path}", self.factory.odoo_url());
        let response = self.http.request(verb, url).body(body.to_string()).send().await.unwrap();
        let status = response.status().as_u16();
        (status, serde_json::from_str(&response.text().await.unwrap()).unwrap())
    }
}

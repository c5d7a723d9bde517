//! The simulated Odoo in a process of its own, as a crash run drives it: its faults, its records, and orders made
//! directly in it. Everything goes over its port.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use http_body_util::Full;
use hyper::{Method, Request};
use serde_json::{Map, Value, json};

use crate::daemon::{Daemon, free_port};
use crate::http::Answer;
use crate::{http, release};

const PATIENCE: Duration = Duration::from_secs(10);
/// Database, login and key that the simulated Odoo starts with.
const ACCOUNT: [&str; 3] = ["velo", "svc-mrp", "demo-mrp-key"];

/// The same of its administrator.
const ADMINISTRATOR: [&str; 3] = ["velo", "admin", "admin"];

/// The secrets that a fabric needs to reach the simulated Odoo.
pub(crate) const SECRETS: &str = "odoo/read=demo-read-key\nodoo/mrp=demo-mrp-key\n";

/// A running simulated factory.
pub(crate) struct Factory {
    /// Where its Odoo listens.
    pub(crate) odoo: SocketAddr,
    _daemon: Daemon,
}

impl Factory {
    /// Starts it; its output goes to a file in the directory.
    pub(crate) async fn start(directory: &Path) -> Result<Self> {
        let odoo = SocketAddr::from((Ipv4Addr::LOCALHOST, free_port()?));
        let mut command = Command::new(release::program("selvage"));
        command.args(["factory", "--odoo-port", &odoo.port().to_string()]);
        command.args(["--mes-port", "0", "--wms-port", "0"]);
        let mut daemon = Daemon::start("factory", &mut command, directory)?;
        daemon.listens(odoo).await?;
        Ok(Self { odoo, _daemon: daemon })
    }

    /// Makes calls go wrong from now on, beside those that do already.
    pub(crate) async fn inject(&self, fault: &Value) -> Result<()> {
        self.post("/_factory/faults", fault).await?;
        Ok(())
    }

    /// How many calls its Odoo has been made since it began.
    pub(crate) async fn calls(&self) -> Result<f64> {
        let path = "/_factory/state";
        let answer = http::get(self.odoo, path).await?;
        succeeded(&answer, path)?;
        answer.json()?.get("calls").and_then(Value::as_f64).context("the factory counts no calls")
    }

    /// How many calls faults have struck since they were cleared.
    pub(crate) async fn strikes(&self) -> Result<u64> {
        let path = "/_factory/faults";
        let answer = http::get(self.odoo, path).await?;
        succeeded(&answer, path)?;
        let faults = answer.json()?;
        let faults = faults.get("faults").and_then(Value::as_array).into_iter().flatten();
        Ok(faults.filter_map(|fault| fault.get("strikes")?.as_u64()).sum())
    }

    /// Has its Odoo tell a webhook of what changes, by this rule.
    pub(crate) async fn tell(&self, rule: &Value) -> Result<()> {
        self.post("/_factory/webhooks", rule).await?;
        Ok(())
    }

    /// Ends every fault.
    pub(crate) async fn clear_faults(&self) -> Result<()> {
        let request = Request::builder().method(Method::DELETE).uri("/_factory/faults");
        let answer = http::send(self.odoo, request.body(Full::default())?, PATIENCE).await?;
        succeeded(&answer, "/_factory/faults")
    }

    /// Ids of the production orders that carry this origin.
    pub(crate) async fn orders(&self, origin: &str) -> Result<Vec<u64>> {
        let orders = self.records(origin).await?;
        Ok(orders.iter().filter_map(|order| order.get("id")?.as_u64()).collect())
    }

    /// Makes a second order like the one with this origin directly in Odoo, behind Selvage's back.
    pub(crate) async fn double(&self, origin: &str) -> Result<()> {
        let orders = self.records(origin).await?;
        let order = orders.first().context("there is no order to double")?;
        let mut values = Map::new();
        for field in ["origin", "product_id", "product_qty", "bom_id", "company_id"] {
            values.insert(field.to_owned(), order.get(field).cloned().unwrap_or_default());
        }
        let [database, login, key] = ACCOUNT;
        let user = self.jsonrpc("common", "login", json!([database, login, key])).await?;
        let create = json!([database, user, key, "mrp.production", "create", [[values]]]);
        self.jsonrpc("object", "execute_kw", create).await?;
        Ok(())
    }

    /// Every record of a model with its stored values.
    pub(crate) async fn raw(&self, model: &str) -> Result<Vec<Value>> {
        let path = format!("/_factory/records/{model}");
        let answer = http::get(self.odoo, &path).await?;
        succeeded(&answer, &path)?;
        match answer.json()? {
            Value::Array(records) => Ok(records),
            _ => Ok(Vec::new()),
        }
    }

    /// Calls a method as the administrator of the first company.
    pub(crate) async fn admin(&self, model: &str, method: &str, args: Value, kwargs: Value) -> Result<Value> {
        let [database, login, key] = ADMINISTRATOR;
        let user = self.jsonrpc("common", "login", json!([database, login, key])).await?;
        self.jsonrpc("object", "execute_kw", json!([database, user, key, model, method, args, kwargs])).await
    }

    /// Where the first warehouse keeps its stock.
    pub(crate) async fn stock_location(&self) -> Result<i64> {
        let warehouses = self.raw("stock.warehouse").await?;
        let location = warehouses.first().and_then(|warehouse| warehouse.get("lot_stock_id")?.as_i64());
        location.context("there is no warehouse")
    }

    async fn records(&self, origin: &str) -> Result<Vec<Value>> {
        let mut records = self.raw("mrp.production").await?;
        records.retain(|record| record.get("origin").and_then(Value::as_str) == Some(origin));
        Ok(records)
    }

    async fn jsonrpc(&self, service: &str, method: &str, args: Value) -> Result<Value> {
        let params = json!({"service": service, "method": method, "args": args});
        let request = json!({"jsonrpc": "2.0", "method": "call", "id": 1, "params": params});
        let mut answer = self.post("/jsonrpc", &request).await?;
        ensure!(answer.get("error").is_none(), "Odoo refused {method}: {answer}");
        // A method without a value leaves the result out.
        Ok(answer.get_mut("result").map(Value::take).unwrap_or_default())
    }

    async fn post(&self, path: &str, body: &Value) -> Result<Value> {
        let answer = http::post(self.odoo, path, &[], body, PATIENCE).await?;
        succeeded(&answer, path)?;
        answer.json()
    }
}

fn succeeded(answer: &Answer, path: &str) -> Result<()> {
    let text = String::from_utf8_lossy(&answer.body);
    ensure!((200..300).contains(&answer.status), "the factory answered {} to {path}: {text}", answer.status);
    Ok(())
}

//! One installation and what it goes through: a simulated Odoo, gateways on one state, and the steps of seed after seed.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result};
use serde_json::{Value, json};
use tokio::task::JoinSet;

use super::checker::{Confirmed, Observed};
use super::fabric;
use super::step::{Script, Step, Stock, Trouble};
use super::world::{STOCK, TAKES, World};
use crate::crash::client::{Terminal, Write};
use crate::crash::factory::Factory;
use crate::crash::gateways::Gateways;
use crate::selvage::Node;

const ORDERS: &str = "/production-orders/v1/production-orders";
const WORK_ORDERS: &str = "/work-orders/v1/work-orders";
const POSITIONS: &str = "/stock/v1/inventory-positions";
const PURCHASES: &str = "/purchasing/v1/purchase-orders";
const SALES: &str = "/sales/v1/sales-orders";
/// How long a killed gateway is away.
const AWAY: Duration = Duration::from_millis(100);

/// A running installation.
pub(super) struct Stack {
    gateways: Gateways,
    /// The simulated Odoo.
    pub(super) factory: Factory,
}

/// One request of a step and what its success means.
struct Asked {
    write: Write,
    meaning: Meaning,
}

impl Asked {
    /// Whether an outcome that is not known is a person's to tell at once.
    fn is_at_risk(&self) -> bool {
        matches!(self.meaning, Meaning::Counted(_))
    }
}

#[derive(Clone)]
enum Meaning {
    Made(usize),
    Finished(usize),
    Produced {
        order: usize,
        total: i64,
        lot: String,
    },
    Counted(i64),
    Scrapped(i64),
    /// By now: received where 0, shipped where 1.
    Traded(usize, i64),
    Nothing,
}

impl Stack {
    /// Starts it: two gateways on this database, or one on a store of its own.
    pub(super) async fn start(directory: &Path, database: Option<&str>) -> Result<Self> {
        std::fs::create_dir_all(directory)?;
        let factory = Factory::start(directory).await?;
        let (fabric, secrets) = fabric::write(directory, factory.odoo)?;
        let secrets = secrets.display().to_string();
        let with = |node: Node| node.with(&["--lease", "1s", "--secrets", &secrets, "--threads", "1"]);
        let nodes = match database {
            Some(database) => vec![
                with(Node::on_postgres("gateway-0", &fabric, database)?),
                with(Node::on_postgres("gateway-1", &fabric, database)?),
            ],
            None => vec![with(Node::embedded("gateway", &fabric, &directory.join("data"))?)],
        };
        let gateways = Gateways::start(directory, nodes, fabric::CONSUMER).await?;
        Ok(Self { gateways, factory })
    }

    /// Goes through a script; says what was confirmed and what stands in Odoo, and the world for whoever breaks it.
    pub(super) async fn suffer(&mut self, seed: u64, script: &Script) -> Result<(Observed, World)> {
        let world = World::make(&self.factory, seed, script.tracked).await?;
        let mut observed = Observed::default();
        let mut orders: Vec<Option<String>> = Vec::new();
        let mut told: Vec<(Write, Terminal)> = Vec::new();
        for (number, (step, trouble)) in script.steps.iter().enumerate() {
            let asked = self.asked(seed, number, step, &world, script, &mut orders).await?;
            let answers = self.ask(number, &asked, trouble, &mut observed).await?;
            for (asked, terminal) in asked.into_iter().zip(answers) {
                self.look_at_count(&asked.meaning, &terminal, &world, &mut observed).await?;
                note(&asked.meaning, &terminal, &mut orders, &mut observed);
                told.push((asked.write, terminal));
            }
            if let Step::Race { order, .. } = step {
                self.look_for_overtaking(*order, &world, &mut observed).await?;
            }
        }
        // Long after, a message comes once more.
        for (write, before) in told.iter().step_by(3) {
            let again = write.until_answered(0).await.terminal;
            compare(&write.key, before, &again, &mut observed);
        }
        observed.standing = world.look(&self.factory).await?;
        observed.listed = self.gateways.unresolved()?.unwrap_or_default();
        Ok((observed, world))
    }

    /// The requests of a step. One on an order that was never made is none.
    async fn asked(
        &self,
        seed: u64,
        number: usize,
        step: &Step,
        world: &World,
        script: &Script,
        orders: &mut Vec<Option<String>>,
    ) -> Result<Vec<Asked>> {
        let write = |part: usize, path: String, body: Value| Write {
            gateways: self.gateways.addresses(),
            credential: self.gateways.credential.clone(),
            path,
            key: format!("verbs-{seed}-{number}-{part}"),
            body,
        };
        let path = |order: &usize, verb: &str| {
            let id = orders.get(*order).and_then(Option::as_ref)?;
            Some(format!("{ORDERS}/{id}/{verb}"))
        };
        let lot = |lot: &u64| if script.tracked { format!("{}-{lot}", world.code) } else { String::new() };
        let report = |part: usize, path: String, order: usize, total: i64, lot: String, remainder: &str| {
            let named = (!lot.is_empty()).then_some(&lot);
            let body =
                json!({"quantity": {"value": total.to_string(), "unit": "1"}, "lot": named, "remainder": remainder});
            Asked { write: write(part, path, body), meaning: Meaning::Produced { order, total, lot } }
        };
        let asked = match step {
            Step::Create { quantity } => {
                let (order, body) = (orders.len(), world.order(orders.len(), *quantity));
                let asked = Asked { write: write(0, ORDERS.to_owned(), body), meaning: Meaning::Made(order) };
                orders.push(None);
                vec![asked]
            }
            Step::Release { order } => {
                let release = path(order, "release");
                release
                    .map(|path| Asked { write: write(0, path, json!({})), meaning: Meaning::Nothing })
                    .into_iter()
                    .collect()
            }
            Step::Work { order, verb } => {
                let first = world.work_orders(&self.factory, *order).await?.first().copied();
                let meaning = if *verb == "finish" { Meaning::Finished(*order) } else { Meaning::Nothing };
                let path = first.map(|first| format!("{WORK_ORDERS}/odoo-{first}/{verb}"));
                path.map(|path| Asked { write: write(0, path, json!({})), meaning }).into_iter().collect()
            }
            Step::Report { order, total, lot: of, remainder } => {
                let path = path(order, "report");
                path.map(|path| report(0, path, *order, *total, lot(of), remainder)).into_iter().collect()
            }
            Step::Race { order, totals, lot: of } => {
                let path = path(order, "report");
                let both = totals.iter().enumerate().filter_map(|(part, total)| {
                    Some(report(part, path.clone()?, *order, *total, lot(of), "backorder"))
                });
                both.collect()
            }
            Step::Stock(stock) => {
                let (path, body, meaning) = of_stock(stock, world);
                vec![Asked { write: write(0, path, body), meaning }]
            }
        };
        Ok(asked)
    }

    /// Sends the requests through the trouble; one answer each.
    async fn ask(
        &mut self,
        number: usize,
        asked: &[Asked],
        trouble: &Trouble,
        observed: &mut Observed,
    ) -> Result<Vec<Terminal>> {
        if asked.is_empty() {
            return Ok(Vec::new());
        }
        for fault in &trouble.faults {
            self.factory.inject(fault).await?;
        }
        let mut clients = JoinSet::new();
        for (place, asked) in asked.iter().enumerate() {
            for client in 0..if trouble.twice { 2 } else { 1 } {
                let write = asked.write.clone();
                clients.spawn(async move { (place, write.until_answered(client).await) });
            }
        }
        if let Some(after) = trouble.killed_after {
            tokio::time::sleep(after).await;
            self.gateways.kill(number)?;
            tokio::time::sleep(AWAY).await;
            self.gateways.revive(number).await?;
        }
        let mut answers: BTreeMap<usize, Terminal> = BTreeMap::new();
        while let Some(client) = clients.join_next().await {
            let (place, ended) = client?;
            if let Some(asked) = asked.get(place) {
                match answers.get(&place) {
                    Some(before) => compare(&asked.write.key, before, &ended.terminal, observed),
                    None => {
                        if let (Terminal::Stuck(operation), false) = (&ended.terminal, asked.is_at_risk()) {
                            observed.stuck.push(operation.clone());
                        }
                        answers.insert(place, ended.terminal);
                    }
                }
            }
        }
        self.factory.clear_faults().await?;
        (0..asked.len()).map(|place| answers.remove(&place).context("a request has no client")).collect()
    }

    /// A count without an outcome is at-risk, so a person looks at the position and says how it ended: nobody else moves its
    /// stock meanwhile, so it is known. Before that, it must be listed.
    async fn look_at_count(
        &self,
        meaning: &Meaning,
        terminal: &Terminal,
        world: &World,
        observed: &mut Observed,
    ) -> Result<()> {
        let (Meaning::Counted(there), Terminal::Stuck(operation)) = (meaning, terminal) else { return Ok(()) };
        observed.handed_over += 1;
        if !self.gateways.unresolved()?.unwrap_or_default().contains(operation.as_str()) {
            observed.unanswered.push(format!("nobody is told of the count {operation}"));
        }
        let done = world.at_position(&self.factory).await? == *there;
        if done {
            // It was there when Selvage looked, so it should have been found.
            observed.unanswered.push(format!("the count {operation} stands, and a person was asked"));
        }
        self.gateways.settle(operation, if done { "done" } else { "refused" })
    }

    async fn look_for_overtaking(&self, order: usize, world: &World, observed: &mut Observed) -> Result<()> {
        let booked = world.look(&self.factory).await?.orders.get(&order).map_or(0, |chain| chain.produced);
        let confirmed = observed.confirmed.get(&order).map_or(0, |confirmed| confirmed.total);
        if observed.stuck.is_empty() && booked < confirmed {
            observed.overtaken.push(format!("of order {order}, {booked} are booked after {confirmed} were confirmed"));
        }
        Ok(())
    }
}

/// A step of stock: where it is posted to, what, and what its success means.
fn of_stock(stock: &Stock, world: &World) -> (String, Value, Meaning) {
    let quantity = |value: &i64| json!({"value": value.to_string(), "unit": "1"});
    let lines = |total: &i64| json!([{"product": world.component, "quantity": quantity(total)}]);
    let [bought, sold] = world.trade;
    let position = world.position;
    match stock {
        Stock::Count { there } => {
            let body = json!({"quantity": quantity(there)});
            (format!("{POSITIONS}/odoo-{position}/adjust"), body, Meaning::Counted(*there))
        }
        Stock::Scrap { quantity: wasted } => {
            let body = json!({"quantity": quantity(wasted), "reason": "Bent"});
            (format!("{POSITIONS}/odoo-{position}/scrap"), body, Meaning::Scrapped(*wasted))
        }
        Stock::Receive { total, closes } => {
            let remainder = if *closes { "close" } else { "backorder" };
            let body = json!({"lines": lines(total), "remainder": remainder});
            (format!("{PURCHASES}/odoo-{bought}/receive"), body, Meaning::Traded(0, *total))
        }
        Stock::Ship { total } => {
            (format!("{SALES}/odoo-{sold}/ship"), json!({"lines": lines(total)}), Meaning::Traded(1, *total))
        }
    }
}

/// Takes down what an answer means.
fn note(meaning: &Meaning, terminal: &Terminal, orders: &mut [Option<String>], observed: &mut Observed) {
    let (status, body) = match terminal {
        Terminal::Answer { status, body } => (*status, body),
        Terminal::Stuck(_) => {
            if let Meaning::Produced { order, total, .. } = meaning {
                observed.confirmed.entry(*order).or_default().uncertain.insert(*total);
            }
            return;
        }
        Terminal::Nothing(last) => {
            observed.unanswered.push(format!("a client got no answer; last: {last}"));
            return;
        }
    };
    if !(200..300).contains(&status) {
        return;
    }
    match meaning {
        Meaning::Made(order) => {
            if let Some(known) = orders.get_mut(*order) {
                *known = body.get("id").and_then(Value::as_str).map(str::to_owned);
            }
            observed.confirmed.insert(*order, Confirmed { made: true, ..Confirmed::default() });
        }
        Meaning::Counted(there) => {
            let produced: i64 = observed.confirmed.values().map(|confirmed| confirmed.total).sum();
            let [takes, _] = TAKES;
            observed.moved = there - (STOCK - takes * produced);
        }
        Meaning::Scrapped(quantity) => observed.moved -= quantity,
        Meaning::Traded(way, total) => {
            if let Some(before) = observed.traded.get_mut(*way) {
                let more = total - *before;
                *before = *total;
                observed.moved += if *way == 0 { more } else { -more };
            }
        }
        Meaning::Finished(order) => observed.confirmed.entry(*order).or_default().finished = true,
        Meaning::Produced { order, total, lot } => {
            let confirmed = observed.confirmed.entry(*order).or_default();
            if *total > confirmed.total {
                *observed.lots.entry(lot.clone()).or_default() += total - confirmed.total;
                confirmed.total = *total;
                confirmed.uncertain.retain(|uncertain| uncertain > total);
            }
        }
        Meaning::Nothing => {}
    }
}

/// Two clients of one key are told the same.
fn compare(key: &str, one: &Terminal, other: &Terminal, observed: &mut Observed) {
    if let (Terminal::Answer { status, body }, Terminal::Answer { status: again, body: other }) = (one, other)
        && (status, answer(body)) != (again, answer(other))
    {
        observed.differing.push(format!("`{key}` was answered {status} {body} and {again} {other}"));
    }
}

/// An answer without what is of the request alone.
fn answer(body: &Value) -> Value {
    let mut body = body.clone();
    if let Some(members) = body.as_object_mut() {
        members.remove("correlation_id");
    }
    body
}

//! A shift at one plant: takes the open orders one by one, starts and finishes their work orders, and reports what was made.
//! One step at each beat. Whatever is answered, the shift goes on; what is refused is set aside.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rust_decimal::Decimal;
use serde_json::{Value, json};
use tokio::task::JoinHandle;

use super::board::{Board, Report};
use super::client::{Consumer, Ending};
use super::lock;

const ORDERS: &str = "/production-orders/v1/production-orders";
const WORK_ORDERS: &str = "/work-orders/v1/work-orders";
const POSITIONS: &str = "/inventory/v2/inventory-positions";

/// The states of orders that a shift works on, the most urgent first.
const OPEN: [&str; 3] = ["to_close", "progress", "confirmed"];

/// How many orders a shift sets aside before it forgets the first of them and tries again.
const SET_ASIDE: usize = 500;

/// How many orders may be set aside before no more are planned: something is missing that planning does not bring.
const PLANNED_ASIDE: usize = 20;

/// Every which order comes out one short.
const SHORT_EVERY: u64 = 4;

/// What a shift works with.
#[derive(Clone, Debug)]
pub struct ShiftConfig {
    /// Selvage's gateway.
    pub base_url: String,
    /// The key of the plant's MES.
    pub api_key: String,
    /// The key of a planner: with it the shift makes and releases orders when none is open, and reads the stock.
    pub planning_key: Option<String>,
    /// The plant.
    pub site: String,
    /// What is made there.
    pub product: String,
    /// The ids of orders that somebody else works on.
    pub leave_alone: Vec<String>,
    /// The time between two steps.
    pub pace: Duration,
}

/// A running shift. Dropping it stops it at once; a request that was under way has the key that repeats it.
#[derive(Debug)]
pub struct Shift {
    task: JoinHandle<()>,
    board: Arc<Mutex<Board>>,
}

impl Shift {
    pub(super) fn start(config: ShiftConfig, board: Arc<Mutex<Board>>) -> Result<Self, reqwest::Error> {
        let consumer = |key: &str| Consumer::new(&config.base_url, key, Arc::clone(&board));
        let line = consumer(&config.api_key)?;
        let planner = config.planning_key.as_deref().map(consumer).transpose()?;
        let worker = Worker {
            config,
            line,
            planner,
            board: Arc::clone(&board),
            at: None,
            set_aside: BTreeSet::new(),
            taken: 0,
            planned: 0,
            run: run_name(),
        };
        lock(&board).shift_began();
        Ok(Self { task: tokio::spawn(worker.work()), board })
    }

    /// Ends the shift.
    pub fn stop(self) {
        // Dropping does it.
    }
}

impl Drop for Shift {
    fn drop(&mut self) {
        self.task.abort();
        lock(&self.board).shift_ended();
    }
}

/// Keys of planned orders must differ between runs on one store, and be the same when a step is repeated within a run.
fn run_name() -> String {
    jiff::Timestamp::now().as_millisecond().to_string()
}

struct Worker {
    config: ShiftConfig,
    line: Consumer,
    planner: Option<Consumer>,
    board: Arc<Mutex<Board>>,
    /// The order in work.
    at: Option<Order>,
    set_aside: BTreeSet<String>,
    taken: u64,
    planned: u64,
    run: String,
}

/// An order in work.
#[derive(Clone, Debug)]
struct Order {
    id: String,
    quantity: Decimal,
    unit: String,
    short: bool,
}

impl Worker {
    async fn work(mut self) {
        let mut beat = tokio::time::interval(self.config.pace.max(Duration::from_millis(1)));
        beat.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            beat.tick().await;
            self.step().await;
        }
    }

    async fn step(&mut self) {
        match self.at.clone() {
            Some(order) => self.advance(&order).await,
            None => {
                if !self.take().await {
                    self.plan().await;
                }
            }
        }
    }

    /// Takes the next open order of the plant; false where there is none.
    async fn take(&mut self) -> bool {
        for status in OPEN {
            let query = [("limit", "50"), ("status", status)];
            let Ending::Done(page) = self.line.get(ORDERS, &query).await else {
                continue;
            };
            for item in page.get("items").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default() {
                let Some(order) = self.read(item) else {
                    continue;
                };
                lock(&self.board).see(&order.id, item.clone());
                if !self.set_aside.contains(&order.id) && self.at.is_none() {
                    self.taken += 1;
                    let short = self.taken.is_multiple_of(SHORT_EVERY) && order.quantity > Decimal::ONE;
                    self.at = Some(Order { short, ..order });
                }
            }
            if self.at.is_some() {
                return true;
            }
        }
        false
    }

    /// An order of this plant and product with a quantity that is not left to others.
    fn read(&self, item: &Value) -> Option<Order> {
        let text = |at: &str| item.pointer(at).and_then(Value::as_str);
        let id = text("/id").filter(|id| !self.config.leave_alone.iter().any(|other| other == id))?;
        let here = text("/site").is_none_or(|site| site == self.config.site);
        let ours = text("/product").is_none_or(|product| product == self.config.product);
        let quantity = text("/quantity/value")?.parse().ok()?;
        let order = Order { id: id.to_owned(), quantity, unit: text("/quantity/unit")?.to_owned(), short: false };
        (here && ours).then_some(order)
    }

    /// Starts or finishes the next work order, or reports where none is left.
    async fn advance(&mut self, order: &Order) {
        let work = match self.line.get(WORK_ORDERS, &[("production_order", &order.id)]).await {
            Ending::Done(page) => page,
            Ending::Later => return,
            Ending::Refused => return self.put_aside(order),
        };
        let items = work.get("items").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        let in_state = |wanted: &str| {
            let found = items.iter().find(|item| item.get("status").and_then(Value::as_str) == Some(wanted));
            found.and_then(|item| item.get("id")).and_then(Value::as_str)
        };
        let next = in_state("progress").map(|id| (id, "finish")).or_else(|| in_state("ready").map(|id| (id, "start")));
        match next {
            Some((id, verb)) => {
                let key = format!("{}-{id}-{verb}", self.config.site);
                let (_, ending) = self.line.post(&format!("{WORK_ORDERS}/{id}/{verb}"), &key, &json!({})).await;
                if ending == Ending::Refused {
                    self.put_aside(order);
                }
            }
            // Components are missing: nothing that the line can do.
            None if in_state("pending").is_some() => self.put_aside(order),
            None => self.report(order).await,
        }
    }

    async fn report(&mut self, order: &Order) {
        let (quantity, remainder) =
            if order.short { (order.quantity - Decimal::ONE, "backorder") } else { (order.quantity, "close") };
        let quantity = quantity.normalize().to_string();
        let lot = format!("{}-{}", self.config.site.to_uppercase(), order.id.to_uppercase());
        let body = json!({ "quantity": { "value": quantity, "unit": order.unit }, "lot": lot, "remainder": remainder });
        let key = format!("{}-{}-report", self.config.site, order.id);
        let (status, ending) = self.line.post(&format!("{ORDERS}/{}/report", order.id), &key, &body).await;
        lock(&self.board).report(Report {
            order: order.id.clone(),
            site: self.config.site.clone(),
            quantity,
            lot,
            remainder: remainder.to_owned(),
            status,
        });
        match ending {
            Ending::Done(_) => self.at = None,
            Ending::Later => {}
            Ending::Refused => self.put_aside(order),
        }
    }

    fn put_aside(&mut self, order: &Order) {
        if self.set_aside.len() >= SET_ASIDE {
            self.set_aside.pop_first();
        }
        self.set_aside.insert(order.id.clone());
        self.at = None;
    }

    /// Looks at the stock, then makes an order and releases it: under one key for each, so a repeated step makes no second.
    async fn plan(&mut self) {
        let Some(planner) = self.planner.as_ref().filter(|_| self.set_aside.len() < PLANNED_ASIDE) else {
            return;
        };
        planner.get(POSITIONS, &[("limit", "50")]).await;
        let quantity = 2 + self.planned % 5;
        let body = json!({
            "product": self.config.product,
            "quantity": { "value": quantity.to_string(), "unit": "1" },
            "site": self.config.site,
            "origin": format!("shift {}", self.config.site),
        });
        let key = format!("{}-{}-{}", self.config.site, self.run, self.planned);
        let created = match planner.post(ORDERS, &format!("{key}-create"), &body).await.1 {
            Ending::Done(created) => created,
            Ending::Later => return,
            Ending::Refused => return self.planned += 1,
        };
        let Some(id) = created.get("id").and_then(Value::as_str) else {
            return self.planned += 1;
        };
        let (_, ending) = planner.post(&format!("{ORDERS}/{id}/release"), &format!("{key}-release"), &json!({})).await;
        if ending != Ending::Later {
            self.planned += 1;
        }
    }
}

//! Limits that a store keeps: several gateways on one set of books, in memory, settled when the test says so.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use selvage_gateway::{BudgetMoment, Sharing};
use selvage_model::budget::{BudgetAsk, BudgetShare, BudgetSlice};

use super::fabric;
use super::running::Running;

const LEASE: Duration = Duration::from_secs(6);
const NOW: Duration = Duration::ZERO;

/// What the store does, without one.
#[derive(Default)]
struct Books(BTreeMap<(String, i64), Row>);

#[derive(Default)]
struct Row {
    spent: u64,
    slices: BTreeMap<usize, BudgetSlice>,
}

impl Books {
    fn settle(&mut self, node: usize, running: &Running, moment: BudgetMoment) -> Vec<BudgetAsk> {
        let round = running.gateway.budgets(moment, LEASE).unwrap();
        let shares: Vec<BudgetShare> = round.asks.iter().map(|ask| self.give(node, ask)).collect();
        running.gateway.settled(&round, &shares);
        round.asks
    }

    fn give(&mut self, node: usize, ask: &BudgetAsk) -> BudgetShare {
        let row = self.0.entry((ask.name.clone(), ask.begins)).or_default();
        row.spent += ask.spent;
        row.slices.remove(&node);
        let others: Vec<BudgetSlice> = row.slices.values().copied().collect();
        let held = ask.held(row.spent, &others);
        if ask.want > 0 {
            row.slices.insert(node, BudgetSlice { held, demand: ask.demand });
        }
        BudgetShare { held, spent: row.spent, lost: 0 }
    }

    fn spent(&self, name: &str) -> u64 {
        self.0.iter().filter(|((known, _), _)| known == name).map(|(_, row)| row.spent).sum()
    }
}

fn node(sharing: Sharing) -> Running {
    Running::limits(|config| config.sharing = sharing)
}

/// How many of so many requests pass.
fn passed(running: &Running, path: &str, requests: usize) -> usize {
    let mut client = running.client();
    (0..requests).filter(|_| client.get("counted", path).status == 200).count()
}

const DAILY: &str = "/daily-stock/v1/items";
const PLENTY: &str = "/plenty-stock/v1/items";
const STRICT: &str = "/strict-stock/v1/items";

#[test]
fn a_quota_alone_is_exact_and_said() {
    let running = node(Sharing::None);
    let mut client = running.client();
    let answer = client.get("counted", DAILY);
    assert_eq!(answer.header("ratelimit-policy"), Some("\"quota\";q=40;w=86400"));
    assert!(answer.header("ratelimit").unwrap().starts_with("\"quota\";r=39;t="));
    assert_eq!(passed(&running, DAILY, 60), 39);
    let refused = client.get("counted", DAILY);
    assert_eq!(refused.said(), (429, "FAB4041".to_owned()));
    let seconds: u64 = refused.header("retry-after").unwrap().parse().unwrap();
    assert!((1..=86_400).contains(&seconds));
    running.gateway.swap(Arc::new(fabric::limits(&running.upstream.address.to_string())));
    assert_eq!(client.get("counted", DAILY).status, 429, "a swap does not forgive");

    let answer = client.get("counted", PLENTY);
    let policy =
        "\"grant\";q=1000;w=1, \"grant-quota\";q=30;w=2419200, \"interface\";q=2000;w=1, \"quota\";q=1000000;w=86400";
    assert_eq!(answer.header("ratelimit-policy"), Some(policy));
    assert!(answer.header("ratelimit").unwrap().starts_with("\"grant-quota\";r=29;t="), "what ends first");
    assert_eq!(passed(&running, PLENTY, 60), 29);
    assert_eq!(client.get("counted", PLENTY).said(), (429, "FAB4101".to_owned()));
}

/// Nobody asks again after the swap: what was met before it is settled all the same.
#[test]
fn what_was_met_of_a_rate_is_settled_after_a_swap() {
    let running = node(Sharing::All);
    running.client().get("counted", "/brief-stock/v1/items");
    running.gateway.swap(Arc::new(fabric::limits(&running.upstream.address.to_string())));
    let round = running.gateway.budgets(BudgetMoment::Due, Duration::from_secs(6)).unwrap();
    let asked: Vec<&str> = round.asks.iter().map(|ask| ask.name.as_str()).collect();
    assert_eq!(
        asked.iter().filter(|name| name.starts_with("rate of ")).count(),
        2,
        "of grant and interface: {asked:?}"
    );
    assert!(asked.contains(&"rate of brief-stock@1"), "{asked:?}");
}

#[test]
fn a_quota_outlives_its_node() {
    let mut books = Books::default();
    let first = node(Sharing::Quotas);
    books.settle(0, &first, BudgetMoment::First);
    assert_eq!(passed(&first, DAILY, 4), 4);
    books.settle(0, &first, BudgetMoment::Due);
    assert_eq!(passed(&first, DAILY, 3), 3);
    books.settle(0, &first, BudgetMoment::Last);
    assert_eq!(books.spent("quota of daily-stock@1"), 7, "what was in hand is given back");
    let second = node(Sharing::Quotas);
    books.settle(1, &second, BudgetMoment::First);
    let mut total = 7;
    for _ in 0..30 {
        total += passed(&second, DAILY, 5);
        books.settle(1, &second, BudgetMoment::Due);
    }
    assert_eq!(total, 40, "never more than the quota, over both");
    assert_eq!(second.client().get("counted", DAILY).said(), (429, "FAB4041".to_owned()));
}

#[test]
fn nodes_that_share_pass_no_more_than_one() {
    let mut books = Books::default();
    let nodes = [node(Sharing::All), node(Sharing::All)];
    for (number, node) in nodes.iter().enumerate() {
        books.settle(number, node, BudgetMoment::First);
    }
    let mut total = 0;
    for _ in 0..20 {
        for (number, node) in nodes.iter().enumerate() {
            total += passed(node, DAILY, 4);
            books.settle(number, node, BudgetMoment::Due);
        }
    }
    assert_eq!(total, 40);
}

#[test]
fn a_rate_is_shared_by_demand() {
    let mut books = Books::default();
    let nodes = [node(Sharing::All), node(Sharing::All)];
    let mut asks = Vec::new();
    for _ in 0..4 {
        for (number, node) in nodes.iter().enumerate() {
            passed(node, PLENTY, 2);
            asks = books.settle(number, node, BudgetMoment::Due);
            std::thread::sleep(Duration::from_millis(600));
        }
    }
    let rate = asks.iter().find(|ask| ask.begins == 0 && ask.limit == 2000).expect("the interface's rate is due");
    let row = &books.0[&(rate.name.clone(), 0)];
    let held: Vec<u64> = row.slices.values().map(|slice| slice.held).collect();
    assert!(held.iter().sum::<u64>() <= 2000 && held.iter().all(|held| *held > 400), "{held:?}");
}

#[test]
fn who_is_cut_off_does_what_is_declared() {
    let running = node(Sharing::All);
    assert!(running.gateway.unsettled(NOW), "it begins");
    assert!(!running.gateway.unsettled(NOW), "once");
    assert!(running.gateway.metrics().contains("selvage_gateway_limits_cut_off 1"));
    // Goes on and counts alone.
    assert_eq!(passed(&running, DAILY, 60), 40);
    // Refuses.
    let refused = running.client().get("counted", STRICT);
    assert_eq!(refused.said(), (503, "FAB4100".to_owned()));
    assert_eq!(refused.header("retry-after"), Some("1"));
    let mut books = Books::default();
    books.settle(0, &running, BudgetMoment::Due);
    books.settle(0, &running, BudgetMoment::Due);
    assert!(running.gateway.metrics().contains("selvage_gateway_limits_cut_off 0"));
    assert_eq!(running.client().get("counted", STRICT).status, 200);
}

#[test]
fn where_no_limit_is_shared_no_silence_is_counted() {
    let lease = Duration::from_millis(400);
    let running = Running::with(|config| config.sharing = Sharing::Quotas);
    let upstream = running.upstream.address.to_string();
    std::thread::sleep(lease);
    assert!(running.gateway.budgets(BudgetMoment::Due, lease).is_none());
    running.gateway.swap(Arc::new(fabric::limits(&upstream)));
    assert!(!running.gateway.unsettled(lease), "a store that was not needed before was not silent");
    std::thread::sleep(lease);
    assert!(running.gateway.unsettled(lease), "now it is");
    running.gateway.swap(Arc::new(fabric::snapshot(&upstream)));
    assert!(running.gateway.budgets(BudgetMoment::Due, lease).is_none());
    assert!(running.gateway.metrics().contains("selvage_gateway_limits_cut_off 0"), "of nothing that it needs");
}

#[test]
fn without_a_store_there_is_nothing_to_settle() {
    assert!(Running::start().gateway.budgets(BudgetMoment::Due, LEASE).is_none());
}

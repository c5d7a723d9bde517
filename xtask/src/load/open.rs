//! The open loop: requests fall due at a fixed rate, whether or not earlier ones were answered, and each one's latency
//! counts from when it was due. So a server that stalls is charged for everything that waited meanwhile.

use std::cell::RefCell;
use std::collections::{BTreeMap, VecDeque};
use std::rc::Rc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};
use tokio::task::JoinSet;

use super::{Sender, Target, alone};

/// How long after the last request fell due its answer may come.
const DRAIN_WITHIN: Duration = Duration::from_secs(10);

/// What an open loop measured: when each request fell due after the first, and how long its answer took from then.
pub(crate) struct Latencies {
    answered: Vec<(Duration, Duration)>,
    /// What was answered instead of 200, where that is counted.
    pub(crate) refused: Vec<String>,
}

impl Latencies {
    /// How many answers there were.
    pub(crate) fn answers(&self) -> usize {
        self.answered.len()
    }

    /// The latency that this share (0 to 1) of the answers does not exceed.
    pub(crate) fn quantile(&self, share: f64) -> Result<Duration> {
        quantile(self.answered.iter().map(|(_, latency)| *latency).collect(), share).context("no answers were measured")
    }

    /// The same of each slice of time of this length; what is left over at the end is no slice.
    pub(crate) fn quantiles(&self, share: f64, slice: Duration) -> Vec<Duration> {
        let mut slices: BTreeMap<u128, Vec<Duration>> = BTreeMap::new();
        for (due, latency) in &self.answered {
            slices.entry(due.as_nanos() / slice.as_nanos().max(1)).or_default().push(*latency);
        }
        let last = self.answered.iter().map(|(due, _)| *due).max().unwrap_or_default();
        let whole = (last.as_nanos() + 1) / slice.as_nanos().max(1);
        slices
            .into_iter()
            .filter(|(at, _)| *at < whole.max(1))
            .filter_map(|(_, taken)| quantile(taken, share))
            .collect()
    }
}

fn quantile(mut latencies: Vec<Duration>, share: f64) -> Option<Duration> {
    #[allow(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "an index far below 2^52"
    )]
    let index = (latencies.len() as f64 * share) as usize;
    latencies.sort_unstable();
    latencies.get(index).copied()
}

/// Asks `rate` times a second over so many connections and so long.
pub(crate) async fn open(target: Target, connections: usize, rate: f64, lasts: Duration) -> Result<Latencies> {
    let measured = open_counting(target, connections, rate, lasts).await?;
    match measured.refused.first() {
        Some(problem) => bail!("answered {problem}"),
        None => Ok(measured),
    }
}

/// The same where an answer other than 200 is counted, and has no latency.
pub(crate) async fn open_counting(target: Target, connections: usize, rate: f64, lasts: Duration) -> Result<Latencies> {
    alone(move || async move {
        let mut idle = VecDeque::new();
        for _ in 0..connections {
            idle.push_back(target.connect().await?);
        }
        let client = Rc::new(Client {
            target,
            pool: RefCell::new(Pool { idle, waiting: VecDeque::new(), answered: Vec::new(), refused: Vec::new() }),
        });
        let (sender, mut due) = unbounded_channel();
        let pacer = std::thread::spawn(move || pace(rate, lasts, &sender));
        let mut asking = JoinSet::new();
        while let Some(at) = due.recv().await {
            if let Some(sender) = client.take(at) {
                asking.spawn_local(Rc::clone(&client).serve(sender, at));
            }
            while let Some(asked) = asking.try_join_next() {
                asked??;
            }
        }
        if pacer.join().is_err() {
            bail!("the pacing thread ended early");
        }
        let drained = tokio::time::timeout(DRAIN_WITHIN, async {
            while let Some(asked) = asking.join_next().await {
                asked??;
            }
            anyhow::Ok(())
        });
        drained.await.context("it did not keep up with the rate it was asked for")??;
        let answered = std::mem::take(&mut client.pool.borrow_mut().answered);
        let refused = std::mem::take(&mut client.pool.borrow_mut().refused);
        let first = answered.iter().map(|(at, _)| *at).min().context("no request fell due")?;
        let answered = answered.into_iter().map(|(at, latency)| (at.saturating_duration_since(first), latency));
        Ok(Latencies { answered: answered.collect(), refused })
    })
    .await
}

/// Says when each request falls due. It sleeps on a thread of its own, as a runtime's timer only knows milliseconds.
fn pace(rate: f64, lasts: Duration, due: &UnboundedSender<Instant>) {
    let gap = Duration::from_secs_f64(1.0 / rate);
    let began = Instant::now();
    let mut at = began;
    while at.duration_since(began) < lasts {
        std::thread::sleep(at.saturating_duration_since(Instant::now()));
        if due.send(at).is_err() {
            return;
        }
        at += gap;
    }
}

struct Client {
    target: Target,
    pool: RefCell<Pool>,
}

struct Pool {
    idle: VecDeque<Sender>,
    waiting: VecDeque<Instant>,
    answered: Vec<(Instant, Duration)>,
    refused: Vec<String>,
}

impl Client {
    /// A connection for a request that is due; without one the request waits its turn.
    fn take(&self, at: Instant) -> Option<Sender> {
        let mut pool = self.pool.borrow_mut();
        let sender = pool.idle.pop_front();
        if sender.is_none() {
            pool.waiting.push_back(at);
        }
        sender
    }

    /// Asks on this connection until nothing waits any more.
    async fn serve(self: Rc<Self>, mut sender: Sender, mut at: Instant) -> Result<()> {
        loop {
            let number = self.pool.borrow().answered.len();
            let asked = self.target.ask_once(&mut sender, number).await?;
            let mut pool = self.pool.borrow_mut();
            match asked {
                Ok(()) => pool.answered.push((at, at.elapsed())),
                Err(problem) => pool.refused.push(problem),
            }
            match pool.waiting.pop_front() {
                Some(next) => at = next,
                None => {
                    pool.idle.push_back(sender);
                    return Ok(());
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stall_is_in_the_slices_that_it_fell_into() {
        let at = |millis: u64, latency: u64| (Duration::from_millis(millis), Duration::from_micros(latency));
        let stalled = |millis: u64| if (200..300).contains(&millis) { 9_000 } else { 100 };
        let latencies =
            Latencies { answered: (0..1_050).map(|millis| at(millis, stalled(millis))).collect(), refused: Vec::new() };
        let slices = latencies.quantiles(0.99, Duration::from_millis(100));
        assert_eq!(slices.len(), 10);
        let slow: Vec<usize> = (0..10).filter(|slice| slices[*slice] > Duration::from_millis(1)).collect();
        assert_eq!(slow, [2]);
        assert_eq!(latencies.quantile(0.5).unwrap(), Duration::from_micros(100));
        assert!(Latencies { answered: Vec::new(), refused: Vec::new() }.quantile(0.5).is_err());
    }
}

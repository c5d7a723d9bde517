//! Carries into the ledger what came of requests for tokens: of each client, key and outcome the first of an hour within
//! seconds, and how many more there were when the hour is over or the node ends. What could not be entered waits, bounded by
//! the clients that there are.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;
use selvage_gateway::{Counted, TokenAsk};
use selvage_store::{Store, TokensAsked};
use tokio::sync::watch;
use tokio::task::JoinHandle;

const EVERY: Duration = Duration::from_secs(2);
/// How long the last of it may take.
const AT_THE_END: Duration = Duration::from_secs(5);
const HOUR: i64 = 3600;

/// Entering that goes on.
pub(crate) struct Entering {
    stop: watch::Sender<bool>,
    task: JoinHandle<()>,
}

impl Entering {
    /// Enters what is left, and ends.
    pub(crate) async fn end(self) {
        let _ = self.stop.send(true);
        let _ = self.task.await;
    }
}

/// Begins to enter what a gateway counts.
pub(crate) fn enter(counted: Counted, store: Store, node: String) -> Entering {
    let (stop, mut stopped) = watch::channel(false);
    let task = tokio::spawn(async move {
        let mut pending = Pending::default();
        let mut ticks = tokio::time::interval(EVERY);
        loop {
            let ends = tokio::select! {
                _ = ticks.tick() => false,
                _ = stopped.changed() => true,
            };
            let now = Timestamp::now();
            pending.take(counted.tokens(), now);
            let due = pending.due(now, ends);
            if !due.is_empty() {
                let entered = tokio::time::timeout(AT_THE_END, store.enter_tokens(&node, &due)).await;
                match entered {
                    Ok(Ok(())) => pending.entered(&due, now),
                    Ok(Err(error)) => tracing::warn!("requests for tokens wait for the ledger: {error}"),
                    Err(_) => tracing::warn!("requests for tokens wait for the ledger: it does not answer"),
                }
            }
            if ends {
                return;
            }
        }
    });
    Entering { stop, task }
}

/// What is not in the ledger yet, and in which hour something of a kind was entered last.
#[derive(Default)]
struct Pending {
    counts: BTreeMap<TokenAsk, TokensAsked>,
    entered: BTreeMap<TokenAsk, i64>,
}

impl Pending {
    /// Takes what came since the last look.
    fn take(&mut self, came: BTreeMap<TokenAsk, u64>, now: Timestamp) {
        for (ask, count) in came {
            let more = self.counts.entry(ask.clone()).or_insert_with(|| TokensAsked {
                consumer: ask.consumer.map(|name| name.to_string()),
                key: ask.key,
                refused: ask.refused.map(|code| code.to_string()),
                count: 0,
                first: now,
                last: now,
            });
            (more.count, more.last) = (more.count + count, now);
        }
    }

    /// What is to be entered: the first of its kind in this hour, what came in an hour that is over, and at the end all.
    fn due(&mut self, now: Timestamp, ends: bool) -> Vec<TokensAsked> {
        self.entered.retain(|_, entered| *entered == hour(now));
        let is_due = |(ask, it): &(&TokenAsk, &TokensAsked)| {
            ends || !self.entered.contains_key(*ask) || hour(it.first) != hour(now)
        };
        self.counts.iter().filter(is_due).map(|(_, it)| it.clone()).collect()
    }

    fn entered(&mut self, due: &[TokensAsked], now: Timestamp) {
        let entered: Vec<TokenAsk> =
            self.counts.iter().filter(|(_, it)| due.contains(it)).map(|(ask, _)| ask.clone()).collect();
        for ask in entered {
            self.counts.remove(&ask);
            self.entered.insert(ask, hour(now));
        }
    }
}

fn hour(at: Timestamp) -> i64 {
    at.as_second().div_euclid(HOUR)
}

#[cfg(test)]
mod tests {
    use selvage_model::code;

    use super::*;

    fn came(refused: bool, count: u64) -> BTreeMap<TokenAsk, u64> {
        let refused = refused.then_some(code::CLIENT_REFUSED);
        let ask = TokenAsk { consumer: Some("mes-ghent".parse().unwrap()), key: Some("key_1".to_owned()), refused };
        BTreeMap::from([(ask, count)])
    }

    #[test]
    fn the_first_of_an_hour_is_entered_at_once_and_the_rest_when_it_is_over() {
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        let mut pending = Pending::default();
        let mut look = |now: &str, come: BTreeMap<TokenAsk, u64>, ends: bool| {
            let now = at(now);
            pending.take(come, now);
            let due = pending.due(now, ends);
            pending.entered(&due, now);
            due.into_iter().map(|it| (it.refused.is_some(), it.count, it.first)).collect::<Vec<_>>()
        };
        let none = BTreeMap::new;
        assert_eq!(look("2026-11-23T06:00:02Z", came(false, 2), false), [(false, 2, at("2026-11-23T06:00:02Z"))]);
        assert_eq!(look("2026-11-23T06:00:04Z", came(false, 3), false), []);
        assert_eq!(look("2026-11-23T06:10:00Z", came(true, 1), false), [(true, 1, at("2026-11-23T06:10:00Z"))]);
        assert_eq!(look("2026-11-23T06:20:00Z", came(false, 4), false), []);
        assert_eq!(look("2026-11-23T07:00:01Z", none(), false), [(false, 7, at("2026-11-23T06:00:04Z"))]);
        assert_eq!(look("2026-11-23T07:30:00Z", came(false, 1), false), [], "an entry was made in this hour");
        assert_eq!(look("2026-11-23T07:30:02Z", none(), true), [(false, 1, at("2026-11-23T07:30:00Z"))]);
    }

    #[test]
    fn what_was_not_entered_waits() {
        let now: Timestamp = "2026-11-23T06:00:02Z".parse().unwrap();
        let mut pending = Pending::default();
        for _ in 0..3 {
            pending.take(came(false, 2), now);
        }
        assert_eq!(pending.due(now, false)[0].count, 6);
    }
}

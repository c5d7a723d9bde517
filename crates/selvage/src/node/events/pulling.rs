//! Consumers that pull without a group hold nothing back from retention, and nobody sees how far they are. What they were answered is noted,
//! and who is about to lose what it has not read is told to operators before. INVARIANT: NOTHING-LOST

use std::time::Duration;

use jiff::Timestamp;
use selvage_log::{EventLog, LogError, ReadLimit};
use selvage_model::access::AccessState;
use selvage_model::code;
use selvage_model::event::Record;
use selvage_model::manifest::event::Retention;
use selvage_model::name::{ConsumerName, EnvironmentName, InterfaceRef};
use selvage_store::{PulledTo, Store, StoreError};

use super::behind::{Behindhand, Losing};

/// One event is enough to say since when a consumer has not read.
const ONE: ReadLimit = ReadLimit { records: 1, bytes: 1 };
/// An event is about to be lost when this part of the time is over for which it is kept: hundredths.
const LATE: u32 = 80;

/// What the judgement stands on.
pub(super) struct Pulling<'a> {
    pub(super) log: &'a dyn EventLog,
    pub(super) store: &'a Store,
    pub(super) access: &'a AccessState,
    pub(super) environment: &'a EnvironmentName,
    pub(super) behind: &'a Behindhand,
}

impl Pulling<'_> {
    /// Keeps what was heard since the last time.
    pub(super) async fn keep(&self) {
        let heard = self.behind.heard.take();
        if heard.is_empty() {
            return;
        }
        if let Err(error) = self.store.note_pulled(&heard).await {
            tracing::warn!("{}: how far consumers have pulled is noted later: {error}", error.code());
            for (interface, consumer, position) in heard {
                self.behind.heard.note(&interface, &consumer, position);
            }
        }
    }

    /// Tells who is about to lose events of a stream, and forgets who pulls it no more.
    pub(super) async fn judge(&self, stream: &InterfaceRef, retention: Retention) {
        match self.losing(stream, retention, Timestamp::now()).await {
            Ok(losing) => self.behind.lose(stream, losing),
            Err(error) => {
                tracing::warn!("{}: how far consumers have pulled `{stream}`: {error}", error.code());
            }
        }
    }

    async fn losing(
        &self,
        stream: &InterfaceRef,
        retention: Retention,
        now: Timestamp,
    ) -> Result<Vec<Losing>, StoreError> {
        let pulled = self.store.pulled(stream).await?;
        if pulled.is_empty() {
            return Ok(Vec::new());
        }
        // What is kept by its size is not taken, however old.
        let bytes = self.store.event_stream(stream).await?.bytes;
        let is_kept = retention.at_least.is_some_and(|least| bytes > 0 && bytes <= least);
        let groups = self.store.cursors(stream).await?;
        let mut losing = Vec::new();
        for PulledTo { consumer, position, heard } in pulled {
            let own = format!("group/{consumer}/");
            let is_in_a_group = groups.iter().any(|cursor| cursor.reader.as_str().starts_with(&own));
            if is_in_a_group || !self.may_pull(&consumer, stream, now) {
                self.store.forget_pulled(stream, &consumer).await?;
                continue;
            }
            match self.log.read(stream, position, ONE).await {
                Ok(batch) if is_kept => drop(batch),
                Ok(batch) => {
                    let next = batch.records.into_iter().next();
                    let left = next.and_then(|record| left(&record, retention.time, now));
                    losing.extend(left.map(|left| Losing { consumer, position, heard, left }));
                }
                Err(error @ LogError::Retired { .. }) => {
                    tracing::error!(code = %code::PULL_LOSES, "`{consumer}`, which pulls without a group, has lost events: {error}");
                    self.store.forget_pulled(stream, &consumer).await?;
                }
                Err(LogError::Ahead { .. }) => self.store.forget_pulled(stream, &consumer).await?,
                // What is damaged or missing is told to who reads it.
                Err(_) => {}
            }
        }
        Ok(losing)
    }

    fn may_pull(&self, consumer: &ConsumerName, stream: &InterfaceRef, now: Timestamp) -> bool {
        let mut grants = self.access.grants_in(self.environment);
        grants.any(|grant| &grant.consumer == consumer && &grant.interface == stream && grant.is_pull_right(now))
    }
}

/// How long an event is kept yet, where that is not long any more.
fn left(unread: &Record, kept: Duration, now: Timestamp) -> Option<Duration> {
    let age = Duration::try_from(now.duration_since(unread.appended_at)).unwrap_or_default();
    (age >= kept * LATE / 100).then(|| kept.saturating_sub(age))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may fail loudly")]
mod tests {
    use jiff::SignedDuration;
    use selvage_log::SqlLog;
    use selvage_model::access::GrantTerms;
    use selvage_model::event::{NewRecord, Position};

    use super::*;

    #[test]
    fn an_event_is_about_to_be_lost_in_the_last_fifth_of_its_time() {
        let record = Record {
            position: Position::START,
            id: "e-1".parse().unwrap(),
            lane: "one".parse().unwrap(),
            appended_at: Timestamp::UNIX_EPOCH,
            body: Vec::new(),
        };
        let kept = Duration::from_secs(1_000);
        for (age, expected) in [(0, None), (799, None), (800, Some(200)), (1_000, Some(0)), (2_000, Some(0))] {
            let now = Timestamp::from_second(age).unwrap();
            assert_eq!(left(&record, kept, now), expected.map(Duration::from_secs), "{age}");
        }
    }

    /// A store with a grant to pull, a stream of five events, and its log.
    async fn begun(directory: &tempfile::TempDir) -> (Store, SqlLog, InterfaceRef) {
        let store = Store::open(&format!("sqlite:{}", directory.path().join("selvage.db").display())).await.unwrap();
        let stream: InterfaceRef = "orders@1".parse().unwrap();
        let terms = GrantTerms::whole(vec!["read".to_owned()]);
        store.apply_manifest_grants(&[("wms".parse().unwrap(), stream.clone(), terms)], "serve").await.unwrap();
        let log = SqlLog::new(store.clone(), None).unwrap();
        log.open(&stream).await.unwrap();
        let record = |number: u64| NewRecord {
            id: format!("e-{number}").parse().unwrap(),
            lane: "one".parse().unwrap(),
            body: b"{}".to_vec(),
        };
        log.append(&stream, (1..=5).map(record).collect()).await.unwrap();
        (store, log, stream)
    }

    #[tokio::test]
    async fn who_is_about_to_lose_events_is_told_before_and_no_longer_than_that() {
        let directory = tempfile::tempdir().unwrap();
        let (store, log, stream) = begun(&directory).await;
        let (access, behind) = (store.access_state().await.unwrap(), Behindhand::default());
        let environment: EnvironmentName = "prod".parse().unwrap();
        let pulling = Pulling { log: &log, store: &store, access: &access, environment: &environment, behind: &behind };
        let at = |offset| Position::new(1, offset).unwrap();
        let heard = |name: &str, offset| behind.heard.note(&stream, &name.parse().unwrap(), at(offset));
        heard("wms", 2);
        heard("stranger", 1);
        pulling.keep().await;
        // Whoever has no right to pull any more has nothing to lose.
        let kept = |seconds| Retention { time: Duration::from_secs(seconds), at_least: None, at_most: None };
        let losing = async |retention, age| {
            let now = Timestamp::now() + SignedDuration::from_secs(age);
            pulling.losing(&stream, retention, now).await.unwrap()
        };
        assert!(losing(kept(1_000), 700).await.is_empty());
        assert_eq!(store.pulled(&stream).await.unwrap().len(), 1);
        let told = losing(kept(1_000), 900).await;
        assert_eq!((told.len(), told[0].consumer.as_str(), told[0].position), (1, "wms", at(2)));
        assert!((95..=100).contains(&told[0].left.as_secs()), "{told:?}");
        assert!(
            losing(Retention { at_least: Some(1_000_000), ..kept(1_000) }, 900).await.is_empty(),
            "it is kept by its size"
        );
        heard("wms", 5);
        pulling.keep().await;
        assert!(losing(kept(1_000), 5_000).await.is_empty(), "it has read all");
        // What is lost is told once, and nobody is alarmed of it any more.
        store.forget_pulled(&stream, &"wms".parse().unwrap()).await.unwrap();
        heard("wms", 2);
        pulling.keep().await;
        tokio::time::sleep(Duration::from_millis(5)).await;
        let none = Retention { time: Duration::ZERO, at_least: None, at_most: None };
        log.retire(&stream, none, false).await.unwrap();
        assert!(losing(kept(1_000), 900).await.is_empty());
        assert!(store.pulled(&stream).await.unwrap().is_empty());
    }
}

//! Usage and shadow traffic, kept for 15 months: counts by minute that roll up to hours and days. Each node writes its own in
//! batches that are written once, whatever happens to the answer; what a node took with it is named.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;
use selvage_model::name::{EnvironmentName, InterfaceRef};
use selvage_model::usage::{
    AttributeUse, PromiseRow, ShadowGroup, ShadowShape, UsageCount, UsageGap, UsageKey, UsageRow, UsageTotal, Used,
    UsedIn, Way,
};

use crate::Store;
use crate::database::Transaction;
use crate::error::StoreError;
use crate::promise;
use crate::statement::statements;
use crate::value::{Micros, Row, bind};

const MINUTE: i64 = 60_000_000;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;
/// Minutes become hours after so long, hours become days, days go.
const MINUTES_FOR: i64 = 26 * HOUR;
pub(crate) const HOURS_FOR: i64 = 40 * DAY;
const DAYS_FOR: i64 = 458 * DAY;
/// Groups of shadow traffic that are kept, the last seen ones.
const MOST_SHADOWS: i64 = 1000;
/// Without a sign of life for so long, a node will not write what it counted any more.
const GIVEN_UP: Duration = Duration::from_secs(600);
/// Any number that nobody else in the database locks by: the letters `usageday`.
const LOCK: i64 = i64::from_be_bytes(*b"usageday");

/// What a node writes at once.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct UsageBatch {
    /// Counts the node's batches.
    pub number: u64,
    /// What came until then is in this batch or one before.
    pub covers_until: Timestamp,
    /// The counts.
    pub rows: Vec<UsageRow>,
    /// When what was used last.
    pub used: Vec<(Used, Timestamp)>,
    /// Requests that nothing declares.
    pub shadows: Vec<ShadowGroup>,
    /// Where the node is: what interfaces promise is counted by it, and when what is counted was used last.
    pub environment: Option<EnvironmentName>,
    /// What came of what interfaces promise.
    pub promises: Vec<PromiseRow>,
}

statements! {
    BATCH = "SELECT batch FROM usage_writer WHERE node = $1";
    BEGIN = "INSERT INTO usage_writer (node, batch, covers_until) VALUES ($1, $2, $3)";
    WROTE = "UPDATE usage_writer SET batch = $2, covers_until = $3 WHERE node = $1";
    LEAVE = "DELETE FROM usage_writer WHERE node = $1";
    ADD = "INSERT INTO usage_count (grain, starts_at, interface, consumer, operation, way, attribute, requests, refused, failed, planned) \
           VALUES ('minute', $1, $2, $3, $4, $5, $6, $7, $8, $9, $10) \
           ON CONFLICT (grain, starts_at, interface, consumer, operation, way, attribute) DO UPDATE SET \
           requests = usage_count.requests + excluded.requests, refused = usage_count.refused + excluded.refused, \
           failed = usage_count.failed + excluded.failed, planned = usage_count.planned + excluded.planned";
    USED = "INSERT INTO usage_last (kind, id, used_at) VALUES ($1, $2, $3) \
            ON CONFLICT (kind, id) DO UPDATE SET used_at = excluded.used_at WHERE excluded.used_at > usage_last.used_at";
    ALL_USED = "SELECT kind, id, used_at FROM usage_last";
    USED_IN = "INSERT INTO usage_in_environment (environment, interface, consumer, operation, way, attribute, used_at) \
               VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (environment, interface, consumer, operation, way, attribute) \
               DO UPDATE SET used_at = excluded.used_at WHERE excluded.used_at > usage_in_environment.used_at";
    ALL_USED_IN = "SELECT environment, interface, consumer, operation, way, attribute, used_at FROM usage_in_environment \
                   WHERE used_at >= $1";
    FORGET_USED_IN = "DELETE FROM usage_in_environment WHERE used_at < $1";
    SHADOW = "INSERT INTO shadow_group (method, path, likely, requests, first_at, last_at) VALUES ($1, $2, $3, $4, $5, $6) \
              ON CONFLICT (method, path) DO UPDATE SET requests = shadow_group.requests + excluded.requests, \
              likely = excluded.likely, last_at = excluded.last_at";
    SHADOWS = "SELECT method, path, likely, requests, first_at, last_at FROM shadow_group WHERE last_at >= $1 \
               ORDER BY requests DESC, method, path";
    FEWER_SHADOWS = "DELETE FROM shadow_group WHERE last_at < (SELECT MIN(last_at) FROM \
                     (SELECT last_at FROM shadow_group ORDER BY last_at DESC LIMIT $1) AS newest)";
    ROLL_UP = "INSERT INTO usage_count (grain, starts_at, interface, consumer, operation, way, attribute, requests, refused, failed, planned) \
               SELECT CAST($2 AS TEXT), starts_at - starts_at % CAST($4 AS BIGINT), interface, consumer, operation, way, attribute, \
               CAST(SUM(requests) AS BIGINT), CAST(SUM(refused) AS BIGINT), CAST(SUM(failed) AS BIGINT), CAST(SUM(planned) AS BIGINT) FROM usage_count \
               WHERE grain = $1 AND starts_at < $3 \
               GROUP BY starts_at - starts_at % CAST($4 AS BIGINT), interface, consumer, operation, way, attribute \
               ON CONFLICT (grain, starts_at, interface, consumer, operation, way, attribute) DO UPDATE SET \
               requests = usage_count.requests + excluded.requests, refused = usage_count.refused + excluded.refused, \
               failed = usage_count.failed + excluded.failed, planned = usage_count.planned + excluded.planned";
    FORGET = "DELETE FROM usage_count WHERE grain = $1 AND starts_at < $2";
    TOTALS = "SELECT interface, consumer, operation, way, attribute, CAST(SUM(requests) AS BIGINT) AS requests, \
              CAST(SUM(refused) AS BIGINT) AS refused, CAST(SUM(failed) AS BIGINT) AS failed, \
              CAST(SUM(planned) AS BIGINT) AS planned, MAX(starts_at) AS last_at \
              FROM usage_count WHERE starts_at >= $1 GROUP BY interface, consumer, operation, way, attribute";
    COURSE = "SELECT starts_at - starts_at % CAST($2 AS BIGINT) AS slot, interface, CAST(SUM(requests) AS BIGINT) AS requests, \
              CAST(SUM(refused) AS BIGINT) AS refused, CAST(SUM(failed) AS BIGINT) AS failed, \
              CAST(SUM(planned) AS BIGINT) AS planned FROM usage_count \
              WHERE starts_at >= $1 AND way = '' GROUP BY starts_at - starts_at % CAST($2 AS BIGINT), interface ORDER BY slot";
    LOST = "SELECT usage_writer.node AS node, covers_until, lease_until FROM usage_writer \
            LEFT JOIN node ON node.id = usage_writer.node WHERE COALESCE(lease_until, covers_until) < $1 \
            AND NOT EXISTS (SELECT 1 FROM usage_gap WHERE usage_gap.node = usage_writer.node)";
    OLD_WRITERS = "DELETE FROM usage_writer WHERE covers_until < $1";
    GAP = "INSERT INTO usage_gap (node, from_at, until_at) VALUES ($1, $2, $3) ON CONFLICT (node) DO NOTHING";
    NO_GAP = "DELETE FROM usage_gap WHERE node = $1";
    OLD_GAPS = "DELETE FROM usage_gap WHERE until_at < $1";
    GAPS = "SELECT node, from_at, until_at FROM usage_gap WHERE until_at >= $1 ORDER BY until_at";
}

impl Store {
    /// Keeps what a node counted; `false` where this batch was kept before and only the answer was lost.
    ///
    /// # Errors
    /// Those of the database; nothing is kept then, or all.
    pub async fn add_usage(&self, node: &str, batch: &UsageBatch) -> Result<bool, StoreError> {
        let mut transaction = self.database.write().await?;
        let (number, until) = (integer(batch.number), Micros::from(batch.covers_until));
        match transaction.first(BATCH, bind![node]).await? {
            Some(row) if row.count("batch")? >= batch.number => return Ok(false),
            Some(_) => {
                // Where it was given up, it was only slow: what it writes now is what was missing.
                transaction.run(NO_GAP, bind![node]).await?;
                transaction.run(WROTE, bind![node, number, until]).await?
            }
            None => transaction.run(BEGIN, bind![node, number, until]).await?,
        };
        for row in &batch.rows {
            add(&mut transaction, row).await?;
        }
        used_in(&mut transaction, batch).await?;
        if let Some(environment) = &batch.environment {
            for row in &batch.promises {
                promise::add(&mut transaction, environment, row).await?;
            }
        }
        for (used, at) in &batch.used {
            let (kind, id) = match used {
                Used::Grant(id) => ("grant", id),
                Used::Key(id) => ("key", id),
            };
            transaction.run(USED, bind![kind, id.as_str(), Micros::from(*at)]).await?;
        }
        for group in &batch.shadows {
            let likely = group.likely.as_ref().map(ToString::to_string);
            let (method, path) = (group.shape.method.as_str(), group.shape.path.as_str());
            let (first, last) = (Micros::from(group.first), Micros::from(group.last));
            transaction.run(SHADOW, bind![method, path, likely, integer(group.requests), first, last]).await?;
        }
        transaction.commit().await?;
        Ok(true)
    }

    /// Says that a node has written all that it counted.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn end_usage(&self, node: &str) -> Result<(), StoreError> {
        let mut transaction = self.database.write().await?;
        transaction.run(NO_GAP, bind![node]).await?;
        transaction.run(LEAVE, bind![node]).await?;
        transaction.commit().await
    }

    /// Rolls up what is old enough, forgets what is too old, and notes what nodes took with them. Any node may do it, any
    /// number of times.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn roll_up_usage(&self, now: Timestamp) -> Result<(), StoreError> {
        let mut transaction = self.database.write().await?;
        transaction.alone(LOCK).await?;
        let now = Micros::from(now).0;
        for (from, to, kept, size) in [("minute", "hour", MINUTES_FOR, HOUR), ("hour", "day", HOURS_FOR, DAY)] {
            let before = (now - kept) - (now - kept).rem_euclid(size);
            transaction.run(ROLL_UP, bind![from, to, before, size]).await?;
            transaction.run(FORGET, bind![from, before]).await?;
        }
        transaction.run(FORGET, bind!["day", now - DAYS_FOR]).await?;
        transaction.run(FORGET_USED_IN, bind![now - DAYS_FOR]).await?;
        promise::roll_up(&mut transaction, (now - HOURS_FOR) - (now - HOURS_FOR).rem_euclid(DAY), now - DAYS_FOR)
            .await?;
        transaction.run(FEWER_SHADOWS, bind![MOST_SHADOWS]).await?;
        transaction.run(OLD_GAPS, bind![now - DAYS_FOR]).await?;
        transaction.run(OLD_WRITERS, bind![now - DAYS_FOR]).await?;
        // How far a node that was given up had come stays known: it may be only slow, and send again what was kept.
        for lost in transaction.all(LOST, bind![Micros(now).before(GIVEN_UP)]).await? {
            let (node, covered) = (lost.text("node")?, Micros(lost.integer("covers_until")?));
            let until = lost.optional_time("lease_until")?.map_or(covered, Micros::from);
            if until > covered {
                transaction.run(GAP, bind![node.as_str(), covered, until]).await?;
            }
        }
        transaction.commit().await
    }

    /// Counts since then, by everything that is counted by itself.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn usage_since(&self, since: Timestamp, now: Timestamp) -> Result<Vec<UsageTotal>, StoreError> {
        let mut transaction = self.database.read().await?;
        transaction.all(TOTALS, bind![whole(since, now)]).await?.iter().map(total).collect()
    }

    /// Requests of each interface in each slot of this length since then, oldest first.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn usage_course(
        &self,
        since: Timestamp,
        now: Timestamp,
        slot: Duration,
    ) -> Result<Vec<(Timestamp, InterfaceRef, UsageCount)>, StoreError> {
        let mut transaction = self.database.read().await?;
        let size = Micros(0).after(slot).0.max(MINUTE);
        let rows = transaction.all(COURSE, bind![whole(since, now), size]).await?;
        rows.iter().map(|row| Ok((row.time("slot")?, row.parsed("interface")?, count(row)?))).collect()
    }

    /// When what is counted was used last in each environment, where that was since then. What has no environment was used in any of
    /// them: it is of before this was told apart.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn used_in_environments(&self, since: Timestamp, now: Timestamp) -> Result<Vec<UsedIn>, StoreError> {
        let mut transaction = self.database.read().await?;
        let rows = transaction.all(ALL_USED_IN, bind![whole(since, now)]).await?;
        let used = |row: &Row| {
            let environment = row.text("environment")?;
            let environment = if environment.is_empty() { None } else { Some(row.parsed("environment")?) };
            Ok(UsedIn { environment, key: key(row)?, last: row.time("used_at")? })
        };
        rows.iter().map(used).collect()
    }

    /// When grants and keys were used last.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn last_used(&self) -> Result<Vec<(Used, Timestamp)>, StoreError> {
        let mut transaction = self.database.read().await?;
        let rows = transaction.all(ALL_USED, bind![]).await?;
        let used = |row: &Row| {
            let id = row.text("id")?;
            let used = if row.text("kind")? == "grant" { Used::Grant(id) } else { Used::Key(id) };
            Ok((used, row.time("used_at")?))
        };
        rows.iter().map(used).collect()
    }

    /// Counts that are missing since then.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn usage_gaps(&self, since: Timestamp) -> Result<Vec<UsageGap>, StoreError> {
        let mut transaction = self.database.read().await?;
        let rows = transaction.all(GAPS, bind![Micros::from(since)]).await?;
        let gap = |row: &Row| {
            Ok(UsageGap { node: row.text("node")?, from: row.time("from_at")?, until: row.time("until_at")? })
        };
        rows.iter().map(gap).collect()
    }

    /// Requests that nothing declares, last seen since then, most first.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn shadow_since(&self, since: Timestamp) -> Result<Vec<ShadowGroup>, StoreError> {
        let mut transaction = self.database.read().await?;
        transaction.all(SHADOWS, bind![Micros::from(since)]).await?.iter().map(shadow).collect()
    }
}

/// Notes when what a batch counts was used last in its environment.
async fn used_in(transaction: &mut Transaction, batch: &UsageBatch) -> Result<(), StoreError> {
    let mut last: BTreeMap<&UsageKey, Timestamp> = BTreeMap::new();
    for row in &batch.rows {
        let seen = last.entry(&row.key).or_insert(row.minute);
        *seen = row.minute.max(*seen);
    }
    let environment = batch.environment.as_ref().map_or("", EnvironmentName::as_str);
    for (key, at) in last {
        let (interface, consumer, way, attribute) = columns(key);
        let values =
            bind![environment, interface, consumer, key.operation.as_str(), way, attribute, Micros(minute_of(at))];
        transaction.run(USED_IN, values).await?;
    }
    Ok(())
}

fn minute_of(at: Timestamp) -> i64 {
    let at = Micros::from(at).0;
    at - at.rem_euclid(MINUTE)
}

/// What is counted, as it stands in columns; without its operation.
fn columns(key: &UsageKey) -> (String, String, &str, &str) {
    let consumer = key.consumer.as_ref().map(ToString::to_string).unwrap_or_default();
    let (way, attribute) = match &key.attribute {
        Some(AttributeUse { way, attribute }) => (way.as_str(), attribute.as_str()),
        None => ("", ""),
    };
    (key.interface.to_string(), consumer, way, attribute)
}

async fn add(transaction: &mut Transaction, row: &UsageRow) -> Result<(), StoreError> {
    let UsageRow { minute, key, count } = row;
    let minute = minute_of(*minute);
    let (interface, consumer, way, attribute) = columns(key);
    let operation = key.operation.as_str();
    let (requests, refused) = (integer(count.requests), integer(count.refused));
    let (failed, planned) = (integer(count.failed), integer(count.planned));
    let values = bind![minute, interface, consumer, operation, way, attribute, requests, refused, failed, planned];
    transaction.run(ADD, values).await.map(drop)
}

/// The beginning of the minute, hour or day that this falls into, by what is kept of that time.
fn whole(since: Timestamp, now: Timestamp) -> i64 {
    let (since, now) = (Micros::from(since).0, Micros::from(now).0);
    let size = match now - since {
        age if age < MINUTES_FOR => MINUTE,
        age if age < HOURS_FOR => HOUR,
        _ => DAY,
    };
    since - since.rem_euclid(size)
}

fn total(row: &Row) -> Result<UsageTotal, StoreError> {
    Ok(UsageTotal { key: key(row)?, count: count(row)?, last: row.time("last_at")? })
}

fn key(row: &Row) -> Result<UsageKey, StoreError> {
    let way = match row.text("way")?.as_str() {
        "asked" => Some(Way::Asked),
        "sent" => Some(Way::Sent),
        _ => None,
    };
    let attribute = row.text("attribute")?;
    let consumer = row.text("consumer")?;
    Ok(UsageKey {
        interface: row.parsed("interface")?,
        consumer: if consumer.is_empty() { None } else { Some(row.parsed("consumer")?) },
        operation: row.text("operation")?,
        attribute: way.map(|way| AttributeUse { way, attribute }),
    })
}

fn count(row: &Row) -> Result<UsageCount, StoreError> {
    let (requests, refused) = (row.count("requests")?, row.count("refused")?);
    Ok(UsageCount { requests, refused, failed: row.count("failed")?, planned: row.count("planned")? })
}

fn shadow(row: &Row) -> Result<ShadowGroup, StoreError> {
    Ok(ShadowGroup {
        shape: ShadowShape { method: row.text("method")?, path: row.text("path")? },
        likely: row.optional_text("likely")?.and_then(|likely| likely.parse().ok()),
        requests: row.count("requests")?,
        first: row.time("first_at")?,
        last: row.time("last_at")?,
    })
}

fn integer(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

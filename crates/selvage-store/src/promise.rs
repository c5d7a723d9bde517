//! How many answers were as interfaces promise, by environment: counts by hour that roll up to days, written with the batches of usage and
//! kept as long.

use std::time::Duration;

use jiff::Timestamp;
use selvage_model::name::EnvironmentName;
use selvage_model::usage::{PromiseCount, PromiseKey, PromiseRow, Promised};

use crate::Store;
use crate::database::Transaction;
use crate::error::StoreError;
use crate::statement::statements;
use crate::value::{Micros, Row, bind};

const HOUR: i64 = 3_600_000_000;
const DAY: i64 = 24 * HOUR;

statements! {
    ADD = "INSERT INTO promise_count (grain, starts_at, environment, interface, under_micros, answers, kept) \
           VALUES ('hour', $1, $2, $3, $4, $5, $6) ON CONFLICT (grain, starts_at, environment, interface, under_micros) DO UPDATE SET \
           answers = promise_count.answers + excluded.answers, kept = promise_count.kept + excluded.kept";
    ROLL_UP = "INSERT INTO promise_count (grain, starts_at, environment, interface, under_micros, answers, kept) \
               SELECT 'day', starts_at - starts_at % CAST($2 AS BIGINT), environment, interface, under_micros, CAST(SUM(answers) AS BIGINT), \
               CAST(SUM(kept) AS BIGINT) FROM promise_count WHERE grain = 'hour' AND starts_at < $1 \
               GROUP BY starts_at - starts_at % CAST($2 AS BIGINT), environment, interface, under_micros \
               ON CONFLICT (grain, starts_at, environment, interface, under_micros) DO UPDATE SET \
               answers = promise_count.answers + excluded.answers, kept = promise_count.kept + excluded.kept";
    FORGET = "DELETE FROM promise_count WHERE grain = $1 AND starts_at < $2";
    BETWEEN = "SELECT environment, interface, under_micros, CAST(SUM(answers) AS BIGINT) AS answers, CAST(SUM(kept) AS BIGINT) AS kept \
               FROM promise_count WHERE starts_at >= $1 AND starts_at <= $2 GROUP BY environment, interface, under_micros";
}

impl Store {
    /// What came of what interfaces promise between these moments, by environment: by whole hours, and by whole days where it is older than 40.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn promises_between(
        &self,
        from: Timestamp,
        to: Timestamp,
        now: Timestamp,
    ) -> Result<Vec<(EnvironmentName, PromiseKey, PromiseCount)>, StoreError> {
        let mut transaction = self.database.read().await?;
        let (from, to, now) = (Micros::from(from).0, Micros::from(to).0, Micros::from(now).0);
        let size = if now - from < crate::usage::HOURS_FOR { HOUR } else { DAY };
        let rows = transaction.all(BETWEEN, bind![from - from.rem_euclid(size), to]).await?;
        rows.iter().map(counted).collect()
    }
}

/// Adds what a node counted. The caller knows that it was not added before.
pub(crate) async fn add(
    transaction: &mut Transaction,
    environment: &EnvironmentName,
    row: &PromiseRow,
) -> Result<(), StoreError> {
    let PromiseRow { hour, key, count } = row;
    let hour = Micros::from(*hour).0;
    let under = match key.promise {
        Promised::Well => 0,
        Promised::Within(under) => i64::try_from(under.as_micros()).unwrap_or(i64::MAX),
    };
    let integer = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
    let (interface, hour) = (key.interface.to_string(), hour - hour.rem_euclid(HOUR));
    let values = bind![hour, environment.as_str(), interface, under, integer(count.answers), integer(count.kept)];
    transaction.run(ADD, values).await.map(drop)
}

/// Rolls up what is from before the first of these, and forgets days from before the second.
pub(crate) async fn roll_up(transaction: &mut Transaction, hours: i64, days: i64) -> Result<(), StoreError> {
    transaction.run(ROLL_UP, bind![hours, DAY]).await?;
    transaction.run(FORGET, bind!["hour", hours]).await?;
    transaction.run(FORGET, bind!["day", days]).await.map(drop)
}

fn counted(row: &Row) -> Result<(EnvironmentName, PromiseKey, PromiseCount), StoreError> {
    let promise = match row.count("under_micros")? {
        0 => Promised::Well,
        under => Promised::Within(Duration::from_micros(under)),
    };
    let key = PromiseKey { interface: row.parsed("interface")?, promise };
    Ok((row.parsed("environment")?, key, PromiseCount { answers: row.count("answers")?, kept: row.count("kept")? }))
}

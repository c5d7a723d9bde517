//! Values on their way to and from a database: parameters, rows, points in time. Stored portably: times as microseconds,
//! hashes as bytes, structures as JSON text.

use std::str::FromStr;
use std::time::Duration;

use jiff::Timestamp;
use sqlx::postgres::PgRow;
use sqlx::sqlite::SqliteRow;
use sqlx::{Decode, Postgres, Row as _, Sqlite, Type};

use crate::error::StoreError;

/// A point in time as it is stored: microseconds since 1970-01-01T00:00:00Z.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Micros(pub(crate) i64);

impl Micros {
    /// So much later.
    pub(crate) fn after(self, time: Duration) -> Self {
        Self(self.0.saturating_add(i64::try_from(time.as_micros()).unwrap_or(i64::MAX)))
    }

    /// So much earlier.
    pub(crate) fn before(self, time: Duration) -> Self {
        Self(self.0.saturating_sub(i64::try_from(time.as_micros()).unwrap_or(i64::MAX)))
    }

    pub(crate) fn timestamp(self) -> Result<Timestamp, StoreError> {
        let time = Timestamp::from_microsecond(self.0);
        time.map_err(|_| StoreError::damaged(format!("{} microseconds is no point in time", self.0)))
    }
}

impl From<Timestamp> for Micros {
    fn from(time: Timestamp) -> Self {
        Self(time.as_microsecond())
    }
}

/// A value given to a statement.
pub(crate) enum Parameter {
    Integer(Option<i64>),
    Text(Option<String>),
    Bytes(Vec<u8>),
}

macro_rules! parameters {
    ($($type:ty => |$value:ident| $parameter:expr;)*) => {$(
        impl From<$type> for Parameter {
            fn from($value: $type) -> Self {
                $parameter
            }
        }
    )*};
}

parameters! {
    i64 => |value| Self::Integer(Some(value));
    Option<i64> => |value| Self::Integer(value);
    Micros => |value| Self::Integer(Some(value.0));
    Option<Micros> => |value| Self::Integer(value.map(|time| time.0));
    &str => |value| Self::Text(Some(value.to_owned()));
    String => |value| Self::Text(Some(value));
    Option<String> => |value| Self::Text(value);
    [u8; 32] => |value| Self::Bytes(value.to_vec());
    &[u8] => |value| Self::Bytes(value.to_vec());
}

/// Parameters in the order of `$1`, `$2`, …
macro_rules! bind {
    ($($value:expr),* $(,)?) => {
        [$($crate::value::Parameter::from($value)),*]
    };
}

pub(crate) use bind;

/// A row of an answer.
pub(crate) enum Row {
    Sqlite(SqliteRow),
    Postgres(PgRow),
}

impl Row {
    fn get<T>(&self, column: &'static str) -> Result<T, StoreError>
    where
        T: for<'r> Decode<'r, Sqlite> + Type<Sqlite> + for<'r> Decode<'r, Postgres> + Type<Postgres>,
    {
        match self {
            Self::Sqlite(row) => Ok(row.try_get(column)?),
            Self::Postgres(row) => Ok(row.try_get(column)?),
        }
    }

    pub(crate) fn integer(&self, column: &'static str) -> Result<i64, StoreError> {
        self.get(column)
    }

    /// A number that only grows from 0.
    pub(crate) fn count(&self, column: &'static str) -> Result<u64, StoreError> {
        let value = self.integer(column)?;
        u64::try_from(value).map_err(|_| StoreError::damaged(format!("`{column}` is {value}")))
    }

    pub(crate) fn text(&self, column: &'static str) -> Result<String, StoreError> {
        self.get(column)
    }

    pub(crate) fn optional_text(&self, column: &'static str) -> Result<Option<String>, StoreError> {
        self.get(column)
    }

    pub(crate) fn time(&self, column: &'static str) -> Result<Timestamp, StoreError> {
        Micros(self.integer(column)?).timestamp()
    }

    pub(crate) fn optional_time(&self, column: &'static str) -> Result<Option<Timestamp>, StoreError> {
        let time: Option<i64> = self.get(column)?;
        time.map(|time| Micros(time).timestamp()).transpose()
    }

    pub(crate) fn optional_number(&self, column: &'static str) -> Result<Option<i64>, StoreError> {
        self.get(column)
    }

    pub(crate) fn hash(&self, column: &'static str) -> Result<[u8; 32], StoreError> {
        let bytes: Vec<u8> = self.get(column)?;
        let length = bytes.len();
        bytes.try_into().map_err(|_| StoreError::damaged(format!("`{column}` has {length} bytes, not 32")))
    }

    pub(crate) fn bytes(&self, column: &'static str) -> Result<Vec<u8>, StoreError> {
        self.get(column)
    }

    /// A name, an id or another text with a form of its own.
    pub(crate) fn parsed<T: FromStr>(&self, column: &'static str) -> Result<T, StoreError> {
        let text = self.text(column)?;
        text.parse().map_err(|_| StoreError::damaged(format!("`{column}` has no valid value")))
    }

    /// JSON kept as text.
    pub(crate) fn json<T: serde::de::DeserializeOwned>(&self, column: &'static str) -> Result<T, StoreError> {
        let text = self.text(column)?;
        serde_json::from_str(&text).map_err(|error| StoreError::damaged(format!("`{column}` is not JSON: {error}")))
    }

    /// JSON kept as text, where there is any.
    pub(crate) fn optional_json(&self, column: &'static str) -> Result<Option<serde_json::Value>, StoreError> {
        match self.optional_text(column)? {
            Some(_) => self.json(column).map(Some),
            None => Ok(None),
        }
    }
}

//! One table on its way out of a database and into another: rows as they come, with the kinds that both databases have. The only
//! place where the text of a statement is put together, and only of names that our own migrations gave.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use futures_util::TryStreamExt as _;
use serde_json::Value;
use sqlx::{AssertSqlSafe, Column as _, Row as _, TypeInfo as _};

use super::file::Out;
use crate::database::{Connection, Transaction, within};
use crate::error::StoreError;
use crate::value::Parameter;

/// How many values one statement takes; SQLite's bound is 32,766.
const MOST_VALUES: usize = 1_000;

/// What a column holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Integer,
    Text,
    Bytes,
}

impl Kind {
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Integer => "integer",
            Self::Text => "text",
            Self::Bytes => "bytes",
        }
    }

    /// By the word of a backup, or a database's name of the type.
    fn of(word: &str) -> Option<Self> {
        match word {
            "integer" | "INTEGER" | "INT8" => Some(Self::Integer),
            "text" | "TEXT" => Some(Self::Text),
            "bytes" | "BLOB" | "BYTEA" => Some(Self::Bytes),
            _ => None,
        }
    }
}

/// A column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Column {
    pub(super) name: String,
    pub(super) kind: Kind,
}

impl Column {
    /// From `[name, kind]`.
    pub(super) fn read(value: &Value) -> Option<Self> {
        let [name, kind] = value.as_array()?.as_slice() else { return None };
        let name = name.as_str().filter(|name| is_name(name))?;
        Some(Self { name: name.to_owned(), kind: Kind::of(kind.as_str()?)? })
    }
}

/// Whether this can be the name of a table or column of ours: nothing that would have to be quoted.
fn is_name(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_')
}

macro_rules! write_rows {
    ($transaction:expr, $name:expr, $out:expr) => {{
        let sql = AssertSqlSafe(format!("SELECT * FROM {}", $name));
        let mut rows = sqlx::query(sql).fetch(&mut **$transaction);
        let (mut count, mut columns) = (0_u64, None);
        while let Some(row) = within(rows.try_next()).await? {
            if columns.is_none() {
                let kinds = row.columns().iter().map(|column| (column.name(), column.type_info().name()));
                let known = columns_of($name, kinds)?;
                $out.table($name, &known)?;
                columns = Some(known);
            }
            let mut cells = Vec::new();
            for (place, column) in columns.iter().flatten().enumerate() {
                cells.push(match column.kind {
                    Kind::Integer => row.try_get::<Option<i64>, _>(place)?.map_or(Value::Null, Value::from),
                    Kind::Text => row.try_get::<Option<String>, _>(place)?.map_or(Value::Null, Value::from),
                    Kind::Bytes => {
                        let bytes: Option<Vec<u8>> = row.try_get(place)?;
                        bytes.map_or(Value::Null, |bytes| Value::from(STANDARD.encode(bytes)))
                    }
                });
            }
            $out.row(cells)?;
            count += 1;
        }
        if count == 0 {
            $out.table($name, &[])?;
        }
        Ok(count)
    }};
}

/// Writes a table and says how many rows it has.
pub(super) async fn write(transaction: &mut Transaction, name: &str, out: &mut Out<'_>) -> Result<u64, StoreError> {
    match &mut transaction.on {
        Connection::SqliteRead(transaction) => write_rows!(transaction, name, out),
        Connection::SqliteWrite(turns) => {
            let connection = &mut turns.flushed().await?;
            write_rows!(connection, name, out)
        }
        Connection::Postgres(transaction) => write_rows!(transaction, name, out),
    }
}

fn columns_of<'a>(table: &str, kinds: impl Iterator<Item = (&'a str, &'a str)>) -> Result<Vec<Column>, StoreError> {
    let column = |(name, kind): (&str, &str)| {
        let unknown = || StoreError::damaged(format!("`{table}.{name}` holds {kind}, which no backup has"));
        Ok(Column { name: name.to_owned(), kind: Kind::of(kind).ok_or_else(unknown)? })
    };
    kinds.map(column).collect()
}

/// Rows that wait to be put into a table.
pub(super) struct Loading {
    name: String,
    columns: Vec<Column>,
    /// The text of each row, with the places of its values; what is absent has none.
    rows: Vec<String>,
    values: Vec<Parameter>,
}

impl Loading {
    pub(super) fn new(name: String, columns: Vec<Column>) -> Self {
        Self { name, columns, rows: Vec::new(), values: Vec::new() }
    }

    /// Takes a row, and puts what waits into the table where it is enough; `None` where the row is not of this table.
    pub(super) async fn take(
        &mut self,
        transaction: &mut Transaction,
        cells: Vec<Value>,
    ) -> Result<Option<()>, StoreError> {
        if cells.len() != self.columns.len() {
            return Ok(None);
        }
        let mut places = Vec::new();
        for (column, cell) in self.columns.iter().zip(cells) {
            if cell.is_null() {
                places.push("NULL".to_owned());
                continue;
            }
            let Some(value) = parameter(column.kind, cell) else { return Ok(None) };
            self.values.push(value);
            places.push(format!("${}", self.values.len()));
        }
        self.rows.push(format!("({})", places.join(", ")));
        if self.values.len() + self.columns.len() > MOST_VALUES {
            self.put(transaction).await?;
        }
        Ok(Some(()))
    }

    /// Puts what waits into the table.
    pub(super) async fn put(&mut self, transaction: &mut Transaction) -> Result<(), StoreError> {
        if self.rows.is_empty() {
            return Ok(());
        }
        let rows = std::mem::take(&mut self.rows);
        let names = self.columns.iter().map(|column| column.name.as_str()).collect::<Vec<_>>().join(", ");
        let sql = format!("INSERT INTO {} ({names}) VALUES {}", self.name, rows.join(", "));
        transaction.run_text(sql, std::mem::take(&mut self.values)).await
    }
}

fn parameter(kind: Kind, cell: Value) -> Option<Parameter> {
    Some(match (kind, cell) {
        (Kind::Integer, Value::Number(number)) => Parameter::Integer(Some(number.as_i64()?)),
        (Kind::Text, Value::String(text)) => Parameter::Text(Some(text)),
        (Kind::Bytes, Value::String(text)) => Parameter::Bytes(STANDARD.decode(text).ok()?),
        _ => return None,
    })
}

//! A part of a package: rows under named columns, each with the entries of the ledger that prove it. One form for every part, so that
//! whoever reads the package needs to know one.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// A part of a package.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Section {
    /// Its id.
    pub id: String,
    /// What it is called.
    pub title: String,
    /// What it holds, and what it cannot.
    pub says: String,
    /// What each row says.
    pub columns: Vec<Column>,
    /// The rows.
    pub rows: Vec<Row>,
}

/// What a row says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Column {
    /// The member of a row.
    pub id: String,
    /// What it is called.
    pub title: String,
}

/// One row.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Row {
    /// A text, a number or a list of texts for each column.
    pub cells: Map<String, Value>,
    /// The entries of the ledger that prove it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub entries: Vec<u64>,
}

impl Section {
    /// One without rows.
    pub(super) fn new<const N: usize>(id: &str, title: &str, says: &str, columns: [(&str, &str); N]) -> Self {
        let column = |(id, title): (&str, &str)| Column { id: id.to_owned(), title: title.to_owned() };
        Self {
            id: id.to_owned(),
            title: title.to_owned(),
            says: says.to_owned(),
            columns: columns.into_iter().map(column).collect(),
            rows: Vec::new(),
        }
    }

    /// Adds a row: a cell for each column, in order.
    pub(super) fn row<const N: usize>(&mut self, cells: [Value; N], entries: Vec<u64>) {
        let cells = self.columns.iter().zip(cells).map(|(column, cell)| (column.id.clone(), cell)).collect();
        self.rows.push(Row { cells, entries });
    }
}

/// A cell with text.
#[expect(clippy::needless_pass_by_value, reason = "texts are given as they come, made on the spot or not")]
pub(super) fn text(value: impl ToString) -> Value {
    Value::String(value.to_string())
}

/// A cell with a time, to the second.
pub(super) fn time(at: jiff::Timestamp) -> Value {
    Value::String(format!("{at:.0}"))
}

/// A cell with a time that there may not be.
pub(super) fn time_or(at: Option<jiff::Timestamp>, none: &str) -> Value {
    at.map_or_else(|| text(none), time)
}

/// A cell with several texts; a cell that says so where there are none.
pub(super) fn texts(values: impl IntoIterator<Item = String>) -> Value {
    let texts: Vec<Value> = values.into_iter().map(Value::String).collect();
    if texts.is_empty() { text("none") } else { Value::Array(texts) }
}

/// So many of something, in words.
pub(super) fn count(number: usize, of: &str) -> String {
    match number {
        1 => format!("1 {of}"),
        many => {
            format!("{many} {}", of.strip_suffix('y').map_or_else(|| format!("{of}s"), |stem| format!("{stem}ies")))
        }
    }
}

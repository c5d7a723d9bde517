//! The file: lines of JSON. First what it is of, then each table's columns and rows, last how many there were and the hash of
//! everything before. So a file that was cut off, or changed anywhere, is told from a whole one.

use std::fs::File;
use std::io::{BufRead as _, BufReader, Read as _, Write};
use std::path::Path;

use jiff::Timestamp;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::table::Column;
use super::unusable;
use crate::error::StoreError;

/// The version of this form.
const FORM: u64 = 1;
/// A line is one row; the largest is a release with all its manifests.
const MOST_LINE: u64 = 1 << 30;

/// What a backup is of.
pub(super) struct Head {
    pub(super) version: i64,
    pub(super) taken: Timestamp,
    pub(super) entries: u64,
    pub(super) head: [u8; 32],
}

/// How a backup ends.
#[derive(Default)]
pub(super) struct End {
    pub(super) tables: u64,
    pub(super) rows: u64,
    pub(super) sha256: String,
}

/// One line.
pub(super) enum Line {
    Head(Head),
    Table(Table),
    Row(Vec<Value>),
    End(End),
}

/// A table, before its rows.
pub(super) struct Table {
    pub(super) name: String,
    pub(super) columns: Vec<Column>,
}

/// A backup that is being written.
pub(super) struct Out<'a> {
    to: &'a mut (dyn Write + Send),
    digest: Sha256,
}

impl<'a> Out<'a> {
    pub(super) fn new(to: &'a mut (dyn Write + Send)) -> Self {
        Self { to, digest: Sha256::new() }
    }

    pub(super) fn head(&mut self, head: &Head) -> Result<(), StoreError> {
        self.line(&json!({
            "selvage_backup": FORM, "version": head.version, "taken_at": head.taken.to_string(), "entries": head.entries,
            "head": hex(&head.head),
        }))
    }

    pub(super) fn table(&mut self, name: &str, columns: &[Column]) -> Result<(), StoreError> {
        let columns: Vec<Value> = columns.iter().map(|column| json!([column.name, column.kind.word()])).collect();
        self.line(&json!({"table": name, "columns": columns}))
    }

    pub(super) fn row(&mut self, cells: Vec<Value>) -> Result<(), StoreError> {
        self.line(&Value::Array(cells))
    }

    /// Writes the last line and gives the hash.
    pub(super) fn end(mut self, end: &End) -> Result<String, StoreError> {
        let sha256 = hex(&self.digest.clone().finalize());
        self.line(&json!({"tables": end.tables, "rows": end.rows, "sha256": sha256}))?;
        self.to.flush().map_err(|error| unusable(&error))?;
        Ok(sha256)
    }

    fn line(&mut self, line: &Value) -> Result<(), StoreError> {
        let text = format!("{line}\n");
        self.digest.update(text.as_bytes());
        self.to.write_all(text.as_bytes()).map_err(|error| unusable(&error))
    }
}

/// A backup that is read.
pub(super) struct Lines {
    from: BufReader<File>,
    digest: Sha256,
    number: u64,
}

impl Lines {
    pub(super) fn open(path: &Path) -> Result<Self, StoreError> {
        let file = File::open(path).map_err(|error| unusable(&error))?;
        Ok(Self { from: BufReader::new(file), digest: Sha256::new(), number: 0 })
    }

    /// The next line; that there is none is damage, since the last one says that it is the last.
    pub(super) fn next(&mut self) -> Result<Line, StoreError> {
        let mut text = Vec::new();
        self.number += 1;
        let mut bounded = self.from.by_ref().take(MOST_LINE);
        bounded.read_until(b'\n', &mut text).map_err(|error| unusable(&error))?;
        if text.last() != Some(&b'\n') {
            return Err(self.damaged("it was cut off"));
        }
        let line: Value = serde_json::from_slice(&text).map_err(|_| self.damaged("this is no line of a backup"))?;
        let line = line_of(line).ok_or_else(|| self.damaged("this is no line of a backup"))?;
        if let Line::End(end) = &line
            && end.sha256 != hex(&self.digest.clone().finalize())
        {
            return Err(self.damaged("what is before this line is not what was written"));
        }
        if let Line::Head(Head { version: ..=0, .. }) = &line {
            return Err(self.damaged("it is of another form than this binary knows"));
        }
        self.digest.update(&text);
        Ok(line)
    }

    /// That there is nothing behind the last line.
    pub(super) fn finish(&mut self) -> Result<(), StoreError> {
        let rest = self.from.fill_buf().map_err(|error| unusable(&error))?;
        if rest.is_empty() { Ok(()) } else { Err(self.damaged("something stands behind its end")) }
    }

    pub(super) fn damaged(&self, reason: &str) -> StoreError {
        StoreError::BackupDamaged { line: self.number, reason: reason.to_owned() }
    }
}

fn line_of(line: Value) -> Option<Line> {
    let members = match line {
        Value::Array(cells) => return Some(Line::Row(cells)),
        Value::Object(members) => members,
        _ => return None,
    };
    let number = |name: &str| members.get(name).and_then(Value::as_u64);
    let text = |name: &str| members.get(name).and_then(Value::as_str);
    if let Some(form) = number("selvage_backup") {
        // Another form has other members: its version is none that there is.
        let version = if form == FORM { members.get("version")?.as_i64()? } else { 0 };
        let head = unhex(text("head")?)?;
        return Some(Line::Head(Head {
            version,
            taken: text("taken_at")?.parse().ok()?,
            entries: number("entries")?,
            head,
        }));
    }
    if let Some(name) = text("table") {
        let columns = members.get("columns")?.as_array()?.iter().map(Column::read).collect::<Option<Vec<_>>>()?;
        return Some(Line::Table(Table { name: name.to_owned(), columns }));
    }
    Some(Line::End(End { tables: number("tables")?, rows: number("rows")?, sha256: text("sha256")?.to_owned() }))
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn unhex(text: &str) -> Option<[u8; 32]> {
    let digits: Vec<u8> = text
        .chars()
        .map(|digit| digit.to_digit(16).and_then(|digit| u8::try_from(digit).ok()))
        .collect::<Option<_>>()?;
    let (pairs, []) = digits.as_chunks::<2>() else { return None };
    pairs.iter().map(|[high, low]| high << 4 | low).collect::<Vec<u8>>().try_into().ok()
}

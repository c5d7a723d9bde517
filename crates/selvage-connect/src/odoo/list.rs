//! Lists of records in pages that neither skip nor repeat: by whole seconds of the write date, and by id within a second.
//! Odoo stores microseconds and answers seconds, so no finer position exists that a query could name.

use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::Odoo;
use super::answer;
use super::call::{Call, Scope};
use super::failure::{Failure, Refusal};
use super::time::{from_odoo_time, second_to_odoo};

/// What to list.
#[derive(Clone, Debug)]
pub struct ListRequest {
    /// As `mrp.production`.
    pub model: String,
    /// The fields wanted; `id` and `write_date` always come.
    pub fields: Vec<String>,
    /// Conditions in Odoo's domain form; all must hold.
    pub domain: Vec<Value>,
    /// In which companies.
    pub scope: Scope,
    /// The most records of a page, at least 1.
    pub limit: usize,
    /// Where the page before ended; outweighs `updated_since`.
    pub cursor: Option<Cursor>,
    /// Only records written in this second or later.
    pub updated_since: Option<Timestamp>,
}

/// One page, in the order of write second and id.
#[derive(Clone, Debug, PartialEq)]
pub struct Page {
    /// The records as Odoo answered them.
    pub records: Vec<Value>,
    /// Where the next page begins; `None` when nothing more was there.
    pub next: Option<Cursor>,
}

/// A position in a list: behind this id within this second. Opaque outside; prints and parses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Cursor {
    second: i64,
    id: i64,
}

/// A text that is no cursor of ours.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a cursor of this list")]
pub struct CursorError(String);

impl Cursor {
    /// Behind this id within this second.
    pub fn new(second: i64, id: i64) -> Self {
        Self { second, id }
    }

    /// The second.
    pub fn second(self) -> i64 {
        self.second
    }

    /// The id.
    pub fn id(self) -> i64 {
        self.id
    }
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:x}-{:x}", self.second, self.id)
    }
}

impl FromStr for Cursor {
    type Err = CursorError;
    fn from_str(text: &str) -> Result<Self, CursorError> {
        let wrong = || CursorError(text.chars().take(80).collect());
        let (second, id) = text.split_once('-').ok_or_else(wrong)?;
        let part = |digits: &str| i64::from_str_radix(digits, 16).ok().filter(|number| *number >= 0).ok_or_else(wrong);
        let cursor = Self { second: part(second)?, id: part(id)? };
        if second_to_odoo(cursor.second).is_some() { Ok(cursor) } else { Err(wrong()) }
    }
}

/// A record with its place in the list.
struct Placed {
    at: Cursor,
    record: Value,
}

impl Odoo {
    /// One page of a list. A record that changes while pages are read moves to a later second and may be seen again in its new
    /// state; one that stays as it is comes exactly once. Records without a write date are not listed.
    ///
    /// # Errors
    /// [`Failure`]; nothing was changed.
    pub async fn list(&self, request: &ListRequest) -> Result<Page, Failure> {
        let limit = request.limit.max(1);
        // One more than the page holds tells whether there is a next one.
        let want = limit + 1;
        let mut found = Vec::new();
        let mut from = request.updated_since.map_or(0, |since| since.as_second().max(0));
        if let Some(cursor) = request.cursor {
            found = self.within(request, cursor, want).await?;
            from = cursor.second + 1;
        }
        while found.len() < want {
            let missing = want - found.len();
            let mut ahead = self.ahead(request, from, missing).await?;
            let complete = ahead.len() < missing;
            let Some(last) = ahead.iter().map(|placed| placed.at.second).max() else { break };
            if complete {
                ahead.sort_by_key(|placed| placed.at);
                found.append(&mut ahead);
                break;
            }
            // The limit may have cut through the last second, and within a second the answer is not in the order of ids.
            ahead.retain(|placed| placed.at.second < last);
            ahead.sort_by_key(|placed| placed.at);
            found.append(&mut ahead);
            let start = Cursor { second: last, id: 0 };
            let mut rest = self.within(request, start, want - found.len()).await?;
            found.append(&mut rest);
            from = last + 1;
        }
        let more = found.len() > limit;
        found.truncate(limit);
        let next = if more { found.last().map(|placed| placed.at) } else { None };
        Ok(Page { records: found.into_iter().map(|placed| placed.record).collect(), next })
    }

    /// The newest second in which a record of a domain was written; `None` where there is no record.
    ///
    /// # Errors
    /// [`Failure`]; nothing was changed.
    pub async fn newest(&self, model: &str, domain: Vec<Value>, scope: &Scope) -> Result<Option<i64>, Failure> {
        let call = Call::read(model, "search_read", scope)
            .arg("domain", domain)
            .arg("fields", vec!["write_date".to_owned()])
            .arg("order", "write_date desc, id desc")
            .arg("limit", 1);
        let records = answer::records(self.call(call).await?)?;
        records.into_iter().next().map(|record| Ok(place(record)?.at.second)).transpose()
    }

    /// Records of the cursor's second behind its id, by id.
    async fn within(&self, request: &ListRequest, after: Cursor, limit: usize) -> Result<Vec<Placed>, Failure> {
        let mut domain = request.domain.clone();
        domain.push(json!(["write_date", ">=", odoo_second(after.second)?]));
        domain.push(json!(["write_date", "<", odoo_second(after.second + 1)?]));
        domain.push(json!(["id", ">", after.id]));
        self.placed(request, domain, "id", limit).await
    }

    /// Records written in this second or later, the earliest first.
    async fn ahead(&self, request: &ListRequest, from: i64, limit: usize) -> Result<Vec<Placed>, Failure> {
        let mut domain = request.domain.clone();
        domain.push(json!(["write_date", ">=", odoo_second(from)?]));
        self.placed(request, domain, "write_date, id", limit).await
    }

    async fn placed(
        &self,
        request: &ListRequest,
        domain: Vec<Value>,
        order: &str,
        limit: usize,
    ) -> Result<Vec<Placed>, Failure> {
        let mut fields = request.fields.clone();
        if !fields.iter().any(|field| field == "write_date") {
            fields.push("write_date".to_owned());
        }
        let call = Call::read(&request.model, "search_read", &request.scope)
            .arg("domain", domain)
            .arg("fields", fields)
            .arg("order", order)
            .arg("limit", limit);
        let records = answer::records(self.call(call).await?)?;
        records.into_iter().map(place).collect()
    }
}

fn place(record: Value) -> Result<Placed, Failure> {
    let written = answer::text(&record, "write_date")?;
    let moment =
        from_odoo_time(written).ok_or_else(|| Failure::protocol(format!("`{written}` is not a write date")))?;
    let at = Cursor { second: moment.as_second(), id: answer::id(&record, "id")? };
    Ok(Placed { at, record })
}

fn odoo_second(second: i64) -> Result<String, Failure> {
    second_to_odoo(second)
        .ok_or_else(|| Failure::refused(Refusal::Unsendable, format!("{second} is beyond the calendar")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cursors_print_and_parse() {
        let cursor = Cursor { second: 1_795_415_569, id: 24 };
        assert_eq!(cursor.to_string().parse(), Ok(cursor));
        for wrong in ["", "-", "6b", "x-1", "1--1", "-1-1", "ffffffffffffffff-1", "7fffffffffffffff-1"] {
            assert!(wrong.parse::<Cursor>().is_err(), "{wrong}");
        }
    }
}

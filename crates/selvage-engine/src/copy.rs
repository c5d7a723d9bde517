//! Lists and gets that are answered from a copy: what a capture knows, with the filters, pages, rows and attributes of live reads, and
//! with its age. They never touch the system.

use std::time::Duration;

use selvage_connect::odoo::Cursor as Position;
use selvage_model::code;
use selvage_model::exchange::{MediatedAnswer, MediatedRequest};
use selvage_model::manifest::api::{Older, Operation};
use selvage_model::name::{AttributeName, InterfaceRef};
use selvage_model::problem::Problem;
use selvage_store::{Captured, CopyPage, CopyState, Standing, StoreError};
use serde_json::{Value, json};

use crate::capture::{found_by, is_sought};
use crate::fabric::Served;
use crate::shared::Shared;
use crate::trouble::Trouble;
use crate::{cursor, etag, list, query, scope};

/// Records of a copy that are looked at together, at most and at least.
const PAGE: usize = 500;
const FEWEST: usize = 20;
/// How many are looked at before a page is given, whatever was found.
const MOST_LOOKED_AT: usize = 5_000;
/// How many that cannot be read a list names.
const MOST_NAMED: usize = 100;
/// When to come again where the copy is too old or not whole.
const COME_AGAIN: u32 = 5;
/// And where a record cannot be read: it is tried again once a minute.
const TRIED_AGAIN: u32 = 60;

/// The copy that an interface reads.
#[derive(Clone, Debug)]
pub(crate) struct Copied {
    /// Who keeps it.
    pub(crate) interface: InterfaceRef,
    /// The oldest it may be.
    pub(crate) max_age: Duration,
    /// What becomes of a read when it is older.
    pub(crate) older: Older,
}

/// Answers a list or a get; `None` where the system is to be asked instead.
pub(crate) async fn answer(
    shared: &Shared,
    served: &Served,
    copied: &Copied,
    request: &MediatedRequest,
) -> Result<Option<MediatedAnswer>, Trouble> {
    let system = served.connection.system();
    let copy = shared.store.copy(&copied.interface, system).await.map_err(|error| unavailable(&error))?;
    let copy = match young(copied, copy) {
        Ok(copy) => copy,
        Err(_) if copied.older == Older::Live => return Ok(None),
        Err(problem) => return Err(problem.into()),
    };
    let read = Read { shared, served, copied, request, age: age(&copy), copy };
    let answer = match request.operation {
        Operation::List => read.list().await,
        _ => read.get().await,
    };
    match answer {
        Err(Trouble::Refusal(problem)) if problem.code == code::COPY_UNREADABLE && copied.older == Older::Live => {
            Ok(None)
        }
        answer => answer.map(Some),
    }
}

/// A copy that is whole and not too old.
fn young(copied: &Copied, copy: Option<CopyState>) -> Result<CopyState, Problem> {
    let refuse = |code, detail: String| Problem::new(503, code, detail).retry_after(COME_AGAIN);
    let unready = || refuse(code::COPY_UNREADY, format!("`{}` does not have all records yet", copied.interface));
    let copy = copy.filter(|copy| copy.whole).ok_or_else(unready)?;
    let age = age(&copy);
    if age > copied.max_age {
        let (age, most) = (age.as_secs(), copied.max_age.as_secs());
        let detail = format!("the copy that `{}` keeps is {age} s old, and may be {most} s", copied.interface);
        return Err(refuse(code::COPY_STALE, detail));
    }
    Ok(copy)
}

fn age(copy: &CopyState) -> Duration {
    let age = copy.looked_at.map(|looked| copy.now.duration_since(looked));
    // A clock that was set back makes no copy younger than new.
    age.and_then(|age| Duration::try_from(age).ok()).unwrap_or_default()
}

fn unavailable(error: &StoreError) -> Trouble {
    tracing::warn!(%error, "copy not read");
    Problem::new(503, code::STORE_UNAVAILABLE, "the copy cannot be read now").retry_after(1).into()
}

/// A read of a copy.
struct Read<'a> {
    shared: &'a Shared,
    served: &'a Served,
    copied: &'a Copied,
    request: &'a MediatedRequest,
    age: Duration,
    copy: CopyState,
}

impl Read<'_> {
    async fn list(&self) -> Result<MediatedAnswer, Trouble> {
        let (scope, interface) = (&self.request.scope, &self.request.interface);
        let query = query::read(&self.request.query, &self.served.object, scope)?;
        let fingerprint = cursor::fingerprint(interface, &query, scope);
        let position = query.cursor.as_deref().map(|text| cursor::read(text, &fingerprint)).transpose()?;
        let since = query.updated_since.map_or(0, |since| since.as_second());
        // Behind every record of the second before.
        let after = position.map_or((since.saturating_sub(1), i64::MAX), |place| (place.second(), place.id()));
        let Some(filters) = list::within(scope, &query) else { return Ok(self.page(Vec::new(), Vec::new(), None)) };
        let problems = if position.is_none() { self.unreadable().await? } else { Vec::new() };
        let (mut items, next) = self.look(&filters, query.limit, after).await?;
        items.iter_mut().for_each(|object| scope::strip(scope, object));
        Ok(self.page(items, problems, next.map(|position| cursor::show(position, &fingerprint))))
    }

    /// Records within the rows that match, behind a place; and behind which it goes on, after a full page or after so many that
    /// the next request is to look at the rest.
    async fn look(
        &self,
        filters: &[(AttributeName, Vec<Value>)],
        limit: usize,
        mut after: (i64, i64),
    ) -> Result<(Vec<Value>, Option<Position>), Trouble> {
        let with = self.sought(filters);
        let mut items = Vec::new();
        let (mut looked_at, mut size) = (0, limit.saturating_add(1).clamp(FEWEST, PAGE));
        loop {
            let page = CopyPage { capture: self.copy.capture, after, limit: size, with };
            let rows = self.shared.store.copy_page(&page).await.map_err(|error| unavailable(&error))?;
            for row in &rows {
                let object = content(row)?;
                if matches(filters, &object) && scope::holds(&self.request.scope, &object) {
                    if items.len() == limit {
                        return Ok((items, Some(Position::new(after.0, after.1))));
                    }
                    items.push(object);
                }
                after = (row.written, row.record);
            }
            looked_at += rows.len();
            if rows.len() < size {
                return Ok((items, None));
            }
            if looked_at >= MOST_LOOKED_AT {
                return Ok((items, Some(Position::new(after.0, after.1))));
            }
            size = size.saturating_mul(2).min(PAGE);
        }
    }

    /// What is there and cannot be read as it is, where it lay within the rows when it could: said with the first page, whatever is
    /// looked for, since nobody knows whether it matches.
    async fn unreadable(&self) -> Result<Vec<Value>, Trouble> {
        let rows =
            self.shared.store.unreadable(self.copy.capture, MOST_NAMED).await.map_err(|error| unavailable(&error))?;
        let mut problems = Vec::new();
        for row in &rows {
            if scope::holds(&self.request.scope, &content(row)?) {
                let id = format!("{}-{}", self.served.connection.system(), row.record);
                let detail = "it is not the object as it is now; what it was before is not given for it";
                problems.push(json!({"id": id, "code": code::COPY_UNREADABLE.as_str(), "detail": detail}));
            }
        }
        Ok(problems)
    }

    async fn get(&self) -> Result<MediatedAnswer, Trouble> {
        query::none(&self.request.query)?;
        let key = self.request.id.as_deref().unwrap_or_default();
        let (scope, object) = (&self.request.scope, &self.served.object.name);
        let rows = self.shared.store.copy_of_key(self.copy.capture, key).await.map_err(|error| unavailable(&error))?;
        let mut found = Vec::new();
        for row in &rows {
            found.extend(Some((row.standing, content(row)?)).filter(|(_, object)| scope::holds(scope, object)));
        }
        let (readable, unreadable): (Vec<_>, Vec<_>) =
            found.into_iter().partition(|(standing, _)| *standing != Standing::Unreadable);
        let mut found = readable.into_iter().map(|(_, object)| object);
        let Some(mut body) = found.next() else {
            if !unreadable.is_empty() {
                let detail = format!("the {object} `{key}` cannot be read as it is now");
                return Err(Problem::new(503, code::COPY_UNREADABLE, detail).retry_after(TRIED_AGAIN).into());
            }
            let detail = format!("there is no {object} `{key}`, or it is not yours to see");
            return Err(Problem::new(404, code::RECORD_UNKNOWN, detail).into());
        };
        if found.next().is_some() {
            let detail = format!("several records of `{}` have the key `{key}`", self.served.connection.system());
            return Err(Problem::new(422, code::KEY_AMBIGUOUS, detail).into());
        }
        scope::strip(scope, &mut body);
        let etag = etag::of(&body);
        let age = Some(self.age.as_secs());
        let (location, next, found) = (None, None, None);
        Ok(MediatedAnswer::Done { status: 200, body, location, etag, next, age, replayed: false, found })
    }

    /// The filter by which the copy finds records without going through all of them.
    fn sought<'f>(&self, filters: &'f [(AttributeName, Vec<Value>)]) -> Option<(&'f str, &'f str)> {
        // Until every record is found by its values, and by those of this object, all of them are looked at.
        if self.copy.found_by.as_deref() != Some(found_by(&self.served.object).as_str()) {
            return None;
        }
        filters.iter().find_map(|(name, values)| {
            let attribute = self.served.object.attribute(name)?;
            match values.as_slice() {
                [Value::String(text)] if is_sought(&attribute.shape, text) => Some((name.as_str(), text.as_str())),
                _ => None,
            }
        })
    }

    fn page(&self, items: Vec<Value>, problems: Vec<Value>, next: Option<String>) -> MediatedAnswer {
        let query = next.as_deref().map(|cursor| cursor::next_query(&self.request.query, cursor));
        let age = self.age.as_secs();
        let source = json!({"kind": "copy", "kept_by": self.copied.interface.to_string(), "age": age});
        let mut body = json!({"items": Value::from(items), "next": Value::from(next), "source": source});
        if let (Some(members), false) = (body.as_object_mut(), problems.is_empty()) {
            members.insert("problems".to_owned(), Value::from(problems));
        }
        let (location, etag, found) = (None, None, None);
        MediatedAnswer::Done { status: 200, body, location, etag, next: query, age: Some(age), replayed: false, found }
    }
}

fn matches(filters: &[(AttributeName, Vec<Value>)], object: &Value) -> bool {
    filters.iter().all(|(name, values)| object.get(name.as_str()).is_some_and(|value| values.contains(value)))
}

fn content(row: &Captured) -> Result<Value, Trouble> {
    serde_json::from_str(&row.content).map_err(|error| {
        tracing::error!(record = row.record, %error, "a record of a copy cannot be read");
        Problem::new(503, code::STORE_DAMAGED, "a record of the copy cannot be read").into()
    })
}

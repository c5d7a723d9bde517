//! Several records made at once, each under its external id, with what became of each. `load()` makes all of a call or
//! nothing, so a bad row is taken out and the others are sent again; what may have been made is never sent again.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::call::{Call, Scope};
use super::failure::{Failure, Refusal};
use super::load::{self, Table};
use super::record::named;
use super::{Map, Odoo, answer};

/// The most records of one call.
const MOST: usize = 200;

/// What became of one record.
type Outcome = Result<i64, Failure>;

/// Records that one call makes.
#[derive(Debug)]
struct Batch {
    columns: Vec<String>,
    records: Vec<Record>,
}

/// One of them: its place among the wanted, and its rows.
#[derive(Debug)]
struct Record {
    place: usize,
    rows: Vec<Vec<String>>,
}

/// What the answer to a batch says.
#[derive(Debug, PartialEq)]
enum Verdict {
    /// All were made, with these ids; one without an id is not known.
    Made(Vec<Option<i64>>),
    /// None was made, because of these, by their number in the batch.
    Bad(BTreeMap<usize, Failure>),
}

impl Odoo {
    /// The records of these external ids, made with these values where there are none yet; existing ones are left as they
    /// are. Each has an outcome of its own, in the order in which they are wanted.
    ///
    /// # Errors
    /// [`Failure`] where nothing was sent for any of them.
    pub async fn create_many(
        &self,
        model: &str,
        wanted: &[(String, Map)],
        scope: &Scope,
    ) -> Result<Vec<Outcome>, Failure> {
        let (mut outcomes, mut batches) = self.batches(model, wanted).await.map_err(Failure::before_sending)?;
        while let Some(batch) = batches.pop() {
            match self.load(model, &batch, scope).await.map(|answer| verdict(&answer, &batch)) {
                Ok(Verdict::Made(ids)) => {
                    for (record, id) in batch.records.iter().zip(ids) {
                        outcomes.insert(record.place, id.ok_or_else(unknown));
                    }
                }
                Ok(Verdict::Bad(bad)) if !bad.is_empty() => {
                    let (bad, good) = batch.part(&bad);
                    outcomes.extend(bad.into_iter().map(|(place, failure)| (place, Err(failure))));
                    batches.extend(good);
                }
                // It was rolled back, and nobody says which of them it is.
                Ok(Verdict::Bad(_)) | Err(Failure::Refused { .. }) if batch.records.len() > 1 => {
                    batches.extend(batch.halves());
                }
                Ok(Verdict::Bad(_)) => batch.all(&unknown(), &mut outcomes),
                Err(failure) => batch.all(&failure, &mut outcomes),
            }
        }
        Ok((0..wanted.len()).map(|place| outcomes.remove(&place).unwrap_or_else(|| Err(unknown()))).collect())
    }

    /// What is known before anything is sent, and the calls that make the rest. A column that one record gives and another
    /// leaves to the system would be empty there, which is another value: such records are made by calls of their own.
    async fn batches(
        &self,
        model: &str,
        wanted: &[(String, Map)],
    ) -> Result<(BTreeMap<usize, Outcome>, Vec<Batch>), Failure> {
        // INVARIANT: ONE-EFFECT — the external id is the key, as for one record.
        let known = self.by_external_ids(wanted.iter().map(|(external_id, _)| external_id.as_str())).await?;
        let fields = self.fields(model).await?;
        let (mut outcomes, mut batches) = (BTreeMap::new(), Vec::<Batch>::new());
        let mut seen = BTreeSet::new();
        for (place, (external_id, values)) in wanted.iter().enumerate() {
            let again = !seen.insert(external_id);
            let outcome = match known.get(external_id) {
                _ if again => Err(refused(format!("the external id `{external_id}` is given twice"))),
                Some((found, id)) if found == model => Ok(*id),
                Some((found, id)) => {
                    Err(refused(format!("the external id `{external_id}` already names `{found}` {id}")))
                }
                None => {
                    let lines = self.line_fields(&fields, values).await?;
                    match load::table(&fields, &lines, external_id, values) {
                        Ok(table) => {
                            add(&mut batches, place, table);
                            continue;
                        }
                        Err(failure) => Err(failure),
                    }
                }
            };
            outcomes.insert(place, outcome);
        }
        Ok((outcomes, batches))
    }

    /// The model and id that each of these external ids names.
    async fn by_external_ids(
        &self,
        external_ids: impl Iterator<Item = &str>,
    ) -> Result<BTreeMap<String, (String, i64)>, Failure> {
        let mut names: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
        for external_id in external_ids {
            // What is none is refused with its record.
            if let Ok((module, name)) = load::parts(external_id) {
                names.entry(module).or_default().insert(name);
            }
        }
        let mut found = BTreeMap::new();
        for (module, names) in names {
            let domain = vec![json!(["module", "=", module]), json!(["name", "in", names])];
            let wanted = named(&["name", "model", "res_id"]);
            for record in self.search("ir.model.data", domain, &wanted, &Scope::default(), None).await? {
                let of = (answer::text(&record, "model")?.to_owned(), answer::id(&record, "res_id")?);
                found.insert(format!("{module}.{}", answer::text(&record, "name")?), of);
            }
        }
        Ok(found)
    }

    async fn load(&self, model: &str, batch: &Batch, scope: &Scope) -> Result<Value, Failure> {
        let rows: Vec<&Vec<String>> = batch.records.iter().flat_map(|record| &record.rows).collect();
        let call = Call::write(model, "load", scope)
            .arg("fields", batch.columns.as_slice())
            .arg("data", json!(rows))
            // load() reads datetimes in the zone of the user; ours are UTC.
            .context("tz", "UTC");
        self.call(call).await
    }
}

fn add(batches: &mut Vec<Batch>, place: usize, table: Table) {
    let Table { columns, rows } = table;
    let record = Record { place, rows };
    match batches.iter_mut().find(|batch| batch.columns == columns && batch.records.len() < MOST) {
        Some(batch) => batch.records.push(record),
        None => batches.push(Batch { columns, records: vec![record] }),
    }
}

impl Batch {
    /// The bad ones by their places, and the rest, where there is one.
    fn part(self, bad: &BTreeMap<usize, Failure>) -> (Vec<(usize, Failure)>, Option<Self>) {
        let (mut refused, mut good) = (Vec::new(), Vec::new());
        for (number, record) in self.records.into_iter().enumerate() {
            match bad.get(&number) {
                Some(failure) => refused.push((record.place, failure.clone())),
                None => good.push(record),
            }
        }
        (refused, (!good.is_empty()).then_some(Self { columns: self.columns, records: good }))
    }

    fn halves(mut self) -> [Self; 2] {
        let rest = self.records.split_off(self.records.len() / 2);
        let columns = self.columns.clone();
        [self, Self { columns, records: rest }]
    }

    fn all(&self, failure: &Failure, outcomes: &mut BTreeMap<usize, Outcome>) {
        outcomes.extend(self.records.iter().map(|record| (record.place, Err(failure.clone()))));
    }

    /// The record that this row belongs to.
    fn of_row(&self, row: usize) -> Option<usize> {
        let mut end = 0;
        self.records.iter().position(|record| {
            end += record.rows.len();
            row < end
        })
    }
}

fn verdict(answer: &Value, batch: &Batch) -> Verdict {
    if let Some(ids) = answer.get("ids").and_then(Value::as_array) {
        let ids = (0..batch.records.len()).map(|number| ids.get(number).and_then(Value::as_i64));
        return Verdict::Made(ids.collect());
    }
    let mut bad = BTreeMap::new();
    let messages = answer.get("messages").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    for message in messages.iter().filter(|message| message.get("type").and_then(Value::as_str) == Some("error")) {
        let row = message.pointer("/rows/from").and_then(Value::as_u64).and_then(|row| usize::try_from(row).ok());
        if let Some(number) = row.and_then(|row| batch.of_row(row)) {
            bad.entry(number).or_insert_with(|| load::complaint(message));
        }
    }
    if let ([_], []) = (batch.records.as_slice(), bad.keys().collect::<Vec<_>>().as_slice())
        && let Some(message) = messages.first()
    {
        bad.insert(0, load::complaint(message));
    }
    Verdict::Bad(bad)
}

fn refused(message: String) -> Failure {
    Failure::refused(Refusal::Unsendable, message)
}

fn unknown() -> Failure {
    Failure::Unknown { reason: "load answered neither with an id nor with a message".to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn batch(heights: &[usize]) -> Batch {
        let record = |(place, height): (usize, &usize)| Record { place: place + 10, rows: vec![vec![]; *height] };
        Batch { columns: vec!["id".to_owned()], records: heights.iter().enumerate().map(record).collect() }
    }

    fn says(number: usize, message: &str) -> (usize, Failure) {
        let field = Some("uom_id".to_owned());
        (number, Failure::Refused { kind: Refusal::Validation, message: message.to_owned(), field })
    }

    #[test]
    fn answers() {
        let error = |row: u64, message: &str| json!({"type": "error", "rows": {"from": row, "to": row}, "record": row, "field": "uom_id", "message": message});
        for (name, heights, answer, expected) in [
            ("all made", &[1, 1][..], json!({"ids": [7, 8], "messages": []}), Verdict::Made(vec![Some(7), Some(8)])),
            ("one without an id", &[1, 1], json!({"ids": [7], "messages": []}), Verdict::Made(vec![Some(7), None])),
            (
                "the second is bad",
                &[1, 1],
                json!({"ids": false, "messages": [error(1, "No unit")]}),
                Verdict::Bad(BTreeMap::from([says(1, "No unit")])),
            ),
            (
                "the second has lines before the bad row",
                &[2, 3, 1],
                json!({"ids": false, "messages": [error(4, "No unit"), error(3, "No line")]}),
                Verdict::Bad(BTreeMap::from([says(1, "No unit")])),
            ),
            (
                "nobody says which",
                &[1, 1],
                json!({"ids": false, "messages": [{"type": "error", "message": "x"}]}),
                Verdict::Bad(BTreeMap::new()),
            ),
            (
                "only one it can be",
                &[1],
                json!({"ids": false, "messages": [{"type": "error", "message": "No unit", "field": "uom_id"}]}),
                Verdict::Bad(BTreeMap::from([says(0, "No unit")])),
            ),
        ] {
            assert_eq!(verdict(&answer, &batch(heights)), expected, "{name}");
        }
    }

    #[test]
    fn batches_come_apart() {
        let (bad, good) = batch(&[1, 1, 1]).part(&BTreeMap::from([says(1, "x")]));
        assert_eq!(bad.iter().map(|(place, _)| *place).collect::<Vec<_>>(), [11]);
        assert_eq!(good.unwrap().records.iter().map(|record| record.place).collect::<Vec<_>>(), [10, 12]);
        assert!(batch(&[1]).part(&BTreeMap::from([says(0, "x")])).1.is_none());
        let halves = batch(&[1, 1, 1]).halves().map(|half| half.records.len());
        assert_eq!(halves, [1, 2]);
    }
}

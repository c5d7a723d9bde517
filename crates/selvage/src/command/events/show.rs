//! `selvage events show`: one event, by where it is or by its id.

use clap::Args;
use comfy_table::Table;
use selvage_log::{LogError, ReadLimit};
use selvage_model::cloud_event::record_id;
use selvage_model::code;
use selvage_model::event::{EventId, Position, Record};
use selvage_store::EventDelivery;
use serde_json::{Value, json};

use super::sight::Sight;
use super::{AT_ONCE, Reader, Stream, place};
use crate::command::{Outcome, TABLE, say};
use crate::report::visible;

/// Shows one event.
#[derive(Args)]
pub(crate) struct Show {
    #[command(flatten)]
    stream: Stream,
    /// Its position, as `1-42` or as events say it in `sequence`; or its id: as `tail` lists it, or the producer's own with `--source`.
    #[arg(value_name = "ID|POSITION")]
    event: String,
    /// The event's `source`, where its own `id` is given.
    #[arg(long, value_name = "SOURCE")]
    source: Option<String>,
    /// As JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    sight: Sight,
}

/// By what it is looked for.
enum Wanted {
    At(Position),
    Called(EventId),
}

impl Show {
    pub(super) async fn run(self) -> anyhow::Result<Outcome> {
        let (wanted, shown) = (self.wanted()?, self.sight.of(&self.stream.interface));
        let reader = self.stream.reader().await?;
        let found = reader.find(&wanted).await;
        reader.log.end().await;
        let Some(record) = found? else {
            let (code, stream) = (code::EVENT_UNKNOWN, &reader.stream);
            anyhow::bail!("{code}: `{stream}` has no event `{}`", visible(&self.event, false));
        };
        let sends = reader.store.event_deliveries(&reader.stream, record.position).await?;
        let mut line = shown.line(&record);
        if self.json {
            if let Some(line) = line.as_object_mut() {
                line.insert("deliveries".to_owned(), sends.iter().map(send).collect());
            }
            say(format_args!("{line:#}"))?;
        } else {
            say(human(&line))?;
            if !sends.is_empty() {
                say(format_args!("\n{}", table(&sends)))?;
            }
        }
        Ok(Outcome::Well)
    }

    fn wanted(&self) -> anyhow::Result<Wanted> {
        if let Some(source) = &self.source {
            return Ok(Wanted::Called(record_id(source, &self.event)?));
        }
        match place(&self.event) {
            Some(position) => Ok(Wanted::At(position)),
            None => Ok(Wanted::Called(self.event.parse()?)),
        }
    }
}

impl Reader {
    async fn find(&self, wanted: &Wanted) -> anyhow::Result<Option<Record>> {
        let found = match wanted {
            Wanted::Called(id) if self.at_broker => self.look_for(id).await,
            Wanted::Called(id) => self.log.find(&self.stream, id).await,
            Wanted::At(position) => {
                let Some(after) = position.before() else { return Ok(None) };
                let batch = self.read(after, ReadLimit { records: 1, ..AT_ONCE }).await;
                batch.map(|batch| batch.records.into_iter().find(|record| record.position == *position))
            }
        };
        match found {
            Err(LogError::Ahead { .. }) => Ok(None),
            found => found.map_err(|error| self.told(&error)),
        }
    }

    /// Nobody knows the ids of a stream that was not opened: it is read.
    async fn look_for(&self, id: &EventId) -> Result<Option<Record>, LogError> {
        let mut after = Position::START;
        loop {
            let records = self.read(after, AT_ONCE).await?.records;
            let Some(last) = records.last().map(|record| record.position) else { return Ok(None) };
            after = last;
            if let Some(found) = records.into_iter().find(|record| record.id == *id) {
                return Ok(Some(found));
            }
        }
    }
}

/// One send, as JSON.
fn send(it: &EventDelivery) -> Value {
    json!({
        "subscription": it.label,
        "at": it.attempt.at.to_string(),
        "took_ms": u64::try_from(it.attempt.took.as_millis()).unwrap_or(u64::MAX),
        "status": it.attempt.status,
        "number": it.attempt.number,
        "because": it.attempt.because,
    })
}

/// To whom it was sent, and what came of each send that is kept.
fn table(sends: &[EventDelivery]) -> Table {
    let mut table = Table::new();
    table.load_style(TABLE).set_header(["SENT TO", "AT", "NUMBER", "STATUS", "TOOK", "BECAUSE"]);
    for EventDelivery { label, attempt, .. } in sends {
        table.add_row([
            label.clone(),
            format!("{:.3}", attempt.at),
            attempt.number.to_string(),
            attempt.status.map_or("-".to_owned(), |status| status.to_string()),
            format!("{:.1?}", attempt.took),
            visible(&attempt.because, false),
        ]);
    }
    table
}

/// Its envelope in two columns, and its data below.
fn human(line: &Value) -> String {
    let mut table = Table::new();
    table.load_style(TABLE);
    let mut data = None;
    for (name, value) in line.as_object().into_iter().flatten() {
        match value.as_object() {
            Some(event) => {
                data = event.get("data");
                let attributes = event.iter().filter(|(name, _)| *name != "data");
                table.add_rows(attributes.map(|(name, value)| [format!("  {}", visible(name, false)), text(value)]));
            }
            None => {
                table.add_row([name.clone(), text(value)]);
            }
        }
    }
    let data = data.map(|data| format!("\n\n{}", visible(&format!("{data:#}"), true))).unwrap_or_default();
    format!("{table}{data}")
}

fn text(value: &Value) -> String {
    match value {
        Value::String(text) => visible(text, false),
        Value::Array(items) => items.iter().map(text).collect::<Vec<_>>().join(", "),
        other => visible(&other.to_string(), false),
    }
}

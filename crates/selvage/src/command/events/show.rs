//! `selvage events show`: one event, by where it is or by its id.

use clap::Args;
use comfy_table::Table;
use selvage_log::{EventLog, LogError, SqlLog};
use selvage_model::cloud_event::record_id;
use selvage_model::code;
use selvage_model::event::{EventId, Position, Record};
use serde_json::Value;

use super::sight::Sight;
use super::{AT_ONCE, Stream, before, place, told};
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
        let wanted = self.wanted()?;
        let (_, log) = self.stream.log().await?;
        let found = self.find(&log, &wanted).await;
        log.end().await;
        let Some(record) = found? else {
            let (code, stream) = (code::EVENT_UNKNOWN, &self.stream.interface);
            anyhow::bail!("{code}: `{stream}` has no event `{}`", visible(&self.event, false));
        };
        let line = self.sight.of(&self.stream.interface).line(&record);
        if self.json {
            say(format_args!("{line:#}"))?;
        } else {
            say(human(&line))?;
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

    async fn find(&self, log: &SqlLog, wanted: &Wanted) -> anyhow::Result<Option<Record>> {
        let stream = &self.stream.interface;
        match wanted {
            Wanted::Called(id) => log.find(stream, id).await.map_err(|error| told(&error)),
            Wanted::At(position) => {
                let Some(after) = before(*position) else { return Ok(None) };
                let one = selvage_log::ReadLimit { records: 1, ..AT_ONCE };
                match log.read(stream, after, one).await {
                    Ok(batch) => Ok(batch.records.into_iter().find(|record| record.position == *position)),
                    Err(LogError::Ahead { .. }) => Ok(None),
                    Err(error) => Err(told(&error)),
                }
            }
        }
    }
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

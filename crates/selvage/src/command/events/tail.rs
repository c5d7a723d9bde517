//! `selvage events tail`: events of an interface in order, and those that come.

use std::collections::VecDeque;
use std::time::Duration;

use clap::Args;
use comfy_table::{ColumnConstraint, Table, Width};
use selvage_log::LogError;
use selvage_model::cloud_event::CloudEvent;
use selvage_model::event::{Position, Record};

use super::sight::{Shown, Sight};
use super::{AT_ONCE, Reader, Stream, place, told};
use crate::command::{Outcome, TABLE, heard, until_stopped};
use crate::report::visible;

/// The most of the newest that are listed; more are read from a position on.
const MOST_LAST: u64 = 10_000;
/// How often it is looked whether there is more.
const LOOK_EVERY: Duration = Duration::from_millis(200);
/// The columns, and how wide each is at least: rows that come later stand below those that came before.
const COLUMNS: [(&str, u16); 5] = [("POSITION", 10), ("APPENDED", 22), ("TYPE", 36), ("LANE", 18), ("ID", 2)];

/// Lists events.
#[derive(Args)]
pub(crate) struct Tail {
    #[command(flatten)]
    stream: Stream,
    /// Begins with this position, as `1-42` or as events say it in `sequence`, or with the `oldest`.
    #[arg(long, value_name = "POSITION", value_parser = beginning, conflicts_with = "last")]
    from: Option<Position>,
    /// So many of the newest.
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u64).range(..=MOST_LAST))]
    last: u64,
    /// Goes on with what comes, until it is stopped.
    #[arg(long, short)]
    follow: bool,
    /// Each event as JSON on a line, with its data.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    sight: Sight,
}

/// Prints events.
enum Printer {
    Rows { has_header: bool },
    Json(Shown),
}

impl Tail {
    pub(super) async fn run(self) -> anyhow::Result<Outcome> {
        let printer = match self.json {
            true => Printer::Json(self.sight.of(&self.stream.interface)),
            false => Printer::Rows { has_header: false },
        };
        let (from, last, follow) = (self.from, self.last, self.follow);
        let reader = self.stream.reader().await?;
        let result = tokio::select! {
            result = reader.list(from, last, follow, printer) => result,
            stopped = until_stopped(), if follow => stopped,
        };
        reader.log.end().await;
        result.map(|()| Outcome::Well)
    }
}

impl Reader {
    async fn list(&self, from: Option<Position>, last: u64, follow: bool, mut printer: Printer) -> anyhow::Result<()> {
        let (records, mut after) = match from {
            Some(after) => (Vec::new(), after),
            None => self.newest(last).await?,
        };
        if !printer.print(&records)? {
            return Ok(());
        }
        loop {
            let records = match self.read(after, AT_ONCE).await {
                Ok(batch) => batch.records,
                Err(error) if follow && error.is_transient() => {
                    tracing::warn!("{}: {error}", error.code());
                    Vec::new()
                }
                Err(error) => return Err(self.told(&error)),
            };
            match records.last() {
                Some(last) => after = last.position,
                None if follow => tokio::time::sleep(LOOK_EVERY).await,
                None => return Ok(()),
            }
            if !printer.print(&records)? {
                return Ok(());
            }
        }
    }

    /// The newest events, in order, and after which position more may come.
    async fn newest(&self, most: u64) -> anyhow::Result<(Vec<Record>, Position)> {
        let state = self.store.event_stream(&self.stream).await;
        let head = state.map_err(|error| told(&error.into()))?.head;
        let most = usize::try_from(most)?;
        let mut back = u64::try_from(most)?;
        loop {
            // Offsets that are lost or retired count here as well: then it is looked further back.
            let offset = head.offset().checked_sub(back).filter(|offset| *offset > 0);
            let after = offset.and_then(|offset| Position::new(head.epoch(), offset)).unwrap_or(Position::START);
            match self.last_of(after, most).await {
                Ok(found) if found.len() >= most || after == Position::START => {
                    let last = found.back().map_or(after, |record| record.position);
                    return Ok((found.into(), last));
                }
                Ok(_) => back = back.saturating_mul(4),
                Err(LogError::Retired { .. }) if after != Position::START => back = u64::MAX,
                Err(error) => return Err(self.told(&error)),
            }
        }
    }

    /// The last so many events after a position.
    async fn last_of(&self, mut after: Position, most: usize) -> Result<VecDeque<Record>, LogError> {
        let mut found = VecDeque::new();
        loop {
            let batch = self.read(after, AT_ONCE).await?;
            let Some(last) = batch.records.last().map(|record| record.position) else { return Ok(found) };
            after = last;
            found.extend(batch.records);
            found.drain(..found.len().saturating_sub(most));
        }
    }
}

impl Printer {
    /// Whether somebody still reads.
    fn print(&mut self, records: &[Record]) -> anyhow::Result<bool> {
        match self {
            Self::Json(shown) => {
                for record in records {
                    if !heard(shown.line(record))? {
                        return Ok(false);
                    }
                }
                Ok(true)
            }
            Self::Rows { .. } if records.is_empty() => Ok(true),
            Self::Rows { has_header } => {
                let table = rows(records, !*has_header);
                *has_header = true;
                heard(table)
            }
        }
    }
}

fn rows(records: &[Record], with_header: bool) -> Table {
    let mut table = Table::new();
    table.load_style(TABLE);
    if with_header {
        table.set_header(COLUMNS.map(|(name, _)| name));
    }
    for Record { position, id, lane, appended_at, body } in records {
        let kind = CloudEvent::from_record(body).map_or_else(|_| "(no CloudEvent)".to_owned(), |event| event.kind);
        let [kind, lane, id] = [&kind, lane.as_str(), id.as_str()].map(|text| visible(text, false));
        table.add_row([position.to_string(), format!("{appended_at:.0}"), kind, lane, id]);
    }
    let widths = COLUMNS.map(|(_, width)| ColumnConstraint::LowerBoundary(Width::Fixed(width)));
    table.set_constraints(widths);
    table
}

/// After which position is read, to begin with the one that is meant.
fn beginning(text: &str) -> Result<Position, String> {
    if text == "oldest" {
        return Ok(Position::START);
    }
    let after = place(text).and_then(Position::before);
    after.ok_or_else(|| "this is no position: write `1-42`, the 19 digits of a `sequence`, or `oldest`".to_owned())
}

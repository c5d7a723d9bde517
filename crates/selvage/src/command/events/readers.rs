//! `selvage events readers`: who reads a stream by a cursor, and how far each is; and which groups ended. What the last of those that read
//! has not read, retention does not take.

use clap::Args;
use comfy_table::Table;
use jiff::{SignedDuration, Timestamp};
use selvage_log::Standing;
use selvage_model::event::ReaderName;
use selvage_model::pull::EndedGroup;
use selvage_store::Cursor;
use serde_json::{Value, json};

use super::Stream;
use crate::command::{Outcome, TABLE, heard};

/// How a reader stands that has a cursor.
const READS: &str = "reads";

/// Lists who reads an interface's events by a cursor.
#[derive(Args)]
pub(crate) struct Readers {
    #[command(flatten)]
    stream: Stream,
    /// As JSON.
    #[arg(long)]
    json: bool,
}

impl Readers {
    pub(super) async fn run(self) -> anyhow::Result<Outcome> {
        let reader = self.stream.reader().await?;
        let cursors = reader.store.cursors(&reader.stream).await;
        let cursors = cursors.map_err(|error| anyhow::anyhow!("{}: {error}", error.code()))?;
        let mut standings = Vec::with_capacity(cursors.len());
        for cursor in cursors {
            standings.push(reader.standing(cursor).await?);
        }
        let ended = reader.store.ended_groups(&reader.stream).await;
        let ended = ended.map_err(|error| anyhow::anyhow!("{}: {error}", error.code()))?;
        reader.log.end().await;
        let text = match self.json {
            true => Value::from_iter(standings.iter().map(shown).chain(ended.iter().map(shown_ended))).to_string(),
            false => table(&standings, &ended),
        };
        heard(text).map(|_| Outcome::Well)
    }
}

fn shown(standing: &Standing) -> Value {
    json!({
        "reader": standing.cursor.reader.as_str(),
        "position": standing.cursor.position.to_string(),
        "head": standing.head.to_string(),
        "unread_since": standing.unread_since.map(|since| since.to_string()),
        "node": standing.cursor.node,
        "trouble": standing.trouble,
        "state": READS,
    })
}

fn shown_ended((reader, ended): &(ReaderName, EndedGroup)) -> Value {
    json!({
        "reader": reader.as_str(),
        "position": ended.position.to_string(),
        "state": "ended",
        "ended_at": ended.at.to_string(),
        "because": ended.because,
    })
}

fn table(standings: &[Standing], ended: &[(ReaderName, EndedGroup)]) -> String {
    if standings.is_empty() && ended.is_empty() {
        return "nobody reads it by a cursor".to_owned();
    }
    let mut table = Table::new();
    table.load_style(TABLE);
    table.set_header(["READER", "POSITION", "HEAD", "BEHIND FOR", "NODE", "STATE"]);
    let now = Timestamp::now();
    for standing in standings {
        let behind = match (&standing.trouble, standing.unread_since) {
            (Some(trouble), _) => trouble.clone(),
            (None, Some(since)) => format!("{:#}", SignedDuration::from_secs(now.duration_since(since).as_secs())),
            (None, None) => "-".to_owned(),
        };
        let Cursor { reader, position, node } = &standing.cursor;
        let [position, head] = [position, &standing.head].map(ToString::to_string);
        table.add_row([reader.to_string(), position, head, behind, node.clone(), READS.to_owned()]);
    }
    for (reader, EndedGroup { position, at, because }) in ended {
        let state = format!("ended at {at:.0}: {because}");
        let [none, behind, node] = ["-"; 3].map(str::to_owned);
        table.add_row([reader.to_string(), position.to_string(), none, behind, node, state]);
    }
    table.to_string()
}

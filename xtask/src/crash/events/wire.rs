//! What is asked of the node that is tried, and what it answers: one line of JSON each, over a local socket.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::UnixStream;
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};

/// Longer than an append may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// What a client asks.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) enum Ask {
    /// Whether something was lost when the stream was opened.
    Opened,
    /// To keep the event of a producer with this number.
    Append { producer: usize, number: u64 },
    /// To take a reader's cursor, for so many milliseconds.
    Take { reader: String, lease: u64 },
    /// What comes after a position.
    Read { after: String },
    /// To move a reader's cursor.
    Move { reader: String, fence: i64, to: String },
}

/// What the node answers.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) enum Reply {
    /// What was lost, and the last position.
    Opened { gap: Option<String>, head: String },
    /// It is on stable storage.
    Kept { position: String },
    /// The cursor is at a position.
    Taken { position: String, fence: i64 },
    /// Another has it.
    Held,
    /// In order.
    Events(Vec<Event>),
    /// The cursor was moved.
    Moved,
    /// It was not done; the code says why.
    Refused { code: String, reason: String },
}

/// An event as it is read again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Event {
    /// Where.
    pub(super) position: String,
    /// The producer, which is the lane too.
    pub(super) producer: usize,
    /// Its number.
    pub(super) number: u64,
}

/// A connection to a node.
pub(super) struct Client {
    answers: BufReader<OwnedReadHalf>,
    asks: OwnedWriteHalf,
}

impl Client {
    pub(super) async fn connect(socket: &Path) -> Result<Self> {
        let (answers, asks) = UnixStream::connect(socket).await?.into_split();
        Ok(Self { answers: BufReader::new(answers), asks })
    }

    pub(super) async fn ask(&mut self, ask: &Ask) -> Result<Reply> {
        let mut line = serde_json::to_vec(ask)?;
        line.push(b'\n');
        let asking = async {
            self.asks.write_all(&line).await?;
            let mut answer = String::new();
            if self.answers.read_line(&mut answer).await? == 0 {
                bail!("the node is gone");
            }
            serde_json::from_str(&answer).context("the node's answer")
        };
        tokio::time::timeout(PATIENCE, asking).await.context("the node does not answer")?
    }
}

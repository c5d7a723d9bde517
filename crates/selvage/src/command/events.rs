//! `selvage events`: what the log has of an interface, for whoever is on call. It reads beside the nodes, and at their broker: it opens no
//! stream, moves no cursor, and appends nothing; only a group that nobody reads in any more is forgotten where a person says so.

mod forget;
mod readers;
mod show;
pub(super) mod sight;
mod tail;

use clap::{Args, Subcommand};
use selvage_log::{Batch, Edge, EventLog, JetStreamLog, LogError, ReadLimit, SqlLog, Standing, lanes_absent};
use selvage_model::event::{LaneKey, Position, Sequence};
use selvage_model::name::InterfaceRef;
use selvage_store::{Cursor, Store};

use super::broker::Broker;
use super::{Outcome, StoreChoice};

/// How much is read at a time.
const AT_ONCE: ReadLimit = ReadLimit { records: 200, bytes: 4_000_000 };
/// How many digits `sequence` has.
const SEQUENCE_DIGITS: usize = 19;

/// Shows the events that the log has.
#[derive(Subcommand)]
pub(crate) enum Events {
    /// Lists the newest events of an interface, or those from a position on.
    Tail(tail::Tail),
    /// Shows one event.
    Show(show::Show),
    /// Lists who reads an interface by a cursor, and how far each is.
    Readers(readers::Readers),
    /// Forgets a group of a consumer, so that retention waits no longer for it.
    Forget(forget::Forget),
}

/// Which stream, and where the log is.
#[derive(Args)]
struct Stream {
    /// The interface, as `work-order-events@1`.
    #[arg(value_parser = interface)]
    interface: InterfaceRef,
    #[command(flatten)]
    store: StoreChoice,
    #[command(flatten)]
    broker: Broker,
}

/// A stream of the log, for reading.
pub(super) struct Reader {
    stream: InterfaceRef,
    store: Store,
    log: Box<dyn EventLog>,
    at_broker: bool,
}

impl Events {
    /// Runs the subcommand.
    pub(crate) async fn run(self) -> anyhow::Result<Outcome> {
        match self {
            Self::Tail(tail) => tail.run().await,
            Self::Show(show) => show.run().await,
            Self::Readers(readers) => readers.run().await,
            Self::Forget(forget) => forget.run().await,
        }
    }
}

impl Stream {
    /// Where nodes keep it.
    async fn reader(self) -> anyhow::Result<Reader> {
        Reader::over(self.interface, self.store.existing().await?, self.broker).await
    }
}

impl Reader {
    /// Of an interface, in the store or at the broker that is named.
    pub(super) async fn over(stream: InterfaceRef, store: Store, broker: Broker) -> anyhow::Result<Self> {
        let broker = broker.config()?;
        let at_broker = broker.is_some();
        let log: Box<dyn EventLog> = match broker {
            None => Box::new(SqlLog::new(store.clone(), None).map_err(|error| told(&error))?),
            Some(broker) => {
                let log = JetStreamLog::connect(&broker, store.clone()).await.map_err(|error| told(&error))?;
                log.look_at(&stream).await.map_err(|error| told(&error))?;
                Box::new(log)
            }
        };
        Ok(Self { stream, store, log, at_broker })
    }

    /// After which position a range begins, and with which it ends.
    pub(super) async fn range(&self, from: Edge, to: Option<Edge>) -> anyhow::Result<(Position, Option<Position>)> {
        let after = from.begins_after(&*self.log, &self.stream).await.map_err(|error| self.told(&error))?;
        let through = match to {
            Some(to) => Some(to.ends_with(&*self.log, &self.stream).await.map_err(|error| self.told(&error))?),
            None => None,
        };
        Ok((after, through))
    }

    /// Those of these lanes that surely have no event in a range.
    pub(super) async fn without(
        &self,
        range: (Position, Option<Position>),
        lanes: &[LaneKey],
    ) -> anyhow::Result<Vec<LaneKey>> {
        lanes_absent(&*self.log, &self.stream, range, lanes).await.map_err(|error| self.told(&error))
    }

    /// How far a reader is.
    async fn standing(&self, cursor: Cursor) -> anyhow::Result<Standing> {
        Standing::of(&*self.log, &self.stream, cursor).await.map_err(|error| self.told(&error))
    }

    /// Finishes with the log.
    pub(super) async fn end(self) {
        self.log.end().await;
    }

    async fn read(&self, after: Position, limit: ReadLimit) -> Result<Batch, LogError> {
        self.log.read(&self.stream, after, limit).await
    }

    /// What is wrong, and what may be behind it.
    fn told(&self, error: &LogError) -> anyhow::Error {
        match error {
            LogError::Missing { .. } if !self.at_broker => {
                let hint = "where nodes keep events at a broker, say here as well with --events where it is";
                anyhow::anyhow!("{}: {error}; {hint}", error.code())
            }
            error => told(error),
        }
    }
}

/// A position as the commands print it, or as events carry it in `sequence`.
fn place(text: &str) -> Option<Position> {
    let is_sequence = text.len() == SEQUENCE_DIGITS && text.bytes().all(|byte| byte.is_ascii_digit());
    if is_sequence { text.parse().ok().and_then(Sequence::position) } else { text.parse().ok() }
}

fn interface(text: &str) -> Result<InterfaceRef, String> {
    text.parse().map_err(|_| "this is no interface: write `work-order-events@1`".to_owned())
}

fn told(error: &LogError) -> anyhow::Error {
    anyhow::anyhow!("{}: {error}", error.code())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places() {
        let at = |epoch, offset| Position::new(epoch, offset);
        for (text, expected) in [
            ("1-42", at(1, 42)),
            ("0001000000000000042", at(1, 42)),
            ("1000000000000042", None),
            ("1-", None),
            ("/mes#1-42", None),
        ] {
            assert_eq!(place(text), expected, "{text}");
        }
        assert_eq!(Position::new(2, 10).unwrap().before(), at(2, 9));
        assert_eq!(Position::START.before(), None);
    }
}

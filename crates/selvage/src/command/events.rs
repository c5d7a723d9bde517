//! `selvage events`: what the log has of an interface, for whoever is on call. It reads beside the nodes, through the store: it opens no
//! stream, moves no cursor, and appends nothing.

mod readers;
mod show;
mod sight;
mod tail;

use clap::{Args, Subcommand};
use selvage_log::{LogError, ReadLimit, SqlLog};
use selvage_model::event::{Position, Sequence};
use selvage_model::name::InterfaceRef;
use selvage_store::Store;

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
}

/// Which stream, and where the log is.
#[derive(Args)]
struct Stream {
    /// The interface, as `work-order-events@1`.
    #[arg(value_parser = interface)]
    interface: InterfaceRef,
    #[command(flatten)]
    store: StoreChoice,
}

impl Events {
    /// Runs the subcommand.
    pub(crate) async fn run(self) -> anyhow::Result<Outcome> {
        match self {
            Self::Tail(tail) => tail.run().await,
            Self::Show(show) => show.run().await,
            Self::Readers(readers) => readers.run().await,
        }
    }
}

impl Stream {
    /// The log, for reading.
    async fn log(&self) -> anyhow::Result<(Store, SqlLog)> {
        let store = self.store.open().await?;
        let log = SqlLog::new(store.clone(), None).map_err(|error| told(&error))?;
        Ok((store, log))
    }
}

/// What a reader has read who reads on with this position.
fn before(position: Position) -> Option<Position> {
    Position::new(position.epoch(), position.offset().checked_sub(1)?)
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
        assert_eq!(before(Position::new(2, 10).unwrap()), at(2, 9));
        assert_eq!(before(Position::START), None);
    }
}

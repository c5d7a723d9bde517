//! The last position of each open stream, as far as this process knows, and who waits for the next. Never asks anybody.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use selvage_model::event::Position;
use selvage_model::name::InterfaceRef;
use tokio::sync::watch;

use crate::error::LogError;

#[derive(Default)]
pub(crate) struct Heads(Mutex<HashMap<InterfaceRef, watch::Sender<Position>>>);

impl Heads {
    /// A stream that was opened.
    pub(crate) fn open(&self, stream: &InterfaceRef, head: Position) {
        self.lock().entry(stream.clone()).or_insert_with(|| watch::Sender::new(head)).send_if_modified(raise(head));
    }

    /// Whether the stream was opened.
    pub(crate) fn opened(&self, stream: &InterfaceRef) -> Result<(), LogError> {
        match self.lock().contains_key(stream) {
            true => Ok(()),
            false => Err(LogError::Unopened { stream: stream.clone() }),
        }
    }

    /// Wakes who waits for less.
    pub(crate) fn raise(&self, stream: &InterfaceRef, head: Position) {
        if let Some(sender) = self.lock().get(stream) {
            sender.send_if_modified(raise(head));
        }
    }

    /// The last position that is known here.
    pub(crate) fn last(&self, stream: &InterfaceRef) -> Position {
        self.lock().get(stream).map_or(Position::START, |sender| *sender.borrow())
    }

    /// A stream that lost its end: what is known of it now is less.
    pub(crate) fn reset(&self, stream: &InterfaceRef, last: Position) {
        if let Some(sender) = self.lock().get(stream) {
            sender.send_replace(last);
        }
    }

    /// The streams at which somebody waits.
    pub(crate) fn awaited_streams(&self) -> Vec<InterfaceRef> {
        let heads = self.lock();
        let awaited = heads.iter().filter(|(_, sender)| sender.receiver_count() > 0);
        awaited.map(|(stream, _)| stream.clone()).collect()
    }

    /// Waits for a position after this one.
    pub(crate) async fn wait(&self, stream: &InterfaceRef, after: Position) -> Result<Position, LogError> {
        let unopened = || LogError::Unopened { stream: stream.clone() };
        let mut receiver = self.lock().get(stream).map(watch::Sender::subscribe).ok_or_else(unopened)?;
        let head = receiver.wait_for(|head| *head > after).await;
        head.map(|head| *head).map_err(|_| LogError::unavailable("the log has ended"))
    }

    /// Forgets every stream; who waits is told.
    pub(crate) fn end(&self) {
        self.lock().clear();
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<InterfaceRef, watch::Sender<Position>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn raise(head: Position) -> impl FnOnce(&mut Position) -> bool {
    move |known| {
        let later = head > *known;
        if later {
            *known = head;
        }
        later
    }
}

//! Events as a stream of server-sent events: asked for page by page, so that nobody who reads slowly is read ahead for, cut when
//! the right to it ends or is narrowed, and ended with the reason when a brownout begins. INVARIANT: REVOKED-NOW, LIVE-LIFECYCLE

use std::fmt::Write as _;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use selvage_model::event::Position;
use selvage_model::problem::Problem;
use selvage_model::pull::{Page, Pull, PullAsk, Pulled};

use super::lost;
use crate::body::Broken;
use crate::held::Held;
use crate::mediation::{BoxFuture, Mediation};

/// A stream, at some position.
pub(crate) struct EventStream {
    mediation: Arc<dyn Mediation>,
    /// What is asked next.
    pull: Pull,
    pulling: Option<BoxFuture<'static, Pulled>>,
    held: Rc<Held>,
    correlation: String,
    ends: bool,
}

impl EventStream {
    pub(crate) fn new(mediation: Arc<dyn Mediation>, pull: Pull, held: Rc<Held>, correlation: String) -> Self {
        Self { mediation, pull, pulling: None, held, correlation, ends: false }
    }

    /// The next of it.
    pub(crate) fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, Broken>>> {
        if self.held.has_ended() {
            return Poll::Ready(Some(Err(Broken::Revoked)));
        }
        // A node that ends lets its clients go on at another.
        if self.ends || self.held.is_draining() {
            return Poll::Ready(None);
        }
        if let Some(problem) = self.held.pauses() {
            return Poll::Ready(Some(Ok(self.ending(&problem, self.position()).into())));
        }
        let pulling = self.pulling.get_or_insert_with(|| self.mediation.pull(self.pull.clone()));
        let Poll::Ready(pulled) = pulling.as_mut().poll(cx) else {
            self.held.wait(cx);
            return Poll::Pending;
        };
        self.pulling = None;
        let text = match pulled {
            Pulled::Page(page) => {
                if let PullAsk::Events(events) = &mut self.pull.ask {
                    events.after = page.next;
                }
                told(&page)
            }
            Pulled::Refused { problem, next } => self.ending(&problem, next),
            Pulled::Leased { .. } | Pulled::Done => return Poll::Ready(None),
        };
        Poll::Ready(Some(Ok(text.into())))
    }

    /// Says why it ends, from where to go on, and after how long where that is known.
    fn ending(&mut self, problem: &Problem, next: Option<Position>) -> String {
        self.ends = true;
        let next = next.map(|next| format!("id: {next}\n")).unwrap_or_default();
        let retry = problem.retry_after.map(|seconds| format!("retry: {}\n", u64::from(seconds) * 1_000));
        let retry = retry.unwrap_or_default();
        format!("event: problem\n{next}{retry}data: {}\n\n", problem.body(&self.correlation))
    }

    /// Behind what was told last; none where it is told from the oldest, and nothing was.
    fn position(&self) -> Option<Position> {
        match &self.pull.ask {
            PullAsk::Events(events) => Some(events.after).filter(|after| *after != Position::START),
            _ => None,
        }
    }
}

/// Each event by its position; a page without any says that the stream is alive, and how far it is.
fn told(page: &Page) -> String {
    let mut text = String::new();
    for gap in &page.lost {
        // Without an `id`: who is cut off here is told again.
        let _ = write!(text, "event: lost\ndata: {}\n\n", lost(gap));
    }
    for (position, event) in &page.events {
        // A line of JSON holds no end of a line.
        let _ = write!(text, "id: {position}\ndata: {event}\n\n");
    }
    if page.events.is_empty() {
        let _ = write!(text, ":\nid: {}\n\n", page.next);
    }
    text
}

#[cfg(test)]
mod tests {
    use selvage_model::event::Gap;
    use serde_json::json;

    use super::*;

    #[test]
    fn how_a_page_is_told() {
        let position = |text: &str| text.parse().unwrap();
        let events = vec![(position("1-2"), json!({"id": "a\nb"})), (position("1-4"), json!({"id": "c"}))];
        let page = Page { events, next: position("1-5"), head: position("1-5"), lost: Vec::new() };
        assert_eq!(told(&page), "id: 1-2\ndata: {\"id\":\"a\\nb\"}\n\nid: 1-4\ndata: {\"id\":\"c\"}\n\n");
        let none = Page { events: Vec::new(), ..page };
        assert_eq!(told(&none), ":\nid: 1-5\n\n");
        let gap = Gap { stream: "a@1".parse().unwrap(), after: position("1-4"), until: 7, epoch: 2 };
        let past = Page { next: position("2-8"), lost: vec![gap], ..none };
        let begins = "event: lost\ndata: {\"code\":\"FAB7012\",\"after\":\"1-4\",\"until\":7,\"epoch\":2,\"detail\":\"`a@1` lost";
        assert!(told(&past).starts_with(begins) && told(&past).ends_with("\n\n:\nid: 2-8\n\n"), "{}", told(&past));
    }
}

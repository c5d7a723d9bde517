//! Events of the log over HTTP, for whoever is on call: the newest, those from a position on, or one. It moves no cursor. Data is shown
//! to who answers for the interface, and only where it is asked for; what has a class is masked there, too.

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use selvage_log::{LogError, ReadLimit};
use selvage_model::cloud_event::record_id;
use selvage_model::code::{self, Code};
use selvage_model::event::{Position, Record};
use selvage_model::name::InterfaceRef;
use selvage_model::problem::Problem;
use selvage_model::sight::{Hidden, Sight};
use selvage_store::{EventDelivery, StoreError, StreamState};
use serde::Deserialize;
use serde_json::{Value, json};

use super::Api;
use super::answer::{Answer, problem, told, unfit};
use super::request::{Asked, At, Operator};
use super::route::{Route, query};

/// Events of the log.
pub(super) fn routes() -> Vec<Route> {
    vec![
        Route::get("/events/{interface}", tail)
            .says(
                "lanes",
                "tailEvents",
                "Events after a position, or the newest; data for who answers for the interface",
            )
            .asks([
                query("after", "Position", "After this position."),
                query("limit", "Limit", "At most so many."),
                query("data", "Flag", "With their data."),
            ])
            .gives("The events.", "Events")
            .refuses(&[
                code::NOT_IN_STORE,
                code::API_FORBIDDEN,
                code::STREAM_UNOPENED,
                code::POSITION_AHEAD,
                code::EVENTS_RETIRED,
            ]),
        Route::get("/events/{interface}/{position}", show)
            .says("lanes", "getEvent", "One event, with to whom it was sent; data for who answers for the interface")
            .asks([query("data", "Flag", "With its data.")])
            .gives("The event.", "EventDetail")
            .refuses(NO_EVENT),
        Route::get("/events/{interface}/by-id", called)
            .says("lanes", "findEvent", "The same, found by its id")
            .asks([
                query("id", "EventId", "As the log has it or, where `source` is said, as its producer gave it.")
                    .needed(),
                query("source", "Words", "The event's `source`."),
                query("data", "Flag", "With its data."),
            ])
            .gives("The event.", "EventDetail")
            .refuses(NO_EVENT),
        Route::get("/events/{interface}/{position}/deliveries", deliveries)
            .says("lanes", "listEventDeliveries", "To whom one event was sent, and what came of each send that is kept")
            .lists("The sends, by subscription.", "EventDelivery"),
    ]
}

/// Why one event is not shown.
const NO_EVENT: &[Code] =
    &[code::NOT_IN_STORE, code::API_FORBIDDEN, code::STREAM_UNOPENED, code::EVENT_UNKNOWN, code::EVENTS_RETIRED];

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct With {
    #[serde(default)]
    data: bool,
}

/// The event at a position.
async fn show(
    State(api): State<Api>,
    operator: Operator,
    At((interface, position)): At<(InterfaceRef, Position)>,
    Asked(With { data }): Asked<With>,
) -> Answer {
    let sight = api.sight(&operator, &interface, data).await?;
    let Some(after) = position.before() else { return Err(unknown(&interface, &position.to_string()).into()) };
    let one = ReadLimit { records: 1, bytes: MOST_BYTES };
    let found = match api.governance.log.read(&interface, after, one).await {
        Ok(batch) => batch.records.into_iter().find(|record| record.position == position),
        Err(LogError::Ahead { .. }) => None,
        Err(error) => return Err(refused(&error).into()),
    };
    let found = found.ok_or_else(|| unknown(&interface, &position.to_string()))?;
    api.detail(&interface, &found, sight.as_ref()).await
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Called {
    id: String,
    source: Option<String>,
    #[serde(default)]
    data: bool,
}

/// The event with an id.
async fn called(
    State(api): State<Api>,
    operator: Operator,
    At(interface): At<InterfaceRef>,
    Asked(Called { id, source, data }): Asked<Called>,
) -> Answer {
    let sight = api.sight(&operator, &interface, data).await?;
    let wanted = match &source {
        Some(source) => record_id(source, &id),
        None => id.parse(),
    };
    let wanted = wanted.map_err(|_| unknown(&interface, &id))?;
    let found = api.governance.log.find(&interface, &wanted).await.map_err(|error| refused(&error))?;
    let found = found.ok_or_else(|| unknown(&interface, &id))?;
    api.detail(&interface, &found, sight.as_ref()).await
}

impl Api {
    /// What may be seen of the data of an interface's events, where it is asked for: by who answers for the interface alone.
    async fn sight(
        &self,
        operator: &Operator,
        interface: &InterfaceRef,
        data: bool,
    ) -> Result<Option<Sight>, Response> {
        if !data {
            return Ok(None);
        }
        self.may_operate(operator, interface).await?;
        Ok(Some(Sight::of(&*self.fabric().await, interface)))
    }

    /// An event, with to whom it was sent.
    async fn detail(&self, interface: &InterfaceRef, record: &Record, sight: Option<&Sight>) -> Answer {
        let sends = self.governance.store.event_deliveries(interface, record.position).await?;
        let mut shown = event(record, sight);
        if let Some(shown) = shown.as_object_mut() {
            shown.insert("deliveries".to_owned(), sends.iter().map(send).collect());
        }
        Ok(Json(shown).into_response())
    }
}

fn unknown(interface: &InterfaceRef, event: &str) -> Response {
    let detail = format!("`{interface}` has no event `{}`", event.escape_debug());
    problem(&Problem::new(404, code::EVENT_UNKNOWN, detail))
}

/// To whom one event was sent. A thousand deliveries of each subscription are kept, and every send of what did not arrive at once.
async fn deliveries(
    State(api): State<Api>,
    _operator: Operator,
    At((interface, position)): At<(InterfaceRef, Position)>,
) -> Response {
    match api.governance.store.event_deliveries(&interface, position).await {
        Ok(sends) => Json(json!({"items": sends.iter().map(send).collect::<Vec<_>>()})).into_response(),
        Err(error) => told(&error.into()),
    }
}

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

/// Most events of one answer.
const MOST: u64 = 200;
const MOST_BYTES: usize = 4_000_000;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct From {
    /// After this position, as `1-42`.
    after: Option<Position>,
    limit: Option<u64>,
    #[serde(default)]
    data: bool,
}

/// Events after a position, or the newest.
pub(super) async fn tail(
    State(api): State<Api>,
    operator: Operator,
    At(interface): At<InterfaceRef>,
    Asked(from): Asked<From>,
) -> Response {
    let sight = match api.sight(&operator, &interface, from.data).await {
        Ok(sight) => sight,
        Err(refused) => return refused,
    };
    let limit = from.limit.unwrap_or(20);
    if !(1..=MOST).contains(&limit) {
        return unfit(format!("`limit` is 1 to {MOST}"));
    }
    let after = match from.after {
        Some(after) => after,
        None => match api.governance.store.event_stream(&interface).await {
            Ok(state) => newest(&state, limit),
            Err(error) => return told(&error.into()),
        },
    };
    let read = ReadLimit { records: usize::try_from(limit).unwrap_or(1), bytes: MOST_BYTES };
    match api.governance.log.read(&interface, after, read).await {
        Ok(batch) => {
            let items: Vec<Value> = batch.records.iter().map(|record| event(record, sight.as_ref())).collect();
            let next = batch.records.last().map_or(after, |record| record.position);
            Json(json!({"items": items, "next": next.to_string(), "head": batch.head.to_string()})).into_response()
        }
        Err(error) => refused(&error),
    }
}

/// After which position the newest so many stand. Where some of them are retired, what is left begins there.
fn newest(state: &StreamState, limit: u64) -> Position {
    let head = state.head;
    let offset = head.offset().saturating_sub(limit).max(state.retired_to);
    Some(offset).filter(|it| *it > 0).and_then(|it| Position::new(head.epoch(), it)).unwrap_or(Position::START)
}

/// An event as the API shows it: its envelope, and what may be seen of its data where that is asked for.
fn event(record: &Record, sight: Option<&Sight>) -> Value {
    let mut envelope = serde_json::from_slice::<Value>(&record.body).unwrap_or(Value::Null);
    let hidden = match (envelope.as_object_mut(), sight) {
        (Some(envelope), Some(sight)) => sight.hide_in(envelope),
        (Some(envelope), None) => {
            envelope.remove("data");
            envelope.remove("data_base64");
            Hidden::Nothing
        }
        (None, _) => Hidden::Nothing,
    };
    let mut shown = json!({
        "position": record.position.to_string(),
        "appended": record.appended_at.to_string(),
        "lane": record.lane.as_str(),
        "record_id": record.id.as_str(),
        "event": envelope,
    });
    tell_hidden(&mut shown, hidden);
    shown
}

/// Says what is not shown, where anything is not.
pub(super) fn tell_hidden(shown: &mut Value, hidden: Hidden) {
    let (name, what) = match hidden {
        Hidden::Nothing => return,
        Hidden::Masked(places) => ("masked", json!(places)),
        Hidden::Data => ("withheld", json!("what runs here does not say which of its data has a class")),
    };
    if let Some(shown) = shown.as_object_mut() {
        shown.insert(name.to_owned(), what);
    }
}

/// What the log says no with.
pub(super) fn refused(error: &LogError) -> Response {
    problem(&Problem::new(status(error), error.code(), error.to_string()))
}

fn status(error: &LogError) -> u16 {
    match error {
        LogError::Unopened { .. } | LogError::Ahead { .. } | LogError::Store(StoreError::NotFound { .. }) => 404,
        LogError::Retired { .. } => 410,
        // Nobody looked: whether the stream is there is not known.
        LogError::BrokerUnsafe { .. } | LogError::BrokerUnfit { .. } => 503,
        error if error.is_transient() => 503,
        _ => 500,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may fail loudly")]
mod tests {
    use super::*;

    #[test]
    fn what_nobody_looked_for_is_not_missing() {
        let stream: InterfaceRef = "orders@1".parse().unwrap();
        let reason = || "`sync_interval` is not `always`".to_owned();
        for (error, expected) in [
            (LogError::BrokerUnsafe { reason: reason() }, 503),
            (LogError::BrokerUnfit { reason: reason() }, 503),
            (LogError::Unavailable { reason: reason(), source: None }, 503),
            (LogError::Unopened { stream: stream.clone() }, 404),
            (LogError::Retired { stream: stream.clone(), from: 1, to: 2 }, 410),
            (LogError::Missing { stream, from: 1, to: 2 }, 500),
        ] {
            assert_eq!((status(&error), refused(&error).status().as_u16()), (expected, expected), "{error}");
        }
    }

    #[test]
    fn the_newest_begin_where_retention_left_something() {
        for (head, retired_to, limit, expected) in
            [(0, 0, 20, "0-0"), (5, 0, 20, "0-0"), (50, 0, 20, "2-30"), (50, 40, 20, "2-40"), (50, 50, 20, "2-50")]
        {
            let state = StreamState { head: Position::new(2, head).unwrap(), retired_to, bytes: 0 };
            assert_eq!(newest(&state, limit).to_string(), expected, "{head} {retired_to} {limit}");
        }
    }
}

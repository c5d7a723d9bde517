//! Events of the log over HTTP, for whoever is on call: the newest, those from a position on, or one. It moves no cursor. Data is shown
//! to who answers for the interface, and only where it is asked for; what has a class is masked there, too.

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use selvage_log::{LogError, ReadLimit};
use selvage_model::code;
use selvage_model::event::{Position, Record};
use selvage_model::name::InterfaceRef;
use selvage_model::problem::Problem;
use selvage_model::sight::{Hidden, Sight};
use selvage_store::{EventDelivery, StoreError, StreamState};
use serde::Deserialize;
use serde_json::{Value, json};

use super::Api;
use super::answer::{problem, told, unfit};
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
        Route::get("/events/{interface}/{position}/deliveries", deliveries)
            .says("lanes", "listEventDeliveries", "To whom one event was sent, and what came of each send that is kept")
            .lists("The sends, by subscription.", "EventDelivery"),
    ]
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
    if from.data
        && let Err(refused) = api.may_operate(&operator, &interface).await
    {
        return refused;
    }
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
    let sight = match from.data {
        true => Some(Sight::of(&*api.fabric().await, &interface)),
        false => None,
    };
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

fn refused(error: &LogError) -> Response {
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

//! Who reads an interface's events by a cursor, over HTTP: how far each is, which groups ended, and the word of who answers for either side
//! that a group reads no more. What the last reader has not read, retention does not take.

use axum::extract::State;
use selvage_log::Standing;
use selvage_model::code;
use selvage_model::event::ReaderName;
use selvage_model::name::{ConsumerName, InterfaceRef};
use selvage_model::pull::EndedGroup;
use selvage_store::Word;
use serde::Deserialize;
use serde_json::{Value, json};

use super::Api;
use super::answer::{Answer, listed, unfit};
use super::events::refused;
use super::request::{At, Body, Line, Operator};
use super::route::{Route, Who};

/// Readers.
pub(super) fn routes() -> Vec<Route> {
    vec![
        Route::get("/events/{interface}/readers", list)
            .says(
                "lanes",
                "listReaders",
                "Who reads an interface's events by a cursor, how far each is, and which groups ended",
            )
            .lists("The readers.", "Reader")
            .refuses(&[code::NOT_IN_STORE, code::STREAM_UNOPENED]),
        Route::post("/events/{interface}/readers/forget", forget)
            .says("lanes", "forgetReader", "Forget a group of a consumer, so that retention waits no longer for it")
            .may(Who::EitherSide)
            .takes("ForgottenReader")
            .lists("The readers that are left.", "Reader")
            .refuses(&[code::NOT_IN_STORE, code::API_FORBIDDEN, code::STREAM_UNOPENED]),
    ]
}

/// Readers of an interface, and groups that ended.
async fn list(State(api): State<Api>, _operator: Operator, At(interface): At<InterfaceRef>) -> Answer {
    all(&api, &interface).await
}

async fn all(api: &Api, interface: &InterfaceRef) -> Answer {
    let (store, log) = (&api.governance.store, &*api.governance.log);
    let mut readers = Vec::new();
    for cursor in store.cursors(interface).await? {
        readers.push(reads(&Standing::of(log, interface, cursor).await.map_err(|error| refused(&error))?));
    }
    let ended = store.ended_groups(interface).await?;
    readers.extend(ended.iter().map(|(reader, group)| ended_then(reader, group)));
    Ok(listed(readers.into_iter()))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Forgotten {
    /// As the list has it: `group/planning/boards`.
    reader: String,
    because: Line,
}

/// Forgets a group: a subscription ends by its own step, and what waits in a lane when nothing does.
async fn forget(
    State(api): State<Api>,
    operator: Operator,
    At(interface): At<InterfaceRef>,
    Body(Forgotten { reader, because: Line(because) }): Body<Forgotten>,
) -> Answer {
    let (reader, consumer) = group(&reader).ok_or_else(|| {
        unfit(
            "`reader` is a group as the list has it: `group/planning/boards`; a subscription ends by its own step"
                .to_owned(),
        )
    })?;
    api.must_answer(&operator, &consumer, &interface).await?;
    let word = Word { by: &operator.0, because: &because };
    api.governance.store.forget_reader(&interface, &reader, word).await?;
    all(&api, &interface).await
}

/// A group's reader, and whose group it is.
fn group(text: &str) -> Option<(ReaderName, ConsumerName)> {
    let reader: ReaderName = text.parse().ok()?;
    let consumer = reader.of_group()?;
    Some((reader, consumer))
}

fn reads(it: &Standing) -> Value {
    json!({
        "reader": it.cursor.reader.as_str(),
        "state": "reads",
        "position": it.cursor.position.to_string(),
        "head": it.head.to_string(),
        "unread_since": it.unread_since.map(|since| since.to_string()),
        "node": Some(&it.cursor.node).filter(|node| !node.is_empty()),
        "because": it.trouble,
        "ended": null,
    })
}

fn ended_then(reader: &ReaderName, it: &EndedGroup) -> Value {
    json!({
        "reader": reader.as_str(),
        "state": "ended",
        "position": it.position.to_string(),
        "head": null,
        "unread_since": null,
        "node": null,
        "because": it.because,
        "ended": it.at.to_string(),
    })
}

#[cfg(test)]
mod tests {
    use super::group;

    #[test]
    fn groups_alone_are_forgotten_and_say_whose_they_are() {
        let named = |text: &str| group(text).map(|(reader, consumer)| (reader.to_string(), consumer.to_string()));
        assert_eq!(named("group/planning/boards"), Some(("group/planning/boards".to_owned(), "planning".to_owned())));
        for text in ["subscription/planning/boards", "group/planning", "group//boards", "group/No Body/boards", ""] {
            assert_eq!(named(text), None, "{text}");
        }
    }
}

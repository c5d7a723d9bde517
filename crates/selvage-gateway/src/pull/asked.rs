//! What a request asks of an event interface: parameters of pulling, and bodies of requests about groups. Pure; every mistake is told
//! at once.

use std::time::Duration;

use http::{HeaderMap, Method, header};
use selvage_model::code;
use selvage_model::event::{Position, Sequence};
use selvage_model::name::DomainName;
use selvage_model::problem::{FieldError, ParameterError, Problem};
use selvage_model::pull::{Events, LONGEST_LEASE, LONGEST_WAIT, MOST_EVENTS, PullAsk, Start};
use selvage_model::scalar;
use serde_json::{Map, Value};

/// What is given where a request does not say.
const EVENTS: usize = 100;
const MOST_MEMBER: usize = 128;
/// By what a stream says where it was when its connection broke.
const LAST_EVENT_ID: &str = "last-event-id";

/// Whether a request asks for a stream.
pub(super) fn streams(headers: &HeaderMap) -> bool {
    let accepted = headers.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok());
    accepted
        .flat_map(|value| value.split(','))
        .any(|one| one.split(';').next().unwrap_or_default().trim().eq_ignore_ascii_case("text/event-stream"))
}

/// A position as answers have it, or the sequence of an event.
fn position(text: &str) -> Option<Position> {
    if let Ok(position) = text.parse() {
        return Some(position);
    }
    let digits = text.len() == 19 && text.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| text.parse().ok()).flatten().and_then(Sequence::position)
}

/// The events that these parameters and headers ask for.
pub(super) fn events(query: &[(String, String)], headers: &HeaderMap) -> Result<Events, Problem> {
    let mut events = Events { after: Position::START, limit: EVENTS, wait: Duration::ZERO, types: Vec::new() };
    let mut wrong = Vec::new();
    for (index, (name, value)) in query.iter().enumerate() {
        let twice = query.iter().take(index).any(|(earlier, _)| earlier == name);
        let read = match name.as_str() {
            _ if twice => Err("is given twice".to_owned()),
            "after" => match position(value) {
                Some(position) => {
                    events.after = position;
                    Ok(())
                }
                None => Err("is a position, as `1-42`, or the `sequence` of an event".to_owned()),
            },
            "limit" => match value.parse().ok().filter(|limit| (1..=MOST_EVENTS).contains(limit)) {
                Some(limit) => {
                    events.limit = limit;
                    Ok(())
                }
                None => Err(format!("is a number from 1 to {MOST_EVENTS}")),
            },
            "wait" => match scalar::duration(value).filter(|wait| *wait <= LONGEST_WAIT) {
                Some(wait) => {
                    events.wait = wait;
                    Ok(())
                }
                None => Err(format!("is a time, as `30s`, of at most {} s", LONGEST_WAIT.as_secs())),
            },
            "types" => {
                events.types =
                    value.split(',').map(str::trim).filter(|one| !one.is_empty()).map(str::to_owned).collect();
                let plain =
                    |one: &String| one.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_'));
                let fits = !events.types.is_empty() && events.types.iter().all(plain);
                if fits { Ok(()) } else { Err("names event types, with commas between".to_owned()) }
            }
            _ => Err("is no parameter of this: `after`, `limit`, `wait` and `types` are".to_owned()),
        };
        wrong.extend(read.err().map(|detail| ParameterError { place: "query", name: name.clone(), detail }));
    }
    if let Some(last) = headers.get(LAST_EVENT_ID) {
        match last.to_str().ok().and_then(position) {
            Some(position) => events.after = position,
            None => wrong.push(ParameterError {
                place: "header",
                name: LAST_EVENT_ID.to_owned(),
                detail: "is the `id` of an event of the stream, as `1-42`".to_owned(),
            }),
        }
    }
    if wrong.is_empty() {
        return Ok(events);
    }
    let problem = Problem::new(400, code::PULL_UNFIT, "what is asked of the events cannot be read");
    Err(Problem { parameters: wrong, ..problem })
}

/// The query that asks for what comes after a position, with all else as it was.
pub(super) fn next(query: &[(String, String)], after: Position) -> String {
    let others = query.iter().filter(|(name, _)| name != "after");
    let others: String = others.map(|(name, value)| format!("&{name}={}", value.replace(' ', ""))).collect();
    format!("after={after}{others}")
}

/// The name of a group in a path.
pub(super) fn group(text: &str) -> Result<String, Problem> {
    match text.parse::<DomainName>() {
        Ok(_) => Ok(text.to_owned()),
        Err(_) => {
            let detail = "a group has 1 to 64 lower-case letters, digits and dashes, beginning with a letter";
            Err(Problem::new(400, code::PULL_UNFIT, detail))
        }
    }
}

/// What is asked of a group: by the method, the last part of the path, and the body.
pub(super) fn of_group(group: String, method: &Method, path: &str, body: Value) -> Result<PullAsk, Problem> {
    if *method == Method::DELETE {
        return Ok(PullAsk::Forget { group });
    }
    let Value::Object(members) = body else {
        return Err(Problem::new(400, code::PULL_UNFIT, "the body is a JSON object"));
    };
    let mut given = Given { members, wrong: Vec::new() };
    let ask = match path.ends_with("/lease") {
        true => {
            let member = given.take("member", "is who takes the turn: 1 to 128 visible ASCII characters", member);
            let some = |value: &Value| lease(value).filter(|lease| !lease.is_zero());
            let lease = given.take("lease", "is how long the turn lasts, as `30s`, at most an hour", some);
            let start = given.may("start", "is `oldest`, `newest` or a position, as `1-42`", start);
            let start = start.unwrap_or(Start::Oldest);
            member.zip(lease).map(|(member, lease)| PullAsk::Lease { group, member, lease, start })
        }
        false => {
            let fence = given.take("fence", "is the number that the turn came with", Value::as_i64);
            let at = given.take("position", "is a position, as `1-42`, or the `sequence` of an event", at);
            let lease = given.may("lease", "is how much longer the turn lasts, as `30s`; `0s` gives it back", lease);
            fence.zip(at).map(|(fence, position)| PullAsk::Commit { group, fence, position, lease })
        }
    };
    given.unknown();
    match ask {
        Some(ask) if given.wrong.is_empty() => Ok(ask),
        _ => {
            let problem = Problem::new(400, code::PULL_UNFIT, "what is asked of the group cannot be read");
            Err(problem.with_errors(given.wrong))
        }
    }
}

/// The members of a body, being read.
struct Given {
    members: Map<String, Value>,
    wrong: Vec<FieldError>,
}

impl Given {
    fn take<T>(&mut self, name: &str, is: &str, read: impl FnOnce(&Value) -> Option<T>) -> Option<T> {
        let value = self.members.shift_remove(name);
        let read = value.as_ref().and_then(read);
        if read.is_none() {
            self.wrong.push(FieldError { pointer: format!("/{name}"), detail: is.to_owned() });
        }
        read
    }

    fn may<T>(&mut self, name: &str, is: &str, read: impl FnOnce(&Value) -> Option<T>) -> Option<T> {
        if self.members.get(name).is_none_or(Value::is_null) {
            self.members.shift_remove(name);
            return None;
        }
        self.take(name, is, read)
    }

    fn unknown(&mut self) {
        let unknown = self.members.keys().map(|name| FieldError {
            pointer: format!("/{}", name.replace('~', "~0").replace('/', "~1")),
            detail: "is no member of this".to_owned(),
        });
        self.wrong.extend(unknown);
    }
}

fn member(value: &Value) -> Option<String> {
    let text = value.as_str()?;
    let fits = (1..=MOST_MEMBER).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic());
    fits.then(|| text.to_owned())
}

fn lease(value: &Value) -> Option<Duration> {
    scalar::duration(value.as_str()?).filter(|lease| *lease <= LONGEST_LEASE)
}

fn at(value: &Value) -> Option<Position> {
    position(value.as_str()?)
}

fn start(value: &Value) -> Option<Start> {
    match value.as_str()? {
        "oldest" => Some(Start::Oldest),
        "newest" => Some(Start::Newest),
        text => position(text).map(Start::After),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn query(text: &str) -> Vec<(String, String)> {
        crate::path::decode_query(Some(text)).unwrap()
    }

    #[test]
    fn what_parameters_ask_for() {
        let asked = events(&query("after=1-42&limit=7&wait=30s&types=a.b.c,%20a.b.d"), &HeaderMap::new()).unwrap();
        assert_eq!((asked.after.to_string().as_str(), asked.limit, asked.wait.as_secs()), ("1-42", 7, 30));
        assert_eq!(asked.types, ["a.b.c", "a.b.d"]);
        let resumed = HeaderMap::from_iter([(LAST_EVENT_ID.parse().unwrap(), "1-50".parse().unwrap())]);
        let sequence = events(&query("after=0001000000000000042"), &resumed).unwrap();
        assert_eq!(sequence.after.to_string(), "1-50", "where a stream was counts");
        assert_eq!(events(&query("after=0001000000000000042"), &HeaderMap::new()).unwrap().after, asked.after);
        assert_eq!(
            next(&query("after=1-1&limit=7&types=a.b.c, a.b.d"), asked.after),
            "after=1-42&limit=7&types=a.b.c,a.b.d"
        );
    }

    #[test]
    fn every_mistake_is_told() {
        let wrong = HeaderMap::from_iter([(LAST_EVENT_ID.parse().unwrap(), "x".parse().unwrap())]);
        let problem = events(&query("after=x&limit=501&wait=2m&types=a%3Eb&limit=1&cursor=1"), &wrong).unwrap_err();
        let names: Vec<&str> = problem.parameters.iter().map(|error| error.name.as_str()).collect();
        assert_eq!(names, ["after", "limit", "wait", "types", "limit", "cursor", LAST_EVENT_ID]);
    }

    fn asked(path: &str, body: Value) -> Result<PullAsk, Vec<String>> {
        let asked = of_group("planner".to_owned(), &Method::POST, path, body);
        asked.map_err(|problem| problem.errors.into_iter().map(|error| error.pointer).collect())
    }

    #[test]
    fn what_bodies_ask_of_a_group() {
        let turn = asked("/groups/planner/lease", json!({"member": "host-1", "lease": "30s", "start": "newest"}));
        let lease = Duration::from_secs(30);
        let group = || "planner".to_owned();
        assert_eq!(
            turn,
            Ok(PullAsk::Lease { group: group(), member: "host-1".to_owned(), lease, start: Start::Newest })
        );
        let commit = asked("/groups/planner/commit", json!({"fence": 7, "position": "1-42", "lease": "0s"}));
        let lease = Some(Duration::ZERO);
        assert_eq!(commit, Ok(PullAsk::Commit { group: group(), fence: 7, position: "1-42".parse().unwrap(), lease }));
        let wrong = asked("/groups/planner/lease", json!({"member": "a b", "lease": "2h", "start": "now", "x": 1}));
        assert_eq!(wrong.unwrap_err(), ["/member", "/lease", "/start", "/x"]);
        assert_eq!(asked("/groups/planner/commit", json!({})).unwrap_err(), ["/fence", "/position"]);
        assert_eq!(asked("/groups/planner/lease", json!({"member": "a", "lease": "0s"})).unwrap_err(), ["/lease"]);
        assert!(asked("/groups/planner/commit", json!([])).is_err());
    }

    #[test]
    fn who_asks_for_a_stream() {
        let accepts = |value: &str| streams(&HeaderMap::from_iter([(header::ACCEPT, value.parse().unwrap())]));
        assert!(accepts("text/event-stream") && accepts("application/json;q=0.5, Text/Event-Stream;q=1"));
        assert!(!accepts("application/json") && !accepts("*/*") && !streams(&HeaderMap::new()));
    }
}

//! Whether what a simulated receiver got of a subscription is what its release promises: nothing is lost, lanes are in order, what comes
//! twice is known by its id, signatures hold, and what is shown is what the grant shows. Pure.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use selvage_delivery::MessageId;
use selvage_delivery::send::{SigningKey, signatures};
use selvage_factory::receiver::Got;
use selvage_model::cloud_event::CloudEvent;
use selvage_model::exchange::Scope;
use serde_json::Value;

/// An event of the log, in its order.
#[derive(Clone, Debug)]
pub(super) struct Logged {
    pub(super) lane: String,
    pub(super) event: CloudEvent,
}

/// What a subscription is to have.
pub(super) struct Expected<'a> {
    /// Of these types.
    pub(super) kinds: &'a [String],
    /// What its grant shows.
    pub(super) scope: &'a Scope,
    pub(super) in_lanes: bool,
    /// What signs; nothing where it is not signed.
    pub(super) keys: &'a [SigningKey],
}

impl Expected<'_> {
    /// Whether the subscription is to have it.
    pub(super) fn has(&self, logged: &Logged) -> bool {
        let in_rows = self.scope.rows.iter().all(|(name, allowed)| {
            let value = logged.event.data.as_ref().and_then(|data| data.get(name.as_str()));
            value.is_some_and(|value| !value.is_null() && allowed.contains(value))
        });
        in_rows && self.kinds.contains(&logged.event.kind)
    }

    /// How many of these have not been taken yet.
    pub(super) fn missing(&self, log: &[Logged], got: &[&Got]) -> usize {
        let taken: BTreeSet<String> = got.iter().filter(|got| got.conduct.takes()).filter_map(|got| id(got)).collect();
        log.iter().filter(|logged| self.has(logged) && !taken.contains(&logged.event.id)).count()
    }

    /// What does not hold, in words. `misfits` tells what of an event is off its contract.
    pub(super) fn complaints(&self, log: &[Logged], got: &[&Got], misfits: super::events::Misfits<'_>) -> Vec<String> {
        let mut complaints = Vec::new();
        let all = log.iter().filter(|logged| self.has(logged)).count();
        match self.missing(log, got) {
            0 => {}
            missing => complaints.push(format!("{missing} of {all} events never arrived")),
        }
        let strange = got.iter().filter(|got| self.sent(log, got).is_none()).count();
        if strange > 0 {
            complaints.push(format!("{strange} messages are none of what it is to have"));
        }
        complaints.extend(self.out_of_order(log, got));
        complaints.extend(doubled(got));
        let unproven = got.iter().filter(|got| !self.is_proven(got)).count();
        if unproven > 0 {
            complaints.push(format!("{unproven} messages have no signature that holds"));
        }
        complaints.extend(self.otherwise(log, got, misfits));
        complaints
    }

    /// The event that a message is, with its place in the log.
    fn sent<'l>(&self, log: &'l [Logged], got: &Got) -> Option<(usize, &'l Logged)> {
        let id = id(got)?;
        log.iter().enumerate().find(|(_, logged)| logged.event.id == id && self.has(logged))
    }

    /// Within a lane nothing comes before what precedes it was taken.
    fn out_of_order(&self, log: &[Logged], got: &[&Got]) -> Option<String> {
        let mut taken: BTreeMap<&str, BTreeSet<usize>> = BTreeMap::new();
        for got in got.iter().filter(|_| self.in_lanes) {
            let Some((place, logged)) = self.sent(log, got) else { continue };
            let lane = taken.entry(&logged.lane).or_default();
            let before = log.get(..place).unwrap_or_default().iter().enumerate();
            let ahead = before.filter(|(_, it)| it.lane == logged.lane && self.has(it)).map(|(place, _)| place);
            if ahead.into_iter().any(|place| !lane.contains(&place)) {
                return Some(format!(
                    "in the lane `{}` an event came before the one ahead of it was taken",
                    logged.lane
                ));
            }
            if got.conduct.takes() {
                lane.insert(place);
            }
        }
        None
    }

    fn is_proven(&self, got: &Got) -> bool {
        if self.keys.is_empty() {
            return true;
        }
        let (id, time) = (got.header("webhook-id"), got.header("webhook-timestamp"));
        let (Some(id), Some(Ok(time))) = (id, time.map(str::parse)) else { return false };
        let expected = signatures(self.keys, &MessageId::new(id), time, &got.body);
        got.header("webhook-signature") == Some(expected.as_str())
    }

    /// What is not shown as the grant shows it, or does not fit its contract.
    fn otherwise(&self, log: &[Logged], got: &[&Got], misfits: super::events::Misfits<'_>) -> Option<String> {
        let whole = self.scope.except.is_empty() && self.scope.masked.is_empty();
        for got in got {
            let Some((_, logged)) = self.sent(log, got) else { continue };
            let event = CloudEvent::from_record(&got.body).ok()?;
            if event.data != self.shown(logged) {
                return Some(format!("a `{}` shows something else than its grant shows", event.kind));
            }
            if let Some(first) = misfits(&event).first().filter(|_| whole) {
                let told = format!("/data{} {}", first.pointer, first.detail);
                return Some(format!("a `{}` does not fit its contract: {told}", event.kind));
            }
        }
        None
    }

    fn shown(&self, logged: &Logged) -> Option<Value> {
        let mut data = logged.event.data.clone()?;
        if let Some(members) = data.as_object_mut() {
            members.retain(|name, _| !self.scope.except.iter().any(|except| except.as_str() == name));
        }
        self.scope.masked.iter().for_each(|masked| masked.hide(&mut data));
        Some(data)
    }
}

/// The id of the event that a message is.
fn id(got: &Got) -> Option<String> {
    serde_json::from_slice::<Value>(&got.body).ok()?.get("id")?.as_str().map(str::to_owned)
}

/// An event that came under two ids, or two events under one: its receiver could not tell what came twice.
fn doubled(got: &[&Got]) -> Option<String> {
    let mut events: HashMap<&str, String> = HashMap::new();
    let mut ids: HashMap<String, &str> = HashMap::new();
    for got in got {
        let (Some(message), Some(event)) = (got.header("webhook-id"), id(got)) else {
            return Some("a message has no `webhook-id`, or is no event".to_owned());
        };
        let same_event = events.entry(message).or_insert_with(|| event.clone()) == &event;
        let same_id = *ids.entry(event).or_insert(message) == message;
        if !same_event || !same_id {
            return Some(format!("`{message}` does not name one event at each attempt"));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use selvage_delivery::send::SigningKey;
    use selvage_factory::receiver::Conduct;
    use selvage_model::class::Masked;
    use serde_json::json;

    use super::*;

    const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

    fn logged(number: u32) -> Logged {
        let lane = if number.is_multiple_of(2) { "even" } else { "odd" };
        let data = json!({"id": lane, "number": number, "site": "ghent", "price": "9.50", "name": "Ada"});
        let event = CloudEvent { data: Some(data), ..CloudEvent::new(number.to_string(), "/trial", "a.b.made") };
        Logged { lane: lane.to_owned(), event }
    }

    /// A message as it should be.
    fn got(number: u32) -> Got {
        let mut event = logged(number).event;
        event.data = Some(json!({"id": event.data.unwrap()["id"], "number": number, "site": "ghent", "name": null}));
        let body = event.record();
        let id = format!("msg_{number}");
        let keys = [SigningKey::read(SECRET).unwrap()];
        let signed = signatures(&keys, &MessageId::new(&id), 7, &body);
        let headers = [("webhook-id", id), ("webhook-timestamp", "7".to_owned()), ("webhook-signature", signed)];
        let headers = headers.map(|(name, value)| (name.to_owned(), value)).to_vec();
        Got { path: "/0".to_owned(), headers, body, conduct: Conduct::Take }
    }

    fn complaints(got: &[Got], misfits: super::super::events::Misfits<'_>, scope: &Scope) -> String {
        let keys = [SigningKey::read(SECRET).unwrap()];
        let kinds = ["a.b.made".to_owned()];
        let expected = Expected { kinds: &kinds, scope, in_lanes: true, keys: &keys };
        let log: Vec<Logged> = (0..4).map(logged).collect();
        expected.complaints(&log, &got.iter().collect::<Vec<_>>(), misfits).join("; ")
    }

    fn scope() -> Scope {
        Scope {
            rows: vec![("site".parse().unwrap(), vec![json!("ghent")])],
            except: vec!["price".parse().unwrap()],
            masked: vec![Masked { pointer: "/name".to_owned(), class: "personal".parse().unwrap() }],
        }
    }

    #[test]
    fn what_is_not_as_promised_is_named() {
        type Broken = fn(&mut Vec<Got>);
        let table: [(Broken, &str); 11] = [
            (|_| {}, ""),
            // Again is well, under the same id.
            (|all| all.push(all[1].clone()), ""),
            (|all| all.insert(0, Got { conduct: Conduct::Refuse(503), ..got(0) }), ""),
            (|all| drop(all.pop()), "1 of 4 events never arrived"),
            (|all| all[3].conduct = Conduct::Hang, "1 of 4 events never arrived"),
            (|all| all.swap(0, 2), "in the lane `even` an event came before the one ahead of it was taken"),
            (|all| all[0].conduct = Conduct::Refuse(500), "1 of 4 events never arrived; in the lane `even`"),
            (
                |all| {
                    let mut again = got(1);
                    again.headers[0].1 = "msg_other".to_owned();
                    all.push(again);
                },
                "`msg_other` does not name one event at each attempt; 1 messages have no signature that holds",
            ),
            (|all| all[2].headers.truncate(2), "1 messages have no signature that holds"),
            (|all| all.push(got(9)), "1 messages are none of what it is to have"),
            (
                |all| {
                    let told = String::from_utf8(all[1].body.clone()).unwrap().replace("null", "\"Ada\"");
                    all[1].body = told.into_bytes();
                },
                "1 messages have no signature that holds; a `a.b.made` shows something else than its grant shows",
            ),
        ];
        for (number, (break_it, wanted)) in table.into_iter().enumerate() {
            let mut all: Vec<Got> = (0..4).map(got).collect();
            break_it(&mut all);
            let found = complaints(&all, &|_| Vec::new(), &scope());
            assert!(if wanted.is_empty() { found.is_empty() } else { found.starts_with(wanted) }, "{number}: {found}");
        }
    }

    #[test]
    fn what_is_shown_whole_fits_its_contract() {
        let misfit = |_: &CloudEvent| {
            vec![selvage_model::problem::FieldError { pointer: "/number".to_owned(), detail: "is odd".to_owned() }]
        };
        let whole = |number: u32| Got { body: logged(number).event.record(), ..got(number) };
        let all: Vec<Got> = (0..4).map(whole).collect();
        let found = complaints(&all, &misfit, &Scope::default());
        assert!(found.ends_with("a `a.b.made` does not fit its contract: /data/number is odd"), "{found}");
    }
}

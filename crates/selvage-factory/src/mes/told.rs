//! What the MES is told by webhook: each message once by its id, with whether its lane came in order. It can be stopped, as systems
//! are: then it takes nothing, and whoever tells it has to come again. Bounded: old messages give way to new ones.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

/// How many messages are kept, and lanes known.
const KEPT: usize = 1000;
/// Seconds that a signature's time may be off.
const TOLERANCE: i64 = 300;

/// A message as it came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Told {
    /// `webhook-id`.
    pub id: String,
    /// The event's type.
    pub kind: String,
    /// What orders it.
    pub lane: String,
    /// Its place in the lane: grows.
    pub sequence: String,
    /// How often it came.
    pub times: u32,
    /// When it came first, in milliseconds of 1970.
    pub at: i64,
}

/// The headers of a message.
pub(super) struct Envelope<'a> {
    pub(super) id: &'a str,
    pub(super) timestamp: &'a str,
    pub(super) signature: &'a str,
}

#[derive(Debug, Default)]
pub(super) struct Inbox {
    secret: Option<Vec<u8>>,
    stopped: bool,
    messages: VecDeque<Told>,
    ids: BTreeSet<String>,
    /// The last sequence of each lane.
    lanes: BTreeMap<String, String>,
    disordered: u64,
    unsigned: u64,
}

impl Inbox {
    /// One that takes only what is signed with this secret (`whsec_…`), where there is one.
    pub(super) fn new(secret: Option<&str>) -> Self {
        let secret = secret.map(|secret| secret.strip_prefix("whsec_").unwrap_or(secret));
        Self { secret: secret.map(|secret| STANDARD.decode(secret).unwrap_or_default()), ..Self::default() }
    }

    pub(super) fn stop(&mut self, stopped: bool) {
        self.stopped = stopped;
    }

    /// Takes a message; the status that it is answered with.
    pub(super) fn take(&mut self, envelope: &Envelope<'_>, body: &[u8], now: jiff::Timestamp) -> u16 {
        if self.stopped {
            return 503;
        }
        if !self.is_signed(envelope, body, now) {
            self.unsigned += 1;
            return 401;
        }
        let Ok(event) = serde_json::from_slice::<Value>(body) else { return 400 };
        let text = |name: &str| event.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
        if !self.ids.insert(envelope.id.to_owned()) {
            if let Some(known) = self.messages.iter_mut().find(|known| known.id == envelope.id) {
                known.times += 1;
            }
            return 200;
        }
        let (lane, sequence) = (text("partitionkey"), text("sequence"));
        if self.lanes.insert(lane.clone(), sequence.clone()).is_some_and(|before| before > sequence) {
            self.disordered += 1;
        }
        let at = now.as_millisecond();
        self.messages.push_back(Told { id: envelope.id.to_owned(), kind: text("type"), lane, sequence, times: 1, at });
        if self.messages.len() > KEPT {
            self.messages.pop_front().map(|oldest| self.ids.remove(&oldest.id));
        }
        while self.lanes.len() > KEPT {
            self.lanes.pop_first();
        }
        200
    }

    pub(super) fn messages(&self) -> Vec<Told> {
        self.messages.iter().cloned().collect()
    }

    pub(super) fn write(&self) -> Value {
        let items = self.messages.iter().map(|told| {
            json!({
                "id": told.id, "type": told.kind, "lane": told.lane, "sequence": told.sequence, "times": told.times, "at": told.at,
            })
        });
        let items: Vec<Value> = items.collect();
        json!({"items": items, "disordered": self.disordered, "unsigned": self.unsigned, "stopped": self.stopped})
    }

    /// By Standard Webhooks, v1.
    fn is_signed(&self, envelope: &Envelope<'_>, body: &[u8], now: jiff::Timestamp) -> bool {
        let Some(secret) = &self.secret else { return true };
        let fresh = envelope.timestamp.parse::<i64>().is_ok_and(|at| (now.as_second() - at).abs() <= TOLERANCE);
        let mut signed = format!("{}.{}.", envelope.id, envelope.timestamp).into_bytes();
        signed.extend_from_slice(body);
        let key = hmac::Key::new(hmac::HMAC_SHA256, secret);
        let proves = |signature: &str| {
            let tag = signature.strip_prefix("v1,").and_then(|tag| STANDARD.decode(tag).ok());
            tag.is_some_and(|tag| hmac::verify(&key, &signed, &tag).is_ok())
        };
        fresh && !envelope.id.is_empty() && envelope.signature.split(' ').any(proves)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

    fn message(lane: &str, sequence: &str) -> Vec<u8> {
        json!({"type": "a.b.c", "partitionkey": lane, "sequence": sequence}).to_string().into_bytes()
    }

    #[test]
    fn messages_are_known_by_their_ids_and_lanes_by_their_order() {
        let now = jiff::Timestamp::from_second(1_700_000_000).unwrap();
        let mut inbox = Inbox::new(None);
        let take = |inbox: &mut Inbox, id: &str, body: &[u8]| {
            inbox.take(&Envelope { id, timestamp: "", signature: "" }, body, now)
        };
        for (id, lane, sequence) in
            [("1", "a", "01"), ("2", "b", "02"), ("1", "a", "01"), ("4", "a", "04"), ("3", "a", "03")]
        {
            assert_eq!(take(&mut inbox, id, &message(lane, sequence)), 200);
        }
        assert_eq!(inbox.messages().iter().map(|told| told.times).collect::<Vec<_>>(), [2, 1, 1, 1]);
        assert_eq!(inbox.write()["disordered"], 1);
        inbox.stop(true);
        assert_eq!(take(&mut inbox, "5", &message("a", "05")), 503);
        inbox.stop(false);
        assert_eq!(take(&mut inbox, "5", &message("a", "05")), 200);
        assert_eq!(take(&mut inbox, "6", b"no"), 400);
    }

    /// The example of the specification.
    #[test]
    fn what_is_not_signed_is_not_taken() {
        let body = br#"{"test": 2432232314}"#;
        let at = jiff::Timestamp::from_second(1_614_265_330).unwrap();
        let right = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";
        let table = [
            (right, at, 200),
            ("v1,AAAA v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=", at, 200),
            ("v1,AAAA", at, 401),
            ("", at, 401),
            (right, jiff::Timestamp::from_second(1_614_266_000).unwrap(), 401),
        ];
        for (signature, now, status) in table {
            let envelope = Envelope { id: "msg_p5jXN8AQM9LWM0D4loKWxJek", timestamp: "1614265330", signature };
            assert_eq!(Inbox::new(Some(SECRET)).take(&envelope, body, now), status, "{signature}");
        }
    }
}

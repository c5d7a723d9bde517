//! What is taken for a sender's call and what is not, scheme by scheme. The signatures are of others' making: the example of the
//! Standard Webhooks specification, GitHub's documentation, and Node.js.

use std::time::Duration;

use http::{HeaderMap, HeaderValue};
use selvage_model::manifest::webhook::{Hash, KeyForm};
use selvage_model::source::{Place, Spanned};
use serde_json::json;

use super::*;

const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const OTHER: &str = "whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
const PUBLIC: &str = "whpk_11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=";
const ID: &str = "msg_p5jXN8AQM9LWM0D4loKWxJek";
const STAMP: i64 = 1_614_265_330;
const BODY: &[u8] = br#"{"test": 2432232314}"#;
const V1: &str = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";
const V1A: &str = "v1a,fldxM4gAKugP6nnt1hdz3sgGfZ6d99nzrMFnZOELIxbzEHoVmAb2ADpkJK7zgPePmPsle0zV9jSeGlHFG2NVAw==";

fn webhook(signing: Signing) -> WebhookInterface {
    WebhookInterface {
        source: None,
        signing: Some(Spanned::new(signing, Place::start("a.yaml"))),
        secrets: Vec::new(),
        from: Vec::new(),
        window: Duration::from_secs(300),
        id: None,
        into: None,
        record: None,
        hints: false,
    }
}

fn headers(pairs: &[(&str, &str)]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in pairs {
        headers.append(HeaderName::try_from(*name).unwrap(), HeaderValue::try_from(*value).unwrap());
    }
    headers
}

fn keys(signing: &Signing, secrets: &[&str]) -> Vec<WebhookKey> {
    secrets.iter().filter_map(|secret| WebhookKey::new(signing, secret).unwrap()).collect()
}

/// A call and what is known of it.
struct Try<'t> {
    webhook: WebhookInterface,
    secrets: &'t [&'t str],
    headers: &'t [(&'t str, &'t str)],
    rest: &'t str,
    address: &'t str,
    body: &'t [u8],
    now: i64,
}

impl Default for Try<'_> {
    fn default() -> Self {
        let (headers, rest) = (&[][..], "");
        Self {
            webhook: webhook(Signing::StandardWebhooks),
            secrets: &[SECRET],
            headers,
            rest,
            address: "192.0.2.1",
            body: BODY,
            now: STAMP,
        }
    }
}

impl Try<'_> {
    fn verdict(&self) -> Result<(), Unproven> {
        let signing = &self.webhook.signing.as_ref().unwrap().value;
        let keys = keys(signing, self.secrets);
        let demand = Demand::new(&self.webhook).unwrap();
        let headers = headers(self.headers);
        let address = self.address.parse().unwrap();
        let call = Call { rest: self.rest, headers: &headers, address, client: None };
        let begun = demand.begin(call, &keys, Timestamp::from_second(self.now).unwrap())?;
        begun.finish(&keys, self.body).map(drop)
    }
}

const PROVEN: Result<(), Unproven> = Ok(());

#[test]
fn standard_webhooks() {
    use Unproven::{Absent, Time, Wrong};
    let stamp = STAMP.to_string();
    let late = (STAMP + 1).to_string();
    let both = format!("{V1A} {V1}");
    let good = ["webhook-id", "webhook-timestamp", "webhook-signature"];
    let with = |values: [&str; 3], secrets: &[&str], body: &[u8], now: i64| {
        let headers: Vec<(&str, &str)> = good.into_iter().zip(values).filter(|(_, value)| *value != "none").collect();
        Try { headers: &headers, secrets, body, now, ..Try::default() }.verdict()
    };
    let many = format!("{}{V1}", "v1,AAAA ".repeat(8));
    for (values, secrets, body, now, expected) in [
        ([ID, &stamp, V1], &[SECRET][..], BODY, STAMP, PROVEN),
        ([ID, &stamp, V1], &[OTHER, SECRET], BODY, STAMP, PROVEN),
        ([ID, &stamp, V1A], &[PUBLIC], BODY, STAMP, PROVEN),
        ([ID, &stamp, &both], &[SECRET], BODY, STAMP, PROVEN),
        ([ID, &stamp, &both], &[PUBLIC], BODY, STAMP, PROVEN),
        ([ID, &stamp, V1], &[SECRET], BODY, STAMP + 300, PROVEN),
        ([ID, &stamp, V1], &[SECRET], BODY, STAMP - 300, PROVEN),
        // Old, early, at another time than was signed.
        ([ID, &stamp, V1], &[SECRET], BODY, STAMP + 301, Err(Time)),
        ([ID, &stamp, V1], &[SECRET], BODY, STAMP - 301, Err(Time)),
        ([ID, &late, V1], &[SECRET], BODY, STAMP, Err(Wrong)),
        // Another body, id, secret, kind of secret.
        ([ID, &stamp, V1], &[SECRET], b"{}", STAMP, Err(Wrong)),
        (["msg_other", &stamp, V1], &[SECRET], BODY, STAMP, Err(Wrong)),
        ([ID, &stamp, V1], &[OTHER], BODY, STAMP, Err(Wrong)),
        ([ID, &stamp, V1], &[], BODY, STAMP, Err(Wrong)),
        ([ID, &stamp, V1], &[PUBLIC], BODY, STAMP, Err(Wrong)),
        ([ID, &stamp, V1A], &[SECRET], BODY, STAMP, Err(Wrong)),
        // What cannot be read, or is not there.
        (["none", &stamp, V1], &[SECRET], BODY, STAMP, Err(Absent)),
        (["", &stamp, V1], &[SECRET], BODY, STAMP, Err(Absent)),
        ([ID, "none", V1], &[SECRET], BODY, STAMP, Err(Absent)),
        ([ID, "1614265330.0", V1], &[SECRET], BODY, STAMP, Err(Absent)),
        ([ID, "-1614265330", V1], &[SECRET], BODY, STAMP, Err(Absent)),
        ([ID, "2021-02-25T15:02:10Z", V1], &[SECRET], BODY, STAMP, Err(Absent)),
        ([ID, &stamp, "none"], &[SECRET], BODY, STAMP, Err(Absent)),
        ([ID, &stamp, "v2,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="], &[SECRET], BODY, STAMP, Err(Absent)),
        ([ID, &stamp, "g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="], &[SECRET], BODY, STAMP, Err(Absent)),
        ([ID, &stamp, "v1,"], &[SECRET], BODY, STAMP, Err(Wrong)),
        ([ID, &stamp, "v1,g0hM9SsE"], &[SECRET], BODY, STAMP, Err(Wrong)),
        ([ID, &stamp, &many], &[SECRET], BODY, STAMP, Err(Wrong)),
    ] {
        assert_eq!(with(values, secrets, body, now), expected, "{values:?} {secrets:?} {now}");
    }
}

#[test]
fn what_stands_twice_is_not_read() {
    let stamp = STAMP.to_string();
    let good = [("webhook-id", ID), ("webhook-timestamp", &*stamp), ("webhook-signature", V1)];
    assert_eq!(Try { headers: &good, ..Try::default() }.verdict(), PROVEN);
    for twice in good {
        let headers = [&good[..], &[twice]].concat();
        assert_eq!(Try { headers: &headers, ..Try::default() }.verdict(), Err(Unproven::Absent), "{twice:?}");
    }
}

fn hmac(prefix: &str, signs: Vec<SignedPart>, timestamp: Option<&str>) -> Hmac {
    Hmac {
        header: "X-Hub-Signature-256".to_owned(),
        hash: Hash::Sha256,
        encoding: Encoding::Hex,
        prefix: prefix.to_owned(),
        signs,
        timestamp: timestamp.map(str::to_owned),
        key: KeyForm::Text,
    }
}

#[test]
fn keyed_hashes_of_the_body() {
    use Unproven::{Absent, Wrong};
    let digest = "757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17";
    let signature = format!("sha256={digest}");
    let upper = format!("sha256={}", digest.to_uppercase());
    for (name, value, body, expected) in [
        ("x-hub-signature-256", &*signature, &b"Hello, World!"[..], PROVEN),
        ("x-hub-signature-256", &upper, b"Hello, World!", PROVEN),
        ("x-hub-signature-256", &signature, b"Hello, World", Err(Wrong)),
        ("x-hub-signature-256", digest, b"Hello, World!", Err(Absent)),
        ("x-hub-signature-256", "sha256=", b"Hello, World!", Err(Wrong)),
        ("x-hub-signature-256", "sha256=757107", b"Hello, World!", Err(Wrong)),
        ("x-hub-signature-256", "sha256=75710", b"Hello, World!", Err(Absent)),
        ("x-hub-signature", &signature, b"Hello, World!", Err(Absent)),
    ] {
        let signing = Signing::Hmac(hmac("sha256=", vec![SignedPart::Body], None));
        let tried = Try {
            webhook: webhook(signing),
            secrets: &["It's a Secret to Everybody"],
            headers: &[(name, value)],
            body,
            ..Try::default()
        };
        assert_eq!(tried.verdict(), expected, "{name}: {value}");
    }
}

#[test]
fn keyed_hashes_of_time_and_body() {
    use Unproven::{Absent, Time, Wrong};
    // Of `v0:1614265330:{"test": 2432232314}` and of the same with milliseconds, by Node.js.
    let seconds = "v0=d0ca9022c46ea8440684409ebca881c0cac81415e599d8e04c2c156ff8a8ebb8";
    let millis = "v0=4fd2a9e81755dd252964b11b7c8d16d2c0ec889e300517b1c9a591f2be8cd4a4";
    let signs = || {
        let text = |text: &str| SignedPart::Text(text.to_owned());
        vec![text("v0:"), SignedPart::Timestamp, text(":"), SignedPart::Body]
    };
    for (stamp, signature, now, expected) in [
        (Some("1614265330"), seconds, STAMP + 299, PROVEN),
        (Some("1614265330000"), millis, STAMP, PROVEN),
        (Some("1614265330"), seconds, STAMP + 400, Err(Time)),
        (Some("1614265330"), seconds, STAMP - 400, Err(Time)),
        (Some("1614265331"), seconds, STAMP, Err(Wrong)),
        (Some("yesterday"), seconds, STAMP, Err(Absent)),
        (None, seconds, STAMP, Err(Absent)),
    ] {
        let mut headers = vec![("x-hub-signature-256", signature)];
        headers.extend(stamp.map(|stamp| ("x-time", stamp)));
        let signing = Signing::Hmac(hmac("v0=", signs(), Some("X-Time")));
        let secrets = &["8f742231b10e8888abcd99yyyzzz85a5"];
        let tried = Try { webhook: webhook(signing), secrets, headers: &headers, now, ..Try::default() };
        assert_eq!(tried.verdict(), expected, "{stamp:?} {now}");
    }
}

#[test]
fn secrets_that_are_shown() {
    use Unproven::{Absent, Address, Wrong};
    const ONE: &str = "correct-horse-battery";
    const NEXT: &str = "staple.correct~horse";
    let bearer = |header: Option<&str>| Signing::Bearer { header: header.map(str::to_owned) };
    let right = format!("Bearer {ONE}");
    for (signing, headers, rest, address, expected) in [
        (bearer(None), &[("authorization", &*right)][..], "", "10.1.2.3", PROVEN),
        (bearer(None), &[("authorization", "bearer staple.correct~horse")], "", "10.1.2.3", PROVEN),
        (bearer(None), &[("authorization", "Bearer correct-horse-batterx")], "", "10.1.2.3", Err(Wrong)),
        (bearer(None), &[("authorization", "Bearer correct-horse")], "", "10.1.2.3", Err(Wrong)),
        (bearer(None), &[("authorization", "Basic Y29ycmVjdA==")], "", "10.1.2.3", Err(Absent)),
        (bearer(None), &[("authorization", &*right), ("authorization", &*right)], "", "10.1.2.3", Err(Absent)),
        (bearer(None), &[], "", "10.1.2.3", Err(Absent)),
        (bearer(None), &[("authorization", &*right)], "", "11.1.2.3", Err(Address)),
        (bearer(Some("X-Gitlab-Token")), &[("x-gitlab-token", ONE)], "", "10.1.2.3", PROVEN),
        (bearer(Some("X-Gitlab-Token")), &[("x-gitlab-token", &*right)], "", "10.1.2.3", Err(Wrong)),
        (Signing::SecretPath, &[], "/correct-horse-battery", "10.1.2.3", PROVEN),
        (Signing::SecretPath, &[], "/staple.correct~horse", "::ffff:10.1.2.3", PROVEN),
        (Signing::SecretPath, &[], "/correct-horse-battery", "192.0.2.1", Err(Address)),
        (Signing::SecretPath, &[], "/correct-horse-battery", "::1", Err(Address)),
        (Signing::SecretPath, &[], "/correct%2dhorse-battery", "10.1.2.3", Err(Wrong)),
        (Signing::SecretPath, &[], "/correct-horse-battery/", "10.1.2.3", Err(Wrong)),
        (Signing::SecretPath, &[], "//correct-horse-battery", "10.1.2.3", Err(Wrong)),
        (Signing::SecretPath, &[], "/./correct-horse-battery", "10.1.2.3", Err(Wrong)),
        (Signing::SecretPath, &[], "/correct-horse-battery%00", "10.1.2.3", Err(Wrong)),
        (Signing::SecretPath, &[], "/correct-horse-battery;a=b", "10.1.2.3", Err(Wrong)),
        (Signing::SecretPath, &[], "/Correct-Horse-Battery", "10.1.2.3", Err(Wrong)),
        (Signing::SecretPath, &[], "/", "10.1.2.3", Err(Wrong)),
        (Signing::SecretPath, &[], "", "10.1.2.3", Err(Absent)),
    ] {
        let network = Spanned::new("10.0.0.0/8".parse().unwrap(), Place::start("a.yaml"));
        let webhook = WebhookInterface { from: vec![network], ..webhook(signing.clone()) };
        let tried = Try { webhook, secrets: &[ONE, NEXT], headers, rest, address, ..Try::default() };
        assert_eq!(tried.verdict(), expected, "{signing:?} {headers:?} {rest} {address}");
    }
}

#[test]
fn certificates() {
    let names = vec!["DNS:mes.velo.example".to_owned()];
    let ends = Timestamp::from_second(STAMP + 10).unwrap();
    let client = ClientCertificate { subject: "CN=mes".to_owned(), names, fingerprint: [0; 32], ends };
    for (subject, client, after, expected) in [
        ("CN=mes", Some(&client), 0, PROVEN),
        ("DNS:mes.velo.example", Some(&client), 0, PROVEN),
        ("CN=other", Some(&client), 0, Err(Unproven::Wrong)),
        ("CN=mes", Some(&client), 10, Err(Unproven::Wrong)),
        ("CN=mes", None, 0, Err(Unproven::Absent)),
    ] {
        let demand = Demand::new(&webhook(Signing::Mtls { subject: subject.to_owned() })).unwrap();
        let headers = HeaderMap::new();
        let call = Call { rest: "", headers: &headers, address: "192.0.2.1".parse().unwrap(), client };
        let begun = demand.begin(call, &[], Timestamp::from_second(STAMP + after).unwrap());
        let verdict = begun.and_then(|begun| begun.finish(&[], BODY)).map(drop);
        assert_eq!(verdict, expected, "{subject} {after}");
    }
}

#[test]
fn ids_of_calls() {
    let body = json!({"event": {"id": "e-1", "number": 42, "text": "a\nb", "none": null}});
    let long = "x".repeat(257);
    let at = |pointer: &str| Some(CallId::At(pointer.to_owned()));
    let header = |name: &str| Some(CallId::Header(name.to_owned()));
    for (id, headers, expected) in [
        (at("/event/id"), vec![], Some("e-1")),
        (at("/event/number"), vec![], Some("42")),
        (at("/event/none"), vec![], None),
        (at("/event/text"), vec![], None),
        (at("/event"), vec![], None),
        (at("/other"), vec![], None),
        (header("X-Delivery"), vec![("x-delivery", "d-1")], Some("d-1")),
        (header("X-Delivery"), vec![("x-delivery", "d-1"), ("x-delivery", "d-2")], None),
        (header("X-Delivery"), vec![("x-delivery", &*long)], None),
        (header("X-Delivery"), vec![], None),
        (None, vec![("webhook-id", "msg_1")], Some("msg_1")),
    ] {
        let demand = Demand::new(&WebhookInterface { id: id.clone(), ..webhook(Signing::StandardWebhooks) }).unwrap();
        let expected = expected.map(|id| CallName::Own(id.to_owned()));
        assert_eq!(demand.name(&self::headers(&headers), BODY, &body, None), expected, "{id:?} {headers:?}");
    }
    let by_body = Demand::new(&webhook(Signing::SecretPath)).unwrap();
    let name = |bytes: &[u8]| by_body.name(&HeaderMap::new(), bytes, &body, None).unwrap();
    assert_eq!(name(b"abc"), CallName::Content(Sha256::digest(b"abc").into()));
    assert_ne!(name(b"{}"), name(b"{ }"));
}

/// What is signed is known again where the id is not part of it: whoever replays a call gives it another.
#[test]
fn an_id_that_nothing_proves_comes_with_what_was_signed() {
    let header = |name: &str| Some(CallId::Header(name.to_owned()));
    let plain = Hmac {
        header: "X-Signature".to_owned(),
        hash: Hash::Sha256,
        encoding: Encoding::Hex,
        prefix: String::new(),
        signs: vec![SignedPart::Body],
        timestamp: None,
        key: KeyForm::Text,
    };
    let timed = Hmac {
        signs: vec![SignedPart::Timestamp, SignedPart::Body],
        timestamp: Some("X-Time".to_owned()),
        ..plain.clone()
    };
    let signed = |hmac: &Hmac, id: Option<CallId>, stamp: i64, body: &[u8]| {
        let signing = Signing::Hmac(hmac.clone());
        let secret = "a secret of sixteen bytes";
        let keys = keys(&signing, &[secret]);
        let demand = Demand::new(&WebhookInterface { id, ..webhook(signing) }).unwrap();
        let stamp = stamp.to_string();
        let time = if hmac.timestamp.is_some() { stamp.as_bytes() } else { b"" };
        let key = aws_lc_rs::hmac::Key::new(aws_lc_rs::hmac::HMAC_SHA256, secret.as_bytes());
        let signature = aws_lc_rs::hmac::sign(&key, &[time, body].concat());
        let signature: String = signature.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
        let headers = headers(&[("x-signature", &signature), ("x-time", &stamp)]);
        let call = Call { rest: "", headers: &headers, address: "192.0.2.1".parse().unwrap(), client: None };
        let begun = demand.begin(call, &keys, Timestamp::from_second(STAMP).unwrap()).unwrap();
        begun.finish(&keys, body).unwrap().signed
    };
    let at_header = || header("X-Delivery");
    let first = signed(&plain, at_header(), STAMP, b"{}");
    assert!(first.is_some());
    assert_eq!(signed(&plain, at_header(), STAMP + 9, b"{}"), first, "its time is not signed");
    assert_ne!(signed(&plain, at_header(), STAMP, b"{ }"), first);
    let at_once = signed(&timed, at_header(), STAMP, b"{}");
    assert_eq!(signed(&timed, at_header(), STAMP, b"{}"), at_once);
    assert_ne!(signed(&timed, at_header(), STAMP + 9, b"{}"), at_once);
    for id in [Some(CallId::At("/id".to_owned())), None] {
        assert_eq!(signed(&plain, id, STAMP, b"{}"), None);
    }
    let (id, hash) = ("d-1".to_owned(), [3; 32]);
    let demand = Demand::new(&WebhookInterface { id: at_header(), ..webhook(Signing::Hmac(plain)) }).unwrap();
    let name = demand.name(&headers(&[("x-delivery", "d-1")]), b"{}", &json!({}), Some(hash));
    assert_eq!(name, Some(CallName::Unproven { id, signed: hash }));
}

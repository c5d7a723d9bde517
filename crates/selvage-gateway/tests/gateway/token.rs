//! Tokens: good ones pass, and a table of forged ones does not. Decisions are pure, so the time is what the test says.

use http::{HeaderMap, HeaderValue, Method, Version};
use jiff::Timestamp;
use selvage_gateway::{ClientCertificate, Head, IssuerKeys, KeysOfIssuers, Plan, Snapshot, SnapshotSource, decide};
use selvage_model::fabric::Fabric;
use selvage_model::read::{Sources, read};
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::client::head;
use super::fabric::access;
use super::running::Running;
use super::signer::{Signer, encode};

const NOW: i64 = 1_780_272_000;
const PASSES: &str = "passes";

pub fn fabric(upstream: &str) -> Fabric {
    fabric_of(include_str!("data/identity.yaml"), upstream)
}

fn fabric_of(manifests: &str, upstream: &str) -> Fabric {
    let mut sources = Sources::of("identity.yaml", &manifests.replace("UPSTREAM", upstream));
    sources.insert("contracts/stock.yaml", include_str!("data/stock.yaml"));
    let reading = read(&sources);
    assert!(reading.is_clean(), "{:#?}", reading.findings);
    reading.fabric
}

pub fn keys(shown: &[(&str, &[&Signer])]) -> KeysOfIssuers {
    let set = |signers: &[&Signer]| json!({"keys": signers.iter().map(|signer| signer.shown()).collect::<Vec<_>>()});
    let keys = |signers: &[&Signer]| Arc::new(IssuerKeys::read(&set(signers)).unwrap());
    shown.iter().map(|(url, signers)| ((*url).to_owned(), keys(signers))).collect()
}

pub fn compile(fabric: &Fabric, keys: &KeysOfIssuers, environment: &str) -> Snapshot {
    let environment = environment.parse().unwrap();
    let access = access(fabric);
    Snapshot::compile(&SnapshotSource { fabric, access: &access, keys, environment: &environment, release: "rel" })
        .unwrap()
}

fn decided(snapshot: &Snapshot, token: &str, client: Option<&ClientCertificate>, now: i64) -> String {
    let mut headers = HeaderMap::new();
    headers.insert("host", HeaderValue::from_static("gateway.test"));
    if !token.is_empty() {
        headers.insert("authorization", HeaderValue::try_from(format!("Bearer {token}")).unwrap());
    }
    let method = Method::GET;
    let path = "/stock/v1/items";
    let head = Head {
        method: &method,
        authority: None,
        path,
        query: None,
        version: Version::HTTP_11,
        headers: &headers,
        client,
    };
    match decide(snapshot, &head, Timestamp::from_second(now).unwrap()) {
        Plan::Proxy { permit, .. } => format!("{PASSES} {}", permit.consumer),
        Plan::Refuse(refusal) => format!("{} {}", refusal.problem.status, refusal.problem.code),
        other => panic!("{other:?}"),
    }
}

fn claims(more: &Value) -> Value {
    let mut claims =
        json!({"iss": "https://login.test/plant", "sub": "mes-ghent", "aud": "selvage", "exp": NOW + 300, "iat": NOW});
    for (name, value) in more.as_object().unwrap() {
        claims[name] = value.clone();
        if value.is_null() {
            claims.as_object_mut().unwrap().remove(name);
        }
    }
    claims
}

const PLANT: &str = "https://login.test/plant";

#[test]
fn a_good_token_names_its_consumer() {
    let fabric = fabric("127.0.0.1:1");
    let signers = [Signer::ed("ed"), Signer::ec("ec"), Signer::rsa("rsa")];
    let client = Signer::ed("c1");
    let all: Vec<&Signer> = signers.iter().collect();
    let keys = keys(&[(PLANT, &all), ("https://clients.test", &[&client])]);
    let snapshot = compile(&fabric, &keys, "dev");
    for signer in &signers {
        let name = signer.id;
        let passes = |token: &str| assert_eq!(decided(&snapshot, token, None, NOW), "passes mes", "{name}: {token}");
        passes(&signer.token(&claims(&json!({}))));
        passes(&signer.token(&claims(&json!({"iss": "https://login.test/plant/"}))));
        passes(&signer.token(&claims(&json!({"aud": ["other", "urn:selvage"], "exp": NOW as f64 + 0.5, "nbf": NOW}))));
        passes(&signer.token_of(&json!({"alg": signer.algorithm()}), &claims(&json!({}))));
        passes(&signer.token_of(
            &json!({"alg": signer.algorithm(), "typ": "JWT", "kid": name, "jku": "https://evil.test"}),
            &claims(&json!({})),
        ));
    }
    let token = client.token(&claims(&json!({"iss": "https://clients.test", "client_id": "board", "sub": "somebody"})));
    assert_eq!(decided(&snapshot, &token, None, NOW), "passes board", "the claim that the issuer names so");
}

#[test]
#[expect(clippy::too_many_lines, reason = "a table")]
fn a_forged_token_does_not_pass() {
    let fabric = fabric("127.0.0.1:1");
    let (ed, ec, rsa) = (Signer::ed("ed"), Signer::ec("ec"), Signer::rsa("rsa"));
    let (stranger, client) = (Signer::ed("ed"), Signer::ed("c1"));
    let keys = keys(&[(PLANT, &[&ed, &ec, &rsa]), ("https://clients.test", &[&client])]);
    let snapshot = compile(&fabric, &keys, "dev");
    let good = ed.token(&claims(&json!({})));
    let part = |index: usize| good.split('.').nth(index).unwrap().to_owned();
    let head = json!({"alg": "EdDSA", "kid": "ed"});
    let secret = |head: &Value| {
        // Signed with the public key as if it were a secret.
        let signed = format!("{}.{}", encode(head.to_string()), encode(claims(&json!({})).to_string()));
        let public = rsa.shown()["n"].as_str().unwrap().as_bytes().to_vec();
        let key = aws_lc_rs::hmac::Key::new(aws_lc_rs::hmac::HMAC_SHA256, &public);
        format!("{signed}.{}", encode(aws_lc_rs::hmac::sign(&key, signed.as_bytes())))
    };
    let nested = "[".repeat(200) + &"]".repeat(200);
    let rows: Vec<(&str, String, &str)> = vec![
        ("as it should be", good.clone(), "passes mes"),
        ("no signature", format!("{}.{}.", part(0), part(1)), "401 FAB4084"),
        ("alg none", format!("{}.{}.", encode(r#"{"alg":"none"}"#), part(1)), "401 FAB4082"),
        ("alg None", format!("{}.{}.", encode(r#"{"alg":"None"}"#), part(1)), "401 FAB4082"),
        ("alg empty", format!("{}.{}.{}", encode(r#"{"alg":""}"#), part(1), part(2)), "401 FAB4082"),
        ("the public key as a secret", secret(&json!({"alg": "HS256", "kid": "rsa"})), "401 FAB4082"),
        ("the same as another algorithm", secret(&json!({"alg": "RS256", "kid": "rsa"})), "401 FAB4084"),
        (
            "an algorithm that is not declared",
            rsa.token_of(&json!({"alg": "PS256", "kid": "rsa"}), &claims(&json!({}))),
            "401 FAB4082",
        ),
        (
            "another key's algorithm",
            ed.token_of(&json!({"alg": "ES256", "kid": "ed"}), &claims(&json!({}))),
            "401 FAB4083",
        ),
        ("no algorithm", ed.token_of(&json!({"kid": "ed"}), &claims(&json!({}))), "401 FAB4080"),
        ("another's key of that id", stranger.token(&claims(&json!({}))), "401 FAB4084"),
        ("another issuer's key", client.token_of(&head, &claims(&json!({}))), "401 FAB4084"),
        (
            "a key that is not shown",
            ed.token_of(&json!({"alg": "EdDSA", "kid": "new"}), &claims(&json!({}))),
            "401 FAB4083",
        ),
        (
            "a key id that leads elsewhere",
            ed.token_of(&json!({"alg": "EdDSA", "kid": "../../dev/null"}), &claims(&json!({}))),
            "401 FAB4083",
        ),
        (
            "a key id that is no text",
            ed.token_of(&json!({"alg": "EdDSA", "kid": 7}), &claims(&json!({}))),
            "401 FAB4080",
        ),
        (
            "a key of its own",
            stranger.token_of(&json!({"alg": "EdDSA", "jwk": stranger.shown()}), &claims(&json!({}))),
            "401 FAB4084",
        ),
        (
            "crit",
            ed.token_of(&json!({"alg": "EdDSA", "kid": "ed", "crit": ["exp"]}), &claims(&json!({}))),
            "401 FAB4080",
        ),
        ("b64", ed.token_of(&json!({"alg": "EdDSA", "kid": "ed", "b64": false}), &claims(&json!({}))), "401 FAB4080"),
        (
            "for logging out",
            ed.token_of(&json!({"alg": "EdDSA", "kid": "ed", "typ": "logout+jwt"}), &claims(&json!({}))),
            "401 FAB4080",
        ),
        (
            "a kind that is no text",
            ed.token_of(&json!({"alg": "EdDSA", "kid": "ed", "typ": ["JWT"]}), &claims(&json!({}))),
            "401 FAB4080",
        ),
        (
            "a changed claim",
            format!("{}.{}.{}", part(0), encode(claims(&json!({"sub": "admin"})).to_string()), part(2)),
            "401 FAB4084",
        ),
        (
            "a claim twice",
            ed.token_raw(&head.to_string(), &claims(&json!({})).to_string().replacen('{', r#"{"sub":"admin","#, 1)),
            "401 FAB4080",
        ),
        (
            "an algorithm twice",
            ed.token_raw(r#"{"alg":"none","alg":"EdDSA"}"#, &claims(&json!({})).to_string()),
            "401 FAB4080",
        ),
        ("claims that are a list", ed.token_raw(&head.to_string(), "[]"), "401 FAB4080"),
        ("claims without a bottom", ed.token_raw(&head.to_string(), &nested), "401 FAB4080"),
        ("four parts", format!("{good}.x"), "401 FAB4011"),
        ("two parts", format!("{}.{}", part(0), part(1)), "401 FAB4011"),
        ("three empty parts", "..".to_owned(), "401 FAB4080"),
        ("padding", format!("{}=.{}.{}", part(0), part(1), part(2)), "401 FAB4080"),
        ("a signature with a tail", format!("{good}AA"), "401 FAB4084"),
        ("too long", ed.token(&claims(&json!({"more": "x".repeat(20_000)}))), "401 FAB4080"),
        ("no issuer", ed.token(&claims(&json!({"iss": null}))), "401 FAB4080"),
        ("an unknown issuer", ed.token(&claims(&json!({"iss": "https://evil.test"}))), "401 FAB4081"),
        (
            "an issuer of another environment",
            ed.token(&claims(&json!({"iss": "https://login.test/other"}))),
            "401 FAB4081",
        ),
        ("an issuer with a tail", ed.token(&claims(&json!({"iss": "https://login.test/plant//"}))), "401 FAB4081"),
        (
            "another issuer's name",
            ed.token(&claims(&json!({"iss": "https://clients.test", "client_id": "board"}))),
            "401 FAB4083",
        ),
        ("an issuer without keys", rsa.token(&claims(&json!({"iss": "https://silent.test"}))), "503 FAB4088"),
        ("for nobody", ed.token(&claims(&json!({"aud": null}))), "401 FAB4085"),
        ("for another", ed.token(&claims(&json!({"aud": "shop"}))), "401 FAB4085"),
        (
            "for almost the same",
            ed.token(&claims(&json!({"aud": ["Selvage", "selvage ", {"selvage": 1}]}))),
            "401 FAB4085",
        ),
        ("without an end", ed.token(&claims(&json!({"exp": null}))), "401 FAB4080"),
        ("an end that is a text", ed.token(&claims(&json!({"exp": "9999999999"}))), "401 FAB4080"),
        ("an end beyond numbers", ed.token(&claims(&json!({"exp": 1e300}))), "401 FAB4080"),
        ("ended", ed.token(&claims(&json!({"exp": NOW - 31}))), "401 FAB4086"),
        ("ended within the leeway", ed.token(&claims(&json!({"exp": NOW - 29}))), "passes mes"),
        (
            "ended without a leeway",
            client.token(&claims(&json!({"iss": "https://clients.test", "client_id": "board", "exp": NOW}))),
            "401 FAB4086",
        ),
        ("not yet", ed.token(&claims(&json!({"nbf": NOW + 31}))), "401 FAB4086"),
        ("made tomorrow", ed.token(&claims(&json!({"iat": NOW + 86_400}))), "401 FAB4086"),
        ("not yet, as a text", ed.token(&claims(&json!({"nbf": "0"}))), "401 FAB4080"),
        ("nobody", ed.token(&claims(&json!({"sub": null}))), "401 FAB4087"),
        ("an empty name", ed.token(&claims(&json!({"sub": ""}))), "401 FAB4087"),
        ("a name that is a list", ed.token(&claims(&json!({"sub": ["mes-ghent"]}))), "401 FAB4087"),
        ("somebody else", ed.token(&claims(&json!({"sub": "MES-ghent"}))), "401 FAB4087"),
        ("another issuer's subject", ed.token(&claims(&json!({"sub": "board"}))), "401 FAB4087"),
    ];
    for (what, token, expected) in &rows {
        assert_eq!(decided(&snapshot, token, None, NOW), *expected, "{what}: {token}");
    }
    // Every bit of a signature counts.
    let signature = base64::Engine::decode(&base64::engine::general_purpose::URL_SAFE_NO_PAD, part(2)).unwrap();
    for place in 0..signature.len() {
        let mut other = signature.clone();
        other[place] ^= 1;
        let token = format!("{}.{}.{}", part(0), part(1), encode(other));
        assert_eq!(decided(&snapshot, &token, None, NOW), "401 FAB4084", "byte {place}");
    }
}

#[test]
fn keys_that_are_not_for_signing_are_passed_over() {
    let signer = Signer::ed("ed");
    let with = |name: &str, value: Value| {
        let mut shown = signer.shown();
        shown[name] = value;
        IssuerKeys::read(&json!({"keys": [shown]})).map(|keys| keys.len())
    };
    assert_eq!(with("use", json!("sig")), Ok(1));
    assert_eq!(with("key_ops", json!(["verify"])), Ok(1));
    let rows =
        [("use", json!("enc")), ("key_ops", json!(["encrypt"])), ("alg", json!("ES256")), ("crv", json!("Ed448"))];
    for (name, value) in rows.into_iter().chain([("kty", json!("oct")), ("x", json!("AAAA")), ("x", json!(7))]) {
        assert!(with(name, value.clone()).is_err(), "{name}: {value}");
    }
    for set in [json!([]), json!({}), json!({"keys": {}}), json!({"keys": []}), json!({"keys": [7, null, {}]})] {
        assert!(IssuerKeys::read(&set).is_err(), "{set}");
    }
    let many = vec![signer.shown(); 65];
    assert!(IssuerKeys::read(&json!({"keys": many})).is_err());
    let small = json!({"keys": [{"kty": "RSA", "n": encode([1; 128]), "e": "AQAB"}]});
    assert!(IssuerKeys::read(&small).is_err(), "a key of 1024 bits");
}

#[test]
fn a_certificate_names_its_consumer() {
    let snapshot = compile(&fabric("127.0.0.1:1"), &KeysOfIssuers::new(), "dev");
    let certificate = |subject: &str, names: &[&str]| ClientCertificate {
        ends: Timestamp::MAX,
        subject: subject.to_owned(),
        names: names.iter().map(|name| (*name).to_owned()).collect(),
        fingerprint: [0; 32],
    };
    let rows = [
        (certificate("CN=saw,O=Velo Works,C=BE", &[]), "passes saw"),
        (certificate("CN=anything", &["IP:10.0.0.1", "DNS:press.velo.example"]), "passes press"),
        (certificate("CN=saw,O=Velo Works", &["DNS:saw"]), "401 FAB4089"),
        (certificate("DNS:press.velo.example,CN=x", &["press.velo.example", "URI:press.velo.example"]), "401 FAB4089"),
        (certificate("", &[]), "401 FAB4089"),
    ];
    for (client, expected) in &rows {
        assert_eq!(decided(&snapshot, "", Some(client), NOW), *expected, "{client:?}");
    }
    let saw = certificate("CN=saw,O=Velo Works,C=BE", &[]);
    assert_eq!(decided(&snapshot, "slv_wrong", Some(&saw), NOW), "401 FAB4011", "what is presented decides");
    assert_eq!(decided(&snapshot, "", None, NOW), "401 FAB4010");
}

/// The consumer, its grant and the token are as they were; only who a consumer is has changed.
#[test]
fn a_stream_ends_when_its_token_names_nobody_any_more() {
    let signer = Signer::ed("ed");
    let keys = keys(&[("https://login.test/plant", &[&signer])]);
    let manifests = include_str!("data/identity.yaml").replace("[list-items]", "[list-items, get-item]");
    let snapshot = |manifests: &str, upstream: &str| compile(&fabric_of(manifests, upstream), &keys, "dev");
    let running = Running::serving(|upstream| snapshot(&manifests, upstream), |_| {});
    let upstream = running.upstream.address.to_string();
    let now = Timestamp::now().as_second();
    let token = signer.token(&claims(&json!({"exp": now + 300, "iat": now})));
    for (subject, ends) in [("mes-ghent", false), ("mes-brno", true)] {
        let mut client = running.client();
        client.send(head("GET", "/stock/v1/items/stall", &[&format!("Authorization: Bearer {token}")], 0));
        std::thread::sleep(Duration::from_millis(1_200));
        let moved = format!("# lines move\n{}", manifests.replace("mes-ghent", subject));
        running.gateway.swap(Arc::new(snapshot(&moved, &upstream)));
        let began = Instant::now();
        assert!(client.try_read(false).is_none());
        assert_eq!(began.elapsed() < Duration::from_secs(2), ends, "{subject}: {:?}", began.elapsed());
    }
}

//! `POST /oauth/token` through the port: what it takes, what it refuses and in which words, and that tokens end with their key.

use std::net::SocketAddr;
use std::sync::Arc;

use base64::Engine as _;
use jiff::{Timestamp, ToSpan};
use selvage_gateway::{Gateway, GatewayConfig, IssuerKeys, KeysOfIssuers, Snapshot, SnapshotSource};
use selvage_model::access::AccessState;
use selvage_model::fabric::Fabric;
use selvage_model::read::{Sources, read};
use serde_json::{Value, json};

use super::client::{Answer, Client};
use super::fabric::{access, key};
use super::running::Engine;
use super::upstream::Upstream;

const FORM: &str = "Content-Type: application/x-www-form-urlencoded";
const SECRET: &str = "0123456789abcdef0123456789abcdef";
const URL: &str = "https://api.test";

struct Node {
    gateway: Gateway,
    fabric: Fabric,
    _upstream: Upstream,
}

impl Node {
    fn start(secret: &str) -> Self {
        let upstream = Upstream::start();
        let manifests = include_str!("data/identity.yaml").replace("UPSTREAM", &upstream.address.to_string())
            + "---\nkind: Issuer\nname: internal\nowner: owners\nenvironments:\n  \
               dev: {url: 'https://api.test', audiences: [selvage, shop], signing: {secret: selvage/tokens, lifetime: 2m}}\n\
               ---\nkind: Consumer\nname: shift\nowner: owners\nidentity: {oauth: {issuer: internal, client: shift-app}}\n\
               ---\nkind: Grant\nconsumer: shift\ninterface: stock@1\noperations: [list-items]\npurpose: test\n";
        let mut sources = Sources::of("identity.yaml", &manifests);
        sources.insert("contracts/stock.yaml", include_str!("data/stock.yaml"));
        let reading = read(&sources);
        assert!(reading.is_clean(), "{:#?}", reading.findings);
        let fabric = reading.fabric;
        let mut config = GatewayConfig::new(SocketAddr::from(([127, 0, 0, 1], 0)));
        config.threads = 1;
        let first = snapshot(&fabric, &access(&fabric), secret);
        let gateway = Gateway::start(config, Arc::new(first), Arc::new(Engine::default())).unwrap();
        Self { gateway, fabric, _upstream: upstream }
    }

    fn take(&self, access: &AccessState, secret: &str) {
        self.gateway.swap(Arc::new(snapshot(&self.fabric, access, secret)));
    }

    fn client(&self) -> Client {
        Client::connect(self.gateway.address())
    }

    fn ask(&self, headers: &[&str], form: &str) -> Answer {
        self.client().request("POST", "/oauth/token", headers, form.as_bytes())
    }

    fn token(&self) -> String {
        let form = format!("grant_type=client_credentials&client_id=shift-app&client_secret={}", key("shift"));
        let answer = self.ask(&[FORM], &form);
        assert_eq!(answer.status, 200, "{}", answer.text());
        answer.json()["access_token"].as_str().unwrap().to_owned()
    }

    fn said(&self, token: &str) -> (u16, String) {
        let bearer = format!("Authorization: Bearer {token}");
        self.client().request("GET", "/stock/v1/items", &[&bearer], b"").said()
    }
}

fn snapshot(fabric: &Fabric, access: &AccessState, secret: &str) -> Snapshot {
    let own = &fabric.issuers[&"internal".parse().unwrap()].environments[0];
    let own = IssuerKeys::derive(secret, own.signing.as_ref().unwrap(), Timestamp::now());
    let keys: KeysOfIssuers = own.into_iter().map(|keys| (URL.to_owned(), Arc::new(keys))).collect();
    let environment = "dev".parse().unwrap();
    Snapshot::compile(&SnapshotSource { fabric, access, keys: &keys, environment: &environment, release: "rel" })
        .unwrap()
}

fn basic(client: &str, secret: &str) -> String {
    let pair = base64::engine::general_purpose::STANDARD.encode(format!("{client}:{secret}"));
    format!("Authorization: Basic {pair}")
}

#[test]
fn a_client_gets_a_token_and_is_known_by_it() {
    let node = Node::start(SECRET);
    let grant = "grant_type=client_credentials";
    let answer = node.ask(&[FORM, &basic("shift-app", &key("shift"))], grant);
    assert_eq!((answer.status, answer.header("cache-control")), (200, Some("no-store")));
    let body = answer.json();
    assert_eq!((body["token_type"].as_str(), body["expires_in"].as_i64()), (Some("Bearer"), Some(120)));
    let token = body["access_token"].as_str().unwrap();
    assert_eq!(node.said(token).0, 200);
    assert_eq!(node.said(&key("shift")), (401, "FAB4095".to_owned()), "the key itself opens nothing");

    let claims = |token: &str| -> Value {
        let part = token.split('.').nth(1).unwrap();
        serde_json::from_slice(&base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap()
    };
    assert_eq!(claims(token)["aud"], json!("selvage"));
    let shop =
        node.ask(&[FORM, &basic("shift-app", &key("shift"))], "grant_type=client_credentials&audience=shop").json();
    assert_eq!(claims(shop["access_token"].as_str().unwrap())["aud"], json!("shop"));

    // What others check it by: the key that its head names is shown, and two more.
    let metadata = node.client().request("GET", "/.well-known/oauth-authorization-server", &[], b"").json();
    assert_eq!(metadata["issuer"], json!(URL));
    assert_eq!(metadata["jwks_uri"], json!("https://api.test/.well-known/jwks.json"));
    let set = node.client().request("GET", "/.well-known/jwks.json", &[], b"").json();
    let ids: Vec<&str> = set["keys"].as_array().unwrap().iter().map(|key| key["kid"].as_str().unwrap()).collect();
    let head = base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(token.split('.').next().unwrap()).unwrap();
    let head: Value = serde_json::from_slice(&head).unwrap();
    assert_eq!(ids.len(), 3);
    assert_eq!(ids.iter().position(|id| *id == head["kid"]), Some(1), "before, now, next");
    assert!(IssuerKeys::read(&set).is_ok_and(|keys| keys.len() == 3), "and it is a set that others can read");
}

#[test]
fn what_is_not_a_clients_request_gets_no_token() {
    let node = Node::start(SECRET);
    let good = basic("shift-app", &key("shift"));
    let grant = "grant_type=client_credentials";
    let in_form = |client: &str, secret: &str| format!("{grant}&client_id={client}&client_secret={secret}");
    let rows: Vec<(Vec<&str>, String, u16, &str, &str)> = vec![
        (vec![&good], grant.to_owned(), 400, "invalid_request", "FAB4092"),
        (vec![&good, "Content-Type: application/json"], "{}".to_owned(), 400, "invalid_request", "FAB4092"),
        (vec![&good, FORM], String::new(), 400, "invalid_request", "FAB4092"),
        (vec![&good, FORM], "grant_type=password".to_owned(), 400, "unsupported_grant_type", "FAB4092"),
        (vec![&good, FORM], format!("{grant}&{grant}"), 400, "invalid_request", "FAB4092"),
        (vec![&good, FORM], in_form("shift-app", &key("shift")), 400, "invalid_request", "FAB4092"),
        (vec![&good, FORM], format!("{grant}&audience=bank"), 400, "invalid_target", "FAB4092"),
        (vec![&good, FORM], format!("{grant}&audience=%ff"), 400, "invalid_request", "FAB4092"),
        (vec![FORM], grant.to_owned(), 401, "invalid_client", "FAB4093"),
        (vec![FORM], in_form("shift-app", "wrong"), 401, "invalid_client", "FAB4093"),
        (vec![FORM], in_form("shift", &key("shift")), 401, "invalid_client", "FAB4093"),
        (vec![FORM], in_form("night", &key("night")), 401, "invalid_client", "FAB4093"),
        (vec![FORM], in_form("shift-app", &key("night")), 401, "invalid_client", "FAB4093"),
        (vec![FORM, "Authorization: Bearer x"], grant.to_owned(), 401, "invalid_client", "FAB4093"),
        (vec![FORM, "Authorization: Basic !!!"], grant.to_owned(), 401, "invalid_client", "FAB4093"),
        (vec![&good, FORM], format!("{grant}&more={}", "x".repeat(9_000)), 400, "invalid_request", "FAB4092"),
    ];
    for (headers, form, status, error, code) in rows {
        let answer = node.ask(&headers, &form);
        let body = answer.json();
        let said = (answer.status, body["error"].as_str().unwrap(), body["code"].as_str().unwrap());
        assert_eq!(said, (status, error, code), "{headers:?} {form:.60}");
        assert_eq!(answer.header("cache-control"), Some("no-store"));
        assert_eq!(answer.header("www-authenticate").is_some(), status == 401);
        assert!(!answer.text().contains(&key("shift")), "no secret is repeated");
    }
    let get = node.client().request("GET", "/oauth/token", &[], b"");
    assert_eq!((get.status, get.header("allow")), (405, Some("POST")));
}

#[test]
fn a_token_ends_with_its_key_and_with_its_secret() {
    let node = Node::start(SECRET);
    let token = node.token();
    assert_eq!(node.said(&token).0, 200);
    let mut state = access(&node.fabric);
    let shift = |state: &mut AccessState| state.credentials.iter().position(|key| key.id == "key_shift").unwrap();
    let place = shift(&mut state);
    state.credentials[place].revoked = Some(Timestamp::now());
    node.take(&state, SECRET);
    assert_eq!(node.said(&token), (401, "FAB4012".to_owned()), "REVOKED-NOW");
    state.credentials[place].revoked = None;
    state.credentials[place].expires = Some(Timestamp::now() + 30.seconds());
    node.take(&state, SECRET);
    let form = format!("grant_type=client_credentials&client_id=shift-app&client_secret={}", key("shift"));
    let lasts = node.ask(&[FORM], &form).json()["expires_in"].as_i64().unwrap();
    assert!((1..=30).contains(&lasts), "no longer than its key: {lasts}");
    state.credentials.clear();
    node.take(&state, SECRET);
    assert_eq!(node.said(&token), (401, "FAB4012".to_owned()), "the key is gone");

    node.take(&access(&node.fabric), "another secret of more than 32 characters");
    assert_eq!(node.said(&token), (401, "FAB4083".to_owned()), "a new secret ends all tokens");
    node.take(&access(&node.fabric), "short");
    assert_eq!(node.said(&token), (503, "FAB4088".to_owned()));
    let answer = node.ask(&[FORM], &form);
    assert_eq!((answer.status, answer.json()["error"].as_str()), (503, Some("temporarily_unavailable")));
    assert_eq!(node.client().request("GET", "/.well-known/jwks.json", &[], b"").status, 503);
}

#[test]
fn a_client_that_asks_without_end_is_slowed_down() {
    let node = Node::start(SECRET);
    let form = format!("grant_type=client_credentials&client_id=shift-app&client_secret={}", key("shift"));
    let answers: Vec<Answer> = (0..70).map(|_| node.ask(&[FORM], &form)).collect();
    let refused: Vec<&Answer> = answers.iter().filter(|answer| answer.status == 429).collect();
    assert!(!refused.is_empty() && answers[..60].iter().all(|answer| answer.status == 200));
    assert!(refused.iter().all(|answer| answer.header("retry-after").is_some()));
    assert_eq!(refused[0].json()["code"], json!("FAB4094"));
}

#[test]
fn keys_change_by_themselves_and_are_known_ahead() {
    let fabric = Node::start(SECRET).fabric;
    let signing = fabric.issuers[&"internal".parse().unwrap()].environments[0].signing.clone().unwrap();
    let at = |days: i64| Timestamp::from_second(1_780_272_000 + days * 86_400).unwrap();
    let (today, same, next) = (at(0), at(1), at(30));
    assert_eq!(IssuerKeys::period(&signing, today) + 1, IssuerKeys::period(&signing, next));
    let keys = |when| IssuerKeys::derive(SECRET, &signing, when).unwrap();
    if IssuerKeys::period(&signing, today) == IssuerKeys::period(&signing, same) {
        assert!(keys(today).same_as(&keys(same)), "every node has the same ones");
    }
    assert!(!keys(today).same_as(&keys(next)));
    assert!(IssuerKeys::derive("too short", &signing, today).is_err());
}

#[test]
fn what_came_of_requests_for_tokens_is_counted_by_whose_they_were_and_nothing_they_showed_is_kept() {
    let node = Node::start(SECRET);
    let counted = node.gateway.counted();
    let in_form = |client: &str, secret: &str| {
        let form = format!("grant_type=client_credentials&client_id={client}&client_secret={secret}");
        node.ask(&[FORM], &form).status
    };
    assert_eq!(in_form("shift-app", &key("shift")), 200);
    assert_eq!(in_form("shift-app", &key("shift")), 200);
    assert_eq!(in_form("shift-app", "wrong"), 401);
    assert_eq!(in_form("shift-app", &key("night")), 401, "the key of another");
    assert_eq!(in_form(&key("night"), "its secret in the place of its name"), 401);
    let foreign = format!("{}&audience=bank", "grant_type=client_credentials");
    assert_eq!(node.ask(&[FORM, &basic("shift-app", &key("shift"))], &foreign).status, 400);
    let said: Vec<(Option<String>, bool, Option<String>, u64)> = counted
        .tokens()
        .into_iter()
        .map(|(ask, count)| {
            let name = ask.consumer.map(|name| name.to_string());
            (name, ask.key.is_some(), ask.refused.map(|code| code.to_string()), count)
        })
        .collect();
    let shift = || Some("shift".to_owned());
    let expected = [
        (None, false, Some("FAB4093".to_owned()), 1),
        (shift(), false, Some("FAB4093".to_owned()), 2),
        (shift(), true, None, 2),
        (shift(), true, Some("FAB4092".to_owned()), 1),
    ];
    assert_eq!(said, expected);
    assert!(counted.tokens().is_empty(), "each is told once");
}

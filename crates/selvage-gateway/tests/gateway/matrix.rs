//! The authorization matrix, made through the port: who asks, by which right, in which life of the interface, for what. A cell
//! that changes is seen in review.

mod scope;

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::sync::Arc;

use jiff::{Timestamp, ToSpan};
use selvage_gateway::{Gateway, GatewayConfig, IssuerKeys, KeysOfIssuers, Mediation, Snapshot, SnapshotSource};
use selvage_model::access::{AccessState, Credential, EndAction, GrantTerms, KeyHash, LiveGrant, Principal};
use selvage_model::fabric::Fabric;
use selvage_model::manifest::api::Api;
use selvage_model::read::{Sources, read};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::client::Client;
use super::mtls::{SUBJECT, certified, listener};
use super::running::Engine;
use super::signer::{Signer, encode};
use super::upstream::Upstream;

const LIVES: [&str; 5] = ["draft", "active", "deprecated", "retired", "blocked"];
/// By which right: none, one that is open, ended by a person, over by time, over by time where that only alarms, for other
/// operations, under a condition that does not hold, under one that cannot be judged.
const RIGHTS: [&str; 8] = ["none", "open", "ended", "over", "overdue", "other", "unless", "unclear"];
const OPERATIONS: [(&str, &str, &str); 4] = [
    ("list of a direct interface", "GET", "/stock-LIFE/v1/items"),
    ("write of a direct interface", "PUT", "/stock-LIFE/v1/items/7"),
    ("list of a mediated interface, with rows and attributes", "GET", "/orders-LIFE/v1/orders"),
    ("write of a mediated interface, with rows and attributes", "POST", "/orders-LIFE/v1/orders/7/release"),
];
const SECRET: &str = "0123456789abcdef0123456789abcdef";
const PLANT: &str = "https://login.test/plant";
const OWN: &str = "https://api.test";

/// The fabric's manifests. The plant's certificate names the consumer of this right: there is one certificate, and it is one
/// consumer's.
fn manifests(upstream: &str, certified: &str) -> String {
    let mut text = format!(
        "kind: Fabric\nname: matrix\nenvironments: {{dev: {{keys: {{max_age: 90d}}}}}}\n---\nkind: Team\nname: owners\n\
         roles: {{owner: [o.wner]}}\n---\nkind: System\nname: wms\nconnector: http\nowner: owners\nzone: cloud\n\
         environments: {{dev: {{url: 'http://{upstream}'}}}}\n---\nkind: System\nname: odoo\nconnector: odoo\nowner: owners\n\
         zone: cloud\nenvironments: {{dev: {{url: 'http://odoo.invalid'}}}}\n---\nkind: Object\nname: order\nversion: 1.0\n\
         owner: owners\nidentity: [number]\nattributes: {{number: {{type: string}}, site: {{type: string}}, price: {{type: string}}}}\n\
         authority: [{{attributes: \"*\", record: odoo}}]\n---\nkind: Issuer\nname: plant\nowner: owners\nenvironments:\n  \
         dev: {{url: '{PLANT}', audiences: [selvage], algorithms: [EdDSA]}}\n---\nkind: Issuer\nname: internal\nowner: owners\n\
         environments:\n  dev: {{url: '{OWN}', signing: {{secret: selvage/tokens}}}}\n"
    );
    for life in LIVES {
        let more = if life == "deprecated" { "deprecation: {since: 2026-09-01, sunset: 2099-03-01}\n" } else { "" };
        let head = |name: &str| {
            format!(
                "---\nkind: Interface\nname: {name}-{life}\ntype: api\nversion: 1.0\nowner: owners\nlifecycle: {life}\n{more}"
            )
        };
        text += &head("stock");
        text += "control: direct\ncontract: {openapi: contracts/stock.yaml}\nupstream: {system: wms, path: /api}\n";
        text += &head("orders");
        text += "serves: {object: order@1, system: odoo, operations: [list, release]}\n";
    }
    writeln!(
        text,
        "---\nkind: Consumer\nname: cert-{certified}\nowner: owners\nidentity: {{mtls: {{subject: '{SUBJECT}'}}}}"
    )
    .unwrap();
    for right in RIGHTS {
        for (kind, identity) in [
            ("key", "{api_key: {}}".to_owned()),
            ("oidc", format!("{{oidc: {{issuer: plant, subject: s-{right}}}}}")),
            ("own", "{oauth: {issuer: internal}}".to_owned()),
        ] {
            writeln!(text, "---\nkind: Consumer\nname: {kind}-{right}\nowner: owners\nidentity: {identity}").unwrap();
        }
    }
    text
}

fn fabric(upstream: &str, certified: &str) -> Fabric {
    let mut sources = Sources::of("matrix.yaml", &manifests(upstream, certified));
    sources.insert("contracts/stock.yaml", include_str!("data/stock.yaml"));
    let reading = read(&sources);
    assert!(reading.is_clean(), "{:#?}", reading.findings);
    reading.fabric
}

/// The key of a consumer, in one of its states.
fn key(consumer: &str, state: &str) -> String {
    format!("slv_{consumer}_{state}")
}

fn access(fabric: &Fabric, second_is_revoked: bool) -> AccessState {
    let now = Timestamp::now();
    let (past, future) = (now - 24.hours(), now + 24.hours());
    let mut access = AccessState { revision: 1, ..AccessState::default() };
    for name in fabric.consumers.keys() {
        let mut issue = |state: &str, issued: Timestamp, expires: Option<Timestamp>, revoked: Option<Timestamp>| {
            access.credentials.push(Credential {
                id: format!("key_{name}_{state}"),
                principal: Principal::Consumer(name.clone()),
                hash: KeyHash(Sha256::digest(key(name.as_str(), state)).into()),
                issued,
                expires,
                revoked,
            });
        };
        issue("valid", past, None, None);
        issue("before", past, Some(future), None);
        issue("expired", past, Some(past), None);
        issue("revoked", past, None, Some(past));
        issue("aged", now - (91 * 24).hours(), Some(future), None);
        issue("second", past, None, second_is_revoked.then_some(past));
        let right = name.as_str().rsplit('-').next().unwrap();
        for (interface, declared) in &fabric.interfaces {
            let mut granted = grant(name.as_str(), &interface.to_string(), right, past, future);
            // What a direct interface can leave out stands in its contract: see `scope`.
            if let (Some(Api::Direct { .. }), Some(granted)) = (declared.api(), &mut granted) {
                let terms = Arc::make_mut(&mut granted.terms);
                (terms.rows, terms.except) = (Vec::new(), Vec::new());
            }
            access.grants.extend(granted);
        }
    }
    access
}

fn grant(consumer: &str, interface: &str, right: &str, past: Timestamp, future: Timestamp) -> Option<LiveGrant> {
    let mut terms = GrantTerms {
        rows: vec![("site".parse().unwrap(), vec![json!("ghent")])],
        except: vec!["price".parse().unwrap()],
        until: Some(future),
        ..GrantTerms::whole(["list-items", "put-item", "list", "release"])
    };
    let mut ended = None;
    match right {
        "none" => return None,
        "ended" => ended = Some(past),
        "over" => terms.until = Some(past),
        "overdue" => (terms.until, terms.on_end) = (Some(past), EndAction::Alarm),
        "other" => terms.operations = vec!["delete-item".to_owned(), "get".to_owned()],
        "unless" => terms.when = Some("request.method == 'PATCH'".to_owned()),
        "unclear" => terms.when = Some("request.query.never == 'there'".to_owned()),
        _ => {}
    }
    let (consumer, interface) = (consumer.parse().unwrap(), interface.parse().unwrap());
    let id = format!("grt_{consumer}_{interface}");
    Some(LiveGrant { id, consumer, interface, terms: terms.into(), environment: None, ended })
}

/// The issuer of the tests, and another that is not it.
struct Signers {
    plant: Signer,
    stranger: Signer,
}

impl Signers {
    fn keys(&self, fabric: &Fabric) -> KeysOfIssuers {
        let plant = IssuerKeys::read(&json!({"keys": [self.plant.shown()]})).unwrap();
        let own = &fabric.issuers[&"internal".parse().unwrap()].environments[0];
        let own = IssuerKeys::derive(SECRET, own.signing.as_ref().unwrap(), Timestamp::now()).unwrap();
        KeysOfIssuers::from([(PLANT.to_owned(), Arc::new(plant)), (OWN.to_owned(), Arc::new(own))])
    }

    /// A token as this identity shows it, for the consumer of a right.
    fn token(&self, identity: &str, right: &str) -> String {
        let now = Timestamp::now().as_second();
        let mut claims = json!({"iss": PLANT, "sub": format!("s-{right}"), "aud": "selvage", "exp": now + 300});
        let mut head = json!({"alg": "EdDSA", "kid": "k1"});
        let mut signer = &self.plant;
        match identity {
            "token: expired" => claims["exp"] = json!(now - 100),
            "token: not yet" => claims["nbf"] = json!(now + 100),
            "token: for another" => claims["aud"] = json!("shop"),
            "token: of another issuer" => claims["iss"] = json!("https://evil.test"),
            "token: of nobody" => claims["sub"] = json!("somebody"),
            "token: unknown key" => head["kid"] = json!("k2"),
            "token: wrong algorithm" => head["alg"] = json!("HS256"),
            "token: forged" => signer = &self.stranger,
            "token: unsigned" => return format!("{}.{}.", encode(r#"{"alg":"none"}"#), encode(claims.to_string())),
            _ => {}
        }
        signer.token_of(&head, &claims)
    }
}

const IDENTITIES: [&str; 24] = [
    "nobody",
    "key: unknown",
    "key: valid",
    "key: rotating, the one before",
    "key: rotating, the next",
    "key: expired",
    "key: revoked",
    "key: too old",
    "token: valid",
    "token: expired",
    "token: not yet",
    "token: for another",
    "token: of another issuer",
    "token: of nobody",
    "token: unknown key",
    "token: wrong algorithm",
    "token: forged",
    "token: unsigned",
    "own token: valid",
    "own token: its key revoked",
    "own token: changed",
    "own token's key itself",
    "certificate: of a consumer",
    "certificate: and a wrong key",
];

struct Matrix {
    gateway: Gateway,
    /// The same over TLS, with clients' certificates.
    secure: Gateway,
    /// What it runs, by right.
    certified: Vec<Arc<Snapshot>>,
    engine: Arc<Engine>,
    fabric: Fabric,
    signers: Signers,
}

impl Matrix {
    fn start() -> Self {
        let upstream = Upstream::start();
        let address = upstream.address.to_string();
        let of = |right: &&str| fabric(&address, right);
        let fabric = of(&"none");
        let signers = Signers { plant: Signer::ed("k1"), stranger: Signer::ed("k1") };
        let mut config = GatewayConfig::new(SocketAddr::from(([127, 0, 0, 1], 0)));
        config.threads = 1;
        let engine = Arc::new(Engine::default());
        let mediation: Arc<dyn Mediation> = Arc::<Engine>::clone(&engine);
        let certified = RIGHTS.iter().map(|right| Arc::new(snapshot(&of(right), &signers, true))).collect();
        let snapshot = Arc::new(snapshot(&fabric, &signers, false));
        let gateway = Gateway::start(config.clone(), Arc::clone(&snapshot), Arc::clone(&mediation)).unwrap();
        config.tls = Some(listener());
        let secure = Gateway::start(config, snapshot, mediation).unwrap();
        Self { gateway, secure, certified, engine, fabric, signers }
    }

    /// What each identity shows, by right.
    fn credentials(&self, identity: &str, right: &str) -> Option<String> {
        let own = |state: &str| own_token(&self.gateway, &format!("own-{right}"), &key(&format!("own-{right}"), state));
        let keyed = |state: &str| Some(key(&format!("key-{right}"), state));
        match identity {
            "nobody" | "certificate: of a consumer" => None,
            "key: unknown" | "certificate: and a wrong key" => keyed("never"),
            "key: valid" | "key: rotating, the next" => keyed("valid"),
            "key: rotating, the one before" => keyed("before"),
            "key: expired" => keyed("expired"),
            "key: revoked" => keyed("revoked"),
            "key: too old" => keyed("aged"),
            "own token: valid" => Some(own("valid")),
            "own token: its key revoked" => Some(own("second")),
            "own token: changed" => {
                let token = own("valid");
                let (signed, signature) = token.rsplit_once('.').unwrap();
                let flipped = if signature.starts_with('A') { "B" } else { "A" };
                Some(format!("{signed}.{flipped}{}", &signature[1..]))
            }
            "own token's key itself" => Some(key(&format!("own-{right}"), "valid")),
            token => Some(self.signers.token(token, right)),
        }
    }

    /// Status and code; of what the engine was asked, the scope.
    fn cell(&self, client: &mut Client, method: &str, path: &str, credential: Option<&str>) -> String {
        self.engine.asked.lock().unwrap().clear();
        let mut headers = vec!["Idempotency-Key: k".to_owned()];
        headers.extend(credential.map(|credential| format!("Authorization: Bearer {credential}")));
        let headers: Vec<&str> = headers.iter().map(String::as_str).collect();
        let answer = client.request(method, path, &headers, b"");
        let (status, code) = answer.said();
        let asked = self.engine.asked.lock().unwrap();
        let scope = asked.first().map(|asked| {
            let rows = asked.scope.rows.iter().map(|(name, values)| format!("{name}={}", Value::from(values.clone())));
            let except = asked.scope.except.iter().map(|name| format!("-{name}"));
            rows.chain(except).collect::<Vec<_>>().join(" ")
        });
        match (code.strip_prefix("FAB"), scope) {
            (Some(code), None) => format!("{status}/{code}"),
            (None, Some(scope)) => format!("{status} {scope}"),
            (None, None) => status.to_string(),
            (Some(code), Some(_)) => panic!("{path}: refused with {code}, and the engine was asked"),
        }
    }
}

fn snapshot(fabric: &Fabric, signers: &Signers, second_is_revoked: bool) -> Snapshot {
    let (environment, keys) = ("dev".parse().unwrap(), signers.keys(fabric));
    let access = access(fabric, second_is_revoked);
    let source = SnapshotSource { fabric, access: &access, keys: &keys, environment: &environment, release: "rel" };
    Snapshot::compile(&source).unwrap()
}

/// A token that Selvage issues.
fn own_token(gateway: &Gateway, client: &str, secret: &str) -> String {
    let form = format!("grant_type=client_credentials&client_id={client}&client_secret={secret}");
    let kind = ["Content-Type: application/x-www-form-urlencoded"];
    let answer = Client::connect(gateway.address()).request("POST", "/oauth/token", &kind, form.as_bytes());
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.json()["access_token"].as_str().unwrap().to_owned()
}

#[test]
fn the_matrix_is_as_it_was_agreed() {
    let matrix = Matrix::start();
    let shown: Vec<Vec<Option<String>>> = IDENTITIES
        .iter()
        .map(|identity| RIGHTS.iter().map(|right| matrix.credentials(identity, right)).collect())
        .collect();
    matrix.gateway.swap(Arc::new(snapshot(&matrix.fabric, &matrix.signers, true)));
    let mut client = Client::connect(matrix.gateway.address());
    let mut secure = certified(matrix.secure.address());
    let mut text = String::new();
    for life in LIVES {
        for (what, method, path) in OPERATIONS {
            writeln!(text, "## {life}: {what}\n").unwrap();
            writeln!(text, "{:30} {}", "", RIGHTS.map(|right| format!("{right:30}")).join(" ").trim_end()).unwrap();
            for (identity, shown) in IDENTITIES.iter().zip(&shown) {
                let path = path.replace("LIFE", life);
                let cells = shown.iter().zip(&matrix.certified).map(|(shown, certified)| {
                    if !identity.starts_with("certificate") {
                        return matrix.cell(&mut client, method, &path, shown.as_deref());
                    }
                    matrix.secure.swap(Arc::clone(certified));
                    matrix.cell(&mut secure, method, &path, shown.as_deref())
                });
                let cells: Vec<String> = cells.map(|cell| format!("{cell:30}")).collect();
                writeln!(text, "{identity:30} {}", cells.join(" ").trim_end()).unwrap();
            }
            text.push('\n');
        }
    }
    insta::assert_snapshot!("matrix", text);
}

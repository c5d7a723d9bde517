//! The part of the matrix that is about scope: which rows, which attributes and which classes of data a grant covers, by who asks, in
//! which life of the interface, for what. What a direct interface is asked and answers is looked into at the gateway; of a mediated one
//! the engine is told.

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::sync::Arc;

use jiff::{Timestamp, ToSpan};
use selvage_gateway::{Gateway, GatewayConfig, IssuerKeys, KeysOfIssuers, Mediation, Snapshot, SnapshotSource};
use selvage_model::access::{AccessState, Credential, GrantTerms, KeyHash, LiveGrant, Principal};
use selvage_model::fabric::Fabric;
use selvage_model::read::{Sources, read};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::super::client::Client;
use super::super::running::Engine;
use super::super::signer::Signer;
use super::super::upstream::Upstream;

const LIVES: [&str; 4] = ["active", "deprecated", "retired", "blocked"];
const IDENTITIES: [&str; 3] = ["nobody", "key", "token"];
/// What a grant covers: everything, some rows, not one attribute, not one class of data, and none of these three.
const SCOPES: [&str; 5] = ["whole", "rows", "except", "classes", "all"];
/// What is asked: of which interface, by what, with which body.
const REQUESTS: [(&str, &str, &str, &str); 16] = [
    ("direct, no rows named", "GET", "/items-LIFE/v1/items", ""),
    ("direct, rows of the grant", "GET", "/items-LIFE/v1/items?plant=ghent", ""),
    ("direct, other rows", "GET", "/items-LIFE/v1/items?plant=brno", ""),
    ("direct, both", "GET", "/items-LIFE/v1/items?plant=ghent&plant=brno", ""),
    ("direct, rows spelled otherwise", "GET", "/items-LIFE/v1/items?plant=ghent&Plant=brno", ""),
    ("direct, by what is left out", "GET", "/items-LIFE/v1/items?plant=ghent&sort=-price", ""),
    ("direct, by what has a class", "GET", "/items-LIFE/v1/items?plant=ghent&sort=maker", ""),
    ("direct, without a way to name rows", "GET", "/items-LIFE/v1/items/7", ""),
    ("direct, gives nothing that is hidden", "POST", "/items-LIFE/v1/items?plant=ghent", r#"{"number":"1"}"#),
    ("direct, gives what is left out", "POST", "/items-LIFE/v1/items?plant=ghent", r#"{"number":"1","price":"9"}"#),
    ("direct, gives what has a class", "POST", "/items-LIFE/v1/items?plant=ghent", r#"{"number":"1","maker":"x"}"#),
    ("mediated, list", "GET", "/orders-LIFE/v1/orders", ""),
    ("mediated, rows of the grant", "GET", "/orders-LIFE/v1/orders?site=ghent", ""),
    ("mediated, one", "GET", "/orders-LIFE/v1/orders/7", ""),
    ("mediated, create", "POST", "/orders-LIFE/v1/orders", r#"{"number":"1","price":"9"}"#),
    ("mediated, verb", "POST", "/orders-LIFE/v1/orders/7/release", ""),
];
const ANSWER: &str = r#"{"number":"1","price":"9","maker":"x"}"#;
const PLANT: &str = "https://login.test/plant";

const CONTRACT: &str = r##"
openapi: 3.1.0
info: {title: Items, version: "1"}
paths:
  /items:
    parameters:
      - {name: plant, in: query, x-selvage-row: site, schema: {type: string}}
      - {name: sort, in: query, schema: {type: string}}
    get:
      operationId: list
      responses: {"200": {description: ok, content: {application/json: {schema: {$ref: "#/components/schemas/item"}}}}}
    post:
      operationId: add
      requestBody: {content: {application/json: {schema: {$ref: "#/components/schemas/item"}}}}
      responses: {"200": {description: ok, content: {application/json: {schema: {$ref: "#/components/schemas/item"}}}}}
  /items/{id}:
    get:
      operationId: one
      parameters: [{name: id, in: path, required: true, schema: {type: string}}]
      responses: {"200": {description: ok, content: {application/json: {schema: {$ref: "#/components/schemas/item"}}}}}
components:
  schemas:
    item:
      type: object
      properties:
        number: {type: string}
        price: {type: string}
        maker: {type: [string, "null"], x-selvage-class: confidential}
"##;

fn manifests(upstream: &str) -> String {
    let mut text = format!(
        "kind: Fabric\nname: matrix\nenvironments: {{dev: {{}}}}\n---\nkind: Team\nname: owners\nroles: {{owner: [o.wner]}}\n---\n\
         kind: System\nname: wms\nconnector: http\nowner: owners\nzone: cloud\nenvironments: {{dev: {{url: 'http://{upstream}'}}}}\n\
         ---\nkind: System\nname: odoo\nconnector: odoo\nowner: owners\nzone: cloud\n\
         environments: {{dev: {{url: 'http://odoo.invalid'}}}}\n---\nkind: Object\nname: order\nversion: 1.0\nowner: owners\n\
         identity: [number]\nattributes:\n  number: {{type: string}}\n  site: {{type: string}}\n  price: {{type: string}}\n  \
         maker: {{type: string, optional: true, class: confidential}}\nauthority: [{{attributes: \"*\", record: odoo}}]\n---\n\
         kind: Issuer\nname: plant\nowner: owners\nenvironments:\n  \
         dev: {{url: '{PLANT}', audiences: [selvage], algorithms: [EdDSA]}}\n"
    );
    for life in LIVES {
        let more = if life == "deprecated" { "deprecation: {since: 2026-09-01, sunset: 2099-03-01}\n" } else { "" };
        for (name, what) in [
            (
                "items",
                "control: direct\ncontract: {openapi: contracts/items.yaml}\nupstream: {system: wms, path: /api}\n",
            ),
            ("orders", "serves: {object: order@1, system: odoo, operations: [list, get, create, release]}\n"),
        ] {
            write!(
                text,
                "---\nkind: Interface\nname: {name}-{life}\ntype: api\nversion: 1.0\nowner: owners\nlifecycle: {life}\n{more}{what}"
            )
            .unwrap();
        }
    }
    for scope in SCOPES {
        for (kind, identity) in
            [("key", "{api_key: {}}".to_owned()), ("token", format!("{{oidc: {{issuer: plant, subject: s-{scope}}}}}"))]
        {
            writeln!(text, "---\nkind: Consumer\nname: {kind}-{scope}\nowner: owners\nidentity: {identity}").unwrap();
        }
    }
    text
}

fn fabric(upstream: &str) -> Fabric {
    let mut sources = Sources::of("matrix.yaml", &manifests(upstream));
    sources.insert("contracts/items.yaml", CONTRACT);
    let reading = read(&sources);
    assert!(reading.is_clean(), "{:#?}", reading.findings);
    reading.fabric
}

fn key(scope: &str) -> String {
    format!("slv_key-{scope}_valid")
}

fn terms(scope: &str) -> GrantTerms {
    let is = |part: &str| scope == part || scope == "all";
    GrantTerms {
        rows: if is("rows") { vec![("site".parse().unwrap(), vec![json!("ghent")])] } else { Vec::new() },
        except: if is("except") { vec!["price".parse().unwrap()] } else { Vec::new() },
        classes: if is("classes") { Vec::new() } else { vec!["confidential".parse().unwrap()] },
        until: Some(Timestamp::now() + 24.hours()),
        ..GrantTerms::whole(["list", "add", "one", "get", "create", "release"])
    }
}

fn access(fabric: &Fabric) -> AccessState {
    let mut access = AccessState { revision: 1, ..AccessState::default() };
    for name in fabric.consumers.keys() {
        let scope = name.as_str().rsplit('-').next().unwrap();
        access.credentials.push(Credential {
            id: format!("key_{name}"),
            principal: Principal::Consumer(name.clone()),
            hash: KeyHash(Sha256::digest(key(scope)).into()),
            issued: Timestamp::now() - 24.hours(),
            expires: None,
            revoked: None,
        });
        if name.as_str().starts_with("token") {
            access.credentials.pop();
        }
        access.grants.extend(fabric.interfaces.keys().map(|interface| LiveGrant {
            id: format!("grt_{name}_{interface}"),
            consumer: name.clone(),
            interface: interface.clone(),
            terms: terms(scope).into(),
            environment: None,
            ended: None,
        }));
    }
    access
}

struct Matrix {
    gateway: Gateway,
    engine: Arc<Engine>,
    signer: Signer,
}

impl Matrix {
    fn start() -> Self {
        let fabric = fabric(&Upstream::start().address.to_string());
        let signer = Signer::ed("k1");
        let keys = IssuerKeys::read(&json!({"keys": [signer.shown()]})).unwrap();
        let keys = KeysOfIssuers::from([(PLANT.to_owned(), Arc::new(keys))]);
        let (environment, access) = ("dev".parse().unwrap(), access(&fabric));
        let source =
            SnapshotSource { fabric: &fabric, access: &access, keys: &keys, environment: &environment, release: "rel" };
        let mut config = GatewayConfig::new(SocketAddr::from(([127, 0, 0, 1], 0)));
        config.threads = 1;
        let engine = Arc::new(Engine::default());
        let mediation: Arc<dyn Mediation> = Arc::<Engine>::clone(&engine);
        let gateway = Gateway::start(config, Arc::new(Snapshot::compile(&source).unwrap()), mediation).unwrap();
        Self { gateway, engine, signer }
    }

    fn credential(&self, identity: &str, scope: &str) -> Option<String> {
        let claims = || {
            let ends = Timestamp::now().as_second() + 300;
            json!({"iss": PLANT, "sub": format!("s-{scope}"), "aud": "selvage", "exp": ends})
        };
        match identity {
            "key" => Some(key(scope)),
            "token" => Some(self.signer.token_of(&json!({"alg": "EdDSA", "kid": "k1"}), &claims())),
            _ => None,
        }
    }

    /// Status and code; of what passes, what is shown, or what the engine is told.
    fn cell(&self, client: &mut Client, (method, path, body): (&str, &str, &str), credential: Option<&str>) -> String {
        self.engine.asked.lock().unwrap().clear();
        let mut headers = vec![
            "Idempotency-Key: k".to_owned(),
            "Content-Type: application/json".to_owned(),
            format!("X-Say: 200|Content-Type: application/json|{ANSWER}"),
        ];
        headers.extend(credential.map(|credential| format!("Authorization: Bearer {credential}")));
        let headers: Vec<&str> = headers.iter().map(String::as_str).collect();
        let answer = client.request(method, path, &headers, body.as_bytes());
        if answer.status >= 400 {
            let (status, code) = answer.said();
            return format!("{status}/{}", code.trim_start_matches("FAB"));
        }
        let asked = self.engine.asked.lock().unwrap();
        let told = match asked.first() {
            None => answer.text().replace('"', ""),
            Some(asked) => {
                let scope = &asked.scope;
                let rows = scope.rows.iter().map(|(name, values)| format!("{name}={}", Value::from(values.clone())));
                let except = scope.except.iter().map(|name| format!("-{name}"));
                let masked = scope.masked.iter().map(|masked| format!("?{}", masked.pointer));
                rows.chain(except).chain(masked).collect::<Vec<_>>().join(" ")
            }
        };
        format!("{} {told}", answer.status).trim_end().to_owned()
    }
}

#[test]
fn the_matrix_of_scopes_is_as_it_was_agreed() {
    let matrix = Matrix::start();
    let mut client = Client::connect(matrix.gateway.address());
    let mut text = String::new();
    for life in LIVES {
        for (what, method, path, body) in REQUESTS {
            writeln!(text, "## {life}: {what}\n").unwrap();
            writeln!(text, "{:10} {}", "", SCOPES.map(|scope| format!("{scope:36}")).join(" ").trim_end()).unwrap();
            let path = path.replace("LIFE", life);
            for identity in IDENTITIES {
                let cells = SCOPES.map(|scope| {
                    let credential = matrix.credential(identity, scope);
                    let cell = matrix.cell(&mut client, (method, &path, body), credential.as_deref());
                    format!("{cell:36}")
                });
                writeln!(text, "{identity:10} {}", cells.join(" ").trim_end()).unwrap();
            }
            text.push('\n');
        }
    }
    insta::assert_snapshot!("matrix_of_scopes", text);
}

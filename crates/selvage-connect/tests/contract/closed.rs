//! A server whose JSON-RPC the proxy before it has closed: it is spoken to in XML-RPC, and answers as recorded.

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, Uri};
use selvage_connect::odoo::{Call, Dialect, Failure, Odoo, OdooConfig, Refusal, Scope};
use serde_json::{Value, json};

use crate::odoo;

/// The recorded step that `object` answers with, and what was sent to it last.
#[derive(Clone, Default)]
struct Shared {
    step: Arc<Mutex<String>>,
    sent: Arc<Mutex<String>>,
}

impl Shared {
    /// Answers with this step from now on.
    fn play(&self, step: &str) {
        *self.step.lock().unwrap() = step.to_owned();
    }
}

fn recorded(step: &str) -> String {
    let path = std::path::PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/recordings/18/xmlrpc.json");
    let entries: Vec<Value> = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    entries.iter().find(|entry| entry["step"] == step).unwrap()["response"].as_str().unwrap().to_owned()
}

/// The user 2 begins in company 3 and has company 1 as well.
const COMPANIES: &str = "<methodResponse><params><param><value><array><data><value><struct><member><name>id</name><value><int>2</int>\
    </value></member><member><name>company_id</name><value><array><data><value><int>3</int></value><value>Brno</value></data></array>\
    </value></member><member><name>company_ids</name><value><array><data><value><int>1</int></value><value><int>3</int></value></data>\
    </array></value></member></struct></value></data></array></value></param></params></methodResponse>";

async fn answer(State(shared): State<Shared>, headers: HeaderMap, uri: Uri, body: String) -> (StatusCode, String) {
    let common = |step: &str| (StatusCode::OK, recorded(step));
    match uri.path() {
        "/xmlrpc/2/common" if body.contains("<methodName>version<") => common("version"),
        "/xmlrpc/2/common" if body.contains("<string>wrong<") => common("authenticate wrong"),
        "/xmlrpc/2/common" => common("authenticate"),
        "/xmlrpc/2/object" if body.contains("company_ids<") && !body.contains("allowed_company_ids") => {
            (StatusCode::OK, COMPANIES.to_owned())
        }
        "/xmlrpc/2/object" => {
            assert_eq!(headers["content-type"], "text/xml");
            *shared.sent.lock().unwrap() = body;
            common(&shared.step.lock().unwrap())
        }
        _ => (StatusCode::NOT_FOUND, "<h1>Not Found</h1>".to_owned()),
    }
}

async fn start(router: Router) -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    url
}

async fn closed() -> (Shared, Odoo) {
    let shared = Shared::default();
    let url = start(Router::new().fallback(answer).with_state(shared.clone())).await;
    (shared, odoo(&url))
}

fn archive() -> Call {
    Call::write("product.product", "action_archive", &Scope::company(1)).on(&[44])
}

#[tokio::test]
async fn xml_rpc_is_spoken_where_json_rpc_is_closed() {
    let (shared, odoo) = closed().await;
    let server = odoo.server().await.unwrap();
    assert_eq!((server.version.major, server.dialect, server.user), (18, Dialect::XmlRpc, 2));
    shared.play("search_read");
    let found = odoo.call(Call::read("product.product", "search_read", &Scope::company(1))).await.unwrap();
    let first = &found[0];
    assert_eq!(first["uom_id"], json!([12, "kg"]));
    assert_eq!((first["weight"].to_string().as_str(), &first["barcode"]), ("1.17", &json!(false)));
    shared.play("write");
    assert_eq!(odoo.call(archive()).await, Ok(json!(true)));
    shared.play("method returning None");
    assert_eq!(odoo.call(archive()).await.unwrap()["tag"], "display_notification");
}

#[tokio::test]
async fn faults_have_the_classes_of_errors() {
    let (shared, odoo) = closed().await;
    for (step, kind) in
        [("user error", Refusal::User), ("missing record", Refusal::Missing), ("unknown method", Refusal::NotFound)]
    {
        shared.play(step);
        let failure = odoo.call(archive()).await.unwrap_err();
        assert!(matches!(&failure, Failure::Refused { kind: found, .. } if *found == kind), "{step}: {failure}");
        assert!(!failure.to_string().contains("Traceback"), "{failure}");
    }
    shared.play("wrong password");
    assert_eq!(odoo.call(archive()).await, Err(Failure::Unauthenticated));
    let secret = selvage_connect::odoo::Secret::new("wrong");
    let wrong = Odoo::new(OdooConfig { secret, ..odoo.config().clone() }).unwrap();
    assert_eq!(wrong.server().await.unwrap_err(), Failure::Unauthenticated);
}

/// Language, archive and companies are always said: where a call names no companies, those of the account.
#[tokio::test]
async fn the_accounts_own_companies_are_named() {
    let (shared, odoo) = closed().await;
    shared.play("write");
    for (scope, companies) in [(Scope::default(), [3, 1].as_slice()), (Scope::company(7), &[7])] {
        let call = Call::read("product.product", "search_count", &scope).arg("domain", json!([]));
        odoo.call(call).await.unwrap();
        let sent = shared.sent.lock().unwrap().clone();
        let ids: String = companies.iter().map(|id| format!("<value><int>{id}</int></value>")).collect();
        for part in [
            format!("<name>allowed_company_ids</name><value><array><data>{ids}</data></array></value>"),
            "<name>lang</name><value><string>en_US</string></value>".to_owned(),
            "<name>active_test</name><value><boolean>1</boolean></value>".to_owned(),
        ] {
            assert!(sent.contains(&part), "{part} is not in {sent}");
        }
    }
}

#[tokio::test]
async fn what_xml_cannot_carry_is_not_sent() {
    let (shared, odoo) = closed().await;
    let call = Call::write("product.product", "write", &Scope::company(1)).on(&[44]);
    let failure = odoo.call(call.arg("vals", json!({"name": "a\u{0}"}))).await.unwrap_err();
    assert!(matches!(failure, Failure::Refused { kind: Refusal::Unsendable, .. }), "{failure}");
    assert!(shared.sent.lock().unwrap().is_empty());
}

#[tokio::test]
async fn where_everything_is_closed_nothing_is_guessed() {
    let url = start(Router::new()).await;
    let failure = odoo(&url).server().await.unwrap_err();
    assert!(matches!(&failure, Failure::Protocol { reason } if reason.contains("404")), "{failure}");
    // A dialect that is configured is not asked for.
    let (_, closed) = closed().await;
    let config = OdooConfig { dialect: Some(Dialect::JsonRpc), ..closed.config().clone() };
    let failure = Odoo::new(config).unwrap().server().await.unwrap_err();
    assert!(matches!(failure, Failure::Protocol { .. }), "{failure}");
}

//! Every recorded call, sent by the connector and compared with what was recorded.

use std::sync::{Arc, Mutex};

use selvage_connect::odoo::{Call, CallClass, Cursor, Dialect, Failure, ListRequest, Map, Refusal, Scope};
use serde_json::{Value, json};

use crate::odoo;
use crate::recording::{Asked, Exchange, files, read};
use crate::replay::{serve, wrap};

/// Recorded with arguments that only a mistake can produce, which a call with named arguments cannot express.
const MISTAKES: [&str; 2] = ["has_access", "name_search"];

fn call_of(asked: &Asked) -> Call {
    Call {
        model: asked.model.clone(),
        method: asked.method.clone(),
        ids: asked.ids.clone(),
        args: asked.args.clone(),
        context: asked.context.clone(),
        scope: Scope { companies: vec![1], active_test: true },
        class: CallClass::Write,
    }
}

/// Companies and archive are the scope's, so they are taken out of what is compared.
fn without_scope(asked: &Asked) -> Asked {
    let mut asked = asked.clone();
    asked.context.shift_remove("allowed_company_ids");
    asked.context.shift_remove("active_test");
    asked.context.shift_remove("lang");
    asked
}

#[tokio::test]
async fn every_recorded_call_is_sent_as_recorded_and_understood() {
    let mut compared = 0;
    for version in [18, 19] {
        let expected: Arc<Mutex<Option<Exchange>>> = Arc::default();
        let script = Arc::clone(&expected);
        let url = serve(
            version,
            Box::new(move |asked| {
                let exchange = script.lock().unwrap().take()?;
                assert_eq!(*asked, without_scope(exchange.asked.as_ref().unwrap()), "{}", exchange.step);
                Some((exchange.status, exchange.response))
            }),
        )
        .await;
        let mut handle = odoo(&url);
        for file in files(version) {
            for exchange in read(version, &file) {
                let Some(asked) = exchange.asked.clone() else { continue };
                if MISTAKES.contains(&asked.method.as_str()) || asked.method == "fields_get" {
                    continue;
                }
                *expected.lock().unwrap() = Some(exchange.clone());
                let answer = handle.call(call_of(&asked)).await;
                if asked.context.contains_key("skip_consumption") {
                    let refused = matches!(answer, Err(Failure::Refused { kind: Refusal::Unsendable, .. }));
                    assert!(refused && expected.lock().unwrap().is_some(), "{version} {file}: {}", exchange.step);
                    continue;
                }
                assert!(
                    expected.lock().unwrap().is_none(),
                    "{version} {file}: {} was not sent: {answer:?}",
                    exchange.step
                );
                if let Err(failure) = &answer {
                    // A request that is not as recorded ends the exchange without an answer.
                    let understood = !matches!(failure, Failure::Unknown { .. } | Failure::Protocol { .. });
                    assert!(understood, "{version} {file}: {}: {failure}", exchange.step);
                    // A handle whose key was refused rests.
                    if *failure == Failure::Unauthenticated {
                        handle = odoo(&url);
                    }
                }
                assert_eq!(answer.ok(), exchange.value(), "{version} {file}: {}", exchange.step);
                compared += 1;
            }
        }
    }
    assert!(compared > 500, "only {compared} compared");
}

#[tokio::test]
async fn the_dialect_is_chosen_by_asking() {
    for (version, dialect) in [(18, Dialect::JsonRpc), (19, Dialect::Json2)] {
        let odoo = odoo(&serve(version, Box::new(|_| None)).await);
        let server = odoo.server().await.unwrap();
        assert_eq!((server.version.major, server.dialect, server.user), (version, dialect, 2));
    }
}

#[tokio::test]
async fn a_wrong_password_is_unauthenticated() {
    let url = serve(18, Box::new(|_| None)).await;
    let right = odoo(&url);
    let config = right.config().clone();
    let wrong = selvage_connect::odoo::OdooConfig { secret: selvage_connect::odoo::Secret::new("wrong"), ..config };
    let wrong = selvage_connect::odoo::Odoo::new(wrong).unwrap();
    assert_eq!(wrong.server().await.unwrap_err(), Failure::Unauthenticated);
    assert_eq!(
        wrong.call(Call::write("res.partner", "write", &Scope::default())).await.unwrap_err(),
        Failure::Unauthenticated
    );
}

#[tokio::test]
async fn nobody_there_is_unreachable_and_surely_nothing_was_sent() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let failure = odoo(&url).call(Call::write("res.partner", "write", &Scope::default())).await.unwrap_err();
    assert!(matches!(failure, Failure::Unreachable { .. }), "{failure}");
}

/// The recorded way to page: within a whole second, by id.
#[tokio::test]
async fn pages_ask_as_recorded() {
    let paging = read(18, "paging");
    let bucket = paging.iter().find(|exchange| exchange.step.starts_with("the second as a bucket")).unwrap();
    let recorded = bucket.asked.as_ref().unwrap();
    let asked: Arc<Mutex<Vec<Asked>>> = Arc::default();
    let log = Arc::clone(&asked);
    let script = move |one: &Asked| {
        log.lock().unwrap().push(one.clone());
        let record = json!({"id": 24, "write_date": "2026-11-23 06:32:49"});
        let first = log.lock().unwrap().len() == 1;
        Some(wrap(18, if first { json!([record]) } else { json!([]) }))
    };
    let odoo = odoo(&serve(18, Box::new(script)).await);
    let second = selvage_connect::odoo::from_odoo_time("2026-11-23 06:32:49").unwrap().as_second();
    let cursor: Cursor = format!("{second:x}-0").parse().unwrap();
    let request = ListRequest {
        model: "mrp.production".to_owned(),
        fields: vec!["name".to_owned()],
        domain: vec![],
        scope: Scope::company(1),
        limit: 100,
        cursor: Some(cursor),
        updated_since: None,
    };
    let page = odoo.list(&request).await.unwrap();
    assert_eq!(page.records.len(), 1);
    assert_eq!(page.next, None);
    let asked = asked.lock().unwrap();
    assert_eq!(asked[0].args["domain"], recorded.args["domain"]);
    assert_eq!(asked[0].args["order"], recorded.args["order"]);
    assert_eq!(asked[1].args["domain"], json!([["write_date", ">=", "2026-11-23 06:32:50"]]));
}

/// An upsert through `load()`, against the recorded one, and its complaint about a bad row.
#[tokio::test]
async fn load_is_spoken_as_recorded() {
    for (version, file, good, bad) in [
        (18, "products", "load: upsert by external id, second time", "load: one bad row of two"),
        (19, "json2", "load upsert again", "load with a bad row"),
    ] {
        let recorded = read(version, file);
        let find = |step: &str| recorded.iter().find(|exchange| exchange.step == step).unwrap().clone();
        let (good, bad) = (find(good), find(bad));
        let wanted = good.asked.clone().unwrap();
        let row: Vec<String> = serde_json::from_value(wanted.args["data"][0].clone()).unwrap();
        let made = good.value().unwrap()["ids"][0].as_i64().unwrap();
        let script = move |asked: &Asked| {
            assert_eq!(asked.context.get("tz"), Some(&Value::from("UTC")));
            let answer = if asked.args == wanted.args { &good } else { &bad };
            Some((answer.status, answer.response.clone()))
        };
        let odoo = odoo(&serve(version, Box::new(script)).await);
        let values: Map = [("name", row[1].clone()), ("default_code", row[2].clone())]
            .map(|(name, value)| (name.to_owned(), Value::from(value)))
            .into_iter()
            .collect();
        assert_eq!(odoo.upsert("product.product", &row[0], &values, &Scope::company(1)).await, Ok(made));
        let wrong = Map::from_iter([("uom_id".to_owned(), json!(999_999))]);
        let failure = odoo.upsert("product.product", "fabric.bad", &wrong, &Scope::company(1)).await.unwrap_err();
        let Failure::Refused { kind, message, field } = failure else { panic!("{failure}") };
        assert_eq!((kind, field.as_deref()), (Refusal::Validation, Some("uom_id")));
        assert!(message.starts_with("No matching record found for database id '999999'"), "{message}");
    }
}

#[tokio::test]
async fn a_write_leaves_only_while_it_may_and_a_read_always() {
    let asked: Arc<Mutex<Vec<String>>> = Arc::default();
    let seen = Arc::clone(&asked);
    let url = serve(
        18,
        Box::new(move |asked| {
            seen.lock().unwrap().push(asked.method.clone());
            Some(wrap(18, json!([])))
        }),
    )
    .await;
    let held = odoo(&url).while_sure(Arc::new(|| false));
    held.call(Call::read("res.partner", "read", &Scope::company(1)).on(&[1])).await.unwrap();
    let withheld = held.call(Call::write("res.partner", "write", &Scope::company(1)).on(&[1])).await;
    assert!(matches!(withheld, Err(Failure::TryAgain { .. })), "{withheld:?}");
    let sure = odoo(&url).while_sure(Arc::new(|| true));
    sure.call(Call::write("res.partner", "write", &Scope::company(1)).on(&[1])).await.unwrap();
    assert_eq!(*asked.lock().unwrap(), ["read", "write"]);
}

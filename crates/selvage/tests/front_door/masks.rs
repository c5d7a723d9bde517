//! The sample fabric's suppliers through the port: who plans sees who delivers, and not whom to call there; the quality desk does.

use reqwest::{Client, Response, StatusCode};
use serde_json::Value;

use crate::fixture::{PATIENCE, Place, selvage, stdout};

const SUPPLIERS: &str = "/suppliers/v1/suppliers";

#[tokio::test(flavor = "multi_thread")]
async fn whom_to_call_at_a_supplier_is_masked_for_who_plans() {
    let place = Place::new().await;
    let partners = place.factory.odoo.records("res.partner");
    let told: Vec<&str> = partners.iter().filter_map(|partner| partner["email"].as_str()).collect();
    assert!(!told.is_empty(), "the factory's partners have addresses");
    let store = place.data();
    let (planning, desk) = (place.key(&store, "planning"), place.key(&store, "quality-desk"));
    let served = place.serve(&store, &[]);
    let client = Client::builder().timeout(PATIENCE).build().unwrap();
    let get = async |path: &str, key: &str| -> Response {
        client.get(format!("{}{path}", served.base)).bearer_auth(key).send().await.unwrap()
    };
    let masked =
        |answer: &Response| answer.headers().get("selvage-masked").map(|value| value.to_str().unwrap().to_owned());

    let answer = get(SUPPLIERS, &planning).await;
    assert_eq!(masked(&answer).as_deref(), Some("/items/*/email, /items/*/phone"));
    let text = answer.text().await.unwrap();
    assert!(told.iter().all(|address| !text.contains(address)), "{text}");
    let listed: Value = serde_json::from_str(&text).unwrap();
    let first = &listed["items"][0];
    assert!(first["name"].is_string() && first.get("email") == Some(&Value::Null) && first.get("tax_id").is_none());

    let answer = get(SUPPLIERS, &desk).await;
    assert_eq!(masked(&answer), None);
    let text = answer.text().await.unwrap();
    assert!(text.contains("lena.maes@acme-metals.example"), "{text}");

    // One by one, by HEAD, and by a filter that would tell.
    let one = format!("{SUPPLIERS}/{}", first["id"].as_str().unwrap());
    let answer = get(&one, &planning).await;
    assert_eq!(masked(&answer).as_deref(), Some("/email, /phone"));
    let tags = [answer, get(&one, &desk).await].map(|answer| answer.headers()["etag"].clone());
    assert_ne!(tags[0], tags[1], "a tag is of what is shown");
    for address in [told[0], "nobody@example.com"] {
        let answer = get(&format!("{SUPPLIERS}?email={address}"), &planning).await;
        assert_eq!(answer.status(), StatusCode::FORBIDDEN);
        let problem: Value = answer.json().await.unwrap();
        assert_eq!(problem["code"], "FAB4160", "{problem}");
    }

    let fabric = place.fabric();
    let decided = selvage(&["decide", "--as", "planning", "GET", SUPPLIERS, "--fabric", fabric.to_str().unwrap()]);
    assert!(stdout(&decided).contains("`/email` masked: `personal` data"), "{}", stdout(&decided));
}

//! What the guide says of the control endpoints is true: each command in it is sent, and taken.

use std::path::Path;

use reqwest::Method;
use selvage_factory::odoo::{OdooVersion, Seed};
use serde_json::{Value as Json, json};

use crate::client::Client;

#[tokio::test]
async fn every_command_of_the_guide_is_taken() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/guide/factory.md");
    let guide = std::fs::read_to_string(path).unwrap();
    let client = Client::start(OdooVersion::V18, Seed::VeloWorks { extra_products: 0 }).await;
    let mut sent = 0;
    for line in guide.lines().filter_map(|line| line.strip_prefix("curl -X ")) {
        let (verb, rest) = line.split_once(' ').unwrap();
        let (url, body) = rest.split_once(" -d ").unwrap_or((rest, ""));
        let path = url.split_once("/_factory/").unwrap().1;
        let body: Json =
            if body.is_empty() { json!(null) } else { serde_json::from_str(body.trim_matches('\'')).unwrap() };
        let (status, answer) = client.control(Method::from_bytes(verb.as_bytes()).unwrap(), path, body).await;
        assert!((200..300).contains(&status), "{line}: {answer}");
        sent += 1;
    }
    assert_eq!(sent, 12);
}

//! Lists in pages: everything once, in order, and where to go on.

use reqwest::Method;
use serde_json::{Value, json};

use crate::{GHENT, Stage, begin};

/// What pages of so many have together, by this member.
async fn gathered(stage: &Stage, path: &str, limit: usize, member: &str) -> Vec<String> {
    let mut all = Vec::new();
    let mut after = String::new();
    loop {
        let joint = if path.contains('?') { '&' } else { '?' };
        let (status, page) =
            stage.ask("group.board", Method::GET, &format!("{path}{joint}limit={limit}{after}"), None).await;
        assert_eq!(status, 200, "{page}");
        let items = page["items"].as_array().unwrap();
        all.extend(items.iter().map(|item| item[member].as_str().unwrap().to_owned()));
        let Value::String(next) = &page["next"] else { return all };
        assert_eq!(items.len(), limit, "{page}");
        after = format!("&after={next}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn changes_and_releases_come_in_pages() {
    let stage = Stage::new().await;
    begin(&stage).await;
    for _ in 0..3 {
        stage.change("plant-ghent", "open").await;
    }
    for (path, member) in [("/changes", "id"), ("/changes?domain=plant-ghent", "id"), ("/releases", "change")] {
        let (_, whole) = stage.ask("group.board", Method::GET, path, None).await;
        assert!(whole["next"].is_null(), "{whole}");
        let whole: Vec<&str> =
            whole["items"].as_array().unwrap().iter().map(|item| item[member].as_str().unwrap()).collect();
        assert!(whole.len() > 1, "{path}: {whole:?}");
        for limit in [1, 2] {
            assert_eq!(gathered(&stage, path, limit, member).await, whole, "{path} by {limit}");
        }
    }
    for path in [
        "/changes?limit=0",
        "/changes?limit=201",
        "/releases?limit=many",
        "/dead-letters?limit=-1",
        "/lanes?after=17",
        "/lanes?limit=0",
        "/parked-records?after=x",
    ] {
        assert_eq!(stage.verdict("group.board", Method::GET, path, None).await, "400 FAB8062", "{path}");
    }
}

/// What is counted and not kept is told.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn differences_that_are_not_kept_are_counted() {
    let stage = Stage::new().await;
    begin(&stage).await;
    let consumer = |number: usize| {
        format!("---\nkind: Consumer\nname: tablet-{number}\nowner: ghent-it\nidentity: {{api_key: {{}}}}\n")
    };
    let text = (0..600).map(consumer).fold(GHENT.to_owned(), |text, it| text + &it);
    let files = json!({"domains/plant-ghent/teams.yaml": text});
    let body = json!({"domain": "plant-ghent", "title": "many tablets", "files": files});
    let (status, change) = stage.ask("ghent.owner", Method::POST, "/changes", Some(body)).await;
    assert_eq!(status, 201, "{:#}", change["detail"]);
    let (kept, left_out) = (change["differences"].as_array().unwrap().len(), &change["differences_left_out"]);
    let counted: u64 = ["breaking", "unproven", "safe"].iter().map(|verdict| change[*verdict].as_u64().unwrap()).sum();
    assert_eq!((kept, left_out), (500, &json!(counted - 500)), "{counted}");
    assert!(counted >= 600, "{counted}");
}

//! The console through its port: who gets in, what the first page says, and what it never lets out.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test may fail loudly")]

use std::sync::Arc;

use reqwest::header::{CONTENT_SECURITY_POLICY, COOKIE, LOCATION, SET_COOKIE};
use reqwest::{Client, StatusCode, redirect};
use selvage_control::{Console, ConsoleConfig};
use selvage_model::overview::{Health, InterfaceRow, Overview, ShadowRow, SystemRow};

fn sample() -> Overview {
    Overview {
        fabric: "velo-works".into(),
        environment: "dev".into(),
        release: "rel_0123456789abcdef0123".into(),
        since: "2026-11-23T06:00:00Z".parse().unwrap(),
        systems: vec![SystemRow {
            name: "odoo".parse().unwrap(),
            connector: "odoo".into(),
            address: Some("http://127.0.0.1:8069".into()),
            health: Health::Down("<script>refused</script>".into()),
        }],
        interfaces: vec![InterfaceRow {
            interface: "production-orders@1".parse().unwrap(),
            kind: "api".into(),
            control: Some("mediated".into()),
            lifecycle: "active".into(),
            owner: "manufacturing-it".into(),
            requests: 12_345,
            refused: 3,
            failed: 0,
            minutes: vec![0, 4, 9],
            refusals: vec![("FAB4003".into(), 3)],
            consumers: vec![("mes-ghent".parse().unwrap(), 12_342)],
        }],
        shadow: 7,
        shadow_samples: vec![ShadowRow {
            method: "GET".into(),
            path: "/<b>old</b>".into(),
            at: "2026-11-23T06:00:00Z".parse().unwrap(),
        }],
        unresolved: Vec::new(),
        rejected: None,
    }
}

async fn start() -> (Console, String, Client) {
    let console = Console::start(ConsoleConfig {
        listen: "127.0.0.1:0".parse().unwrap(),
        observe: Arc::new(|| Box::pin(async { sample() })),
        authenticate: Arc::new(|key| Box::pin(async move { (key == "slv_right").then(|| "ann".to_owned()) })),
    })
    .await
    .unwrap();
    let base = format!("http://{}", console.address());
    let client = Client::builder().redirect(redirect::Policy::none()).build().unwrap();
    (console, base, client)
}

#[tokio::test]
async fn nobody_sees_anything_without_logging_in() {
    let (_console, base, client) = start().await;
    for cookie in ["", "selvage_console=", "selvage_console=guess", "other=selvage_console=x"] {
        let answer = client.get(&base).header(COOKIE, cookie).send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::SEE_OTHER, "{cookie}");
        assert_eq!(answer.headers()[LOCATION], "/login");
    }
    let wrong = client
        .post(format!("{base}/login"))
        .header("content-type", "application/x-www-form-urlencoded")
        .body("key=slv_wrong")
        .send()
        .await
        .unwrap();
    assert_eq!(wrong.status(), StatusCode::UNAUTHORIZED);
    assert!(!wrong.text().await.unwrap().contains("slv_wrong"));
}

#[tokio::test]
async fn the_first_page_lists_systems_and_interfaces() {
    let (_console, base, client) = start().await;
    let login = client
        .post(format!("{base}/login"))
        .header("content-type", "application/x-www-form-urlencoded")
        .body("key=slv_right")
        .send()
        .await
        .unwrap();
    assert_eq!(login.status(), StatusCode::SEE_OTHER);
    let cookie = login.headers()[SET_COOKIE].to_str().unwrap().to_owned();
    assert!(cookie.contains("HttpOnly") && cookie.contains("SameSite=Lax"), "{cookie}");

    let answer = client.get(&base).header(COOKIE, &cookie).send().await.unwrap();
    assert!(answer.headers()[CONTENT_SECURITY_POLICY].to_str().unwrap().starts_with("default-src 'none'"));
    let page = answer.text().await.unwrap();
    for expected in ["velo-works", "production-orders@1", "12\u{2009}345", "FAB4003", "mes-ghent", "odoo"] {
        assert!(page.contains(expected), "{expected} is missing");
    }
    assert!(!page.contains("<script>refused") && !page.contains("<b>old"), "text of others is escaped");

    let out = client.post(format!("{base}/logout")).header(COOKIE, &cookie).send().await.unwrap();
    assert_eq!(out.status(), StatusCode::SEE_OTHER);
    let after = client.get(&base).header(COOKIE, &cookie).send().await.unwrap();
    assert_eq!(after.status(), StatusCode::SEE_OTHER);
}

#[tokio::test]
async fn a_one_time_link_logs_in_once() {
    let (console, base, client) = start().await;
    let link = console.one_time_link("ann").unwrap();
    let first = client.get(format!("{base}{link}")).send().await.unwrap();
    assert_eq!(first.status(), StatusCode::SEE_OTHER);
    let second = client.get(format!("{base}{link}")).send().await.unwrap();
    assert_eq!(second.status(), StatusCode::UNAUTHORIZED);
}

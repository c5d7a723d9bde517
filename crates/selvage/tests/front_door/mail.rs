//! Teams are told by mail that what they use ends: by nodes that run, to a mail server of others. INVARIANT: LIVE-LIFECYCLE

use std::collections::BTreeSet;

use serde_json::{Value, json};
use sqlx::{Connection as _, PgConnection};

use crate::ending::{receiver, with_webhook};
use crate::fixture::{Place, eventually, selvage, stdout};
use crate::smtp::{Smtp, certificate};
use crate::two_nodes::database;

const LOGIN: &str = "fabric:s3cret-pass";
const ROLES: &str = "roles: {owner: [w.svoboda], on_call: [ops.desk]}";

/// A place whose team has a mailbox, and whose nodes have the login of the mail server.
async fn place(mail: &str) -> Place {
    let place = Place::new().await;
    place.edit("fabric.yaml", ROLES, &format!("{ROLES}\nmail: {mail}"));
    let secrets = std::fs::read_to_string(place.path("secrets")).unwrap();
    std::fs::write(place.path("secrets"), format!("{secrets}mail/login={LOGIN}\n")).unwrap();
    place
}

fn secure(login: &str) -> Smtp {
    Smtp::start(&json!({
        "tls": "starttls", "certificate": certificate("listener.pem"), "key": certificate("listener.key"), "login": login,
    }))
}

/// What a node is told of the mail server.
fn options(port: u16, more: &[&str]) -> Vec<String> {
    let server = ["--mail".to_owned(), format!("127.0.0.1:{port}"), "--mail-from".to_owned()];
    let from = "fabric@mail.example.com".to_owned();
    server.into_iter().chain([from]).chain(more.iter().map(|option| (*option).to_owned())).collect()
}

fn as_text(options: &[String]) -> Vec<&str> {
    options.iter().map(String::as_str).collect()
}

/// The notices by mail, as the command lists them.
fn listed(store: &[String]) -> Vec<Value> {
    let arguments: Vec<&str> =
        ["access", "notices", "--json"].into_iter().chain(store.iter().map(String::as_str)).collect();
    let listed: Value = serde_json::from_str(&stdout(&selvage(&arguments))).unwrap();
    listed.as_array().unwrap().iter().filter(|it| it["way"] == "mail").cloned().collect()
}

/// The notices by mail, once all of them are so.
async fn all_are(store: &[String], what: &str, so: impl Fn(&Value) -> bool) -> Vec<Value> {
    let found = || async {
        let listed = listed(store);
        (!listed.is_empty() && listed.iter().all(&so)).then_some(listed)
    };
    eventually(what, found).await
}

/// As if the pause until the next attempt were over.
async fn without_pauses(store: &[String]) {
    let mut connection = PgConnection::connect(&store[1]).await.unwrap();
    let due = "UPDATE lifecycle_notice SET due_at = 0 WHERE due_at IS NOT NULL";
    sqlx::raw_sql(due).execute(&mut connection).await.unwrap();
}

/// A header without its folds.
fn header(mail: &Value, name: &str) -> String {
    let content = mail["content"].as_str().unwrap().replace("\r\n ", " ");
    let mut lines = content.split("\r\n");
    lines.find_map(|line| line.strip_prefix(name)?.strip_prefix(':')).unwrap_or_default().trim().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_team_is_told_once_by_each_way_whatever_the_number_of_nodes() {
    let smtp = secure(LOGIN);
    let (url, called) = receiver();
    let place = place("warehouse-it@example.com").await;
    with_webhook(&place, &url);
    let store = database().await;
    let authorities = certificate("authority.pem").display().to_string();
    let options = options(smtp.port, &["--mail-login", "mail/login", "--mail-authorities", &authorities]);
    let nodes = [place.serve(&store, &as_text(&options)), place.serve(&store, &as_text(&options))];
    let told = all_are(&store, "all of it is told", |it| it["told"].is_string()).await;
    let mails = smtp.so_many(told.len()).await;
    let mail = mails.iter().find(|mail| header(mail, "Message-ID").contains("_deprecated@")).unwrap();
    assert_eq!((&mail["secure"], &mail["login"]), (&json!(true), &json!(true)));
    assert_eq!((&mail["from"], &mail["to"]), (&json!("fabric@mail.example.com"), &json!(["warehouse-it@example.com"])));
    let (subject, id) = (header(mail, "Subject"), header(mail, "Message-ID"));
    assert!(subject.starts_with("[dev] legacy-stock@1 is deprecated"), "{mail:#}");
    assert_eq!(id, "<msg_notice_dev_legacy-stock_1_shop-floor-board_deprecated@mail.example.com>");
    assert_eq!(header(mail, "Auto-Submitted"), "auto-generated");
    let (_, body) = mail["content"].as_str().unwrap().split_once("\r\n\r\n").unwrap();
    assert!(body.contains("inventory@2") && body.contains("shop-floor-board"), "{body}");
    assert!(body.split("\r\n").all(|line| line.len() <= 76), "{body}");
    // Once these nodes have ended, a third tells nothing again.
    drop(nodes);
    let third = place.serve(&store, &as_text(&options));
    eventually("it runs", || async { reqwest::get(&third.metrics).await.ok() }).await;
    drop(third);
    let mails = smtp.mails();
    let ids: BTreeSet<String> = mails.iter().map(|mail| header(mail, "Message-ID")).collect();
    assert_eq!((ids.len(), mails.len()), (told.len(), told.len()), "{mails:#?}");
    let called = called.lock().unwrap();
    assert_eq!(called.len(), told.len(), "and by the webhook as often: {called:#?}");
    // The ledger names the team, and nobody's address.
    let ledger: Vec<&str> = ["ledger", "list"].into_iter().chain(store.iter().map(String::as_str)).collect();
    let ledger = stdout(&selvage(&ledger));
    assert!(ledger.contains("lifecycle.told") && !ledger.contains("warehouse-it@example.com"), "{ledger}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mail_server_that_is_down_is_tried_again_and_a_lost_reply_is_a_mail_twice() {
    let away = Smtp::start(&json!({}));
    let port = away.port;
    drop(away);
    let place = place("warehouse-it@example.com").await;
    let store = database().await;
    let options = options(port, &["--mail-tls", "none"]);
    let _node = place.serve(&store, &as_text(&options));
    let tried = |attempts: u64| {
        move |it: &Value| {
            it["attempts"].as_u64() >= Some(attempts) && it["because"].is_string() && it["due"].is_string()
        }
    };
    let waiting = all_are(&store, "it is tried in vain", tried(1)).await;
    let because = waiting[0]["because"].as_str().unwrap();
    assert!(because.contains("was not reached"), "{because}");
    let smtp = Smtp::start(&json!({"port": port, "drops": 1}));
    without_pauses(&store).await;
    smtp.so_many(waiting.len()).await;
    let lost = |listed: &[Value]| listed.iter().any(|it| it["told"].is_null() && it["attempts"].as_u64() >= Some(2));
    let one_is_lost = || async { Some(()).filter(|()| lost(&listed(&store))) };
    eventually("one was taken, and nobody heard so", one_is_lost).await;
    let told = |it: &Value| it["told"].is_string();
    let all = || async {
        // Its pause begins when it is told to the store that nobody answered.
        without_pauses(&store).await;
        Some(()).filter(|()| listed(&store).iter().all(told))
    };
    eventually("and it is sent again", all).await;
    let mails = smtp.so_many(waiting.len() + 1).await;
    let ids: BTreeSet<String> = mails.iter().map(|mail| header(mail, "Message-ID")).collect();
    assert_eq!((ids.len(), mails.len()), (waiting.len(), waiting.len() + 1), "one is there twice, and known by its id");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_that_is_refused_is_shown_and_another_is_tried_at_once() {
    let smtp = Smtp::start(&json!({"replies": {"nobody@example.com": "550 5.1.1 no such user here"}}));
    let place = place("nobody@example.com").await;
    let store = database().await;
    let options = options(smtp.port, &["--mail-tls", "none", "--watch"]);
    let _node = place.serve(&store, &as_text(&options));
    let refused = all_are(&store, "it is refused", |it| it["because"].is_string()).await;
    for it in &refused {
        assert_eq!((&it["recipient"], &it["attempts"]), (&json!("nobody@example.com"), &json!(1)), "{it}");
        assert!(it["because"].as_str().unwrap().contains("550"), "{it}");
        let due: jiff::Timestamp = it["due"].as_str().unwrap().parse().unwrap();
        assert!(due > jiff::Timestamp::now() + jiff::SignedDuration::from_hours(20), "not before another day: {it}");
    }
    let untold: Vec<&str> =
        ["access", "notices", "--untold"].into_iter().chain(store.iter().map(String::as_str)).collect();
    let seen = stdout(&selvage(&untold));
    assert!(seen.contains("550"), "and people see it: {seen}");
    place.edit("fabric.yaml", "mail: nobody@example.com", "mail: warehouse-it@example.com");
    all_are(&store, "the other is told", |it| it["told"].is_string()).await;
    let mails = smtp.so_many(refused.len()).await;
    assert!(mails.iter().all(|mail| mail["to"] == json!(["warehouse-it@example.com"])), "{mails:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_without_a_mail_server_leaves_mail_to_others() {
    let smtp = Smtp::start(&json!({}));
    let place = place("warehouse-it@example.com").await;
    let store = database().await;
    let without = place.serve(&store, &[]);
    let waiting = all_are(&store, "it is noted", |it| it["due"].is_string()).await;
    let options = options(smtp.port, &["--mail-tls", "none"]);
    let _with = place.serve(&store, &as_text(&options));
    let told = all_are(&store, "the other tells", |it| it["told"].is_string()).await;
    assert!(told.iter().all(|it| it["attempts"] == json!(1)), "{told:#?}");
    assert_eq!(told.len(), waiting.len());
    drop(without);
}

#[test]
fn what_cannot_be_used_is_refused_at_the_start() {
    let directory = tempfile::tempdir().unwrap();
    let secrets = directory.path().join("secrets");
    std::fs::write(&secrets, "mail/login=fabric:s3cret-pass\nmail/odd=s3cret-pass\n").unwrap();
    let secrets = secrets.display().to_string();
    let from = ["--mail-from", "fabric@example.com"];
    for (options, expected) in [
        (&["--mail", "fabric:s3cret-pass@mail.example.com"][..], "FAB7165"),
        (&["--mail", "smtp://mail.example.com"], "FAB7165"),
        (&["--mail", "mail.example.com:0"], "FAB7165"),
        (&["--mail", "mail.example.com", "--mail-tls", "none"], "is not this machine"),
        (&["--mail", "mail.example.com", "--mail-login", "mail/none"], "the secret `mail/none` is not there"),
        (&["--mail", "mail.example.com", "--mail-login", "mail/odd"], "is not `user:password`"),
        (&["--mail", "mail.example.com", "--mail-authorities", "nowhere.pem"], "cannot read the authorities"),
        (&["--mail-tls", "implicit"], "--mail"),
    ] {
        let all = ["serve", "--secrets", &secrets].into_iter().chain(options.iter().copied()).chain(from);
        let output = selvage(&all.collect::<Vec<_>>());
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!output.status.success() && said.contains(expected), "{options:?}: {said}");
        assert!(!said.contains("s3cret-pass"), "{said}");
    }
    let output = selvage(&["serve", "--mail", "mail.example.com", "--mail-from", "A <a@b>"]);
    assert!(!output.status.success());
}

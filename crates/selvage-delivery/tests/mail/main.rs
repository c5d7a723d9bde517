//! Mail is given to a mail server of others, over TLS and without, and what comes of it is told. INVARIANT: SECRET-FREE
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    missing_docs,
    unreachable_pub,
    reason = "a test may fail loudly"
)]

mod smtp;

use std::sync::Arc;

use selvage_delivery::mail::{Mail, MailServer, MailTls, Mailed};
use selvage_model::manifest::system::SecretName;
use serde_json::{Value, json};
use smtp::{Smtp, certificate};

const LOGIN: &str = "fabric:s3cret-pass:word";

fn server(smtp: &Smtp, tls: MailTls) -> MailServer {
    let authorities = std::fs::read_to_string(certificate("authority.pem")).unwrap();
    MailServer {
        host: "127.0.0.1".to_owned(),
        port: smtp.port,
        tls,
        authorities: Some(Arc::from(authorities)),
        login: None,
        from: "fabric@mail.example.com".parse().unwrap(),
    }
}

fn with_login(smtp: &Smtp, tls: MailTls, name: &str) -> MailServer {
    MailServer { login: Some(SecretName(name.to_owned())), ..server(smtp, tls) }
}

fn mail(to: &str) -> Mail {
    Mail {
        to: to.parse().unwrap(),
        id: "msg_notice_1".to_owned(),
        subject: "stock@1 is deprecated".to_owned(),
        text: ".\nIt ends.\n..\n".to_owned(),
        written: "2027-01-01T08:00:00Z".parse().unwrap(),
    }
}

async fn send(server: &MailServer, to: &str) -> Mailed {
    let secret = |name: &SecretName| match name.0.as_str() {
        "mail/login" => Some(LOGIN.to_owned()),
        "mail/wrong" => Some("fabric:other".to_owned()),
        "mail/odd" => Some("nothing-to-part".to_owned()),
        _ => None,
    };
    server.send(secret, &mail(to)).await
}

fn secure(tls: &str, more: &Value) -> Smtp {
    let mut how = json!({"tls": tls, "certificate": certificate("listener.pem"), "key": certificate("listener.key")});
    how.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    Smtp::start(&how)
}

/// Why it was not taken, where another time may be better.
fn again(mailed: Mailed) -> String {
    match mailed {
        Mailed::Again(because) => because,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_mail_is_given_to_a_server_that_others_wrote() {
    for (smtp, tls) in [
        (secure("starttls", &json!({"login": LOGIN})), MailTls::StartTls),
        (secure("implicit", &json!({"login": LOGIN})), MailTls::Implicit),
        (Smtp::start(&json!({"login": LOGIN})), MailTls::None),
    ] {
        let server = with_login(&smtp, tls, "mail/login");
        assert_eq!(send(&server, "plant-it@example.com").await, Mailed::Taken, "{tls:?}");
        assert_eq!(send(&server, "plant-it@example.com").await, Mailed::Taken, "{tls:?}");
        let mails = smtp.so_many(2).await;
        let [mail, second] = mails.as_slice() else { panic!("{mails:#?}") };
        assert_eq!(mail, second, "the same bytes each time");
        assert_eq!((&mail["from"], &mail["to"]), (&json!("fabric@mail.example.com"), &json!(["plant-it@example.com"])));
        assert_eq!((&mail["secure"], &mail["login"]), (&json!(tls != MailTls::None), &json!(true)), "{tls:?}");
        assert_eq!(mail["hello"], "mail.example.com");
        let content = mail["content"].as_str().unwrap();
        let (head, body) = content.split_once("\r\n\r\n").unwrap();
        assert!(head.contains("\r\nMessage-ID: <msg_notice_1@mail.example.com>\r\n"), "{content}");
        assert_eq!(body.trim_end(), ".\r\nIt ends.\r\n..", "what begins with a dot arrives as it was");
    }
}

#[tokio::test]
async fn nothing_is_said_to_who_is_not_proven() {
    let plain = Smtp::start(&json!({}));
    let (starttls, implicit) = (secure("starttls", &json!({})), secure("implicit", &json!({})));
    let stranger = |server: MailServer| MailServer { authorities: None, ..server };
    let other_name = |server: MailServer| MailServer { host: "localhost.localdomain".to_owned(), ..server };
    for (server, expected) in [
        (server(&plain, MailTls::StartTls), "offers no TLS"),
        (server(&plain, MailTls::Implicit), "InvalidContentType"),
        (stranger(server(&starttls, MailTls::StartTls)), "TLS with the mail server"),
        (stranger(server(&implicit, MailTls::Implicit)), "certificate"),
        (MailServer { host: "192.0.2.1".to_owned(), ..server(&plain, MailTls::None) }, "is not the machine itself"),
    ] {
        let because = again(send(&server, "plant-it@example.com").await);
        assert!(because.contains(expected), "{expected}: {because}");
    }
    // A name that the certificate does not bear; where the machine does not know the name, it is not reached.
    let because = again(send(&other_name(server(&implicit, MailTls::Implicit)), "plant-it@example.com").await);
    assert!(because.contains("TLS") || because.contains("not reached"), "{because}");
    for smtp in [plain, starttls, implicit] {
        assert_eq!(smtp.mails(), Vec::<Value>::new());
    }
}

#[tokio::test]
async fn a_login_that_fails_is_told_without_the_login() {
    let smtp = secure("starttls", &json!({"login": LOGIN}));
    for (name, expected) in [
        ("mail/wrong", "the mail server did not take the login (535)"),
        ("mail/none", "the secret `mail/none` is not there"),
        ("mail/odd", "the secret `mail/odd` is not `user:password`"),
    ] {
        let server = with_login(&smtp, MailTls::StartTls, name);
        assert_eq!(again(send(&server, "plant-it@example.com").await), expected);
    }
    // Without a login it is the sender that is not taken, which may be mended.
    let because = again(send(&server(&smtp, MailTls::StartTls), "plant-it@example.com").await);
    assert!(because.contains("takes no mail from `fabric@mail.example.com`"), "{because}");
    assert_eq!(smtp.mails(), Vec::<Value>::new());
}

#[tokio::test]
async fn what_is_refused_for_good_is_not_what_is_refused_now() {
    let long = format!("550 5.1.1 {}", "x".repeat(400));
    let smtp = Smtp::start(&json!({"replies": {
        "nobody@example.com": "550 5.1.1 no such\u{1b}[2J user", "full@example.com": "452 4.2.2 mailbox full",
        "long@example.com": long,
    }}));
    let server = server(&smtp, MailTls::None);
    let Mailed::Refused(because) = send(&server, "nobody@example.com").await else { panic!("550 is for good") };
    assert!(because.contains("takes no mail to `nobody@example.com`") && because.contains("550"), "{because}");
    assert!(!because.chars().any(char::is_control), "{because:?}");
    let because = again(send(&server, "full@example.com").await);
    assert!(because.contains("mailbox full"), "{because}");
    let Mailed::Refused(because) = send(&server, "long@example.com").await else { panic!("550 is for good") };
    assert!(because.len() < 400, "{because}");
    assert_eq!(smtp.mails(), Vec::<Value>::new());
    let strict = Smtp::start(&json!({"replies": {"data": "554 5.6.0 not from you"}}));
    let refused = send(&MailServer { port: strict.port, ..server }, "plant-it@example.com").await;
    assert!(matches!(&refused, Mailed::Refused(because) if because.contains("554")), "{refused:?}");
}

#[tokio::test]
async fn a_server_that_is_away_is_told_and_an_answer_that_is_lost_is_no_answer() {
    let away = Smtp::start(&json!({}));
    let server = server(&away, MailTls::None);
    drop(away);
    let because = again(send(&server, "plant-it@example.com").await);
    assert!(because.contains("was not reached"), "{because}");
    let smtp = Smtp::start(&json!({"drops": 1}));
    let server = MailServer { port: smtp.port, ..server };
    again(send(&server, "plant-it@example.com").await);
    assert_eq!(send(&server, "plant-it@example.com").await, Mailed::Taken);
    let mails = smtp.so_many(2).await;
    assert_eq!(mails.len(), 2);
    assert_eq!(mails.first(), mails.last(), "a second one is known by its id");
}

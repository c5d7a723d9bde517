//! Requests that want others to be given an answer of theirs, or the memory for themselves.

use super::*;
use crate::client::head;

const SHARED: &str = "/same/v1/items/keep-60-public-head";

#[test]
fn no_header_of_one_request_decides_what_another_is_given() {
    let headers = [
        "X-Forwarded-Host: evil.test",
        "X-Forwarded-Proto: evil",
        "X-Forwarded-For: evil",
        "X-Forwarded-Prefix: /evil",
        "Forwarded: host=evil.test",
        "X-Host: evil.test",
        "X_Forwarded_Host: evil.test",
        "X-Original-URL: /evil",
        "X-HTTP-Method-Override: EVIL",
        "Origin: https://evil.test",
        "Referer: https://evil.test",
        "Accept: text/evil",
        "Accept-Language: evil",
        "Accept-Encoding: evil",
        "X-Anything: evil",
        "User-Agent: evil",
        "X-Request-Id: evil",
        "Cache-Control: max-age=60, evil",
        "Pragma: evil",
        "If-None-Match: \"evil\"",
        "Traceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01\r\nTracestate: evil=1",
        "Cookie: evil=1",
        "Range: evil=0-1",
        "If-Match: \"evil\"",
        "Connection: evil\r\nEvil: evil",
        "TE: evil",
    ];
    for header in headers {
        let running = start();
        let (first, second) = (get(&running, SHARED, &[header]), get(&running, SHARED, &[]));
        let told = second.json()["told"].as_str().unwrap().to_owned();
        assert!(first.status < 500 && second.status == 200 && !told.contains("evil"), "{header}: {told}");
        let third = send(&running, "counted", "GET", SHARED, &[]);
        assert_eq!(number(&third), number(&second), "{header}: what is clean is kept all the same");
    }
}

#[test]
fn another_host_is_another_answer() {
    let running = start();
    let auth = authorization("shop");
    let by_host = |host: &str| {
        let mut client = running.client();
        client.send(format!("GET {SHARED} HTTP/1.1\r\nHost: {host}\r\n{auth}\r\n\r\n"));
        client.read()
    };
    let evil = by_host("evil.test");
    assert!(evil.text().contains("x-forwarded-host: evil.test"), "the system is told");
    assert!(!get(&running, SHARED, &[]).text().contains("evil"));
    assert_eq!((number(&by_host("EVIL.test")), running.upstream.requests()), (number(&evil), 2));
}

#[test]
fn neither_a_head_nor_a_part_nor_a_refusal_is_kept_as_an_answer() {
    let running = start();
    let path = "/same/v1/items/keep-60-public";
    assert_eq!(send(&running, "shop", "HEAD", path, &[]).status, 200);
    let said = "X-Say: 206|Cache-Control: public, max-age=60|Content-Range: bytes 0-1/9|{}";
    assert_eq!(get(&running, "/same/v1/items/1", &["Range: bytes=0-1", said]).status, 206);
    assert_eq!(get(&running, "/same/v1/items/1", &[said]).status, 206, "one that was not asked for");
    for status in ["500", "503", "401", "403", "302"] {
        let said = format!("X-Say: {status}|Cache-Control: public, max-age=60|{{}}");
        get(&running, "/same/v1/items/1", &[&said]);
    }
    assert_eq!(figure(&running, "entries", "same@1", ""), 0);
    let whole = get(&running, path, &[]);
    assert!(!whole.body.is_empty());
    // A HEAD that tells of another answer has the kept one forgotten.
    let tagged = "/same/v1/items/keep-60-public-tag";
    let kept = ask(&running, tagged);
    crate::client::Client::connect(running.upstream.address).request("PUT", "/api/items/keep-60-public-tag", &[], b"");
    assert_eq!(send(&running, "shop", "HEAD", tagged, &["Cache-Control: no-cache"]).status, 200);
    assert_ne!(ask(&running, tagged), kept);
}

#[test]
fn a_get_with_a_body_and_what_breaks_off_is_not_kept() {
    let running = start();
    let path = "/same/v1/items/keep-60-public";
    let mut client = running.client();
    client.send(head("GET", path, &[&authorization("shop")], 4));
    client.send(b"evil");
    assert_eq!(from(&client.read()), "selvage; fwd=bypass");
    let only = "Cache-Control: only-if-cached";
    client.send(head("GET", path, &[&authorization("shop"), only], 4));
    assert_eq!(client.read().said(), (504, "FAB4150".to_owned()));
    assert!(client.is_closed(), "what nobody read does not begin another request");
    let said = "X-Say: 200|Cache-Control: public, max-age=60|Content-Length: 90|{";
    for _ in 0..2 {
        assert_eq!(get(&running, "/same/v1/items/1", &[said]).said(), (502, "FAB4052".to_owned()));
    }
    assert_eq!(figure(&running, "entries", "same@1", ""), 0);
}

#[test]
fn a_flood_of_variants_stays_within_what_is_declared() {
    let running = start();
    for number in 0..60 {
        let agent = format!("User-Agent: agent {number}");
        get(&running, "/own/v1/items/keep-60-agent", &[&agent]);
        get(&running, "/own/v1/items/keep-60", &[&format!("X-Anything: {}", "x".repeat(number))]);
        get(&running, &format!("/own/v1/items/keep-60?page={number}"), &[]);
    }
    let (bytes, entries) = (figure(&running, "bytes", "own@1", ""), figure(&running, "entries", "own@1", ""));
    assert!((1..=16_000).contains(&bytes) && entries > 1, "{bytes} bytes, {entries} answers");
    assert!(figure(&running, "evicted_total", "own@1", "") >= 180 - entries);
    // Answers that differ by what is in no key: those who say the same are given the same, and few are kept of one path.
    let by_agent = |agent: &str| number(&get(&running, "/own/v1/items/keep-60-agent", &[agent]));
    let (one, two) = (by_agent("User-Agent: one"), by_agent("User-Agent: two"));
    assert_eq!((one != two, by_agent("User-Agent: one"), by_agent("User-Agent: two")), (true, one, two));
}

//! Answers that say how long they are good, as the words of a path or query want it; no two of them are the same. What is
//! written there has another version from then on.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::net::{SocketAddr, TcpStream};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use serde_json::json;

use super::Request;

static ANSWERS: AtomicUsize = AtomicUsize::new(0);
static SEEN: Mutex<BTreeSet<(SocketAddr, String)>> = Mutex::new(BTreeSet::new());
static VERSIONS: Mutex<BTreeMap<(SocketAddr, String), usize>> = Mutex::new(BTreeMap::new());

/// The words, where a request has them: `keep-60-tag`.
pub(super) fn words(request: &Request) -> Option<Vec<String>> {
    let (path, query) = request.path.split_once('?').unwrap_or((&request.path, ""));
    let name = [query, path.rsplit('/').next()?].into_iter().find(|name| name.starts_with("keep-"))?;
    Some(name.split(['-', '&']).skip(1).map(str::to_owned).collect())
}

/// Answers; says whether the connection goes on.
pub(super) fn answer(mut stream: &TcpStream, request: &Request, words: &[String]) -> bool {
    let has = |word: &str| words.iter().any(|known| known == word);
    let place = request.path.split('?').next().unwrap().trim_end_matches("/picture").to_owned();
    let place = (stream.local_addr().unwrap(), place);
    if !matches!(request.method.as_str(), "GET" | "HEAD") {
        *VERSIONS.lock().unwrap().entry(place).or_default() += 1;
        return !has("reset") && stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").is_ok();
    }
    let version = VERSIONS.lock().unwrap().get(&place).copied().unwrap_or(0);
    if has("slow") {
        std::thread::sleep(Duration::from_millis(400));
    }
    if has("lazy") {
        std::thread::sleep(Duration::from_secs(2));
    }
    if has("reset") {
        return false;
    }
    let told = request.head.to_ascii_lowercase();
    let tag = format!("\"v{version}\"");
    if has("tag") && !has("stuck") && told.contains(&format!("if-none-match: {tag}\r\n")) {
        let tag = if has("other") { "\"other\"" } else { &tag };
        return stream.write_all(format!("HTTP/1.1 304 Not Modified\r\nETag: {tag}\r\n\r\n").as_bytes()).is_ok();
    }
    let is_first = || SEEN.lock().unwrap().insert(place.clone());
    if has("stuck") && !is_first() {
        return stream.write_all(b"HTTP/1.1 304 Not Modified\r\nETag: \"other\"\r\n\r\n").is_ok();
    }
    let headers = headers(words, &tag);
    let number = ANSWERS.fetch_add(1, Ordering::SeqCst);
    let filler = "x".repeat(if has("large") { 5_000 } else { 0 });
    let told = if has("head") { told.as_str() } else { "" };
    let mut body = json!({"answer": number, "version": version, "price": "12.50", "filler": filler, "told": told});
    if has("unfit") {
        body.as_object_mut().unwrap().remove("version");
    }
    let body = body.to_string();
    let status = if has("gone") { "410 Gone" } else { "200 OK" };
    let start = format!("HTTP/1.1 {status}\r\nContent-Type: application/json\r\nX-Request-Id: {number}\r\n{headers}");
    let bodiless = request.method == "HEAD";
    let whole = match (has("chunked"), bodiless) {
        (true, false) => format!("{start}Transfer-Encoding: chunked\r\n\r\n{:x}\r\n{body}\r\n0\r\n\r\n", body.len()),
        (_, true) => format!("{start}Content-Length: {}\r\n\r\n", body.len()),
        _ => format!("{start}Content-Length: {}\r\n\r\n{body}", body.len()),
    };
    stream.write_all(whole.as_bytes()).is_ok()
}

fn headers(words: &[String], tag: &str) -> String {
    let has = |word: &str| words.iter().any(|known| known == word);
    let mut headers = String::new();
    let mut say = |line: &str| headers.push_str(&format!("{line}\r\n"));
    for word in words {
        match word.as_str() {
            "public" | "private" => say(&format!("Cache-Control: {word}")),
            "unstored" => say("Cache-Control: no-store"),
            "tag" => say(&format!("ETag: {tag}")),
            "since" => say("Last-Modified: Thu, 26 Nov 2020 11:00:00 GMT"),
            "cookie" => say("Set-Cookie: a=b"),
            "agent" => say("Vary: User-Agent"),
            "any" => say("Vary: *"),
            seconds if seconds.parse::<u32>().is_ok() => say(&format!("Cache-Control: max-age={seconds}")),
            _ => {}
        }
    }
    if has("expired") {
        say("Cache-Control: max-age=60");
        say("Age: 61");
    }
    headers
}

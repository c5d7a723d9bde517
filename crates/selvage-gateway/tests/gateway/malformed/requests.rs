//! The requests of the table.

use super::super::client::authorization;
use super::super::fabric::key;

const ITEMS: &str = "GET /stock/v1/items HTTP/1.1";
const UPLOAD: &str = "POST /stock/v1/upload HTTP/1.1";

/// All of them, each with a name.
pub fn all() -> Vec<(String, Vec<u8>)> {
    let mut all = Vec::new();
    for group in
        [lines(), headers(), hosts(), lengths(), codings(), chunks(), connections(), methods(), proofs(), paths()]
    {
        all.extend(group);
    }
    all
}

type Group = Vec<(String, Vec<u8>)>;

/// A request of the shop: its line, and what stands between its proof and the empty line.
fn request(line: &str, rest: &str) -> Vec<u8> {
    let rest = if rest.is_empty() { String::new() } else { format!("{rest}\r\n") };
    format!("{line}\r\nHost: a\r\n{}\r\n{rest}\r\n", authorization("shop")).into_bytes()
}

fn with_body(rest: &str, body: &str) -> Vec<u8> {
    [request(UPLOAD, rest), body.as_bytes().to_vec()].concat()
}

fn lines() -> Group {
    let table = [
        ("well", request(ITEMS, "")),
        ("not HTTP", b"\x16\x03\x01\x02\x00\r\n\r\n".to_vec()),
        ("empty lines before", [b"\r\n\r\n".to_vec(), request(ITEMS, "")].concat()),
        ("an empty line before that ends with LF alone", [b"\n".to_vec(), request(ITEMS, "")].concat()),
        ("HTTP/0.9", b"GET /stock/v1/items\r\n\r\n".to_vec()),
        ("HTTP/2.0 in the line", request("GET /stock/v1/items HTTP/2.0", "")),
        ("HTTP/1.2 in the line", request("GET /stock/v1/items HTTP/1.2", "")),
        ("HTTP in lower case", request("GET /stock/v1/items http/1.1", "")),
        ("HTTP/1.0", request("GET /stock/v1/items HTTP/1.0", "")),
        ("HTTP/1.0 keep-alive", request("GET /stock/v1/items HTTP/1.0", "Connection: keep-alive")),
        ("the preface of HTTP/2 with more behind", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\nGET / HTTP/1.1\r\n\r\n".to_vec()),
        ("half the preface of HTTP/2", b"PRI * HTTP/2.0\r\n\r\nXX\r\n\r\n".to_vec()),
        ("a space in the target", request("GET /stock/v1/items x HTTP/1.1", "")),
        ("two spaces in the line", request("GET  /stock/v1/items HTTP/1.1", "")),
        ("a tab in the line", request("GET\t/stock/v1/items HTTP/1.1", "")),
        ("no target", request("GET HTTP/1.1", "")),
        ("a null in the target", request("GET /stock/v1/items\0 HTTP/1.1", "")),
        ("a lone return in the line", request("GET /stock/v1/items HTTP/1.1\rX: y", "")),
        ("lines that end with LF alone", b"GET /stock/v1/items HTTP/1.1\nHost: a\n\n".to_vec()),
        ("a target that is too long", request(&format!("GET /{} HTTP/1.1", "x".repeat(80_000)), "")),
        ("letters beyond ASCII in the target", request("GET /stock/v1/items/\u{e9} HTTP/1.1", "")),
        ("a fragment in the target", request("GET /stock/v1/items#x HTTP/1.1", "")),
        ("pipelined", [request(ITEMS, ""), request("GET /stock/v1/items/2 HTTP/1.1", "")].concat()),
        ("pipelined behind Connection: close", [request(ITEMS, "Connection: close"), request(ITEMS, "")].concat()),
    ];
    named("line", table)
}

fn headers() -> Group {
    let many: Vec<String> = (0..150).map(|number| format!("X-{number}: 1")).collect();
    let table = [
        ("a space before the colon", request(ITEMS, "A : b")),
        ("no colon", request(ITEMS, "Accept")),
        ("no name", request(ITEMS, ": b")),
        ("a folded header", request(ITEMS, "A: b\r\n c")),
        ("a folded first header", b"GET /stock/v1/items HTTP/1.1\r\n Host: a\r\n\r\n".to_vec()),
        ("a null in a value", request(ITEMS, "A: b\0c")),
        ("a control character in a value", request(ITEMS, "A: b\x01c")),
        ("a delete in a value", request(ITEMS, "A: b\x7fc")),
        ("a lone return in a value", request(ITEMS, "A: b\rc")),
        ("a line that ends with LF alone", request(ITEMS, "A: b\nC: d")),
        ("a null in a name", request(ITEMS, "A\0: b")),
        ("letters beyond ASCII in a name", request(ITEMS, "\u{e9}: b")),
        ("letters beyond ASCII in a value", request(ITEMS, "A: caf\u{e9}")),
        ("a header that is too long", request(ITEMS, &format!("X-Long: {}", "x".repeat(100_000)))),
        ("too many headers", request(ITEMS, &many.join("\r\n"))),
        ("an empty value", request(ITEMS, "A:")),
        ("names with underscores", request(ITEMS, "X_Forwarded_For: 6.6.6.6\r\nContent_Length: 9")),
    ];
    named("header", table)
}

fn hosts() -> Group {
    let proof = authorization("shop");
    let with = |line: &str, hosts: &str| format!("{line}\r\n{hosts}{proof}\r\n\r\n").into_bytes();
    let absolute = "GET http://a/stock/v1/items HTTP/1.1";
    let table = [
        ("none", with(ITEMS, "")),
        ("none in HTTP/1.0", with("GET /stock/v1/items HTTP/1.0", "")),
        ("two", with(ITEMS, "Host: a\r\nHost: a\r\n")),
        ("a list", with(ITEMS, "Host: a, b\r\n")),
        ("empty", with(ITEMS, "Host:\r\n")),
        ("with a path", with(ITEMS, "Host: a/b\r\n")),
        ("with a user", with(ITEMS, "Host: a@b\r\n")),
        ("with a space", with(ITEMS, "Host: a b\r\n")),
        ("an address and a port", with(ITEMS, "Host: [::1]:8080\r\n")),
        ("absolute form", with(absolute, "Host: a\r\n")),
        ("absolute form, another case", with(absolute, "Host: A\r\n")),
        ("absolute form, another host", with(absolute, "Host: b\r\n")),
        ("absolute form, another port", with("GET http://a:81/stock/v1/items HTTP/1.1", "Host: a\r\n")),
        ("absolute form, another scheme", with("GET ftp://a/stock/v1/items HTTP/1.1", "Host: a\r\n")),
        ("absolute form with a user", with("GET http://u@a/stock/v1/items HTTP/1.1", "Host: a\r\n")),
        ("absolute form without a path", with("GET http://a HTTP/1.1", "Host: a\r\n")),
        ("a target that begins with two slashes", with("GET //b/stock/v1/items HTTP/1.1", "Host: a\r\n")),
    ];
    named("host", table)
}

fn lengths() -> Group {
    let table = [
        ("as it is", with_body("Content-Length: 3", "abc")),
        ("shorter than the body", with_body("Content-Length: 1", "abc")),
        ("two, the same", with_body("Content-Length: 3\r\nContent-Length: 3", "abc")),
        ("two", with_body("Content-Length: 3\r\nContent-Length: 4", "abc")),
        ("a list", with_body("Content-Length: 3, 4", "abc")),
        ("a list of the same", with_body("Content-Length: 3, 3", "abc")),
        ("signed", with_body("Content-Length: +3", "abc")),
        ("negative", with_body("Content-Length: -3", "abc")),
        ("hexadecimal", with_body("Content-Length: 0x3", "abc")),
        ("with a space in it", with_body("Content-Length: 1 3", "abc")),
        ("with zeros before", with_body("Content-Length: 003", "abc")),
        ("empty", with_body("Content-Length:", "abc")),
        ("beyond numbers", with_body("Content-Length: 99999999999999999999", "abc")),
        ("beyond the limit", with_body("Content-Length: 20000000", "abc")),
        ("of a body of GET", [request(ITEMS, "Content-Length: 3"), b"abc".to_vec()].concat()),
        ("none of a body that comes", with_body("", "abc\r\n\r\n")),
    ];
    named("length", table)
}

fn codings() -> Group {
    let chunked = "3\r\nabc\r\n0\r\n\r\n";
    let smuggled = "0\r\n\r\nGET /stock/v1/items/smuggled HTTP/1.1\r\nHost: a\r\n\r\n";
    let old = "POST /stock/v1/upload HTTP/1.0";
    let coded = "Transfer-Encoding: chunked";
    let both = "Content-Length: 6\r\nTransfer-Encoding: chunked";
    let table = [
        ("chunked", with_body("Transfer-Encoding: chunked", chunked)),
        ("in capitals", with_body("Transfer-Encoding: CHUNKED", chunked)),
        ("identity", with_body("Transfer-Encoding: identity\r\nContent-Length: 3", "abc")),
        ("gzip", with_body("Transfer-Encoding: gzip", chunked)),
        ("chunked, gzip", with_body("Transfer-Encoding: chunked, gzip", chunked)),
        ("gzip, chunked", with_body("Transfer-Encoding: gzip, chunked", chunked)),
        ("chunked, chunked", with_body("Transfer-Encoding: chunked, chunked", chunked)),
        ("chunked twice", with_body("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked", chunked)),
        ("chunked, identity", with_body("Transfer-Encoding: chunked, identity", chunked)),
        ("xchunked", with_body("Transfer-Encoding: xchunked", chunked)),
        ("quoted", with_body("Transfer-Encoding: \"chunked\"", chunked)),
        ("with a parameter", with_body("Transfer-Encoding: chunked;a=b", chunked)),
        ("with a tab before", with_body("Transfer-Encoding:\tchunked", chunked)),
        ("a space before the colon", with_body("Transfer-Encoding : chunked", chunked)),
        ("folded", with_body("Transfer-Encoding:\r\n chunked", chunked)),
        ("empty", with_body("Transfer-Encoding:", chunked)),
        ("in HTTP/1.0", [request(old, "Transfer-Encoding: chunked"), chunked.into()].concat()),
        ("behind a length", with_body("Content-Length: 6\r\nTransfer-Encoding: chunked", smuggled)),
        ("before a length", with_body("Transfer-Encoding: chunked\r\nContent-Length: 6", smuggled)),
        ("with a length in capitals", with_body("CONTENT-LENGTH: 6\r\ntransfer-encoding:chunked", smuggled)),
        ("with a length that is none", with_body("Transfer-Encoding: chunked\r\nContent-Length: x", smuggled)),
        (
            "with two lengths",
            with_body("Content-Length: 6\r\nTransfer-Encoding: chunked\r\nContent-Length: 5", smuggled),
        ),
        ("with a length, pipelined", [request(ITEMS, ""), with_body(both, smuggled)].concat()),
        ("with a length, behind a body", [with_body("Content-Length: 3", "abc"), with_body(both, smuggled)].concat()),
        ("with a length, behind chunks", [with_body(coded, chunked), with_body(both, smuggled)].concat()),
        ("with a length, in a body", with_body(&format!("Content-Length: {}", both.len()), both)),
        ("with a length, in a chunk", with_body(coded, &format!("{:x}\r\n{both}\r\n0\r\n\r\n", both.len()))),
        ("with a length, in HTTP/1.0", [request(old, both), smuggled.into()].concat()),
        ("another one and a length", with_body("Transfer-Encoding: xchunked\r\nContent-Length: 3", "abc")),
    ];
    named("coding", table)
}

fn chunks() -> Group {
    let chunked = |body: &str| with_body("Transfer-Encoding: chunked", body);
    let table = [
        ("with an extension", chunked("3;a=b\r\nabc\r\n0\r\n\r\n")),
        ("with a quoted extension", chunked("3;a=\"b\"\r\nabc\r\n0;c\r\n\r\n")),
        ("with an extension that ends with LF alone", chunked("3;a\nabc\r\n0\r\n\r\n")),
        ("with a huge extension", chunked(&format!("3;{}\r\nabc\r\n0\r\n\r\n", "x".repeat(70_000)))),
        ("with trailers", chunked("3\r\nabc\r\n0\r\nX-Trailer: 1\r\nContent-Length: 9\r\n\r\n")),
        ("with huge trailers", chunked(&format!("0\r\nX: {}\r\n\r\n", "x".repeat(100_000)))),
        ("with zeros before the size", chunked("0003\r\nabc\r\n0\r\n\r\n")),
        ("with a size that is none", chunked("zz\r\nabc\r\n0\r\n\r\n")),
        ("with a signed size", chunked("+3\r\nabc\r\n0\r\n\r\n")),
        ("with a size in 0x", chunked("0x3\r\nabc\r\n0\r\n\r\n")),
        ("with a space before the size", chunked(" 3\r\nabc\r\n0\r\n\r\n")),
        ("with a size beyond numbers", chunked("fffffffffffffffff\r\nabc\r\n0\r\n\r\n")),
        ("with a size that wraps", chunked("10000000000000003\r\nabc\r\n0\r\n\r\n")),
        ("shorter than its size", chunked("5\r\nabc\r\n0\r\n\r\n")),
        ("longer than its size", chunked("2\r\nabc\r\n0\r\n\r\n")),
        ("with LF alone behind the size", chunked("3\nabc\r\n0\r\n\r\n")),
        ("with LF alone behind the bytes", chunked("3\r\nabc\n0\r\n\r\n")),
    ];
    named("chunk", table)
}

fn connections() -> Group {
    let proof = authorization("shop").replace("Authorization: Bearer", "X-Api-Key:");
    let named_key = format!("{ITEMS}\r\nHost: a\r\n{proof}\r\nConnection: x-api-key\r\n\r\n").into_bytes();
    let table = [
        ("names the key", named_key),
        ("names the proof", request(ITEMS, "Connection: authorization")),
        ("names the length", with_body("Connection: content-length\r\nContent-Length: 3", "abc")),
        (
            "names the coding",
            with_body("Connection: transfer-encoding\r\nTransfer-Encoding: chunked", "1\r\na\r\n0\r\n\r\n"),
        ),
        ("names the host", request(ITEMS, "Connection: host")),
        ("names what the gateway adds", request(ITEMS, "Connection: x-forwarded-for, correlation-id, traceparent")),
        ("names others", request(ITEMS, "Connection: x-one, X-Two\r\nX-One: 1\r\nx-two: 2\r\nX-Three: 3")),
        ("names others, then closes", request(ITEMS, "Connection: x-one\r\nConnection: close\r\nX-One: 1")),
        ("names nothing that can be", request(ITEMS, "Connection: ,,\x01 \"x\", x one")),
        ("hop by hop", request(ITEMS, "Keep-Alive: 1\r\nProxy-Connection: x\r\nTE: trailers\r\nTrailer: x")),
        ("proxy credentials", request(ITEMS, "Proxy-Authorization: Basic eDp5\r\nProxy-Authenticate: x")),
        ("upgrades to a socket", request(ITEMS, "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: x")),
        (
            "upgrades to h2c",
            request(ITEMS, "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk"),
        ),
        ("expects", with_body("Expect: 100-continue\r\nContent-Length: 3", "abc")),
        ("expects something else", with_body("Expect: a-wonder\r\nContent-Length: 3", "abc")),
        ("expects without a body", request(ITEMS, "Expect: 100-continue")),
    ];
    named("connection", table)
}

fn methods() -> Group {
    let table = [
        ("TRACE", request("TRACE /stock/v1/items HTTP/1.1", "")),
        ("CONNECT", request("CONNECT other.test:80 HTTP/1.1", "")),
        ("CONNECT with a path", request("CONNECT /stock/v1/items HTTP/1.1", "")),
        ("OPTIONS *", request("OPTIONS * HTTP/1.1", "")),
        ("GET *", request("GET * HTTP/1.1", "")),
        ("one that nobody knows", request("BREW /stock/v1/items HTTP/1.1", "")),
        ("in lower case", request("get /stock/v1/items HTTP/1.1", "")),
        (
            "overridden",
            request(ITEMS, "X-HTTP-Method-Override: DELETE\r\nX-Method-Override: PUT\r\nX-HTTP-Method: PUT"),
        ),
        ("overridden in the query", request("GET /stock/v1/items?_method=DELETE HTTP/1.1", "")),
        ("overridden in the query of a POST", request("POST /stock/v1/upload?a=%ff&_%4dethod=DELETE HTTP/1.1", "")),
        (
            "overridden in the query by its header",
            request("POST /stock/v1/upload?X-HTTP-Method-Override=PUT HTTP/1.1", ""),
        ),
        ("a query about methods", request("GET /stock/v1/items?method=post&payment_method=card HTTP/1.1", "")),
    ];
    named("method", table)
}

/// What proves who asks, more than once.
fn proofs() -> Group {
    let (own, other) = (key("shop"), key("stranger"));
    let table = [
        ("two of Authorization", request(ITEMS, &format!("Authorization: Bearer {other}"))),
        ("the same Authorization twice", request(ITEMS, &authorization("shop"))),
        ("Authorization of two kinds", request(ITEMS, "Authorization: Basic YTpi")),
        ("another X-Api-Key", request(ITEMS, &format!("X-Api-Key: {other}"))),
        ("the same X-Api-Key", request(ITEMS, &format!("X-Api-Key: {own}"))),
        ("two of X-Api-Key", request(ITEMS, &format!("X-Api-Key: {own}\r\nX-Api-Key: {other}"))),
    ];
    named("proof", table)
}

fn paths() -> Group {
    let all = [
        "/stock/v1/../v1/items",
        "/stock/v1/items/..",
        "/stock/v1/items/.",
        "/stock/v1/items/%2e%2e",
        "/stock/v1/items/..;x=1",
        "/stock/v1/items/a%2fb",
        "/stock/v1/items/a%5cb",
        "/stock/v1/items/a\\b",
        "/stock/v1/items/%00",
        "/stock/v1/items/%0d%0aX:%20y",
        "/stock/v1/items/%252e%252e",
        "/stock/v1/items/%c0%af",
        "/stock/v1/items/%zz",
        "/stock/v1/items/%",
        "//stock/v1/items",
        "/./stock/v1/items",
        "/stock//v1/items",
        "/stock/./v1/items",
        "/stock/v1/./items",
        "/stock/v1//items",
        "/stock/v1/items/",
        "/stock/v1/items//",
        "/STOCK/v1/items",
        "/stock%2fv1/items",
        "/%73tock/v1/items",
        "/stock/v1/%69tems",
        "/stock/v1/items/%70icture",
        "/stock/v1/items/a//picture",
        "/stock/v1/items/4%32/picture",
        "/stock/v1/items;a=b",
        "/stock/v1/items?a=/../x",
        "/stock/v1/items/a;b",
        "/stock/v2/items",
        "/../etc/passwd",
    ];
    all.map(|path| (format!("path {path}"), request(&format!("GET {path} HTTP/1.1"), ""))).to_vec()
}

fn named<const N: usize>(group: &str, table: [(&str, Vec<u8>); N]) -> Group {
    table.map(|(name, bytes)| (format!("{group}, {name}"), bytes)).to_vec()
}

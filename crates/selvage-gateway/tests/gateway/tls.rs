//! Upstreams over TLS: verified, or not spoken to.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::sync::Arc;

use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio_rustls::rustls::{ServerConfig, ServerConnection, StreamOwned};

use super::fabric;
use super::running::Running;

const AUTHORITY: &[u8] = include_bytes!("data/tls/authority.der");
const CERTIFICATE: &[u8] = include_bytes!("data/tls/server.der");
/// A key made for these tests; nothing else trusts it.
const KEY: &[u8] = include_bytes!("data/tls/server-key.der");

/// An upstream that speaks TLS as `localhost` and answers with the head it got. Returns its port.
fn start() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(KEY));
    let config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![CertificateDer::from(CERTIFICATE)], key)
        .unwrap();
    let config = Arc::new(config);
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let connection = ServerConnection::new(Arc::clone(&config)).unwrap();
            let mut stream = BufReader::new(StreamOwned::new(connection, stream.unwrap()));
            std::thread::spawn(move || {
                loop {
                    let mut head = String::new();
                    while !head.ends_with("\r\n\r\n") {
                        if !matches!(stream.read_line(&mut head), Ok(1..)) {
                            return;
                        }
                    }
                    let answer = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{head}", head.len());
                    stream.get_mut().write_all(answer.as_bytes()).unwrap();
                }
            });
        }
    });
    port
}

#[test]
fn an_upstream_that_proves_itself_is_spoken_to() {
    let port = start();
    let running = Running::with(|config| config.upstream_roots = vec![AUTHORITY.to_vec()]);
    running.gateway.swap(Arc::new(fabric::snapshot(&format!("https://localhost:{port}"))));
    let mut client = running.client();
    for number in 0..3 {
        let answer = client.get("shop", &format!("/stock/v1/items/{number}"));
        assert_eq!(answer.status, 200, "{}", answer.text());
        assert!(answer.text().starts_with(&format!("GET /api/items/{number} HTTP/1.1\r\n")));
        assert!(answer.text().contains(&format!("host: localhost:{port}\r\n")));
    }
}

#[test]
fn an_upstream_that_does_not_is_not() {
    let port = start();
    let trusting = Running::with(|config| config.upstream_roots = vec![AUTHORITY.to_vec()]);
    let doubting = Running::start();
    for (running, address, code) in [
        (&doubting, format!("https://localhost:{port}"), "FAB4170"),
        (&trusting, format!("https://127.0.0.1:{port}"), "FAB4170"),
        (&trusting, format!("https://{}", trusting.upstream.address), "FAB4050"),
    ] {
        running.gateway.swap(Arc::new(fabric::snapshot(&address)));
        let answer = running.client().get("shop", "/stock/v1/items");
        assert_eq!(answer.said(), (502, code.to_owned()), "{address}");
    }
}

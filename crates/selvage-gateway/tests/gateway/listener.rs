//! TLS with clients: who is let through the handshake, what is spoken after it, and certificates that change meanwhile.

use std::io;
use std::net::TcpStream;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use selvage_gateway::{ClientCertificates, Tls, TlsFiles};
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

use super::client::Client;
use super::running::Running;

const AUTHORITY: &[u8] = include_bytes!("data/tls/clients/authority.pem");
const LISTENER: [&[u8]; 2] =
    [include_bytes!("data/tls/clients/listener.pem"), include_bytes!("data/tls/clients/listener.key")];
const RENEWED: [&[u8]; 2] =
    [include_bytes!("data/tls/clients/renewed.pem"), include_bytes!("data/tls/clients/renewed.key")];
const CLIENT: [&[u8]; 2] =
    [include_bytes!("data/tls/clients/client.pem"), include_bytes!("data/tls/clients/client.key")];
const INTRUDER: [&[u8]; 2] =
    [include_bytes!("data/tls/clients/intruder.pem"), include_bytes!("data/tls/clients/intruder.key")];

fn tls([certificate, key]: [&[u8]; 2], clients: ClientCertificates) -> Tls {
    let (certificate, key) = (certificate.to_vec(), key.to_vec());
    Tls::new(&TlsFiles { certificate, key, clients, revoked: Vec::new(), revoked_in_time: false }, Timestamp::now())
        .unwrap()
}

fn running(clients: ClientCertificates) -> Running {
    Running::with(|config| config.tls = Some(tls(LISTENER, clients)))
}

/// A handshake to its end: what the gateway showed, what is spoken now, and the connection.
struct Shaken {
    certificate: Vec<u8>,
    protocol: Option<Vec<u8>>,
    client: Client,
}

fn shake(running: &Running, shown: Option<[&[u8]; 2]>, protocols: &[&str]) -> io::Result<Shaken> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(AUTHORITY).unwrap()).unwrap();
    let config = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots);
    let mut config = match shown {
        None => config.with_no_client_auth(),
        Some([certificate, key]) => {
            let chain = vec![CertificateDer::from_pem_slice(certificate).unwrap()];
            config.with_client_auth_cert(chain, PrivateKeyDer::from_pem_slice(key).unwrap()).unwrap()
        }
    };
    config.alpn_protocols = protocols.iter().map(|protocol| protocol.as_bytes().to_vec()).collect();
    let mut stream = TcpStream::connect(running.gateway.address())?;
    stream.set_read_timeout(Some(Duration::from_secs(20)))?;
    let mut session = ClientConnection::new(Arc::new(config), ServerName::try_from("gateway.test").unwrap()).unwrap();
    while session.is_handshaking() {
        session.complete_io(&mut stream)?;
    }
    let certificate = session.peer_certificates().unwrap()[0].to_vec();
    let protocol = session.alpn_protocol().map(<[u8]>::to_vec);
    Ok(Shaken { certificate, protocol, client: Client::over(StreamOwned::new(session, stream)) })
}

/// Whether a request of the shop is answered: with TLS 1.3 a client learns only then that it was not let in.
fn is_let_in(running: &Running, shown: Option<[&[u8]; 2]>) -> bool {
    let Ok(mut shaken) = shake(running, shown, &[]) else { return false };
    shaken.client.try_get("shop", "/stock/v1/items").is_some_and(|answer| answer.status == 200)
}

#[test]
fn requests_pass_over_tls() {
    let running = running(ClientCertificates::NotAsked);
    let mut shaken = shake(&running, None, &["http/1.1"]).unwrap();
    assert_eq!(shaken.protocol.as_deref(), Some(&b"http/1.1"[..]));
    for _ in 0..3 {
        let answer = shaken.client.get("shop", "/stock/v1/items");
        assert_eq!(answer.status, 200);
        assert!(answer.text().contains("x-forwarded-proto: https\r\n"), "{}", answer.text());
    }
    let large = shaken.client.get("shop", "/stock/v1/stream/3000000");
    assert_eq!(large.body.len(), 3_000_000);
    shaken.client.send("nonsense\r\n\r\n");
    assert_eq!(shaken.client.read().said(), (400, "FAB4005".to_owned()));
}

#[test]
fn http2_is_chosen_in_the_handshake() {
    let running = running(ClientCertificates::NotAsked);
    for (offered, chosen) in [
        (&["h2", "http/1.1"][..], Some("h2")),
        (&["http/1.1", "h2"], Some("h2")),
        (&["http/1.1"], Some("http/1.1")),
        (&[], None),
    ] {
        let shaken = shake(&running, None, offered).unwrap();
        assert_eq!(shaken.protocol.as_deref(), chosen.map(str::as_bytes), "{offered:?}");
    }
    assert!(shake(&running, None, &["spdy/3"]).is_err(), "nothing in common");
}

#[test]
fn clients_are_let_in_by_their_certificates() {
    let authorities = || AUTHORITY.to_vec();
    for (clients, none, ours, anothers) in [
        (ClientCertificates::NotAsked, true, true, true),
        (ClientCertificates::Optional(authorities()), true, true, false),
        (ClientCertificates::Required(authorities()), false, true, false),
    ] {
        let running = running(clients.clone());
        let let_in = [None, Some(CLIENT), Some(INTRUDER)].map(|shown| is_let_in(&running, shown));
        assert_eq!(let_in, [none, ours, anothers], "{clients:?}");
    }
}

#[test]
fn a_certificate_is_renewed_without_ending_a_connection() {
    let running = running(ClientCertificates::NotAsked);
    let mut before = shake(&running, None, &[]).unwrap();
    assert_eq!(before.client.get("shop", "/stock/v1/items").status, 200);
    assert!(running.gateway.renew_tls(tls(RENEWED, ClientCertificates::Required(AUTHORITY.to_vec()))));
    assert_eq!(before.client.get("shop", "/stock/v1/items").status, 200, "it goes on");
    let after = shake(&running, Some(CLIENT), &[]).unwrap();
    assert_ne!(before.certificate, after.certificate);
    assert!(!is_let_in(&running, None), "and who is new is asked by the new rules");
    assert!(!Running::start().gateway.renew_tls(tls(RENEWED, ClientCertificates::NotAsked)), "plain stays plain");
}

#[test]
fn a_handshake_that_does_not_go_on_is_cut_off() {
    let running = Running::with(|config| {
        config.tls = Some(tls(LISTENER, ClientCertificates::NotAsked));
        config.head_timeout = Duration::from_millis(400);
    });
    let mut silent = running.client();
    silent.send(b"\x16\x03\x01");
    assert!(silent.is_closed());
    let mut plain = running.client();
    plain.send("GET /livez HTTP/1.1\r\nHost: a\r\n\r\n");
    assert!(plain.try_read(false).is_none_or(|answer| answer.status != 200), "nothing is said in the clear");
    assert!(is_let_in(&running, None));
}

#[test]
fn files_that_do_not_fit_are_told() {
    let files = |certificate: &[u8], key: &[u8], clients| TlsFiles {
        certificate: certificate.to_vec(),
        key: key.to_vec(),
        clients,
        revoked: Vec::new(),
        revoked_in_time: false,
    };
    let nobody = || ClientCertificates::NotAsked;
    for (files, told) in [
        (files(b"", LISTENER[1], nobody()), "the certificate is not PEM with a `CERTIFICATE`"),
        (files(LISTENER[0], b"x", nobody()), "the key is not PEM with a private key"),
        (files(LISTENER[0], RENEWED[1], nobody()), "the certificate and its key cannot be used together"),
        (
            files(LISTENER[0], LISTENER[1], ClientCertificates::Required(b"x".to_vec())),
            "the authorities are not PEM with a `CERTIFICATE`",
        ),
    ] {
        assert_eq!(Tls::new(&files, Timestamp::now()).unwrap_err().to_string(), told);
        assert!(!format!("{files:?}").contains("PRIVATE"), "no key is printed");
    }
    let clients = || ClientCertificates::Required(AUTHORITY.to_vec());
    let unread = TlsFiles { revoked: AUTHORITY.to_vec(), ..files(LISTENER[0], LISTENER[1], clients()) };
    let told = Tls::new(&unread, Timestamp::now()).unwrap_err().to_string();
    assert_eq!(told, "the revocation lists are not PEM with an `X509 CRL`");
}

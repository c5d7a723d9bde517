//! Certificates of clients through the port: whom they name is known by them, a stranger's end the handshake.

use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use selvage_gateway::{
    ClientCertificates, Gateway, GatewayConfig, KeysOfIssuers, Snapshot, SnapshotSource, Tls, TlsFiles,
};
use selvage_model::read::{Sources, read};
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

use super::client::{Client, head};
use super::fabric::{access, key};
use super::mint;
use super::running::Engine;
use super::upstream::Upstream;

const AUTHORITY: &[u8] = include_bytes!("data/tls/clients/authority.pem");
const CLIENT: (&[u8], &[u8]) =
    (include_bytes!("data/tls/clients/client.pem"), include_bytes!("data/tls/clients/client.key"));
const INTRUDER: (&[u8], &[u8]) =
    (include_bytes!("data/tls/clients/intruder.pem"), include_bytes!("data/tls/clients/intruder.key"));

/// An authority that takes certificates back, and one that it took back.
const PLANT: &[u8] = include_bytes!("data/tls/revoked/authority.pem");
const LOST: (&[u8], &[u8]) = (include_bytes!("data/tls/revoked/lost.pem"), include_bytes!("data/tls/revoked/lost.key"));

/// An authority whose list ended in 2020, and one that it did not take back.
const FOUNDRY: &[u8] = include_bytes!("data/tls/ended/authority.pem");
const CASTER: (&[u8], &[u8]) =
    (include_bytes!("data/tls/ended/client.pem"), include_bytes!("data/tls/ended/client.key"));
const ENDED: &[u8] = include_bytes!("data/tls/ended/ended.crl.pem");

/// A listener whose clients may show certificates.
pub fn listener() -> Tls {
    listener_for(AUTHORITY)
}

/// The same with these authorities of clients.
fn listener_for(authorities: &[u8]) -> Tls {
    listener_but(authorities, b"")
}

/// The same without the certificates that these lists take back.
fn listener_but(authorities: &[u8], revoked: &[u8]) -> Tls {
    listener_in_time(authorities, revoked, false)
}

/// The same, and where a list must be in time, without those of authorities whose list has ended.
fn listener_in_time(authorities: &[u8], revoked: &[u8], revoked_in_time: bool) -> Tls {
    let files = TlsFiles {
        certificate: include_bytes!("data/tls/clients/listener.pem").to_vec(),
        key: include_bytes!("data/tls/clients/listener.key").to_vec(),
        clients: ClientCertificates::Optional(authorities.to_vec()),
        revoked: revoked.to_vec(),
        revoked_in_time,
    };
    Tls::new(&files, Timestamp::now()).unwrap()
}

/// Whom the client's certificate names.
pub const SUBJECT: &str = r"CN=mes,OU=Plant 1,O=Velo Works\, Ghent,C=BE";

/// A client that shows the plant's certificate.
pub fn certified(address: SocketAddr) -> Client {
    connect(address, Some(CLIENT)).unwrap()
}

/// A client that shows this certificate; an error where the handshake ends.
fn connect(address: SocketAddr, shows: Option<(&[u8], &[u8])>) -> std::io::Result<Client> {
    let read = |(certificate, key): (&[u8], &[u8])| {
        (CertificateDer::from_pem_slice(certificate).unwrap(), PrivateKeyDer::from_pem_slice(key).unwrap())
    };
    show(address, shows.map(read))
}

fn show(
    address: SocketAddr,
    shows: Option<(CertificateDer<'static>, PrivateKeyDer<'static>)>,
) -> std::io::Result<Client> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(AUTHORITY).unwrap()).unwrap();
    let config = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots);
    let config = match shows {
        None => config.with_no_client_auth(),
        Some((certificate, key)) => config.with_client_auth_cert(vec![certificate], key).unwrap(),
    };
    let name = ServerName::try_from("localhost").unwrap();
    let mut session = ClientConnection::new(Arc::new(config), name).unwrap();
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(Duration::from_secs(20)))?;
    while session.is_handshaking() {
        session.complete_io(&mut stream)?;
    }
    Ok(Client::over(StreamOwned::new(session, stream)))
}

struct Node {
    gateway: Gateway,
    upstream: Upstream,
}

impl Node {
    /// With a consumer whose certificate names it so.
    fn start(subject: &str) -> Self {
        let upstream = Upstream::start();
        let snapshot = Self::snapshot(&upstream, subject);
        let mut config = GatewayConfig::new(SocketAddr::from(([127, 0, 0, 1], 0)));
        (config.threads, config.tls) = (1, Some(listener()));
        let gateway = Gateway::start(config, snapshot, Arc::new(Engine::default())).unwrap();
        Self { gateway, upstream }
    }

    fn snapshot(upstream: &Upstream, subject: &str) -> Arc<Snapshot> {
        let manifests = include_str!("data/identity.yaml").replace("UPSTREAM", &upstream.address.to_string());
        let manifests = manifests.replace("'DNS:press.velo.example'", &format!("'{subject}'"));
        let manifests = manifests.replace("operations: [list-items]", "operations: [list-items, get-item, talk]");
        let manifests = manifests.replace("path: /api}", "path: /api, websocket: true}");
        let mut sources = Sources::of("identity.yaml", &manifests);
        sources.insert("contracts/stock.yaml", include_str!("data/stock.yaml"));
        let reading = read(&sources);
        assert!(reading.is_clean(), "{:#?}", reading.findings);
        let (fabric, keys, environment) = (reading.fabric, KeysOfIssuers::new(), "dev".parse().unwrap());
        let access = access(&fabric);
        let source =
            SnapshotSource { fabric: &fabric, access: &access, keys: &keys, environment: &environment, release: "rel" };
        Arc::new(Snapshot::compile(&source).unwrap())
    }

    fn said(&self, shows: Option<(&[u8], &[u8])>, headers: &[&str]) -> (u16, String) {
        let mut client = connect(self.gateway.address(), shows).unwrap();
        client.request("GET", "/stock/v1/items", headers, b"").said()
    }
}

#[test]
fn a_certificate_opens_what_its_consumer_was_granted() {
    let passes = (200, String::new());
    for subject in [SUBJECT, "DNS:mes.velo.example", "URI:spiffe://velo.example/mes"] {
        let node = Node::start(subject);
        assert_eq!(node.said(Some(CLIENT), &[]), passes, "{subject}");
        assert_eq!(node.said(None, &[]), (401, "FAB4010".to_owned()), "{subject}: without one");
        let wrong = node.said(Some(CLIENT), &["X-Api-Key: wrong"]);
        assert_eq!(wrong, (401, "FAB4011".to_owned()), "what is presented decides");
        let night = format!("X-Api-Key: {}", key("night"));
        let other = node.said(Some(CLIENT), &[&night]).1;
        assert!(other.is_empty() || other == "FAB4090", "{other}: the key's consumer, not the certificate's");
    }
    let node = Node::start("CN=mes,OU=Plant 1");
    assert_eq!(node.said(Some(CLIENT), &[]), (401, "FAB4089".to_owned()), "a part of a subject is none");
}

#[test]
fn the_same_subject_by_another_authority_is_nobody() {
    let node = Node::start(SUBJECT);
    // The listener ends the handshake, or the connection right after it.
    let refused = connect(node.gateway.address(), Some(INTRUDER)).map_or(true, |mut client| {
        let asked = client.try_send(b"GET /stock/v1/items HTTP/1.1\r\nHost: localhost\r\n\r\n");
        !asked || client.try_read(false).is_none()
    });
    assert!(refused);
}

/// The handshake is long past when these change. INVARIANT: REVOKED-NOW
#[test]
fn a_certificate_is_judged_for_each_request() {
    let node = Node::start(SUBJECT);
    let mut client = connect(node.gateway.address(), Some(CLIENT)).unwrap();
    let mut ask = || client.request("GET", "/stock/v1/items", &[], b"").said();
    assert_eq!(ask(), (200, String::new()));
    let mut flowing = connect(node.gateway.address(), Some(CLIENT)).unwrap();
    flowing.send(head("GET", "/stock/v1/items/stall", &[], 0));
    std::thread::sleep(Duration::from_millis(1_200));
    node.gateway.swap(Node::snapshot(&node.upstream, "CN=another"));
    let began = Instant::now();
    assert_eq!(ask(), (401, "FAB4089".to_owned()), "nobody is whom it names any more");
    assert!(flowing.try_read(false).is_none() && began.elapsed() < Duration::from_secs(2), "{:?}", began.elapsed());
    node.gateway.swap(Node::snapshot(&node.upstream, SUBJECT));
    assert_eq!(ask(), (200, String::new()));
}

/// The certificate of a WebSocket over TLS is its right. INVARIANT: REVOKED-NOW
#[test]
fn a_websocket_that_a_certificate_opened_passes_and_ends_with_it() {
    let node = Node::start(SUBJECT);
    let ask = |shows| {
        let headers = ["Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13"];
        let key = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==";
        let mut client = connect(node.gateway.address(), shows).unwrap();
        client.send(head("GET", "/stock/v1/socket", &[&headers[..], &[key]].concat(), 0));
        client
    };
    let open = || {
        let mut client = ask(Some(CLIENT));
        assert_eq!(client.read().status, 101);
        assert_eq!(client.bytes(5).as_deref(), Some("hello"));
        client
    };
    assert_eq!(ask(None).read().said(), (401, "FAB4010".to_owned()));
    let mut client = open();
    let large = "x".repeat(200_000);
    client.send(&large);
    assert_eq!(client.bytes(large.len()), Some(large));
    // The listener's own certificate is renewed, and what runs is put in its place again: that ends nothing.
    node.gateway.renew_tls(listener());
    node.gateway.swap(Node::snapshot(&node.upstream, SUBJECT));
    std::thread::sleep(Duration::from_millis(600));
    client.send("on");
    assert_eq!(client.bytes(2).as_deref(), Some("on"));
    // Nobody is whom it names any more.
    node.gateway.swap(Node::snapshot(&node.upstream, "CN=another"));
    let began = Instant::now();
    assert!(client.is_closed() && began.elapsed() < Duration::from_secs(1), "{:?}", began.elapsed());
    node.gateway.swap(Node::snapshot(&node.upstream, SUBJECT));
    // By whose word it was taken is trusted no more.
    let mut client = open();
    node.gateway.renew_tls(listener_for(mint::AUTHORITY));
    let began = Instant::now();
    assert!(client.is_closed() && began.elapsed() < Duration::from_secs(3), "{:?}", began.elapsed());
}

#[test]
fn a_certificate_that_ends_ends_what_it_opened() {
    let node = Node::start("CN=short-lived");
    node.gateway.renew_tls(listener_for(mint::AUTHORITY));
    let until = Timestamp::from_second(Timestamp::now().as_second() + 4).unwrap();
    let certificate = CertificateDer::from(mint::client("short-lived", until));
    let client = || {
        let key = PrivateKeyDer::from_pem_slice(mint::KEY).unwrap();
        show(node.gateway.address(), Some((certificate.clone(), key))).unwrap()
    };
    let (mut asking, mut flowing) = (client(), client());
    assert_eq!(asking.request("GET", "/stock/v1/items", &[], b"").said(), (200, String::new()));
    flowing.send(head("GET", "/stock/v1/items/stall", &[], 0));
    assert!(flowing.try_read(false).is_none(), "cut in the middle");
    let late = Timestamp::now().duration_since(until).as_secs_f64();
    assert!((-0.1..0.9).contains(&late), "{late} s after its end");
    let ended = asking.request("GET", "/stock/v1/items", &[], b"");
    assert_eq!(ended.said(), (401, "FAB4174".to_owned()));
}

/// Whether who connects so is heard; the listener ends the handshake, or the connection right after it.
fn is_refused(connected: std::io::Result<Client>) -> bool {
    connected.map_or(true, |mut client| {
        let asked = client.try_send(b"GET /stock/v1/items HTTP/1.1\r\nHost: localhost\r\n\r\n");
        !asked || client.try_read(false).is_none()
    })
}

/// A list that nobody renewed stops no plant, but where the operator says so; either way it can be seen.
#[test]
fn a_list_that_has_ended_is_seen_and_ends_what_it_is_told_to() {
    let node = Node::start("CN=foundry");
    let client = || connect(node.gateway.address(), Some(CASTER));
    let ask = |client: &mut Client| client.request("GET", "/stock/v1/items", &[], b"").said();
    let passes = (200, String::new());
    node.gateway.renew_tls(listener_but(FOUNDRY, ENDED));
    let mut asking = client().unwrap();
    assert_eq!(ask(&mut asking), passes);
    let ends =
        "selvage_gateway_revocation_list_ends_timestamp_seconds{authority=\"CN=Foundry,O=Velo Works\"} 1580515200";
    assert!(node.gateway.metrics().contains(ends), "{}", node.gateway.metrics());

    node.gateway.renew_tls(listener_in_time(FOUNDRY, ENDED, true));
    std::thread::sleep(Duration::from_millis(1_500));
    assert!(asking.is_closed() && is_refused(client()));
    // The list of one authority is nothing to those of another.
    node.gateway.renew_tls(listener_in_time(&[AUTHORITY, FOUNDRY].concat(), ENDED, true));
    assert_eq!(node.said(Some(CLIENT), &[]), (401, "FAB4089".to_owned()));
    let current = include_bytes!("data/tls/ended/current.crl.pem");
    node.gateway.renew_tls(listener_in_time(FOUNDRY, current, true));
    assert_eq!(ask(&mut client().unwrap()), passes);
}

/// INVARIANT: REVOKED-NOW
#[test]
fn a_certificate_that_was_taken_back_ends_what_it_opened_and_opens_nothing() {
    let node = Node::start("CN=lost");
    let client = || connect(node.gateway.address(), Some(LOST));
    let ask = |client: &mut Client| client.request("GET", "/stock/v1/items", &[], b"").said();
    // Another one was taken back; then its list is only written anew.
    node.gateway.renew_tls(listener_but(PLANT, include_bytes!("data/tls/revoked/other.crl.pem")));
    let (mut asking, mut flowing) = (client().unwrap(), client().unwrap());
    assert_eq!(ask(&mut asking), (200, String::new()));
    flowing.send(head("GET", "/stock/v1/items/stall", &[], 0));
    node.gateway.renew_tls(listener_but(PLANT, include_bytes!("data/tls/revoked/other-anew.crl.pem")));
    std::thread::sleep(Duration::from_millis(1_500));
    assert_eq!(ask(&mut asking), (200, String::new()));

    let both = include_bytes!("data/tls/revoked/both.crl.pem");
    node.gateway.renew_tls(listener_but(PLANT, both));
    let began = Instant::now();
    std::thread::sleep(Duration::from_millis(200));
    assert!(asking.is_closed() && began.elapsed() < Duration::from_secs(2));
    assert!(flowing.try_read(false).is_none() && began.elapsed() < Duration::from_secs(3), "{:?}", began.elapsed());
    assert!(is_refused(client()));
    // Of an authority without a list nothing is known: its certificates are taken, and here name nobody.
    node.gateway.renew_tls(listener_but(&[AUTHORITY, PLANT].concat(), both));
    assert_eq!(node.said(Some(CLIENT), &[]), (401, "FAB4089".to_owned()));
    assert!(is_refused(client()));
}

#[test]
fn clients_of_authorities_that_are_trusted_no_more_have_to_come_again() {
    let node = Node::start(SUBJECT);
    let [mut idle, mut flowing] = [0; 2].map(|_| connect(node.gateway.address(), Some(CLIENT)).unwrap());
    let mut unnamed = connect(node.gateway.address(), None).unwrap();
    let ask = |client: &mut Client| client.request("GET", "/stock/v1/items", &[], b"").said();
    assert_eq!(ask(&mut idle), (200, String::new()));
    flowing.send(head("GET", "/stock/v1/items/stall", &[], 0));
    std::thread::sleep(Duration::from_millis(200));
    // A certificate of the listener that is renewed is nothing to clients.
    node.gateway.renew_tls(listener());
    std::thread::sleep(Duration::from_millis(200));
    assert_eq!(ask(&mut idle), (200, String::new()));
    // Neither is one more authority.
    let both: [&[u8]; 2] = [AUTHORITY, mint::AUTHORITY];
    node.gateway.renew_tls(listener_for(&both.concat()));
    std::thread::sleep(Duration::from_millis(1500));
    assert_eq!(ask(&mut idle), (200, String::new()));
    node.gateway.renew_tls(listener_for(mint::AUTHORITY));
    let began = Instant::now();
    std::thread::sleep(Duration::from_millis(200));
    assert!(idle.is_closed() && began.elapsed() < Duration::from_secs(2));
    assert!(flowing.try_read(false).is_none() && began.elapsed() < Duration::from_secs(3), "{:?}", began.elapsed());
    assert_eq!(ask(&mut unnamed), (401, "FAB4010".to_owned()), "who showed none goes on");
}

//! Systems with authorities of their own, that ask who the node is: each proves itself to the other, or nothing is said.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::sync::Arc;

use selvage_gateway::{Proof, ProofNames, Proofs, Snapshot};
use selvage_model::code;
use selvage_model::manifest::system::SecretName;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::server::WebPkiClientVerifier;
use tokio_rustls::rustls::version::{TLS12, TLS13};
use tokio_rustls::rustls::{RootCertStore, ServerConfig, ServerConnection, StreamOwned, SupportedProtocolVersion};

use super::fabric;
use super::running::Running;

const AUTHORITY: &[u8] = include_bytes!("data/tls/systems/authority.pem");
const SERVER_KEY: &[u8] = include_bytes!("data/tls/systems/server.key");
/// Bears `wms.plant.example` and `127.0.0.1`.
const SERVER: &[u8] = include_bytes!("data/tls/systems/server.pem");
const EXPIRED: &[u8] = include_bytes!("data/tls/systems/expired.pem");
const SELF_SIGNED: &[u8] = include_bytes!("data/tls/systems/self-signed.pem");
type Pair = (&'static [u8], &'static [u8]);
const CLIENT: Pair = (include_bytes!("data/tls/systems/client.pem"), include_bytes!("data/tls/systems/client.key"));
const RENEWED: Pair = (include_bytes!("data/tls/systems/renewed.pem"), include_bytes!("data/tls/systems/renewed.key"));
/// By another authority of the same name.
const STRANGER: Pair =
    (include_bytes!("data/tls/systems/stranger.pem"), include_bytes!("data/tls/systems/stranger.key"));

/// A system that shows this certificate, and answers with whom the other end's names. Returns its port.
fn start(shows: &[u8], asks: bool, version: &'static SupportedProtocolVersion) -> u16 {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(AUTHORITY).unwrap()).unwrap();
    let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider));
    let config = ServerConfig::builder_with_provider(provider).with_protocol_versions(&[version]).unwrap();
    let config = match asks {
        true => config.with_client_cert_verifier(verifier.build().unwrap()),
        false => config.with_no_client_auth(),
    };
    let chain = vec![CertificateDer::from_pem_slice(shows).unwrap()];
    let config = config.with_single_cert(chain, PrivateKeyDer::from_pem_slice(SERVER_KEY).unwrap()).unwrap();
    let (config, listener) = (Arc::new(config), TcpListener::bind("127.0.0.1:0").unwrap());
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let connection = ServerConnection::new(Arc::clone(&config)).unwrap();
            let stream = BufReader::new(StreamOwned::new(connection, stream.unwrap()));
            std::thread::spawn(move || answer(stream));
        }
    });
    port
}

fn answer(mut stream: BufReader<StreamOwned<ServerConnection, std::net::TcpStream>>) {
    loop {
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            if !matches!(stream.read_line(&mut head), Ok(1..)) {
                return;
            }
        }
        let shown = stream.get_ref().conn.peer_certificates().and_then(|all| all.first());
        let holds = |name: &str| shown.is_some_and(|der| der.windows(name.len()).any(|part| part == name.as_bytes()));
        let names = ["node-client", "node-renewed"].into_iter().find(|name| holds(name)).unwrap_or("nobody");
        let host = head.lines().find(|line| line.starts_with("host: ")).unwrap_or_default();
        let body = format!("{names} {host}");
        let answer = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len());
        stream.get_mut().write_all(answer.as_bytes()).unwrap();
    }
}

const TRUSTS: &str = "{authorities: tls/plant.pem}";
const PROVES: &str =
    "{authorities: tls/plant.pem, client: {certificate: {secret: wms/certificate}, key: {secret: wms/key}}}";

fn snapshot(address: &str, tls: &str) -> Arc<Snapshot> {
    Arc::new(fabric::known_over_tls(address, tls, AUTHORITY).unwrap())
}

fn proofs((certificate, key): Pair) -> Proofs {
    let secret = |name: &str| SecretName(name.to_owned());
    let names = ProofNames { certificate: secret("wms/certificate"), key: secret("wms/key") };
    Proofs::from([(names, Proof::new(certificate, key).unwrap())])
}

#[test]
fn a_system_is_known_by_the_authorities_that_its_manifest_names() {
    let renamed = "{authorities: tls/plant.pem, server_name: wms.plant.example}";
    let other = "{authorities: tls/plant.pem, server_name: mes.plant.example}";
    let unproven = |why: &str| Err(why.to_owned());
    for (shows, host, tls, expected) in [
        (SERVER, "127.0.0.1", TRUSTS, Ok(())),
        (SERVER, "localhost", renamed, Ok(())),
        (SERVER, "localhost", TRUSTS, unproven("for another name")),
        (SERVER, "127.0.0.1", other, unproven("for another name")),
        (EXPIRED, "127.0.0.1", TRUSTS, unproven("has expired")),
        (SELF_SIGNED, "127.0.0.1", TRUSTS, unproven("no authority that is trusted")),
        // Without a word about authorities it is the machine that trusts.
        (SERVER, "127.0.0.1", "{server_name: wms.plant.example}", unproven("no authority that is trusted")),
    ] {
        let (port, running) = (start(shows, false, &TLS13), Running::start());
        running.gateway.swap(snapshot(&format!("https://{host}:{port}"), tls));
        let answer = running.client().get("shop", "/stock/v1/items");
        match expected {
            Ok(()) => assert_eq!(answer.text(), format!("nobody host: {host}:{port}"), "{tls}"),
            Err(why) => {
                assert_eq!(answer.said(), (502, "FAB4170".to_owned()), "{host} {tls}");
                assert!(answer.text().contains(&why), "{}", answer.text());
                assert!(!answer.text().contains("plant.example"), "no name of a system is told");
            }
        }
    }
}

#[test]
fn what_one_system_is_trusted_by_is_not_what_another_is() {
    // The node trusts this authority for all; the system's manifest names another, and that alone counts.
    let authority = CertificateDer::from_pem_slice(AUTHORITY).unwrap().to_vec();
    let running = Running::with(|config| config.upstream_roots = vec![authority]);
    let address = format!("https://127.0.0.1:{}", start(SERVER, false, &TLS13));
    running.gateway.swap(Arc::new(fabric::snapshot(&address)));
    assert_eq!(running.client().get("shop", "/stock/v1/items").status, 200);
    let other = include_bytes!("data/tls/clients/authority.pem");
    running.gateway.swap(Arc::new(fabric::known_over_tls(&address, TRUSTS, other).unwrap()));
    for _ in 0..3 {
        let answer = running.client().get("shop", "/stock/v1/items");
        assert_eq!(answer.said(), (502, "FAB4170".to_owned()), "no connection of the first is used for the second");
    }
}

#[test]
fn a_system_that_asks_who_the_node_is_is_shown_it() {
    for version in [&TLS12, &TLS13] {
        let address = format!("https://127.0.0.1:{}", start(SERVER, true, version));
        let running = Running::start();
        let get = || running.client().get("shop", "/stock/v1/items");
        let refused = (502, "FAB4171".to_owned());
        running.gateway.swap(snapshot(&address, TRUSTS));
        assert_eq!(get().said(), refused, "nothing is shown: {version:?}");
        running.gateway.swap(snapshot(&address, PROVES));
        assert_eq!(get().said(), refused, "the secrets are not there yet");
        assert!(running.gateway.prove_by(proofs(STRANGER)));
        assert_eq!(get().said(), refused, "another authority's");
        assert!(running.gateway.prove_by(proofs(CLIENT)));
        assert!(get().text().starts_with("node-client "), "{}", get().text());
        assert!(!running.gateway.prove_by(proofs(CLIENT)), "the same is nothing new");
    }
}

#[test]
fn a_renewed_certificate_is_shown_from_then_on() {
    let address = format!("https://127.0.0.1:{}", start(SERVER, true, &TLS13));
    let running = Running::with(|config| config.threads = 1);
    running.gateway.prove_by(proofs(CLIENT));
    running.gateway.swap(snapshot(&address, PROVES));
    let mut client = running.client();
    assert!(client.get("shop", "/stock/v1/items").text().starts_with("node-client "));
    let ends = "selvage_gateway_shown_certificate_ends_timestamp_seconds{secret=\"wms/certificate\"} 4733510400";
    assert!(running.gateway.metrics().lines().any(|line| line == ends), "alarm on it before systems refuse");
    running.gateway.prove_by(proofs(RENEWED));
    let answer = client.get("shop", "/stock/v1/items");
    assert!(answer.text().starts_with("node-renewed "), "no connection of before is used: {}", answer.text());
}

#[test]
fn what_cannot_be_used_is_said_with_its_place() {
    for (tls, authorities, code) in [
        (TRUSTS, &b"-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n"[..], code::AUTHORITIES_UNFIT),
        ("{server_name: 'wms:8443'}", AUTHORITY, code::UPSTREAM_ADDRESS),
    ] {
        let findings = fabric::known_over_tls("https://wms.example", tls, authorities).unwrap_err();
        assert_eq!(findings.len(), 1, "once, however many interfaces the system has: {findings:#?}");
        assert_eq!((findings[0].code, findings[0].place.file.as_ref()), (code, "fabric.yaml"));
        assert!(findings[0].fix.is_some());
    }
    let [unfit, no_pem] = [Proof::new(CLIENT.0, RENEWED.1), Proof::new(CLIENT.0, b"hunter2")].map(Result::unwrap_err);
    assert_eq!(unfit.to_string(), "the certificate and its key cannot be used together");
    assert_eq!(no_pem.to_string(), "the key is not PEM with a private key");
}

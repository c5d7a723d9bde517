//! Endpoints over TLS: known by their own authorities and names, shown what their system asks for, and sent nothing where they are not
//! who they should be.

use std::net::SocketAddr;
use std::sync::Arc;

use selvage_delivery::send::Sender;
use selvage_delivery::{Endpoint, EndpointTls, Sent};
use selvage_model::manifest::system::SecretName;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::server::WebPkiClientVerifier;
use tokio_rustls::rustls::{RootCertStore, ServerConfig};

use crate::{endpoint, message};

macro_rules! pem {
    ($name:literal) => {
        include_str!(concat!("../../../selvage-gateway/tests/gateway/data/tls/systems/", $name))
    };
}

/// An endpoint that says for whom a node is taken: `nobody`, or `somebody` who showed a certificate.
async fn listening(certificate: &str, asks: bool) -> SocketAddr {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let config =
        ServerConfig::builder_with_provider(Arc::clone(&provider)).with_safe_default_protocol_versions().unwrap();
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(pem!("authority.pem").as_bytes()).unwrap()).unwrap();
    let config = match asks {
        false => config.with_no_client_auth(),
        true => config.with_client_cert_verifier(
            WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider).build().unwrap(),
        ),
    };
    let chain = CertificateDer::pem_slice_iter(certificate.as_bytes()).map(Result::unwrap).collect();
    let key = PrivateKeyDer::from_pem_slice(pem!("server.key").as_bytes()).unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config.with_single_cert(chain, key).unwrap()));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let Ok(mut stream) = acceptor.accept(stream).await else { continue };
            let who = if stream.get_ref().1.peer_certificates().is_some() { "somebody" } else { "nobody" };
            let mut bytes = Vec::new();
            while !bytes.ends_with(b"}}") && stream.read_buf(&mut bytes).await.is_ok_and(|read| read > 0) {}
            let answer = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{who}", who.len());
            let _ = stream.write_all(answer.as_bytes()).await;
        }
    });
    address
}

async fn sent_to(address: SocketAddr, tls: EndpointTls) -> (Sent, Option<String>) {
    let sender = Sender::new(Arc::new(|name| match name.0.as_str() {
        "node/certificate" => Some(pem!("client.pem").to_owned()),
        "node/key" => Some(pem!("client.key").to_owned()),
        _ => None,
    }));
    let endpoint = Endpoint { tls, ..endpoint(&format!("https://{address}/in")) };
    let attempt = sender.send(Arc::new(endpoint), message("msg_1")).await;
    (attempt.sent, attempt.excerpt)
}

fn plant() -> EndpointTls {
    EndpointTls { authorities: Some(pem!("authority.pem").into()), ..EndpointTls::default() }
}

fn shown(certificate: &str) -> EndpointTls {
    let client = Some((SecretName(certificate.to_owned()), SecretName("node/key".to_owned())));
    EndpointTls { client, ..plant() }
}

fn told(sent: &Sent) -> &str {
    match sent {
        Sent::Again { because, .. } => because,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn an_endpoint_is_known_by_its_own_authority_and_name() {
    let address = listening(pem!("server.pem"), false).await;
    let delivered = (Sent::Delivered, Some("nobody".to_owned()));
    assert_eq!(sent_to(address, plant()).await, delivered);
    let named = |name: &str| EndpointTls { server_name: Some(name.to_owned()), ..plant() };
    assert_eq!(sent_to(address, named("wms.plant.example")).await, delivered);
    for tls in [EndpointTls::default(), named("mes.plant.example")] {
        let (sent, _) = sent_to(address, tls).await;
        assert!(told(&sent).starts_with("FAB5123: "), "{sent:?}");
    }
}

#[tokio::test]
async fn one_that_is_not_who_it_should_be_gets_nothing() {
    let address = listening(pem!("expired.pem"), false).await;
    let (sent, excerpt) = sent_to(address, plant()).await;
    assert!(told(&sent).starts_with("FAB5123: ") && excerpt.is_none(), "{sent:?}");
    let strangers = EndpointTls { authorities: Some(pem!("stranger.pem").into()), ..plant() };
    let address = listening(pem!("server.pem"), false).await;
    assert!(told(&sent_to(address, strangers).await.0).starts_with("FAB5123: "));
}

#[tokio::test]
async fn an_endpoint_that_asks_is_shown_who_the_node_is() {
    let address = listening(pem!("server.pem"), true).await;
    assert_eq!(sent_to(address, shown("node/certificate")).await, (Sent::Delivered, Some("somebody".to_owned())));
    assert!(!matches!(sent_to(address, plant()).await.0, Sent::Delivered));
    let (sent, _) = sent_to(address, shown("node/gone")).await;
    assert_eq!(told(&sent), "FAB5127: the secret `node/gone` is not there");
}

#[tokio::test]
async fn nothing_is_sent_in_the_clear_to_an_address_of_https() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let sending = tokio::spawn(sent_to(address, plant()));
    let (mut stream, _) = listener.accept().await.unwrap();
    let mut bytes = vec![0; 5];
    stream.read_exact(&mut bytes).await.unwrap();
    assert_eq!(bytes[..2], [0x16, 0x03], "a handshake");
    drop(stream);
    assert!(!matches!(sending.await.unwrap().0, Sent::Delivered));
}

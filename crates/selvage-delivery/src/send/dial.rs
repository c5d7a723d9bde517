//! Connections to endpoints: TCP to a judged address, TLS where the address says so, by the machine's trust or by what the system
//! declares. Never speaks plainly to an `https` address, and asks no proxy.

use std::net::SocketAddr;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use rustls_platform_verifier::Verifier;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::task::AbortHandle;
use tokio::time::Instant;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::client::Resumption;
use tokio_rustls::rustls::crypto::{CryptoProvider, aws_lc_rs};
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use tokio_rustls::rustls::{self, ClientConfig, RootCertStore};

use super::Secrets;
use super::failure::Failure;
use super::guard::Destination;
use crate::EndpointTls;

/// How long connecting may take, TLS included.
const CONNECT_WITHIN: Duration = Duration::from_secs(5);
/// Header lines of an answer, and bytes of its head.
const MOST_HEADERS: usize = 100;
const MOST_HEAD: usize = 64 * 1024;

static PLATFORM: OnceLock<Arc<Verifier>> = OnceLock::new();

/// A connection over which one message goes at a time.
pub(super) struct Connection {
    pub(super) sender: SendRequest<Full<Bytes>>,
    driver: AbortHandle,
    pub(super) made: Instant,
    pub(super) used: Instant,
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.driver.abort();
    }
}

/// A stream of bytes, plain or in TLS.
trait Wire: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Wire for T {}

/// Connects to the first of these addresses that answers.
pub(super) async fn dial(
    to: &Destination,
    addresses: &[SocketAddr],
    tls: &EndpointTls,
    secrets: &Secrets,
) -> Result<Connection, Failure> {
    let wire = tokio::time::timeout(CONNECT_WITHIN, wire(to, addresses, tls, secrets));
    let wire = wire.await.map_err(|_| Failure::ConnectLate(CONNECT_WITHIN))??;
    let mut builder = http1::Builder::new();
    builder.max_headers(MOST_HEADERS).max_header_size(MOST_HEAD).max_buf_size(MOST_HEAD);
    let (sender, connection) =
        builder.handshake(TokioIo::new(wire)).await.map_err(|error| Failure::Broken(error.to_string()))?;
    let driver = tokio::spawn(async move {
        // What went wrong is told to who waits for the answer.
        let _ = connection.await;
    });
    let now = Instant::now();
    Ok(Connection { sender, driver: driver.abort_handle(), made: now, used: now })
}

async fn wire(
    to: &Destination,
    addresses: &[SocketAddr],
    tls: &EndpointTls,
    secrets: &Secrets,
) -> Result<Box<dyn Wire>, Failure> {
    let stream = TcpStream::connect(addresses).await.map_err(Failure::Unreachable)?;
    stream.set_nodelay(true).map_err(Failure::Unreachable)?;
    if !to.secure {
        return Ok(Box::new(stream));
    }
    let name = tls.server_name.as_ref().unwrap_or(&to.host).clone();
    let name = ServerName::try_from(name).map_err(|error| Failure::Unproven(error.to_string()))?;
    let connector = TlsConnector::from(Arc::new(config(tls, secrets)?));
    let stream = connector.connect(name, stream).await.map_err(|error| match error.get_ref() {
        Some(inner) if inner.is::<rustls::Error>() => Failure::Unproven(inner.to_string()),
        _ => Failure::Unreachable(error),
    })?;
    Ok(Box::new(stream))
}

/// Made for each connection: connections are few and kept, and secrets and authorities change while the node runs.
fn config(tls: &EndpointTls, secrets: &Secrets) -> Result<ClientConfig, Failure> {
    let unproven = |error: rustls::Error| Failure::Unproven(error.to_string());
    let provider: Arc<CryptoProvider> = Arc::new(aws_lc_rs::default_provider());
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider));
    let builder = builder.with_safe_default_protocol_versions().map_err(unproven)?;
    let builder = match &tls.authorities {
        Some(text) => builder.with_root_certificates(roots(text)?),
        // The verifier is the platform's; only its place in the builder is called dangerous.
        None => builder.dangerous().with_custom_certificate_verifier(platform(provider).map_err(unproven)?),
    };
    let Some((certificate, key)) = &tls.client else { return Ok(builder.with_no_client_auth()) };
    let secret = |name| secrets(name).ok_or_else(|| Failure::NoKey(name.clone()));
    let (chain, key) = (secret(certificate)?, secret(key)?);
    let wrong = |error: &dyn std::fmt::Display| Failure::Proof(error.to_string());
    let chain: Vec<_> =
        CertificateDer::pem_slice_iter(chain.as_bytes()).collect::<Result<_, _>>().map_err(|error| wrong(&error))?;
    let key = PrivateKeyDer::from_pem_slice(key.as_bytes()).map_err(|error| wrong(&error))?;
    let mut config = builder.with_client_auth_cert(chain, key).map_err(|error| wrong(&error))?;
    config.resumption = Resumption::disabled();
    Ok(config)
}

fn roots(text: &str) -> Result<RootCertStore, Failure> {
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(text.as_bytes()) {
        let certificate = certificate.map_err(|error| Failure::Proof(format!("the authorities: {error}")))?;
        roots.add(certificate).map_err(|error| Failure::Proof(format!("the authorities: {error}")))?;
    }
    Ok(roots)
}

/// The machine's trust, read once.
fn platform(provider: Arc<CryptoProvider>) -> Result<Arc<Verifier>, rustls::Error> {
    if let Some(verifier) = PLATFORM.get() {
        return Ok(Arc::clone(verifier));
    }
    let verifier = Arc::new(Verifier::new(provider)?);
    Ok(Arc::clone(PLATFORM.get_or_init(|| verifier)))
}

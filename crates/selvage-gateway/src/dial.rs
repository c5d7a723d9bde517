//! Connecting to an upstream: TCP without delay, with TLS for `https`, verified by the machine's trust and the
//! configured authorities, or by those that the system's manifest names. Never speaks plainly to an `https` address.

mod proof;
mod trust;

use std::cell::OnceCell;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use http::StatusCode;
use rustls_platform_verifier::Verifier;
use selvage_model::code;
use selvage_model::problem::Problem;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::client::Resumption;
use tokio_rustls::rustls::crypto::{CryptoProvider, aws_lc_rs};
use tokio_rustls::rustls::pki_types::{CertificateDer, InvalidDnsNameError, ServerName};
use tokio_rustls::rustls::{self, AlertDescription, CertificateError, ClientConfig};

use crate::config::GatewayConfig;
pub(crate) use proof::Proving;
use proof::Shows;
pub use proof::{Proof, ProofNames, Proofs};
pub(crate) use trust::Trust;

/// What a thread connects with. The machine's trust is read when the first `https` upstream is dialled that goes by it.
pub(crate) struct Dialer {
    roots: Vec<CertificateDer<'static>>,
    platform: OnceCell<Arc<Verifier>>,
    tls: OnceCell<TlsConnector>,
    proving: Arc<Proving>,
}

/// Where a connection leads, and by what it is known there.
pub(crate) struct Destination<'a> {
    pub(crate) secure: bool,
    pub(crate) host: &'a str,
    pub(crate) port: u16,
    pub(crate) trust: Option<&'a Trust>,
    /// TLS by this trust, once it was made.
    pub(crate) tls: &'a OnceCell<TlsConnector>,
}

/// Why there is no connection.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DialError {
    #[error("connecting took too long")]
    Late,
    #[error("the connection was refused or broke: {0}")]
    Io(#[from] io::Error),
    #[error("TLS cannot be spoken: {0}")]
    Tls(#[from] rustls::Error),
    #[error("the host's name is none that a certificate could have: {0}")]
    Name(#[from] InvalidDnsNameError),
}

impl Dialer {
    pub(crate) fn new(config: &GatewayConfig, proving: Arc<Proving>) -> Self {
        let roots = config.upstream_roots.iter().cloned().map(CertificateDer::from);
        Self { roots: roots.collect(), platform: OnceCell::new(), tls: OnceCell::new(), proving }
    }

    /// A connection to this destination.
    pub(crate) async fn dial(&self, to: Destination<'_>) -> Result<Stream, DialError> {
        let stream = TcpStream::connect((to.host, to.port)).await?;
        stream.set_nodelay(true)?;
        if !to.secure {
            return Ok(Stream::Plain(stream));
        }
        let (tls, name) = match to.trust {
            None => (self.tls(&self.tls, None)?, None),
            Some(trust) => (self.tls(to.tls, Some(trust))?, trust.name.clone()),
        };
        let name = name.map_or_else(|| ServerName::try_from(to.host.to_owned()), Ok)?;
        Ok(Stream::Tls(Box::new(tls.connect(name, stream).await?)))
    }

    /// How often what is shown has changed: a connection of another round than now is not used again.
    pub(crate) fn round(&self, trust: Option<&Trust>) -> u32 {
        if trust.is_some_and(|trust| trust.proof.is_some()) { self.proving.round() } else { 0 }
    }

    fn tls<'c>(&self, made: &'c OnceCell<TlsConnector>, trust: Option<&Trust>) -> Result<&'c TlsConnector, DialError> {
        if let Some(tls) = made.get() {
            return Ok(tls);
        }
        let provider: Arc<CryptoProvider> = Arc::new(aws_lc_rs::default_provider());
        let config =
            ClientConfig::builder_with_provider(Arc::clone(&provider)).with_safe_default_protocol_versions()?;
        let config = match trust.and_then(Trust::roots) {
            Some(roots) => config.with_root_certificates(roots),
            // The verifier is the platform's; only its place in the builder is called dangerous.
            None => config.dangerous().with_custom_certificate_verifier(self.platform(provider)?),
        };
        let config = match trust.and_then(|trust| trust.proof.clone()) {
            None => config.with_no_client_auth(),
            Some(names) => {
                let shows = Shows { proving: Arc::clone(&self.proving), names };
                let mut config = config.with_client_cert_resolver(Arc::new(shows));
                // A session that goes on would go on by the certificate that it began with.
                config.resumption = Resumption::disabled();
                config
            }
        };
        Ok(made.get_or_init(|| TlsConnector::from(Arc::new(config))))
    }

    fn platform(&self, provider: Arc<CryptoProvider>) -> Result<Arc<Verifier>, DialError> {
        if let Some(verifier) = self.platform.get() {
            return Ok(Arc::clone(verifier));
        }
        let verifier = Arc::new(Verifier::new_with_extra_roots(self.roots.iter().cloned(), provider)?);
        Ok(Arc::clone(self.platform.get_or_init(|| verifier)))
    }
}

/// What the caller is told where TLS is why there is no answer: the system does not prove who it is, or does not take what
/// the node shows. Names and certificates stay here.
pub(crate) fn unproven(error: &io::Error) -> Option<Problem> {
    let told = |code, detail: String| Some(Problem::new(StatusCode::BAD_GATEWAY.as_u16(), code, detail));
    match error.get_ref()?.downcast_ref::<rustls::Error>()? {
        rustls::Error::InvalidCertificate(error) => {
            let detail =
                format!("the upstream system does not prove that it is who it should be: {}", wrong_with(error));
            told(code::UPSTREAM_UNPROVEN, detail)
        }
        rustls::Error::AlertReceived(
            AlertDescription::CertificateRequired
            | AlertDescription::NoCertificate
            | AlertDescription::BadCertificate
            | AlertDescription::UnsupportedCertificate
            | AlertDescription::CertificateRevoked
            | AlertDescription::CertificateExpired
            | AlertDescription::CertificateUnknown
            | AlertDescription::UnknownCA
            | AlertDescription::AccessDenied
            | AlertDescription::DecryptError,
        ) => told(code::NODE_UNPROVEN, "the upstream system does not take the certificate of this node".to_owned()),
        _ => None,
    }
}

fn wrong_with(error: &CertificateError) -> &'static str {
    match error {
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => "its certificate has expired",
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            "its certificate is not valid yet"
        }
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            "its certificate is for another name"
        }
        CertificateError::UnknownIssuer => "no authority that is trusted here signed its certificate",
        CertificateError::Revoked => "its certificate was revoked",
        _ => "its certificate is not valid",
    }
}

/// A connection to an upstream.
pub(crate) enum Stream {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

impl AsyncRead for Stream {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_read(cx, buffer),
            Self::Tls(stream) => Pin::new(stream).poll_read(cx, buffer),
        }
    }
}

impl AsyncWrite for Stream {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_write(cx, bytes),
            Self::Tls(stream) => Pin::new(stream).poll_write(cx, bytes),
        }
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        parts: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_write_vectored(cx, parts),
            Self::Tls(stream) => Pin::new(stream).poll_write_vectored(cx, parts),
        }
    }

    fn is_write_vectored(&self) -> bool {
        match self {
            Self::Plain(stream) => stream.is_write_vectored(),
            Self::Tls(stream) => stream.is_write_vectored(),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_flush(cx),
            Self::Tls(stream) => Pin::new(stream).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_shutdown(cx),
            Self::Tls(stream) => Pin::new(stream).poll_shutdown(cx),
        }
    }
}

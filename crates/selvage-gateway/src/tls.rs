//! TLS with clients: what the listener shows, whose certificates it takes, and the handshake. Made of files that the
//! binary reads; swapped whole while it runs, so that a certificate is renewed without ending a connection.

mod revoked;

use std::collections::BTreeSet;
use std::fmt;
use std::io;
use std::sync::Arc;

use jiff::Timestamp;
use sha2::{Digest, Sha256};
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::pem::{self, PemObject};
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::server::danger::ClientCertVerifier;
use tokio_rustls::rustls::server::{VerifierBuilderError, WebPkiClientVerifier};
use tokio_rustls::rustls::{self, RootCertStore, ServerConfig};
use tokio_rustls::server::TlsStream;

use crate::certificate::ClientCertificate;
use revoked::Lists;
pub use revoked::RevocationList;

const HTTP2: &[u8] = b"h2";
const HTTP1: &[u8] = b"http/1.1";

/// What the listener proves itself by, and whose clients it takes, as files of PEM.
#[derive(Clone, PartialEq, Eq)]
pub struct TlsFiles {
    /// The certificate, and after it those that lead to an authority.
    pub certificate: Vec<u8>,
    /// Its key. INVARIANT: SECRET-FREE: never printed.
    pub key: Vec<u8>,
    /// Whether clients show certificates.
    pub clients: ClientCertificates,
    /// Which certificates of clients were taken back: revocation lists of their authorities. Empty where there are none.
    pub revoked: Vec<u8>,
    /// Whether certificates of an authority whose list has ended are taken no more.
    pub revoked_in_time: bool,
}

/// Whether clients show certificates.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ClientCertificates {
    /// They are not asked.
    NotAsked,
    /// They may, signed by one of these authorities; any other ends the handshake.
    Optional(Vec<u8>),
    /// They must, signed by one of these authorities.
    Required(Vec<u8>),
}

impl fmt::Debug for TlsFiles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TlsFiles").field("clients", &self.clients).finish_non_exhaustive()
    }
}

/// Why TLS cannot be spoken with these files.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// The certificate's file holds none.
    #[error("the certificate is not PEM with a `CERTIFICATE`")]
    Certificate(#[source] pem::Error),
    /// The key's file holds none.
    #[error("the key is not PEM with a private key")]
    Key(#[source] pem::Error),
    /// The authorities' file holds none.
    #[error("the authorities are not PEM with a `CERTIFICATE`")]
    Authorities(#[source] pem::Error),
    /// The file of revocation lists holds none.
    #[error("the revocation lists are not PEM with an `X509 CRL`")]
    Revoked(#[source] pem::Error),
    /// One of the revocation lists cannot be read, or does not say when the next is due.
    #[error("one of the revocation lists cannot be read, or does not say when the next is due")]
    RevokedUnread,
    /// They do not fit together, or one is of a kind that is not used.
    #[error("the certificate and its key cannot be used together")]
    Unfit(#[source] rustls::Error),
    /// An authority cannot be one.
    #[error("one of the authorities cannot be used")]
    Authority(#[source] rustls::Error),
    /// The authorities are none, or what was taken back cannot be used.
    #[error("the clients' authorities or their revocation lists cannot be used")]
    Verifier(#[source] VerifierBuilderError),
}

/// TLS as the listener speaks it.
#[derive(Clone)]
pub struct Tls {
    acceptor: TlsAcceptor,
    /// Whose clients are taken, so that another choice is noticed.
    pub(crate) clients: ClientsMark,
    lists: Arc<[RevocationList]>,
}

/// Stands for whose certificates a listener takes: each authority's SHA-256, and one of all that was taken back. A list that is only
/// written anew is the same.
pub(crate) type ClientsMark = Arc<BTreeSet<[u8; 32]>>;

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tls").finish_non_exhaustive()
    }
}

/// What a client showed in the handshake.
pub(crate) struct Shown {
    pub(crate) certificate: Option<ClientCertificate>,
    pub(crate) http2: bool,
}

impl Tls {
    /// Of these files, as they stand at this time.
    ///
    /// # Errors
    /// Where they are not PEM, or do not fit together.
    pub fn new(files: &TlsFiles, now: Timestamp) -> Result<Self, TlsError> {
        let chain = certificates(&files.certificate).map_err(TlsError::Certificate)?;
        let key = PrivateKeyDer::from_pem_slice(&files.key).map_err(TlsError::Key)?;
        let config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(TlsError::Unfit)?;
        let lists = Lists::read(&files.revoked)?;
        let in_time = files.revoked_in_time.then_some(now);
        let clients = mark(&files.clients, lists.mark(in_time))?;
        let all: Arc<[RevocationList]> = lists.all.as_slice().into();
        let config = match verifier(&files.clients, lists, files.revoked_in_time)? {
            Some(verifier) => config.with_client_cert_verifier(verifier),
            None => config.with_no_client_auth(),
        };
        let mut config = config.with_single_cert(chain, key).map_err(TlsError::Unfit)?;
        config.alpn_protocols = vec![HTTP2.to_vec(), HTTP1.to_vec()];
        Ok(Self { acceptor: TlsAcceptor::from(Arc::new(config)), clients, lists: all })
    }

    /// The revocation lists, by when they end.
    pub fn revocation_lists(&self) -> &[RevocationList] {
        &self.lists
    }

    /// The handshake with a client.
    pub(crate) fn shake_hands(
        &self,
        stream: TcpStream,
    ) -> impl Future<Output = io::Result<(TlsStream<TcpStream>, Shown)>> + use<> {
        let accepting = self.acceptor.accept(stream);
        async move {
            let stream = accepting.await?;
            let (_, session) = stream.get_ref();
            let http2 = session.alpn_protocol() == Some(HTTP2);
            let shown = session.peer_certificates().and_then(<[CertificateDer<'_>]>::first);
            // One that TLS verified and that cannot be read here names nobody.
            let certificate = shown.map(|shown| ClientCertificate::read(shown)).transpose();
            let certificate = certificate.map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))?;
            Ok((stream, Shown { certificate, http2 }))
        }
    }
}

fn mark(clients: &ClientCertificates, taken_back: [u8; 32]) -> Result<ClientsMark, TlsError> {
    let (ClientCertificates::Optional(authorities) | ClientCertificates::Required(authorities)) = clients else {
        return Ok(ClientsMark::default());
    };
    let authorities = certificates(authorities).map_err(TlsError::Authorities)?;
    let of_authorities = authorities.iter().map(|authority| Sha256::digest(authority).into());
    Ok(Arc::new(of_authorities.chain([taken_back]).collect()))
}

/// The certificates of a PEM file, one at least.
pub(crate) fn certificates(file: &[u8]) -> Result<Vec<CertificateDer<'static>>, pem::Error> {
    let all: Vec<_> = CertificateDer::pem_slice_iter(file).collect::<Result<_, _>>()?;
    if all.is_empty() { Err(pem::Error::NoItemsFound) } else { Ok(all) }
}

/// The authorities of a PEM file.
pub(crate) fn roots(authorities: &[u8]) -> Result<RootCertStore, TlsError> {
    let mut roots = RootCertStore::empty();
    for authority in certificates(authorities).map_err(TlsError::Authorities)? {
        roots.add(authority).map_err(TlsError::Authority)?;
    }
    Ok(roots)
}

/// Takes certificates of clients, but for those that were taken back. A certificate of an authority without a list is taken; a list
/// goes on beyond its time, since a file that nobody renewed ends no plant's connections, but where it is said that it must be
/// in time. INVARIANT: REVOKED-NOW
fn verifier(
    clients: &ClientCertificates,
    lists: Lists,
    in_time: bool,
) -> Result<Option<Arc<dyn ClientCertVerifier>>, TlsError> {
    let (authorities, optional) = match clients {
        ClientCertificates::NotAsked => return Ok(None),
        ClientCertificates::Optional(authorities) => (authorities, true),
        ClientCertificates::Required(authorities) => (authorities, false),
    };
    let roots = roots(authorities)?;
    let provider = Arc::new(aws_lc_rs::default_provider());
    let builder = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
    let builder = builder.with_crls(lists.ders).allow_unknown_revocation_status();
    let builder = if in_time { builder.enforce_revocation_expiration() } else { builder };
    let builder = if optional { builder.allow_unauthenticated() } else { builder };
    builder.build().map(Some).map_err(TlsError::Verifier)
}

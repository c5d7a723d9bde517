//! What a node shows to systems that ask who it is: certificates with their keys, by the secrets that hold them. Swapped
//! while it runs, so that a certificate is renewed without a restart; connections made by another are not used again.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use arc_swap::ArcSwap;
use jiff::Timestamp;
use selvage_model::manifest::system::{ClientProof, SecretName};
use sha2::{Digest, Sha256};
use tokio_rustls::rustls::SignatureScheme;
use tokio_rustls::rustls::client::ResolvesClientCert;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::sign::CertifiedKey;

use crate::certificate::end_of;
use crate::tls::{TlsError, certificates};

/// The secrets that hold a certificate and its key.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ProofNames {
    /// The certificate's.
    pub certificate: SecretName,
    /// The key's.
    pub key: SecretName,
}

impl ProofNames {
    /// As a system's manifest names them.
    pub fn of(declared: &ClientProof) -> Self {
        Self { certificate: declared.certificate.value.clone(), key: declared.key.value.clone() }
    }
}

/// A certificate with its key, ready to be shown.
#[derive(Clone)]
pub struct Proof {
    certified: Arc<CertifiedKey>,
    /// When the certificate ends, where it can be read.
    ends: Option<Timestamp>,
    /// Of both as they were given.
    mark: [u8; 32],
}

/// What a node shows, by the secrets that hold it.
pub type Proofs = BTreeMap<ProofNames, Proof>;

// INVARIANT: SECRET-FREE
impl fmt::Debug for Proof {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Proof").finish_non_exhaustive()
    }
}

impl PartialEq for Proof {
    fn eq(&self, other: &Self) -> bool {
        self.mark == other.mark
    }
}

impl Proof {
    /// Of a certificate, with those that lead to an authority behind it, and its key, both PEM.
    ///
    /// # Errors
    /// Where they are not PEM, or do not fit together.
    pub fn new(certificate: &[u8], key: &[u8]) -> Result<Self, TlsError> {
        let chain = certificates(certificate).map_err(TlsError::Certificate)?;
        let ends = chain.first().and_then(|first| end_of(first).ok());
        let read = PrivateKeyDer::from_pem_slice(key).map_err(TlsError::Key)?;
        let certified = CertifiedKey::from_der(chain, read, &aws_lc_rs::default_provider()).map_err(TlsError::Unfit)?;
        let mark = Sha256::new().chain_update(certificate).chain_update([0]).chain_update(key).finalize().into();
        Ok(Self { certified: Arc::new(certified), ends, mark })
    }
}

/// What this node shows now, and how often that has changed.
#[derive(Debug, Default)]
pub(crate) struct Proving {
    proofs: ArcSwap<Proofs>,
    round: AtomicU32,
}

impl Proving {
    /// Shows these from the next handshake on. Whether they are others than before.
    pub(crate) fn show(&self, proofs: Proofs) -> bool {
        let others = **self.proofs.load() != proofs;
        if others {
            self.proofs.store(Arc::new(proofs));
            self.round.fetch_add(1, Ordering::Release);
        }
        others
    }

    /// When each ends that can be read, by the secret that holds it.
    pub(crate) fn ends(&self) -> Vec<(String, Timestamp)> {
        let proofs = self.proofs.load();
        proofs.iter().filter_map(|(names, proof)| Some((names.certificate.0.clone(), proof.ends?))).collect()
    }

    /// How often they have changed.
    pub(crate) fn round(&self) -> u32 {
        self.round.load(Ordering::Acquire)
    }
}

/// What is shown to one system, as it is when it is asked for.
#[derive(Debug)]
pub(super) struct Shows {
    pub(super) proving: Arc<Proving>,
    pub(super) names: ProofNames,
}

impl ResolvesClientCert for Shows {
    fn resolve(&self, _authorities: &[&[u8]], _schemes: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        self.proving.proofs.load().get(&self.names).map(|proof| Arc::clone(&proof.certified))
    }

    fn has_certs(&self) -> bool {
        true
    }
}

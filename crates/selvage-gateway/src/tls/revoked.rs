//! Revocation lists of clients' authorities: what they take back, and until when they say so.

use std::collections::BTreeSet;

use jiff::Timestamp;
use sha2::{Digest, Sha256};
use tokio_rustls::rustls::pki_types::CertificateRevocationListDer;
use tokio_rustls::rustls::pki_types::pem::{self, PemObject};
use x509_parser::prelude::FromDer;
use x509_parser::revocation_list::CertificateRevocationList;

use super::TlsError;
use crate::certificate::distinguished;

/// Whose list it is, and when the next one is due.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RevocationList {
    /// The authority, as RFC 4514 writes names.
    pub authority: String,
    /// When the next list is due: from then on this one says nothing of what was taken back since.
    pub ends: Timestamp,
}

impl RevocationList {
    /// Whether the next one should be there.
    pub fn has_ended(&self, now: Timestamp) -> bool {
        self.ends <= now
    }
}

/// The lists of a file.
pub(super) struct Lists {
    pub(super) ders: Vec<CertificateRevocationListDer<'static>>,
    /// By when they end.
    pub(super) all: Vec<RevocationList>,
    /// Everything that they take back: by whom, and which.
    revoked: BTreeSet<Vec<u8>>,
}

impl Lists {
    /// Of a PEM file; none of an empty one.
    pub(super) fn read(file: &[u8]) -> Result<Self, TlsError> {
        let mut lists = Self { ders: ders(file)?, all: Vec::new(), revoked: BTreeSet::new() };
        for der in &lists.ders {
            let (_, list) = CertificateRevocationList::from_der(der).map_err(|_| TlsError::RevokedUnread)?;
            let issuer = list.tbs_cert_list.issuer.as_raw();
            let revoked = list.iter_revoked_certificates().map(|revoked| [issuer, revoked.raw_serial()].concat());
            lists.revoked.extend(revoked);
            let ends = list.next_update().and_then(|ends| Timestamp::from_second(ends.timestamp()).ok());
            let authority = distinguished(list.issuer()).map_err(|_| TlsError::RevokedUnread)?;
            lists.all.push(RevocationList { authority, ends: ends.ok_or(TlsError::RevokedUnread)? });
        }
        lists.all.sort_by_key(|list| list.ends);
        Ok(lists)
    }

    /// Stands for everything that these lists take back; where a list must be in time, for those that are not, too.
    pub(super) fn mark(&self, in_time: Option<Timestamp>) -> [u8; 32] {
        let mut hash = Sha256::new();
        for one in &self.revoked {
            hash.update(Sha256::digest(one));
        }
        let late = self.all.iter().filter(|list| in_time.is_some_and(|now| list.has_ended(now)));
        for list in late {
            hash.update(Sha256::digest(&list.authority));
        }
        hash.finalize().into()
    }
}

fn ders(file: &[u8]) -> Result<Vec<CertificateRevocationListDer<'static>>, TlsError> {
    if file.is_empty() {
        return Ok(Vec::new());
    }
    let all: Vec<_> =
        CertificateRevocationListDer::pem_slice_iter(file).collect::<Result<_, _>>().map_err(TlsError::Revoked)?;
    if all.is_empty() { Err(TlsError::Revoked(pem::Error::NoItemsFound)) } else { Ok(all) }
}

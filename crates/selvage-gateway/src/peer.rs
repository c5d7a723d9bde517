//! Who is at the other end of a client connection: known once when it connects, the same for all its requests.

use http::HeaderValue;

use crate::certificate::ClientCertificate;

/// The other end of a client connection.
#[derive(Debug)]
pub(crate) struct Peer {
    /// Its address.
    pub(crate) address: HeaderValue,
    /// Whether it is spoken to over TLS.
    pub(crate) secure: bool,
    /// The certificate that it proved to hold.
    pub(crate) certificate: Option<ClientCertificate>,
}

impl Peer {
    /// The scheme that it asked by.
    pub(crate) fn scheme(&self) -> &'static str {
        if self.secure { "https" } else { "http" }
    }
}

//! Who a client is by its certificate: what TLS verified on its connection, read once when it connects. It says who a
//! certificate names, never whether that may do anything.

/// A client's certificate, verified against the authorities that the listener trusts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientCertificate {
    /// Its subject as RFC 4514 writes it, the most specific part first: `CN=mes,O=Velo Works,C=BE`. The same as
    /// `openssl x509 -noout -subject -nameopt RFC2253` prints.
    pub subject: String,
    /// Its alternative names, each with its kind: `DNS:mes.velo.example`, `URI:spiffe://velo/mes`, `email:…`, `IP:…`.
    pub names: Vec<String>,
    /// SHA-256 of the whole certificate.
    pub fingerprint: [u8; 32],
}

//! Who a client is by its certificate: what TLS verified on its connection, read once when it connects. It says who a
//! certificate names, never whether that may do anything.

use std::net::IpAddr;

use jiff::Timestamp;
use sha2::{Digest, Sha256};
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::{FromDer, X509Certificate};
use x509_parser::x509::X509Name;

/// A client's certificate, verified against the authorities that the listener trusts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientCertificate {
    /// Its subject as RFC 4514 writes it, the most specific part first: `CN=mes,O=Velo Works,C=BE`. The same as
    /// `openssl x509 -noout -subject -nameopt RFC2253,-esc_msb,utf8` prints.
    pub subject: String,
    /// Its alternative names, each with its kind: `DNS:mes.velo.example`, `URI:spiffe://velo/mes`, `email:…`, `IP:…`.
    pub names: Vec<String>,
    /// SHA-256 of the whole certificate.
    pub fingerprint: [u8; 32],
    /// When it ends.
    pub ends: Timestamp,
}

/// The certificate cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the certificate is not one that can be read")]
pub(crate) struct Unreadable;

impl ClientCertificate {
    /// Reads a certificate in DER that was verified before.
    pub(crate) fn read(der: &[u8]) -> Result<Self, Unreadable> {
        let (_, certificate) = X509Certificate::from_der(der).map_err(|_| Unreadable)?;
        let names = match certificate.subject_alternative_name() {
            Ok(Some(extension)) => extension.value.general_names.iter().filter_map(alternative).collect(),
            Ok(None) => Vec::new(),
            Err(_) => return Err(Unreadable),
        };
        let ends = end(&certificate)?;
        Ok(Self {
            subject: distinguished(certificate.subject())?,
            names,
            fingerprint: Sha256::digest(der).into(),
            ends,
        })
    }
}

/// When a certificate in DER ends.
pub(crate) fn end_of(der: &[u8]) -> Result<Timestamp, Unreadable> {
    end(&X509Certificate::from_der(der).map_err(|_| Unreadable)?.1)
}

fn end(certificate: &X509Certificate<'_>) -> Result<Timestamp, Unreadable> {
    Timestamp::from_second(certificate.validity().not_after.timestamp()).map_err(|_| Unreadable)
}

/// An alternative name with its kind, where it is of one that is used.
fn alternative(name: &GeneralName<'_>) -> Option<String> {
    match name {
        GeneralName::DNSName(name) => Some(format!("DNS:{name}")),
        GeneralName::URI(uri) => Some(format!("URI:{uri}")),
        GeneralName::RFC822Name(name) => Some(format!("email:{name}")),
        GeneralName::IPAddress(bytes) => {
            let v4 = <[u8; 4]>::try_from(*bytes).map(IpAddr::from);
            let address = v4.or_else(|_| <[u8; 16]>::try_from(*bytes).map(IpAddr::from));
            address.ok().map(|address| format!("IP:{address}"))
        }
        _ => None,
    }
}

/// A name as RFC 4514 writes it: last part first, with what could be taken for a separator escaped, so that no part can
/// pretend to be two.
pub(crate) fn distinguished(name: &X509Name<'_>) -> Result<String, Unreadable> {
    let mut parts = Vec::new();
    for part in name.iter() {
        let mut values = Vec::new();
        for attribute in part.iter() {
            let kind = short_name(&attribute.attr_type().to_id_string());
            let value = attribute.as_str().map_err(|_| Unreadable)?;
            values.push(format!("{kind}={}", escaped(value)));
        }
        parts.push(values.join("+"));
    }
    parts.reverse();
    Ok(parts.join(","))
}

/// The kinds that RFC 4514 §3 has short names for, and the address that many certificates have; others by their number.
fn short_name(id: &str) -> String {
    let short = match id {
        "2.5.4.3" => "CN",
        "2.5.4.6" => "C",
        "2.5.4.7" => "L",
        "2.5.4.8" => "ST",
        "2.5.4.9" => "STREET",
        "2.5.4.10" => "O",
        "2.5.4.11" => "OU",
        "0.9.2342.19200300.100.1.1" => "UID",
        "0.9.2342.19200300.100.1.25" => "DC",
        "1.2.840.113549.1.9.1" => "emailAddress",
        other => other,
    };
    short.to_owned()
}

fn escaped(value: &str) -> String {
    let mut text = String::with_capacity(value.len());
    let last = value.chars().count().saturating_sub(1);
    for (place, character) in value.chars().enumerate() {
        let special = matches!(character, ',' | '+' | '"' | '\\' | '<' | '>' | ';');
        let first = place == 0 && matches!(character, ' ' | '#');
        if special || first || (place == last && character == ' ') {
            text.push('\\');
        }
        if character.is_control() {
            let mut bytes = [0; 4];
            for byte in character.encode_utf8(&mut bytes).bytes() {
                text.push_str(&format!("\\{byte:02X}"));
            }
        } else {
            text.push(character);
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use tokio_rustls::rustls::pki_types::CertificateDer;
    use tokio_rustls::rustls::pki_types::pem::PemObject;

    use super::*;

    #[test]
    fn no_part_of_a_name_can_pretend_to_be_two() {
        for (value, text) in [
            ("mes", "mes"),
            ("x,O=Velo Works", "x\\,O=Velo Works"),
            ("a+b=c", "a\\+b=c"),
            (" #1 ", "\\ #1\\ "),
            ("#1", "\\#1"),
            ("a\\b\"<>;", "a\\\\b\\\"\\<\\>\\;"),
            ("a\0b\u{85}", "a\\00b\\C2\\85"),
            ("Müller", "Müller"),
        ] {
            assert_eq!(escaped(value), text);
        }
    }

    #[test]
    fn a_certificate_says_whom_it_names() {
        let pem = include_bytes!("../tests/gateway/data/tls/clients/client.pem");
        let der = CertificateDer::from_pem_slice(pem).unwrap();
        let certificate = ClientCertificate::read(&der).unwrap();
        assert_eq!(certificate.subject, "CN=mes,OU=Plant 1,O=Velo Works\\, Ghent,C=BE");
        let names = ["DNS:mes.velo.example", "URI:spiffe://velo.example/mes", "IP:10.0.0.7", "email:mes@velo.example"];
        assert_eq!(certificate.names, names);
        assert!(certificate.ends > "2100-01-01T00:00:00Z".parse().unwrap());
        assert_eq!(certificate.fingerprint[..4], [0x24, 0xfb, 0xc1, 0x68]);
    }

    #[test]
    fn what_is_no_certificate_is_not_read() {
        assert_eq!(ClientCertificate::read(b"no certificate"), Err(Unreadable));
    }
}

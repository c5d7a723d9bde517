//! Certificates made while a test runs: signed by the plant's authority, for a client, until a given time (RFC 5280 §4.1).

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivatePkcs8KeyDer};
use x509_parser::prelude::{FromDer, X509Certificate};

pub const AUTHORITY: &[u8] = include_bytes!("data/tls/systems/authority.pem");
const AUTHORITY_KEY: &[u8] = include_bytes!("data/tls/systems/authority.key");
const CLIENT: &[u8] = include_bytes!("data/tls/systems/client.pem");
/// The key of what is made.
pub const KEY: &[u8] = include_bytes!("data/tls/systems/client.key");

fn der(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let content = parts.concat();
    let [high, low] = u16::try_from(content.len()).unwrap().to_be_bytes();
    let length = match (high, low) {
        (0, 0..=0x7f) => vec![low],
        (0, _) => vec![0x81, low],
        _ => vec![0x82, high, low],
    };
    [&[tag][..], &length, &content].concat()
}

/// A client's certificate, in DER, whose subject is `CN=name`.
pub fn client(name: &str, until: Timestamp) -> Vec<u8> {
    let [authority, sample] = [AUTHORITY, CLIENT].map(|pem| CertificateDer::from_pem_slice(pem).unwrap());
    let (_, authority) = X509Certificate::from_der(&authority).unwrap();
    let (_, sample) = X509Certificate::from_der(&sample).unwrap();
    // ecdsa-with-SHA256, commonName, extKeyUsage, clientAuth
    let algorithm = der(0x30, &[&[6, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 2]]);
    let common_name = der(0x30, &[&[6, 3, 0x55, 4, 3], &der(0x0c, &[name.as_bytes()])]);
    let usage = der(0x30, &[&[6, 8, 0x2b, 6, 1, 5, 5, 7, 3, 2]]);
    let extension = der(0x30, &[&[6, 3, 0x55, 0x1d, 0x25], &der(4, &[&usage])]);
    let time = |time: Timestamp| time.to_zoned(TimeZone::UTC).strftime("%y%m%d%H%M%SZ").to_string();
    let [from, until] = ["2020-01-01T00:00:00Z".parse().unwrap(), until].map(time);
    let signed = der(
        0x30,
        &[
            &der(0xa0, &[&[2, 1, 2]]),
            &[2, 1, 7],
            &algorithm,
            authority.subject().as_raw(),
            &der(0x30, &[&der(0x17, &[from.as_bytes()]), &der(0x17, &[until.as_bytes()])]),
            &der(0x30, &[&der(0x31, &[&common_name])]),
            sample.public_key().raw,
            &der(0xa3, &[&der(0x30, &[&extension])]),
        ],
    );
    let key = PrivatePkcs8KeyDer::from_pem_slice(AUTHORITY_KEY).unwrap();
    let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, key.secret_pkcs8_der()).unwrap();
    let signature = pair.sign(&SystemRandom::new(), &signed).unwrap();
    der(0x30, &[&signed, &algorithm, &der(3, &[&[0], signature.as_ref()])])
}

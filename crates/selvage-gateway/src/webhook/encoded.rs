//! Signatures as headers have them: bytes in hexadecimal digits or base64. Strict: what can be read in two ways is not read.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use selvage_model::manifest::webhook::Encoding;

/// The bytes of a text; `None` where it is not written so.
pub(super) fn decode(encoding: Encoding, text: &str) -> Option<Vec<u8>> {
    match encoding {
        Encoding::Hex => unhex(text.as_bytes()),
        Encoding::Base64 => STANDARD.decode(text).ok(),
    }
}

/// The bytes of hexadecimal digits, in upper or lower case.
pub(super) fn unhex(text: &[u8]) -> Option<Vec<u8>> {
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let (pairs, rest) = text.as_chunks::<2>();
    if !rest.is_empty() {
        return None;
    }
    pairs.iter().map(|[high, low]| Some(digit(*high)? << 4 | digit(*low)?)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_written_in_one_way_is_read() {
        for (encoding, text, bytes) in [
            (Encoding::Hex, "00fFa0", Some(vec![0, 255, 160])),
            (Encoding::Hex, "", Some(vec![])),
            (Encoding::Hex, "0", None),
            (Encoding::Hex, "0g", None),
            (Encoding::Hex, "+1", None),
            (Encoding::Base64, "AP+g", Some(vec![0, 255, 160])),
            (Encoding::Base64, "AP-g", None),
            (Encoding::Base64, "AA", None),
            (Encoding::Base64, "AA==", Some(vec![0])),
            (Encoding::Base64, "AB==", None),
        ] {
            assert_eq!(decode(encoding, text), bytes, "{text}");
        }
    }
}

//! CRC32C over what makes a record, so that a damaged one is known for what it is.

/// CRC32C over the parts, each behind its length: no two lists of parts give the same bytes.
pub fn checksum(parts: &[&[u8]]) -> u32 {
    parts.iter().fold(0, |sum, part| {
        let length = (part.len() as u64).to_be_bytes();
        crc32c::crc32c_append(crc32c::crc32c_append(sum, &length), part)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_crc32c() {
        assert_eq!(crc32c::crc32c(b"123456789"), 0xe306_9283);
        // A checksum that an earlier build wrote.
        assert_eq!(checksum(&[b"one", b"", b"three"]), 0xc9aa_17e7);
    }

    #[test]
    fn parts_do_not_run_together() {
        assert_ne!(checksum(&[b"ab", b"c"]), checksum(&[b"a", b"bc"]));
        assert_ne!(checksum(&[b"ab"]), checksum(&[b"ab", b""]));
    }
}

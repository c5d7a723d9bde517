//! `tracestate` of W3C trace context, level 1 (<https://www.w3.org/TR/trace-context-1/#tracestate-header>): whether it can
//! be handed on. It belongs to others, so it passes whole and unread, or not at all.

use http::HeaderValue;

const MOST_MEMBERS: usize = 32;
const LONGEST_KEY: usize = 256;
const LONGEST_TENANT: usize = 241;
const LONGEST_VENDOR: usize = 14;
const LONGEST_VALUE: usize = 256;

/// Whether these headers, taken together, are one list that the next system can read. Keys that stand twice are left to
/// whoever knows them.
pub(crate) fn is_sound<'h>(headers: impl Iterator<Item = &'h HeaderValue>) -> bool {
    let mut members = 0;
    for member in headers.flat_map(|header| header.as_bytes().split(|byte| *byte == b',')) {
        let member = trim(member);
        if member.is_empty() {
            continue;
        }
        members += 1;
        if members > MOST_MEMBERS || !is_member(member) {
            return false;
        }
    }
    true
}

/// Blanks and tabs around a member mean nothing.
fn trim(mut member: &[u8]) -> &[u8] {
    while let [b' ' | b'\t', rest @ ..] | [rest @ .., b' ' | b'\t'] = member {
        member = rest;
    }
    member
}

fn is_member(member: &[u8]) -> bool {
    let mut halves = member.splitn(2, |byte| *byte == b'=');
    let (Some(key), Some(value)) = (halves.next(), halves.next()) else { return false };
    is_key(key) && is_value(value)
}

fn is_key(key: &[u8]) -> bool {
    let mut halves = key.splitn(2, |byte| *byte == b'@');
    match (halves.next(), halves.next()) {
        (Some(tenant), Some(vendor)) => {
            let begins = tenant.first().is_some_and(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit());
            begins && is_word(tenant, LONGEST_TENANT) && begins_with_letter(vendor) && is_word(vendor, LONGEST_VENDOR)
        }
        (Some(key), None) => begins_with_letter(key) && is_word(key, LONGEST_KEY),
        _ => false,
    }
}

fn begins_with_letter(word: &[u8]) -> bool {
    word.first().is_some_and(u8::is_ascii_lowercase)
}

fn is_word(word: &[u8], longest: usize) -> bool {
    let in_key = |byte: &u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"_-*/".contains(byte);
    word.len() <= longest && word.iter().all(in_key)
}

fn is_value(value: &[u8]) -> bool {
    let sane = |byte: &u8| matches!(byte, b' '..=b'~') && *byte != b'=';
    (1..=LONGEST_VALUE).contains(&value.len()) && value.iter().all(sane)
}

//! What text may do where it is shown.

/// Whether a character turns the direction of writing, so that text reads otherwise than it stands.
pub fn turns(character: char) -> bool {
    matches!(character, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

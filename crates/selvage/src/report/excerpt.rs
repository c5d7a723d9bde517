//! The lines around a place as a screen shows them: cut to its width, and without a character that steers the terminal,
//! because whoever checks a manifest may not be the one who wrote it.

use miette::{MietteError, MietteSpanContents, SourceCode, SourceSpan, SpanContents};
use selvage_model::source::Place;

use super::visible;

/// So many characters of a line are shown.
const WIDEST: usize = 200;
/// Of a longer line, so many before the place.
const BEFORE: usize = 60;
/// Stands where a line was cut.
const CUT: char = '…';

/// A line with its neighbours.
#[derive(Debug)]
pub(crate) struct Excerpt {
    file: String,
    text: String,
    /// How many lines come before those that are shown.
    skipped_lines: usize,
    /// How many characters come before the place in its line.
    column: usize,
    /// Byte offset and length of the word at the place.
    pub(crate) word: (usize, usize),
}

impl Excerpt {
    /// What is around a place; nothing where the text does not go so far.
    pub(crate) fn around(text: &str, place: &Place) -> Self {
        let line = place.line as usize;
        let column = (place.column as usize).saturating_sub(1);
        let skipped_lines = line.saturating_sub(2);
        let mut shown = String::new();
        let mut word = None;
        for (before, content) in text.lines().enumerate().skip(skipped_lines).take(line + 1 - skipped_lines) {
            if before + 1 == line {
                let (cut, at) = cut_around(content, column);
                word = Some((shown.len() + at, word_length(&cut, at)));
                shown.push_str(&cut);
            } else {
                shown.push_str(&cut_around(content, 0).0);
            }
            shown.push('\n');
        }
        let word = word.unwrap_or((shown.len(), 0));
        Self { file: visible(&place.file, false), text: shown, skipped_lines, column, word }
    }
}

/// The line as far as it is shown, and where in it, in bytes, the column is.
fn cut_around(line: &str, column: usize) -> (String, usize) {
    let is_long = line.chars().nth(WIDEST).is_some();
    let skipped = if is_long { column.saturating_sub(BEFORE) } else { 0 };
    let mut shown = String::new();
    if skipped > 0 {
        shown.push(CUT);
    }
    let ahead = column - skipped + usize::from(skipped > 0);
    let mut rest = line.chars().skip(skipped);
    let part: String = rest.by_ref().take(WIDEST).collect();
    shown.push_str(&visible(&part, true));
    if rest.next().is_some() {
        shown.push(CUT);
    }
    let at = shown.chars().take(ahead).map(char::len_utf8).sum();
    (shown, at)
}

fn word_length(line: &str, at: usize) -> usize {
    let rest = line.get(at..).unwrap_or_default();
    rest.find([' ', ',', '}', ']', CUT]).unwrap_or(rest.len())
}

impl SourceCode for Excerpt {
    fn read_span<'a>(
        &'a self,
        span: &SourceSpan,
        lines_before: usize,
        lines_after: usize,
    ) -> Result<Box<dyn SpanContents<'a> + 'a>, MietteError> {
        let inner = self.text.read_span(span, lines_before, lines_after)?;
        // Asked without lines around it, the place itself is meant.
        let column = if lines_before == 0 { self.column } else { inner.column() };
        let (line, lines) = (inner.line() + self.skipped_lines, inner.line_count());
        let shown = MietteSpanContents::new_named(self.file.clone(), inner.data(), *inner.span(), line, column, lines);
        Ok(Box::new(shown))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str, line: u32, column: u32) -> Excerpt {
        Excerpt::around(text, &Place { file: "f".into(), line, column })
    }

    #[test]
    fn the_word_at_a_place_is_found_in_bytes() {
        let text = "kind: Team\r\nname: été, x\n";
        for (line, column, expected) in [(1, 7, "Team"), (2, 7, "été"), (2, 12, "x"), (9, 1, "")] {
            let excerpt = at(text, line, column);
            let (offset, length) = excerpt.word;
            assert_eq!(&excerpt.text[offset..offset + length], expected, "{line}:{column}");
        }
    }

    #[test]
    fn a_line_without_end_is_cut_around_the_place() {
        let text = format!("a: 1\n{}, here, {}\nb: 2\n", "x".repeat(1_000_000), "y".repeat(1_000_000));
        let excerpt = at(&text, 2, 1_000_003);
        let (offset, length) = excerpt.word;
        assert_eq!(&excerpt.text[offset..offset + length], "here");
        assert!(excerpt.text.len() < 300, "{}", excerpt.text.len());
    }

    #[test]
    fn nothing_steers_the_terminal() {
        let excerpt = at("name: \u{1b}]0;owned\u{7}\u{202e}x\tz\n", 1, 7);
        assert_eq!(excerpt.text, "name: \u{fffd}]0;owned\u{fffd}\u{fffd}x\tz\n");
    }
}

//! Blanks at the ends of lines of a block of text, which belong to the text: the printer would take them away. They are letters while it is
//! at it. Nothing else of a text is looked at.

use std::borrow::Cow;

/// A blank, and what stands for it: letters that nobody writes.
const MARKS: [(char, char); 2] = [(' ', '\u{e000}'), ('\t', '\u{e001}')];

/// The text with marks for the blanks at the ends of its blocks' lines.
pub(super) fn marked(text: &str) -> Cow<'_, str> {
    if MARKS.iter().any(|(_, mark)| text.contains(*mark)) {
        return text.into();
    }
    let mut marked = String::with_capacity(text.len());
    // How far what a block belongs to is indented.
    let mut block: Option<usize> = None;
    for line in text.split_inclusive('\n') {
        let content = line.trim_end();
        let indent = content.len() - content.trim_start_matches(' ').len();
        if !content.is_empty() && block.is_some_and(|above| indent <= above) {
            block = None;
        }
        if content.is_empty() || block.is_none() {
            marked.push_str(line);
        } else {
            marked.push_str(content);
            marked.extend(line.chars().skip(content.chars().count()).map(mark));
        }
        if block.is_none() && begins_block(content) {
            block = Some(indent);
        }
    }
    marked.into()
}

/// The text with blanks for the marks.
pub(super) fn unmarked(text: &str) -> String {
    let blank = |letter: char| MARKS.iter().find(|(_, mark)| *mark == letter).map_or(letter, |(blank, _)| *blank);
    text.chars().map(blank).collect()
}

fn mark(letter: char) -> char {
    MARKS.iter().find(|(blank, _)| *blank == letter).map_or(letter, |(_, mark)| *mark)
}

/// Whether the lines below are a block of text: the line ends in `|` or `>`, with what may stand behind it.
fn begins_block(line: &str) -> bool {
    let value = line.split_once(" #").map_or(line, |(value, _)| value).trim_end();
    let Some(head) = value.rsplit([' ', '\t']).next() else { return false };
    let rest = head.trim_end_matches(|letter: char| matches!(letter, '+' | '-') || letter.is_ascii_digit());
    matches!(rest, "|" | ">") && head.len() < value.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_ends_lines_of_blocks_is_marked() {
        for (text, expected) in [
            ("a: b  \n", "a: b  \n"),
            ("a: |  \n  b  \n\n  \n  c\t\nd: e \n", "a: |  \n  b\u{e000}\u{e000}\n\n  \n  c\u{e001}\nd: e \n"),
            ("- >2-  # why \n   b \r\n- c \r\n", "- >2-  # why \n   b\u{e000}\r\n- c \r\n"),
            ("a: b|\n  c \n", "a: b|\n  c \n"),
            ("a: '|'\n  c \n", "a: '|'\n  c \n"),
            ("a: |\n  b \u{e000}\n  c \n", "a: |\n  b \u{e000}\n  c \n"),
            ("a: |\n  b ", "a: |\n  b\u{e000}"),
        ] {
            assert_eq!(marked(text), expected);
            if !text.contains('\u{e000}') {
                assert_eq!(unmarked(&marked(text)), text);
            }
        }
    }
}

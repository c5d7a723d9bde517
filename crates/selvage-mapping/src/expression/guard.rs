//! What an expression may be before anything parses it: its length, tokens and nesting, counted in one pass.
//! It knows strings, comments and brackets, and leaves the grammar to the parser.

use super::at;

/// Longest text, in bytes.
const LONGEST: usize = 4_096;
/// Most tokens.
const MOST_TOKENS: usize = 300;
/// Deepest brackets and choices.
const DEEPEST: usize = 16;

/// Refuses what could be too much for the parser.
pub(super) fn check(text: &str) -> Result<(), String> {
    if text.len() > LONGEST {
        return Err(format!("the expression is {} bytes long; at most {LONGEST} are taken", text.len()));
    }
    if text.trim().is_empty() {
        return Err("the expression is empty".to_owned());
    }
    Scanner { rest: text, line: 1, column: 0, tokens: 0, depth: 0, choices: 0 }.run()
}

struct Scanner<'a> {
    rest: &'a str,
    line: isize,
    column: isize,
    tokens: usize,
    depth: usize,
    choices: usize,
}

impl Scanner<'_> {
    fn run(mut self) -> Result<(), String> {
        while let Some(first) = self.rest.chars().next() {
            if first.is_whitespace() {
                self.skip(first.len_utf8());
                continue;
            }
            if self.rest.starts_with("//") {
                self.skip(self.rest.find('\n').unwrap_or(self.rest.len()));
                continue;
            }
            self.count(first)?;
            let length = self.token(first)?;
            self.skip(length);
        }
        Ok(())
    }

    fn count(&mut self, first: char) -> Result<(), String> {
        self.tokens += 1;
        match first {
            '(' | '[' | '{' => self.depth += 1,
            ')' | ']' | '}' => self.depth = self.depth.saturating_sub(1),
            '?' => self.choices += 1,
            _ => {}
        }
        if self.tokens > MOST_TOKENS {
            return Err(self.at(&format!("the expression has more than {MOST_TOKENS} words and signs")));
        }
        if self.depth > DEEPEST || self.choices > DEEPEST {
            return Err(self.at(&format!("the expression is nested more than {DEEPEST} deep")));
        }
        Ok(())
    }

    /// The length of the token that begins here.
    fn token(&self, first: char) -> Result<usize, String> {
        let word = self.rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(self.rest.len());
        let prefix = self.rest.get(..word).unwrap_or_default();
        let is_prefix = prefix.len() <= 2 && prefix.chars().all(|c| matches!(c, 'r' | 'R' | 'b' | 'B'));
        let quoted = self.rest.get(word..).is_some_and(|rest| rest.starts_with(['"', '\'']));
        if is_prefix && quoted {
            let raw = prefix.contains(['r', 'R']);
            return self.string(word, raw);
        }
        Ok(if word > 0 { word } else { first.len_utf8() })
    }

    /// The length of a string that begins behind its prefix.
    fn string(&self, prefix: usize, raw: bool) -> Result<usize, String> {
        let body = self.rest.get(prefix..).unwrap_or_default();
        let quote = body.get(..1).unwrap_or_default();
        let triple = quote.repeat(3);
        let close = if body.starts_with(&triple) { triple.as_str() } else { quote };
        let mut escaped = false;
        let content = body.get(close.len()..).unwrap_or_default();
        for (position, character) in content.char_indices() {
            let here = content.get(position..).unwrap_or_default();
            if !escaped && here.starts_with(close) {
                return Ok(prefix + close.len() + position + close.len());
            }
            escaped = !escaped && !raw && character == '\\';
        }
        Err(self.at("a string without an end"))
    }

    fn skip(&mut self, length: usize) {
        let (gone, rest) = self.rest.split_at_checked(length).unwrap_or((self.rest, ""));
        for character in gone.chars() {
            if character == '\n' {
                (self.line, self.column) = (self.line + 1, 0);
            } else {
                self.column += 1;
            }
        }
        self.rest = rest;
    }

    fn at(&self, message: &str) -> String {
        at(self.line, self.column, message)
    }
}

//! A spanned YAML tree, from the events of a parser: every value knows its line and column, scalars keep their text.
//! Bounds come before trouble: size, structure, nodes, depth and what aliases expand to. Never panics, never guesses.

mod builder;

use std::sync::Arc;

use saphyr_parser::Parser;
use serde_json::{Map, Number, Value};

use crate::code;
use crate::finding::Finding;
use crate::source::{Place, Spanned};
use builder::{Builder, Step};

/// One value and where it begins.
#[derive(Clone, Debug)]
pub struct Node {
    /// Where it begins.
    pub place: Place,
    /// What it is.
    pub content: Content,
}

/// What a node is.
#[derive(Clone, Debug)]
pub enum Content {
    /// A scalar; its text exactly as written.
    Scalar(Scalar),
    /// A sequence.
    List(Vec<Node>),
    /// A mapping in the order written; keys are text and stand once.
    Map(Vec<(Key, Node)>),
}

/// A scalar's text, and whether it stood without quotes.
#[derive(Clone, Debug)]
pub struct Scalar {
    /// The text.
    pub text: Arc<str>,
    /// Written plainly: not quoted and no block.
    pub plain: bool,
}

/// A mapping's key with its place.
pub type Key = Spanned<Arc<str>>;

/// How much a file may hold.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Most bytes.
    pub bytes: usize,
    /// Most nodes, counting what aliases expand to.
    pub nodes: usize,
    /// Deepest nesting.
    pub depth: usize,
}

impl Limits {
    /// For a file of manifests: 1 MiB, 50,000 nodes, 64 levels.
    pub const MANIFESTS: Self = Self { bytes: 1 << 20, nodes: 50_000, depth: 64 };
    /// For a contract that a manifest names: 4 MiB, 400,000 nodes, 64 levels.
    pub const CONTRACT: Self = Self { bytes: 4 << 20, nodes: 400_000, depth: 64 };
}

impl Node {
    /// The value of this key, where the node is a map that has it.
    pub fn get(&self, key: &str) -> Option<&Self> {
        self.entries().iter().find(|(name, _)| name.value.as_ref() == key).map(|(_, node)| node)
    }

    /// The entries of a map; none for anything else.
    pub fn entries(&self) -> &[(Key, Self)] {
        match &self.content {
            Content::Map(entries) => entries,
            _ => &[],
        }
    }

    /// The elements of a list; none for anything else.
    pub fn items(&self) -> &[Self] {
        match &self.content {
            Content::List(items) => items,
            _ => &[],
        }
    }

    /// How many nodes this is, itself included.
    pub fn size(&self) -> usize {
        match &self.content {
            Content::Scalar(_) => 1,
            Content::List(items) => 1 + items.iter().map(Self::size).sum::<usize>(),
            Content::Map(entries) => 1 + entries.iter().map(|(_, node)| node.size()).sum::<usize>(),
        }
    }

    /// A scalar's text.
    pub fn text(&self) -> Option<&str> {
        match &self.content {
            Content::Scalar(scalar) => Some(&scalar.text),
            _ => None,
        }
    }

    /// Whether this is nothing: `null`, `~` or no text at all, without quotes.
    pub fn is_null(&self) -> bool {
        matches!(&self.content, Content::Scalar(scalar) if scalar.is_null())
    }

    /// As JSON. Numbers keep their digits (`1.0` stays `1.0`); only `true` and `false` are booleans.
    pub fn to_value(&self) -> Value {
        match &self.content {
            Content::Scalar(scalar) => scalar.to_value(),
            Content::List(items) => Value::Array(items.iter().map(Self::to_value).collect()),
            Content::Map(entries) => Value::Object(
                entries
                    .iter()
                    .map(|(key, node)| (key.value.as_ref().to_owned(), node.to_value()))
                    .collect::<Map<_, _>>(),
            ),
        }
    }
}

impl Scalar {
    fn is_null(&self) -> bool {
        self.plain && matches!(self.text.as_ref(), "" | "~" | "null")
    }

    fn to_value(&self) -> Value {
        if !self.plain {
            return Value::String(self.text.as_ref().to_owned());
        }
        match self.text.as_ref() {
            "" | "~" | "null" => Value::Null,
            "true" => Value::Bool(true),
            "false" => Value::Bool(false),
            text => number(text).map_or_else(|| Value::String(text.to_owned()), Value::Number),
        }
    }
}

/// What JSON takes for a number, digits kept. `0x1f`, `.5`, `1_000`, `012` and `+1` are text.
fn number(text: &str) -> Option<Number> {
    let begins = text.strip_prefix('-').unwrap_or(text).starts_with(|c: char| c.is_ascii_digit());
    if begins { text.parse().ok() } else { None }
}

/// The documents of a file. One that cannot be read is a finding and does not hide the others.
pub fn parse(bytes: &[u8], file: &Arc<str>, limits: &Limits) -> (Vec<Node>, Vec<Finding>) {
    let text = match decode(bytes, file, limits) {
        Ok(text) => text,
        Err(finding) => return (Vec::new(), vec![finding]),
    };
    let mut nodes = Vec::new();
    let mut builder = Builder::new(file.clone(), limits);
    for (line, chunk) in chunks(text) {
        parse_chunk(chunk, line, &mut builder, &mut nodes);
    }
    (nodes, builder.into_findings())
}

/// The text, once it is sure that the parser can bear it.
fn decode<'a>(bytes: &'a [u8], file: &Arc<str>, limits: &Limits) -> Result<&'a str, Finding> {
    let start = Place::start(file);
    if bytes.len() > limits.bytes {
        return Err(too_large(file, bytes.len() as u64, limits.bytes as u64));
    }
    if bytes.starts_with(&[0xff, 0xfe]) || bytes.starts_with(&[0xfe, 0xff]) {
        let finding = Finding::error(code::NOT_UTF8, &start, "the file is UTF-16");
        return Err(finding.fix("save it as UTF-8"));
    }
    let text = std::str::from_utf8(bytes).map_err(|error| {
        let place = place_of(bytes, error.valid_up_to(), file);
        let byte = bytes.get(error.valid_up_to()).copied().unwrap_or_default();
        Finding::error(code::NOT_UTF8, &place, format!("the byte 0x{byte:02x} here is not UTF-8"))
            .fix("save the file as UTF-8")
    })?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    if let Some(at) = text.find(|c: char| c.is_control() && !matches!(c, '\t' | '\n' | '\r' | '\u{85}')) {
        let place = place_of(text.as_bytes(), at, file);
        let finding =
            Finding::error(code::NOT_YAML, &place, "a control character that YAML does not allow stands here");
        return Err(finding.fix("remove it, or write it as an escape in a text in double quotes"));
    }
    // The parser reads a bracket's whole content before it tells of the bracket, so structure is bounded before it starts.
    let structure = text.bytes().filter(|byte| matches!(byte, b'\n' | b'\r' | b',' | b'[' | b'{')).count();
    if structure > limits.nodes * 2 {
        let finding =
            Finding::error(code::TOO_DEEP, &start, "the file has more lines, commas and brackets than can be read");
        return Err(finding.fix("split the file"));
    }
    Ok(text)
}

/// A file, or a sum of files, over its limit.
pub(crate) fn too_large(file: &str, bytes: u64, limit: u64) -> Finding {
    let message = format!("the file has {bytes} bytes; at most {limit} are read");
    Finding::error(code::TOO_LARGE, &Place::start(file), message)
        .fix("split the file, or move it out of the fabric's directory")
}

fn place_of(bytes: &[u8], offset: usize, file: &Arc<str>) -> Place {
    let before = bytes.get(..offset).unwrap_or(bytes);
    let line_start = before.iter().rposition(|&byte| byte == b'\n').map_or(0, |at| at + 1);
    let line = before.iter().filter(|&&byte| byte == b'\n').count() + 1;
    let column = String::from_utf8_lossy(before.get(line_start..).unwrap_or_default()).chars().count() + 1;
    Place { file: file.clone(), line: count(line), column: count(column) }
}

fn count(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

/// The documents of a text, each with the number of lines before it. `---` at a line's beginning always begins a
/// document, whatever stands before it, so one broken document does not hide the next.
fn chunks(text: &str) -> Vec<(u32, &str)> {
    let mut chunks = Vec::new();
    let (mut begin, mut begin_line, mut offset, mut line) = (0, 0, 0, 0);
    for content in text.split_inclusive('\n') {
        let marker = content
            .strip_prefix("---")
            .is_some_and(|rest| rest.is_empty() || rest.starts_with([' ', '\t', '\r', '\n']));
        if marker && offset > begin {
            chunks.push((begin_line, text.get(begin..offset).unwrap_or_default()));
            (begin, begin_line) = (offset, line);
        }
        offset += content.len();
        line += 1;
    }
    chunks.push((begin_line, text.get(begin..).unwrap_or_default()));
    chunks.retain(|(_, chunk)| !chunk.lines().all(says_nothing));
    chunks
}

/// Blank, a comment, a marker alone, or the `%YAML` directive.
fn says_nothing(line: &str) -> bool {
    let line = line.trim();
    line.is_empty() || line == "---" || line.starts_with('#') || line.starts_with("%YAML")
}

fn parse_chunk(chunk: &str, lines_before: u32, builder: &mut Builder, nodes: &mut Vec<Node>) {
    builder.begin(lines_before);
    let mut parser = Parser::new_from_str(chunk);
    while let Some(event) = parser.next_event() {
        let (event, span) = match event {
            Ok(event) => event,
            Err(error) => return builder.broken(&error),
        };
        match builder.event(event, span.start) {
            Step::More => {}
            Step::Document(node) => nodes.push(node),
            Step::GiveUp => return,
        }
    }
}

#[cfg(test)]
mod tests;

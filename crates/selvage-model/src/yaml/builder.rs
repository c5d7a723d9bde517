//! Builds nodes from the parser's events, one document at a time, and keeps count of what may still be built.
//! What is wrong is noted; the rest is built.

use std::collections::HashMap;
use std::sync::Arc;

use saphyr_parser::{Event, Marker, ScalarStyle, ScanError};

use super::{Content, Key, Limits, Node, Scalar, count};
use crate::code;
use crate::finding::{Finding, show};
use crate::source::{Place, Spanned};

/// Most findings of one file; the rest would only repeat them.
const MOST_FINDINGS: usize = 100;

/// What an event came to.
pub(super) enum Step {
    /// Nothing whole yet.
    More,
    /// A document.
    Document(Node),
    /// Nothing more comes of this document.
    GiveUp,
}

/// A collection that is not closed yet.
struct Frame {
    place: Place,
    anchor: usize,
    kind: FrameKind,
}

enum FrameKind {
    List(Vec<Node>),
    Map { entries: Vec<(Key, Node)>, seen: HashMap<Arc<str>, u32>, pending: Pending },
}

/// What a mapping waits for.
enum Pending {
    Key,
    ValueOf(Key),
    /// The key was refused; its value is passed over.
    Nothing,
}

/// A node that aliases may repeat, with what repeating it costs.
struct Anchored {
    node: Node,
    nodes: usize,
    bytes: usize,
    height: usize,
}

pub(super) struct Builder {
    file: Arc<str>,
    limits: Limits,
    lines_before: u32,
    stack: Vec<Frame>,
    anchors: HashMap<usize, Anchored>,
    nodes_left: usize,
    bytes_left: usize,
    findings: Vec<Finding>,
}

impl Builder {
    pub(super) fn new(file: Arc<str>, limits: &Limits) -> Self {
        Self {
            file,
            limits: *limits,
            lines_before: 0,
            stack: Vec::new(),
            anchors: HashMap::new(),
            nodes_left: limits.nodes,
            bytes_left: limits.bytes,
            findings: Vec::new(),
        }
    }

    pub(super) fn into_findings(self) -> Vec<Finding> {
        self.findings
    }

    /// Begins a text that has so many lines before it in its file.
    pub(super) fn begin(&mut self, lines_before: u32) {
        self.lines_before = lines_before;
        self.stack.clear();
        self.anchors.clear();
    }

    /// The parser could not go on.
    pub(super) fn broken(&mut self, error: &ScanError) {
        let place = self.place(*error.marker());
        if error.info().contains("recursion limit") {
            self.too_deep(&place);
            return;
        }
        let mut finding = Finding::error(code::NOT_YAML, &place, format!("this is not YAML: {}", error.info()));
        if let Some(fix) = advice(error.info()) {
            finding = finding.fix(fix);
        }
        self.note(finding);
    }

    pub(super) fn event(&mut self, event: Event<'_>, at: Marker) -> Step {
        let place = self.place(at);
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                self.refuse_tag(tag.is_some(), &place);
                let scalar = Scalar { text: Arc::from(text.as_ref()), plain: style == ScalarStyle::Plain };
                if !self.take(1, &place) {
                    return Step::GiveUp;
                }
                self.finish(Node { place, content: Content::Scalar(scalar) }, anchor)
            }
            Event::SequenceStart(anchor, tag) => {
                self.refuse_tag(tag.is_some(), &place);
                self.open(Frame { place, anchor, kind: FrameKind::List(Vec::new()) })
            }
            Event::MappingStart(anchor, tag) => {
                self.refuse_tag(tag.is_some(), &place);
                let kind = FrameKind::Map { entries: Vec::new(), seen: HashMap::new(), pending: Pending::Key };
                self.open(Frame { place, anchor, kind })
            }
            Event::SequenceEnd | Event::MappingEnd => self.close(),
            Event::Alias(anchor) => self.repeat(anchor, place),
            Event::Nothing | Event::StreamStart | Event::StreamEnd | Event::DocumentStart(_) | Event::DocumentEnd => {
                Step::More
            }
        }
    }

    fn place(&self, at: Marker) -> Place {
        let line = self.lines_before.saturating_add(count(at.line()));
        Place { file: self.file.clone(), line, column: count(at.col()).saturating_add(1) }
    }

    fn note(&mut self, finding: Finding) {
        if self.findings.len() < MOST_FINDINGS {
            self.findings.push(finding);
        }
    }

    fn refuse_tag(&mut self, tagged: bool, place: &Place) {
        if tagged {
            let finding = Finding::error(code::NOT_YAML, place, "manifests have no YAML tags");
            self.note(finding.fix("remove the word that begins with `!`; quote a text that begins with it"));
        }
    }

    /// Takes so many nodes from the budget.
    fn take(&mut self, nodes: usize, place: &Place) -> bool {
        if let Some(left) = self.nodes_left.checked_sub(nodes) {
            self.nodes_left = left;
            return true;
        }
        let message = format!("the file holds more than {} values, counting what aliases repeat", self.limits.nodes);
        self.note(Finding::error(code::TOO_DEEP, place, message).fix("split the file; repeat less by aliases"));
        false
    }

    fn too_deep(&mut self, place: &Place) -> Step {
        let message = format!("the document is nested deeper than {} levels", self.limits.depth);
        self.note(Finding::error(code::TOO_DEEP, place, message).fix("flatten it"));
        Step::GiveUp
    }

    fn open(&mut self, frame: Frame) -> Step {
        if self.stack.len() >= self.limits.depth {
            return self.too_deep(&frame.place);
        }
        if !self.take(1, &frame.place) {
            return Step::GiveUp;
        }
        self.stack.push(frame);
        Step::More
    }

    fn close(&mut self) -> Step {
        let Some(frame) = self.stack.pop() else { return Step::GiveUp };
        let content = match frame.kind {
            FrameKind::List(items) => Content::List(items),
            FrameKind::Map { entries, .. } => Content::Map(entries),
        };
        self.finish(Node { place: frame.place, content }, frame.anchor)
    }

    /// An alias: the anchored node again, as long as the budget lasts. A collection's anchor is known once the
    /// collection is whole, so nothing can contain itself.
    fn repeat(&mut self, anchor: usize, place: Place) -> Step {
        let Some(anchored) = self.anchors.get(&anchor) else {
            let finding = Finding::error(code::TOO_DEEP, &place, "the alias repeats something that contains it");
            self.note(finding.fix("write out what is meant"));
            return Step::GiveUp;
        };
        let (node, nodes, bytes, height) = (anchored.node.clone(), anchored.nodes, anchored.bytes, anchored.height);
        if self.stack.len() + height > self.limits.depth {
            return self.too_deep(&place);
        }
        if !self.take(nodes, &place) {
            return Step::GiveUp;
        }
        let Some(left) = self.bytes_left.checked_sub(bytes) else {
            let finding = Finding::error(code::TOO_DEEP, &place, "the aliases of the file repeat too much text");
            self.note(finding.fix("repeat less by aliases"));
            return Step::GiveUp;
        };
        self.bytes_left = left;
        self.finish(Node { place, content: node.content }, 0)
    }

    /// Puts a whole node where it belongs.
    fn finish(&mut self, node: Node, anchor: usize) -> Step {
        if anchor > 0 {
            let (nodes, bytes, height) = weigh(&node);
            // What is kept for aliases counts as well: anchors in anchors would keep it many times.
            if !self.take(nodes, &node.place) {
                return Step::GiveUp;
            }
            self.anchors.insert(anchor, Anchored { node: node.clone(), nodes, bytes, height });
        }
        let Some(frame) = self.stack.last_mut() else { return self.finish_document(node) };
        let refused = match &mut frame.kind {
            FrameKind::List(items) => {
                items.push(node);
                None
            }
            FrameKind::Map { entries, seen, pending } => match std::mem::replace(pending, Pending::Key) {
                Pending::ValueOf(key) => {
                    entries.push((key, node));
                    None
                }
                Pending::Nothing => None,
                Pending::Key => match key(node, seen) {
                    Ok(key) => {
                        *pending = Pending::ValueOf(key);
                        None
                    }
                    Err(finding) => {
                        *pending = Pending::Nothing;
                        Some(finding)
                    }
                },
            },
        };
        if let Some(finding) = refused {
            self.note(finding);
        }
        Step::More
    }

    fn finish_document(&mut self, node: Node) -> Step {
        self.anchors.clear();
        if node.is_null() { Step::More } else { Step::Document(node) }
    }
}

/// A key: text, not empty, no merge, and only once.
fn key(node: Node, seen: &mut HashMap<Arc<str>, u32>) -> Result<Key, Finding> {
    let Content::Scalar(scalar) = node.content else {
        let finding = Finding::error(code::WRONG_TYPE, &node.place, "a list or a map cannot be a key");
        return Err(finding.fix("use a text as the key; quote a text that begins with `[` or `{`"));
    };
    if scalar.text.is_empty() {
        return Err(Finding::error(code::WRONG_TYPE, &node.place, "the key is empty").fix("name it"));
    }
    if scalar.plain && scalar.text.as_ref() == "<<" {
        let finding = Finding::error(code::NOT_YAML, &node.place, "merge keys (`<<`) are not part of manifests");
        return Err(finding.fix("write the fields out; a whole value can be repeated by an alias"));
    }
    if let Some(line) = seen.get(&scalar.text) {
        let message = format!("the key {} stands twice; first in line {line}", show(&scalar.text));
        return Err(Finding::error(code::DUPLICATE_KEY, &node.place, message).fix("keep one of the two"));
    }
    seen.insert(scalar.text.clone(), node.place.line);
    Ok(Spanned::new(scalar.text, node.place))
}

/// Nodes, bytes of text, and levels of a node.
fn weigh(node: &Node) -> (usize, usize, usize) {
    let sum = |nodes: &mut dyn Iterator<Item = &Node>| {
        let (mut count, mut bytes, mut height) = (1, 0, 0);
        for (n, b, h) in nodes.map(weigh) {
            count += n;
            bytes += b;
            height = height.max(h);
        }
        (count, bytes, height + 1)
    };
    match &node.content {
        Content::Scalar(scalar) => (1, scalar.text.len(), 0),
        Content::List(items) => sum(&mut items.iter()),
        Content::Map(entries) => {
            let (count, bytes, height) = sum(&mut entries.iter().map(|(_, node)| node));
            (count, bytes + entries.iter().map(|(key, _)| key.value.len()).sum::<usize>(), height)
        }
    }
}

/// What usually helps, by what the parser says.
fn advice(info: &str) -> Option<&'static str> {
    const ADVICE: &[(&str, &str)] = &[
        ("tab", "indent with spaces"),
        ("mapping values are not allowed", "quote a text that contains `: `, and look at the indentation"),
        ("simple key expect", "look at the indentation, and for a missing `:` after a key"),
        ("',' or '}'", "look for a missing comma or bracket"),
        ("',' or ']'", "look for a missing comma or bracket"),
        ("unknown anchor", "define it (`&name`) above in the same document; quote a text that begins with `*`"),
        ("alphabetic or numeric", "quote a text that begins with `*` or `&`"),
        ("block mapping", "look at the indentation of this line and of the one before it"),
        ("block collection", "look at the indentation of this line and of the one before it"),
        ("indentation", "look at the indentation of this line and of the one before it"),
        ("end of stream", "look for a quote or a bracket that is not closed"),
        ("document indicator", "look for a quote or a bracket that is not closed"),
        ("escape", "write a backslash as `\\\\` in double quotes, or use single quotes"),
        ("node content", "look for a missing value, or a bracket that is not closed"),
        ("unexpected character", "quote the text: a plain one cannot begin with this character"),
        ("any token", "quote the text: a plain one cannot begin with this character"),
    ];
    ADVICE.iter().find(|(sign, _)| info.contains(sign)).map(|(_, fix)| *fix)
}

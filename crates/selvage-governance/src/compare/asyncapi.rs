//! Two AsyncAPI 3 documents compared: channels, operations and messages. What the application sends is held to what readers may expect,
//! what it receives to what senders may send; payloads and headers are left to the comparison of schemas.

pub(in crate::compare) mod classes;
mod format;

use selvage_model::yaml::Node;

use super::schema::{Dialect, Run, Side, alike, both, is_one, rest, shown};
use super::{Class, Difference, Direction, merged};
use format::Format;

/// Compares two AsyncAPI documents.
pub fn asyncapi(before: &Node, after: &Node) -> Vec<Difference> {
    if is_one(before, after) {
        return Vec::new();
    }
    let sides = (Side::new(before, Dialect::Seven), Side::new(after, Dialect::Seven));
    let draft = (Side::new(before, Dialect::Draft), Side::new(after, Dialect::Draft));
    let runs = (Run::new(sides.0, sides.1), Run::new(draft.0, draft.1));
    let mut work = Work { sides, runs, found: Vec::new() };
    work.root(before, after);
    work.servers();
    work.operations();
    work.channels();
    merged(work.found)
}

/// A comparison of two documents.
struct Work<'a> {
    sides: (Side<'a>, Side<'a>),
    /// Of schemas after draft 7, and of those of 2020-12.
    runs: (Run<'a>, Run<'a>),
    found: Vec<Difference>,
}

/// The entries of a map under the root.
fn entries<'a>(side: &Side<'a>, word: &str) -> &'a [(selvage_model::yaml::Key, Node)] {
    side.root.get(word).map(Node::entries).unwrap_or_default()
}

fn text<'a>(node: &'a Node, word: &str) -> Option<&'a str> {
    node.get(word).and_then(Node::text)
}

/// What a reference of an operation names: the channel, as written.
fn channel(operation: &Node) -> Option<&str> {
    text(operation.get("channel")?, "$ref")
}

/// Which ways the messages of a channel go; both where no operation says so.
fn ways(side: &Side<'_>, name: &str) -> Vec<Direction> {
    let reference = format!("#/channels/{}", name.replace('~', "~0").replace('/', "~1"));
    let mut ways = Vec::new();
    for (_, operation) in entries(side, "operations") {
        let Some(operation) = side.resolve(operation) else { continue };
        let way = if text(operation, "action") == Some("receive") { Direction::Request } else { Direction::Response };
        let back = if way == Direction::Request { Direction::Response } else { Direction::Request };
        let answered = operation.get("reply").and_then(|reply| channel(side.resolve(reply)?));
        for (used, way) in [(channel(operation), way), (answered, back)] {
            if used == Some(reference.as_str()) && !ways.contains(&way) {
                ways.push(way);
            }
        }
    }
    if ways.is_empty() { vec![Direction::Request, Direction::Response] } else { ways }
}

/// What is for people.
const WORDS: [&str; 6] = ["title", "summary", "description", "tags", "externalDocs", "examples"];

impl<'a> Work<'a> {
    fn root(&mut self, old: &'a Node, new: &'a Node) {
        let known = ["info", "servers", "defaultContentType", "channels", "operations", "components"];
        self.rest("the contract", &known, old, new);
    }

    fn servers(&mut self) {
        let (before, after) = (entries(&self.sides.0, "servers"), entries(&self.sides.1, "servers"));
        for (name, was) in before {
            let at = format!("server `{}`", name.value);
            match after.iter().find(|(other, _)| other.value == name.value) {
                None => self.note(&classes::SERVER_REMOVED, &at, Some(was), None),
                Some((_, is)) if !alike(&self.sides, was, is) => {
                    self.note(&classes::SERVER_CHANGED, &at, Some(was), Some(is));
                }
                Some(_) => {}
            }
        }
        for (name, is) in after.iter().filter(|(name, _)| !before.iter().any(|(other, _)| other.value == name.value)) {
            self.note(&classes::SERVER_ADDED, &format!("server `{}`", name.value), None, Some(is));
        }
    }

    fn operations(&mut self) {
        let (before, after) = (entries(&self.sides.0, "operations"), entries(&self.sides.1, "operations"));
        for (name, was) in before {
            let at = format!("operation `{}`", name.value);
            let Some((_, is)) = after.iter().find(|(other, _)| other.value == name.value) else {
                self.note(&classes::OPERATION_REMOVED, &at, Some(was), None);
                continue;
            };
            let (Some(was), Some(is)) = (self.sides.0.resolve(was), self.sides.1.resolve(is)) else {
                self.note(&classes::REFERENCE_UNRESOLVED, &at, Some(was), Some(is));
                continue;
            };
            if text(was, "action") != text(is, "action") {
                self.note(&classes::OPERATION_REVERSED, &at, was.get("action"), is.get("action"));
            }
            if channel(was) != channel(is) {
                self.note(&classes::OPERATION_MOVED, &at, was.get("channel"), is.get("channel"));
            }
            // What is taken over from traits is not merged here: it is the same, or unproven.
            for word in ["messages", "reply", "traits"] {
                self.word(&classes::OPERATION_CHANGED, &at, word, was, is);
            }
            self.word(&classes::SECURITY_CHANGED, &at, "security", was, is);
            self.word(&classes::BINDINGS_CHANGED, &at, "bindings", was, is);
            let known = ["action", "channel", "messages", "reply", "traits", "security", "bindings"];
            self.rest(&at, &known, was, is);
        }
        for (name, is) in after.iter().filter(|(name, _)| !before.iter().any(|(other, _)| other.value == name.value)) {
            self.note(&classes::OPERATION_ADDED, &format!("operation `{}`", name.value), None, Some(is));
        }
    }

    fn channels(&mut self) {
        let (before, after) = (entries(&self.sides.0, "channels"), entries(&self.sides.1, "channels"));
        for (name, was) in before {
            let at = format!("channel `{}`", name.value);
            let Some((_, is)) = after.iter().find(|(other, _)| other.value == name.value) else {
                self.note(&classes::CHANNEL_REMOVED, &at, Some(was), None);
                continue;
            };
            let (Some(was), Some(is)) = (self.sides.0.resolve(was), self.sides.1.resolve(is)) else {
                self.note(&classes::REFERENCE_UNRESOLVED, &at, Some(was), Some(is));
                continue;
            };
            if text(was, "address").unwrap_or(&name.value) != text(is, "address").unwrap_or(&name.value) {
                self.note(&classes::ADDRESS_CHANGED, &at, was.get("address"), is.get("address"));
            }
            self.word(&classes::CHANNEL_SERVERS, &at, "servers", was, is);
            self.word(&classes::PARAMETERS_CHANGED, &at, "parameters", was, is);
            self.word(&classes::BINDINGS_CHANGED, &at, "bindings", was, is);
            self.rest(&at, &["address", "servers", "parameters", "bindings", "messages"], was, is);
            let mut all = ways(&self.sides.0, &name.value);
            all.extend(ways(&self.sides.1, &name.value));
            all.dedup();
            self.messages(&at, &all, was, is);
        }
        for (name, is) in after.iter().filter(|(name, _)| !before.iter().any(|(other, _)| other.value == name.value)) {
            self.note(&classes::CHANNEL_ADDED, &format!("channel `{}`", name.value), None, Some(is));
        }
    }

    fn messages(&mut self, at: &str, ways: &[Direction], old: &'a Node, new: &'a Node) {
        let messages = |node: &'a Node| node.get("messages").map(Node::entries).unwrap_or_default();
        let (before, after) = (messages(old), messages(new));
        for (name, was) in before {
            let at = format!("{at}, message `{}`", name.value);
            let Some((_, is)) = after.iter().find(|(other, _)| other.value == name.value) else {
                self.note(&classes::MESSAGE_REMOVED, &at, Some(was), None);
                continue;
            };
            let (Some(was), Some(is)) = (self.sides.0.resolve(was), self.sides.1.resolve(is)) else {
                self.note(&classes::REFERENCE_UNRESOLVED, &at, Some(was), Some(is));
                continue;
            };
            self.message(&at, ways, was, is);
        }
        for (name, is) in after.iter().filter(|(name, _)| !before.iter().any(|(other, _)| other.value == name.value)) {
            let only_taken = ways == [Direction::Request];
            let class = if only_taken { &classes::MESSAGE_ADDED_REQUEST } else { &classes::MESSAGE_ADDED_RESPONSE };
            self.note(class, &format!("{at}, message `{}`", name.value), None, Some(is));
        }
    }

    fn message(&mut self, at: &str, ways: &[Direction], old: &'a Node, new: &'a Node) {
        let kind = |side: &Side<'a>, message: &'a Node| {
            message.get("contentType").or_else(|| side.root.get("defaultContentType"))
        };
        let (was, is) = (kind(&self.sides.0, old), kind(&self.sides.1, new));
        if was.and_then(Node::text) != is.and_then(Node::text) {
            self.note(&classes::CONTENT_TYPE_CHANGED, at, was, is);
        }
        // What is taken over from traits is not merged here: it is the same, or unproven.
        for word in ["traits", "correlationId"] {
            self.word(&classes::MESSAGE_CHANGED, at, word, old, new);
        }
        self.word(&classes::BINDINGS_CHANGED, at, "bindings", old, new);
        let known = ["contentType", "traits", "correlationId", "bindings", "payload", "headers"];
        self.rest(at, &known, old, new);
        for word in ["payload", "headers"] {
            self.carried(&format!("{at}, {word}"), ways, old.get(word), new.get(word));
        }
    }

    /// A schema, by itself or with the format that it is written in.
    fn carried(&mut self, at: &str, ways: &[Direction], old: Option<&'a Node>, new: Option<&'a Node>) {
        let written = (Format::of(old), Format::of(new));
        let run = match written {
            (Format::Seven, Format::Seven) => &mut self.runs.0,
            (Format::Draft, Format::Draft) => &mut self.runs.1,
            (was, is) => {
                let same = was == is && both(old, new, |old, new| alike(&self.sides, old, new));
                if !same {
                    self.note(&classes::FORMAT_CHANGED, at, old, new);
                }
                return;
            }
        };
        for way in ways {
            for mut difference in run.compare(*way, format::schema(old), format::schema(new)) {
                let within = std::mem::take(&mut difference.at);
                difference.at = if within == "/" { at.to_owned() } else { format!("{at}, {within}") };
                self.found.push(difference);
            }
        }
    }

    /// What is different and is known by no class.
    fn rest(&mut self, at: &str, compared: &[&str], old: &'a Node, new: &'a Node) {
        let known = |word: &str| compared.contains(&word) || WORDS.contains(&word);
        for (was, is) in rest(&self.sides, known, &[old], &[new]) {
            self.note(&classes::OTHER, at, was, is);
        }
    }

    /// What is the same, or is not.
    fn word(&mut self, class: &'static Class, at: &str, word: &str, old: &'a Node, new: &'a Node) {
        let (was, is) = (old.get(word), new.get(word));
        if !both(was, is, |was, is| alike(&self.sides, was, is)) {
            self.note(class, at, was, is);
        }
    }

    fn note(&mut self, class: &'static Class, at: &str, old: Option<&Node>, new: Option<&Node>) {
        let place = new.or(old).map_or(&self.sides.1.root.place, |node| &node.place);
        self.found.push(Difference::new(class, at, place).values(old.map(shown), new.map(shown)));
    }
}

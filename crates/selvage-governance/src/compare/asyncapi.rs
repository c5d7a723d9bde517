//! Two AsyncAPI 3 documents compared: channels, operations and messages. What the application sends is held to what readers may expect,
//! what it receives to what senders may send; payloads and headers are left to the comparison of schemas.

pub(in crate::compare) mod classes;
mod format;

use selvage_model::yaml::{Key, Node};

use super::schema::{Dialect, Run, Side, alike, both, equal, is_one, rest, shown};
use super::{Class, Difference, Direction, merged};
use format::Format;

/// Compares two AsyncAPI documents.
pub fn asyncapi(before: &Node, after: &Node) -> Vec<Difference> {
    if is_one(before, after) {
        return Vec::new();
    }
    if !(is_read(before) && is_read(after)) {
        return of_two(before, after);
    }
    let sides = (Side::new(before, Dialect::Seven), Side::new(after, Dialect::Seven));
    let mut work = Work { sides, runs: Vec::new(), found: Vec::new() };
    work.root(before, after);
    work.servers();
    work.operations();
    work.channels();
    merged(work.found)
}

/// A comparison of two documents.
struct Work<'a> {
    sides: (Side<'a>, Side<'a>),
    /// Of schemas of these dialects, one for each pair that there is: after draft 7, of 2020-12, or one of each.
    runs: Vec<((Dialect, Dialect), Run<'a>)>,
    found: Vec<Difference>,
}

/// Whether a document is of a version that is taken apart.
fn is_read(document: &Node) -> bool {
    text(document, "asyncapi").is_some_and(|version| version.starts_with("3."))
}

/// What is different where a document is of version 2: its channels say for others what those of version 3 say for the application.
fn of_two(before: &Node, after: &Node) -> Vec<Difference> {
    if equal(before, after) {
        return Vec::new();
    }
    let (was, is) = (before.get("asyncapi"), after.get("asyncapi"));
    let place = &is.unwrap_or(after).place;
    vec![Difference::new(&classes::VERSION_UNREAD, "the contract", place).values(was.map(shown), is.map(shown))]
}

/// Things by their names.
type Entries<'a> = &'a [(Key, Node)];

/// The entries of a map under the root.
fn entries<'a>(side: &Side<'a>, word: &str) -> Entries<'a> {
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

/// Two things of the same name.
struct Pair<'a> {
    name: &'a str,
    /// What it is, for people.
    at: String,
    was: &'a Node,
    is: &'a Node,
}

/// The classes of what only one of the two has: what is gone, and what has come.
type Lone = (&'static Class, &'static Class);

/// What is for people.
const WORDS: [&str; 6] = ["title", "summary", "description", "tags", "externalDocs", "examples"];

impl<'a> Work<'a> {
    fn root(&mut self, old: &'a Node, new: &'a Node) {
        let known = ["info", "servers", "defaultContentType", "channels", "operations", "components"];
        self.rest("the contract", &known, old, new);
    }

    /// What both have by the same names, behind their references. What only one of them has is told.
    fn pairs(&mut self, what: &str, (old, new): (Entries<'a>, Entries<'a>), (removed, added): Lone) -> Vec<Pair<'a>> {
        let find = |all: Entries<'a>, name: &Key| {
            all.iter().find(|(other, _)| other.value == name.value).map(|(_, node)| node)
        };
        let mut pairs = Vec::new();
        for (name, was) in old {
            let at = format!("{what} `{}`", name.value);
            let Some(is) = find(new, name) else {
                self.note(removed, &at, Some(was), None);
                continue;
            };
            match (self.sides.0.resolve(was), self.sides.1.resolve(is)) {
                (Some(was), Some(is)) => pairs.push(Pair { name: &name.value, at, was, is }),
                _ => self.note(&classes::REFERENCE_UNRESOLVED, &at, Some(was), Some(is)),
            }
        }
        for (name, is) in new.iter().filter(|(name, _)| find(old, name).is_none()) {
            self.note(added, &format!("{what} `{}`", name.value), None, Some(is));
        }
        pairs
    }

    /// The entries under a word of each.
    fn under(&self, word: &str) -> (Entries<'a>, Entries<'a>) {
        (entries(&self.sides.0, word), entries(&self.sides.1, word))
    }

    fn servers(&mut self) {
        let lone: Lone = (&classes::SERVER_REMOVED, &classes::SERVER_ADDED);
        for Pair { at, was, is, .. } in self.pairs("server", self.under("servers"), lone) {
            if !alike(&self.sides, was, is) {
                self.note(&classes::SERVER_CHANGED, &at, Some(was), Some(is));
            }
        }
    }

    fn operations(&mut self) {
        let lone: Lone = (&classes::OPERATION_REMOVED, &classes::OPERATION_ADDED);
        for Pair { at, was, is, .. } in self.pairs("operation", self.under("operations"), lone) {
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
    }

    fn channels(&mut self) {
        let lone: Lone = (&classes::CHANNEL_REMOVED, &classes::CHANNEL_ADDED);
        for Pair { name, at, was, is } in self.pairs("channel", self.under("channels"), lone) {
            if text(was, "address").unwrap_or(name) != text(is, "address").unwrap_or(name) {
                self.note(&classes::ADDRESS_CHANGED, &at, was.get("address"), is.get("address"));
            }
            self.word(&classes::CHANNEL_SERVERS, &at, "servers", was, is);
            self.word(&classes::PARAMETERS_CHANGED, &at, "parameters", was, is);
            self.word(&classes::BINDINGS_CHANGED, &at, "bindings", was, is);
            self.rest(&at, &["address", "servers", "parameters", "bindings", "messages"], was, is);
            let mut all = ways(&self.sides.0, name);
            all.extend(ways(&self.sides.1, name));
            all.dedup();
            self.messages(&at, &all, was, is);
        }
    }

    fn messages(&mut self, at: &str, ways: &[Direction], old: &'a Node, new: &'a Node) {
        let messages = |node: &'a Node| node.get("messages").map(Node::entries).unwrap_or_default();
        let only_taken = ways == [Direction::Request];
        let added = if only_taken { &classes::MESSAGE_ADDED_REQUEST } else { &classes::MESSAGE_ADDED_RESPONSE };
        let what = format!("{at}, message");
        for Pair { at, was, is, .. } in
            self.pairs(&what, (messages(old), messages(new)), (&classes::MESSAGE_REMOVED, added))
        {
            self.message(&at, ways, was, is);
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
        let (Some(was), Some(is)) = (written.0.dialect(), written.1.dialect()) else {
            let same = written.0 == written.1 && both(old, new, |old, new| alike(&self.sides, old, new));
            if !same {
                self.note(&classes::FORMAT_CHANGED, at, old, new);
            }
            return;
        };
        let mut run = self.run((was, is));
        for way in ways {
            for mut difference in run.compare(*way, format::schema(old), format::schema(new)) {
                let within = std::mem::take(&mut difference.at);
                difference.at = if within == "/" { at.to_owned() } else { format!("{at}, {within}") };
                self.found.push(difference);
            }
        }
        self.runs.push(((was, is), run));
    }

    /// The comparison of schemas of these dialects, which is not begun anew: what it found to be the same stays so.
    fn run(&mut self, dialects: (Dialect, Dialect)) -> Run<'a> {
        let known = self.runs.iter().position(|(of, _)| *of == dialects);
        match known {
            Some(place) => self.runs.swap_remove(place).1,
            None => {
                let (before, after) = (self.sides.0.root, self.sides.1.root);
                Run::new(Side::new(before, dialects.0), Side::new(after, dialects.1))
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

//! Answers: their statuses, headers and links.

use selvage_model::yaml::{Key, Node};

use super::path::Operation;
use super::{Spot, Work, classes};
use crate::compare::Direction;
use crate::compare::schema::is_true;

/// What is compared of a header, and what is for people.
const HEADER_WORDS: [&str; 8] =
    ["required", "style", "explode", "schema", "content", "description", "example", "examples"];

/// A status with its answer, as they are compared: a hundred in capitals.
type Answer<'a> = (String, &'a Key, &'a Node);

fn listed(operation: &Node) -> Vec<Answer<'_>> {
    let entries = operation.get("responses").map(Node::entries).unwrap_or_default().iter();
    entries
        .filter(|(status, _)| !status.value.starts_with("x-"))
        .map(|(status, node)| (plain(&status.value), status, node))
        .collect()
}

fn plain(status: &str) -> String {
    if status.len() == 3 { status.to_ascii_uppercase() } else { status.to_ascii_lowercase() }
}

/// Whether a status is an error, or not said to be anything else.
fn is_error(status: &str) -> bool {
    status == "default" || status.starts_with(['4', '5'])
}

/// Whether all statuses of a hundred are meant.
fn is_hundred(status: &str) -> bool {
    status.ends_with("XX")
}

fn get<'a>(answers: &[Answer<'a>], wanted: &str) -> Option<&'a Node> {
    answers.iter().find(|(status, _, _)| status == wanted).map(|(_, _, node)| *node)
}

/// What is declared for all statuses of which this is one.
fn covering<'a>(answers: &[Answer<'a>], status: &str) -> Option<&'a Node> {
    let hundred = status.get(..1).filter(|_| status != "default" && !is_hundred(status));
    let of_all = || if status == "default" { None } else { get(answers, "default") };
    hundred.and_then(|hundred| get(answers, &format!("{hundred}XX"))).or_else(of_all)
}

/// Whether a status is of this hundred.
fn is_of(status: &str, hundred: &str) -> bool {
    is_hundred(hundred) && status.get(..1) == hundred.get(..1)
}

/// How the value of a header is written.
fn style(header: &Node) -> (&str, bool) {
    (header.get("style").and_then(Node::text).unwrap_or("simple"), is_true(header.get("explode")))
}

impl<'a> Work<'a> {
    pub(super) fn answers(&mut self, spot: &Spot, old: &Operation<'a>, new: &Operation<'a>) {
        let (before, after) = (listed(old.node), listed(new.node));
        let whole =
            |operation: &Operation<'a>| operation.node.get("responses").map_or_else(Vec::new, |node| vec![node]);
        self.rest(&spot.with("answers"), |word| !word.starts_with("x-"), &whole(old), &whole(new));
        for (status, _, was) in &before {
            let at = spot.with(&format!("answer {status}"));
            match (get(&after, status), covering(&after, status)) {
                (Some(is), _) => self.answer(&at, was, is),
                (None, Some(is)) => {
                    if !is_error(status) {
                        self.note(&classes::ANSWER_WIDENED, &at, Some(was), Some(is));
                    }
                    self.answer(&at, was, is);
                }
                // Those that are declared by themselves are compared with it below; of the others there are none any more.
                (None, None) if after.iter().any(|(other, _, _)| is_of(other, status)) => {
                    self.note(&classes::ANSWER_NARROWED, &at, Some(was), None);
                }
                (None, None) => {
                    let class = if is_error(status) { &classes::ERROR_REMOVED } else { &classes::ANSWER_REMOVED };
                    self.note(class, &at, Some(was), None);
                }
            }
        }
        for (status, _, is) in after.iter().filter(|(status, _, _)| get(&before, status).is_none()) {
            let at = spot.with(&format!("answer {status}"));
            // What was declared by itself and is declared by the hundred is told above.
            let told = |(other, _, _): &Answer<'a>| is_of(other, status) && get(&after, other).is_none();
            match covering(&before, status) {
                Some(was) => self.answer(&at, was, is),
                None if before.iter().any(told) => {}
                None => {
                    // What is for every other status may be for one that is no error.
                    let is_error = is_error(status) && status != "default";
                    let class = if is_error { &classes::ERROR_ADDED } else { &classes::ANSWER_ADDED };
                    self.note(class, &at, None, Some(is));
                }
            }
        }
    }

    fn answer(&mut self, spot: &Spot, old: &'a Node, new: &'a Node) {
        let (Some(Some(old)), Some(Some(new))) =
            (self.behind(spot, Some(old), false), self.behind(spot, Some(new), true))
        else {
            return;
        };
        self.media(spot, Direction::Response, old, new);
        self.headers(spot, old, new);
        self.links(spot, old, new);
        let known = |word: &str| matches!(word, "content" | "headers" | "links" | "summary" | "description");
        self.rest(spot, known, &[old], &[new]);
    }

    fn headers(&mut self, spot: &Spot, old: &'a Node, new: &'a Node) {
        let headers = |node: &'a Node| node.get("headers").map(Node::entries).unwrap_or_default();
        let (before, after) = (headers(old), headers(new));
        for (name, was) in before {
            let at = spot.with(&format!("header `{}`", name.value));
            let is =
                after.iter().find(|(other, _)| other.value.eq_ignore_ascii_case(&name.value)).map(|(_, node)| node);
            let (Some(was), Some(is)) = (self.behind(&at, Some(was), false), self.behind(&at, is, true)) else {
                continue;
            };
            let Some(was) = was else { continue };
            let required = |node: &'a Node| node.get("required");
            let Some(is) = is else {
                let class = if is_true(required(was)) { &classes::HEADER_REMOVED } else { &classes::HEADER_DROPPED };
                self.note(class, &at, Some(was), None);
                continue;
            };
            match (is_true(required(was)), is_true(required(is))) {
                (true, false) => self.note(&classes::HEADER_OPTIONAL, &at, required(was), required(is)),
                (false, true) => self.note(&classes::HEADER_REQUIRED, &at, required(was), required(is)),
                _ => {}
            }
            if style(was) != style(is) {
                let word = if style(was).0 == style(is).0 { "explode" } else { "style" };
                self.note_at(&classes::HEADER_STYLE, &at, (was.get(word), is.get(word)), &is.place);
            }
            self.carried(&at, (Direction::Response, &classes::HEADER_CONTENT), was, is);
            let known = |word: &str| HEADER_WORDS.contains(&word);
            self.rest(&at, known, &[was], &[is]);
        }
        for (name, is) in after {
            if !before.iter().any(|(other, _)| other.value.eq_ignore_ascii_case(&name.value)) {
                let at = spot.with(&format!("header `{}`", name.value));
                self.note(&classes::HEADER_ADDED, &at, None, Some(is));
            }
        }
    }

    fn links(&mut self, spot: &Spot, old: &'a Node, new: &'a Node) {
        let links = |node: &'a Node| node.get("links").map(Node::entries).unwrap_or_default();
        for (name, was) in links(old) {
            let at = spot.with(&format!("link `{}`", name.value));
            match new.get("links").and_then(|links| links.get(&name.value)) {
                None => self.note(&classes::LINK_REMOVED, &at, Some(was), None),
                Some(is) if !self.alike(Some(was), Some(is)) => {
                    self.note(&classes::LINK_CHANGED, &at, Some(was), Some(is));
                }
                Some(_) => {}
            }
        }
        for (name, is) in links(new) {
            if old.get("links").is_none_or(|links| links.get(&name.value).is_none()) {
                self.note(&classes::LINK_ADDED, &spot.with(&format!("link `{}`", name.value)), None, Some(is));
            }
        }
    }
}

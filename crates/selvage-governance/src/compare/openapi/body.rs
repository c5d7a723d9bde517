//! Bodies of requests, and answers: their statuses, media types, headers and links.

use selvage_model::yaml::Node;

use super::{Operation, Spot, Work, classes};
use crate::compare::Direction;
use crate::compare::schema::is_true;

/// The media types of a body or an answer.
fn content(node: Option<&Node>) -> &[(selvage_model::yaml::Key, Node)] {
    node.and_then(|node| node.get("content")).map(Node::entries).unwrap_or_default()
}

/// The media type as it is compared: its spelling does not count.
fn plain(media: &str) -> String {
    media.chars().filter(|c| !c.is_whitespace()).collect::<String>().to_ascii_lowercase()
}

/// Whether a range covers a media type.
fn covers(range: &str, media: &str) -> bool {
    let (range, media) = (plain(range), plain(media));
    range == "*/*" || range.strip_suffix('*').is_some_and(|kind| kind.ends_with('/') && media.starts_with(kind))
}

/// Whether a status is an error, or not said to be anything else.
fn is_error(status: &str) -> bool {
    status == "default" || status.starts_with(['4', '5'])
}

fn is_range(status: &str) -> bool {
    status == "default" || status.ends_with("XX") || status.ends_with("xx")
}

/// What is declared for all statuses of which this is one.
fn covering<'a>(answers: &'a Node, status: &str) -> Option<&'a Node> {
    let hundred = status.get(..1)?;
    let range = (!is_range(status))
        .then(|| answers.get(&format!("{hundred}XX")).or_else(|| answers.get(&format!("{hundred}xx"))));
    range.flatten().or_else(|| if status == "default" { None } else { answers.get("default") })
}

impl<'a> Work<'a> {
    pub(super) fn body(&mut self, spot: &Spot, old: &Operation<'a>, new: &Operation<'a>) {
        let spot = spot.with("body");
        let (before, after) = (old.node.get("requestBody"), new.node.get("requestBody"));
        let (Some(before), Some(after)) = (self.behind(&spot, before, false), self.behind(&spot, after, true)) else {
            return;
        };
        match (before, after) {
            (None, Some(after)) if is_true(after.get("required")) => {
                self.note(&classes::BODY_NEEDED, &spot, None, Some(after));
            }
            (None, Some(after)) => self.note(&classes::BODY_ADDED, &spot, None, Some(after)),
            (Some(before), None) => self.note(&classes::BODY_REMOVED, &spot, Some(before), None),
            (Some(before), Some(after)) => {
                let required = |node: &'a Node| node.get("required");
                match (is_true(required(before)), is_true(required(after))) {
                    (false, true) => self.note(&classes::BODY_REQUIRED, &spot, required(before), required(after)),
                    (true, false) => self.note(&classes::BODY_OPTIONAL, &spot, required(before), required(after)),
                    _ => {}
                }
                self.media(&spot, Direction::Request, before, after);
            }
            (None, None) => {}
        }
    }

    /// What stands behind a reference, where something is written; nothing where it leads nowhere, which is told.
    fn behind(&mut self, spot: &Spot, node: Option<&'a Node>, new: bool) -> Option<Option<&'a Node>> {
        let Some(written) = node else { return Some(None) };
        let side = if new { self.sides.1 } else { self.sides.0 };
        let found = side.resolve(written);
        if found.is_none() {
            self.note(&classes::REFERENCE_UNRESOLVED, spot, None, Some(written));
        }
        found.map(Some)
    }

    /// Compares bodies by media type.
    fn media(&mut self, spot: &Spot, way: Direction, old: &'a Node, new: &'a Node) {
        let (before, after) = (content(Some(old)), content(Some(new)));
        let request = way == Direction::Request;
        let several = before.len() > 1 || after.len() > 1;
        for (name, was) in before {
            let spot = if several { spot.with(&name.value) } else { spot.clone() };
            let same = after.iter().find(|(other, _)| plain(&other.value) == plain(&name.value));
            let wider = after.iter().find(|(other, _)| request && covers(&other.value, &name.value));
            match same.or(wider) {
                Some((_, is)) => self.one_media(&spot, way, was, is),
                // An answer of a kind within the range is compared with it below.
                None if !request && after.iter().any(|(other, _)| covers(&name.value, &other.value)) => {}
                None => {
                    let class = if request { &classes::BODY_MEDIA_REMOVED } else { &classes::ANSWER_MEDIA_REMOVED };
                    self.note_as(class, &spot, Some(&name.value), None, &name.place);
                }
            }
        }
        for (name, is) in after {
            if before.iter().any(|(other, _)| plain(&other.value) == plain(&name.value)) {
                continue;
            }
            let spot = spot.with(&name.value);
            let within = before.iter().find(|(other, _)| !request && covers(&other.value, &name.value));
            match within {
                Some((_, was)) => self.one_media(&spot, way, was, is),
                None => {
                    let class = if request { &classes::BODY_MEDIA_ADDED } else { &classes::ANSWER_MEDIA_ADDED };
                    self.note_as(class, &spot, None, Some(&name.value), &name.place);
                }
            }
        }
    }

    fn one_media(&mut self, spot: &Spot, way: Direction, old: &'a Node, new: &'a Node) {
        let (before, after) = (old.get("encoding"), new.get("encoding"));
        if !self.alike(before, after) {
            self.note(&classes::ENCODING_CHANGED, spot, before, after);
        }
        self.schemas(spot, way, old.get("schema"), new.get("schema"));
    }

    pub(super) fn answers(&mut self, spot: &Spot, old: &Operation<'a>, new: &Operation<'a>) {
        let (Some(before), Some(after)) = (old.node.get("responses"), new.node.get("responses")) else {
            if let Some(before) = old.node.get("responses") {
                self.note(&classes::ANSWER_REMOVED, spot, Some(before), None);
            }
            return;
        };
        for (status, was) in before.entries().iter().filter(|(status, _)| !status.value.starts_with("x-")) {
            let at = spot.with(&format!("answer {}", status.value));
            let status = status.value.as_ref();
            let some = is_range(status)
                && after
                    .entries()
                    .iter()
                    .any(|(other, _)| status.get(..1) == other.value.get(..1) && status != "default");
            match (after.get(status), covering(after, status)) {
                (Some(is), _) => self.answer(&at, was, is),
                (None, Some(is)) => {
                    if !is_error(status) {
                        self.note(&classes::ANSWER_WIDENED, &at, Some(was), Some(is));
                    }
                    self.answer(&at, was, is);
                }
                (None, None) if some => {}
                (None, None) => {
                    let class = if is_error(status) { &classes::ERROR_REMOVED } else { &classes::ANSWER_REMOVED };
                    self.note(class, &at, Some(was), None);
                }
            }
        }
        for (status, is) in after.entries().iter().filter(|(status, _)| !status.value.starts_with("x-")) {
            let status = status.value.as_ref();
            if before.get(status).is_some() {
                continue;
            }
            // What was declared by itself and is declared by the hundred is told above.
            let widened = |(other, _): &(selvage_model::yaml::Key, Node)| {
                is_range(status) && status.get(..1) == other.value.get(..1) && after.get(&other.value).is_none()
            };
            let at = spot.with(&format!("answer {status}"));
            match covering(before, status) {
                None if before.entries().iter().any(widened) => {}
                Some(was) => self.answer(&at, was, is),
                None => {
                    let class = if is_error(status) { &classes::ERROR_ADDED } else { &classes::ANSWER_ADDED };
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
            self.carried(&at, Direction::Response, was, is);
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

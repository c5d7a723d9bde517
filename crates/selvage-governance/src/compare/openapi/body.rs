//! Bodies of requests, and the media types of bodies and answers.

use selvage_model::yaml::{Key, Node};

use super::path::Operation;
use super::{Spot, Work, classes};
use crate::compare::Direction;
use crate::compare::schema::is_true;

/// The media types of a body or an answer.
fn content(node: Option<&Node>) -> &[(Key, Node)] {
    node.and_then(|node| node.get("content")).map(Node::entries).unwrap_or_default()
}

/// The media type as it is compared: its spelling does not count.
pub(super) fn plain(media: &str) -> String {
    media.chars().filter(|c| !c.is_whitespace()).collect::<String>().to_ascii_lowercase()
}

/// Whether a range covers a media type.
fn covers(range: &str, media: &str) -> bool {
    let (range, media) = (plain(range), plain(media));
    range == "*/*" || range.strip_suffix('*').is_some_and(|kind| kind.ends_with('/') && media.starts_with(kind))
}

/// The most exact of the ranges that cover a media type: what is of it is held to that one.
fn closest<'a>(ranges: &'a [(Key, Node)], media: &str) -> Option<&'a (Key, Node)> {
    let covering = ranges.iter().filter(|(range, _)| covers(&range.value, media));
    covering.max_by_key(|(range, _)| plain(&range.value) != "*/*")
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
                let known = |word: &str| matches!(word, "required" | "content" | "description");
                self.rest(&spot, known, &[before], &[after]);
            }
            (None, None) => {}
        }
    }

    /// What stands behind a reference, where something is written; nothing where it leads nowhere, which is told.
    pub(super) fn behind(&mut self, spot: &Spot, node: Option<&'a Node>, new: bool) -> Option<Option<&'a Node>> {
        let Some(written) = node else { return Some(None) };
        let side = if new { self.sides.1 } else { self.sides.0 };
        let found = side.resolve(written);
        if found.is_none() {
            self.note(&classes::REFERENCE_UNRESOLVED, spot, None, Some(written));
        }
        found.map(Some)
    }

    /// Compares bodies by media type.
    pub(super) fn media(&mut self, spot: &Spot, way: Direction, old: &'a Node, new: &'a Node) {
        let (before, after) = (content(Some(old)), content(Some(new)));
        let request = way == Direction::Request;
        let several = before.len() > 1 || after.len() > 1;
        for (name, was) in before {
            let spot = if several { spot.with(&name.value) } else { spot.clone() };
            let same = after.iter().find(|(other, _)| plain(&other.value) == plain(&name.value));
            let wider = closest(after, &name.value).filter(|_| request);
            match same.or(wider) {
                Some((_, is)) => self.one_media(&spot, way, was, is),
                // An answer of a kind within the range is compared with it below; of the others there are none any more.
                None if !request && after.iter().any(|(other, _)| covers(&name.value, &other.value)) => {
                    self.note_as(&classes::ANSWER_MEDIA_NARROWED, &spot, Some(&name.value), None, &name.place);
                }
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
            let within = closest(before, &name.value);
            match within {
                Some((_, was)) => self.one_media(&spot, way, was, is),
                None => {
                    let class = if request { &classes::BODY_MEDIA_ADDED } else { &classes::ANSWER_MEDIA_ADDED };
                    self.note_as(class, &spot, None, Some(&name.value), &name.place);
                }
            }
        }
    }

    pub(super) fn one_media(&mut self, spot: &Spot, way: Direction, old: &'a Node, new: &'a Node) {
        let (before, after) = (old.get("encoding"), new.get("encoding"));
        if !self.alike(before, after) {
            self.note(&classes::ENCODING_CHANGED, spot, before, after);
        }
        self.schemas(spot, way, old.get("schema"), new.get("schema"));
        let known = |word: &str| matches!(word, "encoding" | "schema" | "example" | "examples");
        self.rest(spot, known, &[old], &[new]);
    }
}

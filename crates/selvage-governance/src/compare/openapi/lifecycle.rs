//! What an operation or a parameter says of its end: `deprecated`, `x-sunset`, and how much it promises: `x-stability-level`.

use jiff::civil::Date;
use selvage_model::yaml::Node;

use super::{Spot, Work, classes};
use crate::compare::Class;
use crate::compare::schema::is_true;

const SUNSET: &str = "x-sunset";
const STABILITY: &str = "x-stability-level";
/// From the least promise to the greatest.
const LEVELS: [&str; 4] = ["draft", "alpha", "beta", "stable"];

/// What becomes of something that is on its way out.
pub(super) struct Ends {
    pub(super) deprecated: &'static Class,
    pub(super) undated: &'static Class,
    pub(super) reactivated: &'static Class,
}

pub(super) static OPERATION: Ends = Ends {
    deprecated: &classes::OPERATION_DEPRECATED,
    undated: &classes::OPERATION_UNDATED,
    reactivated: &classes::OPERATION_REACTIVATED,
};

pub(super) static PARAMETER: Ends = Ends {
    deprecated: &classes::PARAMETER_DEPRECATED,
    undated: &classes::PARAMETER_UNDATED,
    reactivated: &classes::PARAMETER_REACTIVATED,
};

impl<'a> Work<'a> {
    pub(super) fn lifecycle(&mut self, spot: &Spot, ends: &'static Ends, old: &'a Node, new: &'a Node) {
        let was = old.get("deprecated").filter(|node| is_true(Some(node)));
        let is = new.get("deprecated").filter(|node| is_true(Some(node)));
        let (before, after) = (old.get(SUNSET), new.get(SUNSET));
        match (was, is) {
            (None, Some(is)) if after.is_none() => self.note(ends.undated, spot, None, Some(is)),
            (None, Some(_)) => self.note(ends.deprecated, spot, None, after),
            (Some(was), None) => self.note(ends.reactivated, spot, Some(was), None),
            _ => {}
        }
        let day = |node: &Node| node.text().and_then(|text| text.get(..10)?.parse::<Date>().ok());
        match (before, after) {
            (Some(before), Some(after)) if before.text() == after.text() => {}
            (_, Some(after)) if day(after).is_none() => {
                self.note(&classes::SUNSET_UNREADABLE, spot, before, Some(after));
            }
            (None, Some(after)) if is.is_none() || was.is_some() => {
                self.note(&classes::SUNSET_ADDED, spot, None, Some(after));
            }
            (Some(before), None) if is.is_some() => self.note(&classes::SUNSET_REMOVED, spot, Some(before), None),
            (Some(before), Some(after)) => match (day(before), day(after)) {
                (Some(was), Some(is)) if is < was => {
                    self.note(&classes::SUNSET_EARLIER, spot, Some(before), Some(after));
                }
                (Some(was), Some(is)) if is > was => self.note(&classes::SUNSET_LATER, spot, Some(before), Some(after)),
                (None, Some(_)) => self.note(&classes::SUNSET_ADDED, spot, Some(before), Some(after)),
                _ => {}
            },
            _ => {}
        }
        self.stability(spot, old.get(STABILITY), new.get(STABILITY));
    }

    fn stability(&mut self, spot: &Spot, old: Option<&'a Node>, new: Option<&'a Node>) {
        // What says nothing promises the most.
        let level = |node: Option<&Node>| match node.and_then(Node::text) {
            None => Some(LEVELS.len() - 1),
            Some(text) => LEVELS.iter().position(|level| *level == text),
        };
        let (Some(was), Some(is)) = (level(old), level(new)) else {
            if old.and_then(Node::text) != new.and_then(Node::text) {
                self.note(&classes::STABILITY_LOWERED, spot, old, new);
            }
            return;
        };
        if is < was {
            self.note(&classes::STABILITY_LOWERED, spot, old, new);
        } else if is > was {
            self.note(&classes::STABILITY_RAISED, spot, old, new);
        }
    }
}

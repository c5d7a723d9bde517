//! Two JSON Schemas compared: whether every value that fits the one fits the other, and where not, at which keyword. A request
//! must find everything accepted that was accepted before; an answer must hold nothing that it could not hold before.
//! What cannot be proven is never called safe. See docs/adr/0038.

mod alike;
mod choice;
pub(in crate::compare) mod classes;
mod form;
mod kinds;
mod known;
mod limit;
mod list;
mod mark;
mod object;
mod same;
mod scalar;
pub(in crate::compare) mod side;
mod spared;

use selvage_model::source::Place;
use selvage_model::yaml::{Content, Node};

use super::{Class, Difference, Direction, Verdict, merged};
pub(in crate::compare) use alike::{alike, both, rest};
use classes::{Both, Family};
use form::Form;
use kinds::Kinds;
use same::Sameness;
pub(in crate::compare) use same::equal;
pub(in crate::compare) use side::{Dialect, Side, is_one, is_true, truth};

/// Pairs of schemas that are looked at for one value before it is given up.
const MOST_STEPS: usize = 20_000;
/// The same of all messages of two documents together: some seconds, so that no contract keeps a desk from what waits behind it.
const MOST_OF_ALL: usize = 250_000;
/// Pairs that are looked at within one another.
const MOST_NESTED: usize = 96;
/// Longest text of a value that a difference shows.
const MOST_SHOWN: usize = 120;

/// Compares two JSON Schemas 2020-12, for values that travel this way; one after the other for both.
pub fn schema(before: &Node, after: &Node, direction: Direction) -> Vec<Difference> {
    if is_one(before, after) {
        return Vec::new();
    }
    let mut run = Run::new(Side::new(before, Dialect::Draft), Side::new(after, Dialect::Draft));
    let ways: &[Direction] = match direction {
        Direction::Both => &[Direction::Request, Direction::Response],
        Direction::Request => &[Direction::Request],
        Direction::Response => &[Direction::Response],
    };
    merged(ways.iter().flat_map(|way| run.compare(*way, Some(before), Some(after))).collect())
}

/// A step from a value into it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Step<'a> {
    Member(&'a str),
    Others,
    Item(usize),
    Items,
}

/// A pair of schemas that is being compared.
struct Frame {
    pair: (Vec<*const Node>, Vec<*const Node>),
    /// How long the path was there.
    depth: usize,
    /// Members on the way back to it, by which its differences concern people as well.
    back: Vec<String>,
}

/// A comparison of the schemas of two documents.
pub(in crate::compare) struct Run<'a> {
    sides: (Side<'a>, Side<'a>),
    way: Direction,
    path: Vec<Step<'a>>,
    stack: Vec<Frame>,
    found: Vec<Difference>,
    steps: usize,
    /// Of all messages.
    of_all: usize,
    same: Sameness,
}

impl<'a> Run<'a> {
    pub(in crate::compare) fn new(old: Side<'a>, new: Side<'a>) -> Self {
        Self {
            sides: (old, new),
            way: Direction::Request,
            path: Vec::new(),
            stack: Vec::new(),
            found: Vec::new(),
            steps: 0,
            of_all: 0,
            same: Sameness::default(),
        }
    }

    /// Compares a schema of each; where there is none, anything fits.
    pub(in crate::compare) fn compare(
        &mut self,
        way: Direction,
        old: Option<&'a Node>,
        new: Option<&'a Node>,
    ) -> Vec<Difference> {
        self.way = way;
        self.steps = 0;
        self.visit(old.as_slice(), new.as_slice());
        std::mem::take(&mut self.found)
    }

    /// Compares what all the schemas of each side say together.
    fn visit(&mut self, old: &[&'a Node], new: &[&'a Node]) {
        let same = old.len() == new.len() && old.iter().zip(new).all(|(old, new)| self.same.of(old, new, &self.sides));
        if same || (old.is_empty() && new.is_empty()) {
            return;
        }
        let of = |all: &[&'a Node], side: &Side<'a>| -> Vec<*const Node> {
            all.iter().map(|node| std::ptr::from_ref(side.meant(node))).collect()
        };
        let pair = (of(old, &self.sides.0), of(new, &self.sides.1));
        if let Some(place) = self.stack.iter().position(|frame| frame.pair == pair) {
            return self.again(place, old, new);
        }
        self.steps += 1;
        self.of_all += 1;
        if self.steps > MOST_STEPS || self.of_all > MOST_OF_ALL || self.stack.len() > MOST_NESTED {
            return self.note_both(&classes::TOO_LARGE, old.first().copied(), new.first().copied());
        }
        let start = self.found.len();
        self.stack.push(Frame { pair, depth: self.path.len(), back: Vec::new() });
        let before = Form::of(old, &self.sides.0, self.way);
        let after = Form::of(new, &self.sides.1, self.way);
        self.forms(&before, &after, (old, new));
        let back = self.stack.pop().map(|frame| frame.back).unwrap_or_default();
        for difference in self.found.iter_mut().skip(start).filter(|difference| !difference.attributes.is_empty()) {
            add(&mut difference.attributes, &back);
        }
    }

    /// The pair is being compared already: what it comes to holds here as well, if a member or an item lies between.
    fn again(&mut self, place: usize, old: &[&'a Node], new: &[&'a Node]) {
        let Some(frame) = self.stack.get_mut(place) else { return };
        if self.path.len() > frame.depth {
            let between: Vec<String> = self.path.iter().skip(frame.depth).filter_map(member).collect();
            return add(&mut frame.back, &between);
        }
        self.against(&classes::REFERENCE, old.first().copied(), new.first().copied());
    }

    fn forms(&mut self, old: &Form<'a>, new: &Form<'a>, all: (&[&'a Node], &[&'a Node])) {
        // Where nothing fits the narrower side, it does not matter what is said beside.
        if self.roles(old, new).0.kinds != Kinds::NONE {
            self.marks(old, new);
        }
        let start = self.found.len();
        if self.kinds(old, new) {
            self.values(old, new);
            self.numbers(old, new);
            self.texts(old, new);
            self.lists(old, new);
            self.objects(old, new);
            self.choices(old, new, all);
            self.opaque(old, new);
        }
        self.by_alternatives(old, new, all, start);
    }

    /// The narrower side, which must be within the other, and that one.
    fn roles<T>(&self, old: T, new: T) -> (T, T) {
        if self.way == Direction::Response { (new, old) } else { (old, new) }
    }

    /// Whether one all fits within the other, without a word about it.
    fn proves(&mut self, old: &[&'a Node], new: &[&'a Node]) -> bool {
        let start = self.found.len();
        self.visit(old, new);
        let safe = self.is_safe_since(start);
        self.found.truncate(start);
        safe
    }

    fn is_safe_since(&self, start: usize) -> bool {
        self.found.iter().skip(start).all(|difference| difference.verdict == Verdict::Safe)
    }

    /// Within a step: what is noted stands there.
    fn within(&mut self, step: Step<'a>, look: impl FnOnce(&mut Self)) {
        self.path.push(step);
        look(self);
        self.path.pop();
    }

    /// What the two say is told apart by whether the one holds where the other does.
    fn judge(
        &mut self,
        family: &'static Family,
        (holds, back): (bool, bool),
        old: Option<&'a Node>,
        new: Option<&'a Node>,
    ) {
        match (holds, back) {
            (false, _) => self.against(family, old, new),
            (true, false) => self.with(family, old, new),
            (true, true) => {}
        }
    }

    /// The narrower side is not within the other.
    fn against(&mut self, family: &'static Family, old: Option<&'a Node>, new: Option<&'a Node>) {
        let response = self.way == Direction::Response;
        let class = if response { &family.widened_response } else { &family.narrowed_request };
        self.note(class, old, new);
    }

    /// It is, and the other is wider.
    fn with(&mut self, family: &'static Family, old: Option<&'a Node>, new: Option<&'a Node>) {
        let response = self.way == Direction::Response;
        let class = if response { &family.narrowed_response } else { &family.widened_request };
        self.note(class, old, new);
    }

    fn note_both(&mut self, both: &'static Both, old: Option<&'a Node>, new: Option<&'a Node>) {
        let response = self.way == Direction::Response;
        self.note(if response { &both.response } else { &both.request }, old, new);
    }

    fn note(&mut self, class: &'static Class, old: Option<&'a Node>, new: Option<&'a Node>) {
        let place = match (new, old) {
            (Some(node), _) | (None, Some(node)) => node.place.clone(),
            (None, None) => self.nearest(),
        };
        let mut difference = Difference::new(class, self.pointer(), &place).values(old.map(shown), new.map(shown));
        let names: Vec<String> = self.path.iter().filter_map(member).collect();
        add(&mut difference.attributes, &names);
        self.found.push(difference);
    }

    /// Where neither side says something: the schema that it is missing in.
    fn nearest(&self) -> Place {
        self.sides.1.root.place.clone()
    }

    fn pointer(&self) -> String {
        if self.path.is_empty() {
            return "/".to_owned();
        }
        let mut pointer = String::new();
        for step in &self.path {
            pointer.push('/');
            match step {
                Step::Member(name) => pointer.push_str(&name.replace('~', "~0").replace('/', "~1")),
                Step::Others | Step::Items => pointer.push('*'),
                Step::Item(place) => pointer.push_str(&place.to_string()),
            }
        }
        pointer
    }
}

fn add(names: &mut Vec<String>, more: &[String]) {
    for name in more {
        if !names.contains(name) {
            names.push(name.clone());
        }
    }
}

/// The name of a member that a step leads to.
fn member(step: &Step<'_>) -> Option<String> {
    match step {
        Step::Member(name) => Some((*name).to_owned()),
        Step::Others | Step::Item(_) | Step::Items => None,
    }
}

/// A node as people read it, cut where it is long.
pub(in crate::compare) fn shown(node: &Node) -> String {
    let text = match &node.content {
        Content::Scalar(scalar) => scalar.text.as_ref().to_owned(),
        Content::Map(_) => {
            node.get("$ref").and_then(Node::text).map_or_else(|| node.to_value().to_string(), str::to_owned)
        }
        Content::List(_) => node.to_value().to_string(),
    };
    if text.chars().count() <= MOST_SHOWN {
        return text;
    }
    text.chars().take(MOST_SHOWN).chain(std::iter::once('…')).collect()
}

#[cfg(test)]
mod tests {
    use selvage_model::yaml::{Limits, parse};

    use super::*;

    #[test]
    fn messages_beyond_what_is_looked_at_are_unproven() {
        let read = |text: &str| parse(text.as_bytes(), &"schema.yaml".into(), &Limits::CONTRACT).0;
        let (old, new) = (read("type: string"), read("type: string\nmaxLength: 5"));
        let (old, new) = (&old[0], &new[0]);
        let mut run = Run::new(Side::new(old, Dialect::Draft), Side::new(new, Dialect::Draft));
        run.of_all = MOST_OF_ALL;
        let found = run.compare(Direction::Request, Some(old), Some(new));
        assert_eq!(found.iter().map(|it| it.class.code).collect::<Vec<_>>(), [classes::TOO_LARGE.request.code]);
    }
}

//! Alternatives (`anyOf`, `oneOf`), and what is not taken apart: `not`, conditions, `unevaluated…`, references that lead nowhere.

use selvage_model::yaml::Node;

use super::form::{Choice, Form};
use super::kinds::{Kinds, equal};
use super::{Family, Run, classes};
use crate::compare::Direction;

/// Alternatives that are looked at one by one.
const MOST_ALTERNATIVES: usize = 64;

impl<'a> Run<'a> {
    /// Where a value of the narrower side is one of several kinds of thing and the other side does not say so, each of them is
    /// compared by itself, in place of all of them together.
    pub(super) fn by_alternatives(
        &mut self,
        old: &Form<'a>,
        new: &Form<'a>,
        all: (&[&'a Node], &[&'a Node]),
        start: usize,
    ) {
        let (inner, outer) = self.roles(old, new);
        let open = |choice: &&Choice<'a>| !choice.node.items().iter().any(|part| inner.has(part));
        let Some(choice) = inner.choices.iter().find(open) else { return };
        if self.is_safe_since(start) || !outer.choices.is_empty() || choice.node.items().len() > MOST_ALTERNATIVES {
            return;
        }
        self.found.truncate(start);
        for alternative in choice.node.items() {
            let (mut before, mut after) = (all.0.to_vec(), all.1.to_vec());
            if self.way == Direction::Response { &mut after } else { &mut before }.push(alternative);
            self.visit(&before, &after);
        }
    }

    /// Compares alternatives.
    pub(super) fn choices(&mut self, old: &Form<'a>, new: &Form<'a>, all: (&[&'a Node], &[&'a Node])) {
        let (inner, outer) = self.roles(old, new);
        let mut free: Vec<Choice<'a>> = inner.choices.clone();
        let mut left = Vec::new();
        for theirs in &outer.choices {
            let same = free.iter().position(|mine| mine.one == theirs.one && self.is_same(mine.node, theirs.node));
            match same {
                Some(place) => drop(free.remove(place)),
                None => left.push(*theirs),
            }
        }
        for theirs in left {
            let mine = if free.is_empty() { None } else { Some(free.remove(0)) };
            match mine {
                Some(mine) => self.alternatives(mine, theirs),
                None => self.chosen(inner, theirs, all),
            }
        }
        // Of those that are looked at one by one, each has been said by itself.
        for mine in free.into_iter().filter(|mine| !mine.node.items().iter().any(|part| inner.has(part))) {
            let (before, after) = self.roles(Some(mine.node), None);
            self.with(family(mine), before, after);
        }
    }

    /// The two nodes, of the narrower side and of the other, are the same.
    fn is_same(&mut self, mine: &Node, theirs: &Node) -> bool {
        let (old, new) = self.roles(mine, theirs);
        self.same.of(old, new, &self.sides)
    }

    /// Every alternative of the narrower side has to fit one of the other's.
    fn alternatives(&mut self, mine: Choice<'a>, theirs: Choice<'a>) {
        let (before, after) = self.roles(Some(mine.node), Some(theirs.node));
        let (ours, others) = (mine.node.items(), theirs.node.items());
        let too_many = ours.len().max(others.len()) > MOST_ALTERNATIVES;
        if too_many || (theirs.one && !self.is_exclusive(mine, theirs)) {
            return self.against(family(theirs), before, after);
        }
        let mut used = vec![false; others.len()];
        for (place, part) in ours.iter().enumerate() {
            let twin = twin(part, place, ours, others);
            let start = self.found.len();
            if let Some(other) = twin.and_then(|twin| others.get(twin)) {
                let (old, new) = self.roles([part], [other]);
                self.visit(&old, &new);
            }
            let fits = if twin.is_some() && self.is_safe_since(start) {
                twin
            } else {
                others.iter().position(|other| {
                    let (old, new) = self.roles([part], [other]);
                    self.proves(&old, &new)
                })
            };
            match (fits, twin) {
                (Some(fits), _) => {
                    if twin != Some(fits) {
                        self.found.truncate(start);
                    }
                    used.iter_mut().skip(fits).take(1).for_each(|used| *used = true);
                }
                (None, Some(twin)) => used.iter_mut().skip(twin).take(1).for_each(|used| *used = true),
                (None, None) => {
                    let (before, after) = self.roles(Some(part), None);
                    self.against(&classes::ALTERNATIVE, before, after);
                }
            }
        }
        for (_, other) in used.iter().zip(others).filter(|(used, _)| !**used) {
            let (before, after) = self.roles(None, Some(other));
            self.with(&classes::ALTERNATIVE, before, after);
        }
        if mine.one && !theirs.one && ours.len() == others.len() {
            self.with(&classes::ONE_OF, before, after);
        }
    }

    /// The other side has alternatives where the narrower one has none: it has to fit one of them.
    fn chosen(&mut self, inner: &Form<'a>, theirs: Choice<'a>, all: (&[&'a Node], &[&'a Node])) {
        let others = theirs.node.items();
        let mine = self.roles(all.0, all.1).0;
        let listed: Vec<&'a Node> = others.iter().collect();
        let taken = listed.iter().find(|other| {
            let (old, new) = self.roles(mine, std::slice::from_ref(other));
            others.len() <= MOST_ALTERNATIVES && self.proves(old, new)
        });
        let (before, after) = self.roles(None, Some(theirs.node));
        let only = match taken {
            Some(taken) if theirs.one => others.iter().filter(|other| !std::ptr::eq(*other, *taken)).all(|other| {
                let side = self.roles(self.sides.0, self.sides.1).1;
                is_disjoint(inner, &Form::of(&[other], &side, self.way))
            }),
            Some(_) => true,
            None => false,
        };
        if only {
            self.with(&classes::ALTERNATIVE, before, after);
        } else {
            self.against(family(theirs), before, after);
        }
    }

    /// Whether what fits exactly one of the narrower alternatives never fits two of the other's.
    fn is_exclusive(&mut self, mine: Choice<'a>, theirs: Choice<'a>) -> bool {
        let others = theirs.node.items();
        if mine.one {
            let mut free: Vec<&Node> = mine.node.items().iter().collect();
            let all_known = others.iter().all(|other| {
                let known = free.iter().position(|part| self.is_same(part, other));
                known.map(|place| free.remove(place)).is_some()
            });
            if all_known {
                return true;
            }
        }
        let side = self.roles(self.sides.0, self.sides.1).1;
        let forms: Vec<Form<'a>> = others.iter().map(|other| Form::of(&[other], &side, self.way)).collect();
        let rest = |place: usize| forms.iter().skip(place + 1);
        forms.iter().enumerate().all(|(place, form)| rest(place).all(|other| is_disjoint(form, other)))
    }

    /// Compares what is not taken apart.
    pub(super) fn opaque(&mut self, old: &Form<'a>, new: &Form<'a>) {
        let (inner, outer) = self.roles(old, new);
        for theirs in &outer.opaque {
            let mut alike = inner.opaque.iter().filter(|mine| mine.keyword == theirs.keyword);
            let first = alike.clone().next();
            if !alike
                .any(|mine| self.is_same_opaque((mine.schema, mine.node), (theirs.schema, theirs.node), mine.keyword))
            {
                let (before, after) = self.roles(first.map(|mine| mine.node), Some(theirs.node));
                self.against(opaque(theirs.keyword), before, after);
            }
        }
        for mine in &inner.opaque {
            if !outer.opaque.iter().any(|theirs| theirs.keyword == mine.keyword) {
                let (before, after) = self.roles(Some(mine.node), None);
                self.with(opaque(mine.keyword), before, after);
            }
        }
    }

    fn is_same_opaque(&mut self, mine: (&Node, &Node), theirs: (&Node, &Node), keyword: &str) -> bool {
        match keyword {
            "not" => self.is_same(mine.1, theirs.1),
            "if" => ["if", "then", "else"].iter().all(|word| match (mine.0.get(word), theirs.0.get(word)) {
                (None, None) => true,
                (Some(mine), Some(theirs)) => self.is_same(mine, theirs),
                _ => false,
            }),
            _ => self.is_same(mine.0, theirs.0),
        }
    }
}

fn family(choice: Choice<'_>) -> &'static Family {
    if choice.one { &classes::ONE_OF } else { &classes::ANY_OF }
}

fn opaque(keyword: &str) -> &'static Family {
    match keyword {
        "not" => &classes::NOT,
        "if" => &classes::IF,
        "unevaluatedProperties" => &classes::UNEVALUATED_PROPERTIES,
        "unevaluatedItems" => &classes::UNEVALUATED_ITEMS,
        "$ref" => &classes::REFERENCE,
        _ => &classes::KEYWORD,
    }
}

/// The alternative that is meant by this one: of the same reference or title, or at the same place.
fn twin(part: &Node, place: usize, ours: &[Node], others: &[Node]) -> Option<usize> {
    let named = |word: &str| {
        let name = part.get(word).and_then(Node::text)?;
        others.iter().position(|other| other.get(word).and_then(Node::text) == Some(name))
    };
    let nameless = |node: &Node| node.get("$ref").is_none() && node.get("title").is_none();
    let by_place =
        || (ours.len() == others.len() && nameless(part) && others.get(place).is_some_and(nameless)).then_some(place);
    named("$ref").or_else(|| named("title")).or_else(by_place)
}

/// Whether no value fits both, as far as that is plain: of other kinds, other values, or told apart by a member.
fn is_disjoint(one: &Form<'_>, other: &Form<'_>) -> bool {
    if !one.kinds.meets(other.kinds) {
        return true;
    }
    if let (Some(mine), Some(theirs)) = (&one.values, &other.values) {
        let shared = |value| theirs.values.iter().any(|other| equal(value, other));
        if !mine.values.iter().any(shared) {
            return true;
        }
    }
    let objects = one.kinds.and(other.kinds).is_within(Kinds::OBJECT);
    objects
        && one
            .required
            .iter()
            .any(|(name, _)| other.required.iter().any(|(needed, _)| needed == name) && tells_apart(one, other, name))
}

/// Whether a member has a value of a list in the one and of another list in the other.
fn tells_apart(one: &Form<'_>, other: &Form<'_>, name: &str) -> bool {
    let values = |form: &Form<'_>| {
        let schema = form.members.iter().find_map(|members| members.properties?.get(name))?;
        let list = |list: &Node| list.items().iter().map(Node::to_value).collect::<Vec<_>>();
        schema.get("const").map(|value| vec![value.to_value()]).or_else(|| schema.get("enum").map(list))
    };
    match (values(one), values(other)) {
        (Some(mine), Some(theirs)) => !mine.iter().any(|value| theirs.iter().any(|other| equal(value, other))),
        _ => false,
    }
}

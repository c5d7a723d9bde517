//! What is within an attribute: the elements of a list, the members of a group; another resource, a quantity or an amount where that
//! is what they are.

use super::attribute::Reader;
use super::draft::{Currency, ShapeDraft, Unit};
use super::resource::Resource;
use super::schema::{self, Form, Member, Members, View};
use super::{measure, naming, pointer};

/// Groups within groups.
const DEEPEST: usize = 6;

impl<'d> Reader<'d> {
    pub(super) fn array(
        &mut self,
        words: &mut Vec<String>,
        view: &View<'d>,
        passed: &mut Vec<String>,
        own: Option<&Resource>,
    ) -> Option<ShapeDraft> {
        let at = pointer::join(&view.pointer, "items");
        let items = view.schema.get("items").map(|items| schema::view(self.document, items, &at));
        let element = match items {
            Some(Ok(element)) if element.form() != Form::Array => element,
            Some(Ok(_)) => {
                self.notes.left_out("a list of lists", at);
                return None;
            }
            Some(Err(unfit)) => {
                self.notes.left_out(unfit.why, unfit.pointer);
                return None;
            }
            None => {
                self.notes.left_out("a list of what is not said", view.pointer.clone());
                return None;
            }
        };
        let mut of_one = words.clone();
        let shape = self.shape(&mut of_one, &element, &at, passed, own)?;
        // Numbers with units have them in their name, which a list keeps.
        let shape = match shape {
            ShapeDraft::Quantity { unit: Unit::Fixed(_), .. } | ShapeDraft::Duration(Some(_)) => ShapeDraft::Decimal,
            ShapeDraft::Ref(object) => {
                *words = of_one;
                ShapeDraft::Ref(object)
            }
            other => other,
        };
        Some(ShapeDraft::List(Box::new(shape)))
    }

    /// An object within: another resource, a quantity, an amount, or a group.
    pub(super) fn group(&mut self, words: &[String], view: &View<'d>, passed: &mut Vec<String>) -> Option<ShapeDraft> {
        if let Some((object, true)) = self.by_pointer.get(view.place.as_str()).copied() {
            self.notes.changed(
                format!("`{object}` is referred to, where the contract holds all of it"),
                view.pointer.clone(),
            );
            return Some(ShapeDraft::Ref(object.to_owned()));
        }
        if passed.contains(&view.place) {
            self.notes.left_out("is within itself", view.pointer.clone());
            return None;
        }
        if passed.len() > DEEPEST {
            self.notes.left_out("is nested too deeply", view.pointer.clone());
            return None;
        }
        let Members { list: members, parts, .. } = schema::members(self.document, view);
        if let Some(shape) = self.measured(&members, words) {
            self.carried.extend(parts);
            self.keywords(view);
            return Some(shape);
        }
        passed.push(view.place.clone());
        let attributes = self.attributes(view, passed, None);
        passed.pop();
        if attributes.is_empty() {
            self.notes.left_out("a map without members that are said", view.pointer.clone());
            return None;
        }
        Some(ShapeDraft::Group(attributes))
    }

    /// `{value, unit}` and `{amount, currency}`.
    fn measured(&mut self, members: &[Member<'d>], words: &[String]) -> Option<ShapeDraft> {
        let [a, b] = members else { return None };
        let (a_words, b_words) = (naming::words(a.name), naming::words(b.name));
        let teller = match (measure::is_value(&a_words), measure::is_value(&b_words)) {
            (true, false) => (b, b_words),
            (false, true) => (a, a_words),
            _ => return None,
        };
        let (teller, teller_words) = teller;
        if measure::is_currency(&teller_words) {
            return Some(ShapeDraft::Money(Currency::Inside(teller.name.to_owned())));
        }
        if !measure::is_unit(&teller_words) {
            return None;
        }
        let view = schema::view(self.document, teller.schema, &teller.pointer).ok()?;
        let (member, set) = (teller.name.to_owned(), self.unit_set(&view));
        Some(ShapeDraft::Quantity { dimension: measure::dimension(words), unit: Unit::Inside { member, set } })
    }
}

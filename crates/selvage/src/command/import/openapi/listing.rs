//! Words that a contract lists: an enumeration of an attribute's own, or a code set where the list has a name, or is of units.

use selvage_model::finding::show;
use serde_json::Value;

use super::attribute::Reader;
use super::draft::{CodeDraft, CodeSetDraft, ShapeDraft};
use super::schema::View;
use super::{measure, naming, pointer};

impl Reader<'_> {
    /// Words: a code set where the contract gives the list a name, or else the words themselves.
    pub(super) fn listed(&mut self, listed: Vec<&Value>, view: &View<'_>, at: &str) -> Option<ShapeDraft> {
        let mut words: Vec<String> = Vec::new();
        for word in listed {
            match word.as_str().filter(|word| !word.trim().is_empty()) {
                Some(word) if !words.iter().any(|known| known == word) => words.push(word.to_owned()),
                Some(_) => {}
                None => self.notes.left_out("a word that is empty, or no text", pointer::join(&view.pointer, "enum")),
            }
        }
        if words.is_empty() {
            self.notes.left_out("a list of words without a word", at);
            return None;
        }
        let named = view.component.as_deref().filter(|_| words.len() > 1);
        let Some(set) = named.and_then(|name| naming::thing(&naming::words(name))) else {
            return Some(ShapeDraft::Enum(words));
        };
        if self.known_sets.contains(&set) {
            let text = format!("the fabric has a code set `{set}`: see that it has these words");
            self.notes.hint(text, view.pointer.clone());
        } else {
            let code = |word: String| CodeDraft { code: word, name: None, dimension: None };
            let known = self.code_sets.get(&set);
            if known.is_some_and(|known| !known.codes.iter().map(|code| &code.code).eq(&words)) {
                let text = format!("other words than those of the code set `{set}`: they stand with the attribute");
                self.notes.changed(text, view.pointer.clone());
                return Some(ShapeDraft::Enum(words));
            }
            let codes = words.into_iter().map(code).collect();
            self.code_sets.entry(set.clone()).or_insert(CodeSetDraft { name: set.clone(), codes, words: Vec::new() });
        }
        Some(ShapeDraft::Code(set))
    }

    /// The code set that the words of a unit go through: the fabric's, or one that is drafted of the words that are known.
    pub(super) fn unit_set(&mut self, view: &View<'_>) -> String {
        const SET: &str = "uom";
        let listed = view.words().unwrap_or_default();
        if self.known_sets.contains(SET) {
            let text =
                format!("the words for units go through the fabric's code set `{SET}`: add them under its `systems`");
            self.notes.hint(text, view.pointer.clone());
            return SET.to_owned();
        }
        let set = self.code_sets.entry(SET.to_owned()).or_insert_with(|| CodeSetDraft {
            name: SET.to_owned(),
            codes: Vec::new(),
            words: Vec::new(),
        });
        for word in listed.into_iter().filter_map(Value::as_str) {
            let Some(code) = measure::unit(word) else {
                let text = format!("the unit {}: say which UCUM code it is in the code set `{SET}`", show(word));
                self.notes.left_out(text, view.pointer.clone());
                continue;
            };
            if !set.words.iter().any(|(known, _)| known == word) {
                set.words.push((word.to_owned(), code.code.clone()));
            }
            if !set.codes.iter().any(|known| known.code == code.code) {
                set.codes.push(code);
            }
        }
        if set.codes.is_empty() {
            set.codes.extend(measure::unit("1"));
        }
        SET.to_owned()
    }
}

//! Code sets: the codes that messages hold, and what systems call them. Told of each interface whose object has an attribute of the set.

use selvage_model::fabric::Fabric;
use selvage_model::manifest::object::{CodeEntry, CodeSet, OnUnmatched};

use super::class::{backstop, classes};
use super::served::{Served, spread};
use super::two::{Spot, Two, pair};
use super::{Class, Difference};

classes! { CodeSet "code-set":
    REMOVED = "declaration" "removed" Both Breaking "What has codes of it has none.";
    ADDED = "declaration" "added" Both Safe "Nothing has codes of it yet.";
    CODE_REMOVED = "code" "removed" Request Breaking "Who sends it is refused.";
    CODE_ADDED = "code" "added" Response Breaking "Who reads it meets a code that he does not know.";
    CODE_RENAMED = "code" "renamed" Both Breaking "Who knows it by its old code does not know it.";
    NAME_CHANGED = "name" "changed" Both Safe "It is for people.";
    DIMENSION_CHANGED = "dimension" "changed" Both Breaking "The unit measures something else.";
    STANDARD_CHANGED = "standard" "changed" Both Unproven "The same codes may mean something else.";
    WORD_REMOVED = "word" "removed" Response Breaking "What a system calls so is no code any more.";
    WORD_ADDED = "word" "added" Response Safe "What was no code is one.";
    WORD_READ = "word" "translated" Response Unproven "What passed as it was is a code.";
    WORD_CHANGED = "word" "changed" Both Breaking "What a system calls so is another code.";
    UNMATCHED_CHANGED = "unmatched" "changed" Both Unproven "Words that are no code are treated in another way.";
}

backstop! { CodeSet "code-set" }

/// Every code set of the two.
pub(super) fn compare(before: &Fabric, after: &Fabric, served: &Served<'_>, found: &mut Vec<Difference>) {
    let spot = |it: &CodeSet| Spot::new(format!("code set {}", it.name), &it.place);
    let mut bare = Vec::new();
    let classes = (&REMOVED, &ADDED);
    pair(&mut bare, (&before.code_sets, &after.code_sets), classes, spot, |found, was, is, spot| {
        let first = found.len();
        one(found, Two::new(was, is, spot, |it| &mut it.place));
        let differences = found.split_off(first);
        let objects = served.objects_of(&was.name);
        if objects.iter().all(|(object, _)| served.of(object).is_empty()) {
            found.extend(differences);
            return;
        }
        for (object, attributes) in objects {
            let of_attributes = differences
                .iter()
                .cloned()
                .map(|difference| Difference { attributes: attributes.clone(), ..difference });
            if !served.of(&object).is_empty() {
                spread(found, of_attributes.collect(), served.of(&object));
            }
        }
    });
    found.append(&mut bare);
}

fn one(found: &mut Vec<Difference>, mut two: Two<CodeSet>) {
    two.changed(found, (&STANDARD_CHANGED, "standard"), |it| &mut it.standard);
    two.changed(found, (&UNMATCHED_CHANGED, "on unmatched"), |it| &mut it.on_unmatched);
    codes(found, &mut two);
    let part = two.part(|it| &mut it.systems);
    let passed = two.before.on_unmatched == OnUnmatched::Pass;
    let words = (&WORD_REMOVED, if passed { &WORD_READ } else { &WORD_ADDED }, &WORD_CHANGED);
    for (system, was) in &part.before {
        let is = part.after.iter().find(|(other, _)| other == system).map_or_else(Vec::new, |(_, words)| words.clone());
        let mut inner = Two { before: was.clone(), after: is, spot: part.spot.clone() };
        inner.map(found, words, &format!("{system}'s word"), |it| it);
    }
    for (system, is) in part.after.iter().filter(|(system, _)| !part.before.iter().any(|(other, _)| other == system)) {
        let mut inner = Two { before: Vec::new(), after: is.clone(), spot: part.spot.clone() };
        inner.map(found, words, &format!("{system}'s word"), |it| it);
    }
    two.rest(found, &OTHER);
}

fn codes(found: &mut Vec<Difference>, two: &mut Two<CodeSet>) {
    let part = two.part(|it| &mut it.codes);
    let named = |all: &[CodeEntry], one: &CodeEntry| all.iter().find(|other| other.code == one.code).cloned();
    let gone: Vec<&CodeEntry> = part.before.iter().filter(|was| named(&part.after, was).is_none()).collect();
    let mut come: Vec<&CodeEntry> = part.after.iter().filter(|is| named(&part.before, is).is_none()).collect();
    let tell = |class: &'static Class, was: Option<&CodeEntry>, is: Option<&CodeEntry>| {
        let code = |entry: Option<&CodeEntry>| entry.map(|entry| entry.code.value.clone());
        let shown = code(is).or(code(was)).unwrap_or_default();
        let mut difference = part.spot.difference(class, &format!("code {shown}"));
        if let Some(entry) = is.or(was) {
            difference.place = entry.code.place.clone();
        }
        difference.values(code(was), code(is))
    };
    for was in gone {
        // What has the same name for people, and a code that was not there, is the same.
        let heir = come.iter().position(|is| was.name.is_some() && is.name == was.name);
        match heir.map(|heir| come.remove(heir)) {
            Some(is) => found.push(tell(&CODE_RENAMED, Some(was), Some(is))),
            None => found.push(tell(&CODE_REMOVED, Some(was), None)),
        }
    }
    found.extend(come.into_iter().map(|is| tell(&CODE_ADDED, None, Some(is))));
    for was in &part.before {
        let Some(is) = named(&part.after, was) else { continue };
        let spot = Spot { what: format!("{}, code {}", part.spot.what, was.code), ..part.spot.clone() };
        let mut inner = Two { before: was.clone(), after: is, spot };
        inner.changed(found, (&NAME_CHANGED, "name"), |it| &mut it.name);
        inner.changed(found, (&DIMENSION_CHANGED, "dimension"), |it| &mut it.dimension);
        inner.rest(found, &OTHER);
    }
}

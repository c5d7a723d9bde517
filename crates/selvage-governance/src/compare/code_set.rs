//! Code sets: the codes that messages hold, and what systems call them. Told of each interface whose object has an attribute of the set.

use std::collections::BTreeSet;

use selvage_model::fabric::Fabric;
use selvage_model::manifest::object::{CodeEntry, CodeSet, OnUnmatched, WordPairs};
use selvage_model::name::SystemName;
use selvage_model::source::Spanned;

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
    WRITTEN_CHANGED = "written-word" "changed" Request Unproven "The system is told another of its words for the same code.";
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
    words(found, &mut two);
    two.rest(found, &OTHER);
}

/// What systems call the codes. One that has no words of its own speaks the set's codes.
fn words(found: &mut Vec<Difference>, two: &mut Two<CodeSet>) {
    let passed = two.before.on_unmatched == OnUnmatched::Pass;
    let classes = (&WORD_REMOVED, if passed { &WORD_READ } else { &WORD_ADDED }, &WORD_CHANGED);
    let own = |set: &CodeSet| -> WordPairs {
        set.codes.iter().map(|entry| (entry.code.clone(), entry.code.clone())).collect()
    };
    let (was_own, is_own) = (own(&two.before), own(&two.after));
    let part = two.part(|it| &mut it.systems);
    let of = |systems: &[(Spanned<SystemName>, WordPairs)], system: &SystemName| {
        systems.iter().find(|(other, _)| &other.value == system).map(|(_, words)| words.clone())
    };
    let systems: BTreeSet<&SystemName> =
        part.before.iter().chain(&part.after).map(|(system, _)| &system.value).collect();
    for system in systems {
        let before = of(&part.before, system).unwrap_or_else(|| was_own.clone());
        let after = of(&part.after, system).unwrap_or_else(|| is_own.clone());
        written(found, (&before, &after), system, &part.spot);
        let mut inner = Two { before, after, spot: part.spot.clone() };
        inner.map(found, classes, &format!("{system}'s word"), |it| it);
    }
}

/// A system is told the first of its words for a code. Where that is no word any more, it is told as gone.
fn written(found: &mut Vec<Difference>, (was, is): (&WordPairs, &WordPairs), system: &SystemName, spot: &Spot) {
    let first = |words: &WordPairs, code: &str| words.iter().find(|(_, own)| own.value == code).cloned();
    let codes: BTreeSet<&str> = was.iter().map(|(_, code)| code.value.as_str()).collect();
    for code in codes {
        let (Some((before, _)), Some((after, _))) = (first(was, code), first(is, code)) else { continue };
        let stays = is.iter().any(|(word, own)| word.value == before.value && own.value == code);
        if before.value != after.value && stays {
            let mut difference = spot.difference(&WRITTEN_CHANGED, &format!("{system}'s word for {code}"));
            difference.place = after.place.clone();
            found.push(difference.values(Some(before.value), Some(after.value)));
        }
    }
}

/// What is different in the codes that messages may hold between two states of a set. What systems call them is another matter, and so is
/// what they are called for people, and what becomes of a word that is refused either way.
pub(super) fn differences(was: &CodeSet, is: Option<&CodeSet>) -> Vec<Difference> {
    let Some(is) = is else {
        return vec![Spot::new(format!("code set {}", was.name), &was.place).difference(&REMOVED, "")];
    };
    let passes = |set: &CodeSet| set.on_unmatched == OnUnmatched::Pass;
    let mut found = Vec::new();
    let spot = Spot::new(format!("code set {}", is.name), &is.place);
    one(&mut found, Two::new(was, is, spot, |it| &mut it.place));
    let concerns = |one: &Difference| {
        let is_unmatched = one.class.code == UNMATCHED_CHANGED.code && passes(was) != passes(is);
        is_unmatched || [CODE_REMOVED.code, CODE_ADDED.code, CODE_RENAMED.code].contains(&one.class.code)
    };
    found.retain(concerns);
    found
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

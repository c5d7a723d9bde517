//! One rule of the fabric's own, checked by types before it judges anything.

use std::collections::BTreeSet;

use selvage_mapping::expression::{Comparison, Expression};
use selvage_model::finding::show;
use selvage_model::manifest::rule::{Rule, RuleCase};
use serde_json::Value;

use super::subject::{self, Member, Type, Variables};
use crate::nearest::suggest;

/// The variables of a rule with their members.
pub(crate) type Known = &'static [(&'static str, &'static [Member])];

/// A rule that can be applied.
pub(crate) struct Judge {
    expression: Expression,
    known: Known,
}

impl Judge {
    /// The rule; nothing where it cannot be read, which is told elsewhere, or why it cannot be applied.
    pub(super) fn new(rule: &Rule) -> Result<Self, Option<String>> {
        Self::over(&rule.when.value, subject::variables(rule.about))
    }

    /// An expression over these variables; nothing where it cannot be read, which is told elsewhere, or why it cannot be applied.
    pub(crate) fn over(text: &str, known: Known) -> Result<Self, Option<String>> {
        let expression = Expression::parse(text).map_err(|_| None)?;
        let judge = Self { expression, known };
        judge.names()?;
        judge.comparisons()?;
        judge.samples()?;
        Ok(judge)
    }

    fn members(&self, variable: &str) -> Option<&'static [Member]> {
        self.known.iter().find(|(name, _)| *name == variable).map(|(_, members)| *members)
    }

    fn names(&self) -> Result<(), String> {
        let known: Vec<&str> = self.known.iter().map(|(name, _)| *name).collect();
        for variable in self.expression.variables() {
            let Some(members) = self.members(&variable) else {
                let hint = suggest(&variable, &known, "see what it is `about`");
                return Err(format!("a rule about this has no {}; {hint}", show(&variable)));
            };
            let names: BTreeSet<&str> = members.iter().map(|(name, _)| *name).collect();
            let unknown = self.expression.members_of(&variable).into_iter().find(|name| !names.contains(name.as_str()));
            if let Some(unknown) = unknown {
                let hint = suggest(&unknown, &names, "its members are listed below");
                return Err(format!("`{variable}` has no {}; {hint}", show(&unknown)));
            }
        }
        Ok(())
    }

    /// Comparisons with a literal that never hold, or always.
    fn comparisons(&self) -> Result<(), String> {
        for Comparison { variable, member, with, among } in self.expression.comparisons() {
            let Some(members) = self.members(&variable) else { continue };
            let Some((_, kind)) = members.iter().find(|(name, _)| *name == member) else { continue };
            if let Some(why) = disagrees(*kind, &with, among) {
                return Err(format!("`{variable}.{member}` {why}"));
            }
        }
        Ok(())
    }

    /// Over something that says everything, and over something that says nothing that it need not.
    fn samples(&self) -> Result<(), String> {
        for says_all in [true, false] {
            let sample = |(name, members): &(&str, &[Member])| ((*name).to_owned(), subject::sample(members, says_all));
            let variables: Variables = self.known.iter().map(sample).collect();
            if let Err(why) = self.holds(&variables) {
                let when = if says_all { "" } else { " where something is not said, and null" };
                return Err(format!("the rule cannot be applied{when}: {why}"));
            }
        }
        Ok(())
    }

    /// Whether it looks at this variable.
    pub(crate) fn reads(&self, variable: &str) -> bool {
        self.expression.variables().contains(variable)
    }

    /// Whether it has something to say.
    pub(crate) fn holds(&self, variables: &Variables) -> Result<bool, String> {
        match self.expression.evaluate(variables)? {
            Value::Bool(holds) => Ok(holds),
            _ => Err("it is neither true nor false".to_owned()),
        }
    }

    /// Why a test of the rule does not hold. What a test does not say is null, or nothing.
    pub(super) fn wrong(&self, case: &RuleCase, bad: bool) -> Option<String> {
        let mut variables = Variables::new();
        for (variable, members) in self.known {
            let mut value = subject::sample(members, false);
            let said = case.said.get(*variable).and_then(Value::as_object);
            for (name, said) in said.into_iter().flatten() {
                match value.get_mut(name) {
                    Some(place) => *place = said.clone(),
                    None => return Some(format!("`{variable}` has no {}", show(name))),
                }
            }
            variables.insert((*variable).to_owned(), value);
        }
        let said = case.said.as_object().into_iter().flatten().map(|(name, _)| name);
        if let Some(unknown) = said.into_iter().find(|name| !variables.contains_key(name.as_str())) {
            return Some(format!("a rule about this has no {}", show(unknown)));
        }
        match self.holds(&variables) {
            Ok(holds) if holds == bad => None,
            Ok(true) => Some("it finds something in what is said to be good".to_owned()),
            Ok(false) => Some("it finds nothing in what is said to be bad".to_owned()),
            Err(why) => Some(why),
        }
    }
}

fn disagrees(kind: Type, with: &Value, among: bool) -> Option<String> {
    let is_list = kind == Type::Texts;
    match (kind, with) {
        (Type::Texts, Value::String(_)) if among => None,
        _ if among && !is_list => Some("is no list".to_owned()),
        (Type::Texts, _) => Some("is a list of texts".to_owned()),
        (Type::MaybeText | Type::MaybeWord(_) | Type::MaybeNumber, Value::Null) => None,
        (_, Value::Null) => Some("is never null".to_owned()),
        (Type::Text | Type::MaybeText, Value::String(_)) => None,
        (Type::Text | Type::MaybeText, _) => Some("is a text".to_owned()),
        (Type::Word(words) | Type::MaybeWord(words), Value::String(word)) => (!words.contains(&word.as_str()))
            .then(|| format!("is never {}; {}", show(word), suggest(word, words, "it is another word"))),
        (Type::Word(_) | Type::MaybeWord(_), _) => Some("is a word".to_owned()),
        (Type::Number | Type::MaybeNumber, Value::Number(_)) | (Type::Flag, Value::Bool(_)) => None,
        (Type::Number | Type::MaybeNumber, _) => Some("is a whole number".to_owned()),
        (Type::Flag, _) => Some("is true or false".to_owned()),
    }
}

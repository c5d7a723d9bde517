//! Which terms are narrower than others, and how terms are narrowed. What is narrower never opens anything that was closed.

use jiff::Timestamp;
use selvage_model::access::{EndAction, GrantTerms};
use selvage_model::name::AttributeName;
use serde_json::Value;

/// What is taken from a grant.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Narrowing {
    /// The operations that stay; all of them where not said.
    pub operations: Option<Vec<String>>,
    /// Attributes that are left out from now on, beside those that are already.
    pub except: Vec<AttributeName>,
    /// Rows: each attribute has one of these values from now on.
    pub rows: Vec<(AttributeName, Vec<Value>)>,
    /// An earlier end.
    pub until: Option<Timestamp>,
}

impl Narrowing {
    /// Whether it takes nothing.
    pub fn is_nothing(&self) -> bool {
        self == &Self::default()
    }

    /// The terms that are left.
    ///
    /// # Errors
    /// In words, where they would not be narrower.
    pub fn of(&self, terms: &GrantTerms) -> Result<GrantTerms, String> {
        let mut narrowed = terms.clone();
        if let Some(operations) = &self.operations {
            narrowed.operations.clone_from(operations);
        }
        narrowed.except.extend(self.except.iter().filter(|name| !terms.except.contains(name)).cloned());
        for (name, values) in &self.rows {
            match narrowed.rows.iter_mut().find(|(known, _)| known == name) {
                Some((_, known)) => known.clone_from(values),
                None => narrowed.rows.push((name.clone(), values.clone())),
            }
        }
        narrowed.until = self.until.or(terms.until);
        narrows(terms, &narrowed)?;
        if narrowed.operations.is_empty() {
            return Err("no operation is left: end the grant instead".to_owned());
        }
        if narrowed == *terms {
            return Err("nothing is taken: the grant has these terms already".to_owned());
        }
        Ok(narrowed)
    }
}

/// Whether the second terms open nothing that the first do not.
///
/// # Errors
/// What they would open, in words.
pub fn narrows(wide: &GrantTerms, narrow: &GrantTerms) -> Result<(), String> {
    if let Some(operation) = narrow.operations.iter().find(|operation| !wide.operations.contains(operation)) {
        return Err(format!("the grant does not have `{operation}`"));
    }
    if let Some(attribute) = wide.except.iter().find(|attribute| !narrow.except.contains(attribute)) {
        return Err(format!("`{attribute}` would be shown, which the grant leaves out"));
    }
    if let Some(class) = narrow.classes.iter().find(|class| !wide.classes.contains(class)) {
        return Err(format!("what is `{class}` would be shown, which the grant does not see"));
    }
    for (attribute, values) in &wide.rows {
        let kept = narrow.rows.iter().find(|(name, _)| name == attribute);
        let Some((_, kept)) = kept else { return Err(format!("rows would no longer be limited by `{attribute}`")) };
        if let Some(value) = kept.iter().find(|value| !values.contains(value)) {
            return Err(format!("rows with `{attribute}` {value} would be shown, which the grant leaves out"));
        }
    }
    let later = match (wide.until, narrow.until) {
        (Some(wide), Some(narrow)) => narrow > wide,
        (Some(_), None) => true,
        (None, _) => false,
    };
    if later {
        return Err("it would end later than the grant does".to_owned());
    }
    if wide.on_end != EndAction::Alarm && narrow.on_end == EndAction::Alarm {
        return Err("it would go on past its end, which the grant does not".to_owned());
    }
    if wide.when != narrow.when || wide.time_zone != narrow.time_zone {
        return Err("its condition would be another".to_owned());
    }
    Ok(())
}

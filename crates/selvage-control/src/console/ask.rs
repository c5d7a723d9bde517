//! The form that asks for access: what was typed, what it means, and what stands against it, at the field that it concerns. Everything
//! that is wrong is told at once, and nothing that was typed is lost.

use selvage_governance::access::Part;
use selvage_model::access::GrantTerms;
use selvage_model::finding::Severity;
use selvage_model::name::InterfaceRef;
use serde::Deserialize;

use super::refusal;
use crate::api::line;
use crate::desk::DeskError;
use crate::desk::lease::{Asking, gathered, row, until, whole};

/// What was typed.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Typed {
    pub(crate) consumer: String,
    pub(crate) operations: String,
    /// A line each: `site=ghent`.
    #[serde(rename = "where")]
    pub(crate) rows: String,
    pub(crate) except: String,
    pub(crate) classes: String,
    pub(crate) purpose: String,
    pub(crate) until: String,
}

/// Something that stands against it: at a part of it, or at the whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Objection {
    pub(crate) at: Option<Part>,
    pub(crate) says: String,
}

impl Typed {
    /// What is asked for, in somebody's name.
    pub(super) fn asking(&self, interface: InterfaceRef, by: &str) -> Result<Asking, Vec<Objection>> {
        let mut wrong = Objections(Vec::new());
        let consumer = self.consumer.trim();
        let consumer =
            wrong.unless(Part::Consumer, consumer.parse().map_err(|_| format!("`{consumer}` is no consumer.")));
        let operations: Vec<String> = listed(&self.operations).map(str::to_owned).collect();
        if operations.is_empty() {
            wrong.at(Part::Operations, "Say which operations.".to_owned());
        }
        let rows: Vec<_> = self
            .rows
            .lines()
            .map(str::trim)
            .filter(|line| !line.is_empty())
            .filter_map(|line| wrong.unless(Part::Rows, row(line)))
            .collect();
        let no_name = |word: &str, what: &str| format!("`{word}` is no {what}.");
        let except = listed(&self.except)
            .filter_map(|word| wrong.unless(Part::Except, word.parse().map_err(|_| no_name(word, "attribute"))))
            .collect();
        let classes = listed(&self.classes)
            .filter_map(|word| wrong.unless(Part::Classes, word.parse().map_err(|_| no_name(word, "class of data"))))
            .collect();
        let purpose = line(&self.purpose).ok_or("Say in a line of at most 200 characters what it is for.".to_owned());
        let purpose = wrong.unless(Part::Purpose, purpose);
        let end = wrong.unless(Part::Until, until(self.until.trim()).map_err(|why| format!("Say until when: {why}.")));
        match consumer {
            Some(consumer) if wrong.0.is_empty() => {
                let terms = whole(operations, purpose, end);
                let terms = GrantTerms { rows: gathered(&rows), except, classes, ..terms };
                Ok(Asking { consumer, interface, terms, by: by.to_owned() })
            }
            _ => Err(wrong.0),
        }
    }
}

/// Words between commas, spaces or lines.
pub(super) fn listed(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| c == ',' || c.is_whitespace()).filter(|word| !word.is_empty())
}

struct Objections(Vec<Objection>);

impl Objections {
    fn at(&mut self, part: Part, says: String) {
        self.0.push(Objection { at: Some(part), says });
    }

    fn unless<T>(&mut self, part: Part, read: Result<T, String>) -> Option<T> {
        read.map_err(|says| self.at(part, says)).ok()
    }
}

/// What the desk says against it, each where it belongs.
pub(super) fn objections(error: &DeskError) -> Vec<Objection> {
    match error {
        DeskError::Refused { findings, .. } if !findings.is_empty() => findings
            .iter()
            .filter(|finding| finding.severity == Severity::Error)
            .map(|finding| {
                let fix = finding.fix.as_deref().map_or_else(String::new, |fix| format!(": {fix}"));
                let says = format!("{}: {}{fix}", finding.code, finding.message);
                Objection { at: Part::at(&finding.place), says }
            })
            .collect(),
        error => vec![Objection { at: None, says: refusal(error).1 }],
    }
}

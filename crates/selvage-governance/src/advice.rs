//! Advice about each interface: direct or mediated, real-time or batch, from a copy or live, by webhook or by poll. A table says which
//! fact speaks for which answer and how much; the answer is what more speaks for, and what speaks against it is told as well.
//! Pure: never changes a manifest, and never stops one from running.

mod arrival;
mod pace;
mod path;
mod reads;
mod subject;
#[cfg(test)]
mod tests;
mod traffic;

use std::fmt;

use selvage_model::fabric::Fabric;
use selvage_model::manifest::interface::Lifecycle;
use selvage_model::name::InterfaceRef;

use subject::Subject;
pub use traffic::{Traffic, Use};

/// What is asked of an interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Question {
    /// Whether requests pass as they are, or an object is served.
    Path,
    /// Whether each thing is told when it happens, or many together later.
    Pace,
    /// Whether reads ask the system, or a copy of it.
    Reads,
    /// Whether changes are told, or asked for.
    Arrival,
}

impl Question {
    /// Every question, in the order of asking.
    pub const ALL: [Self; 4] = [Self::Path, Self::Pace, Self::Reads, Self::Arrival];

    /// Its word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Path => "path",
            Self::Pace => "pace",
            Self::Reads => "reads",
            Self::Arrival => "arrival",
        }
    }

    /// Its two answers; the second stands where nothing speaks for either and nothing is declared.
    pub fn answers(self) -> [Answer; 2] {
        match self {
            Self::Path => [Answer::Direct, Answer::Mediated],
            Self::Pace => [Answer::Batch, Answer::RealTime],
            Self::Reads => [Answer::Copy, Answer::Live],
            Self::Arrival => [Answer::Webhook, Answer::Poll],
        }
    }
}

/// What can be answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Answer {
    /// Requests pass to the system as they are.
    Direct,
    /// An object is served through its mapping.
    Mediated,
    /// Each thing when it happens.
    RealTime,
    /// Many together, later.
    Batch,
    /// Reads are answered from a copy.
    Copy,
    /// Reads ask the system.
    Live,
    /// Changes are told.
    Webhook,
    /// Changes are asked for.
    Poll,
}

impl Answer {
    /// Its word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Direct => "direct",
            Self::Mediated => "mediated",
            Self::RealTime => "real-time",
            Self::Batch => "batch",
            Self::Copy => "copy",
            Self::Live => "live",
            Self::Webhook => "webhook",
            Self::Poll => "poll",
        }
    }
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A fact that speaks for an answer: one row of the table.
pub struct Fact {
    /// Its name; it never changes.
    pub name: &'static str,
    /// To which question.
    pub question: Question,
    /// For which answer.
    pub speaks_for: Answer,
    /// How much: 1 a little, 3 clearly, 9 alone.
    pub weight: u32,
    /// When it holds, in one line.
    pub holds_when: &'static str,
    /// A sentence about this interface, where it holds.
    says: Says,
}

/// What a fact says of an interface.
type Says = fn(&Subject<'_>) -> Option<String>;

impl Fact {
    const fn of(
        name: &'static str,
        question: Question,
        speaks_for: Answer,
        weight: u32,
        holds_when: &'static str,
        says: Says,
    ) -> Self {
        Self { name, question, speaks_for, weight, holds_when, says }
    }
}

/// The tables, one for each question.
pub static FACTS: &[&[Fact]] = &[path::FACTS, pace::FACTS, reads::FACTS, arrival::FACTS];

/// A difference of so much is clear; below it either answer can be defended.
const CLEAR: u32 = 3;

/// A fact about an interface, as a sentence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reason {
    /// The fact.
    pub fact: &'static str,
    /// How much it speaks.
    pub weight: u32,
    /// What it says here.
    pub says: String,
}

/// An answer to a question about an interface.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Advice {
    /// The interface.
    pub interface: InterfaceRef,
    /// What was asked.
    pub question: Question,
    /// What more speaks for.
    pub answer: Answer,
    /// What is declared, where the manifest answers the question.
    pub declared: Option<Answer>,
    /// Why it is otherwise on purpose, as the manifest says.
    pub because: Option<String>,
    /// Whether clearly more speaks for the answer than against it.
    pub is_clear: bool,
    /// What speaks for the answer, most first.
    pub reasons: Vec<Reason>,
    /// What speaks against it, most first.
    pub against: Vec<Reason>,
}

impl Advice {
    /// Whether what is declared is clearly another answer, and nobody says why.
    pub fn is_ignored(&self) -> bool {
        let differs = self.declared.is_some_and(|declared| declared != self.answer);
        differs && self.is_clear && self.because.is_none()
    }
}

/// Advice about every interface that is or may be served; `traffic` is what was seen of them, where that is known.
pub fn advise(fabric: &Fabric, traffic: Option<&Traffic>) -> Vec<Advice> {
    let served = fabric
        .interfaces
        .iter()
        .filter(|(_, interface)| !matches!(interface.lifecycle, Lifecycle::Retired { .. } | Lifecycle::Blocked { .. }));
    let subjects = served.map(|(reference, interface)| Subject::new(fabric, reference, interface, traffic));
    subjects
        .flat_map(|subject| Question::ALL.into_iter().filter_map(move |question| weigh(&subject, question)))
        .collect()
}

/// Answers a question, where it is one of this interface.
fn weigh(subject: &Subject<'_>, question: Question) -> Option<Advice> {
    let declared = match subject.stands(question) {
        subject::Stands::NoQuestion => return None,
        subject::Stands::Open => None,
        subject::Stands::Declared(answer) => Some(answer),
    };
    let mut said: [Vec<Reason>; 2] = [Vec::new(), Vec::new()];
    let [first, second] = question.answers();
    for fact in FACTS.iter().flat_map(|facts| facts.iter()).filter(|fact| fact.question == question) {
        if let Some(says) = (fact.says)(subject) {
            let [for_first, for_second] = &mut said;
            let side = if fact.speaks_for == first { for_first } else { for_second };
            side.push(Reason { fact: fact.name, weight: fact.weight, says });
        }
    }
    let [mut for_first, mut for_second] = said;
    for_first.sort_by_key(|reason| std::cmp::Reverse(reason.weight));
    for_second.sort_by_key(|reason| std::cmp::Reverse(reason.weight));
    let (one, other) = (sum(&for_first), sum(&for_second));
    // Where as much speaks for one as for the other, what is declared stands.
    let is_first = one > other || (one == other && declared == Some(first));
    let (answer, reasons, against) =
        if is_first { (first, for_first, for_second) } else { (second, for_second, for_first) };
    Some(Advice {
        interface: subject.reference.clone(),
        question,
        answer,
        declared,
        because: subject.interface.because.clone(),
        is_clear: one.abs_diff(other) >= CLEAR,
        reasons,
        against,
    })
}

fn sum(reasons: &[Reason]) -> u32 {
    reasons.iter().map(|reason| reason.weight).sum()
}

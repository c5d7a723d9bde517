//! What comes next for a write, as a pure function of how far it is and what just happened.
//! It never sends, sleeps or writes; `drive` does what it says and tells it how that went.

use std::time::Duration;

/// How a write can be told from its own repetition in the target system.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Proof {
    /// It leaves a key there (an external id) and can be looked for.
    Key,
    /// It states a target, so that doing it again first reads what is there and changes only what is missing.
    Target,
    /// It cannot be told: what is in doubt is never sent again.
    AtRisk,
}

/// How far a write is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    /// Claimed. Nothing was sent, and nothing was meant to be sent yet.
    Claimed,
    /// Its effect is on record and is being sent.
    Sending,
    /// The system said yes; what it made is being read back.
    Committed,
    /// It may or may not have happened.
    Doubtful,
}

/// How far a write is, and how often what was tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Progress {
    /// How far.
    pub(crate) phase: Phase,
    /// How it is told from its repetition.
    pub(crate) proof: Proof,
    /// Tries that failed without effect since the phase began.
    pub(crate) tries: u32,
    /// Effects on record: each was sent at least once, or may have been.
    pub(crate) sends: u32,
    /// How often its outcome was looked up.
    pub(crate) probes: u32,
}

/// What just happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Event {
    /// It was claimed just now, or is executed from its record because nothing had been sent.
    Begun,
    /// Another node held it and went silent after it had put an effect on record.
    TakenOver,
    /// The time to look for its outcome has come.
    Due,
    /// Everything that must be known before sending is known.
    Prepared,
    /// The effect is on record.
    Recorded,
    /// The system said yes.
    Committed,
    /// What was done was read back and is as meant.
    Shown,
    /// Looked for and there.
    Found,
    /// Looked for, after the longest transaction, and not there.
    Absent,
    /// The system or a rule says no, and nothing was changed.
    Refused,
    /// Rolled back or not reached: nothing was changed, and the same may go well later.
    Nothing,
    /// The system cannot be used as configured (account, version); nothing was changed.
    Unusable,
    /// Nobody knows what became of the call.
    Unclear,
    /// What was read back is not what was meant, or cannot be understood.
    Differs,
}

/// What to do now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// After this pause: look up what must be known before sending.
    Prepare(Duration),
    /// Put the effect on record.
    Record,
    /// After this pause: send.
    Send(Duration),
    /// After this pause: read back what was done.
    ReadBack(Duration),
    /// Look whether it happened.
    Probe,
    /// Keep the answer: it is done.
    Finish,
    /// Keep the refusal: nothing was changed.
    Refuse,
    /// Nothing was changed: let the key go, so that it may be tried again.
    GiveBack,
    /// Let go of it and look again after this time, counted from the last send.
    LookAfterSend(Duration),
    /// Let go of it and look again after this time, counted from now.
    LookLater(Duration),
    /// A person decides.
    Stop,
}

/// How patient a write is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Patience {
    /// Tries of one step in a row before it is let go.
    pub(crate) tries: u32,
    /// Effects that may be put on record before a person decides.
    pub(crate) sends: u32,
    /// Lookups that may be refused before a person decides.
    pub(crate) probes: u32,
    /// The first pause between two tries; it doubles.
    pub(crate) pause: Duration,
    /// The longest pause between two lookups.
    pub(crate) longest_pause: Duration,
    /// The system's longest transaction with a margin: earlier than that an outcome is not looked for.
    pub(crate) longest_transaction: Duration,
}

impl Patience {
    /// For a system whose transactions may run this long.
    pub(crate) fn of(longest_transaction: Duration) -> Self {
        let margin = (longest_transaction / 20).clamp(Duration::from_millis(250), Duration::from_secs(5));
        Self {
            tries: 4,
            sends: 5,
            probes: 20,
            pause: Duration::from_millis(50),
            longest_pause: Duration::from_secs(30),
            longest_transaction: longest_transaction + margin,
        }
    }

    fn pause_after(&self, tries: u32) -> Duration {
        let doubled = self.pause.saturating_mul(2_u32.saturating_pow(tries.min(16)));
        doubled.min(self.longest_pause)
    }
}

/// What comes next.
///
/// INVARIANT: ONE-EFFECT: from `Sending` on, nothing leads back to a send except a system that surely did nothing,
/// or a lookup after its longest transaction that found nothing, or a verb that states a target.
pub(crate) fn next(progress: Progress, event: Event, patience: &Patience) -> (Progress, Step) {
    match progress.phase {
        Phase::Claimed => claimed(progress, event, patience),
        Phase::Sending => sending(progress, event, patience),
        Phase::Committed => committed(progress, event, patience),
        Phase::Doubtful => doubtful(progress, event, patience),
    }
}

fn claimed(progress: Progress, event: Event, patience: &Patience) -> (Progress, Step) {
    match event {
        Event::Begun | Event::Due => (progress, Step::Prepare(Duration::ZERO)),
        Event::Prepared => (progress, Step::Record),
        Event::Recorded => (in_phase(recorded(progress), Phase::Sending), Step::Send(Duration::ZERO)),
        Event::Refused => (progress, Step::Refuse),
        // Only reads were made so far: an unclear one changed nothing.
        Event::Nothing | Event::Unclear => again(progress, patience, Step::Prepare, Step::GiveBack),
        Event::Unusable => (progress, Step::GiveBack),
        Event::TakenOver => doubt(progress, Step::LookLater(patience.longest_transaction)),
        Event::Committed | Event::Shown | Event::Found | Event::Absent | Event::Differs => (progress, Step::Stop),
    }
}

fn sending(progress: Progress, event: Event, patience: &Patience) -> (Progress, Step) {
    match event {
        Event::Committed => (in_phase(progress, Phase::Committed), Step::ReadBack(Duration::ZERO)),
        // INVARIANT: ONE-EFFECT: a verb is several calls. What is refused now says nothing of what an earlier send did, whose
        // outcome nobody knows: that is no "nothing was done".
        Event::Refused if progress.proof == Proof::Target && progress.sends > 1 => (progress, Step::Stop),
        Event::Refused => (progress, Step::Refuse),
        Event::Nothing => match progress.proof {
            Proof::Key | Proof::AtRisk => again(progress, patience, Step::Send, Step::GiveBack),
            // A verb is several calls, and the ones before this may have been committed: it is carried through.
            Proof::Target => {
                let (progress, step) = again(progress, patience, Step::Send, Step::LookLater(patience.longest_pause));
                if matches!(step, Step::LookLater(_)) { doubt(progress, step) } else { (progress, step) }
            }
        },
        Event::Unusable => match progress.proof {
            Proof::Key | Proof::AtRisk => (progress, Step::GiveBack),
            Proof::Target => doubt(progress, Step::LookLater(patience.longest_pause)),
        },
        Event::Unclear => doubt(progress, Step::LookAfterSend(patience.longest_transaction)),
        Event::TakenOver => doubt(progress, Step::LookLater(patience.longest_transaction)),
        Event::Begun
        | Event::Due
        | Event::Prepared
        | Event::Recorded
        | Event::Shown
        | Event::Found
        | Event::Absent
        | Event::Differs => (progress, Step::Stop),
    }
}

fn committed(progress: Progress, event: Event, patience: &Patience) -> (Progress, Step) {
    match event {
        Event::Shown => (progress, Step::Finish),
        Event::Nothing | Event::Unclear | Event::Unusable => {
            let (progress, step) = again(progress, patience, Step::ReadBack, Step::LookLater(patience.longest_pause));
            match step {
                // Found so often and never shown: it will not be the next time either.
                Step::LookLater(_) if progress.probes > patience.probes => (progress, Step::Stop),
                Step::LookLater(_) => doubt(progress, step),
                _ => (progress, step),
            }
        }
        // Done, and not as meant or not to be understood: nothing is repaired without a person.
        _ => (progress, Step::Stop),
    }
}

fn doubtful(progress: Progress, event: Event, patience: &Patience) -> (Progress, Step) {
    match event {
        Event::Due => (probed(progress), Step::Probe),
        Event::Found => (in_phase(progress, Phase::Committed), Step::ReadBack(Duration::ZERO)),
        // INVARIANT: ONE-EFFECT: it may have happened, and nothing in the system can tell.
        Event::Absent if progress.proof == Proof::AtRisk => (progress, Step::Stop),
        Event::Absent => resend(progress, patience),
        Event::Recorded => (in_phase(recorded(progress), Phase::Sending), Step::Send(Duration::ZERO)),
        Event::Nothing | Event::Unclear | Event::Unusable => {
            (progress, Step::LookLater(patience.pause_after(progress.probes.saturating_add(4))))
        }
        Event::Refused if progress.probes < patience.probes => {
            (progress, Step::LookLater(patience.pause_after(progress.probes.saturating_add(4))))
        }
        Event::TakenOver => (progress, Step::LookLater(patience.longest_transaction)),
        Event::Refused | Event::Begun | Event::Prepared | Event::Committed | Event::Shown | Event::Differs => {
            (progress, Step::Stop)
        }
    }
}

fn resend(progress: Progress, patience: &Patience) -> (Progress, Step) {
    if progress.sends < patience.sends { (progress, Step::Record) } else { (progress, Step::Stop) }
}

fn again(progress: Progress, patience: &Patience, step: impl Fn(Duration) -> Step, at_last: Step) -> (Progress, Step) {
    let tries = progress.tries.saturating_add(1);
    if tries < patience.tries {
        (Progress { tries, ..progress }, step(patience.pause_after(progress.tries)))
    } else {
        (Progress { tries, ..progress }, at_last)
    }
}

fn in_phase(progress: Progress, phase: Phase) -> Progress {
    Progress { phase, tries: 0, ..progress }
}

fn doubt(progress: Progress, step: Step) -> (Progress, Step) {
    (in_phase(progress, Phase::Doubtful), step)
}

fn recorded(progress: Progress) -> Progress {
    Progress { sends: progress.sends.saturating_add(1), ..progress }
}

fn probed(progress: Progress) -> Progress {
    Progress { probes: progress.probes.saturating_add(1), ..progress }
}

#[cfg(test)]
mod tests;

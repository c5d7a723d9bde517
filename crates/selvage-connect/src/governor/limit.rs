//! How many calls a server bears at a time, learnt from how long it takes: one more while nobody has to wait there, fewer by
//! a part when calls queue up inside it or conflict. Pure; it never goes below one or above what is declared.
//!
//! With `n` calls under way and a call taking `r` times what it takes alone, `n (1 - 1/r)` of them wait inside the server
//! (Little's law, as TCP Vegas uses it). One is sought, so that the server is busy; more than two, or a third of all, are too
//! many; in between nothing moves, so that it comes to rest.

use std::time::Duration;

use super::baseline::Baselines;

/// Fewer measured calls than this are chance.
const FEWEST: usize = 16;
/// Below this many waiting calls, or this part of all, there is room for one more. Measurements are never exact, so where
/// the limit is large a part counts.
const ROOM: (f64, f64) = (0.5, 0.06);
/// Where less of the limit than this part was used, nothing is known of what it would bear.
const USED: f64 = 0.8;
/// So often in a row that has to be found.
const SURE: u32 = 2;
/// More waiting calls than this, and than this part of all, are too many.
const CROWD: (f64, f64) = (2.0, 0.3);
/// What conflicting transactions leave of the limit.
const AFTER_CONFLICT: f64 = 0.75;
/// What a server that does not answer or asks to slow down leaves of it.
const AFTER_OVERLOAD: f64 = 0.5;
/// How long the limit at which there was trouble is not tried again.
const WARY_FOR: Duration = Duration::from_secs(30);
/// How long, and for how many times what a call takes, a busy server is not measured at rest, before calls are let through
/// one by one for a moment to do so.
const PROBE_AFTER: (Duration, f64) = (Duration::from_secs(30), 100.0);
/// Calls that measure it at rest.
const PROBES: u32 = 3;

/// What a call that has ended says of the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sign {
    /// It answered in this time.
    Took(Duration),
    /// Transactions were in each other's way.
    Conflict,
    /// It gave no answer, or asks to slow down.
    Overload,
    /// Nothing about its load.
    Nothing,
}

/// A call that has ended.
pub(super) struct Ended<'a> {
    /// What was called, as `mrp.production.read`: calls of one kind are compared with each other.
    pub(super) kind: &'a str,
    /// How many were under way when it began, itself included.
    pub(super) under_way: usize,
    /// Whether no other was under way at any moment of it.
    pub(super) alone: bool,
    /// When it began.
    pub(super) begun: Duration,
    /// What it says.
    pub(super) sign: Sign,
}

/// The limit.
pub(super) struct Limit {
    most: usize,
    now: usize,
    baselines: Baselines,
    window: Window,
    /// How often in a row there was room.
    roomy: u32,
    /// The last change: how long a call took that began before it says nothing about the limit of now.
    changed: Duration,
    /// When it was last lowered: trouble of calls that began before is the same trouble.
    lowered: Duration,
    /// A limit at which there was trouble, and until when it is not tried again.
    wary: Option<(usize, Duration)>,
    rested: Duration,
    probes: u32,
}

/// What was measured since the limit was last judged.
#[derive(Default)]
struct Window {
    calls: usize,
    under_way: usize,
    /// Seconds that its calls took, and that they would have taken alone.
    took: f64,
    alone: f64,
    wanted: bool,
}

impl Limit {
    /// As declared, until something else is learnt.
    pub(super) fn new(most: usize) -> Self {
        let most = most.max(1);
        Self {
            most,
            now: most,
            baselines: Baselines::default(),
            window: Window::default(),
            roomy: 0,
            changed: Duration::ZERO,
            lowered: Duration::ZERO,
            wary: None,
            rested: Duration::ZERO,
            probes: 0,
        }
    }

    /// Another declaration. What was learnt stays, as far as it lies below; a higher one is grown into.
    pub(super) fn declare(&mut self, most: usize) {
        let untouched = self.now == self.most;
        self.most = most.max(1);
        self.now = if untouched { self.most } else { self.now.min(self.most) };
    }

    /// The limit.
    pub(super) fn now(&self) -> usize {
        self.now
    }

    /// What is let through at this moment: less than the limit while the server is measured at rest.
    pub(super) fn allowed(&self) -> usize {
        if self.probes > 0 { 1 } else { self.now }
    }

    /// A call had to wait because of the limit.
    pub(super) fn wanted(&mut self) {
        self.window.wanted = true;
    }

    /// Learns from a call that has ended.
    pub(super) fn ended(&mut self, ended: &Ended<'_>, now: Duration) {
        match ended.sign {
            Sign::Nothing => {}
            Sign::Conflict => self.trouble(ended, AFTER_CONFLICT, now),
            Sign::Overload => self.trouble(ended, AFTER_OVERLOAD, now),
            Sign::Took(took) => self.took(ended, took, now),
        }
    }

    fn trouble(&mut self, ended: &Ended<'_>, leaves: f64, now: Duration) {
        if ended.begun >= self.lowered {
            self.lower((self.now as f64 * leaves) as usize, now);
        }
    }

    fn took(&mut self, ended: &Ended<'_>, took: Duration, now: Duration) {
        if ended.alone {
            self.rested = now;
            self.probes = self.probes.saturating_sub(1);
        }
        let (took, alone) = self.baselines.compare(ended.kind, took, ended.alone);
        if ended.begun < self.changed {
            return;
        }
        self.window.calls += 1;
        self.window.under_way += ended.under_way;
        self.window.took += took;
        self.window.alone += alone;
        if self.window.calls >= FEWEST.max(2 * self.now) {
            self.judge(now);
        }
    }

    fn judge(&mut self, now: Duration) {
        let window = std::mem::take(&mut self.window);
        let calls = window.calls.max(1) as f64;
        let under_way = window.under_way as f64 / calls;
        let ratio = (window.took / window.alone).max(1.0);
        let waiting = under_way * (1.0 - 1.0 / ratio);
        let used = window.wanted && under_way >= USED * self.now as f64;
        let roomy = used && waiting < ROOM.0.max(ROOM.1 * under_way);
        self.roomy = if roomy { self.roomy + 1 } else { 0 };
        if waiting > CROWD.0.max(CROWD.1 * under_way) {
            // What the server has under way without a queue, and one more to keep it busy.
            self.lower((under_way / ratio).ceil() as usize + 1, now);
        } else if self.roomy >= SURE && self.now < self.ceiling(now) {
            self.roomy = 0;
            self.now += 1;
            self.changed = now;
        }
        let probe_after = PROBE_AFTER.0.max(Duration::from_secs_f64(window.took / calls * PROBE_AFTER.1));
        if window.wanted && self.now > 1 && now.saturating_sub(self.rested) >= probe_after {
            self.rested = now;
            self.probes = PROBES;
        }
    }

    /// To this, but by no more than half at once, and by at least one.
    fn lower(&mut self, to: usize, now: Duration) {
        self.wary = Some((self.now, now + WARY_FOR));
        self.now = to.max(self.now / 2).min(self.now.saturating_sub(1)).max(1);
        self.changed = now;
        self.lowered = now;
        self.window = Window::default();
        self.roomy = 0;
    }

    fn ceiling(&self, now: Duration) -> usize {
        match self.wary {
            Some((limit, until)) if now < until => limit.saturating_sub(1).min(self.most),
            _ => self.most,
        }
    }
}

#[cfg(test)]
mod tests;

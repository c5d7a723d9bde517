//! Why something was not taken, with its code, and whether that passes by itself: what is told to whoever activated it. Never the value
//! of a secret. INVARIANT: SECRET-FREE

use std::collections::BTreeMap;
use std::fmt;
use std::time::{Duration, Instant};

use selvage_model::code::{self, Code};
use selvage_model::name::DomainName;
use selvage_store::{RefusedReleases, StoreError, releases_digest};

/// How long until the next attempt, doubled with each.
const FIRST: Duration = Duration::from_secs(1);
/// The longest where it passes by itself.
const MOST_PASSING: Duration = Duration::from_secs(5);
/// The longest where somebody has to do something.
const MOST: Duration = Duration::from_secs(60);

/// An error that an operator sees, whose text may begin otherwise than with its code.
#[derive(Debug)]
pub(crate) struct Coded {
    code: Code,
    text: String,
    /// It was looked at, and the answer is no.
    is_refusal: bool,
}

impl Coded {
    /// As an error.
    pub(crate) fn error(code: Code, text: String) -> anyhow::Error {
        anyhow::Error::new(Self { code, text, is_refusal: false })
    }

    /// As an error of which nothing broke: the answer is no.
    pub(crate) fn refused(code: Code, text: String) -> anyhow::Error {
        anyhow::Error::new(Self { code, text, is_refusal: true })
    }

    /// Whether the answer is no, and nothing broke.
    pub(crate) fn is_refusal(&self) -> bool {
        self.is_refusal
    }
}

impl fmt::Display for Coded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl std::error::Error for Coded {}

/// What is active in the store and was not taken.
#[derive(Clone, Debug)]
pub(crate) struct Refusal {
    /// The releases.
    parts: BTreeMap<DomainName, String>,
    code: Code,
    because: String,
    passes: bool,
    attempts: u32,
    /// When it is tried again.
    pub(super) again: Instant,
}

impl Refusal {
    /// Of these releases, after the one before.
    pub(super) fn new(
        parts: BTreeMap<DomainName, String>,
        error: &anyhow::Error,
        before: Option<&Self>,
        now: Instant,
    ) -> Self {
        let attempts = before.filter(|before| before.parts == parts).map_or(0, |before| before.attempts);
        let store = error.chain().find_map(|error| error.downcast_ref::<StoreError>());
        let coded = error.chain().find_map(|error| error.downcast_ref::<Coded>());
        let code = store.map(StoreError::code).or_else(|| coded.map(|coded| coded.code));
        let passes = store.is_some_and(StoreError::is_transient);
        let most = if passes { MOST_PASSING } else { MOST };
        let pause = FIRST.saturating_mul(2_u32.saturating_pow(attempts)).min(most);
        Self {
            parts,
            code: code.unwrap_or(code::RELEASE_NOT_TAKEN),
            because: format!("{error:#}"),
            passes,
            attempts: attempts.saturating_add(1),
            again: now + pause,
        }
    }

    /// Whether it is about these.
    pub(super) fn is_of(&self, parts: &BTreeMap<DomainName, String>) -> bool {
        &self.parts == parts
    }

    /// Whether it says the same as another: it is told once.
    pub(super) fn repeats(&self, other: Option<&Self>) -> bool {
        other.is_some_and(|other| other.parts == self.parts && other.because == self.because)
    }

    /// From now on, as if it had not been tried.
    pub(super) fn anew(&mut self, now: Instant) {
        (self.attempts, self.again) = (0, now);
    }

    /// In words.
    pub(super) fn because(&self) -> &str {
        &self.because
    }

    /// As others are told.
    pub(super) fn told(&self) -> RefusedReleases {
        RefusedReleases {
            releases: releases_digest(&self.parts),
            code: self.code.to_string(),
            because: self.because.clone(),
            passes: self.passes,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(release: &str) -> BTreeMap<DomainName, String> {
        [("group".parse().unwrap(), release.to_owned())].into()
    }

    #[test]
    fn what_is_refused_is_tried_again_later_and_later() {
        let now = Instant::now();
        let slow = || {
            let reason = "no answer in time".to_owned();
            anyhow::Error::from(StoreError::Unavailable { reason, source: None }).context("the releases")
        };
        let unfit = || Coded::error(code::SECRET_ABSENT, "the secret `a` is not there".to_owned());
        // What it is, whether it passes, and seconds until it is tried: the first time, and after many.
        type Case = (fn() -> anyhow::Error, Code, bool, u64, u64);
        let table: [Case; 3] = [
            (slow, code::STORE_UNAVAILABLE, true, 1, 5),
            (unfit, code::SECRET_ABSENT, false, 1, 60),
            (|| anyhow::anyhow!("something"), code::RELEASE_NOT_TAKEN, false, 1, 60),
        ];
        for (error, code, passes, first, last) in table {
            let mut refusal = Refusal::new(parts("rel_1"), &error(), None, now);
            assert_eq!((refusal.code, refusal.passes), (code, passes));
            assert_eq!(refusal.again - now, Duration::from_secs(first));
            for _ in 0..40 {
                let next = Refusal::new(parts("rel_1"), &error(), Some(&refusal), now);
                assert!(next.repeats(Some(&refusal)) && next.again >= refusal.again, "{refusal:?} {next:?}");
                refusal = next;
            }
            assert_eq!(refusal.again - now, Duration::from_secs(last));
            let other = Refusal::new(parts("rel_2"), &error(), Some(&refusal), now);
            assert_eq!(other.again - now, Duration::from_secs(first), "another release is another matter");
            assert!(!other.repeats(Some(&refusal)));
            refusal.anew(now);
            assert!(refusal.again <= now);
        }
    }
}

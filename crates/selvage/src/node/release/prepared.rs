//! Releases that are ready before they are active: read beside what runs, so that activating one, or going back, is a matter of
//! compiling and swapping. Only the likeliest are kept; what is not ready is read when it is active, beside the access feed.

use std::collections::{BTreeSet, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use selvage_control::desk::Releases;
use selvage_model::name::{DomainName, EnvironmentName};
use selvage_store::{DomainActivation, StoreError};
use tokio::task::spawn_blocking;

use super::source::together;
use super::{Follower, Release, ReleaseSource, compile};

/// How often it is looked for a release that may be activated.
const LOOK_EVERY: Duration = Duration::from_secs(2);
/// How many are made ready beside what is active.
const MOST: usize = 6;

/// Releases that are ready.
#[derive(Default)]
pub(crate) struct Prepared {
    ready: Mutex<VecDeque<Arc<Release>>>,
    /// What could not be made ready: it is told when it is activated.
    unfit: Mutex<Vec<Releases>>,
}

impl Prepared {
    /// These releases, where they are ready.
    pub(super) fn get(&self, parts: &Releases) -> Option<Arc<Release>> {
        let ready = self.ready.lock().unwrap_or_else(PoisonError::into_inner);
        ready.iter().find(|release| &release.parts == parts).cloned()
    }

    /// Keeps one ready, and lets the oldest go.
    pub(super) fn keep(&self, release: Arc<Release>) {
        let mut ready = self.ready.lock().unwrap_or_else(PoisonError::into_inner);
        ready.retain(|known| known.parts != release.parts);
        ready.push_back(release);
        // What is active may be among them, while it is not taken.
        while ready.len() > MOST + 1 {
            ready.pop_front();
        }
    }

    /// Lets go what is none of these.
    fn keep_only(&self, is_likely: impl Fn(&Releases) -> bool) {
        self.ready.lock().unwrap_or_else(PoisonError::into_inner).retain(|release| is_likely(&release.parts));
        self.unfit.lock().unwrap_or_else(PoisonError::into_inner).retain(is_likely);
    }

    fn is_known(&self, parts: &Releases) -> bool {
        self.unfit.lock().unwrap_or_else(PoisonError::into_inner).contains(parts) || self.get(parts).is_some()
    }

    fn give_up(&self, parts: Releases) {
        self.unfit.lock().unwrap_or_else(PoisonError::into_inner).push(parts);
    }
}

/// Makes ready what may be active next, for as long as the node runs.
pub(crate) async fn follow(follower: Arc<Follower>) {
    let ReleaseSource::Store { trusted } = &follower.source else { return };
    let mut looks = tokio::time::interval(LOOK_EVERY);
    looks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut known = History::default();
    loop {
        looks.tick().await;
        let (active, next) = match follower.next(&mut known).await {
            Ok(next) => next,
            Err(error) => {
                tracing::debug!("what was released cannot be read: {error}");
                continue;
            }
        };
        follower.prepared.keep_only(|parts| parts == &active || next.contains(parts));
        let Some(next) = next.into_iter().find(|parts| !follower.prepared.is_known(parts)) else { continue };
        match together(&follower.store, &follower.environment, next.clone(), trusted.as_deref()).await {
            Ok(release) => {
                let release = Arc::new(release);
                follower.grant_beforehand(&release).await;
                follower.prepared.keep(release);
            }
            Err(error) => {
                tracing::debug!("a release cannot be made ready here: {error:#}");
                let passes = error.chain().any(|it| it.downcast_ref().is_some_and(StoreError::is_transient));
                if !passes {
                    follower.prepared.give_up(next);
                }
            }
        }
    }
}

/// What was activated, as of a revision of the access state, which each activation raises.
#[derive(Default)]
struct History {
    revision: Option<u64>,
    activations: Vec<DomainActivation>,
}

impl Follower {
    /// Compiles the grants of now for a release that is not active, so that only those that change have to be then.
    async fn grant_beforehand(&self, release: &Arc<Release>) {
        let (release, seen, environment) = (Arc::clone(release), self.current.active(), self.environment.clone());
        let compiled =
            spawn_blocking(move || compile(&release, &seen.access, &seen.keys, &environment).map(drop)).await;
        // What does not compile is told when the release is taken.
        if !matches!(compiled, Ok(Ok(()))) {
            tracing::debug!("the grants of a release could not be compiled beforehand");
        }
    }

    /// What is active, and what may be next.
    async fn next(&self, known: &mut History) -> Result<(Releases, Vec<Releases>), StoreError> {
        let revision = Some(self.current.active().access.revision);
        if known.revision != revision {
            *known = History { revision, activations: self.store.activations().await? };
        }
        let domains: BTreeSet<&DomainName> = known.activations.iter().map(|it| &it.domain).collect();
        let mut heads = Releases::new();
        for domain in domains {
            heads.extend(self.store.head(domain).await?.map(|head| (domain.clone(), head)));
        }
        let active = active_in(&self.environment, &known.activations);
        let next = likely(&self.environment, &known.activations, &heads);
        Ok((active, next))
    }
}

/// The newest of each domain.
fn active_in(environment: &EnvironmentName, history: &[DomainActivation]) -> Releases {
    let mut active = Releases::new();
    for it in history.iter().filter(|it| &it.environment == environment) {
        active.entry(it.domain.clone()).or_insert_with(|| it.release.clone());
    }
    active
}

/// What may be active next in an environment, the likeliest first, by what was activated (the newest first) and released last: in turn a
/// domain's last release and what a domain goes back to; then what other environments run, then whatever else was active here.
fn likely(environment: &EnvironmentName, history: &[DomainActivation], heads: &Releases) -> Vec<Releases> {
    let active = active_in(environment, history);
    let is_here = |it: &&DomainActivation| &it.environment == environment;
    let mut before: Vec<(&DomainName, &String)> = Vec::new();
    let mut older = Vec::new();
    for it in history.iter().filter(is_here).filter(|it| active.get(&it.domain) != Some(&it.release)) {
        let is_first = before.iter().all(|(domain, _)| *domain != &it.domain);
        let list = if is_first { &mut before } else { &mut older };
        list.push((&it.domain, &it.release));
    }
    let elsewhere = history.iter().filter(|it| &it.environment != environment).map(|it| (&it.domain, &it.release));
    let mut heads = heads.iter().filter(|(domain, head)| active.get(*domain) != Some(*head));
    let mut going_back = before.into_iter();
    let mut changes: Vec<(&DomainName, &String)> = Vec::new();
    loop {
        let (head, back) = (heads.next(), going_back.next());
        if head.is_none() && back.is_none() {
            break;
        }
        changes.extend(head.into_iter().chain(back));
    }
    let mut likely: Vec<Releases> = Vec::new();
    for (domain, release) in changes.into_iter().chain(elsewhere).chain(older) {
        let mut parts = active.clone();
        parts.insert(domain.clone(), release.clone());
        if !active.is_empty() && parts != active && !likely.contains(&parts) {
            likely.push(parts);
        }
        if likely.len() == MOST {
            break;
        }
    }
    likely
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;

    /// `environment domain release`, the newest first.
    fn history(lines: &str) -> Vec<DomainActivation> {
        let line = |line: &str| {
            let mut words = line.split_whitespace().map(str::to_owned);
            let mut word = || words.next().unwrap();
            DomainActivation {
                environment: word().parse().unwrap(),
                domain: word().parse().unwrap(),
                release: word(),
                since: Timestamp::UNIX_EPOCH,
                by: "p.moreau".to_owned(),
                because: "it is time".to_owned(),
                is_rollback: false,
                ordinal: 1,
            }
        };
        lines.lines().map(line).collect()
    }

    #[test]
    fn what_is_likely_to_be_active_next_is_made_ready_first() {
        let prod: EnvironmentName = "prod".parse().unwrap();
        // What was activated, the last releases, and what is likely: what differs from what is active in prod.
        let table: [(&str, &[&str], &[&str]); 6] = [
            ("", &["a 1"], &[]),
            ("prod a 1", &["a 1"], &[]),
            // Released and nowhere yet; what is tried elsewhere comes behind it.
            ("test a 2\ntest a 1\nprod a 1", &["a 3"], &["a 3", "a 2"]),
            // A domain that is new here.
            ("test b 1\nprod a 1", &["a 1", "b 1"], &["b 1"]),
            // Going back, and further back.
            ("prod a 3\nprod a 2\nprod b 2\nprod a 1\nprod b 1", &["a 3", "b 2"], &["a 2", "b 1", "a 1"]),
            // Releases of many domains leave room for going back.
            (
                "prod a 2\nprod b 1\nprod c 1\nprod d 1\nprod e 1\nprod f 1\nprod g 1\nprod a 1",
                &["a 2", "b 2", "c 2", "d 2", "e 2", "f 2", "g 2"],
                &["b 2", "a 1", "c 2", "d 2", "e 2", "f 2"],
            ),
        ];
        for (activated, heads, wanted) in table {
            let history = history(activated);
            let pair = |text: &&str| {
                let (domain, release) = text.split_once(' ').unwrap();
                (domain.parse().unwrap(), release.to_owned())
            };
            let heads: Releases = heads.iter().map(pair).collect();
            let active = active_in(&prod, &history);
            let found: Vec<String> = likely(&prod, &history, &heads)
                .iter()
                .map(|parts| {
                    let other: Vec<String> = parts
                        .iter()
                        .filter(|(domain, release)| active.get(*domain) != Some(*release))
                        .map(|(domain, release)| format!("{domain} {release}"))
                        .collect();
                    other.join(" ")
                })
                .collect();
            assert_eq!(found, wanted, "{activated}");
        }
    }
}

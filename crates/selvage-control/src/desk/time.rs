//! What time alone does to what was released: a waiver ends, a grant, a sunset comes. Whose files it is in has to mend it with what they
//! propose next; it stops nobody else, and no going back. INVARIANT: FAIL-SAFE

use jiff::Timestamp;
use selvage_model::domain::domain_of;
use selvage_model::finding::{Finding, Severity};
use selvage_model::name::DomainName;

use super::{Desk, Files, Looked, day};

/// Files that are to run.
pub(super) struct Together<'a> {
    /// All of them.
    pub(super) files: &'a Files,
    /// Whose are new, where some are: every error in them counts.
    pub(super) new: Option<&'a DomainName>,
    /// Since when the oldest of the others is released.
    pub(super) since: Option<Timestamp>,
}

impl Desk {
    /// Looks at files as of now: what they say, and what stands in their way.
    pub(super) fn look_at(&self, together: &Together<'_>, now: Timestamp) -> (Looked, Vec<Finding>) {
        let looked = self.look.look(together.files, day(now));
        let mut errors = errors_of(&looked);
        let counts = |error: &Finding| together.new.is_some_and(|new| &domain_of(&error.place.file) == new);
        if let (Some(since), false) = (together.since, errors.iter().all(counts)) {
            let then = errors_of(&self.look.look(together.files, day(since)));
            let stood = |error: &Finding| then.iter().any(|it| it.code == error.code && it.place == error.place);
            errors.retain(|error| counts(error) || stood(error));
        }
        (looked, errors)
    }
}

fn errors_of(looked: &Looked) -> Vec<Finding> {
    looked.findings.iter().filter(|finding| finding.severity == Severity::Error).cloned().collect()
}

#[cfg(test)]
mod tests {
    use futures_util::future::BoxFuture;
    use jiff::civil::{Date, date};
    use selvage_model::code;
    use selvage_model::fabric::Fabric;
    use selvage_model::name::{DomainName, EnvironmentName};
    use selvage_model::source::Place;
    use selvage_store::Store;

    use super::*;
    use crate::desk::{Look, Tried};

    /// Finds an ended waiver in each file from a day on, and something wrong in `wrong.yaml` at all times.
    struct Ending(Date);

    impl Look for Ending {
        fn read(&self, _files: &Files) -> Fabric {
            Fabric::default()
        }

        fn look(&self, files: &Files, today: Date) -> Looked {
            let wrong = |path: &String| today >= self.0 || path == "wrong.yaml";
            let findings = files
                .keys()
                .filter(|path| wrong(path))
                .map(|path| Finding::error(code::WAIVER_OVER, &Place::start(path), "it ended"));
            Looked { fabric: Fabric::default(), findings: findings.collect(), files: files.clone() }
        }

        fn trial(&self, _looked: &Looked, _environment: &EnvironmentName) -> Vec<Finding> {
            Vec::new()
        }

        fn tests(&self, _looked: &Looked, _domain: &DomainName) -> Tried {
            Tried::default()
        }

        fn faults<'a>(
            &'a self,
            _looked: &'a Looked,
            _place: (&'a EnvironmentName, &'a DomainName),
        ) -> BoxFuture<'a, Tried> {
            Box::pin(async { Tried::default() })
        }
    }

    #[tokio::test]
    async fn what_time_did_to_others_stops_nobody() {
        let directory = tempfile::tempdir().unwrap();
        let store = Store::open(&format!("sqlite:{}", directory.path().join("selvage.db").display())).await.unwrap();
        let desk = Desk::new(store, std::sync::Arc::new(Ending(date(2026, 11, 20))));
        let (now, then) = ("2026-11-27T00:00:00Z".parse().unwrap(), "2026-11-01T00:00:00Z".parse().unwrap());
        let ghent: DomainName = "ghent".parse().unwrap();
        let (theirs, own) = ("domains/brno/a.yaml", "domains/ghent/a.yaml");
        for (files, new, since, expected) in [
            // Another domain's waiver ended: it is theirs to mend.
            (vec![theirs, own], Some(&ghent), Some(then), vec![own]),
            (vec![theirs], Some(&ghent), Some(then), vec![]),
            // Going back stops at nothing that only time did.
            (vec![theirs, own], None, Some(then), vec![]),
            // What is wrong at all times is wrong.
            (vec!["wrong.yaml", own], None, Some(then), vec!["wrong.yaml"]),
            // Where nothing was released yet, nothing excuses it.
            (vec![theirs], Some(&ghent), None, vec![theirs]),
        ] {
            let files: Files = files.into_iter().map(|path| (path.to_owned(), String::new())).collect();
            let (_, errors) = desk.look_at(&Together { files: &files, new, since }, now);
            let places: Vec<&str> = errors.iter().map(|error| &*error.place.file).collect();
            assert_eq!(places, expected, "{files:?}");
        }
    }
}

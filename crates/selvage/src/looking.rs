//! How the desk of changes looks at files: as the check does, and as the gateway compiles them.

mod answers;
mod faults;

use futures_util::future::BoxFuture;
use jiff::civil::Date;
use selvage_control::desk::{Files, Look, Looked, Tried};
use selvage_mapping::trial;
use selvage_model::fabric::Fabric;
use selvage_model::finding::Finding;
use selvage_model::name::{DomainName, EnvironmentName};

use answers::Answers;

use crate::directory;
use crate::node::release;

/// Generated records for each law when a gate tries mappings, and what they are generated from.
const CASES: u32 = 100;
const SEED: u64 = 1;

/// Looks as this binary does.
pub(crate) struct Looking;

impl Look for Looking {
    fn read(&self, files: &Files) -> Fabric {
        directory::read_files(files)
    }

    fn look(&self, files: &Files, today: Date) -> Looked {
        let checked = directory::check_files_at(files, today);
        let files = directory::declaring(&checked.fabric, checked.texts);
        Looked { fabric: checked.fabric, findings: checked.findings, files }
    }

    fn trial(&self, looked: &Looked, environment: &EnvironmentName) -> Vec<Finding> {
        release::trial_of(&looked.fabric, "rel_trial", environment)
    }

    fn tests(&self, looked: &Looked, domain: &DomainName) -> Tried {
        let mut tried = Tried::default();
        let answers = Answers { fabric: &looked.fabric, domain };
        for mapping in looked.fabric.mappings.values() {
            let mut failed = Vec::new();
            let trial = trial::run(mapping, &looked.fabric, CASES, SEED);
            let findings = trial.findings.iter().map(|finding| format!("{} {}", finding.place, finding.message));
            failed.extend(findings);
            let examples = trial.examples.iter().filter(|example| !example.failures.is_empty());
            failed.extend(examples.map(|example| format!("{}: example at {}", mapping.name, example.place)));
            let laws = trial.laws.iter().filter(|law| law.broken.is_some());
            failed.extend(laws.map(|_| format!("{}: a law of mappings is broken", mapping.name)));
            failed.into_iter().for_each(|says| tried.fail(answers.for_mapping(mapping), says));
        }
        tried
    }

    fn faults<'a>(
        &'a self,
        looked: &'a Looked,
        (environment, domain): (&'a EnvironmentName, &'a DomainName),
    ) -> BoxFuture<'a, Tried> {
        Box::pin(faults::run(looked.fabric.clone(), environment.clone(), domain.clone()))
    }
}

#[cfg(test)]
mod tests;

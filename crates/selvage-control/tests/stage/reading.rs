//! How the desk looks at files in these tests: as the model reads them and lint judges them, without packs and without compiling. It
//! tries nothing.

use futures_util::future::BoxFuture;
use jiff::civil::Date;
use selvage_control::desk::{Files, Look, Looked, Tried};
use selvage_model::fabric::Fabric;
use selvage_model::finding::Finding;
use selvage_model::name::{DomainName, EnvironmentName};
use selvage_model::read::{self, Reading as Read, Sources};

/// Reads files; judges them where that is wanted.
pub(crate) struct Reading {
    pub(crate) judges: bool,
}

fn read(files: &Files) -> Read {
    let mut sources = Sources::new();
    for (path, text) in files {
        sources.insert(path, text.as_bytes().to_vec());
    }
    read::read(&sources)
}

impl Look for Reading {
    fn read(&self, files: &Files) -> Fabric {
        read(files).fabric
    }

    fn look(&self, files: &Files, today: Date) -> Looked {
        let reading = read(files);
        let mut findings = reading.findings;
        if self.judges {
            findings.extend(selvage_governance::lint(&reading.fabric, today));
        } else {
            // It is of a day before the rules that came of late.
            findings.retain(|it| !it.is_of_late);
        }
        Looked { fabric: reading.fabric, findings, files: files.clone() }
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

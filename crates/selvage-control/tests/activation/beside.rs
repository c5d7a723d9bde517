//! A look as the tests have it, beside which something happens.

use futures_util::future::BoxFuture;
use jiff::civil::Date;
use selvage_control::desk::{Files, Look, Looked, Tried};
use selvage_model::fabric::Fabric;
use selvage_model::finding::Finding;
use selvage_model::name::{DomainName, EnvironmentName};

use crate::reading::Reading;

const READING: Reading = Reading { judges: false };

/// What happens; nothing where nothing else is said.
pub(crate) trait Happens: Send + Sync {
    /// Before files are read.
    fn at_read(&self, _files: &Files) {}
    /// Before files are read and checked.
    fn at_look(&self, _files: &Files) {}
    /// Before it is asked what stands in the way.
    fn at_trial(&self) {}
    /// Before gates are looked at.
    fn at_faults(&self) -> BoxFuture<'_, ()> {
        Box::pin(async {})
    }
}

/// Looks as the tests do, beside that.
pub(crate) struct Beside<H>(pub(crate) H);

impl<H: Happens> Look for Beside<H> {
    fn read(&self, files: &Files) -> Fabric {
        self.0.at_read(files);
        READING.read(files)
    }

    fn look(&self, files: &Files, today: Date) -> Looked {
        self.0.at_look(files);
        READING.look(files, today)
    }

    fn trial(&self, looked: &Looked, environment: &EnvironmentName) -> Vec<Finding> {
        self.0.at_trial();
        READING.trial(looked, environment)
    }

    fn tests(&self, looked: &Looked, domain: &DomainName) -> Tried {
        READING.tests(looked, domain)
    }

    fn faults<'a>(&'a self, looked: &'a Looked, place: (&'a EnvironmentName, &'a DomainName)) -> BoxFuture<'a, Tried> {
        Box::pin(async move {
            self.0.at_faults().await;
            READING.faults(looked, place).await
        })
    }
}

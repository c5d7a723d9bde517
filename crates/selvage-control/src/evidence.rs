//! Evidence: what the ledger and the store prove of an interface, a domain or a control within a period, as one package. It holds the
//! ledger's entries that it cites with what ties them to a signed checkpoint, so that whoever has the package alone can check it.
//! What nobody measured is said to be unmeasured; nothing is made up.

mod access;
mod chain;
mod change;
mod control;
mod incident;
mod ledger;
mod package;
mod page;
mod paper;
mod period;
mod promise;
mod release;
mod retention;
mod scope;
mod section;
mod seen;
mod waiver;

use std::fmt;

use jiff::Timestamp;
use jiff::civil::Date;
use selvage_model::name::{DomainName, EnvironmentName, InterfaceRef};

use crate::desk::{Desk, DeskError, Seal};

use ledger::Ledger;

pub use chain::{Excerpt, Named, Span};
pub use control::{Control, Verdict, controls};
pub use package::{Key, Package, Verified, digest_of, seal, verify};
pub use page::page;
pub(crate) use paper::{MOST_ENTRIES, Paper, domain_of, policy};
pub(crate) use period::Period;
pub use period::{begin, end, period};
pub use release::ReleaseProof;
pub use retention::{Kept, Retention, may_go};
pub use section::{Column, Row, Section};

/// What evidence is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum About {
    /// One interface.
    Interface(InterfaceRef),
    /// Everything that a domain governs.
    Domain(DomainName),
    /// One control, by its id; all of them where none is named.
    Control(Option<String>),
}

impl About {
    /// Its kind's word.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Interface(_) => "interface",
            Self::Domain(_) => "domain",
            Self::Control(_) => "control",
        }
    }

    /// Its name.
    pub fn name(&self) -> String {
        match self {
            Self::Interface(interface) => interface.to_string(),
            Self::Domain(domain) => domain.to_string(),
            Self::Control(Some(id)) => id.clone(),
            Self::Control(None) => "all".to_owned(),
        }
    }
}

impl fmt::Display for About {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Control(None) => f.write_str("all controls"),
            other => write!(f, "the {} {}", other.kind(), other.name()),
        }
    }
}

/// What is asked for.
#[derive(Clone, Debug)]
pub struct Asked {
    /// What it is about.
    pub about: About,
    /// From when.
    pub from: Timestamp,
    /// Until when; what is declared is looked at as it was then.
    pub to: Timestamp,
    /// The environment whose releases count; what every domain released last where none is named.
    pub environment: Option<EnvironmentName>,
    /// Who makes it.
    pub by: Option<String>,
    /// Until when it is to be kept, where somebody says.
    pub keep_until: Option<Date>,
    /// How many entries of the ledger it cites at most; all of them where nothing is said.
    pub most: Option<usize>,
}

impl Desk {
    /// Makes the package. With a seal, the ledger is signed as it is now, so that every entry that is cited stands below a checkpoint:
    /// where it is whole, and fits those that were signed before. Without one, `key` says with which key they were signed.
    ///
    /// # Errors
    /// [`DeskError::Refused`] for something that nobody knows, or a release that is not what was signed; those of the store.
    pub async fn evidence(
        &self,
        asked: &Asked,
        seal: Option<&Seal>,
        key: Option<[u8; 32]>,
    ) -> Result<Package, DeskError> {
        let ledger = Ledger::look(self, seal, key).await?;
        let seen = seen::look(self, asked, ledger).await?;
        package::make(self, &seen).await
    }
}

//! How a system is known over TLS and what it is shown, where that is not as everywhere: authorities of its own, another name,
//! a certificate of the node's. Compiled with the snapshot, compared when connections are kept; it never holds a key.

use std::hash::{Hash, Hasher};
use std::sync::Arc;

use selvage_model::code;
use selvage_model::fabric::Fabric;
use selvage_model::finding::Finding;
use selvage_model::manifest::system::SystemTls;
use tokio_rustls::rustls::RootCertStore;
use tokio_rustls::rustls::pki_types::ServerName;

use super::proof::ProofNames;
use crate::tls;

/// How a system is known, and what it is shown.
#[derive(Clone, Debug)]
pub(crate) struct Trust {
    /// Who may have signed its certificate, as the fabric has them and as they are used; whom the machine trusts where
    /// none are named.
    authorities: Option<(Arc<str>, Arc<RootCertStore>)>,
    /// The name that its certificate bears, where not its host's.
    pub(crate) name: Option<ServerName<'static>>,
    /// The secrets that hold what it is shown.
    pub(crate) proof: Option<ProofNames>,
}

impl PartialEq for Trust {
    fn eq(&self, other: &Self) -> bool {
        let text = |trust: &Self| trust.authorities.as_ref().map(|(text, _)| Arc::clone(text));
        text(self) == text(other) && self.name == other.name && self.proof == other.proof
    }
}

impl Eq for Trust {}

impl Hash for Trust {
    /// Without the authorities: they are long, and few systems differ in them alone.
    fn hash<H: Hasher>(&self, state: &mut H) {
        (&self.name, &self.proof).hash(state);
    }
}

impl Trust {
    /// Of what is declared; nothing, with findings, where that cannot be used.
    pub(crate) fn compile(declared: &SystemTls, fabric: &Fabric, findings: &mut Vec<Finding>) -> Option<Self> {
        let before = findings.len();
        let mut authorities = None;
        if let Some(path) = &declared.authorities {
            let text = fabric.files.get(&path.value).map_or_else(|| Arc::from(""), Arc::clone);
            match tls::roots(text.as_bytes()) {
                Ok(roots) => authorities = Some((text, Arc::new(roots))),
                Err(error) => {
                    let message = format!("the authorities in `{}` cannot be used: {error}", path.value);
                    let fix = "write certificates of authorities into it, in PEM, and nothing else";
                    findings.push(Finding::error(code::AUTHORITIES_UNFIT, &path.place, message).fix(fix));
                }
            }
        }
        let name = declared.server_name.as_ref().and_then(|name| {
            let read = ServerName::try_from(name.value.clone());
            if read.is_err() {
                let message = format!("`{}` is no name that a certificate bears", name.value);
                let fix = "write the host that stands among its alternative names, without a port";
                findings.push(Finding::error(code::UPSTREAM_ADDRESS, &name.place, message).fix(fix));
            }
            read.ok()
        });
        let proof = declared.client.as_ref().map(ProofNames::of);
        (findings.len() == before).then_some(Self { authorities, name, proof })
    }

    /// Who may have signed its certificate, where not whom the machine trusts.
    pub(crate) fn roots(&self) -> Option<Arc<RootCertStore>> {
        self.authorities.as_ref().map(|(_, roots)| Arc::clone(roots))
    }
}

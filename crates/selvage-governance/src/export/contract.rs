//! The contract of an interface as a document of its own, for who looks it up where no fabric is at hand: made of what is declared, or
//! the file that a direct interface names.

use selvage_mapping::{asyncapi, openapi};
use selvage_model::fabric::Fabric;
use selvage_model::manifest::api::Api;
use selvage_model::manifest::interface::InterfaceBody;
use selvage_model::name::InterfaceRef;

/// A contract.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Contract {
    /// In which language: `openapi`, `asyncapi`.
    pub kind: &'static str,
    /// The document: YAML, or as its file is written.
    pub text: String,
}

/// The contract of an interface that consumers call or hear from, as called at this address; none of another.
pub fn contract(fabric: &Fabric, reference: &InterfaceRef, server: &str) -> Option<Contract> {
    let interface = fabric.interfaces.get(reference)?;
    match &interface.body {
        InterfaceBody::Api(Api::Mediated(_)) => {
            let document = openapi::document(fabric, reference, server).ok()?;
            Some(Contract { kind: "openapi", text: openapi::yaml(&document) })
        }
        InterfaceBody::Api(Api::Direct { openapi, .. }) => {
            let text = fabric.files.get(&openapi.value).map(|text| text.to_string())?;
            Some(Contract { kind: "openapi", text })
        }
        InterfaceBody::Event(_) | InterfaceBody::Webhook(_) => {
            let server = server.parse().ok();
            let document = asyncapi::document(fabric, std::slice::from_ref(reference), server.as_ref()).ok()?;
            Some(Contract { kind: "asyncapi", text: openapi::yaml(&document) })
        }
        InterfaceBody::File(_) | InterfaceBody::Flow => None,
    }
}

//! Tokens of issuers (JSON Web Tokens, RFC 7519): who a caller is, proved by a signature that this node checks itself. Nobody
//! is asked while a request waits: keys are fetched by others and compiled into the snapshot. INVARIANT: SHIELDED-PATH

mod claims;
mod counts;
mod issue;
mod issuers;
mod key;
mod memory;
mod own;
mod verify;

pub use counts::TokenAsk;
pub use issuers::Document;
pub use key::{IssuerKeys, KeysOfIssuers};
pub use verify::issuer_of;

pub(crate) use counts::TokenCounts;
pub(crate) use issue::{NotIssued, Whose, client, issue};
pub(crate) use issuers::Issuers;
pub(crate) use memory::Memory;
pub(crate) use verify::{Fault, Verified, looks_like_one, verify};

#[cfg(test)]
mod tests;

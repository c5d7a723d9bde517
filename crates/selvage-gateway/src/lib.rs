//! The HTTP data path: compiles a fabric and its access state into a snapshot, decides about each request by it, and
//! proxies or hands on what is granted. It never reads manifests, never touches a store, and never waits for either.
//!
//! Thread per core: each worker owns its listener (`SO_REUSEPORT`), its upstream connections and its counters.
//! `/livez` and `/readyz` answer on the port of the data path; `/metrics` names consumers, so it answers only on the
//! separate [`GatewayConfig::admin`] listener, together with the two others.

mod admin;
mod admission;
mod answer;
mod body;
mod breaker;
mod budget;
mod burden;
mod cache;
mod cached;
mod certificate;
mod checked;
mod condition;
mod config;
mod connection;
mod contract;
mod crowd;
mod decide;
mod dial;
mod exchange;
mod explain;
mod exposition;
mod forward;
mod gate;
mod gateway;
mod head;
mod held;
mod hop;
mod identify;
mod json;
mod limit;
mod live;
mod look;
mod mediate;
mod mediation;
mod oauth;
mod outcome;
mod path;
mod peer;
mod pool;
mod precedence;
mod publish;
mod pull;
mod quota;
mod random;
mod refusal;
mod serve;
mod shadow;
mod snapshot;
mod talk;
mod tally;
mod timed;
mod tls;
mod token;
mod traffic;
mod tunnel;
mod unread;
mod usage;
mod webhook;
mod welcome;
mod whole;
mod worker;

pub use budget::{BudgetMoment, BudgetRound};
pub use burden::Held;
pub use certificate::ClientCertificate;
pub use config::{GatewayConfig, GatewayError, Sharing};
pub use decide::{Permit, Plan, Probe, decide};
pub use dial::{Proof, ProofNames, Proofs};
pub use explain::{Decided, Explanation, Question, Stage, Verdict, explain, explain_request, explain_token};
pub use gateway::{Counted, Gateway, Prepared};
pub use head::Head;
pub use mediation::{BoxFuture, Mediation};
pub use precedence::stand_behind_the_data_path;
pub use refusal::Refusal;
pub use snapshot::{Declared, Snapshot, SnapshotSource, uncheckable};
pub use tally::latency_bounds;
pub use tls::{ClientCertificates, RevocationList, Tls, TlsError, TlsFiles};
pub use token::{Document, IssuerKeys, KeysOfIssuers, TokenAsk, issuer_of};
pub use traffic::{BrokenField, ContractTraffic, InterfaceTraffic, ShadowSample, Traffic};
pub use usage::Usage;
pub use webhook::{WebhookKey, WebhookKeyError, WebhookKeys};

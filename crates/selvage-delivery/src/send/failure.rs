//! Why a message did not arrive: each with its code and what may be done. Nothing here repeats a secret, a query or a header.
//! INVARIANT: SECRET-FREE

use std::io;
use std::time::Duration;

use selvage_model::code::{self, Code};
use selvage_model::delivery::Cause;
use selvage_model::manifest::system::SecretName;
use selvage_model::network::AddressKind;

use super::signature::KeyError;
use crate::Sent;

/// Why there is no answer, or none that says that the receiver has the message.
#[derive(Debug, thiserror::Error)]
pub(super) enum Failure {
    #[error("its address is none of http or https")]
    Address,
    #[error("`{host}` leads to {}, which the zone of the system does not grant", .kind.noun())]
    Closed { host: String, kind: AddressKind },
    #[error("port {0} is one at which other protocols than HTTP are spoken")]
    Port(u16),
    #[error("`{host}` leads nowhere: {error}")]
    Unresolved { host: String, error: io::Error },
    #[error("there is no connection: {0}")]
    Unreachable(io::Error),
    #[error("there was no connection within {} s", .0.as_secs_f32())]
    ConnectLate(Duration),
    #[error("the endpoint and this node do not come to terms over TLS: {0}")]
    Unproven(String),
    #[error("what the node is to show over TLS cannot be used: {0}")]
    Proof(String),
    #[error("there was no answer within {} s", .0.as_secs_f32())]
    Late(Duration),
    #[error("the connection ended before there was an answer: {0}")]
    Broken(String),
    #[error("what came is no answer of HTTP: {0}")]
    NoHttp(String),
    #[error("the secret `{}` does not sign: {error}", .name.0)]
    Key { name: SecretName, error: KeyError },
    #[error("the secret `{}` is not there", .0.0)]
    NoKey(SecretName),
    #[error("the endpoint has no secret to sign with")]
    Unsigned,
    #[error("the endpoint leads on to {0}, and nothing is sent where an answer points")]
    Redirected(String),
    #[error("the endpoint answers {0}")]
    Status(u16),
    #[error("the endpoint answers {0}: it will never take this message")]
    Never(u16),
}

impl Failure {
    pub(super) fn code(&self) -> Code {
        match self {
            Self::Address | Self::Closed { .. } | Self::Port(_) => code::ENDPOINT_CLOSED,
            Self::Unresolved { .. } => code::ENDPOINT_UNRESOLVED,
            Self::Unreachable(_) | Self::ConnectLate(_) => code::ENDPOINT_UNREACHABLE,
            Self::Unproven(_) | Self::Proof(_) => code::ENDPOINT_UNPROVEN,
            Self::Late(_) => code::ENDPOINT_LATE,
            Self::Broken(_) => code::ENDPOINT_BROKEN,
            Self::NoHttp(_) => code::ENDPOINT_NO_HTTP,
            Self::Key { .. } | Self::NoKey(_) | Self::Unsigned => code::SIGNING_SECRET,
            Self::Redirected(_) => code::ENDPOINT_REDIRECTS,
            Self::Status(_) => code::ENDPOINT_FAILS,
            Self::Never(_) => code::MESSAGE_REFUSED,
        }
    }

    fn cause(&self) -> Cause {
        match self {
            Self::Unresolved { .. }
            | Self::Unreachable(_)
            | Self::ConnectLate(_)
            | Self::Unproven(_)
            | Self::Late(_)
            | Self::Broken(_)
            | Self::Status(408 | 425 | 429 | 500..) => Cause::Timeout,
            Self::Redirected(_) | Self::Status(_) | Self::Never(_) => Cause::Refused,
            _ => Cause::Unknown,
        }
    }

    /// Whether it tells that the endpoint is not well, rather than that this message is not to its liking or that something here
    /// is amiss.
    pub(super) fn is_the_endpoints(&self) -> bool {
        match self {
            Self::Status(status) => *status >= 500,
            Self::Unresolved { .. }
            | Self::Unreachable(_)
            | Self::ConnectLate(_)
            | Self::Unproven(_)
            | Self::Late(_)
            | Self::Broken(_)
            | Self::NoHttp(_) => true,
            _ => false,
        }
    }

    /// What it means for the message.
    pub(super) fn meaning(&self, retry_after: Option<Duration>) -> Sent {
        let because = format!("{}: {self}", self.code());
        match self {
            Self::Never(_) => Sent::Refused { cause: self.cause(), because },
            _ => Sent::Again { cause: self.cause(), because, retry_after },
        }
    }
}

//! A refusal: a problem, where it belongs in the counters, and the headers that say what to do about it.

use http::{HeaderValue, StatusCode};
use selvage_model::code::{self, Code};
use selvage_model::name::ConsumerName;
use selvage_model::problem::Problem;

use crate::snapshot::Served;
use crate::token::IssuerKeys;

/// Why a request is refused.
#[derive(Clone, Debug)]
pub struct Refusal<'s> {
    /// What the caller is told.
    pub problem: Problem,
    /// Whether nothing declares the request, so that it is shadow traffic.
    pub shadow: bool,
    /// Who asked, once known.
    pub consumer: Option<&'s ConsumerName>,
    pub(crate) served: Option<&'s Served>,
    pub(crate) operation: Option<u32>,
    pub(crate) allow: Option<HeaderValue>,
    pub(crate) challenge: Option<&'static str>,
    /// Keys among which one was looked for in vain: their issuer is to be asked for new ones.
    pub(crate) missed: Option<&'s IssuerKeys>,
}

impl<'s> Refusal<'s> {
    pub(crate) fn new(status: StatusCode, code: Code, detail: impl Into<String>) -> Self {
        Self::of(Problem::new(status.as_u16(), code, detail))
    }

    pub(crate) fn of(problem: Problem) -> Self {
        Self {
            problem,
            shadow: false,
            consumer: None,
            served: None,
            operation: None,
            allow: None,
            challenge: None,
            missed: None,
        }
    }

    pub(crate) fn undeclared(served: Option<&'s Served>) -> Self {
        let refusal = Self::new(StatusCode::NOT_FOUND, code::UNDECLARED, "no interface declares this path");
        Self { shadow: true, served, ..refusal }
    }

    pub(crate) fn malformed(detail: &str) -> Self {
        Self::new(StatusCode::BAD_REQUEST, code::MALFORMED, detail)
    }

    /// `deaf`: for how many nanoseconds changes of the access state may have been missed.
    pub(crate) fn unheard(deaf: u64) -> Self {
        let seconds = deaf / 1_000_000_000;
        let detail = format!(
            "for {seconds} s this node cannot tell whether keys and grants were taken back, and it does not serve this without"
        );
        let mut refusal = Self::new(StatusCode::SERVICE_UNAVAILABLE, code::ACCESS_UNHEARD, detail);
        refusal.problem.retry_after = Some(1);
        refusal
    }

    pub(crate) fn blocked_consumer(because: &str) -> Self {
        Self::new(StatusCode::FORBIDDEN, code::CONSUMER_BLOCKED, format!("the consumer is blocked: {because}"))
    }

    pub(crate) fn no_operation() -> Self {
        Self::new(StatusCode::NOT_FOUND, code::OPERATION_UNKNOWN, "there is no such operation of yours")
    }

    pub(crate) fn unauthorized(code: Code, detail: &str) -> Self {
        let challenge = if code == code::KEY_MISSING {
            "Bearer realm=\"selvage\""
        } else {
            "Bearer realm=\"selvage\", error=\"invalid_token\""
        };
        Self { challenge: Some(challenge), ..Self::new(StatusCode::UNAUTHORIZED, code, detail) }
    }

    pub(crate) fn at(mut self, served: &'s Served, operation: Option<u32>) -> Self {
        self.served = Some(served);
        self.operation = operation;
        self
    }

    pub(crate) fn by(mut self, consumer: &'s ConsumerName) -> Self {
        self.consumer = Some(consumer);
        self
    }
}

//! A permitted request on its way through a direct interface whose messages are checked: parameters and body before it is
//! sent, the answer before it is given back. Only here are bodies of direct interfaces held, up to a declared size; what
//! is not to be checked streams on.

mod answer;
mod request;

use http::Response;
use http::request::Parts;
use hyper::body::Incoming;
use selvage_model::manifest::interface::Check;

use crate::body::Reply;
use crate::contract::OperationContract;
use crate::decide::UpstreamRef;
use crate::forward;
use crate::serve::{Admitted, Asked};
use crate::snapshot::Checks;

/// A request whose messages are checked.
pub(crate) struct Checked<'a> {
    pub(crate) admitted: Admitted<'a>,
    pub(crate) checks: &'a Checks,
    pub(crate) contract: &'a OperationContract,
    pub(crate) upstream: UpstreamRef<'a>,
    /// How much of the path stands before what the contract declares.
    pub(crate) prefix: usize,
    pub(crate) parts: Parts,
    pub(crate) body: Incoming,
}

/// Checks a request, sends it, and checks its answer.
pub(crate) async fn forward<'a>(asked: Asked<'a>, checked: Checked<'a>) -> Response<Reply> {
    let Checked { admitted, checks, contract, upstream, prefix, mut parts, body } = checked;
    let expects = parts.headers.contains_key(http::header::EXPECT);
    let limit = admitted.permit.served.timeout.unwrap_or(asked.worker.config().request_timeout);
    let max_body = asked.most_of(admitted.permit.served);
    let (upload, progress) = match checks.validation.request {
        Check::Off => forward::streamed(body, max_body, asked.watch),
        _ => {
            let round = request::Round { contract, checks, prefix, limit, max_body, watch: asked.watch };
            match round.check(&parts, body).await {
                request::Outcome::Passes(passing) => {
                    asked.note(&admitted, &passing.noted);
                    (passing.upload, passing.progress)
                }
                request::Outcome::Refused { problem, noted, unread } => {
                    asked.note(&admitted, &noted);
                    let response = asked.fail(admitted, &problem);
                    return match unread {
                        Some(body) => asked.decline(response, body, expects).await,
                        None => response,
                    };
                }
            }
        }
    };
    if checks.validation.response != Check::Off {
        answer::ask_plainly(&mut parts.headers);
    }
    let is_head = parts.method == http::Method::HEAD;
    let ready = forward::prepare(asked, admitted, upstream, prefix, parts, (upload, progress));
    if checks.validation.response == Check::Off {
        return forward::forward(asked, ready).await;
    }
    match forward::exchange(asked, ready).await {
        Ok(got) => answer::Round { contract, checks, is_head }.check(asked, got).await,
        Err(response) => *response,
    }
}

//! A permitted request on its way through a direct interface whose messages are looked into: what the grant leaves out is
//! neither asked for nor answered, and what does not fit the contract is counted or refused. Only here are bodies of direct
//! interfaces held, up to a declared size; what need not be read streams on.

mod answer;
mod coming;
mod named;
mod request;
mod shown;
mod told;
mod withheld;

use std::cell::Cell;
use std::future::Future;
use std::rc::Rc;

use http::request::Parts;
use http::{HeaderValue, Method, Response, header};
use hyper::body::{Body, Incoming};
use selvage_model::manifest::interface::Check;
use selvage_model::problem::Problem;

use crate::body::{Progress, Reply, Upload};
use crate::burden::Bearer;
use crate::cached;
use crate::contract::{Given, OperationContract};
use crate::decide::{Permit, UpstreamRef};
use crate::forward::{self, Forward};
use crate::head::Head;
use crate::hop;
use crate::serve::{Admitted, Asked};
use crate::snapshot::{Checks, DirectScope};
use crate::usage::{self, Places};
use crate::whole::Terms;
pub(crate) use answer::{Gathered, gather};
use coming::Coming;

/// A request whose messages are looked into.
pub(crate) struct Checked<'a> {
    pub(crate) admitted: Box<Admitted<'a>>,
    /// What they are checked against, where they are.
    pub(crate) checks: Option<(&'a Checks, &'a OperationContract)>,
    /// What the grant leaves out, where it does.
    pub(crate) scope: Option<&'a DirectScope>,
    pub(crate) upstream: UpstreamRef<'a>,
    /// How much of the path stands before what the contract declares.
    pub(crate) prefix: usize,
    pub(crate) parts: Parts,
}

/// What an answer is looked into for.
#[derive(Clone, Copy)]
pub(crate) struct Looking<'a> {
    checks: Option<(&'a Checks, &'a OperationContract)>,
    scope: Option<&'a DirectScope>,
    is_head: bool,
    /// By whom what is held of it is borne.
    pub(crate) bearer: Bearer<'a>,
}

/// What comes of a request that is looked into, as far as its head tells.
pub(crate) struct Foreseen {
    /// Why it is refused.
    pub(crate) problem: Option<Problem>,
    /// How it stands to its contract.
    pub(crate) contract: String,
}

/// What comes of a request by what its grant leaves out and by its contract, as far as its head tells: `rest` is its path below the
/// upstream's.
pub(crate) fn foresee(permit: &Permit<'_>, head: &Head<'_>, rest: &str) -> Foreseen {
    // Judged is what goes out: what the connection takes away is taken away before.
    let mut headers = head.headers.clone();
    for name in hop::named(&headers) {
        headers.remove(name);
    }
    let checks = permit.checks().filter(|(checks, _)| checks.validation.request != Check::Off);
    let shows = checks.is_some_and(|(checks, _)| checks.shows_values);
    let given = Given { path: rest, query: head.query, headers: &headers, shows };
    let scoped = permit.direct_scope();
    let withheld = scoped.and_then(|scope| withheld::by_head(scope, permit.operation, head.method, &given));
    let Some((checks, contract)) = checks else {
        return Foreseen { problem: withheld, contract: "requests are not checked against it".to_owned() };
    };
    let violations = contract.parameters(&given);
    let enforced = checks.validation.request == Check::Enforce;
    let contract = match (violations.first(), enforced) {
        (None, _) if contract.needs_body() => "the parameters fit; a body is checked when it comes".to_owned(),
        (None, _) => "the parameters fit".to_owned(),
        (Some(first), false) => format!("counted and not refused: `{}` {}", first.field, first.detail),
        (Some(first), true) => format!("`{}` {}", first.field, first.detail),
    };
    let unfit = || (enforced && !violations.is_empty()).then(|| request::problem(&violations));
    Foreseen { problem: withheld.or_else(unfit), contract }
}

/// A refusal, and what of the body nobody has read.
type Refused = (Problem, Option<Incoming>);

/// Looks into a request, sends it, and looks into its answer.
#[expect(clippy::manual_async_fn, reason = "an `async fn` keeps what it is given twice")]
pub(crate) fn forward<'a>(
    asked: Asked<'a>,
    mut checked: Box<Checked<'a>>,
    body: Incoming,
) -> impl Future<Output = Response<Reply>> + 'a {
    async move {
        let parts = &mut checked.parts;
        // Judged is what goes out: what the connection takes away is taken away before.
        for name in hop::named(&parts.headers).into_iter().filter(|name| *name != header::UPGRADE) {
            parts.headers.remove(name);
        }
        let expects = parts.headers.contains_key(header::EXPECT);
        let waits = !body.is_end_stream();
        let upload = match admit(asked, &checked, body).await {
            Ok(upload) if !waits => upload,
            Ok(upload) => match asked.ended_meanwhile(&checked.admitted.permit) {
                None => upload,
                Some(problem) => {
                    let mut response = asked.fail(checked.admitted, &problem);
                    asked.end_connection(&mut response);
                    return response;
                }
            },
            Err((problem, unread)) => {
                let response = asked.fail(checked.admitted, &problem);
                return match unread {
                    Some(body) => Box::pin(asked.decline(response, body, expects)).await,
                    None => response,
                };
            }
        };
        let (looking, ready) = checked.ready(asked, upload);
        match asked.local.live.cache(ready.admitted.permit.served) {
            Some(cache) => Box::pin(cached::answer(asked, ready, looking, cache)).await,
            None => {
                let mut got = match forward::exchange(asked, ready).await {
                    Ok(got) => got,
                    Err(response) => return *response,
                };
                match looking.look(asked, &got.admitted, &mut got.response).await {
                    Ok(_) => asked.finish(got.admitted, got.response),
                    Err(problem) => asked.fail(got.admitted, &problem),
                }
            }
        }
    }
}

impl<'a> Checked<'a> {
    /// Makes it ready to be sent with what is passed on of its body, and says what its answer is looked into for.
    fn ready(
        mut self,
        asked: Asked<'a>,
        upload: (Upload, Option<Rc<Cell<Progress>>>),
    ) -> (Looking<'a>, Box<Forward<'a>>) {
        let method = &self.parts.method;
        let bearer = asked.bearer(&self.admitted.permit).of_answer(matches!(*method, Method::GET | Method::HEAD));
        let (scope, is_head) = (self.scope, *method == Method::HEAD);
        let checks = self.checks.filter(|(checks, _)| checks.validation.response != Check::Off);
        make_readable(&mut self.parts, checks.map(|(checks, _)| checks), scope);
        let mut ready = forward::prepare(asked, self.admitted, self.upstream, self.prefix, self.parts, upload);
        ready.tags = scope.and_then(DirectScope::tags);
        (Looking { checks, scope, is_head, bearer }, ready)
    }
}

impl Looking<'_> {
    /// Looks into an answer, and takes out of it what the grant leaves out. Whether it was found to be as the contract says,
    /// or the problem instead, where the caller may not have it.
    #[expect(clippy::manual_async_fn, reason = "an `async fn` keeps what it is given twice")]
    pub(crate) fn look<'a>(
        self,
        asked: Asked<'a>,
        admitted: &Admitted<'a>,
        response: &mut Response<Reply>,
    ) -> impl Future<Output = Result<bool, Problem>> {
        async move {
            let mut fits = true;
            if let Some((checks, contract)) = self.checks {
                let (noted, problem) = answer::Round { contract, checks, is_head: self.is_head, bearer: self.bearer }
                    .check(response)
                    .await;
                if let Some(noted) = noted {
                    asked.note(admitted, &noted);
                    fits = noted.violations.is_empty();
                }
                if let Some(problem) = problem {
                    return Err(problem);
                }
            }
            if let Some(scope) = self.scope {
                shown::strip(scope, response, asked.exchange.correlation(), (self.is_head, self.bearer)).await?;
                // What then stands in the place of an upstream's words names this exchange.
                fits &= !(scope.masks() && response.status().is_client_error());
            }
            Ok(fits)
        }
    }
}

/// Asks the upstream for an answer that can be looked into, where it has to be.
fn make_readable(parts: &mut Parts, checks: Option<&Checks>, scope: Option<&DirectScope>) {
    let is_read = matches!(parts.method, Method::GET | Method::HEAD);
    let headers = &mut parts.headers;
    if checks.is_some() || scope.is_some_and(DirectScope::withholds) {
        headers.insert(header::ACCEPT_ENCODING, HeaderValue::from_static("identity"));
    }
    if scope.is_some_and(DirectScope::withholds) {
        // A part of an answer does not say of what member it is.
        headers.remove(header::RANGE);
        headers.remove(header::IF_RANGE);
    }
    if scope.is_some_and(DirectScope::masks) {
        // Whether something is as it was tells of what is masked. A write that has it that nothing is there yet stays so.
        if is_read {
            headers.remove(header::IF_NONE_MATCH);
        }
        headers.remove(header::IF_MODIFIED_SINCE);
    }
    if scope.is_some() || checks.is_some_and(|checks| checks.validation.response == Check::Enforce) {
        // What goes through a WebSocket cannot be looked into.
        headers.remove(header::UPGRADE);
    }
}

/// What the grant leaves out first: who may not ask learns nothing of the contract.
async fn admit<'a>(
    asked: Asked<'a>,
    checked: &Checked<'a>,
    body: Incoming,
) -> Result<(Upload, Option<Rc<Cell<Progress>>>), Refused> {
    let Checked { admitted, checks, scope, prefix, parts, .. } = checked;
    let (prefix, checks) = (*prefix, *checks);
    let permit = &admitted.permit;
    let limit = permit.served.timeout.unwrap_or(asked.worker.config().request_timeout);
    let terms = Terms { limit, bearer: asked.bearer(permit) };
    let max_body = asked.most_of(permit.served);
    let coming = match *scope {
        Some(scope) => withheld::admit(scope, permit.operation, parts, prefix, body, terms).await.map_err(|it| *it)?,
        None => Coming::Stream(body),
    };
    let Some((checks, contract)) = checks.filter(|(checks, _)| checks.validation.request != Check::Off) else {
        return Ok(coming.into_upload(max_body, asked.watch));
    };
    let round = request::Round { contract, checks, prefix, terms, max_body, watch: asked.watch };
    match round.check(parts, coming).await {
        request::Outcome::Passes(passing) => {
            asked.note(admitted, &passing.noted);
            let by_query = parts.uri.query().map(|query| contract.asked(query)).unwrap_or_default();
            let whole = usage::asks_for_all(parts);
            asked.count_places(permit, Places { asked: by_query, sent: passing.sent, whole });
            Ok((passing.upload, passing.progress))
        }
        request::Outcome::Refused { problem, noted, unread } => {
            asked.note(admitted, &noted);
            Err((*problem, unread))
        }
    }
}

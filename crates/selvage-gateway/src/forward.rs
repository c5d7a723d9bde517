//! A permitted request on its way through a direct interface: sent, its answer given back, and every way in which an
//! upstream can fail turned into an answer.

use std::cell::Cell;
use std::pin::pin;
use std::rc::Rc;
use std::time::Duration;

use http::request::Parts;
use http::{Response, StatusCode, header};
use hyper::body::{Body, Incoming};
use selvage_model::code;
use selvage_model::problem::Problem;

use crate::body::{Progress, Reply, Upload};
use crate::connection::Watch;
use crate::decide::UpstreamRef;
use crate::dial::{self, DialError};
use crate::held::{self, Held};
use crate::outcome::Outcome;
use crate::pool::{Failed, Loan, Pool, SendError};
use crate::serve::{Admitted, Asked, too_large};
use crate::snapshot::{Served, Tags};
use crate::talk::{Answer, Ask, TalkError};
use crate::tunnel::{self, Right, Tunnel};

/// A request that is ready to be sent.
pub(crate) struct Forward<'a> {
    pub(crate) admitted: Box<Admitted<'a>>,
    pool: Option<&'a Rc<Pool>>,
    pub(crate) ask: Ask<'a>,
    upload: Upload,
    /// How its upload goes, where it has one.
    progress: Option<Rc<Cell<Progress>>>,
    /// By which right it may become a WebSocket, where it is to.
    right: Option<Box<Right>>,
    upstream: UpstreamRef<'a>,
    /// By which right it streams, where it does already.
    held: Option<Rc<Held>>,
    /// How its tags are told from those of grants that show more or less, where it is shown less than all.
    pub(crate) tags: Option<&'a Tags>,
    /// What of its time it has spent waiting for another's answer, or on one that was none.
    pub(crate) spent: Duration,
}

/// A read as it was before it was sent, to be sent anew.
pub(crate) struct Again<'a> {
    parts: Parts,
    prefix: usize,
    upstream: UpstreamRef<'a>,
    tags: Option<&'a Tags>,
}

/// An answer's head, with its body still to be heard.
pub(crate) struct Got<'a> {
    pub(crate) admitted: Box<Admitted<'a>>,
    pub(crate) response: Response<Reply>,
}

/// A caller's body as it is passed on while it comes, up to so many bytes.
pub(crate) fn streamed(body: Incoming, most: u64, watch: &Rc<Watch>) -> (Upload, Option<Rc<Cell<Progress>>>) {
    if body.is_end_stream() {
        return (Upload::Nothing, None);
    }
    let progress = Rc::new(Cell::new(Progress::Coming));
    let shown = Rc::clone(&progress);
    (Upload::Stream { incoming: body, left: most, progress, watch: Rc::clone(watch), held: None }, Some(shown))
}

impl<'a> Forward<'a> {
    /// Whether it has a body.
    pub(crate) fn has_body(&self) -> bool {
        !matches!(self.upload, Upload::Nothing)
    }

    /// What is needed to send it anew, without its body.
    pub(crate) fn again(&self) -> Again<'a> {
        Again { parts: self.ask.parts.clone(), prefix: self.ask.prefix, upstream: self.upstream, tags: self.tags }
    }
}

impl<'a> Again<'a> {
    /// The same request without a condition, which has to find places of its own once more.
    pub(crate) fn unconditional(mut self, asked: Asked<'a>, mut admitted: Box<Admitted<'a>>) -> Box<Forward<'a>> {
        self.parts.headers.remove(header::IF_NONE_MATCH);
        self.parts.headers.remove(header::IF_MODIFIED_SINCE);
        admitted.taken.queued = asked.local.live.queue_again(&admitted.permit);
        let nothing = (Upload::Nothing, None);
        let mut forward = prepare(asked, admitted, self.upstream, self.prefix, self.parts, nothing);
        forward.tags = self.tags;
        forward.spent = asked.started.elapsed();
        forward
    }
}

/// How long until an answer begins.
pub(crate) fn limit(asked: Asked<'_>, served: &Served) -> Duration {
    let limit = served.timeout.unwrap_or(asked.worker.config().request_timeout);
    limit.min(served.total.unwrap_or(Duration::MAX))
}

/// Makes a request ready to be sent: what stands before `rest` in its path is replaced by the upstream's base.
pub(crate) fn prepare<'a>(
    asked: Asked<'a>,
    admitted: Box<Admitted<'a>>,
    upstream: UpstreamRef<'a>,
    prefix: usize,
    parts: Parts,
    (mut upload, progress): (Upload, Option<Rc<Cell<Progress>>>),
) -> Box<Forward<'a>> {
    let config = asked.worker.config();
    let becomes = admitted.permit.served.websocket && !asked.watch.is_stream() && tunnel::is_asked(&parts);
    let right = becomes.then(|| Box::new(Right::of(&parts, asked.peer, upstream.upstream)));
    let held =
        (!matches!(upload, Upload::Nothing)).then(|| Rc::new(asked.held(&admitted.permit, &parts.method, &parts.uri)));
    if let Some(held) = &held {
        upload.flows_by(held);
    }
    let ask = Ask {
        prefix,
        upstream: upstream.upstream,
        peer: asked.peer,
        exchange: asked.exchange,
        trust_forwarded: config.trust_forwarded,
        websocket: becomes,
        chunked: !matches!(upload, Upload::Nothing) && !parts.headers.contains_key(header::CONTENT_LENGTH),
        parts,
    };
    let pool = asked.local.pool(upstream.upstream.at);
    let (tags, spent) = (None, Duration::ZERO);
    Box::new(Forward { admitted, pool, ask, upload, progress, right, upstream, held, tags, spent })
}

/// Sends a request to its upstream and gives the answer back.
pub(crate) async fn forward<'a>(asked: Asked<'a>, forward: Box<Forward<'a>>) -> Response<Reply> {
    match exchange(asked, forward).await {
        Ok(Got { admitted, response }) => asked.finish(admitted, response),
        Err(response) => *response,
    }
}

/// Sends what is asked; a second time, where that is safe and so much was saved up for it.
async fn send(
    asked: Asked<'_>,
    (pool, upstream): (&Rc<Pool>, UpstreamRef<'_>),
    (ask, upload): (&mut Ask<'_>, &mut Upload),
    connect: Option<Duration>,
) -> Result<(Answer, Loan), Failed> {
    let retries = upstream.upstream.rules.retries;
    pool.earn(retries);
    let mut sent = pool.send(ask, upload, connect).await;
    // The upstream has not seen it: nobody saves up for that.
    if matches!(&sent, Err(failed) if failed.free) {
        asked.sent_again(upstream.index);
        sent = Box::pin(pool.send_anew(ask, upload, connect)).await;
    }
    // It may have: this takes from what is saved up.
    let may_go_again = |failed: &Failed| match retries {
        0 => failed.reused && pool.may_replace(),
        _ => pool.may_send_again(),
    };
    match sent {
        Err(failed) if failed.again && may_go_again(&failed) => {
            asked.sent_again(upstream.index);
            Box::pin(pool.send_anew(ask, upload, connect)).await
        }
        done => done,
    }
}

/// Sends a request to its upstream: the head of its answer, or what the caller gets where there is none.
pub(crate) async fn exchange<'a>(
    asked: Asked<'a>,
    mut forward: Box<Forward<'a>>,
) -> Result<Got<'a>, Box<Response<Reply>>> {
    if let Err(problem) = asked.enter(&mut forward.admitted).await {
        let progress = forward.progress();
        return Err(Box::new(failed(asked, forward.admitted, &problem, progress)));
    }
    let Forward { admitted, pool, ask, upload, upstream, tags, spent, .. } = &mut *forward;
    let (upstream, served) = (*upstream, admitted.permit.served);
    let Some(pool) = *pool else {
        return Err(Box::new(asked.fail(forward.admitted, &unknown())));
    };
    if let Some(tags) = tags {
        tags.as_upstream_knows(&mut ask.parts.headers, &ask.parts.method);
    }
    let limit = limit(asked, served);
    let left = limit.saturating_sub(*spent);
    let answer = {
        // Pinned here, and not where it is waited for: it is kept once.
        let sending = pin!(send(asked, (pool, upstream), (ask, upload), served.connect));
        asked.watch.within(left, sending).await
    };
    forward.heard(asked, limit, answer)
}

impl<'a> Forward<'a> {
    fn progress(&self) -> Progress {
        self.progress.as_ref().map_or(Progress::Complete, |progress| progress.get())
    }

    /// Makes of what came back what the caller gets.
    fn heard(
        self: Box<Self>,
        asked: Asked<'a>,
        limit: Duration,
        answer: Option<Result<(Answer, Loan), Failed>>,
    ) -> Result<Got<'a>, Box<Response<Reply>>> {
        let progress = self.progress();
        let Self { mut admitted, ask, right, upstream, held, .. } = *self;
        let served = admitted.permit.served;
        asked.came_of(upstream.index, admitted.taken.entered.passage.take(), Outcome::of(answer.as_ref(), progress));
        let late_answer =
            matches!(answer, Some(Ok(_))).then(|| asked.too_late_to_tell(&admitted.permit, &ask.parts.method));
        if let Some(problem) = late_answer.flatten() {
            return Err(Box::new(failed(asked, admitted, &problem, progress)));
        }
        match answer {
            Some(Ok((answer, loan))) => {
                let place = admitted.taken.entered.place.take();
                if let (StatusCode::SWITCHING_PROTOCOLS, Some(right)) = (answer.status, right) {
                    asked.watch.becomes(Tunnel::new(loan, place), right);
                    // Nothing is heard of it that could be checked.
                    return Err(Box::new(asked.finish(admitted, tunnel::switched(ask.parts.headers))));
                }
                let held =
                    || held.unwrap_or_else(|| Rc::new(asked.held(&admitted.permit, &ask.parts.method, &ask.parts.uri)));
                let reply = Reply::upstream(loan, place, asked.worker.config().stall_timeout, held);
                let mut response = Response::new(match served.total {
                    Some(total) => reply.by((asked.started + total).into()),
                    None => reply,
                });
                *response.status_mut() = answer.status;
                *response.headers_mut() = ask.parts.headers;
                Ok(Got { admitted, response })
            }
            Some(Err(Failed { error, .. })) => Err(Box::new(unanswered(asked, admitted, &error, progress))),
            None => Err(Box::new(failed(asked, admitted, &late(progress, limit), progress))),
        }
    }
}

fn unknown() -> Problem {
    Problem::new(502, code::UPSTREAM_UNREACHABLE, "the upstream system is not known to this node")
}

fn unanswered<'a>(
    asked: Asked<'a>,
    admitted: Box<Admitted<'a>>,
    error: &SendError,
    progress: Progress,
) -> Response<Reply> {
    let problem = broken(error, progress, asked.most_of(admitted.permit.served));
    tracing::debug!(correlation = asked.exchange.correlation(), code = %problem.code, %error, "no answer");
    failed(asked, admitted, &problem, progress)
}

fn failed<'a>(asked: Asked<'a>, admitted: Box<Admitted<'a>>, problem: &Problem, progress: Progress) -> Response<Reply> {
    let mut response = asked.fail(admitted, problem);
    if progress != Progress::Complete {
        asked.end_connection(&mut response);
    }
    response
}

fn broken(error: &SendError, progress: Progress, max_body: u64) -> Problem {
    if let SendError::Unreachable(DialError::Io(error)) | SendError::Broken(TalkError::Io(error)) = error
        && let Some(problem) = dial::unproven(error)
    {
        return problem;
    }
    match (progress, error) {
        (Progress::TooLarge, _) => too_large(max_body).problem,
        (Progress::Revoked, _) => held::ended(),
        (Progress::Broken, _) => Problem::new(400, code::MALFORMED, "the body ended before its end"),
        (_, SendError::Unreachable(DialError::Late)) => {
            Problem::new(504, code::UPSTREAM_UNREACHABLE, "connecting to the upstream system took too long")
        }
        (_, SendError::Unreachable(_)) => {
            Problem::new(502, code::UPSTREAM_UNREACHABLE, "the upstream system does not take connections")
        }
        (_, SendError::Broken(TalkError::Answer(bad))) => {
            Problem::new(502, code::UPSTREAM_BROKE, format!("the upstream system's answer cannot be passed on: {bad}"))
        }
        (_, SendError::Broken(_)) => {
            Problem::new(502, code::UPSTREAM_BROKE, "the upstream system broke the connection before its answer")
        }
    }
}

pub(crate) fn late(progress: Progress, limit: Duration) -> Problem {
    let limit = limit.as_millis();
    if progress == Progress::Coming {
        let status = StatusCode::REQUEST_TIMEOUT.as_u16();
        return Problem::new(
            status,
            code::BODY_TOO_SLOW,
            format!("the body stopped coming, or did not arrive within {limit} ms"),
        );
    }
    Problem::new(504, code::UPSTREAM_TIMEOUT, format!("the upstream system did not answer within {limit} ms"))
}

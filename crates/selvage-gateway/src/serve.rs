//! One request from head to answer: decide, count, and hand it to who does it.

mod doors;
#[cfg(test)]
mod tests;

use std::cell::RefCell;
use std::convert::Infallible;
use std::future::{Future, poll_fn};
use std::ops::Deref;
use std::pin::Pin;
use std::rc::Rc;
use std::task::Poll;
use std::time::{Duration, Instant};

use http::request::Parts;
use http::uri::Authority;
use http::{HeaderMap, HeaderValue, Request, Response, StatusCode, Version, header};
use hyper::body::{Body, Incoming};
use jiff::Timestamp;
use selvage_model::code;
use selvage_model::name::ConsumerName;
use selvage_model::operation::OperationId;
use selvage_model::problem::Problem;

use crate::answer;
use crate::body::Reply;
use crate::checked::{self, Checked};
use crate::connection::{InHand, Watch};
use crate::decide::{Permit, Plan, Probe, decide_knowing};
use crate::exchange::{CORRELATION_ID, Exchange};
use crate::explain::{Explained, Explanation, SELVAGE_EXPLAIN, explained};
use crate::forward::{self, Forward};
use crate::head::Head;
use crate::identify::key_hash;
use crate::live::{Now, Taken};
use crate::look;
use crate::mediate;
use crate::oauth;
use crate::peer::Peer;
use crate::publish;
use crate::pull;
use crate::refusal::Refusal;
use crate::snapshot::{Served, Snapshot};
use crate::tally::{NOWHERE, Noted, SeriesName, Shard};
use crate::unread;
use crate::webhook;
use crate::worker::{Local, Worker};
pub(crate) use doors::OneMore;

/// Bytes of a body that nobody reads which are let pass, and for how long.
const LET_PASS: u64 = 64 * 1024;
const LET_PASS_FOR: Duration = Duration::from_millis(500);

/// No key is longer.
const LONGEST_KEY: usize = 256;

/// A request's surroundings, in every hand that it passes through: a reference, for each wait keeps what it was given.
#[derive(Clone, Copy)]
pub(crate) struct Asked<'a>(&'a Around<'a>);

/// What there is around a request.
pub(crate) struct Around<'a> {
    pub(crate) worker: &'a Rc<Worker>,
    pub(crate) local: &'a Rc<Local>,
    pub(crate) exchange: &'a Exchange,
    pub(crate) watch: &'a Rc<Watch>,
    pub(crate) peer: &'a Rc<Peer>,
    pub(crate) started: Instant,
    /// The time of day, as of the last sweep.
    pub(crate) now: Timestamp,
    /// How the decision comes about, where somebody is told.
    told: &'a RefCell<Option<Box<Explanation>>>,
}

impl<'a> Deref for Asked<'a> {
    type Target = Around<'a>;

    fn deref(&self) -> &Around<'a> {
        self.0
    }
}

/// What a permitted request holds while it is in hand.
pub(crate) struct Admitted<'a> {
    pub(crate) permit: Permit<'a>,
    pub(crate) taken: Taken<'a>,
    ticket: Ticket<'a>,
}

/// Counts a request once: its answer, or that its client went away.
struct Ticket<'a> {
    shard: &'a Shard,
    series: u32,
    answered: bool,
    _in_hand: OneMore<'a>,
}

impl Drop for Ticket<'_> {
    fn drop(&mut self) {
        if !self.answered {
            self.shard.gone(self.series);
        }
    }
}

/// What a decision comes to: an answer, or something to wait for.
enum Step<'a> {
    /// The request's body is not read yet.
    Answered(Box<(Response<Reply>, Incoming)>),
    Forward(Box<Forward<'a>>),
    /// What each of them has to remember is large.
    Wait(Pin<Box<dyn Future<Output = Response<Reply>> + 'a>>),
}

/// Answers a request. What it waits for is kept small: hyper moves it for each request.
#[expect(clippy::manual_async_fn, reason = "an `async fn` keeps what it is given twice")]
pub(crate) fn handle(
    worker: Rc<Worker>,
    watch: Rc<Watch>,
    peer: Rc<Peer>,
    in_hand: InHand,
    request: Request<Incoming>,
) -> impl Future<Output = Result<Response<Reply>, Infallible>> {
    async move {
        let exchange = worker.marks.exchange(request.headers());
        let local = worker.local();
        let told = RefCell::new(None);
        let around = Around {
            told: &told,
            worker: &worker,
            local: &local,
            exchange: &exchange,
            watch: &watch,
            peer: &peer,
            started: Instant::now(),
            now: worker.clock.wall(),
        };
        let asked = Asked(&around);
        let expects = request.headers().contains_key(header::EXPECT);
        told.replace(asked.explained(&request).map(Box::new));
        let mut response = match asked.step(request) {
            Step::Answered(answered) => {
                let (response, body) = *answered;
                Box::pin(asked.decline(response, body, expects)).await
            }
            Step::Forward(ready) => forward::forward(asked, ready).await,
            Step::Wait(answer) => answer.await,
        };
        response.headers_mut().insert(CORRELATION_ID.clone(), exchange.correlation.clone());
        if let Some(explanation) = told.take() {
            response.headers_mut().insert(SELVAGE_EXPLAIN.clone(), explanation.header());
        }
        if watch.is_stream() {
            answer::say_once(response.headers_mut());
        }
        Ok(response.map(|reply| reply.held(in_hand)))
    }
}

impl<'a> Asked<'a> {
    /// How the decision about this request comes about, where the key of an operator asks for it who may know. Any other text in
    /// the header is as if it were not there: nobody learns from the answer whether it was a key.
    fn explained(self, request: &Request<Incoming>) -> Option<Explanation> {
        let presented = request.headers().get(&SELVAGE_EXPLAIN)?.as_bytes();
        let snapshot = &self.local.live.snapshot;
        if presented.len() > LONGEST_KEY {
            return None;
        }
        let operator = snapshot.operator(&key_hash(presented), self.now)?;
        let uri = request.uri();
        let head = Head {
            method: request.method(),
            authority: uri.authority().map(Authority::as_str),
            path: uri.path(),
            query: uri.query(),
            version: request.version(),
            headers: request.headers(),
            client: self.peer.certificate.as_ref(),
        };
        let Explained { explanation, served, consumer } = explained(snapshot, &head, self.now, None);
        snapshot.may_be_told(operator, served, consumer).then_some(explanation)
    }

    /// Has it told, where somebody is told anything, that this refused the request.
    pub(crate) fn tell(self, problem: &Problem) {
        if let Some(explanation) = &mut *self.told.borrow_mut() {
            explanation.was_refused(problem);
        }
    }

    /// Decides, and does what needs no waiting.
    fn step(self, request: Request<Incoming>) -> Step<'a> {
        let (parts, body) = request.into_parts();
        if let Some(refusal) = self.too_long(&parts).or_else(|| self.doubtful()) {
            return answered(self.refuse(&refusal, parts.method.as_str(), parts.uri.path()), body);
        }
        let head = Head {
            method: &parts.method,
            authority: parts.uri.authority().map(Authority::as_str),
            path: parts.uri.path(),
            query: parts.uri.query(),
            version: parts.version,
            headers: &parts.headers,
            client: self.peer.certificate.as_ref(),
        };
        match decide_knowing(&self.worker.tokens, &self.local.live.snapshot, &head, self.now) {
            Plan::Proxy { permit, rest, upstream } => {
                let admitted = match self.admit(permit, &parts) {
                    Ok(admitted) => admitted,
                    Err(response) => return answered(*response, body),
                };
                let prefix = head.path.len() - rest.len();
                let (checks, scope) = (permit.checks(), permit.direct_scope());
                if checks.is_some() || scope.is_some() || permit.served.cache.is_some() {
                    let checked = Box::new(Checked { admitted, checks, scope, upstream, prefix, parts });
                    return Step::Wait(Box::pin(checked::forward(self, checked, body)));
                }
                let body = forward::streamed(body, self.most_of(permit.served), self.watch);
                Step::Forward(forward::prepare(self, admitted, upstream, prefix, parts, body))
            }
            Plan::Mediate { permit, verb, id, key } => {
                let admitted = match self.admit(permit, &parts) {
                    Ok(admitted) => admitted,
                    Err(response) => return answered(*response, body),
                };
                let intent = mediate::Intent { verb, id, key: key.map(str::to_owned) };
                Step::Wait(Box::pin(mediate::mediate(self, admitted, intent, parts, body)))
            }
            Plan::Publish { permit } => match self.admit(permit, &parts) {
                Ok(admitted) => Step::Wait(Box::pin(publish::publish(self, admitted, parts, body))),
                Err(response) => answered(*response, body),
            },
            Plan::Pull { permit, group } => {
                let group = group.map(str::to_owned);
                match self.admit(permit, &parts) {
                    Ok(admitted) => Step::Wait(Box::pin(pull::pull(self, admitted, group, parts, body))),
                    Err(response) => answered(*response, body),
                }
            }
            Plan::Look { consumer, id } => self.looks((consumer, id), &parts, body),
            Plan::Webhook { called, rest } => {
                Step::Wait(Box::pin(webhook::take(self, called, rest.len(), parts, body)))
            }
            Plan::Allow(allow) => answered(declared(allow), body),
            Plan::Probe(probe) => answered(self.probe(probe), body),
            Plan::Token => Step::Wait(Box::pin(oauth::token(self, parts, body))),
            Plan::Document(document) => answered(oauth::document(self, document), body),
            Plan::Page(code) => answered(self.page(code, &parts), body),
            Plan::Refuse(refusal) => answered(self.refuse(&refusal, parts.method.as_str(), parts.uri.path()), body),
        }
    }

    /// A question after an operation.
    fn looks(self, (consumer, id): (&'a ConsumerName, OperationId), parts: &Parts, body: Incoming) -> Step<'a> {
        match look::admit(self, consumer) {
            Ok(entered) => Step::Wait(Box::pin(look::look(self, entered, id))),
            Err(refusal) => {
                self.worker.shard.looked(refusal.problem.status);
                let refusal = refusal.by(consumer);
                answered(self.refuse(&refusal, parts.method.as_str(), parts.uri.path()), body)
            }
        }
    }

    /// The snapshot that answers.
    pub(crate) fn snapshot(self) -> &'a Snapshot {
        &self.local.live.snapshot
    }

    fn page(self, code: &str, parts: &Parts) -> Response<Reply> {
        match self.worker.config().pages.and_then(|page| page(code)) {
            Some(page) => answer::text(StatusCode::OK, page, "text/markdown; charset=utf-8"),
            None => self.refuse(&Refusal::undeclared(None), parts.method.as_str(), parts.uri.path()),
        }
    }

    /// Minutes since 1970.
    pub(crate) fn minute(self) -> u64 {
        u64::try_from(self.now.as_second() / 60).unwrap_or(0)
    }

    fn probe(self, probe: Probe) -> Response<Reply> {
        if let (Probe::Ready, Some(why)) = (probe, self.worker.unready()) {
            return answer::text(StatusCode::SERVICE_UNAVAILABLE, why, answer::PLAIN);
        }
        answer::text(StatusCode::OK, "ok\n", answer::PLAIN)
    }

    /// Takes from the limits, and counts that the request is in hand.
    fn admit(self, permit: Permit<'a>, parts: &Parts) -> Result<Box<Admitted<'a>>, Box<Response<Reply>>> {
        let live = &self.local.live;
        let path = parts.uri.path();
        if let Some(refusal) = self.too_large(permit.served, parts) {
            let refusal = refusal.at(permit.served, Some(permit.operation)).by(permit.consumer);
            return Err(Box::new(self.refuse(&refusal, parts.method.as_str(), path)));
        }
        let nanos = self.worker.shared.books.nanos(self.started);
        if let Some(refusal) =
            self.unheard(nanos, permit.served.serves_for).or_else(|| self.no_room(permit.served.criticality))
        {
            let refusal = refusal.at(permit.served, Some(permit.operation)).by(permit.consumer);
            return Err(Box::new(self.refuse(&refusal, parts.method.as_str(), path)));
        }
        let now = Now { nanos, wall: self.now };
        let taken = match live.take(&permit, now) {
            Ok(taken) => taken,
            Err(limited) => {
                let mut response = self.refuse(&limited.refusal, parts.method.as_str(), path);
                if let Some(left) = &limited.left {
                    answer::say_left(left, &self.worker.marks, response.headers_mut());
                }
                return Err(Box::new(response));
            }
        };
        let shard: &'a Shard = &self.worker.shard;
        let series = live.series(&permit);
        let in_hand = OneMore::begin(&self.worker.in_hand);
        shard.in_minute(live.interface(permit.served), self.minute());
        let (grant, key) = live.proofs(&permit);
        shard.used(grant, key, u64::try_from(self.now.as_second()).unwrap_or(0));
        if permit.overdue {
            shard.overdue(series);
        }
        let ticket = Ticket { shard, series, answered: false, _in_hand: in_hand };
        Ok(Box::new(Admitted { permit, taken, ticket }))
    }

    /// Bytes that the body of a request of this interface may have.
    pub(crate) fn most_of(self, served: &Served) -> u64 {
        served.most_body.unwrap_or(self.worker.config().max_body)
    }

    fn too_large(self, served: &Served, parts: &Parts) -> Option<Refusal<'a>> {
        longer(parts, self.most_of(served))
    }

    /// Says no to a request that was not admitted, and counts it.
    pub(crate) fn refuse(self, refusal: &Refusal<'_>, method: &str, path: &str) -> Response<Reply> {
        self.tell(&refusal.problem);
        let shard = &self.worker.shard;
        let (status, code) = (refusal.problem.status, refusal.problem.code);
        if let Some(keys) = refusal.missed {
            keys.miss();
        }
        if refusal.shadow {
            shard.shadow(method, path, self.now.as_second());
        }
        let Some(served) = refusal.served else {
            shard.refused(NOWHERE, code, status);
            return answer::refusal(refusal, self.exchange.correlation());
        };
        let operation = refusal.operation.and_then(|index| served.operation(index));
        let series = self.worker.shared.books.names.series(SeriesName {
            interface: served.reference.clone(),
            consumer: refusal.consumer.cloned(),
            operation: operation.map(|operation| operation.name.clone()).unwrap_or_default(),
        });
        let interface = self.local.live.interface(served);
        shard.in_minute(interface, self.minute());
        match code {
            code::BROWNOUT => shard.planned(series),
            _ => shard.answered(series, StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)),
        }
        shard.refused(interface, code, status);
        answer::refusal(refusal, self.exchange.correlation())
    }

    /// Counts what was found when a message was checked.
    pub(crate) fn note(self, admitted: &Admitted<'a>, noted: &Noted) {
        admitted.ticket.shard.noted(admitted.ticket.series, noted, self.now.as_second());
    }

    /// Answers an admitted request with a problem, and counts it.
    pub(crate) fn fail(self, admitted: Box<Admitted<'a>>, problem: &Problem) -> Response<Reply> {
        self.tell(problem);
        let interface = self.local.live.interface(admitted.permit.served);
        self.worker.shard.refused(interface, problem.code, problem.status);
        let response = answer::problem(problem, self.exchange.correlation());
        if problem.code == code::BROWNOUT {
            admitted.ticket.shard.planned(admitted.ticket.series);
            return self.completed(admitted, response);
        }
        self.finish(admitted, response)
    }

    /// Counts an answer and completes its headers.
    pub(crate) fn finish(self, admitted: Box<Admitted<'a>>, response: Response<Reply>) -> Response<Reply> {
        self.finish_as(response.status(), admitted, response)
    }

    /// The same for an answer that counts as one of another status than the caller is told.
    pub(crate) fn finish_as(
        self,
        counted: StatusCode,
        admitted: Box<Admitted<'a>>,
        response: Response<Reply>,
    ) -> Response<Reply> {
        admitted.ticket.shard.answered(admitted.ticket.series, counted);
        self.completed(admitted, response)
    }

    /// Completes the headers of an answer that is counted.
    fn completed(self, admitted: Box<Admitted<'a>>, mut response: Response<Reply>) -> Response<Reply> {
        let Admitted { permit, taken, mut ticket } = *admitted;
        ticket.answered = true;
        ticket.shard.took(self.local.live.operation(&permit), self.started.elapsed());
        answer::announce(permit.served, response.headers_mut());
        if let Some(left) = &taken.left {
            answer::say_left(left, &self.worker.marks, response.headers_mut());
        }
        response
    }

    /// Gives an answer to a request whose body nobody reads. A small one that is on its way is let pass, so that the
    /// connection can go on; otherwise the client is told that it ends.
    pub(crate) async fn decline(self, mut response: Response<Reply>, body: Incoming, expects: bool) -> Response<Reply> {
        // Where its next request begins, nobody can say.
        if self.watch.doubt().is_some() {
            self.end_connection(&mut response);
            return response;
        }
        if body.is_end_stream() {
            return response;
        }
        let small = !expects && body.size_hint().upper().is_some_and(|length| length <= LET_PASS);
        if !small || self.watch.within(LET_PASS_FOR, pass(body)).await != Some(true) {
            self.end_connection(&mut response);
        }
        response
    }

    /// Ends the connection after this answer, since what is left of the request's body is not read. A stream among
    /// others ends alone.
    pub(crate) fn end_connection(self, response: &mut Response<Reply>) {
        if !self.watch.is_stream() {
            self.watch.leave_unread();
            answer::end_connection(response.headers_mut());
        }
    }

    /// The refusal of a head beyond the limits, where nobody refused it before: hyper counts what comes over HTTP/1.1.
    fn too_long(self, parts: &Parts) -> Option<Refusal<'a>> {
        if parts.version != Version::HTTP_2 {
            return None;
        }
        let config = self.worker.config();
        let path = parts.uri.path_and_query().map_or(0, |path| path.as_str().len());
        let fits = parts.headers.len() <= config.max_headers && size_of(&parts.headers) + path <= config.max_head;
        let detail = || unread::too_large(config.max_head, config.max_headers);
        (!fits).then(|| Refusal::new(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE, code::HEAD_TOO_LARGE, detail()))
    }

    /// The refusal of a request that another server could have read differently, though hyper took it.
    fn doubtful(self) -> Option<Refusal<'a>> {
        let doubt = self.watch.doubt()?;
        Some(Refusal::new(StatusCode::BAD_REQUEST, code::MALFORMED, doubt.detail()))
    }
}

fn answered<'a>(response: Response<Reply>, body: Incoming) -> Step<'a> {
    Step::Answered(Box::new((response, body)))
}

/// The methods that are declared for a path.
fn declared(allow: Option<HeaderValue>) -> Response<Reply> {
    let mut response = answer::empty(StatusCode::NO_CONTENT);
    if let Some(allow) = allow {
        response.headers_mut().insert(header::ALLOW, allow);
    }
    response
}

/// Lets the body of a request pass by; says whether its end came.
async fn pass(mut body: Incoming) -> bool {
    poll_fn(|cx| {
        loop {
            match std::task::ready!(Pin::new(&mut body).poll_frame(cx)) {
                Some(Ok(_)) => {}
                Some(Err(_)) => return Poll::Ready(false),
                None => return Poll::Ready(true),
            }
        }
    })
    .await
}

/// Bytes and lines of headers, counted as HTTP/2 counts them (RFC 9113 §6.5.2).
fn size_of(headers: &HeaderMap) -> usize {
    headers.iter().map(|(name, value)| name.as_str().len() + value.len() + 32).sum()
}

/// The refusal of a request that says that its body is longer than this.
pub(crate) fn longer<'s>(parts: &Parts, most: u64) -> Option<Refusal<'s>> {
    let length = parts.headers.get(header::CONTENT_LENGTH)?.to_str().ok()?.trim().parse::<u64>();
    length.map_or(true, |length| length > most).then(|| too_large(most))
}

/// The refusal of a body beyond the limit.
pub(crate) fn too_large<'s>(most: u64) -> Refusal<'s> {
    Refusal::new(StatusCode::PAYLOAD_TOO_LARGE, code::BODY_TOO_LARGE, format!("a body has at most {most} bytes"))
}

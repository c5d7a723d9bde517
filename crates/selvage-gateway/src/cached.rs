//! A permitted request to a direct interface whose answers are kept: given from what is kept, confirmed, or asked for once
//! and kept. What may not be kept passes as if nothing were. It decides nothing about who may ask: that is done before.

use std::future::Future;
use std::sync::Arc;
use std::time::Instant;

use http::{HeaderMap, HeaderName, HeaderValue, Method, Response, StatusCode, header};
use hyper::body::Body;
use selvage_model::code;
use selvage_model::problem::Problem;

use crate::answer;
use crate::body::{Progress, Reply};
use crate::cache::freshness::{self, Lifetime, Wish};
use crate::cache::validator;
use crate::cache::{Answer, Cache, CacheCounts, Errand, Keys, Look, Moment, key};
use crate::checked::{Gathered, Looking, gather};
use crate::forward::{self, Forward, Got};
use crate::held;
use crate::serve::{Admitted, Asked};

/// `Cache-Status` of RFC 9211.
static CACHE_STATUS: HeaderName = HeaderName::from_static("cache-status");
/// What of most answers is said that are not kept.
static MISSED: HeaderValue = HeaderValue::from_static("selvage; fwd=uri-miss; fwd-status=200");

/// One request that may be given what is kept.
struct Round<'a> {
    asked: Asked<'a>,
    looking: Looking<'a>,
    cache: &'a Cache,
    keys: Keys,
    wish: Wish,
    is_head: bool,
}

/// What the upstream was asked for, and why.
struct Sent<'a> {
    errand: Errand<'a>,
    /// What the caller says, before we put a condition of ours in the place of theirs.
    headers: HeaderMap,
    since: Moment,
    /// What is to be confirmed, where something is.
    unsure: Option<Arc<Answer>>,
    why: &'static str,
}

/// Answers a request.
pub(crate) async fn answer<'a>(
    asked: Asked<'a>,
    mut forward: Box<Forward<'a>>,
    looking: Looking<'a>,
    cache: &'a Cache,
) -> Response<Reply> {
    let ask = &mut forward.ask;
    if !ask.parts.method.is_safe() {
        // What was changed is asked for again (RFC 9111 §4.4), also where nobody knows what came of it.
        let below = ask.parts.uri.path().get(ask.prefix..).unwrap_or_default();
        let mut change = cache.change(&key::place_of(below));
        CacheCounts::add(&cache.counts.passed);
        let got = match forward::exchange(asked, forward).await {
            Ok(got) => Box::new(got),
            Err(response) => return *response,
        };
        if got.response.status() != StatusCode::ACCEPTED {
            change.is_settled();
        }
        change.over().await;
        return Box::pin(look_and_give(asked, looking, *got, "fwd=method")).await;
    }
    let wish = Wish::of(&ask.parts.headers);
    let reads = matches!(ask.parts.method, Method::GET | Method::HEAD);
    let passes = !reads || wish.none || key::passes_by(&ask.parts.headers) || forward.has_body();
    if passes && wish.only {
        let is_unread = forward.has_body();
        let mut response = not_kept(asked, forward.admitted);
        if is_unread {
            asked.end_connection(&mut response);
        }
        return response;
    }
    if passes {
        let how = if reads { "fwd=bypass" } else { "fwd=method" };
        return Box::pin(pass(asked, forward, looking, cache, how)).await;
    }
    let ask = &mut forward.ask;
    if cache.rules.same_for_all {
        key::leave_out_unkeyed(&mut ask.parts.headers);
    }
    let is_head = ask.parts.method == Method::HEAD;
    if !(is_head || wish.only) && cache.is_barren() {
        return ask_barren(asked, forward, looking, cache).await;
    }
    let keys = Keys::of(ask, forward.admitted.permit.lease, cache.rules.same_for_all);
    let round = Round { asked, looking, cache, keys, wish, is_head };
    // Large beside what asks where nothing is kept.
    if is_head { Box::pin(round.head(forward)).await } else { Box::pin(round.get(forward)).await }
}

/// Sends a request for which nothing is kept.
async fn pass<'a>(
    asked: Asked<'a>,
    forward: Box<Forward<'a>>,
    looking: Looking<'a>,
    cache: &Cache,
    how: &str,
) -> Response<Reply> {
    CacheCounts::add(&cache.counts.passed);
    match forward::exchange(asked, forward).await {
        Ok(got) => look_and_give(asked, looking, got, how).await,
        Err(response) => *response,
    }
}

/// Sends a request where nothing is kept and no answer could be of late: nobody else's is waited for, and nothing is remembered of it,
/// until an answer comes that could be kept.
#[expect(clippy::manual_async_fn, reason = "an `async fn` keeps what it is given twice")]
fn ask_barren<'a>(
    asked: Asked<'a>,
    mut forward: Box<Forward<'a>>,
    looking: Looking<'a>,
    cache: &'a Cache,
) -> impl Future<Output = Response<Reply>> + 'a {
    async move {
        CacheCounts::add(&cache.counts.misses);
        if cache.rules.same_for_all {
            key::leave_out_wishes(&mut forward.ask.parts.headers);
        }
        let Got { admitted, mut response } = match forward::exchange(asked, forward).await {
            Ok(got) => got,
            Err(response) => return *response,
        };
        match looking.look(asked, &admitted, &mut response).await {
            Ok(fits) => {
                if fits && lifetime(&response, asked, cache).is_some() {
                    cache.bears();
                }
                match response.status() {
                    StatusCode::OK => drop(response.headers_mut().append(CACHE_STATUS.clone(), MISSED.clone())),
                    status => say(response.headers_mut(), &format!("fwd=uri-miss; fwd-status={}", status.as_u16())),
                }
                asked.finish(admitted, response)
            }
            Err(problem) => asked.fail(admitted, &problem),
        }
    }
}

/// How long an answer is good, where it may be kept and is not known to be too large.
fn lifetime(response: &Response<Reply>, asked: Asked<'_>, cache: &Cache) -> Option<Lifetime> {
    let small = response.body().size_hint().lower() <= cache.rules.largest;
    freshness::lifetime(response.status(), response.headers(), asked.now, cache.rules.most).filter(|_| small)
}

async fn look_and_give<'a>(asked: Asked<'a>, looking: Looking<'a>, got: Got<'a>, how: &str) -> Response<Reply> {
    let Got { admitted, mut response } = got;
    match looking.look(asked, &admitted, &mut response).await {
        Ok(_) => {
            say(response.headers_mut(), how);
            asked.finish(admitted, response)
        }
        Err(problem) => asked.fail(admitted, &problem),
    }
}

impl<'a> Round<'a> {
    async fn get(self, mut forward: Box<Forward<'a>>) -> Response<Reply> {
        let asked = self.asked;
        let limit = forward::limit(asked, forward.admitted.permit.served);
        let mut waited = false;
        let errand = loop {
            match self.cache.look(&self.keys, &forward.ask.parts.headers, self.wish, (self.now(), waited)) {
                Look::Good(answer) => return self.hit(forward, &answer, waited),
                Look::Ask(errand) => break errand,
                Look::Wait(mut done) => {
                    let left = (asked.started + limit).saturating_duration_since(Instant::now());
                    if left.is_zero() || asked.watch.within(left, done.changed()).await.is_none() {
                        return asked.fail(forward.admitted, &forward::late(Progress::Complete, limit));
                    }
                    // INVARIANT: REVOKED-NOW: what is taken back while it waits is not given.
                    if let Some(problem) = asked.ended_meanwhile(&forward.admitted.permit) {
                        return asked.fail(forward.admitted, &problem);
                    }
                    waited = true;
                    forward.spent = asked.started.elapsed();
                }
            }
        };
        if self.wish.only {
            return not_kept(asked, forward.admitted);
        }
        let sent = self.send_off(errand, &mut forward.ask.parts.headers);
        let again = sent.unsure.is_some().then(|| forward.again());
        let (admitted, response, fits) = match self.ask(forward).await {
            Ok(heard) => heard,
            Err(response) => return *response,
        };
        match (&sent.unsure, again) {
            (Some(answer), Some(again)) if response.status() == StatusCode::NOT_MODIFIED => {
                match validator::confirmed(&answer.headers, response.headers()) {
                    Some(headers) => self.confirm(&sent, answer, admitted, &headers),
                    None => {
                        // What it holds of places is given back before others are asked for.
                        drop(response);
                        // Boxed: it happens where a system contradicts itself.
                        Box::pin(self.anew(sent, again.unconditional(asked, admitted))).await
                    }
                }
            }
            _ => self.take(sent, admitted, response, fits).await,
        }
    }

    /// Sends a request and looks into its answer: whether that is as its contract says, or what the caller gets instead.
    async fn ask(
        &self,
        forward: Box<Forward<'a>>,
    ) -> Result<(Box<Admitted<'a>>, Response<Reply>, bool), Box<Response<Reply>>> {
        let Got { admitted, mut response } = forward::exchange(self.asked, forward).await?;
        match self.looking.look(self.asked, &admitted, &mut response).await {
            Ok(fits) => Ok((admitted, response, fits)),
            Err(problem) => Err(Box::new(self.asked.fail(admitted, &problem))),
        }
    }

    /// What is kept was confirmed as something else than it is: it is forgotten, and asked for without a condition.
    async fn anew(&self, sent: Sent<'_>, forward: Box<Forward<'a>>) -> Response<Reply> {
        self.cache.forget(&self.keys, &sent.headers);
        match self.ask(forward).await {
            Ok((admitted, response, _)) if response.status() == StatusCode::NOT_MODIFIED => {
                let detail = "the upstream system confirms an answer that nobody asked it about";
                self.asked.fail(admitted, &Problem::new(502, code::UPSTREAM_BROKE, detail))
            }
            Ok((admitted, response, fits)) => self.take(sent, admitted, response, fits).await,
            Err(response) => *response,
        }
    }

    /// Makes a request one that asks whether what is kept is still right, where something is that can be asked about.
    fn send_off(&self, errand: Errand<'a>, headers: &mut HeaderMap) -> Sent<'a> {
        let since = self.now();
        let said = headers.clone();
        let why = match &errand.stale {
            Some(answer) if answer.left(since) > 0 => "fwd=request",
            Some(_) => "fwd=stale",
            None => "fwd=uri-miss",
        };
        if self.cache.rules.same_for_all {
            key::leave_out_wishes(headers);
        }
        let unsure = errand.stale.clone().filter(|answer| validator::ask_whether(headers, answer));
        Sent { errand, headers: said, since, unsure, why }
    }

    /// Answers a HEAD: by what a GET had, or by asking; its answer is never kept.
    async fn head(self, forward: Box<Forward<'a>>) -> Response<Reply> {
        let kept = self.cache.find(&self.keys, &forward.ask.parts.headers);
        if let Some(answer) = kept.as_ref().filter(|answer| answer.serves(self.wish, self.now())) {
            return self.hit(forward, answer, false);
        }
        if self.wish.only {
            return not_kept(self.asked, forward.admitted);
        }
        let said = forward.ask.parts.headers.clone();
        let response = pass(self.asked, forward, self.looking, self.cache, "fwd=uri-miss").await;
        // It tells of another answer than the one that is kept (RFC 9111 §4.3.5).
        if kept.is_some_and(|answer| validator::is_another(&answer.headers, response.headers())) {
            self.cache.forget(&self.keys, &said);
        }
        response
    }

    /// What is kept is still right, and has these headers from now on.
    fn confirm(
        &self,
        sent: &Sent<'_>,
        kept: &Answer,
        admitted: Box<Admitted<'a>>,
        headers: &HeaderMap,
    ) -> Response<Reply> {
        CacheCounts::add(&self.cache.counts.confirmed);
        let lifetime = freshness::lifetime(kept.status, headers, self.asked.now, self.cache.rules.most);
        let good = lifetime.unwrap_or(Lifetime { seconds: 0, age: 0, shared: false });
        let answer = Arc::new(Answer::owned(kept.status, headers, kept.body.clone(), good, sent.since));
        match lifetime {
            Some(_) => {
                sent.errand.keep(&self.keys, &sent.headers, &answer);
            }
            None => {
                self.cache.forget(&self.keys, &sent.headers);
                sent.errand.keep_none(&self.keys, &sent.headers, self.now());
            }
        }
        let how = format!("{}; fwd-status=304; ttl={}", sent.why, answer.left(self.now()));
        self.give(admitted, &answer, &sent.headers, &how)
    }

    /// An answer from the upstream: kept where it may be, and given to the caller.
    async fn take(
        &self,
        sent: Sent<'_>,
        admitted: Box<Admitted<'a>>,
        mut response: Response<Reply>,
        fits: bool,
    ) -> Response<Reply> {
        let Sent { errand, headers, since, why, .. } = sent;
        CacheCounts::add(&self.cache.counts.misses);
        let (status, rules) = (response.status(), &self.cache.rules);
        let gathered = match lifetime(&response, self.asked, self.cache).filter(|_| fits) {
            Some(lifetime) => Some((lifetime, gather(response.body_mut(), rules.largest, self.looking.bearer).await)),
            None => None,
        };
        match gathered {
            Some((lifetime, Gathered::Whole(body))) => {
                let Some(body) = self.asked.worker.shared.books.caches.bear(&body) else {
                    // Another time there may be room for it.
                    response.body_mut().hold(body);
                    return self.pass_on(admitted, response, why);
                };
                let answer = Arc::new(Answer::owned(status, response.headers(), body, lifetime, since));
                let stored = errand.keep(&self.keys, &headers, &answer);
                let stored = if stored { "; stored" } else { "" };
                let how = format!("{why}; fwd-status={}{stored}; ttl={}", status.as_u16(), answer.left(self.now()));
                return self.give(admitted, &answer, &headers, &how);
            }
            Some((_, Gathered::Revoked)) => return self.asked.fail(admitted, &held::ended()),
            Some((_, Gathered::Broken)) => {
                let detail = "the upstream system broke off its answer, or did not end it in time";
                return self.asked.fail(admitted, &Problem::new(502, code::UPSTREAM_BROKE, detail));
            }
            Some((_, Gathered::TooLarge(ahead))) => response.body_mut().put_back(ahead),
            Some((_, Gathered::NoRoom(ahead))) => {
                // Another time there may be.
                response.body_mut().put_back(ahead);
                return self.pass_on(admitted, response, why);
            }
            None => {}
        }
        // A system that fails, or has the caller wait, says nothing of what it would answer otherwise.
        let tells = status.as_u16() < 500 && status != StatusCode::TOO_MANY_REQUESTS;
        if tells && status != StatusCode::NOT_MODIFIED {
            if status.is_success() {
                self.cache.forget(&self.keys, &headers);
            }
            errand.keep_none(&self.keys, &headers, self.now());
        }
        self.pass_on(admitted, response, why)
    }

    /// Gives an answer that is not kept.
    fn pass_on(&self, admitted: Box<Admitted<'a>>, mut response: Response<Reply>, why: &str) -> Response<Reply> {
        let how = format!("{why}; fwd-status={}", response.status().as_u16());
        say(response.headers_mut(), &how);
        self.asked.finish(admitted, response)
    }

    /// Gives an answer without asking.
    fn hit(&self, forward: Box<Forward<'a>>, answer: &Answer, waited: bool) -> Response<Reply> {
        CacheCounts::add(&self.cache.counts.hits);
        let now = self.now();
        let how = if waited { "fwd=uri-miss; collapsed" } else { "hit" };
        let how = format!("{how}; ttl={}", answer.left(now));
        let mut response = self.give(forward.admitted, answer, &forward.ask.parts.headers, &how);
        response.headers_mut().insert(header::AGE, HeaderValue::from(answer.age(now)));
        response
    }

    /// Gives an answer, or says that the caller has it already.
    fn give(&self, admitted: Box<Admitted<'a>>, answer: &Answer, said: &HeaderMap, how: &str) -> Response<Reply> {
        let has_it = validator::is_unmodified(said, answer.status, &answer.headers);
        let bodiless = has_it || self.is_head;
        let mut response = Response::new(if bodiless { Reply::nothing() } else { Reply::whole(answer.body.clone()) });
        *response.status_mut() = if has_it { StatusCode::NOT_MODIFIED } else { answer.status };
        let headers = response.headers_mut();
        headers.clone_from(&answer.headers);
        if has_it {
            validator::without_body(headers);
        }
        say(headers, how);
        self.asked.finish(admitted, response)
    }

    fn now(&self) -> Moment {
        Moment { at: Instant::now(), wall: self.asked.worker.clock.wall() }
    }
}

/// Says where an answer comes from.
fn say(headers: &mut HeaderMap, how: &str) {
    if let Ok(value) = HeaderValue::try_from(format!("selvage; {how}")) {
        headers.append(CACHE_STATUS.clone(), value);
    }
}

/// Says that nothing is kept that would do. Whoever wants a kept answer or none gets what it asked for: that is a condition
/// which does not hold, and no failure of the interface.
fn not_kept<'a>(asked: Asked<'a>, admitted: Box<Admitted<'a>>) -> Response<Reply> {
    let detail = "the request wants a kept answer or none, and none is kept that would do";
    let problem = Problem::new(504, code::NOT_KEPT, detail);
    let response = answer::problem(&problem, asked.exchange.correlation());
    asked.finish_as(StatusCode::PRECONDITION_FAILED, admitted, response)
}

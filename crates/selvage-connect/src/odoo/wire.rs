//! One HTTP exchange with the server, and the few repetitions that are safe. It never resends what may have been done.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::sync::Arc;
use std::time::{Duration, Instant};

use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue};
use reqwest::{Certificate, Client, ClientBuilder, Identity, Response, redirect};
use serde_json::Value;

use super::Odoo;
use super::call::{Call, CallClass};
use super::classify::lost;
use super::config::{ConfigError, OdooConfig, OdooTls, Secret};
use super::dialect::Dialect;
use super::failure::Failure;
use super::keys::Mark;
use super::server::Server;
use crate::governor::{Outcome, Pass, Wish};

const ANSWER_LIMIT: usize = 64 * 1024 * 1024;
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// Shorter than Odoo and the proxies before it keep an idle connection, so that a call rarely meets one that just closed.
const IDLE_TIMEOUT: Duration = Duration::from_secs(20);
const MOST_REPEATS: u32 = 4;
const FIRST_WAIT: Duration = Duration::from_millis(100);

/// What is sent: a body is posted, without one it is a GET.
pub(super) struct Request {
    pub(super) path: String,
    pub(super) body: Option<String>,
    pub(super) dialect: Dialect,
    /// JSON-2 carries its key in a header; the others in the body.
    pub(super) bearer: Option<Secret>,
    /// The key that it carries, for what needs one.
    pub(super) sent_by: Option<Mark>,
}

/// What came back, whole.
pub(super) struct Reply {
    pub(super) status: u16,
    pub(super) body: Vec<u8>,
}

/// A client that follows nothing and trusts no environment.
pub(super) fn client(config: &OdooConfig) -> Result<Client, ConfigError> {
    let builder = Client::builder()
        .no_proxy()
        .redirect(redirect::Policy::none())
        .retry(reqwest::retry::never())
        .referer(false)
        .http1_only()
        .timeout(config.timeout)
        .connect_timeout(CONNECT_TIMEOUT.min(config.timeout / 2))
        .pool_idle_timeout(IDLE_TIMEOUT)
        .pool_max_idle_per_host(config.concurrency)
        .user_agent(concat!("selvage/", env!("CARGO_PKG_VERSION")));
    let built = known_by(builder, &config.tls).and_then(ClientBuilder::build);
    built.map_err(|source| ConfigError::Client { system: config.system.clone(), source })
}

/// The same by these authorities and no others, showing this.
fn known_by(builder: ClientBuilder, tls: &OdooTls) -> Result<ClientBuilder, reqwest::Error> {
    let builder = match &tls.authorities {
        Some(authorities) => builder.tls_certs_only(Certificate::from_pem_bundle(authorities.as_bytes())?),
        None => builder,
    };
    match &tls.proof {
        Some(proof) => Ok(builder.identity(Identity::from_pem(proof.reveal().as_bytes())?)),
        None => Ok(builder),
    }
}

impl Odoo {
    /// Makes one call and says what became of it. What Odoo surely rolled back is sent again, at most four times and
    /// never begun after the configured timeout has passed; a read whose connection broke once, as far as such may be.
    ///
    /// # Errors
    /// [`Failure`], by what is known of the call's effect.
    pub async fn call(&self, call: Call) -> Result<Value, Failure> {
        let (server, call) = self.prepared(call).await?;
        self.carry(None, &server, &call).await
    }

    /// What must be known before a call can be sent: the server, and in which companies.
    pub(super) async fn prepared(&self, call: Call) -> Result<(Arc<Server>, Call), Failure> {
        call.check()?;
        let server = self.server().await.map_err(Failure::before_sending)?;
        let call = self.in_companies(&server, call).await.map_err(|failure| self.clean(failure))?;
        Ok((server, call))
    }

    /// Makes a call that is prepared, the first time with this pass.
    pub(super) async fn carry(&self, mut pass: Option<Pass>, server: &Server, call: &Call) -> Result<Value, Failure> {
        let config = self.config();
        let mut key = self.key()?;
        let mut request = self.request(server.dialect, key, server.user, call)?;
        let kind = format!("{}.{}", call.model, call.method);
        let begun = Instant::now();
        let mut repeats = 0;
        loop {
            let read = |reply: Reply| server.dialect.result(&reply, call.class);
            let answer = self.answered(pass.take(), &kind, &request, call.class, read).await;
            if let Some(other) = self.key_instead(key, &answer) {
                key = other;
                request = self.request(server.dialect, key, server.user, call)?;
                continue;
            }
            let again = matches!(answer, Err(Failure::TryAgain { .. }));
            let wait = backoff(repeats);
            if !again || repeats == MOST_REPEATS || begun.elapsed() + wait >= config.timeout {
                return answer.map_err(|failure| self.clean(failure));
            }
            tracing::debug!(system = %config.system, model = %call.model, method = %call.method, repeats, "rolled back, sending again");
            tokio::time::sleep(wait).await;
            repeats += 1;
        }
    }

    /// One exchange, once, when the governor lets it.
    pub(super) async fn exchange(&self, request: &Request, class: CallClass) -> Result<Reply, Failure> {
        self.answered(None, &request.path, request, class, Ok).await
    }

    /// The same with what its reply means, which the governor learns from.
    async fn answered<T>(
        &self,
        pass: Option<Pass>,
        kind: &str,
        request: &Request,
        class: CallClass,
        read: impl FnOnce(Reply) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        let pass = match pass {
            Some(pass) => pass,
            None => self.pass().await?,
        };
        // INVARIANT: ONE-EFFECT — a claimant that was paused between two calls may be another's by now.
        if class == CallClass::Write && self.sure.as_ref().is_some_and(|sure| !sure()) {
            return Err(Failure::TryAgain { reason: "it is no longer surely held, so it was not sent".to_owned() });
        }
        // While it waited for its turn, others may have learnt that its key is refused.
        if request.sent_by.is_some_and(|mark| !self.inner.keys.still(mark)) {
            return Err(Failure::Unauthenticated);
        }
        let reply = self.send(request, class).await;
        let status = reply.as_ref().ok().map(|reply| reply.status);
        let answer = reply.and_then(read);
        pass.end(kind, outcome(status, answer.as_ref().err()));
        answer
    }

    /// The governor's leave to make one exchange.
    pub(super) async fn pass(&self) -> Result<Pass, Failure> {
        let config = self.config();
        let wish = Wish { account: &config.login, priority: self.priority, patience: config.timeout };
        self.inner.governor.begin(wish).await.map_err(|busy| {
            let reason = match (busy.rests, busy.full) {
                (true, _) => "call after call found no answer",
                (false, true) => "more urgent calls are waiting already",
                (false, false) => "its turn would come too late",
            };
            Failure::Busy { reason: reason.to_owned(), after: busy.after, rests: busy.rests }
        })
    }

    async fn send(&self, request: &Request, class: CallClass) -> Result<Reply, Failure> {
        let begun = Instant::now();
        let mut sent = self.sent(request).await;
        let broke = sent.as_ref().is_err_and(|error| !error.is_connect() && !error.is_timeout());
        // One whose connection broke, not one that is slow, and never more than a part of all calls.
        let is_soon = begun.elapsed() < self.config().timeout / 2;
        if broke && is_soon && class == CallClass::Read && self.inner.governor.may_repeat() {
            sent = self.sent(request).await;
        }
        match sent {
            Ok(response) => whole(response, class).await,
            Err(error) if error.is_connect() => Err(Failure::Unreachable { reason: reason(&error) }),
            Err(error) => Err(lost(reason(&error), class)),
        }
    }

    async fn sent(&self, request: &Request) -> reqwest::Result<Response> {
        let url = format!("{}{}", self.inner.base, request.path);
        let sending = match &request.body {
            Some(body) => self.inner.http.post(url).headers(self.headers(request)).body(body.clone()),
            None => self.inner.http.get(url),
        };
        sending.send().await.inspect(|response| self.inner.clock.hear(response.headers()))
    }

    fn headers(&self, request: &Request) -> HeaderMap {
        let mut headers = HeaderMap::new();
        let form = if request.dialect == Dialect::XmlRpc { "text/xml" } else { "application/json" };
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(form));
        let Some(key) = &request.bearer else { return headers };
        // INVARIANT: SECRET-FREE — a sensitive header is not printed by anything that prints requests.
        if let Ok(mut value) = HeaderValue::from_str(&format!("bearer {}", key.reveal())) {
            value.set_sensitive(true);
            headers.insert(AUTHORIZATION, value);
        }
        if let Some(Ok(database)) = self.config().database.as_deref().map(HeaderValue::from_str) {
            headers.insert("x-odoo-database", database);
        }
        headers
    }

    /// The failure without the account's keys, should the server have echoed one.
    pub(super) fn clean(&self, failure: Failure) -> Failure {
        let blot = |text: String| self.config().secrets().fold(text, |text, secret| secret.blot(&text));
        match failure {
            Failure::Refused { kind, message, field } => Failure::Refused { kind, message: blot(message), field },
            Failure::TryAgain { reason } => Failure::TryAgain { reason: blot(reason) },
            other => other,
        }
    }
}

/// How a call ended, for the governor.
fn outcome(status: Option<u16>, failure: Option<&Failure>) -> Outcome {
    match failure {
        _ if status == Some(429) => Outcome::SlowDown,
        None => Outcome::Answered,
        Some(Failure::TryAgain { .. }) => Outcome::Conflict,
        Some(Failure::Refused { .. } | Failure::Mismatch { .. } | Failure::Unauthenticated) => Outcome::Refused,
        Some(Failure::Unavailable { .. } | Failure::Unknown { .. }) => Outcome::Lost,
        Some(Failure::Unreachable { .. }) => Outcome::Unreachable,
        Some(Failure::Protocol { .. }) => Outcome::Strange,
        Some(Failure::Busy { .. }) => Outcome::Dropped,
    }
}

async fn whole(mut response: Response, class: CallClass) -> Result<Reply, Failure> {
    let status = response.status().as_u16();
    let mut body = Vec::new();
    loop {
        match response.chunk().await {
            Ok(Some(chunk)) if body.len() + chunk.len() > ANSWER_LIMIT => {
                return Err(lost("the answer is larger than 64 MiB".to_owned(), class));
            }
            Ok(Some(chunk)) => body.extend_from_slice(&chunk),
            Ok(None) => return Ok(Reply { status, body }),
            Err(error) => return Err(lost(reason(&error), class)),
        }
    }
}

/// What happened to the connection, in the words of the innermost cause; the address is left out.
fn reason(error: &reqwest::Error) -> String {
    if error.is_timeout() {
        return if error.is_connect() { "connecting took too long" } else { "no answer in time" }.to_owned();
    }
    let mut cause: &dyn std::error::Error = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    cause.to_string()
}

/// 100, 200, 400, 800 ms, each with up to as much again, so that calls which collided do not collide once more.
fn backoff(repeats: u32) -> Duration {
    let base = FIRST_WAIT * 2_u32.saturating_pow(repeats);
    let random = RandomState::new().build_hasher().finish();
    base + base.mul_f64((random % 1_000) as f64 / 1_000.0)
}

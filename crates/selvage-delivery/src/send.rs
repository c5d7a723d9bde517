//! Sends messages to endpoints by HTTP: signed, to addresses that are open, over connections that are kept, and says what came of it.
//! It never follows a redirect, never waits for another endpoint, and knows no lanes, no store and no log.

mod address;
mod answer;
mod dial;
mod exchange;
mod failure;
mod gate;
mod guard;
mod line;
mod probe;
mod signature;

use std::collections::HashMap;
use std::future::Future;
use std::io;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use selvage_model::manifest::system::SecretName;
use tokio::time::Instant;

use crate::{Attempt, Endpoint, Message, Sending, Sent, Signing};
use address::Addresses;
use answer::Said;
use exchange::Ask;
use failure::Failure;
use gate::{NotNow, Went};
use guard::Destination;
use line::Line;
pub use probe::{PROBED, probe};
pub use signature::{KeyError, SigningKey, signatures};

/// What a secret is now: it is asked for at each message, so that a new one counts from the next on.
pub type Secrets = Arc<dyn Fn(&SecretName) -> Option<String> + Send + Sync>;
/// What a name leads to.
pub type Resolve = Arc<dyn Fn(String) -> Pin<Box<dyn Future<Output = io::Result<Vec<IpAddr>>> + Send>> + Send + Sync>;

/// How many endpoints are known before it is looked for those that are not used any more.
const MANY: usize = 4_096;

/// What sends. A clone is the same one.
#[derive(Clone)]
pub struct Sender {
    shared: Arc<Shared>,
}

struct Shared {
    secrets: Secrets,
    resolve: Resolve,
    lines: Mutex<HashMap<String, Arc<Line>>>,
    addresses: Addresses,
}

impl Sender {
    /// One that resolves names as the machine does.
    pub fn new(secrets: Secrets) -> Self {
        Self::resolving(secrets, Arc::new(|host| Box::pin(look_up(host))))
    }

    /// One that resolves names so.
    pub fn resolving(secrets: Secrets, resolve: Resolve) -> Self {
        Self { shared: Arc::new(Shared { secrets, resolve, lines: Mutex::default(), addresses: Addresses::default() }) }
    }

    /// As lanes use it.
    pub fn sending(&self) -> Sending {
        let sender = self.clone();
        Arc::new(move |endpoint, message| {
            let sender = sender.clone();
            Box::pin(async move { sender.send(endpoint, message).await })
        })
    }

    /// Forgets how the endpoint of this name was met: whoever sends next may, whatever it asked for.
    pub fn forget(&self, name: &str) {
        self.lines().remove(name);
    }

    /// Forgets how every endpoint was met but these: who sends to them meanwhile is another node, and knows better.
    pub fn keep(&self, is_kept: impl Fn(&str) -> bool) {
        self.lines().retain(|name, _| is_kept(name));
    }

    fn lines(&self) -> MutexGuard<'_, HashMap<String, Arc<Line>>> {
        self.shared.lines.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sends a message once.
    pub async fn send(&self, endpoint: Arc<Endpoint>, message: Message) -> Attempt {
        let turn = match self.line(&endpoint).enter().await {
            Ok(turn) => turn,
            Err(NotNow { because, retry_after }) => {
                let sent = Sent::NotSent { because, retry_after };
                return Attempt { at: Timestamp::now(), took: Duration::ZERO, status: None, excerpt: None, sent };
            }
        };
        // What it waited for its place is no time of the endpoint's.
        let (at, began) = (Timestamp::now(), Instant::now());
        let attempt = |status, excerpt, sent| Attempt { at, took: began.elapsed(), status, excerpt, sent };
        let answer = match self.exchange(&turn.line, &message, at).await {
            Ok(answer) => answer,
            Err(failure) => {
                turn.ends(if failure.is_the_endpoints() { Went::Failed } else { Went::Nothing });
                return attempt(None, None, failure.meaning(None));
            }
        };
        let secret = turn.line.endpoint.headers.iter().map(|(_, value)| value.as_str());
        let excerpt = answer::excerpt(&answer.begins, secret);
        let (went, sent) = match answer::said(answer.status, &answer.headers) {
            Said::Taken => (Went::Well, Sent::Delivered),
            Said::Gone => (Went::Well, Sent::Gone),
            Said::Failed(failure) => judged(&failure, answer::retry_after(&answer.headers, at)),
        };
        turn.ends(went);
        attempt(Some(answer.status.as_u16()), excerpt, sent)
    }

    async fn exchange(&self, line: &Line, message: &Message, at: Timestamp) -> Result<exchange::Answer, Failure> {
        let endpoint = &line.endpoint;
        let to = Destination::read(&endpoint.url)?;
        let signatures = match &endpoint.signing {
            Signing::None => None,
            Signing::StandardWebhooks(names) => {
                let keys = self.keys(names)?;
                Some(signatures(&keys, &message.id, at.as_second(), &message.body))
            }
        };
        let headers = exchange::headers(message, &endpoint.headers, at.as_second(), signatures);
        let ask = Ask { line, to: &to, headers, body: message.body.clone() };
        ask.send(&self.shared.resolve, &self.shared.secrets).await
    }

    fn keys(&self, names: &[SecretName]) -> Result<Vec<SigningKey>, Failure> {
        if names.is_empty() {
            return Err(Failure::Unsigned);
        }
        let key = |name: &SecretName| {
            let secret = (self.shared.secrets)(name).ok_or_else(|| Failure::NoKey(name.clone()))?;
            SigningKey::read(&secret).map_err(|error| Failure::Key { name: name.clone(), error })
        };
        names.iter().map(key).collect()
    }

    /// What this node has of the endpoint; begun anew where the endpoint is another than it was.
    fn line(&self, endpoint: &Arc<Endpoint>) -> Arc<Line> {
        let mut lines = self.lines();
        if let Some(line) = lines.get(&endpoint.name).filter(|line| line.endpoint == *endpoint) {
            return Arc::clone(line);
        }
        if lines.len() >= MANY {
            // Whose is used now is held by its message.
            lines.retain(|_, line| Arc::strong_count(line) > 1);
        }
        let line = Arc::new(Line::new(Arc::clone(endpoint), &self.shared.addresses));
        lines.insert(endpoint.name.clone(), Arc::clone(&line));
        line
    }
}

/// What an answer that is no 2xx tells of the endpoint, and means for the message.
fn judged(failure: &Failure, retry_after: Option<Duration>) -> (Went, Sent) {
    let asks = retry_after.filter(|_| matches!(failure, Failure::Status(429 | 503)));
    let went = match asks {
        Some(wait) => Went::Later(wait),
        None if failure.is_the_endpoints() => Went::Failed,
        None => Went::Nothing,
    };
    (went, failure.meaning(asks))
}

async fn look_up(host: String) -> io::Result<Vec<IpAddr>> {
    let found = tokio::net::lookup_host((host.as_str(), 0)).await?;
    Ok(found.map(|address| address.ip()).collect())
}

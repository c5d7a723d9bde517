//! One client of a write: it sends, and does with every answer what a well-behaved client does, until the answer is final.
//! Always the same key and the same body; never more than one request at a time.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use http_body_util::Full;
use hyper::Request;
use hyper::header::{AUTHORIZATION, HeaderName};
use serde_json::Value;

use crate::http::{self, Answer};

/// Longer than two of the longest pauses between looks at an outcome that nobody knows.
const GIVE_UP_AFTER: Duration = Duration::from_secs(120);
const ASK_AGAIN_AFTER: Duration = Duration::from_millis(100);
/// A client's own patience with one request: more than the interface's timeout.
const PATIENCE: Duration = Duration::from_secs(5);

/// The last answer that a client got to its write.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Terminal {
    /// An answer that no retry would change.
    Answer {
        /// HTTP status.
        status: u16,
        /// The body.
        body: Value,
    },
    /// This operation ended without an outcome: it waits for a person.
    Stuck(String),
    /// None in time; what it heard last.
    Nothing(String),
}

/// What every client of one write sends.
#[derive(Clone)]
pub(crate) struct Write {
    /// The gateways that it may be sent to.
    pub(crate) gateways: Vec<SocketAddr>,
    /// The consumer's key.
    pub(crate) credential: String,
    /// Where it is posted to.
    pub(crate) path: String,
    /// The `Idempotency-Key`.
    pub(crate) key: String,
    /// The body.
    pub(crate) body: Value,
}

/// How it ended for one client.
pub(crate) struct Ended {
    pub(crate) terminal: Terminal,
    /// The operation that it was pointed to, where it was.
    pub(crate) operation: Option<String>,
}

impl Write {
    /// Sends until the answer is final, to this gateway first and to the other when one cannot be reached.
    pub(crate) async fn until_answered(&self, mut gateway: usize) -> Ended {
        let began = Instant::now();
        let mut operation = None;
        let mut last = String::new();
        while began.elapsed() < GIVE_UP_AFTER {
            let answer = match self.send(gateway).await {
                Ok(answer) => answer,
                Err(error) => {
                    last = format!("{error:#}");
                    gateway += 1;
                    tokio::time::sleep(ASK_AGAIN_AFTER).await;
                    continue;
                }
            };
            last = format!("{} {}", answer.status, String::from_utf8_lossy(&answer.body));
            match answer.status {
                202 => {
                    operation = answer.header("location").map(str::to_owned);
                    let state;
                    (gateway, state) = self.follow(gateway, operation.as_deref(), began).await;
                    if state == "stuck" {
                        let id = operation.as_deref().unwrap_or_default();
                        let id = id.rsplit('/').next().unwrap_or_default().to_owned();
                        return Ended { terminal: Terminal::Stuck(id), operation };
                    }
                }
                // A conflict without a time to come back is a refusal like any other.
                status if is_passing(status, &answer) => tokio::time::sleep(wait(&answer)).await,
                status => {
                    let terminal = match answer.json() {
                        Ok(body) => Terminal::Answer { status, body },
                        Err(error) => Terminal::Nothing(format!("{error:#}")),
                    };
                    return Ended { terminal, operation };
                }
            }
        }
        let terminal = Terminal::Nothing(last);
        Ended { terminal, operation }
    }

    async fn send(&self, gateway: usize) -> Result<Answer> {
        let headers = [
            (AUTHORIZATION, format!("Bearer {}", self.credential)),
            (HeaderName::from_static("idempotency-key"), self.key.clone()),
        ];
        http::post(self.gateway(gateway)?, &self.path, &headers, &self.body, PATIENCE).await
    }

    /// Asks for the operation until it has an end; the write is then asked again, for the answer that its key got.
    /// Returns the gateway that answered last, and the state.
    async fn follow(&self, mut gateway: usize, operation: Option<&str>, began: Instant) -> (usize, String) {
        let Some(operation) = operation else { return (gateway, String::new()) };
        while began.elapsed() < GIVE_UP_AFTER {
            match self.state(gateway, operation).await {
                Ok(state) if state == "pending" || state == "unknown" => {}
                Ok(state) => return (gateway, state),
                Err(_) => gateway += 1,
            }
            tokio::time::sleep(ASK_AGAIN_AFTER).await;
        }
        (gateway, String::new())
    }

    /// The state of an operation, as its resource says it.
    pub(crate) async fn state(&self, gateway: usize, operation: &str) -> Result<String> {
        let request = Request::get(operation)
            .header(AUTHORIZATION, format!("Bearer {}", self.credential))
            .body(Full::default())?;
        let answer = http::send(self.gateway(gateway)?, request, PATIENCE).await?;
        let state = answer.json()?;
        let state = state.get("state").and_then(Value::as_str).unwrap_or("without a state");
        Ok(state.to_owned())
    }

    fn gateway(&self, turn: usize) -> Result<SocketAddr> {
        let turn = turn.checked_rem(self.gateways.len()).and_then(|turn| self.gateways.get(turn));
        turn.copied().context("there is no gateway")
    }
}

/// Whether the same request may get another answer.
fn is_passing(status: u16, answer: &Answer) -> bool {
    matches!(status, 429 | 502..=504) || (status == 409 && answer.header("retry-after").is_some())
}

/// How long the answer asks to wait.
fn wait(answer: &Answer) -> Duration {
    let seconds = answer.header("retry-after").and_then(|value| value.parse().ok());
    seconds.map_or(ASK_AGAIN_AFTER, Duration::from_secs)
}

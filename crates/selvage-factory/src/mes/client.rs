//! The MES as a consumer of Selvage: bearer key, idempotency keys, and an ending for every request.
//! It never retries by itself: the shift asks again with the same key when it comes round.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use reqwest::{Client, RequestBuilder, Url};
use serde_json::Value;

use super::board::Board;
use super::lock;

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// How a request ended.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Ending {
    /// It is done; the answer.
    Done(Value),
    /// It may still happen: an operation is under way, the same key is in flight, or the server is in trouble. Ask again.
    Later,
    /// It will not happen.
    Refused,
}

/// A consumer of Selvage.
#[derive(Clone, Debug)]
pub(crate) struct Consumer {
    http: Client,
    base_url: String,
    key: String,
    board: Arc<Mutex<Board>>,
}

impl Consumer {
    pub(crate) fn new(base_url: &str, key: &str, board: Arc<Mutex<Board>>) -> Result<Self, reqwest::Error> {
        let http = Client::builder().timeout(PATIENCE).build()?;
        Ok(Self { http, base_url: base_url.trim_end_matches('/').to_owned(), key: key.to_owned(), board })
    }

    /// Reads a path with its query.
    pub(crate) async fn get(&self, path: &str, query: &[(&str, &str)]) -> Ending {
        let Ok(url) = Url::parse_with_params(&format!("{}{path}", self.base_url), query) else {
            lock(&self.board).count(None);
            return Ending::Refused;
        };
        self.send(self.http.get(url)).await.1
    }

    /// Asks for a change under a key; the status is `None` where no answer came.
    pub(crate) async fn post(&self, path: &str, key: &str, body: &Value) -> (Option<u16>, Ending) {
        let request = self.http.post(format!("{}{path}", self.base_url)).header("Idempotency-Key", key).json(body);
        self.send(request).await
    }

    async fn send(&self, request: RequestBuilder) -> (Option<u16>, Ending) {
        let Ok(response) = request.bearer_auth(&self.key).send().await else {
            lock(&self.board).count(None);
            return (None, Ending::Later);
        };
        let status = response.status().as_u16();
        lock(&self.board).count(Some(status));
        let ending = match status {
            202 | 409 | 425 | 429 | 500.. => Ending::Later,
            200..=299 => Ending::Done(response.json().await.unwrap_or(Value::Null)),
            _ => Ending::Refused,
        };
        (Some(status), ending)
    }
}

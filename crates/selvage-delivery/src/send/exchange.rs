//! One message and its answer over one connection. A connection that was kept and turns out to be closed is replaced once: the id of
//! the message is the same, so a receiver that had it knows it again. INVARIANT: ONE-EFFECT

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Request, Response, StatusCode, header};
use http_body_util::{BodyExt as _, Full};
use hyper::body::{Body as _, Incoming};
use tokio::time::Instant;

use super::dial::{Connection, dial};
use super::failure::Failure;
use super::guard::Destination;
use super::line::Line;
use super::{Resolve, Secrets};
use crate::{Attempt, Message};

/// What is read of an answer so that its connection may be kept, and for how long. The status has said everything before.
const MOST_BODY: usize = 64 * 1024;
const BODY_WITHIN: Duration = Duration::from_secs(2);

/// An answer, as far as it was read.
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) begins: Vec<u8>,
}

/// What is asked of a connection.
pub(super) struct Ask<'a> {
    pub(super) line: &'a Line,
    pub(super) to: &'a Destination,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
}

impl Ask<'_> {
    /// Sends it and reads the answer, all of it within the endpoint's time.
    pub(super) async fn send(&self, resolve: &Resolve, secrets: &Secrets) -> Result<Answer, Failure> {
        let timeout = self.line.endpoint.limits.timeout;
        let deadline = Instant::now() + timeout;
        let heads = tokio::time::timeout_at(deadline, self.head(resolve, secrets)).await;
        let (response, connection) = heads.map_err(|_| Failure::Late(timeout))??;
        let (parts, body) = response.into_parts();
        let (begins, whole) = read(body, deadline.min(Instant::now() + BODY_WITHIN)).await;
        if whole {
            self.line.keep(connection);
        }
        Ok(Answer { status: parts.status, headers: parts.headers, begins })
    }

    async fn head(&self, resolve: &Resolve, secrets: &Secrets) -> Result<(Response<Incoming>, Connection), Failure> {
        if let Some(mut kept) = self.line.kept()
            && kept.sender.ready().await.is_ok()
        {
            match kept.sender.send_request(self.request()?).await {
                Ok(response) => return Ok((response, kept)),
                // The endpoint closed it in this moment, or before: nothing was answered to anything.
                Err(error) if error.is_canceled() || error.is_closed() || error.is_incomplete_message() => {}
                Err(error) if is_io(&error) => {}
                Err(error) => return Err(failed(&error)),
            }
        }
        let endpoint = &self.line.endpoint;
        let addresses = self.to.open_addresses(&endpoint.addresses, resolve).await?;
        let mut connection = dial(self.to, &addresses, &endpoint.tls, secrets).await?;
        let sent = connection.sender.send_request(self.request()?).await;
        Ok((sent.map_err(|error| failed(&error))?, connection))
    }

    fn request(&self) -> Result<Request<Full<Bytes>>, Failure> {
        let mut request =
            Request::post(&self.to.path).body(Full::new(self.body.clone())).map_err(|_| Failure::Address)?;
        *request.headers_mut() = self.headers.clone();
        let host = HeaderValue::try_from(&self.to.authority);
        request.headers_mut().insert(header::HOST, host.map_err(|_| Failure::Address)?);
        Ok(request)
    }
}

fn is_io(error: &hyper::Error) -> bool {
    std::error::Error::source(error).is_some_and(|source| source.is::<std::io::Error>())
}

fn failed(error: &hyper::Error) -> Failure {
    let source = std::error::Error::source(error).map(|source| format!(": {source}")).unwrap_or_default();
    let told = format!("{error}{source}");
    if error.is_parse() { Failure::NoHttp(told) } else { Failure::Broken(told) }
}

/// The beginning of a body, and whether its end was seen.
async fn read(mut body: Incoming, until: Instant) -> (Vec<u8>, bool) {
    let (mut begins, mut read) = (Vec::new(), 0);
    while read < MOST_BODY {
        if body.is_end_stream() {
            return (begins, true);
        }
        match tokio::time::timeout_at(until, body.frame()).await {
            Ok(None) => return (begins, true),
            Ok(Some(Ok(frame))) => {
                let Some(data) = frame.data_ref() else { continue };
                read += data.len();
                let room = (4 * Attempt::MOST_EXCERPT).saturating_sub(begins.len());
                begins.extend(data.iter().take(room));
            }
            Ok(Some(Err(_))) | Err(_) => break,
        }
    }
    (begins, false)
}

/// The headers of a message: those of its endpoint, and over them its own. What is about the connection is nobody's.
pub(super) fn headers(
    message: &Message,
    extra: &[(String, String)],
    seconds: i64,
    signatures: Option<String>,
) -> HeaderMap {
    const OF_THE_CONNECTION: [&str; 7] =
        ["connection", "content-length", "host", "keep-alive", "te", "transfer-encoding", "upgrade"];
    let mut headers = HeaderMap::with_capacity(extra.len() + 6);
    for (name, value) in extra {
        let (Ok(name), Ok(mut value)) = (HeaderName::try_from(name), HeaderValue::try_from(value)) else { continue };
        if !OF_THE_CONNECTION.contains(&name.as_str()) {
            value.set_sensitive(true);
            headers.append(name, value);
        }
    }
    let mut put = |name: HeaderName, value: &str| {
        if let Ok(value) = HeaderValue::try_from(value) {
            headers.insert(name, value);
        }
    };
    put(header::CONTENT_TYPE, message.content_type);
    put(header::USER_AGENT, concat!("selvage/", env!("CARGO_PKG_VERSION")));
    put(HeaderName::from_static("webhook-id"), message.id.as_str());
    put(HeaderName::from_static("webhook-timestamp"), &seconds.to_string());
    if let Some(signatures) = signatures {
        put(HeaderName::from_static("webhook-signature"), &signatures);
    }
    headers
}

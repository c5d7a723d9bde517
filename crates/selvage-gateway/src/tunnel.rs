//! WebSockets (RFC 6455) through a direct interface that declares them: the handshake is a request like any other, decided
//! and counted; after it bytes pass both ways as they come. Nothing of them is read or kept.

use std::fmt;
use std::rc::Rc;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use http::request::Parts;
use http::uri::Authority;
use http::{HeaderMap, HeaderValue, Method, Response, StatusCode, Uri, Version, header};
use jiff::Timestamp;
use selvage_model::manifest::interface::Check;
use selvage_model::name::SystemName;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt, copy_bidirectional};

use crate::body::Reply;
use crate::decide::{Permit, Plan, decide};
use crate::dial::Stream;
use crate::gate::Place;
use crate::head::Head;
use crate::peer::Peer;
use crate::pool::{Address, Loan};
use crate::snapshot::{Snapshot, Upstream};

/// A connection to an upstream that became a WebSocket.
pub(crate) struct Tunnel {
    upstream: Stream,
    /// What the upstream said right behind its answer.
    heard: BytesMut,
    /// The interface's place, held until the end.
    _place: Option<Place>,
}

impl fmt::Debug for Tunnel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tunnel").finish_non_exhaustive()
    }
}

impl Tunnel {
    /// Of a connection whose answer agreed.
    pub(crate) fn new(loan: Loan, place: Option<Place>) -> Self {
        let (upstream, heard) = loan.talk.into_stream();
        Self { upstream, heard, _place: place }
    }

    /// Passes bytes both ways until both ends are done, or the connection's task is ended. The client has said `said`.
    pub(crate) async fn run<S: AsyncRead + AsyncWrite + Unpin>(mut self, mut client: S, said: &Bytes) {
        let passing = async {
            self.upstream.write_all(said).await?;
            self.upstream.flush().await?;
            client.write_all(&self.heard).await?;
            client.flush().await?;
            copy_bidirectional(&mut client, &mut self.upstream).await
        };
        if let Err(error) = passing.await {
            tracing::debug!(%error, "a WebSocket ended");
        }
    }
}

/// The request that a tunnel began with, by which it is decided again whether it may go on. INVARIANT: REVOKED-NOW: a key,
/// a grant or an interface that ends takes with it what it opened.
#[derive(Debug)]
pub(crate) struct Right {
    uri: Uri,
    headers: HeaderMap,
    peer: Rc<Peer>,
    /// Where it goes.
    system: SystemName,
    address: Arc<Address>,
    base: String,
}

impl Right {
    /// Of a request that asks to become a WebSocket.
    pub(crate) fn of(parts: &Parts, peer: &Rc<Peer>, upstream: &Upstream) -> Self {
        Self {
            uri: parts.uri.clone(),
            headers: parts.headers.clone(),
            peer: Rc::clone(peer),
            system: upstream.system.clone(),
            address: Arc::clone(&upstream.address),
            base: upstream.base.clone(),
        }
    }

    /// Whether the same request would pass now, as a tunnel, where the access state was not heard of for so many nanoseconds.
    pub(crate) fn holds(&self, snapshot: &Snapshot, now: Timestamp, deaf: u64) -> bool {
        let head = Head {
            method: &Method::GET,
            authority: self.uri.authority().map(Authority::as_str),
            path: self.uri.path(),
            query: self.uri.query(),
            version: Version::HTTP_11,
            headers: &self.headers,
            client: self.peer.certificate.as_ref(),
        };
        match decide(snapshot, &head, now) {
            Plan::Proxy { permit, upstream, .. } => {
                may_become(&permit) && self.goes_to(upstream.upstream) && deaf <= permit.served.serves_for
            }
            _ => false,
        }
    }

    fn goes_to(&self, upstream: &Upstream) -> bool {
        self.system == upstream.system && self.address == upstream.address && self.base == upstream.base
    }
}

/// Whether a permitted request may become a WebSocket: what goes through one cannot be looked into.
fn may_become(permit: &Permit<'_>) -> bool {
    let is_enforced = permit.checks().is_some_and(|(checks, _)| checks.validation.response == Check::Enforce);
    permit.served.websocket && permit.direct_scope().is_none() && !is_enforced
}

/// Whether a request asks to become a WebSocket.
pub(crate) fn is_asked(parts: &Parts) -> bool {
    let Parts { method, version, headers, .. } = parts;
    let mut upgrades = headers.get_all(header::UPGRADE).iter();
    let upgrade = upgrades.next().filter(|_| upgrades.next().is_none());
    let named = headers.get_all(header::CONNECTION).iter().filter_map(|value| value.to_str().ok());
    *method == Method::GET
        && *version == Version::HTTP_11
        && upgrade.is_some_and(|upgrade| upgrade.as_bytes().eq_ignore_ascii_case(b"websocket"))
        && named.flat_map(|value| value.split(',')).any(|word| word.trim().eq_ignore_ascii_case("upgrade"))
        && headers.contains_key(header::SEC_WEBSOCKET_KEY)
}

/// The answer that agrees, with what the upstream said of it.
pub(crate) fn switched(mut headers: HeaderMap) -> Response<Reply> {
    headers.insert(header::CONNECTION, HeaderValue::from_static("upgrade"));
    headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
    let mut response = Response::new(Reply::nothing());
    *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    *response.headers_mut() = headers;
    response
}

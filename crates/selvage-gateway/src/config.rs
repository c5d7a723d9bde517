//! What the gateway is told when it starts, and why it may not start. Filled by the binary, which alone reads files,
//! flags and the environment.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::num::NonZeroUsize;
use std::time::Duration;

use crate::tls::Tls;

/// How the gateway listens and what it bears. [`GatewayConfig::new`] fills in what serves most.
#[derive(Clone, Debug)]
pub struct GatewayConfig {
    /// Where the data path listens; port 0 takes a free one.
    pub listen: SocketAddr,
    /// Where `/metrics`, `/livez` and `/readyz` answer. `None`: no metrics over HTTP ([`crate::Gateway::metrics`] stays).
    pub admin: Option<SocketAddr>,
    /// Whether `/readyz` says from the beginning that it is ready; else once [`crate::Gateway::ready`] was called.
    pub ready_at_once: bool,
    /// Threads of the data path, each with its own listener and upstream connections.
    pub threads: usize,
    /// Client connections a thread holds; more wait in the kernel's queue.
    pub max_connections: usize,
    /// Client connections of one address (or one /64 of IPv6), over all threads; more are closed at once.
    pub max_connections_per_peer: Option<usize>,
    /// Requests that one HTTP/2 connection may have in hand.
    pub max_streams: u32,
    /// TLS with clients; none speaks plainly.
    pub tls: Option<Tls>,
    /// Requests a thread takes in hand. A fifth is kept for tier-1, and as much again tier-3 does not get.
    pub max_in_hand: u32,
    /// Header lines a request may have; more get 431.
    pub max_headers: usize,
    /// Bytes a request's head may have, from 8 KiB; more get 431.
    pub max_head: usize,
    /// Bytes a request's body may have, however it is framed, where its interface says nothing; more get 413.
    pub max_body: u64,
    /// Bytes of bodies that are held at once by all threads, where messages are read whole before they go on: mediated,
    /// checked or looked through. Of these tier-2 gets four fifths and tier-3 three; more get 503.
    pub max_held: u64,
    /// Bytes of answers that are kept, of all interfaces together. Where they declare more, each gets its part of it.
    pub max_kept: u64,
    /// How long a client may take for a head, from its first byte.
    pub head_timeout: Duration,
    /// How long a client may keep a connection without a request.
    pub idle_timeout: Duration,
    /// How long a peer may neither take nor give a byte of a body.
    pub stall_timeout: Duration,
    /// How long nothing may go through a WebSocket.
    pub tunnel_idle: Duration,
    /// How long connecting to an upstream may take.
    pub connect_timeout: Duration,
    /// How long an answer may take where the interface says nothing.
    pub request_timeout: Duration,
    /// Idle connections kept, per thread and upstream.
    pub upstream_idle: usize,
    /// How long an idle upstream connection is kept: below what servers commonly allow, so that few are found closed.
    pub upstream_idle_timeout: Duration,
    /// Certificates (DER) of authorities that `https` upstreams may be signed by, beside those the machine trusts.
    pub upstream_roots: Vec<Vec<u8>>,
    /// Which limits a store keeps, and shares out among nodes.
    pub sharing: Sharing,
    /// How long requests in hand may take to finish at shutdown.
    pub drain: Duration,
    /// The page of a code, served as Markdown at `/errors/{code}`, where problems point to.
    pub pages: Option<fn(&str) -> Option<&'static str>>,
    /// Whether `X-Forwarded-For` and `-Proto` of callers are kept and extended (behind a load balancer of yours)
    /// instead of replaced.
    pub trust_forwarded: bool,
}

/// Which limits a store keeps. Whoever says that one does must settle with it: see [`crate::Gateway::budgets`], [`crate::Gateway::settled`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Sharing {
    /// None: a quota is forgotten when the node ends.
    #[default]
    None,
    /// Quotas, so that they outlive the node; it is the only one.
    Quotas,
    /// Quotas and rates, among the nodes on the store.
    All,
}

impl GatewayConfig {
    /// Serves on this address with a thread per core.
    pub fn new(listen: SocketAddr) -> Self {
        Self {
            listen,
            admin: None,
            ready_at_once: true,
            threads: std::thread::available_parallelism().map_or(1, NonZeroUsize::get),
            max_connections: 10_000,
            max_connections_per_peer: Some(1_000),
            max_streams: 100,
            tls: None,
            max_in_hand: 2_048,
            max_headers: 100,
            max_head: 64 * 1024,
            max_body: 10 * 1024 * 1024,
            max_held: 256 * 1024 * 1024,
            max_kept: 256 * 1024 * 1024,
            head_timeout: Duration::from_secs(10),
            idle_timeout: Duration::from_secs(75),
            stall_timeout: Duration::from_secs(30),
            tunnel_idle: Duration::from_secs(300),
            connect_timeout: Duration::from_secs(3),
            request_timeout: Duration::from_secs(30),
            upstream_idle: 128,
            upstream_idle_timeout: Duration::from_secs(4),
            upstream_roots: Vec::new(),
            pages: None,
            sharing: Sharing::None,
            drain: Duration::from_secs(10),
            trust_forwarded: false,
        }
    }
}

impl Default for GatewayConfig {
    fn default() -> Self {
        Self::new(SocketAddr::from((Ipv4Addr::LOCALHOST, 8080)))
    }
}

/// Why the gateway does not start.
#[derive(Debug, thiserror::Error)]
pub enum GatewayError {
    /// The address cannot be listened on.
    #[error("cannot listen on `{address}`")]
    Listen {
        /// The address asked for.
        address: SocketAddr,
        /// What the system says.
        #[source]
        source: io::Error,
    },
    /// A thread or its runtime cannot be made.
    #[error("cannot start a gateway thread")]
    Thread(#[source] io::Error),
}

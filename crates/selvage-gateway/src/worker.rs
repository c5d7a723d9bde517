//! A thread of the data path: its own runtime, listener, upstream connections and counters. Threads share nothing that
//! a request would wait for. INVARIANT: SHIELDED-PATH

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::future::{Future, poll_fn};
use std::net::SocketAddr;
use std::pin::pin;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::Poll;
use std::time::{Duration, Instant};

use arc_swap::{ArcSwap, Cache};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::AbortHandle;

use crate::burden::Burden;
use crate::config::GatewayConfig;
use crate::connection::{Clock, SWEEP, Watch};
use crate::crowd::Crowd;
use crate::dial::{Dialer, Proving};
use crate::exchange::Marks;
use crate::gate::Room;
use crate::held::Waiters;
use crate::live::{Books, Live};
use crate::mediation::Mediation;
use crate::pool::{Address, Pool, PoolConfig};
use crate::snapshot::Snapshot;
use crate::tally::Shard;
use crate::tls::{ClientsMark, Tls};
use crate::token::Memory;
use crate::webhook::WebhookKeys;
use crate::welcome;

/// The part of a thread's requests, in thousandths, that only tier-1 gets.
const RESERVED: u32 = 200;
const DRAIN_LOOK: Duration = Duration::from_millis(10);
const OUT_OF_FILES: Duration = Duration::from_millis(50);

/// What all threads of a gateway share.
pub(crate) struct Shared {
    pub(crate) config: GatewayConfig,
    pub(crate) live: Arc<ArcSwap<Live>>,
    pub(crate) books: Arc<Books>,
    pub(crate) mediation: Arc<dyn Mediation>,
    /// What it needs is not all there yet.
    pub(crate) starting: AtomicBool,
    pub(crate) draining: AtomicBool,
    /// Who is connected, where that is limited.
    pub(crate) crowd: Option<Arc<Crowd>>,
    /// TLS with clients, as it is now.
    pub(crate) tls: Option<ArcSwap<Tls>>,
    /// What is held of bodies.
    pub(crate) burden: Arc<Burden>,
    /// What this node shows to systems.
    pub(crate) proving: Arc<Proving>,
    /// The secrets that prove calls of webhooks.
    pub(crate) webhooks: ArcSwap<WebhookKeys>,
}

impl Shared {
    /// Why no requests are to be sent here, for `/readyz`.
    pub(crate) fn unready(&self) -> Option<&'static str> {
        if self.draining.load(Ordering::Relaxed) {
            return Some("draining\n");
        }
        self.starting.load(Ordering::Relaxed).then_some("starting\n")
    }
}

/// A snapshot in use by one thread.
pub(crate) struct Local {
    pub(crate) live: Arc<Live>,
    pools: Vec<Rc<Pool>>,
}

impl Local {
    /// The connections to an address of the snapshot.
    pub(crate) fn pool(&self, address: u32) -> Option<&Rc<Pool>> {
        self.pools.get(address as usize)
    }
}

/// One thread's own.
pub(crate) struct Worker {
    pub(crate) shared: Arc<Shared>,
    pub(crate) shard: Arc<Shard>,
    pub(crate) marks: Marks,
    pub(crate) clock: Rc<Clock>,
    pub(crate) tokens: Memory,
    /// How many requests this thread takes in hand, by criticality.
    pub(crate) room: Room,
    /// How many it has.
    pub(crate) in_hand: Cell<u32>,
    current: RefCell<Cache<Arc<ArcSwap<Live>>, Arc<Live>>>,
    local: RefCell<Rc<Local>>,
    pools: RefCell<HashMap<Arc<Address>, Rc<Pool>>>,
    dialer: Rc<Dialer>,
    connections: RefCell<Vec<Watching>>,
    /// Of HTTP/2 connections.
    streams: RefCell<Vec<Watching>>,
    /// Bodies that wait for their next byte.
    pub(crate) waiters: Waiters,
    /// For how long changes of the access state may have been missed, when it was looked last; nanoseconds.
    pub(crate) deaf: Cell<u64>,
}

/// A task that serves a connection or a stream, and what it is doing.
struct Watching {
    task: AbortHandle,
    watch: Rc<Watch>,
}

impl Watching {
    /// Looks after it; says whether it goes on.
    fn look(&self, config: &GatewayConfig, snapshot: &Snapshot, deaf: u64, clients: &ClientsMark) -> bool {
        self.watch.look_at_deadline(config);
        let watch = &self.watch;
        if watch.is_overdue(config) || watch.has_lost_its_right(snapshot, deaf) || watch.outlives_its_trust(clients) {
            self.task.abort();
        }
        !self.task.is_finished()
    }
}

impl Worker {
    /// A thread's own, for the shard that it counts into.
    pub(crate) fn new(shared: Arc<Shared>, shard: Arc<Shard>) -> Rc<Self> {
        let mut current = Cache::new(Arc::clone(&shared.live));
        let live = Arc::clone(current.load());
        let worker = Self {
            shard,
            marks: Marks::new(),
            clock: Rc::new(Clock::new()),
            tokens: Memory::default(),
            room: Room::reserved(shared.config.max_in_hand, RESERVED, Duration::ZERO),
            in_hand: Cell::new(0),
            current: RefCell::new(current),
            local: RefCell::new(Rc::new(Local { live: Arc::clone(&live), pools: Vec::new() })),
            pools: RefCell::default(),
            dialer: Rc::new(Dialer::new(&shared.config, Arc::clone(&shared.proving))),
            connections: RefCell::default(),
            streams: RefCell::default(),
            waiters: Waiters::default(),
            deaf: Cell::new(0),
            shared,
        };
        worker.take_over(live);
        Rc::new(worker)
    }

    pub(crate) fn config(&self) -> &GatewayConfig {
        &self.shared.config
    }

    /// Why no requests are to be sent here, for `/readyz`.
    pub(crate) fn unready(&self) -> Option<&'static str> {
        self.shared.unready()
    }

    pub(crate) fn is_draining(&self) -> bool {
        self.shared.draining.load(Ordering::Relaxed)
    }

    /// The snapshot of now; whoever holds it keeps it until done.
    pub(crate) fn local(&self) -> Rc<Local> {
        let mut current = self.current.borrow_mut();
        let live = current.load();
        let local = Rc::clone(&self.local.borrow());
        if Arc::ptr_eq(live, &local.live) {
            return local;
        }
        self.take_over(Arc::clone(live))
    }

    fn take_over(&self, live: Arc<Live>) -> Rc<Local> {
        let config = self.config();
        let pool_config = PoolConfig {
            most_idle: config.upstream_idle,
            idle_timeout: config.upstream_idle_timeout,
            connect_timeout: config.connect_timeout,
        };
        let mut known = self.pools.borrow_mut();
        let new = |address: &Arc<Address>| {
            Pool::new(Arc::clone(address), pool_config, Rc::clone(&self.dialer), Rc::clone(&self.clock))
        };
        // Of each address one, however many interfaces its system has: this holds up requests.
        let pool = |address: &Arc<Address>| match known.get(address) {
            Some(pool) => Rc::clone(pool),
            None => Rc::clone(known.entry(Arc::clone(address)).or_insert_with(|| new(address))),
        };
        let pools: Vec<Rc<Pool>> = live.snapshot.addresses().iter().map(pool).collect();
        known.retain(|_, pool| Rc::strong_count(pool) > 1);
        let local = Rc::new(Local { live, pools });
        *self.local.borrow_mut() = Rc::clone(&local);
        self.waiters.look(self.clock.millis());
        local
    }

    /// Accepts and serves until told to stop, then lets what is in hand finish.
    pub(crate) async fn run(self: Rc<Self>, listener: TcpListener, mut stop: watch::Receiver<bool>) {
        let mut sweep = tokio::time::interval(SWEEP);
        loop {
            let has_room = self.connections.borrow().len() < self.config().max_connections;
            tokio::select! {
                accepted = listener.accept(), if has_room => match accepted {
                    Ok((stream, peer)) => self.welcome(stream, peer),
                    Err(error) => {
                        tracing::debug!(%error, "a connection could not be accepted");
                        tokio::time::sleep(OUT_OF_FILES).await;
                    }
                },
                _ = sweep.tick() => self.sweep(),
                _ = stop.changed() => break,
            }
        }
        self.welcome_waiting(&listener).await;
        drop(listener);
        self.drain().await;
    }

    /// Takes in those who had connected before the listener closed.
    async fn welcome_waiting(self: &Rc<Self>, listener: &TcpListener) {
        loop {
            let mut accept = pin!(listener.accept());
            let next = poll_fn(|cx| Poll::Ready(accept.as_mut().poll(cx))).await;
            match next {
                Poll::Ready(Ok((stream, peer))) => self.welcome(stream, peer),
                Poll::Ready(Err(_)) | Poll::Pending => return,
            }
        }
    }

    async fn drain(&self) {
        let until = Instant::now() + self.config().drain;
        for connection in self.connections.borrow().iter() {
            connection.watch.close();
        }
        while Instant::now() < until {
            self.sweep();
            if self.connections.borrow().is_empty() {
                return;
            }
            tokio::time::sleep(DRAIN_LOOK).await;
        }
        for connection in self.connections.borrow().iter() {
            connection.task.abort();
        }
    }

    fn sweep(&self) {
        self.clock.tick();
        let config = self.config();
        // For how long changes of the access state may have been missed: streams are held to it too.
        let deaf = self.shared.books.deaf(self.shared.books.nanos(Instant::now()));
        self.deaf.set(deaf);
        self.waiters.sweep(&self.clock, deaf > 0);
        // An idle thread lets go of a snapshot that was replaced, too.
        let local = self.local();
        let snapshot = &local.live.snapshot;
        let clients = self.shared.tls.as_ref().map(|tls| Arc::clone(&tls.load().clients)).unwrap_or_default();
        self.streams.borrow_mut().retain(|stream| stream.look(config, snapshot, deaf, &clients));
        self.connections.borrow_mut().retain(|connection| connection.look(config, snapshot, deaf, &clients));
        // Each once, however many interfaces its system has.
        for pool in self.pools.borrow().values() {
            pool.sweep();
        }
    }

    fn welcome(self: &Rc<Self>, stream: TcpStream, peer: SocketAddr) {
        let present = match &self.shared.crowd {
            None => None,
            Some(crowd) => match crowd.enter(peer.ip()) {
                Some(present) => Some(present),
                None => return self.shard.turned_away(),
            },
        };
        let watch = Rc::new(Watch::new(Rc::clone(&self.clock)));
        let serving = welcome::serve(Rc::clone(self), stream, peer, Rc::clone(&watch));
        let task = tokio::task::spawn_local(async move {
            let _present = present;
            serving.await;
        });
        self.connections.borrow_mut().push(Watching { task: task.abort_handle(), watch });
    }

    /// Looks after a stream of one of its connections from now on.
    pub(crate) fn watch_stream(&self, task: AbortHandle, watch: Rc<Watch>) {
        self.streams.borrow_mut().push(Watching { task, watch });
    }
}

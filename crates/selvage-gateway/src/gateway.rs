//! The gateway as its owner sees it: start it, give it another snapshot, ask what it counted, stop it.

use std::collections::BTreeMap;
use std::io;
use std::net::{SocketAddr, TcpListener as StdListener};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;
use jiff::Timestamp;
use selvage_model::budget::BudgetShare;
use selvage_model::usage::PromiseKey;
use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::TcpListener;
use tokio::runtime::{Builder, LocalOptions, LocalRuntime};
use tokio::sync::{oneshot, watch};

use crate::admin;
use crate::budget::{self, BudgetMoment, BudgetRound};
use crate::burden::Burden;
use crate::config::{GatewayConfig, GatewayError};
use crate::crowd::Crowd;
use crate::dial::Proofs;
use crate::exposition;
use crate::live::{Books, Live};
use crate::mediation::Mediation;
use crate::snapshot::Snapshot;
use crate::tls::Tls;
use crate::token::TokenAsk;
use crate::traffic::{ContractTraffic, Traffic};
use crate::usage::{self, Usage};
use crate::webhook::WebhookKeys;
use crate::worker::{Shared, Worker};

const BACKLOG: i32 = 1024;

/// A running gateway. Dropped, it stops without waiting for what is in hand.
pub struct Gateway {
    shared: Arc<Shared>,
    address: SocketAddr,
    admin_address: Option<SocketAddr>,
    stop: watch::Sender<bool>,
    stop_admin: watch::Sender<bool>,
    threads: Mutex<Vec<Running>>,
    admin: Option<Running>,
    /// Snapshots that were replaced and may still be in use.
    retired: Mutex<Vec<Arc<Live>>>,
}

/// A snapshot that is ready to be served.
#[derive(Debug)]
pub struct Prepared {
    live: Live,
}

/// What a gateway counts about its use.
pub struct Counted(Arc<Shared>);

impl Counted {
    /// As of now.
    pub fn usage(&self) -> Usage {
        usage::usage(&self.0.books)
    }

    /// Counts these latencies by themselves from now on: they are promised. It stays so until the gateway ends.
    pub fn promise(&self, promises: &[PromiseKey]) {
        let live = self.0.live.load();
        // What nobody asked for yet is counted from its first answer on, too.
        promises.iter().for_each(|promise| live.know(&promise.interface));
        usage::promise(&self.0.books, promises);
    }

    /// What came of requests for tokens since this was asked last.
    pub fn tokens(&self) -> BTreeMap<TokenAsk, u64> {
        self.0.books.tokens.take()
    }
}

struct Running {
    thread: JoinHandle<()>,
    done: oneshot::Receiver<()>,
}

impl Gateway {
    /// Listens and serves this snapshot, on threads of its own.
    pub fn start(
        config: GatewayConfig,
        snapshot: Arc<Snapshot>,
        mediation: Arc<dyn Mediation>,
    ) -> Result<Self, GatewayError> {
        let threads = config.threads.max(1);
        let (address, listeners) = listen_all(config.listen, threads)?;
        let admin_listener = config.admin.map(listen).transpose()?;
        let books = Arc::new(Books::new(threads, config.sharing, config.max_kept));
        let live = Arc::new(ArcSwap::from_pointee(Live::new(snapshot, None, &books).takes_over()));
        let (draining, starting) = (AtomicBool::new(false), AtomicBool::new(!config.ready_at_once));
        let crowd = config.max_connections_per_peer.map(Crowd::new);
        let tls = config.tls.clone().map(ArcSwap::from_pointee);
        let (burden, proving) = (Burden::new(config.max_held), Arc::default());
        let webhooks = ArcSwap::default();
        let shared =
            Shared { config, live, books, mediation, starting, draining, crowd, tls, burden, proving, webhooks };
        let shared = Arc::new(shared);
        let (stop, stopped) = watch::channel(false);
        let (stop_admin, admin_stopped) = watch::channel(false);
        let mut gateway = Self {
            shared,
            address,
            admin_address: None,
            stop,
            stop_admin,
            threads: Mutex::default(),
            admin: None,
            retired: Mutex::default(),
        };
        for (number, listener) in listeners.into_iter().enumerate() {
            let (shared, stopped) = (Arc::clone(&gateway.shared), stopped.clone());
            let Some(shard) = shared.books.shards.get(number).cloned() else { continue };
            let running = spawn(format!("gateway-{number}"), listener, move |listener| async move {
                Worker::new(shared, shard).run(listener, stopped).await;
            })?;
            gateway.threads.get_mut().unwrap_or_else(PoisonError::into_inner).push(running);
        }
        if let Some(listener) = admin_listener {
            gateway.admin_address = listener.local_addr().ok();
            let shared = Arc::clone(&gateway.shared);
            let serve = move |listener| admin::serve(listener, shared, admin_stopped);
            gateway.admin = Some(spawn("gateway-admin".to_owned(), listener, serve)?);
        }
        Ok(gateway)
    }

    /// Where the data path listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where `/metrics` answers.
    pub fn admin_address(&self) -> Option<SocketAddr> {
        self.admin_address
    }

    /// Makes another snapshot ready to be served, in steps that hold up no request. To be called by who stands behind the data path.
    pub fn prepare(&self, snapshot: Arc<Snapshot>) -> Prepared {
        let before = self.shared.live.load_full();
        Prepared { live: Live::new(snapshot, Some(&before), &self.shared.books) }
    }

    /// Serves what was made ready from now on. Requests in hand finish on their snapshot; counters and limits go on.
    pub fn activate(&self, prepared: Prepared) {
        let before = self.shared.live.swap(Arc::new(prepared.live.takes_over()));
        self.retired.lock().unwrap_or_else(PoisonError::into_inner).push(before);
    }

    /// Prepares and activates a snapshot.
    pub fn swap(&self, snapshot: Arc<Snapshot>) {
        self.activate(self.prepare(snapshot));
        self.let_go();
    }

    /// Lets go of snapshots that no thread uses any more, and of limits that nothing has. Neither who serves requests nor who
    /// activates takes them apart.
    pub fn let_go(&self) {
        let unused = |live: &mut Arc<Live>| Arc::strong_count(live) == 1;
        let mut retired = self.retired.lock().unwrap_or_else(PoisonError::into_inner);
        let unused: Vec<Arc<Live>> = retired.extract_if(.., unused).collect();
        drop(retired);
        if unused.is_empty() {
            return;
        }
        let shared = Arc::clone(&self.shared);
        let take_apart = move || {
            unused.into_iter().filter_map(Arc::into_inner).for_each(Live::take_apart);
            shared.books.limits.prune(shared.books.nanos(Instant::now()), Timestamp::now());
        };
        // Where there is no thread for it, they are let go here.
        let _ = std::thread::Builder::new().name("gateway-let-go".to_owned()).spawn(take_apart);
    }

    /// Speaks TLS by another certificate, or trusts other authorities, from the next handshake on; connections that are
    /// there go on. Says whether it does: a gateway that began without TLS goes on without.
    pub fn renew_tls(&self, tls: Tls) -> bool {
        let Some(current) = &self.shared.tls else { return false };
        current.store(Arc::new(tls));
        true
    }

    /// Shows these to the systems whose manifests ask for it, from the next handshake on; connections that were made by
    /// others are used no more. Says whether they are others than before.
    pub fn prove_by(&self, proofs: Proofs) -> bool {
        self.shared.proving.show(proofs)
    }

    /// Takes calls of webhooks by these secrets from now on. Says whether they are others than before.
    pub fn verify_by(&self, keys: WebhookKeys) -> bool {
        let others = **self.shared.webhooks.load() != keys;
        if others {
            self.shared.webhooks.store(Arc::new(keys));
        }
        others
    }

    /// Says until when every change of the access state is heard. Never called, it is taken to be heard always; once it
    /// is over, interfaces are served as long as their `on_partition` says.
    pub fn heard(&self, until: Instant) {
        self.shared.books.heard(until);
        self.let_go();
    }

    /// What this node has to settle with the store of its limits, where it was told that one keeps them; `None` where
    /// there is none, or no limit that it would keep. To be asked a few times a second, never by who serves a request.
    pub fn budgets(&self, moment: BudgetMoment, lease: Duration) -> Option<BudgetRound> {
        let books = &self.shared.books;
        let live = self.shared.live.load();
        if !budget::is_any_shared(&live, books.limits.sharing) {
            budget::unneeded(books);
            return None;
        }
        Some(budget::round(&live, books, moment, lease))
    }

    /// Takes what the store gave in a round; how many requests nodes held that ended without a word.
    pub fn settled(&self, round: &BudgetRound, shares: &[BudgetShare]) -> u64 {
        let books = &self.shared.books;
        budget::found(&self.shared.live.load(), books);
        let lost = round.settled(shares, books);
        books.limits.lost.fetch_add(lost, Ordering::Relaxed);
        lost
    }

    /// The store did not answer a round. Once what is in hand has run out by this lease, each interface's rule stands;
    /// whether that begins now.
    pub fn unsettled(&self, lease: Duration) -> bool {
        budget::missed(&self.shared.live.load(), &self.shared.books, lease)
    }

    /// The snapshot of now.
    pub fn snapshot(&self) -> Arc<Snapshot> {
        Arc::clone(&self.shared.live.load().snapshot)
    }

    /// What was counted since the start.
    pub fn traffic(&self) -> Traffic {
        exposition::traffic(&self.shared.books)
    }

    /// What was used by whom since the start, for whoever keeps it; it outlives the gateway, so that the last of it is kept.
    pub fn counted(&self) -> Counted {
        Counted(Arc::clone(&self.shared))
    }

    /// What was found since the start when messages were checked against contracts.
    pub fn contracts(&self) -> Vec<ContractTraffic> {
        exposition::contracts(&self.shared.books)
    }

    /// The same for Prometheus, in its text format.
    pub fn metrics(&self) -> String {
        exposition::metrics(&self.shared)
    }

    /// Says at `/readyz` from now on that it is ready.
    pub fn ready(&self) {
        self.shared.starting.store(false, Ordering::Relaxed);
    }

    /// Says at `/readyz` that the end is near, and goes on as before: whoever spreads requests has time to see it.
    pub fn announce_end(&self) {
        self.shared.draining.store(true, Ordering::Relaxed);
    }

    /// Stops accepting, and lets requests in hand finish for [`GatewayConfig::drain`] at most. No request passes any more once it
    /// has ended; limits can be settled meanwhile and afterwards.
    pub async fn drain(&self) {
        self.announce_end();
        let _ = self.stop.send(true);
        let threads = std::mem::take(&mut *self.threads.lock().unwrap_or_else(PoisonError::into_inner));
        for running in threads {
            running.finished().await;
        }
    }

    /// Drains and closes.
    pub async fn shutdown(mut self) {
        self.drain().await;
        let _ = self.stop_admin.send(true);
        if let Some(admin) = self.admin.take() {
            admin.finished().await;
        }
    }
}

impl Running {
    async fn finished(self) {
        let _ = self.done.await;
        // It said that it is done, or panicked: joining does not wait.
        let _ = self.thread.join();
    }
}

/// A thread with a runtime and a listener of its own.
fn spawn<F, T>(name: String, listener: StdListener, serve: F) -> Result<Running, GatewayError>
where
    F: FnOnce(TcpListener) -> T + Send + 'static,
    T: Future<Output = ()>,
{
    let (ready, is_ready) = mpsc::channel();
    let (finished, done) = oneshot::channel();
    let run = move || {
        let runtime = Builder::new_current_thread().enable_io().enable_time().build_local(LocalOptions::default());
        match runtime.and_then(|runtime| Ok((adopt(&runtime, listener)?, runtime))) {
            Ok((listener, runtime)) => {
                let _ = ready.send(Ok(()));
                runtime.block_on(async move { serve(listener).await });
            }
            Err(error) => {
                let _ = ready.send(Err(error));
            }
        }
        let _ = finished.send(());
    };
    let thread = std::thread::Builder::new().name(name).spawn(run).map_err(GatewayError::Thread)?;
    match is_ready.recv() {
        Ok(Ok(())) => Ok(Running { thread, done }),
        Ok(Err(error)) => Err(GatewayError::Thread(error)),
        Err(_) => Err(GatewayError::Thread(io::Error::other("the thread ended"))),
    }
}

fn adopt(runtime: &LocalRuntime, listener: StdListener) -> io::Result<TcpListener> {
    runtime.block_on(async { TcpListener::from_std(listener) })
}

/// A listener per thread on one address; the kernel spreads connections over them.
fn listen_all(address: SocketAddr, threads: usize) -> Result<(SocketAddr, Vec<StdListener>), GatewayError> {
    let first = listen(address)?;
    let bound = first.local_addr().map_err(|source| GatewayError::Listen { address, source })?;
    let mut listeners = vec![first];
    while listeners.len() < threads {
        listeners.push(listen(bound)?);
    }
    Ok((bound, listeners))
}

fn listen(address: SocketAddr) -> Result<StdListener, GatewayError> {
    bind(address).map_err(|source| GatewayError::Listen { address, source })
}

fn bind(address: SocketAddr) -> io::Result<StdListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    socket.set_reuse_address(true)?;
    socket.set_reuse_port(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    socket.set_nonblocking(true)?;
    Ok(socket.into())
}

#[cfg(test)]
mod tests {
    use std::sync::Weak;

    use selvage_model::access::AccessState;
    use selvage_model::exchange::{MediatedAnswer, MediatedRequest};
    use selvage_model::fabric::Fabric;
    use selvage_model::name::ConsumerName;
    use selvage_model::operation::OperationId;
    use serde_json::Value;

    use super::*;
    use crate::burden::Held;
    use crate::mediation::BoxFuture;
    use crate::snapshot::SnapshotSource;
    use crate::token::KeysOfIssuers;

    struct Nothing;

    impl Mediation for Nothing {
        fn execute(&self, _: MediatedRequest, _: Held) -> BoxFuture<'static, MediatedAnswer> {
            Box::pin(std::future::pending())
        }

        fn operation(&self, _: ConsumerName, _: OperationId) -> BoxFuture<'static, Option<Value>> {
            Box::pin(std::future::ready(None))
        }
    }

    fn snapshot(revision: u64) -> Arc<Snapshot> {
        let (fabric, environment) = (Fabric::default(), "dev".parse().unwrap());
        let (access, keys) = (AccessState { revision, ..AccessState::default() }, KeysOfIssuers::new());
        let source =
            SnapshotSource { fabric: &fabric, access: &access, keys: &keys, environment: &environment, release: "rel" };
        Arc::new(Snapshot::compile(&source).unwrap())
    }

    #[test]
    fn a_snapshot_that_was_replaced_goes_when_nobody_uses_it_any_more() {
        let config = GatewayConfig { threads: 1, ..GatewayConfig::new(SocketAddr::from(([127, 0, 0, 1], 0))) };
        let first = snapshot(1);
        let of_first = Arc::downgrade(&first);
        let gateway = Gateway::start(config, first, Arc::new(Nothing)).unwrap();
        let used = gateway.shared.live.load_full();
        let live: Weak<Live> = Arc::downgrade(&used);
        // What is prepared changes nothing yet.
        let prepared = gateway.prepare(snapshot(2));
        assert_eq!(gateway.snapshot().revision(), 1);
        gateway.activate(prepared);
        assert_eq!(gateway.snapshot().revision(), 2);
        let until = Instant::now() + Duration::from_secs(60);
        let soon = || Instant::now() + Duration::from_millis(300);
        let in_use = soon();
        while Instant::now() < in_use {
            gateway.heard(until);
        }
        assert!(live.strong_count() > 0, "somebody uses it");
        drop(used);
        while live.strong_count() > 0 || of_first.strong_count() > 0 {
            assert!(Instant::now() < until, "it never goes");
            gateway.heard(until);
            std::thread::sleep(Duration::from_millis(5));
        }
        assert!(gateway.retired.lock().unwrap().is_empty());
    }
}

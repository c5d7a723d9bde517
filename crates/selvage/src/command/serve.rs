//! `selvage serve`: the releases that are active in an environment, or a fabric directory directly where nothing is protected.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use selvage_model::code;
use selvage_model::name::EnvironmentName;
use selvage_store::ReleaseKey;

use super::broker::Broker;
use super::change::Signing;
use super::ledger::Signer;
use super::mail::Mailing;
use super::{Outcome, StoreChoice, duration, until_stopped};
use crate::node::listener::Listener;
use crate::node::release::ReleaseSource;
use crate::node::{Node, NodeConfig};
use crate::secrets;

/// Serves what is active in an environment, or a fabric directory: gateway, engine and console.
#[derive(Args)]
pub(crate) struct Serve {
    /// A fabric directory to serve directly, in an environment that is not protected; the releases that are active in the store where
    /// not given.
    #[arg(long, value_name = "DIR")]
    fabric: Option<PathBuf>,
    /// The environment whose releases, addresses and accounts are used.
    #[arg(long, value_name = "NAME", default_value = "dev")]
    env: EnvironmentName,
    /// A public key that releases must be signed with, as `selvage release key` prints it; may be given again. Every key that the
    /// store knows where not given.
    #[arg(long = "release-key", value_name = "KEY", value_parser = selvage_control::desk::public_key, conflicts_with = "fabric")]
    release_keys: Vec<ReleaseKey>,
    #[command(flatten)]
    signing: Signing,
    #[command(flatten)]
    ledger: Signer,
    /// Takes changes of the directory while running: compiled aside, swapped whole, refused with a message if wrong.
    #[arg(long, requires = "fabric")]
    watch: bool,
    #[command(flatten)]
    store: StoreChoice,
    /// Where consumers call.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:7080")]
    listen: SocketAddr,
    /// Where the console is.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:7081")]
    console: SocketAddr,
    /// Where `/metrics`, `/livez` and `/readyz` are asked.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:7082")]
    admin: SocketAddr,
    /// The secrets that systems' accounts name: a file of `name=value` lines, or a directory with a file for each. Read again
    /// on SIGHUP, and by itself with `--watch`.
    #[arg(long, value_name = "PATH")]
    secrets: Option<PathBuf>,
    /// Where it is remembered, apart from the store and in no backup of it, what the event log acknowledged: a store that was
    /// restored is found behind. `selvage.marks` beside an embedded store where not given.
    #[arg(long, value_name = "FILE")]
    marks: Option<PathBuf>,
    #[command(flatten)]
    broker: Broker,
    #[command(flatten)]
    mailing: Mailing,
    /// Gateway threads; one for each core where not given.
    #[arg(long, value_name = "N")]
    threads: Option<usize>,
    #[command(flatten)]
    listener: Listener,
    /// How long a claim of a write lasts without a sign of life; another node takes it over then.
    #[arg(long, value_name = "DURATION", default_value = "10s", value_parser = duration)]
    lease: Duration,
    /// How long this node may be sure of the access state without hearing from the store; 800 ms, or 5 s where the store is a
    /// file.
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    access_lease: Option<Duration>,
    /// How long `/readyz` says that this node ends before it takes no more requests, so that whoever spreads them has seen it.
    #[arg(long, value_name = "DURATION", default_value = "0s", value_parser = duration)]
    announce: Duration,
    /// How long a key and its answer are kept.
    #[arg(long, value_name = "DURATION", default_value = "7d", value_parser = duration)]
    keep_keys: Duration,
}

impl Serve {
    /// Serves until stopped.
    pub(crate) async fn run(self) -> anyhow::Result<Outcome> {
        let scheme = if self.listener.is_secure() { "https" } else { "http" };
        let secrets = self.secrets.as_deref().map(secrets::load).transpose()?.unwrap_or_default();
        let broker = self.broker.config()?;
        let mail = self.mailing.server(&secrets)?;
        let seal = self.signing.seal_of_node(&self.store)?;
        let ledger_seal = self.ledger.seal(&self.store)?.map(Arc::new);
        let (signs, signs_apart) = (ledger_seal.is_some(), self.ledger.is_named());
        let environment = self.env.clone();
        let node = Node::start(NodeConfig {
            broker,
            source: match self.fabric {
                Some(directory) => ReleaseSource::Directory(directory),
                None => ReleaseSource::Store { trusted: (!self.release_keys.is_empty()).then_some(self.release_keys) },
            },
            environment: self.env,
            watch: self.watch,
            data: self.store.directory(),
            marks: self.marks.or_else(|| self.store.marks()),
            store: self.store.open().await?,
            listen: self.listen,
            console: self.console,
            admin: self.admin,
            threads: self.threads.unwrap_or_else(|| std::thread::available_parallelism().map_or(1, usize::from)),
            listener: self.listener,
            lease: self.lease,
            keep_keys: self.keep_keys,
            access_lease: self.access_lease,
            secrets,
            secrets_from: self.secrets,
            seal,
            ledger_seal,
            mail,
        })
        .await?;
        eprintln!("selvage: serving on {scheme}://{}", node.gateway_address());
        eprintln!("selvage: console on http://{}", node.console_address());
        eprintln!("selvage: metrics on http://{}/metrics", node.admin_address());
        if !signs_apart && node.is_protected(&environment) {
            eprintln!("selvage: {}", unsigned(signs));
        }
        until_stopped().await?;
        node.announce_end();
        tokio::time::sleep(self.announce).await;
        eprintln!("selvage: finishing what is under way");
        node.shutdown().await;
        Ok(Outcome::Well)
    }
}

/// That nothing outside the store vouches for its ledger.
fn unsigned(signs: bool) -> String {
    let why = match signs {
        true => "the key that signs the ledger lies beside the store: who can alter the one has the other",
        false => "nobody signs the ledger here: who can write the store can write it anew, and nobody would see",
    };
    format!(
        "{}: this environment is protected, and {why}; give a key from outside with `--ledger-key FILE`",
        code::LEDGER_UNVOUCHED
    )
}

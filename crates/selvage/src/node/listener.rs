//! The gateway's listener as the command line describes it: what it proves itself by, and what it bears. Files of TLS are
//! read here, at the start and whenever they change; what cannot be used changes nothing.

use std::path::{Path, PathBuf};
use std::sync::Weak;
use std::time::Duration;

use anyhow::Context;
use clap::Args;
use jiff::Timestamp;
use selvage_gateway::{ClientCertificates, Gateway, GatewayConfig, RevocationList, Tls, TlsFiles};
use selvage_model::code;
use selvage_model::scalar;
use tokio::task::JoinHandle;

use crate::command::duration;

/// How often the files are looked at.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// What is said about the listener.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Listener")]
pub(crate) struct Listener {
    /// Speaks TLS by this certificate: a PEM file, with those that lead to an authority behind it. Read again when it changes.
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    tls_certificate: Option<PathBuf>,
    /// The certificate's key, a PEM file.
    #[arg(long, value_name = "FILE", requires = "tls_certificate")]
    tls_key: Option<PathBuf>,
    /// Takes certificates of clients that these authorities signed, a PEM file.
    #[arg(long, value_name = "FILE", requires = "tls_certificate")]
    tls_clients: Option<PathBuf>,
    /// Takes none of the clients' certificates that these revocation lists name, a PEM file. Read again when it changes.
    #[arg(long, value_name = "FILE", requires = "tls_clients")]
    tls_clients_revoked: Option<PathBuf>,
    /// Takes no certificate of an authority whose revocation list has ended. Without it such a list goes on.
    #[arg(long, requires = "tls_clients_revoked")]
    tls_clients_revoked_in_time: bool,
    /// Ends the handshake with clients that show none.
    #[arg(long, requires = "tls_clients")]
    tls_clients_required: bool,
    /// How large a request's body may be where its interface says nothing. Default: 10MiB.
    #[arg(long, value_name = "SIZE", value_parser = size)]
    max_body: Option<u64>,
    /// How many bytes of bodies the node holds at once, where messages are read whole before they go on. Default: 256MiB.
    #[arg(long, value_name = "SIZE", value_parser = size)]
    max_held: Option<u64>,
    /// How many bytes of answers the node keeps, of all interfaces together. Default: 256MiB.
    #[arg(long, value_name = "SIZE", value_parser = size)]
    max_kept: Option<u64>,
    /// How large a request's head may be. Default: 64KiB.
    #[arg(long, value_name = "SIZE", value_parser = size)]
    max_head: Option<u64>,
    /// How many header lines a request may have. Default: 100.
    #[arg(long, value_name = "N")]
    max_headers: Option<usize>,
    /// How long a client may take for a head, or for the TLS handshake. Default: 10s.
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    head_timeout: Option<Duration>,
    /// How long a connection is kept without a request. Default: 75s.
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    idle_timeout: Option<Duration>,
    /// How long a body may stop in the middle, either way. Default: 30s.
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    stall_timeout: Option<Duration>,
    /// How long nothing may go through a WebSocket. Default: 5m.
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    websocket_idle: Option<Duration>,
    /// How many client connections there may be; more wait. Default: 10000 for each thread.
    #[arg(long, value_name = "N")]
    max_connections: Option<usize>,
    /// How many of them one address may have, 0 for any number. Default: 1000.
    #[arg(long, value_name = "N")]
    max_connections_per_peer: Option<usize>,
    /// How many requests one HTTP/2 connection may have in hand. Default: 100.
    #[arg(long, value_name = "N")]
    max_streams: Option<u32>,
    /// Extends the `X-Forwarded-…` headers of callers instead of replacing them: for a node behind a balancer of yours.
    #[arg(long)]
    trust_forwarded: bool,
}

impl Listener {
    /// Says it to the gateway.
    ///
    /// # Errors
    /// When TLS cannot be spoken with the files.
    pub(crate) fn apply(&self, config: &mut GatewayConfig) -> anyhow::Result<()> {
        let threads = config.threads.max(1);
        let bytes = |size: u64| usize::try_from(size).unwrap_or(usize::MAX);
        set(&mut config.max_body, self.max_body);
        set(&mut config.max_held, self.max_held);
        set(&mut config.max_kept, self.max_kept);
        set(&mut config.max_head, self.max_head.map(bytes));
        set(&mut config.max_headers, self.max_headers);
        set(&mut config.head_timeout, self.head_timeout);
        set(&mut config.idle_timeout, self.idle_timeout);
        set(&mut config.stall_timeout, self.stall_timeout);
        set(&mut config.tunnel_idle, self.websocket_idle);
        set(&mut config.max_connections, self.max_connections.map(|all| all.div_ceil(threads)));
        set(&mut config.max_connections_per_peer, self.max_connections_per_peer.map(|most| (most > 0).then_some(most)));
        set(&mut config.max_streams, self.max_streams);
        config.trust_forwarded = self.trust_forwarded;
        config.tls = self.files()?.as_ref().map(tls).transpose()?;
        Ok(())
    }

    /// Whether it speaks TLS.
    pub(crate) fn is_secure(&self) -> bool {
        self.tls_certificate.is_some()
    }

    /// The files of TLS, as they are now.
    fn files(&self) -> anyhow::Result<Option<TlsFiles>> {
        let (Some(certificate), Some(key)) = (&self.tls_certificate, &self.tls_key) else { return Ok(None) };
        let authorities = self.tls_clients.as_deref().map(read).transpose()?;
        let clients = match (authorities, self.tls_clients_required) {
            (None, _) => ClientCertificates::NotAsked,
            (Some(authorities), false) => ClientCertificates::Optional(authorities),
            (Some(authorities), true) => ClientCertificates::Required(authorities),
        };
        let revoked = self.tls_clients_revoked.as_deref().map(read).transpose()?;
        anyhow::ensure!(
            revoked.as_ref().is_none_or(|lists| !lists.is_empty()),
            "{}: the file of revocation lists is empty",
            code::LISTENER_TLS
        );
        Ok(Some(TlsFiles {
            certificate: read(certificate)?,
            key: read(key)?,
            clients,
            revoked: revoked.unwrap_or_default(),
            revoked_in_time: self.tls_clients_revoked_in_time,
        }))
    }

    /// Follows the files, where there are any, for as long as the node runs.
    pub(crate) fn follow(self, gateway: Weak<Gateway>) -> Option<JoinHandle<()>> {
        let secure = self.is_secure();
        let follows = async move {
            let mut current = Current::default();
            current.begin(self.files().ok().flatten());
            let mut looks = tokio::time::interval(LOOK_EVERY);
            looks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
            let mut complained = None;
            loop {
                looks.tick().await;
                let Some(gateway) = gateway.upgrade() else { return };
                match self.take(&gateway, &mut current) {
                    Ok(true) => tracing::info!("a changed certificate is shown from now on"),
                    Ok(false) => {}
                    Err(error) => {
                        let complaint = format!("{error:#}");
                        // Once for each thing that is wrong, however often it is looked at.
                        if complained.as_ref() != Some(&complaint) {
                            tracing::error!("a changed certificate was not taken, the last goes on: {complaint}");
                            complained = Some(complaint);
                        }
                    }
                }
            }
        };
        secure.then(|| tokio::spawn(follows))
    }

    fn take(&self, gateway: &Gateway, current: &mut Current) -> anyhow::Result<bool> {
        let Some(files) = self.files()? else { return Ok(false) };
        let now = Timestamp::now();
        let is_new = current.files.as_ref() != Some(&files);
        let has_ended = current.tell_of_ended(now) && files.revoked_in_time;
        if is_new || has_ended {
            let tls = tls(&files)?;
            let lists = tls.revocation_lists().to_vec();
            gateway.renew_tls(tls);
            if is_new {
                *current = Current { files: Some(files), lists, ended: 0 };
            }
        }
        Ok(is_new)
    }
}

/// What the listener goes by.
#[derive(Default)]
struct Current {
    files: Option<TlsFiles>,
    /// By when they end.
    lists: Vec<RevocationList>,
    /// Of how many of them it was told that they ended.
    ended: usize,
}

impl Current {
    /// What the node started with.
    fn begin(&mut self, files: Option<TlsFiles>) {
        self.lists = files
            .as_ref()
            .and_then(|files| tls(files).ok())
            .map_or_else(Vec::new, |tls| tls.revocation_lists().to_vec());
        self.files = files;
    }

    /// Tells of lists that ended and were not told of. Whether there were any.
    fn tell_of_ended(&mut self, now: Timestamp) -> bool {
        let before = self.ended;
        for list in self.lists.iter().skip(before).take_while(|list| list.has_ended(now)) {
            self.ended += 1;
            let RevocationList { authority, ends } = list;
            let code = code::REVOCATION_LIST_ENDED;
            tracing::error!(%code, "{code}: the revocation list of `{authority}` ended at {ends}, and no other is there");
        }
        self.ended > before
    }
}

fn tls(files: &TlsFiles) -> anyhow::Result<Tls> {
    let tls = Tls::new(files, Timestamp::now());
    tls.with_context(|| format!("{}: TLS cannot be spoken with these files", code::LISTENER_TLS))
}

fn read(path: &Path) -> anyhow::Result<Vec<u8>> {
    std::fs::read(path).with_context(|| format!("{}: cannot read `{}`", code::LISTENER_TLS, path.display()))
}

fn set<T>(field: &mut T, said: Option<T>) {
    if let Some(said) = said {
        *field = said;
    }
}

/// A size as in manifests: `64KiB`, `10MB`.
fn size(text: &str) -> Result<u64, String> {
    scalar::size(text).ok_or_else(|| format!("`{text}` is not a size: write `64KiB`, `10MB`"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_that_ends_is_told_of_once() {
        let list = |ends: &str| RevocationList { authority: "CN=Plant".to_owned(), ends: ends.parse().unwrap() };
        let lists = vec![list("2026-01-01T00:00:00Z"), list("2026-01-02T00:00:00Z")];
        let mut current = Current { lists, ..Current::default() };
        for (now, told, ended) in [
            ("2025-12-31T23:59:59Z", false, 0),
            ("2026-01-01T00:00:00Z", true, 1),
            ("2026-01-01T00:00:01Z", false, 1),
            ("2026-01-03T00:00:00Z", true, 2),
            ("2026-01-04T00:00:00Z", false, 2),
        ] {
            assert_eq!((current.tell_of_ended(now.parse().unwrap()), current.ended), (told, ended), "{now}");
        }
    }
}

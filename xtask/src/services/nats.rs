//! A NATS server of our own with JetStream on free ports of 127.0.0.1, writing before it answers, in a temporary directory.
//! Never a server that was there before; ended and deleted when dropped.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::Result;
use tempfile::TempDir;

use crate::daemon::{Daemon, free_port};
use crate::test::peers;

const CONFIG: &str = "nats.conf";

async fn serve(program: &Path, directory: &Path, ports: [u16; 2]) -> Result<Daemon> {
    let mut command = Command::new(program);
    command.arg("-c").arg(directory.join(CONFIG));
    let mut server = Daemon::start("nats", &mut command, directory)?;
    for port in ports {
        server.listens(SocketAddr::from((Ipv4Addr::LOCALHOST, port))).await?;
    }
    Ok(server)
}

/// A running server; dropping it stops the server and deletes its data.
pub(crate) struct Nats {
    port: u16,
    monitoring: u16,
    program: PathBuf,
    server: Daemon,
    directory: TempDir,
}

impl Nats {
    /// Starts a server; returns once it answers. `sync_interval` is `always`, or a time as the server writes it.
    pub(crate) async fn start(sync_interval: &str) -> Result<Self> {
        let program = peers::nats_server().await?;
        let directory = TempDir::with_prefix("selvage-nats-")?;
        let (port, monitoring) = (free_port()?, free_port()?);
        let config = directory.path().join(CONFIG);
        let data = directory.path().join("data");
        std::fs::write(
            &config,
            format!(
                "listen: 127.0.0.1:{port}\nhttp: 127.0.0.1:{monitoring}\n\
                 jetstream {{ store_dir: {data:?}, sync_interval: {sync_interval:?} }}\n"
            ),
        )?;
        let server = serve(&program, directory.path(), [port, monitoring]).await?;
        Ok(Self { port, monitoring, program, server, directory })
    }

    /// Kills the server, and starts it again after a while with what it had written.
    pub(crate) async fn crash(&mut self, away: Duration) -> Result<()> {
        self.fail()?;
        tokio::time::sleep(away).await;
        self.come_back().await
    }

    /// Kills the server.
    pub(crate) fn fail(&mut self) -> Result<()> {
        self.server.kill()
    }

    /// Starts it again with what it had written.
    pub(crate) async fn come_back(&mut self) -> Result<()> {
        self.server = serve(&self.program, self.directory.path(), [self.port, self.monitoring]).await?;
        Ok(())
    }

    /// Deletes a stream.
    pub(crate) async fn forget(&self, stream: &str) -> Result<()> {
        let client = async_nats::connect(self.url()).await?;
        client.request(format!("$JS.API.STREAM.DELETE.{stream}"), "".into()).await?;
        Ok(())
    }

    /// Its address for clients.
    pub(crate) fn url(&self) -> String {
        format!("nats://127.0.0.1:{}", self.port)
    }

    /// Its address for those who ask how it is set up.
    pub(crate) fn monitoring(&self) -> String {
        format!("http://127.0.0.1:{}", self.monitoring)
    }
}

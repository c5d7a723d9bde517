//! A long-running child process of a benchmark or a crash run: a gateway, an upstream, a simulated factory.
//! Ended when dropped, in order first and by force after that; its output goes to a file that errors quote.

use std::net::{SocketAddr, TcpListener};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};

use crate::process;

const END_WITHIN: Duration = Duration::from_secs(5);
const START_WITHIN: Duration = Duration::from_secs(20);
const STILL_WITHIN: Duration = Duration::from_secs(5);

/// A running child.
pub(crate) struct Daemon {
    name: String,
    child: Child,
    log: PathBuf,
}

impl Daemon {
    /// Starts the command, its output to `NAME.log` in the directory, in a process group of its own.
    pub(crate) fn start(name: &str, command: &mut Command, directory: &Path) -> Result<Self> {
        let log = directory.join(format!("{name}.log"));
        let output = std::fs::OpenOptions::new().create(true).append(true).open(&log)?;
        let child = command
            .stdin(Stdio::null())
            .stdout(output.try_clone()?)
            .stderr(output)
            .process_group(0)
            .spawn()
            .with_context(|| format!("cannot start {name}"))?;
        Ok(Self { name: name.to_owned(), child, log })
    }

    /// Its process id.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// What it wrote so far.
    pub(crate) fn output(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// Returns once the address takes connections.
    pub(crate) async fn listens(&mut self, address: SocketAddr) -> Result<()> {
        self.until("listen", || async move { tokio::net::TcpStream::connect(address).await.is_ok() }).await
    }

    /// Returns once `ready` says so; fails when the child ends first or it takes too long.
    pub(crate) async fn until<F, R>(&mut self, what: &str, ready: F) -> Result<()>
    where
        F: Fn() -> R,
        R: Future<Output = bool>,
    {
        let began = Instant::now();
        while began.elapsed() < START_WITHIN {
            if let Some(status) = self.child.try_wait()? {
                bail!("{} ended with {status}:\n{}", self.name, self.output());
            }
            if ready().await {
                return Ok(());
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        let seconds = START_WITHIN.as_secs();
        bail!("{} did not {what} within {seconds} s:\n{}", self.name, self.output())
    }

    /// Lets it stand still: all of it, when this returns.
    pub(crate) async fn stand_still(&self) -> Result<()> {
        process::send(self.child.id(), "STOP");
        let began = Instant::now();
        while !stands_still(self.child.id())? {
            ensure!(began.elapsed() < STILL_WITHIN, "{} does not stop", self.name);
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        Ok(())
    }

    /// Lets it go on.
    pub(crate) fn go_on(&self) {
        process::send(self.child.id(), "CONT");
    }

    /// The most memory that it had so far, in megabytes.
    pub(crate) fn peak_megabytes(&self) -> Result<f64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).context("the kernel tells no peak")?;
        let kibibytes: f64 = line.trim().trim_end_matches(" kB").trim().parse()?;
        Ok(kibibytes / 1_024.0)
    }

    /// Kills it as a power cut would: nothing of it runs any more when this returns.
    pub(crate) fn kill(&mut self) -> Result<()> {
        self.child.kill()?;
        self.child.wait()?;
        Ok(())
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        if !matches!(self.child.try_wait(), Ok(None)) {
            return;
        }
        process::send(self.child.id(), "TERM");
        // One that stands still hears nothing else.
        self.go_on();
        let began = Instant::now();
        while began.elapsed() < END_WITHIN {
            if !matches!(self.child.try_wait(), Ok(None)) {
                return;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        let _ = self.kill();
    }
}

/// Whether every thread of a process is stopped.
fn stands_still(pid: u32) -> Result<bool> {
    for thread in std::fs::read_dir(format!("/proc/{pid}/task"))? {
        let stat = std::fs::read_to_string(thread?.path().join("stat"))?;
        if !stat.rsplit(')').next().is_some_and(|state| state.trim_start().starts_with('T')) {
            return Ok(false);
        }
    }
    Ok(true)
}

/// A port of 127.0.0.1 that nothing listens on right now.
pub(crate) fn free_port() -> Result<u16> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}

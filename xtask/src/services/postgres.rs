//! A PostgreSQL server of our own on a free port of 127.0.0.1, with fsync on, in a temporary directory.
//! Never a server that was there before; ended and deleted when dropped.

mod power;

use std::os::unix::fs::chown;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, bail, ensure};
use tempfile::TempDir;

use crate::daemon::free_port;
use crate::process;
use power::Power;

const USER: &str = "selvage";
const START_WITHIN: Duration = Duration::from_secs(30);

/// A running server; dropping it stops the server and deletes its data.
pub(crate) struct Postgres {
    tools: Tools,
    directory: TempDir,
    server: Child,
    port: u16,
    power: Option<Power>,
}

impl Postgres {
    /// Makes a cluster and starts its server; returns once it answers.
    pub(crate) async fn start() -> Result<Self> {
        Self::start_as(false).await
    }

    /// The same with a server whose power can be cut.
    pub(crate) async fn with_power() -> Result<Self> {
        Self::start_as(true).await
    }

    async fn start_as(has_power: bool) -> Result<Self> {
        let tools = Tools::find()?;
        let directory = TempDir::with_prefix("selvage-postgres-")?;
        if let Some((user, group)) = tools.run_as {
            chown(directory.path(), Some(user), Some(group))?;
        }
        // Each sync of its log is followed by the file.
        let more: &[&str] = if has_power { &["--wal-segsize=1"] } else { &[] };
        tools.make_cluster(directory.path(), more)?;
        let port = free_port()?;
        let place = directory.path();
        let power = has_power.then(|| Power::of(&place.join("data"), place, tools.run_as)).transpose()?;
        let server = tools.serve(place, port, power.as_ref())?;
        let mut postgres = Self { tools, directory, server, port, power };
        postgres.answers().await?;
        Ok(postgres)
    }

    /// The address of one of its databases, for a user who may do anything in this server.
    pub(crate) fn url(&self, database: &str) -> String {
        format!("postgres://{USER}@127.0.0.1:{}/{database}", self.port)
    }

    /// Makes an empty database.
    pub(crate) fn create_database(&self, name: &str) -> Result<()> {
        let made = self
            .tools
            .command("psql", self.directory.path())
            .args(["-q", "-v", "ON_ERROR_STOP=1", "-d", &self.url("postgres")])
            .args(["-c", &format!("create database {name}")])
            .output()
            .context("cannot start `psql`")?;
        let error = String::from_utf8_lossy(&made.stderr);
        ensure!(made.status.success(), "cannot create the database `{name}`: {error}");
        Ok(())
    }

    /// Ends the server at once, as a crash would.
    pub(crate) fn fail(&mut self) {
        self.stop_at_once();
    }

    /// The power of the server is cut: what it had not synced is gone when it comes back.
    pub(crate) fn cut_power(&mut self) -> Result<()> {
        self.stop_at_once();
        self.power.as_ref().context("this server's power is not followed")?.cut()
    }

    /// Whether the disk of the server says of its log that it has written what it has not.
    pub(crate) fn disk_lies(&self, lies: bool) -> Result<()> {
        self.power.as_ref().context("this server's power is not followed")?.lies(lies)
    }

    /// Starts it again with what it had written, or synced where its power was cut.
    pub(crate) async fn come_back(&mut self) -> Result<()> {
        if let Some(power) = &self.power {
            power.keep()?;
        }
        self.server = self.tools.serve(self.directory.path(), self.port, self.power.as_ref())?;
        self.answers().await
    }

    fn stop_at_once(&mut self) {
        let data = self.directory.path().join("data");
        let stopped = self
            .tools
            .command("pg_ctl", self.directory.path())
            .arg("-D")
            .arg(data)
            .args(["-s", "-m", "immediate", "stop"])
            .status();
        if !stopped.is_ok_and(|status| status.success()) {
            let _ = self.server.kill();
        }
        let _ = self.server.wait();
    }

    async fn answers(&mut self) -> Result<()> {
        let began = Instant::now();
        while began.elapsed() < START_WITHIN {
            if let Some(status) = self.server.try_wait()? {
                bail!("PostgreSQL ended with {status}:\n{}", self.log());
            }
            let ready = self
                .tools
                .command("pg_isready", self.directory.path())
                .args(["-q", "-h", "127.0.0.1", "-p", &self.port.to_string()])
                .status()?;
            if ready.success() {
                return Ok(());
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        bail!("PostgreSQL did not answer within {} s:\n{}", START_WITHIN.as_secs(), self.log())
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.directory.path().join("log")).unwrap_or_default()
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        self.stop_at_once();
    }
}

/// Where the server's programs are, and as whom they run.
#[derive(Clone)]
struct Tools {
    programs: PathBuf,
    /// PostgreSQL refuses to run as root: user and group ids to become.
    run_as: Option<(u32, u32)>,
}

impl Tools {
    fn find() -> Result<Self> {
        if programs().is_none() {
            process::install_debian("postgresql")?;
        }
        let programs = programs().ok_or_else(|| {
            anyhow!("found no `initdb` on PATH or under /usr/lib/postgresql; install PostgreSQL 14 or later")
        })?;
        let run_as = match process::is_root() {
            true => Some(account("postgres").or_else(|_| account("nobody"))?),
            false => None,
        };
        Ok(Self { programs, run_as })
    }

    fn make_cluster(&self, directory: &Path, more: &[&str]) -> Result<()> {
        let made = self
            .command("initdb", directory)
            .args(["--auth=trust", "--encoding=UTF8", "--locale=C.UTF-8"])
            .args(["--no-sync", "--no-instructions", "--username", USER])
            .args(more)
            .arg("--pgdata")
            .arg(directory.join("data"))
            .stdin(Stdio::null())
            .output()
            .context("cannot start `initdb`")?;
        ensure!(made.status.success(), "initdb ended with {}:\n{}", made.status, String::from_utf8_lossy(&made.stderr));
        Ok(())
    }

    /// Starts the server in a process group of its own, so that ctrl-c reaches the task first.
    fn serve(&self, directory: &Path, port: u16, power: Option<&Power>) -> Result<Child> {
        let log = std::fs::File::create(directory.join("log"))?;
        let settings = [
            "listen_addresses=127.0.0.1".to_owned(),
            format!("port={port}"),
            format!("unix_socket_directories={}", directory.display()),
            "fsync=on".to_owned(),
            "synchronous_commit=on".to_owned(),
            "max_connections=400".to_owned(),
        ];
        let mut command = self.command("postgres", directory);
        command.arg("-D").arg(directory.join("data"));
        for setting in settings {
            command.arg("-c").arg(setting);
        }
        if let Some(power) = power {
            // It writes its pages now and then while it is tried.
            command.args(["-c", "min_wal_size=8MB", "-c", "max_wal_size=32MB"]).envs(power.followed());
        }
        command
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .process_group(0)
            .spawn()
            .context("cannot start `postgres`")
    }

    fn command(&self, program: &str, directory: &Path) -> Command {
        let mut command = Command::new(self.programs.join(program));
        command.current_dir(directory);
        if let Some((user, group)) = self.run_as {
            command.uid(user).gid(group);
        }
        command
    }
}

/// The directory of the newest server's programs: PATH first, then where Debian keeps them.
fn programs() -> Option<PathBuf> {
    if let Some(initdb) = process::find("initdb") {
        return initdb.canonicalize().ok()?.parent().map(Path::to_path_buf);
    }
    let versions = std::fs::read_dir("/usr/lib/postgresql").ok()?;
    versions
        .filter_map(|entry| {
            let entry = entry.ok()?;
            let version: u32 = entry.file_name().to_str()?.parse().ok()?;
            let programs = entry.path().join("bin");
            programs.join("initdb").is_file().then_some((version, programs))
        })
        .max()
        .map(|(_, programs)| programs)
}

/// User and group id of an account of this machine.
fn account(name: &str) -> Result<(u32, u32)> {
    let accounts = std::fs::read_to_string("/etc/passwd")?;
    let ids = accounts.lines().find_map(|line| {
        let mut fields = line.split(':');
        let found = fields.next()? == name;
        let user = fields.nth(1)?.parse().ok()?;
        let group = fields.next()?.parse().ok()?;
        found.then_some((user, group))
    });
    ids.ok_or_else(|| anyhow!("this machine has no account `{name}`"))
}

//! The Selvage binary as the benchmarks and crash runs use it: its command line, stated in this one place.
//! Only what a user could do: flags, files and ports.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};

use crate::daemon::{Daemon, free_port};
use crate::release;

/// One serving process: what it serves, where it keeps its state and where it listens.
pub(crate) struct Node {
    name: String,
    fabric: Option<PathBuf>,
    state: Vec<String>,
    more: Vec<String>,
    environment: Vec<(&'static str, PathBuf)>,
    /// The gateway's address.
    pub(crate) address: SocketAddr,
    /// Where it says whether it is ready.
    pub(crate) admin: SocketAddr,
}

impl Node {
    /// A node with an embedded store in a directory.
    pub(crate) fn embedded(name: &str, fabric: &Path, data: &Path) -> Result<Self> {
        Self::new(name, Some(fabric), vec!["--data".to_owned(), data.display().to_string()])
    }

    /// A node whose state is in a PostgreSQL database, shared with others.
    pub(crate) fn on_postgres(name: &str, fabric: &Path, url: &str) -> Result<Self> {
        Self::new(name, Some(fabric), vec!["--store".to_owned(), url.to_owned()])
    }

    /// A node that serves what is active in a PostgreSQL database, shared with others.
    pub(crate) fn of_releases(name: &str, url: &str) -> Result<Self> {
        Self::new(name, None, vec!["--store".to_owned(), url.to_owned()])
    }

    fn new(name: &str, fabric: Option<&Path>, state: Vec<String>) -> Result<Self> {
        Ok(Self {
            name: name.to_owned(),
            fabric: fabric.map(Path::to_owned),
            state,
            more: Vec::new(),
            environment: Vec::new(),
            address: SocketAddr::from((Ipv4Addr::LOCALHOST, free_port()?)),
            admin: SocketAddr::from((Ipv4Addr::LOCALHOST, free_port()?)),
        })
    }

    /// Adds arguments to `selvage serve`.
    pub(crate) fn with(mut self, arguments: &[&str]) -> Self {
        self.more.extend(arguments.iter().map(|&argument| argument.to_owned()));
        self
    }

    /// Serves in this environment.
    pub(crate) fn within(mut self, environment: Vec<(&'static str, PathBuf)>) -> Self {
        self.environment = environment;
        self
    }

    /// Issues a key for a consumer; it is what the command prints where no person reads it.
    pub(crate) fn issue_key(&self, consumer: &str) -> Result<String> {
        let output = Command::new(release::program("selvage"))
            .args(["key", "issue", consumer])
            .args(&self.state)
            .stdin(Stdio::null())
            .output()
            .context("cannot start `selvage key issue`")?;
        let key = String::from_utf8_lossy(&output.stdout).trim().to_owned();
        ensure!(
            output.status.success() && key.starts_with("slv_"),
            "`selvage key issue {consumer}` ended with {} and printed no key:\n{}",
            output.status,
            String::from_utf8_lossy(&output.stderr)
        );
        Ok(key)
    }

    /// The ids of all keys, as the command lists them.
    pub(crate) fn key_ids(&self) -> Result<Vec<String>> {
        let output = self.command(&["key", "list"])?;
        let ids = output.lines().filter_map(|line| line.split_whitespace().next());
        Ok(ids.filter(|id| id.starts_with("key_")).map(str::to_owned).collect())
    }

    /// Takes a key back; returns when the command does.
    pub(crate) fn revoke_key(&self, id: &str) -> Result<String> {
        self.command(&["key", "revoke", id, "--because", "measured", "--json"])
    }

    /// Runs a command on the node's store; what it printed.
    pub(crate) fn command(&self, arguments: &[&str]) -> Result<String> {
        let output = Command::new(release::program("selvage"))
            .args(arguments)
            .args(&self.state)
            .stdin(Stdio::null())
            .output()
            .with_context(|| format!("cannot start `selvage {}`", arguments.join(" ")))?;
        let error = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "`selvage {}` ended with {}:\n{error}", arguments.join(" "), output.status);
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }

    /// The writes without an outcome, as the command lists them; `None` when every one has an end.
    pub(crate) fn unresolved(&self) -> Result<Option<String>> {
        let output = Command::new(release::program("selvage"))
            .args(["operations", "list"])
            .args(&self.state)
            .stdin(Stdio::null())
            .output()
            .context("cannot start `selvage operations list`")?;
        let listed = String::from_utf8_lossy(&output.stdout).trim().to_owned();
        let error = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "`selvage operations list` ended with {}:\n{error}", output.status);
        Ok((!listed.starts_with("none")).then_some(listed))
    }

    /// Has a person say how a stuck write ended.
    pub(crate) fn settle(&self, operation: &str, outcome: &str) -> Result<()> {
        let output = Command::new(release::program("selvage"))
            .args(["operations", "settle", operation, "--as", outcome, "--because", "looked at in Odoo"])
            .args(&self.state)
            .stdin(Stdio::null())
            .output()
            .context("cannot start `selvage operations settle`")?;
        let error = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "`selvage operations settle` ended with {}:\n{error}", output.status);
        Ok(())
    }

    /// Starts it and returns once its gateway is ready; its output goes to a file in the directory.
    pub(crate) async fn start(&self, directory: &Path) -> Result<Daemon> {
        let mut command = Command::new(release::program("selvage"));
        command.arg("serve");
        if let Some(fabric) = &self.fabric {
            command.arg("--fabric").arg(fabric);
        }
        command.args(["--env", "dev"]).args(&self.state);
        command.args(["--listen", &self.address.to_string()]);
        command.args(["--admin", &self.admin.to_string()]);
        command.args(["--console", "127.0.0.1:0"]).args(&self.more);
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        let mut daemon = Daemon::start(&self.name, &mut command, directory)?;
        let admin = self.admin;
        daemon
            .until("become ready", || async move {
                matches!(crate::http::get(admin, "/readyz").await, Ok(answer) if answer.status == 200)
            })
            .await?;
        Ok(daemon)
    }
}

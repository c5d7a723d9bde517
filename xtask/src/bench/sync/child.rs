//! The measured side as its own process: told to list, it says how that went; asked nothing else.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::SocketAddr;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use anyhow::{Context, Result};

use super::Listed;

/// The running process. Ended when dropped.
pub(super) struct Lister {
    child: Child,
    orders: Option<ChildStdin>,
    answers: Option<BufReader<ChildStdout>>,
}

impl Lister {
    /// Starts it on this Odoo.
    pub(super) fn start(odoo: SocketAddr) -> Result<Self> {
        let mut command = Command::new(std::env::current_exe()?);
        command.args(["bench", "lister", "--url", &format!("http://{odoo}")]);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let (orders, answers) = (child.stdin.take(), child.stdout.take().map(BufReader::new));
        Ok(Self { child, orders, answers })
    }

    /// Lists so many products, or all of them at 0.
    pub(super) async fn list(&mut self, most: usize) -> Result<Listed> {
        let (mut orders, mut answers) = self.orders.take().zip(self.answers.take()).context("the lister has ended")?;
        let listing = move || -> Result<_> {
            writeln!(orders, "{most}")?;
            orders.flush()?;
            let mut line = String::new();
            answers.read_line(&mut line)?;
            let listed = serde_json::from_str(&line).context("the lister ended before its answer")?;
            Ok((orders, answers, listed))
        };
        let (orders, answers, listed) = tokio::task::spawn_blocking(listing).await??;
        (self.orders, self.answers) = (Some(orders), Some(answers));
        Ok(listed)
    }

    /// Its process id.
    pub(super) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// The most memory that it had resident so far, in units of 10⁶ bytes, as the kernel counts it.
    pub(super) fn peak_megabytes(&self) -> Result<f64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let peak = status
            .lines()
            .find_map(|line| line.strip_prefix("VmHWM:")?.trim().strip_suffix(" kB")?.trim().parse::<f64>().ok());
        Ok(peak.context("the kernel does not say how much memory the lister had")? * 1024.0 / 1e6)
    }
}

impl Drop for Lister {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

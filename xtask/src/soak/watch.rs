//! What is looked at while it runs: the memory of the process, and what it says of itself.

use std::net::SocketAddr;

use anyhow::{Context, Result, ensure};

use crate::bench::figures::median;
use crate::http;

/// The resident memory of a process over time.
pub(super) struct Memory {
    pid: u32,
    kibibytes: Vec<f64>,
}

impl Memory {
    pub(super) fn of(pid: u32) -> Self {
        Self { pid, kibibytes: Vec::new() }
    }

    /// Takes note of it.
    pub(super) fn look(&mut self) -> Result<()> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.pid))?;
        let resident = status
            .lines()
            .find_map(|line| line.strip_prefix("VmRSS:")?.trim().strip_suffix(" kB")?.trim().parse::<f64>().ok())
            .context("the kernel does not say how much memory the node has")?;
        self.kibibytes.push(resident);
        Ok(())
    }

    /// The last quarter of the time beside the second one: at first a process fills its caches.
    pub(super) fn growth(&self) -> f64 {
        let quarter = self.kibibytes.len() / 4;
        let part =
            |from: usize| median(self.kibibytes.iter().skip(from * quarter).take(quarter.max(1)).copied().collect());
        part(3) / part(1)
    }
}

/// The metrics of a node at one moment.
pub(super) struct Metrics(String);

impl Metrics {
    pub(super) async fn read(admin: SocketAddr) -> Result<Self> {
        let answer = http::get(admin, "/metrics").await?;
        ensure!(answer.status == 200, "/metrics answered {}", answer.status);
        Ok(Self(String::from_utf8_lossy(&answer.body).into_owned()))
    }

    /// The sum over all samples of a family.
    pub(super) fn sum(&self, name: &str) -> f64 {
        let value = |line: &str| {
            let (sample, value) = line.rsplit_once(' ')?;
            (sample.split('{').next() == Some(name)).then(|| value.parse::<f64>().ok())?
        };
        self.0.lines().filter_map(value).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_of_one_family_are_added() {
        let metrics = Metrics("# TYPE a gauge\na{x=\"1\"} 2\na{x=\"2\"} 3\na_total 7\n".to_owned());
        assert!((metrics.sum("a") - 5.0).abs() < 1e-9);
    }

    #[test]
    fn growth_leaves_out_the_beginning() {
        let memory = Memory { pid: 0, kibibytes: vec![10.0, 50.0, 100.0, 100.0, 100.0, 100.0, 110.0, 110.0] };
        assert!((memory.growth() - 1.1).abs() < 1e-9);
    }
}

//! What is looked at while it runs: the memory of the process, and what it says of itself.

use std::net::SocketAddr;

use anyhow::{Context, Result, ensure};

use crate::bench::figures::median;
use crate::http;

/// Two for each quarter of the time.
const LEAST_LOOKS: usize = 8;

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
    pub(super) fn growth(&self) -> Result<f64> {
        let count = self.kibibytes.len();
        ensure!(
            count >= LEAST_LOOKS,
            "the memory was looked at {count} times; {LEAST_LOOKS} are needed to see it grow"
        );
        let quarter = count / 4;
        let part = |from: usize| median(self.kibibytes.iter().skip(from).take(quarter).copied().collect());
        Ok(part(count - quarter) / part(quarter))
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

    /// The sum over all samples of a family; an error where there is none, since what is not told is not nothing.
    pub(super) fn sum(&self, name: &str) -> Result<f64> {
        let value = |line: &str| {
            let (sample, value) = line.rsplit_once(' ')?;
            (sample.split('{').next() == Some(name)).then(|| value.parse::<f64>().ok())?
        };
        let samples: Vec<f64> = self.0.lines().filter_map(value).collect();
        ensure!(!samples.is_empty(), "the node tells no `{name}`");
        Ok(samples.iter().sum())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_of_one_family_are_added_and_missing_ones_are_an_error() {
        let metrics = Metrics("# TYPE a gauge\na{x=\"1\"} 2\na{x=\"2\"} 3\na_total 7\n# TYPE b gauge\n".to_owned());
        assert!((metrics.sum("a").unwrap() - 5.0).abs() < 1e-9);
        assert!(metrics.sum("b").is_err() && metrics.sum("c").is_err());
    }

    #[test]
    fn growth_leaves_out_the_beginning_and_sees_the_end() {
        let memory = |kibibytes: &[f64]| Memory { pid: 0, kibibytes: kibibytes.to_vec() };
        let growth = |kibibytes: &[f64]| memory(kibibytes).growth().unwrap();
        assert!((growth(&[10.0, 50.0, 100.0, 100.0, 100.0, 100.0, 110.0, 110.0]) - 1.1).abs() < 1e-9);
        // Where the looks are no multiple of four, the last ones count too.
        assert!(
            (growth(&[10.0, 50.0, 100.0, 100.0, 100.0, 100.0, 100.0, 100.0, 100.0, 300.0, 300.0]) - 3.0).abs() < 1e-9
        );
        for too_few in [&[][..], &[1.0; 7][..]] {
            assert!(memory(too_few).growth().is_err(), "{too_few:?}");
        }
    }
}

//! What is looked at while it runs: the memory of the process, and what it says of itself.

use std::net::SocketAddr;

use anyhow::{Context, Result, ensure};

use crate::bench::figures::median;
use crate::http;

/// Two for each quarter of the time.
const LEAST_LOOKS: usize = 8;
/// How many times as far as half of the looks are from the line anything may be that is no growth.
const NOISE: f64 = 3.0;

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

    /// By how many percent it grew in the second half of the time: at first a process fills its caches. What is within the noise of the
    /// looks is nothing. The line is that of Theil and Sen, which a few looks beside it do not bend:
    /// <https://en.wikipedia.org/wiki/Theil%E2%80%93Sen_estimator>
    pub(super) fn growth_percent(&self) -> Result<f64> {
        let count = self.kibibytes.len();
        ensure!(
            count >= LEAST_LOOKS,
            "the memory was looked at {count} times; {LEAST_LOOKS} are needed to see it grow"
        );
        let looks: Vec<(f64, f64)> =
            self.kibibytes.iter().skip(count / 2).enumerate().map(|(place, look)| (place as f64, *look)).collect();
        let pairs = looks.iter().enumerate().flat_map(|(first, (x, y))| {
            looks.iter().skip(first + 1).map(move |(later, higher)| (higher - y) / (later - x))
        });
        let slope = median(pairs.collect());
        let level = median(looks.iter().map(|(x, y)| y - slope * x).collect());
        let noise = NOISE * median(looks.iter().map(|(x, y)| (y - slope * x - level).abs()).collect());
        let rise = slope * (looks.len() - 1) as f64;
        Ok(if rise > noise { 100.0 * rise / level } else { 0.0 })
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
    fn growth_leaves_out_the_beginning_and_the_noise_and_sees_what_leaks() {
        let growth = |kibibytes: Vec<f64>| Memory { pid: 0, kibibytes }.growth_percent().unwrap();
        let looks = |of: fn(f64) -> f64| (0..40).map(|place| of(f64::from(place))).collect::<Vec<f64>>();
        let wobble = |place: f64| if place % 3.0 < 1.0 { 4.0 } else { -2.0 };
        // It fills its caches, and stays.
        assert!(growth(looks(|place| 1_000.0 - 900.0 / (1.0 + place * place))) < 0.5);
        let stays: Vec<f64> = looks(|place| place).into_iter().map(|place| 1_000.0 + wobble(place)).collect();
        assert!(growth(stays).abs() < 1e-9);
        let falls: Vec<f64> = looks(|place| place).into_iter().map(|place| 1_000.0 - place).collect();
        assert!(growth(falls).abs() < 1e-9);
        // Two in a thousand with each look: 38 over the second half.
        let leaks: Vec<f64> =
            looks(|place| place).into_iter().map(|place| 1_000.0 + 2.0 * place + wobble(place)).collect();
        assert!((3.0..4.5).contains(&growth(leaks.clone())), "{}", growth(leaks));
        for too_few in [0, 7] {
            assert!(Memory { pid: 0, kibibytes: vec![1.0; too_few] }.growth_percent().is_err(), "{too_few}");
        }
    }
}

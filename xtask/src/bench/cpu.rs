//! How much CPU time a process and its children have used, from `/proc`.
//! Never counts children that ended before it looks.

use std::time::Duration;

use anyhow::{Context, Result};

/// What `/proc` counts in: a hundredth of a second on every Linux.
const TICK: Duration = Duration::from_millis(10);

/// CPU time in user and kernel mode of a process and of its direct children.
pub(crate) fn of_family(parent: u32) -> Result<Duration> {
    let mut used = Duration::ZERO;
    for entry in std::fs::read_dir("/proc")? {
        let name = entry?.file_name();
        let Some(pid) = name.to_str().and_then(|name| name.parse::<u32>().ok()) else {
            continue;
        };
        // A process may end between the listing and the look.
        let Ok(stat) = std::fs::read_to_string(format!("/proc/{pid}/stat")) else {
            continue;
        };
        let stat = Stat::read(&stat).with_context(|| format!("/proc/{pid}/stat is not as documented"))?;
        if pid == parent || stat.parent == parent {
            used += TICK * stat.ticks;
        }
    }
    Ok(used)
}

/// How long the machine's processors have been idle, added up.
pub(crate) fn idle() -> Result<Duration> {
    let stat = std::fs::read_to_string("/proc/stat")?;
    let ticks = stat.split_whitespace().nth(4).and_then(|ticks| ticks.parse::<u32>().ok());
    Ok(TICK * ticks.context("/proc/stat is not as documented")?)
}

struct Stat {
    parent: u32,
    ticks: u32,
}

impl Stat {
    /// Fields 4, 14 and 15 of proc_pid_stat(5); the name in field 2 may hold spaces and brackets.
    fn read(line: &str) -> Option<Self> {
        let (_, after_name) = line.rsplit_once(')')?;
        let mut fields = after_name.split_whitespace().skip(1);
        let parent = fields.next()?.parse().ok()?;
        let user: u32 = fields.nth(9)?.parse().ok()?;
        let system: u32 = fields.next()?.parse().ok()?;
        Some(Self { parent, ticks: user + system })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_found_behind_an_odd_name() {
        let stat = Stat::read("7 (a) b (c) S 3 7 7 0 -1 4194304 1 2 3 4 120 30 0 0 20 0 1").unwrap();
        assert_eq!((stat.parent, stat.ticks), (3, 150));
    }

    #[test]
    fn this_process_is_counted() {
        assert!(of_family(std::process::id()).is_ok());
    }
}

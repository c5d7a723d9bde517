//! A disk whose power can be cut: the files of a node, and beside them a copy that holds only what was synced, kept by a library that
//! is preloaded into the node.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Result;

use crate::process;

/// How a node ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// Its process is killed; what it wrote stays.
    Kill,
    /// The power is cut: what was not synced is gone.
    PowerCut,
}

/// How late a disk writes that says too early that it has: milliseconds at most. More than marks may be behind after a power cut.
const LATE: &str = "400";

/// The disk of one node.
pub(super) struct Disk {
    directory: PathBuf,
    /// It says that a log is on it before it is: whoever stands on it acknowledges before the sync.
    is_late: bool,
}

impl Disk {
    /// An empty disk in a directory of its own.
    pub(super) fn new(directory: &Path) -> Result<Self> {
        fs::create_dir_all(directory.join("disk"))?;
        fs::create_dir_all(directory.join("synced"))?;
        // As the system names the files of a process.
        let directory = directory.canonicalize()?;
        process::compile_library(include_str!("synced.c"), &directory.join("synced.so"))?;
        Ok(Self { directory, is_late: false })
    }

    /// The same disk, which says that it has written before it has.
    pub(super) fn late(self) -> Self {
        Self { is_late: true, ..self }
    }

    /// Where the node has its files.
    pub(super) fn files(&self) -> PathBuf {
        self.directory.join("disk")
    }

    /// The environment of a node whose writes are followed.
    pub(super) fn followed(&self) -> Vec<(&'static str, PathBuf)> {
        let mut environment = vec![
            ("LD_PRELOAD", self.directory.join("synced.so")),
            ("SELVAGE_SYNCED_FROM", self.files()),
            ("SELVAGE_SYNCED_TO", self.directory.join("synced")),
            ("SELVAGE_SYNCED_FULL", self.directory.join("full")),
        ];
        if self.is_late {
            environment.push(("SELVAGE_SYNCED_LATE", LATE.into()));
        }
        environment
    }

    /// What is there once the node has ended: this is what the next one finds.
    pub(super) fn end(&self, end: End) -> Result<()> {
        let (disk, synced) = (self.files(), self.directory.join("synced"));
        match end {
            // What the process wrote is in the system's memory, and comes to the disk by itself.
            End::Kill => copy(&disk, &synced),
            End::PowerCut => copy(&synced, &disk),
        }
    }

    /// Whether there is space.
    pub(super) fn fill(&self, full: bool) -> Result<()> {
        let flag = self.directory.join("full");
        if full {
            fs::write(flag, "")?;
        } else {
            fs::remove_file(flag)?;
        }
        Ok(())
    }
}

/// Makes one directory's files those of another.
pub(super) fn copy(from: &Path, to: &Path) -> Result<()> {
    for file in fs::read_dir(to)? {
        fs::remove_file(file?.path())?;
    }
    for file in fs::read_dir(from)? {
        let file = file?;
        if !file.file_name().to_string_lossy().ends_with("-shm") {
            fs::copy(file.path(), to.join(file.file_name()))?;
        }
    }
    Ok(())
}

//! The power of a server that can be cut: its directory, and beside it a copy that holds only what was synced, kept by a library that is
//! preloaded into each of its processes.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::path::{Path, PathBuf};

use anyhow::Result;

use crate::process;

pub(super) struct Power {
    data: PathBuf,
    directory: PathBuf,
    owner: Option<(u32, u32)>,
}

impl Power {
    /// Follows what a server writes to `data`, which does not run yet, with its files in a directory beside it.
    pub(super) fn of(data: &Path, directory: &Path, owner: Option<(u32, u32)>) -> Result<Self> {
        // As the system names the files of a process.
        let (data, directory) = (data.canonicalize()?, directory.canonicalize()?);
        process::compile_library(include_str!("synced.c"), &directory.join("synced.so"))?;
        let power = Self { data, directory, owner };
        power.keep()?;
        Ok(power)
    }

    fn synced(&self) -> PathBuf {
        self.directory.join("synced")
    }

    fn lie(&self) -> PathBuf {
        self.directory.join("lies")
    }

    /// The environment of the server.
    pub(super) fn followed(&self) -> [(&'static str, PathBuf); 4] {
        [
            ("LD_PRELOAD", self.directory.join("synced.so")),
            ("SELVAGE_SYNCED_FROM", self.data.clone()),
            ("SELVAGE_SYNCED_TO", self.synced()),
            ("SELVAGE_SYNCED_LIES", self.lie()),
        ]
    }

    /// Everything that was written is on the disk: the system brings it there by itself.
    pub(super) fn keep(&self) -> Result<()> {
        self.copy(&self.data, &self.synced())
    }

    /// The disk has what was synced, and nothing else. The server has ended.
    pub(super) fn cut(&self) -> Result<()> {
        self.copy(&self.synced(), &self.data)
    }

    /// Whether syncs of the server's log are told as done without being so.
    pub(super) fn lies(&self, lies: bool) -> Result<()> {
        if lies {
            fs::write(self.lie(), "")?;
        } else {
            fs::remove_file(self.lie())?;
        }
        Ok(())
    }

    /// Makes a directory that of another, with all that is in it.
    fn copy(&self, from: &Path, to: &Path) -> Result<()> {
        if to.exists() {
            fs::remove_dir_all(to)?;
        }
        self.copy_into(from, to)
    }

    fn copy_into(&self, from: &Path, to: &Path) -> Result<()> {
        fs::create_dir(to)?;
        fs::set_permissions(to, fs::Permissions::from_mode(0o700))?;
        for entry in fs::read_dir(from)? {
            let entry = entry?;
            let (kind, to) = (entry.file_type()?, to.join(entry.file_name()));
            if kind.is_dir() {
                self.copy_into(&entry.path(), &to)?;
            } else if kind.is_file() && entry.file_name() != "postmaster.pid" {
                fs::copy(entry.path(), &to)?;
                self.own(&to)?;
            }
        }
        self.own(to)
    }

    fn own(&self, path: &Path) -> Result<()> {
        Ok(self.owner.map_or(Ok(()), |(user, group)| chown(path, Some(user), Some(group)))?)
    }
}

//! Which nodes of one store file have ended: each holds the lock of a file of its own beside the store for as long as its process lives,
//! and the system lets go of it, however the process ends. What a node that ended had leased is free at once, not when the lease is
//! over. A lock says more than a process id, which another process may have by now, and which says nothing across containers.
//! INVARIANT: LANE-ORDER: fences guard what is taken over, as after any lease.

use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use selvage_store::Store;

/// How the files of nodes begin; what follows is the node's id.
const PREFIX: &str = "selvage.node-";

/// The sign that a node lives; taken away with it.
pub(crate) struct Alive {
    /// Its lock is the sign.
    _file: File,
    path: PathBuf,
}

impl Alive {
    /// Shows that this node lives, in the directory of its store.
    ///
    /// # Errors
    /// Where the file cannot be made or is locked: then others wait for the leases of this node.
    fn show(directory: &Path, node: &str) -> io::Result<Self> {
        let path = directory.join(format!("{PREFIX}{node}"));
        let mut file = OpenOptions::new().write(true).create(true).truncate(true).open(&path)?;
        file.try_lock()?;
        // It outlives a power cut, so that whoever starts then knows of this node.
        file.write_all(node.as_bytes())?;
        file.sync_all()?;
        Ok(Self { _file: file, path })
    }
}

impl Drop for Alive {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.path);
    }
}

/// Frees what nodes have leased that ended, and shows that this one lives. A node that shows nothing is waited for, as on a server.
/// Where the store is no file in a directory of its own there is nothing to show.
pub(crate) async fn begin(store: &Store, directory: Option<&Path>, node: &str) -> Option<Alive> {
    let directory = directory?;
    for (ended, sign) in ended(directory).unwrap_or_default() {
        match store.release_node(&ended).await {
            Ok(()) => {
                tracing::info!("the node `{ended}` has ended: what it delivered and captured is taken over");
                drop(sign);
            }
            Err(error) => {
                // Its file stays for who starts next.
                std::mem::forget(sign);
                tracing::warn!("{}: the leases of `{ended}` are waited for: {error}", error.code());
            }
        }
    }
    let shown = Alive::show(directory, node);
    shown.inspect_err(|error| tracing::warn!("it cannot be shown that this node lives: {error}")).ok()
}

/// The nodes whose lock nobody holds, by their ids, each with its file.
fn ended(directory: &Path) -> io::Result<Vec<(String, Alive)>> {
    let mut ended = Vec::new();
    for entry in std::fs::read_dir(directory)? {
        let (name, path) = entry.map(|entry| (entry.file_name(), entry.path()))?;
        let Some(node) = name.to_str().and_then(|name| name.strip_prefix(PREFIX)) else { continue };
        let Ok(file) = OpenOptions::new().write(true).open(&path) else { continue };
        if file.try_lock().is_ok() {
            ended.push((node.to_owned(), Alive { _file: file, path }));
        }
    }
    Ok(ended)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_node_has_ended_whose_lock_nobody_holds() {
        let directory = tempfile::tempdir().unwrap();
        let names = || -> Vec<String> {
            ended(directory.path()).unwrap().into_iter().map(|(node, sign)| (node, std::mem::forget(sign)).0).collect()
        };
        let living = Alive::show(directory.path(), "7-one").unwrap();
        assert!(names().is_empty(), "it lives");
        drop(living);
        assert!(names().is_empty(), "it ended in order, and nothing is left of it");
        // One that was killed takes nothing away.
        std::fs::write(directory.path().join("selvage.node-8-other"), "8-other").unwrap();
        std::fs::write(directory.path().join("selvage.db"), "").unwrap();
        assert_eq!(names(), ["8-other"]);
        assert!(names().is_empty(), "somebody looks after it already");
    }
}

//! `selvage backup`: everything that a store holds, as it was at one moment, in one file, while nodes go on. Nothing of it is a
//! secret in the clear, and all of it is the company's: the file is its owner's alone.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use clap::Args;
use selvage_store::{BackupSummary, StoreError};
use serde_json::json;
use uuid::Uuid;

use super::{Outcome, StoreChoice, say};

/// Writes everything that a store holds into one file, while nodes go on.
#[derive(Args)]
pub(crate) struct Backup {
    /// The file, which must not be there yet; or a directory, in which it is named by its time.
    #[arg(value_name = "FILE|DIR")]
    to: PathBuf,
    /// Prints JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    store: StoreChoice,
}

impl Backup {
    /// Writes it beside its place and puts it there when it is whole and on the disk.
    pub(crate) async fn run(self) -> anyhow::Result<Outcome> {
        let store = self.store.existing().await?;
        let path = match self.to.is_dir() {
            true => self.to.join(format!("selvage-{}.backup", jiff::Timestamp::now().strftime("%Y%m%dT%H%M%SZ"))),
            false => self.to,
        };
        let unusable = |error: io::Error| StoreError::BackupFile { reason: format!("`{}`: {error}", path.display()) };
        if path.exists() {
            return Err(unusable(io::ErrorKind::AlreadyExists.into()).into());
        }
        let partial = partial(&path);
        let mut out = BufWriter::new(private(&partial).map_err(unusable)?);
        let written = store.back_up(&mut out).await;
        let kept = written.and_then(|summary| keep(out, &partial, &path).map_err(unusable).map(|()| summary));
        if kept.is_err() {
            let _ = fs::remove_file(&partial);
        }
        let summary = kept?;
        match self.json {
            true => say(as_json(&summary, &path))?,
            false => say(format_args!("{}: {}", path.display(), in_words(&summary)))?,
        }
        Ok(Outcome::Well)
    }
}

/// A name beside it that nobody can have put something under.
fn partial(path: &Path) -> PathBuf {
    let mut partial = path.to_owned().into_os_string();
    partial.push(format!(".{}.partial", Uuid::new_v4().simple()));
    PathBuf::from(partial)
}

/// Made here, or not at all: neither a link nor another's file is written to.
fn private(path: &Path) -> io::Result<File> {
    OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)
}

/// INVARIANT: NOTHING-LOST: a backup is there when it is on the disk, under a name that the disk knows.
fn keep(mut out: BufWriter<File>, partial: &Path, path: &Path) -> io::Result<()> {
    out.flush()?;
    out.get_ref().sync_all()?;
    // Unlike renaming, this does not put it over another.
    fs::hard_link(partial, path)?;
    fs::remove_file(partial)?;
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    File::open(parent.unwrap_or(Path::new(".")))?.sync_all()
}

/// What a backup holds, in one line.
pub(super) fn in_words(summary: &BackupSummary) -> String {
    let BackupSummary { taken, version, tables, rows, entries, sha256 } = summary;
    format!(
        "as of {taken:.0}, version {version}, {tables} tables, {rows} rows, {entries} entries in the ledger, {sha256}"
    )
}

/// The same for programs.
pub(super) fn as_json(summary: &BackupSummary, path: &Path) -> serde_json::Value {
    let BackupSummary { taken, version, tables, rows, entries, sha256 } = summary;
    json!({
        "file": path.display().to_string(), "taken_at": format!("{taken:.0}"), "version": version, "tables": tables,
        "rows": rows, "entries": entries, "sha256": sha256,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::{MetadataExt as _, symlink};

    #[test]
    fn what_is_written_is_its_owners_and_never_anothers_file() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("node.backup");
        let (one, two) = (partial(&path), partial(&path));
        assert!(one != two && one.parent() == path.parent());
        let made = private(&one).unwrap();
        assert_eq!(made.metadata().unwrap().mode() & 0o777, 0o600);
        let valuable = directory.path().join("valuable");
        fs::write(&valuable, "kept").unwrap();
        symlink(&valuable, &two).unwrap();
        for there in [&one, &two, &valuable] {
            assert_eq!(private(there).unwrap_err().kind(), io::ErrorKind::AlreadyExists);
        }
        assert_eq!(fs::read_to_string(&valuable).unwrap(), "kept");
    }
}

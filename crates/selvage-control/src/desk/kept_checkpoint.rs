//! The last checkpoint of the ledger in a file apart from the store, beside the marks of the event log: who can write every row of the
//! database, and deletes its checkpoints with the entries that they are of, does not reach it. One line, which replaces the one before
//! and never one that the ledger does not fit.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use selvage_store::Checkpoint;

use super::{checkpoint_line, read_checkpoint};

/// How the file is called.
pub const NAME: &str = "ledger.checkpoint";

/// Where it is, by where the marks are.
pub fn beside(marks: &Path) -> PathBuf {
    marks.with_file_name(NAME)
}

/// The checkpoint, where there is one; what is no checkpoint is none.
///
/// # Errors
/// When the file is there and cannot be read.
pub fn read(path: &Path) -> io::Result<Option<Checkpoint>> {
    match fs::read_to_string(path) {
        Ok(text) => Ok(read_checkpoint(&text)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// Puts a checkpoint in the place of the one before: on the disk before it has its name.
///
/// # Errors
/// When it cannot be written.
pub fn write(path: &Path, checkpoint: &Checkpoint) -> io::Result<()> {
    let new = path.with_extension("checkpoint.new");
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&new)?;
    writeln!(file, "{}", checkpoint_line(checkpoint))?;
    file.sync_all()?;
    fs::rename(&new, path)?;
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    File::open(parent.unwrap_or(Path::new(".")))?.sync_all()
}

/// Keeps the file under a name with the time of now, where there is one, and says which.
///
/// # Errors
/// When it cannot be renamed.
pub fn set_aside(path: &Path) -> io::Result<Option<PathBuf>> {
    let aside = path.with_extension(format!("checkpoint.{}", jiff::Timestamp::now().strftime("%Y%m%dT%H%M%SZ")));
    match fs::rename(path, &aside) {
        Ok(()) => Ok(Some(aside)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use selvage_store::LedgerHead;

    #[test]
    fn the_last_one_is_read_back_and_set_aside_once() {
        let directory = tempfile::tempdir().unwrap();
        let path = beside(&directory.path().join("selvage.marks"));
        assert_eq!(read(&path).unwrap(), None);
        let head = LedgerHead { entries: 7, hash: [3; 32], at: "2026-11-27T06:00:00Z".parse().unwrap() };
        let first = Checkpoint { head, signed_with: "rk_1".to_owned(), signature: vec![5; 64] };
        let second = Checkpoint { head: LedgerHead { entries: 9, ..first.head.clone() }, ..first.clone() };
        for checkpoint in [&first, &second] {
            write(&path, checkpoint).unwrap();
            assert_eq!(read(&path).unwrap().as_ref(), Some(checkpoint));
        }
        let aside = set_aside(&path).unwrap().unwrap();
        assert_eq!((read(&aside).unwrap(), read(&path).unwrap()), (Some(second), None));
        assert_eq!(set_aside(&path).unwrap(), None);
        fs::write(&path, "a shopping list").unwrap();
        assert_eq!(read(&path).unwrap(), None);
    }
}

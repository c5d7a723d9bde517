//! The high-water marks of a SQL log, kept apart from it in a file of their own: what was acknowledged, so that a log that lost its
//! tail or was restored from a backup is found behind. Never ahead of the log, since a mark is written after its commit.
//!
//! Each stream has a pair of slots of 128 bytes that are written in turn, so that a torn write leaves the one before. Every write
//! is under a lock of the file, so that two processes may share it.

use std::collections::{BTreeMap, HashMap};
use std::fs::{File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::{FileExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use selvage_model::event::{Position, Sequence};
use selvage_model::name::InterfaceRef;
use selvage_store::checksum;

use crate::error::LogError;

const MAGIC: &[u8; 8] = b"SELVMRK1";
const SLOT: usize = 128;
/// How long the file's lock is waited for.
const LOCK_WITHIN: Duration = Duration::from_secs(2);
const LOCK_AGAIN: Duration = Duration::from_millis(1);
const PAIR: usize = 2 * SLOT;
/// What a slot's name may take: after magic, sequence and length, before the checksum.
const NAME: usize = SLOT - 8 - 8 - 1 - 4;

/// Every mark of a file, for whoever puts a store back that the file was kept apart from.
///
/// # Errors
/// [`LogError::Mark`] where the file cannot be used.
pub fn marks(path: &Path) -> Result<BTreeMap<InterfaceRef, Position>, LogError> {
    MarkFile::open(path)?.all()
}

pub(crate) struct MarkFile {
    path: PathBuf,
    file: File,
    alone: Mutex<()>,
    /// Which pair is a stream's; more may be in the file.
    pairs: Mutex<HashMap<InterfaceRef, u64>>,
}

impl MarkFile {
    /// Opens the file, readable by its owner alone, and makes it where there is none.
    pub(crate) fn open(path: &Path) -> Result<Self, LogError> {
        let file = OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(path);
        let file = file.map_err(|error| unusable(path, &error))?;
        // A file that a power cut takes away would remember nothing.
        if let Some(directory) = path.parent().filter(|directory| !directory.as_os_str().is_empty()) {
            File::open(directory).and_then(|directory| directory.sync_all()).map_err(|error| unusable(path, &error))?;
        }
        Ok(Self { path: path.to_owned(), file, alone: Mutex::new(()), pairs: Mutex::default() })
    }

    /// The mark of a stream, where it has one.
    pub(crate) fn read(&self, stream: &InterfaceRef) -> Result<Option<Position>, LogError> {
        let Some(pair) = self.locked(|| self.pair_of(stream)).map_err(|error| unusable(&self.path, &error))? else {
            return Ok(None);
        };
        let marks = self.locked(|| self.read_pair(pair)).map_err(|error| unusable(&self.path, &error))?;
        Ok(marks.into_iter().flatten().map(|(_, position)| position).max())
    }

    fn all(&self) -> Result<BTreeMap<InterfaceRef, Position>, LogError> {
        let read = || {
            let mut marks = BTreeMap::new();
            for pair in 0..self.file.metadata()?.len() / PAIR as u64 {
                for (stream, position) in self.read_pair(pair)?.into_iter().flatten() {
                    let mark = marks.entry(stream).or_insert(position);
                    *mark = position.max(*mark);
                }
            }
            Ok(marks)
        };
        self.locked(read).map_err(|error| unusable(&self.path, &error))
    }

    /// Raises the marks of streams; a lower one changes nothing. Not yet on the disk when it returns: see [`Self::sync`].
    pub(crate) fn raise(&self, heads: &[(InterfaceRef, Position)]) -> Result<(), LogError> {
        let raised = self.locked(|| heads.iter().try_for_each(|(stream, head)| self.raise_one(stream, *head)));
        raised.map_err(|error| unusable(&self.path, &error))
    }

    /// The same where no other process has the file; whether it was done.
    pub(crate) fn raise_at_once(&self, heads: &[(InterfaceRef, Position)]) -> Result<bool, LogError> {
        let raise = || heads.iter().try_for_each(|(stream, head)| self.raise_one(stream, *head));
        self.locked_at_once(raise).map(|raised| raised.is_some()).map_err(|error| unusable(&self.path, &error))
    }

    /// Returns when what was raised is on the disk.
    pub(crate) fn sync(&self) -> Result<(), LogError> {
        self.file.sync_data().map_err(|error| unusable(&self.path, &error))
    }

    /// The file's lock keeps other processes out, and not other threads of this one. A process that was stopped may have it for ever.
    fn locked<T>(&self, work: impl Fn() -> io::Result<T>) -> io::Result<T> {
        let until = Instant::now() + LOCK_WITHIN;
        loop {
            match self.locked_at_once(&work)? {
                Some(done) => return Ok(done),
                None if Instant::now() > until => return Err(io::Error::other("another process holds the file")),
                None => std::thread::sleep(LOCK_AGAIN),
            }
        }
    }

    /// The same; nothing where another process has it.
    fn locked_at_once<T>(&self, work: impl FnOnce() -> io::Result<T>) -> io::Result<Option<T>> {
        let _alone = self.alone.lock().unwrap_or_else(PoisonError::into_inner);
        match self.file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Ok(None),
            Err(TryLockError::Error(error)) => return Err(error),
        }
        let done = work();
        self.file.unlock()?;
        done.map(Some)
    }

    fn raise_one(&self, stream: &InterfaceRef, head: Position) -> io::Result<()> {
        let Some(slot) = encode(stream, head) else { return Err(io::Error::other("a name is too long")) };
        let Some(pair) = self.pair_of(stream)? else {
            let pair = self.file.metadata()?.len().div_ceil(PAIR as u64);
            let mut both = [0; PAIR];
            both.iter_mut().zip(slot).for_each(|(byte, value)| *byte = value);
            return self.file.write_all_at(&both, pair * PAIR as u64);
        };
        let [first, second] = self.read_pair(pair)?.map(|mark| mark.map(|(_, position)| position));
        if first.max(second) >= Some(head) {
            return Ok(());
        }
        let place = pair * PAIR as u64 + if first < second { 0 } else { SLOT as u64 };
        self.file.write_all_at(&slot, place)
    }

    /// Which pair a stream has; the file is read through where it is not known.
    fn pair_of(&self, stream: &InterfaceRef) -> io::Result<Option<u64>> {
        let mut pairs = self.pairs.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(pair) = pairs.get(stream) {
            return Ok(Some(*pair));
        }
        for pair in 0..self.file.metadata()?.len() / PAIR as u64 {
            if let Some((name, _)) = self.read_pair(pair)?.into_iter().flatten().next() {
                pairs.insert(name, pair);
            }
        }
        Ok(pairs.get(stream).copied())
    }

    /// Both marks of a pair. One of them may be torn, not both.
    fn read_pair(&self, pair: u64) -> io::Result<[Option<(InterfaceRef, Position)>; 2]> {
        let mut both = [0; PAIR];
        self.file.read_exact_at(&mut both, pair * PAIR as u64)?;
        let (first, second) = both.split_at(SLOT);
        match [decode(first), decode(second)] {
            // The file had grown, and nothing was written yet.
            [None, None] if both.iter().all(|byte| *byte == 0) => Ok([None, None]),
            [None, None] => Err(io::Error::other(format!("neither slot of pair {pair} is whole"))),
            marks => Ok(marks),
        }
    }
}

fn encode(stream: &InterfaceRef, position: Position) -> Option<[u8; SLOT]> {
    let name = stream.to_string();
    let length = u8::try_from(name.len()).ok().filter(|length| usize::from(*length) <= NAME)?;
    let sequence = position.sequence().as_u64().to_be_bytes();
    let mut content = [MAGIC.as_slice(), &sequence, &[length], name.as_bytes()].concat();
    content.resize(SLOT - 4, 0);
    content.extend(checksum(&[&content]).to_be_bytes());
    content.try_into().ok()
}

fn decode(slot: &[u8]) -> Option<(InterfaceRef, Position)> {
    let (content, kept) = slot.split_last_chunk::<4>()?;
    if checksum(&[content]).to_be_bytes() != *kept {
        return None;
    }
    let (magic, rest) = content.split_first_chunk::<8>()?;
    let (sequence, rest) = rest.split_first_chunk::<8>()?;
    let (length, rest) = rest.split_first()?;
    let name = str::from_utf8(rest.get(..usize::from(*length))?).ok()?;
    let position = Sequence::position(u64::from_be_bytes(*sequence))?;
    (magic == MAGIC).then_some((name.parse().ok()?, position))
}

fn unusable(path: &Path, error: &io::Error) -> LogError {
    LogError::Mark { path: path.to_owned(), reason: error.to_string() }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_slot_is_read_back_and_a_flipped_bit_in_it_is_noticed(
            name in "[a-z][a-z0-9]{0,63}", major: u32, epoch in 0_u32..=9_222, offset in 0_u64..1_000_000_000_000_000,
            bit in 0..SLOT * 8,
        ) {
            let stream: InterfaceRef = format!("{name}@{major}").parse().unwrap();
            let position = Position::new(epoch, offset).unwrap();
            let mut slot = encode(&stream, position).unwrap();
            prop_assert_eq!(decode(&slot), Some((stream, position)));
            slot[bit / 8] ^= 1 << (bit % 8);
            prop_assert_eq!(decode(&slot), None);
        }
    }

    fn stream(number: usize) -> InterfaceRef {
        format!("stream-{number}@1").parse().unwrap()
    }

    fn at(offset: u64) -> Position {
        Position::new(1, offset).unwrap()
    }

    #[test]
    fn marks_are_kept_and_only_rise() {
        let directory = tempfile::TempDir::new().unwrap();
        let path = directory.path().join("mark");
        let marks = MarkFile::open(&path).unwrap();
        assert_eq!(marks.read(&stream(0)).unwrap(), None);
        for offset in [1, 2, 7, 5, 7] {
            marks.raise(&[(stream(0), at(offset)), (stream(1), at(10 * offset))]).unwrap();
        }
        marks.sync().unwrap();
        marks.file.set_len(4 * PAIR as u64).unwrap();
        let again = MarkFile::open(&path).unwrap();
        assert_eq!(again.read(&stream(0)).unwrap(), Some(at(7)));
        assert_eq!(again.read(&stream(1)).unwrap(), Some(at(70)));
        assert_eq!(again.read(&stream(2)).unwrap(), None);
    }

    #[test]
    fn two_handles_share_a_file() {
        let directory = tempfile::TempDir::new().unwrap();
        let path = directory.path().join("mark");
        let handles = [MarkFile::open(&path).unwrap(), MarkFile::open(&path).unwrap()];
        std::thread::scope(|scope| {
            for (number, marks) in handles.iter().enumerate() {
                scope.spawn(move || {
                    for offset in 1..=200 {
                        marks.raise(&[(stream(number), at(offset)), (stream(9), at(offset * 2))]).unwrap();
                    }
                });
            }
        });
        for (name, expected) in [(0, 200), (1, 200), (9, 400)] {
            assert_eq!(handles[0].read(&stream(name)).unwrap(), Some(at(expected)), "{name}");
        }
    }

    #[test]
    fn a_lock_that_another_never_gives_back_is_not_waited_for() {
        let directory = tempfile::TempDir::new().unwrap();
        let path = directory.path().join("mark");
        let marks = MarkFile::open(&path).unwrap();
        let other = File::open(&path).unwrap();
        other.lock().unwrap();
        let refused = marks.raise(&[(stream(0), at(1))]).unwrap_err();
        assert!(refused.to_string().contains("another process holds the file"), "{refused}");
        other.unlock().unwrap();
        marks.raise(&[(stream(0), at(1))]).unwrap();
    }

    #[test]
    fn a_torn_slot_leaves_the_mark_before_and_two_are_told() {
        let directory = tempfile::TempDir::new().unwrap();
        let path = directory.path().join("mark");
        let marks = MarkFile::open(&path).unwrap();
        for offset in 1..=4 {
            marks.raise(&[(stream(0), at(offset))]).unwrap();
        }
        marks.file.write_all_at(b"torn", SLOT as u64 + 20).unwrap();
        assert_eq!(MarkFile::open(&path).unwrap().read(&stream(0)).unwrap(), Some(at(3)));
        marks.file.write_all_at(b"torn", 20).unwrap();
        let refused = MarkFile::open(&path).unwrap().read(&stream(0)).unwrap_err();
        assert_eq!(refused.code(), selvage_model::code::MARK_UNUSABLE);
    }
}

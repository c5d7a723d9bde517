//! Names of several words as one number: two snapshots are joined by comparing them by the thousand, and words lie far apart in memory.

use std::hash::{BuildHasher, Hash, RandomState};
use std::sync::LazyLock;

/// The number of a value; the same for equal ones for as long as the process runs, and nobody outside can choose two values that share
/// one.
pub(super) fn of(value: impl Hash) -> u64 {
    static KEYS: LazyLock<RandomState> = LazyLock::new(RandomState::new);
    KEYS.hash_one(value)
}

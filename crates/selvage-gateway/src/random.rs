//! Random numbers for ids that need to be different, not secret: seeded by the operating system, one per thread.

use std::cell::Cell;

/// xoroshiro128++ by Blackman and Vigna (public domain).
pub(crate) struct Random {
    state: Cell<(u64, u64)>,
}

impl Random {
    /// Seeded by the operating system.
    pub(crate) fn from_system() -> Self {
        let (high, low) = uuid::Uuid::new_v4().as_u64_pair();
        Self { state: Cell::new((high, low)) }
    }

    /// 64 random bits.
    pub(crate) fn bits64(&self) -> u64 {
        let (first, second) = self.state.get();
        let result = first.wrapping_add(second).rotate_left(17).wrapping_add(first);
        let mixed = first ^ second;
        self.state.set((first.rotate_left(49) ^ mixed ^ (mixed << 21), mixed.rotate_left(28)));
        result
    }

    /// 128 random bits.
    pub(crate) fn bits128(&self) -> u128 {
        (u128::from(self.bits64()) << 64) | u128::from(self.bits64())
    }
}

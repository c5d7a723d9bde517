//! Counters by index that grow without ever moving, so that one thread counts while others read.

use std::sync::OnceLock;

const CHUNK: usize = 64;
const CHUNKS: usize = 8192;

/// Up to 524,288 items where nobody says how many there are, made in chunks when first touched.
#[derive(Debug)]
pub(crate) struct Slab<T> {
    chunks: Box<[OnceLock<Box<[T]>>]>,
}

impl<T: Default> Slab<T> {
    /// An empty one.
    pub(crate) fn new() -> Self {
        Self::of_chunks(CHUNKS)
    }

    /// An empty one with room for so many, however many they are: none of them is beyond the end.
    pub(crate) fn with_room(items: usize) -> Self {
        Self::of_chunks(items.div_ceil(CHUNK))
    }

    fn of_chunks(chunks: usize) -> Self {
        Self { chunks: (0..chunks).map(|_| OnceLock::new()).collect() }
    }

    /// The item of this index; `None` beyond the end.
    pub(crate) fn at(&self, index: u32) -> Option<&T> {
        let chunk = self.chunks.get(index as usize / CHUNK)?;
        chunk.get_or_init(|| (0..CHUNK).map(|_| T::default()).collect()).get(index as usize % CHUNK)
    }

    /// The item of this index, where it was ever touched.
    pub(crate) fn seen(&self, index: u32) -> Option<&T> {
        self.chunks.get(index as usize / CHUNK)?.get()?.get(index as usize % CHUNK)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_is_room_for_as_many_as_are_said() {
        let most = CHUNK * CHUNKS + 1;
        let slab = Slab::<u8>::with_room(most);
        let last = u32::try_from(most - 1).unwrap();
        assert!(slab.at(last).is_some() && slab.seen(last).is_some() && slab.seen(0).is_none());
        assert!(Slab::<u8>::with_room(0).at(0).is_none());
    }
}

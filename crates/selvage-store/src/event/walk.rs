//! Which offset has to come next when a stream is read: every one that was given, but for what is known to be lost.
//! Pure. INVARIANT: NOTHING-LOST: what is missing without a reason is named, never passed over.

use selvage_model::event::Position;

use super::seal;
use crate::error::StoreError;
use crate::value::Row;

/// The beginning of an epoch, and what was lost before it. Where nothing was, `from` is `to` plus one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Lost {
    pub(crate) epoch: u32,
    pub(crate) first: u64,
    pub(crate) from: u64,
    pub(crate) to: u64,
}

impl Lost {
    pub(crate) fn from_row(row: &Row) -> Result<Self, StoreError> {
        seal::check(row, seal::of_epoch(row), "event_epoch")?;
        Ok(Self {
            epoch: super::epoch(row)?,
            first: row.count("first_offset")?,
            from: row.count("lost_from")?,
            to: row.count("lost_to")?,
        })
    }
}

/// The first offset at or after this one that is not known to be lost.
pub(crate) fn past_lost(epochs: &[Lost], mut offset: u64) -> u64 {
    // In a SQL log offsets go on past what was lost, so that the epoch begins behind it; a broker gives them again.
    for lost in epochs.iter().filter(|lost| lost.first > lost.to) {
        if (lost.from..=lost.to).contains(&offset) {
            offset = lost.to + 1;
        }
    }
    offset
}

/// The offset up to which a reader at this position has read. What it read in an epoch that has ended, past where the next
/// one begins, is no longer there, and what came instead is new to it.
pub(crate) fn read_up_to(epochs: &[Lost], position: Position) -> u64 {
    let next = epochs.iter().find(|lost| lost.epoch > position.epoch());
    next.map_or(position.offset(), |next| position.offset().min(next.first.saturating_sub(1)))
}

/// The epoch in which an offset was given last.
pub(crate) fn epoch_of(epochs: &[Lost], offset: u64) -> u32 {
    epochs.iter().rev().find(|lost| lost.first <= offset).map_or(1, |lost| lost.epoch)
}

#[cfg(test)]
mod tests {
    use super::*;

    const EPOCHS: &[Lost] =
        &[Lost { epoch: 2, first: 151, from: 101, to: 150 }, Lost { epoch: 4, first: 171, from: 101, to: 170 }];

    #[test]
    fn what_is_lost_is_passed_and_nothing_else() {
        for (offset, expected) in [(1, 1), (100, 100), (101, 171), (150, 171), (151, 171), (171, 171), (200, 200)] {
            assert_eq!(past_lost(EPOCHS, offset), expected, "{offset}");
        }
        assert_eq!(past_lost(&[], 5), 5);
    }

    #[test]
    fn who_read_what_was_lost_reads_what_is_new() {
        let table =
            [((1, 90), 90), ((1, 150), 150), ((1, 153), 150), ((2, 160), 160), ((2, 171), 170), ((4, 300), 300)];
        for ((epoch, offset), expected) in table {
            assert_eq!(read_up_to(EPOCHS, Position::new(epoch, offset).unwrap()), expected, "{epoch}-{offset}");
        }
    }

    #[test]
    fn offsets_belong_to_the_last_epoch_that_gave_them() {
        // As a broker counts: after the loss of 101 to 150, the second epoch gives 101 again.
        let broker = [Lost { epoch: 2, first: 101, from: 101, to: 150 }];
        for (offset, expected) in [(1, 1), (100, 1), (101, 2), (500, 2)] {
            assert_eq!(epoch_of(&broker, offset), expected, "{offset}");
        }
        assert_eq!(past_lost(&broker, 101), 101);
        assert_eq!(read_up_to(&broker, Position::new(1, 130).unwrap()), 100);
    }
}

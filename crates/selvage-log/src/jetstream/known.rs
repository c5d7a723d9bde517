//! The ids of a stream's newest events, and where they are: as many as are kept, oldest forgotten first. What is forgotten the store's index
//! has. Pure.

use std::collections::{HashMap, VecDeque};

use selvage_model::event::EventId;

pub(super) struct Known {
    most: usize,
    places: HashMap<EventId, u64>,
    order: VecDeque<EventId>,
    /// Every id that the stream has is here.
    whole: bool,
}

impl Known {
    pub(super) fn new(most: usize) -> Self {
        Self { most, places: HashMap::new(), order: VecDeque::new(), whole: false }
    }

    /// Notes where an id is; the first place stays.
    pub(super) fn note(&mut self, id: &EventId, offset: u64) {
        if self.places.contains_key(id) {
            return;
        }
        self.places.insert(id.clone(), offset);
        self.order.push_back(id.clone());
        if self.order.len() > self.most
            && let Some(oldest) = self.order.pop_front()
        {
            self.places.remove(&oldest);
            self.whole = false;
        }
    }

    pub(super) fn place(&self, id: &EventId) -> Option<u64> {
        self.places.get(id).copied()
    }

    /// Whether an id that is not here is nowhere in the stream.
    pub(super) fn is_whole(&self) -> bool {
        self.whole
    }

    /// Forgets everything: what the broker has now is something else. It is looked at from its first event on, or not.
    pub(super) fn clear(&mut self, whole: bool) {
        self.whole = whole;
        self.places.clear();
        self.order.clear();
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn the_newest_ids_are_known_where_they_were_first(numbers in proptest::collection::vec(0_u8..30, 0..200)) {
            let mut known = Known::new(10);
            known.clear(true);
            let id = |number: u8| number.to_string().parse::<EventId>().unwrap();
            let mut kept: Vec<(u8, u64)> = Vec::new();
            for (offset, number) in (1..).zip(numbers) {
                known.note(&id(number), offset);
                if !kept.iter().any(|(other, _)| *other == number) {
                    kept.push((number, offset));
                }
                if kept.len() > 10 {
                    kept.remove(0);
                }
            }
            prop_assert!(known.is_whole() || kept.len() == 10);
            for number in 0..30 {
                let expected = kept.iter().find(|(other, _)| *other == number).map(|(_, offset)| *offset);
                prop_assert_eq!(known.place(&id(number)), expected);
            }
        }
    }
}

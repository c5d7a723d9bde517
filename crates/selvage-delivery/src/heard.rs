//! How far consumers have read that pull without a group, as this node answered them. It is asked for now and then, and holds nothing back.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use selvage_model::event::Position;
use selvage_model::name::{ConsumerName, InterfaceRef};

/// What was heard since it was taken last. A clone is the same one.
#[derive(Clone, Debug, Default)]
pub struct Heard(Arc<Mutex<BTreeMap<(InterfaceRef, ConsumerName), Position>>>);

impl Heard {
    /// A consumer was answered up to here; what it reads once more is nothing new.
    pub fn note(&self, interface: &InterfaceRef, consumer: &ConsumerName, position: Position) {
        let mut heard = self.heard();
        let known = heard.entry((interface.clone(), consumer.clone())).or_insert(position);
        *known = position.max(*known);
    }

    /// Everything that was heard since the last time.
    pub fn take(&self) -> Vec<(InterfaceRef, ConsumerName, Position)> {
        let heard = std::mem::take(&mut *self.heard());
        heard.into_iter().map(|((interface, consumer), position)| (interface, consumer, position)).collect()
    }

    fn heard(&self) -> MutexGuard<'_, BTreeMap<(InterfaceRef, ConsumerName), Position>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_furthest_is_kept_until_it_is_taken() {
        let (heard, orders) = (Heard::default(), "orders@1".parse().unwrap());
        let (planning, at) = ("planning".parse().unwrap(), |offset| Position::new(1, offset).unwrap());
        for offset in [4, 9, 2] {
            heard.note(&orders, &planning, at(offset));
        }
        assert_eq!(heard.take(), [(orders.clone(), planning.clone(), at(9))]);
        assert!(heard.take().is_empty());
        heard.note(&orders, &planning, at(3));
        assert_eq!(heard.take(), [(orders, planning, at(3))]);
    }
}

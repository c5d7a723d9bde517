//! Parked records, tried again in turns: what stood in their way may have been put right without a word from the system.

use super::{Halt, PAGE, Worker};
use crate::capture::looking::Looking;

/// So many are tried in one turn.
const MOST_PARKED: usize = 500;

impl Worker<'_> {
    /// One turn.
    pub(super) async fn retry(&mut self, looking: &Looking) -> Result<(), Halt> {
        let (store, capture) = (&self.shared.store, self.hold.capture);
        self.parked = store.parked_count(capture).await?;
        let parked = store.parked_captures(capture, self.retried_to, MOST_PARKED).await?;
        if !parked.is_empty() {
            self.ensure_forward(looking).await?;
        }
        let ids: Vec<i64> = parked.iter().map(|parked| parked.record).collect();
        for page in ids.chunks(PAGE) {
            let seen = looking.these(page).await.map_err(|trouble| self.trouble(&trouble))?;
            let mut step = self.learned(looking, seen).await?;
            self.missing(looking, page, &mut step).await?;
            self.write(step).await?;
        }
        self.retried_to = following(&ids, MOST_PARKED);
        Ok(())
    }
}

/// Behind which record the next page of parked ones begins: after the last, at the first again.
fn following(page: &[i64], most: usize) -> i64 {
    page.last().copied().filter(|_| page.len() >= most).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::following;

    #[test]
    fn parked_records_are_tried_in_turns() {
        let parked: Vec<i64> = (1..=7).collect();
        let (mut after, mut tried) = (0, Vec::new());
        for _ in 0..4 {
            let page: Vec<i64> = parked.iter().copied().filter(|record| *record > after).take(3).collect();
            after = following(&page, 3);
            tried.push(page);
        }
        assert_eq!(tried, [vec![1, 2, 3], vec![4, 5, 6], vec![7], vec![1, 2, 3]]);
    }
}

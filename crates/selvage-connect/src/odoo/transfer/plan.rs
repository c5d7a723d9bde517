//! Which transfer to work on next, and what of each of its moves is to be moved. Pure.
//! An order whose goods come over several transfers is filled transfer by transfer.

use rust_decimal::Decimal;

use super::pointer;
use super::reading::Move;
use crate::odoo::failure::{Failure, Refusal};

/// What is still to be moved of a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Asked {
    /// Which of the target's lines it is.
    pub(super) at: usize,
    pub(super) line: i64,
    pub(super) label: String,
    pub(super) quantity: Decimal,
    pub(super) lots: Vec<(String, Decimal)>,
    /// Whether more than was ordered is taken.
    pub(super) over: bool,
}

/// What of one move is to be moved now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Fill {
    /// Which of the target's lines it is for.
    pub(super) at: usize,
    pub(super) of: i64,
    pub(super) quantity: Decimal,
    /// Empty where lots are not named.
    pub(super) lots: Vec<(String, Decimal)>,
}

/// What is to be moved with one transfer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Work {
    pub(super) picking: i64,
    pub(super) fills: Vec<Fill>,
}

/// The first transfer on which something is to be moved.
pub(super) fn next_work(moves: &[Move], asked: &[Asked]) -> Result<Option<Work>, Failure> {
    let mut fills: Vec<(i64, Fill)> = Vec::new();
    for one in asked.iter().filter(|one| !one.quantity.is_zero()) {
        let open: Vec<&Move> = moves.iter().filter(|found| found.line == one.line && found.is_open()).collect();
        let planned: Decimal = open.iter().map(|found| found.demand).sum();
        let refused =
            |message: String| Err(Failure::field(Refusal::Target, &pointer(one.at, "/quantity/value"), message));
        if open.is_empty() {
            return refused(format!("no transfer is open to move {} more of {}", one.quantity, one.label));
        }
        if one.quantity > planned && !one.over {
            return refused(format!(
                "{} more of {} would be moved and {planned} are ordered and open; `over: accept` takes it all the same",
                one.quantity, one.label
            ));
        }
        let mut left = one.quantity;
        let mut lots = one.lots.clone();
        for (index, found) in open.iter().enumerate() {
            // Only the last takes what is more than ordered.
            let share = if index + 1 == open.len() { left } else { left.min(found.demand) };
            if share.is_zero() {
                break;
            }
            left -= share;
            let Some(picking) = found.picking else {
                return refused(format!("a move of {} belongs to no transfer", one.label));
            };
            let fill = Fill { at: one.at, of: found.id, quantity: share, lots: take(&mut lots, share) };
            fills.push((picking, fill));
        }
    }
    let Some(picking) = fills.iter().map(|(picking, _)| *picking).min() else { return Ok(None) };
    let fills = fills.into_iter().filter(|(of, _)| *of == picking).map(|(_, fill)| fill).collect();
    Ok(Some(Work { picking, fills }))
}

/// Takes this much out of the lots, in the order in which they stand.
fn take(lots: &mut Vec<(String, Decimal)>, mut wanted: Decimal) -> Vec<(String, Decimal)> {
    let mut taken = Vec::new();
    for (lot, quantity) in lots.iter_mut() {
        let part = wanted.min(*quantity);
        if part > Decimal::ZERO {
            taken.push((lot.clone(), part));
            *quantity -= part;
            wanted -= part;
        }
    }
    lots.retain(|(_, quantity)| !quantity.is_zero());
    taken
}

#[cfg(test)]
mod tests {
    use super::*;

    fn open(id: i64, line: i64, picking: i64, demand: i64) -> Move {
        Move {
            id,
            line,
            product: (9, "Paint".to_owned()),
            demand: demand.into(),
            quantity: Decimal::ZERO,
            picked: false,
            state: "assigned".to_owned(),
            unit: 1,
            picking: Some(picking),
            from: 4,
            to: 8,
            back: false,
        }
    }

    fn asked(line: i64, quantity: i64, lots: &[(&str, i64)], over: bool) -> Asked {
        let lots = lots.iter().map(|(lot, quantity)| ((*lot).to_owned(), Decimal::from(*quantity))).collect();
        Asked { at: 0, line, label: "Paint".to_owned(), quantity: quantity.into(), lots, over }
    }

    fn shown(work: Option<Work>) -> String {
        let Some(work) = work else { return "nothing".to_owned() };
        let lots =
            |fill: &Fill| fill.lots.iter().map(|(lot, quantity)| format!(" {lot}:{quantity}")).collect::<String>();
        let fills: Vec<String> =
            work.fills.iter().map(|fill| format!("{} of {}{}", fill.quantity, fill.of, lots(fill))).collect();
        format!("{}: {}", work.picking, fills.join(", "))
    }

    #[test]
    fn transfers_are_filled_one_after_the_other() {
        let two = [open(1, 7, 20, 6), open(2, 7, 21, 4), open(3, 8, 20, 5)];
        for (name, asked, expected) in [
            ("nothing left", vec![asked(7, 0, &[], false)], "nothing"),
            ("within the first", vec![asked(7, 4, &[], false)], "20: 4 of 1"),
            ("both, the first first", vec![asked(7, 9, &[], false)], "20: 6 of 1"),
            ("two lines of one", vec![asked(7, 2, &[], false), asked(8, 5, &[], false)], "20: 2 of 1, 5 of 3"),
            ("lots in their order", vec![asked(7, 8, &[("A", 5), ("B", 3)], false)], "20: 6 of 1 A:5 B:1"),
            ("more than ordered", vec![asked(8, 7, &[], true)], "20: 7 of 3"),
        ] {
            assert_eq!(shown(next_work(&two, &asked).unwrap()), expected, "{name}");
        }
    }

    #[test]
    fn what_cannot_be_moved_is_refused_with_its_field() {
        let moves = [open(1, 7, 20, 6)];
        for (asked, word) in
            [(asked(7, 7, &[], false), "over: accept"), (asked(8, 1, &[], true), "no transfer is open")]
        {
            let Err(Failure::Refused { kind, field, message }) = next_work(&moves, &[asked]) else { panic!("{word}") };
            assert_eq!((kind, field.as_deref()), (Refusal::Target, Some("/lines/0/quantity/value")));
            assert!(message.contains(word), "{message}");
        }
    }
}

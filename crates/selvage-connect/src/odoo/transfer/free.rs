//! What is free to be shipped with a move, and from where it is taken. Its own reservations are; what others reserved is not,
//! nor what another line of the same transfer takes. What is not in stock is not shipped: Odoo would let it go below nothing.

use std::collections::BTreeMap;

use rust_decimal::Decimal;
use serde_json::json;

use super::plan::Fill;
use super::reading::{Line, Move};
use super::work::found;
use super::{Bench, Trade, Transferring, pointer};
use crate::odoo::answer;
use crate::odoo::failure::{Failure, Refusal};
use crate::odoo::inventory::is_set_apart;

/// A line as it is to be: a lot, from where, and how much.
pub(super) struct Placed {
    pub(super) lot: Option<i64>,
    pub(super) name: String,
    pub(super) from: i64,
    pub(super) quantity: Decimal,
}

/// A product's stock of one lot at one location: their ids.
type Spot = (i64, Option<i64>, i64);

/// What the moves of one transfer take of each spot beyond what was reserved for them.
pub(super) type Taken = BTreeMap<Spot, Decimal>;

/// Stock that a move may take.
struct Free {
    spot: Spot,
    lot: Option<String>,
    /// Reserved for the move itself; a part of what is free.
    own: Decimal,
    free: Decimal,
}

impl Transferring<'_> {
    /// Where each named lot is taken from; nothing where lots are not named. Refuses what is not there to be shipped.
    pub(super) async fn place(
        &self,
        bench: &Bench,
        fill: &Fill,
        (moves, lines): (&[Move], &[Line]),
        taken: &mut Taken,
    ) -> Result<Vec<Placed>, Failure> {
        let one = found(moves, fill.of)?;
        let stored = bench.stored.contains(&one.product.0);
        if self.trade == Trade::Purchase || !stored {
            let mut placed = Vec::new();
            for (name, quantity) in &fill.lots {
                let lot = self.lot(bench, one.product.0, name).await?;
                placed.push(Placed { lot, name: name.clone(), from: one.from, quantity: *quantity });
            }
            return Ok(placed);
        }
        let mut quants = self.free(one, lines, taken).await?;
        if fill.lots.is_empty() {
            // The lines that Odoo reserved stay as they are then, those from packages too.
            let apart: Decimal =
                lines.iter().filter(|line| line.of == one.id && line.apart).map(|line| line.quantity).sum();
            let free = quants.iter().map(|quant| quant.free).sum::<Decimal>() + apart;
            if free < fill.quantity {
                return Err(self.lacking(one, fill, free, "/quantity/value"));
            }
            draw(&mut quants, |_| true, fill.quantity - apart, taken);
            return Ok(Vec::new());
        }
        let mut placed = Vec::new();
        for (name, quantity) in &fill.lots {
            let parts = draw(&mut quants, |quant| quant.lot.as_deref() == Some(name), *quantity, taken);
            let wanting = *quantity - parts.iter().map(|(_, part)| *part).sum::<Decimal>();
            if wanting > Decimal::ZERO {
                return Err(self.lacking(one, fill, *quantity - wanting, "/lots"));
            }
            let of_lot = parts.into_iter().filter_map(|(at, part)| Some((quants.get(at)?, part)));
            placed.extend(of_lot.map(|(quant, quantity)| Placed {
                lot: quant.spot.1,
                name: name.clone(),
                from: quant.spot.2,
                quantity,
            }));
        }
        Ok(placed)
    }

    fn lacking(&self, one: &Move, fill: &Fill, free: Decimal, member: &str) -> Failure {
        let wanted = &fill.quantity;
        let message = format!("{wanted} of {} are to be shipped and {free} are free of them", one.product.1);
        self.seen(Failure::field(Refusal::Short, &pointer(fill.at, member), message))
    }

    /// What lies where the move takes from and is free for it. What lies in a package or is another's is left alone: a line
    /// that does not say so would be taken from what is not there.
    async fn free(&self, one: &Move, lines: &[Line], taken: &Taken) -> Result<Vec<Free>, Failure> {
        let domain = vec![
            json!(["product_id", "=", one.product.0]),
            json!(["location_id", "child_of", one.from]),
            json!(["location_id.usage", "=", "internal"]),
        ];
        let set_apart = self.odoo.set_apart("stock.quant").await.map_err(|failure| self.seen(failure))?;
        let fields = [&["lot_id", "location_id", "quantity", "reserved_quantity"][..], &set_apart].concat();
        let records = self.read("stock.quant", domain, &fields).await?;
        let mut own: BTreeMap<(Option<&str>, Option<i64>), Decimal> = BTreeMap::new();
        for line in lines.iter().filter(|line| line.of == one.id && !line.apart) {
            *own.entry((line.lot.as_deref(), line.from)).or_default() += line.quantity;
        }
        let mut free: Vec<Free> = Vec::new();
        for record in records.iter().filter(|record| !is_set_apart(record, &set_apart)) {
            let (lot, place) = (record.get("lot_id"), answer::id(record, "location_id")?);
            let spot = (one.product.0, lot.and_then(answer::id_of), place);
            let lot = lot.and_then(answer::label_of);
            let reserved = answer::quantity(record, "reserved_quantity")?;
            let mine = own.entry((lot, Some(place))).or_default();
            let back = reserved.min(*mine).max(Decimal::ZERO);
            *mine -= back;
            let rest = answer::quantity(record, "quantity")? - reserved + back;
            match free.iter_mut().find(|known| known.spot == spot) {
                // Odoo puts quants of one spot together late; one of them may be below nothing until then.
                Some(known) => (known.own, known.free) = (known.own + back, known.free + rest),
                None => {
                    let rest = rest - taken.get(&spot).copied().unwrap_or_default();
                    free.push(Free { spot, lot: lot.map(str::to_owned), own: back, free: rest });
                }
            }
        }
        Ok(free)
    }
}

/// Takes at most so much of these quants, of what is reserved for the move first: by place in the list, how much of each.
fn draw(
    quants: &mut [Free],
    usable: impl Fn(&Free) -> bool,
    wanted: Decimal,
    taken: &mut Taken,
) -> Vec<(usize, Decimal)> {
    let mut left = wanted;
    let mut parts: BTreeMap<usize, Decimal> = BTreeMap::new();
    for only_own in [true, false] {
        for (at, quant) in quants.iter_mut().enumerate().filter(|(_, quant)| usable(quant)) {
            let there = if only_own { quant.own.min(quant.free) } else { quant.free };
            let part = left.min(there);
            if part <= Decimal::ZERO {
                continue;
            }
            left -= part;
            quant.free -= part;
            *parts.entry(at).or_default() += part;
            if only_own {
                quant.own -= part;
            } else {
                *taken.entry(quant.spot).or_default() += part;
            }
        }
    }
    parts.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn quant(place: i64, lot: &str, own: i64, free: i64) -> Free {
        Free { spot: (9, Some(1), place), lot: Some(lot.to_owned()), own: own.into(), free: free.into() }
    }

    fn drawn(wanted: i64, lot: &str) -> (Vec<(usize, Decimal)>, Taken) {
        let mut quants = [quant(1, "A", 0, 5), quant(2, "A", 2, 4), quant(3, "B", 3, 3), quant(4, "A", 1, -1)];
        let mut taken = Taken::new();
        (draw(&mut quants, |quant| quant.lot.as_deref() == Some(lot), wanted.into(), &mut taken), taken)
    }

    #[test]
    fn what_is_reserved_for_a_move_goes_first_and_nothing_twice() {
        for (wanted, lot, parts, taken) in [
            (2, "A", vec![(1, 2)], vec![]),
            (4, "A", vec![(0, 2), (1, 2)], vec![(1, 2)]),
            (8, "A", vec![(0, 5), (1, 3)], vec![(1, 5), (2, 1)]),
            (99, "A", vec![(0, 5), (1, 4)], vec![(1, 5), (2, 2)]),
            (3, "B", vec![(2, 3)], vec![]),
            (1, "C", vec![], vec![]),
        ] {
            let parts: Vec<(usize, Decimal)> = parts.into_iter().map(|(at, part)| (at, Decimal::from(part))).collect();
            let taken = taken.into_iter().map(|(place, part)| ((9, Some(1), place), Decimal::from(part)));
            assert_eq!(drawn(wanted, lot), (parts, taken.collect()), "{wanted} of {lot}");
        }
    }
}

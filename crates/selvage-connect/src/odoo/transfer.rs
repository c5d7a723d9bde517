//! Receiving against a purchase order and shipping a sales order: totals per line and lot, brought about on the transfers
//! that are open, and all of it read back. A repeated call changes nothing more, and no wizard is ever answered by a person.

mod account;
mod free;
mod needs;
mod plan;
mod reading;
mod work;

use rust_decimal::Decimal;

use super::Odoo;
use super::answer;
use super::call::Scope;
use super::component::Tracking;
use super::failure::{Failure, Refusal};
use super::number::survives;
use super::trade::{Goods, Trade};

pub(super) use needs::{RECEIVE, SHIP};
pub(super) use reading::position_of;

use plan::{Asked, next_work};

/// What becomes of the rest of an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rest {
    /// It is still to come, as a backorder.
    Backorder,
    /// All that has not been moved of the order is given up, lines that are not named included.
    Close,
}

/// What has been moved of one line, in all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LineTotal {
    /// The order's line.
    pub line: i64,
    /// The total over the order's transfers, in the product's own unit.
    pub total: Decimal,
    /// The lots with their totals. Needed where a tracked product comes in; where one goes out and none are named, those that
    /// Odoo has reserved are taken.
    pub lots: Vec<(String, Decimal)>,
}

/// Moved of an order, in all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TransferTarget {
    /// Lines with their totals; a line that is not named is left as it is.
    pub lines: Vec<LineTotal>,
    /// What becomes of what is not moved.
    pub rest: Rest,
    /// Whether more than was ordered is taken.
    pub over: bool,
}

/// A line as it was read back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Moved {
    /// The order's line.
    pub line: i64,
    /// Its product.
    pub product_id: i64,
    /// The product as Odoo shows it.
    pub product_label: String,
    /// Moved in all, in the product's own unit.
    pub total: Decimal,
    /// That unit.
    pub unit: i64,
    /// The lots with their totals.
    pub lots: Vec<(String, Decimal)>,
}

/// What lies where after a verb on stock.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Position {
    /// The product.
    pub product_id: i64,
    /// The product as Odoo shows it.
    pub product_label: String,
    /// The location's full name.
    pub location: String,
    /// The lot.
    pub lot: Option<String>,
    /// How much, in the product's own unit.
    pub quantity: Decimal,
    /// That unit.
    pub unit: i64,
}

/// What stands in Odoo after a transfer, as it was read back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TransferReport {
    /// The lines that were named.
    pub lines: Vec<Moved>,
    /// The names of the transfers that are done.
    pub transfers: Vec<String>,
    /// The transfer that holds what is still to come, by its name.
    pub backorder: Option<String>,
    /// Where the goods lie now: at the receiving location, or what is left where they were shipped from.
    pub positions: Vec<Position>,
    /// Everything stood there before, so nothing was sent.
    pub already: bool,
}

impl Odoo {
    /// Target: received of this purchase order, in total.
    ///
    /// # Errors
    /// [`Failure`]. What cannot be reached is `Refused` before anything is sent; `Mismatch` if what was read back is not what
    /// was meant.
    pub async fn receive(&self, order: i64, target: &TransferTarget, scope: &Scope) -> Result<TransferReport, Failure> {
        self.transfer(Trade::Purchase, order, target, scope).await
    }

    /// Target: shipped of this sales order, in total.
    ///
    /// # Errors
    /// As [`Odoo::receive`].
    pub async fn ship(&self, order: i64, target: &TransferTarget, scope: &Scope) -> Result<TransferReport, Failure> {
        self.transfer(Trade::Sale, order, target, scope).await
    }

    /// Target: shipped of the sales order that this shipment belongs to, in total; shipments before and after it count.
    ///
    /// # Errors
    /// As [`Odoo::ship`]; a transfer that no sales order asked for is `Refused`.
    pub async fn ship_shipment(
        &self,
        picking: i64,
        target: &TransferTarget,
        scope: &Scope,
    ) -> Result<TransferReport, Failure> {
        let order = self.order_of_shipment(picking, scope).await?;
        self.ship(order, target, scope).await
    }

    /// The sales order that a shipment belongs to.
    ///
    /// # Errors
    /// [`Failure`]; nothing was changed.
    pub async fn order_of_shipment(&self, picking: i64, scope: &Scope) -> Result<i64, Failure> {
        let record = self.one("stock.picking", picking, &["name", "sale_id"], scope).await;
        let record = record.map_err(Failure::before_sending)?;
        record.get("sale_id").and_then(answer::id_of).ok_or_else(|| {
            let name = answer::text(&record, "name").unwrap_or_default();
            Failure::refused(Refusal::Target, format!("no sales order asked for transfer {name}"))
        })
    }

    async fn transfer(
        &self,
        trade: Trade,
        order: i64,
        target: &TransferTarget,
        scope: &Scope,
    ) -> Result<TransferReport, Failure> {
        target.check()?;
        // Up to 16 a move keeps what was done elsewhere and has no `picked`.
        self.field_named("stock.move", &["picked"]).await.map_err(Failure::before_sending)?;
        let mut transferring = Transferring { odoo: self, trade, target, scope, sent: false, changed: false };
        let done = Box::pin(transferring.run(order)).await;
        let what = || format!("{} {order}", trade.noun());
        done.map_err(|failure| if transferring.changed { failure.after_booking(&what()) } else { failure })
    }
}

/// One receipt or shipment under way.
struct Transferring<'a> {
    odoo: &'a Odoo,
    trade: Trade,
    target: &'a TransferTarget,
    scope: &'a Scope,
    sent: bool,
    /// A transfer was validated or given up: what is refused from then on does not undo it.
    changed: bool,
}

/// What is known of an order before anything is sent.
struct Bench {
    company: i64,
    goods: Vec<Goods>,
    /// Tracking by product.
    tracking: super::component::Trackings,
    /// The products of which stock is kept.
    stored: Vec<i64>,
}

/// An order is split into a handful of transfers, never into so many.
const LONGEST_CHAIN: usize = 50;

impl Transferring<'_> {
    async fn run(&mut self, order: i64) -> Result<TransferReport, Failure> {
        let bench = self.bench(order).await?;
        for _ in 0..LONGEST_CHAIN {
            let moves = self.moves(&bench).await?;
            let lines = self.lines(&moves).await?;
            let asked = self.asked(&bench, &moves, &lines)?;
            if let Some(work) = next_work(&moves, &asked)? {
                // What stands already was booked before the period was closed.
                if !self.sent {
                    let open = self.odoo.books_are_open(bench.company, self.scope).await;
                    open.map_err(Failure::before_sending)?;
                }
                self.work(&bench, &work, &moves).await?;
            } else if self.target.rest == Rest::Close && self.give_up(&moves).await? {
                // What was open is cancelled; what stands then is looked at once more.
            } else {
                return self.account(&bench, &moves, &lines).await;
            }
        }
        Err(Failure::protocol(format!("{} {order} does not come to an end", self.trade.noun())))
    }

    /// What is still to be moved of each line that was named.
    fn asked(&self, bench: &Bench, moves: &[reading::Move], lines: &[reading::Line]) -> Result<Vec<Asked>, Failure> {
        let mut asked = Vec::new();
        for (at, line) in self.target.lines.iter().enumerate() {
            let booked = reading::booked(moves, line.line);
            let Some(goods) = bench.goods.iter().find(|goods| goods.line == line.line) else { continue };
            let label = &goods.product_label;
            if booked > line.total {
                let message =
                    format!("{booked} of {label} are booked already, which cannot be undone to {}", line.total);
                return Err(Failure::field(Refusal::Target, &pointer(at, "/quantity/value"), message));
            }
            let known = reading::booked_lots(moves, lines, line.line);
            let mut lots = Vec::new();
            for (index, (lot, total)) in line.lots.iter().enumerate() {
                let before = known.iter().find(|(name, _)| name == lot).map_or(Decimal::ZERO, |(_, booked)| *booked);
                if before > *total {
                    let message =
                        format!("{before} of lot `{lot}` are booked already, which cannot be undone to {total}");
                    let field = pointer(at, &format!("/lots/{index}/quantity/value"));
                    return Err(Failure::field(Refusal::Target, &field, message));
                }
                if before < *total {
                    lots.push((lot.clone(), *total - before));
                }
            }
            if let Some((lot, _)) =
                known.iter().find(|(lot, _)| !line.lots.is_empty() && !line.lots.iter().any(|(named, _)| named == lot))
            {
                let message = format!("lot `{lot}` of {label} is booked already and missing among the totals");
                return Err(Failure::field(Refusal::Target, &pointer(at, "/lots"), message));
            }
            let quantity = line.total - booked;
            asked.push(Asked { at, line: line.line, label: label.clone(), quantity, lots, over: self.target.over });
        }
        Ok(asked)
    }

    /// Reads the order and refuses what cannot end well, before anything is sent.
    async fn bench(&mut self, order: i64) -> Result<Bench, Failure> {
        let (trade, odoo, scope) = (self.trade, self.odoo, self.scope);
        let record = odoo.one(trade.record(), order, &["name", "state", "company_id"], scope).await;
        let record = record.map_err(Failure::before_sending)?;
        let (state, company) = (answer::text(&record, "state")?, answer::id(&record, "company_id")?);
        if !trade.is_released(state) {
            let message = format!("{} {order} is {state}; only a released order moves goods", trade.noun());
            return Err(Failure::refused(Refusal::Target, message));
        }
        let goods = odoo.goods_of(trade, order, scope).await.map_err(Failure::before_sending)?;
        let (tracking, stored) = self.products(&goods).await?;
        let steps = self.steps(&goods).await?;
        for (at, line) in self.target.lines.iter().enumerate() {
            let Some(goods) = goods.iter().find(|goods| goods.line == line.line) else {
                let message = format!("line {} is none of {} {order}", line.line, trade.noun());
                return Err(Failure::field(Refusal::Target, &pointer(at, "/product"), message));
            };
            let step = steps.get(&goods.unit).copied();
            held(line.total, step, &pointer(at, "/quantity/value"))?;
            for (index, (_, quantity)) in line.lots.iter().enumerate() {
                held(*quantity, step, &pointer(at, &format!("/lots/{index}/quantity/value")))?;
            }
            self.lots_fit(at, line, goods, tracking.get(&goods.product_id).copied().unwrap_or(Tracking::None))?;
        }
        let bench = Bench { company, goods, tracking, stored };
        self.lots_are_its_own(&bench).await?;
        Ok(bench)
    }

    /// Lots are named where the product is tracked, and nowhere else.
    fn lots_fit(&self, at: usize, line: &LineTotal, goods: &Goods, tracking: Tracking) -> Result<(), Failure> {
        let label = &goods.product_label;
        let refused = |message: String| Err(Failure::field(Refusal::LotUnfit, &pointer(at, "/lots"), message));
        match tracking {
            Tracking::None if !line.lots.is_empty() => refused(format!("{label} is not tracked, so it takes no lots")),
            Tracking::Lot | Tracking::Serial
                if self.trade == Trade::Purchase && line.lots.is_empty() && !line.total.is_zero() =>
            {
                refused(format!("{label} is tracked, so its lots or serial numbers must be named"))
            }
            Tracking::Serial if line.lots.iter().any(|(_, quantity)| *quantity != Decimal::ONE) => {
                refused(format!("{label} has serial numbers, so each is one piece"))
            }
            _ => Ok(()),
        }
    }
}

impl TransferTarget {
    /// Refuses what no order can reach.
    fn check(&self) -> Result<(), Failure> {
        for (at, line) in self.lines.iter().enumerate() {
            let refused =
                |what: &str, message: String| Err(Failure::field(Refusal::Quantity, &pointer(at, what), message));
            if line.total < Decimal::ZERO {
                return refused("/quantity/value", format!("a total of {} is below zero", line.total));
            }
            if self.lines.iter().take(at).any(|other| other.line == line.line) {
                return refused("/product", "the line is named twice".to_owned());
            }
            for (index, (lot, quantity)) in line.lots.iter().enumerate() {
                if *quantity <= Decimal::ZERO {
                    return refused(
                        &format!("/lots/{index}/quantity/value"),
                        format!("{quantity} of a lot is not above zero"),
                    );
                }
                if lot.trim().is_empty() || line.lots.iter().take(index).any(|(other, _)| other == lot) {
                    return refused(&format!("/lots/{index}/lot"), "a lot is named once, and not empty".to_owned());
                }
            }
            let sum: Decimal = line.lots.iter().map(|(_, quantity)| *quantity).sum();
            if !line.lots.is_empty() && sum != line.total {
                return refused("/lots", format!("the lots add up to {sum}, not to {}", line.total));
            }
        }
        Ok(())
    }
}

/// The place of a member of a line in the body of the verb.
fn pointer(at: usize, member: &str) -> String {
    format!("/lines/{at}{member}")
}

/// Refuses a quantity that would not come back from Odoo as it was written.
pub(super) fn held(quantity: Decimal, step: Option<Decimal>, field: &str) -> Result<(), Failure> {
    let refused =
        |why: &str| Err(Failure::field(Refusal::Quantity, field, format!("{quantity} cannot be booked: {why}")));
    if quantity < Decimal::ZERO {
        return refused("it is below zero");
    }
    if !survives(quantity) {
        return refused("it has more digits than the system keeps");
    }
    let fits = |step: Decimal| quantity.checked_rem(step).is_some_and(|rest| rest.is_zero());
    match step.filter(|step| *step > Decimal::ZERO) {
        Some(step) if !fits(step) => refused(&format!("its unit is counted in steps of {}", step.normalize())),
        _ => Ok(()),
    }
}

//! The verbs: which operation is one of which record, by what its repetition is known, and what its answer adds. One table,
//! read by the engine, the lint and whoever explains an interface. Data: what a verb does stands with the connector.

use crate::manifest::api::Operation;

/// A verb of a kind of record. Several records may have one operation: each is a verb of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Verb {
    /// Attributes of any record have the values that are given.
    Update,
    /// Any record is archived.
    Archive,
    /// A production order is at least released, its components reserved as far as they are there.
    ReleaseProduction,
    /// Produced of a production order, in total.
    ReportProduction,
    /// Consumed of a component of a production order, from a lot, in total; noted before the order is booked.
    ConsumeComponent,
    /// A production order is given up.
    CancelProduction,
    /// A revision of a bill of materials stands in its place, and the bill is archived.
    ReviseBill,
    /// A maintenance request is in a stage that counts as done.
    CloseMaintenance,
    /// A work order is at least started, and its clock runs.
    StartWork,
    /// The clock of a started work order stands.
    PauseWork,
    /// A work order is finished.
    FinishWork,
    /// A purchase order is confirmed.
    ReleasePurchase,
    /// Received of a purchase order, in total.
    ReceivePurchase,
    /// A sales order is confirmed.
    ReleaseSale,
    /// Shipped of a sales order, in total.
    ShipSale,
    /// The same, by one of its shipments.
    ShipShipment,
    /// What was counted lies at an inventory position.
    AdjustPosition,
    /// Something at an inventory position was thrown away, once.
    ScrapPosition,
    /// All of a lot's stock lies where it is not used.
    QuarantineLot,
    /// None of a lot's stock lies there any more.
    ReleaseLot,
}

/// By what a verb is told from its own repetition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Proof {
    /// It states a target: doing it again reads what is there and changes only what is missing.
    Target,
    /// It leaves a key of ours in the system, and looks for it before it acts.
    Key,
    /// Neither is possible, or what it states is true of one moment only: it is at-risk. Where its outcome is not known it is
    /// never sent again, but looked at once, and goes to a person. Only its last call may change anything.
    AtRisk,
}

/// What the table says of a verb.
struct Row {
    verb: Verb,
    operation: Operation,
    /// None: any.
    record: Option<&'static str>,
    proof: Proof,
    adds: Option<&'static str>,
}

impl Row {
    const fn of(verb: Verb, operation: Operation, record: &'static str) -> Self {
        Self { verb, operation, record: Some(record), proof: Proof::Target, adds: None }
    }

    const fn any(verb: Verb, operation: Operation) -> Self {
        Self { verb, operation, record: None, proof: Proof::Target, adds: None }
    }

    const fn leaves_key(self) -> Self {
        Self { proof: Proof::Key, ..self }
    }

    const fn at_risk(self) -> Self {
        Self { proof: Proof::AtRisk, ..self }
    }

    const fn adds(self, member: &'static str) -> Self {
        Self { adds: Some(member), ..self }
    }
}

const TABLE: &[Row] = &[
    Row::any(Verb::Update, Operation::Update),
    Row::any(Verb::Archive, Operation::Archive),
    Row::of(Verb::ReleaseProduction, Operation::Release, "mrp.production"),
    Row::of(Verb::ReportProduction, Operation::Report, "mrp.production").adds("report"),
    Row::of(Verb::ConsumeComponent, Operation::Consume, "mrp.production").adds("consumption").leaves_key(),
    Row::of(Verb::CancelProduction, Operation::Cancel, "mrp.production"),
    Row::of(Verb::ReviseBill, Operation::Revise, "mrp.bom").adds("replaces").leaves_key(),
    Row::of(Verb::CloseMaintenance, Operation::Close, "maintenance.request"),
    Row::of(Verb::StartWork, Operation::Start, "mrp.workorder"),
    Row::of(Verb::PauseWork, Operation::Pause, "mrp.workorder"),
    Row::of(Verb::FinishWork, Operation::Finish, "mrp.workorder"),
    Row::of(Verb::ReleasePurchase, Operation::Release, "purchase.order"),
    Row::of(Verb::ReceivePurchase, Operation::Receive, "purchase.order").adds("received"),
    Row::of(Verb::ReleaseSale, Operation::Release, "sale.order"),
    Row::of(Verb::ShipSale, Operation::Ship, "sale.order").adds("shipped"),
    Row::of(Verb::ShipShipment, Operation::Ship, "stock.picking").adds("shipped"),
    // A count holds for the moment in which it was made: repeated later, it would undo what moved since.
    Row::of(Verb::AdjustPosition, Operation::Adjust, "stock.quant").at_risk().adds("counted"),
    Row::of(Verb::ScrapPosition, Operation::Scrap, "stock.quant").leaves_key().adds("scrapped"),
    Row::of(Verb::QuarantineLot, Operation::Quarantine, "stock.lot").leaves_key().adds("moved"),
    Row::of(Verb::ReleaseLot, Operation::Release, "stock.lot").leaves_key().adds("moved"),
];

impl Verb {
    /// Every verb.
    pub fn all() -> impl Iterator<Item = Self> {
        TABLE.iter().map(|row| row.verb)
    }

    /// The verb that this operation is of this record.
    pub fn of(operation: Operation, record: &str) -> Option<Self> {
        let mut rows = TABLE.iter().filter(|row| row.operation == operation);
        rows.find(|row| row.record.is_none_or(|only| only == record)).map(|row| row.verb)
    }

    /// The records that have this operation; none where any may have it.
    pub fn records(operation: Operation) -> impl Iterator<Item = &'static str> {
        TABLE.iter().filter(move |row| row.operation == operation).filter_map(|row| row.record)
    }

    /// Its operation.
    pub fn operation(self) -> Option<Operation> {
        Some(self.row()?.operation)
    }

    /// The record that has it; none where any may have it.
    pub fn record(self) -> Option<&'static str> {
        self.row()?.record
    }

    /// What its body states of the record itself, as objects call such attributes.
    pub fn states(self) -> &'static [&'static str] {
        match self {
            Self::ReportProduction => &["quantity", "lot"],
            Self::AdjustPosition | Self::ScrapPosition => &["quantity"],
            Self::ReceivePurchase | Self::ShipSale | Self::ShipShipment => &["lines"],
            _ => &[],
        }
    }

    /// By what it is told from its repetition.
    pub fn proof(self) -> Proof {
        self.row().map_or(Proof::AtRisk, |row| row.proof)
    }

    /// The member of its answer that the object does not have: what was read back of it.
    pub fn adds(self) -> Option<&'static str> {
        self.row()?.adds
    }

    /// Whether its record may be gone when it is done: a position at nothing disappears.
    pub fn may_end_its_record(self) -> bool {
        matches!(self, Self::AdjustPosition | Self::ScrapPosition)
    }

    fn row(self) -> Option<&'static Row> {
        TABLE.iter().find(|row| row.verb == self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_verb_stands_once_and_each_verb_operation_is_one_of_some_record() {
        for (index, row) in TABLE.iter().enumerate() {
            let again = TABLE.iter().skip(index + 1);
            assert!(row.operation.is_verb(), "{:?}", row.verb);
            assert_eq!(again.filter(|other| other.verb == row.verb).count(), 0, "{:?}", row.verb);
            let record = row.record.unwrap_or("res.partner");
            assert_eq!(Verb::of(row.operation, record), Some(row.verb), "two verbs of one record");
        }
        for operation in Operation::ALL.iter().copied() {
            let verbs = TABLE.iter().filter(|row| row.operation == operation);
            assert_eq!(operation.is_verb(), verbs.count() > 0, "{operation}");
        }
        assert_eq!(Verb::of(Operation::Release, "product.product"), None);
    }

    /// The guide says of each which it is; whoever adds a verb decides here.
    #[test]
    fn how_each_verb_is_told_from_its_repetition() {
        let of = |proof: Proof| Verb::all().filter(|verb| verb.proof() == proof).collect::<Vec<_>>();
        assert_eq!(of(Proof::AtRisk), [Verb::AdjustPosition]);
        let keys =
            [Verb::ConsumeComponent, Verb::ReviseBill, Verb::ScrapPosition, Verb::QuarantineLot, Verb::ReleaseLot];
        assert_eq!(of(Proof::Key), keys);
        assert_eq!(of(Proof::Target).len() + keys.len() + 1, Verb::all().count());
    }
}

//! The verbs: which operation is one of which record, by what its repetition is known, and what its answer adds. One table,
//! read by the engine, the lint and whoever explains an interface. Data: what a verb does stands with the connector.

use crate::manifest::api::Operation;

/// A verb of a kind of record. Several records may have one operation: each is a verb of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Verb {
    /// A production order is at least released, its components reserved as far as they are there.
    ReleaseProduction,
    /// Produced of a production order, in total.
    ReportProduction,
    /// A work order is at least started, and its clock runs.
    StartWork,
    /// The clock of a started work order stands.
    PauseWork,
    /// A work order is finished.
    FinishWork,
}

/// By what a verb is told from its own repetition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Proof {
    /// It states a target: doing it again reads what is there and changes only what is missing.
    Target,
    /// It leaves a key of ours in the system, and looks for it before it acts.
    Key,
    /// Neither is possible, so it is at-risk: where its outcome is not known it is never sent again, but goes to a person.
    /// Such a verb is one call.
    AtRisk,
}

/// What the table says of a verb.
struct Row {
    verb: Verb,
    operation: Operation,
    record: &'static str,
    proof: Proof,
    adds: Option<&'static str>,
}

impl Row {
    const fn of(verb: Verb, operation: Operation, record: &'static str) -> Self {
        Self { verb, operation, record, proof: Proof::Target, adds: None }
    }

    const fn adds(self, member: &'static str) -> Self {
        Self { adds: Some(member), ..self }
    }
}

const TABLE: &[Row] = &[
    Row::of(Verb::ReleaseProduction, Operation::Release, "mrp.production"),
    Row::of(Verb::ReportProduction, Operation::Report, "mrp.production").adds("report"),
    Row::of(Verb::StartWork, Operation::Start, "mrp.workorder"),
    Row::of(Verb::PauseWork, Operation::Pause, "mrp.workorder"),
    Row::of(Verb::FinishWork, Operation::Finish, "mrp.workorder"),
];

impl Verb {
    /// Every verb.
    pub fn all() -> impl Iterator<Item = Self> {
        TABLE.iter().map(|row| row.verb)
    }

    /// The verb that this operation is of this record.
    pub fn of(operation: Operation, record: &str) -> Option<Self> {
        TABLE.iter().find(|row| row.operation == operation && row.record == record).map(|row| row.verb)
    }

    /// The records that have this operation.
    pub fn records(operation: Operation) -> impl Iterator<Item = &'static str> {
        TABLE.iter().filter(move |row| row.operation == operation).map(|row| row.record)
    }

    /// Its operation.
    pub fn operation(self) -> Option<Operation> {
        Some(self.row()?.operation)
    }

    /// The record that has it.
    pub fn record(self) -> Option<&'static str> {
        Some(self.row()?.record)
    }

    /// By what it is told from its repetition.
    pub fn proof(self) -> Proof {
        self.row().map_or(Proof::AtRisk, |row| row.proof)
    }

    /// The member of its answer that the object does not have: what was read back of it.
    pub fn adds(self) -> Option<&'static str> {
        self.row()?.adds
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
            assert_eq!(Verb::of(row.operation, row.record), Some(row.verb), "two verbs of one record");
        }
        for operation in Operation::ALL.iter().copied() {
            assert_eq!(operation.is_verb(), Verb::records(operation).next().is_some(), "{operation}");
        }
        assert_eq!(Verb::of(Operation::Release, "product.product"), None);
    }
}

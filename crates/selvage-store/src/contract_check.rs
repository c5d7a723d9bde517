//! What was found when messages were checked against their contracts: counts that nodes add to, by consumer, interface,
//! operation, side and field. What nobody has seen for a quarter is forgotten.

use std::time::Duration;

use selvage_model::contract_check::{ContractCheck, ContractViolation};
use selvage_model::name::InterfaceRef;

use crate::Store;
use crate::error::StoreError;
use crate::statement::statements;
use crate::value::{Micros, Row, bind};

/// How long counts are kept after they last grew.
const KEPT: Duration = Duration::from_secs(92 * 24 * 3600);

statements! {
    ADD = "INSERT INTO contract_check (interface, contract, consumer, operation, side, mode, checked, unfit, unchecked, first_at, last_at, \
           unchecked_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12) \
           ON CONFLICT (interface, contract, consumer, operation, side) DO UPDATE SET mode = excluded.mode, \
           checked = contract_check.checked + excluded.checked, unfit = contract_check.unfit + excluded.unfit, \
           unchecked = contract_check.unchecked + excluded.unchecked, last_at = excluded.last_at, \
           unchecked_at = COALESCE(excluded.unchecked_at, contract_check.unchecked_at)";
    ADD_VIOLATION = "INSERT INTO contract_violation \
           (interface, contract, consumer, operation, side, place, field, rule, count, first_at, last_at, sample) \
           VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12) \
           ON CONFLICT (interface, contract, consumer, operation, side, place, field, rule) DO UPDATE SET \
           count = contract_violation.count + excluded.count, last_at = excluded.last_at, sample = excluded.sample";
    FORGET = "DELETE FROM contract_check WHERE last_at < $1";
    FORGET_VIOLATIONS = "DELETE FROM contract_violation WHERE last_at < $1";
    ALL = "SELECT interface, contract, consumer, operation, side, mode, checked, unfit, unchecked, first_at, last_at, unchecked_at \
           FROM contract_check ORDER BY interface, side, operation, consumer, contract";
    ALL_VIOLATIONS = "SELECT interface, contract, consumer, operation, side, place, field, rule, count, first_at, last_at, sample \
           FROM contract_violation ORDER BY count DESC, field, rule";
}

impl Store {
    /// Adds to the counts.
    ///
    /// # Errors
    /// Those of the database; then nothing was added.
    pub async fn add_contract_checks(&self, checks: &[ContractCheck]) -> Result<(), StoreError> {
        let mut transaction = self.database.write().await?;
        let now = transaction.now().await?;
        transaction.run(FORGET, bind![now.before(KEPT)]).await?;
        transaction.run(FORGET_VIOLATIONS, bind![now.before(KEPT)]).await?;
        for check in checks {
            let ContractCheck { interface, contract, consumer, operation, side, mode, .. } = check;
            let interface = interface.to_string();
            let key = || (interface.as_str(), contract.as_str(), consumer.as_str(), operation.as_str(), side.as_str());
            let (first, last) = (Micros::from(check.first), Micros::from(check.last));
            let (checked, unfit, unchecked) = (integer(check.checked), integer(check.unfit), integer(check.unchecked));
            let (a, b, c, d, e) = key();
            let unchecked_at = check.unchecked_last.map(Micros::from);
            let values = bind![a, b, c, d, e, mode.as_str(), checked, unfit, unchecked, first, last, unchecked_at];
            transaction.run(ADD, values).await?;
            for found in &check.violations {
                let (a, b, c, d, e) = key();
                let (place, field, rule) = (found.place.as_str(), found.field.as_str(), found.rule.as_str());
                let (first, last) = (Micros::from(found.first), Micros::from(found.last));
                let (count, sample) = (integer(found.count), found.sample.as_str());
                let values = bind![a, b, c, d, e, place, field, rule, count, first, last, sample];
                transaction.run(ADD_VIOLATION, values).await?;
            }
        }
        transaction.commit().await
    }

    /// All counts, of every text of every contract.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn contract_checks(&self) -> Result<Vec<ContractCheck>, StoreError> {
        let mut transaction = self.database.read().await?;
        let rows = transaction.all(ALL, bind![]).await?;
        let mut checks = rows.iter().map(check).collect::<Result<Vec<_>, _>>()?;
        for row in transaction.all(ALL_VIOLATIONS, bind![]).await? {
            let (interface, contract): (InterfaceRef, _) = (row.parsed("interface")?, row.text("contract")?);
            let (consumer, operation, side) = (row.text("consumer")?, row.text("operation")?, row.text("side")?);
            let same = |check: &&mut ContractCheck| {
                (&check.interface, &check.contract, &check.consumer, &check.operation, &check.side)
                    == (&interface, &contract, &consumer, &operation, &side)
            };
            if let Some(check) = checks.iter_mut().find(same) {
                check.violations.push(violation(&row)?);
            }
        }
        Ok(checks)
    }
}

fn check(row: &Row) -> Result<ContractCheck, StoreError> {
    Ok(ContractCheck {
        interface: row.parsed("interface")?,
        contract: row.text("contract")?,
        consumer: row.text("consumer")?,
        operation: row.text("operation")?,
        side: row.text("side")?,
        mode: row.text("mode")?,
        checked: count(row, "checked")?,
        unfit: count(row, "unfit")?,
        unchecked: count(row, "unchecked")?,
        unchecked_last: row.optional_time("unchecked_at")?,
        first: Micros(row.integer("first_at")?).timestamp()?,
        last: Micros(row.integer("last_at")?).timestamp()?,
        violations: Vec::new(),
    })
}

fn violation(row: &Row) -> Result<ContractViolation, StoreError> {
    Ok(ContractViolation {
        place: row.text("place")?,
        field: row.text("field")?,
        rule: row.text("rule")?,
        count: count(row, "count")?,
        first: Micros(row.integer("first_at")?).timestamp()?,
        last: Micros(row.integer("last_at")?).timestamp()?,
        sample: row.text("sample")?,
    })
}

fn count(row: &Row, name: &'static str) -> Result<u64, StoreError> {
    Ok(u64::try_from(row.integer(name)?).unwrap_or(0))
}

fn integer(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

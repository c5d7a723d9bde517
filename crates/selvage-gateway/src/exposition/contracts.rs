//! What the threads found when they checked messages, merged: as data, and for Prometheus.

use std::collections::HashMap;
use std::fmt::Write;

use selvage_model::name::ConsumerName;

use super::{escaped, for_each_rare, head};
use crate::live::Books;
use crate::tally::{Broken, Field, Seen, Side};
use crate::traffic::{BrokenField, ContractTraffic};

/// All of it, by interface, consumer, operation and side.
pub(crate) fn contracts(books: &Books) -> Vec<ContractTraffic> {
    let mut seen: HashMap<(u32, Side), Seen> = HashMap::new();
    let mut fields: HashMap<Field, Broken> = HashMap::new();
    for_each_rare(books, |rare| {
        for (key, more) in &rare.contracts.seen {
            seen.entry(*key).or_default().add(more);
        }
        for (field, more) in &rare.contracts.fields {
            fields.entry(field.clone()).and_modify(|broken| broken.add(more)).or_insert_with(|| more.clone());
        }
    });
    let mut by_side: HashMap<(u32, Side), Vec<BrokenField>> = HashMap::new();
    for (Field { series, side, place, name, rule }, Broken { count, first, last, sample }) in fields {
        let field = BrokenField { place: place.as_str(), name, rule, count, first, last, sample };
        by_side.entry((series, side)).or_default().push(field);
    }
    let names = books.names.all_series();
    let mut rows: Vec<ContractTraffic> = seen
        .into_iter()
        .filter_map(|((series, side), Seen { checked, unfit, unchecked, .. })| {
            let name = names.get(series as usize)?.clone();
            let mut fields = by_side.remove(&(series, side)).unwrap_or_default();
            fields.sort_by(|a, b| (b.count, &a.name, a.rule).cmp(&(a.count, &b.name, b.rule)));
            let (interface, consumer, operation) = (name.interface, name.consumer, name.operation.into());
            Some(ContractTraffic {
                interface,
                consumer,
                operation,
                side: side.as_str(),
                checked,
                unfit,
                unchecked,
                fields,
            })
        })
        .collect();
    rows.sort_by(|a, b| {
        (&a.interface, &a.consumer, &a.operation, a.side).cmp(&(&b.interface, &b.consumer, &b.operation, b.side))
    });
    rows
}

/// The same for Prometheus. Fields are left out: their names come from contracts, and there may be many.
pub(super) fn write(text: &mut String, books: &Books) -> std::fmt::Result {
    head(
        text,
        "contract_messages_total",
        "counter",
        "Messages that were checked against a contract, by what was found.",
    )?;
    for row in contracts(books) {
        let ContractTraffic { interface, consumer, operation, side, checked, unfit, unchecked, .. } = row;
        let consumer = consumer.as_ref().map(ConsumerName::as_str).unwrap_or_default();
        let operation = escaped(&operation);
        let fits = checked.saturating_sub(unfit);
        for (found, count) in [("fits", fits), ("unfit", unfit), ("unchecked", unchecked)] {
            if count > 0 {
                writeln!(
                    text,
                    "selvage_gateway_contract_messages_total{{interface=\"{interface}\",consumer=\"{consumer}\",\
                     operation=\"{operation}\",side=\"{side}\",found=\"{found}\"}} {count}"
                )?;
            }
        }
    }
    Ok(())
}

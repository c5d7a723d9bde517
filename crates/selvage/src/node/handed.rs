//! Events that are handed out, held to the contract of their interface and counted by who has them: what does not fit is in
//! `selvage violations` as what came in, under the operation by which it went. It decides nothing that the interface does not say.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use jiff::Timestamp;
use selvage_delivery::{Contracts, Handed, Hands, Held, Holding};
use selvage_engine::Engine;
use selvage_gateway::{BrokenField, ContractTraffic};
use selvage_model::manifest::interface::Check;
use selvage_model::name::{ConsumerName, InterfaceRef};
use selvage_model::problem::FieldError;

/// The most places that are counted apart of one consumer's events.
const MOST_FIELDS: usize = 64;
/// Under which what is beyond that is counted.
const OTHERS: &str = "others";
const RULE: &str = "data";

/// Who has events of what, and how.
type Whose = (InterfaceRef, ConsumerName, &'static str);

/// Holds events to contracts, and counts.
#[derive(Clone)]
pub(crate) struct HandedOut {
    engine: Engine,
    counted: Arc<Mutex<HashMap<Whose, Counted>>>,
}

#[derive(Default)]
struct Counted {
    checked: u64,
    unfit: u64,
    fields: Vec<BrokenField>,
}

impl HandedOut {
    /// By the contracts that the engine has compiled.
    pub(crate) fn new(engine: Engine) -> Self {
        Self { engine, counted: Arc::default() }
    }

    /// What deliveries and pulls ask.
    pub(crate) fn holding(&self) -> Holding {
        Arc::new(self.clone())
    }

    /// What was counted since the node began, in Prometheus' text format; nothing where nothing was handed out.
    pub(crate) fn text(&self) -> String {
        exposition(&self.traffic())
    }

    /// What was counted since the node began.
    pub(crate) fn traffic(&self) -> Vec<ContractTraffic> {
        let counted = self.counted.lock().unwrap_or_else(PoisonError::into_inner);
        let rows = counted.iter().map(|((interface, consumer, operation), counted)| ContractTraffic {
            interface: interface.clone(),
            consumer: Some(consumer.clone()),
            operation: (*operation).to_owned(),
            side: "response",
            checked: counted.checked,
            unfit: counted.unfit,
            unchecked: 0,
            fields: counted.fields.clone(),
        });
        rows.collect()
    }
}

impl Contracts for HandedOut {
    fn hold(&self, handed: Handed<'_>) -> Held {
        let (check, errors, cause) = self.engine.off_contract(handed.hands.interface, handed.event);
        match check {
            Check::Off => Held::unchecked(),
            check => Held { errors, cause, refuses: check == Check::Enforce, checked: true },
        }
    }

    fn count(&self, hands: Hands<'_>, held: &Held) {
        if held.checked {
            let whose = (hands.interface.clone(), hands.consumer.clone(), hands.operation);
            let mut counted = self.counted.lock().unwrap_or_else(PoisonError::into_inner);
            counted.entry(whose).or_default().count(&held.errors, Timestamp::now().as_second());
        }
    }
}

impl Counted {
    fn count(&mut self, errors: &[FieldError], at: i64) {
        self.checked += 1;
        self.unfit += u64::from(!errors.is_empty());
        for error in errors {
            let mut name = folded(&error.pointer);
            let mut rule = RULE;
            let known = |field: &BrokenField, name: &str| field.name == name;
            if self.fields.len() >= MOST_FIELDS && !self.fields.iter().any(|field| known(field, &name)) {
                (name, rule) = (String::new(), OTHERS);
            }
            match self.fields.iter_mut().find(|field| field.name == name && field.rule == rule) {
                Some(field) => (field.count, field.last) = (field.count + 1, at),
                None => {
                    let sample = String::new();
                    self.fields.push(BrokenField { place: "body", name, rule, count: 1, first: at, last: at, sample });
                }
            }
        }
    }
}

/// Fields are left out: their names come from contracts, and there may be many.
fn exposition(rows: &[ContractTraffic]) -> String {
    let name = "selvage_events_handed_out_total";
    let mut lines: Vec<String> = Vec::new();
    for ContractTraffic { interface, consumer, operation, checked, unfit, .. } in rows {
        let consumer = consumer.as_ref().map(ConsumerName::as_str).unwrap_or_default();
        let labels = format!("interface=\"{interface}\",consumer=\"{consumer}\",operation=\"{operation}\"");
        for (found, count) in [("fits", checked.saturating_sub(*unfit)), ("unfit", *unfit)] {
            lines.push(format!("{name}{{{labels},found=\"{found}\"}} {count}\n"));
        }
    }
    if lines.is_empty() {
        return String::new();
    }
    lines.sort_unstable();
    let about =
        "Events that were handed out, by how they fit their contract; those that are kept back since they do not, too.";
    format!("# HELP {name} {about}\n# TYPE {name} counter\n{}", lines.concat())
}

/// A pointer into the data as one into the event, with `*` for each index.
fn folded(pointer: &str) -> String {
    let is_index = |token: &str| !token.is_empty() && token.bytes().all(|byte| byte.is_ascii_digit());
    let tokens = pointer.split('/').map(|token| if is_index(token) { "*" } else { token });
    format!("/data{}", tokens.collect::<Vec<_>>().join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_counted_apart_up_to_a_bound() {
        let error = |pointer: String| FieldError { pointer, detail: "is missing".to_owned() };
        let mut counted = Counted::default();
        counted.count(&[], 1);
        counted.count(&[error("/lines/3/qty".to_owned()), error("/lines/4/qty".to_owned())], 2);
        counted.count(&(0..100).map(|number| error(format!("/a{number}"))).collect::<Vec<_>>(), 3);
        assert_eq!((counted.checked, counted.unfit, counted.fields.len()), (3, 2, MOST_FIELDS + 1));
        let first = &counted.fields[0];
        assert_eq!((first.name.as_str(), first.count, first.first, first.last), ("/data/lines/*/qty", 2, 2, 2));
        assert_eq!(counted.fields.last().map(|field| (field.rule, field.count)), Some((OTHERS, 37)));
    }

    #[test]
    fn what_is_handed_out_is_told_by_what_was_found() {
        assert_eq!(exposition(&[]), "");
        let row = ContractTraffic {
            interface: "order-facts@1".parse().unwrap(),
            consumer: Some("mes-ghent".parse().unwrap()),
            operation: "subscribe".to_owned(),
            side: "response",
            checked: 7,
            unfit: 2,
            unchecked: 0,
            fields: Vec::new(),
        };
        let text = exposition(&[row]);
        let of = "selvage_events_handed_out_total{interface=\"order-facts@1\",consumer=\"mes-ghent\",operation=\"subscribe\"";
        for line in [format!("{of},found=\"fits\"}} 5\n"), format!("{of},found=\"unfit\"}} 2\n")] {
            assert!(text.contains(&line), "{line}: {text}");
        }
    }
}

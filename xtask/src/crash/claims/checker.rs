//! What has to be true once every client has its answer: one order in Odoo, one answer for all, nothing pending.
//! Pure: it is shown what was observed, so planted errors can be shown to it too.

use std::collections::BTreeMap;

use crate::crash::client::Terminal;

/// What one seed led to.
pub(super) struct Observed {
    /// Ids of the orders in Odoo that carry the origin that was sent.
    pub(super) orders: Vec<u64>,
    /// What each client got in the end.
    pub(super) terminals: Vec<Terminal>,
    /// Operations of this create that are not resolved.
    pub(super) unresolved: Vec<String>,
}

/// A broken promise.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Broken {
    /// More than one order.
    Doubled(String),
    /// No order, a client without a positive answer, or an operation without an end.
    Lost(String),
    /// Two clients were told different things.
    Differing(String),
}

/// Every broken promise in what was observed.
pub(super) fn check(observed: &Observed) -> Vec<Broken> {
    let mut broken = Vec::new();
    match observed.orders.as_slice() {
        [] => broken.push(Broken::Lost("no order is in Odoo".to_owned())),
        [_] => {}
        several => broken.push(Broken::Doubled(format!("Odoo has the orders {several:?}"))),
    }
    let mut answers: BTreeMap<String, usize> = BTreeMap::new();
    for terminal in &observed.terminals {
        match terminal {
            Terminal::Nothing(last) | Terminal::Stuck(last) => {
                broken.push(Broken::Lost(format!("a client got no answer; last: {last}")));
            }
            Terminal::Answer { status, body } => {
                if !(200..300).contains(status) {
                    broken.push(Broken::Lost(format!("a client was answered {status}: {body}")));
                }
                *answers.entry(format!("{status} {body}")).or_default() += 1;
            }
        }
    }
    if answers.len() > 1 {
        let shown = answers.iter().map(|(answer, times)| format!("{times} times {answer}"));
        broken.push(Broken::Differing(shown.collect::<Vec<_>>().join("; ")));
    }
    for operation in &observed.unresolved {
        broken.push(Broken::Lost(format!("{operation} is not resolved")));
    }
    broken.dedup();
    broken
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn answer(status: u16, id: &str) -> Terminal {
        Terminal::Answer { status, body: json!({"id": id}) }
    }

    fn kinds(orders: &[u64], terminals: &[Terminal], unresolved: &[&str]) -> String {
        let observed = Observed {
            orders: orders.to_vec(),
            terminals: terminals.to_vec(),
            unresolved: unresolved.iter().map(|&operation| operation.to_owned()).collect(),
        };
        let kind = |broken: &Broken| match broken {
            Broken::Doubled(_) => "doubled",
            Broken::Lost(_) => "lost",
            Broken::Differing(_) => "differing",
        };
        check(&observed).iter().map(kind).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn each_broken_promise_is_named() {
        let same = [answer(201, "a"), answer(201, "a")];
        assert_eq!(kinds(&[1], &same, &[]), "");
        assert_eq!(kinds(&[1, 2], &same, &[]), "doubled");
        assert_eq!(kinds(&[], &same, &[]), "lost");
        assert_eq!(kinds(&[1], &same, &["op_1"]), "lost");
        assert_eq!(kinds(&[1], &[answer(201, "a"), answer(201, "b")], &[]), "differing");
        assert_eq!(kinds(&[1], &[answer(201, "a"), answer(200, "a")], &[]), "differing");
        assert_eq!(kinds(&[1], &[answer(422, "a"), answer(422, "a")], &[]), "lost");
        assert_eq!(kinds(&[1], &[Terminal::Nothing("reset".to_owned())], &[]), "lost");
    }
}

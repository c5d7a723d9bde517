//! Whom differences concern, by operation: who would lose what, when it was last seen to use it, and where that cannot be known. It is kept
//! with the change, as it was when somebody decided.

use std::collections::BTreeMap;

use selvage_governance::compare::{Difference, Verdict};
use selvage_governance::impact::{self, Impact, Use};
use selvage_model::change::{Affected, Loss};
use selvage_model::fabric::Fabric;

use super::{Desk, DeskError, seen};

impl Desk {
    /// Who would break, by what use shows, and by what cannot be known of it.
    pub(super) async fn affected(
        &self,
        before: &Fabric,
        differences: &[Difference],
    ) -> Result<Vec<Affected>, DeskError> {
        let single = by_operation(differences);
        let [whole, parts] = seen::impacts(&self.store, before, [differences, &single]).await?;
        let losses = losses(&parts, &single);
        let shown = |it: impact::Affected| Affected {
            because: words(&it, differences),
            losses: losses.get(&(it.interface.clone(), it.consumer.clone())).cloned().unwrap_or_default(),
            consumer: it.consumer,
            interface: it.interface,
            last_used: it.last_used,
            environments: it.environments,
        };
        Ok(whole.affected.into_iter().map(shown).collect())
    }
}

/// Differences that are not safe, each of one operation: what was seen of several says nothing of one of them.
fn by_operation(differences: &[Difference]) -> Vec<Difference> {
    let of_one = |it: &Difference, operation: &String| Difference { operations: vec![operation.clone()], ..it.clone() };
    let split = |it: &Difference| match it.operations.as_slice() {
        [] | [_] => vec![it.clone()],
        several => several.iter().map(|operation| of_one(it, operation)).collect(),
    };
    differences.iter().filter(|it| it.verdict != Verdict::Safe).flat_map(split).collect()
}

type Whose = (selvage_model::name::InterfaceRef, selvage_model::name::ConsumerName);

/// What each consumer of each interface would lose, operation by operation.
fn losses(impact: &Impact, differences: &[Difference]) -> BTreeMap<Whose, Vec<Loss>> {
    let of = |it: &impact::Affected| {
        let mut found: BTreeMap<Option<String>, (Verdict, Loss)> = BTreeMap::new();
        for (difference, used) in it.meets.iter().filter_map(|(number, used)| Some((differences.get(*number)?, *used)))
        {
            let operation = difference.operations.first().cloned();
            let next = loss(difference, used);
            match found.get_mut(&operation) {
                Some((verdict, known)) => {
                    known.last_used = known.last_used.max(next.last_used);
                    known.requests = known.requests.max(next.requests);
                    known.unknown = known.unknown.take().or(next.unknown);
                    if difference.verdict > *verdict {
                        (*verdict, known.verdict, known.at) = (difference.verdict, next.verdict, next.at);
                    }
                }
                None => {
                    found.insert(operation, (difference.verdict, next));
                }
            }
        }
        found.into_values().map(|(_, loss)| loss).collect()
    };
    impact.affected.iter().map(|it| ((it.interface.clone(), it.consumer.clone()), of(it))).collect()
}

fn loss(difference: &Difference, used: Use) -> Loss {
    let (requests, unknown) = match used {
        Use::Seen { requests, .. } => (requests, None),
        Use::Unknown(unknown) => (0, Some(unknown.as_str().to_owned())),
    };
    Loss {
        operation: difference.operations.first().cloned(),
        verdict: difference.verdict.as_str().to_owned(),
        at: difference.at.clone(),
        requests,
        last_used: used.last(),
        unknown,
    }
}

/// By what a consumer would break, and how that is known: the gravest of it.
fn words(affected: &impact::Affected, differences: &[Difference]) -> String {
    let met = affected.meets.iter().filter_map(|(number, used)| Some((differences.get(*number)?, used)));
    let gravest = met.max_by_key(|(difference, _)| difference.verdict);
    let Some((difference, used)) = gravest else { return String::new() };
    let how = match used {
        Use::Seen { requests, last } => format!("{requests} requests, the last {last:.0}"),
        Use::Unknown(unknown) => unknown.as_str().to_owned(),
    };
    format!("{} ({how})", difference.at)
}

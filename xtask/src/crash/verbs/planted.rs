//! Errors planted on purpose behind a seed that went well, to show that the checker sees them.

use anyhow::{Result, ensure};

use super::checker::{Broken, Observed, check};
use super::stack::Stack;
use super::step::Script;

/// Plants each error once; says how many there were and how many were caught.
pub(super) async fn plant(stack: &mut Stack, seed: u64) -> Result<(u64, u64)> {
    let (observed, world) = stack.suffer(seed, &Script::calm(seed)).await?;
    let before = check(&observed);
    ensure!(before.is_empty(), "the seed that errors are planted behind is itself broken: {before:?}");
    let mut caught = 0;
    let mut plants = 0;
    let mut see = |observed: &Observed, kind: fn(&Broken) -> bool| {
        plants += 1;
        caught += u64::from(check(observed).iter().any(kind));
    };

    let mut lost = observed.clone();
    for confirmed in lost.confirmed.values_mut() {
        confirmed.total += 1;
    }
    see(&lost, |broken| matches!(broken, Broken::Lost(_)));

    let mut unlisted = observed.clone();
    unlisted.stuck.push("op_unheard".to_owned());
    see(&unlisted, |broken| matches!(broken, Broken::Lost(_)));

    stack.factory.double(&format!("{}0", world.origin)).await?;
    let doubled = Observed { standing: world.look(&stack.factory).await?, ..observed.clone() };
    see(&doubled, |broken| matches!(broken, Broken::Doubled(_)));

    world.slip_in(&stack.factory).await?;
    let mut slipped = Observed { standing: world.look(&stack.factory).await?, ..observed.clone() };
    slipped.standing.orders = observed.standing.orders.clone();
    see(&slipped, |broken| matches!(broken, Broken::Doubled(_)));

    let mut overtaken = observed;
    overtaken.overtaken.push("a smaller total came later".to_owned());
    see(&overtaken, |broken| matches!(broken, Broken::Reordered(_)));
    Ok((plants, caught))
}

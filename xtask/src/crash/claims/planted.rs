//! Errors planted on purpose behind a seed that went well, to show that the checker sees them: a second order made
//! directly in Odoo, a client told something else, and an order that is not there.

use anyhow::{Result, ensure};
use serde_json::json;

use super::checker::{Broken, check};
use super::stack::Stack;
use super::trouble::Trouble;
use crate::crash::client::Terminal;

/// Plants each error once; says how many there were and how many were caught.
pub(super) async fn plant(stack: &mut Stack, seed: u64) -> Result<(u64, u64)> {
    let (mut observed, _) = stack.suffer(seed, &Trouble::without_fault(seed)).await?;
    let before = check(&observed);
    ensure!(before.is_empty(), "the seed that errors are planted behind is itself broken: {before:?}");
    let mut caught = 0;

    let origin = Stack::origin(seed);
    let orders = std::mem::take(&mut observed.orders);
    caught += u64::from(check(&observed).iter().any(|broken| matches!(broken, Broken::Lost(_))));

    stack.factory.double(&origin).await?;
    observed.orders = stack.factory.orders(&origin).await?;
    caught += u64::from(check(&observed).iter().any(|broken| matches!(broken, Broken::Doubled(_))));

    observed.orders = orders;
    if let Some(Terminal::Answer { body, .. }) = observed.terminals.last_mut() {
        *body = json!({"id": "another"});
    }
    caught += u64::from(check(&observed).iter().any(|broken| matches!(broken, Broken::Differing(_))));
    Ok((3, caught))
}

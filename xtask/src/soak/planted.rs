//! Errors planted on purpose behind a soak, to show that its checks see them: a connection that nobody closes, a client that is never
//! answered, an answer that no system explains, a write without an end, an order made twice, and one that is not there.

use std::net::{Ipv4Addr, TcpListener};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use serde_json::json;

use super::client::{Client, Counts, Line, Speech};
use super::fabric::Stack;
use super::{occupied, writes};
use crate::crash::client::Write;

const SHORT: Duration = Duration::from_millis(300);
/// How long a write without an end may take to be seen: longer than its interface waits.
const SEEN_WITHIN: Duration = Duration::from_secs(15);

/// Plants each error once; says which were missed.
pub(super) async fn missed(stack: &Stack, confirmed: &[String]) -> Result<Vec<&'static str>> {
    let mut missed = Vec::new();
    let mut caught = |what: &'static str, is_caught: bool| {
        if !is_caught {
            missed.push(what);
        }
    };
    let counts = Counts::default();
    for speech in Speech::ALL {
        let path = "/pulse/v1/items/";
        let target = if speech.tls { stack.secure_target(path) } else { stack.target(path) };
        let mut client = Client::new(target).speaking(speech, &Line::new());
        client.ask(1, &counts).await;
        caught("a connection that nobody closes", counts.strange() == 0.0 && occupied(stack).await? > 0.0);
        drop(client);
        caught("a connection that is closed", until_free(stack).await?);
    }

    Client::new(stack.target("/nowhere/v1/items/")).ask(1, &counts).await;
    caught("an answer that no system explains", counts.strange() > 0.0);

    // It takes connections, and that is all it does.
    let silent = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    let mut target = stack.target("/pulse/v1/items/");
    target.address = silent.local_addr()?;
    Client::new(target).waiting(SHORT).ask(1, &counts).await;
    caught("a request that is never answered", counts.unanswered() > 0.0);

    caught("a write without an end", unended(stack).await?);
    let made = writes::made(&stack.factory).await?;
    let first = confirmed.first().context("there is no order to be made twice")?;
    let lost = [confirmed, &[format!("{}lost", writes::ORIGIN)]].concat();
    caught("an order that is not there", writes::wrong(&lost, &made) > writes::wrong(confirmed, &made));
    stack.factory.double(first).await?;
    let doubled = writes::made(&stack.factory).await?;
    caught("an order made twice", writes::wrong(confirmed, &doubled) > writes::wrong(confirmed, &made));
    Ok(missed)
}

/// Whether nothing is occupied any more, or soon.
async fn until_free(stack: &Stack) -> Result<bool> {
    let began = Instant::now();
    while occupied(stack).await? > 0.0 {
        if began.elapsed() > SEEN_WITHIN {
            return Ok(false);
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    Ok(true)
}

/// Whether a write is seen whose answer Odoo withholds.
async fn unended(stack: &Stack) -> Result<bool> {
    let hang = json!({"kind": "hang", "answer_after_ms": 30_000, "commit": "before", "model": "mrp.production", "method": "load", "times": 1});
    stack.factory.inject(&hang).await?;
    let body = json!({
        "product": "BIK-1", "quantity": {"value": "1", "unit": "1"}, "site": "ghent", "origin": "planted",
    });
    let write = Write { path: writes::PATH.to_owned(), key: "planted".to_owned(), body, ..stack.writer() };
    let sending = tokio::spawn(async move { write.until_answered(0).await });
    let began = Instant::now();
    let mut is_seen = false;
    while !is_seen && began.elapsed() < SEEN_WITHIN {
        is_seen = stack.unfinished()? > 0.0;
        tokio::time::sleep(SHORT).await;
    }
    sending.abort();
    Ok(is_seen)
}

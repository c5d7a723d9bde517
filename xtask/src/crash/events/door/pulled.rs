//! Who pulls everything that is there through the front door, and goes on behind what it is told is gone.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

use crate::http;

const PATIENCE: Duration = Duration::from_secs(30);
/// More pages than this are no stream that a scene makes.
const MOST_PAGES: usize = 10_000;

/// What was pulled, from a position to the end.
#[derive(Default)]
pub(super) struct Pulled {
    pub(super) events: BTreeSet<(usize, u64)>,
    /// The sequence of each, in order.
    pub(super) sequences: Vec<String>,
    /// The codes by which it was told that something is gone.
    pub(super) told: Vec<String>,
    /// Where to go on.
    pub(super) next: Option<String>,
}

impl Pulled {
    /// Pulls page by page until there is nothing more.
    pub(super) async fn from(address: SocketAddr, key: &str, after: Option<String>) -> Result<Self> {
        let mut pulled = Self { next: after, ..Self::default() };
        for _ in 0..MOST_PAGES {
            let after = pulled.next.as_ref().map(|after| format!("&after={after}")).unwrap_or_default();
            let path = format!("/machine-states/v1/events?limit=500{after}");
            let answer = http::get_with_key(address, &path, key, PATIENCE).await?;
            let body = answer.json()?;
            match answer.status {
                200 if !pulled.take(&body)? => return Ok(pulled),
                200 => {}
                429 | 503 => tokio::time::sleep(Duration::from_millis(100)).await,
                409 | 410 => {
                    let code = body.get("code").and_then(Value::as_str).context("a refusal without a code")?;
                    pulled.told.push(code.to_owned());
                    let Some(behind) = answer.header("link").and_then(behind) else { return Ok(pulled) };
                    pulled.next = Some(behind);
                }
                status => anyhow::bail!("who pulls is answered {status}: {body}"),
            }
        }
        anyhow::bail!("the stream has no end")
    }

    /// Whether there was something.
    fn take(&mut self, page: &Value) -> Result<bool> {
        let items = page.get("items").and_then(Value::as_array).context("a page without items")?;
        for item in items {
            let data = |name: &str| {
                item.pointer(&format!("/data/{name}")).and_then(Value::as_u64).context("an event without its data")
            };
            self.events.insert((usize::try_from(data("producer")?)?, data("number")?));
            let sequence = item.get("sequence").and_then(Value::as_str).context("an event without a sequence")?;
            self.sequences.push(sequence.to_owned());
        }
        let next = page.get("next").and_then(Value::as_str).context("a page that does not say where to go on")?;
        let is_over = items.is_empty() && page.get("next") == page.get("head");
        ensure!(is_over || self.next.as_deref() != Some(next) || items.is_empty(), "pages come again");
        self.next = Some(next.to_owned());
        Ok(!is_over)
    }
}

/// The position in a link to what comes next.
fn behind(link: &str) -> Option<String> {
    let (_, rest) = link.split_once("after=")?;
    Some(rest.split(['&', '>']).next()?.to_owned())
}
